# SPDX-License-Identifier: Apache-2.0
"""A pile of books, a basket of wool in the dark, a string of little lights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Light,
    Plane,
    bump,
    capsule,
    ellipse,
    length,
    noise,
    rectangle,
    srgb,
    step,
    three,
    wave,
)
from lichtbild.simulate.room.light import Normal, lit, scaled
from lichtbild.simulate.room.shelf import letters
from lichtbild.simulate.room.walls import FLOOR
from lichtbild.simulate.scene import Box, Thing, View


def pile(x: float, y: float, seed: int) -> list[Thing]:
    """Three books lying on one another."""
    made: list[Thing] = []
    for k, (half, thick, code, shift) in enumerate(
        ((0.050, 0.0155, "34505e", 0.0), (0.044, 0.0125, "8a3a2c", 0.004), (0.040, 0.0105, "d0b070", -0.003))
    ):
        made.append(lying((y - thick, x + shift - half, y, x + shift + half), srgb(code), seed + k))
        y -= thick
    return made


def lying(box: Box, colour: Triple, seed: int) -> Thing:
    """A book on its side."""
    top, left, bottom, right = box

    def paint(view: View) -> None:
        t = (view.y - top) / (bottom - top)
        s = (view.x - left) / (right - left)
        bend = 2 * t - 1
        cloth = (
            1
            + 0.08 * noise(view.y * 900, view.x * 900, octaves=2, seed=seed)
            + 0.06 * noise(view.y * 60, view.x * 30, octaves=4, seed=seed)
        )
        gilt = letters(s, bend * 0.8, seed, 0.45, 0.16) + (np.abs(np.abs(s - 0.5) - 0.44) < 0.006)
        skin = three(
            c * cloth + (g - c) * 0.8 * np.clip(gilt, 0, 1)
            for c, g in zip(colour, (0.62, 0.43, 0.16), strict=True)
        )
        light = lit(view.y, view.x, 0.12, Normal(bend * 0.8, 0.25, 0.75), wrap=0.2)
        view.lay(scaled(skin, light), view.cover(rectangle(view.y, view.x, box, 0.003)))
        view.shade(1 - 0.5 * bump(t, 1.0, 0.16))

    return Thing(box, paint)


def basket(centre: tuple[float, float]) -> list[Thing]:
    """A wicker basket with balls of wool, under the table where hardly any light comes."""
    y, x = centre
    half, height = 0.085, 0.085

    def wicker(view: View) -> None:
        t = (view.y - np.float32(y - height)) * np.float32(1 / height)
        width = half * (1 - 0.18 * t)
        u = (view.x - np.float32(x)) / width
        far = np.maximum(np.maximum(y - height - view.y, view.y - y), (np.abs(u) - 1) * width)
        row = t * 9
        turn = np.floor(row) * 0.5
        weave = 0.45 + 0.55 * (0.5 + 0.5 * wave(row)) * (
            0.45 + 0.55 * np.abs(wave(u * (0.8 + 0.2 * u * u) * 6 + turn * 0.5))
        )
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        light = dim(view.y, view.x, Normal(0.0, u, z))
        view.lay(scaled((0.36 * weave, 0.22 * weave, 0.11 * weave), light), view.cover(far))

    wool = [
        yarn((y - height - 0.012, x + dx), r, srgb(c), 60 + k, dark=True)
        for k, (dx, r, c) in enumerate(
            ((-0.045, 0.032, "b8473a"), (0.048, 0.030, "3d6f86"), (0.0, 0.036, "d9b65a"))
        )
    ]
    return [*wool, Thing((y - height - 0.002, x - half, y + 0.002, x + half), wicker)]


def dim(y: Plane, x: Plane, n: Normal) -> Light:
    """The light under the table: what the floor sends back."""
    level = 0.0030 * (0.75 + 0.5 * n.z + 0.5 * n.y) * (1 + 6 * step(y, FLOOR - 0.02, FLOOR + 0.10))
    return 1.5 * level, 1.0 * level, 0.85 * level


def yarn(
    centre: tuple[float, float], radius: float, colour: Triple, seed: int, *, dark: bool = False
) -> Thing:
    """A ball of wool."""
    y, x = centre

    def paint(view: View) -> None:
        v, u = (view.y - np.float32(y)) / radius, (view.x - np.float32(x)) / radius
        d = length(v, u)
        fuzz = 0.025 * noise(v * 30, u * 30, octaves=3, rough=0.7, seed=seed)
        cover = np.clip(0.5 - (d + fuzz - 1) * np.float32(radius / view.pixel), 0, 1)
        z = np.sqrt(np.maximum(1 - d * d, np.float32(0)))
        patch = noise(v * 1.6, u * 1.6, octaves=2, seed=seed + 1)
        way = np.where(
            patch > 0.35,
            v + 0.5 * u + 0.3 * v * u,
            np.where(patch < -0.4, u - 0.3 * v, 0.7 * v - 0.8 * u + 0.25 * u * v),
        )
        strand = wave(way * 9)
        fibre = noise(v * 40, u * 40, octaves=3, rough=0.7, seed=seed + 2)
        tone = (0.55 + 0.45 * (0.5 + 0.5 * strand)) * (1 + 0.12 * fibre)
        n = Normal(v + 0.15 * strand, u, z)
        light = dim(view.y, view.x, n) if dark else lit(view.y, view.x, 0.42, n, wrap=0.4)
        low = 0.35 + 0.65 * step(-v, -1.0, 0.2)
        view.lay(
            scaled((colour[0] * tone * low, colour[1] * tone * low, colour[2] * tone * low), light), cover
        )

    grow = 1.08 * radius
    return Thing((y - grow, x - grow, y + grow, x + grow), paint)


def lights(points: list[tuple[float, float]]) -> list[Thing]:
    """A string of little lamps that hangs from nail to nail."""
    made: list[Thing] = []
    for start, end in pairwise(points):
        count = max(3, round((end[1] - start[1]) / 0.034))
        wire = [hanging(start, end, k / 24) for k in range(25)]
        made += [stroke(a, b) for a, b in pairwise(wire)]
        made += [bulb(hanging(start, end, (k + 0.5) / count)) for k in range(count)]
    return made


def hanging(a: tuple[float, float], b: tuple[float, float], t: float) -> tuple[float, float]:
    """A point on the wire between two nails, t = 0 … 1."""
    span = b[1] - a[1]
    return a[0] + (b[0] - a[0]) * t + 0.88 * span * t * (1 - t), a[1] + span * t


def stroke(a: tuple[float, float], b: tuple[float, float]) -> Thing:
    """A piece of wire and its shadow on the wall."""

    def paint(view: View) -> None:
        view.shade(
            1 - 0.30 * (1 - step(capsule(view.y - 0.004, view.x, a, b, (0.0008, 0.0008)), -0.001, 0.002))
        )
        view.lay((0.012, 0.014, 0.010), view.cover(capsule(view.y, view.x, a, b, (0.0009, 0.0009))))

    return Thing(
        (min(a[0], b[0]) - 0.002, min(a[1], b[1]) - 0.002, max(a[0], b[0]) + 0.008, max(a[1], b[1]) + 0.002),
        paint,
    )


def bulb(at: tuple[float, float]) -> Thing:
    """One little lamp, with its gleam on the wall."""
    y, x = at[0] + 0.007, at[1]

    def paint(view: View) -> None:
        v, u = view.y - np.float32(y), view.x - np.float32(x)
        d2 = v * v + u * u
        fade = np.clip(1 - d2 * np.float32(1 / 0.07**2), 0, 1)
        view.add((1.0, 0.58, 0.24), (0.10 / (1 + d2 * 9000) + 0.5 / (1 + d2 * 90000) ** 2) * fade)
        view.lay(
            (0.02, 0.02, 0.015),
            view.cover(rectangle(view.y, view.x, (at[0], x - 0.0013, at[0] + 0.004, x + 0.0013))),
        )
        far = ellipse(view.y, view.x, (y, x), (0.0042, 0.0027))
        heart = step(-far, 0.0, 0.0026)
        view.lay((12.0 * heart + 1.5, 7.4 * heart + 0.7, 3.2 * heart * heart + 0.2), view.cover(far))

    return Thing((y - 0.07, x - 0.07, y + 0.07, x + 0.07), paint)
