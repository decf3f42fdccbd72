# SPDX-License-Identifier: Apache-2.0
"""What a chart is: what is printed where, and where it lies in a picture.

A chart is a list of *elements*, each of one kind with a box in chart heights (v = 0 … 1 from top to bottom,
u = 0 … aspect).  `lichtbild.quality.charts` holds the laboratory's own charts; `finding.find` finds one in a
picture and returns its elements as `Found`, each with the 3×3 map that takes chart positions to pixels.

What an element's ``settings`` say, all positions in chart heights and all levels linear, white paper = 1:

=========  ================================================================================================
edge       ``low``, ``high``, ``tilt`` in degrees, ``side`` of the square, ``square`` (v, u, half its side)
star       ``cycles``, ``low``, ``high``, ``centre`` (v, u), ``radius``
leaves     ``seed``, ``r_min``, ``r_max``, ``low``, ``high``, ``colour`` (one grey or three planes a leaf)
steps      ``luminance`` of each patch, ``boxes`` of the patches
colours    ``reference`` CIELAB D50 of each patch, ``boxes``, ``names``, ``columns`` of its arrangement
flat       ``level``
dots       ``rows``, ``columns``, ``centres`` (v, u) row by row, ``radius``
flare      ``traps`` and ``whites``: boxes
ladder     ``luminance``, ``boxes``
=========  ================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

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
    """A chart: `words` say what it is for, `code` is what the strip at its top spells (0: it has no markers).

    ``ground`` is the level of the card, ``marks`` are positions (v, u) of small dots that tell how straight
    the picture is.
    """

    name: str
    words: str
    aspect: float
    elements: tuple[Element, ...]
    code: int
    ground: float = 0.25
    marks: tuple[tuple[float, float], ...] = ()

    def of(self, kind: Kind) -> tuple[Element, ...]:
        """The elements of one kind."""
        return tuple(e for e in self.elements if e.kind == kind)


class Map(Protocol):
    """From a chart to a picture through a lens that bends, see `lichtbild.quality.finding.mapping.Bent`."""

    def at(self, places: Float64) -> Float64:
        """Pixels (y, x) of chart positions ``"… 2"``."""
        ...

    def near(self, box: Box) -> Float64:
        """The homography that is closest to it in a box of the chart."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """An element in a picture.

    ``to_picture: Float64 "3 3"`` maps homogeneous chart positions (v, u, 1) to pixels (y, x, w), as well as a
    homography can over the element's box; pixel centres are whole numbers.  ``doubt`` is the standard
    deviation of a mapped position in pixels.  ``bent`` is the map with the lens in it, where that is known:
    `at`, `quad` and `quads` follow it.
    """

    element: Element
    to_picture: Float64
    chart: str = ""
    doubt: float = 0.0
    bent: Map | None = None

    def near(self, box: Box) -> Found:
        """The same element with the homography that is best in a part of it."""
        return self if self.bent is None else replace(self, to_picture=self.bent.near(box))

    def at(self, v: Any, u: Any) -> Float64:
        """Pixels (y, x) of chart positions, ``"… 2"``."""
        v, u = np.broadcast_arrays(np.asarray(v, np.float64), np.asarray(u, np.float64))
        if self.bent is not None:
            return self.bent.at(np.stack([v, u], axis=-1))
        where = np.stack([v, u, np.ones_like(v)], axis=-1) @ self.to_picture.T
        return where[..., :2] / where[..., 2:]

    def quad(self, shrink: float = 0.0, box: Box | None = None) -> Float64:
        """Corners of the element's box (or of `box`) in pixels, ``"4 2"``, clockwise from the top left; the
        share `shrink` of the box is left out at each side.
        """
        top, left, bottom, right = box or self.element.box
        dv, du = shrink * (bottom - top), shrink * (right - left)
        v = np.array([top + dv, top + dv, bottom - dv, bottom - dv])
        u = np.array([left + du, right - du, right - du, left + du])
        return self.at(v, u)

    def quads(self, shrink: float = 0.0) -> Float64:
        """The same of every patch in the element's ``boxes``, ``"n 4 2"``."""
        return np.array([self.quad(shrink, box) for box in self.element.settings["boxes"]]).reshape(-1, 4, 2)

    def pixels(self, shrink: float = 0.0) -> tuple[int, int, int, int]:
        """The box in whole pixels (top, left, bottom, right); of a turned chart, what lies within it."""
        y, x = self.quad(shrink).T
        top, bottom = np.sort(y)[[1, 2]]
        left, right = np.sort(x)[[1, 2]]
        return int(np.ceil(top)), int(np.ceil(left)), int(np.floor(bottom)) + 1, int(np.floor(right)) + 1
