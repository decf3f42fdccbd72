# SPDX-License-Identifier: Apache-2.0
"""What the merge did: each frame's part in the picture, and how many frames every place is made of.

A `Witness` watches the stages and keeps the little that is needed: the flow, the exposures, and the lens
shading of the reference, which is divided out of ``Scene.frames``.  The motion of a frame is told as the
median shift and as the turn θ of the rigid motion that fits its tiles best (clockwise as seen, weighted by
trust and by how well a tile fits)::

    shift(y, x) ≈ (t_y + a·y + b·x, t_x + c·y + d·x),     θ = atan2(b − c, 2 + a + d)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lichtbild.base.image import Burst, Float32, Flow, Frames, Mosaic, Noise, Scene, Shot
from lichtbild.capture.exposures import UNIFORM, exposure_of, groups
from lichtbild.capture.glance import glance

USED = 0.1      # weight below which a frame counts as left out
BLURRED = 0.8   # sharpness, of the sharpest frame's, below which blur is the likely reason
FAR = 24.0      # px of motion that is not the whole picture's (95 % of the tiles), beyond which motion is
ALONE = 0.5     # of what the least exposed other frame adds: with less, a frame counts as alone at a place
ROUNDS = 12     # of fitting the turn

Verdict = Literal["reference", "merged", "dropped"]


@dataclass(frozen=True, slots=True)
class Part:
    """One frame's part in the merge.

    ``weight`` is its mean weight over the picture beside the reference's 1; ``sharpness`` 1 for the sharpest
    of the frames exposed alike; ``exposure`` the light it gathered, 1 for the reference; ``shift`` the median
    motion (y, x) in pixels, ``turn`` in degrees clockwise, ``bend`` how far 95 % of the tiles deviate from
    that rigid motion at most (px); ``trust`` how far the alignment is to be believed, 0 … 1.
    """

    path: Path
    verdict: Verdict
    reason: str
    weight: float
    sharpness: float
    exposure: float
    shift: tuple[float, float]
    turn: float
    bend: float
    trust: float


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Everything there is to say about one merge.

    ``worth: Float32 "h/2 w/2"`` is how many frames' worth of light each 2×2 cell of the reference holds: 1
    where it stands alone, the number of frames where all agree.
    """

    parts: tuple[Part, ...]
    reference: int
    exposures: Literal["uniform", "bracket", "mixed"]
    worth: Float32
    noise: Noise | None
    shot: Shot

    @property
    def frames(self) -> float:
        """Frames' worth of light at a place, on average."""
        return float(self.worth.mean(dtype=np.float64))

    @property
    def alone(self) -> float:
        """Share of the picture where one frame stands alone: the reference, or a short one where it clips."""
        least = min((p.exposure for p in self.parts if p.verdict != "reference"), default=1.0)
        return float((self.worth < 1 + ALONE * min(least, 1.0)).mean())


