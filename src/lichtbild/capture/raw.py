# SPDX-License-Identifier: Apache-2.0
"""A raw file becomes a `RawFrame`: digital numbers of the active area, and everything the file says about them.

LibRaw (by rawpy) unpacks the pixels of every format it knows.  What they mean is read by ourselves where the file is a
DNG, and taken from LibRaw's camera tables otherwise.
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

from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import CameraColour, RawFrame, Shot, Triple, UInt16
from lichtbild.capture.ciff import read_ciff
from lichtbild.capture.dng import MOST_PIXELS, Layout, bayer, even_tiles, is_dng, read_tags
from lichtbild.capture.exif import exposure_tags

if rawpy.libraw_version < (0, 22, 1):
    raise ImportError(f"LibRaw {rawpy.libraw_version} has known memory bugs; lichtbild needs rawpy >= 0.28")

LARGEST_FILE = 2 << 30  # bytes
SUFFIXES = frozenset((
    ".dng", ".crw", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".pef", ".srw",
    ".3fr", ".fff", ".iiq", ".mrw", ".rwl", ".erf", ".kdc", ".dcr", ".mos"))
READABLE = "lichtbild reads DNG and the raw files of cameras with a Bayer sensor (CR2, CR3, NEF, ARW, ORF, RW2, PEF …)"
_ORIENTATION = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # LibRaw's flip → EXIF
_D65 = 21  # EXIF LightSource
_MAGIC = (
    (0, b"\xff\xd8\xff", "a JPEG"), (0, b"\x89PNG", "a PNG"), (0, b"GIF8", "a GIF"), (0, b"RIFF", "a RIFF (WebP, AVI)"),
    (0, b"%PDF", "a PDF"), (0, b"BM", "a BMP"), (0, b"\x76\x2f\x31\x01", "an OpenEXR"), (0, b"\xff\x0a", "a JPEG XL"),
    (4, b"JXL ", "a JPEG XL"), (0, b"PK\x03\x04", "a ZIP"), (0, b"\x1aE\xdf\xa3", "a Matroska video"),
    (0, b"SIMPLE", "a FITS"), (4, b"moov", "a video"), (4, b"mdat", "a video"), (0, b"FOVb", "a Foveon (X3F)"))
_RAW = ((6, b"HEAPCCDR"), (4, b"ftypcrx "), (0, b"FUJIFILMCCD-RAW"), (0, b"\0MRM"), (0, b"IIII"), (0, b"MMMM"),
        (0, b"II*\0"), (0, b"MM\0*"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0"))
_TIFF = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # Olympus and Panasonic have numbers of their own
_BRANDS = {b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIF", b"msf1": "a HEIF", b"hevc": "a HEIC",
           b"avif": "an AVIF", b"avis": "an AVIF"}


def read_raw(path: Path | str) -> RawFrame:
    """Read one raw file.

    Raises
    ------
    UnsupportedRaw
        Not a raw, or a kind that lichtbild does not read (the sentence says what it is).
    CorruptRaw
        Damaged, cut short or contradictory.
    """
    path = Path(path)
    chain = _opened(path)
    if chain and is_dng(chain):
        shot, layout = read_tags(chain)
        frame = RawFrame(_pixels(path, shot, layout), shot)
    else:
        frame = _camera_raw(path, chain)
    _sane(frame.shot)
    return frame


def read_shot(path: Path | str) -> Shot:
    """What the file says, without unpacking its pixels.

    Raises
    ------
    UnsupportedRaw, CorruptRaw
        As `read_raw`.
    """
    path = Path(path)
    chain = _opened(path)
    if chain and is_dng(chain):
        shot = read_tags(chain)[0]
    else:
        with _libraw(path) as raw:
            shot = _camera_shot(raw, path, chain)
    _sane(shot)
    return shot


def _sane(shot: Shot) -> None:
    highest = float(shot.black.max()) + sum(max(float(d.max()), 0.0) for d in (shot.black_rows, shot.black_columns)
                                            if d is not None)
    if not 0 <= highest < shot.white <= 65535:
        raise CorruptRaw(f"{shot.path}: black level {highest:g}, white level {shot.white:g}; black must be below white, "
                         "white at most 65535")


def info(path: Path | str) -> dict[str, Any]:
    """Plain facts about a raw file, ready for JSON.

    Raises
    ------
    UnsupportedRaw, CorruptRaw
        As `read_raw`.
    """
    s = read_shot(path)
    return {
        "file": str(path), "camera": s.model if s.model.startswith(s.make) else f"{s.make} {s.model}".strip(), "kind": s.kind,
        "height": s.size[0], "width": s.size[1], "orientation": s.orientation,
        "pattern": "".join("RGB"[c] for c in s.pattern) if s.kind == "bayer" else None,
        "black": sorted({float(v) for v in s.black.flat}), "white": s.white, "iso": s.iso,
        "exposure_time": s.exposure_time, "f_number": s.f_number, "focal_length": s.focal_length,
        "time": s.time.isoformat() if s.time else None, "neutral": s.neutral,
        "noise": None if s.noise is None else {"shot": s.noise.shot, "read": s.noise.read},
        "illuminants": list(s.colour.illuminants), "forward_matrix": bool(s.colour.forward),
        "profile": s.colour.name or None, "baseline_exposure": s.baseline_exposure,
        "opcodes": [[o.name for o in ops] for ops in s.opcodes],
    }


# ---- opening


def _opened(path: Path) -> list[Directory]:
    """The TIFF directories of a file that may be a raw, empty where it is no TIFF container."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if size > LARGEST_FILE:
        raise UnsupportedRaw(f"{path} has {size / 2**30:.1f} GiB, allowed are 2 GiB")
    if len(head) < 32:
        raise CorruptRaw(f"{path} has only {len(head)} bytes: not a raw file")
    _refuse(path, head)
    if head[:4] not in _TIFF:
        return []
    chain = read_directories(path)
    if not chain:
        raise CorruptRaw(f"{path}: a TIFF container without a directory")
    return chain


