# SPDX-License-Identifier: Apache-2.0
"""What a report must be read with, once: warnings that differ only in numbers become one with a range."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lichtbild.quality.reports.report import Report

NUMBER = re.compile(r"\d+(?:\.\d+)?")


def cautions(report: Report) -> list[tuple[str, tuple[str, ...]]]:
    """Every warning of a report and the titles of the results it is about (none: the whole report)."""
    every = [(w, "") for w in report.warnings]
    every += [(w, r.title) for r in report.results for w in r.warnings]
    told: dict[str, list[tuple[str, str]]] = {}
    for words, title in every:
        told.setdefault(NUMBER.sub("#", words), []).append((words, title))
    return [
        (in_one([words for words, _ in same]), tuple(dict.fromkeys(title for _, title in same if title)))
        for same in told.values()
    ]


def in_one(sentences: Iterable[str]) -> str:
    """One sentence for several that differ only in numbers, which become ``low … high``.

    ``["± 0.07", "± 0.09"]`` gives ``± 0.07 … 0.09``.
    """
    same = list(dict.fromkeys(sentences))
    if len(same) == 1:
        return same[0]
    slots = zip(*(NUMBER.findall(s) for s in same), strict=True)
    ranges = [sorted(set(slot), key=float) for slot in slots]
    numbers = iter(r[0] if len(r) == 1 else f"{r[0]} … {r[-1]}" for r in ranges)
    return NUMBER.sub(lambda _: next(numbers), same[0])
