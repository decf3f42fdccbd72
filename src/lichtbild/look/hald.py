# SPDX-License-Identifier: Apache-2.0
"""HALD: a table of colours as a picture, so that any program that edits pictures can make one.

A picture of level L is L³ pixels a side and holds a cube of L² cells a side, red running fastest.  PNG and
TIFF of 8 and 16 bits are read; TIFF is decoded here, since imaging libraries tend to keep 8 bits of 16.

References
----------
[1] W3C, "Portable Network Graphics (PNG) Specification", 2nd edition, 2003: what `hald_png` writes.
[2] TIFF 6.0, Adobe, 1992.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lichtbild.base.colour import Float64
from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import InputError
from lichtbild.base.png import deep_colour
from lichtbild.look.table import MOST_SIDE, Table, checked, grid, read_bytes, tetrahedral

LEVELS = range(2, 17)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 4096
_UNIT = np.array([[0.0] * 3, [1.0] * 3])


def read_hald(path: Path | str) -> Table:
    """The table in a HALD picture; one of more than 65 cells a side is read at 65 places.

    Raises
    ------
    InputError
        It cannot be read, is not square with a side of L³, or is compressed in a way not read here.
    """
    path = Path(path)
    content = read_bytes(path)
    pixels = png(content, path) if content.startswith(_SIGNATURE) else _tiff(path, content)
    level = round(len(pixels) ** (1 / 3))
    if level not in LEVELS or pixels.shape[:2] != (level**3, level**3):
        raise InputError(
            f"{path} is {pixels.shape[1]} × {pixels.shape[0]}; a HALD is 8 × 8, 27 × 27, … 4096 × 4096",
            hint="a HALD is a square of L³ pixels a side, never resized",
        )
    side = level * level
    cube = np.float32(pixels.reshape(side, side, side, 3).transpose(2, 1, 0, 3))
    if side > MOST_SIDE:
        cube = np.float32(tetrahedral(grid(MOST_SIDE), cube, _UNIT))
    return checked(Table(np.ascontiguousarray(cube)), path)


def hald_pixels(table: Table) -> NDArray[np.uint16]:
    """A table as a HALD of 16 bits; its cube has a square number of cells a side."""
    level = round(len(table.cube) ** 0.5)
    codes = np.rint(np.clip(np.float64(table.cube), 0, 1) * 65535).astype(np.uint16)
    return np.ascontiguousarray(codes.transpose(2, 1, 0, 3).reshape(level**3, level**3, 3))


def hald_png(table: Table, words: str) -> bytes:
    """A table as a HALD PNG of 16 bits, with words about it."""
    pixels = hald_pixels(table)
    rows = np.zeros((len(pixels), 1 + 6 * len(pixels)), np.uint8)
    rows[:, 1:] = pixels.astype(">u2").reshape(len(pixels), -1).view(np.uint8)
    head = struct.pack(">IIBBBBB", len(pixels), len(pixels), 16, 2, 0, 0, 0)
    text = b"Description\0\0\0\0\0" + words.encode()
    parts = ((b"IHDR", head), (b"iTXt", text), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return _SIGNATURE + b"".join(chunks)


# ---- PNG


def png(content: bytes, where: object) -> Float64:
    """The pixels of a PNG of 8 or 16 bits of colour, 0 … 1.

    Raises
    ------
    InputError
        Damaged, or another kind.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            (width, height), mode = image.size, image.mode
            if mode not in ("RGB", "RGBA") or not 0 < width == height <= _LARGEST:
                raise InputError(
                    f"{where}: {width} × {height} pixels, {mode}; a HALD is a square PNG of 8 or 16 bits RGB"
                )
            deep = deep_colour(io.BytesIO(content))
            codes = np.asarray(image)[..., :3] if deep is None else deep
    except (OSError, SyntaxError, ValueError, zlib.error) as error:
        raise InputError(f"{where} is damaged: {error}") from None
    return codes.astype(np.float64) / np.iinfo(codes.dtype).max


# ---- TIFF


def _tiff(path: Path, content: bytes) -> Float64:
    """The pixels of a TIFF, 0 … 1: chunky RGB in strips, not compressed or deflated."""
    if content[:2] not in (b"II", b"MM"):
        raise InputError(f"{path} is neither PNG nor TIFF", hint="give a HALD as PNG or TIFF")
    top = read_directories(path)[0]
    width, height, bits = (top.integer(t, 0) for t in (256, 257, 258))
    channels, packing, predictor = top.integer(277, 3), top.integer(259, 1), top.integer(317, 1)
    chunky = top.integer(284, 1) == 1 and top.integer(339, 1) == 1 and 273 in top
    if not (0 < width == height <= _LARGEST) or bits not in (8, 16) or channels not in (3, 4) or not chunky:
        raise InputError(f"{path}: a HALD is a square TIFF of 8 or 16 bits RGB in strips")
    if packing not in (1, 8, 32946) or predictor not in (1, 2):
        raise InputError(
            f"{path}: compression {packing} is not read", hint="save it uncompressed or with Deflate (ZIP)"
        )
    row = width * channels * bits // 8
    raw = b"".join(_strips(top, content, packing, row * height))
    if len(raw) != row * height:
        raise InputError(f"{path} is cut short")
    values = np.frombuffer(raw, np.uint8 if bits == 8 else top.order + "u2").reshape(height, width, channels)
    if predictor == 2:
        values = np.cumsum(values, axis=1, dtype=np.uint8 if bits == 8 else np.uint16)
    return values[..., :3].astype(np.float64) / (2**bits - 1)


def _strips(top: Directory, content: bytes, packing: int, most: int) -> list[bytes]:
    """The strips of a TIFF, unpacked."""
    offsets, counts = top.numbers(273) or (), top.numbers(279) or ()
    strips = [content[int(o) : int(o + n)] for o, n in zip(offsets, counts, strict=False)]
    if packing == 1:
        return strips
    try:
        return [zlib.decompressobj().decompress(s, most) for s in strips]
    except zlib.error as error:
        raise InputError(f"{top.path} is damaged: {error}") from None
