# SPDX-License-Identifier: Apache-2.0
"""Slanted edges anywhere in a picture, for charts without markers and for things that happen to have some.

Where light changes mostly across (or mostly down) and in one sense, pixels fall into connected parts; a part
that is long, thin and tilted by 2° … 20° from the pixels is an edge.  The mean profile across it, taken along
its own slope, must be even on both sides; how far it is decides how wide the box around the edge may be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32
from lichtbild.quality.chart import Element, Float64, Found
from lichtbild.quality.finding.regions import parts, sampled, small

LARGEST = 2100  # pixels of the longer side searched
STEEP = 0.02  # change of the square root of light per pixel, where an edge begins
TILTS = (2.0, 20.0)  # degrees from rows or columns
SHORTEST = 40.0  # pixels
WIDEST, NARROWEST = 60.0, 9.0  # pixels on either side
EVEN = 0.07  # share of its contrast by which the light beside an edge may vary
CONTRAST = 0.1  # (high - low)/(high + low) at least
POOR = 0.1  # of the best score: edges below are left out
BLOWN = 0.25  # weight of an edge beside clipped light


@dataclass(frozen=True, slots=True)
class Slant:
    """An edge: centre (y, x) in pixels, half the length and half the width of its box, tilt in degrees,
    whether it runs down rather than across, its two levels, and a score.
    """

    centre: tuple[float, float]
    along: float
    beside: float
    tilt: float
    down: bool
    levels: tuple[float, float]
    score: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right in whole pixels."""
        v, u = (self.along, self.beside) if self.down else (self.beside, self.along)
        y, x = self.centre
        return round(y - v), round(x - u), round(y + v) + 1, round(x + u) + 1


def slants(rgb: Float32, clipped: NDArray[np.bool_] | None = None, *, most: int = 20) -> list[Slant]:
    """The best slanted edges of a picture ``"h w 3"``, spread over its field.

    Parameters
    ----------
    rgb : Float32 "h w 3"
        Linear light.
    clipped : Bool "h w", optional
        Where light is not to be trusted; edges beside it come last.
    most : int
        How many at most.
    """
    copy = small(rgb, LARGEST)
    grey = copy.grey
    found: list[Slant] = []
    for down in (True, False):
        plane = grey if down else np.ascontiguousarray(grey.T)
        mask = None if clipped is None else (clipped if down else clipped.T)
        found += _of(plane, copy.step, mask, down)
    return _spread(found, (rgb.shape[0], rgb.shape[1]), most)


def _of(plane: Float32, step: int, clipped: NDArray[np.bool_] | None, down: bool) -> list[Slant]:
    """Edges that run down in a plane (of the turned plane: across)."""
    soft = plane.copy()
    soft[1:-1] = (plane[:-2] + 2 * plane[1:-1] + plane[2:]) / 4
    across, below = np.zeros_like(plane), np.zeros_like(plane)
    across[:, 1:-1] = (soft[:, 2:] - soft[:, :-2]) / 2
    below[1:-1, 1:-1] = (plane[2:, 1:-1] - plane[:-2, 1:-1]) / 2
    out: list[Slant] = []
    for sign in (1, -1):
        mask = (sign * across > STEEP) & (np.abs(below) < 0.6 * np.abs(across) + 0.25 * STEEP)
        rows = parts(mask, corners=True)
        a, b, c = rows.spread.T
        half = (a - b) / 2
        root = np.sqrt(half * half + c * c)
        long, thin = np.sqrt(12 * ((a + b) / 2 + root)), np.sqrt(12 * np.maximum((a + b) / 2 - root, 0))
        tilt = np.degrees(0.5 * np.arctan2(2 * c, a - b))
        fit = (long * step >= SHORTEST) & (thin < np.maximum(5.0, 0.15 * long))
        fit &= (np.abs(tilt) > TILTS[0]) & (np.abs(tilt) < TILTS[1])
        for k in np.flatnonzero(fit):
            made = _measured(plane, rows.centre[k], float(long[k]), float(tilt[k]), step)
            if made is not None:
                out.append(_turned(made, down, step, clipped))
    return out


