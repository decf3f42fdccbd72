# SPDX-License-Identifier: Apache-2.0
"""How a camera's colour depends on the light: its answer to a white, and the way from camera to XYZ.

A profile holds, for one to three illuminants, a ColorMatrix CM (XYZ → camera), perhaps a ForwardMatrix FM
(balanced camera → XYZ D50), CameraCalibration CC, AnalogBalance AB and HueSatMaps.  They are mixed for the
scene's white by weights that are linear in reciprocal colour temperature.  The white itself comes from the
camera's neutral n::

    repeat      XYZ = (AB·CC·CM(white))⁻¹ · n,  white = chromaticity of XYZ    (CM depends on the white)
    with FM     camera → D50 = FM · diag(1 / (AB·CC)⁻¹·n) · (AB·CC)⁻¹
    without     camera → D50 = Bradford(white → D50) · (AB·CC·CM)⁻¹, scaled so that n has Y = 1

References
----------
[1] Digital Negative Specification 1.6, chapter "Mapping Camera Color Space to CIE XYZ Space".
"""

from __future__ import annotations

import numpy as np

from lichtbild.base.colour import (
    D50_XYZ,
    D65,
    SRGB,
    Chromaticity,
    Float64,
    adaptation,
    temperature,
    xy_to_xyz,
    xyz_to_xy,
)
from lichtbild.base.image import CameraColour, HSVTable

# Colour temperature of the EXIF LightSource codes as raw profiles mean them.
LIGHTS = {
    17: 2850,
    3: 2850,
    24: 3200,
    23: 5000,
    20: 5500,
    1: 5500,
    4: 5500,
    9: 5500,
    18: 5500,
    21: 6500,
    10: 6500,
    19: 6500,
    22: 7500,
    11: 7500,
    12: 6400,
    13: 5050,
    14: 4150,
    2: 4150,
    15: 3525,
    16: 2925,
}

# Balanced camera → sRGB in round figures typical of small CMOS sensors.
_TYPICAL = np.array([[1.70, -0.60, -0.10], [-0.20, 1.45, -0.25], [0.03, -0.48, 1.45]])


def typical_camera() -> CameraColour:
    """What is assumed of a camera nobody measured, for values balanced as shot under about 5000 K."""
    forward = adaptation(xy_to_xyz(D65), D50_XYZ) @ SRGB.to_xyz() @ _TYPICAL
    forward *= (D50_XYZ / forward.sum(axis=1))[:, None]
    return CameraColour(illuminants=(23,), colour=(np.linalg.inv(forward),), forward=(forward,))


def scaled(v: Float64) -> Float64:
    """A neutral with its largest component 1."""
    return v / v.max()


def illuminant_weights(camera: CameraColour, xy: Chromaticity) -> Float64:
    """How much each illuminant counts for the white `xy`: linear in 1/K between neighbours, sum 1."""
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
    return scaled(np.maximum(xyz_to_camera(camera, xy) @ xy_to_xyz(xy), 1e-3))


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
    """The 3×3 matrix from (unbalanced) camera values to XYZ D50; `neutral` becomes the white, Y = 1."""
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
        return identity_table()
    if len(tables) != len(weights) or len({t.table.shape for t in tables}) > 1:
        return tables[0]
    mixed = sum(w * t.table.astype(np.float64) for w, t in zip(weights, tables, strict=True))
    return HSVTable(np.asarray(mixed, np.float32), tables[0].srgb_value)


def identity_table() -> HSVTable:
    """The table that changes nothing."""
    return HSVTable(np.array([0.0, 1.0, 1.0], np.float32).reshape(1, 1, 1, 3))
