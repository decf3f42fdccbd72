# SPDX-License-Identifier: Apache-2.0
"""What lies on the two sides of an edge: their levels, their noise, and whether they are even.

A response belongs to one edge between two even sides.  A second edge, a slope of the light or the wide halo
of a sharpening filter is in the line spread function as well, and moves the figures without making them look
wrong.  So the mean light in strips along the edge is compared with the side's own level, from where the edge
itself has ended.
"""

from __future__ import annotations

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError

_FAINT = 4.0  # standard errors by which the sides of an edge must differ
_STRIP = 2.0  # px
_ENDED = 8.0  # px from the edge, at least, where its own profile has ended
_FEW = 16  # samples of a strip


def reach_of(t: Float64) -> float:
    """Where 2 % of the samples are left, on the side where that is sooner."""
    ordered = np.sort(t)
    n = len(t) // 50
    return float(min(-ordered[n], ordered[-1 - n]))


def sides(t: Float64, value: Float64, reach: float) -> tuple[float, float, tuple[float, float]]:
    """Levels of the dark and the bright side, and the noise of each."""
    far = 0.6 * reach
    dark, bright = value[t < -far], value[t > far]
    if far < 2 or min(len(dark), len(bright)) < 16:
        raise InputError(
            "the edge lies too close to a side of the box; 5 px on both sides are needed",
            hint="draw the box so that the edge is in its middle",
        )
    noise = (_spread(t[t < -far], dark), _spread(t[t > far], bright))
    low, high = float(dark.mean()), float(bright.mean())
    doubt = float(np.hypot(noise[0] / np.sqrt(len(dark)), noise[1] / np.sqrt(len(bright))))
    if high - low <= _FAINT * doubt + 1e-9 * abs(high):
        raise InputError(
            f"both sides of the box are equally bright ({low:.4g} and {high:.4g}): there is no edge",
            hint="draw the box around one straight edge, dark on one side and bright on the other",
        )
    return low, high, noise


def _spread(t: Float64, value: Float64) -> float:
    """Standard deviation about a straight line over t."""
    centred = t - t.mean()
    gain = float(centred @ value / max(centred @ centred, 1e-12))
    return float(np.std(value - value.mean() - gain * centred))


def uneven(t: Float64, value: Float64, width: float) -> tuple[float, float]:
    """Largest change of the light along t on either side, and its standard deviation.

    Parameters
    ----------
    t, value : Float64 "n"
        Distance from the edge, px, and the sample there.
    width : float
        How wide the edge itself is, px: nothing nearer than twice that, or 8 px, counts.
    """
    largest, doubt = 0.0, 0.0
    start = max(_ENDED, 2 * width)
    for side in (-t, t):
        strip = ((side - start) / _STRIP).astype(np.intp)
        there = (side >= start) & (strip < 1000)
        count = np.bincount(strip[there])
        held = count >= _FEW
        if held.sum() < 2:
            continue
        number = count[held]
        level = np.bincount(strip[there], value[there])[held] / number
        change = float(np.ptp(level))
        if change > largest:
            square = np.bincount(strip[there], value[there] ** 2)[held] / number
            noise = np.sqrt(np.maximum(square - level**2, 0) / number)
            largest, doubt = change, float(np.sqrt(2) * np.median(noise))
    return largest, doubt
