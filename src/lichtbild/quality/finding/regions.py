# SPDX-License-Identifier: Apache-2.0
"""What the finders look at: a small copy of a picture in which equal steps look equal, and its parts.

Light is divided by what 97 % of the picture stay below and its square root taken: noise that grows with the
light is then about the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32
from lichtbild.quality.chart import Float64

LARGEST = 1400  # pixels of the longer side of the small copy
BRIGHT = 97.0  # per cent of the picture below 1


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A picture reduced by a whole number: ``light: Float32 "h w 3"``, square roots; `step` pixels each way
    make one.
    """

    light: Float32
    step: int

    @property
    def grey(self) -> Float32:
        """``"h w"``: mostly green."""
        return self.light @ np.array([0.25, 0.6, 0.15], np.float32)

    def up(self, places: Float64) -> Float64:
        """Positions in the picture of positions (y, x) in the copy."""
        return (places + 0.5) * self.step - 0.5

    def down(self, places: Float64) -> Float64:
        """Positions in the copy of positions (y, x) in the picture."""
        return (places + 0.5) / self.step - 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Connected parts of a mask, one row each: ``area "n"``, ``centre "n 2"``, ``box "n 4"`` (top, left,
    bottom, right, beyond the last pixel), ``spread "n 3"`` (variances of y and x and their covariance).
    """

    label: NDArray[np.int32]
    area: Float64
    centre: Float64
    box: Float64
    spread: Float64


def small(rgb: Float32, largest: int = LARGEST) -> Small:
    """The small copy of a picture ``"h w 3"``."""
    step = max(1, -(-max(rgb.shape[:2]) // largest))
    h, w = rgb.shape[0] // step, rgb.shape[1] // step
    sums = np.zeros((h, w, 3), np.float32)
    for j in range(step):
        for i in range(step):
            sums += rgb[j : h * step : step, i : w * step : step]
    sums /= step * step
    bright = float(np.percentile(sums[::2, ::2, 1], BRIGHT))
    np.clip(sums / np.float32(max(bright, 1e-9)), 0, 4, out=sums)
    return Small(np.sqrt(sums), step)


def parts(mask: NDArray[np.bool_], *, corners: bool = False) -> Parts:
    """The connected parts of a mask ``"h w"``; `corners` also joins pixels that only touch at a corner."""
    label, count = np.empty(mask.shape, np.int32), np.zeros(1, np.int32)
    kernels.label(np.ascontiguousarray(mask, np.uint8), corners, label, count)
    rows = np.empty((int(count[0]), 10), np.float64)
    kernels.parts(label, rows)
    area = rows[:, 0]
    centre = rows[:, 1:3] / area[:, None]
    y, x = centre.T
    squares = rows[:, 7:10] / area[:, None]
    own = 1 / 12  # variance of a pixel
    a, b, c = squares[:, 0] - y * y + own, squares[:, 1] - x * x + own, squares[:, 2] - y * x
    box = rows[:, 3:7] + np.array([0, 0, 1, 1])
    return Parts(label, area, centre, box, np.stack([a, b, c], axis=1))


def local_mean(plane: Float32, radius: int) -> Float32:
    """Mean over a square of 2·radius + 1 pixels around each pixel, of what lies inside the picture."""
    across = _running(_running(plane, radius).T, radius).T
    rows, columns = (_running(np.ones((n, 1), np.float32), radius) for n in plane.shape)
    return np.asarray(across / (rows * columns.T), np.float32)


def _running(plane: Float32, radius: int) -> Float32:
    """Sums of 2·radius + 1 rows around each row, of those there are."""
    n = plane.shape[0]
    total = np.zeros((n + 2 * radius + 1, plane.shape[1]))
    np.cumsum(plane, axis=0, dtype=np.float64, out=total[radius + 1 : radius + 1 + n])
    total[radius + 1 + n :] = total[radius + n]
    return (total[2 * radius + 1 :] - total[:n]).astype(np.float32)


def sampled(plane: NDArray[np.floating], places: Float64) -> Float64:
    """Values at positions (y, x) ``"… 2"`` between pixels, bilinear; NaN outside of the picture."""
    h, w = plane.shape
    y, x = places[..., 0], places[..., 1]
    inside = (y >= 0) & (x >= 0) & (y <= h - 1) & (x <= w - 1)
    y, x = np.where(inside, y, 0.0), np.where(inside, x, 0.0)
    j, i = np.minimum(y.astype(np.intp), h - 2), np.minimum(x.astype(np.intp), w - 2)
    b, a = y - j, x - i
    upper = plane[j, i] * (1 - a) + plane[j, i + 1] * a
    lower = plane[j + 1, i] * (1 - a) + plane[j + 1, i + 1] * a
    return np.where(inside, upper * (1 - b) + lower * b, np.nan)
