# SPDX-License-Identifier: Apache-2.0
"""Faint defects: hot photosites that drown in the noise of one frame and come up again when many are merged.

A long burst at night averages noise away, and with it what hid the weak ones among the hot photosites; each
then leaves as many coloured specks as there are frames.  So the frames are averaged where they lie, on the
sensor, in two halves.  The scene, moved by the hand, blurs in that; defects stay, and stand out of a noise
that is smaller by √(n/2).  What stands out in both halves, by the rules of `defects`, is one.

Dark current grows with time and its shot noise with ISO: short exposures at low ISO need none of this.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Noise, RawFrame
from lichtbild.capture.defects import Sites, defects

FEWEST = 4  # frames
LONG, SENSITIVE = 0.25, 1600  # s, ISO: below both, defects are few and strong
_TOP = 65535


def faint(burst: Burst, noise: Noise, threshold: float) -> Sites:
    """Rows and columns of the defects that stay when the frames are averaged; none for a burst by day.

    Parameters
    ----------
    burst : Burst
        Frames of one exposure.
    noise : Noise
        Of the raw values of one frame.
    threshold : float
        How many standard deviations (of an average) a site must stand out.
    """
    count, shot = len(burst.frames), burst.frames[0].shot
    night = (shot.exposure_time or 0.0) >= LONG or (shot.iso or 0.0) >= SENSITIVE
    if count < FEWEST or not night or burst.frames[0].dn.ndim != 2 or threshold <= 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    halves = tuple(_mean(burst.frames[k::2]) for k in (0, 1))
    share = count // 2
    less = Noise(
        (noise.shot[0] / share, noise.shot[1] / share, noise.shot[2] / share),
        (noise.read[0] / share, noise.read[1] / share, noise.read[2] / share),
    )
    return defects(Burst(halves), 0, less, threshold)


def _mean(frames: tuple[RawFrame, ...]) -> RawFrame:
    """The average of frames, in digital numbers as fine as 16 bits allow."""
    shot = frames[0].shot
    fine = max(1, int(_TOP // max(shot.white, 1)))
    mean = np.empty(frames[0].dn.shape, np.uint16)
    kernels.faint_mean([np.ascontiguousarray(f.dn) for f in frames], fine / len(frames), mean)
    return RawFrame(mean, replace(shot, black=shot.black * np.float32(fine), white=shot.white * fine))
