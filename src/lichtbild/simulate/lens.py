# SPDX-License-Identifier: Apache-2.0
"""Lens and colour filters: scene light becomes what falls on the sensor.

The scene is drawn on a canvas of two pixels per sensor pixel.  Three steps, all exact and all linear::

    camera = M · scene                                        colour filters
    blurred[c] = Gaussian(σ[c]) ∗ camera[c]                   point spread of the lens
    light[c](q) = Σ B(canvas position of q − k) · blurred[c][k]      aperture of the pixel, at any position

B is the cubic B-spline of the canvas: it has the variance of the pixel's own square, 1/12 px², and is never
negative, so that a lamp rings nowhere.  Every pixel of the mosaic is sampled once, at its own place, in its
own colour.  The truth is sampled by the same operator, in all colours.

The lens darkens the corners by the bilinear maps of `shading`; their reciprocals are what the GainMaps of the
file say, so that correction undoes it exactly.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import XYZ_TO_SRGB
from lichtbild.base.image import Float32, Opcode
from lichtbild.simulate.handshake import Float64
from lichtbild.simulate.scene import CANVAS, Layer

SIGMA = (0.52, 0.45, 0.58)  # px of the sensor, R G B
GRID = (13, 17)
NOTHING = np.zeros((3, 0, 0), np.float32)

CAMERA_FROM_SCENE = (
    (0.365, 0.141, 0.010),  # rows sum to the camera's answer to white: green leads, as in phones
    (0.146, 0.732, 0.122),
    (0.012, 0.171, 0.420),
)


def response() -> Float64:
    """Scene light → camera colours, 3×3; white light 1 gives 1 in green."""
    return np.array(CAMERA_FROM_SCENE)


def colour_matrix() -> Float64:
    """XYZ → camera, the ColorMatrix of the file (illuminant D65)."""
    made = [
        [sum(row[k] * XYZ_TO_SRGB[k, j] for k in range(3)) for j in range(3)] for row in CAMERA_FROM_SCENE
    ]
    return np.round(np.array(made, np.float64), 6)


def point_spread(sigma: tuple[float, ...]) -> Float32:
    """Half of a sampled Gaussian per colour, ``"colours radius+1"``, on the canvas; sums to one over both
    sides.
    """
    radius = math.ceil(4 * CANVAS * max(sigma))
    rows = []
    for s in sigma:
        half = [math.exp(-((k / (CANVAS * s)) ** 2) / 2) for k in range(radius + 1)]
        total = half[0] + 2 * sum(half[1:])
        rows.append([v / total for v in half])
    return np.array(rows, np.float32)


def project(light: Float32, matrix: Float64) -> Float32:
    """Scene light ``"3 h w"`` as the colour filters (`matrix`, 3×3) and then the lens show it."""
    out = np.empty_like(light)
    kernels.optics(light, matrix.astype(np.float32), point_spread(SIGMA), out)
    return out


def seen(layer: Layer, matrix: Float64) -> Layer:
    """A moving layer as the lens shows it: light and cover are blurred alike."""
    cover = np.ascontiguousarray(np.broadcast_to(layer.cover, layer.light.shape))
    return Layer(project(layer.light, matrix), project(cover, np.eye(3)), layer.motion)


def mosaic(
    static: Float32,
    layers: tuple[tuple[Layer, Float64], ...],
    pose: Float64,
    pattern: tuple[int, ...],
    size: tuple[int, int],
) -> Float32:
    """Light on the pixels of one frame, each in the colour of its filter.

    Parameters
    ----------
    static : Float32 "3 h w"
        The resting scene after `project`.
    layers : tuple of (Layer, Float64 "2 3")
        Moving things after `seen`, each with the map from a pixel of the frame to its own pixels.
    pose : Float64 "2 3"
        The map from a pixel of the frame to the canvas.
    pattern : tuple of int
        Colours of the 2×2 cell.
    size : tuple of int
        (height, width) of the frame.
    """
    out = np.empty(size, np.float32)
    colour = np.array(pattern, np.uint8)
    kernels.render(static, NOTHING, pose, colour, out)
    for layer, where in layers:
        kernels.render(layer.light, layer.cover, where, colour, out)
    return out


def picture(
    static: Float32, layers: tuple[tuple[Layer, Float64], ...], pose: Float64, size: tuple[int, int]
) -> Float32:
    """The same as `mosaic` in all three colours, ``"h w 3"``: the truth."""
    out = np.empty((*size, 3), np.float32)
    kernels.render_rgb(static, NOTHING, pose, out)
    for layer, where in layers:
        kernels.render_rgb(layer.light, layer.cover, where, out)
    return out


def to_canvas(margin: int) -> Float64:
    """Sensor pixel → canvas pixel: pixel centres at (p + margin + ½) · CANVAS − ½."""
    shift = (margin + 0.5) * CANVAS - 0.5
    return np.array([[CANVAS, 0, shift], [0, CANVAS, shift]], np.float64)


def covered(places: Iterable[tuple[Layer, Float64]], size: tuple[int, int]) -> Float32:
    """How much of each pixel layers cover (in green) at one or many places, ``"h w"``."""
    out = np.zeros(size, np.float32)
    for layer, where in places:
        kernels.render(layer.cover, layer.cover, where, np.ones(4, np.uint8), out)
    return out


def shading(pattern: tuple[int, ...]) -> Float32:
    """Gains that undo the fall-off towards the corners, ``"4 v h"``, one map per place in the 2×2 cell.

    ``1 + 0.9 r² + 0.6 r⁴`` with r = 1 in the corner: 2.5 there.  Red falls off by 8 % more than blue, and the
    axis of the lens is not the centre of the sensor: what makes pink centres and green corners in phones.
    """
    v, h = GRID
    y = (np.arange(v) / (v - 1) - 0.5 - 0.012)[:, None] * 0.6 / 0.5
    x = (np.arange(h) / (h - 1) - 0.5 + 0.009)[None, :] * 0.8 / 0.5
    r2 = y * y + x * x
    fall = 0.9 * r2 + 0.6 * r2 * r2
    return np.stack([1 + fall * (1.06, 1.0, 0.98)[c] for c in pattern]).astype(np.float32)


def gain_map(gain: NDArray[np.float32], place: tuple[int, int], size: tuple[int, int]) -> Opcode:
    """One GainMap of OpcodeList2 for the pixels at `place` of every 2×2 cell (DNG 1.6, opcode 9)."""
    v, h = gain.shape
    area = (*place, *size, 0, 1, 2, 2)
    spacing = (1 / (v - 1), 1 / (h - 1))
    payload = struct.pack(">10I4dI", *area, v, h, *spacing, 0.0, 0.0, 1) + gain.astype(">f4").tobytes()
    raw = struct.pack(">4I", 9, 0x01030000, 0, len(payload)) + payload
    values = {"area": area, "spacing": spacing, "origin": (0.0, 0.0), "gain": gain[:, :, None]}
    return Opcode("GainMap", False, values, raw)


def gain_maps(gains: Float32, size: tuple[int, int]) -> tuple[Opcode, ...]:
    """The four GainMaps of a mosaic."""
    return tuple(gain_map(gains[2 * y + x], (y, x), size) for y in (0, 1) for x in (0, 1))
