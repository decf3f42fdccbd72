# SPDX-License-Identifier: Apache-2.0
"""The spectrum of the noise that a merged picture holds: not a table, but measured.

Demosaicking and warping colour the noise.  White noise is sent through our own demosaicking, and through the
merge on a flow that passes through all fractions of a pixel.  The mean square of the cosine coefficients of
all blocks is ``P_one`` for a frame as it is, and ``P_more`` for a warped one; n merged frames hold ::

    p = var · (P_one + (n − 1) · P_more) / n²

The noise of Y, U and V comes from three colours, which are not equally bright.  How much of each colour's is
in each plane is found by changing one colour at a time by little: ``mix``, scaled so that var is that of
green where the noise of the colours has the ratios that were measured with.  Where noise drowns the light, a
demosaic sees directions that are not there and smooths colour less: ``faint``, measured at such a light.

What `combine.refine` leaves of the noise of its photosites is added: next to none in brightness, but as much
again in fine colour, of which demosaicking left little.  Measured on grey and coloured patches that the
simulated phone took at ISO 100 to 3200, with σ the relative noise of a frame at a mid-grey::

    P_more ← P_more · (1 + 1.2 exp(−σ/0.13) s),    s = 0 … 1 from the lowest frequencies to the fifth
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Float32, Flow, Frames, Kind, Mosaic, Noise, Scene, Shot
from lichtbild.capture.demosaic import Demosaic, coloured, method_of
from lichtbild.combine.merge import Merge, merge

Sites = tuple[tuple[int, ...], ...]
BAYER: Sites = (RGGB[:2], RGGB[2:])
SIZE, SIGMA = 264, 0.01
LEVEL = 0.5  # of the light that the noise is added to
TILE = 8  # px; the shift grows by an eighth of a pixel from one to the next
LITTLE = 0.1  # of the noise
FAINT = 0.005  # light with twice as much noise
GREY = 0.18
REFINED = (1.2, 0.13)
DISTANCE = 5  # of the blocks: prime to the periods of all mosaics
BORDER = 16


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """Power of the cosine coefficients for variance 1, ``one, more: Float32 "3 8 8"``: of Y, U, V, [vertical,
    horizontal].

    ``mix: Float32 "3 3"`` is how much of the variance of each colour [column] each plane has,
    ``faint: Float32 "3"`` how much more noise each has where there is more noise than light;
    ``doublings`` how often the picture was doubled in size.
    """

    one: Float32
    more: Float32
    mix: Float32
    faint: Float32
    doublings: int = 0

    def halved(self) -> Power:
        """The same of a picture of half the size: flat, for little but low frequencies are left."""
        one, more = (p[:, :2, :2].mean(axis=(1, 2), dtype=np.float64) / 4 for p in (self.one, self.more))
        return replace(self, **{k: flat(v) for k, v in (("one", one), ("more", more))})

    def refined(self, noise: Noise) -> Power:
        """The same of a picture that was made to agree with its photosites."""
        variance = sum(s * GREY + r for s, r in zip(noise.shot, noise.read, strict=True)) / 3
        share = round(REFINED[0] * math.exp(-math.sqrt(variance) / GREY / REFINED[1]), 3)
        steps = np.add.outer(np.arange(8), np.arange(8))
        more = self.more.copy()
        more[1:] *= np.float32(1 + share * np.clip((steps - 1) / 4, 0, 1))
        return replace(self, more=more)


def flat(power: NDArray[np.float64]) -> Float32:
    """Spectra that are the same at all frequencies."""
    return np.repeat(power, 64).reshape(3, 8, 8).astype(np.float32)


def noise_power(scene: Scene) -> Power:
    """What is measured for the sensor of a scene, the ratios of its colours' noise, and its size."""
    scale = 1.0
    if scene.frames is not None:  # 2×2 pixels of the reference a cell
        scale = max(1.0, round(scene.rgb.shape[0] / scene.frames.shape[0]) / 2)
    sites = tuple(tuple(row) for row in scene.shot.sites.tolist())
    power = measured(scene.shot.kind, sites, *colour_ratios(scene.noise), scale, method_of(scene))
    refined = any(line.split(" ", 1)[0] == "refine" for line in scene.history)
    return power.refined(scene.noise) if refined else power


def colour_ratios(noise: Noise) -> tuple[float, float]:
    """Noise variance of red and of blue relative to green at a mid-grey, in steps of a quarter."""
    at = [s * 0.1 + r for s, r in zip(noise.shot, noise.read, strict=True)]
    steps = [round(4 * v / max(at[1], 1e-12)) / 4 for v in at]
    return min(max(steps[0], 0.25), 16.0), min(max(steps[2], 0.25), 16.0)


