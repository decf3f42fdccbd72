# SPDX-License-Identifier: Apache-2.0
"""A raw file becomes a `RawFrame`: digital numbers of the active area, and everything the file says about
them.

LibRaw (by rawpy) unpacks the pixels of every format it knows.  What they mean is read by ourselves where the
file is a DNG, and taken from LibRaw's camera tables otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import RawFrame, Shot, UInt16
from lichtbild.capture.blocks import Layout
from lichtbild.capture.camera import READABLE, camera_raw, camera_shot, libraw, unpacked
from lichtbild.capture.cell import cell_name
from lichtbild.capture.dng import is_dng, read_tags
from lichtbild.capture.exif import camera_name
from lichtbild.capture.levels import frame_of
from lichtbild.capture.plain import EXAMPLE, read_plain
from lichtbild.capture.tiles import OWN, read_tiles

LARGEST_FILE = 2 << 30  # bytes
SUFFIXES = frozenset(
    (
        ".dng",
        ".crw",
        ".cr2",
        ".cr3",
        ".nef",
        ".nrw",
        ".arw",
        ".srf",
        ".sr2",
        ".raf",
        ".orf",
        ".rw2",
        ".pef",
        ".srw",
        ".3fr",
        ".fff",
        ".iiq",
        ".mrw",
        ".rwl",
        ".erf",
        ".kdc",
        ".dcr",
        ".mos",
    )
)
_MAGIC = (
    (0, b"\xff\xd8\xff", "a JPEG"),
    (0, b"\x89PNG", "a PNG"),
    (0, b"GIF8", "a GIF"),
    (0, b"RIFF", "a RIFF (WebP, AVI)"),
    (0, b"%PDF", "a PDF"),
    (0, b"BM", "a BMP"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (4, b"JXL ", "a JPEG XL"),
    (0, b"PK\x03\x04", "a ZIP"),
    (0, b"\x1aE\xdf\xa3", "a Matroska video"),
    (0, b"SIMPLE", "a FITS"),
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (0, b"FOVb", "a Foveon (X3F)"),
)
_RAW = (
    (6, b"HEAPCCDR"),
    (4, b"ftypcrx "),
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"\0MRM"),
    (0, b"IIII"),
    (0, b"MMMM"),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
)
_TIFF = (
    b"II*\0",
    b"MM\0*",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"IIU\0",
)  # Olympus and Panasonic have numbers of their own
_BRANDS = {
    b"heic": "a HEIC",
    b"heix": "a HEIC",
    b"mif1": "a HEIF",
    b"msf1": "a HEIF",
    b"hevc": "a HEIC",
    b"avif": "an AVIF",
    b"avis": "an AVIF",
}


def read_raw(path: Path | str, layout: str = "") -> RawFrame:
    """Read one raw file.

    Parameters
    ----------
    path : Path
        The file.
    layout : str
        What a file that says nothing about itself holds (see `plain`).

    Raises
    ------
    UnsupportedRaw
        Not a raw, or a kind that lichtbild does not read (the sentence says what it is).
    CorruptRaw
        Damaged, cut short or contradictory.
    """
    path = Path(path)
    if layout:
        return read_plain(path, layout)
    chain = _opened(path)
    if chain and is_dng(chain):
        shot, stored = read_tags(chain)
        frame = _frame(path, shot, stored)
    else:
        frame = camera_raw(path, chain)
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
        with libraw(path) as raw:
            shot = camera_shot(raw, path, chain)
    _sane(shot)
    return shot


def _sane(shot: Shot) -> None:
    highest = float(shot.black.max()) + sum(
        max(float(d.max()), 0.0) for d in (shot.black_rows, shot.black_columns) if d is not None
    )
    if not 0 <= highest < shot.white <= 65535:
        raise CorruptRaw(
            f"{shot.path}: black level {highest:g}, white level {shot.white:g}; black must be below white, "
            "white at most 65535"
        )


def info(path: Path | str) -> dict[str, Any]:
    """Plain facts about a raw file, ready for JSON.

    Raises
    ------
    UnsupportedRaw, CorruptRaw
        As `read_raw`.
    """
    s = read_shot(path)
    return {
        "file": str(path),
        "camera": camera_name(s),
        "kind": s.kind,
        "height": s.size[0],
        "width": s.size[1],
        "orientation": s.orientation,
        "pattern": _pattern(s) if s.kind == "bayer" else None,
        "black": sorted({float(v) for v in s.black.flat}),
        "white": s.white,
        "iso": s.iso,
        "exposure_time": s.exposure_time,
        "f_number": s.f_number,
        "focal_length": s.focal_length,
        "time": s.time.isoformat() if s.time else None,
        "neutral": s.neutral,
        "noise": None if s.noise is None else {"shot": s.noise.shot, "read": s.noise.read},
        "illuminants": list(s.colour.illuminants),
        "forward_matrix": bool(s.colour.forward),
        "profile": s.colour.name or None,
        "baseline_exposure": s.baseline_exposure,
        "opcodes": [[o.name for o in ops] for ops in s.opcodes],
    }


def _pattern(s: Shot) -> str:
    return "".join(s.filters[c] for c in s.pattern) if s.cell is None else cell_name(s.cell)


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
    what = next((words for at, magic, words in _MAGIC if head[at : at + len(magic)] == magic), "")
    if head[4:8] == b"ftyp" and head[8:12] != b"crx ":
        what = _BRANDS.get(head[8:12], "a video")
    if not what and path.suffix.lower() == ".gpr":
        what = "a GPR (VC-5)"
    plain = f"{READABLE}; a sensor dump or greyscale PNG is read when it is described, {EXAMPLE}"
    if not what and not any(head[at : at + len(magic)] == magic for at, magic in _RAW):
        raise UnsupportedRaw(f"{path} is not a raw lichtbild can read", hint=plain)
    if what:
        hint = plain if what == "a PNG" else READABLE
        raise UnsupportedRaw(f"{path} is {what} file: not a raw lichtbild can read", hint=hint)


def _frame(path: Path, shot: Shot, layout: Layout) -> RawFrame:
    """The active area of a DNG."""
    if layout.as_is:
        image = np.empty((*layout.size, layout.samples)[: 3 if layout.samples > 1 else 2], np.uint16)
        return frame_of(stored_pixels(path, layout, image), shot, layout)
    if layout.packing in OWN:
        return frame_of(read_tiles(path, layout), shot, layout)
    with libraw(path) as raw:  # a copy, that outlives LibRaw
        image = unpacked(raw, path)
        if image.shape[:2] != layout.size or (image.ndim == 3) != (shot.kind == "linear"):
            raise CorruptRaw(f"{path}: {image.shape} pixels unpacked, its tags say {layout.size}")
        return frame_of(np.array(image[..., :3] if image.ndim == 3 else image), shot, layout)


def as_stored(path: Path | str) -> tuple[Shot, Layout] | None:
    """What a DNG says whose pixels lie in it as they are, and where; None for every other file.

    Raises
    ------
    UnsupportedRaw, CorruptRaw
        As `read_raw`.
    """
    chain = _opened(Path(path))
    if not chain or not is_dng(chain):
        return None
    shot, layout = read_tags(chain)
    if not layout.as_is or layout.masked or layout.whites:
        return None
    _sane(shot)
    return shot, layout


def stored_pixels(path: Path, layout: Layout, image: UInt16) -> UInt16:
    """Fill `image` with pixels that are stored as they are: no decoder is faster or safer than none.

    Raises
    ------
    CorruptRaw
        The file is shorter than it was.
    """
    flat = image.reshape(-1)
    at, row = 0, layout.size[1] * layout.samples
    with path.open("rb", buffering=0) as file:
        for k, (offset, _) in enumerate(layout.blocks):
            count = min(layout.block[0], layout.size[0] - k * layout.block[0]) * row
            part = flat[at : at + count].data.cast("B")
            file.seek(offset)
            got = 0
            while got < len(part) and (more := file.readinto(part[got:])):
                got += more
            if got < len(part):
                raise CorruptRaw(f"{path} is cut short at byte {offset + got}", hint="copy the file again")
            at += count
    if np.dtype(layout.order + "u2") != image.dtype:
        image.byteswap(inplace=True)
    return image
