# SPDX-License-Identifier: Apache-2.0
"""Maps from a chart to a picture: perspective, and a lens that bends straight lines.

A homography takes (v, u, 1) to (y, x, w).  A lens moves a point at p, seen from the middle of the picture c
in units of half its diagonal, along its radius [1]::

    c + (p - c) · (1 + k₁·r² + k₂·r⁴)

References
----------
[1] D. C. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32(3), 1966.
[2] R. Hartley, A. Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed., 2004, algorithm 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.minimise import least_squares
from lichtbild.quality.chart import Box, Float64

ROUNDS = 8  # of undoing a distortion
WORTH = 1.15  # by how much a further term of distortion has to make a fit better


def homography(source: ArrayLike, target: ArrayLike) -> Float64:
    """The 3×3 map that takes positions `source` ``"n 2"``, n ≥ 4, to `target`, by least squares of normalized
    positions [2].
    """
    (s, a), (t, b) = _normalized(np.asarray(source, np.float64)), _normalized(np.asarray(target, np.float64))
    one, zero = np.ones(len(s)), np.zeros((len(s), 3))
    p = np.column_stack([s, one])
    rows = np.concatenate([np.hstack([p, zero, -p * t[:, :1]]), np.hstack([zero, p, -p * t[:, 1:]])])
    m = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    m = np.linalg.inv(b) @ m @ a
    return m / m[2, 2]


def _normalized(places: Float64) -> tuple[Float64, Float64]:
    middle = places.mean(axis=0)
    size = max(float(np.sqrt(((places - middle) ** 2).sum(axis=1)).mean()), 1e-12) / np.sqrt(2)
    shape = np.array([[1 / size, 0, -middle[0] / size], [0, 1 / size, -middle[1] / size], [0, 0, 1]])
    return (places - middle) / size, shape


def moved(m: Float64, places: ArrayLike) -> Float64:
    """Positions ``"… 2"`` through a homography."""
    places = np.asarray(places, np.float64)
    out = np.concatenate([places, np.ones((*places.shape[:-1], 1))], axis=-1) @ m.T
    return out[..., :2] / out[..., 2:]


@dataclass(frozen=True, slots=True, eq=False)
class Bent:
    """A homography, then a lens: `middle` and `reach` (half the diagonal) of the picture, its `k`."""

    m: Float64
    middle: Float64
    reach: float
    k: tuple[float, float] = (0.0, 0.0)

    def at(self, places: ArrayLike) -> Float64:
        """Pixels (y, x) of chart positions ``"… 2"``."""
        return self.bend(moved(self.m, places))

    def bend(self, straight: Float64) -> Float64:
        """What the lens does to positions."""
        p = (straight - self.middle) / self.reach
        r2 = (p * p).sum(axis=-1, keepdims=True)
        return self.middle + (straight - self.middle) * (1 + r2 * (self.k[0] + self.k[1] * r2))

    def straight(self, pixels: ArrayLike) -> Float64:
        """The reverse of `bend`, by repetition."""
        seen = (np.asarray(pixels, np.float64) - self.middle) / self.reach
        p = seen
        for _ in range(ROUNDS):
            r2 = (p * p).sum(axis=-1, keepdims=True)
            p = seen / (1 + r2 * (self.k[0] + self.k[1] * r2))
        return self.middle + p * self.reach

    def through(self, places: ArrayLike, pixels: ArrayLike, k: tuple[float, float]) -> Bent:
        """The same picture with distortion `k` and the homography that takes `places` to `pixels`."""
        bent = replace(self, k=k)
        return replace(bent, m=homography(places, bent.straight(pixels)))

    def fitted(self, places: Float64, pixels: Float64, *, order: int = 2) -> tuple[Bent, Float64]:
        """The map that takes chart positions closest to pixels, both ``"n 2"``, with `order` terms of k.

        Returns
        -------
        tuple of (Bent, Float64 "n 2")
            The map, and how far off each pixel is.
        """

        def made(x: Float64) -> Bent:
            m = np.append(x[:8], 1.0).reshape(3, 3) * scale
            k = [*x[8:].tolist(), 0.0, 0.0]
            return replace(self, m=m, k=(k[0], k[1]))

        scale = np.where(np.abs(self.m) > 1e-9, np.abs(self.m), 1.0)
        scale[2, 2] = self.m[2, 2]
        start = np.append((self.m / scale).ravel()[:8], self.k[:order])
        found = least_squares(lambda x: (made(x).at(places) - pixels).ravel(), start)
        best = made(found)
        return best, best.at(places) - pixels

    def simplest(self, places: Float64, pixels: Float64) -> tuple[Bent, Float64]:
        """The same with no more terms of k than make it better, `WORTH` in the standard deviation."""
        most = 2 if len(places) >= 12 else 1 if len(places) >= 7 else 0
        straight = self.through(places, pixels, (0.0, 0.0))
        start = self if any(self.k) else straight
        tried = [(start if n else straight).fitted(places, pixels, order=n) for n in range(most + 1)]
        least = min(float((off**2).mean()) for _, off in tried)
        return next(t for t in tried if float((t[1] ** 2).mean()) <= WORTH**2 * least + 1e-12)

    def near(self, box: Box) -> Float64:
        """The homography that is closest to this map in a box of the chart."""
        v, u = np.meshgrid(np.linspace(box[0], box[2], 5), np.linspace(box[1], box[3], 5), indexing="ij")
        places = np.stack([v.ravel(), u.ravel()], axis=1)
        return homography(places, self.at(places))


def unbent(size: tuple[int, int]) -> Bent:
    """The identity for a picture of `size` (height, width)."""
    h, w = size
    return Bent(np.eye(3), np.array([(h - 1) / 2, (w - 1) / 2]), float(np.hypot(h, w)) / 2)
