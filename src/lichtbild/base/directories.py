# SPDX-License-Identifier: Apache-2.0
"""TIFF directories, read with suspicion.

Files come from anywhere.  The reader follows the list of directories inside fixed limits (entries, depth,
bytes, no loops, nothing outside the file) and answers any damage with `CorruptRaw`, naming the file and the
tag.

References
----------
[1] TIFF revision 6.0, Adobe, 1992.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lichtbild.base.errors import CorruptRaw
from lichtbild.base.tiff import ASCII, CODES, EXIF_IFD, GPS_IFD, SUB_IFDS, Field

MOST_ENTRIES = 4096  # of all directories together
DEEPEST = 4
LARGEST_VALUE = 8 << 20  # bytes
_CHILDREN = {SUB_IFDS: "raw", EXIF_IFD: "exif", GPS_IFD: "gps"}


@dataclass(slots=True, eq=False)
class Directory:
    """One directory of a file that was read: fields by tag, and the directories it points to.

    ``order`` is the file's byte order, "<" or ">"; the fields are little-endian whatever it is.
    """

    path: Path
    name: str
    order: str = "<"
    fields: dict[int, Field] = field(default_factory=dict)
    children: dict[int, list[Directory]] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)  # tags whose value is too long to keep

    def __contains__(self, tag: int) -> bool:
        return tag in self.fields

    def numbers(self, tag: int, count: int | None = None) -> tuple[float, ...] | None:
        """The numbers of a tag, or None where it is absent.

        Raises
        ------
        CorruptRaw
            Not `count` of them, or not numbers, or not finite.
        """
        if tag in self.skipped:
            raise CorruptRaw(
                f"{self.path}: tag {tag} in {self.name} is longer than {LARGEST_VALUE >> 20} MiB"
            )
        if tag not in self.fields:
            return None
        values = self.fields[tag].numbers()
        if self.fields[tag].type == ASCII or (count is not None and len(values) != count):
            raise CorruptRaw(
                f"{self.path}: tag {tag} in {self.name} has {len(values)} values, expected "
                f"{count or 'numbers'}"
            )
        if not all(abs(v) < 1e30 for v in values):  # also false for NaN
            raise CorruptRaw(f"{self.path}: tag {tag} in {self.name} is not finite")
        return values

    def number(self, tag: int) -> float | None:
        """The first number of a tag, or None where it is absent or empty."""
        values = self.numbers(tag)
        return values[0] if values else None

    def integer(self, tag: int, default: int) -> int:
        """The first number of a tag as a whole number."""
        value = self.number(tag)
        return default if value is None else int(value)

    def text(self, tag: int) -> str:
        """The text of a tag, empty where it is absent."""
        return self.fields[tag].text() if tag in self.fields else ""

    def payload(self, tag: int) -> bytes:
        """The bytes of a tag, empty where it is absent."""
        if tag in self.skipped:
            raise CorruptRaw(
                f"{self.path}: tag {tag} in {self.name} is longer than {LARGEST_VALUE >> 20} MiB"
            )
        return self.fields[tag].payload if tag in self.fields else b""


class _Reader:
    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.length = file.seek(0, os.SEEK_END)
        self.seen: set[int] = set()
        self.entries = 0
        head = self.at(0, 8, "the header")
        self.order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not self.order:
            raise CorruptRaw(f"{path}: not a TIFF container")
        self.first = self.unpack("HHI", head)[2]

    def at(self, offset: int, count: int, what: str) -> bytes:
        if offset < 0 or count < 0 or offset + count > self.length:
            raise CorruptRaw(
                f"{self.path}: {what} lies at {offset} … {offset + count}, outside the file of "
                f"{self.length} bytes",
                hint="the file is cut short or damaged; copy it again",
            )
        self.file.seek(offset)
        read = self.file.read(count)
        if len(read) != count:
            raise CorruptRaw(f"{self.path}: {what} could not be read in full")
        return read

    def unpack(self, codes: str, payload: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + codes, payload)

    def directory(self, offset: int, name: str, depth: int) -> tuple[Directory, int]:
        if depth > DEEPEST:
            raise CorruptRaw(f"{self.path}: {name} is nested deeper than {DEEPEST} directories")
        if offset in self.seen:
            raise CorruptRaw(f"{self.path}: {name} leads back to the directory at {offset}")
        self.seen.add(offset)
        (count,) = self.unpack("H", self.at(offset, 2, name))
        self.entries += count
        if self.entries > MOST_ENTRIES:
            raise CorruptRaw(f"{self.path}: more than {MOST_ENTRIES} directory entries")
        table = self.at(offset + 2, 12 * count + 4, name)
        made = Directory(self.path, name, self.order)
        for i in range(count):
            self.entry(made, table[12 * i : 12 * i + 12])
        for tag, child in _CHILDREN.items():
            if (found := made.numbers(tag)) is not None:
                names = (f"{child}{k}" if len(found) > 1 else child for k in range(len(found)))
                made.children[tag] = [
                    self.directory(int(o), f"{name}/{n}", depth + 1)[0]
                    for o, n in zip(found, names, strict=True)
                ]
        (following,) = self.unpack("I", table[12 * count :])
        return made, following

    def entry(self, into: Directory, row: bytes) -> None:
        tag, kind, count = self.unpack("HHI", row[:8])
        code = CODES.get(kind)
        if code is None:  # the specification: skip types you do not know
            return
        length = count * struct.calcsize("<" + code)
        if length > LARGEST_VALUE:
            into.skipped.add(tag)
            return
        where = f"tag {tag} in {into.name}"
        raw = row[8 : 8 + length] if length <= 4 else self.at(self.unpack("I", row[8:])[0], length, where)
        if self.order == ">" and code != "c":
            flat = f"{count * len(code)}{code[0]}"
            raw = struct.pack("<" + flat, *struct.unpack(">" + flat, raw))
        into.fields[tag] = Field(kind, raw)


def _chain(file: BinaryIO, path: Path) -> list[Directory]:
    reader = _Reader(file, path)
    chain: list[Directory] = []
    offset = reader.first
    while offset:
        made, offset = reader.directory(offset, f"IFD{len(chain)}", 1)
        chain.append(made)
    return chain


def read_block(block: bytes, path: Path) -> list[Directory]:
    """The directories of a TIFF block inside the file `path`, such as a JPEG's Exif.

    Raises
    ------
    CorruptRaw
        As `read_directories`.
    """
    return _chain(io.BytesIO(block), path)


def read_directories(path: Path) -> list[Directory]:
    """All directories of a TIFF file: the main chain, each with its children.

    Raises
    ------
    CorruptRaw
        No TIFF container, damaged, or beyond the limits above; names the file and the tag.
    """
    try:
        with path.open("rb") as file:
            return _chain(file, path)
    except OSError as error:
        raise CorruptRaw(f"{path}: {error.strerror or error}") from error
