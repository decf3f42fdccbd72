# SPDX-License-Identifier: Apache-2.0
"""ProfileGainTableMap: a grid of gains by brightness, the local tone map of a maker for one frame.

`gain_tables` reads and checks what is carried: a table that cannot be must not go into files of ours, and its
numbers stand in the byte order of the file.  `gain_table` gives its meaning, for `look.rendering`.  Places in
it are shares of the whole frame, so `within` tells it anew for a part of one.

References
----------
[1] Digital Negative Specification 1.7.1, ProfileGainTableMap and ProfileGainTableMap2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw
from lichtbild.base.image import Float32
from lichtbild.base.tiff import Field

FIRST, SECOND = 52525, 52544
HEAD = {FIRST: "2I4dI5f", SECOND: "2I4dI5fI3f"}
TYPES = ("u1", "u2", "f2", "f4")

Part = tuple[float, float, float, float]
WHOLE: Part = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class GainTable:
    """``gains: Float32 "v h n"`` by place and brightness.

    ``spacing`` and ``origin`` of its points are shares of the frame, ``(y, x)``.  Brightness is the sum of
    red, green, blue, the smallest and the largest of them, times ``weights``, to the power of ``gamma``.
    """

    gains: Float32
    spacing: tuple[float, float]
    origin: tuple[float, float]
    weights: tuple[float, ...]
    gamma: float = 1.0


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


def gain_table(fields: Mapping[int, Field]) -> GainTable | None:
    """The table that counts of those that are carried, the second kind before the first; None without any."""
    tag = SECOND if SECOND in fields else FIRST
    if tag not in fields:
        return None
    packed = fields[tag].payload
    size = struct.calcsize("<" + HEAD[tag])
    head = struct.unpack("<" + HEAD[tag], packed[:size])
    kind, gamma, least, most = head[12:] if tag == SECOND else (3, 1.0, 0.0, 1.0)
    numbers = np.frombuffer(packed[size:], "<" + TYPES[kind]).astype(np.float64)
    if kind < 2:  # whole numbers go from the least gain to the largest
        numbers = least + (most - least) * numbers / np.iinfo(TYPES[kind]).max
    gains = np.ascontiguousarray(numbers.reshape(head[0], head[1], head[6]), np.float32)
    return GainTable(gains, (head[2], head[3]), (head[4], head[5]), head[7:12], gamma)


def within(fields: Mapping[int, Field], part: Part) -> dict[int, Field]:
    """The tables for a frame that is a part of the one they were made for: top, left, height, width."""
    if part == WHOLE:
        return dict(fields)
    told = {}
    for tag, field in fields.items():
        places = np.array(struct.unpack_from("<4d", field.payload, 8))
        sides = np.array(part[2:])
        places = np.concatenate([places[:2] / sides, (places[2:] - part[:2]) / sides])
        told[tag] = Field(field.type, field.payload[:8] + struct.pack("<4d", *places) + field.payload[40:])
    return told
