# SPDX-License-Identifier: Apache-2.0
"""A bookcase full of books."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Plane,
    Value,
    bump,
    length,
    noise,
    rectangle,
    srgb,
    step,
    three,
    turned,
)
from lichtbild.simulate.room.light import Normal, lit, scaled
from lichtbild.simulate.room.materials import plank, wood
from lichtbild.simulate.room.walls import FLOOR
from lichtbild.simulate.scene import Box, Thing, View

COVERS = (
    "7c2b28",
    "2a4a5e",
    "c58a3c",
    "3c5a40",
    "d8c7a0",
    "5a3350",
    "a8502c",
    "1f2f45",
    "8c8f72",
    "b43a3a",
    "34606a",
    "e0b45c",
    "4a3a30",
    "6d7f91",
    "913f5b",
    "c9beb0",
)
CASE: Box = (-0.3, -0.5, FLOOR + 0.012, 0.283)
BOARDS = (0.198, 0.392, 0.586, 0.752)  # y of the boards that books stand on
THICK = 0.014


def bookcase(seed: int) -> list[Thing]:
    """Case, boards and books."""
    top, left, bottom, right = CASE

    def back(view: View) -> None:
        grain = wood(view.y, view.x, seed=seed, along="y")
        light = lit(view.y, view.x, 0.0)
        near = 1 - 0.85 * step(view.x, right - 0.06, right - 0.01)  # the side keeps the lamp out
        dark = 0.30 * near
        view.lay(
            scaled(plank((0.10, 0.052, 0.026), grain), (light[0] * dark, light[1] * dark, light[2] * dark))
        )

    def boards(view: View) -> None:
        for y in BOARDS:
            if (part := view.part((y, left, y + THICK + 0.035, right))) is None:
                continue
            part.shade(1 - 0.6 * (1 - step(part.y, y + THICK, y + THICK + 0.035)) * (part.y > y + THICK))
            grain = wood(part.y, part.x, seed=seed + 2, scale=1.3)
            t = (part.y - y) * np.float32(1 / THICK)
            light = lit(
                part.y, part.x, 0.10, Normal(-0.7 * bump(t, 0.0, 0.25) + 0.6 * bump(t, 1.0, 0.25), 0.0, 0.85)
            )
            part.lay(
                scaled(plank((0.21, 0.110, 0.055), grain), light),
                part.cover(rectangle(part.y, part.x, (y, left, y + THICK, right))),
            )

    def side(view: View) -> None:
        grain = wood(view.y, view.x, seed=seed + 3, along="y", scale=1.3)
        t = (view.x - np.float32(right - 0.018)) * np.float32(1 / 0.018)
        n = Normal(0.0, 0.75 * step(t, 0.75, 1.0), 1 - 0.4 * step(t, 0.75, 1.0))
        light = lit(view.y, view.x, 0.10, n)
        view.lay(
            scaled(plank((0.22, 0.115, 0.058), grain), light),
            view.cover(rectangle(view.y, view.x, (top, right - 0.018, bottom, right))),
        )

    def shadow(view: View) -> None:
        view.shade(1 - 0.55 * (1 - step(view.x, right, right + 0.02)) * (view.x > right))

    cabinet = (BOARDS[-1] + THICK, left, bottom, right - 0.018)
    return [
        Thing((top, right, FLOOR, right + 0.03), shadow),
        Thing(CASE, back),
        *row_after_row(seed),
        Thing(CASE, boards),
        Thing(cabinet, doors(cabinet, seed)),
        Thing((top, right - 0.018, bottom, right), side),
    ]


def doors(box: Box, seed: int) -> Callable[[View], None]:
    """Two panelled doors below the books."""

    def paint(view: View) -> None:
        grain = wood(view.y, view.x, seed=seed + 6, along="y", scale=1.1)
        width = 0.150
        u = (box[3] - view.x) / width
        u = (u - np.floor(u)) * width
        v = view.y - np.float32(box[0])
        h = box[2] - box[0]
        far = np.maximum(np.abs(u - width / 2) - width / 2 + 0.022, np.abs(v - h / 2) - h / 2 + 0.018)
        bevel = bump(far, 0.0, 0.005)
        n = Normal(
            -0.5 * bevel * np.sign(v - h / 2) * (np.abs(v - h / 2) > h / 2 - 0.024),
            0.5 * bevel * np.sign(u - width / 2),
            0.9,
        )
        light = lit(view.y, view.x, 0.09, n)
        gap = 1 - 0.85 * bump(np.minimum(u, width - u), 0.0, 0.0022)
        base = plank((0.19, 0.098, 0.05), grain)
        view.lay(scaled((base[0] * gap, base[1] * gap, base[2] * gap), light))
        knob = length(v - h * 0.42, u - 0.012) - 0.005
        view.lay(
            scaled((0.5, 0.33, 0.12), lit(view.y, view.x, 0.1, Normal(-0.4, 0.6, 0.6))), view.cover(knob)
        )

    return paint


def row_after_row(seed: int) -> list[Thing]:
    """Books from the side of the case to beyond the edge of the picture, on every board."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0x626F6F6B]))
    made: list[Thing] = []
    for shelf, floor in enumerate(BOARDS):
        room = 0.194 - THICK if shelf else 0.22
        room = min(room, floor - BOARDS[shelf - 1] - THICK) if shelf else room
        x, lean_left = CASE[3] - 0.021, int(random.integers(5, 11))
        while x > -0.10:
            width, height = float(random.uniform(0.011, 0.030)), float(random.uniform(0.66, 0.93)) * room
            colour = srgb(COVERS[int(random.integers(len(COVERS)))])
            style, key, jitter = (
                int(random.integers(4)),
                int(random.integers(1 << 20)),
                float(random.uniform(0.75, 1.15)),
            )
            colour = (colour[0] * jitter, colour[1] * jitter, colour[2] * jitter)
            lean = 0.0
            lean_left -= 1
            if lean_left == 0:
                lean, lean_left = float(random.uniform(6, 10)), int(random.integers(7, 13))
                x -= height * math.sin(math.radians(lean))
            x -= width + 0.0006
            made.append(book((floor, x + width / 2), width, height, colour, style=style, lean=lean, seed=key))
            if random.random() < 0.06:
                x -= float(random.uniform(0.01, 0.03))
    return made


