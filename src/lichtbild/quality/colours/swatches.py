# SPDX-License-Identifier: Apache-2.0
"""What the patches of a chart look like in a picture: their mean light, its noise, and how it is lit.

Of each patch the middle 60 % of its height and width count, and of those the pixels that lie within three
robust standard deviations of their median: dust and glints do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.image import Burst, Triple
from lichtbild.capture.linearize import Linearize, linearize
from lichtbild.quality.picture import Picture

Float64 = NDArray[np.float64]
INNER = 0.6
FEWEST = 25  # pixels
CLIPPED = 0.005  # share of a patch


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One row a patch.

    Attributes
    ----------
    rgb : Float64 "n 3"
        Mean of the picture's linear values.
    noise : Float64 "n"
        Standard deviation of the luminance of a pixel, over its mean.
    clipped : Bool "n"
        More than 0.5 % of the patch was at the end of its range.
    centre : Float64 "n 2"
        Middle of the patch, pixels (y, x).
    pixels : Int "n"
        How many were averaged.
    """

    rgb: Float64
    noise: Float64
    clipped: NDArray[np.bool_]
    centre: Float64
    pixels: NDArray[np.int64]


def sampled(picture: Picture, quads: ArrayLike, inner: float = INNER) -> Samples:
    """The patches at `quads`.

    Parameters
    ----------
    picture : Picture
        Linear light.
    quads : array_like "n 4 2"
        Corners (y, x) of each patch in pixels, clockwise from the top left.
    inner : float
        Share of height and width that counts.

    Raises
    ------
    InputError
        A patch lies outside the picture, is too small, or the quads are not such.
    """
    corners = np.asarray(quads, np.float64)
    if corners.ndim != 3 or corners.shape[1:] != (4, 2) or not np.isfinite(corners).all():
        raise InputError(f"quads: {corners.shape} is not a list of four corners (y, x) each")
    middle = corners.mean(axis=1)
    shrunk = middle[:, None] + inner * (corners - middle[:, None])
    rows = [_patch(picture, quad, k) for k, quad in enumerate(shrunk)]
    return Samples(
        np.array([r[0] for r in rows]),
        np.array([r[1] for r in rows]),
        np.array([r[2] > CLIPPED for r in rows]),
        middle,
        np.array([r[3] for r in rows]),
    )


def _patch(picture: Picture, quad: Float64, k: int) -> tuple[Float64, float, float, int]:
    h, w = picture.size
    (top, left), (bottom, right) = (
        np.ceil(quad.min(axis=0)).astype(int),
        np.floor(quad.max(axis=0)).astype(int),
    )
    if top < 0 or left < 0 or bottom >= h or right >= w:
        raise InputError(
            f"patch {k + 1} reaches from ({top}, {left}) to ({bottom}, {right}), outside the picture of "
            f"{w} × {h} pixels",
            hint="the chart is cut off, or its place is not right",
        )
    inside = _inside(quad, np.arange(top, bottom + 1), np.arange(left, right + 1))
    if inside.sum() < FEWEST:
        raise InputError(
            f"patch {k + 1} has {inside.sum()} pixels, needed are {FEWEST}",
            hint="photograph the chart from nearer",
        )
    box = np.s_[top : bottom + 1, left : right + 1]
    light = picture.rgb[box][inside].astype(np.float64)
    clipped = 0.0 if picture.clipped is None else float(picture.clipped[box][inside].mean())
    grey = light @ np.array([0.25, 0.5, 0.25])
    median = np.median(grey)
    spread = 1.4826 * float(np.median(np.abs(grey - median)))
    kept = np.abs(grey - median) <= 3 * spread + 1e-9 + 1e-3 * abs(median)
    mean = light[kept].mean(axis=0)
    return mean, float(grey[kept].std() / max(abs(float(grey[kept].mean())), 1e-9)), clipped, int(kept.sum())


def _inside(quad: Float64, y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels lie within a convex quad, whichever way round it goes."""
    sides = []
    for (y0, x0), (y1, x1) in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        sides.append((y[:, None] - y0) * (x1 - x0) - (x[None, :] - x0) * (y1 - y0))
    cross = np.stack(sides)
    return np.logical_or((cross >= 0).all(axis=0), (cross <= 0).all(axis=0))


def balance(picture: Picture) -> Triple:
    """The gains by which a raw picture's colours were multiplied; 1 for photos.

    Raises
    ------
    InputError
        A monochrome raw, which has no colours.
    """
    frame = picture.frame
    if frame is None or picture.space != "camera":
        return 1.0, 1.0, 1.0
    if frame.shot.kind == "mono":
        raise InputError(
            f"{picture.path.name} is by a monochrome sensor: it has no colours to measure",
            hint="give a raw file of a colour sensor",
        )
    if frame.shot.neutral is None:  # then linearize estimated it
        return linearize(Burst((frame,), 0), Linearize(hot_pixels=0.0))[0].gain
    r, g, b = frame.shot.neutral
    most = max(r, g, b)
    return most / r, most / g, most / b


def unevenness(
    samples: Samples, luminance: ArrayLike, expected: ArrayLike, *, linear: bool
) -> tuple[Float64, float]:
    """How the light changes over the chart: a factor for each patch, and their range (0.1: by 10 %).

    The logarithm of `luminance` over `expected` (``"n"`` each) is fitted by a plane, and by a parabola in the
    expected level where a tone curve stands between (not `linear`); single patches that stand out count less.
    """
    seen, wanted = np.asarray(luminance, np.float64), np.asarray(expected, np.float64)
    usable = (seen > 0) & (wanted > 0) & ~samples.clipped
    place = samples.centre - samples.centre.mean(axis=0)
    place = place / max(float(np.abs(place).max()), 1e-9)
    level = np.log(np.maximum(wanted, 1e-6))
    level = level - level.mean()
    columns = [np.ones(len(seen)), place[:, 0], place[:, 1]]
    columns += [] if linear else [level, level * level]
    if usable.sum() < len(columns) + 4:
        return np.ones(len(seen)), float("nan")
    design = np.stack(columns, axis=1)
    target = np.log(np.maximum(seen, 1e-9) / np.maximum(wanted, 1e-9))
    weight = usable.astype(np.float64)
    found = np.zeros(design.shape[1])
    for _ in range(12):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        left = target - design @ found
        spread = 1.4826 * float(np.median(np.abs(left[usable]))) + 1e-6
        weight = usable / np.maximum(1.0, np.abs(left) / (1.5 * spread))
    plane = np.exp(place @ found[1:3])
    return plane, float(plane.max() / plane.min() - 1)
