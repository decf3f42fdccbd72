# SPDX-License-Identifier: Apache-2.0
"""What lives in the room: a cat that looks out of the window and moves its tail, and a house plant."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Plane,
    Value,
    bump,
    capsule,
    disk,
    ellipse,
    joined,
    length,
    noise,
    polygon,
    step,
    wave,
)
from lichtbild.simulate.room.light import Normal, lit, scaled
from lichtbild.simulate.scene import Mover, Thing, View


def fur(view: View, far: Plane, soft: float, seed: int) -> Plane:
    """Cover of a furry shape: hairs stand over its outline."""
    hair = noise(view.y * 560, view.x * 640, octaves=2, rough=0.8, seed=seed) * np.float32(soft)
    return step(-(far + hair), -0.0007, 0.0009)


def coat(view: View, far: Plane, cover: Plane, rim: Value, seed: int) -> None:
    """Grey tabby fur, dark against the dusk, with light around its outline."""
    stripes = 0.5 + 0.5 * wave(view.y * 42 + 0.5 * noise(view.y * 22, view.x * 26, octaves=3, seed=seed))
    hair = 1 + 0.22 * noise(view.y * 150, view.x * 520, octaves=3, rough=0.7, seed=seed + 1)
    inward = np.clip(-far * np.float32(26), 0, 1)
    tone = (0.16 + 0.13 * stripes) * hair
    side = step(view.x, 0.99, 1.06)
    light = lit(
        view.y, view.x, 0.06, Normal(-0.15, -0.75 + 0.7 * inward + 0.1 * side, 0.45 + 0.5 * inward), wrap=0.35
    )
    view.lay(scaled((tone * 1.08, tone, tone * 0.86), light), cover)
    edge = bump(far, -0.0006, 0.0030) * rim * (0.4 + 0.6 * hair)
    view.add((0.34, 0.175, 0.085), edge * cover * cover)


def cat(foot: tuple[float, float], size: float) -> Thing:
    """A sitting cat from behind, its head turned to the lake; `size` is its height."""
    y, x = foot

    def paint(view: View) -> None:
        v, u = (view.y - np.float32(y)) / size, (view.x - np.float32(x)) / size
        body = ellipse(v, u, (-0.24, 0.0), (0.27, 0.225))
        chest = capsule(v, u, (-0.30, -0.015), (-0.62, -0.035), (0.175, 0.095))
        far = joined(body, chest, 0.09)
        far = joined(far, ellipse(v, u, (-0.065, 0.12), (0.085, 0.14)), 0.05)
        far = joined(far, ellipse(v, u, (-0.065, -0.12), (0.085, 0.14)), 0.05)
        head = ellipse(v, u, (-0.775, -0.045), (0.120, 0.142))
        far = joined(far, head, 0.045)
        for tip, a, b in (
            ((-1.0, -0.150), (-0.80, -0.183), (-0.885, -0.045)),
            ((-1.0, 0.065), (-0.885, -0.04), (-0.80, 0.096)),
        ):
            far = joined(far, polygon(v, u, (tip, b, a)), 0.018)
        far = np.maximum(far, v) * np.float32(size)
        cover = fur(view, far, 0.00055, 71)
        coat(view, far, cover, 1.0 - step(view.y, y - 0.05 * size, y - 0.01 * size), 72)
        inner = np.minimum(
            ellipse(v, u, (-0.915, -0.130), (0.05, 0.018)), ellipse(v, u, (-0.915, 0.045), (0.05, 0.018))
        ) * np.float32(size)
        view.add((0.10, 0.045, 0.03), view.cover(inner) * 0.5)
        for k in range(3):
            for side in (-1, 1):
                a, b = (-0.745 + 0.012 * k, -0.045 + side * 0.12), (-0.765 + 0.035 * k, -0.045 + side * 0.24)
                line = capsule(v, u, a, b, (0.0025, 0.0008)) * np.float32(size)
                view.lay((0.30, 0.22, 0.18), view.cover(line) * 0.55)

    def shadow(view: View) -> None:
        far = ellipse(view.y, view.x, (y + 0.002, x + 0.004), (0.007, 0.27 * size))
        view.shade(1 - 0.75 * (1 - step(far, -0.006, 0.008)))

    def both(view: View) -> None:
        shadow(view)
        paint(view)

    return Thing((y - 1.04 * size, x - 0.34 * size, y + 0.02, x + 0.34 * size), both)


def tail(root: tuple[float, float], size: float) -> Mover:
    """The cat's tail, hanging over the sill."""
    y, x = root
    path = [(0.0, 0.0), (0.06, -0.050), (0.16, -0.075), (0.27, -0.068), (0.365, -0.030), (0.42, 0.035)]
    thick = (0.040, 0.042, 0.041, 0.038, 0.033, 0.024)

    def paint(view: View) -> None:
        v, u = (view.y - np.float32(y)) / size, (view.x - np.float32(x)) / size
        far: Plane | None = None
        for a, b, r, s in zip(path, path[1:], thick, thick[1:], strict=False):
            piece = capsule(v, u, a, b, (r, s))
            far = piece if far is None else joined(far, piece, 0.02)
        assert far is not None
        far = far * np.float32(size)
        coat(view, far, fur(view, far, 0.00055, 73), 0.18, 74)

    box = (y - 0.06 * size, x - 0.16 * size, y + 0.50 * size, x + 0.12 * size)
    return Mover(Thing(box, paint), pivot=(y, x), swing=0.34, rate=0.055, phase=0.05)


