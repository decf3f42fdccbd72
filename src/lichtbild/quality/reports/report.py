# SPDX-License-Identifier: Apache-2.0
"""A report: everything that was measured, from which files, and how; as JSON, as CSV, and for people as HTML.

The JSON document is for programs and for comparison with later reports::

    {"format": "lichtbild report", "version": 1, "software": "lichtbild 0.1.0",
     "sources":    [{"name", "sha256", "camera", "time", "decoding", "size": [h, w]}],
     "conditions": {word: sentence},
     "results":    [{"measure", "title", "conditions", "warnings",
                     "figures":  [{"name", "value", "unit", "where", "doubt", "better", "note"}],
                     "curves":   [{"name", "x", "y", "x_label", "y_label", "where"}],
                     "grids":    [{"name", "values", "unit", "where"}],
                     "swatches": [{"name", "measured", "reference", "delta_e"}]}],
     "views":      [{"source", "size": [h, w], "outlines": [{"name", "kind", "quad": four [y, x]}]}],
     "score":      {…} or null,
     "warnings":   [sentence]}

A number that is not finite is ``null``.  Nothing in it depends on when or where it was written: the same
files measured by the same version give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.quality.reports.score import Score, score_of
from lichtbild.quality.result import Better, Curve, Figure, Grid, Result, Swatch

FORMAT, VERSION = "lichtbild report", 1
DEEPEST = 4  # objects below stand on one line
COLUMNS = ("measure", "title", "name", "where", "value", "doubt", "unit", "better", "note")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """One measured file: its name, SHA-256, camera, time of exposure as the file says, what made it linear,
    and its size (height, width).
    """

    name: str
    sha256: str = ""
    camera: str = ""
    time: str = ""
    decoding: str = ""
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Outline:
    """Where something was measured: its name as in ``Figure.where``, its kind, four corners (y, x)."""

    name: str
    kind: str
    quad: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class View:
    """A picture with what was found in it; `small` is a JPEG of it for people and is not kept in JSON."""

    source: str
    size: tuple[int, int]
    outlines: tuple[Outline, ...] = ()
    small: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Results of one or several pictures, and everything they must be read with."""

    results: tuple[Result, ...]
    sources: tuple[Source, ...] = ()
    software: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    score: Score | None = None
    warnings: tuple[str, ...] = ()

    def figures(self) -> Iterator[tuple[Result, Figure]]:
        """Every figure with the result it belongs to."""
        return ((result, figure) for result in self.results for figure in result.figures)

    def __getitem__(self, key: str) -> float:
        """Value of the figure with this key, or of the only one with this name."""
        every = [f for _, f in self.figures()]
        found = [f for f in every if f.key == key] or [f for f in every if f.name == key]
        if len(found) != 1:
            raise KeyError(f"{key}: {len(found)} figures")
        return found[0].value

    def to_json(self) -> str:
        """The document of the module's docstring."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "software": self.software,
            "sources": [asdict(s) for s in self.sources],
            "conditions": dict(self.conditions),
            "results": [_told(r) for r in self.results],
            "views": [{k: v for k, v in asdict(view).items() if k != "small"} for view in self.views],
            "score": None if self.score is None else asdict(self.score),
            "warnings": list(self.warnings),
        }
        return _written(_finite(document)) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the report") -> Report:
        """Read a report back; the small pictures of its views are lost.

        Raises
        ------
        InputError
            It is no report, or of a later version.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InputError(f"{where} is not JSON: {error}", hint="give a report.json") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise InputError(
                f"{where} is not a report", hint="`lichtbild measure FILE -o report.json` writes one"
            )
        version = document.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise InputError(
                f"{where} is a report of version {version}, this lichtbild reads up to {VERSION}",
                hint="measure again, or install a later lichtbild",
            )
        try:
            return _report(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{where} is damaged: {type(error).__name__} {error}") from error

    def to_csv(self) -> str:
        """One line a figure, with a head line; what was not measured is an empty value."""
        out = io.StringIO()
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(COLUMNS)
        for r, f in self.figures():
            value = repr(float(f.value)) if math.isfinite(f.value) else ""
            doubt = repr(float(f.doubt)) if f.doubt and math.isfinite(f.doubt) else ""
            row = (r.measure, r.title, f.name, f.where, value, doubt, f.unit, f.better, f.note)
            lines.writerow([*map(_inert, row[:4]), *row[4:8], _inert(f.note)])
        return out.getvalue()


def read_report(path: Path) -> Report:
    """Read a ``report.json``.

    Raises
    ------
    InputError
        It cannot be read, or is no report.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a report: {error}", hint="give a report.json") from error
    return Report.from_json(text, str(path))


def _inert(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _told(r: Result) -> dict[str, Any]:
    return {
        "measure": r.measure,
        "title": r.title,
        "conditions": dict(r.conditions),
        "warnings": list(r.warnings),
        "figures": [asdict(f) for f in r.figures],
        "curves": [asdict(c) for c in r.curves],
        "grids": [asdict(g) for g in r.grids],
        "swatches": [asdict(s) for s in r.swatches],
    }


def _written(value: Any, depth: int = 0) -> str:
    """JSON in which an object or a list of objects has lines of its own, and numbers stand side by side."""
    nested = isinstance(value, list) and any(isinstance(v, dict) for v in value)
    indent = "\n" + " " * (depth + 1)
    if nested:
        parts, ends = [_written(v, depth + 1) for v in value], "[]"
    elif isinstance(value, dict) and value and depth < DEEPEST:
        parts = [f"{json.dumps(k, ensure_ascii=False)}: {_written(v, depth + 1)}" for k, v in value.items()]
        ends = "{}"
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    return f"{ends[0]}{indent}{f',{indent}'.join(parts)}{indent[:-1]}{ends[1]}"


def _finite(value: Any) -> Any:
    """`value` of JSON's own types; what is not finite is None."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _finite([_rounded(v) for v in value.tolist()])
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _rounded(value: Any) -> Any:
    """A number of a curve or map with the digits that a float32 has."""
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _array(value: Any) -> Any:
    return np.array(value, np.float64)  # None becomes NaN


def _made(kind: type[T], told: Mapping[str, Any], **own: Any) -> T:
    """An instance of `kind` from the words it knows; `own` are read already."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**{k: v for k, v in told.items() if k in known}, **own})


def _report(d: Mapping[str, Any]) -> Report:
    return Report(
        results=tuple(_result(r) for r in d["results"]),
        sources=tuple(_made(Source, s, size=_size(s)) for s in d.get("sources", ())),
        software=str(d.get("software", "")),
        conditions={str(k): str(v) for k, v in d.get("conditions", {}).items()},
        views=tuple(_view(v) for v in d.get("views", ())),
        score=None if d.get("score") is None else score_of(d["score"]),
        warnings=tuple(map(str, d.get("warnings", ()))),
    )


def _size(told: Mapping[str, Any]) -> tuple[int, int]:
    h, w = told.get("size", (0, 0))
    return int(h), int(w)


def _view(v: Mapping[str, Any]) -> View:
    outlines = (
        Outline(str(o["name"]), str(o["kind"]), tuple((float(y), float(x)) for y, x in o["quad"]))
        for o in v["outlines"]
    )
    return View(str(v["source"]), _size(v), tuple(outlines))


def _result(r: Mapping[str, Any]) -> Result:
    return Result(
        measure=str(r["measure"]),
        title=str(r["title"]),
        figures=tuple(_figure(f) for f in r["figures"]),
        conditions={str(k): str(v) for k, v in r.get("conditions", {}).items()},
        curves=tuple(_made(Curve, c, x=_array(c["x"]), y=_array(c["y"])) for c in r.get("curves", ())),
        grids=tuple(_made(Grid, g, values=_array(g["values"])) for g in r.get("grids", ())),
        swatches=tuple(_swatch(s) for s in r.get("swatches", ())),
        warnings=tuple(map(str, r.get("warnings", ()))),
    )


def _figure(f: Mapping[str, Any]) -> Figure:
    if f.get("better", "neither") not in get_args(Better):
        raise ValueError(f"better = {f['better']!r}")
    return _made(Figure, f, value=_number(f["value"]), doubt=_number(f.get("doubt", 0.0)))


def _swatch(s: Mapping[str, Any]) -> Swatch:
    (l, a, b), (m, c, d) = (map(_number, s[k]) for k in ("measured", "reference"))
    return Swatch(str(s["name"]), (l, a, b), (m, c, d), _number(s["delta_e"]))
