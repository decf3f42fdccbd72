# SPDX-License-Identifier: Apache-2.0
"""Tables by hand and from spreadsheets."""

import pytest

from lichtbild.base.errors import InputError
from lichtbild.capture.table import LARGEST, cells, is_number, read_text


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("400, 0.1,0.2", ["400", "0.1", "0.2"]),
        ("400;0,1;0,2", ["400", "0,1", "0,2"]),
        ("400\t0,1\t0;2", ["400", "0,1", "0;2"]),
        ("  400   0.1 ", ["400", "0.1"]),
        ('"dark skin", 38, 12,,', ["dark skin", "38", "12"]),
        ("# 400, 1", []),
        ("", []),
    ],
)
def test_the_strongest_separator_counts(line, values):
    assert cells(line) == values


def test_what_is_a_number():
    assert [is_number(c) for c in ("1", "-2.5e-3", "0,1", "", "red")] == [True, True, False, False, False]


def test_what_is_no_table_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffnm,R\n", encoding="utf-8")
    assert read_text(path, hint="h") == "nm,R\n"
    path.write_bytes(b" " * (LARGEST + 1))
    with pytest.raises(InputError, match="longer than 4 MiB"):
        read_text(path, hint="h")
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(InputError, match="is not text") as caught:
        read_text(path, hint="h")
    assert caught.value.hint == "h"
    with pytest.raises(InputError, match="t: is a directory"):
        (tmp_path / "t").mkdir()
        read_text(tmp_path / "t", hint="h")
