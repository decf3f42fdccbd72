# SPDX-License-Identifier: Apache-2.0
"""Raw files of cameras that write no DNG, as LibRaw understands them.

Pixels, levels, white and one colour matrix; it tells no noise, no second illuminant and no lens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rawpy
from numpy.typing import NDArray

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import CameraColour, RawFrame, Shot, Triple, UInt16
from lichtbild.capture.cell import read_cell
from lichtbild.capture.ciff import read_ciff
from lichtbild.capture.dng import MOST_PIXELS, even_tiles
from lichtbild.capture.exif import exposure_tags
from lichtbild.capture.words import words_of

if rawpy.libraw_version < (0, 22, 1):
    raise ImportError(f"LibRaw {rawpy.libraw_version} has known memory bugs; lichtbild needs rawpy >= 0.28")

READABLE = "lichtbild reads DNG and the raws of Bayer and X-Trans cameras (CR2, CR3, NEF, ARW, ORF, RAF …)"
_ORIENTATION = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # LibRaw's flip → EXIF
_D65 = 21  # EXIF LightSource


@contextmanager
def libraw(path: Path) -> Iterator[rawpy.RawPy]:
    """LibRaw with the file open; what goes wrong inside the block becomes an error of ours."""
    try:
        with rawpy.imread(str(path)) as raw:
            yield raw
    except (rawpy.LibRawFileUnsupportedError, NotImplementedError) as error:
        raise UnsupportedRaw(f"{path} is not a raw lichtbild can read", hint=READABLE) from error
    except (rawpy.LibRawError, OSError, MemoryError) as error:
        text = error.args[0] if error.args else error
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        raise CorruptRaw(f"{path} is damaged or cut short ({text})", hint="copy the file again") from error


def unpacked(raw: rawpy.RawPy, path: Path) -> UInt16:
    """All digital numbers of an open file; the array lives only as long as the file is open.

    Raises
    ------
    CorruptRaw, UnsupportedRaw
        Too many pixels, or none of a kind that is read here.
    """
    sizes = raw.sizes
    if sizes.raw_height * sizes.raw_width > MOST_PIXELS:
        raise CorruptRaw(
            f"{path}: {sizes.raw_width} × {sizes.raw_height} pixels, allowed are "
            f"{MOST_PIXELS // 10**6} million"
        )
    image = raw.raw_image
    if image is None or image.dtype != np.uint16:
        raise UnsupportedRaw(f"{path} has pixels of a kind lichtbild does not read")
    return image


def camera_raw(path: Path, chain: list[Directory]) -> RawFrame:
    """Read a raw file that is no DNG; `chain` holds its TIFF directories, if it has any.

    Raises
    ------
    CorruptRaw, UnsupportedRaw
        Damaged, or no mosaic of three colours and not monochrome.
    """
    with libraw(path) as raw:
        shot = camera_shot(raw, path, chain)
        image, sizes = unpacked(raw, path), raw.sizes
        dn = image[
            sizes.top_margin : sizes.top_margin + sizes.height,
            sizes.left_margin : sizes.left_margin + sizes.width,
        ]
        return RawFrame(np.array(dn, order="C"), replace(shot, size=(dn.shape[0], dn.shape[1])))


def camera_shot(raw: rawpy.RawPy, path: Path, chain: list[Directory]) -> Shot:
    """What LibRaw and the EXIF know of an open file, without unpacking its pixels.

    Raises
    ------
    UnsupportedRaw
        No mosaic of three colours, and not monochrome.
    """
    sizes = raw.sizes
    if raw.raw_type != rawpy.RawType.Flat:
        raise UnsupportedRaw(
            f"{path} holds no mosaic of photosites (sRAW, Foveon or multi-shot)", hint=READABLE
        )
    shot = Shot(
        path=path,
        size=(sizes.height, sizes.width),
        orientation=_ORIENTATION.get(sizes.flip & 7, 1),
        neutral=_neutral(raw),
        colour=_colour(raw),
        **_levels(raw, path),
        **_exposure(raw),
    )
    if chain:
        shot = replace(shot, **{k: v for k, v in exposure_tags(chain).items() if v and k != "orientation"})
        return shot
    if (names := read_ciff(path)) is not None:
        shot = replace(shot, make=names[0], model=names[1])
    return replace(shot, words=words_of(path))


def _levels(raw: rawpy.RawPy, path: Path) -> dict[str, Any]:
    pattern, levels = raw.raw_pattern, raw.black_level_per_channel
    if pattern is None or raw.num_colors == 1:
        kind: dict[str, Any] = {"kind": "mono"}
        black = np.full((2, 2), levels[0], np.float32)
    else:
        letters = raw.color_desc.decode("ascii", "replace")
        numbers = _numbers(raw, pattern)
        cell = np.array([["RGB".find(letters[i]) for i in row] for row in numbers])
        kind = {"kind": "bayer", **read_cell(cell, path)}
        black = np.array([[levels[i] for i in row] for row in numbers], np.float32)
    whites = [
        w for w in (raw.camera_white_level_per_channel or ()) if 0 < w <= raw.white_level and w > black.max()
    ]
    return {**kind, "black": even_tiles(black), "white": float(min(whites, default=raw.white_level))}


def _numbers(raw: rawpy.RawPy, pattern: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """LibRaw's colour numbers of the cell at the top left of the visible area."""
    if pattern.shape == (2, 2):
        return pattern
    p, q = pattern.shape
    top, left = raw.sizes.top_margin, raw.sizes.left_margin
    return np.array([[raw.raw_color(top + y, left + x) for x in range(q)] for y in range(p)], np.uint8)


def _exposure(raw: rawpy.RawPy) -> dict[str, Any]:
    other = raw.other
    time = other.timestamp
    return {
        "iso": other.iso_speed or None,
        "exposure_time": other.shutter_speed or None,
        "f_number": other.aperture or None,
        "focal_length": other.focal_length or None,
        "time": time if time and time.year > 1971 else None,
    }


def _neutral(raw: rawpy.RawPy) -> Triple | None:
    for gains in (raw.camera_whitebalance, raw.daylight_whitebalance):
        if min(gains[:3]) > 0 and np.isfinite(gains[:3]).all():
            white = [min(gains[:3]) / g for g in gains[:3]]
            return white[0], white[1], white[2]
    return None


def _colour(raw: rawpy.RawPy) -> CameraColour:
    """ColorMatrix for D65: LibRaw's table, else the inverse of its camera → sRGB matrix."""
    matrix: NDArray[np.float64] = np.array(raw.rgb_xyz_matrix[:3], np.float64)
    if not matrix.any():
        to_srgb: NDArray[np.float64] = np.array(raw.color_matrix[:, :3], np.float64)
        daylight = np.array(raw.daylight_whitebalance[:3], np.float64)
        if not to_srgb.any() or not (daylight > 0).all() or np.allclose(to_srgb, np.eye(3)):
            return CameraColour()
        srgb_to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        to_xyz = srgb_to_xyz @ to_srgb @ np.diag(daylight)
        matrix = np.linalg.inv(to_xyz).astype(np.float64) if _invertible(to_xyz) else np.zeros((3, 3))
    return CameraColour(illuminants=(_D65,), colour=(matrix,)) if _invertible(matrix) else CameraColour()


def _invertible(matrix: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(matrix).all()) and bool(np.linalg.cond(matrix) < 1e4)
