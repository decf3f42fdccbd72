# SPDX-License-Identifier: Apache-2.0
"""Display: picture light becomes the code values of a screen.

What the screen cannot show is desaturated towards the grey of equal luminance, along a straight line in
linear light and just far enough; then comes the transfer curve of sRGB, which Display P3 shares::

    Y = clip(luminance(rgb), 0, 1),   t = min(1, Y / (Y - min(rgb, 0)), (1 - Y) / (max(rgb, 1) - Y))
    code = sRGB(Y + t · (rgb - Y))

References
----------
[1] IEC 61966-2-1:1999.  [2] SMPTE EG 432-1:2010 (the P3 primaries).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import P3, SRGB, rgb_to_rgb
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, choice
from lichtbild.base.photo import Photo
from lichtbild.base.stage import stage

SPACES = {"p3": P3, "srgb": SRGB}


@dataclass(frozen=True)
class Display(Params):
    """Knobs of `display`."""

    space: str = choice(
        "p3", ("p3", "srgb"), "Colours of the screen: p3 shows more, srgb is understood everywhere."
    )


@stage
def display(scene: Scene, params: Display = Display()) -> Photo:
    """A graded scene as a finished picture.

    Parameters
    ----------
    scene : Scene
        In ``picture``.
    params : Display
        Which screen.

    Returns
    -------
    Photo
        Encoded, 0 … 1.

    Raises
    ------
    StateError
        The scene is not in ``picture``.
    """
    scene.require("picture")
    space = SPACES[params.space]
    out = np.empty_like(scene.rgb)
    kernels.display(scene.rgb, np.float32(rgb_to_rgb(P3, space)), np.float32(space.to_xyz()[1]), out)
    return Photo(out, cast(Literal["srgb", "p3"], params.space), scene.shot, scene.merged, scene.history)
