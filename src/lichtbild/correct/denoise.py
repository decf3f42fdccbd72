# SPDX-License-Identifier: Apache-2.0
"""Denoise: what noise remains after the merge, taken away by as much as is known to be there.

The picture is split into brightness and two colour differences, ``Y = (R + 2G + B)/4, U = R − G, V = B − G``,
and each into overlapping blocks of 8×8 pixels.  In the cosine transform [2] of a block every coefficient c
holds noise of a known power p.  What it holds beyond is judged not by itself alone, as thresholds do, but
together with its neighbours: e₁ is the mean of c²/p over the same frequency in 3×3 blocks, and e₂ that of e₁
over the frequencies beside it.  c is then multiplied by Wiener's gain [1]::

    e = a·e₁ + (1 − a)·e₂,     c ← c · max(0, 1 − τ/e)

So fine texture stays, which is there all around though no single coefficient of it is above the noise.  A
block with 30 times the energy of the one that is judged, such as a lamp or an edge, says nothing about it and
is left out of the mean: otherwise grain would stay around lamps.

Colour follows brightness.  Within a block mostly two materials meet, and then the differences U and V are
straight lines over Y.  The slope of that line is found from the coefficients (with a prior of variance s²),
and only what is left beside the line is shrunk::

    slope = Σ u·y/p / (Σ y²/p + 1/s²),     u ← slope·y + gain · (u − slope·y)

Blocks overlap, row after row like bricks, and are averaged, with the more weight the less of them is left:
1/(1 + Σ gain²).  Noise of low frequency, which 8×8 blocks cannot see, is treated the same way at half and
quarter size [3], there in the lowest frequencies only: blotches of colour, and at little light the coarse
grain of brightness.

p is measured, see ``noise_power``; around a moving thing, where fewer frames were used, more is denoised, and
no boundary shows.

Another method, for instance a learned one, is a function like `classical`: it gets the scene (with its noise
model and frames) and the strengths, returns the light, and is entered in `METHODS` under a name, which
`Denoise.method` then takes.

References
----------
[1] M. K. Mıhçak, I. Kozintsev, K. Ramchandran, P. Moulin, "Low-complexity image denoising based on
    statistical modeling of wavelet coefficients", IEEE Signal Process. Lett. 6(12), 1999.
    doi:10.1109/97.803428
[2] G. Yu, G. Sapiro, "DCT image denoising: a simple and effective image denoising algorithm", IPOL 1, 2011.
    doi:10.5201/ipol.2011.ys-dct
[3] N. Pierazzo, J.-M. Morel, G. Facciolo, "Multi-scale DCT denoising", IPOL 7, 2017.
    doi:10.5201/ipol.2017.201
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Scene
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.stage import stage
from lichtbild.correct.noise_power import Power, noise_power

TAU = 1.4  # gain is 0 where energy is below that many times the noise's
BLEND = (0.25, 0.75, 1.0)  # e₁, e₂; variance of slopes
STEP = 4  # distance of the blocks
REACH = 3  # frequencies that are judged at half size and below, where the higher ones have been already
LEVELS = (1, 2, 2)  # times that Y, U, V are halved
PATCH = 4  # pixels, for which the noise is known


@dataclass(frozen=True)
class Denoise(Params):
    """How much of the noise that is left is taken away."""

    luma: float = knob(
        1.0, 0.0, 3.0, "×", "Noise of brightness taken away, in multiples of what is known to be there."
    )
    chroma: float = knob(
        1.0, 0.0, 3.0, "×", "Noise of colour taken away, in multiples of what is known to be there."
    )
    method: str = choice("classical", ("classical",), "classical: cosine transforms and the noise model.")


@stage
def denoise(scene: Scene, params: Denoise = Denoise()) -> Scene:
    """Shrink the noise that remains, as strongly as the noise model and the number of merged frames say.

    Parameters
    ----------
    scene : Scene
        In camera space, with its noise model and ``frames``; larger than these where it was enlarged.
    params : Denoise
        Strengths; 0 leaves a part untouched.

    Returns
    -------
    Scene
        The same light with less noise; the same object when both strengths are 0.
    """
    scene.require("camera")
    small = min(scene.rgb.shape[:2]) < 16
    silent = max(*scene.noise.shot, *scene.noise.read) <= 0
    if (params.luma == 0 and params.chroma == 0) or small or silent:
        return scene
    return replace(scene, rgb=METHODS[params.method](scene, params))


def classical(scene: Scene, params: Denoise) -> Float32:
    """The light without noise, ``"h w 3"``, by cosine transforms (see above)."""
    h, w = scene.rgb.shape[:2]
    power = noise_power(scene)
    planes = np.empty((3, h, w), np.float32)
    kernels.denoise_split(scene.rgb, planes)
    levels = noise_levels(scene, power)
    tau = np.array([params.luma, params.chroma, params.chroma], np.float32) * np.float32(TAU)
    clean = np.empty_like(planes)
    blend = np.array(BLEND, np.float32)
    kernels.denoise_shrink(planes, levels, power.one, power.more, tau, blend, 8, STEP, clean)
    coarse(clean, levels, power, tau, 1)
    rgb = planes.reshape(h, w, 3)  # memory that is not needed any more
    kernels.denoise_join(clean, rgb)
    return rgb


METHODS: Mapping[str, Callable[[Scene, Denoise], Float32]] = {"classical": classical}


def noise_levels(scene: Scene, power: Power) -> Float32:
    """How much noise there is, patch by patch: ``"5 h/4 w/4"``, rounded up.

    Variance of Y, U, V of one frame from the light of all three colours, and the shares that the reference's
    own noise and that of warped frames have in it: for n frames 1/n² and (n − 1)/n².
    """
    h, w = scene.rgb.shape[:2]
    levels = np.empty((5, -(-h // PATCH), -(-w // PATCH)), np.float32)
    frames = np.ones((1, 1), np.float32) if scene.frames is None else scene.frames
    noise = (np.array(v, np.float32) for v in (scene.noise.shot, scene.noise.read))
    kernels.denoise_levels(scene.rgb, frames, *noise, power.mix, power.faint, levels)
    return levels


def coarse(planes: Float32, levels: Float32, power: Power, tau: Float32, depth: int) -> None:
    """Do the same at half size, where noise is white again, and add the change to `planes` in place."""
    h, w = planes.shape[1:]
    depths = np.array([d + power.doublings for d in LEVELS])
    if min(h, w) < 64 or depth > depths.max():
        return
    before = np.empty((3, h // 2, w // 2), np.float32)
    for c in range(3):
        kernels.denoise_halve(planes[c], before[c])
    flat = power.halved()
    wanted = np.where(depth <= depths, tau, np.float32(0))
    after = np.empty_like(before)
    blend = np.array(BLEND, np.float32)
    kernels.denoise_shrink(before, levels, flat.one, flat.more, wanted, blend, REACH, STEP, after)
    coarse(after, levels, flat, tau, depth + 1)
    for c in range(3):
        if wanted[c] > 0:
            kernels.denoise_add_change(before[c], after[c], planes[c])
