# SPDX-License-Identifier: Apache-2.0
"""Canon's old CRW container, as far as the names of the camera.

A CRW is a heap of heaps: each ends in the offset of its table of ``(tag, length, offset)`` rows.  Make and
model stand together in tag 0x080a of the heap 0x300a / 0x2807, which LibRaw reads but rawpy does not pass on.

References
----------
[1] P. Harvey, "The Canon RAW (CRW) File Format", exiftool.org/canon_raw.html.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAKE_MODEL = 0x080A
_HEAPS = (0x2800, 0x3000)
_DEEPEST = 4


def read_ciff(path: Path) -> tuple[str, str] | None:
    """Make and model of a CRW, or None where the file is none or does not say."""
    raw = path.read_bytes()
    if raw[6:14] != b"HEAPCCDR" or raw[:2] != b"II":
        return None
    start = struct.unpack("<I", raw[2:6])[0]
    return _search(raw, start, len(raw), 0)


def _search(raw: bytes, start: int, stop: int, depth: int) -> tuple[str, str] | None:
    if depth > _DEEPEST or not start + 6 <= stop <= len(raw):
        return None
    at = start + struct.unpack("<I", raw[stop - 4 : stop])[0]
    if at + 2 > stop:
        return None
    (count,) = struct.unpack("<H", raw[at : at + 2])
    for i in range(min(count, 256)):
        row = raw[at + 2 + 10 * i : at + 12 + 10 * i]
        if len(row) < 10:
            return None
        tag, length, offset = struct.unpack("<HII", row)
        if tag & 0xC000 or offset + length > stop - start:  # stored in the row itself, or nonsense
            continue
        if tag == _MAKE_MODEL:
            words = raw[start + offset : start + offset + length].decode("ascii", "replace").split("\0")
            return words[0].strip(), (words[1].strip() if len(words) > 1 else "")
        if tag & 0x3800 in _HEAPS and (
            found := _search(raw, start + offset, start + offset + length, depth + 1)
        ):
            return found
    return None
