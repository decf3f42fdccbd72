# SPDX-License-Identifier: Apache-2.0
"""Banding: what all photosites of a row, or of a column, share is measured and taken off.

Sensors read a row at a time, and whatever disturbs that moment lifts the whole row; columns have amplifiers
of their own.  The eye finds a line a tenth as strong as the noise around it.  Rows are compared with those of
the same colours one and two cells below: the step d is the biweight mean over the photosites of a segment,
weighted by the noise model, so that edges and clipped light have no say, and again over the segments, so that
what does not go on along the row has none.  Offsets o explain the steps best::

    minimise  Σ (o[y + Δ] − o[y] − d)² / v + Σ o² / σ²

v is the variance of a step as its photosites tell it, more where two halves of the row (segments in turn)
disagree or a step is far beyond what σ explains: that is the picture, as is what changes slowly.  σ²
comes from what the halves share, and from what neighbouring steps have in common with the opposite sign,
which noise of rows has and the picture has not::

    σ² = min(½ ⟨a[y] b[y]⟩, −2 ⟨a[y] b[y + Δ]⟩),     a, b the steps of the two halves

Nothing is taken off while σ is not surely above zero (`SURE` standard errors) or below a few hundredths of
the noise of a dark photosite.

References
----------
[1] K. Wei et al., "Physics-based noise modeling for extreme low-light photography", TPAMI 44(11), 2022 (row
    noise).  doi:10.1109/TPAMI.2021.3103114
[2] F. Mosteller, J. W. Tukey, "Data analysis and regression", 1977 (the biweight).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import Float64
from lichtbild.base.image import Float32, Noise, RawFrame

SURE = 5.0  # standard errors
LEAST = 0.04  # of the noise of a dark photosite: weaker lines are not seen
_WIDE, _REACH = 1 / 64.0, 1 / 12.0  # 1 / c²: photosites further off than c standard deviations have no say
_LARGE = 0.05  # of the noise variance of a dark photosite
_FAR = 3.5  # standard deviations of a step that σ and v explain
_AROUND = 32  # rows on either side over which offsets have no mean
_COUNTS = 3.0  # median steps: what steps count for at most when σ² is found
_SHARED = 2.0  # × what neighbouring steps have in common: pictures take some of it away
_MOST = 4.0  # σ: what an offset may be
_FEWEST = 64  # rows or columns
_FINE = 1024.0  # offsets are multiples of 1 / this, DN


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """Offsets in digital numbers: ``rows: Float32 "h"``, ``columns: Float32 "w"``; None: there are none."""

    rows: Float32 | None = None
    columns: Float32 | None = None

    @property
    def found(self) -> bool:
        """Whether there are any."""
        return self.rows is not None or self.columns is not None

    def scaled(self, share: float) -> Bands:
        """A share of them."""
        part = np.float32(share)
        if share == 1:
            return self
        return Bands(*(None if o is None else o * part for o in (self.rows, self.columns)))


def banding(frame: RawFrame, noise: Noise) -> Bands:
    """How much each row and each column of a mosaic lies above the others.

    Parameters
    ----------
    frame : RawFrame
        Bayer, mono, or any mosaic whose cell repeats; linear raws have no rows of their own any more.
    noise : Noise
        Of its raw values.

    Returns
    -------
    Bands
        What to subtract; None for rows (columns) where nothing is surely there.
    """
    if frame.dn.ndim != 2:
        return Bands()
    shot, cell = frame.shot, (1, 1) if frame.shot.kind == "mono" else frame.shot.sites.shape
    period = [math.lcm(cell[i], shot.black.shape[i]) for i in (0, 1)]
    model = _model(frame, noise)
    rows = columns = None
    if shot.black_rows is None:  # else the file has its own
        rows = _offsets(frame, kernels.banding_rows, frame.dn.shape[0], period[0], model)
    if shot.black_columns is None:
        columns = _offsets(frame, kernels.banding_columns, frame.dn.shape[1], period[1], model)
    return Bands(rows, columns)


def _model(frame: RawFrame, noise: Noise) -> Float32:
    """Black, slope, base (DN²), the highest number that counts, 1 / reach²."""
    shot = frame.shot
    black = float(shot.black.mean())
    span = shot.white - black
    slope, base = max(noise.shot) * span, max(noise.read) * span * span
    return np.array([black, slope, max(base, 1 / 12), black + 0.9 * span, _REACH], np.float32)


def _offsets(
    frame: RawFrame, measure: Callable[..., None], count: int, period: int, model: Float32
) -> Float32 | None:
    if count < max(_FEWEST, 8 * period):
        return None
    still, wide = np.zeros(count, np.float32), model.copy()
    wide[4] = _WIDE
    least = LEAST**2 * float(model[2])
    steps = np.empty((4, count), np.float32)
    measure(frame.dn, still, period, wide, steps)
    sigma2 = _sigma2(steps, still, period)
    if not sigma2 > least:
        return None
    links = [_link(steps, still, period, sigma2)]
    offsets = _solved(links, (period,), sigma2)
    if sigma2 > _LARGE * float(model[2]):  # once more from there, for the biweight was far from its middle
        measure(frame.dn, offsets, period, model, steps)
        sigma2 = _sigma2(steps, offsets, period)
        if not sigma2 > least:
            return None
        links = [_link(steps, offsets, period, sigma2)]
    measure(frame.dn, offsets, 2 * period, model, steps)
    links.append(_link(steps, offsets, 2 * period, sigma2))
    return _solved(links, (period, 2 * period), sigma2)


def _sigma2(steps: Float32, offsets: Float32, distance: int) -> float:
    """The variance of the offsets in DN²; 0 where they are not surely there."""
    a, va, b, vb = (s[:-distance].astype(np.float64) for s in steps)
    so_far = offsets[distance:].astype(np.float64) - offsets[:-distance]
    a, b = a + so_far, b + so_far
    known = (va < 1e20) & (vb < 1e20)
    if np.count_nonzero(known) < _FEWEST // 2:
        return 0.0
    scale = np.median(np.abs(a[known] + b[known])) / 2 + 1e-9
    a, b = (np.clip(s, -_COUNTS * scale, _COUNTS * scale) * known for s in (a, b))
    both, next_ = known, known[:-distance] & known[distance:]
    same = (a * b)[both]
    apart = -0.5 * (a[:-distance] * b[distance:] + b[:-distance] * a[distance:])[next_]
    if apart.size < _FEWEST // 2:
        return 0.0
    found = min(float(same.mean()) / 2, _SHARED * float(apart.mean()))
    error = float(min(same.std() / 2, _SHARED * apart.std())) / math.sqrt(apart.size)
    return found if found > SURE * error else 0.0


def _link(steps: Float32, offsets: Float32, distance: int, sigma2: float) -> tuple[Float64, Float64]:
    """Step and variance of every row of a link; the offsets so far are in the step."""
    a, va, b, vb = steps.astype(np.float64)
    step = (a * vb + b * va) / (va + vb)
    v = va * vb / (va + vb)
    v = np.maximum(v, (a - b) ** 2 / 8)  # the halves disagree: the picture
    step[:-distance] += offsets[distance:].astype(np.float64) - offsets[:-distance]
    step[:-distance] -= _slope(step[:-distance], v[:-distance] < 1e20)
    beyond = step * step / _FAR**2 - 2 * sigma2
    return step, np.maximum(v, beyond) + 1e-12


def _slope(step: Float64, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """What all steps have in common."""
    return float(np.median(step[known])) if known.any() else 0.0


def _slow(offsets: Float64) -> Float64:
    """The mean of the offsets around each: what changes slowly is the picture's."""
    reach = min(_AROUND, (offsets.size - 1) // 2)
    sums = np.concatenate([[0.0], np.cumsum(offsets)])
    at = np.arange(offsets.size)
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, offsets.size)
    return np.asarray((sums[high] - sums[low]) / (high - low), np.float64)


def _solved(links: list[tuple[Float64, Float64]], distances: tuple[int, ...], sigma2: float) -> Float32:
    step, variance = (np.ascontiguousarray([link[i] for link in links]) for i in (0, 1))
    out = np.empty(step.shape[1])
    kernels.banding_solve(step, variance, np.array(distances, np.int32), sigma2, out)
    most = _MOST * np.sqrt(sigma2)
    out = np.clip(out - _slow(out), -most, most)
    return (np.rint(out * _FINE) / _FINE).astype(np.float32)
