# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a DNG lie: strips or tiles, how they are packed, and which of them are the picture.

Everything is checked against the size of the file before a byte is allocated: blocks lie inside it, do not
overlap, are as many as the picture needs, and not absurdly few for the pixels they claim to hold.

References
----------
[1] TIFF revision 6.0, Adobe, 1992, "Tiled Images".
[2] Digital Negative Specification 1.7.1, chapters 2 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import UInt16

CFA, LINEAR_RAW = 32803, 34892
MOST_PIXELS = 300_000_000
PLAIN, LOSSLESS_JPEG, DEFLATE, OLD_DEFLATE, JPEG_XL = 1, 7, 8, 32946, 52546
VC5 = 9
_DENSEST = {JPEG_XL: 4096, DEFLATE: 1100, OLD_DEFLATE: 1100}  # bits of pixels in a bit of the file
_LARGEST_TILE = 1 << 14  # pixels a side, of tiles larger than the picture
_FLOAT = 3
Area = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the pixels are stored, and where the picture lies in them.

    ``active`` is ``(top, left, bottom, right)``, ``block`` the (height, width) of a strip or tile, ``blocks``
    their (offset, bytes), row by row and plane after plane where ``planar``.  ``interleave`` is into how many
    fields rows and columns are sorted; ``table`` turns stored into linear numbers; ``masked`` are dark areas.
    """

    size: tuple[int, int]
    active: Area
    samples: int = 1
    bits: int = 16
    floating: bool = False
    packing: int = PLAIN
    predictor: int = 1
    planar: bool = False
    block: tuple[int, int] = (0, 0)
    blocks: tuple[tuple[int, int], ...] = ()
    order: str = "<"
    interleave: tuple[int, int] = (1, 1)
    table: UInt16 | None = None
    masked: tuple[Area, ...] = ()
    whites: tuple[float, ...] = ()  # per plane, where they differ
    tiled: bool = False  # blocks at the border are whole, too

    @property
    def as_is(self) -> bool:
        """Whether the file holds the numbers in rows of 16 bits, so that nothing need be decoded."""
        return (
            (self.packing, self.bits, self.predictor, self.floating) == (PLAIN, 16, 1, False)
            and self.block[1] == self.size[1]
            and self.interleave == (1, 1)
            and self.table is None
            and not self.planar
        )


def read_layout(raw: Directory) -> Layout:
    """How the pixels of a raw directory are stored.

    Raises
    ------
    UnsupportedRaw
        Pixels of a kind that is not read here.
    CorruptRaw
        A layout that cannot be.
    """
    h, w = raw.integer(257, 0), raw.integer(256, 0)
    if h < 1 or w < 1 or h * w > MOST_PIXELS:
        raise CorruptRaw(f"{raw.path}: {w} × {h} pixels, allowed are 1 … {MOST_PIXELS // 10**6} million")
    bits, floating = _bits(raw)
    samples, planar = raw.integer(277, 1), raw.integer(284, 1) == 2
    block = _block(raw, h, w)
    blocks = _blocks(raw)
    packing = raw.integer(259, 1)
    across, down = -(-w // block[1]), -(-h // block[0])
    wanted = across * down * (samples if planar else 1)
    if len(blocks) != wanted:
        raise CorruptRaw(f"{raw.path}: {len(blocks)} strips or tiles, its {w} × {h} pixels need {wanted}")
    length = sum(n for _, n in blocks)
    if h * w * samples * bits > _DENSEST.get(packing, 64) * 8 * length:
        raise CorruptRaw(f"{raw.path}: {length} bytes cannot hold the {h * w} pixels it claims")
    return Layout(
        (h, w),
        _active(raw, h, w),
        samples,
        bits,
        floating,
        packing,
        raw.integer(317, 1),
        planar,
        block,
        blocks,
        raw.order,
        _interleave(raw, h, w),
        _table(raw),
        _masked(raw, h, w),
        tiled=324 in raw,
    )


def _bits(raw: Directory) -> tuple[int, bool]:
    stated = raw.numbers(258) or (1,)
    if len(set(stated)) > 1 or not all(v.is_integer() for v in map(float, stated)):
        raise UnsupportedRaw(f"{raw.path} has {stated} bits per colour, allowed is the same for all")
    bits, floating = int(stated[0]), any(v == _FLOAT for v in raw.numbers(339) or ())
    if floating and bits not in (16, 24, 32):
        raise UnsupportedRaw(f"{raw.path} holds {bits}-bit floating-point pixels, allowed are 16, 24, 32")
    if not floating and not 1 <= bits <= 16:
        raise UnsupportedRaw(f"{raw.path} holds {bits}-bit pixels, allowed are up to 16 bits")
    return bits, floating


def _block(raw: Directory, h: int, w: int) -> tuple[int, int]:
    if 324 not in raw:
        rows = raw.integer(278, h)
        return (rows if 0 < rows < h else h), w
    tall, wide = raw.integer(323, 0), raw.integer(322, 0)
    if not (0 < tall <= max(h, _LARGEST_TILE) and 0 < wide <= max(w, _LARGEST_TILE)):
        raise CorruptRaw(f"{raw.path}: tiles of {wide} × {tall} pixels in a picture of {w} × {h}")
    if tall * wide > max(4 * h * w, 1 << 22):
        raise CorruptRaw(f"{raw.path}: tiles of {wide} × {tall} pixels in a picture of {w} × {h}")
    return tall, wide


def _blocks(raw: Directory) -> tuple[tuple[int, int], ...]:
    """Strips and tiles lie inside the file and do not overlap."""
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
    return tuple((int(s), int(n)) for s, n in zip(starts, lengths, strict=True))


def _active(raw: Directory, h: int, w: int) -> Area:
    top, left, bottom, right = (int(v) for v in raw.numbers(50829, 4) or (0, 0, h, w))
    if not (0 <= top < bottom <= h and 0 <= left < right <= w):
        raise CorruptRaw(
            f"{raw.path}: ActiveArea {(top, left, bottom, right)} does not fit into {w} × {h} pixels"
        )
    if raw.integer(262, 0) == CFA and min(bottom - top, right - left) < 2:
        raise CorruptRaw(
            f"{raw.path}: a mosaic of {right - left} × {bottom - top} pixels, allowed is from 2 × 2"
        )
    return top, left, bottom, right


def _interleave(raw: Directory, h: int, w: int) -> tuple[int, int]:
    rows, columns = raw.integer(50975, 1), raw.integer(52547, 1)
    if not (1 <= rows <= h and 1 <= columns <= w):
        raise CorruptRaw(f"{raw.path}: rows in {rows} and columns in {columns} fields, of {w} × {h} pixels")
    if any(v != 1 for v in raw.numbers(50974) or ()):
        raise UnsupportedRaw(f"{raw.path} has tiles made of smaller tiles: not a raw lichtbild can read")
    return rows, columns


def _table(raw: Directory) -> UInt16 | None:
    values = raw.numbers(50712)
    if values is None:
        return None
    if not values or min(values) < 0 or max(values) > 65535:
        raise CorruptRaw(f"{raw.path}: LinearizationTable is impossible, allowed are 0 … 65535")
    return np.array(values, np.uint16)


def _masked(raw: Directory, h: int, w: int) -> tuple[Area, ...]:
    values = [int(v) for v in raw.numbers(50830) or ()]
    areas = [(t, l, b, r) for t, l, b, r in zip(*(values[k::4] for k in range(4)), strict=False)]
    if len(values) % 4 or not all(0 <= t < b <= h and 0 <= l < r <= w for t, l, b, r in areas):
        raise CorruptRaw(f"{raw.path}: MaskedAreas {values} do not fit into {w} × {h} pixels")
    return tuple(areas)


def default_crop(raw: Directory, active: Area) -> Area | None:
    """What the maker shows of the active area, ``(top, left, height, width)`` in it; None where all of it."""
    size = raw.numbers(50720, 2)
    if size is None:
        return None
    h, w = active[2] - active[0], active[3] - active[1]
    left, top = (max(0, round(v)) for v in raw.numbers(50719, 2) or (0.0, 0.0))
    height, width = min(round(size[1]), h - top), min(round(size[0]), w - left)
    if height < 1 or width < 1:
        raise CorruptRaw(f"{raw.path}: DefaultCrop {size} at {(left, top)} shows nothing of {w} × {h} pixels")
    return (top, left, height, width) if (height, width) != (h, w) else None
