# SPDX-License-Identifier: Apache-2.0
"""Dead leaves: things of every size in front of one another, with the spectrum of natural pictures.

Radii have the density r^−α between two ends; with α = 3 the picture looks alike at every scale.  Leaves are
painted front to back until nothing is empty, which is exactly stationary.  Two thirds are disks, one third
pointed leaves; each has a colour of its own (luminance u^2.2, earth to foliage to sky), a gradient and fine
texture that goes below the pixel.

References
----------
[1] A. B. Lee, D. Mumford, J. Huang, "Occlusion models for natural images", IJCV 41, 2001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.simulate.brush import disk, noise, srgb, step, times
from lichtbild.simulate.scene import CANVAS, Mover, Scene, Thing, View

DEPTH = 9.0  # times over which the frame is covered
MOST = 8_000_000  # leaves


@dataclass(frozen=True, slots=True)
class Strewn:
    """How leaves are strewn: radii from `smallest` to `largest` in sensor pixels with density r^−`exponent`.

    Raises
    ------
    InputError
        A number is out of range.
    """

    smallest: float = 1.5
    largest: float = 210.0
    exponent: float = 3.0
    textured: bool = True

    def __post_init__(self) -> None:
        if not 0.25 <= self.smallest < self.largest <= 8192:
            raise InputError(
                f"leaves = {self.smallest:g} … {self.largest:g} px; allowed is 0.25 … 8192, smaller first"
            )
        if not 1.5 <= self.exponent <= 6:
            raise InputError(f"leaves: exponent = {self.exponent:g} is out of range; allowed is 1.5 … 6")


def radii(random: np.random.Generator, count: int, ends: tuple[float, float], exponent: float) -> Float64:
    """Radii with density r^−exponent between two ends, to 1/1024 so that no mathematics library decides."""
    k = 1 - exponent
    a, b = ends[0] ** k, ends[1] ** k
    u = a + random.random(count) * (b - a)
    return 1 / np.sqrt(u) if exponent == 3 else np.rint(1024 * u ** (1 / k)) / 1024


def mean_area(ends: tuple[float, float], exponent: float) -> float:
    """π times the mean of r²."""

    def moment(power: float) -> float:
        k = power + 1 - exponent
        return math.log(ends[1] / ends[0]) if abs(k) < 1e-9 else (ends[1] ** k - ends[0] ** k) / k

    return math.pi * moment(2) / moment(0)


def strew(light: Float32, random: np.random.Generator, how: Strewn = Strewn()) -> None:
    """Cover ``light: "3 h w"`` (two pixels per sensor pixel) with leaves.

    Raises
    ------
    InputError
        They would be too many.
    """
    _, h, w = light.shape
    smallest = CANVAS * how.smallest
    largest = max(min(CANVAS * how.largest, min(h, w) / 3), smallest * 1.01)
    area = mean_area((smallest, largest), how.exponent)
    count = int(DEPTH * (h + 2 * largest) * (w + 2 * largest) / area)
    if count > MOST:
        raise InputError(
            f"{count} leaves are needed to cover the picture; allowed are {MOST}",
            hint="a larger smallest radius, or a smaller picture",
        )
    leaf = np.zeros((count, 11), np.float32)
    leaf[:, 2] = radii(random, count, (smallest, largest), how.exponent)
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
    leaf[:, 9] = (0.05 + 0.6 * u[3]) * how.textured
    leaf[:, 10] = 0.3 * (random.random(count) - 0.5)
    painted = np.zeros((h, w), np.uint8)
    kernels.leaves(leaf, int(random.integers(1 << 30)), light, painted)
    light[:, painted == 0] = 0.18


def fill(light: Float32, margin: int, seed: int, how: Strewn = Strewn()) -> None:
    """Paint the whole canvas with leaves."""
    strew(light, np.random.Generator(np.random.Philox(key=[seed, 0x6C656166])), how)


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


def leaves(aspect: float, seed: int, how: Strewn = Strewn()) -> Scene:
    """The scene: leaves everywhere, strewn as `how` says, and a ball that rolls through them."""
    centre = (0.62, 0.4 * aspect)
    roll = Mover(ball(centre, 0.09, seed), velocity=(-1.5, 4.0), pivot=centre, swing=0.12, rate=1 / 9)
    return Scene((), (roll,), exposure=0.8, fill=partial(fill, how=how))
