# SPDX-License-Identifier: Apache-2.0
"""What every look does, measured on its own output, beside what it is meant to do.

    python benchmarks/looks.py > docs/reference/looks-measured.md

Every look is asked through the stages themselves: greys from -7 to +5 EV, the 24 patches of a colour chart,
lights of one colour, a corner.  `MEANT` is the definition; `tests/test_look_table.py` holds each row to it.
"""

import inspect
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base import colour as c
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.aspect import aspect
from lichtbild.look.grade import grade
from lichtbild.look.grain import grain
from lichtbild.look.tone import Tone, tone
from lichtbild.publish.display import display
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.recipe import looks

GRADED = [name for name in looks if looks[name].rendering.by == "look"]  # the others show what a file says
GREY, WHITE = 0.18, c.xy_to_xyz(c.D65)
CHART = np.array(list(CLASSIC.values()))  # CIELAB (D50) of the 24 patches
MONO, PLAIN = (0.35, 0.50, 0.15), (0.0, 0.0, 0.0, 0.0)
# row → (value, absolute tolerance); None: 5 %
MEANT = {
    "natural": {
        "slope": (1.49, None), "bias": (-0.20, 0.01), "chroma": (0.95, None), "lightness": (-3.5, 0.2),
        "turn": (1.9, 0.2), "greys": ((0.4, 4.1, 45.2, 85.0, 98.3), 0.15), "skin": ((64.5, 25.0, 45.0), 0.5),
        "corner": (-0.64, 0.1), "shadows": (0.20, 0.05), "headroom": (1.3, 0.1),
    },
    "vibrant": {
        "slope": (1.18, None), "bias": (0.15, 0.01), "chroma": (1.28, None), "lightness": (1.3, 0.2),
        "turn": (1.6, 0.2), "greys": ((2.0, 11.2, 52.3, 85.6, 97.8), 0.15), "skin": ((67.8, 29.0, 44.4), 0.5),
        "corner": (-0.28, 0.1), "shadows": (0.65, 0.05), "headroom": (2.3, 0.1),
    },
    "neutral": {
        "slope": (1.23, None), "bias": (0.0, 0.01), "chroma": (1.03, None), "lightness": (-0.8, 0.2),
        "turn": (0.5, 0.2), "greys": ((1.1, 8.7, 49.5, 83.8, 97.4), 0.15), "skin": ((65.5, 24.7, 43.9), 0.5),
        "corner": (0.0, 0.1), "shadows": (0.40, 0.05), "headroom": (2.0, 0.1),
    },
    "mono": {"slope": (1.25, None), "weights": (MONO, 0.01), "split": (PLAIN, 0.0005)},
    "mono-hc": {
        "slope": (1.75, None), "weights": ((0.62, 0.33, 0.05), 0.01), "black": (-5.0, 0.1),
        "grain": (1.2, 0.12),
    },
    "mono-deep": {
        "slope": (1.4, None), "weights": (MONO, 0.01),
        "separation": (0.3, 0.1), "shoulder": (2.3, 0.1),
    },
    "mono-flat": {"slope": (0.9, None), "weights": (MONO, 0.01)},
    "mono-yellow": {"slope": (1.25, None), "weights": ((0.33, 0.56, 0.11), 0.01)},
    "mono-orange": {"slope": (1.25, None), "weights": ((0.50, 0.45, 0.05), 0.01)},
    "mono-red": {"slope": (1.25, None), "weights": ((0.75, 0.23, 0.02), 0.01)},
    "mono-green": {"slope": (1.25, None), "weights": ((0.18, 0.74, 0.08), 0.01)},
    "sepia": {"slope": (1.25, None), "split": ((0.012, 0.022, 0.004, 0.016), 0.0005)},
    "blue": {"slope": (1.25, None), "split": ((-0.006, -0.028, 0, -0.010), 0.0005)},
    "radiant": {"slope": (1.15, None), "saturation": (1.05, 0.01), "split": ((0, 0, 0, 0.010), 0.0005)},
    "serene": {"slope": (1.05, None), "saturation": (0.85, 0.01), "split": ((0, -0.008, 0, 0), 0.0005)},
    "verdant": {"slope": (1.25, None), "green": ((8.0, 1.12, -0.004), (0.4, 0.02, 0.0005))},
    "smooth": {"slope": (1.23 * 0.92, None), "saturation": (0.95, 0.01)},
    "vivid": {"slope": (1.18, None), "saturation": (1.2, 0.012), "shadows": (0.65, 0.05)},
    "pano-65x24": {"slope": (1.35, None), "ratio": (65 / 24, None), "focal": (28.1, None)},
    "pano-65x24-mono": {"slope": (1.35, None), "weights": (MONO, 0.01), "ratio": (65 / 24, None)},
    "street": {"slope": (1.49, None), "focal": (35.0, None)},
    "street-mono": {"slope": (1.75, None), "black": (-5.0, 0.1), "focal": (35.0, None)},
}
WORDS = {
    "slope": "log-log slope at 18 %", "bias": "exposure bias, EV", "chroma": "mean C* ratio, 18 patches",
    "lightness": "mean ΔL*, 24 patches", "turn": "mean absolute hue shift, °",
    "greys": "L* at -5, -3, 0, +2, +4 EV", "skin": "light skin L*, C*, h", "corner": "corner, EV",
    "shadows": "local lift of shadows", "headroom": "headroom, EV", "weights": "weights of R, G, B",
    "split": "tint of shadows a, b, of highlights a, b", "black": "black from, EV",
    "grain": "grain at mid-grey, % of code values, 12 MP", "separation": "more between -4 and -1 EV, EV",
    "shoulder": "slope below 0.4 from, EV", "saturation": "saturation",
    "ratio": "sides", "focal": "focal, mm",
    "green": "greens: hue °, chroma ×, L at C 0.1",
}  # fmt: skip


