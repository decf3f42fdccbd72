# SPDX-License-Identifier: Apache-2.0
"""The maker's local tone: read from either byte order, refused where it cannot be."""

import struct
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw
from lichtbild.base.tiff import UNDEFINED, Field
from lichtbild.capture.gain_table import FIRST, HEAD, SECOND, TYPES, gain_tables

GAINS = np.linspace(0.5, 3.0, 24)


def packed(tag, order="<", *, grid=(2, 3, 4), spacing=0.5, kind=3, gamma=1.0, gains=GAINS):
    head = [*grid[:2], spacing, spacing, 0.25, 0.25, grid[2], *[0.2] * 5]
    head += [kind, gamma, 0.5, 3.0] if tag == SECOND else []
    return struct.pack(order + HEAD[tag], *head) + np.asarray(gains).astype(order + TYPES[kind]).tobytes()


def directory(tag, raw, order="<"):
    return Directory(Path("a.dng"), "IFD0", order, {tag: Field(UNDEFINED, raw)})


@pytest.mark.parametrize("tag", [FIRST, SECOND])
def test_the_byte_order_of_the_file_does_not_matter(tag):
    for kind in range(4) if tag == SECOND else (3,):
        little, big = (
            gain_tables(directory(tag, packed(tag, order, kind=kind), order))[tag].payload for order in "<>"
        )
        assert little == big == packed(tag, "<", kind=kind)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (packed(FIRST)[:40], "its head alone has 64"),
        (packed(FIRST)[:-4], "2 × 3 × 4 gains need"),
        (packed(FIRST, gains=-GAINS), "gains below 0"),
        (packed(FIRST, gains=GAINS * np.nan), "not finite"),
        (packed(FIRST, grid=(0, 3, 4)), "a grid of 0 × 3 × 4"),
        (packed(FIRST, spacing=0.0), "must be above 0"),
        (packed(SECOND, gamma=9.0), "gamma 0.25"),
    ],
)
def test_what_cannot_be_is_refused(raw, said):
    tag = SECOND if "gamma" in said else FIRST
    with pytest.raises(CorruptRaw, match=said):
        gain_tables(directory(tag, raw))


def test_without_a_table_there_is_none():
    assert gain_tables(Directory(Path("a.dng"), "IFD0")) == {}
