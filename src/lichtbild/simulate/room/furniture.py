# SPDX-License-Identifier: Apache-2.0
"""Pictures, a clock and the table."""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    bump,
    length,
    noise,
    polygon,
    rectangle,
    step,
    three,
    turned,
    wave,
)
from lichtbild.simulate.room.light import LAMP, Normal, lit, scaled
from lichtbild.simulate.room.materials import plank, wood
from lichtbild.simulate.room.walls import FLOOR, OPENING
from lichtbild.simulate.scene import Box, Mover, Thing, View

TABLE: Box = (0.648, 0.330, 0.722, 1.185)  # top and front edge
STAND = 0.662  # y where things meet the table


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
        paper = view.cover(
            rectangle(view.y, view.x, (top + 0.009, left + 0.009, bottom - 0.009, right - 0.009))
        )
        view.lay(scaled((0.62, 0.60, 0.54), lit(view.y, view.x, 0.006)), paper)
        view.shade(1 - 0.35 * paper * bump(far, -0.009, 0.004))

    def print_(view: View) -> None:
        clean = View(np.zeros_like(view.light), view.y, view.x, view.pixel)
        for thing in inside:
            if (part := clean.part(thing.box)) is not None:
                thing.paint(part)
        cover = view.cover(rectangle(view.y, view.x, shown))
        view.lay(scaled((clean.light[0], clean.light[1], clean.light[2]), lit(view.y, view.x, 0.006)), cover)

    return [
        Thing((top - 0.04, left - 0.03, bottom + 0.03, right + 0.03), shadow),
        Thing(box, border),
        Thing(shown, print_),
    ]


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
        well = rectangle(
            view.y,
            view.x,
            (y + radius + 0.008, x - radius + 0.004, case[2] - 0.012, x + radius - 0.004),
            0.004,
        )
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
            mark = rectangle(
                a,
                b,
                (
                    -radius + 0.007,
                    -0.0009 if k % 5 else -0.0016,
                    -radius + 0.007 + size,
                    0.0009 if k % 5 else 0.0016,
                ),
            )
            view.lay(scaled((0.03, 0.03, 0.03), light), view.cover(mark))
        for angle, reach, thick in ((206.0, 0.60, 0.0022), (312.0, 0.84, 0.0015)):
            a, b = turned(view.y, view.x, centre, angle)
            hand = polygon(
                a,
                b,
                (
                    (0.006, -thick),
                    (-reach * radius, -0.3 * thick),
                    (-reach * radius, 0.3 * thick),
                    (0.006, thick),
                ),
            )
            view.lay(scaled((0.02, 0.02, 0.025), light), view.cover(hand))

    rim = 0.03
    return [
        Thing((case[0] - rim, case[1] - rim, case[2] + rim, case[3] + rim), box),
        Thing((y - radius, x - radius, y + radius, x + radius), face),
    ]


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
        view.lay(
            scaled((0.72 * tone, 0.48 * tone, 0.17 * tone), light),
            np.clip(0.5 - (d - 1) * np.float32(0.021 / view.pixel), 0, 1),
        )

    box = (y + radius + 0.010, x - 0.024, end[0] + 0.024, x + 0.024)
    return Mover(Thing(box, paint), pivot=(y, x), swing=0.16, rate=0.045, phase=0.60)


