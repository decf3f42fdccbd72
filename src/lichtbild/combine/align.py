# SPDX-License-Identifier: Apache-2.0
"""Align: where everything moved between the reference and the other frames.

Hands move the whole picture; things in it move on their own; rolling shutter and parallax bend it a little:

1. Every frame becomes a grey picture at half size whose noise is 1 everywhere, ``z = 2/s · √(s·g + r)`` for
   ``var(g) = s·g + r``, and a pyramid of it.
2. *Global*: an exhaustive search for the shift at the coarsest level, then Gauss–Newton on an affine motion
   from coarse to fine with Geman–McClure weights, which ignore what moves on its own.
3. *Tiles* of 64 px: Lucas–Kanade around the global motion with a prior that holds a tile where its texture
   says little::

       minimise  Σ (frame(x + motion + d) − reference(x))² + v·|d|² / hold²,   v = the tile's own residual

4. Tiles that the global motion leaves unexplained are searched for further away and refined there.

References
----------
[1] B. D. Lucas, T. Kanade, "An iterative image registration technique with an application to stereo vision",
    1981.
[2] S. Baker, I. Matthews, "Lucas–Kanade 20 years on: a unifying framework", IJCV 56(3), 2004.
[3] S. W. Hasinoff et al., "Burst photography for high dynamic range and low-light imaging on mobile cameras",
    ACM Trans. Graph. 35(6), 2016.  doi:10.1145/2980179.2980254
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Float32, Flow, Frames, Mosaic
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage

TILE = 64  # pixels; 32 at half size, 16 at quarter size
CORRELATED = 4.0  # pixels of the softened pictures that share one independent residual


@dataclass(frozen=True)
class Align(Params):
    """How the frames are laid onto each other."""

    hold: float = knob(
        0.25, 0.01, 4.0, "px", "How far a tile may leave the motion of the whole picture without texture."
    )
    reach: float = knob(
        48.0, 0.0, 128.0, "px", "How far to search for things that move on their own; 0 = not at all."
    )


def grey(mosaic: Mosaic) -> Float32:
    """Half-size grey picture of a frame in units of its noise (standard deviation 1), ``"h/2 w/2"``."""
    cfa = mosaic.cfa
    h, w = cfa.shape[:2]
    shot, read = mosaic.noise.shot, mosaic.noise.read
    if mosaic.kind == "linear":
        cfa = np.ascontiguousarray(
            cfa[..., 0] * np.float32(0.25) + cfa[..., 1] * np.float32(0.5) + cfa[..., 2] * np.float32(0.25)
        )
    out = np.empty((h // 2, w // 2), np.float32)
    kernels.align_grey(
        cfa, max((shot[0] + 2 * shot[1] + shot[2]) / 16, 1e-9), (read[0] + 2 * read[1] + read[2]) / 16, out
    )
    return out


def pyramid(image: Float32) -> list[Float32]:
    """The grey picture and its halves down to about 24 pixels, softened so that they can be read anywhere."""
    levels = []
    while True:
        soft = np.empty_like(image)
        kernels.align_soften(image, soft)
        levels.append(soft)
        if min(image.shape) < 48 or len(levels) == 6:
            return levels
        below = np.empty((image.shape[0] // 2, image.shape[1] // 2), np.float32)
        kernels.align_half(image, below)
        image = below


def sharpest(burst: Burst) -> int:
    """Index of the sharpest frame: the most Laplacian energy; noise adds the same to all frames."""
    planes = (f.dn if f.dn.ndim == 2 else np.ascontiguousarray(f.dn[..., 1]) for f in burst.frames)
    return int(np.argmax([kernels.align_sharpness(dn) for dn in planes]))


@stage
def align(frames: Frames[Mosaic], params: Align = Align()) -> Flow:
    """Find where every tile of the reference went in every frame.

    Parameters
    ----------
    frames : Frames[Mosaic]
        Linear frames; ``frames.reference`` is what the others are aligned to.
    params : Align
        Hold and reach.

    Returns
    -------
    Flow
        Shifts in pixels at tile centres (tile 64); zero for the reference itself.
    """
    reference = frames[frames.reference]
    h, w = reference.cfa.shape[:2]
    ny, nx = -(-h // TILE), -(-w // TILE)
    shift = np.zeros((frames.count, ny, nx, 2), np.float32)
    trust = np.ones((frames.count, ny, nx), np.float32)
    if frames.count > 1 and min(h, w) >= 16:
        fixed = pyramid(grey(reference))
        for k in range(frames.count):
            if k != frames.reference:
                shift[k], trust[k] = tile_flow(fixed, pyramid(grey(frames[k])), (ny, nx), params)
    return Flow(shift, TILE, trust)


def global_motion(fixed: list[Float32], moving: list[Float32]) -> NDArray[np.float64]:
    """Affine motion of the whole picture at the finest level (six numbers, see kernels/align.cpp)."""
    motion = np.zeros(6)
    top = len(fixed) - 1
    start = np.zeros(2)
    kernels.align_search(fixed[top], moving[top], max(2, min(fixed[top].shape) // 4), start)
    motion[0], motion[3] = start
    for level in range(top, -1, -1):
        if level < top:
            motion *= 2
        if min(fixed[level].shape) < 12:
            continue
        kernels.align_global(
            fixed[level],
            moving[level],
            2 if level == top else 6,
            4 if level > 1 else 2,
            1 if level > 0 else 3,
            64.0 if level >= top - 1 else 12.0,
            0.15 / 4**level,  # every level averages four pixels' noise
            motion,
        )
    return motion


def tile_flow(
    fixed: list[Float32], moving: list[Float32], grid: tuple[int, int], params: Align
) -> tuple[Float32, Float32]:
    """Shift "ty tx 2" (pixels) and trust "ty tx" of one frame."""
    motion = global_motion(fixed, moving)
    offset = np.zeros((*grid, 2), np.float32)
    cost = np.full(grid, np.inf, np.float32)
    everywhere = np.ones(grid, np.uint8)
    pull = CORRELATED * (2 / params.hold) ** 2  # offsets are measured in half-size pixels
    if len(fixed) > 2:
        kernels.align_tiles(
            fixed[1], moving[1], motion / 2, TILE // 4, 4, 4 * pull, 3, everywhere, offset, cost
        )
        lost = cost > 4 * typical(cost) + 1
        if params.reach > 0 and lost.any():
            far, better = hunted(fixed, moving, motion, lost, cost, params.reach)
            offset[better] = far[better]
            offset = np.where(better[..., None], offset, neighbours(offset))
        else:
            offset = neighbours(offset)
        offset *= np.float32(2)
    kernels.align_tiles(fixed[0], moving[0], motion, TILE // 2, 0, 6 * pull, 1, everywhere, offset, cost)
    trust = np.clip(np.float32(1) - cost / np.float32(4 * typical(cost) + 4), 0, 1)
    return centres(motion, fixed[0].shape, grid) + offset * np.float32(2), trust


def typical(cost: Float32) -> float:
    """Median residual of the tiles that overlap the frame; 0 when none does."""
    seen = cost[np.isfinite(cost)]
    return float(np.median(seen)) if seen.size else 0.0


def neighbours(offset: Float32) -> Float32:
    """Median of every offset and its eight neighbours: keeps bends, drops what single tiles imagine."""
    padded = np.pad(offset, ((1, 1), (1, 1), (0, 0)), mode="edge")
    h, w = offset.shape[:2]
    return np.median([padded[j : j + h, i : i + w] for j in range(3) for i in range(3)], axis=0).astype(
        np.float32
    )


def hunted(
    fixed: list[Float32],
    moving: list[Float32],
    motion: NDArray[np.float64],
    lost: NDArray[np.bool_],
    cost: Float32,
    reach: float,
) -> tuple[Float32, NDArray[np.bool_]]:
    """Offsets (quarter-size pixels) of tiles searched for further away, and where they fit much better."""
    far = np.zeros((*lost.shape, 2), np.float32)
    mask = lost.astype(np.uint8)
    kernels.align_hunt(fixed[2], moving[2], motion / 4, TILE // 8, 4, max(1, round(reach / 8)), mask, far)
    far *= np.float32(2)
    cost_far = np.full_like(cost, np.inf)
    kernels.align_tiles(fixed[1], moving[1], motion / 2, TILE // 4, 4, 0.1, 3, mask, far, cost_far)
    return far, lost & (cost_far < np.float32(0.5) * cost)


def centres(motion: NDArray[np.float64], shape: tuple[int, ...], grid: tuple[int, int]) -> Float32:
    """The global motion at the tile centres, in pixels, "ty tx 2"."""
    h, w = shape
    v = ((np.arange(grid[0]) + 0.5) * (TILE // 2) - 0.5 * h)[:, None] / w
    u = ((np.arange(grid[1]) + 0.5) * (TILE // 2))[None, :] / w - 0.5
    dy = motion[0] + motion[1] * u + motion[2] * v
    dx = motion[3] + motion[4] * u + motion[5] * v
    return (2 * np.stack([dy, dx], axis=-1)).astype(np.float32)
