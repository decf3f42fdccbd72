# SPDX-License-Identifier: Apache-2.0
"""How much light each frame of a burst got, so that frames of a bracket can be laid on one scale.

The file says time, ISO and aperture, but nominal values: 1/30 s may be 1/32, and some say nothing.  So the
pixels are asked as well.  A hand moves the scene over the sensor but hardly changes how much of it is how
bright: of two frames the quantiles of light, means over blocks of photosites without noise to speak of, have
one ratio, as far up as nothing is clipped in either::

    ratio = weighted median of (quantile_b(q) − black) / (quantile_a(q) − black),    q = 10 % …

with the light as weight; its spread over the quantiles is its doubt, and the ratio that the files say, with
its own doubt of 3 %, is averaged with it.  That is near enough to align the frames; `bracket` sets the scale
by aligned pixels to some thousandths.

What the file says counts where the pixels say nothing: too dark, all clipped, or another scene.  Frames that
the file says to be alike are taken for alike unless their pixels differ by more than a tenth.

The best exposed frames are those whose blocks tell most, ``Σ log2(1 + light² / noise variance)``, where a
clipped block tells nothing.

References
----------
[1] ISO 12232:2019 (what an ISO number may round to).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Burst, RawFrame, Shot
from lichtbild.capture.glance import glance

ALIKE = 1.02  # ratio of exposures that a file may say of frames which are meant to be alike
UNIFORM = 1.25  # ratio of exposures up to which frames are merged like equal ones
SURE = 0.15  # relative doubt up to which the pixels are believed
_NOMINAL = 0.03  # doubt of what a file says
_BELIEVED = 0.10  # how far pixels of frames that are meant to be alike may differ
_FEWEST = 64  # blocks: with fewer nothing is said
_QUANTILES = 40
_NEAR_WHITE = 0.85  # of the white level: what any photosite of a clear block may reach
_LOST = 0.06  # of the blocks below a quantile may be near white
_UNSEEN = 0.01  # doubt of what the hand moved in and out, the more the less of the frame is compared
_LEAST = 4.0  # DN above black


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Mean light of blocks (1 = white), which of them hold no photosite near white, and the least light that
    can be told from black; the light in order, and up to which quantile of it blocks are clear.
    """

    light: Float64
    clear: NDArray[np.bool_]
    least: float
    ordered: Float64
    clear_to: float


def exposure_of(shot: Shot) -> float | None:
    """Time × ISO / aperture², as the file says; None where it does not say enough."""
    if not shot.exposure_time or not shot.iso:
        return None
    return shot.exposure_time * shot.iso / (shot.f_number or 1.0) ** 2


def relative(burst: Burst, reference: int = 0) -> tuple[float, ...]:
    """The light that each frame got, in units of the reference's.

    Parameters
    ----------
    burst : Burst
        Frames of one camera and scene.
    reference : int
        Whose light is 1.

    Returns
    -------
    tuple of float
        One number a frame; empty where all frames are exposed alike.

    Warns
    -----
    FallbackWarning
        The pixels contradict the file, or neither of them says how two frames relate.
    """
    if len(burst.frames) < 2:
        return ()
    said = [exposure_of(f.shot) for f in burst.frames]
    seen = [blocks(f) for f in burst.frames]
    known = [e for e in said if e is not None]
    if len(known) == len(said) and max(known) <= ALIKE * min(known) and _agree(seen, reference):
        return ()
    key = known if len(known) == len(said) else [float(np.mean(s.light)) for s in seen]
    order = sorted(range(len(said)), key=lambda k: key[k])
    light = [1.0] * len(said)
    for a, b in pairwise(order):
        light[b] = light[a] * _step(burst, seen, said, (a, b))
    light = [e / light[reference] for e in light]
    return () if max(light) <= ALIKE * min(light) else tuple(light)


def _agree(seen: Sequence[Blocks], reference: int) -> bool:
    """Whether no frame is surely exposed otherwise than the reference."""
    found = (ratio(seen[reference], s) for k, s in enumerate(seen) if k != reference)
    return all(doubt > SURE or abs(r - 1) < max(_BELIEVED, 5 * doubt) for r, doubt in found)


def _step(
    burst: Burst, seen: Sequence[Blocks], said: Sequence[float | None], pair: tuple[int, int]
) -> float:
    """Light of the second frame of a pair over that of the first: measured, or else as the files say."""
    a, b = pair
    measured, doubt = ratio(seen[a], seen[b])
    one, other = said[a], said[b]
    if one is None or other is None:
        return _measured(burst, seen, pair)
    claimed = other / one
    if doubt > SURE or abs(measured / claimed - 1) < 4 * math.hypot(doubt, _NOMINAL):
        if 1 / ALIKE <= claimed <= ALIKE:
            return 1.0
        weight = _NOMINAL**2 / (_NOMINAL**2 + doubt**2)
        return claimed + weight * (measured - claimed)
    if not 1 / UNIFORM < measured / claimed < UNIFORM:
        warnings.warn(
            f"{burst.frames[b].shot.path.name} says {claimed:.3g} × the exposure of "
            f"{burst.frames[a].shot.path.name}, its pixels {measured:.3g} ×; the pixels count",
            FallbackWarning,
            stacklevel=6,
        )
    return measured


