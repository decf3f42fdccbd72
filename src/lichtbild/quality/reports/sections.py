# SPDX-License-Identifier: Apache-2.0
"""The sections of a report's page, one a measure: plots, colours, tables, and how it was done.

Three or more results of one measure, such as the edges of a chart, begin with an overview, and their figures
stand together in one table below.
"""

from __future__ import annotations

from collections.abc import Sequence

from lichtbild.quality.reports.maps import code, colour_plane, heat_map, places
from lichtbild.quality.reports.plots import HUES, curves, escaped, hue, spoken
from lichtbild.quality.reports.report import Report
from lichtbild.quality.reports.tables import figures_html, placed, terms
from lichtbild.quality.result import Curve, Result, Swatch

SECTIONS = {  # in this order; measures without an entry follow under their own word
    "resolution": "Resolution",
    "texture": "Texture",
    "noise": "Noise",
    "tone": "Tone",
    "colour": "Colour",
    "geometry": "Geometry",
    "shading": "Shading",
    "flare": "Flare",
    "artefacts": "Artefacts",
    "perception": "Perception",
}
MANY = 3  # results of one measure from which on an overview stands before them
MAPPED = "MTF50"  # the figure that is shown over the field


def heading(measure: str) -> str:
    """The words above the section of a measure."""
    return SECTIONS.get(measure, measure.replace("_", " ").capitalize())


def anchor(measure: str) -> str:
    """What links to the section of a measure lead to."""
    return "s-" + "".join(c if c.isalnum() else "-" for c in measure)


def section(measure: str, results: Sequence[Result], report: Report) -> str:
    """Everything about one measure."""
    alike: dict[tuple[frozenset[str], ...], list[Result]] = {}
    for r in results:
        signature = frozenset(f.name for f in r.figures), frozenset(c.name for c in r.curves)
        alike.setdefault(signature, []).append(r)
    parts = []
    for group in alike.values():
        if len(group) >= MANY:
            parts.append(_series(group, report))
        else:
            parts += [_result(r, alone=len(results) == 1, report=report) for r in group]
    return (
        f'<section id="{anchor(measure)}" aria-labelledby="{anchor(measure)}-h">'
        f'<h2 id="{anchor(measure)}-h">{escaped(heading(measure))}</h2>{"".join(parts)}</section>'
    )


def _series(results: Sequence[Result], report: Report) -> str:
    """The same measured at many places: overview, small plots side by side, one table."""
    names = list(dict.fromkeys(c.name for r in results for c in r.curves))
    drawn = {name: _small([(r, [c for c in r.curves if c.name == name]) for r in results]) for name in names}
    first = f'<div class="cards small">{drawn[names[0]]}</div>' if names else ""
    folded = [_folded(f'<div class="cards small">{drawn[n]}</div>', f"{n} of every place") for n in names[1:]]
    figures = [f for r in results for f in r.figures]
    main = [f for f in figures if f.name == MAPPED]
    shown = figures_html(main, MAPPED) if main else ""
    rest = [f for f in figures if f.name != MAPPED]
    folded.append(_folded(figures_html(rest, "Figures"), f"{len(rest)} further figures") if rest else "")
    patches = "".join(_patches(r.swatches) for r in results)
    maps = "".join(card for r in results for card in _maps(r, report))
    return (
        f'<article class="result">{_overview(results, report)}{first}{patches}{_cards(maps)}{shown}'
        f"{''.join(folded)}{_common(results)}</article>"
    )


def _small(series: Sequence[tuple[Result, Sequence[Curve]]]) -> str:
    """One little plot for each result."""
    legends = [_legend(s) for _, s in series]
    same = len(set(legends)) == 1
    cards = [
        _card(curves(s, f"{s[0].name}, {r.title}"), _place(r, s), "" if same and i else legends[i])
        for i, (r, s) in enumerate(series)
        if s and len(s[0].x)
    ]
    return "".join(cards)


def _place(r: Result, series: Sequence[Curve]) -> str:
    """Where the curves of a result are from; its title if they do not agree."""
    own = {placed(c.where)[0] for c in series}
    words = own.pop() if len(own) == 1 else ""
    if "." in words.partition(",")[0]:  # a file keeps its name as it is
        return words
    return words[:1].upper() + words[1:] if words else r.title


def _folded(body: str, words: str) -> str:
    return f"<details><summary>{escaped(words)}</summary>{body}</details>"


def _cards(cards: str) -> str:
    return f'<div class="cards">{cards}</div>' if cards else ""


