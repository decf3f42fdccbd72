# SPDX-License-Identifier: Apache-2.0
"""Dynamic range of a grey ladder: log2(L_sat / L_min).

L_min is where the SNR is 1 (10 for the range of 20 dB).  Where levels are linear it comes from the line
``σ² = S · level + O`` through the patches: ``level² = SNR² · (S · level + O)``.  Total noise has a third
term, ``P · level²``, for the fixed pattern that grows with the light.  In a photo, whose noise is no such
curve, the SNR is interpolated between patches and never extrapolated: a ladder that ends too early gives a
bound, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lichtbild.quality.greys.inside import Float64
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Figure, unmeasured

CLIPPED = 0.01  # of a patch, from which on it is not used
GOOD = 10.0  # SNR of 20 dB
_LINEAR = ("raw", "linear")
_ENOUGH = 5  # patches for a third term


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch and channel, in linear light: ``level`` and the standard deviations; NaN: not measured.
    ``doubt`` is relative, of the noise that the SNR is reckoned with.
    """

    level: float
    temporal: float
    fixed: float
    total: float
    doubt: float
    clipped: float


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A channel: its patches, their light, what goes for signal, the noise it is compared with, which of them
    are of ``use``, and the level where the channel is ``full``.
    """

    name: str
    patches: tuple[Patch, ...]
    light: Float64
    signal: Float64
    noise: Float64
    use: NDArray[np.bool_]
    full: float


def snr_range(row: Row, picture: Picture, what: tuple[str, float], where: str) -> Figure:
    """log2 of the light that fills a channel over the light with that SNR; `what` is a name and an SNR."""
    name, _ = what
    if row.use.sum() < 3:
        return unmeasured(name, "EV", "needs three patches that are not clipped", where)
    note = "by total noise, fixed patterns in it" if math.isnan(row.patches[0].temporal) else ""
    level = np.array([p.level for p in row.patches])
    if picture.decoding in _LINEAR and len(set(level[row.use].tolist())) >= 3:
        return _linear(row, level, what, where, note)
    return _between(row, what, where, note)


def _linear(row: Row, level: Float64, what: tuple[str, float], where: str, note: str) -> Figure:
    name, least = what
    x, variance = level[row.use], row.noise[row.use] ** 2
    terms = 3 if math.isnan(row.patches[0].temporal) and len(x) >= _ENOUGH else 2
    found, covariance = _fitted(x, variance, terms)
    smallest = _crossing(found, least)
    if not 0 < smallest < row.full:
        why = "no noise at all" if not smallest > 0 else f"the SNR never reaches {least:g}"
        return unmeasured(name, "EV", why, where)
    tilt = [
        math.log2(max(_crossing(found + step, least), 1e-12) / smallest)
        for step in np.diag(np.sqrt(np.diag(covariance)))
    ]
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    doubt = math.sqrt(max(float(np.array(tilt) @ correlation @ np.array(tilt)), 0.0))
    if smallest < x.min():
        below = f"by the fitted noise, {math.log2(x.min() / smallest):.1f} EV below the darkest patch"
        note = f"{note}; {below}" if note else below
    return Figure(name, math.log2(row.full / smallest), "EV", where, doubt, "higher", note)


def _crossing(found: Float64, snr: float) -> float:
    """The level x at which ``x² = SNR² · (O + S x + P x²)``, infinite if there is none."""
    read, shot, spread = found * snr * snr
    rest = 1 - spread
    if rest <= 0:
        return math.inf
    return (shot + math.sqrt(shot * shot + 4 * rest * max(read, 0.0))) / (2 * rest)


def _between(row: Row, what: tuple[str, float], where: str, note: str) -> Figure:
    name, least = what
    light, snr = row.light[row.use], (row.signal / row.noise)[row.use]
    order = np.argsort(light)
    x, y = np.log2(light[order]), np.log2(np.maximum(snr[order], 1e-6))
    top, wide = _saturation(row, x[-1])
    target = math.log2(least)
    above = np.flatnonzero(y >= target)
    if not len(above):
        return unmeasured(name, "EV", f"no patch has an SNR of {least:g}", where)
    first = int(above[0])
    bound = [wide] if wide else []
    if first == 0:
        edge = x[0]
        bound.append(f"the darkest patch still has an SNR of {2 ** y[0]:.1f}")
    else:
        t = (target - y[first - 1]) / (y[first] - y[first - 1])
        edge = x[first - 1] + t * (x[first] - x[first - 1])
    told = "; ".join([*(["at least: " + ", ".join(bound)] if bound else []), *([note] if note else [])])
    return Figure(name, float(top - edge), "EV", where, 0.0, "higher", told)


def _saturation(row: Row, brightest: float) -> tuple[float, str]:
    """log2 of the light at which the picture is full, and what is doubtful about it."""
    clipped = np.array([p.clipped for p in row.patches]) >= CLIPPED
    over = clipped & (row.light > 2**brightest)
    if over.any():
        return math.log2(float(row.light[over].min())), ""
    return float(brightest), "the brightest patch is not full"


def _fitted(level: Float64, variance: Float64, terms: int) -> tuple[Float64, Float64]:
    """O, S and P of ``variance = O + S · level + P · level²`` (P is 0 with two `terms`), none negative, each
    equation divided by its variance; and their covariance.
    """
    design = np.stack([level**k for k in range(terms)], axis=1) / variance[:, None]
    best, lowest, covariance = np.zeros(3), math.inf, np.zeros((3, 3))
    for kept in (c for n in range(1, terms + 1) for c in combinations(range(terms), n)):
        a = design[:, kept]
        found = np.linalg.lstsq(a, np.ones(len(level)), rcond=None)[0]
        misfit = float(((a @ found - 1) ** 2).sum())
        if (found >= 0).all() and misfit < lowest:
            best, lowest, covariance = np.zeros(3), misfit, np.zeros((3, 3))
            best[list(kept)] = found
            spread = misfit / max(len(level) - len(kept), 1)
            covariance[np.ix_(kept, kept)] = spread * np.linalg.pinv(a.T @ a)
    return best, covariance
