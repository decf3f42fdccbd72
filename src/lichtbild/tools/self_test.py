# SPDX-License-Identifier: Apache-2.0
"""``lichtbild measure --self-test``: the laboratory measures what is known exactly, and shows its errors.

Edges are closed formulas.  The chart is painted, photographed by a simulated camera with a lens, a colour
filter array and noise, and read back like any raw file, so that linearization, demosaicking and the finder
are part of the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lichtbild.base.version import SOFTWARE
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.laboratory import measure
from lichtbild.quality.perception import pu21
from lichtbild.quality.picture import Picture, picture_of
from lichtbild.quality.reports.report import Report
from lichtbild.quality.result import Figure, Result
from lichtbild.quality.sharpness.exact import exact_edge, exact_mtf
from lichtbild.quality.sharpness.resolution import edge

SIGMAS, ANGLES = (0.5, 0.8, 1.2), (5.7, 95.7)
SIZE = (120, 100)
CAMERA = (960, 1280)  # px, of the simulated chart
ISO = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One figure beside its truth, and how far it may be off."""

    name: str
    unit: str
    value: float
    truth: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether it is near enough."""
        return abs(self.value - self.truth) <= self.limit


def self_test() -> tuple[Report, list[tuple[str, ...]], bool]:
    """Run every check; gives a report, a table of them, and whether all passed."""
    checks = [*edges(), *metrics(), *chart()]
    rows: list[tuple[str, ...]] = [("figure", "measured", "truth", "error", "allowed", "")]
    figures, failed = [], []
    for c in checks:
        measured, truth = f"{c.value:.5g}", f"{c.truth:.5g}"
        error = f"{c.value - c.truth:+.2g}"
        allowed, verdict = f"±{c.limit:g} {c.unit}".rstrip(), "pass" if c.passed else "FAIL"
        rows.append((c.name, measured, truth, error, allowed, verdict))
        figures.append(Figure(c.name, c.value, c.unit, note=f"truth {truth}, allowed {allowed}: {verdict}"))
        if not c.passed:
            failed.append(f"{c.name} is {measured}, its truth {truth} {allowed}")
    result = Result("self_test", "Self-test", tuple(figures), warnings=tuple(failed))
    return Report((result,), software=SOFTWARE), rows, not failed


def half(sigma: float, angle: float) -> float:
    """Where the exact response falls to one half."""
    f = np.linspace(0, 1, 20001)
    return float(np.interp(-0.5, -exact_mtf(f, angle, sigma), f))


def edges() -> Iterator[Check]:
    """MTF50 of exact edges: the standard's recipe within its own known bias, the robust way within less."""
    for sigma in SIGMAS:
        for angle in ANGLES:
            light = exact_edge(SIZE, angle % 90, sigma)
            light = light if angle < 90 else light.T
            picture = Picture(np.repeat(light.astype(np.float32)[..., None], 3, axis=2))
            h, w = light.shape
            for method, limit in (("iso2023", 0.004), ("robust", 0.002)):
                r = edge(picture, (0, 0, h, w), method=method, channels="Y", where="edge")  # type: ignore[arg-type]
                found = r["MTF50 · edge, Y"]
                side = "upright" if angle < 90 else "lying"
                name = f"MTF50, {side} edge, σ {sigma:g} px, {method}"
                yield Check(name, "cy/px", found, half(sigma, angle % 90), limit)


def metrics() -> Iterator[Check]:
    """Published values of a formula."""
    for nit, truth in ((1.0, 36.5439), (100.0, 256.3839), (1000.0, 420.0969)):
        yield Check(f"PU21 of {nit:g} nit", "", float(pu21(np.array(nit))), truth, 1e-3)


def chart() -> Iterator[Check]:
    """A simulated raw of the laboratory's own chart, through everything."""
    from lichtbild.simulate import burst
    from lichtbild.simulate.charts import painted, place

    h, w = CAMERA
    scene = painted(place(CHARTS["lab"], w / h))
    taken, _ = burst(scene, size=CAMERA, frames=1, iso=ISO, shake="still", lens="plain")
    every = {f.key: f.value for _, f in measure([picture_of(taken.frames[0])]).figures()}
    yield Check("gamma of a linear camera", "", every["gamma of the tone curve · steps"], 1.0, 0.005)
    yield Check("hallucination of a linear camera", "", every["hallucination · leaves, Y"], 0.0, 0.03)
    yield Check("ΔE00 of its own profile, mean", "ΔE00", every["ΔE00 mean · colours"], 0.0, 0.5)
    yield Check("its white balance", "ΔC", every["white balance error · colours"], 0.0, 0.2)