def book(
    foot: tuple[float, float],
    width: float,
    height: float,
    colour: Triple,
    *,
    style: int,
    lean: float,
    seed: int,
) -> Thing:
    """A spine: round, worn at its edges, with bands, a label or a title in gold."""
    y, x = foot

    def paint(view: View) -> None:
        v, u = turned(view.y, view.x, (y, x + width / 2), lean)  # about the corner it leans on
        u = u + np.float32(width / 2)
        cover = (
            np.clip(0.5 - (np.abs(u) - width / 2) * np.float32(1 / view.pixel), 0, 1)
            * np.clip(0.5 + (v + np.float32(height)) * np.float32(1 / view.pixel), 0, 1)
            * view.cover(view.y - y)
        )
        t, s = -v / height, np.clip(2 * u / width, -1, 1)
        bend = s * 0.85
        cloth = (
            1
            + 0.09 * noise(v * 900, u * 900, octaves=2, seed=seed)
            + 0.10 * noise(v * 30, u * 60, octaves=4, seed=seed + 1)
        )
        worn = 0.30 * bump(t, 1.0, 0.05) + 0.30 * bump(t, 0.0, 0.03) + 0.14 * bump(np.abs(s), 1.0, 0.25)
        worn = worn * np.clip(0.6 + 0.5 * noise(v * 160, u * 160, octaves=3, seed=seed + 2), 0, 1.5)
        skin = three((c * cloth) * (1 - 0.5 * worn) + 0.30 * worn for c in colour)
        gilt = decoration(t, s, height / width, style, seed)
        skin = three(a + (b - a) * gilt for a, b in zip(skin, (0.62, 0.43, 0.16), strict=True))
        if style == 2:
            label = (np.abs(t - 0.72) < 0.10) & (np.abs(s) < 0.88)
            skin = three(np.where(label, k * cloth, a) for a, k in zip(skin, (0.50, 0.45, 0.34), strict=True))
            skin = three(a * (1 - 0.8 * letters(t, s, seed, 0.72, 0.07)) for a in skin)
        deep = 0.40 + 0.60 * step(np.float32(y) - view.y, -0.004, 0.02) * (1 - 0.55 * step(t, 0.72, 1.05))
        gap = 1 - 0.70 * bump(np.abs(s), 1.05, 0.16)
        light = lit(view.y, view.x, 0.085, Normal(0.0, bend, np.sqrt(1 - 0.7225 * s * s)), wrap=0.15)
        k = deep * gap
        view.lay(scaled(skin, (light[0] * k, light[1] * k, light[2] * k)), cover)

    slant = height * math.sin(math.radians(lean)) + 0.001
    return Thing((y - height - 0.004, x - width / 2 - 0.002, y + 0.001, x + width / 2 + slant), paint)


def letters(t: Plane, s: Plane, seed: int, centre: float, half: float) -> Plane:
    """Something like words across a spine, 0 … 1."""
    row = (t - centre) * np.float32(9 / (half * 2))
    inside = (np.abs(t - centre) < half) & (np.abs(s) < 0.72)
    line = (row - np.floor(row) < 0.55) & inside
    strokes = noise(np.floor(row) * 7.7 + 0.5, s * 9.0, octaves=2, rough=0.8, seed=seed + 5) + 0.4 * noise(
        row * 5, s * 20, octaves=1, seed=seed + 6
    )
    return line * step(strokes, -0.25, 0.35)


def decoration(t: Plane, s: Plane, ratio: float, style: int, seed: int) -> Value:
    """Gold on a spine."""
    fine = 0.0035
    if style == 0:
        return sum((np.abs(t - k) < fine * 1.6) * 0.9 for k in (0.10, 0.115, 0.88, 0.895)) + 0.85 * letters(
            t, s, seed, 0.66, 0.09
        )
    if style == 1:
        cords = sum(bump(t, k, 0.010) for k in (0.17, 0.34, 0.51, 0.68, 0.85))
        return 0.25 * cords + 0.85 * letters(t, s, seed, 0.595, 0.05)
    if style == 2:
        return (np.abs(np.abs(t - 0.5) - 0.42) < fine) * 0.9
    along = (np.abs(s) < 0.33) & (t > 0.25) & (t < 0.80)
    strokes = noise(t * np.float32(6 * ratio), np.floor(s * 3) + 0.5, octaves=2, rough=0.8, seed=seed + 7)
    return along * step(strokes, 0.0, 0.4) * 0.75
