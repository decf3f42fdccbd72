# SPDX-License-Identifier: Apache-2.0
"""A look as a function of one colour: what of it does not depend on the place in the picture.

That is the look's exposure, its curve and colours, and its table.  Local tone, vignette, halation, grain and
the automatic exposure need the picture; they are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.exposure import Exposure
from lichtbild.look.grade import Grade, grade
from lichtbild.look.lut import Lut, lut

Operator = Callable[[Float64], Float64]
_NOISE = Noise((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def graded(exposure: Exposure, look: Grade, table: Lut = Lut()) -> Operator:
    """Linear Rec. 2020 (``"n 3"``, mid-grey 0.18) to linear Display P3 as the look makes it."""
    gain, still = 2.0 ** (exposure.ev + exposure.bias), replace(look, vignette=0.0)

    def operator(light: Float64) -> Float64:
        rgb = np.float32(np.asarray(light, np.float64) * gain).reshape(1, -1, 3)
        scene = Scene(np.ascontiguousarray(rgb), "rec2020", Shot(Path(), rgb.shape[:2]), _NOISE)
        return lut(grade(scene, still), table).rgb[0].astype(np.float64)

    return operator
