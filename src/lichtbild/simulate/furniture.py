# SPDX-License-Identifier: Apache-2.0
"""Walls, floor and what stands against them: window, curtains, shelf, table, rug, clock and pictures."""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Float32, Triple
from lichtbild.simulate.brush import Value, bump, disk, length, noise, polygon, rectangle, srgb, step, turned, wave
from lichtbild.simulate.light import FLAT, Light3, Normal, lit, relief, scaled
from lichtbild.simulate.scene import Box, Mover, Thing, View

EVERYWHERE = (-1.0, -1.0, 2.0, 4.0)
FLOOR = 0.862  # y where wall and floor meet
OPENING: Box = (0.070, 0.655, 0.545, 1.150)  # of the window
TABLE: Box = (0.648, 0.330, 0.722, 1.185)  # top and front edge
VANISH = (0.40, 0.70)


def wood(y: Float32, x: Float32, *, seed: int, along: str = "x", scale: float = 1.0) -> Float32:
    """Grain of wood, about −1 … 1: stretched noise, growth rings and pores."""
    a, b = (x, y) if along == "x" else (y, x)
    a, b = a * np.float32(scale), b * np.float32(scale)
    drift = noise(b * 6, a * 1.1, octaves=3, seed=seed)
    rings = wave(b * 34 + 2.2 * drift + noise(b * 3, a * 0.7, octaves=2, seed=seed + 1))
    pores = noise(b * 520, a * 26, octaves=3, rough=0.7, seed=seed + 2)
    return 0.45 * rings + 0.40 * drift + 0.22 * pores


def plank(colour: Triple, grain: Float32, depth: float = 0.30) -> Light3:
    """Colour of wood: darker grain is also redder."""
    return colour[0] * (1 + 0.8 * depth * grain), colour[1] * (1 + depth * grain), colour[2] * (1 + 1.1 * depth * grain)


def wall(seed: int) -> Thing:
    """Lime plaster over everything, trowelled by hand; the lamp rakes over it."""

    def paint(view: View) -> None:
        n, height = relief(view, (44, 32), depth=0.00036, octaves=5, rough=0.60, seed=seed)
        large = noise(view.y * 3.1, view.x * 2.3, octaves=2, rough=0.55, seed=seed + 1)
        tone = 1 + 0.06 * large + 0.035 * height
        colour = (0.50 * tone, 0.49 * tone, 0.41 * (tone - 0.02 * large))
        corner = 1 - 0.55 * bump(view.y, FLOOR, 0.10) * 0.6
        view.lay(scaled(colour, lit(view.y, view.x, 0.0, n, shadow=corner)))

    return Thing(EVERYWHERE, paint)


def floor(seed: int) -> Thing:
    """Boards that run towards the horizon, and the skirting above them."""

    def paint(view: View) -> None:
        depth = 0.46 / np.maximum(view.y - np.float32(VANISH[0]), np.float32(0.05))  # 1 at the wall
        across = (view.x - np.float32(VANISH[1])) * depth
        board = across * 9
        index = np.floor(board)
        shift = noise(index * 0.37 + 0.31, np.zeros_like(index), octaves=1, seed=seed + 3)
        grain = wood(across + index * 3.7, depth * 1.6 + shift, seed=seed, along="y")
        gap = 1 - 0.75 * bump(board - index, 0.0, 0.045) - 0.75 * bump(board - index, 1.0, 0.045)
        n = Normal(np.float32(-0.88) + 0.02 * grain, np.float32(0.0), np.float32(0.47))
        z = (1 - depth) * 1.1
        light = lit(np.full_like(view.y, FLOOR + 0.06), view.x, z, n)
        tone = gap * (1 + 0.14 * shift)
        base = plank((0.215, 0.115, 0.062), grain)
        view.lay(scaled((base[0] * tone, base[1] * tone, base[2] * tone), light))

    def skirting(view: View) -> None:
        v = (view.y - np.float32(FLOOR - 0.038)) * np.float32(1 / 0.038)
        n = Normal(-0.6 * bump(v, 0.05, 0.10), np.float32(0.0), np.float32(0.9))
        tone = 0.42 * (1 - 0.5 * bump(v, 0.22, 0.04)) * (1 - 0.4 * step(v, 0.9, 1.0))
        view.lay(scaled((tone, tone, 0.93 * tone), lit(view.y, view.x, 0.01, n)))

    def both(view: View) -> None:
        if (part := view.part((FLOOR - 0.038, -1, FLOOR, 4))) is not None:
            skirting(part)
        if (part := view.part((FLOOR + view.pixel, -1, 2, 4))) is not None:
            paint(part)

    return Thing((FLOOR - 0.038, -1.0, 2.0, 4.0), both)


