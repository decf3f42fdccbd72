# SPDX-License-Identifier: Apache-2.0
"""A smooth curve through points that never turns back: piecewise cubics with limited slopes.

Slopes are the weighted harmonic means of the neighbouring secants, 0 where these change sign, so that between
two points the curve stays between their values [1].  Beyond the ends it goes on straight.

References
----------
[1] F. N. Fritsch, J. Butland, "A method for constructing local monotone piecewise cubic interpolants",
    SIAM J. Sci. Stat. Comput. 5(2), 1984.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Monotone:
    """A curve through ``x`` (rising) and ``y``, with its ``slope`` at every point."""

    x: Float64
    y: Float64
    slope: Float64

    def __call__(self, at: ArrayLike) -> Float64:
        """Values of the curve."""
        at = np.asarray(at, np.float64)
        k, t, h = self._place(at)
        a, b, c, d = self.y[k], self.y[k + 1], self.slope[k] * h, self.slope[k + 1] * h
        t2, t3 = t * t, t * t * t
        inside = (2 * t3 - 3 * t2 + 1) * a + (t3 - 2 * t2 + t) * c + (3 * t2 - 2 * t3) * b + (t3 - t2) * d
        below = self.y[0] + self.slope[0] * (at - self.x[0])
        above = self.y[-1] + self.slope[-1] * (at - self.x[-1])
        return np.where(at < self.x[0], below, np.where(at > self.x[-1], above, inside))

    def steepness(self, at: ArrayLike) -> Float64:
        """The derivative of the curve."""
        at = np.asarray(at, np.float64)
        k, t, h = self._place(at)
        rise = (self.y[k + 1] - self.y[k]) / h
        a, b = self.slope[k], self.slope[k + 1]
        inside = 6 * t * (1 - t) * rise + (1 - t) * (1 - 3 * t) * a + t * (3 * t - 2) * b
        return np.where(at < self.x[0], self.slope[0], np.where(at > self.x[-1], self.slope[-1], inside))

    def _place(self, at: Float64) -> tuple[NDArray[np.intp], Float64, Float64]:
        k = np.clip(np.searchsorted(self.x, at, side="right") - 1, 0, len(self.x) - 2)
        h = self.x[k + 1] - self.x[k]
        return k, (at - self.x[k]) / h, h


def monotone(x: ArrayLike, y: ArrayLike) -> Monotone:
    """The curve through points; at least two, no two with the same x."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    order = np.argsort(x)
    x, y = x[order], y[order]
    h, rise = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.empty_like(x)
    slope[[0, -1]] = rise[[0, -1]]
    if len(x) > 2:
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        same = rise[1:] * rise[:-1] > 0
        safe = np.where(same, rise[1:], 1), np.where(same, rise[:-1], 1)
        slope[1:-1] = np.where(same, (w1 + w2) / (w1 / safe[1] + w2 / safe[0]), 0)
        slope[0] = _end(h[0], h[1], rise[0], rise[1])
        slope[-1] = _end(h[-1], h[-2], rise[-1], rise[-2])
    return Monotone(x, y, slope)


def _end(h0: float, h1: float, rise0: float, rise1: float) -> float:
    """One-sided slope at an end, limited so that the curve does not turn."""
    slope = ((2 * h0 + h1) * rise0 - h0 * rise1) / (h0 + h1)
    if slope * rise0 <= 0:
        return 0.0
    return 3 * rise0 if rise0 * rise1 <= 0 and abs(slope) > 3 * abs(rise0) else slope
