# SPDX-License-Identifier: Apache-2.0
"""ProfileGainTableMap: a grid of gains by brightness, the local tone map of a maker for one frame.

It is carried, not applied (docs/decisions/0018), but read all the same: a table that cannot be must not go
into files of ours, and its numbers stand in the byte order of the file.

References
----------
[1] Digital Negative Specification 1.7.1, ProfileGainTableMap and ProfileGainTableMap2.
"""

from __future__ import annotations

import struct

import numpy as np

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw
from lichtbild.base.tiff import Field

FIRST, SECOND = 52525, 52544
HEAD = {FIRST: "2I4dI5f", SECOND: "2I4dI5fI3f"}
TYPES = ("u1", "u2", "f2", "f4")


def gain_tables(directory: Directory) -> dict[int, Field]:
    """The gain tables of a directory, little-endian.

    Raises
    ------
    CorruptRaw
        Cut short or too long, of no size, with gains below 0, or a gamma that is not allowed.
    """
    return {tag: _checked(directory, tag) for tag in (FIRST, SECOND) if directory.payload(tag)}


def _checked(directory: Directory, tag: int) -> Field:
    packed, where = directory.payload(tag), f"{directory.path}: ProfileGainTableMap (tag {tag})"
    size = struct.calcsize("<" + HEAD[tag])
    if len(packed) < size:
        raise CorruptRaw(f"{where} has {len(packed)} bytes, its head alone has {size}")
    head = struct.unpack(directory.order + HEAD[tag], packed[:size])
    kind = head[12] if tag == SECOND else 3
    rows, columns, points = head[0], head[1], head[6]
    if not (min(rows, columns, points) >= 1 and kind < len(TYPES)):
        raise CorruptRaw(f"{where} is a grid of {rows} × {columns} × {points} numbers of type {kind}")
    expected = size + rows * columns * points * int(TYPES[kind][1])
    if len(packed) != expected:
        raise CorruptRaw(
            f"{where} has {len(packed)} bytes, {rows} × {columns} × {points} gains need {expected}"
        )
    gains = np.frombuffer(packed[size:], directory.order + TYPES[kind])
    if not np.isfinite(head).all() or not (np.isfinite(gains).all() and gains.min() >= 0):
        raise CorruptRaw(f"{where} has numbers that are not finite, or gains below 0")
    if min(head[2:4]) <= 0 or (tag == SECOND and not 0.25 <= head[13] <= 4):
        raise CorruptRaw(f"{where}: spacings {head[2]:g}, {head[3]:g} must be above 0, gamma 0.25 … 4")
    return Field(
        directory.fields[tag].type,
        struct.pack("<" + HEAD[tag], *head) + gains.astype("<" + TYPES[kind]).tobytes(),
    )
