# SPDX-License-Identifier: Apache-2.0
"""AVIF: AV1 with 8, 10 or 12 bits and every colour at full resolution; colours by number."""

from __future__ import annotations

from lichtbild.base.errors import ExportError
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.boxes import avif_with
from lichtbild.publish.order import LUMA, Order, cicp, deep, eight_bit, library

NEEDS = ("imagecodecs", "avif")  # module, and the extra that brings it
_SPEED = 8  # of 10: at 6, a picture takes 2.5 times as long and is 0.6 % shorter


def avif(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks.

    Raises
    ------
    ExportError
        The library is missing, or refuses the picture.
    """
    imagecodecs = library(order.path, *NEEDS)
    codes = eight_bit(photo) if order.depth == 8 else deep(photo, order.depth)
    primaries, transfer, matrix, _ = cicp(photo, LUMA[photo.space])
    try:
        made = imagecodecs.avif_encode(
            codes,
            level=order.quality,
            bitspersample=order.depth,
            pixelformat="444",
            primaries=primaries,
            transfer=transfer,
            matrix=matrix,
            speed=_SPEED,
        )
    except imagecodecs.AvifError as error:
        raise ExportError(f"{order.path}: the AVIF encoder refuses ({error})") from error
    return [avif_with(bytes(made), order.exif(photo, codes), order.xmp(photo))]
