# SPDX-License-Identifier: Apache-2.0
"""A camera's colours as a profile renders them, and a polynomial as the table of a profile.

A root polynomial is homogeneous: twice the light gives twice the answer.  In HSV it is therefore a function
of hue and saturation alone, which is what a HueSatMap with one division of value holds.  Baking asks, at each
place of the table, where the polynomial would have sent what the matrix sends there::

    ProPhoto (hue, saturation) → XYZ → (matrix)⁻¹ → camera → polynomial → XYZ → ProPhoto: shift, scale, scale

Colours that no camera value can have (a component below 0) repeat the last possible one of their hue.

References
----------
[1] Digital Negative Specification 1.6, chapter 6, "Hue/saturation/value mapping table".
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import PROPHOTO
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.capture.illuminant import (
    camera_to_d50,
    hue_sat_map,
    identity_table,
    illuminant_weights,
    neutral_to_white,
)

Float64 = NDArray[np.float64]
HUES, SATURATIONS = 90, 30
FARTHEST = (25.0, (0.5, 1.6), (0.6, 1.5))  # hue shift °, saturation ×, value ×


def rendered(colour: CameraColour, camera: ArrayLike, neutral: ArrayLike) -> Float64:
    """XYZ D50 of camera values as the pipeline renders them with this profile, looks and curves left aside.

    Parameters
    ----------
    colour : CameraColour
        The profile.
    camera : array_like "k 3"
        Camera values, not balanced.
    neutral : array_like "3"
        The camera's answer to a white of Y = 1, on the same scale.
    """
    white = np.asarray(neutral, np.float64)
    own = np.asarray(camera, np.float64) / white.max()
    share = white / white.max()
    matrix = PROPHOTO.from_xyz() @ camera_to_d50(colour, share)
    weights = illuminant_weights(colour, neutral_to_white(colour, share))
    table, nothing = hue_sat_map(colour, weights), identity_table()
    out = np.empty((len(own), 1, 3), np.float32)
    kernels.calibrate_tables(
        np.float32(own[:, None]),
        np.float32(matrix),
        table.table,
        table.srgb_value,
        nothing.table,
        nothing.srgb_value,
        np.float32(PROPHOTO.to_xyz()),
        out,
    )
    return out[:, 0].astype(np.float64)


def baked(forward: Float64, polynomial: Callable[[Float64], Float64]) -> HSVTable:
    """The HueSatMap that makes of `forward` the `polynomial`, both balanced camera ``"k 3"`` → XYZ D50."""
    table = np.empty((1, HUES, SATURATIONS, 3))
    to_xyz, to_camera = PROPHOTO.to_xyz(), np.linalg.inv(forward)
    for h in range(HUES):
        wheel = [colorsys.hsv_to_rgb(h / HUES, s / (SATURATIONS - 1), 0.5) for s in range(SATURATIONS)]
        camera = np.array(wheel) @ to_xyz.T @ to_camera.T
        moved = polynomial(np.maximum(camera, 0.0)) @ PROPHOTO.from_xyz().T
        row, possible = table[0, h], True
        row[0] = (0.0, 1.0, 1.0)
        for s in range(1, SATURATIONS):
            possible = possible and bool((camera[s] > 1e-4).all()) and bool((moved[s] > 0).all())
            row[s] = _apart(wheel[s], moved[s]) if possible else row[s - 1]
    most, saturation, value = FARTHEST
    table[..., 0] = np.clip(table[..., 0], -most, most)
    table[..., 1] = np.clip(table[..., 1], *saturation)
    table[..., 2] = np.clip(table[..., 2], *value)
    return HSVTable(np.ascontiguousarray(table, np.float32))


def _apart(rgb: tuple[float, float, float], moved: Float64) -> tuple[float, float, float]:
    """Hue shift in degrees, saturation and value as factors."""
    h0, s0, v0 = colorsys.rgb_to_hsv(*rgb)
    h1, s1, v1 = colorsys.rgb_to_hsv(float(moved[0]), float(moved[1]), float(moved[2]))
    return (h1 - h0 + 0.5) % 1.0 * 360.0 - 180.0, s1 / s0, v1 / v0
