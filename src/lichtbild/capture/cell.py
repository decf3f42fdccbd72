# SPDX-License-Identifier: Apache-2.0
"""The cell of a colour filter array: which ones are read here, and what the others are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lichtbild.base.errors import UnsupportedRaw
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, Shot, UInt8

_BLOCKS = {2: "quad-Bayer", 3: "nona-Bayer", 4: "hexadeca-Bayer"}
_XTRANS = (8, 20, 8)  # red, green, blue of its 36 photosites
_CONVERT = "a program that bins it or demosaics it can write a DNG of a 2 × 2 Bayer pattern or of linear RGB"


def bayer(cell: tuple[int, ...], path: Path) -> tuple[int, int, int, int]:
    """`cell` if it is one of the four Bayer phases.

    Raises
    ------
    UnsupportedRaw
        It is something else.
    """
    if cell in (RGGB, GRBG, GBRG, BGGR):
        return cell[0], cell[1], cell[2], cell[3]
    raise UnsupportedRaw(
        f"{path} has the colour filters {cell}, allowed are the four phases of a Bayer pattern (RGGB …)"
    )


def cell_name(cell: UInt8) -> str:
    """What people call a cell ``"p q"`` of colours 0 … 2: "quad-Bayer 4 × 4", "X-Trans 6 × 6" …"""
    p, q = cell.shape
    name = "colour filter"
    for block, words in _BLOCKS.items():
        small = cell[::block, ::block]
        known = small.shape == (2, 2) and tuple(small.flat) in (RGGB, GRBG, GBRG, BGGR)
        if known and np.array_equal(cell, np.repeat(np.repeat(small, block, 0), block, 1)):
            name = words
    if (p, q) == (6, 6) and tuple(np.bincount(cell.ravel(), minlength=3)) == _XTRANS:
        name = "X-Trans"
    return f"{name} {p} × {q}"


def refused(path: Path, cell: UInt8) -> UnsupportedRaw:
    """What to raise about a file whose cell is none that the stages know."""
    return UnsupportedRaw(
        f"{path} has the mosaic {cell_name(cell)}, allowed is a 2 × 2 Bayer pattern", hint=_CONVERT
    )


def require_bayer(shot: Shot) -> None:
    """Refuse a shot whose colours do not repeat every 2 × 2 pixels.

    Raises
    ------
    UnsupportedRaw
        With the name of its mosaic.
    """
    if shot.cell is not None:
        raise refused(shot.path, shot.cell)
