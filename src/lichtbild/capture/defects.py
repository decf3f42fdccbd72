# SPDX-License-Identifier: Apache-2.0
"""Hot and dead photosites: found by what light cannot do, replaced along the flattest direction.

Three rules, all of which must agree:

- *It stands out*: brighter than the second brightest (or darker than the second darkest) of its eight
  neighbours of the same colour by `hot_pixels` times the noise, and by more than these differ among each
  other.
- *It stays*: it does so in nearly every frame, though the hand moved the scene between them.
- *It is alone*: a lens spreads even a star over more than one photosite, so the four direct neighbours of a
  real highlight rise with it.  Those of a defect do not.

A defect's value is that between the pair of opposite neighbours of its colour which agree best.

Which photosites are neighbours of one colour follows from the cell of the mosaic (`cell.around`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Float32, Noise, UInt8, UInt16
from lichtbild.capture.cell import DIRECT, Around, around

Sites = tuple[NDArray[np.intp], NDArray[np.intp]]  # rows, columns

_STAYS = 0.75  # of the frames
_BUSY = 1.0  # × the spread of the neighbours: in fine texture nothing is sure
_ALONE = 0.12  # rise of the direct neighbours, × the rise of the site
_SMALLEST = 12


def defects(burst: Burst, reference: int, noise: Noise, threshold: float) -> Sites:
    """Rows and columns of the defects of a mosaic or mono sensor; none where the image is too small to tell.

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
    cell = first.shot.sites
    if min(h, w) < max(_SMALLEST, 2 * max(cell.shape)):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    nearby = around(cell)
    k2 = (threshold * (1.5 if len(burst.frames) == 1 else 1.0)) ** 2
    slope = k2 * max(noise.shot) * span
    base = k2 * max(noise.read) * span**2 - slope * black + k2 / 12
    found = np.empty((h, w), np.uint8)
    if max(cell.shape) <= 2:
        kernels.outliers(dn, slope, base, _BUSY, found)
    else:
        kernels.outliers_cell(dn, nearby.same.astype(np.int32), slope, base, _BUSY, found)
    y, x = np.divmod(np.flatnonzero(found.view(np.bool_)), w)
    frames = [burst.frames[reference], *(f for k, f in enumerate(burst.frames) if k != reference)]
    spared = len(frames) - math.ceil(_STAYS * len(frames))  # frames in which a defect may hide
    hidden, rise, direct = np.zeros(len(y), np.intp), np.zeros(len(y)), np.zeros((4, len(y)))
    for frame in frames:
        out, r, d = _standing(frame.dn, (y, x), nearby, slope, base)
        hidden, rise, direct = hidden + ~out, rise + r, direct + d
        left = hidden <= spared
        y, x, hidden, rise, direct = y[left], x[left], hidden[left], rise[left], direct[:, left]
    # what stays may come in pairs, so the middle two count; one frame alone must be sure of all four
    beside = direct.mean(0) if len(frames) == 1 else direct[1:3].mean(0)
    alone = beside * np.sign(rise) < _ALONE * abs(rise)
    return y[alone], x[alone]


def _take(
    dn: UInt16, y: NDArray[np.intp], x: NDArray[np.intp], period: tuple[int, int]
) -> NDArray[np.float64]:
    y, x = _folded(y, dn.shape[0], period[0]), _folded(x, dn.shape[1], period[1])
    return dn[y, x].astype(np.float64)


def _folded(v: NDArray[np.intp], size: int, period: int) -> NDArray[np.intp]:
    """Positions beyond the edge, brought back to their colour: mirrored, or shifted by whole cells."""
    if period <= 2:
        v = abs(v)
        return np.where(v < size, v, 2 * size - 2 - v)
    low = np.where(v < 0, -(v // period) * period, 0)
    high = np.where(v >= size, ((v - size) // period + 1) * period, 0)
    return v + low - high


def _standing(
    dn: UInt16, sites: Sites, nearby: Around, slope: float, base: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether each site stands out, its rise over its colour, and the rise of its direct neighbours."""
    y, x = sites
    period = nearby.same.shape[:2]
    place = y % period[0], x % period[1]

    def take(steps: NDArray[np.intp]) -> NDArray[np.float64]:  # "sites … 2" → "… sites"
        steps = np.moveaxis(steps, 0, -2)
        return _take(dn, y + steps[..., 0], x + steps[..., 1], period)

    value = take(np.zeros((len(y), 2), np.intp))
    same = np.sort(take(nearby.same[place]), axis=0)
    up, down = value - same[6], same[1] - value
    busy = _BUSY * (same[6] - same[1])
    out = (up > busy) & (up**2 > np.maximum(slope * same[6] + base, 1))
    out |= (down > busy) & (down**2 > np.maximum(slope * same[1] + base, 1))
    there = take(np.broadcast_to(np.array(DIRECT, np.intp), (len(y), 4, 2)))
    rises = there - np.median(take(nearby.beyond[place]), axis=1)  # against their own colour, on the far side
    return out, value - same[3:5].mean(0), np.sort(rises, axis=0)


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


def repair(light: Float32, clipped: UInt8, sites: Sites, cell: UInt8) -> None:
    """Replace the sites of a mosaic of `cell` in place."""
    y, x = sites
    if not len(y):
        return
    h, w = light.shape
    bad = np.zeros((h, w), np.bool_)
    bad[y, x] = True
    best = np.full(len(y), np.inf)
    value, flag = light[y, x].copy(), clipped[y, x].copy()
    pairs = around(cell).pairs[y % cell.shape[0], x % cell.shape[1]]
    for k in range(pairs.shape[1]):
        one, two = pairs[:, k, 0], pairs[:, k, 1]
        a, b = (
            (_folded(y + s[:, 0], h, cell.shape[0]), _folded(x + s[:, 1], w, cell.shape[1]))
            for s in (one, two)
        )
        near, far = (np.sqrt((s * s).sum(1)).astype(np.float32) for s in (one, two))
        differ = np.where(bad[a] | bad[b], np.float32(1e30), np.abs(light[a] - light[b]))
        better = differ < best
        best[better] = differ[better]
        value[better] = ((far * light[a] + near * light[b]) / (near + far))[better]
        flag[better] = (clipped[a] & clipped[b])[better]
    light[y, x], clipped[y, x] = value, flag
