# SPDX-License-Identifier: Apache-2.0
"""DNG: what the file says about its pixels, read by ourselves.

LibRaw unpacks the pixels but keeps most of what makes a DNG worth having to itself: noise profile, both
colour matrices and their illuminants, forward matrices, HueSatMap, opcodes, black-level deltas.  `read_tags`
reads them all into a `Shot`, apart from the exposure and time, which `exif` reads.

The CFA pattern, black levels, deltas and opcodes of a DNG count from the top left of its *active area*, so
nothing has to be shifted once the frame is cropped to it.

References
----------
[1] Digital Negative Specification 1.6, chapters 3 and 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import Kind, Noise, Shot
from lichtbild.base.tiff import SUB_IFDS
from lichtbild.capture.blocks import CFA, LINEAR_RAW, MOST_PIXELS, VC5, Layout, default_crop, read_layout
from lichtbild.capture.cell import read_cell
from lichtbild.capture.exif import exposure_tags
from lichtbild.capture.gain_table import gain_tables
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.profile import read_colour, read_neutral, triple

__all__ = ["MOST_PIXELS", "Layout", "even_tiles", "is_dng", "read_tags"]

DNG_VERSION, BLACK_REPEAT, BLACK, BLACK_H, BLACK_V, WHITE = 50706, 50713, 50714, 50715, 50716, 50717
BASELINE, NOISE = 50730, 51041
YELLOW = 5  # code of a colour filter


def is_dng(chain: list[Directory]) -> bool:
    """Whether the directories are those of a DNG."""
    return bool(chain) and DNG_VERSION in chain[0]


def read_tags(chain: list[Directory]) -> tuple[Shot, Layout]:
    """All that a DNG says about one exposure.

    Raises
    ------
    UnsupportedRaw
        No raw image inside, or one of a kind that is not read here (the sentence says which).
    CorruptRaw
        Contradicts itself.
    """
    top = chain[0]
    raw = _raw_directory(chain)
    kind, samples = _kind(raw)
    layout = read_layout(raw)
    size = (layout.active[2] - layout.active[0], layout.active[3] - layout.active[1])
    planes = _planes(raw) if kind == "bayer" else (0, 1, 2)
    shot = Shot(path=raw.path, size=size, kind=kind)
    shot = replace(shot, **exposure_tags(chain), **_levels(raw, samples, size))
    whites = _whites(raw, layout)
    shot = replace(shot, white=max(whites))
    layout = replace(layout, whites=whites if len(whites) > 1 else ())
    if BLACK in raw:
        layout = replace(layout, masked=())
    if kind == "bayer":
        shot = replace(shot, **_mosaic(raw))
    colour = read_colour(top, planes)
    noise = _noise(raw if NOISE in raw else top, planes)
    lists = tuple(
        read_opcodes(raw.payload(tag), raw.path, n + 1) for n, tag in enumerate((51008, 51009, 51022))
    )
    baseline = (top.number(BASELINE) or 0.0) + (top.number(51109) or 0.0)
    return replace(
        shot,
        unique=top.text(50708),
        neutral=read_neutral(top, colour, planes),
        colour=colour,
        noise=noise,
        baseline_exposure=baseline,
        opcodes=(lists[0], lists[1], lists[2]),
        crop=default_crop(raw, layout.active),
        exif={**shot.exif, "raw": gain_tables(top) | gain_tables(raw)},
    ), layout


# ---- the pixels


def _raw_directory(chain: list[Directory]) -> Directory:
    found = [
        d
        for top in chain
        for d in (top, *top.children.get(SUB_IFDS, []))
        if d.integer(262, 0) in (CFA, LINEAR_RAW) and d.integer(254, 0) == 0
    ]
    if not found:
        raise UnsupportedRaw(f"{chain[0].path} is a DNG without a raw image inside")
    return max(found, key=lambda d: d.integer(256, 0) * d.integer(257, 0))


def _kind(raw: Directory) -> tuple[Kind, int]:
    samples = raw.integer(277, 1)
    if raw.integer(259, 1) == VC5:
        raise UnsupportedRaw(
            f"{raw.path} is a GPR (VC-5) file: not a raw lichtbild can read",
            hint="convert it to DNG with gpr_tools or Adobe DNG Converter",
        )
    if raw.integer(262, 0) == LINEAR_RAW:
        if samples not in (1, 3):
            raise UnsupportedRaw(f"{raw.path} has {samples} colours, allowed are 1 and 3")
        return ("mono" if samples == 1 else "linear"), samples
    if samples != 1:
        raise CorruptRaw(f"{raw.path}: {samples} samples per photosite, expected 1")
    return "bayer", 1


def _planes(raw: Directory) -> tuple[int, int, int]:
    """Where red, green (or yellow) and blue stand among the colour planes of the file."""
    order = tuple(int(v) for v in raw.numbers(50710) or (0, 1, 2))
    if sorted(order) not in ([0, 1, 2], [0, 2, YELLOW]):
        raise UnsupportedRaw(
            f"{raw.path} has the colours {order}, allowed are red, green or yellow, and blue"
        )
    return order.index(0), order.index(YELLOW if YELLOW in order else 1), order.index(2)


def _mosaic(raw: Directory) -> dict[str, Any]:
    """Pattern or cell, and filters."""
    dim = tuple(int(v) for v in raw.numbers(33421, 2) or (2, 2))
    codes = tuple(int(v) for v in raw.numbers(33422) or ())
    if len(codes) != dim[0] * dim[1] or not codes:
        raise CorruptRaw(f"{raw.path}: {len(codes)} colours in a mosaic cell of {dim[0]} × {dim[1]}")
    filters = "RYB" if YELLOW in (raw.numbers(50710) or ()) else "RGB"
    cell = tuple(1 if c == YELLOW else c for c in codes) if filters == "RYB" else codes
    if raw.integer(50711, 1) != 1:
        raise UnsupportedRaw(f"{raw.path} has staggered photosites, allowed is a rectangular layout")
    return {**read_cell(np.array(cell).reshape(dim), raw.path), "filters": filters}


def _levels(raw: Directory, samples: int, size: tuple[int, int]) -> dict[str, Any]:
    rows, columns = (int(v) for v in raw.numbers(BLACK_REPEAT, 2) or (1, 1))
    if not (1 <= rows <= 64 and 1 <= columns <= 64):
        raise CorruptRaw(
            f"{raw.path}: black levels repeat every {rows} × {columns} pixels, allowed is 1 … 64"
        )
    levels = raw.numbers(BLACK) or (0.0,) * (rows * columns * samples)
    if len(levels) == 1:
        levels = levels * (rows * columns * samples)
    if len(levels) != rows * columns * samples:
        raise CorruptRaw(f"{raw.path}: {len(levels)} black levels, expected {rows * columns * samples}")
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    black = even_tiles(np.array(levels, np.float32).reshape(shape))
    deltas = {"black_columns": _delta(raw, BLACK_H, size[1]), "black_rows": _delta(raw, BLACK_V, size[0])}
    return {"black": black, **deltas}


def _whites(raw: Directory, layout: Layout) -> tuple[float, ...]:
    """The white of each plane; where they hardly differ, the least of them for all."""
    usual = 1.0 if layout.floating else 2.0**layout.bits - 1
    whites = tuple(float(v) for v in raw.numbers(WHITE) or (usual,))
    if len(whites) not in (1, layout.samples) or min(whites) <= 0:
        raise CorruptRaw(f"{raw.path}: white levels {whites}, expected {layout.samples} above 0")
    if max(whites) - min(whites) > 0.01 * max(whites):
        return whites
    return (min(whites),)


def even_tiles(black: NDArray[np.float32]) -> NDArray[np.float32]:
    """`black` repeated until both sides are multiples of two."""
    repeat = (2 - (black.shape[0] + 1) % 2, 2 - (black.shape[1] + 1) % 2) + (1,) * (black.ndim - 2)
    return np.ascontiguousarray(np.tile(black, repeat))


def _delta(raw: Directory, tag: int, length: int) -> NDArray[np.float32] | None:
    values = raw.numbers(tag)
    if values is None:
        return None
    if len(values) != length:
        raise CorruptRaw(f"{raw.path}: tag {tag} has {len(values)} black-level deltas, expected {length}")
    return np.array(values, np.float32)


def _noise(raw: Directory, planes: tuple[int, int, int]) -> Noise | None:
    pairs = raw.numbers(NOISE)
    if pairs is None:
        return None
    if len(pairs) not in (2, 6) or min(pairs[0::2]) < 0 or max(pairs) > 1:
        raise CorruptRaw(f"{raw.path}: NoiseProfile {pairs} is impossible")
    if max(pairs) == 0:
        return None
    order = planes if len(pairs) == 6 else (0, 0, 0)
    shot, read = (triple([max(pairs[2 * p + k], 0.0) for p in order]) for k in (0, 1))
    return Noise(shot, read)
