# SPDX-License-Identifier: Apache-2.0
"""PNG, without loss: 8 or 16 bits, its colours by profile, or by number (cICP) where they are HDR's.

Written here because Pillow writes colour with 8 bits only.  Rows are filtered by what stands above them,
which suits photographs and costs little.

References
----------
[1] W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", 2025.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.icc import profile
from lichtbild.publish.order import Order, cicp, deep, eight_bit

_UP, _LEVEL = 2, 3


def png(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks."""
    codes = eight_bit(photo) if order.depth == 8 else deep(photo)
    h, w = codes.shape[:2]
    chunks: list[Chunk] = [b"\x89PNG\r\n\x1a\n"]
    chunks += _chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, order.depth, 2, 0, 0, 0))
    if photo.transfer == "srgb":
        chunks += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile(photo.space)))
    else:
        chunks += _chunk(b"cICP", bytes(cicp(photo)))
    chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + order.xmp(photo))
    chunks += _chunk(b"eXIf", order.exif(photo, codes))
    chunks += _chunk(b"IDAT", _deflated(codes))
    return chunks + _chunk(b"IEND", b"")


def _chunk(name: bytes, payload: bytes) -> list[Chunk]:
    check = zlib.crc32(payload, zlib.crc32(name))
    return [struct.pack(">I", len(payload)) + name, payload, struct.pack(">I", check)]


def _deflated(codes: NDArray[Any]) -> bytes:
    big = codes.astype(codes.dtype.newbyteorder(">"), copy=False)
    h = len(codes)
    rows = np.ascontiguousarray(big).view(np.uint8).reshape(h, -1)
    filtered = np.empty((h, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[:1, 1:] = rows[:1]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return zlib.compress(filtered.data, _LEVEL)