def table(seed: int) -> list[Thing]:
    """Oak top seen at a low angle, its front edge, the apron, four legs; and the dark below."""
    top, left, bottom, right = TABLE
    back, edge = top, top + 0.048
    legs = ((left + 0.022, left + 0.050), (right - 0.050, right - 0.022))

    def under(view: View) -> None:
        side = step(view.x, left - 0.03, left + 0.05) * (1 - step(view.x, right - 0.05, right + 0.03))
        down = 1 - step(view.y, FLOOR + 0.010, FLOOR + 0.075)
        deep = 1 - side * down * step(view.y, bottom - 0.03, bottom)
        view.shade(three(0.022 * k + (1 - 0.022 * k) * deep * deep for k in (1.2, 1.0, 0.9)))

    def surface(view: View) -> None:
        t = (view.y - np.float32(back)) * np.float32(1 / (edge - back))
        depth = 1.25 - 0.25 * t
        u = (view.x - np.float32(0.75)) * depth
        grain = wood(t * 0.42 + np.floor(t * 3) * 1.7, u * 1.2 + np.floor(t * 3) * 0.7, seed=seed)
        joint = 1 - 0.5 * bump(t * 3 - np.floor(t * 3), 0.0, 0.05)
        skew = (edge - view.y) * np.float32(0.35)
        cover = view.cover(
            np.maximum(
                np.maximum(left + skew - view.x, view.x - right + skew),
                np.maximum(back - view.y, view.y - edge),
            )
        )
        light = lit(np.full_like(view.y, STAND), view.x, 0.02 + 0.24 * t, Normal(-0.95, 0.0, 0.31), wrap=0.1)
        base = plank((0.215, 0.118, 0.058), grain)
        view.lay(scaled((base[0] * joint, base[1] * joint, base[2] * joint), light), cover)
        gloss = (0.6 + 0.4 * grain * 0.3) * cover
        dusk = step(view.x, OPENING[1] - 0.02, OPENING[1] + 0.10) * (
            1 - step(view.x, OPENING[3] - 0.10, OPENING[3] + 0.02)
        )
        view.add((0.050, 0.031, 0.021), gloss * dusk * (1 - 0.75 * t))
        glow = 1 / (1 + ((view.x - LAMP[1]) * 14) ** 2)
        view.add((0.16, 0.085, 0.032), gloss * glow * (1 - 0.5 * t))

    def front(view: View) -> None:
        t = (view.y - np.float32(edge)) * np.float32(1 / (bottom - edge))
        grain = wood(t * 0.08 + 5, view.x, seed=seed + 3)
        n = Normal(-0.85 + 1.1 * step(t, 0.0, 0.25), 0.0, 0.5 + 0.5 * step(t, 0.0, 0.25))
        light = lit(view.y, view.x, 0.27, n, wrap=0.35)
        cover = view.cover(rectangle(view.y, view.x, (edge, left, bottom, right), 0.004))
        view.lay(scaled(plank((0.17, 0.09, 0.045), grain), light), cover)

    def apron(view: View) -> None:
        grain = wood(view.y * 0.6, view.x, seed=seed + 4)
        light = lit(view.y, view.x, 0.2)
        cover = view.cover(rectangle(view.y, view.x, (bottom, left + 0.03, bottom + 0.036, right - 0.03)))
        shade = 0.10 + 0.35 * step(view.y, bottom, bottom + 0.036)
        view.lay(
            scaled(plank((0.10, 0.05, 0.025), grain), (light[0] * shade, light[1] * shade, light[2] * shade)),
            cover,
        )

    def leg(x0: float, x1: float) -> Thing:
        box = (bottom, x0, FLOOR + 0.075, x1)

        def paint(view: View) -> None:
            grain = wood(view.y, view.x, seed=seed + 5, along="y")
            slope = (view.x - (x0 + x1) / 2) * np.float32(1.7 / (x1 - x0))
            n = Normal(0.0, slope, np.sqrt(np.maximum(1 - slope * slope, np.float32(0.1))))
            light = lit(view.y, view.x, 0.24, n, wrap=0.2)
            shade = 0.22 + 0.5 * step(view.y, bottom + 0.02, FLOOR + 0.07)
            view.lay(
                scaled(
                    plank((0.12, 0.062, 0.03), grain), (light[0] * shade, light[1] * shade, light[2] * shade)
                ),
                view.cover(rectangle(view.y, view.x, box, 0.003)),
            )

        return Thing(box, paint)

    return [
        Thing((bottom - 0.03, left - 0.04, FLOOR + 0.09, right + 0.04), under),
        Thing((bottom, left, bottom + 0.04, right), apron),
        *(leg(*sides) for sides in legs),
        Thing((back, left, edge, right), surface),
        Thing((edge, left, bottom, right), front),
    ]
