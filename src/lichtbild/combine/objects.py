# SPDX-License-Identifier: Apache-2.0
"""Objects: the motion of things that move on their own in front of the background.

The background's flow leaves blocks of 16 px unexplained where something moved: where it is in the reference,
and where it came to lie in the other frame.  For the tiles with such blocks, and on these blocks alone:

1. Candidates: the motion that the thing had in the frame nearer to the reference, extrapolated in time, else
   a search around the background's motion at eighth size.  The best is the one with the most of::

       Σ over blocks  √b · max(0, 1 − c/b)²      residual c with the candidate, b with the background

   so that blocks which belong to something else neither help nor harm.
2. Lucas–Kanade at quarter and half size with Geman–McClure weights, which ignore the background's pixels in
   the blocks and what is hidden in the frame.
3. Every tile tries the motions of its neighbours, and those that move alike are averaged by what each
   knows (their information matrices).
4. A tile keeps its motion only if it explains some of the blocks as well as noise allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32
from lichtbild.combine.pyramid import SOFT

FEW = 2  # unexplained blocks with which a tile is looked at
LIMIT = 4.0  # times what noise and slack explain: a block is explained


@dataclass(frozen=True, slots=True, eq=False)
class Residue:
    """What the background's flow leaves: ``rest: Float32 "hb wb"`` squared residual of unexplained blocks of
    16 px (0 where explained), ``explained`` what noise and slack explain of it.
    """

    rest: Float32
    explained: Float32


def seconds(
    fixed: list[Float32],
    moving: list[Float32],
    shift: Float32,
    residue: Residue,
    *,
    guess: Float32 | None,
    reach: float,
) -> Float32:
    """Shift "ty tx 2" (pixels) of what moves on its own in each tile, NaN where nothing does.

    Parameters
    ----------
    fixed, moving : list of Float32
        Pyramids of the reference and the frame.
    shift : Float32
        The background's motion "ty tx 2" in pixels.
    residue : Residue
        What it leaves.
    guess : Float32, optional
        Motion relative to the background "ty tx 2" that is expected, NaN where none is.
    reach : float
        How far to search around the background's motion, in pixels.
    """
    found = np.full(shift.shape, np.nan, np.float32)
    grid = shift.shape[:2]
    tiles = lost(residue.rest, grid)
    if not len(tiles):
        return found
    at = tiles[:, 0], tiles[:, 1]
    ground = shift[at] / np.float32(4)  # in pixels of quarter size
    candidates = np.full((len(tiles), 9, 2), np.nan, np.float32)
    if guess is not None:
        candidates = around(guess, tiles) / np.float32(4) + ground[:, None]
    best, share = choose(1, fixed, moving, tiles, residue, candidates, 1)
    anew = ~(share > 0.5)
    if anew.any():
        start = ground[anew][:, None] / np.float32(2)
        coarse, _ = choose(2, fixed, moving, tiles[anew], residue, start, max(1, round(reach / 8)))
        fresh, more = choose(1, fixed, moving, tiles[anew], residue, coarse[:, None] * np.float32(2), 2)
        better = more > share[anew]
        index = np.nonzero(anew)[0][better]
        best[index], share[index] = fresh[better], more[better]
    follow(1, fixed, moving, tiles, residue, best, 3)
    found[at] = best
    best, _ = choose(1, fixed, moving, tiles, residue, around(found, tiles), 0)
    follow(1, fixed, moving, tiles, residue, best, 2)
    best *= np.float32(2)
    evidence = follow(0, fixed, moving, tiles, residue, best, 2)
    best = agreed(best, evidence, tiles, grid) / np.float32(2)
    best[~explains(fixed, moving, tiles, residue, best)] = np.nan
    for _ in range(2):  # a thing's neighbours may be of the thing
        found[at] = best
        spare, _ = choose(1, fixed, moving, tiles, residue, around(found, tiles), 0)
        more = np.isnan(best[:, 0]) & explains(fixed, moving, tiles, residue, spare)
        best[more] = spare[more]
    found[at] = best * np.float32(4)
    return found


def explains(
    fixed: list[Float32], moving: list[Float32], tiles: NDArray[np.int32], residue: Residue, shift: Float32
) -> NDArray[np.bool_]:
    """Whether the shifts (quarter-size pixels, "n 2") explain enough of their tiles' blocks."""
    counts = np.zeros((len(tiles), 2), np.int32)
    kernels.objects_explains(
        fixed[1], moving[1], tiles, residue.rest, residue.explained, LIMIT, shift, counts
    )
    return (counts[:, 0] >= FEW) & (counts[:, 0] * 6 >= counts[:, 1])


