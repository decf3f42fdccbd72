# SPDX-License-Identifier: Apache-2.0
"""Gain-map JPEGs read back: where the second JPEG lies, and what its codes mean.

The second JPEG is found by the multi-picture index, else by the directory in the first one's XMP (its length,
counted from the end of the file), else right behind the first.  Where both languages speak, ISO 21496-1 is
believed and the other is only told of.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32, UInt8
from lichtbild.publish.gain_metadata import ISO, GainMetadata, from_iso, from_xmp
from lichtbild.publish.gainmap_jpeg import APP1, APP2, MPF, SOI, XMP

_WHAT, _SIZE = rb'Item:Semantic="GainMap"[^>]*?', rb'Item:Length="(\d+)"[^>]*?'
_LENGTH = re.compile(_WHAT + _SIZE + b"|" + _SIZE + _WHAT)
_APPLES = b"urn:com:apple:photo:2020:aux:hdrgainmap"
_MOST = 64  # pictures that an index may list


@dataclass(frozen=True, slots=True, eq=False)
class GainFile:
    """A gain-map JPEG in its parts: the two JPEGs, and what the codes of the second mean."""

    base: bytes
    second: bytes
    gains: GainMetadata

    def codes(self) -> UInt8:
        """The map as stored, "h w 3"."""
        return _pixels(self.second)

    def gain(self) -> Float32:
        """The map in EV, "h w 3"."""
        e, g = self.codes().astype(np.float32) / np.float32(255), self.gains
        if set(g.gamma) != {1.0}:
            e = e ** (1 / np.array(g.gamma, np.float32))
        low, high = np.array(g.minimum, np.float32), np.array(g.maximum, np.float32)
        return (low + (high - low) * e).astype(np.float32, copy=False)


def _pixels(jpeg: bytes) -> UInt8:
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"gain map: its JPEG is damaged ({error})", hint="copy the file again") from error


def read_gainmap(path: Path | str) -> GainFile | None:
    """The parts of a gain-map JPEG; None where a JPEG has no gain map of a kind known here.

    Raises
    ------
    InputError
        It is no JPEG, or its gain map is damaged.
    """
    try:
        whole = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name and permissions"
        ) from error
    if whole[:3] != SOI + b"\xff":
        raise InputError(f"{path} is not a JPEG", hint="only JPEGs with gain maps are read")
    try:
        return split(whole)
    except InputError as error:
        raise InputError(f"{path}: {error}", hint=error.hint) from error


def split(whole: bytes) -> GainFile | None:
    """`read_gainmap` of the bytes of a file."""
    end = end_of(whole, 0)
    for start, size in _places(whole, end):
        second = whole[start : start + size]
        if second[:2] == SOI and start >= end and (gains := _gains(second)) is not None:
            return GainFile(whole[:end], second, gains)
    return None


def apples(path: Path | str) -> bool:
    """Whether a file has the gain map that Apple's cameras wrote before ISO 21496-1; it is not read here."""
    return _APPLES in Path(path).read_bytes()


def segments(jpeg: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, place and payload of every segment before the scan."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, size = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == 0xDA or size < 2:
            return
        yield marker, at, jpeg[at + 4 : at + 2 + size]
        at += 2 + size


def end_of(jpeg: bytes, start: int) -> int:
    """Where the JPEG that begins at `start` ends: behind its end marker, scans skipped."""
    at = start + 2
    while at + 2 <= len(jpeg):
        at = jpeg.find(b"\xff", at)
        if at < 0 or at + 1 >= len(jpeg):
            break
        marker = jpeg[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker == 0 or 0xD0 <= marker <= 0xD8 or marker == 1:
            at += 2
        else:
            at += 2 + max(int.from_bytes(jpeg[at + 2 : at + 4], "big"), 2)
    return len(jpeg)


def _places(whole: bytes, end: int) -> Iterator[tuple[int, int]]:
    """Where a second JPEG may lie and how long it is: likelier places first."""
    for marker, at, payload in segments(whole):
        if marker == APP2 and payload.startswith(MPF):
            yield from _indexed(payload[len(MPF) :], at + 4 + len(MPF))
        if marker == APP1 and payload.startswith(XMP) and (said := _LENGTH.search(payload)):
            size = int(said[1] or said[2])
            yield len(whole) - size, size
    start = whole.find(SOI + b"\xff", end)
    if start >= 0:
        yield start, end_of(whole, start) - start


def _indexed(block: bytes, origin: int) -> Iterator[tuple[int, int]]:
    order = "<" if block[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, at)
        for row in range(min(count, _MOST)):
            tag, _, size, value = struct.unpack_from(order + "HHII", block, at + 2 + 12 * row)
            if tag != 0xB002:
                continue
            for n in range(1, min(size // 16, _MOST)):
                _, length, offset = struct.unpack_from(order + "III", block, value + 16 * n)
                yield origin + offset, length
    except struct.error:
        return  # a damaged index is none


def _gains(second: bytes) -> GainMetadata | None:
    iso, xmp = None, None
    for marker, _, payload in segments(second):
        if marker == APP2 and payload.startswith(ISO) and len(payload) > len(ISO) + 4:
            iso = from_iso(payload[len(ISO) :])
        elif marker == APP1 and payload.startswith(XMP):
            xmp = from_xmp(payload[len(XMP) :]) or xmp
    if iso is None or xmp is None:
        return iso or xmp
    return replace(iso, languages=iso.languages + xmp.languages)
