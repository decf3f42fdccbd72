# SPDX-License-Identifier: Apache-2.0
"""Display: picture light becomes the code values of a screen.

What the screen cannot show is desaturated towards the grey of equal luminance, along a straight line in
linear light and just far enough::

    Y = clip(luminance(rgb), 0, 1),   t = min(1, Y / (Y - min(rgb, 0)), (1 - Y) / (max(rgb, 1) - Y))
    shown = Y + t · (rgb - Y)

Then comes the transfer curve.  ``srgb`` is the curve of sRGB, which Display P3 shares, and shows light up to
1.0.  In the other two 1.0 is 203 cd/m² [5], and light goes up to `Scene.white`: ``pq`` [3] says how many
candela there are; ``hlg`` [4] is the signal that a display of 1000 cd/m², black 0, with the system gamma 1.2
turns into this light: the inverse of its OOTF ``F = E · Y_E^0.2`` (1.0 of F is 1000 cd/m²), then the OETF, so
that white is at 75 % of the signal.  What an HLG display cannot show is therefore judged in E.

References
----------
[1] IEC 61966-2-1:1999.  [2] SMPTE EG 432-1:2010 (the P3 primaries).  [3] SMPTE ST 2084:2014.
[4] ITU-R BT.2100-2.  [5] ITU-R BT.2408-7, reference level of HDR white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import P3, REC2020, SRGB, rgb_to_rgb
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, choice
from lichtbild.base.photo import Photo, Space, Transfer
from lichtbild.base.stage import stage

SPACES = {"p3": P3, "srgb": SRGB, "rec2020": REC2020}
TRANSFERS = ("srgb", "pq", "hlg")
WHITE = 203.0  # cd/m² of 1.0 in pq and hlg
_BRIGHTEST = {"pq": 10000.0, "hlg": 1000.0}  # cd/m²


@dataclass(frozen=True)
class Display(Params):
    """Knobs of `display`."""

    space: str = choice(
        "p3",
        ("p3", "srgb", "rec2020"),
        "Colours of the screen: p3 shows more, srgb is understood everywhere, rec2020 is television's.",
    )
    transfer: str = choice(
        "srgb", TRANSFERS, "Curve of the screen: srgb up to white, pq and hlg beyond it (HDR)."
    )


@stage
def display(scene: Scene, params: Display = Display()) -> Photo:
    """A graded scene as a finished picture.

    Parameters
    ----------
    scene : Scene
        In ``picture``; with ``pq`` and ``hlg``, light up to its ``white`` is shown.
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
    space, out = SPACES[params.space], np.empty_like(scene.rgb)
    scale, peak = _light(params.transfer, scene.white)
    kernels.display(
        scene.rgb,
        np.float32(rgb_to_rgb(P3, space)),
        np.float32(space.to_xyz()[1]),
        TRANSFERS.index(params.transfer),
        scale,
        peak,
        out,
    )
    return Photo(
        out,
        cast(Space, params.space),
        scene.shot,
        scene.merged,
        scene.history,
        cast(Transfer, params.transfer),
    )


def _light(transfer: str, white: float) -> tuple[float, float]:
    """What light is multiplied by to be 0 … 1, and what 1 stands for in the curve."""
    if transfer == "srgb":
        return 1.0, 1.0
    brightest = _BRIGHTEST[transfer]
    peak = min(white * WHITE, brightest) / brightest
    return WHITE / brightest / peak, peak if transfer == "pq" else peak ** (1.0 / 1.2)
