# SPDX-License-Identifier: Apache-2.0
"""Exact shapes: what share of a square pixel lies in a convex polygon or a disk seen in perspective.

A half plane with unit normal (a, b) at the distance t from the centre of a unit square covers::

    (q(s + m) - q(s + d) - q(s - d) + q(s - m)) / (2·a·b),   q(x) = max(x, 0)²,  s = -t,
    m = (a + b)/2,  d = (a - b)/2

Slanted edges made so have the MTF sinc(f·a)·sinc(f·b) of a pixel, to rounding.  Near a corner of a polygon
the covers of its sides are multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lichtbild.quality.charts import Box
from lichtbild.quality.leaves import inverse
from lichtbild.simulate.brush import Light, Plane
from lichtbild.simulate.scene import Thing, View

Float64 = NDArray[np.float64]
Corner = tuple[float, float]
STRAIGHT = 1e-3  # of a side this parallel to the pixels, a pixel sees a straight piece
UPRIGHT = 1e-9  # a side this parallel is so over any picture


def corners(m: Float64, places: Sequence[Corner]) -> tuple[Corner, ...]:
    """Chart positions in the scene."""
    rows = m.tolist()
    seen = [[r[0] * v + r[1] * u + r[2] for r in rows] for v, u in places]
    return tuple((y / w, x / w) for y, x, w in seen)


def box_corners(box: Box) -> tuple[Corner, ...]:
    """Corners of a box, clockwise from the top left."""
    top, left, bottom, right = box
    return (top, left), (top, right), (bottom, right), (bottom, left)


def half_plane(t: Plane, a: float, b: float) -> Plane:
    """Share of unit squares in a half plane; `t` is the distance of their centres beyond its border."""
    a, b = abs(a), abs(b)
    if min(a, b) < STRAIGHT:
        return np.clip(0.5 - t, 0, 1)
    s, m, d = -np.clip(t, -1, 1), (a + b) / 2, (a - b) / 2
    parts = [np.maximum(s + k, 0) for k in (m, d, -d, -m)]
    return (parts[0] ** 2 - parts[1] ** 2 - parts[2] ** 2 + parts[3] ** 2) * (0.5 / (a * b))


def polygon_cover(view: View, places: Sequence[Corner]) -> Plane:
    """Share of each pixel in a convex polygon, corners (y, x) clockwise on the picture."""
    cover: Plane = np.ones((1, 1))
    y, x = view.y.astype(np.float64), view.x.astype(np.float64)
    for (y0, x0), (y1, x1) in zip(places, (*places[1:], places[0]), strict=True):
        size = ((y1 - y0) ** 2 + (x1 - x0) ** 2) ** 0.5 * view.pixel
        a, b = (x0 - x1) / size, (y1 - y0) / size
        down, across = (y - y0) * a, (x - x0) * b
        if abs(a) * view.pixel < UPRIGHT:  # a row or a column says it all
            far = across
        elif abs(b) * view.pixel < UPRIGHT:
            far = down
        else:
            far = down + across
        cover = cover * half_plane(far, a * view.pixel, b * view.pixel)
    return cover.astype(np.float32)


def polygon(m: Float64, places: Sequence[Corner], light: Light) -> Thing:
    """A convex polygon given in chart positions, clockwise, in one colour."""
    seen = corners(m, places)
    return Thing(bounds(seen), lambda view: view.lay(light, polygon_cover(view, seen)))


def rectangle(m: Float64, box: Box, light: Light) -> Thing:
    """A box of the chart in one colour."""
    return polygon(m, box_corners(box), light)


def disk(m: Float64, centre: Corner, radius: float, light: Light) -> Thing:
    """A disk of the chart in one colour: the distance to its border by the slope of the map."""
    v0, u0 = centre
    box = (v0 - radius, u0 - radius, v0 + radius, u0 + radius)

    def paint(view: View) -> None:
        v, u, jacobian = chart_positions(view, m)
        dv, du = v - v0, u - u0
        far = np.sqrt(dv * dv + du * du)
        down = (jacobian[0] * dv + jacobian[2] * du) / np.maximum(far, 1e-12)
        across = (jacobian[1] * dv + jacobian[3] * du) / np.maximum(far, 1e-12)
        slope = np.sqrt(down * down + across * across) * view.pixel
        view.lay(light, np.clip(0.5 - (far - radius) / np.maximum(slope, 1e-12), 0, 1).astype(np.float32))

    return Thing(bounds(corners(m, box_corners(box))), paint)


def chart_positions(view: View, m: Float64) -> tuple[Plane, Plane, tuple[Plane, Plane, Plane, Plane]]:
    """Chart position (v, u) of every pixel, and ∂v/∂y, ∂v/∂x, ∂u/∂y, ∂u/∂x there."""
    k = inverse(m).tolist()
    y, x = view.y.astype(np.float64), view.x.astype(np.float64)
    w = y * k[2][0] + x * k[2][1] + k[2][2]
    v, u = (y * k[0][0] + x * k[0][1] + k[0][2]) / w, (y * k[1][0] + x * k[1][1] + k[1][2]) / w
    slopes = ((k[row][j] - at * k[2][j]) / w for row, at in ((0, v), (1, u)) for j in (0, 1))
    a, b, c, d = slopes
    return v, u, (a, b, c, d)


def bounds(places: Sequence[Corner]) -> Box:
    """The box around positions."""
    y, x = zip(*places, strict=True)
    return min(y), min(x), max(y), max(x)
