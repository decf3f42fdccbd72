# SPDX-License-Identifier: Apache-2.0
"""EXIF: camera, exposure, time and place, as every TIFF-like raw has them.

References
----------
[1] CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif Version 2.32".
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

from lichtbild.base.directories import Directory
from lichtbild.base.image import Shot
from lichtbild.base.tiff import EXIF_IFD, GPS_IFD, Field
from lichtbild.capture.words import words_of

LONGEST_CARRIED = 1 << 16  # bytes of one value


# ---- the exposure, in every TIFF-like raw


def exposure_tags(chain: list[Directory]) -> dict[str, Any]:
    """Camera, exposure, time and the EXIF fields to carry, as keyword arguments of a `Shot`."""
    top = chain[0]
    exif = (top.children.get(EXIF_IFD) or [top])[0]
    gps = top.children.get(GPS_IFD)
    time, subseconds = _time(exif, top)
    orientation = top.integer(274, 1)
    carry = {
        "main": _carried(top),
        "exif": _carried(exif) if exif is not top else {},
        "gps": _carried(gps[0]) if gps else {},
    }
    return {
        "make": top.text(271),
        "model": top.text(272),
        "orientation": orientation if 1 <= orientation <= 8 else 1,
        "iso": _positive(exif, top, 34855),
        "exposure_time": _positive(exif, top, 33434),
        "f_number": _positive(exif, top, 33437),
        "focal_length": _positive(exif, top, 37386),
        "time": time,
        "subseconds": subseconds,
        "exif": carry,
        "words": words_of(top.path, top),
    }


def _positive(exif: Directory, top: Directory, tag: int) -> float | None:
    for d in (exif, top):
        values = d.fields[tag].numbers() if tag in d else ()
        if values and math.isfinite(values[0]) and values[0] > 0:
            return float(values[0])
    return None


def _time(exif: Directory, top: Directory) -> tuple[datetime | None, bool]:
    text = exif.text(36867) or top.text(36867) or top.text(306)
    try:
        made = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
        digits = exif.text(37521)
        if digits.isdigit():
            made += timedelta(seconds=int(digits[:9]) / 10 ** len(digits[:9]))
        offset = exif.text(36881)
        if len(offset) == 6 and offset[0] in "+-" and offset[1:3].isdigit() and offset[4:].isdigit():
            away = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
            made = made.replace(tzinfo=timezone(away if offset[0] == "+" else -away))
    except (ValueError, OverflowError):
        return None, False
    return made, digits.isdigit()


def _carried(directory: Directory) -> dict[int, Field]:
    return {tag: f for tag, f in directory.fields.items() if len(f.payload) <= LONGEST_CARRIED}


def camera_name(shot: Shot) -> str:
    """Maker and model; many models begin with the maker."""
    return shot.model if shot.model.startswith(shot.make) else f"{shot.make} {shot.model}".strip()