def rug(seed: int) -> Thing:
    """A woven rug in the perspective of the floor: borders, diamonds, and every thread."""
    colours = tuple(srgb(c) for c in ("7d2a24", "1f3a52", "c99a4b", "d9c8a4", "46563a"))

    def paint(view: View) -> None:
        depth = 0.46 / (view.y - np.float32(VANISH[0]))
        u, v = (view.x - np.float32(VANISH[1])) * depth * 1.9, (1 - depth) * 5.0  # u −1 … 1, v 0 … 1 front
        weave = 0.004 * noise(v * 300, u * 300, octaves=2, seed=seed)
        u, v = u + weave, v + weave
        edge = np.maximum(np.abs(u) - 0.92, np.abs(v - 0.62) - 0.52)
        cover = np.clip(0.5 - edge * np.float32(0.5 / (1.9 * view.pixel)), 0, 1)
        rim = np.minimum(0.92 - np.abs(u), (0.52 - np.abs(v - 0.62)) * 1.0)
        diamond = np.abs(wave(u * 3.5) * 0.5 + wave(v * 4.4) * 0.5)
        small = wave(u * 14) + wave(v * 17)
        index = np.where(rim < 0.035, 1, np.where(rim < 0.06, 3, np.where(rim < 0.13, np.where(small > 0.35, 2, 4), np.where(
            diamond > 0.62, 1, np.where(diamond > 0.50, 3, np.where((diamond < 0.10) & (small > 0.2), 2, 0)))))).astype(np.int32)
        thread = 0.80 + 0.20 * wave(v * 150) * wave(u * 190) + 0.16 * noise(v * 210, u * 260, octaves=4, rough=0.7, seed=seed + 1)
        fade = 1 + 0.10 * noise(v * 7, u * 6, octaves=4, seed=seed + 2)
        light = lit(np.full_like(view.y, FLOOR + 0.05), view.x, (1 - depth) * 1.1, Normal(-0.88, 0.0, 0.47))
        view.shade(1 - 0.6 * np.clip(0.5 - (edge - 0.02) * 14, 0, 1) * (1 - cover))
        tone = thread * fade
        for c in range(3):
            colour = np.choose(index, [k[c] for k in colours]).astype(np.float32)
            view.light[c] += (colour * tone * light[c] - view.light[c]) * cover

    return Thing((FLOOR + 0.008, -0.2, 1.4, 1.7), paint)


def bars(view: View, box: Box, profile: float, along: str, colour: Triple, seed: int) -> None:
    """A moulded bar of painted wood; its sides turn to and from the lamp."""
    top, left, bottom, right = box
    t = (view.x - left) / (right - left) if along == "y" else (view.y - top) / (bottom - top)
    tilt = profile * (2 * t - 1) * (0.4 + 0.6 * np.abs(2 * t - 1))
    z = np.sqrt(np.maximum(1 - tilt * tilt, np.float32(0.05)))
    n = Normal(np.float32(0), tilt, z) if along == "y" else Normal(tilt, np.float32(0), z)
    tone = 1 + 0.05 * noise(view.y * 90, view.x * 90, octaves=4, seed=seed)
    light = lit(view.y, view.x, 0.012, n, wrap=0.15)
    view.lay(scaled((colour[0] * tone, colour[1] * tone, colour[2] * tone), light),
             view.cover(rectangle(view.y, view.x, box, 0.001)))


