# SPDX-License-Identifier: Apache-2.0
"""How noisy the sensor is, read off the picture itself: ``variance = shot · x + read``.

The same-colour photosites are cut into blocks of 8 × 8 and each block into its Haar coefficients, an
orthonormal transform: white noise puts the same variance into every coefficient.  The diagonal coefficients
of the finest level measure the noise; all others say how flat the block is.  The two are independent for
white noise, so choosing flat blocks by the others does not bias the measure.  A weighted least-squares line
through (mean, variance) of the flat blocks is the model; flatness is judged again with it until it rests.

References
----------
[1] A. Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE
TIP 17(10),
    2008.  doi:10.1109/TIP.2008.2001399  (the model; the estimator here is simpler)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Burst, Noise, RawFrame
from lichtbild.capture.cell import places
from lichtbild.capture.saturation import saturation

_SIDE = 8  # photosites of one colour
_MOST_BLOCKS = 12_000  # per colour plane: a better fit than the model deserves
_FLATTEST = 0.05  # of each brightness bin, to begin with
_ANCHOR = 0.005  # of each, always: the line must not lose its bright end
_BINS = 24
_ROUNDS = 16
_TOLERANCE = 0.95  # texture energy of a flat block, × noise variance

Array = NDArray[np.float32]


def estimate_noise(burst: Burst) -> Noise:
    """The noise of a burst's raw values, from its reference frame (or the first one).

    Returns
    -------
    Noise
        The same line for red, green and blue, for values of 0 (black) … 1 (white level).
    """
    frame = burst.frames[burst.reference or 0]
    step2 = float(
        1 / (12 * (frame.shot.white - float(frame.shot.black.max())) ** 2)
    )  # rounding to whole numbers
    mean, fine, coarse = _blocks(frame)
    if mean.size < 64:
        return _same(1e-4, max(1e-6, step2))
    flat, anchor = (_flattest(mean, coarse, share) for share in (_FLATTEST, _ANCHOR))
    shot, read = _line(mean[flat], fine[flat], step2)
    for _ in range(_ROUNDS):
        expected = shot * mean + read
        flat = ((coarse < _TOLERANCE * expected) & (fine < 3 * expected)) | (anchor & (fine < 10 * expected))
        shot, read = _line(mean[flat], fine[flat], step2)
    return _same(shot, read)


def _same(shot: float, read: float) -> Noise:
    return Noise((shot, shot, shot), (read, read, read))


def _blocks(frame: RawFrame) -> tuple[Array, Array, Array]:
    """Mean, finest diagonal energy and all other detail energy of blocks neither black nor clipped."""
    s = frame.shot
    parts = []
    full = saturation(frame)
    for plane, black, colour in places(frame):
        rows, columns = plane.shape[0] // _SIDE, plane.shape[1] // _SIDE
        every = max(1, rows * columns // _MOST_BLOCKS)
        cut = plane[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE)[::every]
        cut = cut.transpose(0, 2, 1, 3).reshape(-1, _SIDE, _SIDE)
        x = (cut.astype(np.float32) - np.float32(black)) / np.float32(s.white - black)
        highest = cut.max((1, 2))  # a sensor that piles up below its white level has no noise there
        usable = (x.max((1, 2)) < 0.97) & (highest < full[colour]) & (cut.min((1, 2)) > 0)
        parts.append(_energies(x[usable]))
    mean, fine, coarse = (np.concatenate(p) for p in zip(*parts, strict=True))
    return mean, fine, coarse


def _energies(x: Array) -> tuple[Array, Array, Array]:
    level, total, fine = x, np.zeros(len(x), np.float32), np.zeros(len(x), np.float32)
    for k in range(3):
        a, b, c, d = level[:, ::2, ::2], level[:, ::2, 1::2], level[:, 1::2, ::2], level[:, 1::2, 1::2]
        bands = [(a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2]
        level = (a + b + c + d) / 2
        if k == 0:
            fine = (bands.pop() ** 2).mean((1, 2))
        for band in bands:
            total += (band**2).sum((1, 2))
    others = np.float32(_SIDE * _SIDE - 1 - _SIDE * _SIDE // 4)
    return level[:, 0, 0] / np.float32(_SIDE), fine, total / others


def _flattest(mean: Array, coarse: Array, share: float) -> NDArray[np.bool_]:
    """The flattest blocks of each brightness."""
    edges = np.quantile(mean, np.linspace(0, 1, _BINS + 1)[1:-1])
    index = np.searchsorted(edges, mean)
    limit = np.array(
        [np.quantile(coarse[index == b], share) if (index == b).any() else 0 for b in range(_BINS)]
    )
    return coarse <= limit[index]


def _line(mean: Array, variance: Array, least: float) -> tuple[float, float]:
    """Weighted least squares of variance = shot · mean + read, weights 1 / variance²; both non-negative."""
    x, v = mean.astype(np.float64), variance.astype(np.float64)
    shot, read = 0.0, max(float(v.mean()), least)
    for _ in range(6):
        w = 1 / (shot * np.maximum(x, 0) + read) ** 2
        w /= w.sum()
        mx, mv = float((w * x).sum()), float((w * v).sum())
        spread = float((w * (x - mx) ** 2).sum())
        shot = max(float((w * (x - mx) * (v - mv)).sum()) / spread, 0.0) if spread > 1e-12 else 0.0
        read = mv - shot * mx
        if read < least:
            read = least
            shot = max((float((w * x * v).sum()) - read * mx) / float((w * x * x).sum()), 0.0)
    return shot, read