def scene(rgb, **shot):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2], **shot), Noise((0,) * 3, (0,) * 3))


def grey(values):
    return np.repeat(np.atleast_1d(np.asarray(values, float))[None, :, None], 3, axis=2)


class Measured:
    """The rows of one look, each a method of its name; `bare` is its grade without vignette."""

    def __init__(self, name):
        self.recipe = looks[name]
        self.factor = 2.0**self.recipe.exposure.bias
        self.bare = replace(self.recipe.grade, vignette=0.0)

    def light(self, rgb, params=None):
        """Linear P3 of scene light, without the look's exposure."""
        return grade(scene(rgb), params or self.bare).rgb.astype(float)

    def lab(self, rgb):
        shown = display(grade(scene(rgb), self.bare)).rgb.astype(float)
        return c.xyz_to_lab(c.srgb_decode(shown) @ c.P3.to_xyz().T, WHITE)

    def oklab(self, rgb, params=None):
        return c.xyz_to_oklab(self.light(rgb, params) @ c.P3.to_xyz().T)[0]

    def curve(self, ev, params=None):
        return self.light(grey(GREY * 2.0 ** np.asarray(ev, float)), params)[0] @ c.P3.to_xyz()[1]

    def slope(self):
        bias = math.log2(self.factor)
        low, high = self.curve([bias - 0.05, bias + 0.05])
        return math.log2(high / low) / 0.1

    def bias(self):
        return math.log2(self.factor)

    def chart(self):
        t = (CHART[:, 0] + 16) / 116
        f = np.stack([t + CHART[:, 1] / 500, t, t - CHART[:, 2] / 200], 1)
        xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * c.D50_XYZ
        xyz = xyz @ c.adaptation(c.D50_XYZ, WHITE).T
        made = self.lab((xyz @ c.REC2020.from_xyz().T * self.factor)[None])[0]
        return made, c.xyz_to_lab(xyz, WHITE)

    def chroma(self):
        made, given = self.chart()
        return (np.hypot(made[:18, 1], made[:18, 2]) / np.hypot(given[:18, 1], given[:18, 2])).mean()

    def lightness(self):
        made, given = self.chart()
        return (made - given)[:, 0].mean()

    def turn(self):
        h, h0 = (np.degrees(np.arctan2(v[:18, 2], v[:18, 1])) for v in self.chart())
        return np.abs((h - h0 + 180) % 360 - 180).mean()

    def skin(self):
        L, a, b = self.chart()[0][1]
        return L, math.hypot(a, b), math.degrees(math.atan2(b, a))

    def greys(self):
        return tuple(self.lab(grey(GREY * self.factor * 2.0 ** np.array([-5, -3, 0, 2, 4])))[0, :, 0])

    def corner(self):
        flat = grade(scene(np.full((61, 81, 3), GREY)), self.recipe.grade).rgb[0, 0, 1]
        ev = np.linspace(-3, 0.5, 3501)
        return float(np.interp(flat, self.light(grey(GREY * 2.0**ev))[0, :, 1], ev))

    def shadows(self):
        """How far a dark half is lifted, as a share of what the knob at 1 does."""
        half = np.full((96, 128, 3), GREY)
        half[:, :64] /= 16.0
        lift = [
            math.log2(tone(scene(half), Tone(shadows=share, highlights=0.0)).rgb[48, 20, 1] * 16 / GREY)
            for share in (self.recipe.tone.shadows, 1.0)
        ]
        return lift[0] / lift[1]

    def headroom(self):
        return getattr(self.recipe.grade, "headroom", math.nan)

    def weights(self):
        """What grey a light of one colour becomes."""
        ev = np.linspace(-12, 3, 15001)
        greys = self.curve(ev)
        made = self.light(np.eye(3)[None] * 0.5)[0] @ c.P3.to_xyz()[1]
        return tuple(GREY * 2.0 ** np.interp(made, greys, ev) / 0.5)

    def split(self):
        """Tint of greys in shadows and highlights: what the mid-tones lend is taken off, by the weights."""
        dark, mid, bright = self.oklab(grey(GREY * 2.0 ** np.array([-3.0, 0.3, 2.5])))
        s, h = 1 - dark[0] / 0.45, (bright[0] - 0.75) / 0.25
        shadows, highlights = (dark - (1 - s) * mid) / s, (bright - (1 - h) * mid) / h
        return shadows[1], shadows[2], highlights[1], highlights[2]

    def black(self):
        ev = np.linspace(-8, -3, 5001)
        return float(ev[np.argmax(self.curve(ev) > 1e-7)])

    def separation(self):
        low, high = self.curve([-4, -1])
        plain_low, plain_high = self.curve([-4, -1], replace(self.bare, toe=0.0))
        return math.log2(high / low) - math.log2(plain_high / plain_low)

    def shoulder(self):
        ev = np.linspace(0, 4, 4001)
        slope = np.gradient(np.log2(self.curve(ev)), ev)
        return float(ev[np.argmax(slope < 0.4)])

    def saturation(self):
        faint = (GREY + np.array([[[0.01, 0.0, -0.005], [-0.006, 0.004, 0.0], [0.0, -0.004, 0.01]]])) * 1.6
        plain = replace(self.bare, saturation=1.0)
        a, b = (np.hypot(*self.oklab(faint, p)[:, 1:].T) for p in (self.bare, plain))
        return (a / b).mean()

    def green(self):
        """Of a green of Oklab hue 142 and chroma 0.1 after the curve."""
        plain = replace(self.bare, hue2_chroma=0.0, hue2_shift=0.0, hue2_light=0.0)
        reds, blues = np.meshgrid(np.linspace(0.02, 0.2, 60), np.linspace(0.02, 0.2, 60))
        tries = np.stack([reds, np.full_like(reds, 0.2), blues], -1).reshape(1, -1, 3)
        made = self.oklab(tries, plain)
        wanted = 0.1 * np.array([math.cos(math.radians(142)), math.sin(math.radians(142))])
        best = np.argmin(((made[:, 1:] - wanted) ** 2).sum(-1))
        one, two = made[best], self.oklab(tries[:, [best]])[0]
        turned = math.degrees(math.atan2(two[2], two[1]) - math.atan2(one[2], one[1]))
        return turned, math.hypot(*two[1:]) / math.hypot(*one[1:]), two[0] - one[0]

    def grain(self):
        params = replace(self.recipe.grain, frame=8.0)  # a piece of 36 mm and 4000 pixels
        picture = replace(scene(np.full((400, 889, 3), GREY)), space="picture")
        return 100 * float(np.std(display(grain(picture, params)).rgb[..., 1]))

    def shape(self):
        known = scene(np.zeros((1500, 2000, 3), np.float32), exif={"exif": {41989: 24}})
        return aspect(known, self.recipe.aspect)

    def ratio(self):
        height, width = self.shape().rgb.shape[:2]
        return width / height

    def focal(self):
        height, width = self.shape().rgb.shape[:2]
        return 24.0 * 2500.0 / math.hypot(height, width)

    def grey_in_hdr(self):
        """Mid-grey of the rendition for bright displays over that for plain ones."""
        if "white" not in inspect.signature(grade).parameters:
            return math.nan
        flat = scene(np.full((1, 1, 3), GREY))
        bright = grade(flat, self.bare, white=2.0 ** self.headroom())
        return float(bright.rgb[0, 0, 1] / grade(flat, self.bare).rgb[0, 0, 1])


