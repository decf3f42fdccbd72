# SPDX-License-Identifier: Apache-2.0
"""The noise of a correction by photosites, measured instead of derived (see `refine`).

White noise in the photosites of one colour at a time goes through our own demosaic, merge and correction,
along the shifts of the very burst: where its photosites lie between each other decides.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Float32, Flow, Frames, Mosaic, Noise, Scene, Shot
from lichtbild.capture.demosaic import coloured
from lichtbild.combine.merge import Merge, merge
from lichtbild.combine.photosites import LEVEL, Fit, Look, gathered

MOST_MEASURED = 8  # frames


def powers_for(scene: Scene, flow: Flow, fit: Fit) -> Float32:
    """`noise_powers` for a scene."""
    sites = scene.shot.sites
    return noise_powers(sites.tobytes(), sites.shape, places(flow, sites.shape), grain(scene.noise), fit)


def grain(noise: Noise) -> tuple[float, float, float]:
    """Standard deviation of the noise of R, G, B at a mid-grey of 0.1, relative to it, in steps of √2."""
    variance = (s * LEVEL + r for s, r in zip(noise.shot, noise.read, strict=True))
    red, green, blue = (2.0 ** (round(math.log2(max(v / LEVEL**2, 1e-8))) / 2) for v in variance)
    return red, green, blue


def places(flow: Flow, cell: tuple[int, int]) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Shifts of the frames at four places of the picture, within half a cell, in 1/16 px.

    The noise of the correction depends on where the photosites of the frames lie between each other, and that
    changes over the picture as soon as the camera turns.
    """
    ny, nx = flow.shift.shape[1:3]
    found = []
    for y, x in ((1, 1), (1, 3), (3, 1), (3, 3)):
        shift = flow.shift[:, y * ny // 4, x * nx // 4].astype(np.float64)
        near = shift - np.array(cell) * np.round(shift / np.array(cell))
        found.append(
            tuple((round(16 * v) / 16, round(16 * u) / 16) for v, u in near[:MOST_MEASURED].tolist())
        )
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=16)
def noise_powers(
    cell: bytes,
    shape: tuple[int, int],
    shifts: tuple[tuple[tuple[float, float], ...], ...],
    grains: tuple[float, float, float],
    fit: Fit,
) -> Float32:
    """Power of the cosine coefficients of the correction's Y, U, V, for noise of variance 1 in the
    photosites of R, G and B of one frame, "3 2 3 8 8": if the merged picture holds the same noise, and if it
    holds none.

    White noise in the photosites of one colour goes through demosaicking, merging and the correction, along
    these shifts; rounded to three digits.
    """
    size, count = 32 + 192 // (1 if len(shifts) == 1 else 2), len(shifts[0])
    sites = np.frombuffer(cell, np.uint8).reshape(shape)
    colours = np.tile(sites, (-(-size // shape[0]), -(-size // shape[1])))[:size, :size]
    random = np.random.Generator(np.random.Philox(11))
    sigma = np.array(grains, np.float32) * np.float32(LEVEL)
    variance = (float(sigma[0]) ** 2, float(sigma[1]) ** 2, float(sigma[2]) ** 2)
    shot = Shot(Path(), (size, size), cell=sites.copy() if shape != (2, 2) else None)
    if shape == (2, 2):
        shot = replace(shot, pattern=tuple(sites.ravel().tolist()))
    shot = replace(shot, noise=Noise((0.0, 0.0, 0.0), variance))
    powers = np.zeros((3, 2, 3, 8, 8))  # colour of the photosites, common or own, plane
    for place in shifts:
        shift = np.array(place, np.float32)[:, None, None]
        flow = Flow(shift, 64, np.ones((count, 1, 1), np.float32))
        draws = random.standard_normal((count, size, size), dtype=np.float32) * sigma[colours]
        for c in range(3):
            mosaics = [grey_frame(d * (colours == c), shot) for d in draws]
            taken = Frames(count, 0, lambda k, m=mosaics: m[k], "linearize")
            images = Frames(count, 0, lambda k, m=mosaics: coloured(m[k]), "demosaic")
            held = merge(images, flow, Merge(method="mean"))
            if fit.merged:
                powers[c, 0] += powers_of(held, taken, flow, fit)
            powers[c, 1] += powers_of(replace(held, rgb=np.full_like(held.rgb, LEVEL)), taken, flow, fit)
    powers *= count / len(shifts) / np.array(variance)[:, None, None, None, None]
    return np.round(powers.transpose(2, 1, 0, 3, 4), 4).astype(np.float32)


def grey_frame(noise: Float32, shot: Shot) -> Mosaic:
    """A grey frame with this noise."""
    assert shot.noise is not None
    clean = np.zeros(noise.shape, np.uint8)
    return Mosaic(np.float32(LEVEL) + noise, "bayer", shot.pattern, (1.0, 1.0, 1.0), shot.noise, clean, shot)


def powers_of(scene: Scene, frames: Frames[Mosaic], flow: Flow, fit: Fit) -> NDArray[np.float64]:
    """Power of the Y, U and V by which these frames correct a scene, "3 8 8"."""
    rgb = scene.rgb
    if fit.twice > 2:
        rgb = np.empty((*(n * fit.twice // 2 for n in rgb.shape[:2]), 3), np.float32)
        kernels.refine_spread(scene.rgb, fit.twice, rgb)
    total, *_ = gathered(rgb, Look.at(scene, fit.twice), frames, flow, fit)
    return np.stack([spectrum(plane) for plane in total])


def spectrum(plane: Float32) -> NDArray[np.float64]:
    """Mean power of the orthonormal 8×8 cosine coefficients, [vertical, horizontal], borders left out."""
    k = np.arange(8)
    basis = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16)
    basis[0] /= np.sqrt(2)
    inner = plane[16:-16, 16:-16].astype(np.float64)
    blocks = inner.reshape(inner.shape[0] // 8, 8, -1, 8)
    coefficients = np.einsum("uy,aybx,vx->abuv", basis, blocks, basis)
    return np.asarray((coefficients**2).mean(axis=(0, 1)))
