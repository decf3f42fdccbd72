# SPDX-License-Identifier: Apache-2.0
"""JPEG: eight bits, all colours at full resolution, with a gain map where the photo has one."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lichtbild.base.errors import ExportError
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.gainmap_jpeg import EXIF, directory, gainmap_jpeg, map_jpeg, quantised
from lichtbild.publish.icc import profile
from lichtbild.publish.order import Order, eight_bit, upright

_LONGEST_SIDE, _LONGEST_XMP = 65500, 65502  # pixels; bytes of one segment


def jpeg(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks.

    Raises
    ------
    ExportError
        Too many pixels or too long metadata for a JPEG.
    """
    codes = eight_bit(photo, colours=4)
    if max(codes.shape) > _LONGEST_SIDE or min(codes.shape) == 0:
        raise ExportError(
            f"{order.path}: a JPEG cannot be {codes.shape[1]} × {codes.shape[0]} pixels; "
            f"allowed are 1 … {_LONGEST_SIDE}",
            hint="write a .tif",
        )
    file, exif, icc = io.BytesIO(), order.exif(photo, codes), profile(photo.space)
    image = Image.frombuffer("RGBX", codes.shape[1::-1], codes, "raw", "RGBX", 0, 1)  # without a copy
    if photo.gain is None:
        xmp = _fitting(order, order.xmp(photo))
        image.save(
            file, "JPEG", quality=order.quality, subsampling=0, icc_profile=icc, exif=EXIF + exif, xmp=xmp
        )
        return [file.getbuffer()]
    levels, gains = quantised(photo.gain)
    second = map_jpeg(np.ascontiguousarray(upright(levels, photo.shot.orientation)), gains)
    xmp = _fitting(order, order.xmp(photo, directory(len(second))))
    image.save(file, "JPEG", quality=order.quality, subsampling=0)
    return gainmap_jpeg(file.getbuffer(), second, exif=exif, xmp=xmp, icc=icc)


def _fitting(order: Order, xmp: bytes) -> bytes:
    if len(xmp) > _LONGEST_XMP:
        raise ExportError(
            f"{order.path}: recipe and history are {len(xmp)} bytes long; a JPEG holds {_LONGEST_XMP}",
            hint="write a .tif",
        )
    return xmp
