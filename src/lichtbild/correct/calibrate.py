# SPDX-License-Identifier: Apache-2.0
"""Calibrate: what the camera saw becomes colour, linear Rec. 2020, in which the scene's white is white.

A camera profile holds, for one to three illuminants, a ColorMatrix CM (XYZ → camera), perhaps a ForwardMatrix FM
(balanced camera → XYZ D50), CameraCalibration CC, AnalogBalance AB and HueSatMaps.  They are mixed for the scene's white
by weights that are linear in reciprocal colour temperature.  The white itself comes from the camera's neutral n::

    repeat:  XYZ = (AB·CC·CM(white))⁻¹ · n,   white = chromaticity of XYZ          # a few rounds: CM depends on it
    with FM:     camera → D50 = FM · diag(1 / (AB·CC)⁻¹·n) · (AB·CC)⁻¹
    without FM:  camera → D50 = Bradford(white → D50) · (AB·CC·CM)⁻¹, scaled so that n has Y = 1

HueSatMap and LookTable act between, in the HSV of linear ProPhoto; light above 1 reads them at 1 and is not clipped.
The scene comes balanced (``camera · gain``), so all of this is one 3×3 matrix a pixel, two where there are tables.

``auto`` takes the Minkowski mean of order six ("shades of grey") of what is neither clipped nor black, and moves it to
the nearest colour of light this camera could see: black bodies and daylights in (log G/R, log G/B).

References
----------
[1] Digital Negative Specification 1.6, chapter "Mapping Camera Color Space to CIE XYZ Space".
[2] G. D. Finlayson, E. Trezzi, "Shades of gray and colour constancy", Color Imaging Conference, 2004.
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
    SRGB,
    Chromaticity,
    Float64,
    adaptation,
    daylight,
    illuminant_locus,
    temperature,
    white,
    xy_to_xyz,
    xyz_to_xy,
)
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import CameraColour, Float32, HSVTable, Noise, Scene, Triple
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage

# Colour temperature of the EXIF LightSource codes as raw profiles mean them.
LIGHTS = {17: 2850, 3: 2850, 24: 3200, 23: 5000, 20: 5500, 1: 5500, 4: 5500, 9: 5500, 18: 5500, 21: 6500, 10: 6500,
          19: 6500, 22: 7500, 11: 7500, 12: 6400, 13: 5050, 14: 4150, 2: 4150, 15: 3525, 16: 2925}
PRESETS: dict[str, Chromaticity] = {"daylight": daylight(5500), "shade": daylight(7500), "tungsten": white(2850)}
# Balanced camera → sRGB in round figures typical of small CMOS sensors: what is assumed of a camera nobody measured.
_TYPICAL = np.array([[1.70, -0.60, -0.10], [-0.20, 1.45, -0.25], [0.03, -0.48, 1.45]])


@dataclass(frozen=True)
class Calibrate(Params):
    """Knobs of `calibrate`."""

    white_balance: str = choice("as-shot", ("as-shot", "auto", *PRESETS), "Whose white: the camera's, the scene's, or a light.")
    kelvin: float = knob(0.0, 0.0, 12000.0, "K", "Colour temperature of the white, from 2000; 0: as white_balance says.")
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
        first, second = hue_sat_map(camera, weights), camera.look or _identity()
        kernels.calibrate_tables(scene.rgb, np.float32(PROPHOTO.from_xyz() @ to_d50), first.table, first.srgb_value,
                                 second.table, second.srgb_value, np.float32(to_rec2020 @ PROPHOTO.to_xyz()), out)
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
    warnings.warn(FallbackWarning(f"{shot.path.name}: no colour matrix for {shot.model or 'this camera'}; colours are those "
                                  "of a typical sensor"), stacklevel=5)
    forward = adaptation(xy_to_xyz(D65), D50_XYZ) @ SRGB.to_xyz() @ _TYPICAL
    forward *= (D50_XYZ / forward.sum(axis=1))[:, None]
    return CameraColour(illuminants=(23,), colour=(np.linalg.inv(forward),), forward=(forward,)), (1.0, 1.0, 1.0)


# ---- which white


def _neutral(scene: Scene, camera: CameraColour, gain: Triple, params: Calibrate) -> Float64:
    """The camera's answer to the white of the scene, largest component 1."""
    shot = _scaled(1.0 / np.asarray(gain))
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
    """The neutral by shades of grey on the camera's illuminant locus; as shot where too little of the scene is usable."""
    h, w = scene.rgb.shape[:2]
    clipped = scene.clipped if scene.clipped is not None else np.zeros((h, w), np.uint8)
    sums = np.zeros(7)
    kernels.shades(scene.rgb, clipped, np.full(3, 0.01, np.float32), np.float32(0.95 * np.asarray(scene.gain)), sums)
    shot = _scaled(1.0 / np.asarray(gain))
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


