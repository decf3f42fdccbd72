# SPDX-License-Identifier: Apache-2.0
"""Photo: the finished picture as a file that other programs open.

The suffix says which (`FORMATS`): JPEG with a gain map, TIFF, PNG, AVIF, HEIC or JPEG XL.  Pixels are turned
upright; the colour profile or the colours' code points, EXIF, and recipe and history (XMP) go along.
Eight-bit codes are dithered by half a step, so that smooth skies have no bands.  `save_linear` writes what is
measured instead of what is shown: 32-bit floating point, unbounded.

A file is written whole or not at all, and replaces another only when told to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import REC2020, SRGB, rgb_to_rgb
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Scene
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import BYTE, bytes_field, write_file
from lichtbild.publish.avif import NEEDS as avif_needs
from lichtbild.publish.avif import avif
from lichtbild.publish.heic import NEEDS as heic_needs
from lichtbild.publish.heic import heic
from lichtbild.publish.icc import profile
from lichtbild.publish.jpeg import jpeg
from lichtbild.publish.jxl import NEEDS as jxl_needs
from lichtbild.publish.jxl import jxl
from lichtbild.publish.metadata import Strip
from lichtbild.publish.order import Encode, Order, eight_bit, library, upright
from lichtbild.publish.png import png
from lichtbild.publish.tiff_photo import page, tiff_photo

__all__ = ["FORMATS", "HDR", "SUFFIXES", "eight_bit", "rendition", "save", "save_linear", "upright"]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its writer, the light beyond white it holds and the bits of a sample, usual first.

    ``needs`` is the module that must be there, and the extra that brings it.
    """

    encode: Encode
    holds: tuple[str, ...]
    depths: tuple[int, ...]
    needs: tuple[str, str] | None = None


_JPEG = Format(jpeg, ("gainmap", "none"), (8,))
_TIFF = Format(tiff_photo, ("none", "pq", "hlg"), (16, 8))
_PNG = Format(png, ("none", "pq", "hlg"), (8, 16))
_AVIF = Format(avif, ("pq", "hlg", "none"), (10, 8, 12), avif_needs)
_HEIC = Format(heic, ("pq", "hlg", "none"), (10, 8, 12), heic_needs)
_JXL = Format(jxl, ("pq", "hlg", "none"), (16, 8), jxl_needs)
FORMATS = {
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".png": _PNG,
    ".avif": _AVIF,
    ".heic": _HEIC,
    ".heif": _HEIC,
    ".jxl": _JXL,
}
SUFFIXES = tuple(FORMATS)
HDR = ("auto", "none", "gainmap", "pq", "hlg")
_LEAST_HDR = 10  # bits
_WORDS = {"none": "no HDR", "gainmap": "gain map", "pq": "PQ", "hlg": "HLG"}


