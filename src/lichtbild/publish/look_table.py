# SPDX-License-Identifier: Apache-2.0
"""A look for other programs: sampled into a table, or fitted as table and curve of a camera profile.

Sampled is what the look does to scene light, in the code of the input, as sRGB code of a screen:

- ``srgb``: scene light 0 … 1 (1.0 is diffuse white, mid-grey 0.18), as sRGB code, in the screen's primaries;
- ``log``: scene light 0 … 128 in Rec. 2020, as ``(log2(x + 2⁻¹²) + 12) / 19``;
- ``linear``: the same scene light as it is, for formats that bring it to that code themselves (CLF).

References
----------
[1] Digital Negative Specification 1.6, chapter 6: LookTable and ProfileToneCurve.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.colour import (
    D50_XYZ,
    PROPHOTO,
    REC2020,
    SRGB,
    Float64,
    RGBSpace,
    delta_e,
    rgb_to_rgb,
    srgb_decode,
    srgb_encode,
    xyz_to_lab,
)
from lichtbild.base.image import CameraColour, HSVTable, Noise, Scene, Shot
from lichtbild.look.profile_look import curved, from_hsv, looked_up, spline, to_hsv
from lichtbild.look.sampled import Operator
from lichtbild.look.table import Table, baked, decode
from lichtbild.publish.display import SPACES, Display, display

INPUTS = ("srgb", "log")
_NOISE = Noise((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
_HUES, _SATURATIONS, _VALUES, _POINTS = 60, 20, 20, 64


def shown(operator: Operator, source: RGBSpace, screen: str) -> Operator:
    """Linear scene light in `source` to the sRGB code of a screen, by `operator` and then `display`."""
    to_scene = rgb_to_rgb(source, REC2020)

    def function(light: Float64) -> Float64:
        picture = operator(light @ to_scene.T).astype(np.float32)[None]
        scene = Scene(picture, "picture", Shot(Path(), picture.shape[:2]), _NOISE)
        return display(scene, Display(space=screen)).rgb[0].astype(np.float64)

    return function


def sampled(operator: Operator, side: int, code: str, screen: str, title: str) -> tuple[Table, float, float]:
    """The look as a cube, and how far it is from the look: mean and largest ΔE00 of many colours.

    Parameters
    ----------
    operator : callable
        `look.sampled.graded`.
    side : int
        Cells a side.
    code : str
        One of `INPUTS`.
    screen : str
        ``srgb``, ``p3``: primaries of the result, and of the input ``srgb``.
    title : str
        Of the table.
    """
    look = shown(operator, REC2020 if code == "log" else SPACES[screen], screen)

    def function(codes: Float64) -> Float64:
        return look(decode(codes, code))

    table = baked(function, side, title)
    asked = np.random.default_rng(5).uniform(0, 1, (20000, 3))
    return table, *distance(table(asked), function(asked), SPACES[screen])


def distance(one: Float64, other: Float64, space: RGBSpace) -> tuple[float, float]:
    """Mean and largest ΔE00 between two lists of sRGB codes."""
    to_xyz = space.to_xyz()
    labs = [xyz_to_lab(srgb_decode(np.clip(c, 0, 1)) @ to_xyz.T, to_xyz.sum(1)) for c in (one, other)]
    apart = delta_e(*labs)
    return float(apart.mean()), float(apart.max())


# ---- camera profiles


def profiled(operator: Operator, camera: CameraColour, name: str) -> tuple[CameraColour, float, float]:
    """The look as LookTable and tone curve on top of a camera's matrices, with the distance as in `sampled`.

    A LookTable of the camera's own becomes part of it.  The curve is what the look makes of greys from 0 to
    1; the table brings every other colour to where that curve makes of it what the look does. Greys stay
    grey in a profile: a tint of them is lost.
    """
    to_rec2020, to_prophoto = rgb_to_rgb(PROPHOTO, REC2020).T, rgb_to_rgb(SPACES["p3"], PROPHOTO).T

    own = None if camera.graded else camera.look

    def look(light: Float64) -> Float64:
        seen = light if own is None else np.clip(looked_up(light, own), 0, 1)
        return np.clip(operator(seen @ to_rec2020) @ to_prophoto, 0, 1)

    x = np.linspace(0, 1, _POINTS) ** 2
    y = np.maximum.accumulate(look(np.repeat(x[:, None], 3, 1))[:, 1])
    y[0] = 0.0
    rise = spline(x, y)
    fine = np.linspace(0, 1, 8193) ** 2
    high = np.maximum.accumulate(np.clip(rise(fine), 0, 1) + 1e-12 * np.arange(len(fine)))

    hsv = np.stack(
        np.meshgrid(
            srgb_decode(np.linspace(0, 1, _VALUES).clip(1e-3)),
            np.arange(_HUES) * 6 / _HUES,
            np.linspace(0, 1, _SATURATIONS),
            indexing="ij",
        ),
        axis=-1,
    )[..., [1, 2, 0]]
    wanted = look(from_hsv(hsv).reshape(-1, 3))
    source = to_hsv(curved(wanted, lambda v: np.interp(v, high, fine))).reshape(hsv.shape)
    turn = (source[..., 0] - hsv[..., 0] + 3) % 6 - 3
    cells = np.stack(
        [
            60 * np.where(source[..., 1] > 1e-6, turn, 0.0),
            np.clip(source[..., 1] / np.maximum(hsv[..., 1], 1e-9), 0, 10),
            srgb_encode(source[..., 2]) / srgb_encode(hsv[..., 2]),
        ],
        axis=-1,
    )
    cells[:, :, 0] = 0.0, 1.0, 1.0
    cells[0] = cells[1]
    table = HSVTable(cells.astype(np.float32), srgb_value=True)
    curve = np.stack([x, np.clip(y, 0, 1)], axis=1)
    made = replace(camera, look=table, tone_curve=curve, name=name, graded=True)
    return made, *_distance(look, table, rise)


def _distance(look: Operator, table: HSVTable, rise: Operator) -> tuple[float, float]:
    """ΔE00 of colours that sRGB has, 0 … 1 of scene light."""
    light = srgb_decode(np.random.default_rng(6).uniform(0, 1, (20000, 3))) @ rgb_to_rgb(SRGB, PROPHOTO).T
    light = np.clip(light, 0, 1)
    pair = (curved(np.clip(looked_up(light, table), 0, 1), rise), look(light))
    one, other = (xyz_to_lab(np.clip(p, 0, 1) @ PROPHOTO.to_xyz().T, D50_XYZ) for p in pair)
    apart = delta_e(one, other)
    return float(apart.mean()), float(apart.max())
