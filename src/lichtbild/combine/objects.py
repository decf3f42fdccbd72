# SPDX-License-Identifier: Apache-2.0
"""Objects: the motion of things that move on their own in front of the background.

The background's flow leaves blocks of 16 px unexplained where something moved: where it is in the reference,
and where it came to lie in the other frame.  For the tiles with such blocks, and on these blocks alone:

1. Candidates: the motion that the thing had in the frame nearer to the reference, extrapolated in time, else
   a search around the background's motion.  The best is the one with the most of::

       Σ  √b · max(0, 1 − c/b)²      residual c with the candidate, b with the background

   over parts of 8 px, so that those which belong to something else neither help nor harm.
2. Lucas–Kanade at quarter and half size with Geman–McClure weights, which ignore the background's pixels in
   the blocks and what is hidden.
3. Every tile tries the motions of its neighbours; those that agree are joined to a shift and its changes from
   pixel to pixel (things turn), each by what it knows (its information matrix).
4. A tile keeps its motion only if it explains some of the parts as well as noise allows.

Motions are written "… 6": shift (y, x) at the tile's centre in pixels, and its changes per pixel (yy, yx, xy,
xx).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32
from lichtbild.combine.pyramid import noise_at

TILE = 64
FEW = 2  # unexplained blocks with which a tile is looked at
PARTS = 6  # of 8 px, that a motion must explain to be believed
LIMIT = 4.0  # times what noise and slack explain: a block is explained
SURE = 0.5  # score from which on a guess needs no search
WIDE, ALIKE = 8.0, 1.5  # px up to which neighbours may be, and in the end are, of one thing
STRAIGHT, BENT = 1e9, 1e3  # 1/(px/px)²: what is held against changes per pixel


@dataclass(frozen=True, slots=True, eq=False)
class Residue:
    """What the background's flow leaves: ``rest: Float32 "hb wb"`` squared residual of unexplained blocks of
    16 px (0 where explained, < 0 outside the frame), ``explained`` what noise and slack explain of it.
    """

    rest: Float32
    explained: Float32


@dataclass(frozen=True, slots=True, eq=False)
class Chase:
    """Two pyramids, the tiles (j, i) in which something is left unexplained, "n 2", and how the background
    moves there, "n 2".
    """

    fixed: list[Float32]
    moving: list[Float32]
    residue: Residue
    tiles: NDArray[np.int32]
    ground: Float32

    def only(self, some: NDArray[np.bool_]) -> Chase:
        """The chase in some of the tiles."""
        return Chase(self.fixed, self.moving, self.residue, self.tiles[some], self.ground[some])

    def choose(
        self, level: int, candidates: Float32, radius: int = 0, step: int = 1
    ) -> tuple[Float32, Float32]:
        """The best of the candidates "n c 6" of every tile, "n 6", and its score, "n"; shifts within `radius`
        by `step` pixels of the level are tried too.
        """
        n, size = len(self.tiles), np.float32(2 << level)
        best, share = np.empty((n, 6), np.float32), np.empty(n, np.float32)
        scaled = np.ascontiguousarray(candidates)
        scaled = scaled / np.array([size, size, 1, 1, 1, 1], np.float32)
        kernels.objects_choose(
            self.fixed[level],
            self.moving[level],
            self.tiles,
            self.ground / size,
            self.residue.rest,
            8 >> level,
            scaled,
            radius,
            step,
            best,
            share,
        )
        best[:, :2] *= size
        return best, share

    def follow(self, level: int, motions: Float32, rounds: int) -> tuple[Float32, Float32]:
        """Motions "n 6" refined, and what is known of their shifts (yy, xy, xx) in 1/px², "n 3"."""
        size = np.float32(2 << level)
        evidence = np.zeros((len(self.tiles), 3), np.float32)
        how = np.array([2 * noise_at(level), 4.0], np.float32)
        made = motions / np.array([size, size, 1, 1, 1, 1], np.float32)
        kernels.objects_follow(
            self.fixed[level],
            self.moving[level],
            self.tiles,
            self.residue.rest,
            8 >> level,
            how,
            rounds,
            made,
            evidence,
        )
        made[:, :2] *= size
        return made, evidence / (size * size)

    def explains(self, motions: Float32) -> NDArray[np.int32]:
        """How many parts of blocks the motions explain and how many there are, "n 2"."""
        counts = np.zeros((len(motions), 2), np.int32)
        kernels.objects_explains(
            self.fixed[1],
            self.moving[1],
            self.tiles,
            self.ground / np.float32(4),
            self.residue.rest,
            self.residue.explained,
            LIMIT,
            motions / np.array([4, 4, 1, 1, 1, 1], np.float32),
            counts,
        )
        return counts

    def around(self, field: Float32) -> Float32:
        """The motions "ty tx 6" of each tile and its eight neighbours, continued to the tile's centre, "n 9
        6".
        """
        padded = np.pad(field, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
        j, i = self.tiles[:, 0], self.tiles[:, 1]
        made = []
        for v in (-1, 0, 1):
            for u in (-1, 0, 1):
                m = padded[j + 1 + v, i + 1 + u].copy()
                y, x = np.float32(-TILE * v), np.float32(-TILE * u)
                m[:, 0] += m[:, 2] * y + m[:, 3] * x
                m[:, 1] += m[:, 4] * y + m[:, 5] * x
                made.append(m)
        return np.stack(made, axis=1)


def objects(
    fixed: list[Float32],
    moving: list[Float32],
    shift: Float32,
    residue: Residue,
    *,
    guess: Float32 | None,
    reach: float,
) -> Float32:
    """Motions "ty tx 6" of what moves on its own in each tile, NaN where nothing does.

    Parameters
    ----------
    fixed, moving : list of Float32
        Pyramids of the reference and the frame.
    shift : Float32
        The background's motion "ty tx 2" in pixels.
    residue : Residue
        What it leaves.
    guess : Float32, optional
        Motion relative to the background, "ty tx 6", that is expected; NaN where none is.
    reach : float
        How far to search around the background's motion, in pixels.
    """
    grid = shift.shape[:2]
    found = np.full((*grid, 6), np.nan, np.float32)
    tiles = lost(residue.rest, grid)
    if not len(tiles):
        return found
    chase = Chase(fixed, moving, residue, tiles, shift[tiles[:, 0], tiles[:, 1]])
    at = chase.tiles[:, 0], chase.tiles[:, 1]
    found[at] = begun(chase, guess, reach)
    best, _ = chase.choose(1, chase.around(found), 0)
    best = agreed(chase, *chase.follow(1, best, 2), grid)
    best = agreed(chase, *chase.follow(0, best, 2), grid)
    counts = chase.explains(best)
    best[~believed(counts)] = np.nan
    for _ in range(2):  # a thing's neighbours may be of the thing
        found[at] = best
        near = chase.around(found)
        near[:, 4] = np.nan
        spare, _ = chase.choose(1, near, 0)
        more = chase.explains(spare)
        better = believed(more) & (np.isnan(best[:, 0]) | (more[:, 0] > counts[:, 0]))
        best[better], counts[better] = spare[better], more[better]
    found[at] = best
    return found


def begun(chase: Chase, guess: Float32 | None, reach: float) -> Float32:
    """First motions "n 6" of the tiles: guessed from the frame before, or searched."""
    ground = np.pad(chase.ground, ((0, 0), (0, 4)))
    candidates = np.full((len(chase.tiles), 1, 6), np.nan, np.float32)
    if guess is not None:
        candidates = chase.around(guess) + ground[:, None]
    best, share = chase.choose(1, candidates, 0)
    anew = ~(share > SURE)
    if anew.any():
        some = chase.only(anew)
        start = ground[anew][:, None]
        coarse, _ = some.choose(1, start, 2 * max(1, round(reach / 8)), 2)
        fresh, more = some.choose(1, coarse[:, None], 1)
        better = more > share[anew]
        index = np.nonzero(anew)[0][better]
        best[index], share[index] = fresh[better], more[better]
    return chase.follow(1, best, 3)[0]


def believed(counts: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether enough parts of a tile's blocks are explained."""
    return (counts[:, 0] >= PARTS) & (counts[:, 0] * 6 >= counts[:, 1])


