# SPDX-License-Identifier: Apache-2.0
"""The scene: a picture with as much light in it as the world has, drawn twice as fine as the sensor.

A scene is a list of *things*.  A thing has a box and a function that paints it into a `View`; things later in
the list lie over earlier ones.  The canvas is painted in tiles that fit a processor's cache, several at a
time, and a thing is asked for just the part of it that a tile shows: what it paints may depend on position
only.

Positions are in picture heights: y = 0 … 1 from top to bottom, x = 0 … width / height; the canvas goes on
beyond them by a margin, which a shaking camera sees.  Light is linear with the primaries of sRGB and has no
upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Triple
from lichtbild.quality.charts import Chart
from lichtbild.simulate.brush import Light, Plane, Value
from lichtbild.simulate.motion import Float64, after

CANVAS = 2  # canvas pixels per sensor pixel
TILE = (128, 1024)  # canvas pixels painted at once
Box = tuple[float, float, float, float]  # top, left, bottom, right


@dataclass(slots=True, eq=False)
class View:
    """A part of the canvas: ``light: Float32 "3 h w"`` is painted in place, ``y "h 1"`` and ``x "1 w"`` are
    positions.
    """

    light: Float32
    y: Plane
    x: Plane
    pixel: float  # size of a canvas pixel

    def part(self, box: Box) -> View | None:
        """The part of this view inside `box`; None where they do not meet."""
        top, left, bottom, right = box
        j0, j1 = np.searchsorted(self.y[:, 0], (top - self.pixel, bottom + self.pixel))
        i0, i1 = np.searchsorted(self.x[0], (left - self.pixel, right + self.pixel))
        if j0 >= j1 or i0 >= i1:
            return None
        return View(self.light[:, j0:j1, i0:i1], self.y[j0:j1], self.x[:, i0:i1], self.pixel)

    def cover(self, distance: Plane) -> Plane:
        """Share of each pixel inside a shape, from its signed distance (negative inside)."""
        return np.clip(np.float32(0.5) - distance * np.float32(1 / self.pixel), 0, 1)

    def lay(self, light: Light, cover: Value = 1.0) -> None:
        """Paint `light` (three planes, or one colour) over what is there, to the degree `cover`."""
        shape = self.light.shape[1:]
        kernels.lay(*(np.broadcast_to(np.asarray(v, np.float32), shape) for v in (*light, cover)), self.light)

    def shade(self, share: Light | Value) -> None:
        """Multiply what is there: three factors, one plane, or a number."""
        three = share if isinstance(share, tuple) else (share,) * 3
        for c in range(3):
            self.light[c] *= three[c]

    def add(self, light: Light, amount: Value = 1.0) -> None:
        """Add `light` times `amount`: glow, reflections, haze."""
        for c in range(3):
            self.light[c] += light[c] * amount


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to paint: ``paint(view)`` is called with views inside ``box``."""

    box: Box
    paint: Callable[[View], None]


@dataclass(frozen=True, slots=True)
class Motion:
    """How a layer moves, in canvas pixels and frames: ``velocity`` (y, x), and a swing about ``pivot`` (y,
    x).

    The angle is ``swing · sin(2π · (rate · frame + phase))`` radians.
    """

    at: tuple[int, int]  # top left of the layer on the canvas
    velocity: tuple[float, float] = (0.0, 0.0)
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def forth(self, frame: float) -> Float64:
        """Layer pixel → canvas pixel at the time of `frame`, 2×3."""
        angle = self.swing * math.sin(2 * math.pi * (self.rate * frame + self.phase))
        c, s, (py, px) = math.cos(angle), math.sin(angle), self.pivot
        turn = np.array([[c, s, py - c * py - s * px], [-s, c, px + s * py - c * px]])
        turn[:, 2] += np.array(self.velocity) * frame
        return after(turn, np.array([[1.0, 0, self.at[0]], [0, 1.0, self.at[1]]]))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Something that moves: ``light: Float32 "3 h w"`` premultiplied with ``cover: Float32 "3 h w"``, dark at
    its edges.
    """

    light: Float32
    cover: Float32
    motion: Motion


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A painted scene: ``light: Float32 "3 h w"``, two pixels per sensor pixel and `margin` sensor pixels all
    around.
    """

    light: Float32
    margin: int
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A chart of the laboratory in a scene: ``to_scene: Float64 "3 3"`` takes homogeneous chart positions
    (v, u, 1) to scene positions (y, x, w) in picture heights.
    """

    chart: Chart
    to_scene: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What to paint, what moves (a thing, how fast it goes and how it swings), and how much light makes a
    pixel full.
    """

    things: tuple[Thing, ...]
    movers: tuple[Mover, ...] = ()
    exposure: float = 1.0  # sensor's answer to scene light 1, in the green of white
    white: Triple = (1.0, 1.0, 1.0)  # scene light the camera takes for neutral
    fill: Callable[[Float32, int, int], None] | None = (
        None  # paints the canvas before the things: (light, margin, seed)
    )
    chart: Placed | None = None  # where its chart is, for the truth


