# SPDX-License-Identifier: Apache-2.0
"""Agree: how a frame's light, noise and sharpness compare with the reference's, learned from itself.

Small blocks of 8×8 cells, about a thousand strewn evenly over the picture, are warped onto the reference.  Of
every block the sums of the reference m and the frame v are known, hence

* *gain*, by which the frame is brought to the reference's light: the median over the blocks of Σm / Σv.
  Lamps flicker and automatic exposure creeps; a few per cent unmended are as large as noise and would be
  refused everywhere.  It counts only if it differs from 1 by more than four of its standard errors.
* *noise*, the variance of the differences over the one that the noise model says: ``Σ(g·v − m)² / (n · 2 f
  var)`` in the blocks of least texture.  Of these the lower quartile is taken: three quarters of them may
  have moved.  So a noise model that is wrong by a factor of two neither refuses frames nor lets ghosts in.
* *sharpness*, the energy of differences between neighbouring cells without the part of noise, frame over
  reference: the median over the blocks of much texture.  1 where both are alike, about 1/2 after a blur of
  one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Scene

SIDE, BLOCKS, FEW = 8, 1000, 48  # cells of a block, blocks wanted, blocks needed
PAIRS = 2 * SIDE * (SIDE - 1)  # neighbours in a block
GAINS, LEAST_GAIN, ERRORS = (0.75, 1.33), 0.003, 4.0  # what is believed, what is worth it, in standard errors
CALM, QUARTILE, OF_NOISE = 0.3, 0.25, 0.9  # share of calm blocks, their quartile, its place under noise
NOISES = (0.5, 3.0)
ROUGH = 0.9  # energy between neighbouring cells of noise alone, over the variance of their difference
TEXTURED, MANY = 4.0, 16  # times the energy of noise that make texture; blocks of it needed
UNCLIPPED = 0.9  # of the clip level: blocks whose light is known
SIGNAL = 3.0  # standard deviations of a block's mean that make a gain worth measuring


@dataclass(frozen=True, slots=True)
class Agreement:
    """A frame against the reference: factor to the reference's light, variance of noise over the model's,
    energy of detail over the reference's.
    """

    gain: float = 1.0
    noise: float = 1.0
    sharpness: float = 1.0


def agreement(
    frame: Scene, means: Float32, variance: NDArray[np.float64], *, shift: Float32, tile: int
) -> Agreement:
    """Compare a frame with the reference.

    Parameters
    ----------
    frame : Scene
        In camera space; its ``frames`` say how much lens shading was undone.
    means : Float32 "h/2 w/2 3"
        Means of the reference's 2×2 cells.
    variance : Float64 "2 3"
        What noise makes of the difference of two cells, ``shot`` and ``read`` for each colour.
    shift : Float32 "ty tx 2"
        The frame's flow.
    tile : int
        Pixels of a tile.

    Returns
    -------
    Agreement
        All 1 where too little can be seen.
    """
    n, h, w = SIDE * SIDE, *means.shape[:2]
    if min(h, w) < SIDE:
        return Agreement()
    step = max(2 * SIDE, int(np.sqrt(h * w / BLOCKS)) // 4 * 4)
    sums = np.empty(((h - SIDE) // step + 1, (w - SIDE) // step + 1, 3, 7))
    kernels.agree(frame.rgb, means, shift, tile, step, sums)
    noise = variance[0] * np.maximum(sums[..., 1] / n, 0) + variance[1]
    if frame.frames is not None:
        middle = slice(SIDE // 2, None, step)
        noise /= frame.frames[middle, middle][: len(sums), : sums.shape[1], None]
    reached = np.isfinite(sums).all(axis=(2, 3))
    return compared(sums[reached], noise[reached], np.array(frame.gain))


def compared(
    sums: NDArray[np.float64], noise: NDArray[np.float64], clip: NDArray[np.float64]
) -> Agreement:
    """The same from the sums of the blocks, "n 3 7", their noise, "n 3", and the clip levels."""
    if len(sums) < FEW:
        return Agreement()
    n = SIDE * SIDE
    dark = (sums[..., :2] / n < UNCLIPPED * clip[:, None]).all(axis=(1, 2))
    gain = gain_of(sums[dark], noise[dark])
    v2, vm, m2 = (sums[..., k] for k in (2, 3, 4))
    apart = ((gain * gain * v2 - 2 * gain * vm + m2) / (n * noise)).mean(axis=1)
    rough, also = ((sums[..., k] / (PAIRS * noise)).mean(axis=1) for k in (5, 6))
    calm = apart[rough <= np.quantile(rough, CALM)]
    times = float(np.quantile(calm, QUARTILE)) / OF_NOISE
    times = 1.0 if times > NOISES[1] else max(times, NOISES[0])
    floor = ROUGH * times
    textured = rough > (1 + TEXTURED) * floor
    sharpness = 1.0
    if textured.sum() >= MANY:
        sharpness = float(np.median((gain * gain * also - floor)[textured] / (rough - floor)[textured]))
    return Agreement(gain, times, max(sharpness, 0.0))


def gain_of(sums: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """Factor from the frame's light to the reference's; 1 where it is not certain to be another."""
    n = SIDE * SIDE
    here, there = sums[..., 1].sum(axis=1), sums[..., 0].sum(axis=1)
    bright = np.minimum(here, there) > SIGNAL * np.sqrt(n * noise.sum(axis=1))
    if bright.sum() < FEW:
        return 1.0
    ratio = here[bright] / there[bright]
    gain = float(np.median(ratio))
    error = 1.25 * 1.4826 * float(np.median(np.abs(ratio - gain))) / float(np.sqrt(len(ratio)))
    sure = abs(gain - 1) > max(LEAST_GAIN, ERRORS * error)
    return gain if sure and GAINS[0] <= gain <= GAINS[1] else 1.0
