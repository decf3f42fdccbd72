# SPDX-License-Identifier: Apache-2.0
"""Tone: how a grey ladder comes out: exposure, local contrast, and the steps that can be told apart.

Levels are linear light of the picture, so a camera that renders nothing has the slope 1::

    slope = d log(level) / d log(luminance)      shadows: from 2 EV below grey, highlights: from 1 EV above
    exposure error = log2(level(grey) / 0.18)         for photos, where 0.18 is the light of mid-grey

Two neighbouring steps are told apart where their difference is above twice the noise of a pixel and, in a
photo, above one unit of L*.  The range is that of the longest run of such steps.  The curve itself and its
inverse are in `oecf`.

References
----------
[1] ISO 14524:2009, methods for measuring opto-electronic conversion functions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.quality.greys.dynamic_range import CLIPPED
from lichtbild.quality.greys.inside import Float64
from lichtbild.quality.greys.monotone import Monotone, monotone
from lichtbild.quality.greys.oecf import OECF, Ladder, ladder_of, linearised, oecf
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Result, unmeasured

__all__ = ["OECF", "linearised", "oecf", "steps"]

GREY = 0.18
GREY_LIGHTNESS = 49.496  # L* of it
SHADOWS, HIGHLIGHTS = -2.0, 1.0  # EV from grey
SIGMAS, JUST_SEEN = 2.0, 1.0  # noise of a pixel; L*


def steps(
    picture: Picture, quads: ArrayLike, luminance: ArrayLike, *, where: str = "", grey: float = GREY
) -> Result:
    """Tone of a grey ladder.

    Parameters
    ----------
    picture : Picture
        One picture.
    quads : array "n 4 2"
        Corners (y, x) of the steps, at least three.
    luminance : array "n"
        Reflectances or relative luminances of the steps.
    where : str
        Which chart.
    grey : float
        The luminance that should come out as mid-grey.

    Raises
    ------
    InputError
        A step out of the picture or too small, fewer than three steps, wrong luminances.
    """
    ladder = ladder_of(picture, quads, luminance, where)
    photo = picture.space != "camera"
    use = (ladder.clipped < CLIPPED) & (ladder.luminance > 0) & (ladder.levels[:, 3] > 0)
    figures = [*_exposure(ladder, use, (where, grey), photo), *_slopes(ladder, use, where, grey)]
    apart = _apart(ladder, photo)
    figures += _kept(ladder, apart, where, grey)
    return Result(
        "tone",
        f"Tone of {len(ladder.luminance)} steps" + (f", {where}" if where else ""),
        tuple(figures),
        {
            "decoding": picture.decoding,
            "grey": f"luminance {grey:g}",
            "told apart": f"> {SIGMAS:g} σ of a pixel" + (f" and > {JUST_SEEN:g} L*" if photo else ""),
        },
        _curves(ladder, use, where),
        warnings=_warnings(picture, ladder, use),
    )


# ---- figures


def _exposure(ladder: Ladder, use: NDArray[np.bool_], place: tuple[str, float], photo: bool) -> list[Figure]:
    where, grey = place
    light = ladder.luminance[use]
    names = ("exposure error", "grey L*") if photo else ("headroom above grey",)
    units = {"exposure error": "EV", "grey L*": "L*", "headroom above grey": "EV"}
    if len(set(light.tolist())) < 3 or not light.min() <= grey <= light.max():
        why = f"no unclipped steps around luminance {grey:g}"
        return [unmeasured(n, units[n], why, where) for n in names]
    level = float(_through(light, ladder.levels[use, 3])(math.log2(grey)))
    if not photo:
        return [Figure("headroom above grey", -level, "EV", where, better="neither")]
    y = 2**level
    lightness = 116 * y ** (1 / 3) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3
    return [
        Figure("exposure error", level - math.log2(GREY), "EV", where),
        Figure("grey L*", lightness, "L*", where, note=f"mid-grey is {GREY_LIGHTNESS:.1f}"),
    ]


def _through(light: Float64, level: Float64) -> Monotone:
    """log2 of the luminance → log2 of the level."""
    x, first = np.unique(np.log2(light), return_index=True)
    return monotone(x, np.log2(level)[first])


def _slopes(ladder: Ladder, use: NDArray[np.bool_], where: str, grey: float) -> list[Figure]:
    ev, level = ladder.ev - math.log2(grey), ladder.levels[:, 3]
    zones = {
        "shadows": (-math.inf, SHADOWS),
        "mid-tones": (SHADOWS, HIGHLIGHTS),
        "highlights": (HIGHLIGHTS, math.inf),
    }
    figures = []
    for zone, (low, high) in zones.items():
        own = use & (ev >= low - 1e-6) & (ev <= high + 1e-6)
        name = f"contrast of {zone}"
        if len(set(ev[own].tolist())) < 2:
            figures.append(unmeasured(name, "", "fewer than two unclipped steps", where))
            continue
        x, y = ev[own], np.log2(level[own])
        slope, doubt = _slope(x, y)
        figures.append(Figure(name, slope, "", where, doubt))
    if len(set(ev[use].tolist())) >= 3:
        x, y = ev[use], np.log2(level[use])
        slope, doubt = _slope(x, y)
        figures.append(Figure("gamma of the tone curve", slope, "", where, doubt, note="1 is linear"))
    return figures


def _slope(x: Float64, y: Float64) -> tuple[float, float]:
    off = x - x.mean()
    slope = float((off * y).sum() / (off**2).sum())
    rest = y - y.mean() - slope * off
    doubt = math.sqrt(float((rest**2).sum()) / (len(x) - 2) / float((off**2).sum())) if len(x) > 2 else 0.0
    return slope, doubt


def _apart(ladder: Ladder, photo: bool) -> NDArray[np.bool_]:
    """Whether each step can be told from the next brighter one."""
    level, noise = ladder.levels[:, 3], ladder.noise
    apart = np.diff(level) > SIGMAS * np.sqrt((noise[1:] ** 2 + noise[:-1] ** 2) / 2)
    if photo:
        apart &= np.diff(ladder.lightness) > JUST_SEEN
    return apart & ~((ladder.clipped[1:] > 0.5) & (ladder.clipped[:-1] > 0.5))


def _kept(ladder: Ladder, apart: NDArray[np.bool_], where: str, grey: float) -> list[Figure]:
    ev = ladder.ev - math.log2(grey)
    middle = (np.maximum(ev[:-1], -60) + ev[1:]) / 2
    figures = []
    for name, own in (
        ("highlight steps kept", middle > HIGHLIGHTS),
        ("shadow steps kept", middle < SHADOWS),
    ):
        if not own.any():
            figures.append(unmeasured(name, "%", "the ladder does not reach there", where))
        else:
            figures.append(Figure(name, 100 * float(apart[own].mean()), "%", where, better="higher"))
    figures.append(Figure("steps told apart", float(apart.sum()) + 1, "", where, better="higher"))
    low, high = _longest(apart & np.isfinite(ev[:-1]))
    if high == low:
        figures.append(unmeasured("range of steps told apart", "EV", "no two steps can be told apart", where))
        return figures
    ends = [w for w, at in (("dark", low == np.isinf(ev).sum()), ("bright", high == len(ev) - 1)) if at]
    note = f"at least: the ladder ends at its {' and '.join(ends)} end" if ends else ""
    figures.append(
        Figure(
            "range of steps told apart", float(ev[high] - ev[low]), "EV", where, better="higher", note=note
        )
    )
    return figures


def _longest(apart: NDArray[np.bool_]) -> tuple[int, int]:
    """First and last step of the longest run of steps that can be told apart."""
    best, start = (0, 0), 0
    for k, good in enumerate(apart):
        if not good:
            start = k + 1
        elif k + 1 - start > best[1] - best[0]:
            best = (start, k + 1)
    return best


def _curves(ladder: Ladder, use: NDArray[np.bool_], where: str) -> tuple[Curve, ...]:
    positive = ladder.luminance > 0
    x = ladder.luminance[positive]
    curves = [
        Curve(
            "tone curve", x, ladder.levels[positive, k], "luminance", "level", f"{where}, {c}" if where else c
        )
        for k, c in enumerate("RGBY")
    ]
    if len(set(ladder.luminance[use].tolist())) >= 3:
        found = _through(ladder.luminance[use], ladder.levels[use, 3])
        at = np.log2(ladder.luminance[use])
        curves.append(Curve("local contrast", 2**at, found.steepness(at), "luminance", "slope", where))
    return tuple(curves)


def _warnings(picture: Picture, ladder: Ladder, use: NDArray[np.bool_]) -> tuple[str, ...]:
    told = list(picture.warnings)
    level = ladder.levels[:, 3]
    clipped = ladder.clipped >= CLIPPED
    bright = clipped & (level > np.median(level))
    if bright.any():
        told.append(f"clipped: steps of luminance {ladder.luminance[bright].min():.3g} and more")
    if (clipped & ~bright).any():
        told.append(f"black: steps of luminance {ladder.luminance[clipped & ~bright].max():.3g} and less")
    if (np.diff(level[use]) < 0).any():
        told.append("brighter steps came out darker: local tone mapping, uneven light, or another ladder")
    return tuple(told)
