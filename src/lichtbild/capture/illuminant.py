# SPDX-License-Identifier: Apache-2.0
"""How a camera's colour depends on the light: its answer to a white, and the way from camera to XYZ.

A profile holds, for one to three illuminants, a ColorMatrix CM (XYZ → camera), perhaps a ForwardMatrix FM
(balanced camera → XYZ D50), CameraCalibration CC, AnalogBalance AB and HueSatMaps.  They are mixed for the
scene's white.  Between two illuminants the weights are linear in reciprocal colour temperature; among three
they follow from how near the white lies to each, in colour temperature and tint::

    d = distance of (1500 / K, tint / 200)²,  w = 1 / (d + 10⁻⁸), sum 1,  then w ← 3w² − 2w³,
    w ← (w − 0.02) / 0.98 where that is above 0, sum 1

The specification [1] leaves the mixing of three open; this is what Adobe's renderer does.  It also brings
every ColorMatrix to the same scale (largest answer to D50 is 1) before mixing.  An illuminant is known by its
code, or by its chromaticity (IlluminantData, code 255).

The white itself comes from the camera's neutral n::

    repeat      XYZ = (AB·CC·CM(white))⁻¹ · n,  white = chromaticity of XYZ    (CM depends on the white)
    with FM     camera → D50 = FM · diag(1 / (AB·CC)⁻¹·n) · (AB·CC)⁻¹
    without     camera → D50 = Bradford(white → D50) · (AB·CC·CM)⁻¹, scaled so that n has Y = 1

References
----------
[1] Digital Negative Specification 1.7.1, chapter "Mapping Camera Color Space to CIE XYZ Space".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lichtbild.base.colour import (
    D50_XYZ,
    D65,
    SRGB,
    Chromaticity,
    Float64,
    adaptation,
    temperature,
    white,
    xy_to_xyz,
    xyz_to_xy,
)
from lichtbild.base.image import CameraColour, HSVTable

OTHER = 255  # LightSource: a light that is told by its chromaticity

# Colour temperature of the EXIF LightSource codes as raw profiles mean them.
LIGHTS: dict[int, float] = {
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


def kelvins(camera: CameraColour) -> tuple[float, ...]:
    """The colour temperature of each of a profile's illuminants, 0 where it is not known."""
    return tuple(
        0.0 if w is None else temperature(w)[0] if c == OTHER else LIGHTS[c] for c, w in _whites(camera)
    )


def _whites(camera: CameraColour) -> tuple[tuple[int, Chromaticity | None], ...]:
    """Code and chromaticity of each illuminant; None where it is not known."""
    n = len(camera.colour)
    codes = (*camera.illuminants, *(0,) * n)[:n]
    measured = (*camera.whites, *(None,) * n)[:n]
    known = (
        m if c == OTHER else white(LIGHTS[c]) if c in LIGHTS else None
        for c, m in zip(codes, measured, strict=True)
    )
    return tuple(zip(codes, known, strict=True))


def illuminant_weights(camera: CameraColour, xy: Chromaticity) -> Float64:
    """How much each illuminant counts for the white `xy`, sum 1; all for the first where one is not known."""
    n, known = len(camera.colour), kelvins(camera)
    if n == 1 or 0.0 in known:
        return np.eye(n)[0]
    if n == 3:
        return _nearness([w for _, w in _whites(camera) if w is not None], xy)
    if len(set(known)) < n:
        return np.eye(n)[0]
    mired = 1e6 / np.asarray(known, np.float64)
    order = np.argsort(mired)
    weights = np.zeros(n)
    at = 1e6 / temperature(xy)[0]
    for k, i in enumerate(order):
        weights[i] = np.interp(at, mired[order], np.eye(n)[k])
    return weights


def _nearness(whites: Sequence[Chromaticity], xy: Chromaticity) -> Float64:
    """Weights of three illuminants for the white `xy`."""

    def place(at: Chromaticity) -> Float64:
        kelvin, tint = temperature(at)
        return np.array([min(1500.0 / kelvin, 1.0), tint / 200.0])

    here = place(xy)
    weights = np.array([1.0 / (float(np.sum((place(w) - here) ** 2)) + 1e-8) for w in whites])
    weights /= weights.sum()
    weights = np.maximum((weights * weights * (3.0 - 2.0 * weights) - 0.02) / 0.98, 0.0)
    return np.asarray(weights / weights.sum(), np.float64)


def _mixed(matrices: tuple[Float64, ...], weights: Float64) -> Float64:
    return np.tensordot(weights, np.stack(matrices), axes=1)


def _alike(matrix: Float64) -> Float64:
    """A ColorMatrix at the scale at which its largest answer to D50 is 1."""
    most = float((matrix @ D50_XYZ).max())
    return matrix / most if most > 0 else matrix


def _calibration(camera: CameraColour, weights: Float64) -> Float64:
    """AB·CC: from the profile's reference camera to this very camera."""
    own = _mixed(camera.calibration, weights) if len(camera.calibration) == len(weights) else np.eye(3)
    return np.diag(camera.balance) @ own


def xyz_to_camera(camera: CameraColour, xy: Chromaticity) -> Float64:
    """AB·CC·CM for the white `xy`."""
    weights = illuminant_weights(camera, xy)
    return _calibration(camera, weights) @ _mixed(tuple(_alike(m) for m in camera.colour), weights)


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
