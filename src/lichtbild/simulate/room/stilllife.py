# SPDX-License-Identifier: Apache-2.0
"""What stands on the table: the lamp, fruit in a bowl, a candle, a cup."""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Light,
    bump,
    capsule,
    disk,
    ellipse,
    joined,
    length,
    noise,
    rectangle,
    step,
    three,
    times,
    wave,
)
from lichtbild.simulate.room.light import LAMP, Normal, lit, scaled
from lichtbild.simulate.room.table import EDGE, STAND
from lichtbild.simulate.scene import Thing, View

SHADE = (LAMP[0] - 0.075, LAMP[0] + 0.062)  # y from its upper to its lower edge


def lamp_shade() -> list[Thing]:
    """The lamp: its glow in the air, glazed foot with a brass neck, a shade of raw silk."""
    y, x, _ = LAMP

    def halo(view: View) -> None:
        v, u = view.y - np.float32(y), view.x - np.float32(x)
        d2 = v * v + u * u
        view.add((1.0, 0.58, 0.25), 0.012 / (1 + d2 * 160) + 0.05 / (1 + d2 * 900))

    return [
        Thing((y - 0.42, x - 0.4, y + 0.41, x + 0.4), halo),
        Thing((SHADE[1] - 0.005, x - 0.06, STAND + 0.003, x + 0.06), lamp_foot),
        Thing((SHADE[0] - 0.01, x - 0.1, SHADE[1] + 0.012, x + 0.1), silk),
    ]


def lamp_foot(view: View) -> None:
    """Crackled glaze in the shape of a pear."""
    y1, x = SHADE[1], LAMP[1]
    t = (view.y - np.float32(y1)) * np.float32(1 / (STAND - y1))
    half = np.maximum(0.009 + 0.035 * bump(t, 0.60, 0.54), 0.027 * step(t, 0.945, 0.955))
    u = (view.x - np.float32(x)) / half
    z = np.sqrt(np.maximum(1 - u * u, np.float32(0.02)))
    slope = -0.55 * (step(t, 0.15, 0.5) - step(t, 0.6, 0.95))
    n = Normal(slope, u * 0.9, z * 0.8)
    cover = np.clip(0.5 - (np.abs(u) - 1) * half * np.float32(1 / view.pixel), 0, 1) * view.cover(
        view.y - STAND
    )
    crackle = np.abs(noise(view.y * 55, u * 2.2 + 9, octaves=4, seed=31))
    glaze = 1 - 0.35 * bump(crackle, 0.0, 0.10) + 0.10 * noise(view.y * 20, u, octaves=3, seed=32)
    light = lit(view.y, view.x, 0.12 + 0.03 * z, n, wrap=0.3)
    brass = t < 0.16
    metal = 0.15 + 0.60 * bump(u, -0.35, 0.55) + 0.25 * bump(u, 0.5, 0.3)
    colour = three(
        np.where(brass, m * metal, g * glaze) for m, g in ((0.42, 0.035), (0.25, 0.165), (0.08, 0.185))
    )
    view.lay(scaled(colour, (light[0] + 0.012, light[1] + 0.008, light[2] + 0.006)), cover)
    spark = (
        bump(t, 0.40, 0.10) * bump(u, -0.35, 0.26) * 0.9 + bump(t, 0.62, 0.26) * bump(u, 0.66, 0.10) * 0.16
    )
    view.add((1.0, 0.72, 0.42), spark * cover * np.where(brass, 0.2, 1.0))


