# SPDX-License-Identifier: Apache-2.0
"""The scene: a picture with as much light in it as the world has, drawn twice as fine as the sensor.

A scene is a list of *things*.  A thing has a box and a function that paints it into a `View`; things later in
the list lie over earlier ones.  The canvas is painted in bands, several at a time, and a thing is asked for
just the part of it that a band shows: what it paints may depend on position only, so the bytes do not depend
on the bands.

Positions are in picture heights: y = 0 … 1 from top to bottom, x = 0 … width / height; the canvas goes on
beyond them by a margin, which a shaking camera sees.  Light is linear with the primaries of sRGB and has no
upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Triple
from lichtbild.quality.charts import Chart
from lichtbild.simulate.brush import Light, Plane, Value
from lichtbild.simulate.motion import Float64, after

CANVAS = 2  # canvas pixels per sensor pixel
BAND = 64  # rows painted at once
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
    phase: float = field(default=0.0)


def whole(size: tuple[int, int], margin: int) -> View:
    """An empty view of the whole canvas for a sensor of `size` (height, width)."""
    h, w = ((n + 2 * margin) * CANVAS for n in size)
    pixel = 1 / (CANVAS * size[0])
    y = ((np.arange(h) + 0.5) * pixel - margin / size[0]).astype(np.float32)
    x = ((np.arange(w) + 0.5) * pixel - margin / size[0]).astype(np.float32)
    return View(np.zeros((3, h, w), np.float32), y[:, None], x[None, :], pixel)


def paint(view: View, things: Iterable[Thing]) -> None:
    """Paint things over `view` in their order, in bands that run in parallel."""
    listed = tuple(things)

    def band(top: int) -> None:
        rows = View(view.light[:, top : top + BAND], view.y[top : top + BAND], view.x, view.pixel)
        first, last = float(rows.y[0, 0]) - view.pixel, float(rows.y[-1, 0]) + view.pixel
        for thing in listed:
            if thing.box[0] <= last and thing.box[2] >= first and (part := rows.part(thing.box)) is not None:
                thing.paint(part)

    with ThreadPoolExecutor(kernels.thread_count()) as pool:
        for _ in pool.map(band, range(0, view.light.shape[1], BAND)):
            pass


def layer_of(mover: Mover, view: View, rim: int) -> Layer:
    """Paint a moving thing alone, with `rim` pixels around it for the lens to spread it.

    Painted once over black and once over white: the difference is what shows through, hence its cover.
    """
    top, left, bottom, right = mover.thing.box
    room = rim * view.pixel
    ground = view.part((top - room, left - room, bottom + room, right + room))
    assert ground is not None
    pair = []
    for level in (0.0, 1.0):
        alone = View(np.full(ground.light.shape, level, np.float32), ground.y, ground.x, ground.pixel)
        paint(alone, [mover.thing])
        pair.append(alone.light)
    cover = np.clip(1 - (pair[1] - pair[0]), 0, 1)
    at = (int(np.searchsorted(view.y[:, 0], ground.y[0, 0])), int(np.searchsorted(view.x[0], ground.x[0, 0])))
    y0, x0 = float(view.y[0, 0]), float(view.x[0, 0])
    pivot = ((mover.pivot[0] - y0) / view.pixel, (mover.pivot[1] - x0) / view.pixel)
    speed = (mover.velocity[0] * CANVAS, mover.velocity[1] * CANVAS)
    return Layer(pair[0], cover, Motion(at, speed, pivot, mover.swing, mover.rate, mover.phase))


def draw(scene: Scene, size: tuple[int, int], margin: int, *, seed: int, rim: int = 12) -> Canvas:
    """Paint a scene for a sensor of `size` with `margin` sensor pixels around it, and `rim` canvas pixels
    around moving things.
    """
    view = whole(size, margin)
    if scene.fill:
        scene.fill(view.light, margin, seed)
    paint(view, scene.things)
    return Canvas(view.light, margin, tuple(layer_of(m, view, rim) for m in scene.movers))
