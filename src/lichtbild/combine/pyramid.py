# SPDX-License-Identifier: Apache-2.0
"""Grey pyramids: what frames are compared in, at half size and its halves, in units of noise.

A pixel of the grey picture is the mean g of the colours around it; the root makes its noise the same at any
brightness::

    z = 2/s · √(s·g + r)      for  var(g) = s·g + r      standard deviation 1

Every colour filter array repeats in a cell, and only a mean over whole cells is the same light wherever it is
taken.  Where the cell is 2×2 that is the mean of a half-size pixel; larger cells (quad-Bayer 4×4, X-Trans
6×6) are averaged by a window of one cell around it.

Frames of other exposures see the same light with other noise and other clip levels.  They are put in units of
the reference's noise, and all light beyond the lower clip level is taken to be at it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Mosaic, Noise, Triple
from lichtbild.base.spare import Spare

LEVELS = 6


def noise_at(level: int) -> float:
    """Noise variance of the softened pictures of a pyramid."""
    return 0.1406 if level == 0 else 0.0269 / 4.0 ** (level - 1)


def grey(
    mosaic: Mosaic, noise: Noise | None = None, ceiling: Triple | None = None, spare: Spare | None = None
) -> Float32:
    """Half-size grey picture of a frame in units of noise, ``"h/2 w/2"``.

    Parameters
    ----------
    mosaic : Mosaic
        The frame.
    noise : Noise, optional
        The noise that is 1 in the result: the reference's, so that frames of other exposure stay comparable;
        the frame's own while there is none.
    ceiling : tuple of float, optional
        Light per colour beyond which all is the same: the least clip level of the frames that are compared.
    spare : Spare, optional
        Where the memory of the result comes from.
    """
    cfa = mosaic.cfa
    if mosaic.kind == "linear":
        top = np.array(ceiling, np.float32) if ceiling else np.float32(np.inf)
        r, g, b = np.moveaxis(np.minimum(cfa, top), 2, 0)
        cfa = r * np.float32(0.25) + g * np.float32(0.5) + b * np.float32(0.25)
        cell = np.array([[0, 1], [1, 2]], np.uint8)
    else:
        cell = mosaic.cell
        if ceiling:
            cfa = np.minimum(cfa, tiled(np.array(ceiling, np.float32)[cell], cfa.shape))
    cfa = np.ascontiguousarray(cfa)
    high, wide = (max(2, n * (1 + n % 2)) for n in cell.shape)
    s, r = window_noise(noise or mosaic.noise, cell, high, wide)
    h, w = cfa.shape
    out: Float32 = (spare or Spare()).empty((h // 2, w // 2), np.float32)
    kernels.align_grey(cfa, high, wide, max(s, 1e-9), r, out)
    return out


def window_noise(noise: Noise, cell: NDArray[np.uint8], high: int, wide: int) -> tuple[float, float]:
    """Shot and read variance of the mean over a window of `high` × `wide` photosites."""
    counts = np.bincount(cell.ravel(), minlength=3) / cell.size
    free = 1.0
    for n in (high, wide):  # with halves at its ends, a window is worth a little less than it is wide
        free *= n if n // 2 % 2 else n * n / (n - 1)
    shot = sum(float(k) * s for k, s in zip(counts, noise.shot, strict=True))
    read = sum(float(k) * r for k, r in zip(counts, noise.read, strict=True))
    return shot / free, read / free


def tiled(cell: Float32, shape: tuple[int, ...]) -> Float32:
    """A cell repeated over a picture."""
    h, w = shape[:2]
    return np.tile(cell, (-(-h // cell.shape[0]), -(-w // cell.shape[1])))[:h, :w]


def pyramid(image: Float32, spare: Spare | None = None) -> list[Float32]:
    """The grey picture and its halves down to about 24 pixels, softened so that they can be read anywhere; in
    spare memory if there is some.
    """
    empty = (spare or Spare()).empty
    levels = []
    while True:
        last = min(image.shape) < 48 or len(levels) == LEVELS - 1
        soft = empty(image.shape, np.float32)
        below = empty((0, 0) if last else (image.shape[0] // 2, image.shape[1] // 2), np.float32)
        kernels.align_soften(image, soft, below)
        levels.append(soft)
        if last:
            return levels
        image = below
