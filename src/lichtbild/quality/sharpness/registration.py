# SPDX-License-Identifier: Apache-2.0
"""Laying a reference onto a picture to a hundredth of a pixel, however blurred the picture is.

Whole pixels come from the peak of the correlation of both pictures' gradients.  The rest is a smooth field:
both components of the displacement are polynomials of order 2 over the patch (which follows a little
distortion and perspective).  Their twelve coefficients, a gain and an offset come from least squares on
lightly blurred pictures, linearised and repeated::

    picture(y, x) ≈ gain · reference(y + dy(y, x), x + dx(y, x)) + offset

Blur that is the same in all directions does not move the solution.  The reference is resampled by a sinc of
16 taps under a Kaiser window, which leaves frequencies up to 0.4 cy/px as they are.

References
----------
[1] B. D. Lucas, T. Kanade, "An iterative image registration technique with an application to stereo vision",
    Proc. IJCAI, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError

MARGIN = 12  # px at the border that registration does not look at
_TAPS, _ROUGH = 16, 6
_FINE = 2048  # values of the sinc per pixel
_BETA = 6.0
_ROUNDS = 6
_DONE = 2e-3  # px
_BLUR = 1.0  # px
_SMOOTH = 160  # px a patch must have for a field of order 2
_TILES = 3
_PEAK = 8.0  # standard deviations by which the correlation must stand out


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """A reference laid onto a picture.

    Attributes
    ----------
    reference : Float64 "h w"
        Resampled.
    shift : Float64 "2"
        Mean displacement (y, x) that was needed, px.
    largest : float
        Largest displacement over the patch, px.
    residual : float
        Root mean square of what nine parts of the patch still disagree by, px.
    """

    reference: Float64
    shift: Float64
    largest: float
    residual: float


def register(patch: Float64, reference: Float64) -> Registered:
    """Resample `reference` so that it lies on `patch`; both are ``"h w"``.

    Raises
    ------
    InputError
        They show different things.
    """
    whole = coarse_shift(patch, reference)
    rolled = np.roll(reference, (-whole[0], -whole[1]), axis=(0, 1))
    y, x = (np.linspace(-1, 1, n) for n in patch.shape)
    basis = _basis(y[:, None], x[None], min(patch.shape) >= _SMOOTH)
    field = np.zeros((2, len(basis)))
    low, soft = blurred(patch, _BLUR), blurred(rolled, _BLUR)
    moved, dy, dx = soft, np.zeros(patch.shape), np.zeros(patch.shape)
    for _ in range(_ROUNDS):
        change = _change(low, moved, basis)
        field = field + change
        dy, dx = (np.asarray(np.tensordot(c, basis, 1), np.float64) for c in field)
        moved = resampled(soft, dy, dx, _ROUGH)
        if np.abs(change).sum() < _DONE:
            break
    largest = float(np.hypot(dy + whole[0], dx + whole[1]).max())
    shift = np.array([dy.mean() + whole[0], dx.mean() + whole[1]])
    return Registered(resampled(rolled, dy, dx), shift, largest, _residual(low, moved))


def coarse_shift(patch: Float64, reference: Float64) -> tuple[int, int]:
    """Whole pixels (y, x) by which `patch` is to be found further in `reference`.

    Raises
    ------
    InputError
        No shift stands out.
    """
    window = np.outer(np.hanning(patch.shape[0]), np.hanning(patch.shape[1]))
    fy, fx = np.fft.fftfreq(patch.shape[0])[:, None], np.fft.rfftfreq(patch.shape[1])
    high = (fy * fy + fx * fx) * np.exp(-2 * (np.pi * 1.5) ** 2 * (fy * fy + fx * fx))
    a, b = (np.fft.rfft2((p - p.mean()) * window) for p in (patch, reference))
    match = np.fft.irfft2(np.conj(a) * b * high, patch.shape)
    at = np.unravel_index(int(np.argmax(match)), match.shape)
    if match[at] < _PEAK * match.std():
        raise InputError(
            "the picture and the drawn chart have nothing in common here",
            hint="check that the chart was found rightly, and that it is the chart that was printed",
        )
    size = patch.shape
    y, x = (int(k) - n if k > n // 2 else int(k) for k, n in zip(at, size, strict=True))
    return y, x


def _basis(y: Float64, x: Float64, second: bool) -> Float64:
    """Polynomials over the patch, ``"terms h w"``."""
    one = np.ones(np.broadcast_shapes(y.shape, x.shape))
    terms = [one, y * one, x * one]
    return np.stack([*terms, y * y * one, y * x, x * x * one] if second else terms)


def _change(patch: Float64, moved: Float64, basis: Float64) -> Float64:
    """What to add to the field's coefficients, ``"2 terms"``."""
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    gy, gx = (np.asarray(np.gradient(moved, axis=k), np.float64) for k in (0, 1))
    terms = basis[(slice(None), *inner)]
    n = len(terms)
    columns = np.concatenate(
        [terms * gy[inner], terms * gx[inner], moved[inner][None], np.ones((1, *moved[inner].shape))]
    ).reshape(2 * n + 2, -1)
    solved = np.linalg.lstsq(columns @ columns.T, columns @ patch[inner].ravel(), rcond=None)[0]
    gain = float(solved[2 * n]) or 1.0
    return np.asarray(solved[: 2 * n].reshape(2, n) / gain, np.float64)


