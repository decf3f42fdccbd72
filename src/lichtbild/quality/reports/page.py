# SPDX-License-Identifier: Apache-2.0
"""A report as one HTML file: no script, no font, no picture from elsewhere; light, dark, phone and print.

The page holds its style sheet and its drawings.  Its content security policy forbids every request and every
script, so that whatever a file name holds stays text.
"""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Sequence

from lichtbild.quality.reports.cautions import cautions
from lichtbild.quality.reports.maps import found_in
from lichtbild.quality.reports.plots import escaped, short, spoken
from lichtbild.quality.reports.report import Report, View
from lichtbild.quality.reports.score import Axis, Score
from lichtbild.quality.reports.sections import SECTIONS, anchor, heading, section
from lichtbild.quality.reports.tables import terms

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """The report as one self-contained HTML document."""
    title, kind = _title(report), escaped(_kind(report).lower())
    order = [*SECTIONS, *(r.measure for r in report.results)]
    by_measure = {
        m: [r for r in report.results if r.measure == m]
        for m in dict.fromkeys(order)
        if any(r.measure == m for r in report.results)
    }
    body = [
        _header(report, title, list(by_measure)),
        _warnings(report),
        "" if report.score is None else _score(report.score),
        _views(report.views),
        *(section(m, results, report) for m, results in by_measure.items()),
        _footer(report),
    ]
    return document(f"{escaped(title)} – {kind}", body)


def document(title: str, body: Sequence[str], style: str = "") -> str:
    """A whole page in one file: `title` and parts of the `body` are HTML, `style` lies over the reports'."""
    folder = importlib.resources.files("lichtbild.quality.reports")
    common = folder.joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{common}{style}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _title(report: Report) -> str:
    names = [s.name for s in report.sources]
    if not names:
        first = report.results[0].title if report.results else _kind(report)
        return first[:1].upper() + first[1:]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _kind(report: Report) -> str:
    """Image quality, of pictures; what was made without a chart's picture is called by its only measure."""
    measures = {r.measure for r in report.results}
    return heading(measures.pop()) if len(measures) == 1 and not report.sources else "Image quality"


def _header(report: Report, title: str, measures: Sequence[str]) -> str:
    first = report.sources[0] if report.sources else None
    known = []
    if first:
        known = [("Camera", first.camera), ("Taken", first.time), ("Linear by", first.decoding)]
        if first.size[0]:
            known.append(("Size", f"{first.size[1]} × {first.size[0]} px"))
    known += list(report.conditions.items())
    links = "".join(f'<li><a href="#{anchor(m)}">{escaped(heading(m))}</a></li>' for m in measures)
    contents = f'<nav aria-label="Sections"><ul>{links}</ul></nav>' if len(measures) > 1 else ""
    return (
        f'<header><p class="kind">{escaped(_kind(report))} report</p><h1>{escaped(title)}</h1>'
        f"{terms(known, 'facts')}{contents}</header>\n<main>"
    )


def _warnings(report: Report) -> str:
    items = []
    for words, about in cautions(report):
        rest = f" and {len(about) - 1} more" if len(about) > 1 else ""
        of = f' <span class="where">{escaped(about[0])}{rest}</span>' if about else ""
        items.append(f"<li>{escaped(words)}{of}</li>")
    if not items:
        return ""
    return (
        '<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">Read with care</h2>'
        f"<ul>{''.join(items)}</ul></section>"
    )


def _score(score: Score) -> str:
    axes = "".join(_axis(a) for a in score.axes)
    rows = "".join(
        f'<tr><th scope="row">{escaped(m.figure)}<span class="where">{escaped(a.name)}</span></th>'
        f'<td class="number">{spoken(m.value)} <span class="unit">{escaped(m.unit)}</span></td>'
        f'<td class="number goal">{short(m.low)} → {short(m.high)}</td>'
        f'<td class="number">{m.weight:g}</td><td class="number">{_points(m.score)}</td></tr>'
        for a in score.axes
        for m in a.metrics
    )
    notes = [*(f"{a.name}: {a.note}" for a in score.axes if a.note and not math.isnan(a.score))]
    said = "".join(f"<p>{escaped(n)}</p>" for n in notes if n)
    partly = f'<span class="where">{escaped(score.note)}</span>' if score.note else ""
    return (
        '<section class="score" aria-labelledby="score"><h2 id="score">Score '
        f'<span class="total">{_points(score.total)}</span>{partly}</h2><div class="axes">{axes}</div>'
        f"<details><summary>How it is made: table “{escaped(score.version)}”</summary>"
        "<p>Each metric earns 0 points at its low goal and 100 at its high goal; an axis is the weighted "
        f'mean of its metrics, the total that of the axes.</p>{said}<table class="goals"><thead><tr>'
        '<th scope="col">Metric</th><th scope="col" class="number">Value</th>'
        '<th scope="col" class="number">Goals</th><th scope="col" class="number">Weight</th>'
        f'<th scope="col" class="number">Points</th></tr></thead><tbody>{rows}</tbody>'
        "</table></details></section>"
    )


def _points(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}"


def _axis(a: Axis) -> str:
    known = not math.isnan(a.score)
    bar = f'<span style="width:{a.score:.1f}%"></span>' if known else ""
    value = _points(a.score) if known else '<span class="unmeasured">not measured</span>'
    return (
        f'<div class="axis" title="{escaped(a.words)}">'
        f'<span class="label">{escaped(a.name.capitalize())}</span>'
        f'<span class="value">{value}</span><span class="bar" aria-hidden="true">{bar}</span></div>'
    )


def _views(views: Sequence[View]) -> str:
    drawn = []
    for v in views:
        if v.outlines or v.small:
            outlines = [(o.name, o.kind, o.quad) for o in v.outlines]
            count = f"{len(outlines)} places measured" if len(outlines) != 1 else "1 place measured"
            drawn.append(
                f'<figure class="card wide">{found_in(v.size, v.small, outlines)}'
                f'<figcaption>{escaped(v.source)} <span class="where">{count}</span></figcaption></figure>'
            )
    return (
        f'<section class="views" aria-label="Pictures"><div class="cards">{"".join(drawn)}</div></section>'
        if drawn
        else ""
    )


def _footer(report: Report) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escaped(s.name)}</th><td class="hash">{escaped(s.sha256)}</td></tr>'
        for s in report.sources
    )
    files = (
        f'<table class="files"><caption>Measured files, SHA-256</caption><tbody>{rows}</tbody></table>'
        if rows
        else ""
    )
    return f"</main>\n<footer>{files}<p>{escaped(report.software)}</p></footer>"
