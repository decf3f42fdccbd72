# SPDX-License-Identifier: Apache-2.0
"""Align: where everything moved between the reference and the other frames.

Hands move the whole picture; nearness, a rolling shutter and parallax bend it; things in it move on their
own:

1. Frames are compared in pyramids of grey pictures whose noise is 1 everywhere (see `pyramid`).
2. *Global*: an exhaustive search for the shift at the coarsest level, then Gauss–Newton from coarse to
   quarter size on a motion of seven terms an axis: linear (shift, turn, scale), u·v and u² (near to a flat
   thing), v² and v³ (a rolling shutter); Geman–McClure weights ignore what moves on its own.
3. *Tiles* of 64 px: Lucas–Kanade around the global motion gives each tile's own offset d and what it knows
   about it, the information matrix I = Σ ∇∇ᵀ / residual variance.
4. *Background*: the smooth flow s = r + s' that the tiles agree on; r = a + b·u is common to a row of tiles,
   for a rolling shutter shows every row at a moment of its own::

       minimise  Σ w·(s − d)ᵀ I (s − d) + |s' − s'_neighbour|² / `BEND`² + |s'|² / `hold`²

   w falls with the distance between a tile's own motion and the flow (Geman–McClure): what moves on its own
   is not background.  Where texture says nothing, neighbours, row and global motion do.  Steps 3 and 4 are
   done at quarter size and again at half size, there without the blocks that 5 has found.
5. Blocks of 16 px are unexplained where the residual is more than `LIMIT` times what noise and a misalignment
   of `SLACK` at edges explain (noise alone does that to one block in a thousand); a tile's trust is the share
   of its blocks that are explained and inside the frame.
6. *Objects* that move on their own are found in the unexplained blocks (see `objects`).

References
----------
[1] B. D. Lucas, T. Kanade, "An iterative image registration technique with an application to stereo vision",
    1981.
[2] S. Baker, I. Matthews, "Lucas–Kanade 20 years on: a unifying framework", IJCV 56(3), 2004.
[3] M. J. Black, P. Anandan, "The robust estimation of multiple motions", CVIU 63(1), 1996.
    doi:10.1006/cviu.1996.0006
[4] S. W. Hasinoff et al., "Burst photography for high dynamic range and low-light imaging on mobile cameras",
    ACM Trans. Graph. 35(6), 2016.  doi:10.1145/2980179.2980254
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Float32, Flow, Frames, Mosaic, Triple
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import Spare
from lichtbild.base.stage import stage
from lichtbild.capture.glance import glance
from lichtbild.combine.objects import LIMIT, Residue, objects
from lichtbild.combine.pyramid import grey, noise_at, pyramid

TILE = 64  # pixels; 32 at half size, 16 at quarter size
CORRELATED = 4.0  # pixels of the softened pictures that share one independent residual
BEND = 0.05  # px between neighbouring tiles
SLACK = 0.3  # px at edges
OWN = 0.5  # px from which on a tile that knows its motion moves on its own
WIDE = 8.0  # px that the rows of tiles may be off at first
MOST = 1e5  # 1/px² of this level: no tile knows its motion better
ROW = 0.5  # tiles that a row is worth against bends
SWEEPS = 16
AGAIN, MANY = 3, 0.1  # passes at quarter size, and the share of blocks that asks for another
OFF = 4.0  # times by which the noise of the file may be too small and still be put right
NOTHING = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Align(Params):
    """How the frames are laid onto each other."""

    hold: float = knob(
        0.25, 0.01, 4.0, "px", "How far a tile may leave the motion of the whole picture without texture."
    )
    reach: float = knob(
        48.0, 0.0, 128.0, "px", "How far a thing may move on its own from frame to frame; 0 = not looked for."
    )


def sharpest(burst: Burst) -> int:
    """Index of the sharpest frame: the most Laplacian energy; noise adds the same to all frames."""
    return int(np.argmax([glance(frame).detail for frame in burst.frames]))


@stage
def align(frames: Frames[Mosaic], params: Align = Align()) -> Flow:
    """Find where every tile of the reference went in every frame.

    Parameters
    ----------
    frames : Frames[Mosaic]
        Linear frames in the order they were taken; ``frames.reference`` is what the others are aligned to.
    params : Align
        Hold and reach.

    Returns
    -------
    Flow
        Shifts in pixels at tile centres (tile 64), zero for the reference itself; what moves on its own in
        ``second``.
    """
    reference = frames[frames.reference]
    h, w = reference.cfa.shape[:2]
    grid = -(-h // TILE), -(-w // TILE)
    shift = np.zeros((frames.count, *grid, 2), np.float32)
    trust = np.ones((frames.count, *grid), np.float32)
    own = np.full((frames.count, *grid, 6), np.nan, np.float32)
    if frames.count == 1 or min(h, w) < 16:
        return Flow(shift, TILE, trust)
    fixed = Fixed(reference)
    for step in (1, -1):
        guess = None
        for k in range(frames.reference + step, frames.count if step > 0 else -1, step):
            below, moving = fixed.beside(frames[k])
            shift[k], trust[k], residue = background(below, moving, grid, params)
            if params.reach > 0 and residue is not None:
                own[k] = objects(below, moving, shift[k], residue, guess=guess, reach=params.reach)
                guess = continued(own[k], shift[k], abs(k - frames.reference))
            del below, moving  # their memory is the next frame's
    if not np.isfinite(own).any():
        return Flow(shift, TILE, trust)
    return Flow(shift, TILE, trust, np.ascontiguousarray(own[..., :2]), np.ascontiguousarray(own[..., 2:]))


def continued(own: Float32, shift: Float32, away: int) -> Float32:
    """What to expect, relative to the background, of motions "ty tx 6" one frame farther from the reference
    than `away`.
    """
    ground = np.concatenate([shift, np.zeros((*shift.shape[:2], 4), np.float32)], axis=2)
    return (own - ground) * np.float32((away + 1) / away)


class Fixed:
    """Pyramids of the reference, one for every clip level that other frames have."""

    def __init__(self, mosaic: Mosaic) -> None:
        self.mosaic = mosaic
        self.made: dict[Triple | None, list[Float32]] = {}
        self.spare = Spare()

    def beside(self, other: Mosaic) -> tuple[list[Float32], list[Float32]]:
        """The reference and another frame: in the reference's noise, both clipped where one is."""
        a, b = self.mosaic.gain, other.gain
        ceiling = None if a == b else (min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2]))
        if ceiling not in self.made:
            self.made[ceiling] = pyramid(grey(self.mosaic, ceiling=ceiling))
        image = grey(other, self.mosaic.noise, ceiling, self.spare)
        return self.made[ceiling], pyramid(image, self.spare)


