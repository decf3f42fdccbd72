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
from lichtbild.capture.cell import places

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
    planes = places(frame)
    sizes = np.min([plane.shape for plane, _, _ in planes], axis=0)
    side = max(1, min(_BLOCK, *(int(s) // 8 for s in sizes)))
    rows, columns = int(sizes[0]) // side, int(sizes[1]) // side
    means, highest = [], []
    for plane, black, _ in planes:
        cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
        means.append(np.maximum(cut.mean((1, 3), dtype=np.float64) - black, 0))
        highest.append(cut.max((1, 3)))
    usable = np.max(highest, axis=0) < 0.98 * frame.shot.white
    usable = usable if usable.any() else np.ones_like(usable)
    sums, counts = [0.0] * 3, [0] * 3
    for (_, _, c), mean in zip(planes, means, strict=True):
        cubes = mean[usable] ** 3
        sums[c] += float((cubes * cubes).mean())
        counts[c] += 1
    norm = [max((s / n) ** (1 / 6), 1e-9) for s, n in zip(sums, counts, strict=True)]
    white = [max(v / max(norm), 1 / _STRONGEST) for v in norm]
    return white[0], white[1], white[2]
