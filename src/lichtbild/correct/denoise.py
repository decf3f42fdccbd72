# SPDX-License-Identifier: Apache-2.0
"""Denoise: what noise remains after the merge, taken away by as much as is known to be there.

The picture is split into luminance and two colour differences, ``Y = (R + 2G + B)/4, U = R − G, V = B − G``,
and each into overlapping blocks of 8×8 pixels.  In the cosine transform of a block every coefficient c holds
noise of a known power p, and is shrunk by the non-negative garrote::

    c ← c · max(0, 1 − τ² p / c²)

Blocks overlap and are averaged with weights ``1 / (1 + Σ gain²)``: smooth blocks count more than busy ones.

p is not flat: demosaicking and warping colour the noise.  Its spectrum is not a table but measured: white
noise is sent through our own demosaicking and warping once, ``P_one`` for the reference and ``P_more`` for
warped frames; n merged frames hold ``p = var · (P_one + (n − 1) P_more) / n²``, with var from the noise model
and n from the merge, block by block.  So around a moving thing, where fewer frames were used, more is
denoised, and no boundary shows.

Noise of low frequency, which 8×8 blocks cannot see, is treated the same way at half and quarter size:
blotches of colour, and at little light the coarse grain of luminance.

References
----------
[1] G. Yu, G. Sapiro, "DCT image denoising: a simple and effective image denoising algorithm", IPOL 1, 2011.
    doi:10.5201/ipol.2011.ys-dct
[2] H.-Y. Gao, "Wavelet shrinkage denoising using the non-negative garrote", J. Comput. Graph. Stat. 7(4),
    1998.
[3] N. Pierazzo, J.-M. Morel, G. Facciolo, "Multi-scale DCT denoising", IPOL 7, 2017.
    doi:10.5201/ipol.2017.201
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Float32, Kind, Mosaic, Noise, Scene, Shot
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage
from lichtbild.capture.demosaic import coloured
from lichtbild.combine.merge import BELIEVE_ALL

TAU = 1.35  # threshold in standard deviations at strength 1
STEPS = (3, 4, 4)  # distance of the blocks, for Y, U, V
SHIFTS = ((0.5, 0.5), (0.25, 0.0), (0.0, 0.75), (0.375, 0.625), (0.125, 0.875), (0.75, 0.25))


@dataclass(frozen=True)
class Denoise(Params):
    """How much of the noise that is left is taken away."""

    luma: float = knob(
        1.0, 0.0, 3.0, "×", "Noise of brightness taken away, in multiples of what is known to be there."
    )
    chroma: float = knob(
        1.0, 0.0, 3.0, "×", "Noise of colour taken away, in multiples of what is known to be there."
    )


@stage
def denoise(scene: Scene, params: Denoise = Denoise()) -> Scene:
    """Shrink the noise that remains, as strongly as the noise model and the number of merged frames say.

    Parameters
    ----------
    scene : Scene
        In camera space, with its noise model and ``frames``.
    params : Denoise
        Strengths; 0 leaves a part untouched.

    Returns
    -------
    Scene
        The same light with less noise; the same object when both strengths are 0.
    """
    scene.require("camera")
    h, w = scene.rgb.shape[:2]
    if (
        (params.luma == 0 and params.chroma == 0)
        or min(h, w) < 16
        or max(*scene.noise.shot, *scene.noise.read) <= 0
    ):
        return scene
    planes = np.empty((3, h, w), np.float32)
    green = np.empty((h // 2, w // 2), np.float32)
    kernels.denoise_split(scene.rgb, planes, green)
    variance = np.maximum(green, np.float32(0)) * np.float32(scene.noise.shot[1]) + np.float32(
        scene.noise.read[1]
    )
    frames = np.ones_like(green) if scene.frames is None else scene.frames
    powers = noise_power(scene.shot.kind, *colour_ratios(scene.noise))
    shrunk = np.empty((h, w), np.float32)
    for c, strength in enumerate((params.luma, params.chroma, params.chroma)):
        if strength > 0:
            tau = TAU * float(np.sqrt(strength))
            kernels.denoise_shrink(
                planes[c], powers[0][c], powers[1][c], variance, frames, 2, tau, STEPS[c], shrunk
            )
            planes[c] = shrunk
            coarse(planes[c], powers[0][c], powers[1][c], variance, frames, tau, 2 if c else 1)
    rgb = np.empty_like(scene.rgb)
    kernels.denoise_join(planes, rgb)
    return replace(scene, rgb=rgb)


def coarse(
    plane: Float32, one: Float32, more: Float32, variance: Float32, frames: Float32, tau: float, levels: int
) -> None:
    """Do the same at half size, where noise is white again, and add the change to `plane` in place."""
    h, w = plane.shape
    if levels == 0 or min(h, w) < 64:
        return
    before = np.empty((h // 2, w // 2), np.float32)
    kernels.denoise_halve(plane, before)
    flat = [np.full((8, 8), p[:2, :2].mean() / 4, np.float32) for p in (one, more)]
    after = np.empty_like(before)
    cell = max(1, variance.shape[0] * 2 // h)
    kernels.denoise_shrink(before, flat[0], flat[1], variance, frames, cell, tau, 4, after)
    coarse(after, flat[0], flat[1], variance, frames, tau, levels - 1)
    kernels.denoise_add_change(before, after, plane)


def colour_ratios(noise: Noise) -> tuple[float, float]:
    """Noise variance of red and of blue relative to green at a mid-grey, in steps of a quarter."""
    at = [s * 0.1 + r for s, r in zip(noise.shot, noise.read, strict=True)]
    steps = [round(4 * v / max(at[1], 1e-12)) / 4 for v in at]
    return min(max(steps[0], 0.25), 16.0), min(max(steps[2], 0.25), 16.0)


@lru_cache(maxsize=32)
def noise_power(kind: Kind, red: float, blue: float) -> tuple[list[Float32], list[Float32]]:
    """Power of the cosine coefficients of Y, U, V for green noise of variance 1: one frame, a warped one.

    White noise with the variances (red, 1, blue) goes through demosaicking, if the sensor has a mosaic, and
    through warping by a few fractions of a pixel; the power is the mean square of the coefficients of all
    blocks, rounded to three digits.
    """
    size, sigma = 256, 0.01
    spread = np.sqrt(np.array([red, 1, blue], np.float32)) * np.float32(sigma)
    cell = np.tile(spread[np.array([[0, 1], [1, 2]])], (size // 2, size // 2))
    sites = {"bayer": cell, "mono": spread[1], "linear": spread}[kind]
    shape = (size, size, 3) if kind == "linear" else (size, size)
    draw = np.random.Generator(np.random.Philox(7)).standard_normal(shape, dtype=np.float32)
    cfa = (np.float32(0.5) + draw * sites).astype(np.float32)
    noise = Noise((0.0, 0.0, 0.0), (red * sigma**2, sigma**2, blue * sigma**2))
    unclipped, shot = np.zeros((size, size), np.uint8), Shot(Path(), (size, size))
    frame = coloured(Mosaic(cfa, kind, RGGB, (1.0, 1.0, 1.0), noise, unclipped, shot))
    one = [spectrum(p) / sigma**2 for p in split(frame.rgb)]
    more = [np.zeros((8, 8)) for _ in range(3)]
    for shift in SHIFTS:
        for total, p in zip(more, split(warped(frame.rgb, shift)), strict=True):
            total += spectrum(p) / sigma**2 / len(SHIFTS)
    digits = [[np.round(p, 3).astype(np.float32) for p in powers] for powers in (one, more)]
    return digits[0], digits[1]


def split(rgb: Float32) -> Float32:
    """Y, U, V planes."""
    planes = np.empty((3, *rgb.shape[:2]), np.float32)
    kernels.denoise_split(rgb, planes, np.empty((rgb.shape[0] // 2, rgb.shape[1] // 2), np.float32))
    return planes


def warped(rgb: Float32, shift: tuple[float, float]) -> Float32:
    """The picture moved by a constant shift with the merge's own interpolation."""
    h, w = rgb.shape[:2]
    total, belief = np.zeros_like(rgb), np.zeros((h // 2, w // 2), np.float32)
    flow = np.broadcast_to(np.array(shift, np.float32), (1, 1, 2)).copy()
    kernels.merge_add(
        rgb,
        np.zeros((3, h // 2, w // 2), np.float32),
        np.zeros((0, 0), np.float32),
        flow,
        64,
        BELIEVE_ALL,
        total,
        belief,
    )
    return total


def spectrum(plane: Float32) -> NDArray[np.float64]:
    """Mean power of the orthonormal 8×8 cosine coefficients, [vertical, horizontal], borders left out."""
    k = np.arange(8)
    basis = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16)
    basis[0] /= np.sqrt(2)
    inner = plane[16:-16, 16:-16].astype(np.float64)
    inner = inner - inner.mean()
    blocks = inner.reshape(inner.shape[0] // 8, 8, -1, 8)
    coefficients = np.einsum("uy,aybx,vx->abuv", basis, blocks, basis)
    return np.asarray((coefficients**2).mean(axis=(0, 1)))