def global_motion(fixed: list[Float32], moving: list[Float32]) -> NDArray[np.float64]:
    """Motion of the whole picture at the finest level (fourteen numbers, see kernels/align.h).

    The coarsest level may show little of the background, so that a thing which moves on its own is found
    instead of it: what a search 64 px around finds two levels below half size has another chance.
    """
    top = len(fixed) - 1
    low = min(2, top)
    motion = searched(fixed, moving, top, max(2, min(fixed[top].shape) // 4), 1)
    loss = fitted(fixed, moving, motion, range(top, low - 1, -1))
    if top > low:
        other = searched(fixed, moving, low, min(8, min(fixed[low].shape) // 4), 4)
        apart = np.abs(other - motion)[[0, 7]].max() > 1.5  # else both have found the same
        if apart and fitted(fixed, moving, other, range(low, low - 1, -1), doubled=False) < loss:
            motion = other
    fitted(fixed, moving, motion, range(low - 1, 0 if top > 1 else -1, -1))
    if top > 1:  # half size is left to the tiles
        motion *= 2
    return motion


def searched(
    fixed: list[Float32], moving: list[Float32], level: int, radius: int, sparse: int
) -> NDArray[np.float64]:
    """The best shift of the whole picture within `radius` at one level; every `sparse`-th row counts."""
    start = np.zeros(2)
    kernels.align_search(fixed[level], moving[level], radius, sparse, noise_at(level), start)
    motion = np.zeros(14)
    motion[[0, 7]] = start
    return motion


def fitted(
    fixed: list[Float32],
    moving: list[Float32],
    motion: NDArray[np.float64],
    levels: range,
    *,
    doubled: bool = True,
) -> float:
    """Refine a motion in place from level to level; it comes from the level above, unless it is not to be
    doubled.  The last loss.
    """
    top, loss = len(fixed) - 1, np.inf
    for level in levels:
        if level < top and doubled:
            motion *= 2
        if min(fixed[level].shape) < 12:
            continue
        loss = kernels.align_global(
            fixed[level],
            moving[level],
            1 if level == top else 3 if level == top - 1 else 7,  # a shift, affine, all terms
            4 if level > 1 else 2,
            1 if level > 1 else 2,
            64.0 if level >= top - 1 else 12.0,
            0.15 / 4**level,  # every level averages four pixels' noise
            motion,
        )
    return loss


def background(
    fixed: list[Float32], moving: list[Float32], grid: tuple[int, int], params: Align
) -> tuple[Float32, Float32, Residue | None]:
    """Shift "ty tx 2" (pixels) and trust "ty tx" of one frame, and what it leaves unexplained."""
    motion = global_motion(fixed, moving)
    flow: Float32 = np.zeros((*grid, 2), np.float32)
    ground, residue, flags = centres(motion, fixed[0].shape, grid), None, NOTHING
    trust = np.ones(grid, np.float32)
    if len(fixed) > 2:
        for _ in range(AGAIN):
            flow = settled(1, own_motions(1, fixed, moving, motion, NOTHING, flow, params), params)
            residue = unexplained(fixed, moving, ground / np.float32(4) + flow)
            flags = (residue.rest != 0).astype(np.uint8)
            if float(flags.mean(dtype=np.float64)) < MANY:
                break
        trust = trusted(flags, grid)
        flow = flow * np.float32(2)
    flow = settled(0, own_motions(0, fixed, moving, motion, flags, flow, params), params)
    return (ground + flow * np.float32(2)).astype(np.float32), trust, residue


def own_motions(
    level: int,
    fixed: list[Float32],
    moving: list[Float32],
    motion: NDArray[np.float64],
    flags: NDArray[np.uint8],
    flow: Float32,
    params: Align,
) -> tuple[Float32, Float32]:
    """What every tile alone would choose, beginning at `flow`, as offset to the global motion "ty tx 2" in
    pixels of this level, and what it knows about it, "ty tx 5" (see kernels/align.cpp).
    """
    pixel = 2 << level
    offset, evidence = flow.copy(), np.zeros((*flow.shape[:2], 5), np.float32)
    how = np.array([2 * noise_at(level), CORRELATED, (pixel / params.hold) ** 2], np.float32)
    side, margin, rounds = TILE // pixel, (0, 4)[level], (1, 3)[level]
    kernels.align_tiles(
        fixed[level], moving[level], motion / (1 << level), side, margin, how, rounds, flags, offset, evidence
    )
    return offset, evidence


def settled(level: int, tiles: tuple[Float32, Float32], params: Align) -> Float32:
    """The smooth flow that tiles agree on who would choose and know this (see `own_motions`)."""
    pixel = 2 << level
    offset, evidence = tiles
    base = np.empty_like(offset)
    stiff, hold = (pixel / BEND) ** 2, (pixel / params.hold) ** 2
    how = np.array([ROW * stiff, ROW * hold, WIDE / pixel, OWN / pixel, MOST], np.float32)
    kernels.align_rows(offset, evidence, how, SWEEPS, base)
    flow = base.copy()
    how = np.array([stiff, hold, OWN / pixel, MOST], np.float32)
    kernels.align_settle(offset, evidence, base, how, SWEEPS, flow)
    return flow


def unexplained(fixed: list[Float32], moving: list[Float32], flow: Float32) -> Residue:
    """What the flow (quarter-size pixels) leaves in blocks of 16 px."""
    shape = fixed[1].shape[0] // 4, fixed[1].shape[1] // 4
    left, explained = np.empty(shape, np.float32), np.empty(shape, np.float32)
    how = np.array([2 * noise_at(1), (SLACK / 4) ** 2], np.float32)
    kernels.align_residue(fixed[1], moving[1], flow, TILE // 4, how, left, explained)
    seen = left >= 0
    ratio = left[seen] / explained[seen]
    off = float(np.median(ratio)) if ratio.size else 1.0
    explained *= np.float32(min(max(off, 1.0), OFF))
    return Residue(np.where(seen & (left <= LIMIT * explained), np.float32(0), left), explained)


def trusted(flags: NDArray[np.uint8], grid: tuple[int, int]) -> Float32:
    """Share of every tile's blocks that are explained."""
    more = [(0, max(0, 4 * n - m)) for n, m in zip(grid, flags.shape, strict=True)]
    blocks = np.pad(flags, more, mode="edge")[: 4 * grid[0], : 4 * grid[1]]
    lost = blocks.reshape(grid[0], 4, grid[1], 4).sum(axis=(1, 3), dtype=np.int64)
    return (1 - lost / 16).astype(np.float32)


def centres(motion: NDArray[np.float64], shape: tuple[int, ...], grid: tuple[int, int]) -> Float32:
    """The global motion at the tile centres, in pixels, "ty tx 2"."""
    h, w = shape
    v = ((np.arange(grid[0]) + 0.5) * (TILE // 2) - 0.5 * h)[:, None] / w
    u = ((np.arange(grid[1]) + 0.5) * (TILE // 2))[None, :] / w - 0.5
    dy, dx = (
        p[0] + u * (p[1] + v * p[3] + u * p[4]) + v * (p[2] + v * (p[5] + v * p[6]))
        for p in (motion[:7], motion[7:])
    )
    return (2 * np.stack([dy, dx], axis=-1)).astype(np.float32)
