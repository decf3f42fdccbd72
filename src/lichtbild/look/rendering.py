# SPDX-License-Identifier: Apache-2.0
"""Rendering by the profile: how the maker of the file shows what our looks show in their own way.

With `Rendering.by` ``profile`` this stands in the place of `grade`, and of the LookTable in `calibrate`.  The
look ``camera`` chooses it and turns automatic exposure and local tone off, so that BaselineExposure (with its
offset) is all that `exposure` does.  On that light, in linear ProPhoto, in the order of the specification:

1. ProfileGainTableMap, the maker's local tone for this frame: the sum b of red, green, blue, the smallest and
   the largest of them, each times its weight, 0 … 1, to the power of the table's gamma, says with the place
   what all three are multiplied by.  Bilinear between places, linear between brightnesses, of which number
   ``b · n`` counts.  Places are shares of the whole frame, also in a part of it (`Shot.part`);
2. what is below 0 or above 1 is cut off: a profile knows no such light;
3. LookTable: hue, saturation and value of HSV, as HueSatMap in `calibrate`;
4. ProfileToneCurve, a natural cubic spline, on the largest and on the smallest of the three; the middle one
   keeps its place between them.  A profile without a curve gets a straight line: what a curve ought to look
   like is taste, and taste is what the looks are for.

There is no rendition for brighter displays: a profile ends at its white.

References
----------
[1] Digital Negative Specification 1.7.1: chapter 6, ProfileGainTableMap, ProfileGainTableMap2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import P3, PROPHOTO, REC2020, Float64, rgb_to_rgb
from lichtbild.base.image import Float32, Scene, Shot
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage
from lichtbild.capture.gain_table import GainTable, gain_table
from lichtbild.capture.illuminant import identity_table
from lichtbild.look.profile_look import spline

_STEPS = 8192  # of the curve
_EVEN = GainTable(np.ones((1, 1, 1), np.float32), (1.0, 1.0), (0.0, 0.0), (0.0,) * 5)


@dataclass(frozen=True)
class Rendering(Params):
    """Knobs of `rendering`."""

    by: str = choice(
        "look", ("look", "profile"), "Who makes the picture: the look, or the profile in the raw file."
    )
    local: float = knob(1.0, 0.0, 1.0, "", "By profile: how much of its local tone (ProfileGainTableMap).")


@stage
def rendering(scene: Scene, params: Rendering = Rendering()) -> Scene:
    """Make the picture as the profile of the raw file says, whatever `Rendering.by` is.

    Parameters
    ----------
    scene : Scene
        In ``rec2020``, exposed, without the LookTable of its profile.
    params : Rendering
        How much of the local tone is wanted.

    Returns
    -------
    Scene
        In ``picture``: linear Display P3, 1 is white; beyond the display's gamut < 0 or > 1.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.
    """
    scene.require("rec2020")
    colour, table = scene.shot.colour, gain_table(scene.shot.exif.get("raw", {}))
    if table is None or params.local == 0:
        table = _EVEN
    look = colour.look or identity_table()
    out = np.empty_like(scene.rgb)
    kernels.rendering(
        scene.rgb,
        np.float32(rgb_to_rgb(REC2020, PROPHOTO)),
        np.float32(table.gains.astype(np.float64) ** params.local),
        _place(table, scene.shot, scene.rgb.shape),
        np.asarray(table.weights, np.float32),
        table.gamma,
        look.table,
        look.srgb_value,
        curve(colour.tone_curve),
        np.float32(rgb_to_rgb(PROPHOTO, P3)),
        out,
    )
    return replace(scene, rgb=out, space="picture", white=1.0)


def curve(points: NDArray[np.float64] | None) -> Float32:
    """The tone curve at 0 … 1 in steps of 1/8192, within 0 … 1; a straight line without points."""
    x = np.linspace(0.0, 1.0, _STEPS + 1)
    if points is None:
        return x.astype(np.float32)
    return np.clip(spline(points[:, 0], points[:, 1])(x), 0.0, 1.0).astype(np.float32)


def _place(table: GainTable, shot: Shot, shape: tuple[int, ...]) -> Float64:
    """Where the middle of the first pixel lies on the grid, and how far the next one is: y, then x."""
    told: list[float] = []
    for axis in (0, 1):
        start, side, spacing = shot.part[axis], shot.part[axis + 2], table.spacing[axis]
        step = side / shape[axis] / spacing
        told += [(start - table.origin[axis]) / spacing + 0.5 * step, step]
    return np.array(told)
