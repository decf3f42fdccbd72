# SPDX-License-Identifier: Apache-2.0
"""The table: an oak top seen at a low angle, front edge, apron and two legs; and the dark below it."""

from __future__ import annotations

import numpy as np

from lichtbild.simulate.brush import bump, rectangle, step, three
from lichtbild.simulate.room.light import LAMP, Normal, lit, scaled
from lichtbild.simulate.room.materials import plank, wood
from lichtbild.simulate.room.walls import FLOOR, OPENING
from lichtbild.simulate.scene import Thing, View

TOP, LEFT, BOTTOM, RIGHT = 0.648, 0.330, 0.722, 1.185  # of top and front edge together
EDGE = TOP + 0.048  # y where the top ends and the front begins
STAND = 0.662  # y where things meet the table
LEGS = ((LEFT + 0.022, LEFT + 0.050), (RIGHT - 0.050, RIGHT - 0.022))


def table(seed: int) -> list[Thing]:
    """All of it, from the dark below to the front edge."""
    return [
        Thing((BOTTOM - 0.03, LEFT - 0.04, FLOOR + 0.09, RIGHT + 0.04), under),
        apron(seed + 4),
        *(leg(seed + 5, *sides) for sides in LEGS),
        surface(seed),
        front(seed + 3),
    ]


def under(view: View) -> None:
    """The shadow under the table."""
    side = step(view.x, LEFT - 0.03, LEFT + 0.05) * (1 - step(view.x, RIGHT - 0.05, RIGHT + 0.03))
    down = 1 - step(view.y, FLOOR + 0.010, FLOOR + 0.075)
    deep = 1 - side * down * step(view.y, BOTTOM - 0.03, BOTTOM)
    view.shade(three(0.022 * k + (1 - 0.022 * k) * deep * deep for k in (1.2, 1.0, 0.9)))


def apron(seed: int) -> Thing:
    """The board between the legs."""

    def paint(view: View) -> None:
        grain = wood(view.y * 0.6, view.x, seed=seed)
        light = lit(view.y, view.x, 0.2)
        cover = view.cover(rectangle(view.y, view.x, (BOTTOM, LEFT + 0.03, BOTTOM + 0.036, RIGHT - 0.03)))
        shade = 0.10 + 0.35 * step(view.y, BOTTOM, BOTTOM + 0.036)
        view.lay(
            scaled(plank((0.10, 0.05, 0.025), grain), (light[0] * shade, light[1] * shade, light[2] * shade)),
            cover,
        )

    return Thing((BOTTOM, LEFT, BOTTOM + 0.04, RIGHT), paint)


def leg(seed: int, x0: float, x1: float) -> Thing:
    """A turned leg, lit from the lamp's side, in the dark below the top."""
    box = (BOTTOM, x0, FLOOR + 0.075, x1)

    def paint(view: View) -> None:
        grain = wood(view.y, view.x, seed=seed, along="y")
        slope = (view.x - (x0 + x1) / 2) * np.float32(1.7 / (x1 - x0))
        n = Normal(0.0, slope, np.sqrt(np.maximum(1 - slope * slope, np.float32(0.1))))
        light = lit(view.y, view.x, 0.24, n, wrap=0.2)
        shade = 0.22 + 0.5 * step(view.y, BOTTOM + 0.02, FLOOR + 0.07)
        view.lay(
            scaled(plank((0.12, 0.062, 0.03), grain), (light[0] * shade, light[1] * shade, light[2] * shade)),
            view.cover(rectangle(view.y, view.x, box, 0.003)),
        )

    return Thing(box, paint)


def surface(seed: int) -> Thing:
    """The top: three boards, the gleam of the dusk and of the lamp on them."""

    def paint(view: View) -> None:
        t = (view.y - np.float32(TOP)) * np.float32(1 / (EDGE - TOP))
        depth = 1.25 - 0.25 * t
        u = (view.x - np.float32(0.75)) * depth
        grain = wood(t * 0.42 + np.floor(t * 3) * 1.7, u * 1.2 + np.floor(t * 3) * 0.7, seed=seed)
        joint = 1 - 0.5 * bump(t * 3 - np.floor(t * 3), 0.0, 0.05)
        skew = (EDGE - view.y) * np.float32(0.35)
        cover = view.cover(
            np.maximum(
                np.maximum(LEFT + skew - view.x, view.x - RIGHT + skew),
                np.maximum(TOP - view.y, view.y - EDGE),
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

    return Thing((TOP, LEFT, EDGE, RIGHT), paint)


def front(seed: int) -> Thing:
    """The front edge."""

    def paint(view: View) -> None:
        t = (view.y - np.float32(EDGE)) * np.float32(1 / (BOTTOM - EDGE))
        grain = wood(t * 0.08 + 5, view.x, seed=seed)
        n = Normal(-0.85 + 1.1 * step(t, 0.0, 0.25), 0.0, 0.5 + 0.5 * step(t, 0.0, 0.25))
        light = lit(view.y, view.x, 0.27, n, wrap=0.35)
        cover = view.cover(rectangle(view.y, view.x, (EDGE, LEFT, BOTTOM, RIGHT), 0.004))
        view.lay(scaled(plank((0.17, 0.09, 0.045), grain), light), cover)

    return Thing((EDGE, LEFT, BOTTOM, RIGHT), paint)
