# SPDX-License-Identifier: Apache-2.0
"""The .cube file: a table of colours as text, which nearly every program reads.

Lines of words (TITLE, LUT_3D_SIZE, LUT_1D_SIZE, DOMAIN_MIN, DOMAIN_MAX), then one colour a line, red running
fastest.  A file with both sizes has a curve per channel first and then the cube, with their domains as
LUT_1D_INPUT_RANGE and LUT_3D_INPUT_RANGE.

References
----------
[1] Adobe, "Cube LUT Specification", version 1.0, 2013.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.look.table import MOST_ENTRIES, MOST_SIDE, Table, checked, grid, read_bytes

_TRIPLES, _PAIRS, _SIZES = (
    ("DOMAIN_MIN", "DOMAIN_MAX"),
    ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE"),
    ("LUT_1D_SIZE", "LUT_3D_SIZE"),
)
_IDLE = ("LUT_IN_VIDEO_RANGE", "LUT_OUT_VIDEO_RANGE")


def read_cube(path: Path | str) -> Table:
    """The table in a .cube file.

    Raises
    ------
    InputError
        It cannot be read, or is no such file; names the line.
    """
    return parsed(read_bytes(Path(path)), path)


def parsed(content: bytes, where: object) -> Table:
    """The table that the bytes of a .cube file hold.

    Raises
    ------
    InputError
        As `read_cube`.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("latin-1").splitlines()  # old programs write titles so
        if "\0" in "".join(lines[:20]):
            raise InputError(f"{where} is no .cube file: it is not text") from None
    words, start = _head(lines, where)
    sizes = {k: int(words[k][0]) for k in _SIZES if k in words}
    if not sizes:
        raise InputError(f"{where} is no .cube file: neither LUT_3D_SIZE nor LUT_1D_SIZE")
    for key, most in zip(_SIZES, (MOST_ENTRIES, MOST_SIDE), strict=True):
        if key in sizes and not 2 <= sizes[key] <= most:
            raise InputError(f"{where}: {key} {sizes[key]}, allowed is 2 … {most}")
    curve, side = (sizes.get(key, 0) for key in _SIZES)
    values = _numbers(lines, start, where)
    if len(values) != curve + side**3:
        wanted = " + ".join(t for t in (f"{curve}" * (curve > 0), f"{side}³" * (side > 0)) if t)
        raise InputError(
            f"{where} has {len(values)} colours, expected {wanted}", hint="the file may be cut short"
        )
    domain = np.array([words.get("DOMAIN_MIN", (0.0,) * 3), words.get("DOMAIN_MAX", (1.0,) * 3)])
    one, three = (np.repeat(np.array([words[k]]).T, 3, 1) if k in words else domain for k in _PAIRS)
    curves = values[:curve].astype(np.float32)
    if not side:
        low, high = float(values.min()), float(values.max())
        ends = np.array([[low] * 3, [high if high > low else low + 1.0] * 3])
        return checked(Table(grid(2, ends).astype(np.float32), ends, curves, one, _title(lines)), where)
    cells = values[curve:].reshape(side, side, side, 3).transpose(2, 1, 0, 3)
    cube = np.ascontiguousarray(cells, np.float32)
    if not curve:
        return checked(Table(cube, three, title=_title(lines)), where)
    three = three if _PAIRS[1] in words else np.array([[0.0] * 3, [1.0] * 3])
    return checked(Table(cube, three, curves, one, _title(lines)), where)


def _head(lines: list[str], where: object) -> tuple[dict[str, Sequence[float]], int]:
    """The words of the header with their numbers, and the line at which the colours begin."""
    words: dict[str, Sequence[float]] = {}
    for i, line in enumerate(lines):
        first, _, rest = line.strip().partition(" ")
        first = first.split("\t")[0]
        rest = line.strip()[len(first) :]
        if not first or first.startswith("#") or first.upper() in ("TITLE", *_IDLE):
            continue
        if not first[0].isalpha() or first.lower() in ("nan", "inf", "infinity"):
            return words, i
        count = 3 if first in _TRIPLES else 2 if first in _PAIRS else 1 if first in _SIZES else 0
        if not count:
            raise InputError(f"{where}, line {i + 1}: {first[:30]!r} is no word of a .cube file")
        try:
            numbers = [float(w) for w in rest.split()]
        except ValueError:
            numbers = []
        if len(numbers) != count or not np.isfinite(numbers).all() or (count == 1 and numbers[0] % 1):
            raise InputError(f"{where}, line {i + 1}: {first} needs {count} number{'s' * (count > 1)}")
        words[first] = numbers
    return words, len(lines)


def _numbers(lines: list[str], start: int, where: object) -> Float64:
    """The colours, ``"n 3"``."""
    rows = [row for line in lines[start:] if (row := line.split("#", 1)[0].split())]
    if bad := next((row for row in rows if len(row) != 3), None):
        raise InputError(f"{where}: {' '.join(bad)[:60]!r} is no colour; three numbers are")
    try:
        values = np.array(rows, np.float64).reshape(-1, 3)
    except ValueError as error:
        raise InputError(f"{where}: not a number among the colours: {str(error)[-60:]}") from None
    if not (np.abs(values) <= 1e6).all():
        raise InputError(f"{where} holds NaN, infinity or numbers above a million")
    return values


def _title(lines: list[str]) -> str:
    found = next((t for line in lines[:50] if (t := line.strip()).upper().startswith("TITLE")), "")
    return "".join(c for c in found[5:].strip().strip('"') if c.isprintable())[:100]


def cube_text(table: Table, comments: Sequence[str] = ()) -> bytes:
    """A .cube file of a table; with a shaper it has both sizes."""
    lines = [*(f"# {c}" for c in comments), 'TITLE "' + table.title.replace('"', "'") + '"']
    side = len(table.cube)
    if table.shaper is not None:
        lines += [f"LUT_1D_SIZE {len(table.shaper)}", f"LUT_1D_INPUT_RANGE {_ends(table.shaper_domain)}"]
        lines += [f"LUT_3D_SIZE {side}", f"LUT_3D_INPUT_RANGE {_ends(table.domain)}"]
        lines += _rows(table.shaper)
    else:
        lines.append(f"LUT_3D_SIZE {side}")
        for word, ends in zip(_TRIPLES, table.domain, strict=True):
            lines.append(f"{word} {ends[0]:.9g} {ends[1]:.9g} {ends[2]:.9g}")
    lines += _rows(table.cube.transpose(2, 1, 0, 3))
    return ("\n".join(lines) + "\n").encode()


def _ends(domain: Float64) -> str:
    return f"{domain[0, 0]:.9g} {domain[1, 0]:.9g}"


def _rows(colours: ArrayLike) -> Iterator[str]:
    for r, g, b in np.asarray(colours, np.float64).reshape(-1, 3).tolist():
        yield f"{r:.8f} {g:.8f} {b:.8f}"
