# SPDX-License-Identifier: Apache-2.0
"""Sensor: light becomes electrons, electrons become digital numbers, and both by chance.

::

    N  ~ Poisson(light / gain · (white − black) / K)       photons; gain undoes the lens shading
    DN = ⌊K · N + σ · z + black + ½⌋, clipped to 0 … white      z standard normal

so that a linear value x (1 = white) has the variance ``S x + O`` with ``S = K / V``, ``O = (σ² + 1/12) / V²``
and V = white − black; 1/12 is the rounding.  K and σ² are polynomials in the ISO of a calibrated 10-bit phone
[1]. Every pixel draws from its own counter of Philox4x32-10 under the key (seed, frame): the same noise on
any machine, for any number of threads.

References
----------
[1] Y. Wang et al., "Practical deep raw image denoising on mobile devices" (PMRID), ECCV 2020.
[2] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Noise, UInt16


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor at one ISO: ``gain`` DN per electron, ``read`` noise in DN, ``black`` and ``white`` in DN."""

    gain: float
    read: float
    black: float = 64.0
    white: float = 1023.0

    @property
    def span(self) -> float:
        """DN from black to white."""
        return self.white - self.black

    @property
    def electrons(self) -> float:
        """Electrons at the white level."""
        return self.span / self.gain

    @property
    def noise(self) -> Noise:
        """Variance of linear values, ``S x + O`` in every plane."""
        shot, read = self.gain / self.span, (self.read**2 + 1 / 12) / self.span**2
        return Noise((shot, shot, shot), (read, read, read))


def phone(iso: float) -> Sensor:
    """The phone of [1] at `iso`."""
    return Sensor(
        5.995267e-4 * iso + 0.00868861, math.sqrt(7.11772e-7 * iso**2 + 6.514934e-4 * iso + 0.11492713)
    )


def expose(light: Float32, gains: Float32, sensor: Sensor, *, seed: int, frame: int) -> UInt16:
    """One frame of digital numbers.

    Parameters
    ----------
    light : Float32 "h w"
        Light on every pixel without shading; 1 fills a pixel up to the white level.
    gains : Float32 "4 v h"
        What undoes the lens shading, per place in the 2×2 cell.
    sensor : Sensor
        Gain, noise and levels.
    seed, frame : int
        The key of the noise.

    Returns
    -------
    UInt16 "h w"
        Digital numbers.
    """
    out = np.empty(light.shape, np.uint16)
    constants = np.array([sensor.gain, sensor.read, sensor.black, sensor.white], np.float64)
    kernels.sensor(light, gains, constants, seed, frame, out)
    return out
