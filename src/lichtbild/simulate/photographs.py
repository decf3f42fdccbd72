# SPDX-License-Identifier: Apache-2.0
"""Photographs as linear light: every stored value looked up in a table, colours by the matrix of the profile.

A profile of the matrix kind [1] says the curve of its values and, as XYZ under D50, its red, green and blue;
together they are ``sRGB = M · curve(value)``.  Colours outside sRGB keep their negative parts: cameras see
them well.  A photo without such a profile is taken for sRGB.

References
----------
[1] ICC.1:2022, sections 8.3.3 (matrix/TRC), 10.6 (curv) and 10.18 (para).
"""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lichtbild.base.colour import D50_XYZ, D65, SRGB, Float64, adaptation, xy_to_xyz
from lichtbild.base.errors import FallbackWarning, InputError
from lichtbild.base.image import Float32
from lichtbild.publish.order import upright
from lichtbild.quality.picture import read_samples

Curve = Callable[[float], float]
_ORIENTATION = 274
_NEAR = 2e-3  # what a matrix may differ from sRGB by and still be sRGB: rounded colorants
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


def read_photograph(path: Path) -> Float32:
    """A photograph upright, as linear light with the primaries of sRGB, ``"3 h w"``; its white is 1.

    Raises
    ------
    InputError
        The file cannot be read.

    Warns
    -----
    FallbackWarning
        Its profile is not of the matrix kind: taken for sRGB.
    """
    samples, profile = read_samples(path)
    orientation = 1
    with contextlib.suppress(UnidentifiedImageError, OSError, ValueError), Image.open(path) as image:
        orientation = int(image.getexif().get(_ORIENTATION, 1))
    if samples.ndim == 2:
        samples = samples[..., None]
    samples = np.moveaxis(upright(samples[..., :3], orientation), 2, 0)
    curves, matrix = profile_of(path, profile)
    light = np.stack([_decoded(plane, curve) for plane, curve in zip(_three(samples), curves, strict=True)])
    if not np.isfinite(light).all() or light.min() < 0:
        raise InputError(f"{path} holds values that are negative or no numbers", hint="save it as OpenEXR")
    return light if matrix is None else converted(light, matrix)


def converted(light: Float32, matrix: Float64) -> Float32:
    """``"3 h w"`` times a 3×3 matrix, whose entries count to six decimals."""
    m = np.round(matrix, 6).astype(np.float32)
    return np.stack([m[c, 0] * light[0] + m[c, 1] * light[1] + m[c, 2] * light[2] for c in range(3)])


def srgb_curve(value: float) -> float:
    """The sRGB curve of one value, 0 … 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _three(samples: NDArray[Any]) -> list[NDArray[Any]]:
    return [samples[c % len(samples)] for c in range(3)]


def _decoded(plane: NDArray[Any], curve: Curve) -> Float32:
    if plane.dtype.kind == "f":  # already linear
        return plane.astype(np.float32)
    top = 2 ** (8 * plane.dtype.itemsize) - 1
    return np.array([curve(v / top) for v in range(top + 1)], np.float32)[plane]


# ---- profiles


def profile_of(path: Path, profile: bytes) -> tuple[tuple[Curve, Curve, Curve], Float64 | None]:
    """Curves and matrix (profile → sRGB) of an ICC profile; no matrix where it is sRGB's."""
    srgb = (srgb_curve, srgb_curve, srgb_curve)
    if not profile:
        return srgb, None
    try:
        tags = _tags(profile)
        colours = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        r, g, b = (_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        for curve in (r, g, b):
            for end in (0.0, 1.0):
                curve(end)  # too large to be a number, if at all, at an end
    except (KeyError, struct.error, IndexError, ValueError, ArithmeticError) as error:
        warnings.warn(
            FallbackWarning(f"{path}: its colour profile has no matrix ({error}); taken for sRGB"),
            stacklevel=4,
        )
        return srgb, None
    matrix = SRGB.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65)) @ colours
    return (r, g, b), None if np.abs(matrix - np.eye(3)).max() < _NEAR else matrix


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
    return {name: profile[at : at + length] for name, at, length in entries}


def _xyz(tag: bytes) -> Float64:
    return np.array(struct.unpack_from(">3i", tag, 8), np.float64) / 65536


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = struct.unpack_from(f">{count}H", tag, 12)
        return _power(values[0] / 256) if count == 1 else _table(values)
    if tag[:4] != b"para":
        raise ValueError(f"a curve of type {tag[:4]!r}")
    (kind,) = struct.unpack_from(">H", tag, 8)
    return _parametric(kind, [v / 65536 for v in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)])


def _power(gamma: float) -> Curve:
    return lambda v: v**gamma


def _table(values: tuple[int, ...]) -> Curve:
    if len(values) < 2:
        return lambda v: v

    def curve(value: float) -> float:
        at = value * (len(values) - 1)
        i = min(int(at), len(values) - 2)
        return (values[i] + (at - i) * (values[i + 1] - values[i])) / 65535

    return curve


def _parametric(kind: int, p: list[float]) -> Curve:
    """The five kinds of 10.18: ``(a v + b)^g + e`` from d on, ``c v + f`` below."""
    g, a, b, c, d, e, f = p[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if not g > 0:
        raise ValueError(f"an exponent of {g:g}")
    if kind:
        a, b = p[1:3]
    if kind in (1, 2):
        d = -b / a
    if kind == 2:
        e = f = p[3]
    if kind >= 3:
        c, d = p[3:5]
    if kind == 4:
        e, f = p[5:]
    return lambda v: max(a * v + b, 0.0) ** g + e if v >= d else c * v + f
