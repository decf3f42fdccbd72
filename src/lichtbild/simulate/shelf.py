# SPDX-License-Identifier: Apache-2.0
"""A bookcase full of books, a pile of them on the table, a basket of wool in the dark, and a string of little lights."""

from __future__ import annotations

import math

import numpy as np

from lichtbild.base.image import Float32, Triple
from lichtbild.simulate.brush import Value, bump, capsule, ellipse, length, noise, rectangle, srgb, step, turned, wave
from lichtbild.simulate.furniture import FLOOR, plank, wood
from lichtbild.simulate.light import Light3, Normal, lit, scaled
from lichtbild.simulate.scene import Box, Thing, View

COVERS = ("7c2b28", "2a4a5e", "c58a3c", "3c5a40", "d8c7a0", "5a3350", "a8502c", "1f2f45", "8c8f72", "b43a3a", "34606a", "e0b45c",
          "4a3a30", "6d7f91", "913f5b", "c9beb0")
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
        view.lay(scaled(plank((0.10, 0.052, 0.026), grain), (light[0] * dark, light[1] * dark, light[2] * dark)))

    def boards(view: View) -> None:
        for y in BOARDS:
            if (part := view.part((y, left, y + THICK + 0.035, right))) is None:
                continue
            part.shade(1 - 0.6 * (1 - step(part.y, y + THICK, y + THICK + 0.035)) * (part.y > y + THICK))
            grain = wood(part.y, part.x, seed=seed + 2, scale=1.3)
            t = (part.y - y) * np.float32(1 / THICK)
            light = lit(part.y, part.x, 0.10, Normal(-0.7 * bump(t, 0.0, 0.25) + 0.6 * bump(t, 1.0, 0.25), 0.0, 0.85))
            part.lay(scaled(plank((0.21, 0.110, 0.055), grain), light), part.cover(rectangle(part.y, part.x, (y, left, y + THICK, right))))

    def side(view: View) -> None:
        grain = wood(view.y, view.x, seed=seed + 3, along="y", scale=1.3)
        t = (view.x - np.float32(right - 0.018)) * np.float32(1 / 0.018)
        n = Normal(0.0, 0.75 * step(t, 0.75, 1.0), 1 - 0.4 * step(t, 0.75, 1.0))
        light = lit(view.y, view.x, 0.10, n)
        view.lay(scaled(plank((0.22, 0.115, 0.058), grain), light), view.cover(rectangle(view.y, view.x, (top, right - 0.018, bottom, right))))

    def shadow(view: View) -> None:
        view.shade(1 - 0.55 * (1 - step(view.x, right, right + 0.02)) * (view.x > right))

    cabinet = (BOARDS[-1] + THICK, left, bottom, right - 0.018)
    return [Thing((top, right, FLOOR, right + 0.03), shadow), Thing(CASE, back), *row_after_row(seed), Thing(CASE, boards),
            Thing(cabinet, doors(cabinet, seed)), Thing((top, right - 0.018, bottom, right), side)]


def doors(box: Box, seed: int):  # noqa: ANN201
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
        n = Normal(-0.5 * bevel * np.sign(v - h / 2) * (np.abs(v - h / 2) > h / 2 - 0.024), 0.5 * bevel * np.sign(u - width / 2), 0.9)
        light = lit(view.y, view.x, 0.09, n)
        gap = 1 - 0.85 * bump(np.minimum(u, width - u), 0.0, 0.0022)
        base = plank((0.19, 0.098, 0.05), grain)
        view.lay(scaled((base[0] * gap, base[1] * gap, base[2] * gap), light))
        knob = length(v - h * 0.42, u - 0.012) - 0.005
        view.lay(scaled((0.5, 0.33, 0.12), lit(view.y, view.x, 0.1, Normal(-0.4, 0.6, 0.6))), view.cover(knob))

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
            style, key, jitter = int(random.integers(4)), int(random.integers(1 << 20)), float(random.uniform(0.75, 1.15))
            colour = (colour[0] * jitter, colour[1] * jitter, colour[2] * jitter)
            lean = 0.0
            lean_left -= 1
            if lean_left == 0:
                lean, lean_left = float(random.uniform(6, 10)), int(random.integers(7, 13))
                x -= height * math.sin(math.radians(lean)) + 0.004
            x -= width + 0.0006
            made.append(book((floor, x + width / 2), width, height, colour, style=style, lean=lean, seed=key))
            if random.random() < 0.06:
                x -= float(random.uniform(0.01, 0.03))
    return made


