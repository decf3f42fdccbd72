# SPDX-License-Identifier: Apache-2.0
"""Plain raws: sensor dumps and grey PNGs that say nothing about themselves, described in one line.

A layout is ``[WIDTHxHEIGHT] TYPE PATTERN [key=value …]``::

    2592x1536 u8 GRBG black=12.5 white=255          a headerless file, one byte a sample
    768x512 u16 RGGB black=600 white=16383          two bytes, little-endian (u16be: big-endian)
    png GRBG black=25 white=959 orientation=6       a greyscale PNG, which knows its size

PATTERN is a Bayer phase or MONO; ``orientation`` is EXIF's, 1 … 8; ``iso`` may be told too.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import RawFrame, Shot
from lichtbild.base.params import nearest

TYPES = {"u8": np.dtype("u1"), "u16": np.dtype("<u2"), "u16be": np.dtype(">u2")}
KEYS = ("black", "white", "orientation", "iso")
EXAMPLE = (
    'for example --layout "2592x1536 u8 GRBG black=12.5 white=255" or --layout "png RGGB black=64 white=1023"'
)
_LARGEST = 300_000_000  # samples


def read_plain(path: Path | str, layout: str) -> RawFrame:
    """Read a headerless raw file or a greyscale PNG as its layout describes it.

    Parameters
    ----------
    path : Path
        The file.
    layout : str
        As in the module's description.

    Returns
    -------
    RawFrame
        Without colour, noise or white balance: these are estimated later.

    Raises
    ------
    InputError
        The layout cannot be understood.
    CorruptRaw
        The file is not of the size that the layout says.
    UnsupportedRaw
        The PNG has colours.
    """
    path = Path(path)
    size, kind, pattern, values = _parsed(layout)
    dn = _png(path) if kind == "png" else _dump(path, size, TYPES[kind])
    h, w = dn.shape[0] & ~1, dn.shape[1] & ~1
    white = values.get("white", float(dn.max()))
    black = values.get("black", 0.0)
    if not 0 <= black < white <= 65535:
        raise InputError(
            f"layout: black = {black:g}, white = {white:g}; allowed is 0 ≤ black < white ≤ 65535"
        )
    shot = Shot(
        path,
        (h, w),
        kind="mono" if pattern == "MONO" else "bayer",
        pattern=_sites(pattern),
        black=np.full((2, 2), black, np.float32),
        white=white,
        orientation=int(values.get("orientation", 1)),
        iso=values.get("iso"),
    )
    return RawFrame(np.ascontiguousarray(dn[:h, :w]), shot)


def _parsed(layout: str) -> tuple[tuple[int, int] | None, str, str, dict[str, float]]:
    words = layout.split()
    size = None
    if words and (found := re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", words[0])):
        size = int(found[2]), int(found[1])
        words = words[1:]
    if len(words) < 2:
        raise InputError(f"layout = {layout!r} needs a type and a pattern", hint=EXAMPLE)
    kind, pattern = words[0].lower(), words[1].upper()
    if kind not in (*TYPES, "png"):
        raise InputError(
            f"layout: type = {words[0]}, allowed are {', '.join(TYPES)}, png{nearest(kind, TYPES)}",
            hint=EXAMPLE,
        )
    if pattern not in ("RGGB", "GRBG", "GBRG", "BGGR", "MONO"):
        raise InputError(
            f"layout: pattern = {words[1]}, allowed are RGGB, GRBG, GBRG, BGGR, MONO", hint=EXAMPLE
        )
    if kind != "png" and (size is None or min(size) < 2 or size[0] * size[1] > _LARGEST):
        raise InputError(
            "layout: a headerless file needs its size, WIDTHxHEIGHT, from 2x2 to 300 megapixels",
            hint=EXAMPLE,
        )
    values: dict[str, float] = {}
    for word in words[2:]:
        key, _, number = word.partition("=")
        if key not in KEYS:
            raise InputError(
                f"layout: {key} is not one of {', '.join(KEYS)}{nearest(key, KEYS)}", hint=EXAMPLE
            )
        try:
            values[key] = float(number)
        except ValueError:
            raise InputError(f"layout: {key} = {number!r} is not a number", hint=EXAMPLE) from None
        if not math.isfinite(values[key]):
            raise InputError(f"layout: {key} = {number} is not a finite number", hint=EXAMPLE)
    if values.get("iso", 100) <= 0:
        raise InputError(f"layout: iso = {values['iso']:g}, allowed is above 0", hint=EXAMPLE)
    if values.get("orientation", 1) not in range(1, 9):
        raise InputError(f"layout: orientation = {values['orientation']:g}, allowed are 1 … 8", hint=EXAMPLE)
    return size, kind, pattern, values


def _sites(pattern: str) -> tuple[int, int, int, int]:
    sites = tuple("RGB".index(c) for c in (pattern if pattern != "MONO" else "RGGB"))
    return sites[0], sites[1], sites[2], sites[3]


def _dump(
    path: Path, size: tuple[int, int] | None, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
) -> np.ndarray:
    assert size is not None
    try:
        actual = path.stat().st_size
        expected = size[0] * size[1] * dtype.itemsize
        if actual != expected:
            raise CorruptRaw(
                f"{path} has {actual} bytes; {size[1]}x{size[0]} samples of {dtype.itemsize} are {expected}",
                hint=EXAMPLE,
            )
        return np.fromfile(path, dtype).astype(np.uint16).reshape(size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _png(path: Path) -> np.ndarray:
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.width * picture.height > _LARGEST:
                raise UnsupportedRaw(f"{path} has more than 300 megapixels")
            if picture.mode not in ("L", "I;16", "I"):
                raise UnsupportedRaw(
                    f"{path} is a PNG with colours: not a raw", hint="only greyscale PNGs hold a mosaic"
                )
            return np.asarray(picture).astype(np.uint16)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise CorruptRaw(f"{path} cannot be read as a PNG: {error}") from error