@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """A thing that moves; ``velocity`` (y, x) in sensor pixels per frame, ``pivot`` (y, x) in picture
    heights.
    """

    thing: Thing
    velocity: tuple[float, float] = (0.0, 0.0)
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    rate: float = 0.0
    phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of the canvas for a sensor of `size` (height, width) with `margin` sensor pixels around."""

    size: tuple[int, int]
    margin: int

    @property
    def shape(self) -> tuple[int, int]:
        """Canvas pixels."""
        h, w = ((n + 2 * self.margin) * CANVAS for n in self.size)
        return h, w

    @property
    def pixel(self) -> float:
        """Side of a canvas pixel in picture heights."""
        return 1 / (CANVAS * self.size[0])

    def index(self, place: float) -> float:
        """Canvas pixel, from its centre, of a position in picture heights."""
        return (place + self.margin / self.size[0]) / self.pixel - 0.5

    def view(self, top: int, left: int, bottom: int, right: int, level: float = 0.0) -> View:
        """A view of these pixels, which may lie beyond the canvas, filled with `level`."""
        y, x = (
            ((np.arange(a, b) + 0.5) * self.pixel - self.margin / self.size[0]).astype(np.float32)
            for a, b in ((top, bottom), (left, right))
        )
        shape = (3, bottom - top, right - left)
        light = np.full(shape, level, np.float32) if level else np.zeros(shape, np.float32)
        return View(light, y[:, None], x[None, :], self.pixel)

    def around(self, box: Box, rim: int) -> tuple[int, int, int, int]:
        """Top, left, bottom, right of a box with `rim` pixels around it, not farther off than the canvas is
        large.
        """
        edges = []
        for low, high, n in zip(box[:2], box[2:], self.shape, strict=True):
            first, last = self.index(low) - rim - 1, self.index(high) + rim + 1
            first = math.ceil(min(max(first, -n), 2 * n - 1))
            edges.append((first, max(math.floor(min(last, 2 * n)) + 1, first + 1)))
        (top, bottom), (left, right) = edges
        return top, left, bottom, right


def paint(view: View, things: Iterable[Thing]) -> None:
    """Paint things over `view` in their order, in tiles that run in parallel."""
    listed, (tall, wide) = tuple(things), TILE

    def tile(corner: tuple[int, int]) -> None:
        rows, columns = slice(corner[0], corner[0] + tall), slice(corner[1], corner[1] + wide)
        there = View(view.light[:, rows, columns], view.y[rows], view.x[:, columns], view.pixel)
        top, bottom = float(there.y[0, 0]) - view.pixel, float(there.y[-1, 0]) + view.pixel
        left, right = float(there.x[0, 0]) - view.pixel, float(there.x[0, -1]) + view.pixel
        for thing in listed:
            y0, x0, y1, x1 = thing.box
            if y0 <= bottom and y1 >= top and x0 <= right and x1 >= left:
                part = there.part(thing.box)
                if part is not None:
                    thing.paint(part)

    _, h, w = view.light.shape
    with ThreadPoolExecutor(kernels.thread_count()) as pool:
        for _ in pool.map(tile, product(range(0, h, tall), range(0, w, wide))):
            pass


def layer_of(mover: Mover, grid: Grid, rim: int) -> Layer:
    """Paint a moving thing alone, all of it, with `rim` pixels around it for the lens to spread it.

    Painted once over black and once over white: the difference is what shows through, hence its cover.
    """
    seen = grid.around(mover.thing.box, rim)
    black, white = (grid.view(*seen, level=level) for level in (0.0, 1.0))
    for alone in (black, white):
        paint(alone, [mover.thing])
    cover = np.clip(1 - (white.light - black.light), 0, 1)
    pivot = (grid.index(mover.pivot[0]), grid.index(mover.pivot[1]))
    speed = (mover.velocity[0] * CANVAS, mover.velocity[1] * CANVAS)
    return Layer(black.light, cover, Motion(seen[:2], speed, pivot, mover.swing, mover.rate, mover.phase))


def draw(scene: Scene, size: tuple[int, int], margin: int, *, seed: int, rim: int = 12) -> Canvas:
    """Paint a scene for a sensor of `size` with `margin` sensor pixels around it, and `rim` canvas pixels
    around moving things.
    """
    grid = Grid(size, margin)
    view = grid.view(0, 0, *grid.shape)
    if scene.fill:
        scene.fill(view.light, margin, seed)
    paint(view, scene.things)
    return Canvas(view.light, margin, tuple(layer_of(m, grid, rim) for m in scene.movers))
