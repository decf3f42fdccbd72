# SPDX-License-Identifier: Apache-2.0
"""Field of view, told as the focal length that would show it on 24 × 36 mm film.

It is what the file says (FocalLengthIn35mmFilm), or else follows from the focal length and the size of the
sensor that its focal-plane resolution tells.  What cuts a picture says so to its shot: the equivalent grows,
and so does the digital zoom.

References
----------
[1] CIPA DCG-001-2018, guideline for specifications of digital cameras: the equivalent focal length.
[2] CIPA DC-008-2019 (Exif 2.32), tags 37386, 40962, 40963, 41486 … 41489.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lichtbild.base.image import Shot
from lichtbild.base.tiff import Field

_FILM = math.hypot(24.0, 36.0)  # mm
_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}  # mm in FocalPlaneResolutionUnit
_ZOOM, _F35 = 41988, 41989
_RESOLUTION, _ACROSS, _DOWN, _PER = 41486, 40962, 40963, 41488


def equivalent(shot: Shot) -> float | None:
    """Focal length in mm that would give this field on 24 × 36 mm film; None where the file does not tell."""
    exif = shot.exif.get("exif", {})
    said = _number(exif, _F35)
    if said is not None:
        return said
    per = _number(exif, _RESOLUTION)
    if per is None or not shot.focal_length:
        return None
    across, down = _number(exif, _ACROSS) or shot.size[1], _number(exif, _DOWN) or shot.size[0]
    unit = _UNIT.get(int(_number(exif, _PER) or 2), 25.4)
    return shot.focal_length * _FILM / (math.hypot(across, down) / per * unit)


def lengthened(shot: Shot, times: float) -> Shot:
    """The shot of a part of the picture whose diagonal is so many times shorter."""
    exif = dict(shot.exif.get("exif", {}))
    if (known := equivalent(shot)) is not None:
        exif[_F35] = round(known * times)
    exif[_ZOOM] = (_number(exif, _ZOOM) or 1.0) * times
    return replace(shot, exif={**shot.exif, "exif": exif})


def effective(shot: Shot) -> float | None:
    """The equivalent focal length in mm; where it is not known, the lens's own times the digital zoom."""
    known = equivalent(shot)
    if known is not None or not shot.focal_length:
        return known
    return shot.focal_length * (_number(shot.exif.get("exif", {}), _ZOOM) or 1.0)


def _number(exif: Mapping[int, Any], tag: int) -> float | None:
    """A positive number among the tags, or None."""
    value = exif.get(tag)
    numbers = value.numbers() if isinstance(value, Field) else (value,)
    number = numbers[0] if numbers else None
    return float(number) if isinstance(number, int | float) and 0 < number < math.inf else None
