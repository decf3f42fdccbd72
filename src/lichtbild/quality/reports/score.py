# SPDX-License-Identifier: Apache-2.0
"""The open score: five axes from 0 to 100, every goal and weight in a table that anyone can read and replace.

A metric x with a low goal L (0 points) and a high goal H (100 points) gives::

    score = 100 · clip((x - L) / (H - L), 0, 1)          L > H where less is better

An axis is the weighted mean of its metrics, the total the weighted mean of the axes: ``score.toml``, with its
version, is all there is.  A metric whose figures were not measured is named, and the other weights of its
axis count for it; an axis without any is left out of the total, and the report says so.  A figure that is
only a lower bound, such as the range of a chart that ends too early, is judged only where no larger value
would earn other points.
"""

from __future__ import annotations

import importlib.resources
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.params import nearest
from lichtbild.quality.result import Figure

AXES = ("sharpness", "texture", "noise", "colour", "tone")
BOUND = "at least"  # how the note of a lower bound begins


@dataclass(frozen=True, slots=True)
class Goal:
    """What a metric should be.

    ``figure`` is the name of the figures, ``where`` a part of their place that they must have (``Y``: only
    luminance); the median of all of them is judged, of their magnitudes where ``magnitude``.  ``low`` earns 0
    points, ``high`` 100.
    """

    figure: str
    low: float
    high: float
    unit: str = ""
    where: str = ""
    weight: float = 1.0
    magnitude: bool = False