def _refuse(path: Path, head: bytes) -> None:
    what = next((words for at, magic, words in _MAGIC if head[at:at + len(magic)] == magic), "")
    if head[4:8] == b"ftyp" and head[8:12] != b"crx ":
        what = _BRANDS.get(head[8:12], "a video")
    if not what and path.suffix.lower() == ".gpr":
        what = "a GPR (VC-5)"
    if not what and not any(head[at:at + len(magic)] == magic for at, magic in _RAW):
        raise UnsupportedRaw(f"{path} is not a raw lichtbild can read", hint=READABLE)
    if what:
        raise UnsupportedRaw(f"{path} is {what} file: not a raw lichtbild can read", hint=READABLE)


@contextmanager
def _libraw(path: Path) -> Iterator[rawpy.RawPy]:
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


def _image(raw: rawpy.RawPy, path: Path) -> UInt16:
    sizes = raw.sizes
    if sizes.raw_height * sizes.raw_width > MOST_PIXELS:
        raise CorruptRaw(f"{path}: {sizes.raw_width} × {sizes.raw_height} pixels, allowed are "
                         f"{MOST_PIXELS // 10**6} million")
    image = raw.raw_image
    if image is None or image.dtype != np.uint16:
        raise UnsupportedRaw(f"{path} has pixels of a kind lichtbild does not read")
    return image


def _pixels(path: Path, shot: Shot, layout: Layout) -> UInt16:
    """The active area of a DNG, a copy that outlives LibRaw."""
    top, left, bottom, right = layout.active
    if layout.strips:
        image = _plain(path, layout)
        return np.ascontiguousarray(image[top:bottom, left:right])
    with _libraw(path) as raw:
        image = _image(raw, path)
        if image.shape[:2] != layout.size or (image.ndim == 3) != (shot.kind == "linear"):
            raise CorruptRaw(f"{path}: {image.shape} pixels unpacked, its tags say {layout.size}")
        return np.array(image[top:bottom, left:right, :3] if image.ndim == 3 else image[top:bottom, left:right], order="C")


