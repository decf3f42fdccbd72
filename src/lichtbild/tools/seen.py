# SPDX-License-Identifier: Apache-2.0
"""A finished file as people see it: pixels in sRGB, and the line that says how it was taken."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from lichtbild.base.colour import (
    P3,
    REC2020,
    SRGB,
    hlg_decode,
    pq_decode,
    rgb_to_rgb,
    srgb_decode,
    srgb_encode,
)
from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import InputError
from lichtbild.base.image import Shot, UInt8
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import EXIF_IFD, STRIP_OFFSETS, Field
from lichtbild.capture.field import effective
from lichtbild.publish.order import eight_bit, upright
from lichtbild.publish.packet import made_of
from lichtbild.recipe import Recipe
from lichtbild.tools.codes import codes_of

_ICC = 34675
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
        focal = effective(
            Shot(Path(), self.pixels.shape[:2], focal_length=numbers.get(_FOCAL), exif={"exif": numbers})
        )
        f, t, iso = (_number(self.exif.get(tag)) for tag in (_APERTURE, _TIME, _ISO))
        return [
            camera.strip(),
            f"{focal:.3g} mm" if focal else "",
            f"f/{f:.2g}" if f else "",
            exposure(t) if t else "",
            f"ISO {iso:.0f}" if iso else "",
            self.day,
        ]


def exposure(t: float) -> str:
    """An exposure time as photographers write it."""
    return f"1/{1 / t:.0f} s" if t < 0.3 else f"{t:.2g} s"


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
    if kind in (".avif", ".heic", ".heif", ".jxl"):
        return Seen(_bounded(_eight(codes_of(path)["picture"]), made_of(path).recipe))
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            said = {**exif, **exif.get_ifd(EXIF_IFD)}
            upright_image = ImageOps.exif_transpose(image)
            pixels = _converted(upright_image.convert("RGB"), image.info.get("icc_profile", b""))
            return Seen(pixels, said)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="open it in another program") from error


def as_srgb(photo: Photo) -> UInt8:
    """A photo in codes of sRGB, upright."""
    codes = eight_bit(photo)
    if photo.space == "srgb":
        return codes
    linear = srgb_decode(codes / 255) @ rgb_to_rgb(P3, SRGB).T
    return np.round(255 * srgb_encode(np.clip(linear, 0, 1))).astype(np.uint8)


def _tiff(path: Path) -> Seen:
    top = read_directories(path)[0]
    exif = top.children.get(EXIF_IFD, [top])[0]
    said = {tag: _said(f) for d in (top, exif) for tag, f in d.fields.items() if len(f.payload) < 256}
    shape = top.integer(257, 0), top.integer(256, 0), top.integer(277, 1)
    if path.suffix.lower() == ".dng" and (top.integer(254, 0) != 1 or top.integer(262, 0) != 2):
        raise InputError(f"{path} has no small picture inside", hint="develop it: a DNG is no photo yet")
    if shape[2] != 3 or top.integer(259, 1) != 1 or top.integer(339, 1) != 1:
        raise InputError(f"{path} is no TIFF of a photo", hint="TIFFs of `lichtbild develop` are shown")
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


def _bounded(codes: UInt8, recipe: str) -> UInt8:
    """Codes of a file of ours in sRGB, by what its recipe says of them; light beyond white is cut."""
    display = Recipe.from_toml(recipe).display
    primaries = {"srgb": SRGB, "p3": P3, "rec2020": REC2020}[display.space]
    decode = {"srgb": srgb_decode, "pq": pq_decode, "hlg": hlg_decode}[display.transfer]
    white = {"srgb": 1.0, "pq": 203 / 10_000, "hlg": float(hlg_decode(0.75))}[display.transfer]
    linear = decode(codes / 255) / white @ rgb_to_rgb(primaries, SRGB).T
    return np.round(255 * srgb_encode(np.clip(linear, 0, 1))).astype(np.uint8)


def _eight(codes: NDArray[Any]) -> UInt8:
    if codes.dtype.itemsize == 1:
        return codes[..., :3]
    most = 65535 if codes.max(initial=0) > 4095 else 4095 if codes.max(initial=0) > 1023 else 1023
    return np.round(codes[..., :3].astype(np.float32) * (255 / most)).astype(np.uint8)


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
