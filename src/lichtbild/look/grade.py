# SPDX-License-Identifier: Apache-2.0
"""Grade: the look.  A curve as of film and paper, and colour that is moved where a look wants it.

In this order, on linear Rec. 2020 light with mid-grey at 0.18:

1. vignette ``x / (1 + v f²)²``, f the distance from the centre, 1 in the corner;
2. primaries of Display P3, nothing below zero; in monochrome, the weighted sum of the three colours instead;
3. the curve, generalised log-logistic: ``y = W e / (e + k)``, ``e = (x + t g)^c - (t g)^c``, with k such that
   mid-grey g = 0.18 stays, whatever the brightest light W of the display (1 is white).  The log-log slope
   there is ``c (1 - g / W)``.  Once per channel (colours bleach as on film) and once on the norm
   ``Σ p³ / Σ p²`` with the ratios kept (hues stay), pulled in where a channel would pass W;
   `Grade.hue_keep` blends the two;
4. in Oklab: chroma times saturation, apart in shadows (below L 0.45) and highlights (above 0.75), three hue
   entries with Gaussian reach, roll-off above chroma 0.22, split toning (shadows, highlights and the
   mid-tones between them); and back to linear light.

So one operator makes two renditions: W = 1 for paper and ordinary screens, ``W = 2^headroom`` for screens
that go beyond white.  They agree at mid-grey; lights part, and shadows are a shade deeper with headroom.
What lies outside the gamut of the display is left to `display`.

References
----------
[1] B. Ottosson, "A perceptual color space for image processing", 2020.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import LMS_TO_OKLAB, P3, REC2020, XYZ_TO_LMS, rgb_to_rgb
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Float32, Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage

GREY = 0.18
_MATRICES = np.asarray(
    np.stack(
        [
            rgb_to_rgb(REC2020, P3),
            XYZ_TO_LMS @ P3.to_xyz(),
            LMS_TO_OKLAB,
            np.linalg.inv(LMS_TO_OKLAB),
            P3.from_xyz() @ np.linalg.inv(XYZ_TO_LMS),
        ]
    ),
    np.float32,
)
_HUE = "Oklab hue the entry moves: red 29, orange 60, yellow 110, green 142, cyan 195, blue 264, magenta 328."
_WIDTH, _CHROMA = "Reach of the entry (standard deviation).", "What the entry adds to chroma."
_SHIFT, _LIGHT = "What the entry adds to hue.", "What the entry adds to lightness of full colours."


@dataclass(frozen=True)
class Grade(Params):
    """Knobs of `grade`; the defaults are the look neutral."""

    contrast: float = knob(1.5, 0.5, 3.0, "", "Exponent of the curve; the slope at mid-grey is 0.82 of it.")
    headroom: float = knob(
        2.0, 0.0, 4.0, "EV", "How far above white lights go on a display that can show it."
    )
    toe: float = knob(0.0, -0.1, 0.2, "", "Foot of the curve: lifts the deepest shadows; < 0 cuts them.")
    hue_keep: float = knob(0.8, 0.0, 1.0, "", "0: bright colours bleach as on film, 1: they keep their hue.")
    saturation: float = knob(1.0, 0.0, 2.0, "×", "Chroma.")
    saturation_shadows: float = knob(1.0, 0.0, 2.0, "×", "Chroma of the shadows on top of that.")
    saturation_highlights: float = knob(1.0, 0.0, 2.0, "×", "Chroma of the highlights on top of that.")
    purity_rolloff: float = knob(0.15, 0.0, 1.0, "", "How much very pure colours are held back.")
    split_shadow_a: float = knob(0.0, -0.05, 0.05, "", "Tint of the shadows, green (-) to red (+).")
    split_shadow_b: float = knob(0.0, -0.05, 0.05, "", "Tint of the shadows, blue (-) to yellow (+).")
    split_mid_a: float = knob(0.0, -0.05, 0.05, "", "Tint of the mid-tones, green (-) to red (+).")
    split_mid_b: float = knob(0.0, -0.05, 0.05, "", "Tint of the mid-tones, blue (-) to yellow (+).")
    split_highlight_a: float = knob(0.0, -0.05, 0.05, "", "Tint of the highlights, green (-) to red (+).")
    split_highlight_b: float = knob(0.0, -0.05, 0.05, "", "Tint of the highlights, blue (-) to yellow (+).")
    vignette: float = knob(0.0, 0.0, 1.0, "", "Darkening towards the corners, -2 log2(1 + v) EV there.")
    mono: float = knob(0.0, 0.0, 1.0, "", "1: black and white.")
    mono_red: float = knob(0.35, -1.0, 2.0, "", "Share of red in black and white.")
    mono_green: float = knob(0.50, -1.0, 2.0, "", "Share of green in black and white.")
    mono_blue: float = knob(0.15, -1.0, 2.0, "", "Share of blue in black and white.")
    hue1: float = knob(29.0, 0.0, 360.0, "°", _HUE)
    hue1_width: float = knob(18.0, 5.0, 90.0, "°", _WIDTH)
    hue1_chroma: float = knob(0.0, -1.0, 1.0, "", _CHROMA)
    hue1_shift: float = knob(0.0, -30.0, 30.0, "°", _SHIFT)
    hue1_light: float = knob(0.0, -0.2, 0.2, "", _LIGHT)
    hue2: float = knob(142.0, 0.0, 360.0, "°", _HUE)
    hue2_width: float = knob(28.0, 5.0, 90.0, "°", _WIDTH)
    hue2_chroma: float = knob(0.0, -1.0, 1.0, "", _CHROMA)
    hue2_shift: float = knob(0.0, -30.0, 30.0, "°", _SHIFT)
    hue2_light: float = knob(0.0, -0.2, 0.2, "", _LIGHT)
    hue3: float = knob(255.0, 0.0, 360.0, "°", _HUE)
    hue3_width: float = knob(25.0, 5.0, 90.0, "°", _WIDTH)
    hue3_chroma: float = knob(0.0, -1.0, 1.0, "", _CHROMA)
    hue3_shift: float = knob(0.0, -30.0, 30.0, "°", _SHIFT)
    hue3_light: float = knob(0.0, -0.2, 0.2, "", _LIGHT)


@stage
def grade(scene: Scene, params: Grade = Grade(), *, white: float = 1.0) -> Scene:
    """Give the scene its look.

    Parameters
    ----------
    scene : Scene
        In ``rec2020``, mid-grey 0.18.
    params : Grade
        Curve and colour of the look.
    white : float
        The brightest light of the display, 1 or more; ``2^params.headroom`` where there is headroom.

    Returns
    -------
    Scene
        In ``picture``: linear Display P3, 1 is white; beyond the display's gamut < 0 or > `white`.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.

    Warns
    -----
    FallbackWarning
        The file holds a map of local tone, which belongs to the maker's own rendering.
    """
    scene.require("rec2020")
    if scene.shot.exif.get("raw"):
        told = f"{scene.shot.path.name}: local tone of its ProfileGainTableMap is not applied"
        warnings.warn(FallbackWarning(f"{told}; the look camera does"), stacklevel=4)
    out = like(scene.rgb)
    kernels.grade(scene.rgb, *numbers(params, white), out)
    return replace(scene, rgb=out, space="picture", white=white)


def numbers(p: Grade, white: float) -> tuple[Float32, Float32]:
    """What the kernels are told: the knobs in their order, and the matrices.

    The kernel's curve ends at 1; the light of `white` is in the matrix that follows it.
    """
    foot = p.toe * GREY
    foot_c = foot**p.contrast if foot > 0.0 else 0.0  # a negative foot: black is where the light is -foot
    k = (white / GREY - 1.0) * ((GREY + foot) ** p.contrast - foot_c)
    matrices = _MATRICES.copy()
    matrices[1] *= np.float32(white)
    knobs = np.array(
        [
            p.vignette,
            p.contrast,
            foot,
            foot_c,
            k,
            p.hue_keep,
            p.saturation,
            p.saturation_shadows,
            p.saturation_highlights,
            p.purity_rolloff,
            p.split_shadow_a,
            p.split_shadow_b,
            p.split_mid_a,
            p.split_mid_b,
            p.split_highlight_a,
            p.split_highlight_b,
            p.mono,
            p.mono_red,
            p.mono_green,
            p.mono_blue,
            p.hue1,
            1.0 / p.hue1_width,
            p.hue1_chroma,
            p.hue1_shift,
            p.hue1_light,
            p.hue2,
            1.0 / p.hue2_width,
            p.hue2_chroma,
            p.hue2_shift,
            p.hue2_light,
            p.hue3,
            1.0 / p.hue3_width,
            p.hue3_chroma,
            p.hue3_shift,
            p.hue3_light,
            white,
        ],
        np.float32,
    )
    return knobs, matrices
