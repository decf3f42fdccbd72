# SPDX-License-Identifier: Apache-2.0
"""TIFF fields and files, and the one way a file of ours reaches the disk.

A TIFF file is a linked list of directories of ``(tag, type, count, value or offset)``.  The writer lays out
directories, their children (SubIFDs, EXIF, GPS) and strips or tiles, little-endian; `directories` reads them.

`write_file` writes beside the target and renames: a reader sees the old file or the whole one, never half of
it.

References
----------
[1] TIFF revision 6.0, Adobe, 1992.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from lichtbild.base.errors import ExportError

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD = range(
    1, 14
)
CODES = {
    BYTE: "B",
    ASCII: "c",
    SHORT: "H",
    LONG: "I",
    RATIONAL: "II",
    SBYTE: "b",
    UNDEFINED: "c",
    SSHORT: "h",
    SLONG: "i",
    SRATIONAL: "ii",
    FLOAT: "f",
    DOUBLE: "d",
    IFD: "I",
}
SUB_IFDS, EXIF_IFD, GPS_IFD = 330, 34665, 34853
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTE_COUNTS = 273, 278, 279
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
Chunk = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a directory: its TIFF type and its bytes, little-endian."""

    type: int
    payload: bytes

    @property
    def count(self) -> int:
        """How many values the bytes are."""
        return len(self.payload) // struct.calcsize("<" + CODES[self.type])

    def numbers(self) -> tuple[float, ...]:
        """The values as numbers; a rational over zero is NaN."""
        code = CODES[self.type]
        if code == "c":
            return tuple(self.payload)
        flat = struct.unpack(f"<{self.count * len(code)}{code[0]}", self.payload)
        if len(code) == 1:
            return flat
        return tuple(a / b if b else float("nan") for a, b in zip(flat[::2], flat[1::2], strict=True))

    def text(self) -> str:
        """The value as text, up to the first zero byte."""
        return self.payload.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def ascii_field(text: str) -> Field:
    """Text, closed by a zero byte."""
    return Field(ASCII, text.encode() + b"\0")


def numbers_field(type: int, *values: float) -> Field:
    """Numbers of a TIFF type; rationals are the nearest fractions with a denominator up to a million."""
    code = CODES[type]
    if len(code) == 2:
        most = 2**32 - 1 if type == RATIONAL else 2**31 - 1
        parts: list[int] = []
        for v in values:
            f = Fraction(v).limit_denominator(1_000_000 if abs(v) < most / 1e6 else 1)
            parts += [max(min(f.numerator, most), 0 if type == RATIONAL else -most), f.denominator]
        return Field(type, struct.pack(f"<{len(parts)}{code[0]}", *parts))
    return Field(type, struct.pack(f"<{len(values)}{code}", *values))


def bytes_field(type: int, payload: bytes) -> Field:
    """Bytes as they are (BYTE or UNDEFINED)."""
    return Field(type, bytes(payload))


# ---- writing


@dataclass(slots=True, eq=False)
class Page:
    """One directory to be written: fields, children, and its pixels, in a single strip, in tiles, or none.

    The sides of tiles stand among the fields.
    """

    fields: dict[int, Field]
    children: dict[int, list[Page]] = field(default_factory=dict)
    strip: Chunk | None = None
    tiles: list[bytes] = field(default_factory=list)

    @property
    def blocks(self) -> list[Chunk]:
        """Strip or tiles."""
        return [*self.tiles] if self.strip is None else [self.strip]


def _even(n: int) -> int:
    return n + (n & 1)


def _pages(page: Page) -> list[Page]:
    return [
        page,
        *(p for tag in sorted(page.children) for child in page.children[tag] for p in _pages(child)),
    ]


