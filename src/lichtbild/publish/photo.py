# SPDX-License-Identifier: Apache-2.0
"""Photo: the finished picture as a file that other programs open.

The suffix says which: JPEG (4:4:4), TIFF (16 bit) or PNG (8 bit).  Pixels are turned upright; the colour
profile, EXIF, and recipe and history (XMP) go along.  Eight-bit codes are dithered by half a step, so that
smooth skies have no bands. `save_linear` writes what is measured instead of what is shown: 32-bit floating
point, unbounded.

A file is written whole or not at all, and replaces another only when told to.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lichtbild.base import kernels, tiff
from lichtbild.base.colour import REC2020, SRGB, rgb_to_rgb
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Scene, Shot
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk, Field, Page, write_file
from lichtbild.publish.icc import profile
from lichtbild.publish.metadata import Strip, carried, exif_block, xmp_packet

SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff", ".png")
_XMP, _ICC = 700, 34675
_LONGEST_JPEG, _LONGEST_XMP = 65500, 65502  # pixels a side; bytes of one segment
# how each EXIF orientation is turned upright: (axes swapped, rows reversed, columns reversed)
_UPRIGHT = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels "h w c" as stored, turned as EXIF `orientation` says; a view."""
    swapped, rows, columns = _UPRIGHT.get(orientation, _UPRIGHT[1])
    turned = pixels.swapaxes(0, 1) if swapped else pixels
    return turned[:: -1 if rows else 1, :: -1 if columns else 1]


def save(
    photo: Photo,
    path: Path | str,
    *,
    quality: int = 92,
    strip: Strip = "none",
    recipe: str = "",
    overwrite: bool = False,
    inputs: Iterable[tuple[str, str]] = (),
) -> Path:
    """Write a photo as JPEG, 16-bit TIFF or PNG.

    Parameters
    ----------
    photo : Photo
        The picture.
    path : path
        The suffix chooses the format.
    quality : int
        Of a JPEG, 1 … 100.
    strip : {"none", "gps", "all"}
        Which metadata to leave out.
    recipe : str
        The recipe as TOML, to be carried along.
    overwrite : bool
        Whether an existing file may be replaced.
    inputs : iterable of (name, SHA-256)
        The raw files it was made of; not told where "all" is stripped.

    Raises
    ------
    ExportError
        Unknown suffix, the file exists, the picture does not fit the format, or the disk is full.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ExportError(
            f"{path}: {kind or 'no suffix'} is no format for photos; allowed are {', '.join(SUFFIXES)}"
        )
    if not overwrite and path.exists():
        raise ExportError(f"{path} exists", hint="--overwrite replaces it")
    xmp = xmp_packet(recipe, photo.history, () if strip == "all" else inputs)
    encode = _tiff if kind in (".tif", ".tiff") else _png if kind == ".png" else _jpeg
    return write_file(path, encode(photo, path, xmp, strip, quality), overwrite=overwrite)


def eight_bit(photo: Photo, *, dither: bool = True) -> NDArray[np.uint8]:
    """The picture in codes 0 … 255, upright."""
    codes = np.empty(photo.rgb.shape, np.uint8)
    kernels.quantize8(photo.rgb, 1.0 if dither else 0.0, codes)
    return np.ascontiguousarray(upright(codes, photo.shot.orientation))


def _exif(photo: Photo, size: tuple[int, ...], strip: Strip) -> bytes:
    return exif_block(photo.shot, strip=strip, size=(size[0], size[1]), space=photo.space)


def _jpeg(photo: Photo, path: Path, xmp: bytes, strip: Strip, quality: int) -> list[Chunk]:
    codes = eight_bit(photo)
    if not 1 <= quality <= 100:
        raise ExportError(f"quality = {quality} is out of range; allowed is 1 … 100")
    if max(codes.shape) > _LONGEST_JPEG or min(codes.shape) == 0:
        raise ExportError(
            f"{path}: a JPEG cannot be {codes.shape[1]} × {codes.shape[0]} pixels; "
            f"allowed are 1 … {_LONGEST_JPEG}",
            hint="write a .tif",
        )
    file = io.BytesIO()
    if len(xmp) > _LONGEST_XMP:
        raise ExportError(
            f"{path}: recipe and history are {len(xmp)} bytes long; a JPEG holds {_LONGEST_XMP}",
            hint="write a .tif",
        )
    exif = b"Exif\0\0" + _exif(photo, codes.shape, strip)
    Image.fromarray(codes).save(
        file, "JPEG", quality=quality, subsampling=0, icc_profile=profile(photo.space), exif=exif, xmp=xmp
    )
    return [file.getbuffer()]


def _png(photo: Photo, path: Path, xmp: bytes, strip: Strip, quality: int) -> list[Chunk]:
    codes, file = eight_bit(photo), io.BytesIO()
    exif = Image.Exif()
    exif.load(_exif(photo, codes.shape, strip))
    words = PngInfo()
    words.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(codes).save(
        file, "PNG", icc_profile=profile(photo.space), exif=exif, pnginfo=words, compress_level=3
    )
    return [file.getbuffer()]


def _tiff(photo: Photo, path: Path, xmp: bytes, strip: Strip, quality: int) -> list[Chunk]:
    codes = np.empty(photo.rgb.shape, np.uint16)
    kernels.quantize16(photo.rgb, codes)
    codes = np.ascontiguousarray(upright(codes, photo.shot.orientation))
    more = {_XMP: tiff.bytes_field(tiff.BYTE, xmp)}
    return _page(codes, photo.shot, strip, photo.space, profile(photo.space), more)


def _page(
    pixels: NDArray[Any],
    shot: Shot,
    strip: Strip,
    space: str,
    icc: bytes,
    more: dict[int, Field],
    orientation: int = 1,
) -> list[Chunk]:
    """A TIFF of one uncompressed strip of three samples a pixel."""
    h, w = pixels.shape[:2]
    bits, kind = pixels.dtype.itemsize * 8, 3 if pixels.dtype.kind == "f" else 1
    c = carried(shot, strip=strip, orientation=orientation, size=(h, w), space=space)
    short, long = tiff.SHORT, tiff.LONG
    layout = {
        254: tiff.numbers_field(long, 0),
        256: tiff.numbers_field(long, w),
        257: tiff.numbers_field(long, h),
        258: tiff.numbers_field(short, bits, bits, bits),
        259: tiff.numbers_field(short, 1),
        262: tiff.numbers_field(short, 2),
        277: tiff.numbers_field(short, 3),
        284: tiff.numbers_field(short, 1),
        282: tiff.numbers_field(tiff.RATIONAL, 72),
        283: tiff.numbers_field(tiff.RATIONAL, 72),
        296: tiff.numbers_field(short, 2),
        339: tiff.numbers_field(short, kind, kind, kind),
    }
    if icc:
        layout[_ICC] = tiff.bytes_field(tiff.UNDEFINED, icc)
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return tiff.tiff_chunks(
        [
            Page(
                c.main | layout | more,
                c.below,
                np.ascontiguousarray(little).data.cast("B"),
            )
        ]
    )


def save_linear(
    scene: Scene, path: Path | str, *, space: str = "camera", strip: Strip = "none", overwrite: bool = False
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
    chunks = _page(np.ascontiguousarray(rgb), scene.shot, strip, "", icc, {}, scene.shot.orientation)
    return write_file(path, chunks, overwrite=overwrite)
