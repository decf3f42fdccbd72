# SPDX-License-Identifier: Apache-2.0
"""Where dots are, per colour, to a few hundredths of a pixel; and the lens that put them there.

A dot's place is the centroid of ``1 − value / ground`` in a circle around it (of ``value − ground``, if it is
brighter).  The ground is a plane fitted to a ring outside of the dot, so that uneven light pulls at nothing.
The circle is moved onto the centroid until it stays.

The lens is a homography from the grid (how the chart was held) and, after it, Brown's radial polynomial
around the middle of the picture, r = 1 in the corner::

    p' = c + (p − c) · (1 + k₁ r² + k₂ r⁴ + k₃ r⁶),      p = homography of the grid

It is what WarpRectilinear of a DNG says.  Both are fitted together: a homography fitted first would take a
part of the distortion for itself.

References
----------
[1] D. C. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32(3), 1966.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.base.minimise import least_squares
from lichtbild.quality.finding.mapping import homography

FEWEST = 20  # dots
_ROUNDS = 4
_CIRCLES = (0.25, 0.35, 0.5)  # of the pitch: radii of the first circle that are tried
_CLEAN = 0.2  # of a dot's depth that the ring around it may be uneven by
_FAINT = 0.1  # depth of a dot
_REJECTIONS = 4
_MOST = 0.7  # of the dots must fit
_LARGEST = 4.0  # residual of the lens, % of the corner distance, at which the grid is not believed


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """A camera's place and radial distortion.

    Attributes
    ----------
    k : tuple of float
        k₁, k₂, k₃.
    ideal : Float64 "n 2"
        Where the grid's dots would be without distortion, y and x in px.
    centre : Float64 "2"
        Middle of the picture, px.
    corner : float
        Distance of the corner from it, px.
    residual : float
        Root mean square distance of the dots from the model, px.
    good : Bool "n"
        The dots that it is of; others lie far off.
    spread : Float64 "3 3"
        Covariance of k, from the residual.
    """

    k: tuple[float, float, float]
    ideal: Float64
    centre: Float64
    corner: float
    residual: float
    good: NDArray[np.bool_]
    spread: Float64

    def doubt(self, r: float) -> float:
        """Standard deviation of `stretch`."""
        power = np.array([r**2, r**4, r**6])
        return float(np.sqrt(max(power @ self.spread @ power, 0)))

    def stretch(self, r: Float64) -> Float64:
        """Factor p' / p at an ideal distance r from the centre (1 is the corner)."""
        q = r * r
        return 1 + q * (self.k[0] + q * (self.k[1] + q * self.k[2]))


def pitch(places: Float64, grid: tuple[int, int]) -> float:
    """Median distance of neighbours along the rows of a grid, px."""
    rows = places.reshape(*grid, 2)
    return float(np.median(np.hypot(*np.diff(rows, axis=1).transpose(2, 0, 1))))


def centroids(plane: Float32, places: Float64, apart: float) -> Float64:
    """Places of dots, ``"n 2"``, NaN where there is none.

    Parameters
    ----------
    plane : Float32 "h w"
        Linear light.
    places : Float64 "n 2"
        y and x to a quarter of the distance between dots.
    apart : float
        That distance, px.
    """
    found = np.full(places.shape, np.nan)
    for k, place in enumerate(places):
        for wide in _CIRCLES:
            seen = _settled(plane, (float(place[0]), float(place[1])), wide * apart)
            if seen is not None and np.hypot(seen[0] - place[0], seen[1] - place[1]) < wide * apart:
                found[k] = seen
                break
    return found


def _settled(plane: Float32, centre: tuple[float, float], radius: float) -> tuple[float, float] | None:
    """Where a circle stays that follows its centroid."""
    widest, uneven = radius, 1.0
    for _ in range(_ROUNDS):
        border = min(*centre, plane.shape[0] - 1 - centre[0], plane.shape[1] - 1 - centre[1]) - 0.5
        seen = _centroid(plane, centre, min(radius, border)) if border > 0.4 * widest else None
        if seen is None:
            return None
        moved = np.hypot(seen[0] - centre[0], seen[1] - centre[1])
        if widest < 1.4 * seen[2] + 2:  # the dot would reach into the ring
            return None
        centre, radius, uneven = seen[:2], min(widest, 1.6 * seen[2] + 3), seen[3]
        if moved < 1e-3:
            break
    return centre if uneven < _CLEAN else None


