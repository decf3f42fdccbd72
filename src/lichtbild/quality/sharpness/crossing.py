# SPDX-License-Identifier: Apache-2.0
"""The profile across an edge, by straight lines fitted around every place with a Gaussian weight.

The slope of such a line is exactly the derivative of the edge blurred by that Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.quality.sharpness.slanted import Edge

SIGMA = 0.15  # px: of the weight
_PROFILE = 16  # grid positions of a pixel in the edge profile


def kernels(fine: int) -> tuple[Float64, Float64, Float64]:
    """The weight, and its first two moments, on a grid of `fine` places a pixel."""
    z = np.arange(-round(5 * SIGMA * fine), round(5 * SIGMA * fine) + 1) / fine
    k = np.exp(-0.5 * (z / SIGMA) ** 2)
    return k, k * z, k * z * z


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """Straight lines fitted around every position of a grid."""

    t: Float64
    count: Float64
    value: Float64
    slope: Float64
    moments: tuple[Float64, Float64, Float64]  # A0, A1 and the determinant


def local_lines(edge: Edge, reach: float, fine: int) -> Local:
    """Fit lines around places `fine` a pixel apart, up to `reach` px from the edge."""
    half = int(np.ceil((reach + 5 * SIGMA) * fine))
    index = np.rint(edge.t * fine).astype(np.intp) + half
    inside = (index >= 0) & (index <= 2 * half)
    middle = 0.5 * (edge.low + edge.high)
    count = np.bincount(index[inside], minlength=2 * half + 1).astype(np.float64)
    total = np.bincount(index[inside], edge.value[inside] - middle, 2 * half + 1)
    k0, k1, k2 = kernels(fine)
    a0, a1, a2 = (np.correlate(count, k, "same") for k in (k0, k1, k2))
    b0, b1 = (np.correlate(total, k, "same") for k in (k0, k1))
    det = a0 * a2 - a1 * a1
    good = det > 1e-3 * (a0 * SIGMA) ** 2
    det = np.where(good, det, np.inf)
    value, slope = (a2 * b0 - a1 * b1) / det, (a0 * b1 - a1 * b0) / det
    if not good.all() and good.any():
        every, held = np.arange(len(good)), np.nonzero(good)[0]
        value = np.interp(every, held, value[held])
        slope = np.interp(every, held, slope[held])
    return Local(np.arange(-half, half + 1) / fine, count, value + middle, slope, (a0, a1, det))


def edge_profile(edge: Edge, farthest: float = 24.0) -> tuple[Float64, Float64, float]:
    """Distance from the edge, the value there, and the standard deviation of such a value."""
    reach = min(edge.reach, farthest)
    local = local_lines(edge, reach, _PROFILE)
    inside = np.abs(local.t) <= reach
    density = local.count[inside].sum() / (2 * reach)  # samples of a pixel
    spread = float(np.sqrt(0.5 * (edge.noise[0] ** 2 + edge.noise[1] ** 2)))
    return (
        local.t[inside],
        local.value[inside],
        float(spread / np.sqrt(density * 2 * np.sqrt(np.pi) * SIGMA)),
    )


def width(t: Float64, profile: Float64) -> float:
    """Distance around its steepest place over which the profile rises at least half as steeply, px."""
    slope = np.convolve(np.diff(profile), np.ones(_PROFILE) / _PROFILE, "same")
    steepest = int(slope.argmax())
    flat = np.nonzero(slope < 0.5 * slope[steepest])[0]
    first, last = flat[flat < steepest], flat[flat > steepest]
    return float(t[last[0] if len(last) else -1] - t[first[-1] if len(first) else 0])


def rise(t: Float64, profile: Float64, edge: Edge) -> float:
    """Distance from 10 % to 90 % of the edge's height, px, without the blur of the profile's own weight."""
    share = (profile - edge.low) / (edge.high - edge.low)
    middle = int(np.argmin(np.abs(t)))
    below, above = np.nonzero(share[:middle] <= 0.1)[0], np.nonzero(share[middle:] >= 0.9)[0]
    if not len(below) or not len(above):
        return float("nan")
    i, j = int(below[-1]), middle + int(above[0])
    low = t[i] + (0.1 - share[i]) / (share[i + 1] - share[i]) * (t[i + 1] - t[i])
    high = t[j] - (share[j] - 0.9) / max(share[j] - share[j - 1], 1e-12) * (t[j] - t[j - 1])
    return float(np.sqrt(max((high - low) ** 2 - (2.563 * SIGMA) ** 2, 0)))
