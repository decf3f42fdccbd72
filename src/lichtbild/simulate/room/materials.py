# SPDX-License-Identifier: Apache-2.0
"""What things are made of."""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Triple
from lichtbild.simulate.brush import (
    Light,
    Plane,
    noise,
    wave,
)


def wood(y: Plane, x: Plane, *, seed: int, along: str = "x", scale: float = 1.0) -> Plane:
    """Grain of wood, about −1 … 1: stretched noise, growth rings and pores."""
    a, b = (x, y) if along == "x" else (y, x)
    a, b = a * np.float32(scale), b * np.float32(scale)
    drift = noise(b * 6, a * 1.1, octaves=3, seed=seed)
    rings = wave(b * 34 + 2.2 * drift + noise(b * 3, a * 0.7, octaves=2, seed=seed + 1))
    pores = noise(b * 520, a * 26, octaves=3, rough=0.7, seed=seed + 2)
    return 0.45 * rings + 0.40 * drift + 0.22 * pores


def plank(colour: Triple, grain: Plane, depth: float = 0.30) -> Light:
    """Colour of wood: darker grain is also redder."""
    return (
        colour[0] * (1 + 0.8 * depth * grain),
        colour[1] * (1 + depth * grain),
        colour[2] * (1 + 1.1 * depth * grain),
    )
