# SPDX-License-Identifier: Apache-2.0
"""Temporal noise: what changes from frame to frame of a resting scene, and the line it lies on.

Of n frames with the same light, per site::

    d_i = x_i − g_i · mean,   row means of d_i subtracted        g_i: the light of frame i against the mean
    E = Σ d_i² / (n − 1),     V = row mean of E · W / (W − 1)
    v = (E − V / W) / (1 − 2 / W)                                unbiased also where the noise varies in a row

so that fixed patterns and row noise cancel.  Means μ and variances v of small blocks are points of the line
``v = K · μ + r``.  It is fitted by least squares with every block divided by its variance after the model;
blocks that lie more than 6 standard deviations off (hot pixels, a passing thing) are left out.  Expected
values add, so an even field is not needed: whatever the light on a block, its point is on the line.

If the camera moves by a little, v grows by the mean square of the shift times the squared gradient of the
picture.  Within a group of frames what is left of v after the line is compared with that: it says whether the
scene rested, and small motion is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32

Float64 = NDArray[np.float64]
SIDE = 16  # photosites of a block, each way
_OUTLIER, _DEEP = 6.0, 5.0  # standard deviations
_ROUNDS = 8
_NEVER = 10.0
_SURE = 4.0  # standard errors by which the light of a frame must differ
_EDGES = 0.02  # gradient energy of a group, × variance, from which on motion can be told from noise


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Blocks of one site in one group of frames: ``mean`` and ``variance`` in DN and DN², the squared
    ``gradient`` of the mean picture in (DN per photosite)², ``freedom`` of each variance.  ``drift`` is the
    largest share by which the light of a frame differed.
    """

    mean: Float64
    variance: Float64
    gradient: Float64
    freedom: float
    drift: float
    group: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """``variance = gain · mean + offset`` with the covariance of both; ``spread`` is χ² per degree of
    freedom, ``dropped`` the share of blocks left out, ``motion`` the RMS shift in photosites and ``moved``
    the median share of the variance that it made up; ``kept`` marks the blocks used.
    """

    gain: float
    offset: float
    covariance: Float64
    spread: float
    dropped: float
    motion: float
    moved: float
    kept: NDArray[np.bool_]

    @property
    def gain_doubt(self) -> float:
        """Standard error of the gain."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def offset_doubt(self) -> float:
        """Standard error of the offset."""
        return float(np.sqrt(self.covariance[1, 1]))

    def at(self, mean: Float64) -> Float64:
        """The variance of a mean."""
        return self.gain * mean + self.offset


def residuals(stack: Float32) -> tuple[Float32, Float32, float]:
    """Mean picture, deviations without row means ``"n h w"``, and how far the light of a frame was off: 0
    where that is no more than rows that flicker explain.

    Deviations of photosites that leak and flicker are NaN, their means those of their neighbours.
    """
    mean = stack.mean(axis=0, dtype=np.float64).astype(np.float32)
    levels = stack.mean(axis=(1, 2), dtype=np.float64)
    typical = float(levels.mean())
    lit = typical > 4 * float(np.abs(levels - typical).max()) and typical > 1
    ratios = (levels / typical if lit else np.ones(len(levels))).astype(np.float32)
    off = stack - ratios[:, None, None] * mean
    rows = off.mean(axis=2, keepdims=True, dtype=np.float64)
    off -= rows.astype(np.float32)
    chance = _SURE * float(rows.std()) / np.sqrt(rows.shape[1]) / max(typical, 1e-9)
    drift = float(np.abs(ratios - 1).max())
    y, x = _wild(off)
    if len(y):
        off[:, y, x] = np.nan
        off -= np.nan_to_num(np.nanmean(off, axis=2, keepdims=True, dtype=np.float64)).astype(np.float32)
        mean[y, x] = np.median(_around(mean, y, x), axis=0)
    return mean, off, drift if drift > chance else 0.0


def _wild(off: Float32) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the variance is beyond what a χ² of so few frames ever reaches, ten of its standard deviations
    above the median of the block and of the neighbours.
    """
    freedom = len(off) - 1
    typical = (1 - 2 / (9 * freedom)) ** 3  # median of χ² per degree of freedom
    limit = (1 - 2 / (9 * freedom) + _NEVER * np.sqrt(2 / (9 * freedom))) ** 3 / typical
    energy = np.einsum("nhw,nhw->hw", off, off) / np.float32(freedom)
    h, w = energy.shape
    side = min(SIDE, h, w)
    middle = np.median(_cut(energy, side)[:, ::2, :, ::2], axis=(1, 3))
    rows, columns = np.minimum(np.arange(h) // side, len(middle) - 1), np.arange(w) // side
    block = middle[rows][:, np.minimum(columns, middle.shape[1] - 1)]
    y, x = np.nonzero(energy > limit * np.maximum(block, 1 / 12))
    alone = energy[y, x] > limit * np.median(_around(energy, y, x), axis=0)
    return y[alone], x[alone]


def _around(image: Float32, y: NDArray[np.intp], x: NDArray[np.intp]) -> Float32:
    """The eight neighbours of places, ``"8 n"``, mirrored at the border."""
    h, w = image.shape
    steps = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1) if (j, i) != (0, 0)]
    return np.stack(
        [
            image[h - 1 - np.abs(h - 1 - np.abs(y + j)), w - 1 - np.abs(w - 1 - np.abs(x + i))]
            for j, i in steps
        ]
    )


