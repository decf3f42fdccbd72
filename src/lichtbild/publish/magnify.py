# SPDX-License-Identifier: Apache-2.0
"""Magnify: a photo gets more pixels than its burst holds, by resampling (Lanczos-3, as superres begins).

Superres finds up to twice the pixels of a side; a zoom beyond that would leave a small photo.  What is added
here shows nothing more, so it is done last, to the photo alone: merged files keep what was measured.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.photo import Photo

SCALES = (1.5, 2.0)


def magnified(photo: Photo, scale: float) -> Photo:
    """A photo with at least `scale` times the pixels along each side; the same object up to 1.

    Parameters
    ----------
    photo : Photo
        Encoded for display, 0 … 1; so is what is returned.
    scale : float
        Up to 2; more is taken for 2.

    Warns
    -----
    FallbackWarning
        Whenever there is something to do: no detail is won.
    """
    if scale <= 1:
        return photo
    times = next((s for s in SCALES if s >= scale), SCALES[-1])
    twice = round(2 * times)
    h, w = ((n * twice + 1) // 2 for n in photo.rgb.shape[:2])
    rgb = np.empty((h, w, 3), np.float32)
    kernels.refine_spread(photo.rgb, twice, rgb)
    words = f"zoom: the burst holds no more pixels; resampled to {times:g} times as many along each side"
    warnings.warn(FallbackWarning(words), stacklevel=2)
    history = (*photo.history, f"magnify scale={times:g}")
    return replace(photo, rgb=np.clip(rgb, 0, 1, out=rgb), history=history)