def book(foot: tuple[float, float], width: float, height: float, colour: Triple, *, style: int, lean: float, seed: int) -> Thing:
    """A spine: round, worn at its edges, with bands, a label or a title in gold."""
    y, x = foot

    def paint(view: View) -> None:
        v, u = turned(view.y, view.x, (y, x - (width / 2 if lean else 0)), -lean)
        u = u - (width / 2 if lean else 0)
        cover = np.clip(0.5 - (np.abs(u) - width / 2) * np.float32(1 / view.pixel), 0, 1) * np.clip(
            0.5 + (v + np.float32(height)) * np.float32(1 / view.pixel), 0, 1) * view.cover(view.y - y)
        t, s = -v / height, np.clip(2 * u / width, -1, 1)
        bend = s * 0.85
        cloth = 1 + 0.09 * noise(v * 900, u * 900, octaves=2, seed=seed) + 0.10 * noise(v * 30, u * 60, octaves=4, seed=seed + 1)
        worn = 0.30 * bump(t, 1.0, 0.05) + 0.30 * bump(t, 0.0, 0.03) + 0.14 * bump(np.abs(s), 1.0, 0.25)
        worn = worn * np.clip(0.6 + 0.5 * noise(v * 160, u * 160, octaves=3, seed=seed + 2), 0, 1.5)
        skin = tuple((c * cloth) * (1 - 0.5 * worn) + 0.30 * worn for c in colour)
        gilt = decoration(t, s, height / width, style, seed)
        skin = tuple(a + (b - a) * gilt for a, b in zip(skin, (0.62, 0.43, 0.16), strict=True))
        if style == 2:
            label = (np.abs(t - 0.72) < 0.10) & (np.abs(s) < 0.88)
            skin = tuple(np.where(label, k * cloth, a) for a, k in zip(skin, (0.50, 0.45, 0.34), strict=True))
            skin = tuple(a * (1 - 0.8 * letters(t, s, height / width, seed, 0.72, 0.07)) for a in skin)
        deep = 0.40 + 0.60 * step(np.float32(y) - view.y, -0.004, 0.02) * (1 - 0.55 * step(t, 0.72, 1.05))
        gap = 1 - 0.70 * bump(np.abs(s), 1.05, 0.16)
        light = lit(view.y, view.x, 0.085, Normal(0.0, bend, np.sqrt(1 - 0.7225 * s * s)), wrap=0.15)
        k = deep * gap
        view.lay(scaled(skin, (light[0] * k, light[1] * k, light[2] * k)), cover)  # type: ignore[arg-type]

    slant = height * abs(math.sin(math.radians(lean))) + 0.01 if lean else 0.001
    return Thing((y - height - 0.004, x - width / 2 - 0.002 - (0.01 if lean else 0), y + 0.001, x + width / 2 + slant), paint)


def letters(t: Float32, s: Float32, ratio: float, seed: int, centre: float, half: float) -> Float32:
    """Something like words across a spine, 0 … 1."""
    row = (t - centre) * np.float32(9 / (half * 2))
    inside = (np.abs(t - centre) < half) & (np.abs(s) < 0.72)
    line = (row - np.floor(row) < 0.55) & inside
    strokes = noise(np.floor(row) * 7.7 + 0.5, s * 9.0, octaves=2, rough=0.8, seed=seed + 5) + 0.4 * noise(row * 5, s * 20, octaves=1, seed=seed + 6)
    return line * step(strokes, -0.25, 0.35)


