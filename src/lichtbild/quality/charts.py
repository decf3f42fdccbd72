# SPDX-License-Identifier: Apache-2.0
"""The charts of the laboratory: what is printed where, and where it lies in a picture.

A chart is a list of *elements*, each of one kind with a box in chart heights (v = 0 … 1 from top to bottom,
u = 0 … aspect).  `lichtbild.quality.find` finds a chart in a picture and returns its elements as `Found`,
each with the 3×3 map that takes chart positions to pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Box = tuple[float, float, float, float]  # top, left, bottom, right
Kind = Literal["edge", "star", "leaves", "steps", "colours", "flat", "dots", "flare", "ladder"]


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One thing to measure on a chart; ``settings`` is what its kind needs to know: levels, seed, cycles."""

    kind: Kind
    name: str
    box: Box
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A chart: `words` say what it is for, `code` is what its markers spell."""

    name: str
    words: str
    aspect: float
    elements: tuple[Element, ...]
    code: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """An element in a picture.

    ``to_picture: Float64 "3 3"`` maps homogeneous chart positions (v, u, 1) to pixels (y, x, w); pixel
    centres are whole numbers.  ``doubt`` is the standard deviation of a mapped position in pixels.
    """

    element: Element
    to_picture: Float64
    chart: str = ""
    doubt: float = 0.0

    def at(self, v: Any, u: Any) -> Float64:
        """Pixels (y, x) of chart positions, ``"… 2"``."""
        v, u = np.broadcast_arrays(np.asarray(v, np.float64), np.asarray(u, np.float64))
        where = np.stack([v, u, np.ones_like(v)], axis=-1) @ self.to_picture.T
        return where[..., :2] / where[..., 2:]

    def quad(self, shrink: float = 0.0) -> Float64:
        """Corners of the element's box in pixels, ``"4 2"``, clockwise from the top left; the share `shrink`
        of the box is left out at each side.
        """
        top, left, bottom, right = self.element.box
        dv, du = shrink * (bottom - top), shrink * (right - left)
        v = np.array([top + dv, top + dv, bottom - dv, bottom - dv])
        u = np.array([left + du, right - du, right - du, left + du])
        return self.at(v, u)
