# SPDX-License-Identifier: Apache-2.0
"""Gain-map JPEG: an ordinary JPEG, and behind it a second one that says how much brighter each place may be.

Programs that know nothing of it show the first.  Those that do — it is at once Ultra HDR 1 and ISO 21496-1 —
multiply it by the second as far as the display goes::

    code = round(255 · (gain − minimum) / (maximum − minimum))

Minimum and maximum are those of the map itself where they lie within `_WIDE` EV.  Where a few places go much
farther — a colour that is black in one rendition and bright in the other — steps of 1/255 would be seen
everywhere: there each end is drawn in, to `_WIDE` at most, until `_CUT` of the values lie beyond it.

The first JPEG carries Exif, one XMP packet (with the directory of what follows), its colour profile, the mark
of ISO 21496-1 and the multi-picture index [1]; the second carries what its codes mean (`gain_metadata`).

References
----------
[1] CIPA DC-007, "Multi-Picture Format", 2009.
[2] ISO 21496-1:2025 and Android's "Ultra HDR image format v1.1".
"""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from lichtbild.base import kernels
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Float32, UInt8
from lichtbild.base.photo import GainMap
from lichtbild.base.tiff import Chunk
from lichtbild.publish.gain_metadata import HDRGM, ISO, GainMetadata, to_iso, to_xmp

EXIF, XMP, ICC, MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
SOI, APP1, APP2 = b"\xff\xd8", 0xE1, 0xE2
MAP_QUALITY = 90
_LONGEST = 65533  # bytes in a segment
_WIDE = 4.0  # EV: steps of 1.1 %, about what is seen
_CUT = 1 / 510  # the mean error grows again when more is cut than half a code of the range
_NARROWEST = 1e-3  # EV between the lowest and the highest gain: readers divide by it
_PARTS = 1_000_000
_PRIMARY = 0x00030000
_SCAN, _COMMENT = 0xDA, 0xFE


def quantised(gain: GainMap) -> tuple[UInt8, GainMetadata]:
    """A gain map as codes "h w 3", or "h w" where it is grey, and what they mean.

    Its ends are one pair for all colours.

    Raises
    ------
    ExportError
        There is no gain, or one that is not finite.
    """
    g = np.ascontiguousarray(gain.gain)
    low, high = _ends(g)
    low = np.floor(low * _PARTS) / _PARTS
    high = np.ceil(max(high, low + _NARROWEST) * _PARTS) / _PARTS
    if _grey(g):
        even = (g[..., 0] - np.float32(low)) * np.float32(1 / (high - low))
        codes = np.clip(even * np.float32(255) + np.float32(0.5), 0, 255).astype(np.uint8)
    else:
        codes = np.empty(g.shape, np.uint8)
        kernels.quantize8(g, 0.0, codes, low, 1 / (high - low))
    offset = (gain.offset, gain.offset, gain.offset)
    most = max(float(gain.headroom), _NARROWEST)
    return codes, GainMetadata(
        (low, low, low), (high, high, high), (1.0, 1.0, 1.0), offset, offset, 0.0, most
    )


def _ends(gain: Float32) -> tuple[float, float]:
    """The lowest and the highest gain that get a code of their own."""
    ends = np.full((max(len(gain), 1), 2), np.nan, np.float32)
    if gain.size:
        kernels.extent(gain, ends)
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if not np.isfinite([low, high]).all():
        raise ExportError(f"gain map of {gain.shape} holds values that are not finite")
    beyond = int(gain.size * _CUT)
    if high - low <= _WIDE or beyond == 0:
        return low, high
    ordered = np.partition(gain, (beyond, gain.size - 1 - beyond), axis=None)
    inner = (float(ordered[beyond]), float(ordered[gain.size - 1 - beyond]))
    within = inner[1] - inner[0]
    if within >= _WIDE:
        return inner
    spare = (_WIDE - within) / (high - low - within)
    return inner[0] + spare * (low - inner[0]), inner[1] + spare * (high - inner[1])


def _grey(gain: Float32) -> bool:
    """Whether all colours have the same gain; most that have not show it in a few rows."""
    return gain.shape[2] == 1 or all(bool((g == g[..., :1]).all()) for g in (gain[::64], gain))


def directory(length: int) -> tuple[str, str]:
    """What the first JPEG's XMP says of the second, `length` bytes long: attributes and elements."""
    names = f'xmlns:hdrgm="{HDRGM}" xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/"'
    items = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f'<Container:Item Item:Semantic="{what}" Item:Mime="image/jpeg"/></rdf:li>'
        for what in ("Primary", f'GainMap" Item:Length="{length}')
    )
    body = f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
    return f'{names} hdrgm:Version="1.0"', body


def map_jpeg(codes: UInt8, gains: GainMetadata, *, quality: int = MAP_QUALITY) -> bytes:
    """The second JPEG of the file: codes that are upright already, and their meaning."""
    file = io.BytesIO()
    Image.fromarray(codes).save(file, "JPEG", quality=quality, subsampling=0)
    head = segment(APP1, XMP + to_xmp(gains)) + segment(APP2, ISO + to_iso(gains))
    return SOI + head + bare(file.getbuffer())


def gainmap_jpeg(base: Chunk, second: bytes, *, exif: bytes, xmp: bytes, icc: bytes) -> list[Chunk]:
    """The whole file as chunks for `write_file`.

    Parameters
    ----------
    base : bytes
        The first JPEG as an encoder made it; its own metadata are left out.
    second : bytes
        What `map_jpeg` made.
    exif, xmp, icc : bytes
        A TIFF block, a packet with `directory` in it, a profile of at most 65,519 bytes.

    Raises
    ------
    ExportError
        Metadata are too long for a JPEG.
    """
    head = SOI + segment(APP1, EXIF + exif) + segment(APP1, XMP + xmp)
    head += segment(APP2, ICC + b"\1\1" + icc) + segment(APP2, ISO + bytes(4))
    body = bare(base)
    index = len(head) + 4 + len(MPF)  # offsets of the multi-picture index count from here
    size = len(head) + len(segment(APP2, MPF + multi_picture(0, 0, 0))) + len(body)
    return [head, segment(APP2, MPF + multi_picture(size, len(second), size - index)), body, second]


def multi_picture(first: int, second: int, offset: int) -> bytes:
    """The multi-picture index of two JPEGs: their sizes, and where the second begins."""
    entries = struct.pack(">IIIHH", _PRIMARY, first, 0, 0, 0) + struct.pack(">IIIHH", 0, second, offset, 0, 0)
    return (
        struct.pack(">2sHIH", b"MM", 42, 8, 3)
        + struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
        + struct.pack(">HHII", 0xB001, 4, 1, 2)
        + struct.pack(">HHII", 0xB002, 7, len(entries), 50)
        + bytes(4)
        + entries
    )


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment.

    Raises
    ------
    ExportError
        It would be too long.
    """
    if len(payload) > _LONGEST:
        name = payload.split(b"\0", 1)[0].decode("latin-1")
        raise ExportError(
            f"metadata {name} of {len(payload)} bytes are too long; a JPEG holds {_LONGEST}",
            hint="write a .tif",
        )
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def bare(jpeg: Chunk) -> bytes:
    """A JPEG from its first table on: without its beginning, application segments and comments."""
    whole, at, kept = memoryview(jpeg), 2, []
    while at + 4 <= len(whole) and whole[at] == 0xFF and whole[at + 1] != _SCAN:
        marker, size = whole[at + 1], 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        if not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            kept.append(whole[at : at + size])
        at += size
    return b"".join([*kept, whole[at:]])
