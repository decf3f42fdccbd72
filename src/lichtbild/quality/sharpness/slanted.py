# SPDX-License-Identifier: Apache-2.0
"""A slanted edge: where it runs through a patch, and how far every sample lies from it.

In each row the edge is where the differences of neighbouring samples have their centroid, under a window that
keeps the rest of the row out; a polynomial x(y) goes through these places.  The distance of a sample from the
edge is ``t = (x − x(y)) · cos θ``: a row of a tilted edge is a sampling of the same profile at another phase,
so that all rows together sample it far finer than the pixels do.  Only whole rotations of that phase are
used.  Nothing here needs a full grid: the sites of one colour of a mosaic do as well.

References
----------
[1] ISO 12233:2023, Photography — Electronic still picture imaging — Resolution and spatial frequency
    responses (e-SFR).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.quality.sharpness.beside import reach_of, sides

Method = Literal["iso2023", "robust", "iso2017"]
METHODS: tuple[Method, ...] = ("iso2023", "robust", "iso2017")
ORDER = {"iso2023": 5, "robust": 3, "iso2017": 1}
SMALLEST = 16  # pixels a patch must have in both directions
NEAR = 8.0  # px from the edge that the robust method looks at


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An edge in a patch, and its samples.

    Attributes
    ----------
    t, value : Float64 "n"
        Distance from the edge in px, positive on the bright side, and the value there.
    across : int
        Length of a row of the patch, px.
    reach : float
        Distance from the edge up to which both sides are sampled, px.
    first : float
        Where the edge crosses the first row, px: the bins of the ISO methods begin there.
    lean : float
        How far it would move over the rows used with the slope that it has in the first, px.
    rises : bool
        It gets brighter with x (or y).
    angle : float
        Degrees from the nearest axis.
    slope : float
        Tangent of the angle.
    place, place_doubt : float
        Where the edge crosses the middle of the patch, px along its normal and towards the bright side, and
        the standard deviation of that.
    bend : float
        How far the edge departs from a straight line, px.
    scatter : float
        Standard deviation of the rows' centroids from the fitted line, px.
    rows, phases : float
        Rows used, and rotations of the sampling phase they hold.
    low, high : float
        Values far from the edge.
    noise : tuple of float
        Standard deviation of a sample on the dark and on the bright side.
    """

    t: Float64
    value: Float64
    across: int
    reach: float
    first: float
    lean: float
    rises: bool
    angle: float
    slope: float
    place: float
    place_doubt: float
    bend: float
    scatter: float
    rows: int
    phases: float
    low: float
    high: float
    noise: tuple[float, float]

    @property
    def cosine(self) -> float:
        """Of the angle."""
        return float(1 / np.hypot(1, self.slope))

    @property
    def contrast(self) -> float:
        """(bright − dark) / (bright + dark)."""
        return (self.high - self.low) / max(abs(self.high + self.low), 1e-12)


def find_edge(patch: ArrayLike, mask: NDArray[np.bool_] | None = None, *, method: Method = "iso2023") -> Edge:
    """Find the edge in a patch.

    Parameters
    ----------
    patch : array_like "h w"
        Linear light with one edge from side to side.
    mask : Bool "h w" or None
        The samples that count, e.g. the green sites of a mosaic; all if None.
    method : {"iso2023", "robust", "iso2017"}
        Which windows and which polynomial.

    Raises
    ------
    InputError
        The patch is too small, has no edge, the edge leaves it, or it is not tilted enough.
    """
    if method not in METHODS:
        raise InputError(f"method = {method!r} is not one of {', '.join(METHODS)}")
    image = _checked(patch, mask)
    mask = np.ones(image.shape, bool) if mask is None else np.asarray(mask)
    if _lies(image, mask):
        image, mask = image.T, mask.T
    y, x = np.nonzero(mask)
    value = image[y, x]
    h, w = image.shape
    left = x < w // 4
    right = x >= w - w // 4
    rises = bool(value[right].mean() >= value[left].mean())
    sign = 1.0 if rises else -1.0
    line, linear, (scatter, bend, rows) = _line(x, y, sign * value, (h, w), method)
    slope = linear[1] / (h / 2)
    kept, phases = _whole_phases(rows, slope, x, y)
    cosine = sign / np.hypot(1, slope)
    course = _course(line, np.arange(h), h)
    keep = np.zeros(h, bool)
    keep[kept] = True
    inside = keep[y]
    t, value = ((x - course[y]) * cosine)[inside], value[inside]
    reach = reach_of(t)
    low, high, noise = sides(t, value, reach)
    middle = float(_course(line, np.array([(h - 1) / 2]), h)[0] * cosine)
    place_doubt = float(scatter * abs(cosine) / np.sqrt(len(rows)))
    angle = float(np.degrees(np.arctan(slope)))
    lean = float((course[1] - course[0]) * (kept[-1] - kept[0]))
    # fmt: off
    return Edge(t, value, w, reach, float(course[0]), lean, rises, angle, float(slope), middle,
                place_doubt, bend, scatter, len(kept), phases, low, high, noise)
    # fmt: on


def _checked(patch: ArrayLike, mask: NDArray[np.bool_] | None) -> Float64:
    image = np.asarray(patch, np.float64)
    if image.ndim != 2 or min(image.shape) < SMALLEST:
        raise InputError(
            f"box of {' × '.join(map(str, image.shape))} px is too small for an edge; "
            f"at least {SMALLEST} × {SMALLEST} is needed",
            hint="60 × 60 or more gives a trustworthy figure",
        )
    if not np.isfinite(image).all():
        raise InputError("box holds values that are not finite")
    return image


