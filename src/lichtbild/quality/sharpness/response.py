# SPDX-License-Identifier: Apache-2.0
"""The response of a texture whose original is known: direct, cross, and their acutance.

See `lichtbild.quality.sharpness.texture` for what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.quality.sharpness.registration import Registered, register

SMALLEST = 96  # px a side
RINGS = 50  # up to Nyquist
PER_DEGREE = 600 * np.pi / (180 * 0.254)  # px/°: 60 cm from a screen of 100 pixels per inch
_LOWEST, _LOW = 0.01, 0.06  # cy/px: where the gain is taken
_HANN = 2.25  # neighbouring frequencies that a Hann window (in two directions) makes one


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """Responses of a texture.

    Attributes
    ----------
    frequency : Float64 "n"
        cy/px, means of the rings.
    cross, cross_doubt : Float64 "n"
        The response that the chart explains, and its standard deviation.
    direct : Float64 "n" or None
        The response of all structure above that of the flat patches; None if there were none.
    gain : float
        By which both were divided.
    registered : Registered
        How the reference was laid onto the patch.
    """

    frequency: Float64
    cross: Float64
    cross_doubt: Float64
    direct: Float64 | None
    gain: float
    registered: Registered

    def acutance(self, per_degree: float = PER_DEGREE) -> tuple[float, float, float]:
        """Direct (NaN without flat patches), cross, and the standard deviation of the latter."""
        direct = float("nan") if self.direct is None else acutance(self.frequency, self.direct, per_degree)
        weight = _sensitivity(self.frequency, per_degree)
        doubt = float(np.sqrt(np.sum((weight * self.cross_doubt) ** 2)) / weight.sum())
        return direct, acutance(self.frequency, self.cross, per_degree), doubt


def texture(patch: ArrayLike, reference: ArrayLike, *, flats: Sequence[ArrayLike] = ()) -> Texture:
    """Measure the texture response of a patch.

    Parameters
    ----------
    patch, reference : array_like "h w"
        The picture of dead leaves in linear light, and the chart as drawn, to within some pixels of place.
    flats : sequence of array_like
        Uniform patches of about the same light, as large as can be: their spectrum is the noise.

    Raises
    ------
    InputError
        The patch is too small, does not fit the reference, or shows something else.
    """
    image, ideal = np.asarray(patch, np.float64), np.asarray(reference, np.float64)
    if image.ndim != 2 or image.shape != ideal.shape:
        raise InputError(f"a patch of {image.shape} does not fit a reference of {ideal.shape}")
    if min(image.shape) < SMALLEST:
        raise InputError(
            f"a texture of {image.shape[0]} × {image.shape[1]} px is too small; {SMALLEST} a side are needed",
            hint="come nearer: 256 × 256 or more gives a trustworthy figure",
        )
    if not (np.isfinite(image).all() and np.isfinite(ideal).all()):
        raise InputError("the texture holds values that are not finite")
    registered = register(image, ideal)
    x, y = spectrum(registered.reference), spectrum(image)
    f, count = rings(image.shape)
    power_x, power_y = _on_rings(np.abs(x) ** 2, image.shape), _on_rings(np.abs(y) ** 2, image.shape)
    shared = np.abs(_on_rings((y * np.conj(x)).real, image.shape))
    cross = shared / power_x
    coherence = np.clip(shared**2 / (power_x * power_y), 1e-6, 1)
    gain = _gain(f, cross, min(image.shape))
    doubt = cross * np.sqrt((1 - coherence) / (coherence * np.maximum(count / _HANN, 1)))
    direct = None
    if flats:
        noise = _flat_power(flats, f)
        drawn = _on_rings(np.abs(spectrum(ideal)) ** 2, image.shape)
        direct = np.sqrt(np.maximum(power_y - noise, 0) / drawn) / gain
    return Texture(f, cross / gain, doubt / gain, direct, gain, registered)


def spectrum(patch: Float64) -> NDArray[np.complex128]:
    """Half of the spectrum of a patch without its plane, under a Hann window; |·|² is power per frequency."""
    h, w = patch.shape
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None]
    level = patch - patch.mean()
    level = level - y * (level * y).mean() / (y * y).mean() - x * (level * x).mean() / (x * x).mean()
    window = np.outer(np.hanning(h), np.hanning(w))
    return np.fft.rfft2(level * window) / np.sqrt(np.sum(window**2))


@lru_cache(maxsize=4)
def _ring(shape: tuple[int, ...]) -> tuple[Float64, NDArray[np.intp]]:
    """Frequency and ring of every value of half a spectrum."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    f = np.hypot(fy, fx)
    return f, np.minimum((f * 2 * RINGS).astype(np.intp), RINGS).ravel()


def rings(shape: tuple[int, ...]) -> tuple[Float64, Float64]:
    """Mean frequency of the rings, and how many frequencies each holds."""
    f, ring = _ring(shape)
    count = np.bincount(ring, minlength=RINGS + 1)[:RINGS]
    return np.bincount(ring, f.ravel(), RINGS + 1)[:RINGS] / np.maximum(count, 1), count.astype(np.float64)


def _on_rings(values: Float64, shape: tuple[int, ...]) -> Float64:
    _, ring = _ring(shape)
    count = np.maximum(np.bincount(ring, minlength=RINGS + 1), 1)
    return (np.bincount(ring, values.ravel(), RINGS + 1) / count)[:RINGS]


def _flat_power(flats: Sequence[ArrayLike], frequency: Float64) -> Float64:
    powers = []
    for one in flats:
        flat = np.asarray(one, np.float64)
        if flat.ndim != 2 or min(flat.shape) < 16:
            raise InputError(f"a flat patch of {flat.shape} is too small; 16 × 16 are needed")
        f, count = rings(flat.shape)
        held = count > 0
        power = _on_rings(np.abs(spectrum(flat)) ** 2, flat.shape)
        powers.append(np.interp(frequency, f[held], power[held]))
    return np.mean(powers, axis=0)


def _gain(frequency: Float64, cross: Float64, side: int) -> float:
    """What the longest waves tend to."""
    low = (frequency >= max(_LOWEST, 4 / side)) & (frequency <= max(_LOW, 12 / side))
    left = np.maximum(cross[low], 1e-12)
    start = float(np.exp(np.polyfit(frequency[low] ** 2, np.log(left), 1, w=left)[1]))
    if not left.max() > 1e-9:
        raise InputError("the texture has lost even its coarsest structure")
    return start


def _sensitivity(frequency: Float64, per_degree: float) -> Float64:
    v = frequency * per_degree
    return v**0.8 * np.exp(-0.2 * v)


def acutance(frequency: Float64, response: Float64, per_degree: float = PER_DEGREE) -> float:
    """The response weighed with the eye's contrast sensitivity at `per_degree` pixels per degree."""
    fine = np.linspace(0, 0.5, 501)
    weight = _sensitivity(fine, per_degree)
    start = np.concatenate([[0.0], frequency]), np.concatenate([[1.0], response])
    return float(np.sum(np.interp(fine, *start) * weight) / np.sum(weight))