def lost(rest: Float32, grid: tuple[int, ...]) -> NDArray[np.int32]:
    """Tiles (j, i) with unexplained blocks, "n 2"."""
    full = np.zeros((grid[0] * 4, grid[1] * 4), np.int32)
    full[: rest.shape[0], : rest.shape[1]] = rest[: full.shape[0], : full.shape[1]] > 0
    count = full.reshape(grid[0], 4, grid[1], 4).sum(axis=(1, 3))
    return np.argwhere(count >= FEW).astype(np.int32)


def agreed(chase: Chase, motions: Float32, evidence: Float32, grid: tuple[int, ...]) -> Float32:
    """Motions "n 6": what every tile and its neighbours that move alike agree on; one that changes from pixel
    to pixel only where it explains clearly more.
    """
    at = chase.tiles[:, 0], chase.tiles[:, 1]
    field, known = np.full((*grid, 6), np.nan, np.float32), np.zeros((*grid, 3), np.float32)
    field[at], known[at] = motions, evidence
    both = []
    for straight in (STRAIGHT, BENT):
        out = np.empty_like(field)
        kernels.objects_agree(field, known, TILE, np.array([WIDE, ALIKE, straight], np.float32), out)
        both.append(out[at])
    simple, turned = (chase.explains(m)[:, 0] for m in both)
    return np.where((turned > simple + simple // 4 + 1)[:, None], both[1], both[0])
