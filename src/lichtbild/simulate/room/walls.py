# SPDX-License-Identifier: Apache-2.0
"""Wall, floor and rug; the window with its sill, curtains and rod."""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Value,
    bump,
    disk,
    noise,
    rectangle,
    srgb,
    step,
    wave,
)
from lichtbild.simulate.room.light import Normal, lit, relief, scaled
from lichtbild.simulate.room.materials import plank, wood
from lichtbild.simulate.scene import Box, Thing, View

FLOOR = 0.862  # y where wall and floor meet
OPENING: Box = (0.070, 0.655, 0.545, 1.150)  # of the window
VANISH = (0.40, 0.70)  # where the boards of the floor would meet


def wall(seed: int) -> list[Thing]:
    """Lime plaster, trowelled by hand, around the window; the lamp rakes over it."""

    def paint(view: View) -> None:
        n, height = relief(view, (44, 32), depth=0.00036, octaves=5, rough=0.60, seed=seed)
        large = noise(view.y * 3.1, view.x * 2.3, octaves=2, rough=0.55, seed=seed + 1)
        tone = 1 + 0.06 * large + 0.035 * height
        colour = (0.53 * tone, 0.49 * tone, 0.42 * (tone - 0.02 * large))
        corner = 1 - 0.55 * bump(view.y, FLOOR, 0.10) * 0.6
        view.lay(scaled(colour, lit(view.y, view.x, 0.0, n, shadow=corner)))

    top, left, bottom, right = OPENING
    around = (
        (-1.0, 0.27, top, 4.0),
        (top, 0.27, bottom, left),
        (top, right, bottom, 4.0),
        (bottom, 0.27, FLOOR, 4.0),
    )
    return [Thing(box, paint) for box in around]


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
        index = np.where(
            rim < 0.035,
            1,
            np.where(
                rim < 0.06,
                3,
                np.where(
                    rim < 0.13,
                    np.where(small > 0.35, 2, 4),
                    np.where(
                        diamond > 0.62,
                        1,
                        np.where(diamond > 0.50, 3, np.where((diamond < 0.10) & (small > 0.2), 2, 0)),
                    ),
                ),
            ),
        ).astype(np.int32)
        thread = (
            0.80
            + 0.20 * wave(v * 150) * wave(u * 190)
            + 0.16 * noise(v * 210, u * 260, octaves=4, rough=0.7, seed=seed + 1)
        )
        fade = 1 + 0.10 * noise(v * 7, u * 6, octaves=4, seed=seed + 2)
        light = lit(np.full_like(view.y, FLOOR + 0.05), view.x, (1 - depth) * 1.1, Normal(-0.88, 0.0, 0.47))
        view.shade(1 - 0.6 * np.clip(0.5 - (edge - 0.02) * 14, 0, 1) * (1 - cover))
        tone = thread * fade
        for c in range(3):
            colour = np.choose(index, [k[c] for k in colours]).astype(np.float32)
            view.light[c] += (colour * tone * light[c] - view.light[c]) * cover

    return Thing((FLOOR + 0.008, -0.2, 1.4, 1.7), paint)


def bars(view: View, box: Box, along: str, profile: float, colour: Triple) -> None:
    """A moulded bar of painted wood; its sides turn to and from the lamp."""
    top, left, bottom, right = box
    t = (view.x - left) / (right - left) if along == "y" else (view.y - top) / (bottom - top)
    tilt = profile * (2 * t - 1) * (0.4 + 0.6 * np.abs(2 * t - 1))
    z = np.sqrt(np.maximum(1 - tilt * tilt, np.float32(0.05)))
    n = Normal(np.float32(0), tilt, z) if along == "y" else Normal(tilt, np.float32(0), z)
    tone = 1 + 0.05 * noise(view.y * 90, view.x * 90, octaves=4, seed=7)
    light = lit(view.y, view.x, 0.012, n, wrap=0.15)
    view.lay(
        scaled((colour[0] * tone, colour[1] * tone, colour[2] * tone), light),
        view.cover(rectangle(view.y, view.x, box, 0.001)),
    )


