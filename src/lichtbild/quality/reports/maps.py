# SPDX-License-Identifier: Apache-2.0
"""Drawings over the picture field and over the colour plane: fall-off maps, places, colour errors, swatches.

Maps are smooth (a tiny PNG that the browser enlarges) under contour lines found by marching squares; a
contour is one straight stroke across each cell in which two or four sides are crossed.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lichtbild.base.colour import D50_XYZ, SRGB, adaptation, oklab_to_xyz, srgb_encode, xy_to_xyz
from lichtbild.quality.reports.plots import WIDTH, Axis, escaped, frame, short, spoken, svg, ticks
from lichtbild.quality.result import Grid, Swatch

Float64 = NDArray[np.float64]
RAMP = np.array(  # Oklab: deep blue, teal, sand
    [[0.30, 0.00, -0.10], [0.48, -0.05, -0.08], [0.66, -0.08, 0.00], [0.82, -0.05, 0.08], [0.95, 0.00, 0.07]]
)
NEIGHBOURS = 0.13  # of the diagonal: closer values are shown as one
FINE = 8  # points of the drawn map for each of the grid
Point = tuple[float, float]


def data_uri(payload: bytes, kind: str) -> str:
    """`payload` inside the page itself."""
    return f"data:image/{kind};base64,{base64.b64encode(payload).decode()}"


def code(lab: Sequence[float]) -> str:
    """A colour of CIELAB (D50) for the page, clipped to sRGB: ``#c86428``."""
    l, a, b = lab
    if not all(map(math.isfinite, (l, a, b))):
        return "transparent"
    fy = (l + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50_XYZ
    linear = SRGB.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(SRGB.white)) @ xyz
    return "#" + "".join(f"{round(255 * v):02x}" for v in np.clip(srgb_encode(linear), 0, 1))


def ramp(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours of 0 … 1, from deep blue to sand, ``"… 3"``."""
    stops = np.linspace(0, 1, len(RAMP))
    lab = np.stack([np.interp(share, stops, RAMP[:, i]) for i in range(3)], axis=-1)
    rgb = srgb_encode(oklab_to_xyz(lab) @ SRGB.from_xyz().T)
    return np.round(255 * np.clip(rgb, 0, 1)).astype(np.uint8)


def png(rgb: NDArray[np.uint8]) -> bytes:
    """A PNG of ``"h w 3"`` or, with opacity, ``"h w 4"``."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", optimize=True)
    return out.getvalue()


def enlarged(values: Float64, times: int) -> Float64:
    """A grid with `times` as many steps between its points, bilinear; the corners stay corners."""
    rows = np.linspace(0, values.shape[0] - 1, (values.shape[0] - 1) * times + 1)
    columns = np.linspace(0, values.shape[1] - 1, (values.shape[1] - 1) * times + 1)
    down = np.stack([np.interp(rows, np.arange(len(v)), v) for v in values.T], axis=1)
    return np.stack([np.interp(columns, np.arange(len(v)), v) for v in down], axis=0)