def _common(results: Sequence[Result]) -> str:
    """The conditions: once if they all share them, else each."""
    words = dict.fromkeys(k for r in results for k in r.conditions)
    shared, own = [], []
    for word in words:
        values = list(dict.fromkeys(r.conditions.get(word, "") for r in results))
        (shared if len(values) == 1 else own).append((word, values[0]))
    rows = "".join(
        f'<tr><th scope="row">{escaped(r.title)}</th>'
        + "".join(f"<td>{escaped(r.conditions.get(word, ''))}</td>" for word, _ in own)
        + "</tr>"
        for r in results
    )
    heads = "".join(f'<th scope="col">{escaped(word)}</th>' for word, _ in own)
    table = (
        f'<table class="places"><thead><tr><th scope="col">Place</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    return (_folded(table, "How each was measured") if own else "") + terms(shared)


def _overview(results: Sequence[Result], report: Report) -> str:
    """All luminance curves in one plot, and the figure that matters over the field."""
    cards = []
    every = [c for r in results for c in r.curves]
    bright = [c for c in every if c.name == every[0].name and placed(c.where)[1] in ("", "Y")]
    if len(bright) >= MANY:
        plain = [Curve(c.name, c.x, c.y, c.x_label, c.y_label, placed(c.where)[0]) for c in bright]
        caption = f"{plain[0].name}, every place"
        cards.append(_card(curves(plain, caption), caption, _legend(plain)))
    for view in report.views[:1]:
        middle = {o.name: _middle(o.quad) for o in view.outlines}
        found = [
            (middle[placed(f.where)[0]], f.value)
            for r in results
            for f in r.figures
            if f.name == MAPPED and placed(f.where)[1] in ("", "Y") and placed(f.where)[0] in middle
        ]
        if len(found) >= MANY:
            caption = f"{MAPPED} over the field"
            cards.append(_card(places(found, view.size, caption), caption))
    return _cards("".join(cards))


def _middle(quad: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(y for y, _ in quad) / len(quad), sum(x for _, x in quad) / len(quad)


def _card(drawing: str, caption: str, legend: str = "") -> str:
    return f'<figure class="card">{drawing}<figcaption>{escaped(caption)}{legend}</figcaption></figure>'


def _legend(series: Sequence[Curve]) -> str:
    if not 2 <= len(series) <= HUES:
        return ""
    chips = "".join(
        f'<li><span class="chip {hue(c.where, i)}"></span>'
        f"{escaped(c.where.rsplit(',', 1)[-1].strip() or c.name)}</li>"
        for i, c in enumerate(series)
    )
    return f'<ul class="legend">{chips}</ul>'


def _result(r: Result, *, alone: bool, report: Report) -> str:
    """One result: its plots, its colours, its figures."""
    cards = []
    together: dict[tuple[str, str, str, str], list[Curve]] = {}
    for c in r.curves:
        if len(c.x) and len(c.y):
            key = c.name, c.x_label, c.y_label, placed(c.where)[0] if placed(c.where)[1] else ""
            together.setdefault(key, []).append(c)
    for (name, *_, place), series in together.items():
        caption = f"{name}, {place}" if place else name
        cards.append(_card(curves(series, caption), caption, _legend(series)))
    cards += _maps(r, report)
    head = "" if alone and r.title == heading(r.measure) else f"<h3>{escaped(r.title)}</h3>"
    figures = figures_html(r.figures, "Figures") + terms(r.conditions.items())
    drawn = _cards("".join(cards))
    if len(cards) == 1:  # the only plot stands beside its figures
        body = f'<div class="beside">{drawn}<div>{figures}</div></div>{_patches(r.swatches)}'
    else:
        body = f"{drawn}{_patches(r.swatches)}{figures}"
    return f'<article class="result">{head}{body}</article>'


def _maps(r: Result, report: Report) -> list[str]:
    """Maps over the field and errors in the colour plane."""
    aspect = next((v.size[1] / v.size[0] for v in report.views if v.size[0]), 4 / 3)
    cards = []
    for g in r.grids:
        if min(g.values.shape) > 1:
            caption = f"{g.name}, {g.where}" if g.where else g.name
            caption += f" ({g.unit})" if g.unit else ""
            cards.append(_card(heat_map(g, caption, aspect), caption))
    if len(r.swatches) > 1:
        drawing = colour_plane(r.swatches, "Colour errors in a* and b*")
        cards.append(_card(drawing, "Colour errors: from where it should be (ring) to where it is"))
    return cards


def _patches(swatches: Sequence[Swatch]) -> str:
    """Every colour as measured (left) beside what it should be (right)."""
    if not swatches:
        return ""
    items = "".join(
        f'<li><span class="patch" style="background:linear-gradient(to right,{code(s.measured)} 50%,'
        f'{code(s.reference)} 50%)"></span><span class="name">{escaped(s.name)}</span>'
        f'<span class="value">{spoken(s.delta_e, 2)}</span></li>'
        for s in swatches
    )
    return (
        f'<ul class="patches" aria-label="Patches: measured left, reference right, ΔE00 below">{items}</ul>'
    )
