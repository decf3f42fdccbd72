# SPDX-License-Identifier: Apache-2.0
"""The way back from a picture to the scene, for tables that bring a curve of their own.

With `PLAIN`, `grade` is nothing but its curve on each channel of Display P3, and `to_scene` undoes it.
A table made for scene light is baked as *to_scene, then the table*, and used behind a plain grade.
"""

from __future__ import annotations

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.look.grade import GREY

CONTRAST = 1.5
PLAIN: dict[str, dict[str, float]] = {
    "grade": {"contrast": CONTRAST, "toe": 0.0, "hue_keep": 0.0, "purity_rolloff": 0.0, "headroom": 0.0}
}
_BRIGHTEST = 0.9999  # of a picture: 11 EV above mid-grey, beyond which the curve is level


def to_scene(picture: Float64) -> Float64:
    """Linear P3 of a picture after a plain grade → of the scene."""
    y = np.clip(picture, 0.0, _BRIGHTEST)
    k = (1 / GREY - 1) * GREY**CONTRAST
    return (k * y / (1 - y)) ** (1 / CONTRAST)
