# SPDX-License-Identifier: Apache-2.0
"""Colour filter arrays: which colour plane every pixel of a sensor sees.

A `CFA` is a cell of plane numbers that repeats over the sensor from its top left.  The planes are what the
filters let through: red, green and blue; red, yellow and blue (yellow gathers red and green: twice the light
for a price in colour noise); or one band without colour.  A raw file names colours by code [1].

References
----------
[1] Digital Negative Specification 1.6, tags CFARepeatPatternDim, CFAPattern and CFAPlaneColor.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import RGGB, Float32, Opcode, Shot, UInt8
from lichtbild.base.params import nearest

Planes = Literal["RGB", "RYB", "M"]
KINDS = (
    "four Bayer phases by their first two rows; docs/concepts/sensor-model.md says what programs make of each"
)


@dataclass(frozen=True, slots=True, eq=False)
class CFA:
    """A colour filter array.

    Attributes
    ----------
    name : str
        As in `CFAS`.
    cell : UInt8 "p q"
        Plane of every place in the cell, 0 … 2; of two-colour planes the third is blue.
    planes : {"RGB", "RYB", "M"}
        What the planes 0, 1, 2 see; ``M``: one wide band, in plane 1.
    """

    name: str
    cell: UInt8
    planes: Planes = "RGB"

    @property
    def bayer(self) -> tuple[int, int, int, int] | None:
        """The 2×2 cell row by row, where it is one (RYYB's too, with yellow as 1); else None."""
        if self.cell.shape != (2, 2):
            return None
        a, b, c, d = (int(v) for v in self.cell.flat)
        return a, b, c, d

    def on(self, shot: Shot) -> Shot:
        """`shot` as taken through these filters: its kind, pattern, cell and filters."""
        if self.planes == "M":
            return replace(shot, kind="mono", pattern=RGGB, cell=None, filters="RGB")
        cell = None if self.bayer else self.cell
        return replace(shot, kind="bayer", pattern=self.bayer or RGGB, cell=cell, filters=self.planes)

    def mosaic(self, planes: Float32) -> Float32:
        """What of ``"h w 3"`` every pixel sees, ``"h w"``."""
        h, w = planes.shape[:2]
        p, q = self.cell.shape
        out = np.empty((h, w), planes.dtype)
        for y in range(p):
            for x in range(q):
                out[y::p, x::q] = planes[y::p, x::q, self.cell[y, x]]
        return out


def _cell(rows: str, letters: str = "RGB", block: int = 1) -> UInt8:
    cell = np.array([[letters.index(c) for c in row] for row in rows.split()], np.uint8)
    return np.repeat(np.repeat(cell, block, axis=0), block, axis=1)


CFAS: Mapping[str, CFA] = {
    cfa.name: cfa
    for cfa in (
        CFA("rggb", _cell("RG GB")),
        CFA("grbg", _cell("GR BG")),
        CFA("gbrg", _cell("GB RG")),
        CFA("bggr", _cell("BG GR")),
        CFA("quad", _cell("RG GB", block=2)),
        CFA("nona", _cell("RG GB", block=3)),
        CFA("ryyb", _cell("RY YB", "RYB"), "RYB"),
        CFA("mono", _cell("M", "-M"), "M"),
        CFA("xtrans", _cell("RBGBRG GGRGGB GGBGGR BRGRBG GGBGGR GGRGGB")),
    )
}


def known_cfa(name: str) -> CFA:
    """A colour filter array by name: rggb grbg gbrg bggr quad nona ryyb mono xtrans.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name not in CFAS:
        raise InputError(f"cfa = {name!r} is not one of {', '.join(CFAS)}{nearest(name, CFAS)}", hint=KINDS)
    return CFAS[name]


def gain_maps(gains: Float32, cfa: CFA, size: tuple[int, int]) -> tuple[Opcode, ...]:
    """GainMaps for OpcodeList2 (DNG 1.6, opcode 9), one for every place of the cell.

    Parameters
    ----------
    gains : Float32 "3 v h"
        What undoes the lens shading of each plane.
    cfa : CFA
        Whose cell it is.
    size : tuple of int
        (height, width) of the sensor.
    """
    p, q = cfa.cell.shape
    return tuple(
        _gain_map(gains[cfa.cell[y, x]], (y, x, *size, 0, 1, p, q)) for y in range(p) for x in range(q)
    )


def _gain_map(gain: Float32, area: tuple[int, ...]) -> Opcode:
    v, h = gain.shape
    spacing = (1 / (v - 1), 1 / (h - 1))
    payload = struct.pack(">10I4dI", *area, v, h, *spacing, 0.0, 0.0, 1) + gain.astype(">f4").tobytes()
    raw = struct.pack(">4I", 9, 0x01030000, 0, len(payload)) + payload
    values = {"area": area, "spacing": spacing, "origin": (0.0, 0.0), "gain": gain[:, :, None]}
    return Opcode("GainMap", False, values, raw)