def variances(off: Float32) -> Float32:
    """Unbiased temporal variance of every photosite, ``"h w"``, of deviations without row means.

    Where these are NaN it is the mean of the row.
    """
    n, _, w = off.shape
    energy = np.einsum("nhw,nhw->hw", off, off) / np.float32(n - 1)
    if (wild := np.isnan(energy)).any():
        fill = np.nan_to_num(np.nanmean(energy, axis=1, keepdims=True, dtype=np.float64))
        energy = np.where(wild, fill, energy).astype(np.float32)
    rows = energy.mean(axis=1, keepdims=True, dtype=np.float64) * (w / (w - 1))
    return ((energy - rows / w) / (1 - 2 / w)).astype(np.float32)


def blocks_of(mean: Float32, off: Float32, drift: float, group: int = 0) -> Blocks:
    """The blocks of a group, from its `residuals`."""
    n, h, w = off.shape
    side = min(SIDE, h, w)
    v = blocked(variances(off), side)
    slope_y, slope_x = np.gradient(mean)
    gradient = blocked(np.asarray(slope_y**2 + slope_x**2, np.float32), side) - v / n
    return Blocks(blocked(mean, side), v, gradient, float(side * side * (n - 1)), drift, group)


def _cut(image: Float32, side: int) -> Float32:
    rows, columns = image.shape[0] // side, image.shape[1] // side
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side)


def blocked(image: Float32, side: int = SIDE) -> Float64:
    """Means of blocks of `side` × `side`, in a row."""
    return _cut(image, side).mean(axis=(1, 3), dtype=np.float64).ravel()


def line(groups: Sequence[Blocks], top: float, bottom: float = -np.inf) -> Line:
    """Fit the line through the blocks of all groups; blocks within 6 standard deviations of `top` or 5 of
    `bottom` (where samples clip, DN above black) are not used.
    """
    mean, v = (np.concatenate([getattr(g, k) for g in groups]) for k in ("mean", "variance"))
    freedom = np.concatenate([np.full(len(g.mean), g.freedom) for g in groups])
    noise = np.sqrt(np.maximum(v, 0))
    usable = (mean + _OUTLIER * noise < top) & (mean - _DEEP * noise > bottom) & (v > 0)
    if not usable.any():
        return Line(np.nan, np.nan, np.full((2, 2), np.nan), np.nan, 1.0, 0.0, 0.0, usable)
    rough = _fitted(mean, v, freedom, usable)[0]
    usable = _inside(mean, rough, top, bottom) & (
        v > 0
    )  # by the line: choosing by v itself would prefer small ones
    first = _fitted(mean, v, freedom, usable)
    moved, motion = _motion(groups, first[0], usable)
    found, inverse, spread, kept = _fitted(mean, v - moved, freedom, usable) if motion else first
    model = np.maximum(found[0] * mean + found[1], 1e-9)
    return Line(
        float(found[0]),
        float(found[1]),
        inverse * max(1.0, spread),
        spread,
        1 - float(kept.sum()) / max(int(usable.sum()), 1),
        motion,
        float(np.median((moved / (moved + model))[usable])) if motion else 0.0,
        kept,
    )


