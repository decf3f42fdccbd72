# SPDX-License-Identifier: Apache-2.0
"""Aspect: a photograph has a shape and a field of view; what lies outside goes.

The picture is cut about its centre to the asked ratio of its sides, along its longer side however the camera
was held, and then to the field of an asked focal length.  Focal lengths are equivalents on 24 × 36 mm film by
the diagonal d of the picture, so a cut lengthens them::

    f35(cut) = f35(picture) · d(picture) / d(cut)

Nothing is ever enlarged: a picture that already shows less is left alone, and what the file says afterwards
is the focal length of what is left (see `capture.field`).

References
----------
[1] CIPA DCG-001-2018, guideline for specifications of digital cameras: the equivalent focal length.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage
from lichtbild.capture.field import equivalent, lengthened
from lichtbild.correct.crop import cut


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
    return replace(made, shot=lengthened(made.shot, math.hypot(*size) / math.hypot(height, width)))


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
