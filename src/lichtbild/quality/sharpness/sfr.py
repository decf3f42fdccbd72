# SPDX-License-Identifier: Apache-2.0
"""The spatial frequency response of a slanted edge, three ways, with its standard deviation.

``iso2023`` [1]: edge by a polynomial of order 5, Tukey windows (a Hann); the samples are averaged in bins of
¼ px, differenced by [½ 0 −½], windowed and transformed, ::

    SFR(f) = |DFT(LSF)| / |DFT(LSF)|(0) · D,     D = ω / sin ω,  ω = 2πk/n,  at most 10

``iso2017`` [2] is the same with a straight edge and Hamming windows.  A bin is a box: both read low by
sinc(f/4), which `bin_correction` takes back.

``robust`` (our definition): the slope of a straight line fitted around every t with a Gaussian weight of σ =
0.15 px *is* the derivative of the edge blurred by that Gaussian, so that dividing by exp(−2π²σ²f²) is exact;
a window that is flat over its inner half and ends at ±6 px (wider for a wide edge) keeps the noise of the
far sides out.

The response is linear in the samples once the edge is found.  Its variance follows from theirs by the same
sums, weighted with the noise of the dark and of the bright side.

References
----------
[1] ISO 12233:2023 (e-SFR).   [2] ISO 12233:2017 (e-SFR).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import Float64
from lichtbild.quality.sharpness.beside import uneven
from lichtbild.quality.sharpness.crossing import SIGMA, edge_profile, kernels, local_lines, rise, width
from lichtbild.quality.sharpness.slanted import Edge, Method, find_edge

_BINS = 4  # of a pixel, ISO
_FINE = 64  # grid positions of a pixel, robust method
_SUPPORT = 6.0  # px of the line spread function, at least
_SURE = 4.0  # standard deviations that two strips of a side may differ by
_LENGTH = 128  # px that the robust method transforms: 1/128 cy/px between its values


@dataclass(frozen=True, slots=True, eq=False)
class Sfr:
    """A spatial frequency response.

    Attributes
    ----------
    frequency, value, doubt : Float64 "n"
        cy/px from 0 to 1, the response, and its standard deviation from the noise of the picture.
    t, profile : Float64 "m"
        The edge profile: px from the edge, positive on the bright side, and the value there.
    profile_doubt : float
        Standard deviation of a value of the profile.
    edge : Edge
        Where the edge is.
    support : float
        Length of the line spread function that was transformed, px to each side.
    gap : float
        Largest distance between neighbouring samples near the edge, px.
    uneven : float
        By how much the light on one side of the edge changes, beyond noise, as a share of the edge's height.
    """

    frequency: Float64
    value: Float64
    doubt: Float64
    t: Float64
    profile: Float64
    profile_doubt: float
    edge: Edge
    support: float
    gap: float
    uneven: float


def sfr(
    patch: ArrayLike,
    mask: NDArray[np.bool_] | None = None,
    *,
    method: Method = "iso2023",
    bin_correction: bool = False,
) -> Sfr:
    """Measure the spatial frequency response of the edge in a patch.

    Parameters
    ----------
    patch : array_like "h w"
        Linear light with one slanted edge from side to side, near vertical or near horizontal.
    mask : Bool "h w" or None
        The samples that count, e.g. the green sites of a mosaic; all if None.
    method : {"iso2023", "robust", "iso2017"}
        How it is done.
    bin_correction : bool
        Divide by sinc(f/4), what the bins of the ISO methods take away.

    Raises
    ------
    InputError
        The patch is too small, has no edge, or the edge leaves it or is too close to its sides.
    """
    edge = find_edge(patch, mask, method=method)
    t, profile, doubt = edge_profile(edge)
    near = np.sort(edge.t[np.abs(edge.t) < 2])
    gap = float(np.diff(near).max()) if len(near) > 1 else 4.0
    if method == "robust":
        support = _support(edge, rise(t, profile, edge))
        result = _robust(edge, support)
    else:
        support = edge.across * edge.cosine / 2
        result = _binned(edge, method)
        if bin_correction:
            box = np.sinc(result[0] / _BINS)
            result = (result[0], result[1] / box, result[2] / box)
    change, noise = uneven(edge.t, edge.value, width(t, profile))
    change = max(change - _SURE * noise, 0) / (edge.high - edge.low)
    return Sfr(*result, t, profile, doubt, edge, support, gap, change)


# ---- ISO


def _binned(edge: Edge, method: Method) -> tuple[Float64, Float64, Float64]:
    n, cosine = _BINS * edge.across, edge.cosine
    begin = round(edge.first * _BINS)
    along = edge.t / (cosine if edge.rises else -cosine)
    index = np.ceil((along + edge.first) * _BINS).astype(np.intp) - begin + n // 2
    inside = (index >= 0) & (index < n)
    count = np.bincount(index[inside], minlength=n)
    total = np.bincount(index[inside], edge.value[inside], n)
    filled = np.nonzero(count)[0]
    spread = np.interp(np.arange(n), filled, total[filled] / count[filled])
    seen = _seen(edge, n)
    if not edge.rises:
        spread, count, seen = spread[::-1], count[::-1], seen[::-1]
    line = 0.5 * np.diff(spread, prepend=spread[0])
    line[:-1] += 0.5 * np.diff(spread)
    ends = np.nonzero(seen)[0][[0, -1]]
    line[ends] = line[ends[0] + 1], line[ends[1] - 1]
    peak = int(np.argmax(line * seen))
    place = np.arange(n) - peak
    window = np.cos(2 * np.pi * np.clip(place / n, -0.5, 0.5))
    window = 0.54 + 0.46 * window if method == "iso2017" else 0.5 + 0.5 * window
    window = window * (np.abs(place) <= n // 2) * seen
    k = np.arange(int(np.floor(n * cosine / _BINS)) + 1)
    omega = 2 * np.pi * k / n
    correction = np.ones(len(k))
    correction[1:] = np.minimum(omega[1:] / np.maximum(np.sin(omega[1:]), 1e-9), 10)
    transform = np.fft.fft(np.roll(line * window, -peak))[: len(k)]
    some = _some(len(k))
    wave = _wave(omega[some], place) * window
    weight = np.zeros_like(wave)  # of a bin: the transposed difference
    weight[:, 2:] += 0.5 * wave[:, 1:-1]
    weight[:, :-2] -= 0.5 * wave[:, 1:-1]
    variance = _variance(edge, spread) / np.maximum(count, 1)
    value = np.abs(transform) / np.abs(transform[0])
    doubt = np.interp(k, some, _doubt(transform[some], weight, variance))
    return k * _BINS / (n * cosine), value * correction, doubt * correction


def _seen(edge: Edge, n: int) -> NDArray[np.bool_]:
    """The bins that count: as many pixels as a row has, around the middle of all rows.  What only some rows
    reach is left out, as by the reference program of the standard, which goes by the slope of the first row.
    """
    moved = -round(_BINS * edge.lean)
    start = round(0.5 * abs(moved)) + min(moved, 0) - round(edge.first * _BINS) + n // 2
    place = np.arange(n)
    return (place >= start) & (place < start + n)


def _some(n: int) -> NDArray[np.intp]:
    """Frequencies for which the standard deviation is computed; it is interpolated between them."""
    return np.unique(np.linspace(0, n - 1, min(n, 17)).astype(np.intp))


def _wave(omega: Float64, place: NDArray[np.floating] | NDArray[np.intp]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(-1j * np.outer(omega, place)), np.complex128)


def _doubt(transform: NDArray[np.complex128], weight: NDArray[np.complex128], variance: Float64) -> Float64:
    """Standard deviation of |T(f)| / |T(0)|, where T is linear in values of known variance."""
    size = np.abs(transform)
    towards = np.conj(transform) / np.maximum(size, 1e-300)
    change = (towards[:, None] * weight).real
    change = change - (size / size[0])[:, None] * change[0]
    return np.sqrt(change**2 @ variance) / size[0]


def _variance(edge: Edge, level: Float64) -> Float64:
    """Of a sample of the given level, between that of the dark and that of the bright side."""
    share = np.clip((level - edge.low) / (edge.high - edge.low), 0, 1)
    return (1 - share) * edge.noise[0] ** 2 + share * edge.noise[1] ** 2


# ---- robust


def _support(edge: Edge, width: float) -> float:
    """Five σ of the edge, at least 6 px, as far as there are samples."""
    wanted = max(_SUPPORT, 5 * width / 2.563) if np.isfinite(width) else _SUPPORT
    return float(min(wanted, edge.reach, _LENGTH / 2 - 1))


def _robust(edge: Edge, support: float) -> tuple[Float64, Float64, Float64]:
    local = local_lines(edge, support, _FINE)
    outer = np.clip((np.abs(local.t) - support / 2) / (support / 2), 0, 1)
    window = 0.5 + 0.5 * np.cos(np.pi * outer)
    frequency = np.arange(_LENGTH + 1) / _LENGTH
    half, n = len(local.t) // 2, _LENGTH * _FINE
    padded = np.zeros(n)
    padded[: len(local.t)] = local.slope * window
    transform = np.fft.rfft(np.roll(padded, -half))[: _LENGTH + 1] / _FINE
    some = _some(len(frequency))
    wave = _wave(2 * np.pi * frequency[some], local.t) * (window / _FINE)
    a0, a1, det = local.moments
    k0, k1, _ = kernels(_FINE)
    weight = _spread_back(wave * (a0 / det), k1) - _spread_back(wave * (a1 / det), k0)
    doubt = _doubt(transform[some], weight, local.count * _variance(edge, local.value))
    blur = np.exp(-2 * (np.pi * SIGMA * frequency) ** 2)
    value = np.abs(transform) / np.abs(transform[0])
    return frequency, value / blur, np.interp(frequency, frequency[some], doubt) / blur


def _spread_back(rows: NDArray[np.complex128], kernel: Float64) -> NDArray[np.complex128]:
    """Convolve each row with the kernel: the transpose of a correlation."""
    n, m = rows.shape[1], len(kernel)
    size = 1 << int(np.ceil(np.log2(n + m)))
    full = np.fft.ifft(np.fft.fft(rows, size) * np.fft.fft(kernel, size))
    return full[:, m // 2 : m // 2 + n]


def first_below(frequency: Float64, value: Float64, level: float) -> float:
    """Where a curve first falls below `level`, between its samples; NaN if it never does."""
    below = np.nonzero(value < level)[0]
    if not len(below) or below[0] == 0:
        return float("nan")
    k = int(below[0])
    share = (value[k - 1] - level) / (value[k - 1] - value[k])
    return float(frequency[k - 1] + share * (frequency[k] - frequency[k - 1]))
