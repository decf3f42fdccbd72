# SPDX-License-Identifier: Apache-2.0
"""What the window shows: a lake between hills, minutes before the sun is gone, and a balloon above it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lichtbild.simulate.brush import (
    Light,
    Plane,
    Value,
    blend,
    bump,
    capsule,
    disk,
    ellipse,
    noise,
    polygon,
    srgb,
    step,
    times,
    wave,
)
from lichtbild.simulate.room.light import mixed
from lichtbild.simulate.scene import Box, Mover, Thing, View

SHORE = 0.418  # y of the far shore
SUN = (0.350, 0.805)


class Hill(NamedTuple):
    """A range of hills: y of its foot, height, how many crests, how much air before it, its trees."""

    base: float
    height: float
    scale: float
    haze: float
    trees: float


HILLS = (
    Hill(SHORE, 0.085, 2.6, 0.86, 0.0),
    Hill(SHORE, 0.060, 4.1, 0.66, 0.0),
    Hill(SHORE + 0.002, 0.034, 6.3, 0.40, 0.0022),
    Hill(SHORE + 0.004, 0.013, 11.0, 0.10, 0.0060),
)


def clouds(y: Plane, x: Plane, seed: int) -> tuple[Plane, Plane]:
    """How thick the clouds are (0 … 1), and how much sun their edges catch."""
    v = 3.2 / (
        SHORE + 0.09 - np.minimum(y, np.float32(SHORE))
    )  # perspective: layers close up towards the horizon
    u = (x - SUN[1]) * (0.55 * v)
    bend = 0.16 * noise(v * 0.5, u * 0.5, octaves=4, seed=seed + 1)
    thick = noise(v * 0.36 + bend, u * 0.42 + bend, octaves=8, rough=0.58, seed=seed)
    towards = noise(v * 0.36 + bend - 0.10, u * 0.42 + bend, octaves=5, rough=0.58, seed=seed)
    return step(thick, -0.1, 1.6), np.clip(0.55 + 0.5 * (thick - towards), 0, 1.6)


def sky(y: Plane, x: Plane, seed: int) -> Light:
    """Sky, sun and clouds."""
    height = np.clip((SHORE - y) * np.float32(1 / 0.36), 0, 1)
    low = blend((1.25, 0.50, 0.16), (0.86, 0.46, 0.27), step(height, 0.0, 0.28))
    light: Light = mixed(
        low,
        mixed((0.50, 0.43, 0.42), (0.085, 0.165, 0.34), step(height, 0.45, 1.0)),
        step(height, 0.12, 0.75),
    )
    dy, dx = y - np.float32(SUN[0]), x - np.float32(SUN[1])
    d2 = dy * dy + dx * dx
    glow, corona = 0.020 / (0.020 + d2), 0.00035 / (0.00035 + d2)
    thick, edge = clouds(y, x, seed)
    near = np.clip(glow * 1.5, 0, 1)
    body = blend((0.120, 0.120, 0.185), (0.30, 0.145, 0.125), near)
    rim = blend((0.52, 0.33, 0.33), (2.3, 1.05, 0.42), near)
    lit = mixed(body, rim, edge * (1 - 0.45 * thick))
    light = mixed(light, lit, thick * 0.93)
    veil = 1 - 0.72 * thick
    sun = step(0.0125 - np.sqrt(d2), 0.0, 0.0016) * 70.0
    shine = (0.55 * glow * glow + 4.5 * corona * corona) * veil + sun * veil
    return light[0] + 1.0 * shine, light[1] + 0.62 * shine, light[2] + 0.26 * shine


def ridge(x: Plane, hill: Hill, seed: int) -> Plane:
    """The y of the crest of a hill at `x`."""
    line = noise(np.zeros((1, 1), np.float32), x * np.float32(hill.scale), octaves=5, rough=0.45, seed=seed)
    crest = np.float32(hill.base) - np.float32(hill.height) * (0.55 + 0.45 * line)
    if hill.trees:
        fir = np.abs(wave(x * 140 + 2.0 * line))
        crest = crest - hill.trees * (
            0.5 + 0.5 * noise(np.zeros((1, 1), np.float32), x * 95, octaves=4, rough=0.7, seed=seed + 9)
        ) * (0.5 + 0.5 * fir)
    return crest


def land(y: Plane, x: Plane, seed: int, pixel: float) -> Light:
    """Sky and hills above the shore."""
    light = sky(y, x, seed)
    near_sun = 1 / (1 + 14 * (x - SUN[1]) * (x - SUN[1]))
    for k, hill in enumerate(HILLS):
        crest = ridge(x, hill, seed + 20 + k)
        cover = np.clip(0.5 + (y - crest) * np.float32(1 / pixel), 0, 1)
        woods = noise(y * (60 + 90 * k), x * (45 + 60 * k), octaves=5, rough=0.6, seed=seed + 40 + k)
        fall = np.clip((y - crest) * 9, 0, 0.45)
        air = (0.60 + 0.40 * near_sun, 0.345 + 0.10 * near_sun, 0.30 - 0.06 * near_sun)
        tone = 1 + 0.22 * woods
        ground = (0.026 * tone, 0.034 * tone, 0.030 * tone)
        share = np.clip(hill.haze * (1 - fall) * (0.72 + 0.28 * near_sun), 0, 1)
        light = mixed(light, mixed(ground, air, share), cover)
    return light


def lake(y: Plane, x: Plane, seed: int, pixel: float) -> Light:
    """Water below the shore: the land upside down, torn by ripples, and the road of the sun."""
    depth = y - np.float32(SHORE)
    far = np.float32(0.020) / (depth + np.float32(0.006))  # perspective: 3 at the shore, small in front
    v = np.float32(1.0) / (depth + np.float32(0.012))
    ripple = noise(v * 1.9, x * v * 0.16, octaves=5, rough=0.62, seed=seed + 60)
    strength = np.clip(depth * 0.30, 0, 0.02) + 0.0012
    mirrored = land(
        np.float32(2 * SHORE) - y - strength * ripple * 1.3, x + 0.25 * strength * ripple, seed, pixel
    )
    clear = 0.80 - 0.28 * np.clip(depth * 6, 0, 1)
    calm = times((0.018, 0.030, 0.045), 1 + 0.35 * ripple)
    light = mixed(
        calm, (np.minimum(mirrored[0], 3), np.minimum(mirrored[1], 2), np.minimum(mirrored[2], 1)), clear
    )
    road = bump((x - np.float32(SUN[1])) / (0.055 + 0.06 * (1 - np.clip(far * 0.4, 0, 1))), 0.0, 1.0)
    fleck = step(noise(v * 5.5, x * v * 0.55, octaves=4, rough=0.7, seed=seed + 61), 0.75, 1.9)
    glitter = road * (0.35 + 7.0 * fleck * (0.25 + np.clip(far, 0, 1)))
    return light[0] + glitter, light[1] + 0.52 * glitter, light[2] + 0.19 * glitter


def sailboat(view: View, at: tuple[float, float], size: float) -> None:
    """A boat with two white sails, and its reflection."""
    y, x = at
    for flip, share in ((1.0, 1.0), (-0.75, 0.45)):
        v, u = (view.y - y) * (flip / size), (view.x - x) * (1 / size)
        soft = view.pixel / size
        parts = (
            (polygon(v, u, ((-1.0, 0.02), (-0.10, 0.46), (-0.06, 0.02))), (0.92, 0.62, 0.44)),
            (polygon(v, u, ((-0.93, -0.02), (-0.06, -0.02), (-0.10, -0.30))), (0.62, 0.44, 0.38)),
            (
                polygon(v, u, ((-0.02, -0.42), (-0.02, 0.50), (0.10, 0.36), (0.10, -0.32))),
                (0.03, 0.022, 0.025),
            ),
        )
        for distance, colour in parts:
            view.lay(colour, np.clip(0.5 - distance / soft, 0, 1) * share)


def view_outside(box: Box, seed: int) -> Thing:
    """The whole view."""

    def paint(view: View) -> None:
        above = int(np.searchsorted(view.y[:, 0], SHORE))
        if above:
            y = view.y[:above]
            put(view, slice(0, above), land(y, view.x, seed, view.pixel))
        if above < view.y.shape[0]:
            y = view.y[above:]
            put(view, slice(above, None), lake(y, view.x, seed, view.pixel))
        if (part := view.part((SHORE - 0.06, 0.70, SHORE + 0.07, 0.90))) is not None:
            sailboat(part, (SHORE + 0.024, 0.868), 0.040)
            sailboat(part, (SHORE + 0.007, 0.722), 0.013)

    return Thing(box, paint)


def put(view: View, rows: slice, light: Light) -> None:
    """Replace rows of the view."""
    for c in range(3):
        view.light[c, rows] = light[c]


def balloon(at: tuple[float, float], radius: float) -> Mover:
    """A striped hot-air balloon that drifts to the left and up."""
    y, x = at
    stripes = tuple(srgb(c) for c in ("c8402e", "e8a33a", "f0e2c0", "2f6f86"))

    def paint(view: View) -> None:
        v, u = (view.y - y) * (1 / radius), (view.x - x) * (1 / radius)
        taper = joined_envelope(v, u)
        inside = np.clip(0.5 - taper * np.float32(radius / view.pixel), 0, 1)
        width = np.sqrt(np.clip(1 - v * v * 0.72, 0.05, 1))
        across = np.clip(u / width, -1, 1)
        around = across * (0.75 + 0.25 * across * across)  # about the angle on a round body
        gore = (around + 1) * 6
        index = np.floor(gore).astype(np.int32) % 4
        seam = (
            1 - 0.45 * bump(gore - np.floor(gore), 0.0, 0.10) - 0.45 * bump(gore - np.floor(gore), 1.0, 0.10)
        )
        shade = (0.10 + 0.62 * step(across * 0.5 + v * 0.55, -0.8, 1.0) + 0.30 * step(v, 0.2, 1.1)) * seam
        for c in range(3):
            colour = np.choose(index, [s[c] for s in stripes]).astype(np.float32)
            view.light[c] += (colour * shade * (1.25, 0.85, 0.62)[c] - view.light[c]) * inside
        basket = polygon(v, u, ((1.62, -0.17), (1.62, 0.17), (1.88, 0.13), (1.88, -0.13)))
        ropes = np.minimum(
            np.abs(capsule(v, u, (1.1, -0.30), (1.65, -0.15), (0.012, 0.012))),
            np.abs(capsule(v, u, (1.1, 0.30), (1.65, 0.15), (0.012, 0.012))),
        )
        view.lay(
            (0.05, 0.035, 0.03), np.clip(0.5 - (ropes - 0.012) * np.float32(radius / view.pixel), 0, 1) * 0.8
        )
        view.lay((0.07, 0.04, 0.025), np.clip(0.5 - basket * np.float32(radius / view.pixel), 0, 1))
        flame = ellipse(v, u, (1.36, 0.0), (0.16, 0.06))
        view.lay((9.0, 4.6, 1.3), np.clip(0.5 - flame * np.float32(radius / view.pixel), 0, 1))

    box = (y - 1.1 * radius, x - 1.1 * radius, y + 2.0 * radius, x + 1.1 * radius)
    return Mover(Thing(box, paint), velocity=(-0.9, -3.1))


def joined_envelope(v: Plane, u: Plane) -> Value:
    """Distance to the envelope: a ball that runs out in a cone."""
    cone = capsule(v, u, (0.18, 0.0), (1.02, 0.0), (0.93, 0.36))
    return np.maximum(np.minimum(disk(v, u, (0.0, 0.0), 1.0), cone), v - np.float32(1.18))
