# SPDX-License-Identifier: Apache-2.0
"""The cell of a colour filter array: which ones are read here, what they are called, and which photosites of
one colour lie around each of its places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import UnsupportedRaw
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, RawFrame, UInt8, UInt16

LARGEST = 12  # rows and columns of a cell
_BAYER = (RGGB, GRBG, GBRG, BGGR)
_BLOCKS = {2: "quad-Bayer", 3: "nona-Bayer", 4: "hexadeca-Bayer"}
_XTRANS = (8, 20, 8)  # red, green, blue of its 36 photosites
_READ = "allowed are cells of red, green (or yellow) and blue up to 12 × 12"
_FAR = 8  # photosites: where the search for others of one colour ends


def read_cell(cell: NDArray[Any], path: Path) -> dict[str, Any]:
    """``pattern`` and ``cell`` of a `Shot` for the colours ``"p q"`` that a file names, 0 … 2.

    Raises
    ------
    UnsupportedRaw
        A cell that no stage can take: a fourth colour, one that is missing, or too large.
    """
    p, q = cell.shape
    colours = set(cell.ravel().tolist())
    if colours != {0, 1, 2} or max(p, q) > LARGEST:
        raise UnsupportedRaw(
            f"{path} has a {p} × {q} mosaic of the colour filters {tuple(cell.ravel().tolist())}, {_READ}",
            hint="a program that knows the camera can write a DNG of linear RGB",
        )
    flat = tuple(int(v) for v in cell.flat)
    if (p, q) == (2, 2) and flat in _BAYER:
        return {"pattern": flat, "cell": None}
    return {"cell": np.ascontiguousarray(cell, np.uint8)}


def cell_name(cell: UInt8) -> str:
    """What people call a cell ``"p q"`` of colours 0 … 2: "quad-Bayer 4 × 4", "X-Trans 6 × 6" …"""
    p, q = cell.shape
    name = "colour filter"
    for block, words in _BLOCKS.items():
        small = cell[::block, ::block]
        known = small.shape == (2, 2) and tuple(small.flat) in _BAYER
        if known and np.array_equal(cell, np.repeat(np.repeat(small, block, 0), block, 1)):
            name = words
    if (p, q) == (6, 6) and tuple(np.bincount(cell.ravel(), minlength=3)) == _XTRANS:
        name = "X-Trans"
    return f"{name} {p} × {q}"


def places(frame: RawFrame) -> list[tuple[UInt16, float, int]]:
    """The photosites at every place of the cell (at least 2 × 2 places), or the planes of a linear raw: their
    digital numbers, mean black level and colour (of a mono sensor, 0).
    """
    shot, dn = frame.shot, frame.dn
    if dn.ndim == 3:
        black = shot.black if shot.black.ndim == 3 else shot.black[..., None]
        return [(dn[..., c], float(black[..., c % black.shape[2]].mean()), c) for c in range(3)]
    p, q = (max(2, n) for n in shot.sites.shape)
    high, wide = (int(np.lcm(a, b)) for a, b in zip(shot.black.shape, (p, q), strict=True))
    black = np.tile(shot.black, (high // shot.black.shape[0], wide // shot.black.shape[1]))
    cell = shot.sites if shot.kind == "bayer" else np.zeros((2, 2), np.uint8)
    return [
        (dn[i::p, j::q], float(black[i::p, j::q].mean()), int(cell[i, j])) for i in range(p) for j in range(q)
    ]


# ---- neighbours


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """Photosites of one colour around every place of a cell ``"p q"``, as steps (y, x).

    ``same: Int "p q 8 2"`` the eight nearest of the place's own colour; ``pairs: Int "p q n 2 2"`` those that
    lie opposite each other, nearest first, filled up by repeating; ``beyond: Int "p q 4 3 2"`` for the direct
    neighbours right, left, below and above: three of the neighbour's own colour, on its far side.  ``reach``:
    so many photosites of one colour may lie in a row.
    """

    same: NDArray[np.intp]
    pairs: NDArray[np.intp]
    beyond: NDArray[np.intp]
    reach: int


DIRECT = ((0, 1), (0, -1), (1, 0), (-1, 0))
_RING = ((-2, -2), (-2, 0), (-2, 2), (0, -2), (0, 2), (2, -2), (2, 0), (2, 2))


def around(cell: UInt8) -> Around:
    """The photosites around every place of `cell`; found once."""
    return _around(cell.shape, tuple(int(v) for v in cell.flat))


@lru_cache(maxsize=16)
def _around(shape: tuple[int, int], colours: tuple[int, ...]) -> Around:
    cell = np.array(colours, np.uint8).reshape(shape)
    square = max(shape) <= 2  # the lattices of Bayer and mono: two away is the same place again
    places = [(y, x) for y in range(shape[0]) for x in range(shape[1])]
    pairs = [_pairs(_alike(cell, *place)) for place in places]
    most = max(len(p) for p in pairs)
    pairs = [p + [p[-1]] * (most - len(p)) for p in pairs]
    same = [list(_RING) if square else _alike(cell, *place)[:8] for place in places]
    beyond = [[_beyond(cell, place, way, square) for way in DIRECT] for place in places]
    return Around(
        np.array(same, np.intp).reshape(*shape, len(same[0]), 2),
        np.array(pairs, np.intp).reshape(*shape, most, 2, 2),
        np.array(beyond, np.intp).reshape(*shape, len(beyond[0]), 3, 2),
        longest_run(cell),
    )


def longest_run(cell: UInt8, but: int | None = None) -> int:
    """How many photosites of one colour (any, `but` one) lie in a row at most, along rows or columns."""
    longest = 1
    for line in (*np.tile(cell, 2), *np.tile(cell.T, 2)):
        run = 1
        for a, b in pairwise(line.tolist()):
            run = run + 1 if a == b != but else 1
            longest = max(longest, run)
    return longest


def _alike(cell: UInt8, y: int, x: int) -> list[tuple[int, int]]:
    """Steps from a place to the photosites of its colour, nearest first."""
    p, q = cell.shape
    steps = [
        (dy, dx)
        for dy in range(-_FAR, _FAR + 1)
        for dx in range(-_FAR, _FAR + 1)
        if cell[(y + dy) % p, (x + dx) % q] == cell[y, x] and (dy, dx) != (0, 0)
    ]
    return sorted(steps, key=lambda s: s[0] ** 2 + s[1] ** 2)


def _pairs(alike: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Opposite pairs of them within three photosites, or as far as the first two pairs are."""
    found: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for reach in range(3, _FAR + 1):
        near = [s for s in alike if s[0] ** 2 + s[1] ** 2 <= reach**2]
        found = [
            (a, b)
            for i, a in enumerate(near)
            for b in near[i + 1 :]
            if a[0] * b[1] == a[1] * b[0] and a[0] * b[0] + a[1] * b[1] < 0
        ]
        if len(found) >= 2:
            break
    return sorted(found, key=lambda ab: sum((s[0] ** 2 + s[1] ** 2) ** 0.5 for s in ab))


def _beyond(cell: UInt8, place: tuple[int, int], way: tuple[int, int], square: bool) -> list[tuple[int, int]]:
    dy, dx = way
    if square:
        return [(3 * dy, 3 * dx), (dy + 2 * dx, dx + 2 * dy), (dy - 2 * dx, dx - 2 * dy)]
    p, q = cell.shape
    there = _alike(cell, (place[0] + dy) % p, (place[1] + dx) % q)
    away = [s for s in there if s[0] * dy + s[1] * dx >= 0]  # no nearer to the place
    return [(dy + s[0], dx + s[1]) for s in away if (dy + s[0], dx + s[1]) != (0, 0)][:3]
