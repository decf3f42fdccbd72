# SPDX-License-Identifier: Apache-2.0
"""Saturation: the digital number at which each colour of a sensor really stops answering.

A file states one white level.  Converters, lossy compression and the sensor's own columns let the colours
pile up a few per cent below it, spread over more than a bin; taken for light, such a pile turns magenta.  So
the counts of each colour (256 bins, one photosite in sixteen) are searched near the top::

    a pile = the fullest bin of the top fifth, if it holds > 0.1 % of the photosites, > 8 times the median of
    the top
             quarter, and hardly anything lies beyond it
    level  = where the counts, going down from it, are back at twice that median

Without a pile the level is the stated white less a small tolerance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import RawFrame, Triple

TOLERANCE = 0.004  # of the range below the white level: clipped sensors scatter a little
_BINS = 256


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
    shot, dn = frame.shot, frame.dn
    stated = float(math.ceil(shot.white - TOLERANCE * (shot.white - float(shot.black.max()))))
    planes: list[list[NDArray[np.uint16]]] = [[], [], []]
    if dn.ndim == 3:
        planes = [[dn[::4, ::4, c]] for c in range(3)]
    elif shot.kind == "mono":
        planes = [[dn[::4, ::4]]] * 3
    else:
        for site, colour in enumerate(shot.pattern):
            planes[colour].append(dn[site // 2 :: 8, site % 2 :: 8])
            planes[colour].append(dn[site // 2 + 4 :: 8, site % 2 + 4 :: 8])
    levels = [_level(np.concatenate([p.ravel() for p in plane]), shot.white, stated) for plane in planes]
    return levels[0], levels[1], levels[2]


def _level(samples: NDArray[np.uint16], white: float, stated: float) -> float:
    bins = np.minimum(samples.astype(np.int64) * _BINS // max(int(white), 1), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    low = _BINS * 4 // 5
    typical = float(np.median(counts[_BINS * 3 // 4 :]))
    peak = low + int(np.argmax(counts[low:]))
    pile, beyond = counts[max(0, peak - 5) : peak + 6].sum(), counts[peak + 6 :].sum()
    if counts[peak] <= max(0.001 * samples.size, 8 * typical) or beyond > 0.1 * pile:
        return stated
    while peak > low and counts[peak - 1] > 2 * typical:
        peak -= 1
    return min(stated, math.ceil(peak * white / _BINS))