def _measured(plane: Float32, centre: Float64, long: float, tilt: float, step: int) -> Slant | None:
    """The box around an edge, as far as the picture is even on both sides of it."""
    slope = math.tan(math.radians(tilt))
    reach = min(WIDEST / step, 0.6 * long)
    far = np.arange(-math.floor(reach), math.floor(reach) + 1)
    rows = np.linspace(-0.42, 0.42, max(9, round(0.42 * long))) * long * math.cos(math.radians(tilt))
    at = np.stack(
        np.broadcast_arrays(centre[0] + rows[:, None], centre[1] + slope * rows[:, None] + far[None, :]),
        axis=-1,
    )
    seen = sampled(plane, at)
    profile = np.nanmean(seen, axis=0) if np.isfinite(seen).any(axis=0).all() else None
    if profile is None or np.isnan(seen).any():
        return None
    middle = len(far) // 2
    wide = 0
    for side in (-1, 1):
        limit = _even(profile[middle::side], seen[:, middle::side])
        wide = limit if side < 0 else min(wide, limit)
    if wide * step < NARROWEST:
        return None
    near = max(2, wide // 2)
    low, high = (
        float(profile[middle - wide : middle - near].mean()),
        float(profile[middle + near : middle + wide].mean()),
    )
    low, high = sorted((low * low, high * high))
    contrast = (high - low) / max(high + low, 1e-9)
    along = min(0.42 * long, 0.5 * wide / abs(slope))
    inner = profile[middle - wide : middle + wide + 1]
    if np.abs(np.diff(inner)).sum() > 1.3 * abs(inner[-1] - inner[0]):  # a line beside the edge
        return None
    if contrast < CONTRAST or along * step < SHORTEST / 4:
        return None
    beside = wide - along * abs(slope)
    score = math.sqrt(contrast * (high - low) * along * beside) * step
    return Slant((float(centre[0]), float(centre[1])), along, beside, tilt, True, (low, high), score)


def _even(profile: Float64, seen: Float64) -> int:
    """How many pixels away from an edge, at the start of `profile`, the light stays what it is nearby."""
    n = len(profile)
    start = min(6, n - 1)
    for start in range(2, n - 2):
        if abs(profile[start + 1] - profile[start - 1]) < 0.02 * abs(profile[start] - profile[0]) + 1e-3:
            break
    contrast = 2 * abs(profile[start] - profile[0])
    wrong = (np.abs(profile[start:] - profile[start]) > EVEN * contrast) | (
        seen[:, start:].std(axis=0) > 2.5 * EVEN * contrast
    )
    return n - 1 if not wrong.any() else start + int(np.argmax(wrong)) - 1


def _turned(slant: Slant, down: bool, step: int, clipped: NDArray[np.bool_] | None) -> Slant:
    """The same in pixels of the whole picture."""
    y, x = ((c + 0.5) * step - 0.5 for c in slant.centre)
    score = slant.score
    if clipped is not None:
        top, left, bottom, right = Slant(
            (y, x), slant.along * step, slant.beside * step, 0, True, (0, 0), 0
        ).box
        part = clipped[max(top, 0) : bottom, max(left, 0) : right]
        score *= 1.0 if part.mean() < 0.01 else BLOWN
    centre = (y, x) if down else (x, y)
    return Slant(centre, slant.along * step, slant.beside * step, slant.tilt, down, slant.levels, score)


def _spread(found: list[Slant], size: tuple[int, int], most: int) -> list[Slant]:
    """The best of every part of the field in turn, without overlaps."""
    zones: dict[tuple[int, int], list[Slant]] = {}
    best = max((s.score for s in found), default=0.0)
    for s in sorted((s for s in found if s.score > POOR * best), key=lambda s: -s.score):
        zone = (int(5 * s.centre[0] / size[0]), int(5 * s.centre[1] / size[1]))
        if not any(_overlap(s.box, other.box) for other in zones.get(zone, [])):
            zones.setdefault(zone, []).append(s)
    out: list[Slant] = []
    for rank in range(most):
        here = sorted((z[rank] for z in zones.values() if len(z) > rank), key=lambda s: -s.score)
        for s in here:
            if len(out) < most and not any(_overlap(s.box, other.box) for other in out):
                out.append(s)
    return sorted(out, key=lambda s: s.centre)


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    """Do two boxes share more than 40 % of the smaller one?"""
    down, across = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((k[2] - k[0]) * (k[3] - k[1]) for k in (a, b))
    return down > 0 and across > 0 and down * across > 0.4 * smaller


def as_found(slant: Slant, size: tuple[int, int], number: int) -> Found:
    """An edge as an element of its own, whose box is the unit square."""
    top, left, bottom, right = slant.box
    v = ("top", "middle", "bottom")[min(2, int(3 * slant.centre[0] / size[0]))]
    u = ("left", "centre", "right")[min(2, int(3 * slant.centre[1] / size[1]))]
    facts = {"low": slant.levels[0], "high": slant.levels[1], "tilt": slant.tilt}
    element = Element("edge", f"edge {number}, {v} {u}", (0.0, 0.0, 1.0, 1.0), facts)
    shape = np.array([[bottom - top - 1, 0, top], [0, right - left - 1, left], [0, 0, 1]], np.float64)
    return Found(element, shape, "edges")
