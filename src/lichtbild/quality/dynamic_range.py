# SPDX-License-Identifier: Apache-2.0
"""Dynamic range of a grey ladder: log2(L_sat / L_min).

L_min is where the SNR is 1 (10 for the range of 20 dB).  Where levels are linear it comes from the line
``σ² = S · level + O`` through the patches: ``level² = SNR² · (S · level + O)``.  In a photo, whose noise is
no line, the SNR is interpolated between patches and never extrapolated: a ladder that ends too early gives a
bound, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.quality.inside import Float64
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Figure, unmeasured

CLIPPED = 0.01  # of a patch, from which on it is not used
GOOD = 10.0  # SNR of 20 dB
_LINEAR = ("raw", "linear")


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
    shot, read = _fitted(level[row.use], row.noise[row.use] ** 2)
    square = least * least
    smallest = (square * shot + math.sqrt((square * shot) ** 2 + 4 * square * read)) / 2
    if not smallest > 0:
        return unmeasured(name, "EV", "no noise at all", where)
    error = 1.44 * float(np.mean([p.doubt for p in row.patches]))
    return Figure(name, math.log2(row.full / smallest), "EV", where, error, "higher", note)


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


def _fitted(level: Float64, variance: Float64) -> tuple[float, float]:
    """S and O of ``variance = S · level + O``, both not negative, each equation divided by its variance."""
    design = np.stack([level, np.ones_like(level)], axis=1) / variance[:, None]
    shot, read = np.linalg.lstsq(design, np.ones_like(level), rcond=None)[0]
    if shot < 0:
        return 0.0, float(1 / np.mean(1 / variance))
    if read < 0:
        return float((level / variance).sum() / (level**2 / variance**2).sum()), 0.0
    return float(shot), float(read)
