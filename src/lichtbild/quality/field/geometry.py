# SPDX-License-Identifier: Apache-2.0
"""Geometry: how far a lens bends straight lines and parts the colours, from a grid of dots.

``h`` is where a dot would be without distortion, as a distance from the middle of the picture, ``h'`` where
it is: how the chart was held is taken out first, by a homography fitted together with the distortion (see
`dots`), whose scale is that of the picture's middle. ::

    local distortion      GD = (h' − h) / h · 100 %
    line distortion       largest bow of a row (column) of dots / picture height · 100 %
    TV distortion         (A − B) / B · 100 %,  A mean height of the outer columns of dots, B of the middle
    lateral colour        CD = |c_R − c_G| of a dot's centroids, RCD its part away from the middle

Lateral colour is given in pixels and in % of the distance from centre to corner: below 0.04 % nobody sees it,
above 0.15 % it is serious.

References
----------
[1] ISO 17850:2015, Geometric distortion (GD) measurements.
[2] ISO 19084:2015, Chromatic displacement measurements.
[3] SMIA 1.0 Part 5: Camera Characterisation Specification, TV distortion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.quality.field.dots import FEWEST, Lens, centroids, lens_of, pitch
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Grid, Result, unmeasured

_COVERED = 0.75  # of the way to the corner that dots should reach
_ROUGH = 0.5  # px of residual


def dots(picture: Picture, expected: ArrayLike, grid: tuple[int, int], *, where: str = "") -> Result:
    """Measure distortion and lateral colour at a regular grid of dots.

    Parameters
    ----------
    picture : Picture
        Linear light.
    expected : array_like "n 2"
        y and x of the dots in px, row by row, to a quarter of their distance; n = rows · columns.
    grid : tuple of int
        Rows and columns.
    where : str
        What to call the place.

    Returns
    -------
    Result
        Figures in % and px; curves over the field height (1 is the corner); maps of the distortion and of
        lateral colour.

    Raises
    ------
    InputError
        Too few dots are to be seen, or they do not lie on that grid.
    """
    places = np.asarray(expected, np.float64)
    rows, columns = grid
    if min(grid) < 3 or places.shape != (rows * columns, 2):
        raise InputError(
            f"{places.shape} places of dots do not make {rows} rows of {columns}; at least 3 × 3 are needed"
        )
    where = where or "dots"
    apart = pitch(places, grid)
    green = centroids(picture.channel("G"), places, apart)
    seen = np.isfinite(green[:, 0])
    if seen.sum() < FEWEST:
        raise InputError(
            f"only {seen.sum()} of {rows * columns} dots are to be seen; at least {FEWEST} are needed",
            hint="keep the whole grid in the picture, sharp and evenly lit",
        )
    cells = np.stack(np.divmod(np.arange(rows * columns), columns), axis=1).astype(np.float64)
    lens = lens_of(green[seen], cells[seen], picture.size)
    if not lens.good.all():  # what looked like a dot and is none
        green[np.nonzero(seen)[0][~lens.good]] = np.nan
        seen = np.isfinite(green[:, 0])
        lens = lens_of(green[seen], cells[seen], picture.size)
    against = _against(picture, green, lens, seen)
    note = "; ".join(against)
    figures = _distortion(green, lens, seen, where, note)
    figures += _lines(green.reshape(rows, columns, 2), picture.size[0], where, note)
    curves = [_model(lens, where), _local(green[seen], lens, where)]
    grids = [Grid("distortion", _on_grid(_stretch(green[seen], lens), seen, grid), "%", where)]
    for channel in "RB":
        other = centroids(picture.channel(channel), np.where(seen[:, None], green, places), apart)
        both = seen & np.isfinite(other[:, 0])
        if both.sum() < FEWEST:
            why = f"only {both.sum()} dots are to be seen in {channel} and G"
            figures.append(unmeasured("lateral colour", "px", why, f"{where}, {channel}−G"))
            continue
        away, across = _displaced(other[both], green[both], lens.centre)
        figures += _lateral(away, across, lens.corner, f"{where}, {channel}−G", note)
        curves.append(_radial(away, green[both], lens, f"{where}, {channel}−G"))
        grids.append(
            Grid("lateral colour, radial", _on_grid(away, both, grid), "px", f"{where}, {channel}−G")
        )
    conditions = {
        "method": "dot grid, after ISO 17850 and ISO 19084; perspective removed",
        "dots": f"{seen.sum()} of {rows} × {columns}, {apart:.1f} px apart",
        "field": f"dots reach {_reach(green[seen], lens):.0%} of the way to the corner",
        "lens model": f"misses the dots by {lens.residual:.3f} px",
        "decoding": picture.decoding,
    }
    warnings = tuple(dict.fromkeys((*picture.warnings, *against)))
    title = f"Distortion and lateral colour, {where}"
    return Result(
        "geometry", title, tuple(figures), conditions, tuple(curves), tuple(grids), warnings=warnings
    )


def _reach(green: Float64, lens: Lens) -> float:
    return float(np.hypot(*(green - lens.centre).T).max() / lens.corner)


def _against(picture: Picture, green: Float64, lens: Lens, seen: np.ndarray) -> list[str]:
    against = []
    lost = int((~seen).sum())
    if lost:
        against.append(f"{lost} dots are not to be seen")
    reach = _reach(green[seen], lens)
    if reach < _COVERED:
        against.append(f"dots reach only {reach:.0%} of the way to the corner, where distortion is largest")
    if lens.residual > _ROUGH:
        why = "blurred dots, a chart that is not flat, or another kind of lens"
        against.append(f"the dots miss a radial lens by {lens.residual:.1f} px: {why}")
    if picture.clipped is not None:
        y, x = np.rint(green[seen]).astype(int).T
        if picture.clipped[y, x].mean() > 0.1:
            against.append("dots are clipped")
    return against


def _stretch(green: Float64, lens: Lens) -> Float64:
    """Local distortion of dots in %; NaN next to the middle, where it is not defined."""
    ideal = np.hypot(*(lens.ideal - lens.centre).T)
    real = np.hypot(*(green - lens.centre).T)
    return np.where(ideal > 0.1 * lens.corner, 100 * (real / np.maximum(ideal, 1e-9) - 1), np.nan)


def _distortion(green: Float64, lens: Lens, seen: np.ndarray, where: str, note: str) -> list[Figure]:
    local = _stretch(green[seen], lens)
    ideal = np.hypot(*(lens.ideal - lens.centre).T)
    worst = int(np.nanargmax(np.abs(local)))
    doubt = 100 * lens.residual / max(float(ideal[worst]), 1.0)
    made = [Figure("distortion, largest", float(local[worst]), "%", where, doubt, "neither", note)]
    for share in (0.5, 0.7, 1.0):
        name = "distortion in the corner" if share == 1 else f"distortion at {share:.0%} of the field"
        value = float(100 * (lens.stretch(np.array(share)) - 1))
        reach = ideal.max() / lens.corner
        outside = f"beyond the outermost dot at {reach:.0%}" if share > reach + 0.02 else ""
        told = "; ".join(n for n in (note, outside) if n)
        made.append(Figure(name, value, "%", where, 100 * lens.doubt(share), "neither", told))
    for k, (value, variance) in enumerate(zip(lens.k, np.diag(lens.spread), strict=True)):
        made.append(Figure(f"k{k + 1}", value, "", where, float(np.sqrt(variance)), "neither", note))
    return made


def _lines(green: Float64, height: int, where: str, note: str) -> list[Figure]:
    """Bows of rows and columns, and TV distortion, of dots ``"rows columns 2"``."""
    made = []
    for name, lines in (("horizontal", green), ("vertical", green.transpose(1, 0, 2))):
        bows = [_bow(line) for line in lines]
        known = [b for b in bows if np.isfinite(b)]
        title = f"line distortion, {name}"
        if known:
            made.append(Figure(title, 100 * max(known) / height, "%", where, 0.0, "lower", note))
        else:
            made.append(unmeasured(title, "%", "no line has both of its ends", where))
    heights = np.hypot(*(green[-1] - green[0]).T)
    n = len(heights)
    outer, middle = (heights[0] + heights[-1]) / 2, (heights[(n - 1) // 2] + heights[n // 2]) / 2
    if np.isfinite(outer + middle):
        tv = 100 * (outer - middle) / middle
        made.append(Figure("TV distortion", float(tv), "%", where, 0.0, "neither", note))
    else:
        made.append(unmeasured("TV distortion", "%", "dots in the corners or the middle are missing", where))
    return made


def _bow(line: Float64) -> float:
    """Largest distance of the dots of a line from the straight line between its ends; NaN without them."""
    along = line[-1] - line[0]
    length = np.hypot(*along)
    if not np.isfinite(length):
        return float("nan")
    off = line - line[0]
    return float(np.nanmax(np.abs(off[:, 0] * along[1] - off[:, 1] * along[0])) / length)


def _displaced(other: Float64, green: Float64, centre: Float64) -> tuple[Float64, Float64]:
    """How far a colour's dots lie from green's: away from the centre, and across."""
    outward = green - centre
    outward = outward / np.maximum(np.hypot(*outward.T), 1e-9)[:, None]
    apart = other - green
    return np.sum(apart * outward, axis=1), apart[:, 0] * outward[:, 1] - apart[:, 1] * outward[:, 0]


def _lateral(away: Float64, across: Float64, corner: float, where: str, note: str) -> list[Figure]:
    size = np.hypot(away, across)
    doubt = float(np.sqrt(np.mean(across**2)))
    worst = int(np.argmax(np.abs(away)))
    largest, mean = float(size.max()), float(size.mean())
    return [
        Figure("lateral colour, largest", largest, "px", where, doubt, "lower", note),
        Figure("lateral colour, mean", mean, "px", where, doubt / float(np.sqrt(len(size))), "lower", note),
        Figure("lateral colour, radial", float(away[worst]), "px", where, doubt, "neither", note),
        Figure(
            "lateral colour of the field",
            100 * largest / corner,
            "%",
            where,
            100 * doubt / corner,
            "lower",
            note,
        ),
    ]


def _radial(away: Float64, green: Float64, lens: Lens, where: str) -> Curve:
    """The radial part over the field height, by the two odd powers of it that lenses have."""
    r = np.hypot(*(green - lens.centre).T) / lens.corner
    terms = np.stack([r, r**3])
    fit = np.linalg.lstsq(terms.T, away, rcond=None)[0]
    x = np.linspace(0, float(r.max()), 41)
    return Curve("lateral colour", x, fit[0] * x + fit[1] * x**3, "field height", "px", where)


def _model(lens: Lens, where: str) -> Curve:
    r = np.linspace(0, float(np.hypot(*(lens.ideal - lens.centre).T).max() / lens.corner), 41)
    return Curve("distortion", r, 100 * (lens.stretch(r) - 1), "field height", "%", where)


def _local(green: Float64, lens: Lens, where: str) -> Curve:
    r = np.hypot(*(lens.ideal - lens.centre).T) / lens.corner
    local = _stretch(green, lens)
    known = np.isfinite(local)
    order = np.argsort(r[known])
    return Curve("distortion, dots", r[known][order], local[known][order], "field height", "%", where)


def _on_grid(values: Float64, seen: np.ndarray, grid: tuple[int, int]) -> Float64:
    made = np.full(grid[0] * grid[1], np.nan)
    made[seen] = values
    return made.reshape(grid)
