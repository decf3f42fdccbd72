# SPDX-License-Identifier: Apache-2.0
"""Hot and dead photosites: found by what light cannot do, replaced along the flattest direction.

Three rules, all of which must agree:

- *It stands out*: brighter than the second brightest (or darker than the second darkest) of its eight
  neighbours of the same colour by `hot_pixels` times the noise, and by more than these differ among each
  other.
- *It stays*: it does so in nearly every frame, though the hand moved the scene between them.
- *It is alone*: a lens spreads even a star over more than one photosite, so the four direct neighbours of a
  real highlight rise with it.  Those of a defect do not.

A defect's value is the mean of that pair of opposite neighbours of its colour which agree best.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Float32, Noise, UInt8, UInt16

Sites = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows, columns

_STAYS = 0.75  # of the frames
_BUSY = 1.0  # × the spread of the neighbours: in fine texture nothing is sure
_ALONE = 0.12  # rise of the direct neighbours, × the rise of the site
_SAME = ((-2, -2), (-2, 0), (-2, 2), (0, -2), (0, 2), (2, -2), (2, 0), (2, 2))
_PAIRS = ((0, 2), (2, 0), (2, 2), (2, -2))


def defects(burst: Burst, reference: int, noise: Noise, threshold: float) -> Sites:
    """Rows and columns of the defects of a Bayer or mono sensor; none where the image is too small to tell.

    Parameters
    ----------
    noise : Noise
        Of the raw values.
    threshold : float
        How many standard deviations a site must stand out; a lone frame needs 1.5 times as many.
    """
    first = burst.frames[reference]
    dn, span, black = (
        first.dn,
        first.shot.white - float(first.shot.black.max()),
        float(first.shot.black.mean()),
    )
    h, w = dn.shape[:2]
    if min(h, w) < 12:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    k2 = (threshold * (1.5 if len(burst.frames) == 1 else 1.0)) ** 2
    slope = k2 * max(noise.shot) * span
    base = k2 * max(noise.read) * span**2 - slope * black + k2 / 12
    found = np.empty((h, w), np.uint8)
    kernels.outliers(dn, slope, base, found)
    y, x = np.divmod(np.flatnonzero(found.view(np.bool_)), w)
    stays, rise, around = np.zeros(len(y)), np.zeros(len(y)), np.zeros((4, len(y)))
    for frame in burst.frames:
        out, r, a = _standing(frame.dn, y, x, slope, base)
        stays += out
        rise += r
        around += a
    # what stays may come in pairs, so the middle two count; one frame alone must be sure of all four
    beside = around.mean(0) if len(burst.frames) == 1 else around[1:3].mean(0)
    keep = (stays >= math.ceil(_STAYS * len(burst.frames))) & (beside * np.sign(rise) < _ALONE * abs(rise))
    return y[keep], x[keep]


def _take(dn: UInt16, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float64]:
    h, w = dn.shape
    y, x = abs(y), abs(x)  # mirrored at the edges
    return dn[np.where(y < h, y, 2 * h - 2 - y), np.where(x < w, x, 2 * w - 2 - x)].astype(np.float64)


def _standing(
    dn: UInt16, y: NDArray[np.intp], x: NDArray[np.intp], slope: float, base: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether each site stands out, its rise over its colour, and the rise of its direct neighbours."""
    value = _take(dn, y, x)
    same = np.sort([_take(dn, y + dy, x + dx) for dy, dx in _SAME], axis=0)
    up, down = value - same[6], same[1] - value
    busy = _BUSY * (same[6] - same[1])
    out = (up > busy) & (up**2 > np.maximum(slope * same[6] + base, 1))
    out |= (down > busy) & (down**2 > np.maximum(slope * same[1] + base, 1))
    around = []
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):  # against their own colour, on the far side of the site
        far = [
            _take(dn, y + 3 * dy, x + 3 * dx),
            _take(dn, y + dy + 2 * dx, x + dx + 2 * dy),
            _take(dn, y + dy - 2 * dx, x + dx - 2 * dy),
        ]
        around.append(_take(dn, y + dy, x + dx) - np.median(far, axis=0))
    return out, value - same[3:5].mean(0), np.sort(around, axis=0)


def listed(values: dict[str, object], size: tuple[int, int]) -> Sites:
    """The sites of a FixBadPixelsList opcode."""
    h, w = size
    rows = [np.asarray(values["points"], np.intp).reshape(-1, 2)]
    for top, left, bottom, right in np.asarray(values["boxes"], np.intp).reshape(-1, 4):
        if 0 <= top < bottom <= h and 0 <= left < right <= w:
            inside = np.argwhere(np.ones((bottom - top, right - left), np.bool_))
            rows.append(inside + np.array((top, left), np.intp))
    points = np.concatenate(rows)
    points = points[(points[:, 0] < h) & (points[:, 1] < w)]
    return points[:, 0], points[:, 1]


def repair(light: Float32, clipped: UInt8, sites: Sites, green: tuple[bool, bool, bool, bool]) -> None:
    """Replace the sites in place.

    `green` says which places of the 2 × 2 cell have neighbours of their own colour diagonally.
    """
    y, x = sites
    if not len(y):
        return
    h, w = light.shape
    bad = np.zeros((h, w), np.bool_)
    bad[y, x] = True
    best = np.full(len(y), np.inf)
    value, flag = light[y, x].copy(), clipped[y, x].copy()
    diagonal = np.array(green)[2 * (y % 2) + x % 2]
    for dy, dx in (*_PAIRS, (1, 1), (1, -1)):
        (ya, xa), (yb, xb) = (_mirrored(y + s * dy, x + s * dx, h, w) for s in (1, -1))
        a, b = light[ya, xa], light[yb, xb]
        differ = np.where(bad[ya, xa] | bad[yb, xb], np.float32(1e30), np.abs(a - b))
        better = (differ < best) & (diagonal | (abs(dy * dx) != 1))
        best[better], value[better] = differ[better], (0.5 * (a + b))[better]
        flag[better] = (clipped[ya, xa] & clipped[yb, xb])[better]
    light[y, x], clipped[y, x] = value, flag


def _mirrored(y: NDArray[np.intp], x: NDArray[np.intp], h: int, w: int) -> Sites:
    y, x = abs(y), abs(x)
    return np.where(y < h, y, 2 * h - 2 - y), np.where(x < w, x, 2 * w - 2 - x)