def _lies(image: Float64, mask: NDArray[np.bool_]) -> bool:
    """The edge is nearer to horizontal."""

    def mean(part: tuple[slice, slice]) -> float:
        return float(np.sum(image[part] * mask[part]) / max(np.sum(mask[part]), 1))

    every, (h, w) = slice(None), image.shape
    q, p = h // 4, w // 4
    down = mean((slice(h - q, h), every)) - mean((slice(0, q), every))
    along = mean((every, slice(w - p, w))) - mean((every, slice(0, p)))
    return abs(down) > abs(along)


def _course(line: Float64, y: NDArray[np.integer] | Float64, h: int) -> Float64:
    """Column of the edge in rows `y`; polynomials are in (y − middle) / (h / 2)."""
    return np.asarray(np.polynomial.polynomial.polyval((y - (h - 1) / 2) / (h / 2), line), np.float64)


def _fitted(x: Float64, y: Float64, order: int) -> Float64:
    return np.asarray(np.polynomial.polynomial.polyfit(x, y, order), np.float64)


def _window(place: Float64, middle: Float64, w: int, method: Method) -> Float64:
    """Weight of differences at `place` for an edge at `middle`, in a row of `w` samples.

    ISO's windows are as long as twice the longer side of the row and cut at its ends; they count samples, so
    that their middle lies on a half pixel.
    """
    if method == "iso2017":
        return 0.54 + 0.46 * np.cos(np.pi * (place + 0.5 - middle) / np.maximum(middle - 1, w - middle))
    length = np.floor(2 * np.maximum(middle, w - middle) + 0.5)
    half = (length - 1) / 2
    centre = np.where(middle >= w / 2, half, half - length + w) + 0.5
    return 0.525 + 0.475 * np.cos(np.pi * np.clip((place - centre) / half, -1, 1))


def _steps(
    x: NDArray[np.intp], y: NDArray[np.intp], value: Float64, method: Method
) -> tuple[NDArray[np.intp], Float64, Float64]:
    """Row, place and height of the differences of neighbouring samples.

    The ISO methods replace the first of a row by the second and repeat the last, as the reference program of
    the standard does; in a noisy picture this can be seen.
    """
    pair = np.nonzero(y[1:] == y[:-1])[0]
    row, step = y[pair], (value[1:] - value[:-1])[pair]
    place = np.asarray(0.5 * (x[1:] + x[:-1])[pair], np.float64)
    if method == "robust":
        return row, place, step
    first = np.nonzero(np.diff(row, prepend=-1))[0]
    last = np.append(first[1:] - 1, len(row) - 1)
    step[first] = step[np.minimum(first + 1, last)]
    beyond = 2 * place[last] - place[np.maximum(last - 1, first)]
    return np.append(row, row[last]), np.append(place, beyond), np.append(step, step[last])


def _line(
    x: NDArray[np.intp], y: NDArray[np.intp], value: Float64, size: tuple[int, int], method: Method
) -> tuple[Float64, Float64, tuple[float, float, NDArray[np.intp]]]:
    """The polynomial through the rows' centroids, the straight line; scatter, bend, rows used."""
    h, w = size
    row, place, step = _steps(x, y, value, method)
    course = np.full(h, (w + 1) / 2)
    order, rounds = (ORDER[method], 7) if method == "robust" else (ORDER[method], 2)
    line, linear, bent, scatter, used = *[np.zeros(2)] * 3, np.inf, np.arange(h)
    for k in range(rounds):
        if method == "robust" and k == 2:
            near = np.abs(place - course[row]) < 1.5 * NEAR
            row, place, step = row[near], place[near], step[near]
        if method == "robust" and k > 1:
            weight = np.maximum(1 - np.abs(place - course[row]) / NEAR, 0)
        else:
            weight = _window(place, course[row], w, method)
        weight = weight * step
        total = np.bincount(row, weight, h)
        middle = np.bincount(row, weight * place, h)
        good = (total > 0.3 * np.median(total)) & (total > 0)
        at = np.where(good, middle / np.where(good, total, 1), -1)
        used = np.nonzero(good & (at > 1) & (at < w - 2))[0]
        if len(used) < max(8, 0.4 * h):
            raise InputError(
                "there is no edge that crosses the box from side to side",
                hint="draw the box around one straight edge, dark on one side and bright on the other",
            )
        rows = np.asarray((used - (h - 1) / 2) / (h / 2), np.float64)
        line, linear, bent = (_fitted(rows, at[used], n) for n in (order, 1, max(order, 3)))
        course = np.clip(_course(line, np.arange(h), h), 0, w - 1)
        scatter = float(np.std(at[used] - course[used]))
    if scatter > 3:
        raise InputError(
            f"the rows of the box disagree about the edge by {scatter:.1f} px; at most 3 are allowed",
            hint="draw the box around one edge only, or give a picture with less noise",
        )
    bend = np.abs(_course(bent, used, h) - _course(linear, used, h)).max()
    return line, linear, (scatter, float(bend), used)


def _whole_phases(
    rows: NDArray[np.intp], slope: float, x: NDArray[np.intp], y: NDArray[np.intp]
) -> tuple[NDArray[np.intp], float]:
    """The rows that hold whole rotations of the phase, and how many."""
    pitch = float(np.median(np.diff(x[y == rows[0]])))
    phases = len(rows) * abs(slope) / pitch
    if phases < 1:
        raise InputError(
            f"edge angle = {np.degrees(np.arctan(abs(slope))):.2f}°: over {len(rows)} rows the edge does not "
            "move by a whole sample; at least one is needed",
            hint="tilt the chart by about 5°, or draw a longer box",
        )
    return rows[: max(round(np.floor(phases) * pitch / abs(slope)), 8)], float(np.floor(phases))
