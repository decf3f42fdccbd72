# SPDX-License-Identifier: Apache-2.0
"""Radiance pictures (.hdr): three mantissas of 8 bits that share an exponent, in runs.

::

    value = (mantissa + ½) / 256 · 2^(exponent − 128) / EXPOSURE        0 where the exponent is 0

Scanlines come in three kinds: plain pixels, the old runs (a pixel 1 1 1 n repeats the one before it n times,
a second one in a row n · 256 times …) and the new ones (2 2 and the width, then each of the four components
as runs and dumps).

References
----------
[1] G. Ward, "Real pixels", Graphics Gems II, 1991.
[2] Radiance 5.4, "Radiance picture file format", ray/doc/filefmts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32, UInt8

MOST_PIXELS = 200_000_000
HEADER = 16384  # bytes a header may have
AGAIN = "copy the file again"
EXPORT = "export it again, as Radiance .hdr with RGB values or as OpenEXR"


@dataclass(frozen=True, slots=True)
class Head:
    """What the header says: size, order of the rows, exposure and where the pixels begin."""

    size: tuple[int, int]
    upside_down: bool
    mirrored: bool
    exposure: float
    primaries: tuple[float, ...] | None
    at: int


def read_radiance(path: Path) -> tuple[Float32, tuple[float, ...] | None]:
    """Read a Radiance picture.

    Returns
    -------
    tuple of (Float32 "3 h w", tuple of 8 floats or None)
        Linear light, and the chromaticities of red, green, blue and white where the file has them.

    Raises
    ------
    InputError
        Not a picture of this kind, cut short, or damaged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error
    head = _head(path, raw)
    pixels = _rows(path, raw, head)
    exponent = pixels[..., 3].astype(np.int32)
    scale = np.ldexp(np.where(exponent > 0, np.float32(1), np.float32(0)), np.maximum(exponent, 1) - 136)
    rgb = (np.moveaxis(pixels[..., :3], 2, 0).astype(np.float32) + np.float32(0.5)) * scale
    rgb = rgb[:, :: -1 if head.upside_down else 1, :: -1 if head.mirrored else 1]
    return np.ascontiguousarray(rgb / np.float32(head.exposure)), head.primaries


def _head(path: Path, raw: bytes) -> Head:
    if not raw.startswith((b"#?RADIANCE", b"#?RGBE")):
        raise InputError(f"{path} is not a Radiance picture: it does not begin with #?RADIANCE", hint=EXPORT)
    end = raw.find(b"\n\n", 0, HEADER)
    stop = raw.find(b"\n", end + 2, end + 200)
    if end < 0 or stop < 0:
        raise InputError(f"{path}: a Radiance picture without an end of its header", hint=AGAIN)
    exposure, primaries = 1.0, None
    for line in raw[:end].decode("latin-1").splitlines()[1:]:
        key, _, value = line.partition("=")
        if key == "FORMAT" and value.strip() != "32-bit_rle_rgbe":
            raise InputError(f"{path}: FORMAT = {value.strip()}, allowed is 32-bit_rle_rgbe", hint=EXPORT)
        if key == "EXPOSURE":
            exposure *= _number(path, key, value)
        if key == "PRIMARIES":
            primaries = tuple(_number(path, key, v) for v in value.split())
    words = raw[end + 2 : stop].decode("latin-1").split()
    if len(words) != 4 or words[0] not in ("-Y", "+Y") or words[2] not in ("+X", "-X"):
        raise InputError(
            f"{path}: resolution = {' '.join(words)!r}, allowed is -Y height +X width", hint=EXPORT
        )
    h, w = int(_number(path, "height", words[1])), int(_number(path, "width", words[3]))
    if h * w > MOST_PIXELS:
        raise InputError(f"{path}: {w} × {h} pixels, allowed are {MOST_PIXELS // 10**6} million", hint=EXPORT)
    if primaries is not None and len(primaries) != 8:
        raise InputError(f"{path}: PRIMARIES has {len(primaries)} numbers, expected 8", hint=EXPORT)
    return Head((h, w), words[0] == "+Y", words[2] == "-X", exposure, primaries, stop + 1)


def _number(path: Path, key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise InputError(f"{path}: {key} = {value.strip()!r} is not a number above 0", hint=EXPORT)
    return number


def _rows(path: Path, raw: bytes, head: Head) -> UInt8:
    (h, w), at = head.size, head.at
    out = np.empty((h, w, 4), np.uint8)
    mark = bytes((2, 2, w >> 8, w & 255)) if 8 <= w < 32768 else None
    for y in range(h):
        if mark and raw[at : at + 4] == mark:
            at = _components(path, raw, at + 4, out[y])
        else:
            at = _pixels(path, raw, at, out[y])
    return out


def _components(path: Path, raw: bytes, at: int, row: UInt8) -> int:
    """A scanline of the new kind; gives where the next one begins."""
    width = len(row)
    for c in range(4):
        line = bytearray()
        while len(line) < width:
            if at + 1 >= len(raw):
                raise InputError(f"{path} is cut short at byte {at}", hint=AGAIN)
            n = raw[at]
            if n > 128:
                line += raw[at + 1 : at + 2] * (n - 128)
                at += 2
            else:
                line += raw[at + 1 : at + 1 + n]
                at += 1 + n
            if n == 0 or len(line) > width:
                raise InputError(f"{path} is damaged at byte {at}", hint=AGAIN)
        row[:, c] = np.frombuffer(line, np.uint8)
    return at


def _pixels(path: Path, raw: bytes, at: int, row: UInt8) -> int:
    """A scanline of plain pixels or old runs; gives where the next one begins."""
    x, shift = 0, 0
    while x < len(row):
        pixel = raw[at : at + 4]
        if len(pixel) < 4:
            raise InputError(f"{path} is cut short at byte {at}", hint=AGAIN)
        at += 4
        if pixel[:3] != b"\1\1\1":
            row[x] = tuple(pixel)
            x, shift = x + 1, 0
            continue
        n = pixel[3] << shift
        if x == 0 or n == 0 or x + n > len(row):
            raise InputError(f"{path} is damaged at byte {at}", hint=AGAIN)
        row[x : x + n] = row[x - 1]
        x, shift = x + n, shift + 8
    return at