def _plain(path: Path, layout: Layout) -> UInt16:
    """Pixels that are stored as they are: no decoder is faster or safer than none."""
    h, w = layout.size
    image = np.empty(h * w * layout.samples, np.uint16)
    at = 0
    for offset, length in layout.strips:
        strip = np.fromfile(path, layout.order + "u2", length // 2, offset=offset)
        if len(strip) != length // 2:
            raise CorruptRaw(f"{path} is cut short at byte {offset + 2 * len(strip)}", hint="copy the file again")
        image[at:at + len(strip)] = strip
        at += len(strip)
    return image.reshape((h, w) if layout.samples == 1 else (h, w, layout.samples))


# ---- raw files of cameras, as LibRaw understands them


def _camera_raw(path: Path, chain: list[Directory]) -> RawFrame:
    with _libraw(path) as raw:
        shot = _camera_shot(raw, path, chain)
        image, sizes = _image(raw, path), raw.sizes
        dn = image[sizes.top_margin:sizes.top_margin + sizes.height, sizes.left_margin:sizes.left_margin + sizes.width]
        return RawFrame(np.array(dn, order="C"), replace(shot, size=(dn.shape[0], dn.shape[1])))


def _camera_shot(raw: rawpy.RawPy, path: Path, chain: list[Directory]) -> Shot:
    sizes = raw.sizes
    if raw.raw_type != rawpy.RawType.Flat:
        raise UnsupportedRaw(f"{path} holds no mosaic of photosites (sRAW, Foveon or multi-shot)", hint=READABLE)
    shot = Shot(path=path, size=(sizes.height, sizes.width), orientation=_ORIENTATION.get(sizes.flip & 7, 1),
                neutral=_camera_neutral(raw), colour=_camera_colour(raw), **_camera_levels(raw, path), **_camera_other(raw))
    if chain:
        shot = replace(shot, **{k: v for k, v in exposure_tags(chain).items() if v and k != "orientation"})
    elif (names := read_ciff(path)) is not None:
        shot = replace(shot, make=names[0], model=names[1])
    return shot


def _camera_levels(raw: rawpy.RawPy, path: Path) -> dict[str, Any]:
    pattern, levels = raw.raw_pattern, raw.black_level_per_channel
    if pattern is None or raw.num_colors == 1:
        kind: dict[str, Any] = {"kind": "mono"}
        black = np.full((2, 2), levels[0], np.float32)
    else:
        if pattern.shape != (2, 2):
            raise UnsupportedRaw(f"{path} has a {pattern.shape[1]} × {pattern.shape[0]} colour filter array (X-Trans?), "
                                 "allowed is a 2 × 2 Bayer pattern")
        letters = raw.color_desc.decode("ascii", "replace")
        cell = tuple("RGB".find(letters[i]) for i in pattern.flat)
        kind = {"kind": "bayer", "pattern": bayer(cell, path)}
        black = np.array([[levels[i] for i in row] for row in pattern], np.float32)
    whites = [w for w in (raw.camera_white_level_per_channel or ()) if 0 < w <= raw.white_level and w > black.max()]
    return {**kind, "black": even_tiles(black), "white": float(min(whites, default=raw.white_level))}


def _camera_other(raw: rawpy.RawPy) -> dict[str, Any]:
    other = raw.other
    time = other.timestamp
    return {"iso": other.iso_speed or None, "exposure_time": other.shutter_speed or None,
            "f_number": other.aperture or None, "focal_length": other.focal_length or None,
             "time": time if time and time.year > 1971 else None}


def _camera_neutral(raw: rawpy.RawPy) -> Triple | None:
    for gains in (raw.camera_whitebalance, raw.daylight_whitebalance):
        if min(gains[:3]) > 0 and np.isfinite(gains[:3]).all():
            white = [min(gains[:3]) / g for g in gains[:3]]
            return white[0], white[1], white[2]
    return None


def _camera_colour(raw: rawpy.RawPy) -> CameraColour:
    """ColorMatrix for D65: LibRaw's table, else the inverse of its camera → sRGB matrix and daylight balance."""
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
