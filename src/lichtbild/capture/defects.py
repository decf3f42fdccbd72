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
from dataclasses import dataclass

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
_NEVER = 1e30  # difference of a pair with a defect
_AT_FIRST = 1 << 16  # sites that there is room for


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
    y, x = np.divmod(_candidates(dn, nearby, slope, base), w)
    frames = [burst.frames[reference], *(f for k, f in enumerate(burst.frames) if k != reference)]
    spared = len(frames) - math.ceil(_STAYS * len(frames))  # frames in which a defect may hide
    hidden, rise, direct = np.zeros(len(y), np.intp), np.zeros(len(y)), np.zeros((4, len(y)))
    for frame in frames:
        if not len(y):
            break
        out, r, d = _standing(frame.dn, (y, x), nearby, slope, base)
        hidden, rise, direct = hidden + ~out, rise + r, direct + d
        left = hidden <= spared
        y, x, hidden, rise, direct = y[left], x[left], hidden[left], rise[left], direct[:, left]
    # what stays may come in pairs, so the middle two count; one frame alone must be sure of all four
    beside = direct.mean(0) if len(frames) == 1 else direct[1:3].mean(0)
    alone = beside * np.sign(rise) < _ALONE * abs(rise)
    return y[alone], x[alone]


def _candidates(dn: UInt16, nearby: Around, slope: float, base: float) -> NDArray[np.int64]:
    """Where photosites of a frame stand out, counted row by row."""
    sites = np.empty(_AT_FIRST, np.int64)
    while True:
        if max(nearby.same.shape[:2]) <= 2:
            count = kernels.outliers(dn, slope, base, _BUSY, sites)
        else:
            count = kernels.outliers_cell(dn, nearby.same.astype(np.int32), slope, base, _BUSY, sites)
        if count <= len(sites):
            return sites[:count]
        sites = np.empty(count, np.int64)


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


@dataclass(frozen=True, slots=True, eq=False)
class Repair:
    """How to replace some sites of a mosaic: for each the places of its pairs of neighbours, ``"pairs
    sites"``, the share of the first of two in their value, and which pairs hold no defect themselves.
    """

    at: NDArray[np.intp]
    one: NDArray[np.intp]
    other: NDArray[np.intp]
    share: Float32
    sound: NDArray[np.bool_]

    @classmethod
    def of(cls, sites: Sites, cell: UInt8, size: tuple[int, int]) -> Repair:
        """The repair of `sites` in a mosaic of `cell`."""
        y, x = sites
        h, w = size
        at = np.unique(y * w + x)
        y, x = at // w, at % w
        p, q = cell.shape
        steps = np.moveaxis(around(cell).pairs[y % p, x % q], 0, 2)  # "pairs 2 sites (y, x)"
        flat = _folded(y + steps[..., 0], h, p) * w + _folded(x + steps[..., 1], w, q)
        apart = np.sqrt((steps * steps).sum(-1)).astype(np.float32)
        near, far = apart[:, 0], apart[:, 1]
        beside = np.minimum(np.searchsorted(at, flat), max(len(at) - 1, 0))
        sound = ~(at[beside] == flat).any(1) if len(at) else np.ones((len(flat), 0), np.bool_)
        return cls(at, flat[:, 0], flat[:, 1], far / (near + far), sound)

    def mend(self, light: Float32, clipped: UInt8) -> None:
        """Replace the sites in place."""
        if not len(self.at):
            return
        flat, flags = light.reshape(-1), clipped.reshape(-1)
        a, b = flat[self.one], flat[self.other]
        differ = np.where(self.sound, np.abs(a - b), np.float32(_NEVER))
        best = np.argmin(differ, axis=0)
        pick = best, np.arange(len(self.at))
        share = self.share[pick]
        flat[self.at] = share * a[pick] + (np.float32(1) - share) * b[pick]
        flags[self.at] = flags[self.one[pick]] & flags[self.other[pick]]
