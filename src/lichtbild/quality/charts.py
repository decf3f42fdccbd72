# SPDX-License-Identifier: Apache-2.0
"""The charts of the laboratory, by name.

Every chart but ``flat`` has a marker in each corner, a strip at the top that spells its code, and small dots
along its border that tell how straight the picture is.  Levels are linear, white paper = 1; the print must be
made and lit accordingly, the simulator does so exactly.

A marker is three nested squares with the dark-light-dark-light-dark runs 1 : 1 : 3 : 1 : 1 along every line
through its centre; the one at the top left has a hole in its core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from lichtbild.quality.chart import Box, Chart, Element, Float64, Found, Kind
from lichtbild.quality.colours.patches import CLASSIC, many

__all__ = [
    "CHARTS",
    "Box",
    "Chart",
    "Element",
    "Float64",
    "Found",
    "Kind",
    "chart_of_code",
    "markers",
    "strip",
]

ASPECT = 4 / 3
MODULE = 0.008  # width of a line of a marker
INSET = 0.05  # of the markers' centres from the border
GROUND = 0.25  # level of most cards
INK, PAPER = 0.03, 0.85  # levels of markers, strip and marks
MARK, RIM = 0.007, 0.014  # radius of a mark and of the paper around it
BITS = 16  # of the strip: 101, eight of the code, four of check, 1
CELL = 0.010  # width of a bit


def markers(aspect: float) -> Float64:
    """Centres (v, u) of the four markers, ``"4 2"``, clockwise from the top left."""
    return np.array(
        [
            (INSET, INSET),
            (INSET, aspect - INSET),
            (1 - INSET, aspect - INSET),
            (1 - INSET, INSET),
        ]
    )


def strip(code: int) -> tuple[int, ...]:
    """The bits that spell `code` (1 is dark): 1 0 1, eight bits, their check, 1.

    The check is the remainder of the code's polynomial by x⁴ + x + 1, turned over: all light is no code.
    """
    rest = code << 4
    for k in range(7, -1, -1):
        if rest >> (k + 4) & 1:
            rest ^= 0b10011 << k
    word = code << 4 | (rest ^ 0b1111)
    return (1, 0, 1, *(word >> k & 1 for k in range(11, -1, -1)), 1)


def chart_of_code(code: int) -> Chart | None:
    """The chart whose strip spells `code`."""
    return next((c for c in CHARTS.values() if c.code == code and c.code), None)


def cell(k: int, aspect: float) -> Box:
    """Box of bit `k` of the strip."""
    left = aspect / 2 + (k - BITS / 2) * CELL
    return INSET - CELL, left, INSET + CELL, left + CELL


def _square(name: str, centre: tuple[float, float], side: float, tilt: float) -> tuple[Element, ...]:
    """A dark square, turned clockwise by `tilt` degrees: four slanted edges of contrast 4 : 1."""
    (v, u), half, deep = centre, side / 2, 0.21 * side
    along = 0.32 * side
    boxes = {
        "left": (v - along, u - half - deep, v + along, u - half + deep),
        "right": (v - along, u + half - deep, v + along, u + half + deep),
        "top": (v - half - deep, u - along, v - half + deep, u + along),
        "bottom": (v + half - deep, u - along, v + half + deep, u + along),
    }
    facts = {"low": 0.15, "high": 0.60, "tilt": tilt, "square": (v, u, half)}
    return tuple(Element("edge", f"{name}, {s}", box, {**facts, "side": s}) for s, box in boxes.items())


def _star(centre: tuple[float, float], radius: float) -> Element:
    v, u = centre
    facts = {"cycles": 144, "low": 0.18, "high": 0.72, "centre": centre, "radius": radius}
    return Element("star", "star", (v - radius, u - radius, v + radius, u + radius), facts)


def _leaves(box: Box, *, r_max: float, colour: bool = False) -> Element:
    facts = {"seed": 1, "r_min": 0.0004, "r_max": r_max, "low": 0.35, "high": 0.65, "colour": colour}
    return Element("leaves", "leaves", box, facts)


def _flat(name: str, box: Box, level: float) -> Element:
    return Element("flat", name, box, {"level": level})


def _grid(box: Box, rows: int, columns: int, fill: float) -> tuple[Box, ...]:
    """Boxes of patches row by row; each fills the share `fill` of its cell."""
    top, left, bottom, right = box
    h, w, gap = (bottom - top) / rows, (right - left) / columns, (1 - fill) / 2
    return tuple(
        (top + (j + gap) * h, left + (i + gap) * w, top + (j + 1 - gap) * h, left + (i + 1 - gap) * w)
        for j in range(rows)
        for i in range(columns)
    )


def _ring(count: int, radius: float, side: float) -> tuple[Box, ...]:
    """Boxes around the centre of the chart, clockwise from the top: all equally far from the lens's axis."""
    angle = 2 * np.pi * (np.arange(count) + 0.5) / count
    v, u = np.round(0.5 - radius * np.cos(angle), 6), np.round(ASPECT / 2 + radius * np.sin(angle), 6)
    half = side / 2
    return tuple(
        (a - half, b - half, a + half, b + half) for a, b in zip(v.tolist(), u.tolist(), strict=True)
    )