@dataclass(frozen=True, slots=True)
class AxisGoals:
    """An axis: its sentence, its weight in the total, its metrics."""

    name: str
    words: str
    weight: float
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All axes and the version of these goals."""

    version: str
    axes: tuple[AxisGoals, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One judged metric: the median of `count` figures, the goal, and the points; NaN if not measured."""

    figure: str
    value: float
    unit: str
    count: int
    low: float
    high: float
    weight: float
    score: float


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: NaN where nothing was measured; `note` names what is missing."""

    name: str
    words: str
    weight: float
    score: float
    metrics: tuple[Metric, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """The total, its axes, and the version of the table that judged."""

    version: str
    total: float
    axes: tuple[Axis, ...]
    note: str = ""


def points(value: float, low: float, high: float) -> float:
    """0 at `low`, 100 at `high`, linear between; NaN for NaN."""
    return math.nan if math.isnan(value) else 100 * min(max((value - low) / (high - low), 0.0), 1.0)


def score(figures: Iterable[Figure], table: Table | None = None) -> Score:
    """Judge figures by a table (the built-in one if none is given)."""
    table = table or read_table()
    figures = [f for f in figures if math.isfinite(f.value)]
    axes = tuple(_axis(a, figures) for a in table.axes)
    there = [a for a in axes if not math.isnan(a.score)]
    weight = sum(a.weight for a in there)
    total = sum(a.weight * a.score for a in there) / weight if weight else math.nan
    absent = [a.name for a in axes if math.isnan(a.score)]
    note = f"of {len(there)} of {len(axes)} axes: not measured are {', '.join(absent)}" if absent else ""
    return Score(table.version, total, axes, note)


def _axis(a: AxisGoals, figures: Sequence[Figure]) -> Axis:
    metrics = tuple(_metric(g, figures) for g in a.goals)
    there = [m for m in metrics if m.count]
    weight = sum(m.weight for m in there)
    value = sum(m.weight * m.score for m in there) / weight if weight else math.nan
    absent = [g for g, m in zip(a.goals, metrics, strict=True) if not m.count]
    bounds = [g.figure for g in absent if _of(g, figures)]
    missing = [g.figure for g in absent if g.figure not in bounds]
    parts = (("not measured", missing), ("only a lower bound, not judged", bounds))
    note = "; ".join(f"{words}: {', '.join(dict.fromkeys(names))}" for words, names in parts if names)
    return Axis(a.name, a.words, a.weight, value, metrics, note)


def _metric(g: Goal, figures: Sequence[Figure]) -> Metric:
    values = [abs(f.value) if g.magnitude else f.value for f in _of(g, figures) if _settled(f, g)]
    value = float(np.median(values)) if values else math.nan
    return Metric(g.figure, value, g.unit, len(values), g.low, g.high, g.weight, points(value, g.low, g.high))


def _of(g: Goal, figures: Sequence[Figure]) -> list[Figure]:
    return [f for f in figures if f.name == g.figure and f.unit == g.unit and _there(g.where, f.where)]


def _settled(f: Figure, g: Goal) -> bool:
    """Whether the figure is known, or a lower bound above which the points stay the same."""
    return not f.note.startswith(BOUND) or f.value >= max(g.low, g.high)


def _there(wanted: str, where: str) -> bool:
    return not wanted or wanted in (part.strip() for part in where.split(","))


# ---- reading tables


def read_table(path: Path | None = None) -> Table:
    """Read a TOML of goals and weights; the built-in one without a path.

    Raises
    ------
    InputError
        It cannot be read, or an entry is unknown, missing or makes no sense.
    """
    where = str(path or "score.toml")
    try:
        text = (
            importlib.resources.files("lichtbild.quality.reports").joinpath("score.toml").read_text(encoding="utf-8")
            if path is None
            else path.read_text(encoding="utf-8")
        )
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"{where} cannot be read as a table of goals: {error}", hint="docs/guides/measure.md shows one"
        ) from error
    version = document.get("version")
    if not isinstance(version, str) or not version:
        raise InputError(f"{where}: version is missing", hint='begin with version = "my goals 1"')
    _known(document, ("version", "axes"), where)
    axes = document.get("axes")
    if not isinstance(axes, dict) or not axes:
        raise InputError(f"{where}: there are no axes", hint=f"give [axes.NAME] for {', '.join(AXES)}")
    _known(axes, AXES, f"{where}: axes")
    made = [_axis_goals(name, axes[name], f"{where}: axes.{name}") for name in AXES if name in axes]
    if not sum(a.weight for a in made):
        raise InputError(f"{where}: every axis has the weight 0", hint="give one of them a weight")
    return Table(version, tuple(made))


def _known(entries: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for word in entries:
        if word not in allowed:
            raise InputError(
                f"{where}.{word} is not one of {', '.join(allowed)}{nearest(word, allowed)}",
                hint="docs/guides/measure.md shows a table of goals",
            )


def _axis_goals(name: str, told: Any, where: str) -> AxisGoals:
    if not isinstance(told, dict):
        raise InputError(f"{where} = {told!r} is no table")
    _known(told, ("words", "weight", "metrics"), where)
    metrics = told.get("metrics", [])
    if not isinstance(metrics, list) or not metrics:
        raise InputError(f"{where}: there are no metrics", hint=f"give [[axes.{name}.metrics]]")
    goals = tuple(_goal(m, f"{where}.metrics[{i}]") for i, m in enumerate(metrics))
    if not sum(g.weight for g in goals):
        raise InputError(f"{where}: every metric has the weight 0", hint="give one of them a weight")
    return AxisGoals(name, str(told.get("words", "")), _weight(told.get("weight", 1.0), where), goals)


def _goal(told: Any, where: str) -> Goal:
    if not isinstance(told, dict):
        raise InputError(f"{where} = {told!r} is no table")
    _known(told, [f.name for f in fields(Goal)], where)
    figure = told.get("figure")
    if not isinstance(figure, str) or not figure:
        raise InputError(f"{where}.figure is missing", hint='name a figure, e.g. figure = "MTF50"')
    low, high = (_finite(told.get(k), f"{where}.{k}") for k in ("low", "high"))
    if low == high:
        raise InputError(f"{where}: low = high = {low:g}; the goals must differ")
    for word in ("unit", "where"):
        if not isinstance(told.get(word, ""), str):
            raise InputError(f"{where}.{word} = {told[word]!r} is no text")
    if not isinstance(told.get("magnitude", False), bool):
        raise InputError(f"{where}.magnitude = {told['magnitude']!r} is neither true nor false")
    return Goal(
        figure,
        low,
        high,
        told.get("unit", ""),
        told.get("where", ""),
        _weight(told.get("weight", 1.0), where),
        told.get("magnitude", False),
    )


def _finite(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where} = {value!r} is no number")
    return float(value)


def _weight(value: Any, where: str) -> float:
    weight = _finite(value, f"{where}.weight")
    if weight < 0:
        raise InputError(f"{where}.weight = {weight:g} is negative; allowed is 0 and more")
    return weight


# ---- a score out of a report


def score_of(told: Mapping[str, Any]) -> Score:
    """A score from its JSON; null is NaN."""

    def number(value: Any) -> float:
        return math.nan if value is None else float(value)

    def metric(m: Mapping[str, Any]) -> Metric:
        low, high, weight = float(m["low"]), float(m["high"]), float(m["weight"])
        value, earned = number(m["value"]), number(m["score"])
        return Metric(str(m["figure"]), value, str(m["unit"]), int(m["count"]), low, high, weight, earned)

    def axis(a: Mapping[str, Any]) -> Axis:
        metrics = tuple(metric(m) for m in a["metrics"])
        return Axis(
            str(a["name"]), str(a["words"]), float(a["weight"]), number(a["score"]), metrics, str(a["note"])
        )

    return Score(
        str(told["version"]), number(told["total"]), tuple(axis(a) for a in told["axes"]), str(told["note"])
    )
