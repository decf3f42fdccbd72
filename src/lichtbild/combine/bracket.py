# SPDX-License-Identifier: Apache-2.0
"""Bracket: frames of different exposure become one, with the light of the short, the calm of the long.

Every frame is in the reference's light already (see `linearize`).  Frames of one exposure are merged first;
each such part is then laid over what there is so far, first the shorter ones, then the longer ones, pixel by
pixel and colour by colour, weighted by the inverse of its variance::

    w_k = V_k · b_k · n_k / (shot_k · x + read_k + κ |∇x|²),     light = Σ w_k x_k / Σ w_k

n is how many frames the part holds, ``V`` is 0 where a frame is clipped and falls smoothly before that, and
one number for all colours: so no part speaks for red alone where green is clipped, and white stays white.  κ
says how much of a gradient is doubtful in every frame alike (demosaicking, alignment); at edges parts count
more equally.  b is the belief that nothing moved, judged in cells as `merge` does, with two differences: a
clipped value is a lower bound, which brighter light does not contradict; and ratios of exposures may be off
by a per cent.  Where b is 0 the reference stays as it is, clipped or not: motion is the reference's.

Before a part is laid over, its scale is set by the median ratio of what both saw well (`Bracket.refine`).

References
----------
[1] S. W. Hasinoff, F. Durand, W. T. Freeman, "Noise-optimal capture for high dynamic range photography", CVPR
    2010 (weights).  doi:10.1109/CVPR.2010.5540167
[2] M. Granados et al., "Optimal HDR reconstruction with linear digital cameras", CVPR 2010.
    doi:10.1109/CVPR.2010.5540208
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.errors import QualityWarning
from lichtbild.base.image import Burst, Float32, Flow, Frames, Scene, UInt8
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage
from lichtbild.capture.demosaic import survives
from lichtbild.capture.exposures import best_exposed, groups
from lichtbild.combine.align import sharpest
from lichtbild.combine.merge import BROAD, FINE, Merge, merge, slack_of

_FALL = 0.12  # of the clip level: how far weights take to fall
_DOUBT = 2.5  # standard deviations of noise below the clip level, where they are 0
_BLUR = 0.05  # px of every frame's gradients that are doubtful: κ is its square
GROWN = 2  # pixels by which `demosaic` marks more than what is clipped
_WELL = 8.0  # ratio to noise of cells that may tell the scale
_FEWEST = 256  # of them
USED = 0.1  # mean belief from which a part counts as merged
_MOST = 0.1  # how far the scale may be off


@dataclass(frozen=True)
class Bracket(Params):
    """How frames of different exposure are weighted."""

    trust: float = knob(1.0, 0.1, 10.0, "×", "How much difference is still taken for noise.")
    slack: float = knob(0.25, 0.0, 1.0, "px", "Misalignment that is forgiven at edges.")
    likeness: float = knob(1.0, 0.0, 10.0, "%", "How far exposures may be off what is known of them.")
    refine: float = knob(1.0, 0.0, 1.0, "", "How much of a part's error of scale is put right.")


@stage
def bracket(
    frames: Frames[Scene], flow: Flow, merging: Merge = Merge(), params: Bracket = Bracket()
) -> Scene:
    """Join aligned frames of different exposure on the grid and in the light of their reference.

    Parameters
    ----------
    frames : Frames[Scene]
        Frames in camera space, scaled to the reference's light; ``exposures`` says by how much.
    flow : Flow
        Where the tiles of the reference went (see `align`).
    merging : Merge
        How frames of one exposure are merged.
    params : Bracket
        Trust, slack, likeness.

    Returns
    -------
    Scene
        Light above the reference's clip level ``gain`` comes from shorter frames, up to ``reach`` times of
        it; ``clipped`` is set only where no frame tells.  What `merge` gives, where all are exposed alike.
    """
    parts = groups(frames.exposures) if frames.exposures else []
    if len(parts) < 2 or frames.count == 1:
        return merge(frames, flow, merging)
    own = next(p for p in parts if frames.reference in p)
    total, shading = _part(frames, flow, own, merging)
    if min(total.rgb.shape[:2]) < 4:
        return total
    sheet = _Sheet(total, shading, params)
    weights = dict(zip(own, total.weights or [1.0] * len(own), strict=True))
    merged, at = total.merged, parts.index(own)
    for members in (*parts[at + 1 :], *parts[:at][::-1]):  # shorter ones first, the nearest first
        part, _ = _part(frames, flow, members, merging)
        believed = sheet.lay(part)
        merged += part.merged if believed > USED else 0
        own_weights = part.weights or [1.0] * len(members)
        weights |= {k: believed * w for k, w in zip(members, own_weights, strict=True)}
    if merged < frames.count:
        warnings.warn(
            QualityWarning(
                f"merged {merged} of {frames.count} frames; the others differ too much from the reference"
            ),
            stacklevel=3,
        )
    return replace(
        sheet.scene(),
        merged=merged,
        history=frames.history,
        weights=tuple(weights[k] for k in range(frames.count)),
        reach=max(1.0, 1.0 / min(frames.exposures)),
    )


def best(burst: Burst) -> int:
    """The reference that a burst deserves: of the frames that are exposed best, the sharpest."""
    among = best_exposed(burst)
    return among[sharpest(replace(burst, frames=tuple(burst.frames[k] for k in among)))]


# ---- one exposure


def _part(
    frames: Frames[Scene], flow: Flow, members: list[int], merging: Merge
) -> tuple[Scene, Float32 | None]:
    """The frames of one exposure on the reference's grid, merged, and 1 / lens-shading gain of its cells.

    Bit 3 of ``clipped`` is set outside of the frames.
    """
    leader = frames.reference
    if leader not in members:
        leader = max(members, key=lambda k: (float(flow.trust[k].mean(dtype=np.float64)), -k))
    first = frames[leader]
    if leader != frames.reference:
        first = _seen(first, flow, leader)
    if len(members) == 1:
        return first, first.frames
    shift, trust = flow.shift[list(members)].copy(), flow.trust[list(members)]
    second, turn = (None if v is None else v[list(members)] for v in (flow.second, flow.turn))
    at = members.index(leader)
    shift[at] = 0

    def make(k: int) -> Scene:
        return first if k == at else frames[members[k]]

    some = Frames(len(members), at, make, frames.stage, frames.history)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)  # told for all parts at once
        made = merge(some, replace(flow, shift=shift, trust=trust, second=second, turn=turn), merging)
    return made, first.frames


def _seen(scene: Scene, flow: Flow, k: int) -> Scene:
    """Frame `k` as seen from the reference."""
    rgb, bits = np.empty(scene.rgb.shape, np.float32), np.empty(scene.rgb.shape[:2], np.uint8)
    kernels.bracket_warp(scene.rgb, _bits(scene), flow.shift[k], flow.tile, rgb, bits)
    return replace(scene, rgb=rgb, clipped=bits)


def _bits(scene: Scene) -> UInt8:
    return np.zeros((0, 0), np.uint8) if scene.clipped is None else scene.clipped


# ---- what there is so far


class _Sheet:
    """The light that parts are laid over, with what is known of it in cells of 2×2 pixels."""

    def __init__(self, first: Scene, shading: Float32 | None, params: Bracket) -> None:
        h, w = first.rgb.shape[:2]
        self._first, self._params = first, params
        self._rgb = np.array(first.rgb, np.float32, order="C")
        self._clipped = np.zeros((h, w), np.uint8) if first.clipped is None else first.clipped & 7
        self._size = (h // 2, w // 2)
        self._shade = np.zeros((0, 0), np.float32) if shading is None else shading
        self._cells, self._valid = self._measured(first)
        held = self._held(first)
        self._weight = np.ascontiguousarray(np.broadcast_to(held * self._valid, (3, *self._size)))
        self._spread = np.float32(1) / held

    def _held(self, scene: Scene) -> Float32:
        """How many frames' worth of light a part holds."""
        if scene.frames is None:
            return np.ones(self._size, np.float32)
        held = scene.frames[: self._size[0], : self._size[1]]
        return np.maximum(np.ascontiguousarray(held), np.float32(1e-3))

    def _measured(self, scene: Scene) -> tuple[Float32, Float32]:
        """Cell means "3 h/2 w/2", and how valid they are, "h/2 w/2"."""
        cells, valid = np.empty((3, *self._size), np.float32), np.empty(self._size, np.float32)
        unit = max((s / g + r / g**2) ** 0.5 for s, r, g in _relative(scene))
        to = max(0.5, 1.0 - _DOUBT * unit)
        gain = np.array(scene.gain, np.float32)
        grown = 0 if scene.shot.kind == "linear" else GROWN
        kernels.bracket_cells(scene.rgb, _bits(scene), gain, self._shade, to - _FALL, to, grown, cells, valid)
        return cells, valid

    def lay(self, part: Scene) -> float:
        """Add a part; gives the mean belief in it."""
        cells, valid = self._measured(part)
        part, cells = self._scaled(part, cells, valid)
        judge, held = self._judge(part), self._held(part)
        belief = np.empty(self._size, np.float32)
        kernels.bracket_belief(
            self._cells, cells, self._valid, valid, self._spread, held, self._shade, judge, belief
        )
        kernels.bracket_add(
            part.rgb,
            _bits(part) if part.clipped is not None else np.zeros(part.rgb.shape[:2], np.uint8),
            self._cells,
            cells,
            valid,
            belief,
            held,
            judge,
            self._rgb,
            self._clipped,
            self._weight,
            self._spread,
            self._valid,
            np.empty_like(self._weight),
        )
        kernels.merge_cells(self._rgb, self._cells)
        return float(belief.mean(dtype=np.float64))

    def _scaled(self, part: Scene, cells: Float32, valid: Float32) -> tuple[Scene, Float32]:
        """The part, its scale corrected by what both saw well."""
        shot, read = part.noise.shot[1], part.noise.read[1]
        mine, other = self._cells[1, ::2, ::2], cells[1, ::2, ::2]
        # chosen not by the part's own light: that would prefer what noise made bright
        noise = np.maximum(mine, np.float32(0)) * np.float32(shot) + np.float32(read)
        seen = np.minimum(self._valid, valid)[::2, ::2] > 0.99
        well = seen & (mine * mine > _WELL**2 * noise)
        if np.count_nonzero(well) < _FEWEST:
            return part, cells
        scale = 1.0 + self._params.refine * (float(np.median(mine[well] / other[well])) - 1.0)
        if not 1e-4 < abs(scale - 1.0) < _MOST:
            return part, cells
        r, g, b = (v * scale for v in part.gain)
        noise3 = part.noise.scaled((scale, scale, scale))
        factor = np.float32(scale)
        return replace(part, rgb=part.rgb * factor, gain=(r, g, b), noise=noise3), cells * factor

    def _judge(self, part: Scene) -> Float32:
        first, params = self._first, self._params
        falls = [params.trust * t for t in (*FINE, *BROAD)]
        slack = slack_of(first, params.slack) / 4  # differences over two cells are of four pixels
        numbers = [
            *first.noise.shot,
            *first.noise.read,
            *part.noise.shot,
            *part.noise.read,
            *first.gain,
            *part.gain,
            *survives(first),
            slack * slack,
            (_BLUR / 4) ** 2,
            (params.likeness / 100) ** 2,
        ]
        return np.array([*numbers, *falls], np.float32)

    def scene(self) -> Scene:
        """All that was laid on it.

        Light that only short frames saw counts as one frame's at least: beside its own brightness its noise
        is little, and taking it away would smear the dark around lamps.
        """
        clipped = self._clipped if self._clipped.any() else None
        least = np.float32(1) if not self._shade.size else self._shade[: self._size[0], : self._size[1]]
        frames = np.maximum(np.float32(1) / self._spread, least)
        return replace(self._first, rgb=self._rgb, clipped=clipped, frames=frames)


def _relative(scene: Scene) -> list[tuple[float, float, float]]:
    """Shot noise, read noise and gain of every colour."""
    return list(zip(scene.noise.shot, scene.noise.read, scene.gain, strict=True))
