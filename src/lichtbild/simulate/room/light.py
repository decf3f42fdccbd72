# SPDX-License-Identifier: Apache-2.0
"""The light of the room: a lamp with a shade, dusk from the window, and what the walls send back.

The room is seen straight on: x and y lie in the wall, z comes out of it towards the camera, all in picture
heights. A surface with normal n at p receives from the lamp at q ::

    E = I · (n · (q − p))⁺ / |q − p|³ · s(p)

where s is 1 in the two cones that leave the shade above and below, whose edges draw hyperbolas on the wall,
and the transmission of the cloth elsewhere.  A candle is a second, smaller lamp; the fill has no shadows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Triple
from lichtbild.simulate.brush import Light, Plane, Value, noise
from lichtbild.simulate.scene import View

LAMP = (0.445, 0.455, 0.15)  # y, x, z
WARM: Triple = (1.0, 0.57, 0.26)
DUSK: Triple = (0.50, 0.62, 1.0)
POWER = 0.125
CLOTH = 0.36  # what the shade lets through
CANDLE = (0.578, 0.935, 0.14)
FLAME = 0.0032
BOUNCE, COOL = 0.046, 0.020  # of the fill: what walls send back, and dusk from the camera's side


class Normal(NamedTuple):
    """A unit vector per pixel: y down, x right, z towards the camera."""

    y: Value
    x: Value
    z: Value


FLAT = Normal(0.0, 0.0, 1.0)
UP = Normal(-1.0, 0.0, 0.0)


def lit(
    y: Value, x: Value, z: Value = 0.0, n: Normal = FLAT, *, shadow: Value = 1.0, wrap: float = 0.0
) -> Light:
    """Light on a surface, three planes of the shape of all arguments together.

    Parameters
    ----------
    y, x, z : Plane or float
        Where it is.
    n : Normal
        Where it faces.
    shadow : Plane or float
        Share of the lamp that arrives.
    wrap : float
        Softens the terminator, as a large lamp does.
    """
    shape = np.broadcast_shapes(*(np.shape(v) for v in (y, x, z, *n, shadow)))
    y, x, z, ny, nx, nz, shadow = (
        np.broadcast_to(np.asarray(v, np.float32), shape) for v in (y, x, z, *n, shadow)
    )
    lamps = np.array(
        [
            [*LAMP, POWER, 0.002, wrap, CLOTH, 1.1, -0.030, 0.030],
            [*CANDLE, FLAME, 0.0012, 0.25, 1.0, 0.0, 0.0, 1.0],
        ],
        np.float32,
    )
    colours = np.array([WARM, [BOUNCE * w for w in WARM], [COOL * d for d in DUSK]], np.float32)
    out = np.empty((3, *shape), np.float32)
    kernels.light(y, x, z, ny, nx, nz, shadow, lamps, colours, out)
    return out[0], out[1], out[2]


def relief(
    view: View, scale: tuple[float, float], *, depth: float, octaves: int, rough: float = 0.5, seed: int
) -> tuple[Normal, Plane]:
    """Normals of a rough surface and its height, noise with `scale` features per picture height (y, x)."""
    step_y, step_x = (np.float32(s * view.pixel) for s in scale)
    y, x = view.y * np.float32(scale[0]), view.x * np.float32(scale[1])
    y = np.concatenate([y[:1] - step_y, y, y[-1:] + step_y])
    x = np.concatenate([x[:, :1] - step_x, x, x[:, -1:] + step_x], axis=1)
    height = noise(y, x, octaves=octaves, rough=rough, seed=seed)
    k = np.float32(depth / (2 * view.pixel))
    ny, nx = (height[:-2, 1:-1] - height[2:, 1:-1]) * k, (height[1:-1, :-2] - height[1:-1, 2:]) * k
    size = 1 / np.sqrt(1 + ny * ny + nx * nx)
    return Normal(ny * size, nx * size, size), height[1:-1, 1:-1]


def mixed(a: Light, b: Light, share: Value) -> Light:
    """Plane by plane from `a` to `b`."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def scaled(colour: Light, light: Light) -> Light:
    """A colour under a light."""
    return colour[0] * light[0], colour[1] * light[1], colour[2] * light[2]