def _residual(patch: Float64, moved: Float64) -> float:
    rows, columns = (np.linspace(0, n, _TILES + 1).astype(int) for n in patch.shape)
    left = []
    for j in range(_TILES):
        for i in range(_TILES):
            part = (slice(rows[j], rows[j + 1]), slice(columns[i], columns[i + 1]))
            if min(patch[part].shape) > 3 * MARGIN:
                left.append(_change(patch[part], moved[part], np.ones((1, *patch[part].shape))))
    return float(np.sqrt(np.mean(np.square(left).sum(axis=1)))) if left else 0.0


def blurred(image: Float64, sigma: float) -> Float64:
    """``"h w"``: by a Gaussian, through the spectrum (the borders wrap around)."""
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])
    gain = np.exp(-2 * (np.pi * sigma) ** 2 * fy * fy) * np.exp(-2 * (np.pi * sigma) ** 2 * fx * fx)
    return np.fft.irfft2(np.fft.rfft2(image) * gain, image.shape)


def resampled(image: Float64, dy: Float64, dx: Float64, taps: int = _TAPS) -> Float64:
    """``image(y + dy, x + dx)`` for smooth fields ``"h w"``; beyond the border it repeats its last pixel."""
    return np.ascontiguousarray(_along(_along(image, dx, taps).T, dy.T, taps).T)


def _along(image: Float64, shift: Float64, taps: int) -> Float64:
    h, w = image.shape
    begin = np.floor(shift).astype(np.intp)
    part = np.rint((shift - begin) * _FINE).astype(np.intp)
    start = begin + np.arange(w) + w * np.arange(h)[:, None]
    lowest, highest = w * np.arange(h)[:, None], w * np.arange(1, h + 1)[:, None] - 1
    table: Float64 = _table(taps)
    flat: Float64 = np.ascontiguousarray(image).ravel()
    total, weights = np.zeros((h, w)), np.zeros((h, w))
    for k in range(1 - taps // 2, taps // 2 + 1):
        weight = table[part + (taps // 2 - k) * _FINE]
        total += weight * flat[np.clip(start + k, lowest, highest)]
        weights += weight
    return total / weights


@cache
def _table(taps: int) -> Float64:
    """The windowed sinc from −taps/2 to taps/2, `_FINE` values a pixel."""
    z = np.linspace(-taps / 2, taps / 2, taps * _FINE + 1)
    return np.asarray(np.sinc(z) * np.kaiser(len(z), _BETA), np.float64)
