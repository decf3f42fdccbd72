# SPDX-License-Identifier: Apache-2.0
"""HDR pictures as linear light: Radiance, OpenEXR, float TIFF, PQ or HLG in TIFF, PNG, AVIF, HEIC, JPEG XL.

1.0 is the white of the ordinary picture: 203 cd/m² where the file counts in those (PQ, and HLG on a display
of 1000 cd/m²) [1].

References
----------
[1] ITU-R BT.2408-7, "Guidance for operational practices in HDR television production".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import P3, REC2020, SRGB, RGBSpace, hlg_decode, pq_decode
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.publish.order import PRIMARIES, TRANSFERS
from lichtbild.quality.picture import read_samples
from lichtbild.simulate.files import read_exr
from lichtbild.simulate.photographs import profile_of
from lichtbild.simulate.radiance import read_radiance

SPACES = {"srgb": SRGB, "p3": P3, "rec2020": REC2020}
NUMBERED = (".png", ".avif", ".heic", ".heif", ".jxl")  # may say their colours by number
SUFFIXES = (".hdr", ".pic", ".exr", ".tif", ".tiff", ".png", ".avif", ".heic", ".heif", ".jxl")
_WHITE, _PQ, _HLG, _GAMMA = 203.0, 10000.0, 1000.0, 1.2  # cd/m²; HLG's system gamma
_CURVES = {8: "linear", **{n: name for name, n in TRANSFERS.items()}}
_BY_NUMBER = {n: name for name, n in PRIMARIES.items()}


def read_hdr(path: Path, transfer: str | None, space: str | None) -> tuple[Float32, RGBSpace | None]:
    """Linear light "h w 3", 1.0 = white, and its primaries; None where neither file nor `space` says them.

    Parameters
    ----------
    transfer, space : str or None
        What to believe where the file says nothing.

    Raises
    ------
    InputError
        Not a kind that is read, or its curve is unknown or an ordinary picture's.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: an HDR picture is one of {', '.join(SUFFIXES)}",
            hint="the ordinary picture comes first, then the one with light beyond white",
        )
    if suffix in (".hdr", ".pic", ".exr"):
        planes, primaries = read_exr(path) if suffix == ".exr" else read_radiance(path)
        told = SRGB if primaries is None else _named(primaries)
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2)), told
    samples, bits, curve, told = stored(path)
    curve, told = curve or transfer, told or (SPACES[space] if space else None)
    if curve not in ("linear", "pq", "hlg"):
        raise InputError(
            f"{path} does not say that its samples are linear, PQ or HLG"
            if curve is None
            else f"{path} is an ordinary picture, with the curve of sRGB",
            hint="--hdr-transfer linear, pq or hlg says what they are",
        )
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    return linear(samples[..., :3], bits, curve, told or REC2020), told


def _named(xy: tuple[float, ...]) -> RGBSpace:
    r, g, b, white = ((xy[i], xy[i + 1]) for i in range(0, 8, 2))
    return RGBSpace("as the file says", r, g, b, white)


def linear(samples: NDArray[Any], bits: int, curve: str, space: RGBSpace) -> Float32:
    """Samples "h w 3" as light, 1.0 = white."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    v = np.arange(2**bits) / (2**bits - 1)
    if curve == "linear":
        return v.astype(np.float32)[samples]
    if curve == "pq":
        return (pq_decode(v) * (_PQ / _WHITE)).astype(np.float32)[samples]
    light = hlg_decode(v).astype(np.float32)[samples]
    r, g, b = (np.float32(w) for w in space.to_xyz()[1])
    y = r * light[..., 0] + g * light[..., 1] + b * light[..., 2]
    bright = np.maximum(y, np.float32(1e-9)) ** np.float32(_GAMMA - 1) * np.float32(_HLG / _WHITE)
    return (light * bright[..., None]).astype(np.float32, copy=False)


def stored(path: Path) -> tuple[NDArray[Any], int, str | None, RGBSpace | None]:
    """Samples, bits, and what the file says of curve and primaries.

    Raises
    ------
    InputError
        It cannot be read, or its library is missing.
    """
    suffix = path.suffix.lower()
    if suffix in _DECODERS:
        samples, bits, numbers = _decoded(path, *_DECODERS[suffix])
    elif suffix == ".png":
        samples, raw = read_samples(path)[0], path.read_bytes()
        at, bits = raw.find(b"cICP", 0, 65536), 8 * samples.dtype.itemsize
        numbers = (raw[at + 4], raw[at + 5]) if at > 0 else None
    else:
        samples, icc = read_samples(path)
        at, bits = icc.find(b"cicp\0\0\0\0"), 8 * samples.dtype.itemsize
        numbers = (icc[at + 8], icc[at + 9]) if at > 0 else None
        if samples.dtype.kind == "f":
            return samples, bits, "linear", _of_profile(path, icc) if numbers is None else _space(numbers)
    if numbers is None:
        return samples, bits, None, None
    return samples, bits, _CURVES.get(numbers[1]), _space(numbers)


def _space(numbers: tuple[int, ...]) -> RGBSpace | None:
    name = _BY_NUMBER.get(numbers[0])
    return None if name is None else SPACES[name]


def _of_profile(path: Path, icc: bytes) -> RGBSpace | None:
    """sRGB, where a profile without code points says so; others are not guessed."""
    return SRGB if icc and profile_of(path, icc)[1] is None else None


Stored = tuple[NDArray[Any], int, tuple[int, ...] | None]  # samples, bits, primaries and curve by number


def _avif(path: Path, imagecodecs: Any) -> Stored:
    raw = path.read_bytes()
    samples = imagecodecs.avif_decode(raw)
    at, depth = raw.find(b"nclx"), raw.find(b"pixi")
    bits = raw[depth + 9] if depth > 0 else 8 * samples.dtype.itemsize
    return samples, bits, struct.unpack_from(">HH", raw, at + 4) if at > 0 else None


def _heic(path: Path, pillow_heif: Any) -> Stored:
    image = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    samples, told = np.asarray(image), image.info.get("nclx_profile")  # deep samples stretched to 16 bits
    numbers = told and (told["color_primaries"], told["transfer_characteristics"])
    return samples, 8 * samples.dtype.itemsize, numbers or None


def _jxl(path: Path, oiio: Any) -> Stored:
    image = oiio.ImageBuf(str(path))
    kind = image.spec().format
    if image.has_error or kind not in (oiio.UINT8, oiio.UINT16):
        raise ValueError(image.geterror() or "its samples are neither 8 nor 16 bits")
    samples, told = image.get_pixels(kind), image.spec().getattribute("CICP")
    return samples, 8 * samples.dtype.itemsize, told and tuple(told)


_DECODERS = {
    ".avif": (_avif, "avif", "imagecodecs"),
    ".heic": (_heic, "heic", "pillow_heif"),
    ".heif": (_heic, "heic", "pillow_heif"),
    ".jxl": (_jxl, "jxl", "OpenImageIO"),
}


def _decoded(path: Path, decode: Callable[[Path, Any], Stored], extra: str, module: str) -> Stored:
    try:
        library = import_module(module)
    except ImportError as error:
        raise InputError(
            f"{path}: reading HDR from {path.suffix} needs {module}, which is not installed",
            hint=f'pip install "lichtbild[{extra}]", or save it as TIFF',
        ) from error
    try:
        return decode(path, library)
    except (OSError, RuntimeError, ValueError) as error:  # what these libraries raise
        first = str(error).partition("\n")[0]  # some say it twice
        raise InputError(f"{path} cannot be read: {first}", hint="copy the file again") from error