def window(seed: int) -> list[Thing]:
    """The frame, with four panes, and the sill below."""
    top, left, bottom, right = OPENING
    paint_white = (0.52, 0.50, 0.45)
    middle, rail, w = (left + right) / 2, top + 0.165, 0.0055
    frame = [
        ((top, left, bottom, left + 0.012), "y"),
        ((top, right - 0.012, bottom, right), "y"),
        ((top, left, top + 0.012, right), "x"),
        ((bottom - 0.014, left, bottom, right), "x"),
        ((top, middle - w, bottom, middle + w), "y"),
        ((rail - w, left, rail + w, right), "x"),
        ((top - 0.024, left - 0.024, top, right + 0.024), "x"),
        ((top - 0.024, left - 0.024, bottom, left), "y"),
        ((top - 0.024, right, bottom, right + 0.024), "y"),
    ]

    def bar(box: Box, along: str) -> Thing:
        return Thing(box, lambda view: bars(view, box, along, 0.75, paint_white))

    def sill(view: View) -> None:
        y0, x0, y1, x1 = bottom, left - 0.045, bottom + 0.026, right + 0.045
        t = (view.y - np.float32(y0)) * np.float32(1 / (y1 - y0))
        n = Normal(-0.92 + 1.3 * step(t, 0.42, 0.62) * 0.9, 0.0, 0.4 + 0.6 * step(t, 0.42, 0.62))
        cover = view.cover(rectangle(view.y, view.x, (y0, x0, y1, x1), 0.003))
        light = lit(view.y, view.x, 0.05, n)
        gloss = (
            (1 - step(t, 0.30, 0.60))
            * step(view.x, left - 0.01, left + 0.06)
            * (1 - step(view.x, right - 0.05, right + 0.01))
        )
        view.shade(1 - 0.0 * cover)
        view.lay(scaled(paint_white, light), cover)
        view.add(
            (0.20, 0.125, 0.075),
            gloss * cover * (1 + 0.12 * noise(view.y * 80, view.x * 60, octaves=3, seed=seed + 5)),
        )

    def under(view: View) -> None:
        far = view.y - np.float32(bottom + 0.026)
        side = step(view.x, left - 0.07, left - 0.02) * (1 - step(view.x, right + 0.02, right + 0.07))
        view.shade(1 - 0.65 * side * (1 - step(far, 0.0, 0.055)))

    return [
        *(bar(b, a) for b, a in frame),
        Thing((bottom + 0.02, left - 0.08, bottom + 0.09, right + 0.08), under),
        Thing((bottom, left - 0.05, bottom + 0.03, right + 0.05), sill),
    ]


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
        cover = (
            np.clip(0.5 - edge * np.float32(1 / view.pixel), 0, 1)
            * view.cover(view.y - np.float32(bottom) - 0.004 * fold)
            * view.cover(np.float32(top) - view.y)
        )
        thread = (
            1
            + 0.085 * noise(view.y * 900, u * 70, octaves=2, seed=seed + 2)
            + 0.085 * noise(view.y * 60, u * 420, octaves=2, seed=seed + 3)
        )
        z = np.sqrt(np.maximum(1 - slope * slope, np.float32(0.1)))
        light = lit(view.y, view.x, 0.03 + 0.012 * fold, Normal(0.0, slope, z), wrap=0.25)
        deep = 0.62 + 0.38 * (0.5 + 0.5 * fold)
        over = step(view.x, OPENING[1] - 0.020, OPENING[1] + 0.020) * (
            1 - step(view.x, OPENING[3] - 0.020, OPENING[3] + 0.020)
        )
        over = (
            over
            * (1 - step(view.y, OPENING[2] - 0.025, OPENING[2] + 0.015))
            * step(view.y, OPENING[0] - 0.02, OPENING[0] + 0.02)
        )
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
        bars(view, box, "x", 0.9, (0.12, 0.075, 0.045))

    return Thing((0.01, 0.54, 0.05, 1.29), paint)


def shade_round(view: View, centre: tuple[float, float], radius: float, colour: Triple, cover: Value) -> None:
    """A ball in the light of the room."""
    v, u = (view.y - np.float32(centre[0])) / radius, (view.x - np.float32(centre[1])) / radius
    z = np.sqrt(np.maximum(1 - v * v - u * u, np.float32(0)))
    view.lay(scaled(colour, lit(view.y, view.x, 0.02 + radius * z, Normal(v, u, z), wrap=0.1)), cover)
