# SPDX-License-Identifier: Apache-2.0
"""What a finished file says about camera, time and place: EXIF by an allow-list (XMP: see `packet`).

Only fields on the list are ever carried over, so serial numbers, owner's names, thumbnails and maker notes
cannot slip through.  The place is carried unless it is stripped.

References
----------
[1] CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif Version 2.32".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lichtbild.base import tiff
from lichtbild.base.image import Shot
from lichtbild.base.tiff import EXIF_IFD, GPS_IFD, Field, Page
from lichtbild.publish.packet import NAMESPACE, Strip, xmp_packet

__all__ = ["NAMESPACE", "Carried", "Strip", "as_field", "carried", "exif_block", "xmp_packet"]

# exposure, sensitivity, times and their zones, metering, lens; no serial number, owner, comment, maker note
_EXIF = frozenset(
    (
        33434,
        33437,
        34850,
        34855,
        34864,
        34866,
        36867,
        36868,
        36880,
        36881,
        36882,
        37377,
        37378,
        37379,
        37380,
        37381,
        37382,
        37383,
        37384,
        37385,
        37386,
        37520,
        37521,
        37522,
        41495,
        41986,
        41987,
        41988,
        41989,
        41990,
        42034,
        42035,
        42036,
    )
)
# version, place, height, time, direction, datum, date, error
_GPS = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 29, 31))
_RATIONALS = frozenset((33434, 33437, 37378, 37381, 37382, 37386, 41988, 42034))
_SIGNED = frozenset((37377, 37379, 37380))
_SHORTS = frozenset((34850, 34855, 34864, 37383, 37384, 37385, 41495, 41986, 41987, 41989, 41990))


@dataclass(frozen=True, slots=True)
class Carried:
    """EXIF to be written: fields of the main directory, and the EXIF and GPS directories below it."""

    main: dict[int, Field]
    below: dict[int, list[Page]]


def carried(
    shot: Shot,
    *,
    strip: Strip = "none",
    software: str = "lichtbild",
    orientation: int = 1,
    size: tuple[int, int] | None = None,
    space: str = "",
) -> Carried:
    """The allowed fields of a shot; what its EXIF lacks is filled in from what the raw says.

    Parameters
    ----------
    strip : {"none", "gps", "all"}
        Carry everything allowed, all but the place, or nothing about camera, time and place.
    orientation : int
        As written: 1 where the pixels are already upright.
    size : tuple of int, optional
        (height, width) of the pixels.
    space : str
        "srgb", or another one, for the ColorSpace field; left out where empty.
    """
    main = {274: tiff.numbers_field(tiff.SHORT, orientation), 305: tiff.ascii_field(software)}
    exif: dict[int, Field] = {36864: tiff.bytes_field(tiff.UNDEFINED, b"0232")}
    below: dict[int, list[Page]] = {}
    if strip != "all":
        if shot.make:
            main[271] = tiff.ascii_field(shot.make)
        if shot.model:
            main[272] = tiff.ascii_field(shot.model)
        exif.update(_allowed(shot.exif.get("exif", {}), _EXIF))
        _fill(shot, main, exif)
        if strip == "none" and (gps := _allowed(shot.exif.get("gps", {}), _GPS)):
            below[GPS_IFD] = [Page(gps)]
    if size is not None:
        exif[40962], exif[40963] = (tiff.numbers_field(tiff.LONG, n) for n in (size[1], size[0]))
    if space:
        exif[40961] = tiff.numbers_field(tiff.SHORT, 1 if space == "srgb" else 0xFFFF)
    below[EXIF_IFD] = [Page(exif)]
    return Carried(main, below)


def exif_block(
    shot: Shot,
    *,
    strip: Strip = "none",
    size: tuple[int, int] | None = None,
    software: str = "lichtbild",
    space: str = "",
) -> bytes:
    """A TIFF block for the APP1 segment of a JPEG, behind "Exif" and two zero bytes; the pixels are upright.

    Parameters as in `carried`.
    """
    c = carried(shot, strip=strip, software=software, size=size, space=space)
    main = c.main | {
        282: tiff.numbers_field(tiff.RATIONAL, 72),
        283: tiff.numbers_field(tiff.RATIONAL, 72),
        296: tiff.numbers_field(tiff.SHORT, 2),
        531: tiff.numbers_field(tiff.SHORT, 1),
    }
    deep = {
        37121: tiff.bytes_field(tiff.UNDEFINED, b"\1\2\3\0"),
        40960: tiff.bytes_field(tiff.UNDEFINED, b"0100"),
    }
    below = c.below | {
        EXIF_IFD: [Page(page.fields | deep) for page in c.below[EXIF_IFD]]
    }  # what a JPEG must say
    return b"".join(tiff.tiff_chunks([Page(main, below)]))


# ---- fields


def _allowed(fields: Mapping[int, Any], tags: frozenset[int]) -> dict[int, Field]:
    return {
        tag: made
        for tag, value in fields.items()
        if tag in tags and (made := as_field(tag, value)) is not None
    }


def as_field(tag: int, value: Any) -> Field | None:
    """A value as an EXIF field: read ones as they are, plain Python values in the type of the tag."""
    if isinstance(value, Field):
        return value
    if isinstance(value, str):
        return tiff.ascii_field(value)
    if isinstance(value, bytes):
        return tiff.bytes_field(tiff.UNDEFINED, value)
    numbers = value if isinstance(value, tuple | list) else (value,)
    if not numbers or not all(isinstance(v, int | float) for v in numbers):
        return None
    if tag in _RATIONALS or tag in _SIGNED or any(isinstance(v, float) for v in numbers):
        return tiff.numbers_field(tiff.SRATIONAL if tag in _SIGNED else tiff.RATIONAL, *numbers)
    return tiff.numbers_field(tiff.SHORT if tag in _SHORTS and max(numbers) < 65536 else tiff.LONG, *numbers)


def _fill(shot: Shot, main: dict[int, Field], exif: dict[int, Field]) -> None:
    for tag, value in ((33434, shot.exposure_time), (33437, shot.f_number), (37386, shot.focal_length)):
        if value and tag not in exif:
            exif[tag] = tiff.numbers_field(tiff.RATIONAL, value)
    if shot.iso and 34855 not in exif:
        exif[34855] = tiff.numbers_field(tiff.SHORT, min(round(shot.iso), 65535))
    if shot.time is not None:
        stamp = tiff.ascii_field(shot.time.strftime("%Y:%m:%d %H:%M:%S"))
        main[306] = stamp
        exif.setdefault(36867, stamp)
        exif.setdefault(36868, stamp)
        if shot.subseconds:
            exif.setdefault(37521, tiff.ascii_field(f"{shot.time.microsecond:06d}".rstrip("0") or "0"))
        if (offset := shot.time.strftime("%z")) and 36881 not in exif:
            exif[36881] = tiff.ascii_field(f"{offset[:3]}:{offset[3:5]}")