def _measured(burst: Burst, seen: Sequence[Blocks], pair: tuple[int, int]) -> float:
    """Light of the second frame over that of the first, where the files say nothing."""
    measured, doubt = ratio(seen[pair[0]], seen[pair[1]])
    if doubt <= SURE:
        return measured if abs(measured - 1) >= max(_BELIEVED, 3 * doubt) else 1.0
    first, second = (max(float(np.median(seen[k].light)), 1e-6) for k in pair)
    rough = measured if math.isfinite(doubt) else second / first
    if 1 / UNIFORM < rough < UNIFORM:
        return 1.0
    names = " and ".join(burst.frames[k].shot.path.name for k in pair)
    warnings.warn(
        f"{names} do not say how they were exposed, their pixels roughly: {rough:.2g} ×",
        FallbackWarning,
        stacklevel=7,
    )
    return rough


def ratio(a: Blocks, b: Blocks) -> tuple[float, float]:
    """Light of `b` over that of `a`, and its relative doubt; infinite where nothing can be said."""
    if a.light.size < _FEWEST:
        return 1.0, math.inf
    highest = min(a.clear_to, b.clear_to)
    at = (np.linspace(0.3 * min(highest, 0.35), highest, _QUANTILES) * (a.light.size - 1)).astype(np.intp)
    one, other = a.ordered[at], b.ordered[at]
    good = np.minimum(one / a.least, other / b.least) > 1.0
    if np.count_nonzero(good) < _QUANTILES // 4:
        return 1.0, math.inf
    found, weights = other[good] / one[good], np.sqrt(one[good] * other[good])
    middle = weighted_median(found, weights)
    spread = float(np.sqrt((weights * (found / middle - 1) ** 2).sum() / weights.sum()))
    return middle, math.hypot(spread, _UNSEEN / highest)


def _clear_to(clear: NDArray[np.bool_]) -> float:
    """Up to which quantile of light hardly a block, of those in its order, holds anything near white."""
    lost = np.cumsum(~clear)
    good = np.flatnonzero(lost <= _LOST * np.arange(1, lost.size + 1))
    return float(good[-1]) / lost.size if good.size else 0.0


def weighted_median(values: Float64, weights: Float64) -> float:
    """The value with half of the weight below it."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(total, 0.5 * total[-1]))]])


def blocks(frame: RawFrame) -> Blocks:
    """The mean light of a frame in blocks, of the green plane where there are three; found once."""
    if "blocks" not in frame.measured:
        frame.measured["blocks"] = _blocks(frame)
    found: Blocks = frame.measured["blocks"]
    return found


def _blocks(frame: RawFrame) -> Blocks:
    shot, seen = frame.shot, glance(frame)
    black = float(shot.black.mean())
    span = max(shot.white - black, 1.0)
    light = (seen.mean.astype(np.float64) - black) / span
    clear = seen.most < black + _NEAR_WHITE * span
    order = np.argsort(light, axis=None, kind="stable")
    return Blocks(light, clear, _LEAST / span, light.ravel()[order], _clear_to(clear.ravel()[order]))


def groups(exposures: Sequence[float]) -> list[list[int]]:
    """Frames of nearly one exposure together, from the longest exposure to the shortest."""
    made: list[list[int]] = []
    for k in sorted(range(len(exposures)), key=lambda k: (-exposures[k], k)):
        if made and exposures[made[-1][0]] < UNIFORM * exposures[k]:
            made[-1].append(k)
        else:
            made.append([k])
    return [sorted(g) for g in made]


def best_exposed(burst: Burst) -> tuple[int, ...]:
    """Which frames are exposed best: those of the exposure that tells most about the scene."""
    light = relative(burst)
    if not light:
        return tuple(range(len(burst.frames)))
    found = groups(light)
    return tuple(max(found, key=lambda g: told(burst.frames[g[0]])))


def told(frame: RawFrame) -> float:
    """What the blocks of a frame tell, in bits: dark ones little, clipped ones nothing."""
    seen, noise = blocks(frame), frame.shot.noise
    iso = (frame.shot.iso or 100.0) / 100.0
    shot, read = (noise.shot[1], noise.read[1]) if noise else (2e-4 * iso, 3e-6 * iso * iso)
    light: Float64 = np.maximum(seen.light, 0.0)
    bits = np.log2(1.0 + light * light / np.maximum(shot * light + read, 1e-12))
    return float(np.where(seen.clear, bits, 0.0).mean())
