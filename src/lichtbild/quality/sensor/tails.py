# SPDX-License-Identifier: Apache-2.0
"""Tails of the read noise: Tukey's λ by maximum likelihood from whole digital numbers.

Tukey's distribution is given by its quantiles ``z(u) = (u^λ − (1 − u)^λ) / λ``, log-odds at λ = 0: nearly
normal at 0.14, the smaller λ the heavier the tails.  A digital number is a rounded value, so the likelihood
of a residual x is ``F((x + ½)/s) − F((x − ½)/s)``.  The fixed pattern is still in the residuals of few
frames; taken as normal with its known deviation it is folded into F, so that it does not pass for lighter
tails.

References
----------
[1] K. Wei et al., "A physics-based noise formation model for extreme low-light raw denoising", CVPR 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.minimise import simplex

Float64 = NDArray[np.float64]
NORMAL = 0.14
_STEPS = 16  # bins of residuals per DN, or per standard deviation where that is more
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_HALF = np.concatenate([np.geomspace(1e-9, 1e-3, 120), np.linspace(1e-3, 0.5, 400)[1:]])
_U = np.concatenate([_HALF, 1 - _HALF[-2::-1]])
_LIMIT = 0.45  # |λ| beyond which the deviation is not finite, or the shape no noise


def quantile(u: Float64, shape: float) -> Float64:
    """Tukey's quantile function at scale 1."""
    if abs(shape) < 1e-6:
        return np.log(u) - np.log1p(-u)
    return (u**shape - (1 - u) ** shape) / shape


def deviation(shape: float) -> float:
    """Standard deviation at scale 1: ``2/λ² · (1/(1 + 2λ) − Γ(λ + 1)²/Γ(2λ + 2))``, π²/3 squared at 0."""
    if abs(shape) < 1e-4:
        return math.pi / math.sqrt(3)
    beta = math.exp(2 * math.lgamma(shape + 1) - math.lgamma(2 * shape + 2))
    return math.sqrt(2 / shape**2 * (1 / (1 + 2 * shape) - beta))


def tails(residuals: NDArray[np.floating], pattern: float = 0.0) -> tuple[float, float, float]:
    """λ, its standard error, and the standard deviation of the noise.

    Parameters
    ----------
    residuals : array
        Dark digital numbers minus the means of their rows.
    pattern : float
        Standard deviation of the fixed pattern in them (DSNU), DN; it is not part of the answer.
    """
    spread = float(np.sqrt(np.mean(np.square(residuals, dtype=np.float64))))
    half = max(1, round(_STEPS / (2 * max(spread, 1.0))))  # bins in half a DN
    reach = math.ceil(24 * half * max(spread, 0.5))  # hot pixels are no noise
    bins = np.round(residuals * (2 * half)).astype(np.int64)
    n = np.bincount(bins[np.abs(bins) <= reach] + reach, minlength=2 * reach + 1).astype(np.float64)
    seen = n > 0
    n = n[seen]
    edges = np.arange(-reach - half, reach + half + 1) / (2 * half)
    nodes, weights = (pattern * _NODES, _WEIGHTS) if pattern else (np.zeros(1), np.ones(1))
    places = np.subtract.outer(edges, nodes)

    def cost(at: Float64) -> float:
        shape, scale = float(at[0]), math.exp(float(at[1]))
        if not -_LIMIT < shape < _LIMIT + 0.4:
            return math.inf
        z = quantile(_U, shape) * scale
        below = np.interp(places, z, _U) @ weights
        share = (below[2 * half :] - below[: -2 * half])[seen]
        return -float((n * np.log(np.maximum(share, 1e-12))).sum() / n.sum())

    best, lowest = np.zeros(2), math.inf
    for start in (NORMAL, -0.1):
        scale = math.log(max(math.sqrt(max(spread**2 - pattern**2, 0.05)), 0.1) / deviation(start))
        at, value = simplex(cost, [start, scale], step=0.15, tolerance=1e-4, most=240)
        if value < lowest:
            best, lowest = at, value
    doubt = _doubt(cost, best, float(n.sum()))
    return float(best[0]), doubt, math.exp(float(best[1])) * deviation(float(best[0]))


def _doubt(cost: Callable[[Float64], float], best: Float64, count: float) -> float:
    """Standard error of λ from the curvature of the likelihood."""
    h = 0.02
    steps = [np.array([h, 0.0]), np.array([0.0, h])]
    centre = cost(best)
    second = np.empty((2, 2))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps):
            if i == j:
                second[i, j] = (cost(best + a) - 2 * centre + cost(best - a)) / h**2
            else:
                corners = cost(best + a + b) - cost(best + a - b) - cost(best - a + b) + cost(best - a - b)
                second[i, j] = corners / (4 * h**2)
    if not np.isfinite(second).all() or np.linalg.det(second) <= 0 or second[0, 0] <= 0:
        return math.nan
    return math.sqrt(float(np.linalg.inv(second)[0, 0]) / count)
