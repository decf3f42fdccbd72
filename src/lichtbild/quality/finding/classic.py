# SPDX-License-Identifier: Apache-2.0
"""The common chart of 24 colours in a picture, without markers.

Lattices of even patches are looked for; every window of four by six places in one, in every orientation, is
compared with the colours of the chart: an affine map from square roots of the measured light to those of the
reference explains more than `LIKE` of their variance only where they belong together.  Then the sides of the
patches are measured in the picture itself: the centroid of the change of light across each side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32
from lichtbild.quality.chart import Box, Chart, Element, Float64
from lichtbild.quality.colours.patches import CLASSIC, lab_to_linear
from lichtbild.quality.finding.lattice import THRESHOLDS, Lattice, lattices, patches
from lichtbild.quality.finding.mapping import Bent, unbent
from lichtbild.quality.finding.regions import Small, sampled

ROWS, COLUMNS = 4, 6
LIKE = 0.85  # share of the variance of the colours that must be explained
HIDDEN = 0.008  # what every patch that is not seen takes off
LEAST = 10  # patches that must be seen
FILL = 0.8  # share of its cell that a patch takes, before it is measured
PLACES = np.array([((r + 0.5) / ROWS, (c + 0.5) / ROWS) for r in range(ROWS) for c in range(COLUMNS)])


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The 24 patches in a picture: the map from the chart (4 × 6 cells of ¼), how well the colours agree,
    whether it is mirrored, the share of a cell that a patch takes, and how far off its sides lie (pixels).
    """

    bent: Bent
    like: float
    mirrored: bool
    fill: float = FILL
    doubt: float = 1.0
    seen: int = 0


def chart_of(match: Match) -> Chart:
    """The chart with patches as large as they are in the picture."""
    half = match.fill / ROWS / 2
    boxes: list[Box] = [(v - half, u - half, v + half, u + half) for v, u in PLACES.tolist()]
    facts = {
        "reference": tuple(CLASSIC.values()),
        "boxes": tuple(boxes),
        "names": tuple(CLASSIC),
        "columns": COLUMNS,
    }
    element = Element("colours", "colours", (0.0, 0.0, 1.0, COLUMNS / ROWS), facts)
    return Chart("classic", "the common chart of 24 colours", COLUMNS / ROWS, (element,), 0)


def classic(rgb: Float32, copy: Small) -> Match | None:
    """The chart of 24 patches in a picture ``"h w 3"`` with its small copy; None where there is none."""
    best: Match | None = None
    for threshold in THRESHOLDS:
        found = patches(copy, threshold)
        for lattice in lattices(found, least=LEAST)[:4]:
            match = _matched(copy, found.centre, lattice)
            if match and (best is None or (match.seen, match.like) > (best.seen, best.like)):
                best = match
        if best and best.seen >= 20:
            break
    return None if best is None else _refined(rgb, copy, best)


def _matched(copy: Small, centre: Float64, lattice: Lattice) -> Match | None:
    """The window and orientation of a lattice whose colours are the chart's."""
    best: Match | None = None
    for cells, members in _windows(lattice):
        pixels = centre[members]
        blank = unbent((copy.light.shape[0], copy.light.shape[1]))
        bent, off = blank.through(cells, pixels, (0.0, 0.0)).fitted(cells, pixels, order=1)
        if np.sqrt((off**2).sum(axis=1)).max() > 0.12 * _cell(bent):
            continue
        measured = _colours(copy, bent)
        if np.isnan(measured).any():
            continue
        r, c = np.rint(cells.T * ROWS - 0.5).astype(int)
        for order in _orientations():
            names = np.argsort(order)[r * COLUMNS + c]
            like = _likeness(measured[r * COLUMNS + c], names) - HIDDEN * (ROWS * COLUMNS - len(names))
            if like > LIKE and (best is None or like > best.like):
                places = PLACES[names]
                turned, _ = blank.through(places, pixels, bent.k).simplest(places, pixels)
                best = Match(turned, like, _mirrored(turned), seen=len(members))
    return best


def _windows(lattice: Lattice) -> Iterator[tuple[Float64, list[int]]]:
    """Chart positions and patches of every 4×6 or 6×4 part of a lattice that holds enough of them."""
    keys = np.array(list(lattice))
    for transposed in (False, True):
        rows, columns = (keys[:, ::-1] if transposed else keys).T
        for r0 in range(rows.min() - 1, max(rows.max() - ROWS + 1, rows.min()) + 2):
            for c0 in range(columns.min() - 1, max(columns.max() - COLUMNS + 1, columns.min()) + 2):
                r, c = rows - r0, columns - c0
                inside = (r >= 0) & (r < ROWS) & (c >= 0) & (c < COLUMNS)
                if inside.sum() >= LEAST:
                    cells = np.stack([r[inside] + 0.5, c[inside] + 0.5], axis=1) / ROWS
                    chosen = [lattice[(int(a), int(b))] for a, b in keys[inside]]
                    yield cells, chosen


