# SPDX-License-Identifier: Apache-2.0
"""Dead leaves as a chart: disks of all sizes in front of one another, through any perspective, at any size.

The chart is a list of disks in chart heights, front ones first, with a density of radii ∝ r⁻³ from `r_min` to
`r_max` [1].  Their number is such that a point lies under `DEPTH` disks on average; what none of them covers
(e⁻¹², six in a million) is the mean grey.  All numbers are drawn at once from one counter generator, hence
they do not depend on what part is drawn, or how finely::

    r = (r_min⁻² + t (r_max⁻² - r_min⁻²))^-½        t uniform in 0 … 1

A pixel is the mean of s × s point samples; s is such that a sample is finer than the smallest disk, and at
least 4.

References
----------
[1] A. B. Lee, D. Mumford, J. Huang, "Occlusion models for natural images", IJCV 41, 2001.
[2] F. Cao, F. Guichard, H. Hornung, "Dead leaves model for measuring texture quality on a digital camera",
    Proc. SPIE 7537, 2010.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.quality.chart import Box, Element

DEPTH = 12.0  # disks over a point on average
FINEST, COARSEST = 4, 24  # samples of a pixel, per axis


@lru_cache(maxsize=3)
def disks(
    seed: int, r_min: float, r_max: float, *, box: Box, low: float, high: float, planes: int = 1
) -> tuple[Float32, Float32]:
    """All disks of a chart.

    Parameters
    ----------
    seed : int
        The same seed makes the same disks.
    r_min, r_max : float
        Smallest and largest radius in chart heights.
    box : tuple of float
        What they have to cover: top, left, bottom, right.
    low, high : float
        Their light is uniform between these, in every plane.
    planes : int
        1 for greys, 3 for colours.

    Returns
    -------
    tuple of (Float32 "n 3", Float32 "n planes")
        Position v, u and radius; light.  Front ones first; read-only.
    """
    top, left, bottom, right = (box[0] - r_max, box[1] - r_max, box[2] + r_max, box[3] + r_max)
    mean = 2 * math.pi * math.log(r_max / r_min) / (r_min**-2 - r_max**-2)
    count = round(DEPTH * (bottom - top) * (right - left) / mean)
    random = np.random.Generator(np.random.Philox(key=[seed, 0x6465616C]))
    u = random.random((3, count))
    where = np.empty((count, 3), np.float32)
    where[:, 0] = top + u[0] * (bottom - top)
    where[:, 1] = left + u[1] * (right - left)
    where[:, 2] = 1 / np.sqrt(r_min**-2 + u[2] * (r_max**-2 - r_min**-2))
    light = (low + random.random((count, planes)) * (high - low)).astype(np.float32)
    for made in (where, light):
        made.flags.writeable = False
    return where, light


def drawn(element: Element, to_picture: ArrayLike, box: tuple[int, int, int, int]) -> Float32:
    """The ideal picture of a leaves chart: what a lens without blur would put on square pixels.

    Parameters
    ----------
    element : Element
        Of kind ``leaves``.
    to_picture : array_like "3 3"
        Homogeneous chart positions (v, u, 1) → pixels (y, x, w), as `Found.to_picture`.
    box : tuple of int
        Pixels to draw: top, left, bottom, right.

    Returns
    -------
    Float32 "h w" or "h w 3"
        Light, greys or colours; beyond the chart's border leaves thin out into their mean.

    Raises
    ------
    InputError
        The element is no leaves, the box is empty, or the map is not one.
    """
    if element.kind != "leaves":
        raise InputError(f"element = {element.name}, a {element.kind}, is no dead leaves")
    planes = drawn_planes(element, to_picture, box)
    return planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def drawn_planes(element: Element, to_picture: ArrayLike, box: tuple[int, int, int, int]) -> Float32:
    """The same as `drawn` with the colours first, ``"planes h w"``."""
    top, left, bottom, right = box
    if bottom <= top or right <= left:
        raise InputError(f"box = {box} is empty; bottom and right must lie beyond top and left")
    forth = np.ascontiguousarray(to_picture, np.float64)
    back = inverse(forth)
    facts: Any = element.settings
    n = 3 if facts["colour"] else 1
    kind = {"box": element.box, "low": facts["low"], "high": facts["high"], "planes": n}
    where, light = disks(facts["seed"], facts["r_min"], facts["r_max"], **kind)
    ground = np.full(n, (facts["low"] + facts["high"]) / 2, np.float32)
    out = np.empty((n, bottom - top, right - left), np.float32)
    samples = _samples(forth, element.box, facts["r_min"])
    kernels.deadleaves(where, light, forth, back, np.array([top, left], np.float64), samples, ground, out)
    return out


def inverse(m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of a 3×3 map up to a factor, by cofactors: the same bits on every machine.

    Raises
    ------
    InputError
        It has none.
    """
    a, b, c, d, e, f, g, h, i = (float(x) for x in m.ravel())
    minors = np.array(
        [
            [e * i - f * h, c * h - b * i, b * f - c * e],
            [f * g - d * i, a * i - c * g, c * d - a * f],
            [d * h - e * g, b * g - a * h, a * e - b * d],
        ]
    )
    size = a * minors[0, 0] + b * minors[1, 0] + c * minors[2, 0]
    if not (math.isfinite(size) and size != 0):
        raise InputError("to_picture is no map from a plane to a plane: its determinant is 0")
    return minors / size


def _samples(forth: NDArray[np.float64], box: Box, r_min: float) -> int:
    """Samples of a pixel so that they lie closer than the smallest radius."""
    v, u = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    m = forth.tolist()
    w = m[2][0] * v + m[2][1] * u + m[2][2]
    y, x = ((row[0] * v + row[1] * u + row[2]) / w for row in m[:2])
    slope = [[(m[k][j] - at * m[2][j]) / w for j in (0, 1)] for k, at in ((0, y), (1, x))]
    area = abs(slope[0][0] * slope[1][1] - slope[0][1] * slope[1][0])  # px² per chart height²
    wanted = 1 / (math.sqrt(area) * r_min) if area > 0 else COARSEST
    return int(min(max(math.ceil(wanted), FINEST), COARSEST))
