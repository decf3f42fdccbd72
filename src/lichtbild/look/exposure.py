# SPDX-License-Identifier: Apache-2.0
"""Exposure: one factor for the whole scene, so that a photographer finds it neither dark nor bright.

The scene's log2 luminances l are counted (integers, centre-weighted) and two exposures are averaged.  One
gives a standard print its mean lightness, the other puts the mean of the logarithms at mid-grey::

    Σ w(l) · L*(curve(2^(l + ev))) = 50           Σ w(l) · (l + ev) = log2 0.18

What is noise counts a tenth, and so does the deep dark, from 8 to 12 EV below the bright parts: a black sky
does not brighten the street, but a room counts beside its window.  Then lights are heard: a sun, a lamp, a
window may be paper white, from 3 EV above mid-grey a little to 5 EV altogether, on 3 % of the picture; most
of what an exposure is above that is taken back, `tone` does the rest::

    Σ share(l) · white(l + ev) ≤ 0.03

Nearly half is given of what a scene without anything bright is short of: snow is white.  But a scene of
little range does not say how light it is: a grey card, fog, a black cat.  There the exposure as shot is
asked, which a photographer chose with the meter or in spite of it.  By up to 2 EV, three quarters of the way
are gone where it is brighter, half of it where it is darker, and then only in a scene that is more even
still: nobody exposes snow as white by accident, but meters take it for grey, and cameras expose less to save
lights.  In the dark it is not asked, where cameras run out of time.

The absolute brightness that aperture, time and ISO tell holds night scenes down, by nothing above 40 lx, by
`Exposure.night` at 1 lx, and half as much again under the stars, where cones no longer see: night stays
night.  A scene that is as dark as that already, lamps in the black, is not held down again.  Nor is a night
lifted until the noise at black is more than half of mid-grey.

References
----------
[1] ISO 2720:1974, exposure meters: 2.5 lx · 2^EV100 on an 18 % scene.
[2] ISO 12232:2019, sensitivity: a meter's mid-grey is 0.127 of the light at which a sensor clips.
[3] CIE 191:2010, recommended system for mesopic photometry: rods alone below 0.005 cd/m², cones from 5 cd/m².
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import REC2020, Float64
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage

LUMINANCE = np.float32(REC2020.to_xyz()[1])
_LOW, _STEPS, _BINS = -20.0, 16, 640  # log2 of the first bin, bins an EV
_LIGHT = _LOW + (np.arange(_BINS) + 0.5) / _STEPS  # log2 of the middle of each bin
_GREY = math.log2(0.18)
_PRINT = 50.0  # mean lightness
_LOGARITHMIC = 0.5  # share of the mean of logarithms, which hears the dark half of a backlit scene
_NEAR_WHITE = 2.0  # EV above mid-grey: the brightest of a scene without lights
_WHITE, _SHARE, _HEARD = (3.0, 5.0), 0.03, 0.6  # EV above mid-grey, share of the picture, what is taken back
_METERED = math.log2(0.127)  # mid-grey as the meter sees it, 0 = the clip level
_MOST_HEARD = 2.75  # EV: what is brighter by more cannot be saved anyway
_FARTHEST = 2.0  # EV
_BRIGHTER, _DARKER = (0.75, 0.5, 1.5), (0.5, 0.3, 1.0)  # share of the way as shot, standard deviations in EV


@dataclass(frozen=True)
class Exposure(Params):
    """Knobs of `exposure`."""

    ev: float = knob(0.0, -5.0, 5.0, "EV", "Brighter or darker than found.")
    auto: float = knob(1.0, 0.0, 1.0, "", "How much of the automatic exposure: 0 keeps the camera's.")
    night: float = knob(0.8, 0.0, 2.0, "EV", "How much darker than day a scene of 1 lx stays.")
    bias: float = knob(0.0, -2.0, 2.0, "EV", "What the look adds.")


@stage
def exposure(scene: Scene, params: Exposure = Exposure()) -> Scene:
    """Scale the light so that mid-grey lies near 0.18.

    Parameters
    ----------
    scene : Scene
        In ``rec2020``.
    params : Exposure
        The share of the automatic exposure and what is added to it.

    Returns
    -------
    Scene
        In ``rec2020``, scaled; the same object where the factor is 1.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.
    """
    ev = gain_of(scene.require("rec2020"), params)
    if ev == 0 or scene.rgb.size == 0:
        return scene
    factor = 2.0**ev
    out = like(scene.rgb)
    kernels.exposure(scene.rgb, factor, out)
    return replace(scene, rgb=out, noise=scene.noise.scaled((factor, factor, factor)))


def gain_of(scene: Scene, params: Exposure = Exposure()) -> float:
    """By how many EV `exposure` scales a scene."""
    found = params.auto * automatic(scene, params.night) if params.auto > 0 else 0.0
    return scene.shot.baseline_exposure * (1.0 - params.auto) + found + params.ev + params.bias


def automatic(scene: Scene, night: float = 0.8) -> float:
    """The automatic exposure in EV, a multiple of 1/32, between -12 and +12; 0 for a scene without light."""
    counts = np.zeros(_BINS, np.int64)
    kernels.luminance_histogram(scene.rgb, LUMINANCE, _LOW, float(_STEPS), counts)
    counts[0] = 0  # no light at all says nothing
    if counts.sum() == 0:
        return 0.0
    ev, spread = _centred(counts, signal(scene, _LIGHT))
    dark = _darkness(scene, _GREY - ev)
    ev += (1.0 - min(dark, 1.0)) * _towards_metered(scene, ev, spread)
    if dark > 0:
        ev -= _night(counts, ev, night * dark)
        ev -= min(dark, 1.0) * max(ev - _noisiest(scene), 0.0)
    return round(min(max(ev, -12.0), 12.0) * 32) / 32


def _centred(counts: NDArray[np.int64], trust: Float64) -> tuple[float, float]:
    """What the light alone says: the exposure, and how far the logarithms lie apart (standard deviation)."""
    bright = _percentile(counts, 0.95)
    weights = counts * np.maximum(trust * np.clip((_LIGHT - bright + 12) / 4, 0.0, 1.0), 0.1)
    weights /= weights.sum()
    standard = _highest(lambda ev: weights @ _lightness(_LIGHT + ev) < _PRINT)
    light = np.clip(_LIGHT, bright - 9.0, bright + 6.0)
    mean = float(weights @ light)
    ev = (1 - _LOGARITHMIC) * standard + _LOGARITHMIC * (_GREY - mean)
    short = _NEAR_WHITE - (_percentile(counts, 0.99) + ev - _GREY)
    ev -= _HEARD * min(max(ev - _unblown(counts), 0.0), _MOST_HEARD)
    return ev + 0.45 * min(max(short, 0.0), 2.0), math.sqrt(float(weights @ (light - mean) ** 2))


def _unblown(counts: NDArray[np.int64]) -> float:
    """The highest exposure that shows no more than its share of the picture as paper white."""
    share = counts / counts.sum()
    return _highest(lambda ev: share @ smooth(_LIGHT + ev - _GREY, *_WHITE) < _SHARE)


def _towards_metered(scene: Scene, ev: float, spread: float) -> float:
    """What the exposure as shot adds, where the light lies too close together to say how light things are."""
    metered = scene.shot.baseline_exposure + _GREY - _METERED
    way = min(max(metered - ev, -_FARTHEST), _FARTHEST)
    share, even, told = _BRIGHTER if way > 0 else _DARKER
    return share * (1.0 - float(smooth(np.array(spread), even, told))) * way


def _highest(below: Callable[[float], bool | np.bool_]) -> float:
    """The EV of -24 … 24 up to which something rising stays below its bound."""
    low, high = -24.0, 24.0
    for _ in range(24):
        ev = (low + high) / 2
        low, high = (ev, high) if below(ev) else (low, ev)
    return low


def _night(counts: NDArray[np.int64], ev: float, deepest: float) -> float:
    """By how many EV a night is held down: until its mean lightness is that of a grey `deepest` EV darker."""
    share = counts / counts.sum()
    wanted = float(_lightness(np.array([_GREY - deepest]))[0])
    low, high = 0.0, deepest
    if share @ _lightness(_LIGHT + ev - high) >= wanted:
        return deepest
    for _ in range(16):
        held = (low + high) / 2
        low, high = (held, high) if share @ _lightness(_LIGHT + ev - held) > wanted else (low, held)
    return low


def signal(scene: Scene, light: Float64) -> Float64:
    """1 where a pixel of a luminance (log2) is signal (ratio to noise 4 and more), 0 where it is noise."""
    weights = LUMINANCE.astype(np.float64) ** 2
    shot, read = (float(weights @ np.array(v)) for v in (scene.noise.shot, scene.noise.read))
    value = np.exp2(light)
    ratio = value / np.maximum(np.sqrt((shot * value + read) / _held(scene)), 1e-12)
    return smooth(ratio, 1.0, 4.0)


def _held(scene: Scene) -> float:
    """How many frames the light of most places is made of."""
    known = scene.frames is not None and scene.frames.size > 0
    return max(float(np.median(scene.frames[::8, ::8])) if known and scene.frames is not None else 1.0, 0.25)


def smooth(x: Float64, start: float, stop: float) -> Float64:
    """0 up to `start`, 1 from `stop`, smooth between."""
    t = np.clip((x - start) / (stop - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _percentile(counts: NDArray[np.int64], share: float) -> float:
    """log2 of the light below which a share of the counts lies."""
    return _LOW + (int(np.searchsorted(np.cumsum(counts), share * counts.sum())) + 0.5) / _STEPS


def _lightness(light: Float64) -> Float64:
    """L* behind a log-logistic curve of exponent 1.5 that keeps mid-grey, of log2 light."""
    y = 1.0 / (1.0 + (1.0 / 0.18 - 1.0) * np.exp2(-1.5 * (light - _GREY)))
    return np.where(y > 0.008856, 116.0 * np.cbrt(y) - 16.0, 903.3 * y)


def _darkness(scene: Scene, level: float) -> float:
    """0 in 40 lx and more, 1 in 1 lx, 1.5 in 0.06 lx and less, where the file tells the exposure; else 0."""
    shot = scene.shot
    if not (shot.iso and shot.exposure_time and shot.f_number):
        return 0.0
    ev100 = math.log2(shot.f_number**2 / shot.exposure_time * 100.0 / shot.iso) + level - _METERED
    dusk, starlight = ((start - ev100) / width for start, width in ((4.0, 5.3), (-1.3, 4.0)))
    t, u = (min(max(v, 0.0), 1.0) for v in (dusk, starlight))
    return t * t * (3.0 - 2.0 * t) + 0.5 * u * u * (3.0 - 2.0 * u)


def _noisiest(scene: Scene) -> float:
    """The EV at which the noise of black is half of mid-grey."""
    read = float(LUMINANCE.astype(np.float64) ** 2 @ np.array(scene.noise.read)) / _held(scene)
    return math.log2(0.5 * 0.18 / math.sqrt(max(read, 1e-18)))
