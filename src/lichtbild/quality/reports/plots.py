# SPDX-License-Identifier: Apache-2.0
"""Plots as plain SVG text: curves over axes, in the size of a phone's column, coloured by a style sheet.

A plot is 360 units wide, so that its 11-unit type is readable at 350 px and elegant at 500 px.  Everything
that comes from outside is escaped; every plot has a title that a screen reader says.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.quality.result import Curve

Float64 = NDArray[np.float64]
WIDTH, HEIGHT = 360.0, 238.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 10.0, 12.0, 40.0
MOST_POINTS = 120  # of a drawn curve
CHANNELS = ("R", "G", "B", "Y")
HUES = 8  # series colours of the style sheet
BEYOND = 0.6  # cy/px to which responses are drawn
SPREAD = 6.0  # largest over median of the values of a logarithmic axis


def escaped(value: object) -> str:
    """Text that is only text in HTML, also inside an attribute."""
    words = "".join(c if c.isprintable() or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return html.escape(words, quote=True)


def spoken(value: float, digits: int = 3) -> str:
    """A number for people: `digits` significant digits, a true minus, a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}·10{str(int(exponent)).translate(_HIGH)}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}".replace("-", "−")


_HIGH = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten, or 1, 2, 5 of each where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = (1.0, 2.0, 5.0) if math.log10(high / low) < 2.2 else (1.0,)
    wide = max(1, math.ceil(math.log10(high / low) / 6))
    every = [m * 10.0**p for p in powers if p % wide == 0 for m in fine]
    return [v for v in every if low * 0.999 <= v <= high * 1.001]


def short(value: float) -> str:
    """A tick's label: as short as its number allows."""
    if value and not 1e-3 <= abs(value) < 1e5:
        exponent = math.floor(math.log10(abs(value)) + 1e-9)
        mantissa = value / 10.0**exponent
        power = f"10{str(exponent).translate(_HIGH)}"
        return power if abs(mantissa - 1) < 1e-6 else f"{mantissa:.3g}·{power}".replace("-", "−")
    return f"{value:.6g}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: where values fall between two ends of the drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: Any) -> Float64:
        """Units of the drawing."""
        v, low, high = np.asarray(value, np.float64), self.low, self.high
        if self.log:
            v, low, high = np.log10(np.maximum(v, low * 1e-3)), math.log10(low), math.log10(high)
        return self.start + (v - low) / (high - low) * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """The labelled values."""
        return decades(self.low, self.high) if self.log else ticks(self.low, self.high, count)


