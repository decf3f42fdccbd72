# SPDX-License-Identifier: Apache-2.0
"""Lens: straight lines become straight, corners bright, coloured fringes go, as the raw file's opcodes say.

OpcodeList3 of a DNG holds the lens as polynomials of the distance r from the optical centre, 1 in the
farthest corner::

    read at centre + m · (f(r) · d + tangential(d))
        WarpRectilinear     f = kr0 + kr1 r² + kr2 r⁴ + kr3 r⁶
        WarpFisheye         f = (kr0 θ + kr1 θ³ + …) / r,  θ = atan r
        WarpRectilinear2    f = Σ krₚ rᵖ,  p = 0 … 14
    multiply by
        FixVignetteRadial   1 + k0 r² + k1 r⁴ + … + k4 r¹⁰
        GainMap             a bilinear map

f is tabulated, so one kernel serves all; one set of coefficients per colour removes lateral chromatic
aberration, at any `Lens.distortion`.  Resampling is Catmull-Rom.  Vignetting is taken back in EV: ``gain ^
vignetting``.  Last, what the maker does not show is cropped (see `crop`).

References
----------
[1] Digital Negative Specification 1.6, chapter "Opcode List Processing".
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import Float64
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Float32, Opcode, Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage
from lichtbild.correct.crop import cropped

_RADII = np.linspace(0.0, 1.0, 2049)
_WARPS = ("WarpRectilinear", "WarpFisheye", "WarpRectilinear2")


@dataclass(frozen=True)
class Lens(Params):
    """Knobs of `lens`."""

    distortion: float = knob(1.0, 0.0, 1.0, "", "How much of the distortion is corrected.")
    vignetting: float = knob(1.0, 0.0, 1.0, "", "How much of the dark corners is corrected, in EV.")


@stage
def lens(scene: Scene, params: Lens = Lens()) -> Scene:
    """Apply the lens corrections of the raw file.

    Parameters
    ----------
    scene : Scene
        In any space, linear; ``scene.shot.opcodes[2]`` says what to correct.
    params : Lens
        How much.

    Returns
    -------
    Scene
        The same object where there is nothing to correct.

    Warns
    -----
    FallbackWarning
        The file asks for a correction that is not known here.
    """
    skip = False
    for opcode in scene.shot.opcodes[2]:
        if opcode.name in _WARPS and not skip:
            scene = _warped(scene, opcode, params.distortion)
        elif opcode.name == "FixVignetteRadial":
            scene = _brightened(scene, opcode, params.vignetting)
        elif opcode.name == "GainMap":
            scene = _mapped(scene, opcode, params.vignetting)
        elif opcode.name not in _WARPS and not opcode.optional:
            warnings.warn(
                FallbackWarning(f"{scene.shot.path.name}: {opcode.name} in OpcodeList3 is not applied"),
                stacklevel=4,
            )
        # an optional WarpRectilinear2 stands before the plainer warp that older readers use instead
        skip = opcode.name == "WarpRectilinear2" and opcode.optional
    return cropped(scene)


def _geometry(opcode: Opcode, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Centre (y, x) in pixels and the distance to the farthest corner."""
    h, w = shape[:2]
    x, y = opcode.values["centre"]
    cy, cx = y * (h - 1), x * (w - 1)
    return cy, cx, max(math.hypot(max(cy, h - 1 - cy), max(cx, w - 1 - cx)), 1.0)


def _warped(scene: Scene, opcode: Opcode, share: float) -> Scene:
    coefficients = np.asarray(opcode.values["coefficients"], np.float64)
    factors = np.stack([radial_factor(opcode, row) for row in coefficients])
    tangential = np.zeros((len(coefficients), 2)) if opcode.name == "WarpFisheye" else coefficients[:, -2:]
    green = min(1, len(factors) - 1)
    factors, tangential = (
        (v - v[green]) + share * (v[green] - neutral) for v, neutral in ((factors, 1.0), (tangential, 0.0))
    )
    if len(factors) not in (1, 3) or not (factors.any() or tangential.any()):
        return scene
    cy, cx, size = _geometry(opcode, scene.rgb.shape)
    out = like(scene.rgb)
    kernels.lens_warp(
        scene.rgb, np.float32(1.0 + factors), np.ascontiguousarray(tangential, np.float32), cy, cx, size, out
    )
    return replace(scene, rgb=out)


def radial_factor(opcode: Opcode, row: Float64) -> Float64:
    """f(r) of one set of coefficients at 2049 radii from 0 to 1."""
    r = _RADII
    if opcode.name == "WarpRectilinear":
        return _polynomial(r * r, row[:4])
    if opcode.name == "WarpFisheye":
        theta = np.arctan(r)
        ratio = np.ones_like(r)
        ratio[1:] = theta[1:] / r[1:]
        return ratio * _polynomial(theta * theta, row[:4])
    f = _polynomial(np.clip(r, *opcode.values["radii"]), row[:15])
    return np.reciprocal(f) if opcode.values["reciprocal"] else f


def _polynomial(x: Float64, coefficients: Float64) -> Float64:
    """c0 + c1 x + c2 x² + …"""
    made = np.zeros_like(x)
    for c in coefficients[::-1]:
        made = made * x + c
    return made


def _brightened(scene: Scene, opcode: Opcode, share: float) -> Scene:
    r2 = _RADII**2
    gain = np.maximum(1.0 + r2 * _polynomial(r2, opcode.values["coefficients"]), 1e-3) ** share
    if (gain == 1.0).all():
        return scene
    cy, cx, size = _geometry(opcode, scene.rgb.shape)
    out = like(scene.rgb)
    kernels.lens_gain(scene.rgb, np.float32(gain), cy, cx, size, out)
    return replace(scene, rgb=out, frames=_thinned(scene.frames, gain, (cy, cx, size)))


def _mapped(scene: Scene, opcode: Opcode, share: float) -> Scene:
    m = opcode.values
    gain = np.asarray(m["gain"], np.float64) ** share
    if (gain == 1.0).all():
        return scene
    out = like(scene.rgb)
    place = np.array([*m["spacing"], *m["origin"]], np.float64)
    area = grown(m["area"], scene.shot.size, scene.rgb.shape)
    kernels.lens_map(scene.rgb, gain.astype(np.float32), np.array(area, np.int64), place, out)
    return replace(scene, rgb=out)


def grown(area: tuple[int, ...], size: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The area of an opcode, told in pixels of the sensor, in those of a picture that may have more."""
    if tuple(shape[:2]) == size:
        return area
    down, across = shape[0] / size[0], shape[1] / size[1]
    scales = (down, across, down, across)
    return (*(round(v * k) for v, k in zip(area[:4], scales, strict=True)), *area[4:])


def _thinned(frames: Float32 | None, gain: Float64, geometry: tuple[float, float, float]) -> Float32 | None:
    """Brightened light is as noisy as that of fewer frames."""
    if frames is None or not frames.size:
        return frames
    cy, cx, size = geometry
    out = np.empty_like(frames)
    kernels.lens_gain(
        frames[..., None], np.float32(1.0 / gain), (cy - 0.5) / 2, (cx - 0.5) / 2, size / 2, out[..., None]
    )
    return out
