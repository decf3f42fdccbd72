# SPDX-License-Identifier: Apache-2.0
"""Opcode lists: every opcode reads back, and damage has one name."""

import contextlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lichtbild.base.errors import CorruptRaw
from lichtbild.capture.opcodes import LARGEST_LIST, opcode_bytes, read_opcodes

FILE = Path("a.dng")
AREA = struct.pack(">8I", 1, 2, 30, 40, 0, 1, 2, 2)


def pack(*opcodes, flags=1):
    rows = [struct.pack(">IIII", number, 0x01030000, flags, len(body)) + body for number, body in opcodes]
    return struct.pack(">I", len(rows)) + b"".join(rows)


def gain_map(gain, spacing=(0.5, 1.0), origin=(0.0, 0.0)):
    v, h, p = gain.shape
    return AREA + struct.pack(">II4dI", v, h, *spacing, *origin, p) + gain.astype(">f4").tobytes()


GAIN = np.arange(1, 13, dtype=np.float32).reshape(3, 2, 2)
BODIES = {
    1: struct.pack(">I", 3) + struct.pack(">18d", *range(18)) + struct.pack(">2d", 0.5, 0.4),
    2: struct.pack(">I", 1) + struct.pack(">4d", 1, 2, 3, 4) + struct.pack(">2d", 0.5, 0.5),
    3: struct.pack(">7d", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    4: struct.pack(">II", 77, 1),
    5: struct.pack(">III", 2, 2, 1) + struct.pack(">4I", 5, 6, 7, 8) + struct.pack(">4I", 1, 1, 3, 4),
    6: struct.pack(">4I", 1, 2, 3, 4),
    7: AREA + struct.pack(">I3H", 3, 9, 8, 7),
    8: AREA + struct.pack(">I2d", 1, 0.5, 2.0),
    9: gain_map(GAIN),
    **{n: AREA + struct.pack(">I2f", 2, 0.5, 0.25) for n in (10, 11, 12, 13)},
    14: struct.pack(">I", 1)
    + struct.pack(">17d", *range(17))
    + struct.pack(">4d", 0, 1, 0.5, 0.5)
    + struct.pack(">I", 1),
    99: b"abc",
}
ALL = pack(*BODIES.items())


def test_every_opcode_reads_and_writes_back():
    read = read_opcodes(ALL, FILE, 2)
    assert [o.name for o in read] == [
        "WarpRectilinear",
        "WarpFisheye",
        "FixVignetteRadial",
        "FixBadPixelsConstant",
        "FixBadPixelsList",
        "TrimBounds",
        "MapTable",
        "MapPolynomial",
        "GainMap",
        "DeltaPerRow",
        "DeltaPerColumn",
        "ScalePerRow",
        "ScalePerColumn",
        "WarpRectilinear2",
        "opcode 99",
    ]
    assert opcode_bytes(read) == ALL
    assert opcode_bytes(read[3:5]) == pack((4, BODIES[4]), (5, BODIES[5]))


def test_the_values_are_those_that_were_written():
    by_name = {o.name: o.values for o in read_opcodes(ALL, FILE, 3)}
    assert (by_name["WarpRectilinear"]["coefficients"] == np.arange(18).reshape(3, 6)).all()
    assert by_name["WarpRectilinear"]["centre"] == (0.5, 0.4)
    assert by_name["FixVignetteRadial"]["centre"] == (0.6, 0.7)
    assert by_name["FixBadPixelsConstant"] == {"constant": 77, "phase": 1}
    assert by_name["FixBadPixelsList"]["points"].tolist() == [[5, 6], [7, 8]]
    assert by_name["FixBadPixelsList"]["boxes"].tolist() == [[1, 1, 3, 4]]
    assert by_name["MapTable"]["table"].tolist() == [9, 8, 7]
    assert by_name["MapPolynomial"]["coefficients"].tolist() == [0.5, 2.0]
    assert (by_name["GainMap"]["gain"] == GAIN).all()
    assert by_name["GainMap"]["area"] == (1, 2, 30, 40, 0, 1, 2, 2)
    assert by_name["GainMap"]["spacing"] == (0.5, 1.0)
    assert by_name["WarpRectilinear2"]["reciprocal"] is True
    assert by_name["ScalePerRow"]["values"].tolist() == [0.5, 0.25]


def test_only_the_flag_makes_an_opcode_optional():
    assert [read_opcodes(pack((4, BODIES[4]), flags=f), FILE, 1)[0].optional for f in (0, 1, 2, 3)] == [
        False,
        True,
        False,
        True,
    ]


def test_no_list_is_an_empty_list():
    assert read_opcodes(b"", FILE, 1) == ()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\0\0", "cut short"),
        (pack((4, BODIES[4]))[:-1], "cut short"),
        (pack((3, BODIES[3][:-1])), "FixVignetteRadial is cut"),
        (struct.pack(">I", 65) + b"\0" * 65 * 16, "65 opcodes"),
        (b"\0" * (LARGEST_LIST + 1), "bytes"),
        (pack((9, gain_map(np.full((2, 2, 1), np.nan, np.float32)))), "finite"),
        (pack((9, gain_map(np.full((2, 2, 1), -1, np.float32)))), "gains of"),
        (pack((9, gain_map(GAIN, spacing=(0.0, 1.0)))), "spacing"),
        (pack((9, AREA + struct.pack(">II4dI", 2**31, 2**31, 1, 1, 0, 0, 1))), "impossible map"),
        (pack((9, struct.pack(">8I", 9, 2, 3, 40, 0, 1, 2, 2))), "impossible area"),
        (pack((9, struct.pack(">8I", 1, 2, 30, 40, 0, 1, 2, 2**31))), "impossible area"),
        (pack((1, struct.pack(">I", 0))), "0 coefficient sets"),
        (pack((5, struct.pack(">III", 0, 2**30, 2**30))), "cut short"),
        (pack((5, struct.pack(">III", 0, 0, 9) + struct.pack(">4I", 0, 0, 512, 512) * 9)), "bad pixels"),
        (pack((5, struct.pack(">III4I", 0, 0, 1, 0, 0, 2**32 - 1, 2**32 - 1))), "bad pixels"),
    ],
)
def test_damage_is_named(raw, words):
    with pytest.raises(CorruptRaw, match=words) as refused:
        read_opcodes(raw, FILE, 2)
    assert "a.dng: OpcodeList2" in str(refused.value)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_gets_past_the_one_error(data):
    raw = bytearray(ALL)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 4))
        raw[at : at + 4] = data.draw(
            st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"])
        )
    with contextlib.suppress(CorruptRaw):
        read_opcodes(bytes(raw[: data.draw(st.integers(0, len(raw)))]), FILE, 1)
