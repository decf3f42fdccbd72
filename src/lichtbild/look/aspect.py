# SPDX-License-Identifier: Apache-2.0
"""Aspect: a photograph has a shape and a field of view; what lies outside goes.

The picture is cut about its centre to the asked ratio of its sides, along its longer side however the camera
was held, and then to the field of an asked focal length.  Focal lengths are equivalents on 24 × 36 mm film by
the diagonal d of the picture, so a cut lengthens them::

    f35(cut) = f35(picture) · d(picture) / d(cut)

f35 of the picture is what the file says (FocalLengthIn35mmFilm), or else follows from the focal length and
the size of the sensor that its focal-plane resolution tells.  Nothing is ever enlarged: a picture that
already shows less is left alone, and what the file says afterwards is the focal length of what is left.

References
----------
[1] CIPA DCG-001-2018, guideline for specifications of digital cameras: the equivalent focal length.
[2] CIPA DC-008-2019 (Exif 2.32), tags 37386, 40962, 40963, 41486 … 41489.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Scene, Shot
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage
from lichtbild.base.tiff import Field
from lichtbild.correct.crop import cut

_FILM = math.hypot(24.0, 36.0)  # mm
_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}  # mm in FocalPlaneResolutionUnit
_F35, _RESOLUTION, _ACROSS, _DOWN, _PER = 41989, 41486, 40962, 40963, 41488


@dataclass(frozen=True)
class Aspect(Params):
    """Knobs of `aspect`."""

    ratio: float = knob(0.0, 0.0, 5.0, "", "Longer over shorter side: 1 square, 2.7083 65 : 24; 0: as it is.")
    focal: float = knob(0.0, 0.0, 500.0, "mm", "Field of view as a focal length on 24 × 36 mm; 0: all of it.")


@stage
def aspect(scene: Scene, params: Aspect = Aspect()) -> Scene:
    """Cut a scene to a ratio of its sides and to a field of view.

    Parameters
    ----------
    scene : Scene
        In any space.
    params : Aspect
        Ratio and focal length; a ratio below 1 means the same as its reciprocal.

    Returns
    -------
    Scene
        The middle of it, with all its maps; the same object where that is all.

    Warns
    -----
    FallbackWarning
        A focal length is asked for and the file does not tell the one of the picture: the field stays.
    """
    size = scene.rgb.shape[:2]
    if min(size) == 0:
        return scene
    height, width = _shaped(size, params.ratio)
    known = equivalent(scene.shot)
    if params.focal and known is None:
        where = f"{scene.shot.path.name}: aspect.focal = {params.focal:g} mm is not applied"
        warnings.warn(
            FallbackWarning(f"{where}, the file does not tell the focal length on 24 × 36 mm"), stacklevel=4
        )
    elif params.focal and known is not None:
        share = known * math.hypot(*size) / math.hypot(height, width) / params.focal
        if share < 1.0:
            height, width = max(1, round(height * share)), max(1, round(width * share))
    if (height, width) == size:
        return scene
    made = cut(scene, ((size[0] - height) // 2, (size[1] - width) // 2, height, width))
    if known is None:
        return made
    longer = known * math.hypot(*size) / math.hypot(height, width)
    exif = {**scene.shot.exif, "exif": {**scene.shot.exif.get("exif", {}), _F35: round(longer)}}
    return replace(made, shot=replace(made.shot, exif=exif))


def _shaped(size: tuple[int, ...], ratio: float) -> tuple[int, int]:
    """Height and width of the largest part of a picture with that ratio of its sides."""
    height, width = size[:2]
    if ratio == 0.0:
        return height, width
    ratio = max(ratio, 1.0 / ratio)
    longer, shorter = max(height, width), min(height, width)
    if longer > ratio * shorter:
        longer = max(1, round(shorter * ratio))
    else:
        shorter = max(1, round(longer / ratio))
    return (shorter, longer) if width >= height else (longer, shorter)


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


def _number(exif: Mapping[int, Any], tag: int) -> float | None:
    """A positive number among the tags, or None."""
    value = exif.get(tag)
    numbers = value.numbers() if isinstance(value, Field) else (value,)
    number = numbers[0] if numbers else None
    return float(number) if isinstance(number, int | float) and 0 < number < math.inf else None
