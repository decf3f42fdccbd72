# SPDX-License-Identifier: Apache-2.0
"""Mixture: the missing colours of any colour filter array, from what pictures are like.

A picture is taken for a Gaussian field.  All colours share most of it, and it varies like a fractal along and
across some direction; with d the way between two pixels, ``|d|_m`` its length where steps along the direction
count less, and δ = 1 for two samples of one colour, else 0::

    cov = (C − |d|_m^2H) · (1 + β δ) + C' δ

C and C' are large: they say that nothing is known of the brightness and the colour of the place (the
weights of the wanted colour sum to 1, of the others to 0).  Each such model m gives, for every place of the
cell, the weights that predict a colour from the samples around with the least mean square error, whatever the
cell is: Bayer, quad-Bayer, X-Trans.

Which model holds is asked of the samples themselves: every sample is predicted from its neighbours alone,
and with E_m = mean of ``error² / expected variance`` close by (binomial, 5 × 5) plus what noise explains, the
models are mixed by ``E_m⁻⁴``.  The models stand in groups: pictures whose colours go together, in eight
directions and none, and pictures whose colours go their own ways.  The groups are mixed by ``E⁻¹²`` of a
wider average (13 × 13).

All this happens on ``√(light + offset)``, where light and shade move all colours more alike than in light,
and noise has the same variance everywhere.  The mean of roots is less than the root of the mean: what
averaging noise away takes from the light is given back.

This is a mixture of Gaussians as in [2], with models that are stated instead of learned, and judged by
leave-one-out errors (pseudo-likelihood [3]), which cost one more filter each instead of a determinant.

References
----------
[1] H. J. Trussell, R. E. Hartwig, "Mathematics for demosaicking", IEEE Trans. Image Process. 11(4), 2002
    (least mean square error demosaicking of any cell).
[2] G. Yu, G. Sapiro, S. Mallat, "Solving inverse problems with piecewise linear estimators: from Gaussian
    mixture models to structured sparsity", IEEE Trans. Image Process. 21(5), 2012.
    doi:10.1109/TIP.2011.2176743
[3] J. Besag, "Statistical analysis of non-lattice data", The Statistician 24(3), 1975.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Noise, UInt8
from lichtbild.capture.cell import longest_run

LEVEL, SHARED = 300.0, 60.0  # C' and C, in units of the difference between neighbours
NOISE = 1e-3  # of a sample, in the same units
DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))  # (y, x)
DARKEST = 1e-3  # light below which the square root turns into a straight line
LOST = 0.45  # of the variance of white noise, when colours are interpolated
LONGEST = 5.0  # how much longer than wide a neighbourhood gets


@dataclass(frozen=True, slots=True)
class Kind:
    """Pictures of one kind: how much each colour has for itself (β), roughness H in quarters, how much longer
    than wide their structures are, and in how many directions.
    """

    apart: float
    quarters: int
    stretch: float
    directions: int = 8


KINDS = (Kind(0.05, 2, 6.0), Kind(0.7, 3, 3.0, 4))


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """The weights of all models for a cell (see kernels/demosaic_cell.cpp)."""

    cell: UInt8
    taps: NDArray[np.int32]
    weights: Float32
    trust: Float32
    sizes: NDArray[np.int32]  # of the groups

    def root(self, noise: Noise) -> Float32:
        """The offset of the square root (0 for none), shot and read noise of the light, and the share of the
        noise that interpolation averages away.
        """
        if len(self.sizes) == 1 and self.sizes[0] == 1:  # a mean, not a model of pictures
            return np.zeros(4, np.float32)
        shot, read = sum(noise.shot) / 3, sum(noise.read) / 3
        offset = max(DARKEST, 4 * math.sqrt(read), 4 * shot)
        return np.array((offset, shot, read, LOST), np.float32)


def mixture(cell: UInt8, kinds: tuple[Kind, ...] = KINDS) -> Mixture:
    """The models for a cell of colours 0 … 2; made once for each.

    Parameters
    ----------
    cell : UInt8 "p q"
        Colours of the photosites as they repeat.
    kinds : tuple of Kind
        The groups of models.
    """
    return _mixture(cell.shape, tuple(int(v) for v in cell.flat), kinds)


def nearest_means(cell: UInt8) -> Mixture:
    """A single model that knows nothing: the mean of the nearest samples of a colour, bilinear for Bayer."""
    return _nearest_means(cell.shape, tuple(int(v) for v in cell.flat))


@lru_cache(maxsize=16)
def _nearest_means(shape: tuple[int, int], colours: tuple[int, ...]) -> Mixture:
    cell = np.array(colours, np.uint8).reshape(shape)
    taps = nearest(neighbourhood(cell), None, 1.0)
    weights = np.zeros((*shape, 1, 3, len(taps)), np.float32)
    length = (taps**2).sum(1)
    for y, x in np.ndindex(*shape):
        there = cell[(y + taps[:, 0]) % shape[0], (x + taps[:, 1]) % shape[1]]
        for f, colour in enumerate(c for c in range(3) if c != cell[y, x]):
            closest = (there == colour) & (length == length[there == colour].min())
            weights[y, x, 0, f, closest] = 1 / closest.sum()
    trust, sizes = np.ones((*shape, 1), np.float32), np.ones(1, np.int32)
    return Mixture(cell, taps[None].astype(np.int32), weights, trust, sizes)


@lru_cache(maxsize=16)
def _mixture(shape: tuple[int, int], colours: tuple[int, ...], kinds: tuple[Kind, ...]) -> Mixture:
    cell = np.array(colours, np.uint8).reshape(shape)
    count = neighbourhood(cell)
    taps, common, apart = [], [], []
    for kind in kinds:
        for direction in (None, *DIRECTIONS[:: len(DIRECTIONS) // kind.directions]):
            t = nearest(count, direction, min(kind.stretch, LONGEST))
            taps.append(t)
            common.append(SHARED - distance(t[:, None] - t[None], direction, kind.stretch, kind.quarters))
            apart.append(kind.apart)
    models = len(taps)
    weights = np.empty((*shape, models, 3, count), np.float32)
    trust = np.empty((*shape, models), np.float32)
    places = np.array(taps, np.int32)
    kernels.cell_weights(cell, places, np.array(common), np.array(apart), LEVEL, NOISE, weights, trust)
    for k in range(models):  # only the ratios between the places of a cell count
        trust[..., k] /= geometric_mean(trust[..., k])
    sizes = np.array([1 + kind.directions for kind in kinds], np.int32)
    return Mixture(cell, places, weights, trust, sizes)


def neighbourhood(cell: UInt8) -> int:
    """How many samples a prediction needs: more where one colour stands in blocks."""
    return {1: 49, 2: 81}.get(longest_run(cell, but=1), 113)


def distance(
    way: NDArray[np.int64], direction: tuple[int, int] | None, stretch: float, quarters: int
) -> NDArray[np.float64]:
    """``|d|_m^2H`` of ways ``"… 2"``, along the direction divided by `stretch`; 2 H = quarters / 2."""
    y, x = way[..., 0].astype(np.float64), way[..., 1].astype(np.float64)
    squared = y * y + x * x
    if direction is not None:
        dy, dx = direction
        along = (y * dy + x * dx) ** 2 / (dy * dy + dx * dx)
        squared = np.maximum(squared - along, 0) + along / stretch**2
    root = np.sqrt(np.sqrt(squared))
    power = root
    for _ in range(quarters - 1):
        power = power * root
    return power


def nearest(count: int, direction: tuple[int, int] | None, stretch: float) -> NDArray[np.int64]:
    """The `count` nearest pixels, ``"count 2"`` as (y, x) from far to near: the site itself is the last."""
    reach = np.arange(-14, 15)
    ways = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    order = np.argsort(np.round(distance(ways, direction, stretch, 4), 9), kind="stable")
    return ways[order[:count]][::-1]


def geometric_mean(values: Float32) -> np.float32:
    """Of positive values, by pairs and square roots, which every machine rounds alike."""
    v = values.astype(np.float64).ravel()
    for _ in range(40):
        v = np.sqrt(v * np.roll(v, 1))
    return np.float32(v[0])
