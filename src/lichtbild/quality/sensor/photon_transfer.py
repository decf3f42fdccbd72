# SPDX-License-Identifier: Apache-2.0
"""The data sheet of a sensor, from the photon transfer of its raw frames.

Per site of the colour cell, after EMVA 1288 [1]::

    σ² = σ_dark² + K · (μ − μ_dark)                K: DN per electron, the slope of the photon transfer line
    σ_d = √(r − 1/12) / K                          read noise in electrons
    μ_sat = (DN of the full well − black) / K      where σ² peaks, or where the file clips, whichever is lower
    μ_min = √(σ_d² + (1/12)/K² + ¼) + ½            electrons at which the SNR is 1
    DR = μ_sat / μ_min ,   SNR_max = √μ_sat ,   DSNU = s_dark / K ,   PRNU = s / μ
    LE = mean of |μ − line over exposure| / line   between 5 and 95 % of μ_sat

What needs the number of photons on the sensor (quantum efficiency, sensitivity in photons) is not here, and
K rests on shot noise alone: that is why it is no EMVA data sheet but its electron side.

References
----------
[1] EMVA Standard 1288, release 4.0, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lichtbild.capture.noise_model import ROUNDING
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sensor.spatial import UNEVEN
from lichtbild.quality.sensor.temporal import Float64
from lichtbild.quality.sensor.transfer import SiteTransfer, Transfer

CAVEAT = "electron side of EMVA 1288: without a photon count there is no quantum efficiency"


def data_sheet(found: Transfer, where: str = "") -> Result:
    """The figures of a sensor per site, in electrons and in per cent."""
    figures: list[Figure] = []
    for s in found.sites:
        figures += _figures(s, found.exposures, f"{where}, {s.site.name}" if where else s.site.name)
    return Result(
        "noise",
        f"Photon transfer {where}".strip(),
        tuple(figures),
        {
            "method": CAVEAT,
            "frames": f"{found.lit} of light, {found.darks} dark",
            "region": "y {}, x {}, {} × {} px".format(
                *found.box[:2], found.box[2] - found.box[0], found.box[3] - found.box[1]
            ),
        },
        tuple(c for s in found.sites for c in _curves(s, f"{where} {s.site.name}".strip())),
    )


def threshold(read: float, gain: float) -> float:
    """Electrons at which the SNR is 1; `read` in electrons, `gain` in DN per electron."""
    return math.sqrt(read**2 + ROUNDING / gain**2 + 0.25) + 0.5


def _figures(s: SiteTransfer, exposures: Sequence[float], where: str) -> list[Figure]:
    k, doubt = s.line.gain, s.line.gain_doubt
    well, note = full_well(s)
    figures = [Figure("gain K", k, "DN/e⁻", where, doubt)]
    square = s.line.offset - ROUNDING
    if square > 0:
        read = math.sqrt(square) / k
        error = math.hypot(s.line.offset_doubt / (2 * square), doubt / k) * read
        figures.append(Figure("read noise", read, "e⁻", where, error, "lower"))
        least = threshold(read, k)
        unsure = math.log2(threshold(read + error, k) / least)
        figures.append(Figure("dynamic range", math.log2(well / least), "EV", where, unsure, "higher", note))
    else:
        why = "hidden by the rounding to whole numbers"
        figures += [
            unmeasured("read noise", "e⁻", why, where),
            unmeasured("dynamic range", "EV", why, where),
        ]
    figures += [
        Figure("full well", well, "e⁻", where, well * doubt / k, "higher", note),
        Figure("SNR max", 10 * math.log10(well), "dB", where, 4.34 * doubt / k, "higher"),
        *_patterns(s, where),
        linearity(s, exposures, where),
    ]
    return figures


def full_well(s: SiteTransfer) -> tuple[float, str]:
    """Electrons at which the pixel, or the file, is full, and a note."""
    means = np.array([e.mean for e in s.levels])
    v = np.array([e.variance for e in s.levels])
    peak = int(np.argmax(v))
    if peak < len(v) - 1 and v[peak] > 0 and v[peak + 1 :].min() < 0.7 * v[peak] and means[peak] < s.top:
        return float(means[peak]) / s.line.gain, "where the variance peaks"
    return s.top / s.line.gain, "where the file clips; the pixel may hold more"


def _patterns(s: SiteTransfer, where: str) -> list[Figure]:
    k = s.line.gain
    names = ("row noise", "column noise", "DSNU")
    if s.dark is None:
        figures = [unmeasured(n, "e⁻", "needs two dark frames", where) for n in names]
        figures.append(unmeasured("tails λ", "", "needs two dark frames", where))
    else:
        d = s.dark
        pairs = ((d.row, d.row_doubt), (d.column, d.column_doubt), (d.dsnu, d.dsnu_doubt))
        figures = [
            unmeasured(n, "e⁻", "drowns in the noise of these darks: take more", where)
            if math.isnan(value)
            else Figure(n, value / k, "e⁻", where, doubt / k, "lower")
            for n, (value, doubt) in zip(names, pairs, strict=True)
        ]
        figures.append(Figure("tails λ", s.tails[0], "", where, s.tails[1]))
        figures.append(Figure("hot pixels", 1e6 * d.hot, "ppm", where, better="lower"))
    figures.append(prnu_figure(s, where))
    return figures


def prnu_figure(s: SiteTransfer, where: str) -> Figure:
    """PRNU in per cent, or why there is none."""
    share, doubt = s.prnu
    if math.isnan(share):
        return unmeasured("PRNU", "%", "needs even light at 10 … 90 % of white", where)
    if share > UNEVEN:
        return unmeasured("PRNU", "%", "the frames show no even field", where)
    return Figure("PRNU", 100 * share, "%", where, 100 * doubt, "lower")


def linearity(s: SiteTransfer, exposures: Sequence[float], where: str) -> Figure:
    """Mean deviation from a line over the exposure time, in per cent, as EMVA 1288 4.0 fits it."""
    name = "linearity error"
    x = np.array(exposures, np.float64)
    y = np.array([e.mean for e in s.levels])
    use = np.isfinite(x) & (y > 0.05 * s.top) & (y < 0.95 * s.top)
    if len(set(x[use])) < 4:
        return unmeasured(name, "%", "needs four exposure times in unchanging light", where)
    a, b = x[use], y[use]
    slope, offset = np.linalg.lstsq(
        np.stack([a, np.ones_like(a)], 1) / b[:, None], np.ones_like(b), rcond=None
    )[0]
    model = slope * a + offset
    error = float(np.abs((b - model) / model).mean())
    if error > 0.2:
        return unmeasured(name, "%", "the light did not follow the exposure times", where)
    return Figure(
        name, 100 * error, "%", where, better="lower", note="exposure times as the files round them"
    )


def _curves(s: SiteTransfer, where: str) -> tuple[Curve, Curve]:
    mean = np.array([e.mean for e in s.levels])
    v = np.array([e.variance for e in s.levels])
    order = np.argsort(mean)
    x: Float64 = np.linspace(0, max(float(mean.max()), 1.0), 32)
    axes = ("DN above black", "variance, DN²")
    return (
        Curve("temporal variance", mean[order], v[order], *axes, where),
        Curve("fitted line", x, s.line.at(x), *axes, where),
    )