@lru_cache(maxsize=32)
def measured(
    kind: Kind,
    sites: Sites = BAYER,
    red: float = 1.0,
    blue: float = 1.0,
    scale: float = 1.0,
    method: str = "auto",
) -> Power:
    """Spectra for green noise of variance 1, and red and blue noise of these variances.

    Parameters
    ----------
    kind : {"bayer", "mono", "linear"}
        What the sensor has.
    sites : tuple of tuples of int
        Colours of its mosaic, row by row, as they repeat.
    red, blue : float
        Variance of their noise relative to green's.
    scale : float
        How much larger the picture is than its frames.  The noise of a picture that was enlarged is taken for
        that of the frames, enlarged by Lanczos-3.
    method : str
        By which it got its colours (see `Demosaic`).

    Returns
    -------
    Power
        Rounded to 2⁻¹⁶ of the largest, so that no library decides the last bit.
    """
    sensor = Sensor(kind, sites, method)
    variance = np.array([red, 1.0, blue])
    cfa = sensor.noise(variance, 0) + np.float32(LEVEL)
    frame = sensor.developed(cfa, variance)
    one, more = (spectra(enlarged(rgb - np.float32(LEVEL), scale)) for rgb in (frame.rgb, warped(frame)))
    mix = np.empty((3, 3))
    for c in range(3):
        change: Float32 = np.multiply(sensor.noise(np.eye(3)[c], c + 1), np.float32(LITTLE))
        there, back = (sensor.developed(cfa + s, variance).rgb for s in (change, np.negative(change)))
        mix[:, c] = np.square(split(there - back), dtype=np.float64).mean(axis=(1, 2))
    mix /= np.maximum((mix * variance).sum(axis=1, keepdims=True), 1e-30)
    dark = sensor.developed(cfa + np.float32(FAINT - LEVEL), variance).rgb - np.float32(FAINT)
    lit = spectra(frame.rgb - np.float32(LEVEL))
    faint = np.maximum((spectra(dark) / np.maximum(lit, 1e-30)).mean(axis=(1, 2)), 1)
    faint[0] = 1
    return Power(rounded(one), rounded(more), rounded(mix), rounded(faint), int(scale > 1))


class Sensor:
    """A sensor that sees noise and nothing else."""

    def __init__(self, kind: Kind, sites: Sites, method: str = "auto") -> None:
        cell = np.array(sites, np.uint8)
        self.demosaic = Demosaic(method)
        self.kind: Kind = kind
        self.shape = (SIZE, SIZE, 3) if kind == "linear" else (SIZE, SIZE)
        self.shot = Shot(Path(), (SIZE, SIZE), kind=kind)
        if kind == "bayer" and cell.shape == (2, 2):
            a, b, c, d = (int(v) for v in cell.flat)
            self.shot = replace(self.shot, pattern=(a, b, c, d))
        elif kind == "bayer":
            self.shot = replace(self.shot, cell=cell)
        times = [-(-SIZE // n) for n in cell.shape]
        self.plane = np.arange(3) if kind == "linear" else np.tile(cell, times)[:SIZE, :SIZE]

    def noise(self, variance: NDArray[np.float64], seed: int) -> Float32:
        """White noise, its variance for each colour in units of `SIGMA`²."""
        draw = np.random.Generator(np.random.Philox(7 + seed)).standard_normal(self.shape, dtype=np.float32)
        spread: Float32 = (np.sqrt(variance) * SIGMA).astype(np.float32)
        return draw * spread[self.plane]

    def developed(self, cfa: Float32, variance: NDArray[np.float64]) -> Scene:
        """Three colours at every pixel, by our own demosaic."""
        red, green, blue = (float(v) * SIGMA**2 for v in variance)
        noise, unclipped = Noise((0.0, 0.0, 0.0), (red, green, blue)), np.zeros((SIZE, SIZE), np.uint8)
        mosaic = Mosaic(cfa, self.kind, self.shot.pattern, (1.0, 1.0, 1.0), noise, unclipped, self.shot)
        return coloured(mosaic, self.demosaic)


def warped(frame: Scene) -> Float32:
    """The light of a frame as the merge reads it between its pixels, on shifts through all fractions."""
    nothing = replace(frame, rgb=np.zeros_like(frame.rgb))
    n = -(-SIZE // TILE)
    places = (np.arange(n, dtype=np.float32) - n // 2) / 8
    shift = np.zeros((2, n, n, 2), np.float32)
    shift[1] = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1)
    flow = Flow(shift, TILE, np.ones((2, n, n), np.float32))
    both = merge(Frames(2, 0, [nothing, frame].__getitem__, "demosaic"), flow, Merge("mean"))
    return both.rgb * np.float32(2)


def enlarged(rgb: Float32, scale: float) -> Float32:
    """A square picture `scale` times as large in both directions, by Lanczos-3."""
    if scale == 1:
        return rgb
    rgb = rgb[BORDER:-BORDER, BORDER:-BORDER]
    n = len(rgb)
    x = (np.arange(int(n * scale)) + 0.5) / scale - 0.5
    away = x[:, None] - np.arange(n)
    weights = np.where(np.abs(away) < 3, np.sinc(away) * np.sinc(away / 3), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.stack([weights @ rgb[..., c] @ weights.T for c in range(3)], axis=-1).astype(np.float32)


def split(rgb: Float32) -> Float32:
    """Y, U, V planes, ``"3 h w"``."""
    planes = np.empty((3, *rgb.shape[:2]), np.float32)
    kernels.denoise_split(np.ascontiguousarray(rgb), planes)
    return planes


def spectra(rgb: Float32) -> NDArray[np.float64]:
    """Mean power of the cosine coefficients of Y, U, V, in units of `SIGMA`²."""
    return np.array([spectrum(p) for p in split(rgb)]) / SIGMA**2


def spectrum(plane: Float32) -> NDArray[np.float64]:
    """Mean power of the orthonormal 8×8 cosine coefficients, [vertical, horizontal], borders left out."""
    k = np.arange(8)
    basis = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16)
    basis[0] /= np.sqrt(2)
    inner = plane[BORDER:-BORDER, BORDER:-BORDER].astype(np.float64)
    blocks = sliding_window_view(inner - inner.mean(), (8, 8))[::DISTANCE, ::DISTANCE]
    return np.asarray(np.square(basis @ blocks @ basis.T).mean(axis=(0, 1)))


def rounded(values: NDArray[np.float64]) -> Float32:
    """To 2⁻¹⁶ of the largest."""
    unit = 2.0 ** (np.ceil(np.log2(max(values.max(), 1e-30))) - 16)
    return (np.round(values / unit) * unit).astype(np.float32)
