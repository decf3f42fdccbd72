# SPDX-License-Identifier: Apache-2.0
"""Grey pyramids: what frames are compared in, at half size and its halves, in units of noise.

A pixel of the grey picture is the mean g of the colours around it; the root makes its noise the same at any
brightness::

    z = 2/s · √(s·g + r)      for  var(g) = s·g + r      standard deviation 1

Every colour filter array repeats in a cell, and only a mean over whole cells is the same light wherever it
is taken.  Where the cell is 2×2 that is the mean of a half-size pixel; larger cells (quad-Bayer 4×4, X-Trans
6×6) are averaged by a window of one cell around it.
"""

from __future__ import annotations

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Mosaic, Noise, Triple

LEVELS = 6
SOFT = (0.1406, 0.0269)  # noise variance of the softened pictures at half and quarter size


def grey(mosaic: Mosaic, noise: Noise | None = None, ceiling: Triple | None = None) -> Float32:
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
    """
    s, r = mean_noise(mosaic, noise or mosaic.noise)
    cfa = mosaic.cfa
    if ceiling is not None:
        cfa = np.minimum(cfa, tops(mosaic, ceiling))
    if mosaic.kind == "linear":
        cfa = cfa[..., 0] * np.float32(0.25) + cfa[..., 1] * np.float32(0.5) + cfa[..., 2] * np.float32(0.25)
    cfa = np.ascontiguousarray(cfa)
    h, w = cfa.shape
    out = np.empty((h // 2, w // 2), np.float32)
    kernels.align_grey(cfa, max(s, 1e-9), r, out)
    return out


def mean_noise(mosaic: Mosaic, noise: Noise) -> tuple[float, float]:
    """Shot and read variance of the mean of four photosites, two of them green."""
    shot, read = noise.shot, noise.read
    return (shot[0] + 2 * shot[1] + shot[2]) / 16, (read[0] + 2 * read[1] + read[2]) / 16


def tops(mosaic: Mosaic, ceiling: Triple) -> Float32:
    """The ceiling of every photosite."""
    if mosaic.kind != "bayer":
        return np.array(ceiling if mosaic.kind == "linear" else ceiling[1], np.float32)
    h, w = mosaic.cfa.shape
    cell = np.array([ceiling[c] for c in mosaic.pattern], np.float32).reshape(2, 2)
    return np.tile(cell, (-(-h // 2), -(-w // 2)))[:h, :w]


def pyramid(image: Float32) -> list[Float32]:
    """The grey picture and its halves down to about 24 pixels, softened so that they can be read anywhere."""
    levels = []
    while True:
        soft = np.empty_like(image)
        kernels.align_soften(image, soft)
        levels.append(soft)
        if min(image.shape) < 48 or len(levels) == LEVELS:
            return levels
        below = np.empty((image.shape[0] // 2, image.shape[1] // 2), np.float32)
        kernels.align_half(image, below)
        image = below