def _filled(values: Float64) -> Float64:
    """Holes filled from their neighbours, so that nothing bleeds from them when the grid is enlarged."""
    values = values.copy()
    while not np.isfinite(values).all():
        around = np.pad(values, 1, constant_values=np.nan)
        sides = np.stack([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
        known = np.isfinite(sides)
        mean = np.where(known, sides, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        values = np.where(~np.isfinite(values) & known.any(axis=0), mean, values)
    return values


def contour(values: Float64, level: float) -> list[tuple[Point, Point]]:
    """Strokes ((y, x), (y, x)) along which the grid has the value `level`, in steps of the grid."""
    strokes = []
    for j in range(values.shape[0] - 1):
        for i in range(values.shape[1] - 1):
            corners = ((j, i), (j, i + 1), (j + 1, i + 1), (j + 1, i))
            crossed = []
            for (ya, xa), (yb, xb) in zip(corners, (*corners[1:], corners[0]), strict=True):
                a, b = values[ya, xa] - level, values[yb, xb] - level
                if (a < 0) != (b < 0) and math.isfinite(a) and math.isfinite(b):
                    t = a / (a - b)
                    crossed.append((ya + t * (yb - ya), xa + t * (xb - xa)))
            strokes += list(zip(crossed[::2], crossed[1::2], strict=False))
    return strokes


def heat_map(grid: Grid, title: str, aspect: float = 4 / 3) -> str:
    """A map over the field with contour lines and their numbers, and its ends below.

    Parameters
    ----------
    grid : Grid
        At least 2 × 2 values.
    title : str
        What it shows.
    aspect : float
        Width over height of the picture.
    """
    values = np.asarray(grid.values, np.float64)
    if not np.isfinite(values).any():
        return svg([], f"{title}: nothing could be measured", (20, WIDTH))
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    w = WIDTH if aspect >= 1 else WIDTH * aspect
    h, left = w / aspect, (WIDTH - w) / 2
    known = np.isfinite(values)
    fine = enlarged(_filled(values), FINE)
    seen = 255 * (enlarged(known.astype(np.float64), FINE) > 0.5)  # what was not measured stays empty
    shown = np.dstack([ramp((fine - low) / ((high - low) or 1)), seen.astype(np.uint8)])
    picture = data_uri(png(shown), "png")
    down, right = h / (values.shape[0] - 1), w / (values.shape[1] - 1)
    parts = [
        f'<image href="{picture}" x="{left:g}" y="0" width="{w:g}" height="{h:g}" '
        'preserveAspectRatio="none"/>'
    ]
    labels: list[str] = []
    taken: list[Point] = []
    for level in [v for v in ticks(low, high, 6) if low < v < high]:
        strokes = contour(values, level)
        drawn = "".join(
            f"M{left + xa * right:.1f} {ya * down:.1f}L{left + xb * right:.1f} {yb * down:.1f}"
            for (ya, xa), (yb, xb) in strokes
        )
        parts.append(f'<path class="contour" d="{drawn}"/>')
        place = _free(strokes, taken, (down, right), (h, w))
        if place:
            taken.append(place)
            labels.append(
                f'<text class="onmap" x="{left + place[1]:.1f}" y="{place[0] + 3.5:.1f}" '
                f'text-anchor="middle">{short(level)}</text>'
            )
    parts += labels
    unit = f" {grid.unit}" if grid.unit else ""
    ends = f"{spoken(low)} … {spoken(high)}{unit}"
    parts.append(f'<text x="{WIDTH / 2:g}" y="{h + 15:.1f}" text-anchor="middle">{escaped(ends)}</text>')
    return svg(parts, f"{title}: {ends}", (round(h + 20, 1), WIDTH), "plot map")


def _free(
    strokes: Sequence[tuple[Point, Point]], taken: Sequence[Point], steps: Point, size: Point
) -> Point | None:
    """A place for a number on a contour, inside the map and away from other numbers."""
    down, right = steps
    best, room = None, 24.0
    for (ya, xa), (yb, xb) in strokes:
        y, x = (ya + yb) / 2 * down, (xa + xb) / 2 * right
        if not (10 < y < size[0] - 10 and 16 < x < size[1] - 16):
            continue
        gap = min([math.hypot(y - a, x - b) for a, b in taken], default=1e3)
        if gap > room:
            best, room = (y, x), gap
    return best


def _clusters(values: Sequence[tuple[Point, float]], reach: float) -> list[tuple[Point, float]]:
    """The same with everything that lies within `reach` of a first one as one: its middle and mean."""
    left = [(at, v) for at, v in values if math.isfinite(v)]
    groups = []
    while left:
        (y, x), _ = left[0]
        near = [(a, v) for a, v in left if math.hypot(a[0] - y, a[1] - x) <= reach]
        left = [item for item in left if item not in near]
        middle = (sum(a[0] for a, _ in near) / len(near), sum(a[1] for a, _ in near) / len(near))
        groups.append((middle, sum(v for _, v in near) / len(near)))
    return groups


def places(values: Sequence[tuple[Point, float]], size: tuple[int, int], title: str) -> str:
    """Numbers where in the picture they were measured, pairs of (y, x) in pixels and value; neighbours as
    their mean.
    """
    tall, wide = size
    values = _clusters(values, NEIGHBOURS * math.hypot(tall, wide))
    h = min(WIDTH * tall / wide, WIDTH * 1.3)
    w = h * wide / tall
    left, top = (WIDTH - w) / 2, 1.0
    every = [v for _, v in values if math.isfinite(v)]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    parts = [
        f'<rect class="field" x="{left + 1:g}" y="{top:g}" width="{w - 2:g}" height="{h - 2:g}" rx="3"/>'
    ]
    for (y, x), value in sorted(values, key=lambda pair: pair[0]):
        share = (value - low) / (high - low) if high > low and math.isfinite(value) else 0.5
        fill = "#" + "".join(f"{c:02x}" for c in ramp(np.array(0.25 + 0.75 * share)))
        ink = "#fff" if share < 0.42 else "#111"
        cx = min(max(left + x / wide * w, left + 27), left + w - 27)
        cy = min(max(top + y / tall * h, top + 12), top + h - 14)
        parts.append(
            f'<rect x="{cx - 23:.1f}" y="{cy - 9:.1f}" width="46" height="18" rx="9" fill="{fill}"/>'
            f'<text class="pill" x="{cx:.1f}" y="{cy + 3.8:.1f}" text-anchor="middle" style="fill:{ink}">'
            f"{spoken(value, 3)}</text>"
        )
    return svg(parts, title, (round(h + 2, 1), WIDTH), "plot map")


def colour_plane(swatches: Sequence[Swatch], title: str) -> str:
    """a* and b* of every patch: a ring where it should be, a stroke to the dot where it is."""
    points = np.array([[s.reference[1:], s.measured[1:]] for s in swatches], np.float64)
    far = math.ceil(max(20.0, float(np.nanmax(np.abs(points)))) / 10) * 10 + 5
    side = WIDTH - 14
    x, y = Axis(-far, far, 46, side + 4), Axis(-far, far, side - 34, 8)
    parts = frame(x, y, "a*", "b*")
    for axis_line in (((-far, 0), (far, 0)), ((0, -far), (0, far))):
        (xa, ya), (xb, yb) = ((float(x.at(u)), float(y.at(v))) for u, v in axis_line)
        parts.append(f'<line class="base" x1="{xa:.1f}" y1="{ya:.1f}" x2="{xb:.1f}" y2="{yb:.1f}"/>')
    for s in swatches:
        if not np.isfinite([*s.reference, *s.measured]).all():
            continue
        xa, ya = float(x.at(s.reference[1])), float(y.at(s.reference[2]))
        xb, yb = float(x.at(s.measured[1])), float(y.at(s.measured[2]))
        parts.append(
            f'<g class="error"><title>{escaped(s.name)}: ΔE00 {spoken(s.delta_e, 2)}</title>'
            f'<line x1="{xa:.1f}" y1="{ya:.1f}" x2="{xb:.1f}" y2="{yb:.1f}"/>'
            f'<circle class="ring" cx="{xa:.1f}" cy="{ya:.1f}" r="5"/>'
            f'<circle cx="{xb:.1f}" cy="{yb:.1f}" r="3.6" fill="{code(s.measured)}"/></g>'
        )
    return svg(parts, title, (WIDTH - 14, WIDTH))


def found_in(
    view_size: tuple[int, int], small: bytes, outlines: Sequence[tuple[str, str, Sequence[Point]]]
) -> str:
    """A picture with what was measured in it outlined: `outlines` are (name, kind, corners)."""
    tall, wide = view_size
    w = 720.0
    h = w * tall / wide
    parts = []
    if small:
        parts.append(f'<image href="{data_uri(small, "jpeg")}" width="{w:g}" height="{h:g}"/>')
    else:
        parts.append(f'<rect class="field" x="1" y="1" width="{w - 2:g}" height="{h - 2:g}"/>')
    for name, kind, quad in outlines:
        corners = " ".join(f"{(x + 0.5) / wide * w:.1f},{(y + 0.5) / tall * h:.1f}" for y, x in quad)
        parts.append(
            f'<g class="outline"><title>{escaped(name)} ({escaped(kind)})</title>'
            f'<polygon class="halo" points="{corners}"/><polygon points="{corners}"/></g>'
        )
    return svg(parts, "What was found in the picture and measured", (round(h, 1), w), "plot view")
