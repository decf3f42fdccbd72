# SPDX-License-Identifier: Apache-2.0
"""Calibrate: what the camera saw becomes colour, linear Rec. 2020, in which the scene's white is white.

`illuminant` says how the camera's numbers become XYZ D50 for the scene's white; here it is done::

    rec2020 = (XYZ D50 → Rec. 2020) · tables(camera → D50 · scene / gain)

HueSatMap and LookTable, where the profile has them, act in the HSV of linear ProPhoto; light above 1 reads
them at 1 and is not clipped.  Where the profile makes the picture, the LookTable is left to the stage
`rendering`, since it comes after exposure and local tone.  The scene comes balanced (``camera · gain``), so
all of this is one 3×3 matrix a pixel, two where there are tables.

Which white that is, `white` says.

References
----------
[1] Digital Negative Specification 1.7.1, chapter "Mapping Camera Color Space to CIE XYZ Space".
"""

from __future__ import annotations

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
    temperature,
    white,
    xy_to_xyz,
)
from lichtbild.base.errors import FallbackWarning, QualityWarning
from lichtbild.base.image import CameraColour, Float32, Noise, Scene, Triple
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.spare import like
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
from lichtbild.correct.highlights import whitened
from lichtbild.correct.white import LAMPS, found_neutral, limited, mildened, picked_neutral

ODD_TINT = 90.0  # farther from black bodies and daylights than tubes and LEDs are
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
    pick_y: float = knob(
        -1.0, -1.0, 1.0, "", "Something grey: how far down the upright photo, 0 to 1; -1: none."
    )
    pick_x: float = knob(-1.0, -1.0, 1.0, "", "Something grey: how far to the right, 0 to 1; -1: none.")
    adaptation: float = knob(
        1.0, 0.0, 1.0, "", "How much of the light's cast is taken away; 0: as in daylight."
    )
    limit: float = knob(300.0, 0.0, 300.0, "mired", "How far auto may go from the white as shot.")


@stage
def calibrate(scene: Scene, params: Calibrate = Calibrate(), *, look: bool = True) -> Scene:
    """Camera colour to linear Rec. 2020.

    Parameters
    ----------
    scene : Scene
        In ``camera``: camera values times ``scene.gain``.
    params : Calibrate
        Which white to take.
    look : bool
        Whether the LookTable of the profile is applied here.

    Returns
    -------
    Scene
        In ``rec2020``; the camera's neutral at its first clipped channel is (1, 1, 1).

    Raises
    ------
    StateError
        The scene is not in camera colour.
    InputError
        What was picked as grey is clipped or too dark.

    Warns
    -----
    FallbackWarning
        The file says nothing about the camera's colour: a typical sensor is assumed.
    QualityWarning
        What was picked as grey would be so under no light there is.
    """
    scene.require("camera")
    camera, gain = _camera(scene)
    if camera is None:  # monochrome: grey is grey
        return _done(scene, scene.rgb, np.eye(3))
    neutral = _neutral(scene, camera, gain, params)
    scene = whitened(scene, neutral * np.asarray(gain))
    to_d50 = camera_to_d50(camera, neutral) / np.asarray(gain)
    out = like(scene.rgb)
    to_rec2020 = REC2020.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65))
    second = camera.look if look and not camera.graded else None
    if not camera.hue_sat and second is None:
        kernels.calibrate(scene.rgb, np.float32(to_rec2020 @ to_d50), out)
    else:
        weights = illuminant_weights(camera, neutral_to_white(camera, neutral))
        first, second = hue_sat_map(camera, weights), second or identity_table()
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


def neutral_of(scene: Scene, params: Calibrate = Calibrate()) -> Triple | None:
    """The camera's answer to the white that `calibrate` takes, largest component 1; None without colour."""
    camera, gain = _camera(scene.require("camera"))
    if camera is None:
        return None
    red, green, blue = _neutral(scene, camera, gain, params)
    return float(red), float(green), float(blue)


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
    if params.pick_y >= 0 and params.pick_x >= 0:
        neutral = picked_neutral(scene, gain, (params.pick_y, params.pick_x))
        _doubted(neutral_to_white(camera, neutral))
    elif params.kelvin > 0:
        return white_to_neutral(camera, white(max(params.kelvin, 2000.0), params.tint))
    elif params.white_balance == "as-shot":
        neutral = shot
    elif params.white_balance == "auto":
        neutral = limited(camera, estimate_neutral(scene, camera, gain), shot, params.limit)
    else:
        neutral = white_to_neutral(camera, PRESETS[params.white_balance])
    neutral = mildened(camera, neutral, params.adaptation)
    if params.tint == 0:
        return neutral
    kelvin, tint = temperature(neutral_to_white(camera, neutral))
    return white_to_neutral(camera, white(kelvin, tint + params.tint))


def _doubted(picked: Chromaticity) -> None:
    """Warn where what was picked would be grey under no light there is."""
    kelvin, tint = temperature(picked)
    if abs(tint) > ODD_TINT or not 1800 < kelvin < 25000:
        warnings.warn(
            QualityWarning(
                f"what was picked is grey only under a light of {kelvin:.0f} K and tint {tint:+.0f}, which "
                "is hardly one: it may have a colour of its own"
            ),
            stacklevel=6,
        )


def estimate_neutral(scene: Scene, camera: CameraColour, gain: Triple) -> Float64:
    """The neutral of the light found in the picture; lamplight stays a little warm, as people see it."""
    neutral = found_neutral(scene, camera, gain)
    kelvin, tint = temperature(neutral_to_white(camera, neutral))
    if kelvin >= LAMPS:
        return neutral
    return white_to_neutral(camera, white(1e6 / (0.85 * 1e6 / kelvin + 0.15 * 1e6 / LAMPS), tint))