def decoration(t: Float32, s: Float32, ratio: float, style: int, seed: int) -> Value:
    """Gold on a spine."""
    fine = 0.0035
    if style == 0:
        return sum((np.abs(t - k) < fine * 1.6) * 0.9 for k in (0.10, 0.115, 0.88, 0.895)) + 0.85 * letters(t, s, ratio, seed, 0.66, 0.09)
    if style == 1:
        cords = sum(bump(t, k, 0.010) for k in (0.17, 0.34, 0.51, 0.68, 0.85))
        return 0.25 * cords + 0.85 * letters(t, s, ratio, seed, 0.595, 0.05)
    if style == 2:
        return (np.abs(np.abs(t - 0.5) - 0.42) < fine) * 0.9
    along = (np.abs(s) < 0.33) & (t > 0.25) & (t < 0.80)
    strokes = noise(t * np.float32(6 * ratio), np.floor(s * 3) + 0.5, octaves=2, rough=0.8, seed=seed + 7)
    return along * step(strokes, 0.0, 0.4) * 0.75


def pile(x: float, y: float, seed: int) -> list[Thing]:
    """Three books lying on one another."""
    made: list[Thing] = []
    for k, (half, thick, code, shift) in enumerate(((0.050, 0.0155, "34505e", 0.0), (0.044, 0.0125, "8a3a2c", 0.004),
                                                    (0.040, 0.0105, "d0b070", -0.003))):
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
        cloth = 1 + 0.08 * noise(view.y * 900, view.x * 900, octaves=2, seed=seed) + 0.06 * noise(view.y * 60, view.x * 30, octaves=4, seed=seed)
        gilt = letters(s, bend * 0.8, 4.0, seed, 0.45, 0.16) + (np.abs(np.abs(s - 0.5) - 0.44) < 0.006)
        skin = tuple(c * cloth + (g - c) * 0.8 * np.clip(gilt, 0, 1) for c, g in zip(colour, (0.62, 0.43, 0.16), strict=True))
        light = lit(view.y, view.x, 0.12, Normal(bend * 0.8, 0.25, 0.75), wrap=0.2)
        view.lay(scaled(skin, light), view.cover(rectangle(view.y, view.x, box, 0.003)))  # type: ignore[arg-type]
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
        weave = 0.45 + 0.55 * (0.5 + 0.5 * wave(row)) * (0.45 + 0.55 * np.abs(wave(u * (0.8 + 0.2 * u * u) * 6 + turn * 0.5)))
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        light = dim(view.y, view.x, Normal(0.0, u, z))
        view.lay(scaled((0.36 * weave, 0.22 * weave, 0.11 * weave), light), view.cover(far))

    wool = [yarn((y - height - 0.012, x + dx), r, srgb(c), 60 + k, dark=True)
            for k, (dx, r, c) in enumerate(((-0.045, 0.032, "b8473a"), (0.048, 0.030, "3d6f86"), (0.0, 0.036, "d9b65a")))]
    return [*wool, Thing((y - height - 0.002, x - half, y + 0.002, x + half), wicker)]


def dim(y: Float32, x: Float32, n: Normal) -> Light3:
    """The light under the table: what the floor sends back."""
    level = 0.0014 * (0.75 + 0.5 * n.z + 0.5 * n.y) * (1 + 6 * step(y, FLOOR - 0.02, FLOOR + 0.10))
    return 1.5 * level, 1.0 * level, 0.85 * level