def lost(rest: Float32, grid: tuple[int, int]) -> NDArray[np.int32]:
    """Tiles (j, i) with unexplained blocks, "n 2"."""
    full = np.zeros((grid[0] * 4, grid[1] * 4), np.int32)
    full[: rest.shape[0], : rest.shape[1]] = rest[: full.shape[0], : full.shape[1]] > 0
    count = full.reshape(grid[0], 4, grid[1], 4).sum(axis=(1, 3))
    return np.argwhere(count >= FEW).astype(np.int32)


def around(field: Float32, tiles: NDArray[np.int32]) -> Float32:
    """Values of the field "ty tx 2" at tiles and their eight neighbours, "n 9 2"."""
    padded = np.pad(field, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    j, i = tiles[:, 0], tiles[:, 1]
    return np.ascontiguousarray(np.stack([padded[j + v, i + u] for v in range(3) for u in range(3)], axis=1))


def choose(
    level: int,
    fixed: list[Float32],
    moving: list[Float32],
    tiles: NDArray[np.int32],
    residue: Residue,
    candidates: Float32,
    radius: int,
) -> tuple[Float32, Float32]:
    """The best candidate of every tile and the share of the residue it explains."""
    best, share = np.full((len(tiles), 2), np.nan, np.float32), np.full(len(tiles), -1, np.float32)
    tiles, candidates = np.ascontiguousarray(tiles), np.ascontiguousarray(candidates)
    kernels.objects_choose(
        fixed[level], moving[level], tiles, residue.rest, 8 >> level, candidates, radius, best, share
    )
    return best, share


def follow(
    level: int,
    fixed: list[Float32],
    moving: list[Float32],
    tiles: NDArray[np.int32],
    residue: Residue,
    shift: Float32,
    rounds: int,
) -> Float32:
    """Refine `shift` in place; the evidence of every tile, "n 5"."""
    evidence = np.zeros((len(tiles), 5), np.float32)
    how = np.array([2 * SOFT[level], 4.0], np.float32)
    kernels.objects_follow(
        fixed[level], moving[level], tiles, residue.rest, 8 >> level, how, rounds, shift, evidence
    )
    return evidence


def agreed(shift: Float32, evidence: Float32, tiles: NDArray[np.int32], grid: tuple[int, int]) -> Float32:
    """Mean of every tile and its neighbours that move alike, weighted by what they know."""
    field = np.full((*grid, 7), np.nan, np.float32)
    field[tiles[:, 0], tiles[:, 1]] = np.concatenate([shift, evidence], axis=1)
    near = around(field, tiles).astype(np.float64)
    away = near[:, :, :2] - shift[:, None].astype(np.float64)
    alike = (away * away).sum(axis=2) < 1.0  # half-size pixels; NaN is not
    alike[:, 4] = True
    weight = np.where(alike, 1.0, 0.0)
    total = np.where(alike[..., None], near[:, :, 2:], 0) * weight[..., None]
    a, b, c, p, q = total.sum(axis=1).T
    a, c = a + 1e-3, c + 1e-3
    p, q = p + 1e-3 * shift[:, 0], q + 1e-3 * shift[:, 1]
    det = a * c - b * b
    return np.stack([(c * p - b * q) / det, (a * q - b * p) / det], axis=1).astype(np.float32)
