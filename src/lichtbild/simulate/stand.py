# SPDX-License-Identifier: Apache-2.0
"""A stand: the drawn scene in front of the lens, and where everything is for every row of every frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lichtbild.base.image import Float32, UInt8
from lichtbild.simulate.distortion import nodes, straightened
from lichtbild.simulate.handshake import RATE, Route
from lichtbild.simulate.lens import Float64, Lens
from lichtbild.simulate.motion import Timing, after, applied, at_rows, inverse, pose_at, rounded
from lichtbild.simulate.optics import NOTHING, Sight, Surface, axis_of, exposed, reach_of, to_canvas, veil_of
from lichtbild.simulate.scene import CANVAS, Canvas, Layer, Scene, draw

EDGE = 16  # px between the points of the frame's edge that say how far it sees
SPARE = 8  # px around what is seen


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """How a camera of `size` with `lens` is held for a burst of `frames`."""

    size: tuple[int, int]
    lens: Lens
    route: Route
    timing: Timing
    frames: int

    def back(self, frame: int, seconds: float) -> Float64:
        """From where a pixel looks, some seconds after the middle of `frame`, to the first frame's grid."""
        return inverse(pose_at(self.route, self.size, frame, seconds))

    def margin(self) -> tuple[int, int, int, int]:
        """Pixels that are seen beyond the grid of the first frame: above, left, below, right."""
        h, w = self.size
        y, x = (np.unique(np.append(np.arange(0, n, EDGE), n - 1)).astype(np.float64) for n in (h, w))
        rim_y = np.concatenate([np.zeros_like(x), np.full_like(x, h - 1), y, y])
        rim_x = np.concatenate([x, x, np.zeros_like(y), np.full_like(y, w - 1)])
        looks = [straightened(self.lens, rim_y, rim_x, plane=c, size=self.size) for c in range(3)]
        maps = [
            self.back(i, seconds)
            for i in range(self.frames)
            for part in self.timing.parts()
            for seconds in self.timing.moments(part)
        ]
        seen = np.array([applied(m, v, u) for m in maps for v, u in looks])
        low, high = seen.min(axis=(0, 2)), seen.max(axis=(0, 2))
        far = (-low[0], -low[1], high[0] - (h - 1), high[1] - (w - 1))
        top, left, bottom, right = (SPARE + max(0, int(np.ceil(f))) for f in far)
        return top, left, bottom, right


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """The scene as lens and filters show it, and how it is looked at."""

    canvas: Canvas
    held: Held
    sight: Sight

    def light(self, frame: int, cell: UInt8) -> Float32:
        """Light on every pixel of `frame` in the colour of its filter, ``"h w"``."""
        return self._averaged(frame, lambda surfaces: self.sight.mosaic(surfaces, cell))

    def picture(self, frame: int) -> Float32:
        """The same in all colours, ``"h w 3"``."""
        return self._averaged(frame, self.sight.picture)

    def _averaged(self, frame: int, look: Callable[[list[Surface]], Float32]) -> Float32:
        parts = self.held.timing.parts()
        total = look(self.surfaces(frame, parts[0]))
        for part in parts[1:]:
            total += look(self.surfaces(frame, part))
        if len(parts) > 1:
            total *= np.float32(1 / len(parts))
        return total

    def maps(self, frame: int, part: float = 0.0) -> list[Float64]:
        """From where a pixel of `frame` looks to the canvas, and to the pixels of each layer, ``"knots 2 3"``
        each.
        """
        return [
            self._map(None, frame, frame, part),
            *(self._map(m, frame, frame, part) for m in self.canvas.layers),
        ]

    def surfaces(self, frame: int, part: float) -> list[Surface]:
        """What a frame sees, from back to front."""
        ground, *layers = (self._rows(m) for m in self.maps(frame, part))
        return [
            Surface(self.canvas.light, NOTHING, ground),
            *(Surface(m.light, m.cover, rows) for m, rows in zip(self.canvas.layers, layers, strict=True)),
        ]

    def elsewhere(self, layer: Layer, time: int, frame: int) -> Surface:
        """A layer as it is at the time of one frame, seen from where the camera is in another."""
        return Surface(layer.light, layer.cover, self._rows(self._map(layer, time, frame, 0.0)))

    def _map(self, layer: Layer | None, time: int, frame: int, part: float) -> Float64:
        made = []
        for seconds in self.held.timing.moments(part):
            to = after(to_canvas(self.canvas.margin), self.held.back(frame, seconds))
            if layer:
                to = after(inverse(layer.motion.forth(time + seconds * RATE)), to)
            made.append(to)
        return rounded(np.array(made))

    def _rows(self, knots: Float64) -> Float64:
        if len(knots) == 1:
            return knots
        height = self.held.size[0]
        return np.ascontiguousarray(at_rows(knots, np.arange(height, dtype=np.float64), height))


def stand(scene: Scene, held: Held, matrix: Float64, *, seed: int) -> Stand:
    """Draw a scene and put it in front of the camera, whose filters are `matrix`."""
    around = held.margin()
    margin = max(around)
    drawn = draw(scene, held.size, margin, seed=seed, rim=reach_of(held.lens))
    canvas = exposed(drawn, matrix * scene.exposure, held.lens, axis_of(drawn, held.size))
    grid, step = nodes(held.lens, held.size)
    veil, flare = NOTHING, held.lens.flare
    if flare:
        top, left, bottom, right = (CANVAS * (margin - a + SPARE) for a in around)
        h, w = canvas.light.shape[1:]
        veil = veil_of(canvas.light, (top, left, h - bottom, w - right), flare)
    return Stand(canvas, held, Sight(held.size, grid, step, flare, veil))
