# SPDX-License-Identifier: Apache-2.0
"""The laboratory's own charts in a picture: four markers, then the strip that says which chart it is.

What is darker than its surroundings falls into connected parts.  A marker is a part that has another one in
its middle, of 3/7 its width and 3/8 its area.  Four of them give a homography; the small marks along the
border then say how far the lens bends the picture, first by trying out, then by least squares.  Centres are
centroids of darkness relative to the paper around, sampled on a grid that follows the map: a blur does not
move them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32
from lichtbild.quality.chart import Chart, Float64
from lichtbild.quality.charts import (
    ASPECT,
    BITS,
    CELL,
    CHARTS,
    INSET,
    MARK,
    MODULE,
    RIM,
    chart_of_code,
    markers,
    strip,
)
from lichtbild.quality.finding.mapping import Bent, unbent
from lichtbild.quality.finding.regions import Small, local_mean, parts, sampled

Mask = NDArray[np.bool_]
SHARE, FLOOR = 0.12, 0.015  # how much darker than its surroundings a marker is
# how markers are looked for: size of the surroundings in picture heights, pixels over which a blur is undone
WAYS = ((0.035, 0), (0.08, 0), (0.018, 0), (0.018, 2), (0.018, 3))
APART = 5.0  # widths of a marker between two of them, at least
MOST = 8  # candidates for markers that are looked at
BENDS = np.linspace(-0.2, 0.2, 41)  # distortions tried
UNCHECKED = 0.5  # pixels, where only the markers were seen
GRID = 33  # samples across a marker or mark


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What is sampled around a marker or mark: `offset` on the chart, where there is `paper` for certain,
    which samples are `counted`, the `terms` of a plane and what gives that of the paper.
    """

    offset: Float64
    paper: Mask
    counted: Mask
    terms: Float64
    plane_of_paper: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A chart of ours in a picture: where, how far off the marks lie (pixels, standard deviation per axis),
    how many were seen, and whether it is mirrored.
    """

    chart: Chart
    bent: Bent
    doubt: float
    seen: int
    mirrored: bool


def candidates(copy: Small) -> Iterator[Float64]:
    """What looks like a marker, in several ways of looking: width and position (y, x) in the picture,
    ``"n 3"``, the largest first.
    """
    plain = copy.grey
    for window, crisp in WAYS:
        grey = np.asarray(plain + crisp * (plain - local_mean(plain, crisp)), np.float32) if crisp else plain
        mean = local_mean(grey, max(3, round(window * min(grey.shape))))
        found = parts(mean - grey > SHARE * mean + FLOOR)
        places = _nested(found.area, found.centre, found.box)
        yield np.column_stack([places[:, 0] * copy.step, copy.up(places[:, 1:])])


def _nested(area: Float64, centre: Float64, box: Float64) -> Float64:
    """Width and centre of parts that sit in the middle of another, as a marker's core does in its ring."""
    size = box[:, 2:] - box[:, :2]
    square = size.max(axis=1) < 2 * size.min(axis=1)
    fit = np.flatnonzero(square & (area >= 4))
    fit = fit[np.argsort(-area[fit], kind="stable")][:4000]
    side = np.sqrt(size.prod(axis=1))
    at, found = centre[fit], []
    for ring in fit[side[fit] >= 9]:
        near = np.abs(at - centre[ring]).max(axis=1) < 0.1 * side[ring]
        for core in fit[near]:
            ratio, share = side[core] / side[ring], area[core] / area[ring]
            solid = area[ring] / size[ring].prod() < 0.75
            if 0.28 < ratio < 0.6 and 0.18 < share < 0.65 and solid:
                found.append((side[ring], *centre[core]))
                break
    return np.array(sorted(found, reverse=True)[:MOST]).reshape(-1, 3)


