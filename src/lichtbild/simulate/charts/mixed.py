# SPDX-License-Identifier: Apache-2.0
"""A scene of charts: 24 colour patches, a Siemens star, slanted edges and lamps, alone as things and together
as a scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import Light, disk, rectangle, srgb, step, times, turned
from lichtbild.simulate.leaves import ball, fill
from lichtbild.simulate.scene import Box, Mover, Scene, Thing, View

# Our own choice, encoded as sRGB, in four rows: skin, earth, leaves, sky; strong hues; primaries; six greys.
PATCHES = (
    "6f4d3e cb9a82 5b7a9c 566b3f 8a84b3 62c0ab",
    "dd7f2a 4659a8 c4565f 5a3a6c a1bf3d e3a62c",
    "2c3d96 42964a b2322f eccb1c bd5397 0d88a6",
    "f2f2ee c9c9c8 a0a0a0 787979 535354 313132",
)


def white(view: View) -> Light:
    """Even white light."""
    return 1.0, 1.0, 1.0


def patches(box: Box, tilt: float = 0.0, light: Callable[[View], Light] = white) -> Thing:
    """The 24 patches on a dark card, turned by `tilt` degrees about its centre."""
    top, left, bottom, right = box
    centre, h, w = ((top + bottom) / 2, (left + right) / 2), bottom - top, right - left
    reach = math.sqrt(h * h + w * w) / 2

    def paint(view: View) -> None:
        v, u = turned(view.y, view.x, centre, tilt)
        shine = light(view)
        view.lay(
            times(srgb("1d1c1b"), shine),
            view.cover(rectangle(v, u, (-h / 2, -w / 2, h / 2, w / 2), 0.02 * h)),
        )
        cell_h, cell_w = h * 0.94 / 4, w * 0.96 / 6
        for k in range(24):
            cy, cx = (k // 6 - 1.5) * cell_h, (k % 6 - 2.5) * cell_w
            half_h, half_w, code = 0.43 * cell_h, 0.43 * cell_w, PATCHES[k // 6].split()[k % 6]
            patch = rectangle(v, u, (cy - half_h, cx - half_w, cy + half_h, cx + half_w))
            view.lay(times(srgb(code), shine), view.cover(patch))

    y, x = centre
    return Thing((y - reach, x - reach, y + reach, x + reach), paint)


def star(
    centre: tuple[float, float], radius: float, spokes: int = 36, light: Triple = (1.0, 1.0, 1.0)
) -> Thing:
    """A Siemens star: black and white sectors down to where no camera can tell them apart.

    Drawn without an angle function: the sign of the product of distances to all spokes' edges.
    """

    def paint(view: View) -> None:
        v, u = view.y - np.float32(centre[0]), view.x - np.float32(centre[1])
        edge = np.full(np.broadcast_shapes(v.shape, u.shape), 1.0, np.float32)
        sign = np.ones_like(edge)
        for k in range(spokes):
            angle = math.pi * (k + 0.25) / spokes
            side = v * np.float32(round(math.cos(angle), 7)) - u * np.float32(round(math.sin(angle), 7))
            edge = np.minimum(edge, np.abs(side))
            sign = np.where(side < 0, -sign, sign)
        inside = view.cover(disk(view.y, view.x, centre, radius))
        view.lay(times((0.9, 0.9, 0.9), light), inside)
        view.lay(times((0.02, 0.02, 0.02), light), inside * view.cover(edge * sign))

    y, x = centre
    return Thing((y - radius, x - radius, y + radius, x + radius), paint)


def edges(box: Box, tilt: float = 5.0, light: Triple = (1.0, 1.0, 1.0)) -> Thing:
    """A dark square, slightly turned, on a light card: four slanted edges of contrast 1 : 4."""
    top, left, bottom, right = box
    centre, half = ((top + bottom) / 2, (left + right) / 2), 0.3 * (bottom - top)

    def paint(view: View) -> None:
        view.lay(times((0.6, 0.6, 0.6), light), view.cover(rectangle(view.y, view.x, box)))
        v, u = turned(view.y, view.x, centre, tilt)
        view.lay(times((0.15, 0.15, 0.15), light), view.cover(rectangle(v, u, (-half, -half, half, half))))

    return Thing(box, paint)


def lamp(centre: tuple[float, float], radius: float, level: float, colour: Triple) -> Thing:
    """A lamp `level` times as bright as white, with a faint halo."""

    def paint(view: View) -> None:
        far = disk(view.y, view.x, centre, radius)
        halo = np.clip(1 - far / np.float32(7 * radius), 0, 1)
        halo = halo * halo
        view.add(times(colour, 0.004 * level), halo * halo)
        view.lay(times(colour, level), view.cover(far))

    y, x = centre
    return Thing((y - 8 * radius, x - 8 * radius, y + 8 * radius, x + 8 * radius), paint)


def cave(box: Box) -> Thing:
    """A dark niche whose light falls by 2¹² from one end to the other."""
    _, left, _, right = box

    def paint(view: View) -> None:
        depth = 1 - step(view.x, left, right)
        d2 = depth * depth
        view.shade(0.00024 + d2 * d2 * d2 * np.ones_like(view.y) * view.cover(rectangle(view.y, view.x, box)))

    return Thing(box, paint)


def chart(aspect: float, seed: int) -> Scene:
    """The scene: all charts on a ground of dead leaves, lamps of up to 40 times white, a niche of 1/4000, a
    moving ball.
    """
    things = (
        cave((0.80, 0.05, 0.95, 0.5 * aspect)),
        patches((0.06, 0.06, 0.40, 0.06 + 0.50), tilt=2.0),
        edges((0.06, aspect - 0.46, 0.46, aspect - 0.06)),
        star((0.60, 0.30), 0.16),
        lamp((0.12, 0.5 * aspect + 0.02), 0.010, 6.0, (1.0, 0.85, 0.6)),
        lamp((0.24, 0.5 * aspect + 0.02), 0.010, 16.0, (1.0, 0.75, 0.45)),
        lamp((0.36, 0.5 * aspect + 0.02), 0.010, 40.0, (0.8, 0.9, 1.0)),
    )
    centre = (0.70, 0.62 * aspect)
    rolling = Mover(ball(centre, 0.06, seed), velocity=(2.0, -5.0), pivot=centre, swing=0.15, rate=1 / 8)
    return Scene(things, (rolling,), exposure=0.8, fill=fill)
