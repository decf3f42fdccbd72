# SPDX-License-Identifier: Apache-2.0
"""Edges whose response is known exactly: what the laboratory tests itself with.

An edge at the angle θ from the vertical, blurred by a Gaussian σ and integrated over square pixels, has a
closed form.  With ``u = x·cos θ + y·sin θ`` at the corners of a pixel, Φ and φ the normal distribution and
density::

    G(u)  = ((u² + σ²)·Φ(u/σ) + u·σ·φ(u/σ)) / 2
    pixel = low + (high − low) · (G(u₁₁) − G(u₁₀) − G(u₀₁) + G(u₀₀)) / (cos θ · sin θ)
    MTF   = exp(−2π²σ²f²) · |sinc(f·cos θ) · sinc(f·sin θ)|
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import Float64


def exact_edge(
    size: tuple[int, int], angle: float, sigma: float, *, low: float = 0.2, high: float = 0.8
) -> Float64:
    """``"h w"``: an edge through the middle, blurred by a Gaussian, integrated over square pixels, exactly.

    Parameters
    ----------
    size : tuple of int
        (height, width).
    angle : float
        Degrees from the vertical, not 0 or 90.
    sigma : float
        px, above 0.
    low, high : float
        Levels of the two sides.
    """
    h, w = size
    y, x = np.arange(h + 1) - h / 2, np.arange(w + 1) - w / 2
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    u = x * c + y[:, None] * s
    z = u / sigma
    area = ((u * u + sigma**2) * _normal(z) + u * sigma * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)) / 2
    covered = np.diff(np.diff(area, axis=0), axis=1) / (c * s)
    return low + (high - low) * covered


def exact_mtf(frequency: ArrayLike, angle: float, sigma: float) -> Float64:
    """The response of `exact_edge` along the edge's normal."""
    f = np.asarray(frequency, np.float64)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.exp(-2 * (np.pi * sigma * f) ** 2) * np.abs(np.sinc(f * c) * np.sinc(f * s))


def _normal(z: Float64) -> Float64:
    """The normal distribution."""
    return 0.5 * np.vectorize(math.erfc, otypes=[np.float64])(-z / math.sqrt(2))