def window(seed: int) -> list[Thing]:
    """The frame, with four panes, and the sill below."""
    top, left, bottom, right = OPENING
    paint_white = (0.52, 0.50, 0.45)
    middle, rail, w = (left + right) / 2, top + 0.165, 0.0055
    frame = [
        ((top, left, bottom, left + 0.012), "y"), ((top, right - 0.012, bottom, right), "y"),
        ((top, left, top + 0.012, right), "x"), ((bottom - 0.014, left, bottom, right), "x"),
        ((top, middle - w, bottom, middle + w), "y"), ((rail - w, left, rail + w, right), "x"),
        ((top - 0.024, left - 0.024, top, right + 0.024), "x"), ((top - 0.024, left - 0.024, bottom, left), "y"),
        ((top - 0.024, right, bottom, right + 0.024), "y"),
    ]

    def bar(box: Box, along: str) -> Thing:
        return Thing(box, lambda view: bars(view, box, 0.75, along, paint_white, seed))

    def sill(view: View) -> None:
        y0, x0, y1, x1 = bottom, left - 0.045, bottom + 0.026, right + 0.045
        t = (view.y - np.float32(y0)) * np.float32(1 / (y1 - y0))
        n = Normal(-0.92 + 1.3 * step(t, 0.42, 0.62) * 0.9, 0.0, 0.4 + 0.6 * step(t, 0.42, 0.62))
        cover = view.cover(rectangle(view.y, view.x, (y0, x0, y1, x1), 0.003))
        light = lit(view.y, view.x, 0.05, n)
        gloss = (1 - step(t, 0.30, 0.60)) * step(view.x, left - 0.01, left + 0.06) * (1 - step(view.x, right - 0.05, right + 0.01))
        view.shade(1 - 0.0 * cover)
        view.lay(scaled(paint_white, light), cover)
        view.add((0.20, 0.125, 0.075), gloss * cover * (1 + 0.12 * noise(view.y * 80, view.x * 60, octaves=3, seed=seed + 5)))

    def under(view: View) -> None:
        far = view.y - np.float32(bottom + 0.026)
        side = step(view.x, left - 0.07, left - 0.02) * (1 - step(view.x, right + 0.02, right + 0.07))
        view.shade(1 - 0.65 * side * (1 - step(far, 0.0, 0.055)))

    return [*(bar(b, a) for b, a in frame), Thing((bottom + 0.02, left - 0.08, bottom + 0.09, right + 0.08), under),
            Thing((bottom, left - 0.05, bottom + 0.03, right + 0.05), sill)]


def curtain(box: Box, seed: int, hem: float) -> Thing:
    """Linen in folds: the dusk shines through it, the lamp lights its folds."""
    top, left, bottom, right = box

    def paint(view: View) -> None:
        fall = (view.y - np.float32(top)) * np.float32(1 / (bottom - top))
        sway = 0.006 * noise(fall * 2.2, view.x * 0 + 3.0, octaves=2, seed=seed)
        gather = 1 + 0.10 * fall
        u = (view.x - left) / (right - left)
        u = (u - hem) / gather + hem + sway
        phase = u * 6.5 + 0.35 * noise(fall * 1.5, u * 4, octaves=2, seed=seed + 1)
        fold = wave(phase)
        slope = wave(phase + 0.25) * 0.85
        edge = np.maximum(-u, u - 1) * np.float32(right - left)
        cover = np.clip(0.5 - edge * np.float32(1 / view.pixel), 0, 1) * view.cover(
            view.y - np.float32(bottom) - 0.004 * fold) * view.cover(np.float32(top) - view.y)
        thread = 1 + 0.085 * noise(view.y * 900, u * 70, octaves=2, seed=seed + 2) + 0.085 * noise(
            view.y * 60, u * 420, octaves=2, seed=seed + 3)
        z = np.sqrt(np.maximum(1 - slope * slope, np.float32(0.1)))
        light = lit(view.y, view.x, 0.03 + 0.012 * fold, Normal(0.0, slope, z), wrap=0.25)
        deep = 0.62 + 0.38 * (0.5 + 0.5 * fold)
        over = step(view.x, OPENING[1] - 0.020, OPENING[1] + 0.020) * (1 - step(view.x, OPENING[3] - 0.020, OPENING[3] + 0.020))
        over = over * (1 - step(view.y, OPENING[2] - 0.025, OPENING[2] + 0.015)) * step(view.y, OPENING[0] - 0.02, OPENING[0] + 0.02)
        high = np.clip((OPENING[2] - view.y) * np.float32(2.2), 0, 1)
        through = (0.24 - 0.15 * high, 0.13 - 0.055 * high, 0.07 + 0.02 * high)
        veil = over * (0.55 + 0.45 * fold * fold)
        for c, colour in enumerate((0.56, 0.50, 0.40)):
            view.light[c] += ((colour * light[c] * deep + through[c] * veil) * thread - view.light[c]) * cover

    rim = 0.02
    return Thing((top - rim, left - rim, bottom + rim, right + rim), paint)


