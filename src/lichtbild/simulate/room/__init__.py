# SPDX-License-Identifier: Apache-2.0
"""The room of the demonstration: an evening by the lake.

A plastered wall, a window with the last sun on the water, a lamp; books, fruit, a candle; a cat on the sill.
The sun is 70 times as bright as white paper and the basket under the table a few ten-thousandths, more than
seventeen stops apart. Three things move: the balloon over the lake, the pendulum of the clock, the tail of
the cat.  Everything is drawn by the functions of this folder; nothing is a photograph.
"""

from __future__ import annotations

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import noise, rectangle, srgb, step, turned
from lichtbild.simulate.charts import patches, star
from lichtbild.simulate.room.furniture import dial, framed, pendulum
from lichtbild.simulate.room.light import CANDLE, lit
from lichtbild.simulate.room.living import cat, ground_shadow, moon, plant, tail
from lichtbild.simulate.room.oddments import basket, lights, pile, yarn
from lichtbild.simulate.room.outdoors import balloon, view_outside
from lichtbild.simulate.room.shelf import bookcase
from lichtbild.simulate.room.stilllife import ball, bowl, candle, cast, cup, lamp_shade
from lichtbild.simulate.room.table import STAND, table
from lichtbild.simulate.room.walls import FLOOR, OPENING, curtain, floor, rod, rug, wall, window
from lichtbild.simulate.scene import Box, Scene, Thing, View

WHITE: Triple = (1.0, 0.88, 0.73)  # between the lamp and the dusk: the eye half adapts
SILL = (OPENING[2] + 0.006, 1.030)
CLOCK = (0.160, 1.292)
FRUIT: tuple[tuple[float, float, float, str, str], ...] = (  # dx, dy, radius, kind, colour
    (-0.052, -0.012, 0.030, "orange", "e8862a"),
    (0.056, -0.012, 0.029, "apple", "b3261e"),
    (0.006, -0.032, 0.031, "orange", "ea8d2e"),
    (-0.024, -0.002, 0.031, "apple", "c02a20"),
    (0.026, -0.004, 0.027, "lemon", "f0cf3a"),
)


def card(box: Box, tilt: float) -> list[Thing]:
    """The colour chart, leaning against the wall in the light of the lamp."""
    lying = patches(box, tilt, lambda view: lit(view.y, view.x, 0.02))
    top, left, bottom, right = lying.box

    def shadow(view: View) -> None:
        v, u = turned(view.y, view.x, ((top + bottom) / 2 + 0.003, (left + right) / 2 + 0.012), tilt)
        half_h, half_w = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        view.shade(1 - 0.55 * (1 - step(rectangle(v, u, (-half_h, -half_w, half_h, half_w)), -0.010, 0.012)))

    return [Thing((top - 0.02, left, bottom, right + 0.03), shadow), lying]


def hills_print(box: Box) -> list[Thing]:
    """A print of hills under an orange moon."""
    top, left, bottom, _ = box

    def paint(view: View) -> None:
        t = (view.y - top) / (bottom - top)
        view.lay((0.62 - 0.25 * t, 0.52 - 0.2 * t, 0.40 - 0.1 * t))

    def ridges(view: View) -> None:
        for k, code in enumerate(("8fa3a0", "54757a", "2c4a54")):
            crest = (
                top
                + (bottom - top) * (0.45 + 0.17 * k)
                + 0.010 * noise(view.x * 0, view.x * (22 + 9 * k), octaves=4, seed=90 + k)
            )
            view.lay(srgb(code), view.cover(crest - view.y))

    return [Thing(box, paint), moon((top + 0.035, left + 0.042), 0.013), Thing(box, ridges)]


def still_life(seed: int) -> list[Thing]:
    """What stands on the table, from left to right."""
    x, rim = 0.755, STAND - 0.040
    fruit = [
        ball((rim + dy - 0.008, x + dx), r, srgb(code), kind=kind, seed=seed + k)
        for k, (dx, dy, r, kind, code) in enumerate(FRUIT)
    ]
    single = ball((STAND - 0.018, 0.868), 0.026, srgb("b8301f"), kind="apple", seed=seed + 9)
    return [
        cast((STAND, 0.383), (0.008, 0.052), 0.6),
        *pile(0.383, STAND + 0.004, seed),
        cast((STAND, 0.455), (0.008, 0.036), 0.3),
        *lamp_shade(),
        *card((0.572, 0.533, 0.648, 0.637), -4.0),
        cast((STAND + 0.006, x), (0.011, 0.060), 0.7),
        *fruit,
        bowl((rim, x), 0.094, 0.052),
        cast((STAND + 0.008, 0.868), (0.007, 0.022), 0.7),
        single,
        *candle(CANDLE[1]),
        *cup(1.082),
    ]


def room(aspect: float, seed: int) -> Scene:
    """The scene; `aspect` is width / height of the picture, which is drawn for 4 : 3."""
    star_box, hills_box = (0.118, 0.350, 0.262, 0.452), (0.150, 0.478, 0.272, 0.566)
    things = [
        *wall(seed),
        floor(seed + 2),
        rug(seed + 3),
        view_outside(OPENING, seed),
        *window(seed + 4),
        *framed(
            star_box,
            [Thing(star_box, lambda v: v.lay((0.6, 0.58, 0.5))), star((0.190, 0.401), 0.026)],
            (0.10, 0.055, 0.028),
        ),
        *framed(hills_box, hills_print(hills_box), (0.26, 0.17, 0.06), mat=0.008),
        *dial(CLOCK, 0.034),
        cat(SILL, 0.185),
        curtain((0.034, 0.578, 0.612, 0.694), seed + 5, 0.0),
        curtain((0.034, 1.112, 0.612, 1.236), seed + 6, 1.0),
        rod(),
        *lights([(0.052, 0.283), (0.046, 0.436), (0.028, 0.575)]),
        *bookcase(seed + 7),
        *table(seed + 8),
        ground_shadow((FLOOR + 0.030, 0.70), (0.03, 0.13)),
        *basket((FLOOR + 0.035, 0.70)),
        *still_life(seed + 9),
        ground_shadow((0.955, 1.275), (0.03, 0.12)),
        *plant((0.842, 1.285), 0.32, seed + 11),
        ground_shadow((0.958, 0.452), (0.016, 0.055)),
        yarn((0.928, 0.452), 0.036, srgb("4f7f8c"), seed + 12),
    ]
    movers = (
        balloon((0.158, 1.068), 0.024),
        pendulum(CLOCK, 0.034),
        tail((SILL[0] - 0.008, SILL[1] - 0.026), 0.185),
    )
    return Scene(tuple(things), movers, exposure=0.9, white=WHITE)
