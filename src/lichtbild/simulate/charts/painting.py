# SPDX-License-Identifier: Apache-2.0
"""The laboratory's charts as scenes: every element painted with exact edges, through any placement.

The sinusoidal star is I = mean + amplitude·cos(n·φ), averaged over the canvas pixel.  cos(n·φ) is the real
part of ((v + iu)/r)ⁿ, made by repeated squaring, hence without a library's sine; the pixel multiplies the
modulation by sinc(f_y)·sinc(f_x), f the local frequency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.image import Float32, Triple
from lichtbild.quality.charts import (
    BITS,
    CELL,
    INK,
    MARK,
    MODULE,
    PAPER,
    RIM,
    Box,
    Element,
    cell,
    markers,
    strip,
)
from lichtbild.quality.colours.patches import lab_to_linear
from lichtbild.quality.leaves import drawn_planes
from lichtbild.simulate.brush import Light, Plane
from lichtbild.simulate.charts.place import to_canvas
from lichtbild.simulate.charts.shapes import (
    box_corners,
    chart_positions,
    corners,
    disk,
    polygon,
    polygon_cover,
    rectangle,
)
from lichtbild.simulate.scene import CANVAS, Placed, Scene, Thing, View, paint

Float64 = NDArray[np.float64]
BEHIND = 0.16  # light of the wall behind a chart
FINEST = 0.5  # cycles per canvas pixel: beyond, the star is grey


def painted(
    placed: Placed, colours: Mapping[str, ArrayLike] | None = None, *, behind: float = BEHIND
) -> Scene:
    """A chart as a scene.

    Parameters
    ----------
    placed : Placed
        The chart and where it hangs, see `lichtbild.simulate.charts.place`.
    colours : mapping, optional
        Scene light ``"n 3"`` of the patches of elements by name, instead of what their reference says; see
        `lichtbild.simulate.charts.spectral`.
    behind : float
        Light of the wall behind it, grey; the wall behind a ladder of lights is dark.
    """
    chart, m = placed.chart, placed.to_scene
    around = chart.ground if chart.name in ("flat", "ladder") else behind
    card = rectangle(m, (0, 0, 1, chart.aspect), grey(chart.ground))

    def fill(light: Float32, margin: int, seed: int) -> None:
        light[:] = np.float32(around)
        if chart.code:
            view = _view(light, margin)
            paint(view, [card])
            for element in chart.of("leaves"):
                _lay_leaves(view, element, placed, margin)

    things: list[Thing] = []
    for element in chart.elements:
        if chart.code:
            things += KINDS[element.kind](m, element, (colours or {}).get(element.name))
    if chart.code:
        things += furniture(placed)
    return Scene(tuple(things), exposure=1.0, fill=fill, chart=placed)


def grey(level: float) -> Triple:
    """A grey."""
    return float(level), float(level), float(level)


def furniture(placed: Placed) -> list[Thing]:
    """Markers, strip and marks."""
    chart, m = placed.chart, placed.to_scene
    things: list[Thing] = []
    for k, (v, u) in enumerate(markers(chart.aspect).tolist()):
        for lines, level in ((9, PAPER), (7, INK), (5, PAPER), (3, INK), (1, PAPER if k == 0 else INK)):
            half = lines * MODULE / 2
            things.append(rectangle(m, (v - half, u - half, v + half, u + half), grey(level)))
    left, right = cell(0, chart.aspect), cell(BITS - 1, chart.aspect)
    things.append(
        rectangle(m, (left[0] - CELL, left[1] - CELL, right[2] + CELL, right[3] + CELL), grey(PAPER))
    )
    bits = strip(chart.code)
    things += [rectangle(m, cell(k, chart.aspect), grey(INK)) for k in range(BITS) if bits[k]]
    for at in chart.marks:
        things += [disk(m, at, RIM, grey(PAPER)), disk(m, at, MARK, grey(INK))]
    return things


def _view(light: Float32, margin: int) -> View:
    """The whole canvas."""
    _, h, w = light.shape
    height = h // CANVAS - 2 * margin
    pixel = 1 / (CANVAS * height)
    y, x = ((np.arange(n) + 0.5) * pixel - margin / height for n in (h, w))
    return View(light, y.astype(np.float32)[:, None], x.astype(np.float32)[None, :], pixel)


def _lay_leaves(view: View, element: Element, placed: Placed, margin: int) -> None:
    _, h, w = view.light.shape
    height = h // CANVAS - 2 * margin
    m = to_canvas(placed, height, margin, CANVAS)
    y, x = zip(*corners(m, box_corners(element.box)), strict=True)
    top, left = max(0, int(min(y)) - 1), max(0, int(min(x)) - 1)
    bottom, right = min(h, int(max(y)) + 3), min(w, int(max(x)) + 3)
    if top < bottom and left < right:
        part = View(
            view.light[:, top:bottom, left:right], view.y[top:bottom], view.x[:, left:right], view.pixel
        )
        planes = drawn_planes(element, m, (top, left, bottom, right))
        light: Light = (
            (planes[0], planes[0], planes[0]) if len(planes) == 1 else (planes[0], planes[1], planes[2])
        )
        part.lay(light, polygon_cover(part, corners(placed.to_scene, box_corners(element.box))))


def _edge(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    """The dark square, painted once: with its left edge."""
    if element.settings["side"] == "left":
        v, u, half = element.settings["square"]
        c, s = _turn(element.settings["tilt"])
        places = [
            (v + half * (c * j + s * i), u + half * (-s * j + c * i))
            for j, i in ((-1, -1), (-1, 1), (1, 1), (1, -1))
        ]
        reach = half * 1.52  # the measured boxes end at 1.42
        yield rectangle(m, (v - reach, u - reach, v + reach, u + reach), grey(element.settings["high"]))
        yield polygon(m, places, grey(element.settings["low"]))


def _turn(degrees: float) -> tuple[float, float]:
    angle = np.radians(degrees)
    return round(float(np.cos(angle)), 10), round(float(np.sin(angle)), 10)


def _star(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    facts = element.settings
    (v0, u0), n, radius = facts["centre"], facts["cycles"], facts["radius"]
    mean, amplitude = (facts["high"] + facts["low"]) / 2, (facts["high"] - facts["low"]) / 2
    yield disk(m, (v0, u0), radius, grey(mean))

    def waves(view: View) -> None:
        v, u, slope = chart_positions(view, m)
        dv, du = v - v0, u - u0
        r2 = np.maximum(dv * dv + du * du, 1e-12)
        r = np.sqrt(r2)
        share = n / (2 * np.pi) / r2 * view.pixel  # ∇φ = (-u, v)/r²
        fy, fx = share * (slope[2] * dv - slope[0] * du), share * (slope[3] * dv - slope[1] * du)
        inside = np.clip((radius - r) / view.pixel + 0.5, 0, 1) * (fy * fy + fx * fx < FINEST * FINEST)
        wave = _cosine(dv / r, du / r, n) * sinc(fy) * sinc(fx) * (amplitude * inside)
        light = wave.astype(np.float32)
        view.add((light, light, light))

    yield Thing(_reach(m, element.box), waves)


def _reach(m: Float64, box: Box) -> Box:
    y, x = zip(*corners(m, box_corners(box)), strict=True)
    return min(y), min(x), max(y), max(x)


def _cosine(c: Plane, s: Plane, n: int) -> Plane:
    """cos(n·φ) from cos φ and sin φ."""
    re, im = np.ones_like(c), np.zeros_like(c)
    while n:
        if n & 1:
            re, im = re * c - im * s, re * s + im * c
        c, s, n = c * c - s * s, 2 * c * s, n >> 1
    return re


def sinc(x: Plane) -> Plane:
    """sin(πx)/(πx) for |x| ≤ ½, by its series."""
    z = (np.pi * x) ** 2
    return 1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110))))


def _nothing(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    """Leaves are painted before all things."""
    return iter(())


def _patches(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    facts = element.settings
    if "reference" in facts:
        lights = np.round(lab_to_linear(facts["reference"]), 7) if colours is None else np.asarray(colours)
    else:
        lights = np.repeat(np.array(facts["luminance"])[:, None], 3, axis=1)
    for box, (r, g, b) in zip(facts["boxes"], lights.tolist(), strict=True):
        yield rectangle(m, box, (r, g, b))


def _flat(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    yield rectangle(m, element.box, grey(element.settings["level"]))


def _dots(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    return (disk(m, at, element.settings["radius"], grey(INK)) for at in element.settings["centres"])


def _flare(m: Float64, element: Element, colours: ArrayLike | None) -> Iterator[Thing]:
    return (rectangle(m, box, grey(element.settings["dark"])) for box in element.settings["traps"])


KINDS: Mapping[str, Callable[[Float64, Element, ArrayLike | None], Iterable[Thing]]] = {
    "edge": _edge,
    "star": _star,
    "leaves": _nothing,
    "steps": _patches,
    "colours": _patches,
    "flat": _flat,
    "dots": _dots,
    "flare": _flare,
    "ladder": _patches,
}