def silk(view: View) -> None:
    """The shade, with the bulb shining through."""
    (y0, y1), x = SHADE, LAMP[1]
    t = (view.y - np.float32(y0)) * np.float32(1 / (y1 - y0))
    half = 0.050 + 0.038 * t
    u = (view.x - np.float32(x)) / half
    curve = np.float32(0.008) * np.sqrt(np.maximum(1 - u * u, np.float32(0)))
    far = np.maximum(np.maximum(y0 - 0.4 * curve - view.y, view.y - y1 - curve), (np.abs(u) - 1) * half)
    cover = view.cover(far)
    round_ = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
    bulb = 1 / (1 + ((t - 0.55) * 2.6) ** 2 + (u * 1.5) ** 2)
    slub = (
        1
        + 0.07 * noise(view.y * 620, view.x * 45, octaves=2, seed=41)
        + 0.07 * noise(view.y * 45, u * 46, octaves=2, seed=42)
    )
    glow = (0.40 + 0.42 * round_ + 0.95 * bulb * bulb * bulb) * slub
    seams = 1 - 0.30 * bump(far, -0.0035, 0.0035)
    ribs = 1 - 0.22 * bump(u * 2.5 - np.floor(u * 2.5), 0.5, 0.06)
    view.lay(times((1.0, 0.54, 0.22), glow * seams * ribs), cover)


def cast(centre: tuple[float, float], radii: tuple[float, float], strength: float = 0.75) -> Thing:
    """The soft shadow of something that stands at `centre`, away from the lamp, and the dark line where it
    touches.
    """
    y, x = centre
    away = 0.65 * (x - LAMP[1])
    reach = max(-0.06, min(0.12, away))

    def paint(view: View) -> None:
        far = ellipse(view.y, view.x, (y + 0.006, x + reach), (radii[0] * 1.1, radii[1] + 0.4 * abs(reach)))
        touch = ellipse(view.y, view.x, (y, x), (radii[0], radii[1] * 1.02))
        view.shade(1 - strength * (1 - step(far, -0.012, 0.022)))
        view.shade(1 - 0.8 * (1 - step(touch, -0.006, 0.007)))

    wide = radii[1] * 1.3 + 0.2
    return Thing((y - 0.05, x - wide, min(y + 0.06, EDGE), x + wide), paint)


def ball(centre: tuple[float, float], radius: float, colour: Triple, *, kind: str, seed: int) -> Thing:
    """A fruit: body colour, skin, the lamp's highlight, the window's reflection, dusk on its rim."""
    y, x = centre

    def paint(view: View) -> None:
        v, u = (view.y - np.float32(y)) / radius, (view.x - np.float32(x)) / radius
        tall = 0.94 if kind != "lemon" else 0.80
        squash = v / tall if kind != "lemon" else v / tall + 0.12 * u
        d = length(squash, u)
        cover = np.clip(0.5 - (d - 1) * np.float32(radius * 0.95 / view.pixel), 0, 1)
        z = np.sqrt(np.maximum(1 - d * d, np.float32(0)))
        pores = noise(v * 19, u * 19, octaves=3, rough=0.6, seed=seed) * (
            0.055 if kind in ("orange", "lemon") else 0.012
        )
        n = Normal(squash + pores, u + pores, z)
        skin: Light = (
            colour[0] * (1 + 0.8 * pores),
            colour[1] * (1 + 1.5 * pores),
            colour[2] * (1 + 1.5 * pores),
        )
        if kind == "apple":
            streak = noise(u / (z + 0.45) * 6, v * 1.2, octaves=5, rough=0.6, seed=seed)
            ripe = np.clip(0.55 + 0.45 * streak - 0.45 * v - 0.3 * u, 0, 1)
            skin = (
                colour[0] * (0.55 + 0.45 * ripe) + 0.16 * (1 - ripe),
                colour[1] * ripe + 0.30 * (1 - ripe),
                colour[2] * ripe + 0.035 * (1 - ripe),
            )
        contact = 0.45 + 0.55 * step(-squash, -1.0, 0.15)
        light = lit(view.y, view.x, 0.13 + radius * z, n, wrap=0.35)
        view.lay(scaled(skin, (light[0] * contact, light[1] * contact, light[2] * contact)), cover)
        rim = (1 - z) * (1 - z) * np.clip(0.35 - 0.9 * squash, 0, 1)
        view.add((0.115, 0.080, 0.062), rim * cover)
        spot = bump(length(squash + 0.30, (u + 0.52) * 1.15), 0.0, 0.19)
        panes = bump(squash, -0.58, 0.11) * bump(u, 0.12, 0.20) * (1 - 0.8 * bump(u, 0.12, 0.025))
        view.add((0.85, 0.60, 0.36), spot * cover * (0.8 if kind == "apple" else 0.22))
        view.add((0.16, 0.15, 0.16), panes * cover * (0.8 if kind == "apple" else 0.2))

    grow = 1.06 * radius
    return Thing((y - grow, x - grow, y + grow, x + grow), paint)


