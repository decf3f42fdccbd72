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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import Kind, Noise, Shot
from lichtbild.base.tiff import SUB_IFDS
from lichtbild.capture.cell import bayer, refused
from lichtbild.capture.exif import exposure_tags
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.profile import read_colour, read_neutral, triple

CFA, LINEAR_RAW = 32803, 34892
MOST_PIXELS = 300_000_000

DNG_VERSION, BLACK_REPEAT, BLACK, BLACK_H, BLACK_V, WHITE = 50706, 50713, 50714, 50715, 50716, 50717
BASELINE, ACTIVE_AREA, NOISE = 50730, 50829, 51041
YELLOW = 5  # code of a colour filter


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the pixels are: the stored size and the active area ``(top, left, bottom, right)`` in it.

    ``strips`` are (offset, bytes) of plain 16-bit pixels that need no decoder (none where they do), in byte
    ``order``.
    """

    size: tuple[int, int]
    active: tuple[int, int, int, int]
    samples: int = 1
    strips: tuple[tuple[int, int], ...] = ()
    order: str = "<"


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
    layout = _layout(raw)
    size = (layout.active[2] - layout.active[0], layout.active[3] - layout.active[1])
    planes = _planes(raw) if kind == "bayer" else (0, 1, 2)
    shot = Shot(path=raw.path, size=size, kind=kind)
    shot = replace(shot, **exposure_tags(chain), **_levels(raw, samples, size))
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
    compression = raw.integer(259, 1)
    if compression == 9:
        raise UnsupportedRaw(
            f"{raw.path} is a GPR (VC-5) file: not a raw lichtbild can read",
            hint="convert it to DNG with gpr_tools or Adobe DNG Converter",
        )
    if compression == 52546:
        raise UnsupportedRaw(
            f"{raw.path} holds JPEG XL: not a raw lichtbild can read",
            hint="convert it to a DNG with lossless JPEG or without compression",
        )
    if any(v == 3 for v in raw.numbers(339) or ()):
        raise UnsupportedRaw(
            f"{raw.path} holds floating-point pixels: not a raw lichtbild can read",
            hint="write a DNG of 16-bit integers",
        )
    if max(raw.numbers(258) or (16,)) > 16:
        raise UnsupportedRaw(f"{raw.path} holds {raw.integer(258, 16)}-bit pixels, allowed are up to 16 bits")
    if raw.integer(262, 0) == LINEAR_RAW:
        if samples not in (1, 3):
            raise UnsupportedRaw(f"{raw.path} has {samples} colours, allowed are 1 and 3")
        return ("mono" if samples == 1 else "linear"), samples
    if samples != 1:
        raise CorruptRaw(f"{raw.path}: {samples} samples per photosite, expected 1")
    return "bayer", 1


def _layout(raw: Directory) -> Layout:
    h, w = raw.integer(257, 0), raw.integer(256, 0)
    if h < 1 or w < 1 or h * w > MOST_PIXELS:
        raise CorruptRaw(f"{raw.path}: {w} × {h} pixels, allowed are 1 … {MOST_PIXELS // 10**6} million")
    top, left, bottom, right = (int(v) for v in raw.numbers(ACTIVE_AREA, 4) or (0, 0, h, w))
    if not (0 <= top < bottom <= h and 0 <= left < right <= w):
        raise CorruptRaw(
            f"{raw.path}: ActiveArea {(top, left, bottom, right)} does not fit into {w} × {h} pixels"
        )
    if raw.integer(262, 0) == CFA and min(bottom - top, right - left) < 2:
        raise CorruptRaw(
            f"{raw.path}: a mosaic of {right - left} × {bottom - top} pixels, allowed is from 2 × 2"
        )
    _check_blocks(raw, h * w)
    return Layout((h, w), (top, left, bottom, right), raw.integer(277, 1), _strips(raw, h, w), raw.order)


def _strips(raw: Directory, h: int, w: int) -> tuple[tuple[int, int], ...]:
    samples = raw.integer(277, 1)
    plain = (
        raw.integer(259, 1) == 1
        and set(raw.numbers(258) or ()) == {16.0}
        and raw.integer(284, 1) == 1
        and raw.integer(317, 1) == 1
        and 50712 not in raw
        and 324 not in raw
    )
    lengths = [int(v) for v in raw.numbers(279) or ()]
    rows = raw.integer(278, h) or h
    wanted = [2 * w * samples * min(rows, h - y) for y in range(0, h, rows)] if rows > 0 else []
    if not plain or lengths != wanted:
        return ()
    return tuple(zip((int(v) for v in raw.numbers(273) or ()), lengths, strict=True))


def _check_blocks(raw: Directory, pixels: int) -> None:
    """Strips and tiles lie inside the file, do not overlap, and are not absurdly few for their pixels."""
    starts = raw.numbers(324) or raw.numbers(273) or ()
    lengths = raw.numbers(325) or raw.numbers(279) or ()
    if not starts or len(starts) != len(lengths):
        raise CorruptRaw(f"{raw.path}: {len(starts)} pixel blocks with {len(lengths)} lengths")
    size, behind = raw.path.stat().st_size, 0.0
    for start, length in sorted(zip(starts, lengths, strict=True)):
        if start < behind:
            raise CorruptRaw(f"{raw.path}: pixel blocks overlap at {start:.0f}")
        behind = start + length
    if behind > size:
        raise CorruptRaw(
            f"{raw.path} is cut short: pixels reach to {behind:.0f}, the file has {size} bytes",
            hint="copy the file again",
        )
    bits = raw.integer(258, 16) * raw.integer(277, 1)
    if pixels * bits > 64 * 8 * sum(lengths):
        raise CorruptRaw(f"{raw.path}: {sum(lengths):.0f} bytes cannot hold the {pixels} pixels it claims")


def _planes(raw: Directory) -> tuple[int, int, int]:
    """Where red, green (or yellow) and blue stand among the colour planes of the file."""
    order = tuple(int(v) for v in raw.numbers(50710) or (0, 1, 2))
    if sorted(order) not in ([0, 1, 2], [0, 2, YELLOW]):
        raise UnsupportedRaw(
            f"{raw.path} has the colours {order}, allowed are red, green or yellow, and blue"
        )
    return order.index(0), order.index(YELLOW if YELLOW in order else 1), order.index(2)


def _mosaic(raw: Directory) -> dict[str, Any]:
    """Pattern and filters of a Bayer mosaic."""
    dim = tuple(int(v) for v in raw.numbers(33421) or (2, 2))
    codes = tuple(int(v) for v in raw.numbers(33422) or ())
    filters = "RYB" if YELLOW in (raw.numbers(50710) or ()) else "RGB"
    cell = tuple(1 if c == YELLOW else c for c in codes) if filters == "RYB" else codes
    if dim != (2, 2):
        p, q = dim[0], dim[-1]
        if len(cell) != p * q or max(cell, default=9) > 2:
            raise UnsupportedRaw(
                f"{raw.path} has a {p} × {q} mosaic of the colour filters {cell}, "
                "allowed is a 2 × 2 Bayer pattern"
            )
        raise refused(raw.path, np.array(cell, np.uint8).reshape(dim))
    if raw.integer(50711, 1) != 1:
        raise UnsupportedRaw(f"{raw.path} has staggered photosites, allowed is a rectangular layout")
    return {"pattern": bayer(cell, raw.path), "filters": filters}


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
    whites = raw.numbers(WHITE) or (2.0 ** raw.integer(258, 16) - 1,)
    if max(whites) - min(whites) > 0.01 * max(whites):
        raise UnsupportedRaw(f"{raw.path} has different white levels per colour {whites}")
    deltas = {"black_columns": _delta(raw, BLACK_H, size[1]), "black_rows": _delta(raw, BLACK_V, size[0])}
    return {"black": black, "white": float(min(whites)), **deltas}


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
