# SPDX-License-Identifier: Apache-2.0
"""A finished file as people see it: pixels in sRGB, and the line that says how it was taken."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from lichtbild.base.colour import (
    SRGB,
    RGBSpace,
    hlg_decode,
    pq_decode,
    rgb_to_rgb,
    srgb_decode,
    srgb_encode,
)
from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.image import Shot, UInt8
from lichtbild.base.tiff import EXIF_IFD, STRIP_OFFSETS, Field
from lichtbild.publish.boxes import boxes
from lichtbild.publish.frame import exposure_words
from lichtbild.publish.order import upright
from lichtbild.tools.hdr_files import stored

_BY_NUMBER = (".avif", ".heic", ".heif", ".jxl")  # their colours
_ICC, _ROWS = 34675, 256
_MAKE, _MODEL, _TIME, _APERTURE, _ISO, _TAKEN, _FOCAL = 271, 272, 33434, 33437, 34855, 36867, 37386


@dataclass(frozen=True)
class Seen:
    """``pixels: UInt8 "h w 3"`` in sRGB, upright; ``exif`` tag → number or text."""

    pixels: UInt8
    exif: Mapping[int, Any] = field(default_factory=dict)

    @property
    def day(self) -> str:
        """The day it was taken, or nothing."""
        try:
            taken = datetime.strptime(str(self.exif.get(_TAKEN, ""))[:10], "%Y:%m:%d")
        except ValueError:
            return ""
        return taken.date().isoformat()

    def facts(self) -> list[str]:
        """Camera, effective focal length, f-number, time, ISO, day: what is known of them."""
        make, model = (str(self.exif.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL))
        camera = model if model.lower().startswith(make.lower()) else f"{make} {model}"
        numbers = {tag: number for tag in self.exif if (number := _number(self.exif[tag])) is not None}
        shot = Shot(
            Path(),
            self.pixels.shape[:2],
            focal_length=numbers.get(_FOCAL),
            f_number=numbers.get(_APERTURE),
            exposure_time=numbers.get(_TIME),
            iso=numbers.get(_ISO),
            exif={"exif": numbers},
        )
        return [camera.strip(), *exposure_words(shot), self.day]


def seen(path: Path) -> Seen:
    """A photo, or the small picture inside a DNG.

    Raises
    ------
    InputError
        It cannot be read.
    """
    kind = path.suffix.lower()
    if kind in (".tif", ".tiff", ".dng"):
        return _tiff(path)
    if kind in _BY_NUMBER:
        return Seen(_bounded(*stored(path)), _said_by(_exif_block(path)))
    try:
        with Image.open(path) as image:
            said = _fields(image.getexif())
            if image.format == "PNG" and (beyond := _beyond(path)) is not None:
                return Seen(beyond, said)
            upright_image = ImageOps.exif_transpose(image)
            pixels = _converted(upright_image.convert("RGB"), image.info.get("icc_profile", b""))
            return Seen(pixels, said)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="open it in another program") from error


def _tiff(path: Path) -> Seen:
    top = read_directories(path)[0]
    exif = top.children.get(EXIF_IFD, [top])[0]
    said = {tag: _said(f) for d in (top, exif) for tag, f in d.fields.items() if len(f.payload) < 256}
    shape = top.integer(257, 0), top.integer(256, 0), top.integer(277, 1)
    if path.suffix.lower() == ".dng" and (top.integer(254, 0) != 1 or top.integer(262, 0) != 2):
        raise InputError(f"{path} has no small picture inside", hint="develop it: a DNG is no photo yet")
    if shape[2] != 3 or top.integer(259, 1) != 1 or top.integer(339, 1) != 1:
        raise InputError(f"{path} is no TIFF of a photo", hint="TIFFs of `lichtbild develop` are shown")
    if top.payload(_ICC) and path.suffix.lower() != ".dng" and (beyond := _beyond(path)) is not None:
        return Seen(beyond, said)
    pixels = _strips(path, top, shape)
    pixels = upright(_eight(pixels), top.integer(274, 1))
    return Seen(_converted(Image.fromarray(np.ascontiguousarray(pixels)), top.payload(_ICC)), said)


def _strips(path: Path, top: Directory, shape: tuple[int, int, int]) -> NDArray[Any]:
    dtype = np.dtype(f"{top.order}u{top.integer(258, 8) // 8}")
    offsets = top.numbers(STRIP_OFFSETS) or ()
    if len(offsets) != 1:
        raise InputError(f"{path} is packed otherwise than lichtbild does", hint="open it in another program")
    pixels = np.fromfile(path, dtype, int(np.prod(shape)), offset=int(offsets[0]))
    if pixels.size != int(np.prod(shape)):
        raise InputError(f"{path} is cut short", hint="copy it again")
    return pixels.reshape(shape)


def _beyond(path: Path) -> UInt8 | None:
    """What a PNG or TIFF in PQ or HLG looks like up to white; None where its curve is another."""
    samples, bits, curve, space = stored(path)
    return _bounded(samples, bits, curve, space) if curve in ("pq", "hlg") else None


def _bounded(samples: NDArray[Any], bits: int, curve: str | None, space: RGBSpace | None) -> UInt8:
    """Samples in codes of sRGB, band by band; light beyond white is cut."""
    decode = {"pq": pq_decode, "hlg": hlg_decode, "linear": np.asarray}.get(curve or "srgb", srgb_decode)
    white = {"pq": 203 / 10_000, "hlg": float(hlg_decode(0.75))}.get(curve or "srgb", 1.0)
    light = (decode(np.arange(2**bits) / (2**bits - 1)) / white).astype(np.float32)
    across = rgb_to_rgb(space or SRGB, SRGB).T.astype(np.float32)
    codes = np.empty((*samples.shape[:2], 3), np.uint8)
    for y in range(0, len(samples), _ROWS):
        linear = light[samples[y : y + _ROWS, :, :3]] @ across
        codes[y : y + _ROWS] = np.round(255 * srgb_encode(np.clip(linear, 0, 1)))
    return codes


def _exif_block(path: Path) -> bytes:
    """EXIF of a file made of boxes; nothing where it has none."""
    try:
        if path.suffix.lower() == ".jxl":
            return dict(boxes(path.read_bytes())).get(b"Exif", b"")[4:]
        if path.suffix.lower() != ".avif":
            return import_module("pillow_heif").open_heif(path).info.get("exif") or b""
        with Image.open(path) as image:
            return image.info.get("exif", b"")
    except (ExportError, OSError, SyntaxError, ValueError):  # its picture can be seen all the same
        return b""


def _said_by(block: bytes) -> dict[int, Any]:
    exif = Image.Exif()
    try:
        exif.load(block)
        return _fields(exif)
    except (OSError, SyntaxError, ValueError, struct.error):
        return {}


def _fields(exif: Image.Exif) -> dict[int, Any]:
    return {**exif, **exif.get_ifd(EXIF_IFD)}


def _eight(codes: NDArray[Any]) -> UInt8:
    if codes.dtype.itemsize == 1:
        return codes[..., :3]
    return np.round(codes[..., :3].astype(np.float32) * (255 / 65535)).astype(np.uint8)


def _converted(image: Image.Image, icc: bytes) -> UInt8:
    if icc:
        try:
            to, by = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, by, to, outputMode="RGB")
            return np.asarray(converted if converted is not None else image)
        except (ImageCms.PyCMSError, OSError):  # a profile nobody can use: as it is
            pass
    return np.asarray(image)


def _said(f: Field) -> Any:
    return f.text() if f.type == 2 else next(iter(f.numbers()), None)


def _number(value: Any) -> float | None:
    try:
        number = float(value[0] if isinstance(value, tuple) else value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
    return number if 0 < number < 1e9 else None
