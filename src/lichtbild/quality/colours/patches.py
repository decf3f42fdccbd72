# SPDX-License-Identifier: Apache-2.0
"""Colours of charts: the common chart of 24 patches, and one of 140 of our own.

Colours are CIELAB under D50, 2° observer.  The 24 are those its maker publishes for charts made since
November 2014 [1].  The 140 are made to be printed by anyone: twelve hues at nine places between grey and the
border of what a printer and a screen can show, 18 skins, 14 greys.

References
----------
[1] X-Rite, "New color specifications for ColorChecker SG and Classic charts", 2016.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import D50, D65, XYZ_TO_SRGB, adaptation, lab_to_xyz, xy_to_xyz
from lichtbild.base.image import Triple

Float64 = NDArray[np.float64]

# fmt: off
CLASSIC: dict[str, Triple] = {
    "dark skin": (37.54, 14.37, 14.92), "light skin": (64.66, 19.27, 17.50),
    "blue sky": (49.32, -3.82, -22.54), "foliage": (43.46, -12.74, 22.72),
    "blue flower": (54.94, 9.61, -24.79), "bluish green": (70.48, -32.26, -0.37),
    "orange": (62.73, 35.83, 56.50), "purplish blue": (39.43, 10.75, -45.17),
    "moderate red": (50.57, 48.64, 16.67), "purple": (30.10, 22.54, -20.87),
    "yellow green": (71.77, -24.13, 58.19), "orange yellow": (71.51, 18.24, 67.37),
    "blue": (28.37, 15.42, -49.80), "green": (54.38, -39.72, 32.27), "red": (42.43, 51.05, 28.62),
    "yellow": (81.80, 2.67, 80.41), "magenta": (50.63, 51.28, -14.12), "cyan": (49.57, -29.71, -28.32),
    "white 9.5": (95.19, -1.03, 2.93), "neutral 8": (81.29, -0.57, 0.44),
    "neutral 6.5": (66.89, -0.75, -0.06), "neutral 5": (50.76, -0.13, 0.14),
    "neutral 3.5": (35.63, -0.46, -0.48), "black 2": (20.64, 0.07, -0.46),
}
# fmt: on
HUES = tuple(range(15, 360, 30))  # degrees
LEVELS = ((32, (0.9, 0.5)), (46, (0.95, 0.5)), (60, (0.95, 0.45)), (74, (0.9, 0.4)), (86, (0.6,)))
PLACES = tuple((lightness, share) for lightness, shares in LEVELS for share in shares)
SKINS = tuple((x, hue, 8 + 0.21 * x) for x in (28, 38, 48, 58, 68, 78) for hue in (45, 57, 69))
GREYS = tuple(96 - 6.5 * k for k in range(14))


def lab_to_linear(lab: ArrayLike) -> Float64:
    """Linear sRGB light (white 1) of CIELAB D50 colours, ``"… 3"``, adapted by Bradford to D65; not limited:
    what a screen cannot show is negative or above 1.
    """
    xyz = lab_to_xyz(lab, xy_to_xyz(D50))
    return _times(XYZ_TO_SRGB, _times(adaptation(xy_to_xyz(D50), xy_to_xyz(D65)), xyz))


def _times(matrix: Float64, colours: Float64) -> Float64:
    """``colours @ matrix.T``, summed in one order on every machine."""
    return sum(colours[..., k, None] * matrix[:, k] for k in range(3))  # type: ignore[return-value]


@cache
def many() -> dict[str, Triple]:
    """The 140 colours: name → CIELAB D50, row by row of ten rows."""
    out: dict[str, Triple] = {}
    for row, (lightness, share) in enumerate(PLACES):
        for hue in HUES:
            chroma = share * _reach(lightness, hue)
            out[f"{'ABCDEFGHI'[row]}{hue:03d}"] = _polar(lightness, hue, chroma)
    for k, (lightness, hue, chroma) in enumerate(SKINS):
        out[f"skin {k + 1}"] = _polar(lightness, hue, chroma)
    for k, lightness in enumerate(GREYS):
        out[f"grey {k + 1}"] = (round(lightness, 1), 0.0, 0.0)
    return _arranged(out)


def _arranged(named: dict[str, Triple]) -> dict[str, Triple]:
    """Nine rows of twelve hues, each with two skins at its end, and a row of greys."""
    names = list(named)
    order = []
    for row in range(9):
        order += names[12 * row : 12 * row + 12] + names[108 + 2 * row : 110 + 2 * row]
    return {name: named[name] for name in order + names[126:]}


def _polar(lightness: float, hue: float, chroma: float) -> Triple:
    angle = math.radians(hue)
    return float(lightness), round(chroma * math.cos(angle), 1), round(chroma * math.sin(angle), 1)


def _reach(lightness: float, hue: float) -> float:
    """The largest chroma whose linear sRGB stays within .004 … .96."""
    chroma = np.arange(0, 140, 0.5)
    angle = math.radians(hue)
    lab = np.stack(
        [np.full_like(chroma, lightness), chroma * math.cos(angle), chroma * math.sin(angle)], axis=-1
    )
    fits = ((lab_to_linear(lab) >= 0.004) & (lab_to_linear(lab) <= 0.96)).all(axis=-1)
    return float(chroma[int(np.argmin(fits)) - 1])
