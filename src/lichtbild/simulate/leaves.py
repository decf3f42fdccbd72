# SPDX-License-Identifier: Apache-2.0
"""Dead leaves: things of every size in front of one another, with the spectrum of natural pictures.

Radii have the density r⁻³ between `SMALLEST` and `LARGEST`, so that the picture looks alike at every scale;
leaves are painted front to back until nothing is empty, which is exactly stationary.  Two thirds are disks,
one third pointed leaves; each has a colour of its own (luminance u^2.2, earth to foliage to sky), a gradient
and fine texture that goes below the pixel.

References
----------
[1] A. B. Lee, D. Mumford, J. Huang, "Occlusion models for natural images", IJCV 41, 2001.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32
from lichtbild.simulate.brush import disk, noise, srgb, step, times
from lichtbild.simulate.scene import Mover, Scene, Thing, View

SMALLEST, LARGEST = 3.0, 420.0  # radii in canvas pixels
DEPTH = 9.0  # times over which the frame is covered


def radii(random: np.random.Generator, count: int, smallest: float, largest: float) -> NDArray[np.float64]:
    """Radii with density r⁻³."""
    a, b = smallest**-2, largest**-2
    return 1 / np.sqrt(a + random.random(count) * (b - a))


def strew(light: Float32, random: np.random.Generator, *, largest: float = LARGEST) -> None:
    """Cover ``light: "3 h w"`` with leaves."""
    _, h, w = light.shape
    largest = min(largest, min(h, w) / 3)
    mean_area = 2 * math.pi * math.log(largest / SMALLEST) / (SMALLEST**-2 - largest**-2)
    count = int(DEPTH * (h + 2 * largest) * (w + 2 * largest) / mean_area)
    leaf = np.zeros((count, 11), np.float32)
    leaf[:, 2] = radii(random, count, SMALLEST, largest)
    leaf[:, 0] = random.random(count) * (h + 2 * largest) - largest
    leaf[:, 1] = random.random(count) * (w + 2 * largest) - largest
    c, s = random.standard_normal((2, count))
    size = np.sqrt(c * c + s * s)
    leaf[:, 3], leaf[:, 4] = c / size, s / size
    leaf[:, 5] = np.where(random.random(count) < 1 / 3, 0.5 + random.random(count), 0)
    u = random.random((4, count))
    luminance = 0.02 + 0.75 * u[0] * u[0] * (0.6 + 0.4 * u[0])  # close to u^2.2
    leaf[:, 6] = luminance * (1 + 0.8 * (u[1] - 0.5))
    leaf[:, 7] = luminance
    leaf[:, 8] = luminance * (1 - 0.8 * (u[1] - 0.5) + 0.5 * (u[2] - 0.5))
    leaf[:, 9] = 0.05 + 0.6 * u[3]
    leaf[:, 10] = 0.3 * (random.random(count) - 0.5)
    painted = np.zeros((h, w), np.uint8)
    kernels.leaves(leaf, int(random.integers(1 << 30)), light, painted)
    light[:, painted == 0] = 0.18


def fill(light: Float32, margin: int, seed: int) -> None:
    """Paint the whole canvas with leaves."""
    strew(light, np.random.Generator(np.random.Philox(key=[seed, 0x6C656166])))


def ball(centre: tuple[float, float], radius: float, seed: int) -> Thing:
    """A marbled ball."""

    def paint(view: View) -> None:
        v, u = view.y - np.float32(centre[0]), view.x - np.float32(centre[1])
        shade = 0.15 + 0.85 * step(-(v + 0.6 * u), -1.2 * radius, 1.1 * radius)
        vein = noise(v * (5 / radius), u * (5 / radius), octaves=6, rough=0.6, seed=seed)
        view.lay(
            times(srgb("d8653a"), shade * np.clip(0.75 + 0.3 * vein, 0.1, 2)),
            view.cover(disk(view.y, view.x, centre, radius)),
        )

    y, x = centre
    return Thing((y - radius, x - radius, y + radius, x + radius), paint)


def leaves(aspect: float, seed: int) -> Scene:
    """The scene: leaves everywhere, and a ball that rolls through them."""
    centre = (0.62, 0.4 * aspect)
    roll = Mover(ball(centre, 0.09, seed), velocity=(-1.5, 4.0), pivot=centre, swing=0.12, rate=1 / 9)
    return Scene((), (roll,), exposure=0.8, fill=fill)
