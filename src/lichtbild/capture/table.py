# SPDX-License-Identifier: Apache-2.0
"""Small tables that people write or export from a spreadsheet: one row a line.

The values of a line are separated by tabs, else semicolons, else commas, else blanks: the first of these that
the line holds, so that ``400;0,12`` is two values and not three.
"""

from __future__ import annotations

from pathlib import Path

from lichtbild.base.errors import InputError

LARGEST = 4 << 20  # bytes


def read_text(path: Path, *, hint: str) -> str:
    """The text of a file of at most 4 MiB; `hint` says what it should hold.

    Raises
    ------
    InputError
        It cannot be read, is too long, or is not text.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is longer than {LARGEST >> 20} MiB", hint=hint)
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text", hint=hint) from error
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}", hint=hint) from error


def cells(line: str) -> list[str]:
    """The values of a line, without quotes; none of an empty line or a remark (``#``)."""
    line = line.strip().rstrip(",;")
    if not line or line.startswith("#"):
        return []
    separator = next((s for s in "\t;," if s in line), None)
    return [cell.strip().strip('"') for cell in line.split(separator)]


def is_number(cell: str) -> bool:
    """Whether a value is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
