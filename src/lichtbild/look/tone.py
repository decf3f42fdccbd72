# SPDX-License-Identifier: Apache-2.0
"""Tone: bright and dark parts of a scene come together, as in the eye, and texture keeps its contrast.

The log2 luminance l of a scene is split into an edge-keeping mean b and detail; only b is moved::

    out = rgb · 2^(move(b) + clarity(b) · (l - b))

b is the mean over neighbours *of like brightness*, read from a bilateral grid: next to an edge of several
EV the other side does not count, so there is no halo.  How alike they must be depends on the place.  Beside
a lonely edge all light rises one way, and 1 EV is another surface; in texture what rises falls again, the
sum of all rises is small beside the sum of their sizes, and up to 3 EV belong together: foliage and stone
keep the contrast that they have.  Pixels on a slope belong to no surface and hardly count.

``move`` lifts below mid-grey and holds above it, with a smooth start and slopes of at most 0.75; it stops
where a pixel is noise (signal-to-noise ratio under 4, nothing left at 1), as clarity does, and in the deepest
shadows, so that black stays black.  The grid is counted in shares of the picture: the same for any size.

References
----------
[1] J. Chen, S. Paris, F. Durand, "Real-time edge-aware image processing with the bilateral grid",
    SIGGRAPH 2007.
[2] F. Durand, J. Dorsey, "Fast bilateral filtering for the display of high-dynamic-range images",
    SIGGRAPH 2002.
[3] L. Xu, Q. Yan, Y. Xia, J. Jia, "Structure extraction from texture via relative total variation",
    ACM Trans. Graph. 31(6), 2012: rises that cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage
from lichtbild.look.exposure import LUMINANCE, signal, smooth

_LOW, _HIGH, _STEPS = -14, 8, 16  # log2 range of the grid, entries an EV
_LIGHT = np.linspace(_LOW, _HIGH, (_HIGH - _LOW) * _STEPS + 1)
_GREY = math.log2(0.18)
_CELLS, _SPREAD = 96, 3  # grid cells along the longer side; passes of blur


@dataclass(frozen=True)
class Tone(Params):
    """Knobs of `tone`."""

    shadows: float = knob(0.4, 0.0, 1.0, "", "How far the dark parts are lifted.")
    highlights: float = knob(0.4, 0.0, 1.0, "", "How far the bright parts are held back.")
    clarity: float = knob(0.0, -0.5, 1.0, "", "More or less contrast of neighbourhoods.")


@stage
def tone(scene: Scene, params: Tone = Tone()) -> Scene:
    """Local tone mapping without halos.

    Parameters
    ----------
    scene : Scene
        In ``rec2020``, mid-grey near 0.18.
    params : Tone
        How far dark and bright parts move.

    Returns
    -------
    Scene
        In ``rec2020``, colours kept; the same object where all knobs are 0.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.
    """
    scene.require("rec2020")
    if (params.shadows == params.highlights == params.clarity == 0) or scene.rgb.size == 0:
        return scene
    out = like(scene.rgb)
    cell = max(max(scene.rgb.shape[:2]) / _CELLS, 1.0)
    crisp = np.float32(params.clarity * signal(scene, _LIGHT))
    kernels.tone(scene.rgb, LUMINANCE, move(scene, params), crisp, cell, _SPREAD, out)
    return replace(scene, rgb=out)


def move(scene: Scene, params: Tone) -> Float32:
    """What is added to a log2 luminance, in EV, at -14 … +8 in steps of 1/16 EV."""
    light = _LIGHT
    down, up = _GREY - light, light - _GREY
    lift = (
        0.75
        * params.shadows
        * smooth(down, 0.5, 2.5)
        * (1.0 - smooth(down, 6.0, 10.0))
        * signal(scene, light)
    )
    hold = 0.75 * params.highlights * smooth(up, 0.5, 2.5)
    zero = int(np.searchsorted(light, _GREY))
    slope = np.where(light < _GREY, lift, hold) / _STEPS
    lifted, held = np.cumsum(slope[:zero][::-1])[::-1], -np.cumsum(slope[zero:])
    return np.concatenate([lifted, held]).astype(np.float32)