def rod() -> Thing:
    """The curtain rod."""
    box = (0.022, 0.565, 0.034, 1.262)

    def paint(view: View) -> None:
        for centre in ((0.028, 0.563), (0.028, 1.264)):
            far = disk(view.y, view.x, centre, 0.0135)
            shade_round(view, centre, 0.0135, (0.10, 0.06, 0.035), view.cover(far))
        bars(view, box, 0.9, "x", (0.12, 0.075, 0.045), 3)

    return Thing((0.01, 0.54, 0.05, 1.29), paint)


def shade_round(view: View, centre: tuple[float, float], radius: float, colour: Triple, cover: Value) -> None:
    """A ball in the light of the room."""
    v, u = (view.y - np.float32(centre[0])) / radius, (view.x - np.float32(centre[1])) / radius
    z = np.sqrt(np.maximum(1 - v * v - u * u, np.float32(0)))
    view.lay(scaled(colour, lit(view.y, view.x, 0.02 + radius * z, Normal(v, u, z), wrap=0.1)), cover)


def framed(box: Box, inside: list[Thing], colour: Triple, mat: float = 0.014) -> list[Thing]:
    """A picture on the wall: shadow, frame, mat, and `inside` what it shows."""
    top, left, bottom, right = box
    shown = (top + 0.009 + mat, left + 0.009 + mat, bottom - 0.009 - mat, right - 0.009 - mat)

    def shadow(view: View) -> None:
        far = rectangle(view.y, view.x, (top + 0.002, left - 0.004, bottom + 0.0, right + 0.004), 0.003)
        above = rectangle(view.y, view.x, (top - 0.016, left - 0.002, bottom - 0.01, right + 0.002), 0.003)
        view.shade(1 - 0.40 * (1 - step(far, -0.002, 0.012)) - 0.35 * (1 - step(above, -0.002, 0.016)))

    def border(view: View) -> None:
        far = rectangle(view.y, view.x, box, 0.001)
        v = np.abs(view.y - (top + bottom) / 2) - (bottom - top) / 2
        u = np.abs(view.x - (left + right) / 2) - (right - left) / 2
        side = np.sign(view.x - (left + right) / 2) * (u > v), np.sign(view.y - (top + bottom) / 2) * (u <= v)
        bevel = -0.8 * wave(far * np.float32(1 / 0.009) + 0.25)
        n = Normal(side[1] * bevel, side[0] * bevel, np.sqrt(1 - 0.6 * bevel * bevel))
        grain = 1 + 0.25 * noise(view.y * 70, view.x * 70, octaves=4, seed=5)
        light = lit(view.y, view.x, 0.012, n)
        view.lay(scaled((colour[0] * grain, colour[1] * grain, colour[2] * grain), light), view.cover(far))
        paper = view.cover(rectangle(view.y, view.x, (top + 0.009, left + 0.009, bottom - 0.009, right - 0.009)))
        view.lay(scaled((0.62, 0.60, 0.54), lit(view.y, view.x, 0.006)), paper)
        view.shade(1 - 0.35 * paper * bump(far, -0.009, 0.004))

    def print_(view: View) -> None:
        clean = View(np.zeros_like(view.light), view.y, view.x, view.pixel)
        for thing in inside:
            if (part := clean.part(thing.box)) is not None:
                thing.paint(part)
        cover = view.cover(rectangle(view.y, view.x, shown))
        view.lay(scaled((clean.light[0], clean.light[1], clean.light[2]), lit(view.y, view.x, 0.006)), cover)

    return [Thing((top - 0.04, left - 0.03, bottom + 0.03, right + 0.03), shadow), Thing(box, border), Thing(shown, print_)]


