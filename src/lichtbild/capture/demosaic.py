# SPDX-License-Identifier: Apache-2.0
"""Demosaic: three colours at every pixel, from the one that the sensor measured.

Two methods.  ``mixture`` (see `mixture`) knows any colour filter array and is the sharpest; ``ratio`` knows
Bayer mosaics and takes a tenth of the time, for bursts of many frames, where the errors of single frames
average away.

``ratio`` finds green first.  Along each of the four axis directions a red or blue site extrapolates its green
neighbour by the local *ratio* of brightness, because light and shade scale all colours together (d = one
pixel in that direction)::

    G_d = c(d) · (1 + (L − L(2d)) / (L + L(2d))),   L = c + low(c),   low = 3×3 binomial

``L`` mixes the site's own colour (sharp) with a low-pass over all colours (calm).  Opposite directions are
averaged by inverse gradients; vertical and horizontal estimates are mixed by the energy ``E`` of a seven-tap
high-pass along each axis, to which the noise model adds the energy that noise alone would have, so that noise
is not taken for structure::

    w = (E_v + e) / (E_v + E_h + 2e),   G = (1 − w) G_v + w G_h

Red and blue follow from the colour differences R − G and B − G: along the diagonals at the opposite colour,
along the axes at green sites, weighted in the same way.

References
----------
[1] L. Sanz Rodríguez, "Ratio Corrected Demosaicing", 2017 (the idea of the ratio-corrected low-pass; own
    formulas here).
[2] J. F. Hamilton, J. E. Adams, "Adaptive color plane interpolation in single sensor color electronic
    camera", US patent 5 629 734 (expired), 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Frames, Mosaic, Scene, Triple
from lichtbild.base.params import Params, choice
from lichtbild.base.spare import Spare
from lichtbild.capture.cell import around, longest_run
from lichtbild.capture.mixture import mixture, nearest_means

SURVIVES = {  # noise variance of the mean of 2 × 2 pixels / of a sample; measured in tests/test_merge.py
    "bayer": (0.375, 0.33, 0.375),
    "mono": (0.25, 0.25, 0.25),
    "linear": (0.25, 0.25, 0.25),
}
# of the mixture, by how many photosites of a colour lie in a row
_MIXED = {1: (0.29, 0.26, 0.29), 2: (0.2, 0.185, 0.2), 3: (0.28, 0.25, 0.28)}
_SIGNED = "demosaic method="
FEW = 3  # frames, whose errors of demosaicking do not average away


@dataclass(frozen=True)
class Demosaic(Params):
    """How missing colours are interpolated."""

    method: str = choice(
        "auto",
        ("auto", "ratio", "mixture", "bilinear"),
        "auto: mixture for up to three frames and for any mosaic that is not Bayer, else ratio. ratio: sharp "
        "and fast. mixture: sharpest. bilinear: plain, for comparison.",
    )


def demosaic(frames: Frames[Mosaic], params: Demosaic = Demosaic()) -> Frames[Scene]:
    """Give every pixel of every frame three colours; each frame is made when it is asked for.

    Parameters
    ----------
    frames : Frames[Mosaic]
        Linear, white-balanced frames (see `linearize`).
    params : Demosaic
        The method.

    Returns
    -------
    Frames[Scene]
        ``rgb: Float32 "h w 3"`` in camera space; ``frames`` is 1 / lens-shading gain, ``clipped`` has bit c
        set where a sample of colour c close by (within two pixels of a Bayer mosaic) was clipped (the
        reference only, where all frames are exposed alike).
    """
    params = Demosaic(chosen(params.method, frames.count))
    history = (*frames.history, f"{_SIGNED}{params.method}")
    spare = Spare()

    def make(k: int) -> Scene:
        mark = k == frames.reference or len(frames.exposures) > 0
        return coloured(frames[k], params, history, mark_clipped=mark, spare=spare)

    return Frames(frames.count, frames.reference, make, "demosaic", history, frames.exposures)


def chosen(method: str, count: int) -> str:
    """The method that ``auto`` means for so many frames: the sharpest for few, the fast one for many."""
    return method if method != "auto" else "mixture" if count <= FEW else "ratio"


def method_of(scene: Scene) -> str:
    """The method by which a scene got its colours, as its history tells; ``auto`` where it tells nothing."""
    signed = [line.removeprefix(_SIGNED) for line in scene.history if line.startswith(_SIGNED)]
    return signed[-1] if signed else "auto"


def survives(scene: Scene) -> Triple:
    """Noise variance per colour of the mean of 2 × 2 demosaicked pixels, for samples of variance 1."""
    shot = scene.shot
    if shot.kind == "bayer" and (shot.cell is not None or method_of(scene) == "mixture"):
        return _MIXED.get(longest_run(shot.sites, but=1), _MIXED[3])
    return SURVIVES[shot.kind]


def coloured(
    mosaic: Mosaic,
    params: Demosaic = Demosaic(),
    history: tuple[str, ...] = (),
    *,
    mark_clipped: bool = True,
    spare: Spare | None = None,
) -> Scene:
    """One frame with three colours at every pixel (see `demosaic`); only the reference's clipped areas are
    needed.
    """
    spare = spare or Spare()
    h, w = mosaic.cfa.shape[:2]
    if mosaic.kind == "linear":
        rgb = mosaic.cfa
    elif mosaic.kind == "mono":
        rgb = np.repeat(mosaic.cfa[..., None], 3, axis=2)
    else:
        rgb = spare.empty((h, w, 3), np.float32)
        interpolate(mosaic, params.method, rgb)
    clipped = None
    if mark_clipped and mosaic.kind == "linear":
        clipped = mosaic.clipped
    elif mark_clipped and mosaic.clipped.any():
        clipped = np.empty((h, w), np.uint8)
        cell = mosaic.cell if mosaic.kind == "bayer" else np.full((1, 1), 3, np.uint8)
        kernels.demosaic_clipped(mosaic.clipped, cell, around(mosaic.cell).reach + 1, clipped)
    frames = None
    if mosaic.shading is not None:
        frames = np.float32(1) / mosaic.shading[: max(1, h // 2), : max(1, w // 2)]  # whole cells
    return Scene(rgb, "camera", mosaic.shot, mosaic.noise, mosaic.gain, frames, clipped, 1, history)


def interpolate(mosaic: Mosaic, method: str, rgb: Float32) -> None:
    """Write the three colours of every pixel of a mosaic to ``rgb: Float32 "h w 3"``.

    ``ratio`` knows Bayer mosaics only: others are interpolated by ``mixture``; ``auto`` is ``ratio``.
    """
    noise = mosaic.noise.shot[1], mosaic.noise.read[1]
    if mosaic.shot.cell is None and method in ("auto", "ratio"):
        red = mosaic.pattern.index(0)
        kernels.demosaic(mosaic.cfa, red // 2, red % 2, *noise, rgb)
        return
    m = nearest_means(mosaic.cell) if method == "bilinear" else mixture(mosaic.cell)
    kernels.demosaic_cell(mosaic.cfa, m.cell, m.taps, m.weights, m.trust, m.sizes, m.root(mosaic.noise), rgb)
