# SPDX-License-Identifier: Apache-2.0
"""Brushes: shapes as signed distances, texture as noise, colours and soft steps.

A shape is a distance in picture heights, negative inside: ``view.cover(disk(...))`` has clean edges, and a
wide `step` of the same distance is a shadow with a penumbra.  Only + − × ÷ √ touch pixels, so that the
picture is the same everywhere.

Texture is a sum of octaves of gradient noise g on the integer lattice, each twice as fine and `rough` times
as strong::

    noise(y, x) = Σₒ roughᵒ · g(2.03ᵒ · (y, x)) / normaliser          standard deviation about 1

References
----------
[1] K. Perlin, "Improving noise", ACM Trans. Graph. 21(3), 2002.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Triple

Plane = NDArray[Any]  # float32, broadcast where it can be: "h w", "h 1" or "1 w"
Value = Plane | float | np.floating[Any]
Light = tuple[Value, Value, Value]  # red, green, blue: a colour, or light on a surface


def srgb(code: str) -> Triple:
    """Linear light of a colour written as on the web, ``"c86428"``."""
    encoded = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (round(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4, 5) for v in encoded)
    return r, g, b


def three(values: Iterable[Value]) -> Light:
    """Exactly three values as a colour."""
    r, g, b = values
    return r, g, b


def times(colour: Light, factor: Value | Light) -> Light:
    """A colour in some light."""
    three = factor if isinstance(factor, tuple) else (factor,) * 3
    return colour[0] * three[0], colour[1] * three[1], colour[2] * three[2]


def blend(a: Light, b: Light, share: Value) -> Light:
    """From `a` (share 0) to `b` (share 1)."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def noise(y: Plane, x: Plane, *, octaves: int = 5, rough: float = 0.5, seed: int = 0) -> Plane:
    """Noise of unit variance at the positions `y`, `x` (broadcast); features of the first octave are about 1
    wide.
    """
    rows, columns = np.broadcast_arrays(np.asarray(y, np.float32), np.asarray(x, np.float32))
    out = np.empty(rows.shape, np.float32)
    kernels.noise(rows, columns, octaves, rough, seed & 0xFFFFFFFF, out)
    return out


def step(value: Plane, start: float, stop: float) -> Plane:
    """0 before `start`, 1 after `stop`, smooth between."""
    t = np.clip((value - np.float32(start)) * np.float32(1 / (stop - start)), 0, 1)
    return t * t * (3 - 2 * t)


def bump(value: Plane, centre: float, width: float) -> Plane:
    """1 at `centre`, falling smoothly to 0 at `width` from it."""
    t = np.clip(1 - ((value - np.float32(centre)) * np.float32(1 / width)) ** 2, 0, 1)
    return t * t


def wave(value: Plane) -> Plane:
    """Like a cosine with period 1, of parabolas: 1 at 0, −1 at ½."""
    t = value - np.floor(value)
    t = np.abs(2 * t - 1)  # 1 at 0, 0 at ½
    t = 2 * t - 1
    return t * (2 - np.abs(t))


def turned(y: Plane, x: Plane, centre: tuple[float, float], degrees: float) -> tuple[Plane, Plane]:
    """Coordinates (v, u) of an object at `centre` that is turned clockwise."""
    c, s = np.float32(math.cos(math.radians(degrees))), np.float32(math.sin(math.radians(degrees)))
    dy, dx = y - np.float32(centre[0]), x - np.float32(centre[1])
    return dy * c - dx * s, dy * s + dx * c


def length(a: Plane, b: Plane) -> Plane:
    """√(a² + b²)."""
    return np.sqrt(a * a + b * b)


def disk(y: Plane, x: Plane, centre: tuple[float, float], radius: float) -> Plane:
    """Distance to a disk."""
    return length(y - np.float32(centre[0]), x - np.float32(centre[1])) - np.float32(radius)


def ellipse(y: Plane, x: Plane, centre: tuple[float, float], radii: tuple[float, float]) -> Plane:
    """Distance (near its edge) to an ellipse with half axes `radii` (y, x)."""
    v, u = (
        (y - np.float32(centre[0])) * np.float32(1 / radii[0]),
        (x - np.float32(centre[1])) * np.float32(1 / radii[1]),
    )
    k = length(v, u)
    slope = length(v * np.float32(1 / radii[0]), u * np.float32(1 / radii[1]))
    return k * (k - 1) / np.maximum(slope, np.float32(1e-6))


def rectangle(y: Plane, x: Plane, box: tuple[float, float, float, float], corner: float = 0.0) -> Plane:
    """Distance to a rectangle (top, left, bottom, right) with round corners."""
    top, left, bottom, right = box
    v = np.abs(y - np.float32((top + bottom) / 2)) - np.float32((bottom - top) / 2 - corner)
    u = np.abs(x - np.float32((left + right) / 2)) - np.float32((right - left) / 2 - corner)
    outside = length(np.maximum(v, 0), np.maximum(u, 0))
    return outside + np.minimum(np.maximum(v, u), 0) - np.float32(corner)


def capsule(
    y: Plane, x: Plane, a: tuple[float, float], b: tuple[float, float], radii: tuple[float, float]
) -> Plane:
    """Distance to a stroke from `a` to `b` whose radius goes from the first to the second of `radii`."""
    dy, dx = b[0] - a[0], b[1] - a[1]
    v, u = y - np.float32(a[0]), x - np.float32(a[1])
    t = np.clip((v * np.float32(dy) + u * np.float32(dx)) * np.float32(1 / (dy * dy + dx * dx)), 0, 1)
    return length(v - t * np.float32(dy), u - t * np.float32(dx)) - (radii[0] + (radii[1] - radii[0]) * t)


def polygon(y: Plane, x: Plane, corners: tuple[tuple[float, float], ...]) -> Plane:
    """Distance to a convex polygon, corners (y, x) clockwise on the picture."""
    far: Plane | None = None
    for (y0, x0), (y1, x1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        size = ((y1 - y0) ** 2 + (x1 - x0) ** 2) ** 0.5
        side = (x - np.float32(x0)) * np.float32((y1 - y0) / size) - (y - np.float32(y0)) * np.float32(
            (x1 - x0) / size
        )
        far = side if far is None else np.maximum(far, side)
    assert far is not None
    return far


def joined(a: Plane, b: Plane, soft: float) -> Plane:
    """Union of two shapes that melt into one another over the length `soft`."""
    h = np.clip(0.5 + 0.5 * (b - a) * np.float32(1 / soft), 0, 1)
    return b + (a - b) * h - np.float32(soft) * h * (1 - h)
