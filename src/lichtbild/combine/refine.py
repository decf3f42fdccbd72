# SPDX-License-Identifier: Apache-2.0
"""Refine: the merged picture is made to agree with every photosite of every frame.

Demosaicking guesses two colours of every pixel, and the merge averages the guesses.  But each photosite y of
each frame has *measured* one colour at the sub-pixel place where the flow says that it lies.  What the
picture x should have shown there is read from x (Lanczos-3), and the differences are brought back
(back-projection, [1])::

    r(p) = y(p) − x[c(p)](p − shift)                     at every photosite p of every frame
    d[c] = Σ a·B·r / (Σ a·B + calm)                      gathered at every pixel, colour by colour

B is the cubic B-spline (σ = 0.58 px) around the pixel.  ``a`` is 0 where r is more than noise and the residue
of a misalignment explain: the mean over 2×2 photosites of::

    D = r² / (var + slack² · contrast),   contrast = mean squared difference of neighbouring pixels

is judged as in `merge`, over 3×3 and over 9×9 cells; a cell with a clipped photosite counts as nothing, and
the reference is always believed.  Slack is generous, because fine texture is *expected* to differ: it is what
demosaicking gets wrong.  What moved and was forgiven is found afterwards: where the corrected picture
explains the photosites of the reference worse than the uncorrected one did, by more than the noise that other
frames bring with them, the correction is taken back.

d holds what demosaicking got wrong, and noise.  Both are told apart in the 8×8 cosine transform of its
luminance and colour differences, Y = (R + 2G + B)/4, U = R − G, V = B − G: a coefficient c whose noise is p
becomes ``c · max(0, 1 − τ² p / c²)``; τ grows with the noise of a place, since what demosaicking got wrong
does not.  p is measured by sending white noise of one colour at a time through our own demosaic, merge and
this very correction, along the shifts of this burst, and scaled by the noise model, block by block::

    p = Σ var[c] · (P[c] / n + Q[c] · |1/n − 1/m|)

Here n = Σ a·B frames are corrected with, and the picture holds m.  The same frames are in both, so that most
of their noise is in x already and not in d: P is small; Q is for frames that only one of both holds.

So d is nearly all used at low ISO, where demosaicking is the largest error, and hardly at all where noise
hides it.

References
----------
[1] M. Irani, S. Peleg, "Improving resolution by image registration", CVGIP 53(3), 1991.
    doi:10.1016/1049-9652(91)90045-L
[2] S. Farsiu, M. Elad, P. Milanfar, "Multiframe demosaicing and super-resolution of color images", IEEE
    Trans. Image Process. 15(1), 2006.  doi:10.1109/TIP.2005.860336
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Flow, Frames, Mosaic, Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage
from lichtbild.combine.correction_noise import powers_for
from lichtbild.combine.photosites import NO_MAP, OWN_SLACK, Fit, Look, gathered

TAU = 1.3, 4.0  # threshold in standard deviations, and its growth with the relative noise
FEW = 8  # frames at which it holds
OWN_LIMITS = np.array([0.5, 1.5, 0.1, 0.3], np.float32)  # how much worse it may be
SMALLEST = 16  # px


@dataclass(frozen=True)
class Refine(Params):
    """How far the merged picture is made to agree with the photosites."""

    share: float = knob(1.0, 0.0, 1.5, "", "Share of what the photosites say that is taken over; 0 is off.")
    rounds: int = knob(1, 1, 4, "", "How often.")


@stage
def refine(scene: Scene, frames: Frames[Mosaic], flow: Flow, params: Refine = Refine()) -> Scene:
    """Put right in a merged scene what demosaicking got wrong in its frames.

    Parameters
    ----------
    scene : Scene
        What `merge` made of these frames.
    frames : Frames[Mosaic]
        What the photosites measured (see `linearize`); each is made once per round.
    flow : Flow
        Where the tiles of the reference went (see `align`).
    params : Refine
        Share and rounds.

    Returns
    -------
    Scene
        The same light with less error, and noise that is the same up to a few per cent; the same object where
        there is nothing to gain: one frame, no mosaic, or share 0.
    """
    scene.require("camera")
    h, w = scene.rgb.shape[:2]
    if params.share == 0 or frames.count == 1 or scene.shot.kind != "bayer" or min(h, w) < SMALLEST:
        return scene
    fit, rgb = Fit(2, 1.0, params.share, merged=True), scene.rgb
    for _ in range(params.rounds):
        rgb, _ = corrected(rgb, scene, frames, flow, fit)
    return replace(scene, rgb=rgb)


def corrected(
    rgb: Float32, scene: Scene, frames: Frames[Mosaic], flow: Flow, fit: Fit
) -> tuple[Float32, float]:
    """A picture "H W 3" fitted to the photosites of all frames once, and the share of its pixels that no
    photosite of some colour covers.
    """
    look = Look.at(scene, fit.twice)
    total, used, lacking, before = gathered(rgb, look, frames, flow, fit)
    contrast, doubt, size = look.contrast, look.doubt, look.difference.shape
    del look  # there are three pictures now: its differences give way
    reference = frames[frames.reference]
    after = shrunk(rgb, scene, (total, used), powers_for(scene, flow, fit), reference.shading, fit)
    del total
    look = Look(contrast, np.empty(size, np.float32), doubt, fit.twice)
    look.compare(after, reference, flow.shift[frames.reference], flow.tile, OWN_SLACK)
    weight = np.empty_like(before)
    kernels.superres_believe(look.doubt, before + own_noise(scene, used, fit), OWN_LIMITS, weight)
    kernels.refine_relent(rgb, weight, fit.twice, after)
    return after, lacking


def own_noise(scene: Scene, used: Float32, fit: Fit) -> Float32:
    """By how much the doubt about the reference's photosites grows, "h/2 w/2", just because a picture that
    held their own noise comes to hold that of more frames: 1/m − 1/n, m before and n with the correction.
    """
    h, w = scene.rgb.shape[0] // 2, scene.rgb.shape[1] // 2
    y, x = (np.arange(n) * fit.twice // 2 for n in (h, w))
    after = np.maximum(used[y][:, x], np.float32(1))
    held = np.float32(1) if scene.frames is None else np.maximum(scene.frames, np.float32(1))
    return np.maximum(np.float32(1) / held - np.float32(1) / after, 0) if fit.merged else np.zeros_like(after)


def shrunk(
    rgb: Float32,
    scene: Scene,
    correction: tuple[Float32, Float32],
    powers: Float32,
    shading: Float32 | None,
    fit: Fit,
) -> Float32:
    """A picture with its share of a correction (see `gathered`), less the noise of that."""
    total, used = correction
    after = np.empty_like(rgb)
    kernels.refine_shrink(
        total,
        used,
        rgb,
        powers,
        NO_MAP if scene.frames is None or not fit.merged else scene.frames,
        np.array([*scene.noise.shot, *scene.noise.read], np.float32),
        NO_MAP if shading is None else shading,
        fit.twice,
        TAU[0],
        TAU[1] * math.sqrt(FEW / max(scene.merged, 1)),
        fit.share,
        after,
    )
    return after
