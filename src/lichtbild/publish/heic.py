# SPDX-License-Identifier: Apache-2.0
"""HEIC: HEVC with 8, 10 or 12 bits and every colour at full resolution; colours by number."""

from __future__ import annotations

import io

from lichtbild.base.errors import ExportError
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.order import LUMA, Order, cicp, deep, eight_bit, library

NEEDS = ("pillow_heif", "heic")  # module, and the extra that brings it
_PRESET = "ultrafast"  # the usual one takes seven times as long for a seventh less file, no nearer


def heic(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks.

    Raises
    ------
    ExportError
        The library is missing, or refuses the picture.
    """
    pillow_heif = library(order.path, *NEEDS)
    codes = eight_bit(photo) if order.depth == 8 else deep(photo)
    primaries, transfer, matrix, full = cicp(photo, LUMA[photo.space])
    file, usual = io.BytesIO(), pillow_heif.options.SAVE_HDR_TO_12_BIT
    pillow_heif.options.SAVE_HDR_TO_12_BIT = order.depth == 12  # else deep pictures have 10 bits
    try:
        image = pillow_heif.from_bytes(
            "RGB" if order.depth == 8 else "RGB;16", (codes.shape[1], codes.shape[0]), codes.tobytes()
        )
        image.save(
            file,
            quality=order.quality,
            chroma=444,
            enc_params={"preset": _PRESET},
            save_nclx_profile=True,
            color_primaries=primaries,
            transfer_characteristics=transfer,
            matrix_coefficients=matrix,
            full_range_flag=full,
            exif=order.exif(photo, codes),
            xmp=order.xmp(photo),
        )
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"{order.path}: the HEIC encoder refuses ({error})") from error
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = usual
    return [file.getbuffer()]
