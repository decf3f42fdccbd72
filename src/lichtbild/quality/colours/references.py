# SPDX-License-Identifier: Apache-2.0
"""The colours of a chart as a file: a line for each patch, its name and CIELAB under D50.

Lines that begin with ``#`` are remarks, a first line of words (``name, L, a, b``) is skipped.  Lines of three
numbers have no name.  How values are separated is in `capture.table`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.capture.table import cells, is_number, read_text

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
    names: list[str] = []
    rows: list[list[float]] = []
    for n, line in enumerate(read_text(path, hint=HINT).splitlines(), 1):
        values = cells(line)
        if not values or not (rows or any(is_number(v) for v in values)):
            continue
        if len(values) not in (3, 4):
            raise InputError(f"{path}, line {n}: {len(values)} values, expected name, L*, a*, b*", hint=HINT)
        rows.append([_number(path, n, k, v) for k, v in enumerate(values[-3:])])
        names.append(values[0] if len(values) == 4 else f"patch {len(rows)}")
        if len(rows) > MOST:
            raise InputError(f"{path} has more than {MOST} patches", hint=HINT)
    if not rows:
        raise InputError(f"{path} holds no patches", hint=HINT)
    return tuple(names), np.array(rows)


def _number(path: Path, n: int, column: int, cell: str) -> float:
    low, high = RANGES[column]
    value = float(cell) if is_number(cell) else float("nan")
    if not low <= value <= high:
        raise InputError(
            f"{path}, line {n}, column {('L*', 'a*', 'b*')[column]}: {cell!r} is not allowed, give a number "
            f"from {low:g} to {high:g}",
            hint=HINT,
        )
    return value
