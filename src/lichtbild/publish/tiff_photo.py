# SPDX-License-Identifier: Apache-2.0
"""TIFF: 16 bits, or 32-bit floating point, of one uncompressed strip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import tiff
from lichtbild.base.image import Shot
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk, Field, Page
from lichtbild.publish.icc import profile
from lichtbild.publish.metadata import Strip, carried
from lichtbild.publish.order import Order, deep, eight_bit

_XMP, _ICC = 700, 34675


def tiff_photo(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks."""
    codes = eight_bit(photo) if order.depth == 8 else deep(photo)
    more = {_XMP: tiff.bytes_field(tiff.BYTE, order.xmp(photo))}
    name = photo.space if photo.transfer == "srgb" else f"{photo.transfer} {photo.space}"
    return page(codes, photo.shot, order.strip, photo.space, profile(name), more)


def page(
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
