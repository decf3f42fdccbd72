# SPDX-License-Identifier: Apache-2.0
"""HALD: a table of colours as a picture, so that any program that edits pictures can make one.

A picture of level L is L³ pixels a side and holds a cube of L² cells a side, red running fastest.  PNG and
TIFF of 8 and 16 bits are decoded here, since imaging libraries tend to read 16 bits of colour as 8.

References
----------
[1] W3C, "Portable Network Graphics (PNG) Specification", 2nd edition, 2003.  [2] TIFF 6.0, Adobe, 1992.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import InputError
from lichtbild.look.table import MOST_SIDE, Table, checked, grid, read_bytes, tetrahedral

LEVELS = range(2, 17)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
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
    at, head, packed = 8, (0, 0, 0, 0, 0, 0, 0), []
    while at + 12 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        if kind == b"IHDR" and length == 13:
            head = struct.unpack(">IIBBBBB", content[at + 8 : at + 21])
        elif kind == b"IDAT":
            packed.append(content[at + 8 : at + 8 + length])
        elif kind == b"IEND":
            break
        at += 12 + length
    width, height, bits, colour, _, _, interlaced = head
    channels = {2: 3, 6: 4}.get(colour, 0)
    if not channels or bits not in (8, 16) or interlaced or not 0 < width == height <= 4096:
        raise InputError(
            f"{where}: {width} × {height} pixels, {bits} bits, colour type {colour}; a HALD is a square PNG "
            "of 8 or 16 bits RGB, not interlaced"
        )
    step = channels * bits // 8
    length = height * (1 + step * width)
    try:
        raw = zlib.decompressobj().decompress(b"".join(packed), length)
    except zlib.error as error:
        raise InputError(f"{where} is damaged: {error}") from None
    if len(raw) != length:
        raise InputError(f"{where} is cut short")
    rows = np.frombuffer(raw, np.uint8).reshape(height, -1)
    if rows[:, 0].max() > 4:
        raise InputError(f"{where} is damaged: there is no filter {rows[:, 0].max()}")
    flat = _unfiltered(rows, step)
    values = flat.view(">u2") if bits == 16 else flat
    return values.reshape(height, width, channels)[..., :3].astype(np.float64) / (2**bits - 1)


def _unfiltered(rows: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """The bytes of a PNG before it predicted each from its neighbours."""
    out = np.zeros((len(rows), rows.shape[1] - 1), np.uint8)
    above = np.zeros(rows.shape[1] - 1, np.uint8)
    for y, row in enumerate(rows):
        kind, line = int(row[0]), row[1:]
        if kind == 1:
            line = np.cumsum(line.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
        elif kind == 2:
            line = line + above
        elif kind:
            line = _guessed(line.tolist(), above.tolist(), step, paeth=kind == 4)
        out[y] = above = line
    return out


def _guessed(line: list[int], above: list[int], step: int, *, paeth: bool) -> NDArray[np.uint8]:
    """A row predicted from both neighbours: by their mean, or by the one nearest to left + above - corner."""
    before, corners = [0] * step + line, [0] * step + above
    for i, (value, b) in enumerate(zip(line, above, strict=True)):
        a, c = before[i], corners[i]
        if paeth:
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            guess = a if pa <= pb and pa <= pc else b if pb <= pc else c
        else:
            guess = (a + b) >> 1
        before[i + step] = (value + guess) & 255
    return np.array(before[step:], np.uint8)


# ---- TIFF


def _tiff(path: Path, content: bytes) -> Float64:
    """The pixels of a TIFF, 0 … 1: chunky RGB in strips, not compressed or deflated."""
    if content[:2] not in (b"II", b"MM"):
        raise InputError(f"{path} is neither PNG nor TIFF", hint="give a HALD as PNG or TIFF")
    top = read_directories(path)[0]
    width, height, bits = (top.integer(t, 0) for t in (256, 257, 258))
    channels, packing, predictor = top.integer(277, 3), top.integer(259, 1), top.integer(317, 1)
    chunky = top.integer(284, 1) == 1 and top.integer(339, 1) == 1 and 273 in top
    if not (0 < width == height <= 4096) or bits not in (8, 16) or channels not in (3, 4) or not chunky:
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