def sighting(plane: Float32, places: Float64) -> Sighting | None:
    """The chart whose markers are among `places` (as `candidates` gives them); `plane` is the luminance of
    the whole picture.
    """
    for chosen in combinations(range(len(places)), 4):
        four = places[list(chosen)]
        for pixels, mirrored in _orders(four):
            read = _read(plane, pixels)
            if read is not None:
                return _refined(plane, *read, mirrored)
    return None


def _orders(four: Float64) -> Iterator[tuple[Float64, bool]]:
    """Ways to name four markers: clockwise from any of them if their figure is convex, then mirrored.

    None if their widths (the first column) differ too much, or two are too near to each other.
    """
    width, four = four[:, 0], four[:, 1:]
    out = four - four.mean(axis=0)
    four = four[np.argsort(np.arctan2(out[:, 0], out[:, 1]))]
    sides = np.roll(four, -1, axis=0) - four
    following = np.roll(sides, -1, axis=0)
    if width.max() > 3 * width.min():
        return
    turns = sides[:, 1] * following[:, 0] - sides[:, 0] * following[:, 1]
    if turns.min() <= 0.05 * turns.max() or np.sqrt((sides**2).sum(axis=1)).min() < APART * width.max():
        return
    for mirrored in (False, True):
        for k in range(4):
            turned = np.roll(four, -k, axis=0)
            yield (turned[[0, 3, 2, 1]] if mirrored else turned), mirrored


def _read(plane: Float32, pixels: Float64) -> tuple[Chart, Bent] | None:
    """The chart and its map, if the strip can be read with the markers in this order."""
    places, blank = markers(ASPECT), unbent((plane.shape[0], plane.shape[1]))
    bends = [blank.through(places, pixels, (float(k), 0.0)) for k in BENDS]
    marks = np.array(CHARTS["star"].marks)
    score = np.array([_contrast(plane, b, marks) for b in bends])
    order = (
        np.argsort(-score, kind="stable")[:3]
        if score.max() > 0.4
        else np.argsort(np.abs(BENDS), kind="stable")
    )
    for k in order:
        code = _code(plane, bends[k])
        chart = None if code is None else chart_of_code(code)
        if chart is not None:
            return chart, bends[k]
    return None


def _contrast(plane: Float32, bent: Bent, marks: Float64) -> float:
    """How dark the marks are against the paper around them: 0 … 1."""
    angle = np.arange(8) * (np.pi / 4)
    ring = np.stack([np.sin(angle), np.cos(angle)], axis=1) * ((MARK + RIM) / 2)
    inner = sampled(plane, bent.at(marks[:, None] + ring[::2] * (0.5 * MARK / RIM))).mean(axis=1)
    outer = sampled(plane, bent.at(marks[:, None] + ring)).mean(axis=1)
    share = np.clip((outer - inner) / np.maximum(outer, 1e-9), 0, 1)
    return float(np.nan_to_num(share).mean())


def _code(plane: Float32, bent: Bent) -> int | None:
    """What the strip spells, looked for a little above and below its place."""
    down = np.linspace(-0.018, 0.018, 13)[:, None, None, None]
    along = np.linspace(-0.004, 0.004, 3)[None, :, None, None]
    across = ASPECT / 2 + (np.arange(-1, BITS + 1) + 0.5 - BITS / 2) * CELL
    points = np.linspace(-0.25, 0.25, 3) * CELL
    v = np.broadcast_to(INSET + down + points, (13, 3, BITS + 2, 3))
    u = np.broadcast_to(across[:, None] + along, (13, 3, BITS + 2, 3))
    seen = sampled(plane, bent.at(np.stack([v, u], axis=-1))).mean(axis=-1)
    paper = np.linspace(seen[..., 0], seen[..., -1], BITS + 2, axis=-1)[..., 1:-1]
    share = (seen[..., 1:-1] / np.maximum(paper, 1e-9)).reshape(-1, BITS)
    best: tuple[float, int] | None = None
    for bits in share[np.isfinite(share).all(axis=1)]:
        dark = bits < 0.55
        if not dark.any() or dark.all():
            continue
        gap = float(bits[~dark].min() - bits[dark].max())
        code = int("".join("1" if b else "0" for b in dark[3:11]), 2)
        if gap > 0.25 and strip(code) == tuple(dark.astype(int)) and (best is None or gap > best[0]):
            best = gap, code
    return best[1] if best else None


