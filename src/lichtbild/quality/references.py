# SPDX-License-Identifier: Apache-2.0
"""The colours of a chart as a file: a line for each patch, its name and CIELAB under D50.

Values are separated by commas, semicolons or tabs; lines that begin with ``#`` are remarks, a first line of
words (``name, L, a, b``) is skipped.  Lines of three numbers have no name.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError

Float64 = NDArray[np.float64]
HINT = "a line for each patch: name, L*, a*, b* (CIELAB D50), row by row from the top left"
MOST = 1000
RANGES = ((0.0, 110.0), (-150.0, 150.0), (-150.0, 150.0))


def read_reference(path: Path | str) -> tuple[tuple[str, ...], Float64]:
    """Names and CIELAB D50 ``"n 3"`` of the patches.

    Raises
    ------
    InputError
        The file cannot be read; says in which line and column.
    """
    path = Path(path)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else "is not text"
        raise InputError(f"{path}: {said.lower()}", hint=HINT) from error
    names: list[str] = []
    rows: list[list[float]] = []
    for n, line in enumerate(lines, 1):
        cells = [c.strip().strip('"') for c in re.split(r"[,;\t]", line.strip().rstrip(",;"))]
        if cells == [""] or cells[0].startswith("#"):
            continue
        if not rows and not any(_is_number(c) for c in cells):
            continue
        if len(cells) not in (3, 4):
            raise InputError(f"{path}, line {n}: {len(cells)} values, expected name, L*, a*, b*", hint=HINT)
        rows.append([_number(path, n, k, c) for k, c in enumerate(cells[-3:])])
        names.append(cells[0] if len(cells) == 4 else f"patch {len(rows)}")
        if len(rows) > MOST:
            raise InputError(f"{path} has more than {MOST} patches", hint=HINT)
    if not rows:
        raise InputError(f"{path} holds no patches", hint=HINT)
    return tuple(names), np.array(rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: Path, n: int, column: int, cell: str) -> float:
    low, high = RANGES[column]
    value = float(cell) if _is_number(cell) else float("nan")
    if not low <= value <= high:
        raise InputError(
            f"{path}, line {n}, column {('L*', 'a*', 'b*')[column]}: {cell!r} is not allowed, give a number "
            f"from {low:g} to {high:g}",
            hint=HINT,
        )
    return value