def leaf(
    base: tuple[float, float],
    angle: float,
    size: float,
    *,
    width: float,
    colour: Triple,
    depth: float,
    seed: int,
) -> Thing:
    """A leaf with a midrib and side veins; light comes through from the window."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    tip = (base[0] - size * c, base[1] + size * s)

    def paint(view: View) -> None:
        dy, dx = view.y - np.float32(base[0]), view.x - np.float32(base[1])
        t, u = (-dy * c + dx * s) / size, (dy * s + dx * c) / size
        u = u + 0.10 * (t - 0.5) * (t - 0.5)
        half = width * np.sqrt(np.maximum(4 * t * (1 - t), np.float32(0))) * (1.18 - 0.52 * t)
        far = np.maximum(np.abs(u) - half, np.maximum(-t, t - 1)) * np.float32(size)
        if far.min() > view.pixel:
            return
        cover = view.cover(far)
        side = np.abs(u) / np.maximum(half, np.float32(1e-3))
        rib = bump(u, 0.0, 0.012)
        vein = bump(wave((t - 0.55 * side * width) * 6.0), 1.0, 0.20) * (1 - side) * 0.6
        mottle = noise(t * 9, u * 9, octaves=5, seed=seed)
        tone = depth * (1 + 0.13 * mottle) * (1 + 0.55 * np.maximum(rib, vein))
        fold = np.where(u > 0, np.float32(0.45), np.float32(-0.45)) * c
        n = Normal(-0.25 + 0.2 * s, -0.30 + fold, 0.75)
        light = lit(view.y, view.x, 0.16, n, wrap=0.5)
        gloss = 0.018 * bump(side, 0.45, 0.4) * bump(t, 0.55, 0.5) * (u < 0)
        view.lay(scaled((colour[0] * tone, colour[1] * tone, colour[2] * tone), light), cover)
        view.add((1.0, 0.72, 0.45), gloss * cover * depth)

    reach = size * width * 1.3
    box = (
        min(base[0], tip[0]) - reach,
        min(base[1], tip[1]) - reach,
        max(base[0], tip[0]) + reach,
        max(base[1], tip[1]) + reach,
    )
    return Thing(box, paint)


def plant(foot: tuple[float, float], height: float, seed: int) -> list[Thing]:
    """A plant in a pot: stems that bend outwards, leaves from the dark behind to the light in front."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0x706C616E]))
    y, x = foot
    made: list[Thing] = []
    for k in range(64):
        front = k / 63
        lean = float(random.uniform(-62, 62))
        far = float(random.uniform(0.30, 1.0)) * height
        base = (y - far * math.cos(math.radians(lean * 0.75)), x + far * math.sin(math.radians(lean)) * 0.62)
        green = random.random()
        colour = (0.060 + 0.16 * green * green, 0.19 + 0.17 * green, 0.050 + 0.03 * green)
        size = float(random.uniform(0.060, 0.105)) * (0.8 + 0.3 * front)
        made += stem((y, x), base, 0.0018)
        made.append(
            leaf(
                base,
                lean * 1.35 + float(random.uniform(-30, 30)),
                size,
                width=float(random.uniform(0.20, 0.27)),
                colour=colour,
                depth=0.35 + 0.65 * front,
                seed=int(random.integers(1 << 20)),
            )
        )
    return [*made, pot(foot)]


