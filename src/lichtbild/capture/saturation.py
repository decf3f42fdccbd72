# SPDX-License-Identifier: Apache-2.0
"""Saturation: the digital number at which each colour of a sensor really stops answering.

A file states one white level.  Converters, lossy compression and the sensor's own columns let the colours
pile up a few per cent below it, spread over more than a bin; taken for light, such a pile turns magenta.  So
the counts of each colour (256 bins, of at least a hundred thousand photosites) are searched near the top::

    pile  = the fullest bin of the top fifth, if it holds > 0.1 % of the photosites and > 8 times the median
            of the top quarter, and hardly anything lies beyond it
    level = where the counts, going down from it, are back at twice that median

An evenly lit white wall makes such a pile too, but light fluctuates: where neighbours of one colour differ by
more than half of what the noise model of the file expects (or, without one, of what they differ by below the
pile), it is a wall.  Without a pile the level is the stated white less a small tolerance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import RawFrame, Triple

TOLERANCE = 0.004  # of the range below the white level: clipped sensors scatter a little
_BINS = 256
_ENOUGH = 100_000  # photosites of a colour


def saturation(frame: RawFrame) -> Triple:
    """The digital numbers (R, G, B) from which on a sample counts as clipped.

    Parameters
    ----------
    frame : RawFrame
        Any kind.

    Returns
    -------
    tuple of float
        Between four fifths of the white level and the white level; one number three times for mono.
    """
    shot, noise = frame.shot, frame.shot.noise
    span = shot.white - float(shot.black.max())
    stated = float(math.ceil(shot.white - TOLERANCE * span))
    expected = [math.sqrt(noise.shot[c] + noise.read[c]) * span if noise else 0.0 for c in range(3)]
    levels = [_level(_few(_pairs(frame, c)), shot.white, stated, expected[c]) for c in range(3)]
    return levels[0], levels[1], levels[2]


def _pairs(frame: RawFrame, colour: int) -> NDArray[np.uint16]:
    """One photosite in sixteen of a colour, each with the next of its colour in the row: ``"2 n"``."""
    dn, shot = frame.dn, frame.shot
    if dn.ndim == 3 or shot.kind == "mono":
        plane = dn[..., colour] if dn.ndim == 3 else dn
        return _strided(plane, (0, 0), (4 * _fewer(plane.size), 4), 1)
    cell = shot.sites
    p, q = cell.shape
    parts, sites = [], np.argwhere(cell == colour).tolist()
    down = 4 * p * _fewer(dn.size * len(sites) // cell.size)
    for y, x in sites:
        apart = next(d for d in range(1, q + 1) if cell[y, (x + d) % q] == colour)
        parts += [_strided(dn, (y + a * p, x + a * q), (down, 4 * q), apart) for a in (0, 2)]
    return np.concatenate(parts, axis=1)


def _fewer(sites: int) -> int:
    """Of how many rows that could be asked one is enough."""
    return max(1, sites // (16 * _ENOUGH))


def _few(pairs: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return pairs[:, :: max(1, pairs.shape[1] // _ENOUGH)]


def _strided(
    plane: NDArray[np.uint16], start: tuple[int, int], step: tuple[int, int], apart: int
) -> NDArray[np.uint16]:
    wide = max(plane.shape[1] - apart, 0)
    (y, x), (down, across) = start, step
    return np.stack([plane[y::down, x:wide:across].ravel(), plane[y::down, x + apart :: across].ravel()])


def _level(pairs: NDArray[np.uint16], white: float, stated: float, expected: float) -> float:
    samples = pairs[0]
    bins = np.minimum(samples.astype(np.int64) * _BINS // max(int(white), 1), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    low = _BINS * 4 // 5
    typical = float(np.median(counts[_BINS * 3 // 4 :]))
    peak = low + int(np.argmax(counts[low:]))
    pile, beyond = counts[max(0, peak - 5) : peak + 6].sum(), counts[peak + 6 :].sum()
    if counts[peak] <= max(0.001 * samples.size, 8 * typical) or beyond > 0.1 * pile:
        return stated
    mean = pairs.mean(axis=0, dtype=np.float32) * np.float32(_BINS / white)
    piled = np.abs(mean - (peak + 0.5)) < 6
    below = (mean > _BINS // 2) & (mean < peak - 16)
    usual = expected or _scatter(pairs[:, below])
    if _scatter(pairs[:, piled]) > usual / 2 > 0:
        return stated
    while peak > low and counts[peak - 1] > 2 * typical:
        peak -= 1
    return min(stated, math.ceil(peak * white / _BINS))


def _scatter(pairs: NDArray[np.uint16]) -> float:
    """Standard deviation of a sample, from the median difference of neighbours; 0 without pairs."""
    if not pairs.size:
        return 0.0
    return float(np.median(np.abs(pairs[0].astype(np.int32) - pairs[1]))) / (0.6745 * math.sqrt(2))
