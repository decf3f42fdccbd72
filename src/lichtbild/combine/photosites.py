# SPDX-License-Identifier: Apache-2.0
"""What photosites measured beside what a picture says they should have measured; see `refine`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Flow, Frames, Mosaic, Scene

CALM = 0.02  # photosites' worth of "no difference"
THIN = 0.04  # frames' worth of photosites of a colour: below it, a pixel has none
SLACK = 0.55  # px of misalignment that is forgiven at edges
LIMITS = np.array([2.2, 4.0, 1.2, 1.5], np.float32)  # where the weight starts to fall and where it is 0
OWN_SLACK = 0.07  # px that are forgiven at edges when the result is held against the reference
ALL = np.array([1e30, 2e30, 1e30, 2e30], np.float32)
LEVEL = 0.1  # a mid-grey
ROOM = 63  # frames whose weights the sums of a pixel hold (MASS in kernels/superres.h)
NO_MAP = np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture is fitted to photosites: pixels per photosite times two, how much narrower than the
    B-spline the gathering is, how much of the correction is used, and whether the picture still has the
    merge's noise.
    """

    twice: int
    narrow: float
    share: float
    merged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A picture held against the photosites of a frame: what they differ by, "h w", and what speaks against
    it, "h/2 w/2"; ``contrast "h/2 w/2"`` is the picture's own.
    """

    contrast: Float32
    difference: Float32
    doubt: Float32
    twice: int

    @classmethod
    def at(cls, scene: Scene, twice: int) -> Look:
        """Room for the differences of one frame after the other."""
        h, w = scene.rgb.shape[:2]
        contrast = np.empty((h // 2, w // 2), np.float32)
        kernels.refine_contrast(scene.rgb, contrast)
        return cls(contrast, np.empty((h, w), np.float32), np.empty_like(contrast), twice)

    def compare(self, rgb: Float32, frame: Mosaic, shift: Float32, tile: int, slack: float) -> None:
        """Measure what a frame and the picture differ by."""
        noise = frame.noise
        kernels.superres_compare(
            frame.cfa,
            frame.clipped,
            frame.cell,
            rgb,
            self.twice,
            shift,
            tile,
            self.contrast,
            NO_MAP if frame.shading is None else frame.shading,
            np.array([*noise.shot, *(r + 1e-9 for r in noise.read), slack * slack], np.float32),
            self.difference,
            self.doubt,
        )


def gathered(
    rgb: Float32, look: Look, frames: Frames[Mosaic], flow: Flow, fit: Fit
) -> tuple[Float32, Float32, float, Float32]:
    """Y, U and V "3 H W" of what the photosites say that `rgb` "H W 3" lacks, noise included; of how many
    frames it comes, "H/2 W/2"; the share of pixels that no photosite of some colour covers; and the doubts
    about the reference's own photosites, hardly forgiving, "h/2 w/2".
    """
    height, width = rgb.shape[:2]
    total, mass = np.zeros((3, height, width), np.float32), np.zeros((3, height, width), np.uint16)
    weight, own = np.empty_like(look.doubt), np.empty_like(look.doubt)
    usual = 0.0
    for k in (frames.reference, *(k for k in range(frames.count) if k != frames.reference)):
        frame, first = frames[k], k == frames.reference
        look.compare(rgb, frame, flow.shift[k], flow.tile, OWN_SLACK if first else SLACK)
        kernels.superres_believe(look.doubt, NO_MAP, ALL if first else LIMITS, weight)
        noise = max(frame.noise.shot[1] * LEVEL + frame.noise.read[1], 1e-12)
        usual = usual or noise
        share = min(usual / noise, 2.0, ROOM / frames.count)
        where = frame.cell, fit.twice, flow.shift[k], flow.tile
        del frame  # the next one takes its memory
        kernels.superres_gather(look.difference, weight, *where, fit.narrow, share, total, mass)
        if first:
            own[...] = look.doubt
    used = np.empty((height // 2, width // 2), np.float32)
    lacking = kernels.refine_divide(total, mass, CALM, THIN, used)
    return total, used, lacking / (height * width), own