def dial(centre: tuple[float, float], radius: float) -> list[Thing]:
    """A wall clock: case, dial, twelve marks, two hands at eight minutes to seven."""
    y, x = centre
    case = (y - radius - 0.022, x - radius - 0.012, y + radius + 0.150, x + radius + 0.012)

    def box(view: View) -> None:
        far = rectangle(view.y, view.x, case, 0.006)
        view.shade(1 - 0.5 * (1 - step(far, 0.0, 0.02)))
        grain = wood(view.y, view.x, seed=77, along="y", scale=1.6)
        tilt = 0.7 * bump(far, 0.0, 0.008) * np.sign(view.x - x)
        light = lit(view.y, view.x, 0.03, Normal(0.0, tilt, np.sqrt(1 - tilt * tilt)))
        view.lay(scaled(plank((0.15, 0.070, 0.034), grain), light), view.cover(far))
        well = rectangle(view.y, view.x, (y + radius + 0.008, x - radius + 0.004, case[2] - 0.012, x + radius - 0.004), 0.004)
        view.shade(1 - 0.82 * view.cover(well) * (1 - 0.5 * step(view.y, y + radius, case[2])))

    def face(view: View) -> None:
        v, u = view.y - np.float32(y), view.x - np.float32(x)
        far = length(v, u) - np.float32(radius)
        light = lit(view.y, view.x, 0.034)
        view.lay(scaled((0.30, 0.19, 0.07), light), view.cover(far))
        paper = 1 + 0.03 * noise(v * 60, u * 60, octaves=4, seed=8)
        view.lay(scaled((0.66 * paper, 0.61 * paper, 0.48 * paper), light), view.cover(far + 0.004))
        for k in range(60):
            a, b = turned(view.y, view.x, centre, 6.0 * k)
            size = 0.0065 if k % 5 == 0 else 0.0022
            mark = rectangle(a, b, (-radius + 0.007, -0.0009 if k % 5 else -0.0016, -radius + 0.007 + size,
                                    0.0009 if k % 5 else 0.0016))
            view.lay(scaled((0.03, 0.03, 0.03), light), view.cover(mark))
        for angle, reach, thick in ((206.0, 0.60, 0.0022), (312.0, 0.84, 0.0015)):
            a, b = turned(view.y, view.x, centre, angle)
            hand = polygon(a, b, ((0.006, -thick), (-reach * radius, -0.3 * thick), (-reach * radius, 0.3 * thick), (0.006, thick)))
            view.lay(scaled((0.02, 0.02, 0.025), light), view.cover(hand))

    rim = 0.03
    return [Thing((case[0] - rim, case[1] - rim, case[2] + rim, case[3] + rim), box),
            Thing((y - radius, x - radius, y + radius, x + radius), face)]


def pendulum(centre: tuple[float, float], radius: float) -> Mover:
    """The clock's brass pendulum, which swings."""
    y, x = centre
    end = (y + radius + 0.092, x)

    def paint(view: View) -> None:
        stick = rectangle(view.y, view.x, (y + radius + 0.012, x - 0.0012, end[0], x + 0.0012))
        view.lay(scaled((0.42, 0.30, 0.12), lit(view.y, view.x, 0.03)), view.cover(stick))
        v, u = (view.y - np.float32(end[0])) / 0.021, (view.x - np.float32(end[1])) / 0.021
        d = length(v, u)
        brushed = 1 + 0.18 * noise(d * 40, (v + u) * 1.5, octaves=3, seed=12)
        shine = 0.35 + 0.9 * bump(v * 0.7 + u, -0.35, 0.9) + 0.35 * bump(d, 0.78, 0.10)
        tone = brushed * shine
        light = lit(view.y, view.x, 0.03, Normal(-0.2, -0.75, 0.6))
        view.lay(scaled((0.72 * tone, 0.48 * tone, 0.17 * tone), light), np.clip(0.5 - (d - 1) * np.float32(0.021 / view.pixel), 0, 1))

    box = (y + radius + 0.010, x - 0.024, end[0] + 0.024, x + 0.024)
    return Mover(Thing(box, paint), pivot=(y, x), swing=0.16, rate=0.045, phase=0.60)
