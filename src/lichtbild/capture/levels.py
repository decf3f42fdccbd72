# SPDX-License-Identifier: Apache-2.0
"""Stored pixels become a frame: one white for all colours, black from the masked border, floats as numbers.

Everything behind this takes 16-bit numbers.  Floats become numbers by ::

    DN = 1024 + 64511 · value / white / 2^k

with the least whole k that keeps the brightest value; k is added to BaselineExposure and taken out of the
noise, so that nothing but the unit of light changes.  1024 of headroom below keep noise around black.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32, RawFrame, Shot, UInt16
from lichtbild.capture.blocks import Layout

FLOOR, TOP = 1024, 65535
MOST_STOPS = 10  # EV above white that floats may reach; brighter is clipped


def frame_of(image: NDArray[Any], shot: Shot, layout: Layout) -> RawFrame:
    """The active area of a stored picture, as numbers from the shot's black to its white."""
    top, left, bottom, right = layout.active
    if layout.masked:
        shot = replace(shot, black=masked_black(image, layout, shot))
    active = image[top:bottom, left:right]
    if layout.floating:
        return _numbers(active, shot)
    if layout.whites:
        return RawFrame(_equalised(active, shot, layout.whites), replace(shot, white=max(layout.whites)))
    return RawFrame(np.ascontiguousarray(active), shot)


def masked_black(image: NDArray[Any], layout: Layout, shot: Shot) -> Float32:
    """Mean of the masked photosites for each place of the 2 × 2 cell, as the active area counts it."""
    samples = 1 if image.ndim == 2 else image.shape[2]
    sums, counts = np.zeros((2, 2, samples)), np.zeros((2, 2, 1))
    for t, l, b, r in layout.masked:
        part = image[t:b, l:r].reshape(b - t, r - l, samples)
        for i in (0, 1):
            for j in (0, 1):
                sites = part[(i + layout.active[0] - t) % 2 :: 2, (j + layout.active[1] - l) % 2 :: 2]
                sums[i, j] += sites.sum((0, 1), dtype=np.float64)
                counts[i, j] += sites.shape[0] * sites.shape[1]
    if not counts.any():
        return shot.black
    everywhere = sums.sum((0, 1)) / counts.sum()
    black = np.where(counts > 0, sums / np.maximum(counts, 1), everywhere)
    return (black[..., 0] if samples == 1 else black).astype(np.float32)


def _equalised(dn: UInt16, shot: Shot, whites: tuple[float, ...]) -> UInt16:
    """Colours that end at different whites, stretched until all end at the highest."""
    planes = shot.black if shot.black.ndim == 3 else shot.black[..., None]
    floors = np.broadcast_to(planes.mean((0, 1)), len(whites))
    out = np.empty_like(dn)
    for c, (white, floor) in enumerate(zip(whites, floors, strict=True)):
        stretch = (max(whites) - float(floor)) / max(white - float(floor), 1.0)
        table = np.clip(np.rint(float(floor) + stretch * (np.arange(TOP + 1) - float(floor))), 0, TOP)
        out[..., c] = table.astype(np.uint16)[dn[..., c]]
    return out


def _numbers(values: Float32, shot: Shot) -> RawFrame:
    white = shot.white
    finite = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0)
    highest = float(finite.max(initial=0.0, where=np.isfinite(finite))) / white
    stops = min(max(math.ceil(math.log2(highest)) if highest > 1 else 0, 0), MOST_STOPS)
    unit = (TOP - FLOOR) / white / 2.0**stops
    dn = np.clip(finite * np.float32(unit) + np.float32(FLOOR + 0.5), 0, TOP).astype(np.uint16)
    down = 2.0**-stops

    def scaled(deltas: Float32 | None) -> Float32 | None:
        return None if deltas is None else (deltas * np.float32(unit)).astype(np.float32)

    return RawFrame(
        np.ascontiguousarray(dn),
        replace(
            shot,
            black=(shot.black * np.float32(unit) + np.float32(FLOOR)).astype(np.float32),
            black_rows=scaled(shot.black_rows),
            black_columns=scaled(shot.black_columns),
            white=float(TOP),
            noise=shot.noise.scaled((down, down, down)) if shot.noise else None,
            baseline_exposure=shot.baseline_exposure + stops,
        ),
    )