def _around(name: str, kind: Kind, boxes: tuple[Box, ...], luminance: Iterable[float]) -> Element:
    edges = np.array(boxes)
    outer = (*edges[:, :2].min(axis=0).tolist(), *edges[:, 2:].max(axis=0).tolist())
    box: Box = (outer[0], outer[1], outer[2], outer[3])
    return Element(kind, name, box, {"luminance": tuple(luminance), "boxes": boxes})


def _densities(count: int, span: float) -> tuple[float, ...]:
    """Reflectances from .9 down, evenly in density."""
    return tuple(round(0.9 * 10 ** (-span * k / (count - 1)), 6) for k in range(count))


def _colours(box: Box, named: Mapping[str, tuple[float, float, float]], columns: int, fill: float) -> Element:
    boxes = _grid(box, len(named) // columns, columns, fill)
    facts = {"reference": tuple(named.values()), "boxes": boxes, "names": tuple(named), "columns": columns}
    return Element("colours", "colours", box, facts)


def _border(*inside: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Marks along the border, seven or so a side, and those `inside`."""
    across = [(v, ASPECT * k / 8) for v in (INSET, 1 - INSET) for k in range(1, 8) if v > 0.5 or k != 4]
    down = [(k / 6, u) for u in (INSET, ASPECT - INSET) for k in range(1, 6)]
    return tuple((round(v, 6), round(u, 6)) for v, u in (*across, *down, *inside))


def _edges() -> Chart:
    rows, columns = (0.19, 0.5, 0.81), (0.1867, 0.4267, 0.6667, 0.9067, 1.1467)
    names = [
        f"{a} {b}"
        for a in ("top", "middle", "bottom")
        for b in ("far left", "left", "centre", "right", "far right")
    ]
    centres = [(v, u) for v in rows for u in columns]
    squares = [e for n, c in zip(names, centres, strict=True) for e in _square(n, c, 0.15, 5.0)]
    between = [(v, u + 0.12) for v in (0.345, 0.655) for u in columns[:4]]
    words = "sharpness over the field: 60 slanted edges of contrast 4 : 1"
    return Chart("edges", words, ASPECT, tuple(squares), 1, 0.60, _border(*between))


def _stars() -> Chart:
    boxes = tuple(_grid((0.12, u, 0.88, u + 0.09), 8, 1, 0.92) for u in (0.1, ASPECT - 0.19))
    greys = _around(
        "star greys", "steps", boxes[0] + boxes[1], np.round(np.linspace(0.72, 0.18, 16), 6).tolist()
    )
    words = (
        "sharpness in all directions: a sinusoidal Siemens star of 144 cycles, and greys to make it linear"
    )
    return Chart("star", words, ASPECT, (_star((0.5, ASPECT / 2), 0.38), greys), 2, GROUND, _border())


def _texture(name: str, code: int, colour: bool) -> Chart:
    leaves = _leaves((0.1, 0.1, 0.9, 0.94), r_max=0.08, colour=colour)
    flats = (
        _flat("light grey", (0.12, 1.0, 0.34, 1.22), 0.65),
        _flat("mean grey", (0.38, 1.0, 0.62, 1.22), 0.5),
        _flat("dark grey", (0.66, 1.0, 0.88, 1.22), 0.35),
    )
    words = (
        "texture: dead leaves in "
        + ("colour" if colour else "grey")
        + ", and even greys to see the noise alone"
    )
    return Chart(name, words, ASPECT, (leaves, *flats), code, GROUND, _border())


def _steps() -> Chart:
    steps = _around("steps", "steps", _ring(20, 0.345, 0.08), _densities(20, 2.0))
    greys = (_flat("surround", (0.41, ASPECT / 2 - 0.09, 0.59, ASPECT / 2 + 0.09), 0.18),)
    words = "tone, noise and dynamic range: 20 greys from 90 % to 0.9 %"
    return Chart("steps", words, ASPECT, (steps, *greys), 5, 0.18, _border())


def _ladder() -> Chart:
    light = [round(10.0 ** (3 - 0.3 * k), 6) for k in range(21)]
    ladder = _around("ladder", "ladder", _ring(21, 0.345, 0.074), light)
    words = "high dynamic range: 21 lights from 1000 × white to 1/1000, 120 dB (transmissive)"
    return Chart("ladder", words, ASPECT, (ladder,), 6, 0.0002, _border())


def _dots() -> Chart:
    centres = [
        (round(0.108 + 0.068 * j, 6), round(ASPECT / 2 + 0.068 * (i - 8), 6))  # clear of the strip above
        for j in range(13)
        for i in range(17)
    ]
    facts = {"rows": 13, "columns": 17, "centres": tuple(centres), "radius": 0.011}
    words = "geometry: a grid of dots for distortion and lateral colour"
    box = (0.108, ASPECT / 2 - 0.544, 0.924, ASPECT / 2 + 0.544)
    return Chart("dots", words, ASPECT, (Element("dots", "dots", box, facts),), 9, PAPER)


def _flare() -> Chart:
    def around(v: float, u: float, half: float) -> Box:
        return round(v - half, 6), round(u - half, 6), round(v + half, 6), round(u + half, 6)

    at = [(v, u) for v in (0.22, 0.5, 0.78) for u in (0.24, ASPECT / 2, ASPECT - 0.24)]
    beside = [(v, u + (0.12 if u < 1 else -0.12)) for v, u in at]
    facts = {
        "traps": tuple(around(*p, 0.035) for p in at),
        "whites": tuple(around(*p, 0.035) for p in beside),
    }
    words = "flare: nine black traps in an even white"
    flare = Element(
        "flare", "flare", (0.15, 0.17, 0.85, ASPECT - 0.17), {**facts, "dark": 0.0005, "level": PAPER}
    )
    return Chart("flare", words, ASPECT, (flare,), 10, PAPER, _border())


def _lab() -> Chart:
    middle = ASPECT / 2
    places = {
        "top left": (0.175, 0.185),
        "top right": (0.175, ASPECT - 0.185),
        "bottom left": (0.825, 0.185),
        "bottom right": (0.825, ASPECT - 0.185),
        "centre": (0.505, middle),
    }
    squares = [e for name, at in places.items() for e in _square(name, at, 0.13, 5.0)]
    steps = _around(
        "steps", "steps", _grid((0.75, 0.345, 0.90, ASPECT - 0.345), 2, 10, 0.94), _densities(20, 2.0)
    )
    others = (
        _star((0.52, 0.26), 0.175),
        _leaves((0.335, ASPECT - 0.44, 0.695, ASPECT - 0.08), r_max=0.05),
        _flat("mean grey", (0.635, middle - 0.1, 0.72, middle + 0.1), 0.5),
        _flat("mean grey, left", (0.44, middle - 0.2, 0.57, middle - 0.11), 0.5),
        _flat("mean grey, right", (0.44, middle + 0.11, 0.57, middle + 0.2), 0.5),
        steps,
        _colours((0.095, 0.46, 0.345, ASPECT - 0.46), CLASSIC, 6, 0.86),
    )
    words = "everything for the score in one picture: sharpness, texture, noise, tone and colour"
    marks = _border((0.305, 0.185), (0.713, 0.185), (0.305, ASPECT - 0.185), (0.713, ASPECT - 0.185))
    return Chart("lab", words, ASPECT, (*squares, *others), 12, GROUND, marks)


def _made() -> dict[str, Chart]:
    field: Box = (0.0, 0.0, 1.0, ASPECT)
    classic = _colours((0.12, 0.0967, 0.88, ASPECT - 0.0967), CLASSIC, 6, 0.88)
    wide = _colours((0.105, 0.1067, 0.895, ASPECT - 0.1067), many(), 14, 0.9)
    charts = (
        _lab(),
        _edges(),
        _stars(),
        _texture("leaves", 3, colour=False),
        _texture("leaves-colour", 4, colour=True),
        _steps(),
        _ladder(),
        Chart("colours", "colour: the 24 patches of the common chart", ASPECT, (classic,), 7, 0.1, _border()),
        Chart(
            "colours140",
            "colour: 140 patches, 18 skins and 14 greys among them",
            ASPECT,
            (wide,),
            8,
            0.1,
            _border(),
        ),
        _dots(),
        _flare(),
        Chart("flat", "shading and noise: an even field", ASPECT, (_flat("flat", field, 0.5),), 0, 0.5),
    )
    return {c.name: c for c in charts}


CHARTS: Mapping[str, Chart] = _made()