def text(value):
    parts = [f"{v:.2g}" if abs(v) < 0.1 else f"{v:.2f}" for v in np.round(np.atleast_1d(value), 4)]
    said = " / ".join(p.removeprefix("-") if float(p) == 0 else p for p in parts)
    return said.replace("nan", "not yet")


def table():
    """The page."""
    lines = [
        "# Looks, measured", "", "<!-- written by benchmarks/looks.py -->", "",
        "What each look is meant to do and what it does, asked of the stages themselves.", "",
        "| look | property | meant | measured |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, rows in MEANT.items():
        look = Measured(name)
        for row, (meant, _) in rows.items():
            lines.append(f"| {name} | {WORDS[row]} | {text(meant)} | {text(getattr(look, row)())} |")
    lines += ["", "Of all looks:", ""]
    lines.append("| look | " + " | ".join(WORDS[w] for w in ALL) + " | grey in HDR / SDR |")
    lines.append("|---" * (len(ALL) + 2) + "|")
    for name in GRADED:
        look = Measured(name)
        cells = [text(getattr(look, w)()) for w in ALL]
        lines.append(f"| {name} | " + " | ".join([*cells, text(look.grey_in_hdr())]) + " |")
    return "\n".join(lines) + "\n"


ALL = ("slope", "bias", "greys", "chroma", "corner", "shadows", "headroom")

if __name__ == "__main__":
    print(table(), end="")
