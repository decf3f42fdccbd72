# SPDX-License-Identifier: Apache-2.0
"""Where a chart hangs in front of the camera: size, turn and perspective as one 3×3 map.

A chart of height 1 is scaled, turned about its centre, tilted out of the picture plane and seen from a
distance of `DISTANCE` picture heights::

    (y, x, z) = tilt · turn · scale · (v - ½, u - ½·aspect, 0),     seen at  (y, x) / (1 + z / DISTANCE)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.quality.charts import Chart
from lichtbild.simulate.scene import Placed

Rows = list[list[float]]
DISTANCE = 1.6  # picture heights; a phone's main camera
DECIMALS = 10  # what sines and cosines of any machine agree on


def place(
    chart: Chart, aspect: float, *, fill: float = 0.94, turn: float = 0.0, tilt: tuple[float, float] = (0, 0)
) -> Placed:
    """Hang a chart in the middle of a picture.

    Parameters
    ----------
    chart : Chart
        The chart; one without markers covers the whole picture.
    aspect : float
        Width of the picture over its height.
    fill : float
        Share of the picture's height or width that it takes, whichever comes first.
    turn : float
        Degrees clockwise.
    tilt : tuple of float
        Degrees out of the picture plane about the horizontal and the vertical axis: perspective.

    Raises
    ------
    InputError
        The numbers put the chart edge-on or make it vanish.
    """
    if not (0.01 <= fill <= 4 and max(map(abs, tilt)) <= 60):
        raise InputError(
            f"fill = {fill:g}, tilt = {tilt[0]:g}, {tilt[1]:g} is not allowed; fill is 0.01 … 4, tilt ±60°"
        )
    scale = fill * min(1.0, aspect / chart.aspect) if chart.code else max(1.0, aspect / chart.aspect)
    c, s = _angle(turn)
    ct, st = _angle(tilt[0])
    cp, sp = _angle(tilt[1])
    flat = _times(
        [[c * scale, s * scale], [-s * scale, c * scale]], [[1, 0, -0.5], [0, 1, -chart.aspect / 2]]
    )
    deep = _times([[ct, 0], [st * sp, cp], [st * cp, -sp]], flat)  # y, x, z of a chart position (v, u, 1)
    y, x, z = deep
    w = [z[k] / DISTANCE + (k == 2) for k in range(3)]
    rows = [
        [a + 0.5 * b for a, b in zip(y, w, strict=True)],
        [a + 0.5 * aspect * b for a, b in zip(x, w, strict=True)],
        w,
    ]
    return Placed(chart, np.round(np.array(rows, np.float64), DECIMALS))


def to_canvas(placed: Placed, height: int, margin: int, fine: int) -> NDArray[np.float64]:
    """Chart position → canvas pixel: `fine` of them per pixel of a picture of `height` with `margin`."""
    shift = margin * fine - 0.5
    shape = [[height * fine, 0, shift], [0, height * fine, shift], [0, 0, 1]]
    return np.array(_times(shape, placed.to_scene.tolist()), np.float64)


def _angle(degrees: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return round(math.cos(angle), DECIMALS), round(math.sin(angle), DECIMALS)


def _times(a: Rows, b: Rows) -> Rows:
    return [[sum(r[k] * b[k][j] for k in range(len(b))) for j in range(len(b[0]))] for r in a]
