# SPDX-License-Identifier: Apache-2.0
"""ICC profiles of our own, so that every program shows the colours that were meant.

Matrix/TRC display profiles, version 4.4, about 530 bytes: a header, a table of tags, the primaries adapted to
D50, one parametric curve for all channels, and ``cicp``, which names the same colours by number.

References
----------
[1] ICC.1:2022, "Image technology colour management".
[2] ITU-T H.273, coding-independent code points.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

from lichtbild.base.colour import (
    D65,
    P3,
    REC2020,
    SRGB,
    RGBSpace,
    adaptation,
    hlg_decode,
    pq_decode,
    xy_to_xyz,
)

_D50 = (0.9642, 1.0, 0.8249)  # as ICC rounds it
_SRGB_CURVE = (3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_LINEAR = (0, 1.0)
_SPACES: dict[str, tuple[RGBSpace, str, int]] = {  # primaries of H.273
    "srgb": (SRGB, "sRGB", 1),
    "p3": (P3, "Display P3", 12),
    "rec2020": (REC2020, "Rec. 2020", 9),
}
_CURVES = {"": ("", 13), "linear": ("Linear ", 8), "pq": ("PQ ", 16), "hlg": ("HLG ", 18)}
_STEPS = 4096  # of a sampled curve


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return (
        b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(encoded), 28) + encoded
    )  # "en", "US"


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _trc(curve: str) -> bytes:
    if curve in ("pq", "hlg"):  # for readers that do not know cicp: 1.0 is the brightest light of the curve
        v = np.linspace(0, 1, _STEPS)
        light = pq_decode(v) if curve == "pq" else hlg_decode(v)
        return b"curv\0\0\0\0" + struct.pack(f">I{_STEPS}H", _STEPS, *np.round(65535 * light).astype(int))
    kind, *numbers = _LINEAR if curve else _SRGB_CURVE
    return b"para\0\0\0\0" + struct.pack(">HH", int(kind), 0) + _fixed(*numbers)


@cache
def profile(name: str) -> bytes:
    """The profile of ``srgb``, ``p3`` or ``rec2020``, alone or behind ``linear``, ``pq`` or ``hlg``."""
    curve, _, space = name.rpartition(" ")
    (colours, called, primaries), (prefix, transfer) = _SPACES[space], _CURVES[curve]
    chad = adaptation(xy_to_xyz(D65), _D50)
    red, green, blue = (chad @ colours.to_xyz()).T
    trc = _trc(curve)
    tags = [
        (b"desc", _text(prefix + called)),
        (b"cprt", _text("CC0")),
        (b"wtpt", _xyz(*_D50)),
        (b"chad", b"sf32\0\0\0\0" + _fixed(*np.ravel(chad))),
        (b"rXYZ", _xyz(*red)),
        (b"gXYZ", _xyz(*green)),
        (b"bXYZ", _xyz(*blue)),
        (b"rTRC", trc),
        (b"gTRC", trc),
        (b"bTRC", trc),
        (b"cicp", b"cicp\0\0\0\0" + bytes([primaries, transfer, 0, 1])),
    ]
    table, body, at = struct.pack(">I", len(tags)), b"", {}
    start = 128 + 4 + 12 * len(tags)
    for tag, payload in tags:
        if payload not in at:  # the three curves share their bytes
            at[payload] = start + len(body)
            body += payload.ljust(-(-len(payload) // 4) * 4, b"\0")
        table += struct.pack(">4sII", tag, at[payload], len(payload))
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head = (
        struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x04400000, b"mntr", b"RGB ", b"XYZ ")
        + date
        + b"acsp"
    )
    return (head.ljust(68, b"\0") + _fixed(*_D50)).ljust(128, b"\0") + table + body