def axis(values: Float64, start: float, end: float, *, log: bool = False, zero: bool = False) -> Axis:
    """An axis on which all finite `values` fit; with 0 where it is near or wanted."""
    values = values[np.isfinite(values) & ((values > 0) if log else True)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if log:
        return Axis(low, high if high > low else low * 10, start, end, True)
    if zero or 0 < low < 0.5 * high:
        low = min(low, 0.0)
    if 0.5 * low < high < 0:
        high = 0.0
    if not high - low > 1e-12 * max(abs(high), abs(low), 1e-30):
        low, high = low - 0.5, high + 0.5
    margin = 0.04 * (high - low)
    return Axis(low if low == 0 else low - margin, high if high == 0 else high + margin, start, end)


def logarithmic(values: Float64) -> bool:
    """Whether values spread over so many powers that a linear axis would hide most of them."""
    values = values[np.isfinite(values)]
    return bool(values.size > 3 and values.min() > 0 and values.max() > SPREAD * np.median(values))


def hue(where: str, number: int) -> str:
    """The style class of a series: by its channel, else by its number."""
    last = where.rsplit(",", 1)[-1].strip()
    return f"c-{last}" if last in CHANNELS else f"c{number % HUES}"


def svg(
    body: Sequence[str], title: str, size: tuple[float, float] = (HEIGHT, WIDTH), kind: str = "plot"
) -> str:
    """A drawing of `size` (height, width) units with a title."""
    h, w = size
    return (
        f'<svg class="{kind}" viewBox="0 0 {w:g} {h:g}" role="img" aria-label="{escaped(title)}" '
        f'preserveAspectRatio="xMidYMid meet">\n<title>{escaped(title)}</title>\n'
        + "\n".join(body)
        + "\n</svg>"
    )


def frame(x: Axis, y: Axis, x_label: str, y_label: str) -> list[str]:
    """Grid lines, tick labels and the names of both axes."""
    left, right, bottom, top = x.start, x.end, y.start, y.end
    parts = []
    for v in y.ticks(4):
        at = float(y.at(v))
        parts.append(f'<line class="hair" x1="{left:g}" x2="{right:g}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 5:g}" y="{at + 3.6:.1f}" text-anchor="end">{short(v)}</text>')
    for v in x.ticks(5):
        at = float(x.at(v))
        parts.append(f'<line class="hair" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom:g}" y2="{top:g}"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 15:g}" text-anchor="middle">{short(v)}</text>')
    parts.append(f'<line class="base" x1="{left:g}" x2="{right:g}" y1="{bottom:g}" y2="{bottom:g}"/>')
    parts.append(
        f'<text class="name" x="{right:g}" y="{bottom + 31:g}" text-anchor="end">{escaped(x_label)}</text>'
    )
    middle = (bottom + top) / 2
    parts.append(
        f'<text class="name" transform="translate(11 {middle:g}) rotate(-90)" text-anchor="middle">'
        f"{escaped(y_label)}</text>"
    )
    return parts


def curves(series: Sequence[Curve], title: str) -> str:
    """Curves of the same axes in one drawing.

    Parameters
    ----------
    series : sequence of Curve
        At least one; labels are those of the first.
    title : str
        What it shows.

    Returns
    -------
    str
        The SVG.
    """
    xs = np.concatenate([np.asarray(c.x, np.float64).ravel() for c in series])
    ys = np.concatenate([np.asarray(c.y, np.float64).ravel() for c in series])
    first = series[0]
    response = any(word in f"{first.name} {first.y_label}" for word in ("SFR", "MTF", "response"))
    if response and "cy/px" in first.x_label:  # beyond Nyquist there is only noise to see
        xs, ys = xs[xs <= BEYOND], ys[xs <= BEYOND]
    log = logarithmic(xs)
    series = [_until(c, float(xs.max())) for c in series] if response else series
    y = axis(ys, HEIGHT - BOTTOM, TOP, log=log and logarithmic(ys), zero=response)
    widest = max((len(short(v)) for v in y.ticks(4)), default=1)
    x = axis(xs, max(LEFT, 26 + 6.5 * widest), WIDTH - RIGHT, log=log)
    parts = frame(x, y, first.x_label, first.y_label)
    if response:
        parts += _marks(x, y, first.x_label)
    for number, c in enumerate(series):
        parts.append(_series(c, x, y, hue(c.where, number) if len(series) <= HUES else "many"))
    return svg(parts, title)


def _until(c: Curve, most: float) -> Curve:
    """The part of a curve up to an x."""
    keep = np.asarray(c.x, np.float64) <= most
    return Curve(c.name, np.asarray(c.x)[keep], np.asarray(c.y)[keep], c.x_label, c.y_label, c.where)


def _marks(x: Axis, y: Axis, label: str) -> list[str]:
    """Half response, and Nyquist's frequency where the axis is in cycles a pixel."""
    parts = []
    if y.low < 0.5 < y.high:
        at = float(y.at(0.5))
        parts.append(f'<line class="mark" x1="{x.start:g}" x2="{x.end:g}" y1="{at:.1f}" y2="{at:.1f}"/>')
    if "cy/px" in label and x.low < 0.5 < x.high:
        at = float(x.at(0.5))
        parts.append(f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{y.start:g}" y2="{y.end:g}"/>')
        parts.append(f'<text x="{at - 4:.1f}" y="{y.end + 9:g}" text-anchor="end">Nyquist</text>')
    return parts


def _series(c: Curve, x: Axis, y: Axis, kind: str) -> str:
    """One curve: a line, with dots where its points are few; only dots where x goes back and forth."""
    u, v = np.asarray(c.x, np.float64).ravel(), np.asarray(c.y, np.float64).ravel()
    n = min(len(u), len(v))
    keep = (
        np.unique(np.linspace(0, n - 1, MOST_POINTS).round().astype(int)) if n > MOST_POINTS else np.arange(n)
    )
    u, v = u[keep], v[keep]
    good = np.isfinite(u) & np.isfinite(v) & ((u > 0) | (not x.log)) & ((v > 0) | (not y.log))
    px, py = x.at(np.where(good, u, x.low)), y.at(np.where(good, v, y.low))
    scattered = bool(np.any(np.diff(u[good]) < 0))
    parts = []
    if not scattered:
        path, pen = [], "M"
        for a, b, fine in zip(px, py, good, strict=True):
            if fine:
                path.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L" if fine else "M"
        parts.append(f'<path d="{"".join(path)}"/>')
    if scattered or good.sum() <= 30:
        radius = 1.6 if scattered else 2.2
        points = zip(px[good], py[good], strict=True)
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{radius}"/>' for a, b in points]
    return f'<g class="series {kind}"><title>{escaped(c.where or c.name)}</title>{"".join(parts)}</g>'