def _orientations() -> Iterator[NDArray[np.intp]]:
    """Orders of the 24 cells: as they are, upside down, and mirrored both ways."""
    order = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    for rows in (1, -1):
        for columns in (1, -1):
            yield order[::rows, ::columns].ravel()


def _mirrored(bent: Bent) -> bool:
    """Does the map turn clockwise into anticlockwise?"""
    (y0, x0), (y1, x1), (y2, x2) = bent.at([(0.5, 0.75), (0.6, 0.75), (0.5, 0.85)])
    return bool((y1 - y0) * (x2 - x0) - (x1 - x0) * (y2 - y0) < 0)


def _cell(bent: Bent) -> float:
    """Pixels from one patch to the next in the middle of the chart."""
    two = bent.at(np.array([[0.5, 0.75], [0.5, 1.0]]))
    return float(np.sqrt(((two[1] - two[0]) ** 2).sum()))


def _colours(copy: Small, bent: Bent) -> Float64:
    """Mean light of the middle of each patch, ``"24 3"``; NaN outside of the picture."""
    line = np.linspace(-0.25, 0.25, 5) / ROWS
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(1, -1, 2)
    at = bent.at(PLACES[:, None] + grid)
    return np.stack([sampled(copy.light[..., c], at).mean(axis=1) for c in range(3)], axis=1)


def _likeness(measured: Float64, names: NDArray[np.intp]) -> float:
    """Share of the variance of the reference colours `names` that an affine map of `measured` explains."""
    wanted = np.sqrt(np.maximum(lab_to_linear(tuple(CLASSIC.values())), 0))[names]
    known = np.column_stack([measured, np.ones(len(measured))])
    rest = wanted - known @ np.linalg.lstsq(known, wanted, rcond=None)[0]
    return float(1 - (rest**2).sum() / ((wanted - wanted.mean(axis=0)) ** 2).sum())


def _refined(rgb: Float32, copy: Small, match: Match) -> Match:
    """The same in the whole picture, by the sides of its patches."""
    blank = unbent((rgb.shape[0], rgb.shape[1]))
    pixels = copy.up(match.bent.at(PLACES))
    bent, off = blank.through(PLACES, pixels, match.bent.k).simplest(PLACES, pixels)
    fill, doubt, seen = match.fill, _cell(bent) * 0.03, match.seen
    for _ in range(3):
        sides = np.array([_sides(rgb, bent, place, fill) for place in PLACES])  # top, bottom, left, right
        size = np.stack([sides[:, 1] - sides[:, 0], sides[:, 3] - sides[:, 2]], axis=1) * ROWS
        whole = np.isfinite(size).all(axis=1)
        if whole.sum() < LEAST:
            break
        usual = np.median(size[whole], axis=0)
        whole &= (np.abs(size - usual) < 0.06).all(axis=1)
        if whole.sum() < LEAST:
            break
        fill = float(np.median(size[whole]))
        shift = np.stack([sides[:, :2].mean(axis=1), sides[:, 2:].mean(axis=1)], axis=1)
        pixels = bent.at(PLACES[whole] + shift[whole])
        bent, off = bent.simplest(PLACES[whole], pixels)
        doubt, seen = float(np.sqrt((off**2).mean())), int(whole.sum())
    return replace(match, bent=bent, fill=fill, doubt=doubt, seen=seen)


def _sides(rgb: Float32, bent: Bent, place: Float64, fill: float) -> Float64:
    """Offsets of the four sides of a patch from its centre, in chart heights; NaN where light is even."""
    half, reach = fill / ROWS / 2, min(0.14, 0.75 * (1 - fill)) / ROWS
    n = max(9, 4 * round(2 * reach * ROWS * _cell(bent) / 2) + 1)
    across = np.linspace(-0.5, 0.5, 9) * half
    along = np.linspace(-reach, reach, n)
    out = np.full(4, np.nan)
    for k, (axis, sign) in enumerate(((0, -1), (0, 1), (1, -1), (1, 1))):
        offset = np.zeros((n, 9, 2))
        offset[..., axis] = (sign * half + along)[:, None]
        offset[..., 1 - axis] = across
        at = bent.at(place + offset)
        profile = np.stack([sampled(rgb[..., c], at).mean(axis=1) for c in range(3)], axis=1)
        change = np.abs(np.diff(profile, axis=0)).sum(axis=1)
        if not np.isfinite(change).all() or change.max() <= 4 * np.median(change):
            continue
        top = int(np.argmax(change))
        low = top - int(np.argmax(np.append(change[top::-1] < 0.3 * change[top], True)))
        high = top + int(np.argmax(np.append(change[top:] < 0.3 * change[top], True)))
        share = change[max(low, 0) : high + 1]
        middle = (along[:-1] + along[1:])[max(low, 0) : high + 1] / 2
        out[k] = sign * half + float((share * middle).sum() / share.sum())
    return out
