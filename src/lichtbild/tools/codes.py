# SPDX-License-Identifier: Apache-2.0
"""The numbers in a finished file, as its format stores them, to be compared with those of another."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lichtbild.base.directories import read_directories
from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.tiff import STRIP_OFFSETS
from lichtbild.capture.raw import read_raw
from lichtbild.publish.gainmap_read import read_gainmap
from lichtbild.publish.order import library

Codes = dict[str, NDArray[Any]]


def codes_of(path: Path) -> Codes:
    """The pixels of a file by part: ``picture``, and ``gain map`` where it has one.

    Raises
    ------
    InputError
        Another kind of file, damaged, or its library is missing.
    """
    kind = path.suffix.lower()
    if kind == ".dng":
        return {"picture": read_raw(path).dn}
    read = {
        ".jpg": _jpeg,
        ".jpeg": _jpeg,
        ".tif": _tiff,
        ".tiff": _tiff,
        ".png": _png,
        ".avif": _avif,
        ".heic": _heic,
        ".heif": _heic,
        ".jxl": _jxl,
    }.get(kind)
    if read is None:
        raise InputError(f"{path}: {kind or 'no suffix'} is no format that lichtbild writes")
    try:
        return read(path)
    except (OSError, SyntaxError, ValueError, RuntimeError, struct.error, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="copy the file again") from error


def _jpeg(path: Path) -> Codes:
    with Image.open(path) as image:
        picture = {"picture": np.asarray(image.convert("RGB"))}
    found = read_gainmap(path)
    return picture if found is None else {**picture, "gain map": found.codes()}


def _tiff(path: Path) -> Codes:
    top = read_directories(path)[0]
    offsets = top.numbers(STRIP_OFFSETS) or ()
    if top.integer(259, 1) != 1 or len(offsets) != 1:
        raise InputError(f"{path} is packed otherwise than lichtbild does", hint="compare the original file")
    bits, real = top.integer(258, 8), top.integer(339, 1) == 3
    h, w = top.integer(257, 0), top.integer(256, 0)
    dtype = np.dtype(f"{top.order}{'f' if real else 'u'}{bits // 8}")
    picture = np.fromfile(path, dtype, h * w * 3, offset=int(offsets[0])).reshape(h, w, 3)
    return {"picture": picture}


def _png(path: Path) -> Codes:
    whole, at, packed = path.read_bytes(), 8, []
    w, h, depth = struct.unpack(">IIB", whole[16:25])
    if depth == 8:
        with Image.open(io.BytesIO(whole)) as image:
            return {"picture": np.asarray(image.convert("RGB"))}
    while at + 8 <= len(whole):
        size, name = struct.unpack(">I4s", whole[at : at + 8])
        if name == b"IDAT":
            packed.append(whole[at + 8 : at + 8 + size])
        at += size + 12
    rows = np.frombuffer(zlib.decompress(b"".join(packed)), np.uint8).reshape(h, -1)
    if (rows[:, 0] != 2).any() or rows.shape[1] != 6 * w + 1:
        raise InputError(f"{path} is packed otherwise than lichtbild does", hint="compare the original file")
    picture = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)  # each row as its difference from the one above
    return {"picture": picture.view(">u2").reshape(h, w, 3)}


def _avif(path: Path) -> Codes:
    return {"picture": _library(path, "imagecodecs", "avif").avif_decode(path.read_bytes())}


def _jxl(path: Path) -> Codes:
    return {"picture": _library(path, "imagecodecs", "jxl").jpegxl_decode(path.read_bytes())}


def _heic(path: Path) -> Codes:
    heif = _library(path, "pillow_heif", "heic").open_heif(path, convert_hdr_to_8bit=False)
    return {"picture": np.asarray(heif)}


def _library(path: Path, module: str, extra: str) -> Any:
    try:
        return library(path, module, extra)
    except ExportError as error:
        raise InputError(str(error), hint=error.hint) from error
