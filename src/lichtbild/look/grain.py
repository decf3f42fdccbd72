# SPDX-License-Identifier: Apache-2.0
"""Grain: the developed film is made of grains, and where they lie is chance.

Density D = -log10(x) of display light x gets noise n of a Gaussian spectrum, as strong as opaque dots make it
that cover the share p = D / 2.2 of the film at random::

    out = x · 10^(-s(D) · n) / mean,   s(D) = 2 √(p (1 - p)),   mean = exp((s · rms · ln 10)² / 2)

so white and black stay clean and the mean brightness stays as it was.  n is white noise on a lattice that is
fixed to the *film*, from a hash of its coordinates, seen through the grain and the pixel: a small and a large
rendering of a picture show the same grain, until a pixel is three grains wide and hides most of them (there
the lattice is a coarser one).  Its strength is the classic one of data sheets: rms granularity, 1000 times
the standard deviation of density under a round aperture of 48 µm, as one measures it in the picture.  Three
layers share a part of their noise; what they do not share is seen as coloured grain.

References
----------
[1] ISO 10505:2009, root mean square granularity of photographic films.
[2] P. G. Nutting, "On the absorption of light in heterogeneous media", Phil. Mag. 26, 1913: σ² from dots.
[3] E. W. H. Selwyn, "A theory of graininess", Photographic Journal 75, 1935.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage

_DARKEST = 2.2  # the density that all grains together have
_APERTURE = 24.0  # µm, its radius
_COARSE = 20.0  # µm; what larger pixels hide of the grain is not given back
_DIAMETER = 2.3548  # full width at half maximum of a Gaussian of standard deviation 1
_PITCH = 0.9  # steps of the lattice to a standard deviation: no trace of the lattice is left


@dataclass(frozen=True)
class Grain(Params):
    """Knobs of `grain`."""

    amount: float = knob(0.0, 0.0, 60.0, "RMS", "Granularity: fine film has 5, fast film 20; 0 is none.")
    size: float = knob(12.0, 4.0, 60.0, "µm", "Width of a grain on the film.")
    frame: float = knob(36.0, 8.0, 130.0, "mm", "Longer side of the film: the larger, the finer the grain.")
    colour: float = knob(0.5, 0.0, 1.0, "", "How much the layers differ: 0 is grey grain.")
    seed: int = knob(0, 0, 1000000, "", "Which piece of film.")


@stage
def grain(picture: Scene, params: Grain = Grain()) -> Scene:
    """Lay the grain of a film over a picture.

    Parameters
    ----------
    picture : Scene
        In ``picture``; what is not between black and white stays as it is.
    params : Grain
        Which film.

    Returns
    -------
    Scene
        In ``picture``; the same object where the amount is 0.

    Raises
    ------
    StateError
        The scene is not in ``picture``.
    """
    picture.require("picture")
    if params.amount == 0 or picture.rgb.size == 0:
        return picture
    pixel = 1000.0 * params.frame / max(picture.rgb.shape[:2])
    sigma = params.size / _DIAMETER
    seen = math.sqrt(sigma**2 + pixel**2 / 12.0)
    pitch = sigma / _PITCH * 2 ** int(math.log2(seen / sigma))  # coarse where pixels are
    blurred = math.sqrt(sigma**2 + min(pixel, _COARSE) ** 2 / 6.0)  # by pixels, which the aperture then sees
    density = params.amount / 1000.0 / math.sqrt(_through_aperture(blurred))  # per root of its spectrum at 0
    gain, rms = density / pitch, density / (math.sqrt(4.0 * math.pi) * seen)
    lengths = np.array([pixel, pitch, seen], np.float32)
    strengths = np.array([gain, rms, params.colour, _DARKEST], np.float32)
    out = like(picture.rgb)
    kernels.grain(picture.rgb, lengths, strengths, params.seed, out)
    return replace(picture, rgb=out)


def _through_aperture(sigma: float) -> float:
    """Variance, under the aperture, of noise of a Gaussian of `sigma` (µm) whose spectrum at 0 is 1 (µm⁻²).

    The discs at two ends of a distance overlap by a share; its mean over the distances that two Gaussians
    make is what is left of the variance.
    """
    step = 2.0 * _APERTURE / 2000
    steps = step * (np.arange(2000) + 0.5)
    half = steps / (2.0 * _APERTURE)
    overlap = 2.0 / math.pi * (np.arccos(half) - half * np.sqrt(1.0 - half**2))
    density = np.exp(-(steps**2) / (4.0 * sigma**2)) / (4.0 * math.pi * sigma**2)
    inside = overlap * density * 2.0 * math.pi * steps
    return float(inside.sum()) * step / (math.pi * _APERTURE**2)