def _refined(plane: Float32, chart: Chart, bent: Bent, mirrored: bool) -> Sighting:
    """The map that fits the centroids of the markers and of all marks or dots."""
    corners = markers(chart.aspect)
    dots = chart.of("dots")
    marks = np.array(dots[0].settings["centres"] if dots else chart.marks)
    radius, rim = (dots[0].settings["radius"], 0.022) if dots else (MARK, RIM)
    marker, mark = _marker(), _mark(radius, rim)
    off: Float64 = np.zeros((0, 2))
    for _ in range(2 if dots else 3):
        seen = [(p, _centroid(plane, bent, p, marker)) for p in corners]
        seen += [(p, _centroid(plane, bent, p, mark)) for p in marks]
        good = [(p, q) for p, q in seen if q is not None]
        if len(good) < 4:
            break
        places, pixels = (np.array(part) for part in zip(*good, strict=True))
        bent, off = bent.simplest(places, pixels)
        far = np.sqrt((off**2).sum(axis=1))
        keep = far <= max(4 * float(np.median(far)), 0.05)
        if keep.sum() >= 8 and not keep.all():
            bent, off = bent.simplest(places[keep], pixels[keep])
    doubt = float(np.sqrt((off**2).mean())) if len(off) > 5 else UNCHECKED
    return Sighting(chart, bent, doubt, len(off), mirrored)


def _marker() -> Template:
    """A marker: paper is certain in its light ring and well outside of the dark one."""
    offset = _offsets(4.3 * MODULE)
    d = np.abs(offset).max(axis=-1) / MODULE
    return _template(offset, ((d > 1.75) & (d < 2.25)) | (d > 3.8), np.ones(d.shape, bool))


def _mark(radius: float, rim: float) -> Template:
    """A dot with paper around it."""
    offset = _offsets(0.92 * rim)
    d = np.sqrt((offset**2).sum(axis=-1))
    return _template(offset, (d > radius + 0.35 * (rim - radius)) & (d < 0.92 * rim), d < 0.92 * rim)


def _offsets(half: float) -> Float64:
    line = np.linspace(-half, half, GRID)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)


def _template(offset: Float64, paper: Mask, counted: Mask) -> Template:
    terms = np.stack([np.ones(offset.shape[:2]), offset[..., 0], offset[..., 1]], axis=-1)
    return Template(offset, paper, counted, terms, np.asarray(np.linalg.pinv(terms[paper]), np.float64))


def _centroid(plane: Float32, bent: Bent, place: Float64, template: Template) -> Float64 | None:
    """Pixel of the centroid of darkness around a chart position; None where there is none to be seen."""
    offset, counted, half = template.offset, template.counted, float(template.offset.max())
    shift, step = np.zeros(2), np.full(2, np.inf)
    for _ in range(6):
        seen = sampled(plane, bent.at(place + shift + offset))
        if not np.isfinite(seen[counted]).all():
            return None
        level = template.terms @ (template.plane_of_paper @ seen[template.paper])
        dark = np.where(counted, 1 - seen / np.maximum(level, 1e-9), 0.0)
        total = dark.sum()
        if not total > 0.04 * counted.sum():
            return None
        step = (dark[..., None] * offset).sum(axis=(0, 1)) / total
        shift = shift + step
        if np.abs(shift).max() > half:
            return None
        if np.abs(step).max() < 0.002 * half:
            break
    return bent.at(place + shift) if np.abs(step).max() < 0.1 * half else None
