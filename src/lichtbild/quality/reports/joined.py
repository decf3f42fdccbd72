# SPDX-License-Identifier: Apache-2.0
"""Several reports as one: places are called after the picture that they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lichtbild.quality.reports.report import Report


def joined(reports: Sequence[Report], names: Sequence[str] | None = None) -> Report:
    """One report of several; with `names` every place is called after the report it comes from.

    The conditions are those that all share, the score is left to the caller.
    """
    if len(reports) == 1 and not names:
        return reports[0]
    named = [_named(r, n) for r, n in zip(reports, names, strict=True)] if names else list(reports)
    shared = dict(reports[0].conditions)
    for r in reports:
        shared = {k: v for k, v in shared.items() if r.conditions.get(k) == v}
    return Report(
        tuple(result for r in named for result in r.results),
        tuple(s for r in named for s in r.sources),
        reports[0].software,
        shared,
        tuple(v for r in named for v in r.views),
        warnings=tuple(dict.fromkeys(w for r in named for w in r.warnings)),
    )


def _named(report: Report, name: str) -> Report:
    def at(where: str) -> str:
        return f"{name}, {where}" if where else name

    results = tuple(
        replace(
            r,
            title=f"{name}: {r.title}",
            figures=tuple(replace(f, where=at(f.where)) for f in r.figures),
            curves=tuple(replace(c, where=at(c.where)) for c in r.curves),
            grids=tuple(replace(g, where=at(g.where)) for g in r.grids),
        )
        for r in report.results
    )
    views = tuple(
        replace(v, outlines=tuple(replace(o, name=at(o.name)) for o in v.outlines)) for v in report.views
    )
    told = tuple(f"{name}: {w}" for w in report.warnings)
    return replace(report, results=results, views=views, warnings=told)