class Witness:
    """Watches a merge: ``with watching(witness): …``, then `account`."""

    def __init__(self, burst: Burst) -> None:
        self.shots = tuple(f.shot for f in burst.frames)
        self.sharpness = sharpnesses(burst)
        self.reference = 0
        self.exposures: tuple[float, ...] = ()
        self.flow: Flow | None = None
        self.noise: Noise | None = None
        self.shading: Float32 | None = None
        self.worth: Float32 | None = None

    def __call__(self, stage: str, image: Any, seconds: float) -> None:
        """Remember what `stage` made, if it will be needed."""
        if isinstance(image, Flow):
            self.flow = image
        elif isinstance(image, Frames) and stage == "linearize":
            self.reference, self.exposures = image.reference, image.exposures
        elif isinstance(image, Mosaic | Scene) and image.shot.path == self.shots[self.reference].path:
            if isinstance(image, Mosaic):
                self.noise = image.shot.noise
            elif stage == "demosaic":
                self.shading = image.frames
            elif image.space == "camera" and image.shot.size == self.shots[self.reference].size:
                self.worth = image.frames  # before superres, which has other cells

    def account(self, scene: Scene) -> Account:
        """What happened to the burst of which `scene` was made (at any stage after the merge)."""
        count, shot = len(self.shots), self.shots[self.reference]
        worth = self.worth
        if worth is None or not worth.size:
            worth = np.ones((max(1, shot.size[0] // 2), max(1, shot.size[1] // 2)), np.float32)
        elif self.shading is not None and self.shading.shape == worth.shape:
            worth = worth / self.shading
        weights = scene.weights or (1.0,) * count
        light = self.exposures or (1.0,) * count
        best = {k: max(self.sharpness[j] for j in alike) or 1.0 for alike in groups(light) for k in alike}
        parts = []
        for k in range(count):
            sharpness = self.sharpness[k] / best[k]
            shift, turn, bend, trust = motion_of(self.flow, k)
            verdict, reason = judged(k == self.reference, weights[k], sharpness, (bend, trust))
            figures = (weights[k], sharpness, light[k], shift, turn, bend, trust)
            parts.append(Part(self.shots[k].path, verdict, reason, *figures))
        return Account(tuple(parts), self.reference, kind_of(light), worth, self.noise or shot.noise, shot)


def sharpnesses(burst: Burst) -> tuple[float, ...]:
    """Root of the Laplacian energy of each frame, per exposure: what the reference is chosen by.

    Noise adds to all of them, so that frames of a dark or noisy burst seem more alike than they are.
    """
    ratios = exposure_ratios([f.shot for f in burst.frames], 0)
    return tuple(math.sqrt(max(0.0, glance(f).detail)) / r for f, r in zip(burst.frames, ratios, strict=True))


def exposure_ratios(shots: Sequence[Shot], reference: int) -> tuple[float, ...]:
    """The light each frame gathered, in units of the reference's; 1 where the files do not say."""
    values = [exposure_of(s) or 0.0 for s in shots]
    if min(values) <= 0:
        return (1.0,) * len(shots)
    return tuple(v / values[reference] for v in values)


def kind_of(ratios: Sequence[float]) -> Literal["uniform", "bracket", "mixed"]:
    """Whether all frames have one exposure, each its own, or some share one."""
    steps = {round(2 * math.log2(r)) for r in ratios}
    if max(ratios) / min(ratios) < UNIFORM:
        return "uniform"
    return "bracket" if len(steps) == len(ratios) else "mixed"


def judged(
    is_reference: bool, weight: float, sharpness: float, motion: tuple[float, float]
) -> tuple[Verdict, str]:
    """What became of a frame, and the likely reason where it was left out."""
    if is_reference:
        return "reference", ""
    if weight >= USED:
        return "merged", ""
    bend, trust = motion
    if sharpness < BLURRED:
        return "dropped", f"blurred: sharpness {sharpness:.0%}"
    if bend > FAR or trust < 0.25:
        return "dropped", "moved too far or shows something else: it could not be aligned"
    return "dropped", f"differs from the reference almost everywhere: mean weight {weight:.2f}"


def motion_of(flow: Flow | None, k: int) -> tuple[tuple[float, float], float, float, float]:
    """Median shift (y, x) in px, turn in degrees, bend in px and mean trust of frame `k`."""
    if flow is None:
        return (0.0, 0.0), 0.0, 0.0, 1.0
    shift, trust = flow.shift[k].astype(np.float64), flow.trust[k].astype(np.float64)
    ny, nx = trust.shape
    y, x = np.meshgrid((np.arange(ny) + 0.5) * flow.tile, (np.arange(nx) + 0.5) * flow.tile, indexing="ij")
    design = np.stack([np.ones(y.size), y.ravel() - y.mean(), x.ravel() - x.mean()], axis=1)
    wanted = shift.reshape(-1, 2)
    good = np.sqrt(np.maximum(trust.ravel(), 1e-3))
    weight, rest, fit = good, np.zeros(len(wanted)), np.zeros((3, 2))
    for _ in range(ROUNDS):
        fit = np.linalg.lstsq(design * weight[:, None], wanted * weight[:, None], rcond=None)[0]
        rest = np.linalg.norm(wanted - design @ fit, axis=1)
        typical = float(np.median(rest)) + 0.05
        weight = good / (1 + (rest / (2 * typical)) ** 2)
    turn = math.degrees(math.atan2(fit[2, 0] - fit[1, 1], 2 + fit[1, 0] + fit[2, 1]))
    median = np.median(wanted, axis=0)
    return (float(median[0]), float(median[1])), turn, float(np.quantile(rest, 0.95)), float(trust.mean())
