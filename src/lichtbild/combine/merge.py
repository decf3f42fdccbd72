# SPDX-License-Identifier: Apache-2.0
"""Merge: many noisy frames become one clean frame, and moving things stay sharp.

Every frame has its three colours already, so that warping it by fractions of a pixel averages away the errors
of demosaicking together with the noise.  Each is warped onto the reference (Lanczos-3) and added with a
weight::

    merged = (reference + Σ a_k · warped_k) / (1 + Σ a_k)

``a`` is decided for cells of 2×2 pixels by the difference d to the reference in units of what explains it:
noise, known from the noise model, and the residue that a misalignment of `Merge.slack` pixels leaves at a
gradient ∇::

    D = mean over R, G, B of  d² / (f_c · 2 · var_c + slack² · |∇|²)

D is averaged over 3×3 cells (sharp small things) and over 9×9 cells (faint large things; there D counts at
most 4, so that a single strong edge does not speak for its surroundings); where frames agree both are near 1.
Each average is turned into a weight that falls from 1 to 0 between two thresholds, `Merge.trust` scales both,
the product is the weight, and every cell takes the least weight around it. ``f_c`` is how much of a colour's
noise survives in the mean of a cell.

Where red and blue lie in blocks (quad, nona), demosaicking guesses fine texture differently in every frame:
slack is 0.7 px at least there.  In a quad burst of dead leaves at ISO 400 all four frames count then instead
of two, which is 1.9 dB.

*Second chance.*  A flow is smooth, things that move are not.  Where the weight of a block falls, the motions
``Flow.second`` of its tile and the tiles around it are tried there (with ``Flow.turn``, where the thing
turns), and how the backgrounds of these tiles move; every cell takes the motion of the least D in the mean of
5×5 cells.  D, weight and light are then those of the chosen motions, judged as above: an error of choice is
refused, not averaged.

*Frames* counts what noise obeys: light merged with weights a has as much noise as ``(1 + Σ a)² / (1 + Σ a²)``
frames averaged.

References
----------
[1] B. Wronski et al., "Handheld multi-frame super-resolution", ACM Trans. Graph. 38(4), 2019 (robustness from
    noise and local statistics).  doi:10.1145/3306346.3323024
[2] S. W. Hasinoff et al., "Burst photography for high dynamic range and low-light imaging on mobile cameras",
    ACM Trans. Graph. 35(6), 2016.  doi:10.1145/2980179.2980254
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import QualityWarning
from lichtbild.base.image import Float32, Flow, Frames, Scene
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage
from lichtbild.capture.cell import longest_run
from lichtbild.capture.demosaic import survives
from lichtbild.combine.agree import NOISES, Agreement, agreement

MADE = 1.0, 2.0  # slack (px) at least, and trust, where the frames were demosaicked and denoised before
COARSE = 0.7  # px of slack at least, where red and blue lie in blocks, of which finer texture is guessed
FINE, BROAD = (2.2, 4.0), (1.35, 1.9)  # where the weight starts to fall and where it is 0
MOST = (40.0, 4.0)  # what D counts at most in them: broad means are for faint things
AS_IT_IS = (1.0, 1.0, 1e30, 1e30, 1e30)  # share and gain of a frame, and from where on it is clipped
BELIEVE_ALL = np.array([*(1,) * 3, *(1e30,) * 3, 0, 1e30, 2e30, 1e30, 2e30, *MOST, *AS_IT_IS], np.float32)
USED = 0.1  # mean weight of a frame that counts as merged
SHARP = 0.9  # energy of detail over the reference's below which a frame counts less
CLIPPED = 0.96  # of the clip level


@dataclass(frozen=True)
class Merge(Params):
    """How frames are weighted against the reference."""

    method: str = choice(
        "robust", ("robust", "mean"), "robust: leaves out what moved. mean: plain average, ghosts and all."
    )
    trust: float = knob(1.0, 0.1, 10.0, "×", "How much difference is still taken for noise.")
    slack: float = knob(0.2, 0.0, 1.0, "px", "Misalignment that is forgiven at edges.")


@stage
def merge(frames: Frames[Scene], flow: Flow, params: Merge = Merge()) -> Scene:
    """Merge aligned frames into their reference.

    Parameters
    ----------
    frames : Frames[Scene]
        Frames in camera space with three colours at every pixel.
    flow : Flow
        Where the tiles of the reference went (see `align`).
    params : Merge
        Method, trust and slack.

    Returns
    -------
    Scene
        ``frames: Float32 "h/2 w/2"`` says how many frames' worth of light each cell holds, ``weights`` the
        mean weight of every frame; ``merged`` counts the frames whose weight is above a tenth.
    """
    reference = frames[frames.reference].require("camera")
    h, w = reference.rgb.shape[:2]
    if frames.count == 1 or min(h, w) < 4:
        return reference
    means = np.empty((h // 2, w // 2, 3), np.float32)
    kernels.merge_means(reference.rgb, means)
    total = reference.rgb.copy()
    reference = replace(reference, rgb=total)  # lets the frame itself go
    belief, square = (np.ones((h // 2, w // 2), np.float32) for _ in range(2))
    shading = np.zeros((0, 0), np.float32) if reference.frames is None else np.float32(1) / reference.frames
    doubt = Doubt(reference, means, params)
    weights, before = [], 1.0
    for k in range(frames.count):
        if k == frames.reference:
            weights.append(1.0)
            continue
        frame, shift, second = frames[k], flow.shift[k], second_motions(flow, k)
        judge = doubt.judge(frame, shift, flow.tile)
        kernels.merge_frame(frame.rgb, means, shading, shift, second, flow.tile, judge, total, belief, square)
        now = float(belief.mean(dtype=np.float64))
        weights.append(now - before)
        before = now
        del frame  # its memory is the next one's
    kernels.merge_finish(belief, total)
    merged = sum(weight > USED for weight in weights)
    if merged < frames.count:
        words = f"merged {merged} of {frames.count} frames; the others differ too much from the reference"
        warnings.warn(QualityWarning(words), stacklevel=3)
    alike = belief * belief / square
    return replace(
        reference,
        frames=alike if reference.frames is None else alike * reference.frames,
        merged=merged,
        history=frames.history,
        weights=tuple(weights),
    )


def second_motions(flow: Flow, frame: int) -> Float32:
    """What moves on its own in a frame, and how it turns, "ty tx 6"; empty when nothing does."""
    if flow.second is None:
        return np.zeros((0, 0, 6), np.float32)
    second = flow.second[frame]
    turn = np.zeros((*second.shape[:2], 4), np.float32) if flow.turn is None else flow.turn[frame]
    return np.concatenate([second, turn], axis=2, dtype=np.float32)


class Doubt:
    """By what frames are judged: the noise model, and what each of them says of itself."""

    def __init__(self, reference: Scene, means: Float32, params: Merge) -> None:
        self.reference, self.means, self.params = reference, means, params
        self.noise = NOISES[1]  # the least that a sharp frame showed, over the model's

    def judge(self, frame: Scene, shift: Float32, tile: int) -> Float32:
        """The numbers by which the kernel judges a frame.

        Noise is the sensor's, not the frame's: what one sharp frame shows holds for those after it, so that
        nothing is forgiven a frame that lies badly.
        """
        if self.params.method == "mean":
            return BELIEVE_ALL
        variance = variances(self.reference)
        agreed = agreement(frame, self.means, variance, shift=shift, tile=tile)
        agreed = replace(agreed, noise=min(self.noise, agreed.noise))
        if agreed.sharpness > SHARP:
            self.noise = agreed.noise
        return verdict(self.reference, self.params, agreed)


def variances(reference: Scene) -> NDArray[np.float64]:
    """What noise makes of the difference of two cells: shot and read of each colour, "2 3"."""
    left, noise = survives(reference), reference.noise
    shot = [2 * f * s for f, s in zip(left, noise.shot, strict=True)]
    read = [2 * f * r + 1e-9 for f, r in zip(left, noise.read, strict=True)]
    return np.array([shot, read])


def verdict(reference: Scene, params: Merge, agreed: Agreement = Agreement()) -> Float32:
    """The numbers by which the kernel judges differences (``Judge`` in kernels/judge.h).

    A frame whose light had to be changed says nothing where it is clipped: there its light is not known, and
    the clipped colour alone would be off.
    """
    if params.method == "mean":
        return BELIEVE_ALL
    variance = (variances(reference) * agreed.noise).ravel()
    made = reference.shot.kind == "linear"  # by a camera's own processing, whose errors are no noise
    slack, trust = slack_of(reference, params.slack), params.trust * (MADE[1] if made else 1.0)
    slope = (slack / 4) ** 2  # differences over two cells are four pixels' worth of gradient
    thresholds = [trust * t for t in (*FINE, *BROAD)]
    share = min(1.0, agreed.sharpness / SHARP)
    clip = [CLIPPED * g * agreed.gain if agreed.gain != 1 else 1e30 for g in reference.gain]
    return np.array([*variance, slope, *thresholds, *MOST, share, agreed.gain, *clip], np.float32)


def slack_of(reference: Scene, slack: float) -> float:
    """The misalignment that is forgiven (px): more where colours are guessed worse than of a Bayer mosaic."""
    shot = reference.shot
    if shot.kind == "linear":
        return max(slack, MADE[0])
    return max(slack, COARSE) if shot.kind == "bayer" and longest_run(shot.sites, but=1) > 1 else slack
