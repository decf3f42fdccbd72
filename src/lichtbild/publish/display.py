# SPDX-License-Identifier: Apache-2.0
"""Display: picture light becomes the code values of a screen.

What the screen cannot show keeps its hue and lightness in Oklab [6] and gives up chroma.  On that line, grey
at t = 0 and the colour asked for at t = 1, the light of the three colours is a cubic in t each; where the
first leaves 0 … 1 is the end e of the gamut.  The knee s is where the same happens to the colour with its
saturation in linear light raised by 1 / 0.85; for skin (hue 50° ± 20°) it is no earlier than chroma 0.15::

    t = 1                                             where s ≥ 1: well inside, not touched in any bit
    t = s + (1 - s) (e - s) / √((e - s)² + (1 - s)²)   elsewhere

Then comes the transfer curve.  ``srgb`` is the curve of sRGB, which Display P3 shares, and shows light up to
1.0.  In the other two 1.0 is 203 cd/m² [5], and light goes up to `Scene.white`: ``pq`` [3] says how many
candela there are; ``hlg`` [4] is the signal that a display of 1000 cd/m², black 0, with the system gamma 1.2
turns into this light: the inverse of its OOTF ``F = E · Y_E^0.2`` (1.0 of F is 1000 cd/m²), then the OETF, so
that white is at 75 % of the signal.  What an HLG display cannot show is therefore judged in E.

References
----------
[1] IEC 61966-2-1:1999.  [2] SMPTE EG 432-1:2010 (the P3 primaries).  [3] SMPTE ST 2084:2014.
[4] ITU-R BT.2100-2.  [5] ITU-R BT.2408-7, reference level of HDR white.
[6] B. Ottosson, "A perceptual color space for image processing", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import P3, REC2020, SRGB, XYZ_TO_LMS, rgb_to_rgb
from lichtbild.base.image import Float32, Scene
from lichtbild.base.params import Params, choice
from lichtbild.base.photo import Photo, Space, Transfer
from lichtbild.base.spare import like
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
    out = like(scene.rgb)
    scale, peak = _light(params.transfer, scene.white)
    kernels.display(
        scene.rgb,
        matrices(params.space),
        np.float32(SPACES[params.space].to_xyz()[1]),
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


@cache
def matrices(name: str) -> Float32:
    """Display P3 → colours of the screen → cone responses of Oklab → colours of the screen."""
    space = SPACES[name]
    cones = XYZ_TO_LMS @ space.to_xyz()
    cones /= cones.sum(axis=1, keepdims=True)  # white is (1, 1, 1) in all digits: greys have no colour at all
    return np.stack([rgb_to_rgb(P3, space), cones, np.linalg.inv(cones)]).astype(np.float32)


def _light(transfer: str, white: float) -> tuple[float, float]:
    """What light is multiplied by to be 0 … 1, and what 1 stands for in the curve."""
    if transfer == "srgb":
        return 1.0, 1.0
    brightest = _BRIGHTEST[transfer]
    peak = min(white * WHITE, brightest) / brightest
    return WHITE / brightest / peak, peak if transfer == "pq" else peak ** (1.0 / 1.2)
