# SPDX-License-Identifier: Apache-2.0
"""Noise with a pattern: row and column noise, DSNU, PRNU and hot pixels of one site.

Of n dark frames, D = frames minus their mean, m = means of its rows::

    row²  = var(m) · n/(n − 1) − v/W     v: temporal variance without row means;  column² likewise
    DSNU² = var(mean picture, row means removed) − v/n

Of even light, in small blocks from which a plane is subtracted, so that neither vignetting nor an uneven
light counts::

    s² = v/n + DSNU² + PRNU² · μ²             fitted for PRNU² over all levels

References
----------
[1] EMVA Standard 1288, release 4.0, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lichtbild.base.image import Float32
from lichtbild.quality.sensor.temporal import SIDE, residuals, variances

_HOT = 8.0  # robust standard deviations
_LEAST, _MOST = 0.1, 0.9  # of the range, for PRNU
UNEVEN = 0.04  # more than any sensor's PRNU: the picture itself


@dataclass(frozen=True, slots=True)
class Dark:
    """Of dark frames, DN: ``level`` above the stated black, temporal ``variance`` (DN²), ``row``, ``column``
    and ``dsnu`` with standard errors, and the share of ``hot`` pixels.  What drowns in noise is NaN.
    """

    level: float
    variance: float
    row: float
    row_doubt: float
    column: float
    column_doubt: float
    dsnu: float
    dsnu_doubt: float
    hot: float


@dataclass(frozen=True, slots=True, eq=False)
class Even:
    """One level of light: ``mean``, temporal ``variance`` of a frame, median short-range ``spread`` (variance
    of the mean picture within blocks, planes removed), and how many blocks that is.
    """

    mean: float
    variance: float
    spread: float
    frames: int
    blocks: int


def dark(stack: Float32) -> tuple[Dark, Float32]:
    """What dark frames of one site show, ``stack: Float32 "n h w"`` in DN above black, n ≥ 2; and the samples
    without the means of their rows, hot pixels left out, in a row.
    """
    n, h, w = stack.shape
    level = float(np.median(stack))
    mean, off, _ = residuals(stack)
    cold = ~np.isnan(off[0])
    v = float(variances(off).mean(dtype=np.float64))
    raw = np.where(cold, stack - stack.mean(axis=0, dtype=np.float64), 0.0)
    rows, columns = raw.mean(axis=2), raw.mean(axis=1)
    rows = rows - rows.mean(axis=1, keepdims=True)  # a black level that drifts is no row noise
    row = _beyond(float(rows.var()) * n / (n - 1) * h / (h - 1), v / w, (n - 1) * h)
    columns = columns - columns.mean(axis=1, keepdims=True)
    column = _beyond(float(columns.var()) * n / (n - 1) * w / (w - 1), v / h, (n - 1) * w)
    flat = mean - np.median(mean, axis=1, keepdims=True)
    wide = 1.4826 * float(np.median(np.abs(flat - np.median(flat)))) + 1e-6
    cold &= np.abs(flat) < _HOT * wide
    counts = np.maximum(cold.sum(axis=1, keepdims=True), 1)
    flat = np.where(cold, mean - np.where(cold, mean, 0).sum(axis=1, keepdims=True) / counts, 0)
    spread = float((flat**2).sum(dtype=np.float64)) / max(int(cold.sum()) - h, 1)
    rest = stack - np.where(cold, stack, 0).sum(axis=2, keepdims=True, dtype=np.float64) / counts
    found = Dark(level, v, *row, *column, *_beyond(spread, v / n, int(cold.sum())), 1 - float(cold.mean()))
    return found, rest[:, cold].ravel().astype(np.float32)


def _beyond(total: float, expected: float, freedom: int) -> tuple[float, float]:
    """Root and standard error of a variance from which what chance explains is subtracted."""
    error = total * math.sqrt(2 / max(freedom, 1))
    left = total - expected
    if left < 2 * error:
        return math.nan, math.nan
    return math.sqrt(left), error / (2 * math.sqrt(left))


def even(mean: Float32, off: Float32, variance: float) -> Even:
    """What a level of light shows, from its `residuals` and its mean temporal variance."""
    n, h, w = off.shape
    side = min(SIDE, h, w)
    rows, columns = h // side, w // side
    cut = mean[: rows * side, : columns * side].reshape(rows, side, columns, side)
    cut = cut.transpose(0, 2, 1, 3).reshape(-1, side * side).astype(np.float64)
    ramp = np.arange(side) - (side - 1) / 2
    y, x = (r.ravel() for r in np.meshgrid(ramp, ramp, indexing="ij"))
    cut = cut - cut.mean(axis=1, keepdims=True)
    slopes = [(cut @ a) / float(a @ a) for a in (y, x)]
    flat = cut - slopes[0][:, None] * y - slopes[1][:, None] * x
    freedom = side * side - 3
    spread = float(np.median((flat**2).sum(axis=1))) / (freedom * (1 - 2 / (9 * freedom)) ** 3)
    return Even(float(mean.mean()), variance, spread, n, len(cut))


def prnu(levels: Sequence[Even], dsnu: float, span: float) -> tuple[float, float]:
    """PRNU as a share of 1 and its standard error, NaN where no level of even light is bright enough."""
    base = 0.0 if math.isnan(dsnu) else dsnu**2
    use = [e for e in levels if _LEAST * span < e.mean < _MOST * span]
    if not use:
        return math.nan, math.nan
    x = np.array([e.mean**2 for e in use])
    y = np.array([e.spread - e.variance / e.frames - base for e in use])
    error = np.array([e.spread * math.sqrt(2 * math.pi / 2 / (e.blocks * SIDE * SIDE)) for e in use])
    weight = 1 / np.maximum(error, 1e-12) ** 2
    square = float((weight * x * y).sum() / (weight * x * x).sum())
    doubt = 1 / math.sqrt(float((weight * x * x).sum()))
    if square < 2 * doubt:
        return math.nan, math.nan
    return math.sqrt(square), doubt / (2 * math.sqrt(square))