def _complete(page: Page, rows: int) -> dict[int, Field]:
    """The fields of a page with room for the pointers that are not known yet."""
    fields = dict(page.fields)
    for tag, children in page.children.items():
        fields[tag] = numbers_field(LONG, *([0] * len(children)))
    if page.strip is not None:
        fields[STRIP_OFFSETS] = numbers_field(LONG, 0)
        fields[ROWS_PER_STRIP] = numbers_field(LONG, rows)
        fields[STRIP_BYTE_COUNTS] = numbers_field(LONG, memoryview(page.strip).nbytes)
    elif page.tiles:
        fields[TILE_OFFSETS] = numbers_field(LONG, *[0] * len(page.tiles))
        fields[TILE_BYTE_COUNTS] = numbers_field(LONG, *map(len, page.tiles))
    return fields


def _encode(fields: Mapping[int, Field], at: int, following: int) -> bytes:
    """The bytes of a directory that starts at `at`, values behind it."""
    table, values = struct.pack("<H", len(fields)), b""
    behind = at + 2 + 12 * len(fields) + 4
    for tag in sorted(fields):
        f = fields[tag]
        table += struct.pack("<HHI", tag, f.type, f.count)
        if len(f.payload) <= 4:
            table += f.payload.ljust(4, b"\0")
        else:
            table += struct.pack("<I", behind + len(values))
            values += f.payload.ljust(_even(len(f.payload)), b"\0")
    return table + struct.pack("<I", following) + values


def tiff_chunks(chain: Iterable[Page]) -> list[Chunk]:
    """A little-endian TIFF file as chunks for `write_file`: directories first, then the pixels.

    Raises
    ------
    ExportError
        It would be longer than the 4 GiB a TIFF can address.
    """
    tops = list(chain)
    pages = [p for top in tops for p in _pages(top)]
    fields = [_complete(p, int(p.fields[257].numbers()[0]) if 257 in p.fields else 1) for p in pages]
    at, starts = 8, {}
    for page, f in zip(pages, fields, strict=True):
        starts[id(page)] = at
        at += _even(len(_encode(f, 0, 0)))
    offsets: dict[int, list[int]] = {}
    for page in pages:
        offsets[id(page)] = []
        for block in page.blocks:
            offsets[id(page)].append(at)
            at += _even(memoryview(block).nbytes)
    if at > 0xFFFFFFFF:
        raise ExportError(f"a TIFF of {at / 2**30:.1f} GiB is not possible; allowed are 4 GiB")
    chunks: list[Chunk] = [struct.pack("<2sHI", b"II", 42, 8)]
    following = {id(a): starts[id(b)] for a, b in pairwise(tops)}
    for page, f in zip(pages, fields, strict=True):
        for tag, children in page.children.items():
            f[tag] = numbers_field(LONG, *(starts[id(c)] for c in children))
        if page.blocks:
            tag = TILE_OFFSETS if page.strip is None else STRIP_OFFSETS
            f[tag] = numbers_field(LONG, *offsets[id(page)])
        block = _encode(f, starts[id(page)], following.get(id(page), 0))
        chunks.append(block.ljust(_even(len(block)), b"\0"))
    for page in pages:
        for pixels in page.blocks:
            chunks.append(pixels)
            chunks.append(b"\0" * (memoryview(pixels).nbytes & 1))
    return chunks


def write_file(path: Path | str, chunks: Iterable[Chunk], *, overwrite: bool = False) -> Path:
    """Write `chunks` to `path`, whole or not at all.

    Raises
    ------
    ExportError
        The file exists and `overwrite` is False, the folder is missing, or the disk is full.
    """
    path = Path(path)
    beside = path.with_name(f".{secrets.token_hex(8)}.part")  # short: names have an end
    try:
        if path.is_dir():
            raise ExportError(f"{path} is a folder, not a file")
        if not overwrite and path.exists():
            raise ExportError(f"{path} exists", hint="--overwrite replaces it")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if not path.parent.is_dir():
            raise ExportError(
                f"{path.parent} is no folder", hint=f"make it: mkdir -p {path.parent}"
            ) from error
        raise ExportError(
            f"{path} could not be written: {error.strerror or error}",
            hint="free some space, or choose another name or folder",
        ) from error
    except BaseException:  # Ctrl-C included: nothing half-written stays behind
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    return path
