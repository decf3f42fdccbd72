# SPDX-License-Identifier: Apache-2.0
"""The sites of a sensor: photosites at the same place of the colour cell, an even grid of one colour each.

Noise is measured site by site: neighbours in such a plane see through the same filter and the same amplifier.
A Bayer sensor has four sites (R, Gr, Gb, B), a monochrome one, quad-Bayer sixteen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32, RawFrame, Shot

Box = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True, slots=True)
class Site:
    """One place of the cell: its name, its colour (0 R, 1 G, 2 B) and where and how often it comes."""

    name: str
    colour: int
    at: tuple[int, int]
    period: tuple[int, int]


def sites(shot: Shot) -> tuple[Site, ...]:
    """The sites of a shot.

    Raises
    ------
    InputError
        It is linear RGB: demosaicked or averaged, so its noise is no longer the sensor's.
    """
    if shot.kind == "linear":
        raise InputError(
            f"{shot.path.name or 'a frame'} is linear RGB: its noise is not the sensor's",
            hint="give the raw files as the camera wrote them",
        )
    if shot.kind == "mono":
        return (Site("M", 1, (0, 0), (1, 1)),)
    cell = np.array(shot.pattern).reshape(2, 2) if shot.cell is None else shot.cell
    p, q = cell.shape
    words = shot.filters
    found = [Site(words[int(c)], int(c), (y, x), (p, q)) for (y, x), c in np.ndenumerate(cell)]
    if (p, q) == (2, 2) and sorted(s.colour for s in found) == [0, 1, 1, 2]:
        red = next(s.at[0] for s in found if s.colour == 0)
        green = words[1]
        return tuple(
            s if s.colour != 1 else Site(green + ("r" if s.at[0] == red else "b"), 1, s.at, s.period)
            for s in found
        )
    return tuple(Site(f"{s.name}{k}", s.colour, s.at, s.period) for k, s in enumerate(found))


def planes(frames: Sequence[RawFrame], site: Site, box: Box) -> Float32:
    """``"n h w"``: DN above black of one site inside `box` of each frame."""
    top, left, bottom, right = box
    (y, x), (p, q) = site.at, site.period
    y += top + (-top) % p
    x += left + (-left) % q
    rows, columns = np.arange(y, bottom, p), np.arange(x, right, q)
    black = _black(frames[0].shot, rows, columns)
    return np.stack([f.dn[y:bottom:p, x:right:q].astype(np.float32) - black for f in frames])


def cropped(frame: RawFrame, box: Box, period: int = 12) -> tuple[RawFrame, Box]:
    """The part of a frame around `box` that begins on a whole cell, as a frame that owns its samples, and the
    box in it: what is measured of many frames need not keep the rest of them in memory.
    """
    top, left, bottom, right = box
    y, x = top // period * period, left // period * period
    shot = frame.shot
    rows = None if shot.black_rows is None else shot.black_rows[y:bottom]
    columns = None if shot.black_columns is None else shot.black_columns[x:right]
    black = np.roll(shot.black, (-y, -x), axis=(0, 1))
    dn = frame.dn[y:bottom, x:right].copy()
    part = replace(shot, size=dn.shape[:2], black=black, black_rows=rows, black_columns=columns)
    return RawFrame(dn, part), (top - y, left - x, bottom - y, right - x)


def _black(shot: Shot, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Float32:
    pattern = shot.black[..., 0] if shot.black.ndim == 3 else shot.black
    black = pattern[rows % pattern.shape[0]][:, columns % pattern.shape[1]].astype(np.float32)
    if shot.black_rows is not None:
        black = black + shot.black_rows[rows][:, None]
    if shot.black_columns is not None:
        black = black + shot.black_columns[columns][None]
    return black.astype(np.float32)


def middle(size: tuple[int, int], side: int, period: int = 12) -> Box:
    """The central box of at most `side` × `side` pixels that begins on a whole cell of any kind."""
    h, w = size
    high, wide = min(h, side), min(w, side)
    top, left = (h - high) // 2 // period * period, (w - wide) // 2 // period * period
    return top, left, top + high, left + wide
