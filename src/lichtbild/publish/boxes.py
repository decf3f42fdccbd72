# SPDX-License-Identifier: Apache-2.0
"""Boxes: metadata put into the files that libraries make without them (AVIF, JPEG XL).

A box is its length, a name of four letters and its content.  An AVIF is `ftyp`, a `meta` that says which item
lies where, and the items; EXIF and XMP are items that describe the picture.  A JPEG XL is boxes in a row, of
which EXIF and XMP are two.

References
----------
[1] ISO/IEC 23008-12 (HEIF), annexes A and C.  [2] ISO/IEC 18181-2 (JPEG XL file format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lichtbild.base.errors import ExportError

_XMP = b"application/rdf+xml\0"
_PICTURE, _EXIF_ITEM, _XMP_ITEM = 1, 2, 3


def box(name: bytes, content: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", len(content) + 8, name) + content


def full_box(name: bytes, content: bytes, version: int = 0) -> bytes:
    """One box with a version and no flags."""
    return box(name, struct.pack(">I", version << 24) + content)


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box in a row.

    Raises
    ------
    ExportError
        A length that leads out of the content.
    """
    at = 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, at + 8)
            head = 16
        size = size or len(content) - at
        if size < head or at + size > len(content):
            raise ExportError(f"box {name!r} of {size} bytes does not fit")
        yield name, content[at + head : at + size]
        at += size


def avif_with(avif: bytes, exif: bytes, xmp: bytes) -> bytes:
    """An AVIF of one picture, with a TIFF block as its EXIF and an XMP packet.

    Raises
    ------
    ExportError
        It holds more than one picture.
    """
    outer = dict(boxes(avif))
    inner = dict(boxes(outer[b"meta"][4:]))
    if not inner[b"iinf"].startswith(b"\0\0\0\0\0\1"):
        raise ExportError("an AVIF of several parts cannot carry metadata")
    items = [outer[b"mdat"], bytes(4) + exif, xmp]
    entries = [b"av01\0", b"Exif\0", b"mime\0" + _XMP]
    numbers = (_PICTURE, _EXIF_ITEM, _XMP_ITEM)
    infe = b"".join(
        full_box(b"infe", struct.pack(">HH", n, 0) + entry, 2)
        for n, entry in zip(numbers, entries, strict=True)
    )
    iref = b"".join(box(b"cdsc", struct.pack(">HHH", n, 1, _PICTURE)) for n in numbers[1:])

    def meta(start: int) -> bytes:
        iloc, at = struct.pack(">HH", 0x4400, len(items)), start
        for n, item in zip(numbers, items, strict=True):
            iloc += struct.pack(">HHHII", n, 0, 1, at, len(item))
            at += len(item)
        return full_box(
            b"meta",
            box(b"hdlr", inner[b"hdlr"])
            + full_box(b"pitm", struct.pack(">H", _PICTURE))
            + full_box(b"iloc", iloc)
            + full_box(b"iinf", struct.pack(">H", len(items)) + infe)
            + full_box(b"iref", iref)
            + box(b"iprp", inner[b"iprp"]),
        )

    first = box(b"ftyp", outer[b"ftyp"])
    return first + meta(len(first) + len(meta(0)) + 8) + box(b"mdat", b"".join(items))


def jxl_with(jxl: bytes, exif: bytes, xmp: bytes) -> bytes:
    """A JPEG XL file with a TIFF block as its EXIF and an XMP packet, instead of those it had."""
    if jxl.startswith(b"\xff\x0a"):
        level, stream = b"", jxl
    else:
        inside = list(boxes(jxl))
        level = b"".join(box(name, content) for name, content in inside if name == b"jxll")
        skipped = {b"jxlc": 0, b"jxlp": 4}  # a part begins with its number
        stream = b"".join(content[skipped[name] :] for name, content in inside if name in skipped)
    head = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return head + level + box(b"Exif", bytes(4) + exif) + box(b"xml ", xmp) + box(b"jxlc", stream)
