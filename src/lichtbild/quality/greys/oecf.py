# SPDX-License-Identifier: Apache-2.0
"""The tone curve of a picture (OECF), from a grey ladder, and its inverse.

`linearised` makes a processed photo linear again, up to local tone mapping, which no curve can undo.

References
----------
[1] ISO 14524:2009, methods for measuring opto-electronic conversion functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.errors import InputError
from lichtbild.quality.greys.dynamic_range import CLIPPED
from lichtbild.quality.greys.inside import Float64, clipped_share, inner_box, trendless
from lichtbild.quality.greys.monotone import Monotone, monotone
from lichtbild.quality.picture import Picture


@dataclass(frozen=True, slots=True, eq=False)
class OECF:
    """A tone curve: ``luminance "n"`` and the linear ``levels "n 3"`` of R, G, B that it came out at, both
    rising.  Curves are drawn through cube roots, in which neither end is crowded.
    """

    luminance: Float64
    levels: Float64

    def curve(self, channel: int) -> Monotone:
        """Cube root of the luminance → cube root of the level."""
        return monotone(np.cbrt(self.luminance), np.cbrt(self.levels[:, channel]))

    def inverse(self, channel: int) -> Monotone:
        """Cube root of the level → cube root of the luminance; only where levels rise."""
        x, y = np.cbrt(self.levels[:, channel]), np.cbrt(self.luminance)
        rising = np.concatenate([[True], x[1:] > np.maximum.accumulate(x)[:-1]])
        if rising.sum() < 2:
            raise InputError("the tone curve does not rise: it cannot be inverted")
        return monotone(x[rising], y[rising])


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Steps in order of luminance: linear levels R G B Y, noise of a pixel of Y, share clipped."""

    luminance: Float64
    levels: Float64
    noise: Float64
    clipped: Float64

    @property
    def lightness(self) -> Float64:
        """L* of the levels."""
        y = np.clip(self.levels[:, 3], 0, 1)
        return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)

    @property
    def ev(self) -> Float64:
        """log2 of the luminance; −∞ at 0."""
        with np.errstate(divide="ignore"):
            return np.log2(self.luminance)


def oecf(picture: Picture, quads: ArrayLike, luminance: ArrayLike, *, where: str = "") -> OECF:
    """The tone curve through the steps that are not clipped.

    Raises
    ------
    InputError
        Fewer than three steps are left, or as `steps`.
    """
    ladder = ladder_of(picture, quads, luminance, where)
    use = ladder.clipped < CLIPPED
    if len(set(ladder.luminance[use].tolist())) < 3:
        raise InputError(
            f"{where or 'the ladder'}: {int(use.sum())} steps are not clipped; a tone curve needs three",
            hint="expose the chart so that its middle steps are neither black nor white",
        )
    light, first = np.unique(ladder.luminance[use], return_index=True)
    return OECF(light, ladder.levels[use][first][:, :3])


def linearised(picture: Picture, curve: OECF) -> Picture:
    """The picture as luminances of the ladder, by the inverse of its tone curve, colour by colour."""
    rgb = np.empty_like(picture.rgb)
    for c in range(3):
        found = curve.inverse(c)(np.cbrt(picture.rgb[..., c]))
        rgb[..., c] = (found**3).astype(np.float32)
    decoding = f"{picture.decoding}, inverse tone curve"
    return replace(picture, rgb=np.ascontiguousarray(rgb), decoding=decoding)


def ladder_of(picture: Picture, quads: ArrayLike, luminance: ArrayLike, where: str) -> Ladder:
    """Measure the steps of a grey ladder.

    Raises
    ------
    InputError
        A step out of the picture or too small, fewer than three steps, wrong luminances.
    """
    corners = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    light = np.asarray(luminance, np.float64).ravel()
    if len(light) != len(corners) or len(light) < 3 or not ((light >= 0) & np.isfinite(light)).all():
        raise InputError(
            f"{where or 'the ladder'}: {len(corners)} steps and {len(light)} luminances; "
            "at least three steps with one luminance each, none below 0"
        )
    order = np.argsort(light, kind="stable")
    levels, noise, clipped = [], [], []
    for k in order:
        top, left, bottom, right = box = inner_box(
            corners[k], picture.size, f"{where + ', ' if where else ''}step {k + 1}"
        )
        cut = [picture.channel(c)[top:bottom, left:right].astype(np.float64) for c in "RGBY"]
        levels.append([float(c.mean()) for c in cut])
        rest, taken = trendless(cut[3])
        noise.append(math.sqrt(float((rest**2).sum()) / (rest.size - taken)))
        clipped.append(clipped_share(picture, box))
    return Ladder(light[order], np.array(levels), np.array(noise), np.array(clipped))
