# SPDX-License-Identifier: Apache-2.0
"""DNG opcode lists: what the camera maker knew about sensor and lens, as a small program.

A list is big-endian whatever the file is: a count, then per opcode its number, the DNG version it needs,
flags (bit 0: optional) and a payload.  List 1 works on stored values, list 2 on linear light in the mosaic,
list 3 after demosaicing. This module only reads them; `linearize` applies lists 1 and 2, the stage `lens`
applies list 3.

- WarpRectilinear: ``coefficients`` "planes 6" (kr0 … kr3, kt0, kt1), ``centre`` (x, y)
- WarpFisheye: ``coefficients`` "planes 4", ``centre``
- WarpRectilinear2: ``coefficients`` "planes 17" (kr0 … kr14, kt0, kt1), ``radii`` (min, max), ``centre``,
  ``reciprocal``
- FixVignetteRadial: ``coefficients`` (5), ``centre``
- GainMap: ``area``, ``spacing`` (v, h), ``origin`` (v, h), ``gain: Float32 "v h planes"``
- FixBadPixelsConstant: ``constant``, ``phase``
- FixBadPixelsList: ``phase``, ``points`` "n 2" (row, column), ``boxes`` "n 4" (top, left, bottom, right)
- TrimBounds: ``bounds`` (top, left, bottom, right)
- MapTable: ``area``, ``table``; MapPolynomial: ``area``, ``coefficients``
- DeltaPerRow, DeltaPerColumn, ScalePerRow, ScalePerColumn: ``area``, ``values``

``area`` is (top, left, bottom, right, plane, planes, row pitch, column pitch).  Unknown ones are named
"opcode N".

References
----------
[1] Digital Negative Specification 1.6, chapter "Opcode List Processing".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.errors import CorruptRaw
from lichtbild.base.image import Opcode

MOST_OPCODES = 64
LARGEST_LIST = 8 << 20  # bytes
MOST_BAD = 1 << 20  # pixels in all boxes of a list


class _Payload:
    """A cursor over the bytes of one opcode."""

    def __init__(self, raw: bytes, where: str) -> None:
        self.raw, self.where, self.at = raw, where, 0

    def take(self, kind: str, count: int) -> np.ndarray[Any, Any]:
        """The next `count` big-endian values of a NumPy type, in native order."""
        dtype = np.dtype(">" + kind)
        stop = self.at + count * dtype.itemsize
        if stop > len(self.raw):
            raise CorruptRaw(f"{self.where} is cut short: {len(self.raw)} bytes, needs {stop}")
        read = np.frombuffer(self.raw, dtype, count, self.at).astype(dtype.newbyteorder("="))
        self.at = stop
        if kind[0] == "f" and not np.isfinite(read).all():
            raise CorruptRaw(f"{self.where} has values that are not finite")
        return read

    def count(self) -> int:
        return int(self.take("u4", 1)[0])

    def pair(self) -> tuple[float, float]:
        a, b = self.take("f8", 2)
        return float(a), float(b)

    def area(self) -> tuple[int, ...]:
        area = tuple(int(v) for v in self.take("u4", 8))
        top, left, bottom, right, plane, planes, down, across = area
        if not (
            top <= bottom < 1 << 20
            and left <= right < 1 << 20
            and 0 < down < 1 << 20
            and 0 < across < 1 << 20
            and 0 < planes <= 4
            and plane < 4
        ):
            raise CorruptRaw(f"{self.where} has an impossible area {area}")
        return area


def _sets(p: _Payload, width: int) -> np.ndarray[Any, Any]:
    planes = p.count()
    if not 1 <= planes <= 4:
        raise CorruptRaw(f"{p.where} has {planes} coefficient sets, allowed is 1 … 4")
    return p.take("f8", planes * width).reshape(planes, width)


def _warp(width: int) -> Callable[[_Payload], dict[str, Any]]:
    return lambda p: {"coefficients": _sets(p, width), "centre": p.pair()}


def _warp2(p: _Payload) -> dict[str, Any]:
    return {"coefficients": _sets(p, 17), "radii": p.pair(), "centre": p.pair(), "reciprocal": p.count() != 0}


def _gain_map(p: _Payload) -> dict[str, Any]:
    area = p.area()
    v, h = p.count(), p.count()
    spacing, origin, planes = p.pair(), p.pair(), p.count()
    if not (v and h and planes) or v * h * planes > LARGEST_LIST // 4:
        raise CorruptRaw(f"{p.where} has an impossible map of {v} × {h} × {planes}")
    if (v > 1 and spacing[0] <= 0) or (h > 1 and spacing[1] <= 0):
        raise CorruptRaw(f"{p.where} has an impossible spacing {spacing}")
    gain = p.take("f4", v * h * planes).reshape(v, h, planes)
    if gain.min() < 0 or gain.max() > 1000:
        raise CorruptRaw(f"{p.where} has gains of {gain.min():g} … {gain.max():g}, allowed is 0 … 1000")
    return {"area": area, "spacing": spacing, "origin": origin, "gain": gain}


def _bad_list(p: _Payload) -> dict[str, Any]:
    phase, points, boxes = p.count(), p.count(), p.count()
    spots, areas = p.take("u4", 2 * points).reshape(points, 2), p.take("u4", 4 * boxes).reshape(boxes, 4)
    sides = areas[:, 2:].astype(np.float64) - areas[:, :2]
    if (bad := sides.clip(0).prod(1).sum()) > MOST_BAD:
        raise CorruptRaw(f"{p.where} has boxes of {bad:.0f} bad pixels, allowed are {MOST_BAD}")
    return {"phase": phase, "points": spots, "boxes": areas}


def _per_line(p: _Payload) -> dict[str, Any]:
    return {"area": p.area(), "values": p.take("f4", p.count())}


_KNOWN: Mapping[int, tuple[str, Callable[[_Payload], dict[str, Any]]]] = {
    1: ("WarpRectilinear", _warp(6)),
    2: ("WarpFisheye", _warp(4)),
    3: ("FixVignetteRadial", lambda p: {"coefficients": p.take("f8", 5), "centre": p.pair()}),
    4: ("FixBadPixelsConstant", lambda p: {"constant": p.count(), "phase": p.count()}),
    5: ("FixBadPixelsList", _bad_list),
    6: ("TrimBounds", lambda p: {"bounds": tuple(int(v) for v in p.take("u4", 4))}),
    7: ("MapTable", lambda p: {"area": p.area(), "table": p.take("u2", p.count())}),
    8: ("MapPolynomial", lambda p: {"area": p.area(), "coefficients": p.take("f8", p.count() + 1)}),
    9: ("GainMap", _gain_map),
    10: ("DeltaPerRow", _per_line),
    11: ("DeltaPerColumn", _per_line),
    12: ("ScalePerRow", _per_line),
    13: ("ScalePerColumn", _per_line),
    14: ("WarpRectilinear2", _warp2),
}


def read_opcodes(raw: bytes, path: Path, number: int) -> tuple[Opcode, ...]:
    """Read OpcodeList1, 2 or 3 (`number`) of the file `path`; an empty list where `raw` is empty.

    Raises
    ------
    CorruptRaw
        Cut short, impossible values, or more than 64 opcodes, 8 MiB, or a million bad pixels in boxes.
    """
    where = f"{path}: OpcodeList{number}"
    if not raw:
        return ()
    if len(raw) > LARGEST_LIST:
        raise CorruptRaw(f"{where} has {len(raw)} bytes, allowed are {LARGEST_LIST}")
    p = _Payload(raw, where)
    count = p.count()
    if count > MOST_OPCODES:
        raise CorruptRaw(f"{where} has {count} opcodes, allowed are {MOST_OPCODES}")
    made: list[Opcode] = []
    for _ in range(count):
        start = p.at
        kind, _, flags, length = (int(v) for v in p.take("u4", 4))
        payload = p.take("u1", length).tobytes()
        name, read = _KNOWN.get(kind, (f"opcode {kind}", lambda _: {}))
        values = read(_Payload(payload, f"{where}: {name}"))
        made.append(Opcode(name, bool(flags & 1), values, raw[start : p.at]))
    return tuple(made)


def opcode_bytes(opcodes: tuple[Opcode, ...]) -> bytes:
    """The list as a DNG stores it."""
    return struct.pack(">I", len(opcodes)) + b"".join(o.raw for o in opcodes)
