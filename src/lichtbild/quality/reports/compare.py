# SPDX-License-Identifier: Apache-2.0
"""Two reports of the same scene: which figures moved by more than their doubt explains.

A figure with doubts d₁ and d₂ (one standard deviation each) has moved when::

    |x₂ - x₁| > max(3 · √(d₁² + d₂²), floor)

The floor of its unit is a difference that nobody acts upon; without a doubt or a unit it is 1 % of the old
value.  Identical files give identical figures, so that nothing moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lichtbild.quality.reports.report import Report
from lichtbild.quality.result import Figure

SIGMAS = 3.0
SHARE = 0.01  # of the old value, where neither doubt nor unit says more
FLOORS: Mapping[str, float] = {  # unit → difference that is nothing
    "cy/px": 0.003,
    "LW/PH": 10.0,
    "EV": 0.02,
    "dB": 0.1,
    "%": 0.1,
    "px": 0.02,
    "°": 0.05,
    "ΔE00": 0.1,
    "ΔC": 0.1,
    "ΔE": 0.1,
    "JOD": 0.02,
    "K": 20.0,
}
Change = Literal["better", "worse", "moved", "appeared", "disappeared"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that moved: its key and unit, both values (NaN where there is none), the step that would still
    be noise, and whether it is better.
    """

    measure: str
    key: str
    unit: str
    old: float
    new: float
    noise: float
    change: Change

    def __str__(self) -> str:
        if self.change in ("appeared", "disappeared"):
            return f"{self.key} {self.change}"
        return (
            f"{self.key}: {self.old:.4g} → {self.new:.4g} {self.unit}".rstrip()
            + f" ({self.change}; noise is ±{self.noise:.2g})"
        )


def compare(old: Report, new: Report) -> tuple[Moved, ...]:
    """Every figure of `new` that moved from `old`, appeared or disappeared, in the order of the reports.

    A figure that could not be measured counts as absent.

    Parameters
    ----------
    old, new : Report
        Two reports of the same chart, or of the same simulated scene.

    Returns
    -------
    tuple of Moved
        Empty if nothing moved beyond noise.
    """
    before, after = _figures(old), _figures(new)
    moved = []
    for key in dict.fromkeys((*before, *after)):
        a, b = before.get(key), after.get(key)
        change = _change(a, b)
        if change:
            one = b or a
            assert one is not None
            noise = _noise(a, b) if a and b else 0.0
            was, now = (f.value if f else math.nan for f in (a, b))
            moved.append(Moved(key[0], one.key, one.unit, was, now, noise, change))
    return tuple(moved)


def _figures(report: Report) -> dict[tuple[str, str, str], Figure]:
    """The measured figures by measure, key and unit."""
    return {(r.measure, f.key, f.unit): f for r, f in report.figures() if math.isfinite(f.value)}


def _noise(a: Figure, b: Figure) -> float:
    floor = FLOORS.get(a.unit)
    doubt = math.hypot(*(d for d in (a.doubt, b.doubt) if math.isfinite(d)))
    if floor is None:
        floor = SHARE * abs(a.value)
    return max(SIGMAS * doubt, floor)


def _change(a: Figure | None, b: Figure | None) -> Change | None:
    if a is None:
        return "appeared"
    if b is None:
        return "disappeared"
    step = b.value - a.value
    if step == 0 or abs(step) <= _noise(a, b):
        return None
    if b.better == "neither":
        return "moved"
    return "better" if (step > 0) == (b.better == "higher") else "worse"
