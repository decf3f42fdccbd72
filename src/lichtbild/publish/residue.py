# SPDX-License-Identifier: Apache-2.0
"""How much noise is left in a merged scene: what its file says must be what its pixels show.

Noise shared by n frames is a bound, not the truth: demosaicking averages, warping averages, denoising takes
most of the rest.  So it is measured, on blocks of 32×32 pixels whose slope is taken out: the variance of a
block over what the bound says is q ≥ k, and near k where the block is flat.  With the tenth percentile of q
as a first guess, blocks up to twice of it count as flat, and their mean is k; a few classes of brightness
give k over light, and a line of least squares through them the two numbers of a noise profile.

What is measured never exceeds the bound, and is the bound where a picture has nothing flat or is tiny.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Noise, Triple

SIDE = 32  # pixels
MOST, FEWEST, CLASSES = 2500, 64, 6  # blocks looked at; in a class; classes of brightness
BRIGHTEST = 0.9  # of the clip level
_LITTLE = 0.25  # share of the bound that texture hardly leaves
_PULL = 0.02  # how much one share for shot and read noise is preferred
Pattern = tuple[int, int, int, int]


def residual_noise(
    light: Float32, unit: Triple, bound: Noise, *, pattern: Pattern | None = None, top: float = 1.0
) -> Noise:
    """The noise of flat parts of a picture.

    Parameters
    ----------
    light : Float32 "h w 3"
        Linear.
    unit : tuple of float
        What makes it light in the unit of the noise, per colour.
    bound : Noise
        More than is left of it.
    pattern : tuple of int, optional
        The colours of the 2 × 2 cell, where only these sites count.
    top : float
        The clip level.
    """
    h, w = light.shape[:2]
    if min(h, w) < SIDE:
        return bound
    step = SIDE // 2 * max(1, round((4 * h * w / SIDE**2 / MOST) ** 0.5))  # even
    count = ((h - SIDE) // step + 1) * ((w - SIDE) // step + 1)
    mean, variance = np.empty((3, count)), np.empty((3, count))
    sites = np.array(() if pattern is None else pattern, np.int32)
    kernels.residue_moments(light, step, sites, mean, variance)
    shot, read = [], []
    for c in range(3):
        found = mean[c] * unit[c], variance[c] * unit[c] ** 2
        s, r = _line(found, (bound.shot[c], bound.read[c]), top)
        shot.append(s)
        read.append(r)
    return Noise((shot[0], shot[1], shot[2]), (read[0], read[1], read[2]))


def _line(
    found: tuple[NDArray[np.float64], NDArray[np.float64]], bound: tuple[float, float], top: float
) -> tuple[float, float]:
    """Shot and read noise of one colour, from mean and variance of its blocks."""
    mean, variance = found
    expected = bound[0] * np.maximum(mean, 0) + bound[1]
    usable = (mean < BRIGHTEST * top) & np.isfinite(variance) & (expected > 0) & (variance > 0)
    if usable.sum() < FEWEST:
        return bound
    order = np.argsort(mean[usable], kind="stable")
    mean, ratio = mean[usable][order], (variance[usable] / expected[usable])[order]
    parts = np.array_split(np.arange(len(mean)), max(1, min(CLASSES, len(mean) // FEWEST)))
    x = np.array([max(float(mean[p].mean()), 0.0) for p in parts])
    share = np.array([min(_flat(ratio[p]), 1.0) for p in parts])
    # where light of some brightness is all texture, others tell; but the dark is denoised less than the rest
    flat = share <= max(2 * share.min(), min(6 * share.min(), _LITTLE))
    return _fitted(x[flat], share[flat], bound)


def _flat(ratio: NDArray[np.float64]) -> float:
    guess = float(np.sort(ratio)[len(ratio) // 10])
    return float(ratio[ratio <= 2 * guess].mean())


def _fitted(
    x: NDArray[np.float64], share: NDArray[np.float64], bound: tuple[float, float]
) -> tuple[float, float]:
    """The line s·x + r of least relative error; both near one share where they may be."""
    expected = bound[0] * x + bound[1]
    a = np.stack([bound[0] * x, np.full_like(x, bound[1])]) / (expected * share)  # a @ shares = 1
    usual = float(np.median(share))
    pull = _PULL * len(x) / usual**2
    aa, ab, bb = (a[0] * a[0]).sum() + pull, (a[0] * a[1]).sum(), (a[1] * a[1]).sum() + pull
    sa, sb = a[0].sum() + pull * usual, a[1].sum() + pull * usual
    det = aa * bb - ab * ab
    shares = ((sa * bb - sb * ab) / det, (sb * aa - sa * ab) / det)
    s, r = (min(max(float(v), 0.0), 1.0) * b for v, b in zip(shares, bound, strict=True))
    return s, r
