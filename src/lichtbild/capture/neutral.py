# SPDX-License-Identifier: Apache-2.0
"""Neutral: what the camera answers to the scene's white, as the file says it, or estimated.

Shades of grey: the 6-norm over the scene of each colour, of block means without clipped photosites.

References
----------
[1] G. D. Finlayson, E. Trezzi, "Shades of gray and colour constancy", Color and Imaging Conference 2004.
"""

from __future__ import annotations

import warnings

import numpy as np

from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import RawFrame, Triple

_STRONGEST = 8.0  # white-balance gain an estimate may ask for
_BLOCK = 16  # photosites of one colour averaged before estimating the white balance


def balance(neutral: Triple | None) -> Triple:
    """White-balance gains: 1 for the strongest channel, more for the others."""
    if neutral is None:
        return (1.0, 1.0, 1.0)
    most = max(neutral)
    return most / neutral[0], most / neutral[1], most / neutral[2]


def neutral_of(frame: RawFrame) -> Triple | None:
    """What the camera answers to white: as the file says, or estimated (`calibrate` may choose another)."""
    shot = frame.shot
    if shot.kind == "mono":
        return None
    if shot.neutral is not None:
        return shot.neutral
    warnings.warn(
        f"{shot.path.name} says nothing about white balance; estimated from the scene",
        FallbackWarning,
        stacklevel=5,
    )
    return _estimated_neutral(frame)


def _estimated_neutral(frame: RawFrame) -> Triple:
    """Shades of grey: the 6-norm over the scene of each colour, of block means without clipped photosites."""
    shot, dn = frame.shot, frame.dn
    planes = [dn] * 3 if dn.ndim == 3 else [dn[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    colours = (0, 1, 2) if dn.ndim == 3 else shot.pattern
    blacks = (
        shot.black.reshape(-1, shot.black.shape[-1])[0]
        if shot.black.ndim == 3
        else shot.black[:2, :2].ravel()
    )
    side = max(1, min(_BLOCK, *(s // 8 for s in planes[0].shape[:2])))
    means, highest = [], []
    for k, plane in enumerate(planes):
        plane = plane[..., k] if dn.ndim == 3 else plane
        rows, columns = (
            dn.shape[0] // (side * (1 if dn.ndim == 3 else 2)),
            dn.shape[1] // (side * (1 if dn.ndim == 3 else 2)),
        )
        cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
        means.append(np.maximum(cut.mean((1, 3), dtype=np.float64) - float(blacks[k]), 0))
        highest.append(cut.max((1, 3)))
    usable = np.max(highest, axis=0) < 0.98 * shot.white
    usable = usable if usable.any() else np.ones_like(usable)
    sums, counts = [0.0] * 3, [0] * 3
    for c, mean in zip(colours, means, strict=True):
        cubes = mean[usable] ** 3
        sums[c] += float((cubes * cubes).mean())
        counts[c] += 1
    norm = [max((s / n) ** (1 / 6), 1e-9) for s, n in zip(sums, counts, strict=True)]
    white = [max(v / max(norm), 1 / _STRONGEST) for v in norm]
    return white[0], white[1], white[2]
