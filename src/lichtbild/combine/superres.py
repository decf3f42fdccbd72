# SPDX-License-Identifier: Apache-2.0
"""Superres: a burst holds more pixels than a frame, because a hand moves by fractions of a pixel.

The clean picture is read on a grid 1.5 or 2 times as fine (Lanczos-3) and made to agree with every photosite
of every frame, as `refine` does it, in a few rounds.  What a photosite would have measured is now an average
over its own square, 1.5 or 2 pixels of the fine grid wide, so that agreement also means sharper: what the
square blurred comes back, down to the noise.  B is narrower, since there are more pixels to fill.

Each correction is shrunk in the cosine transform by the noise it holds.  That is at the same time the answer
to uneven sampling: along an edge few coefficients hold all, and stand out; where frames are few, moved, or
fall onto the same places, noise is large and nothing is added: there the picture is what resampling gives.
Pixels which no photosite of some colour is near count as resampled, and their share is told.

References
----------
[1] B. Wronski et al., "Handheld multi-frame super-resolution", ACM Trans. Graph. 38(4), 2019.
    doi:10.1145/3306346.3323024
[2] M. Irani, S. Peleg, "Improving resolution by image registration", CVGIP 53(3), 1991.
    doi:10.1016/1049-9652(91)90045-L
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning, QualityWarning
from lichtbild.base.image import Flow, Frames, Mosaic, Scene
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage
from lichtbild.combine.refine import SMALLEST, Fit, corrected

NARROW = {3: 1.3, 4: 1.6}  # by twice the scale
THIN = 0.1  # share of resampled pixels worth telling


@dataclass(frozen=True)
class Superres(Params):
    """How many pixels, and how far they are taken from the photosites."""

    scale: str = choice("1", ("1", "1.5", "2"), "Pixels along a side, as multiples of the sensor's; 1: off.")
    rounds: int = knob(3, 0, 8, "", "How often the picture is fitted to the photosites; 0 only resamples.")
    share: float = knob(
        1.5, 0.1, 1.9, "", "Share of each correction that is used; more than 1 gets there sooner."
    )


@stage
def superres(scene: Scene, frames: Frames[Mosaic], flow: Flow, params: Superres = Superres()) -> Scene:
    """Give a clean scene the pixels that its burst holds.

    Parameters
    ----------
    scene : Scene
        Merged and denoised, in camera space.
    frames : Frames[Mosaic]
        What the photosites measured (see `linearize`); each is made once per round.
    flow : Flow
        Where the tiles of the reference went (see `align`).
    params : Superres
        Scale, rounds, share.

    Returns
    -------
    Scene
        ``rgb`` with round(scale · height) × round(scale · width) pixels, ``frames`` and ``clipped`` to match;
        ``shot`` goes on to speak of the sensor's pixels.  The same object at scale 1.

    Warns
    -----
    QualityWarning
        A tenth of the picture or more is not covered by photosites of all colours, and only resampled.
    FallbackWarning
        The sensor has no mosaic, or the picture is too small: all of it is only resampled.
    """
    scene.require("camera")
    if params.scale == "1":
        return scene
    h, w = scene.rgb.shape[:2]
    twice = round(2 * float(params.scale))
    fit = Fit(twice, NARROW[twice], params.share, merged=False)
    size = (h * fit.twice + 1) // 2, (w * fit.twice + 1) // 2
    rgb = np.empty((*size, 3), np.float32)
    kernels.refine_spread(scene.rgb, fit.twice, rgb)
    if scene.shot.kind != "bayer" or min(h, w) < SMALLEST:
        words = "superres: no mosaic to fit the picture to; it is resampled"
        warnings.warn(FallbackWarning(words), stacklevel=3)
    else:
        lacking = 0.0
        for _ in range(params.rounds):
            rgb, lacking = corrected(rgb, scene, frames, flow, fit)
        if lacking >= THIN:
            words = f"superres: {100 * lacking:.0f} % of the picture is covered by too few frames: resampled"
            warnings.warn(QualityWarning(words), stacklevel=3)
    return enlarged(scene, rgb, fit.twice / 2)


def enlarged(scene: Scene, rgb: np.ndarray, scale: float) -> Scene:
    """The scene with other pixels, and maps to match."""
    h, w = rgb.shape[:2]

    def spread(plane: np.ndarray, height: int, width: int) -> np.ndarray:
        y = np.minimum(((np.arange(height) + 0.5) / scale).astype(np.intp), plane.shape[0] - 1)
        x = np.minimum(((np.arange(width) + 0.5) / scale).astype(np.intp), plane.shape[1] - 1)
        return plane[y][:, x]

    frames = None if scene.frames is None else spread(scene.frames, h // 2, w // 2)
    clipped = None if scene.clipped is None else spread(scene.clipped, h, w)
    return replace(scene, rgb=rgb, frames=frames, clipped=clipped)
