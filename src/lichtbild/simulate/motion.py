# SPDX-License-Identifier: Apache-2.0
"""Motion: the moments at which the rows of a frame are exposed, and the maps that belong to them.

A sensor reads its rows one after the other: row ρ (0 the first, 1 the last) of frame i is exposed about the
time ``i / rate + readout · (ρ − ½)``, over the exposure time where there is motion blur.  Between `KNOTS`
rows maps change in straight lines; that is how frames are rendered and what the truth says, so that both are
the same to the last digit.

A map is 2×3 and takes positions (y, x, 1) to (y, x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lichtbild.simulate.handshake import RATE, Float64, Route

KNOTS = 33  # rows with a map of their own, where the shutter rolls
EXPOSURE = 1 / 40  # s


@dataclass(frozen=True, slots=True)
class Timing:
    """``readout`` in s from the first row to the last, ``blur`` moments that are averaged in an exposure."""

    readout: float = 0.0
    blur: int = 1

    @property
    def knots(self) -> int:
        """Rows with a map of their own."""
        return KNOTS if self.readout else 1

    def moments(self, part: float) -> list[float]:
        """Seconds from the middle of the frame to each knot, at `part` (−½ … ½) of the exposure."""
        if self.knots == 1:
            return [EXPOSURE * part]
        return [self.readout * (k / (KNOTS - 1) - 0.5) + EXPOSURE * part for k in range(KNOTS)]

    def parts(self) -> list[float]:
        """Which parts of the exposure are averaged."""
        return [(s + 0.5) / self.blur - 0.5 for s in range(self.blur)]

    @property
    def lead(self) -> float:
        """Seconds from the first moment of a burst to the middle of its first frame."""
        return self.readout / 2 + (EXPOSURE / 2 if self.blur > 1 else 0)

    def lasts(self, frames: int) -> float:
        """Seconds that a burst takes."""
        return (frames - 1) / RATE + 2 * self.lead


def pose_at(route: Route, size: tuple[int, int], frame: int, seconds: float) -> Float64:
    """Where things of the first frame (at its middle) are, some seconds after the middle of `frame`: 2×3.

    Positions and turns are rounded to 2⁻³⁰, so that no mathematics library decides the last bit.
    """
    y, x, turn = (a - b for a, b in zip(route.at(frame, seconds), route.at(0, 0.0), strict=True))
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    y, x, c, s = (round(v * 2**30) / 2**30 for v in (y, x, c, s))
    cy, cx = (size[0] - 1) / 2, (size[1] - 1) / 2
    return np.array([[c, s, cy - c * cy - s * cx + y], [-s, c, cx + s * cy - c * cx + x]])


def rounded(matrix: Float64) -> Float64:
    """`matrix` to the nearest multiple of 2⁻³⁰."""
    return np.rint(matrix * 2.0**30) / 2.0**30


def after(second: Float64, first: Float64) -> Float64:
    """The 2×3 map that applies `first` and then `second`."""
    made = np.empty((2, 3))
    made[:, :2] = [
        [second[i, 0] * first[0, j] + second[i, 1] * first[1, j] for j in range(2)] for i in range(2)
    ]
    made[:, 2] = [second[i, 0] * first[0, 2] + second[i, 1] * first[1, 2] + second[i, 2] for i in range(2)]
    return made


def inverse(matrix: Float64) -> Float64:
    """The map that undoes the 2×3 map `matrix`."""
    (a, b, t), (c, d, u) = matrix.tolist()
    det = a * d - b * c
    return np.array([[d, -b, b * u - d * t], [-c, a, c * t - a * u]]) / det


def at_rows(knots: Float64, rows: Float64, height: int) -> Float64:
    """The maps of `rows` (any shape), between those at the knots: ``knots "k 2 3"`` → ``"… 2 3"``."""
    if len(knots) == 1:
        return np.broadcast_to(knots[0], (*rows.shape, 2, 3))
    at = np.clip(rows * ((len(knots) - 1) / (height - 1)), 0, len(knots) - 1)
    low = np.minimum(at.astype(np.int64), len(knots) - 2)
    share = (at - low)[..., None, None]
    return knots[low] + share * (knots[low + 1] - knots[low])


def applied(maps: Float64, y: Float64, x: Float64) -> tuple[Float64, Float64]:
    """Positions (y, x) through maps ``"… 2 3"``."""
    return (
        maps[..., 0, 0] * y + maps[..., 0, 1] * x + maps[..., 0, 2],
        maps[..., 1, 0] * y + maps[..., 1, 1] * x + maps[..., 1, 2],
    )


def undone(maps: Float64, y: Float64, x: Float64) -> tuple[Float64, Float64]:
    """Positions (y, x) through the inverses of maps ``"… 2 3"``."""
    a, b, c, d = maps[..., 0, 0], maps[..., 0, 1], maps[..., 1, 0], maps[..., 1, 1]
    y, x = y - maps[..., 0, 2], x - maps[..., 1, 2]
    det = a * d - b * c
    return (d * y - b * x) / det, (a * x - c * y) / det