def bowl(centre: tuple[float, float], half: float, height: float) -> Thing:
    """A stoneware bowl with a painted band."""
    y, x = centre  # of the rim

    def paint(view: View) -> None:
        t = (view.y - np.float32(y)) * np.float32(1 / height)
        width = half * np.sqrt(np.maximum(1 - 0.80 * np.clip(t, 0, 1) ** 2, np.float32(0.05)))
        foot = np.where(t > 0.90, half * 0.44, width)
        u = (view.x - np.float32(x)) / foot
        lip = 0.006 * np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        far = np.maximum(np.maximum(y - view.y + lip * 0, view.y - (y + height)), (np.abs(u) - 1) * foot)
        cover = view.cover(far)
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        n = Normal(0.15 + 0.65 * t, u * 0.92, z * (0.9 - 0.4 * t))
        around = u * (0.8 + 0.2 * u * u) * 9
        glaze = (
            1
            + 0.06 * noise(t * 9, around * 1.2, octaves=4, seed=51)
            + 0.05 * noise(t * 60, around * 9, octaves=3, seed=52)
        )
        ornament = np.abs(wave(around) * 0.16 + 0.40 - t) - 0.035
        band = np.clip(0.5 - ornament * np.float32(height / view.pixel), 0, 1) + np.clip(
            0.5 - (np.abs(t - 0.13) - 0.028) * np.float32(height / view.pixel), 0, 1
        )
        band = np.clip(band, 0, 1) * 0.92
        colour = three(
            (a + (b - a) * band) * glaze
            for a, b in zip((0.55, 0.53, 0.47), (0.030, 0.085, 0.24), strict=True)
        )
        light = lit(view.y, view.x, 0.10 + half * z, n, wrap=0.25)
        low = 1 - 0.55 * step(t, 0.35, 1.0)
        view.lay(scaled(colour, (light[0] * low, light[1] * low, light[2] * low)), cover)
        view.add((0.85, 0.60, 0.34), 0.55 * bump(length((t - 0.30) * 0.55, u + 0.60), 0.0, 0.10) * cover)
        view.add((0.10, 0.075, 0.07), bump(far, -0.0012, 0.0022) * (t < 0.2) * cover)

    return Thing((y - 0.01, x - half - 0.004, y + height + 0.004, x + half + 0.004), paint)