def _scaled(v: Float64) -> Float64:
    return v / v.max()


# ---- the colour model of a raw profile [1]


def illuminant_weights(camera: CameraColour, xy: Chromaticity) -> Float64:
    """How much each calibration illuminant counts for the white `xy`: linear in 1/K between neighbours, sum 1."""
    n = len(camera.colour)
    kelvins = [LIGHTS.get(code, 0) for code in camera.illuminants[:n]]
    if n == 1 or len(kelvins) < n or 0 in kelvins or len(set(kelvins)) < n:
        return np.eye(n)[0]
    mired = 1e6 / np.asarray(kelvins, np.float64)
    order = np.argsort(mired)
    weights = np.zeros(n)
    at = 1e6 / temperature(xy)[0]
    for k, i in enumerate(order):
        weights[i] = np.interp(at, mired[order], np.eye(n)[k])
    return weights


def _mixed(matrices: tuple[Float64, ...], weights: Float64) -> Float64:
    return np.tensordot(weights, np.stack(matrices), axes=1)


def _calibration(camera: CameraColour, weights: Float64) -> Float64:
    """AB·CC: from the profile's reference camera to this very camera."""
    own = _mixed(camera.calibration, weights) if len(camera.calibration) == len(weights) else np.eye(3)
    return np.diag(camera.balance) @ own


def xyz_to_camera(camera: CameraColour, xy: Chromaticity) -> Float64:
    """AB·CC·CM for the white `xy`."""
    weights = illuminant_weights(camera, xy)
    return _calibration(camera, weights) @ _mixed(camera.colour, weights)


def white_to_neutral(camera: CameraColour, xy: Chromaticity) -> Float64:
    """What the camera answers to a white, largest component 1."""
    return _scaled(np.maximum(xyz_to_camera(camera, xy) @ xy_to_xyz(xy), 1e-3))


def neutral_to_white(camera: CameraColour, neutral: Float64) -> Chromaticity:
    """The white to which the camera answers `neutral`, by fixed-point iteration."""
    xy = xyz_to_xy(D50_XYZ)
    for _ in range(30):
        x, y, z = np.linalg.solve(xyz_to_camera(camera, xy), neutral)
        if y <= 0 or x <= 0 or x + y + z <= 0:
            break
        last, xy = xy, xyz_to_xy((x, y, z))
        if abs(xy[0] - last[0]) + abs(xy[1] - last[1]) < 1e-7:
            break
    return xy


def camera_to_d50(camera: CameraColour, neutral: Float64) -> Float64:
    """The 3×3 matrix from (unbalanced) camera values to XYZ D50 in which `neutral` becomes the D50 white, Y = 1."""
    xy = neutral_to_white(camera, neutral)
    weights = illuminant_weights(camera, xy)
    if len(camera.forward) == len(weights):
        own = np.linalg.inv(_calibration(camera, weights))
        forward = _mixed(tuple(f * (D50_XYZ / f.sum(axis=1))[:, None] for f in camera.forward), weights)
        return forward @ np.diag(1.0 / (own @ neutral)) @ own
    matrix = adaptation(xy_to_xyz(xy), D50_XYZ) @ np.linalg.inv(xyz_to_camera(camera, xy))
    return matrix / (matrix @ neutral)[1]


def hue_sat_map(camera: CameraColour, weights: Float64) -> HSVTable:
    """The HueSatMap for the scene's white."""
    tables = camera.hue_sat
    if not tables:
        return _identity()
    if len(tables) != len(weights) or len({t.table.shape for t in tables}) > 1:
        return tables[0]
    mixed = sum(w * t.table.astype(np.float64) for w, t in zip(weights, tables, strict=True))
    return HSVTable(np.float32(mixed), tables[0].srgb_value)


def _identity() -> HSVTable:
    return HSVTable(np.array([0.0, 1.0, 1.0], np.float32).reshape(1, 1, 1, 3))