def stem(foot: tuple[float, float], tip: tuple[float, float], thick: float) -> list[Thing]:
    """A stalk that leaves the pot upright and bends outwards, in a few short strokes."""
    bend = [
        (foot[0] + (tip[0] - foot[0]) * t, foot[1] + (tip[1] - foot[1]) * t * t)
        for t in (0.0, 0.25, 0.5, 0.7, 0.86, 1.0)
    ]

    def stroke(a: tuple[float, float], b: tuple[float, float]) -> Thing:
        def paint(view: View) -> None:
            far = capsule(view.y, view.x, a, b, (thick, thick))
            if far.min() > view.pixel:
                return
            u = (view.x - (a[1] + b[1]) / 2) * np.float32(0.5 / thick)
            view.lay(
                scaled(
                    (0.10, 0.15, 0.05), lit(view.y, view.x, 0.12, Normal(0.0, np.clip(u, -0.8, 0.8), 0.6))
                ),
                view.cover(far),
            )

        return Thing(
            (
                min(a[0], b[0]) - thick,
                min(a[1], b[1]) - thick,
                max(a[0], b[0]) + thick,
                max(a[1], b[1]) + thick,
            ),
            paint,
        )

    return [stroke(a, b) for a, b in pairwise(bend)]


def pot(foot: tuple[float, float]) -> Thing:
    """Terracotta."""
    y, x = foot[0] - 0.012, foot[1]
    height = 0.135

    def paint(view: View) -> None:
        t = (view.y - np.float32(y)) * np.float32(1 / height)
        rim = t < 0.20
        half = np.where(rim, np.float32(0.078), 0.072 - 0.020 * t)
        u = (view.x - np.float32(x)) / half
        far = np.maximum(
            np.maximum(
                y - view.y, view.y - y - height - 0.004 * np.sqrt(np.maximum(1 - u * u, np.float32(0)))
            ),
            (np.abs(u) - 1) * half,
        )
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        lime = noise(view.y * 40, view.x * 26, octaves=5, rough=0.6, seed=81)
        grit = 1 + 0.07 * noise(view.y * 400, view.x * 400, octaves=2, seed=82)
        pale = np.clip(0.25 * lime, 0, 0.4)
        colour = ((0.36 + 0.2 * pale) * grit, (0.145 + 0.3 * pale) * grit, (0.075 + 0.3 * pale) * grit)
        light = lit(view.y, view.x, 0.14 + 0.06 * z, Normal(0.0, u * 0.92, z), wrap=0.25)
        under = 1 - 0.55 * bump(t, 0.215, 0.05)
        view.lay(scaled(colour, (light[0] * under, light[1] * under, light[2] * under)), view.cover(far))

    return Thing((y - 0.002, x - 0.082, y + height + 0.008, x + 0.082), paint)


def ground_shadow(centre: tuple[float, float], radii: tuple[float, float]) -> Thing:
    """The dark under something that stands on the floor."""

    def paint(view: View) -> None:
        far = length((view.y - np.float32(centre[0])) / radii[0], (view.x - np.float32(centre[1])) / radii[1])
        view.shade(0.15 + 0.85 * step(far, 0.45, 1.0))

    return Thing(
        (centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1]), paint
    )


def moon(centre: tuple[float, float], radius: float) -> Thing:
    """A disk (for prints)."""
    return Thing(
        (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius),
        lambda view: view.lay((0.75, 0.42, 0.16), view.cover(disk(view.y, view.x, centre, radius))),
    )
