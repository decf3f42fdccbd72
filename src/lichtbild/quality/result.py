# SPDX-License-Identifier: Apache-2.0
"""What a measurement returns: figures with their unit, doubt and warnings, curves, maps and patches.

A figure is never a bare number: it says what it is, in which unit, where in the picture, how far it can be
trusted (one standard deviation) and what speaks against it.  What could not be measured is NaN, and its note
says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Triple

Better = Literal["higher", "lower", "neither"]
Values = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    name : str
        The field's term, e.g. ``MTF50``.
    value : float
        NaN where it could not be measured; `note` says why.
    unit : str
        ``cy/px``, ``%``, ``EV``, ``ΔE00`` …, empty for a plain ratio.
    where : str
        Place and colour, e.g. ``edge 3, left, Y``; name and where together are unique in a report.
    doubt : float
        One standard deviation of `value`; 0 where it is not known.
    better : {"higher", "lower", "neither"}
        Which way is an improvement.
    note : str
        A warning that stands beside the figure.
    """

    name: str
    value: float
    unit: str = ""
    where: str = ""
    doubt: float = 0.0
    better: Better = "neither"
    note: str = ""

    @property
    def key(self) -> str:
        """Name and place: what two reports are compared by."""
        return f"{self.name} · {self.where}" if self.where else self.name


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Something over something, e.g. the SFR: ``x`` and ``y`` are equally long."""

    name: str
    x: Values
    y: Values
    x_label: str
    y_label: str
    where: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A map over the picture field, ``values "rows columns"``, e.g. the fall-off of light."""

    name: str
    values: Values
    unit: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Swatch:
    """One colour patch: CIELAB (D50) as measured and as it should be, and ΔE00 between them."""

    name: str
    measured: Triple
    reference: Triple
    delta_e: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Everything one measurement found.

    ``measure`` is its word (``resolution``, ``texture``, ``noise``, ``colour``, ``tone``, ``geometry``,
    ``shading``, ``flare``, ``artefacts``), ``title`` a line for people, ``conditions`` how it was done
    (edition, window, linearisation, region), ``warnings`` what speaks against all of it.
    """

    measure: str
    title: str
    figures: tuple[Figure, ...]
    conditions: Mapping[str, str] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    grids: tuple[Grid, ...] = ()
    swatches: tuple[Swatch, ...] = ()
    warnings: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> float:
        """Value of the figure with this key, or of the only one with this name."""
        found = [f for f in self.figures if f.key == key] or [f for f in self.figures if f.name == key]
        if len(found) != 1:
            raise KeyError(f"{key}: {len(found)} figures; there are {', '.join(f.key for f in self.figures)}")
        return found[0].value


def unmeasured(name: str, unit: str, why: str, where: str = "") -> Figure:
    """A figure that could not be measured, and why."""
    return Figure(name, float(np.nan), unit, where, note=why)
