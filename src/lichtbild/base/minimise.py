# SPDX-License-Identifier: Apache-2.0
"""Two minimisers for fits of a few unknowns: a simplex that needs values only, and damped least squares.

`simplex` walks n + 1 points downhill by reflection, expansion and contraction [1], with the coefficients that
keep it moving in many dimensions [2]; where it stops a fresh, smaller simplex starts once more, because the
first may have collapsed.  `least_squares` solves ``(JᵀJ + λ·diag(JᵀJ))·d = −Jᵀr`` and lowers λ as long as
that helps [3]; the Jacobian is the caller's or comes from finite differences.  Neither knows bounds: give a
cost that is infinite (or residuals that are large) where the unknowns may not go.

References
----------
[1] J. A. Nelder, R. Mead, "A simplex method for function minimization", Computer Journal 7(4), 1965.
[2] F. Gao, L. Han, "Implementing the Nelder-Mead simplex algorithm with adaptive parameters",
    Comput. Optim. Appl. 51, 2012.
[3] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM J. 11(2), 1963.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


def simplex(
    cost: Callable[[Float64], float],
    start: ArrayLike,
    *,
    step: float = 0.1,
    tolerance: float = 1e-9,
    most: int = 4000,
) -> tuple[Float64, float]:
    """Where `cost` is smallest near `start`, and how small.

    Parameters
    ----------
    cost : callable
        The number to make small, of a vector ``"n"``; infinite or NaN where it is not allowed.
    start : array_like "n"
        Where to begin.
    step : float
        First size of the simplex, relative to each component of `start`, which counts as at least 1 % of the
        largest (as 1 if all are 0).
    tolerance : float
        Stop when points and costs of the simplex differ by less, relative to their size.
    most : int
        Evaluations of `cost` allowed, at least n + 2.
    """
    best = np.array(start, np.float64).ravel()
    lowest = _value(cost, best)
    used = 1
    for size in (step, step / 10):
        best, lowest, used = _walk(cost, (best, lowest, used), size, tolerance, most)
    return best, lowest


def _value(cost: Callable[[Float64], float], at: Float64) -> float:
    value = float(cost(at))
    return value if value == value else float("inf")


def _walk(
    cost: Callable[[Float64], float],
    begin: tuple[Float64, float, int],
    size: float,
    tolerance: float,
    most: int,
) -> tuple[Float64, float, int]:
    best, lowest, used = begin
    n = len(best)
    points = np.repeat(best[None], n + 1, axis=0)
    scale = np.maximum(np.abs(best), 0.01 * np.abs(best).max())
    points[np.arange(1, n + 1), np.arange(n)] += size * np.where(scale > 0, scale, 1.0)
    values = np.array([lowest, *(_value(cost, p) for p in points[1:])])
    used += n
    grow, narrow, shrink = 1 + 2 / n, 0.75 - 0.5 / n, 1 - 1 / n if n > 1 else 0.5
    while used < most:
        order = np.argsort(values, kind="stable")
        points, values = points[order], values[order]
        spread = np.abs(points[1:] - points[0]).max()
        if spread <= tolerance * (1 + np.abs(points[0]).max()) and (
            values[-1] - values[0] <= tolerance * (tolerance + abs(values[0]))
        ):
            break
        middle = points[:-1].mean(axis=0)
        out = middle - points[-1]
        trial, value = middle + out, _value(cost, middle + out)
        used += 1
        if value < values[0]:
            far = _value(cost, middle + grow * out)
            used += 1
            if far < value:
                trial, value = middle + grow * out, far
        elif value >= values[-2]:
            side = narrow if value < values[-1] else -narrow
            near = _value(cost, middle + side * out)
            used += 1
            if near >= min(value, values[-1]):
                points[1:] = points[0] + shrink * (points[1:] - points[0])
                values[1:] = [_value(cost, p) for p in points[1:]]
                used += n
                continue
            trial, value = middle + side * out, near
        points[-1], values[-1] = trial, value
    k = int(np.argmin(values))
    return points[k], float(values[k]), used


def least_squares(
    residuals: Callable[[Float64], Float64],
    start: ArrayLike,
    *,
    jacobian: Callable[[Float64], Float64] | None = None,
    tolerance: float = 1e-10,
    most: int = 100,
) -> Float64:
    """Where the sum of squares of smooth `residuals` is smallest near `start`.

    Parameters
    ----------
    residuals : callable
        A vector ``"m"`` of a vector ``"n"``, m ≥ n.
    start : array_like "n"
        Where to begin.
    jacobian : callable, optional
        The slopes of `residuals`, ``"m n"``; by default from finite differences.
    tolerance : float
        Stop when a step lowers the sum of squares by less than this share of it.
    most : int
        Steps allowed.
    """
    x = np.array(start, np.float64).ravel()
    r = residuals(x)
    total, damping = float(r @ r), 1e-3
    for _ in range(most):
        slopes = _slopes(residuals, x, r) if jacobian is None else jacobian(x)
        square, downhill = slopes.T @ slopes, -(slopes.T @ r)
        weight = np.maximum(np.diag(square), 1e-12 * np.trace(square) + 1e-300)
        while damping < 1e12:
            moved = x + np.linalg.solve(square + damping * np.diag(weight), downhill)
            tried = residuals(moved)
            lower = float(tried @ tried)
            if lower < total:
                break
            damping *= 4
        else:
            return x
        gain, x, r = total - lower, moved, tried
        total, damping = lower, max(damping / 9, 1e-12)
        if gain <= tolerance * total:
            break
    return x


def _slopes(residuals: Callable[[Float64], Float64], x: Float64, r: Float64) -> Float64:
    columns = []
    for i in range(len(x)):
        h = 1e-6 * max(abs(x[i]), 1e-2)
        moved = x.copy()
        moved[i] += h
        columns.append((residuals(moved) - r) / h)
    return np.stack(columns, axis=1)
