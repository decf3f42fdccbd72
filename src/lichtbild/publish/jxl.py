# SPDX-License-Identifier: Apache-2.0
"""JPEG XL: 8 or 16 bits, colours by number; quality 100 is without loss.

Its encoder works in a space made for ordinary pictures, in which the blue of strong yellows is coded so
coarsely that PQ loses it.  What is missing of quality 100 counts a quarter for PQ and HLG, so that colours
are about as far off as in an AVIF of the same quality.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from lichtbild.base.errors import ExportError
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.boxes import jxl_with
from lichtbild.publish.order import Order, cicp, deep, eight_bit, library

NEEDS = ("OpenImageIO", "jxl")  # module, and the extra that brings it
_EFFORT = 5  # of 9: at 7, a picture takes 1.6 times as long and is 0.5 % shorter
_LOSSLESS_EFFORT = 3  # at 7, it takes 15 times as long and is no shorter


def jxl(photo: Photo, order: Order) -> list[Chunk]:
    """The file as chunks.

    Raises
    ------
    ExportError
        The library is missing, or refuses the picture.
    """
    oiio = library(order.path, *NEEDS)
    codes = eight_bit(photo) if order.depth == 8 else deep(photo)
    spec = oiio.ImageSpec(codes.shape[1], codes.shape[0], 3, str(codes.dtype))
    spec.attribute("CICP", oiio.TypeDesc("int[4]"), cicp(photo))
    spec.attribute("jpegxl:effort", _LOSSLESS_EFFORT if order.quality == 100 else _EFFORT)
    lost = 100 - order.quality
    spec.attribute("compression", f"jpegxl:{100 - (lost if photo.transfer == 'srgb' else -(-lost // 4))}")
    with tempfile.TemporaryDirectory() as folder:  # it writes to files only
        path = Path(folder, "a.jxl")
        out = oiio.ImageOutput.create(str(path))
        done = out is not None and out.open(str(path), spec) and out.write_image(codes) and out.close()
        if not done:
            told = out.geterror() if out is not None else oiio.geterror()
            raise ExportError(f"{order.path}: the JPEG XL encoder refuses ({told})")
        made = path.read_bytes()
    return [jxl_with(made, order.exif(photo, codes), order.xmp(photo))]