def _centroid(
    plane: Float32, centre: tuple[float, float], radius: float
) -> tuple[float, float, float, float] | None:
    """Centroid and radius of the dot in a circle, and how uneven the ground is, as a share of its depth; None
    if the picture ends there or there is no dot.
    """
    (cy, cx), n = centre, int(np.ceil(radius))
    top, left = int(np.rint(cy)) - n, int(np.rint(cx)) - n
    h, w = plane.shape
    if top < 0 or left < 0 or top + 2 * n + 1 > h or left + 2 * n + 1 > w:
        return None
    part = plane[top : top + 2 * n + 1, left : left + 2 * n + 1].astype(np.float64)
    y, x = np.arange(2 * n + 1)[:, None] + top - cy, np.arange(2 * n + 1)[None] + left - cx
    r = np.hypot(y, x)
    ring = (r > 0.8 * radius) & (r <= radius)
    yy, xx = (np.broadcast_to(a, r.shape) for a in (y, x))
    rows = np.stack([np.ones(int(ring.sum())), yy[ring], xx[ring]])
    ground = np.linalg.lstsq(rows @ rows.T, rows @ part[ring], rcond=None)[0]
    level = ground[0] + ground[1] * y + ground[2] * x
    depth = part - level
    if depth[r <= 0.3 * radius].mean() < 0:  # ink takes a share of the light, a lamp adds to it
        if not level.min() > 0:
            return None
        depth, scale = depth / level, float(level.mean())
    else:
        scale = float(np.abs(part).max())
        depth = depth / scale
    # a soft rim, lest pixels come and go as the circle moves
    depth = depth * np.clip(radius - r + 0.5, 0, 1)
    total = float(depth.sum())
    peak = np.quantile(np.abs(depth), 1 - 4 / depth.size)
    if peak < _FAINT or abs(total) < peak:
        return None
    uneven = float(np.std((part - level)[ring])) / (peak * scale)
    size = float(np.sqrt(abs(total) / peak / np.pi))
    return cy + float((depth * y).sum()) / total, cx + float((depth * x).sum()) / total, size, uneven


def lens_of(places: Float64, grid: Float64, size: tuple[int, int]) -> Lens:
    """The camera's place and lens from dots at ``places "n 2"`` of a regular ``grid "n 2"``.

    Raises
    ------
    InputError
        The dots do not lie on that grid, seen through any lens.
    """
    h, w = size
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    corner = float(np.hypot(h, w) / 2)
    seen = (places - centre) / corner
    even = (grid - grid.mean(axis=0)) / np.abs(grid - grid.mean(axis=0)).max()
    near = np.argsort(np.hypot(*(seen - np.median(seen, axis=0)).T))[: max(12, len(seen) // 3)]
    start = np.concatenate([homography(even[near], seen[near]).ravel()[:8], np.zeros(3)])

    solved = start
    good, miss = np.ones(len(seen), bool), np.zeros(len(seen))
    for _ in range(_REJECTIONS):
        solved = least_squares(lambda x, k=good: (_lens(x, even[k])[1] - seen[k]).ravel(), solved)
        miss = np.hypot(*(_lens(solved, even)[1] - seen).T)
        kept = miss < max(5 * float(np.median(miss[good])), 1e-4)
        if (kept == good).all() or kept.sum() < FEWEST:
            break
        good = kept
    ideal, _ = _lens(solved, even)
    residual = float(np.sqrt(np.mean(miss[good] ** 2))) * corner
    if not residual < _LARGEST / 100 * corner or good.mean() < _MOST:
        raise InputError(
            f"the dots miss a grid of this kind by {residual:.1f} px",
            hint="check the number of rows and columns, and that the whole grid is in the picture",
        )
    k = (float(solved[8]), float(solved[9]), float(solved[10]))
    spread = _spread(solved, even[good], residual / corner)
    return Lens(k, ideal * corner + centre, centre, corner, residual, good, spread)


def _spread(solved: Float64, grid: Float64, residual: float) -> Float64:
    """Covariance of the distortion's coefficients; `residual` has two coordinates."""
    step = 1e-6
    moves = step * np.eye(11)
    columns = [_lens(solved + move, grid)[1] - _lens(solved - move, grid)[1] for move in moves]
    slope = np.stack(columns).reshape(11, -1) / (2 * step)
    free = max(slope.shape[1] - 11, 1)
    variance = 0.5 * residual**2 * slope.shape[1] / free
    return variance * np.linalg.pinv(slope @ slope.T, rcond=1e-14, hermitian=True)[8:, 8:]


def _lens(guess: Float64, grid: Float64) -> tuple[Float64, Float64]:
    """Where the model puts the grid, without and with distortion, in corner distances from the centre."""
    matrix = np.append(guess[:8], 1.0).reshape(3, 3)
    ideal = np.column_stack([grid, np.ones(len(grid))]) @ matrix.T
    ideal = ideal[:, :2] / ideal[:, 2:]
    q = np.sum(ideal**2, axis=1, keepdims=True)
    return ideal, ideal * (1 + q * (guess[8] + q * (guess[9] + q * guess[10])))
