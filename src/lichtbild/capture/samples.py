# SPDX-License-Identifier: Apache-2.0
"""The bytes of a strip or tile become samples: bits unpacked, differences summed up, halves made floats.

Integers of any width up to 16 bits are packed without gaps within a row, the highest bit first.  Predictor 2
stores the difference to the sample of the same colour to the left; of floats (predictor 3) the bytes of a row
are sorted by significance and their differences stored.  DNG has both also at two and four pixels' distance,
so that a mosaic predicts from its own colour.

References
----------
[1] TIFF revision 6.0, Adobe, 1992, section 14.
[2] Adobe Photoshop TIFF Technical Note 3, 2005 (floating-point predictor, 16- and 24-bit floats).
[3] Digital Negative Specification 1.7.1, "Predictor".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32, UInt8, UInt16

INTEGER = {2: 1, 34892: 2, 34893: 4}  # predictor → distance in pixels
FLOATING = {3: 1, 34894: 2, 34895: 4}
_CHUNK = 1 << 22  # samples unpacked at a time


def bytes_of_row(width: int, samples: int, bits: int) -> int:
    """How many bytes a row takes that ends with a whole byte."""
    return (width * samples * bits + 7) // 8


def integers(raw: UInt8, width: int, samples: int, bits: int, order: str) -> UInt16:
    """Rows of packed integers, ``UInt8 "rows bytes"``, as ``UInt16 "rows width·samples"``."""
    n = width * samples
    if bits == 16:
        return raw.view(order + "u2").astype(np.uint16)
    if bits == 8:
        return raw.astype(np.uint16)
    out = np.empty((len(raw), n), np.uint16)
    step = max(1, _CHUNK // n)
    for y in range(0, len(raw), step):
        rows = raw[y : y + step]
        out[y : y + step] = _twelve(rows, n) if bits == 12 else _packed(rows, n, bits)
    return out


def _twelve(rows: UInt8, n: int) -> UInt16:
    """Two samples in three bytes: the commonest packing, without going bit by bit."""
    padded = np.zeros((len(rows), (n + 1) // 2 * 3), np.uint16)
    padded[:, : rows.shape[1]] = rows
    a, b, c = padded[:, 0::3], padded[:, 1::3], padded[:, 2::3]
    out = np.empty((len(rows), (n + 1) // 2 * 2), np.uint16)
    out[:, 0::2] = a << 4 | b >> 4
    out[:, 1::2] = (b & 15) << 8 | c
    return out[:, :n]


def _packed(rows: UInt8, n: int, bits: int) -> UInt16:
    single = np.unpackbits(rows, axis=1, count=n * bits).reshape(len(rows), n, bits)
    out = np.zeros((len(rows), n), np.uint16)
    for k in range(bits):
        out |= single[..., k].astype(np.uint16) << np.uint16(bits - 1 - k)
    return out


def floats(raw: UInt8, bits: int, order: str) -> Float32:
    """Rows of floats of 16, 24 or 32 bits as float32."""
    if bits == 32:
        return raw.view(order + "f4").astype(np.float32)
    if bits == 16:
        return raw.view(order + "f2").astype(np.float32)
    parts = raw.reshape(len(raw), -1, 3).astype(np.uint32)
    high, middle, low = (parts[..., k] for k in ((0, 1, 2) if order == ">" else (2, 1, 0)))
    return _of_24_bits((high << 16 | middle << 8 | low).astype(np.uint32))


def _of_24_bits(code: NDArray[np.uint32]) -> Float32:
    """Sign, 7 bits of exponent (bias 63), 16 of mantissa."""
    sign, exponent, mantissa = code >> 23, (code >> 16) & 127, code & 0xFFFF
    tiny = mantissa.astype(np.float32) * np.float32(2.0**-78)
    special = np.where(exponent == 127, np.uint32(255), exponent + 64)
    usual = (special << 23 | mantissa << 7).astype(np.uint32).view(np.float32)
    made = np.where(exponent == 0, tiny, usual)
    return np.where(sign == 1, -made, made).astype(np.float32)


def summed(differences: NDArray[Any], distance: int) -> NDArray[Any]:
    """Running sums along rows of the samples at a distance from each other, modulo the type's range."""
    rows, n = differences.shape
    whole = -(-n // distance) * distance
    padded = np.zeros((rows, whole), differences.dtype)
    padded[:, :n] = differences
    apart = padded.reshape(rows, -1, distance)
    return np.cumsum(apart, axis=1, dtype=differences.dtype).reshape(rows, whole)[:, :n]


def unsorted(raw: UInt8, bits: int) -> UInt8:
    """Bytes of a row that were sorted by significance, as big-endian floats again."""
    rows, size = len(raw), bits // 8
    return np.ascontiguousarray(raw.reshape(rows, size, -1).transpose(0, 2, 1)).reshape(rows, -1)