def candle(x: float) -> list[Thing]:
    """A candle in a brass dish; its flame is the brightest thing indoors."""
    top, flame = STAND - 0.062, STAND - 0.082

    def body(view: View) -> None:
        u = (view.x - np.float32(x)) * np.float32(1 / 0.0115)
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        t = (view.y - np.float32(top)) * np.float32(1 / 0.062)
        cover = view.cover(rectangle(view.y, view.x, (top, x - 0.0115, STAND - 0.002, x + 0.0115), 0.003))
        glow = 0.62 * (1 - step(t, -0.05, 0.55)) + 0.05
        light = lit(view.y, view.x, 0.14, Normal(0.0, u * 0.9, z), wrap=0.3)
        view.lay(
            scaled((0.62, 0.52, 0.38), (light[0] + glow, light[1] + 0.62 * glow, light[2] + 0.30 * glow)),
            cover,
        )
        dish = ellipse(view.y, view.x, (STAND, x), (0.0065, 0.030))
        shine = 0.5 + 0.9 * bump((view.x - x) * 30, -0.35, 0.45) + 0.5 * bump((view.x - x) * 30, 0.4, 0.2)
        view.lay(
            scaled(
                (0.45 * shine, 0.28 * shine, 0.09 * shine), lit(view.y, view.x, 0.15, Normal(-0.6, 0.0, 0.8))
            ),
            view.cover(dish) * (1 - cover),
        )

    def fire(view: View) -> None:
        v, u = view.y - np.float32(flame), view.x - np.float32(x)
        d2 = v * v + u * u
        view.add((1.0, 0.56, 0.22), 0.030 / (1 + d2 * 2200) + 0.30 / (1 + d2 * 26000) ** 2)
        wick = capsule(view.y, view.x, (top + 0.001, x), (top - 0.006, x + 0.0006), (0.0008, 0.0006))
        view.lay((0.01, 0.008, 0.006), view.cover(wick))
        low, high = (
            disk(view.y, view.x, (flame + 0.006, x), 0.0052),
            capsule(view.y, view.x, (flame + 0.004, x), (flame - 0.019, x + 0.0006), (0.0048, 0.0004)),
        )
        far = joined(low, high, 0.003)
        heart = step(-far, -0.0002, 0.0038)
        view.lay(
            (30.0 * heart + 2.0, 17.0 * heart * heart + 0.9, 6.0 * heart * heart * heart + 0.28),
            view.cover(far) * (0.35 + 0.65 * step(-v, -0.010, 0.002)),
        )

    return [
        cast((STAND, x), (0.006, 0.028), 0.35),
        Thing((top - 0.002, x - 0.032, STAND + 0.008, x + 0.032), body),
        Thing((flame - 0.16, x - 0.16, flame + 0.16, x + 0.16), fire),
    ]


def cup(x: float) -> list[Thing]:
    """A striped cup."""
    top, bottom, half = STAND - 0.040, STAND + 0.004, 0.0235

    def paint(view: View) -> None:
        t = (view.y - top) / (bottom - top)
        width = half * (1 - 0.12 * t * t)
        u = (view.x - np.float32(x)) / width
        z = np.sqrt(np.maximum(1 - u * u, np.float32(0)))
        base = 0.005 * z
        handle = np.abs(ellipse(view.y, view.x, (top + 0.018, x + half + 0.004), (0.0115, 0.0095))) - 0.0026
        light = lit(view.y, view.x, 0.16, Normal(-0.2, 0.2, 0.9), wrap=0.2)
        view.lay(scaled((0.50, 0.47, 0.40), light), view.cover(handle))
        far = np.maximum(np.maximum(top - view.y, view.y - bottom - base + 0.004), (np.abs(u) - 1) * width)
        cover = view.cover(far)
        v = (view.y - base - top) / (bottom - top)
        stripe = np.clip(0.5 + wave(v * 4 + 0.15) * 6, 0, 1) * (v > 0.14)
        colour = three(
            a + (b - a) * stripe for a, b in zip((0.52, 0.49, 0.42), (0.16, 0.30, 0.27), strict=True)
        )
        light = lit(view.y, view.x, 0.15 + half * z, Normal(0.0, u * 0.95, z), wrap=0.22)
        view.lay(scaled(colour, light), cover)
        rim = ellipse(view.y, view.x, (top, x), (0.0052, half))
        view.lay(
            scaled((0.54, 0.50, 0.43), lit(view.y, view.x, 0.16, Normal(-0.7, 0.0, 0.7))), view.cover(rim)
        )
        tea = ellipse(view.y, view.x, (top + 0.0005, x), (0.0038, half * 0.90))
        view.lay(
            scaled((0.12, 0.045, 0.015), lit(view.y, view.x, 0.16, Normal(-1.0, 0.0, 0.1))), view.cover(tea)
        )
        view.add((0.10, 0.065, 0.045), view.cover(tea) * bump(view.x, x + 0.004, 0.012))

    return [
        cast((STAND + 0.003, x), (0.006, half), 0.6),
        Thing((top - 0.008, x - half - 0.004, bottom + 0.006, x + half + 0.02), paint),
    ]
