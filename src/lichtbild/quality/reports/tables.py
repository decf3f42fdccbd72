# SPDX-License-Identifier: Apache-2.0
"""Tables of figures in HTML: every number with its unit, its doubt and what speaks against it.

Figures of one name at several places or in several colours form a matrix, place by colour; the others are
lines of one table.  Notes are numbered below, so that a row stays a row on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lichtbild.quality.reports.plots import CHANNELS, escaped, spoken
from lichtbild.quality.result import Figure

BETTER = {"higher": "higher is better", "lower": "lower is better", "neither": ""}


@dataclass
class Notes:
    """The notes below a table: each is said once and has a number."""

    words: list[str] = field(default_factory=list)

    def mark(self, note: str) -> str:
        """A small number for `note`; nothing for no note."""
        if not note:
            return ""
        if note not in self.words:
            self.words.append(note)
        return f'<sup class="note">{self.words.index(note) + 1}</sup>'

    def html(self) -> str:
        """The list of them."""
        items = "".join(f"<li>{escaped(w)}</li>" for w in self.words)
        return f'<ol class="notes" aria-label="Notes">{items}</ol>' if items else ""


@dataclass(frozen=True)
class Group:
    """Figures of one name and unit: rows by place, columns by colour."""

    name: str
    unit: str
    better: str
    rows: dict[str, dict[str, Figure]]

    @property
    def columns(self) -> tuple[str, ...]:
        """The colours, or one column without a name."""
        there = {channel for row in self.rows.values() for channel in row}
        return tuple(c for c in ("", *CHANNELS) if c in there)

    @property
    def single(self) -> Figure | None:
        """The only figure, if there is only one."""
        every = [f for row in self.rows.values() for f in row.values()]
        return every[0] if len(every) == 1 else None


def placed(where: str) -> tuple[str, str]:
    """A place without its colour, and the colour: ``"edge 3, left, Y"`` is ("edge 3, left", "Y")."""
    if where in CHANNELS:
        return "", where
    place, _, last = where.rpartition(",")
    if last.strip() in CHANNELS:
        return place.strip(), last.strip()
    return where, ""


def grouped(figures: Iterable[Figure]) -> list[Group]:
    """Figures by name and unit, in the order in which they come."""
    groups: dict[tuple[str, str], Group] = {}
    for f in figures:
        group = groups.setdefault((f.name, f.unit), Group(f.name, f.unit, f.better, {}))
        place, channel = placed(f.where)
        row = group.rows.setdefault(place, {})
        if channel in row:  # two of one name at one place: keep both
            row = group.rows.setdefault(f"{place} ({len(group.rows) + 1})", {})
        row[channel] = f
    return list(groups.values())


def number(value: float, doubt: float = 0.0) -> str:
    """A value as precise as its doubt allows, three significant digits where that is not known."""
    if not (doubt > 0 and math.isfinite(doubt) and math.isfinite(value)):
        return spoken(value)
    if abs(value) >= 1e6 or 0 < abs(value) < 1e-3:
        return spoken(value)
    return f"{value:.{_places(doubt)}f}".replace("-", "−")


def _places(doubt: float) -> int:
    exponent = math.floor(math.log10(doubt))
    return min(max(-exponent + (doubt < 3 * 10.0**exponent), 0), 6)


def doubt(f: Figure) -> str:
    """The doubt of a figure, ``± 0.003``, if it is known."""
    if not (f.doubt > 0 and math.isfinite(f.doubt) and math.isfinite(f.value)):
        return ""
    plain = abs(f.value) >= 1e6 or 0 < abs(f.value) < 1e-3
    return f"± {spoken(f.doubt, 2) if plain else f'{f.doubt:.{_places(f.doubt)}f}'}"


def plus_minus(f: Figure) -> str:
    """The same, small."""
    return f' <span class="doubt">{doubt(f)}</span>' if doubt(f) else ""


def figures_html(figures: Sequence[Figure], caption: str) -> str:
    """All figures of a section: lines first, then those of one place by colour, then a matrix for each name
    that has many places.
    """
    figures = unprefixed(figures)  # what all places share is said by the heading
    groups = grouped(figures)
    notes = Notes()
    singles = [f for g in groups if (f := g.single)]
    rows = [g for g in groups if not g.single and len(g.rows) == 1]
    parts = [_lines(singles, caption, notes)] if singles else []
    for place in dict.fromkeys(next(iter(g.rows)) for g in rows):
        same = [g for g in rows if place in g.rows]
        parts.append(_by_colour(same, f"By colour, {place}" if place else "By colour", notes))
    parts += [_matrix(g, notes) for g in groups if not g.single and len(g.rows) > 1]
    return f'<div class="tables">{"".join(parts)}</div>{notes.html()}'


def unprefixed(figures: Sequence[Figure]) -> list[Figure]:
    """The figures without the words with which all their places begin: "dots, R−G" and "dots" become "R−G"
    and "".
    """
    parts = [placed(f.where)[0].split(", ") for f in figures]
    shared = 0
    while parts and all(len(p) > shared and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    return [
        replace(f, where=", ".join(w for w in (*p[shared:], placed(f.where)[1]) if w))
        for f, p in zip(figures, parts, strict=True)
    ]


def _lines(figures: Sequence[Figure], caption: str, notes: Notes) -> str:
    rows = []
    for f in figures:
        where = f' <span class="where">{escaped(f.where)}</span>' if f.where else ""
        kind = ' class="absent"' if math.isnan(f.value) else ""
        rows.append(
            f'<tr{kind}><th scope="row">{escaped(f.name)}{notes.mark(f.note)}{where}</th>'
            f'<td class="number">{number(f.value, f.doubt)}{plus_minus(f)}</td>'
            f'<td class="unit">{escaped(f.unit)}</td></tr>'
        )
    head = '<thead><tr><th scope="col">Figure</th><th scope="col" class="number">Value</th>'
    return (
        f'<table class="lines"><caption>{escaped(caption)}</caption>{head}'
        f'<th scope="col">Unit</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _by_colour(groups: Sequence[Group], caption: str, notes: Notes) -> str:
    columns = tuple(c for c in ("", *CHANNELS) if any(c in g.columns for g in groups))
    rows = []
    for g in groups:
        (row,) = g.rows.values()
        unit = f' <span class="unit">{escaped(g.unit)}</span>' if g.unit else ""
        cells = "".join(_cell(row.get(c), notes) for c in columns)
        rows.append(f'<tr><th scope="row">{escaped(g.name)}{unit}</th>{cells}</tr>')
    return (
        f'<table class="matrix n{len(columns)}"><caption>{escaped(caption)}</caption>'
        f'<thead><tr><th scope="col">Figure</th>{_heads(columns)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _heads(columns: Sequence[str]) -> str:
    return "".join(
        f'<th scope="col" class="number {f"ink-{c}" if c else ""}">{escaped(c) or "Value"}</th>'
        for c in columns
    )


def _matrix(g: Group, notes: Notes) -> str:
    unit = f' <span class="unit">{escaped(g.unit)}</span>' if g.unit else ""
    better = f' <span class="better">{BETTER[g.better]}</span>' if BETTER.get(g.better) else ""
    columns = g.columns
    rows = []
    for place, row in g.rows.items():
        cells = "".join(_cell(row.get(c), notes) for c in columns)
        rows.append(f'<tr><th scope="row">{escaped(place) or "whole"}</th>{cells}</tr>')
    return (
        f'<table class="matrix n{len(columns)}"><caption>{escaped(g.name)}{unit}{better}</caption>'
        f'<thead><tr><th scope="col">Place</th>{_heads(columns)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(f: Figure | None, notes: Notes) -> str:
    if f is None:
        return '<td class="number"></td>'
    kind = "number absent" if math.isnan(f.value) else "number"
    return f'<td class="{kind}">{number(f.value, f.doubt)}{notes.mark(f.note)}{plus_minus(f)}</td>'


def terms(words: Iterable[tuple[str, str]], kind: str = "conditions") -> str:
    """Words and what they are, as a list of definitions."""
    items = "".join(f"<div><dt>{escaped(k)}</dt><dd>{escaped(v)}</dd></div>" for k, v in words if v)
    return f'<dl class="{kind}">{items}</dl>' if items else ""