def rendition(path: Path | str, hdr: str = "auto") -> str:
    """What light beyond white a file is to hold: none, gainmap, pq or hlg; "auto" is what suits its format.

    Raises
    ------
    ExportError
        The suffix is no format for photos, or the format cannot hold what is asked.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ExportError(
            f"{path}: {suffix or 'no suffix'} is no format for photos; allowed are {', '.join(SUFFIXES)}"
        )
    if hdr not in HDR:
        raise ExportError(f"hdr = {hdr!r} is unknown; allowed are {', '.join(HDR)}")
    holds = FORMATS[suffix].holds
    if hdr == "auto":
        return holds[0]
    if hdr not in holds:
        able = sorted(s for s, f in FORMATS.items() if hdr in f.holds)
        raise ExportError(
            f"{path}: {suffix} cannot hold {_WORDS[hdr]}; it holds {', '.join(_WORDS[k] for k in holds)}",
            hint=f"{_WORDS[hdr]} goes into {', '.join(able)}",
        )
    return hdr


def require_library(path: Path) -> None:
    """Make sure that a file's format can be written here.

    Raises
    ------
    ExportError
        The library that it needs is not installed.
    """
    if (needs := FORMATS[path.suffix.lower()].needs) is not None:
        library(path, *needs)


def save(
    photo: Photo,
    path: Path | str,
    *,
    quality: int = 92,
    depth: int | None = None,
    hdr: str = "auto",
    strip: Strip = "none",
    recipe: str = "",
    overwrite: bool = False,
    inputs: Iterable[tuple[str, str]] = (),
    settings: Mapping[str, str] | None = None,
) -> Path:
    """Write a photo as a file; the suffix chooses the format (see `FORMATS`).

    Parameters
    ----------
    photo : Photo
        The picture.
    path : path
        Where it goes.
    quality : int
        Of what is coded with loss, 1 … 100.
    depth : int, optional
        Bits of a sample, as the format allows: the first of its `depths` where not given.
    hdr : {"auto", "none", "gainmap", "pq", "hlg"}
        What the file must hold of the light beyond white.  "auto": what the photo has and the format holds; a
        gain map is left out where there is no place for it.
    strip : {"none", "gps", "all"}
        Which metadata to leave out.
    recipe : str
        The recipe as TOML, to be carried along.
    overwrite : bool
        Whether an existing file may be replaced.
    inputs : iterable of (name, SHA-256)
        The raw files it was made of; not told where "all" is stripped.
    settings : mapping, optional
        What else is needed to make it again (see `packet.xmp_packet`).

    Raises
    ------
    ExportError
        Unknown suffix, the file exists, the format cannot hold the photo or what is asked of it, a library is
        missing, or the disk is full.
    """
    path = Path(path)
    rendition(path, hdr)
    form = FORMATS[path.suffix.lower()]
    photo = _fitting(photo, path, hdr)
    if not 1 <= quality <= 100:
        raise ExportError(f"quality = {quality} is out of range; allowed is 1 … 100")
    if not overwrite and path.exists():
        raise ExportError(f"{path} exists", hint="--overwrite replaces it")
    bits = bits_of(path, depth, photo.transfer)
    made = {"hdr": hdr, "strip": strip, **(settings or {})}
    order = Order(path, quality, bits, strip, recipe, tuple(inputs), made)
    return write_file(path, form.encode(photo, order), overwrite=overwrite)


def bits_of(path: Path, depth: int | None, transfer: str = "srgb") -> int:
    """Bits of a sample in a file: `depth`, or what is usual for its format and curve.

    Raises
    ------
    ExportError
        The format has no samples of that depth, or too few bits for the curve.
    """
    depths = FORMATS[path.suffix.lower()].depths
    if depth is not None and depth not in depths:
        raise ExportError(
            f"{path}: depth = {depth} is not possible; {path.suffix} holds {_either(depths)} bits",
            hint=f"depth {depths[0]} is usual",
        )
    if transfer == "srgb":
        return depth or depths[0]
    if depth is not None and depth < _LEAST_HDR:
        enough = _either(tuple(d for d in depths if d >= _LEAST_HDR))
        raise ExportError(
            f"{path}: {_WORDS[transfer]} in {depth} bits has visible steps; allowed is {enough}",
            hint="8 bits are enough without HDR (--hdr none)",
        )
    return depth or next(d for d in depths if d >= _LEAST_HDR)


def _either(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, sorted(numbers)))


def _fitting(photo: Photo, path: Path, hdr: str) -> Photo:
    """The photo with the gain map that is asked for, or none; its curve is what it is."""
    holds = FORMATS[path.suffix.lower()].holds
    if photo.transfer != "srgb":
        if hdr not in ("auto", photo.transfer):
            raise ExportError(
                f"{path}: the photo is {_WORDS[photo.transfer]}, asked is {_WORDS[hdr]}",
                hint="develop it with another display.transfer",
            )
        if photo.transfer not in holds:
            rendition(path, photo.transfer)
        return photo
    if hdr in ("pq", "hlg"):
        raise ExportError(
            f"{path}: the photo is not {_WORDS[hdr]}", hint=f'develop it with display.transfer = "{hdr}"'
        )
    if hdr == "gainmap" and photo.gain is None:
        raise ExportError(f"{path}: the photo has no gain map", hint="develop it with one")
    if photo.gain is not None and (hdr == "none" or "gainmap" not in holds):
        return replace(photo, gain=None)
    return photo


def save_linear(
    scene: Scene,
    path: Path | str,
    *,
    space: str = "camera",
    strip: Strip = "none",
    overwrite: bool = False,
    xmp: bytes = b"",
) -> Path:
    """Write linear light as a 32-bit floating-point TIFF, unbounded, neither toned nor turned.

    Parameters
    ----------
    scene : Scene
        In ``camera`` (white-balanced sensor colours) for space "camera", in ``rec2020`` for the others.
    path : path
        Ends in .tif or .tiff.
    space : {"camera", "srgb", "rec2020"}
        Colours of the file.
    strip : {"none", "gps", "all"}
        Which metadata to leave out.
    overwrite : bool
        Whether an existing file may be replaced.
    xmp : bytes
        An XMP packet.

    Raises
    ------
    ExportError
        Another suffix, another space, the file exists or cannot be written.
    StateError
        The scene is in another space.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise ExportError(f"{path}: linear light goes into .tif or .tiff")
    if space not in ("camera", "srgb", "rec2020"):
        raise ExportError(f"space = {space!r} is unknown; allowed are camera, srgb, rec2020")
    scene.require("camera" if space == "camera" else "rec2020")
    rgb = scene.rgb
    if space == "srgb":
        rgb = np.empty_like(scene.rgb)
        kernels.calibrate(scene.rgb, np.float32(rgb_to_rgb(REC2020, SRGB)), rgb)
    icc = b"" if space == "camera" else profile(f"linear {space}")
    said = {700: bytes_field(BYTE, xmp)} if xmp else {}
    chunks = page(np.ascontiguousarray(rgb), scene.shot, strip, "", icc, said, scene.shot.orientation)
    return write_file(path, chunks, overwrite=overwrite)
