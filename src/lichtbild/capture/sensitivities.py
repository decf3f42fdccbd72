# SPDX-License-Identifier: Apache-2.0
"""A camera's spectral sensitivities as a file: a table of wavelength, red, green and blue.

The table is text, one wavelength a line (see `table`); lines that begin with ``#`` are remarks.  A first
line of names says which column is which (``nm`` or ``wavelength``, then ``R G B`` or ``red green blue``, in
any order); without it they are in this order.  The JSON of the rawtoaces data base [1] is read too.

References
----------
[1] AcademySoftwareFoundation/rawtoaces, data/camera.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.spectra import Float64, resampled
from lichtbild.capture.table import cells, is_number, read_text

NAMES = {"nm": 0, "wavelength": 0, "lambda": 0, "r": 1, "red": 1, "g": 2, "green": 2, "b": 3, "blue": 3}
COLUMNS = ("wavelength", "R", "G", "B")
HINT = "a line for each wavelength: nm, R, G, B; from 400 or less to 680 or more in steps of 1 … 20 nm"


def read_sensitivities(path: Path | str) -> Float64:
    """The sensitivities of red, green and blue on `base.spectra.WAVELENGTHS`, ``"81 3"``, largest value 1.

    Raises
    ------
    InputError
        The file cannot be read; says in which line and column.
    """
    path = Path(path)
    text = read_text(path, hint=HINT)
    rows = _json_rows(path, text) if text.lstrip().startswith("{") else _text_rows(path, text)
    return _checked(path, rows)


Row = tuple[str, list[float]]  # where it stood; wavelength, R, G, B


def _text_rows(path: Path, text: str) -> list[Row]:
    order: Sequence[int] | None = None
    rows: list[Row] = []
    for n, line in enumerate(text.splitlines(), 1):
        values = cells(line)
        if not values:
            continue
        if order is None:
            named = not any(is_number(v) for v in values)
            order = _order(path, n, values) if named else range(4)
            if named:
                continue
        if len(values) < max(order) + 1:
            raise InputError(f"{path}, line {n}: {len(values)} values, expected {max(order) + 1}", hint=HINT)
        rows.append((f"line {n}", [_number(path, n, c, values[k]) for c, k in enumerate(order)]))
    return rows


def _order(path: Path, n: int, names: list[str]) -> list[int]:
    """Which column holds wavelength, R, G and B, by the names of the columns."""
    words = [re.sub(r"[^a-z]", "", name.lower()) for name in names]
    known = [NAMES.get(w.removesuffix("nm") or "nm", -1) for w in words]
    missing = [COLUMNS[c] for c in range(4) if known.count(c) != 1]
    if missing:
        raise InputError(
            f"{path}, line {n}: no column, or more than one, for {', '.join(missing)} in {', '.join(names)}",
            hint="name the columns nm, R, G, B",
        )
    return [known.index(c) for c in range(4)]


def _number(path: Path, n: int, column: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise InputError(
            f"{path}, line {n}, column {COLUMNS[column]}: {cell!r} is not a number",
            hint="numbers have a decimal point",
        )
    return value


def _json_rows(path: Path, text: str) -> list[Row]:
    try:
        table = json.loads(text)["spectral_data"]
        names = [str(name) for name in table["index"]["main"]]
        if missing := [c for c in "RGB" if c not in names]:
            raise InputError(f"{path} has no column for {', '.join(missing)}", hint=HINT)
        order = [names.index(c) for c in "RGB"]
        return [
            (f"wavelength {w}", [float(w), *(float(values[k]) for k in order)])
            for w, values in table["data"]["main"].items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InputError(f"{path} is not a table of camera sensitivities", hint=HINT) from error


def _checked(path: Path, rows: list[Row]) -> Float64:
    if len(rows) < 2:
        raise InputError(f"{path} holds {len(rows)} wavelengths", hint=HINT)
    for where, row in rows:
        if not np.isfinite(row).all():
            raise InputError(f"{path}, {where}: a value is not finite", hint=HINT)
    for (_, before), (where, row) in pairwise(rows):
        if not 1 <= row[0] - before[0] <= 20:
            raise InputError(
                f"{path}, {where}: {row[0]:g} nm after {before[0]:g} nm, allowed are steps of 1 … 20 nm",
                hint=HINT,
            )
    first, last = rows[0][1][0], rows[-1][1][0]
    if first > 400 or last < 680:
        raise InputError(f"{path} covers {first:g} … {last:g} nm, needed are 400 … 680 nm", hint=HINT)
    table = np.array([row for _, row in rows])
    low, high = table[:, 1:].min(axis=0), table[:, 1:].max(axis=0)
    for c in range(3):
        if high[c] <= 0 or low[c] < -0.05 * high[c]:
            where = rows[int(table[:, 1 + c].argmin())][0]
            raise InputError(
                f"{path}, {where}, column {COLUMNS[1 + c]}: sensitivities reach from {low[c]:g} to "
                f"{high[c]:g}, allowed is 0 and above, and not 0 everywhere",
                hint=HINT,
            )
    curves = resampled(table[:, 0], np.maximum(table[:, 1:], 0.0))
    return curves / curves.max()
