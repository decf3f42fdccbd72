# SPDX-License-Identifier: Apache-2.0
"""Gain map: what a brighter display adds to the photo.

The look is one operator with two renditions (`lichtbild.look.grade`): ``sdr`` for a display that ends at
white and ``hdr`` for one that goes on to ``W = 2^headroom``.  Both are made here of the same light, the scene
averaged over squares of `Gainmap.scale` pixels, in the photo's primaries and within its gamut as `display`
would do. What leads from one to the other is kept::

    gain = log2((hdr + 1/64) / (sdr + 1/64))

A display of less headroom than meant applies a part of it.  The pixels of the photo stay what they are, so
its detail and grain are those of the photo at any headroom.

References
----------
[1] ISO 21496-1:2025, Gain map metadata for image conversion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, choice
from lichtbild.base.photo import GainMap, Photo
from lichtbild.base.stage import stage
from lichtbild.look.grade import Grade, numbers
from lichtbild.publish.display import SPACES, matrices


@dataclass(frozen=True)
class Gainmap(Params):
    """Knobs of `gainmap`."""

    scale: str = choice("2", ("1", "2", "4"), "Side in pixels of the squares that get one gain.")
    colours: str = choice(
        "rgb", ("rgb", "grey", "none"), "One gain a colour, one for all of them, or no gain map at all."
    )


@stage
def gainmap(photo: Photo, scene: Scene, grade: Grade = Grade(), params: Gainmap = Gainmap()) -> Photo:
    """Give the photo what a display with headroom adds to it.

    Parameters
    ----------
    photo : Photo
        For a display without headroom, made of `scene`.
    scene : Scene
        In ``rec2020``: what `lichtbild.look.grade.grade` was given.
    grade : Grade
        What else it was given; without `Grade.headroom` there is nothing to add.
    params : Gainmap
        Size and colours of the map.

    Returns
    -------
    Photo
        The photo with ``gain``; the same object when nothing is to add, or when it is PQ or HLG itself.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.
    """
    scene.require("rec2020")
    if grade.headroom == 0.0 or params.colours == "none" or photo.transfer != "srgb":
        return photo
    scale = int(params.scale)
    h, w = scene.rgb.shape[:2]
    whites = (1.0, float(2.0**grade.headroom))
    sdr, hdr = (numbers(grade, white) for white in whites)
    gain = np.empty((-(-h // scale), -(-w // scale), 3), np.float32)
    kernels.gainmap(
        scene.rgb,
        scale,
        params.colours == "grey",
        np.stack([sdr[0], hdr[0]]),
        np.stack([sdr[1], hdr[1]]),
        matrices(photo.space),
        np.float32(SPACES[photo.space].to_xyz()[1]),
        np.array(whites, np.float32),
        gain,
    )
    return replace(photo, gain=GainMap(gain, grade.headroom))