def _inside(mean: Float64, found: Float64, top: float, bottom: float) -> NDArray[np.bool_]:
    noise = np.sqrt(np.maximum(found[0] * mean + found[1], 0))
    return (mean + _OUTLIER * noise < top) & (mean - _DEEP * noise > bottom)


Fit = tuple[Float64, Float64, float, NDArray[np.bool_]]


def _fitted(mean: Float64, v: Float64, freedom: Float64, usable: NDArray[np.bool_]) -> Fit:
    """K and r, their covariance, χ² per degree of freedom, and the blocks that were used."""
    least = 0.5 * float(np.percentile(v[usable], 1)) if usable.any() else 1.0
    design = np.stack([mean, np.ones(len(mean))], axis=1)
    model, kept = np.maximum(v, least), usable
    found, inverse, z = np.zeros(2), np.full((2, 2), np.nan), np.zeros(len(v))
    for _ in range(_ROUNDS):
        found, inverse = _solve(design, v, freedom / (2 * model**2), kept)
        model = np.maximum(design @ found, max(least, 1e-9))
        z = (v - model) / (model * np.sqrt(2 / freedom))
        width = 1.4826 * float(np.median(np.abs(z[usable]))) if usable.any() else 1.0
        kept = usable & (np.abs(z) < _OUTLIER * max(1.0, width))
    spread = float((z[kept] ** 2).sum() / max(int(kept.sum()) - 2, 1))
    return found, inverse, spread, kept


def _motion(groups: Sequence[Blocks], found: Float64, usable: NDArray[np.bool_]) -> tuple[Float64, float]:
    """The variance that motion adds to every block, and the largest RMS shift of a group, 0 if none is sure.

    Within a group the residual of the line must follow the squared gradient.
    """
    added, most, start = np.zeros(len(usable)), 0.0, 0
    for g in groups:
        own = slice(start, start + len(g.mean))
        start += len(g.mean)
        edges = np.maximum(g.gradient, 0)
        model = np.maximum(found[0] * g.mean + found[1], 1e-9)
        use = usable[own] & (edges <= np.quantile(edges, 0.98))
        if use.sum() < 32 or g.gradient.mean() < _EDGES * g.variance.mean():
            continue
        shift = doubt = 0.0
        for _ in range(5):
            w = use * g.freedom / (2 * (model + shift * edges) ** 2)
            off = edges - float((w * edges).sum() / w.sum())
            power = max(float((w * off**2).sum()), 1e-30)
            shift = max(float((w * off * (g.variance - model)).sum()) / power, 0.0)
            doubt = float(np.sqrt(1 / power))
        left = (g.variance - model - shift * edges) / (model + shift * edges) * np.sqrt(g.freedom / 2)
        doubt *= max(1.0, 1.4826 * float(np.median(np.abs(left[use] - np.median(left[use])))))
        if shift > 5 * doubt:
            added[own] = shift * edges
            most = max(most, shift)
    return added, float(np.sqrt(most))


def _solve(design: Float64, v: Float64, weight: Float64, kept: NDArray[np.bool_]) -> tuple[Float64, Float64]:
    a, b, w = design[kept], v[kept], weight[kept]
    scale = np.maximum(np.abs(a).max(axis=0, initial=0), 1e-12)
    normal = (a / scale).T @ ((a / scale) * w[:, None])
    inverse = np.linalg.pinv(normal, hermitian=True)
    solved = inverse @ ((a / scale).T @ (b * w))
    return solved / scale, inverse / np.outer(scale, scale)
