# SPDX-License-Identifier: Apache-2.0
"""Calibrate: what the camera saw becomes colour, linear Rec. 2020, in which the scene's white is white.

`illuminant` says how the camera's numbers become XYZ D50 for the scene's white; here it is done::

    rec2020 = (XYZ D50 → Rec. 2020) · tables(camera → D50 · scene / gain)

HueSatMap and LookTable, where the profile has them, act in the HSV of linear ProPhoto; light above 1 reads
them at 1 and is not clipped.  The scene comes balanced (``camera · gain``), so all of this is one 3×3 matrix
a pixel, two where there are tables.

White balance ``auto`` takes the Minkowski mean of order six ("shades of grey") of what is neither clipped nor
black, and moves it to the nearest light this camera could see: black bodies and daylights in
(log G/R, log G/B).

References
----------
[1] G. D. Finlayson, E. Trezzi, "Shades of gray and colour constancy", Color Imaging Conference, 2004.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import (
    D50_XYZ,
    D65,
    PROPHOTO,
    REC2020,
    Chromaticity,
    Float64,
    adaptation,
    daylight,
    illuminant_locus,
    temperature,
    white,
    xy_to_xyz,
)
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import CameraColour, Float32, Noise, Scene, Triple
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage
from lichtbild.capture.illuminant import (
    camera_to_d50,
    hue_sat_map,
    identity_table,
    illuminant_weights,
    neutral_to_white,
    scaled,
    typical_camera,
    white_to_neutral,
)

PRESETS: dict[str, Chromaticity] = {
    "daylight": daylight(5500),
    "shade": daylight(7500),
    "tungsten": white(2850),
}


@dataclass(frozen=True)
class Calibrate(Params):
    """Knobs of `calibrate`."""

    white_balance: str = choice(
        "as-shot", ("as-shot", "auto", *PRESETS), "Whose white: the camera's, the scene's, or a light."
    )
    kelvin: float = knob(
        0.0, 0.0, 12000.0, "K", "Colour temperature of the white, from 2000; 0: as white_balance says."
    )
    tint: float = knob(0.0, -150.0, 150.0, "", "Green (-) to magenta (+), 1/3000 of CIE 1960 uv.")


@stage
def calibrate(scene: Scene, params: Calibrate = Calibrate()) -> Scene:
    """Camera colour to linear Rec. 2020.

    Parameters
    ----------
    scene : Scene
        In ``camera``: camera values times ``scene.gain``.
    params : Calibrate
        Which white to take.

    Returns
    -------
    Scene
        In ``rec2020``; the camera's neutral at its first clipped channel is (1, 1, 1).

    Raises
    ------
    StateError
        The scene is not in camera colour.

    Warns
    -----
    FallbackWarning
        The file says nothing about the camera's colour: a typical sensor is assumed.
    """
    scene.require("camera")
    camera, gain = _camera(scene)
    if camera is None:  # monochrome: grey is grey
        return _done(scene, scene.rgb, np.eye(3))
    neutral = _neutral(scene, camera, gain, params)
    to_d50 = camera_to_d50(camera, neutral) / np.asarray(gain)
    out = np.empty_like(scene.rgb)
    to_rec2020 = REC2020.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65))
    if not camera.hue_sat and camera.look is None:
        kernels.calibrate(scene.rgb, np.float32(to_rec2020 @ to_d50), out)
    else:
        weights = illuminant_weights(camera, neutral_to_white(camera, neutral))
        first, second = hue_sat_map(camera, weights), camera.look or identity_table()
        kernels.calibrate_tables(
            scene.rgb,
            np.float32(PROPHOTO.from_xyz() @ to_d50),
            first.table,
            first.srgb_value,
            second.table,
            second.srgb_value,
            np.float32(to_rec2020 @ PROPHOTO.to_xyz()),
            out,
        )
    return _done(scene, out, to_rec2020 @ to_d50)


def _done(scene: Scene, rgb: Float32, matrix: Float64) -> Scene:
    """The calibrated scene; the noise of greys goes through the squares of the matrix."""

    def carried(v: Triple) -> Triple:
        r, g, b = matrix**2 @ np.asarray(v)
        return float(r), float(g), float(b)

    noise = Noise(carried(scene.noise.shot), carried(scene.noise.read))
    return replace(scene, rgb=rgb, space="rec2020", noise=noise, gain=(1.0, 1.0, 1.0))


def _camera(scene: Scene) -> tuple[CameraColour | None, Triple]:
    """The camera's colour and the gain by which its values are balanced."""
    shot = scene.shot
    if shot.kind == "mono":
        return None, (1.0, 1.0, 1.0)
    if shot.colour.colour:
        return shot.colour, scene.gain
    warnings.warn(
        FallbackWarning(
            f"{shot.path.name}: no colour matrix for {shot.model or 'this camera'}; colours are those "
            "of a typical sensor"
        ),
        stacklevel=5,
    )
    return typical_camera(), (1.0, 1.0, 1.0)


# ---- which white


def _neutral(scene: Scene, camera: CameraColour, gain: Triple, params: Calibrate) -> Float64:
    """The camera's answer to the white of the scene, largest component 1."""
    shot = scaled(1.0 / np.asarray(gain))
    if params.kelvin > 0:
        return white_to_neutral(camera, white(max(params.kelvin, 2000.0), params.tint))
    if params.white_balance == "as-shot":
        neutral = shot
    elif params.white_balance == "auto":
        neutral = estimate_neutral(scene, camera, gain)
    else:
        neutral = white_to_neutral(camera, PRESETS[params.white_balance])
    if params.tint == 0:
        return neutral
    kelvin, tint = temperature(neutral_to_white(camera, neutral))
    return white_to_neutral(camera, white(kelvin, tint + params.tint))


def estimate_neutral(scene: Scene, camera: CameraColour, gain: Triple) -> Float64:
    """The neutral by shades of grey on the camera's illuminant locus; as shot where too little is usable."""
    h, w = scene.rgb.shape[:2]
    clipped = scene.clipped if scene.clipped is not None else np.zeros((h, w), np.uint8)
    sums = np.zeros(7)
    kernels.shades(
        scene.rgb, clipped, np.full(3, 0.01, np.float32), np.float32(0.95 * np.asarray(scene.gain)), sums
    )
    shot = scaled(1.0 / np.asarray(gain))
    if sums[6] < max(16, h * w / 4 / 200):
        return shot
    seen = sums[3:6] ** (1 / 6) * shot
    whites = illuminant_locus()
    locus = np.array([_log_chroma(white_to_neutral(camera, xy)) for xy in whites])
    start, step = locus[:-1], np.diff(locus, axis=0)
    t = np.clip(((_log_chroma(seen) - start) * step).sum(1) / (step * step).sum(1), 0, 1)
    distance = ((start + t[:, None] * step - _log_chroma(seen)) ** 2).sum(1)
    i = int(distance.argmin())
    (x0, y0), (x1, y1) = whites[i], whites[i + 1]
    found = (x0 + t[i] * (x1 - x0), y0 + t[i] * (y1 - y0))
    kelvin, tint = temperature(found)
    if kelvin < 4000:  # lamplight stays a little warm, as people see it
        found = white(1e6 / (0.85 * 1e6 / kelvin + 0.15 * 250.0), tint)
    return white_to_neutral(camera, found)


def _log_chroma(rgb: Float64) -> Float64:
    return np.array([math.log(rgb[1] / rgb[0]), math.log(rgb[1] / rgb[2])])