def yarn(centre: tuple[float, float], radius: float, colour: Triple, seed: int, *, dark: bool = False) -> Thing:
    """A ball of wool."""
    y, x = centre

    def paint(view: View) -> None:
        v, u = (view.y - np.float32(y)) / radius, (view.x - np.float32(x)) / radius
        d = length(v, u)
        fuzz = 0.025 * noise(v * 30, u * 30, octaves=3, rough=0.7, seed=seed)
        cover = np.clip(0.5 - (d + fuzz - 1) * np.float32(radius / view.pixel), 0, 1)
        z = np.sqrt(np.maximum(1 - d * d, np.float32(0)))
        patch = noise(v * 1.6, u * 1.6, octaves=2, seed=seed + 1)
        way = np.where(patch > 0.35, v + 0.5 * u + 0.3 * v * u, np.where(patch < -0.4, u - 0.3 * v, 0.7 * v - 0.8 * u + 0.25 * u * v))
        strand = wave(way * 9)
        fibre = noise(v * 40, u * 40, octaves=3, rough=0.7, seed=seed + 2)
        tone = (0.55 + 0.45 * (0.5 + 0.5 * strand)) * (1 + 0.12 * fibre)
        n = Normal(v + 0.15 * strand, u, z)
        light = dim(view.y, view.x, n) if dark else lit(view.y, view.x, 0.42, n, wrap=0.4)
        low = 0.35 + 0.65 * step(-v, -1.0, 0.2)
        view.lay(scaled((colour[0] * tone * low, colour[1] * tone * low, colour[2] * tone * low), light), cover)

    grow = 1.08 * radius
    return Thing((y - grow, x - grow, y + grow, x + grow), paint)


def lights(points: list[tuple[float, float]]) -> list[Thing]:
    """A string of little lamps that hangs from nail to nail."""
    made: list[Thing] = []
    for (y0, x0), (y1, x1) in zip(points, points[1:], strict=False):
        span, sag, count = x1 - x0, 0.22 * (x1 - x0), max(3, round((x1 - x0) / 0.034))

        def at(t: float, y0: float = y0, x0: float = x0, y1: float = y1, span: float = span, sag: float = sag) -> tuple[float, float]:
            return y0 + (y1 - y0) * t + 4 * sag * t * (1 - t), x0 + span * t

        wire = [at(k / 24) for k in range(25)]
        made += [stroke(a, b) for a, b in zip(wire, wire[1:], strict=False)]
        made += [bulb(at((k + 0.5) / count)) for k in range(count)]
    return made


def stroke(a: tuple[float, float], b: tuple[float, float]) -> Thing:
    """A piece of wire and its shadow on the wall."""

    def paint(view: View) -> None:
        view.shade(1 - 0.30 * (1 - step(capsule(view.y - 0.004, view.x, a, b, (0.0008, 0.0008)), -0.001, 0.002)))
        view.lay((0.012, 0.014, 0.010), view.cover(capsule(view.y, view.x, a, b, (0.0009, 0.0009))))

    return Thing((min(a[0], b[0]) - 0.002, min(a[1], b[1]) - 0.002, max(a[0], b[0]) + 0.008, max(a[1], b[1]) + 0.002), paint)


def bulb(at: tuple[float, float]) -> Thing:
    """One little lamp, with its gleam on the wall."""
    y, x = at[0] + 0.007, at[1]

    def paint(view: View) -> None:
        v, u = view.y - np.float32(y), view.x - np.float32(x)
        d2 = v * v + u * u
        fade = np.clip(1 - d2 * np.float32(1 / 0.07**2), 0, 1)
        view.add((1.0, 0.58, 0.24), (0.10 / (1 + d2 * 9000) + 0.5 / (1 + d2 * 90000) ** 2) * fade)
        view.lay((0.02, 0.02, 0.015), view.cover(rectangle(view.y, view.x, (at[0], x - 0.0013, at[0] + 0.004, x + 0.0013))))
        far = ellipse(view.y, view.x, (y, x), (0.0042, 0.0027))
        heart = step(-far, 0.0, 0.0026)
        view.lay((12.0 * heart + 1.5, 7.4 * heart + 0.7, 3.2 * heart * heart + 0.2), view.cover(far))

    return Thing((y - 0.07, x - 0.07, y + 0.07, x + 0.07), paint)
