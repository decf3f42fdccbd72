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
    turned,
    wave,
)
from lichtbild.simulate.room.light import Normal, lit, scaled
from lichtbild.simulate.room.materials import plank, wood
from lichtbild.simulate.scene import Box, Mover, Thing, View


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

    rim = 0.03
    return [Thing((case[0] - rim, case[1] - rim, case[2] + rim, case[3] + rim), box), face(centre, radius)]


def face(centre: tuple[float, float], radius: float) -> Thing:
    """The dial: sixty marks and two hands."""
    y, x = centre
    hands = ((206.0, 0.60, 0.0022), (312.0, 0.84, 0.0015))

    def paint(view: View) -> None:
        v, u = view.y - np.float32(y), view.x - np.float32(x)
        far = length(v, u) - np.float32(radius)
        light = lit(view.y, view.x, 0.034)
        view.lay(scaled((0.30, 0.19, 0.07), light), view.cover(far))
        paper = 1 + 0.03 * noise(v * 60, u * 60, octaves=4, seed=8)
        view.lay(scaled((0.66 * paper, 0.61 * paper, 0.48 * paper), light), view.cover(far + 0.004))
        for k in range(60):
            a, b = turned(view.y, view.x, centre, 6.0 * k)
            size, half = (0.0022, 0.0009) if k % 5 else (0.0065, 0.0016)
            mark = rectangle(a, b, (0.007 - radius, -half, 0.007 - radius + size, half))
            view.lay(scaled((0.03, 0.03, 0.03), light), view.cover(mark))
        for angle, reach, thick in hands:
            a, b = turned(view.y, view.x, centre, angle)
            tip = -reach * radius
            hand = polygon(a, b, ((0.006, -thick), (tip, -0.3 * thick), (tip, 0.3 * thick), (0.006, thick)))
            view.lay(scaled((0.02, 0.02, 0.025), light), view.cover(hand))

    return Thing((y - radius, x - radius, y + radius, x + radius), paint)


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
