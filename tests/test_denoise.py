# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Mosaic, Noise, Scene, Shot
from lichtbild.capture.demosaic import coloured
from lichtbild.correct.denoise import Denoise, denoise, noise_power, spectrum, split


def flat_frame(seed=0, size=256, level=0.3, sigma=0.01):
    cfa = (level + sigma * np.random.default_rng(seed).standard_normal((size, size))).astype(np.float32)
    noise = Noise((0.0,) * 3, (sigma**2,) * 3)
    return coloured(
        Mosaic(
            cfa,
            "bayer",
            RGGB,
            (1.0, 1.0, 1.0),
            noise,
            np.zeros((size, size), np.uint8),
            Shot(Path(), (size, size)),
        )
    )


def photographed(light, noise, seed):
    """A frame of the light through a noisy mosaic."""
    rng = np.random.default_rng(seed)
    h, w = light.shape[:2]
    colour = np.tile([[0, 1], [1, 2]], (h // 2, w // 2))
    cfa = np.take_along_axis(light, colour[..., None], axis=2)[..., 0]
    cfa = (cfa + np.sqrt(noise.shot[1] * cfa + noise.read[1]) * rng.standard_normal((h, w))).astype(
        np.float32
    )
    return coloured(
        Mosaic(cfa, "bayer", RGGB, (1.0, 1.0, 1.0), noise, np.zeros((h, w), np.uint8), Shot(Path(), (h, w)))
    )


def scene_of(rgb, noise):
    return Scene(np.ascontiguousarray(rgb, np.float32), "camera", Shot(Path(), rgb.shape[:2]), noise)


def basis():
    k = np.arange(8)
    b = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16)
    b[0] /= np.sqrt(2)
    return b


def twin(plane, power, variance, tau, step):
    """Block by block: transform, shrink, transform back, average with the weights."""
    h, w = plane.shape
    total, mass, b = np.zeros((h, w)), np.zeros((h, w)), basis()
    ys, xs = ([*range(0, n - 8, step), n - 8] for n in (h, w))
    for y in ys:
        for x in xs:
            c = b @ plane[y : y + 8, x : x + 8].astype(np.float64) @ b.T
            p = tau**2 * power * variance
            gain = np.maximum(0, 1 - p / np.maximum(c**2, 1e-30))
            gain[0, 0] = 1
            weight = 1 / (1 + (gain**2).sum())
            total[y : y + 8, x : x + 8] += weight * (b.T @ (gain * c) @ b)
            mass[y : y + 8, x : x + 8] += weight
    return total / mass


@pytest.mark.parametrize("size", [(8, 8), (37, 41), (100, 64), (73, 150)])
@pytest.mark.parametrize("step", [1, 3, 4])
def test_the_kernel_equals_its_twin(size, step):
    rng = np.random.default_rng(1)
    plane = (0.3 + 0.1 * np.sin(np.arange(size[1]) / 5) + rng.normal(0, 0.02, size)).astype(np.float32)
    power = rng.uniform(0.2, 2, (8, 8)).astype(np.float32)
    cells = (max(1, size[0] // 2), max(1, size[1] // 2))
    out = np.empty_like(plane)
    kernels.denoise_shrink(
        plane, power, power, np.full(cells, 4e-4, np.float32), np.ones(cells, np.float32), 2, 1.5, step, out
    )
    np.testing.assert_allclose(out, twin(plane, power.astype(float), 4e-4, 1.5, step), atol=2e-5)


def test_split_and_join_are_inverse():
    rgb = np.random.default_rng(0).uniform(0, 1, (31, 47, 3)).astype(np.float32)
    back = np.empty_like(rgb)
    kernels.denoise_join(split(rgb), back)
    np.testing.assert_allclose(back, rgb, atol=1e-6)


def test_the_noise_spectrum_is_that_of_our_demosaic():
    one, _ = noise_power("bayer", 1.0, 1.0)
    measured = [spectrum(p) / 0.01**2 for p in split(flat_frame(seed=5, size=512).rgb)]
    for predicted, seen in zip(one, measured, strict=True):
        assert np.abs(np.log(predicted / seen)).mean() < 0.15


def test_warping_keeps_low_frequencies_and_loses_high_ones():
    one, more = noise_power("bayer", 1.0, 1.0)
    assert more[0][0, 0] == pytest.approx(one[0][0, 0], rel=0.1)
    assert more[0][7, 7] < 0.7 * one[0][7, 7]


def test_a_flat_field_loses_most_of_its_noise_and_keeps_its_mean():
    scene = flat_frame()
    clean = denoise(scene)
    assert clean.rgb.std(axis=(0, 1)).max() < 0.35 * scene.rgb.std(axis=(0, 1)).min()
    np.testing.assert_allclose(clean.rgb.mean(axis=(0, 1)), scene.rgb.mean(axis=(0, 1)), atol=2e-5)


def test_an_edge_far_above_noise_stays():
    sigma = 0.004
    light = np.full((128, 128, 3), 0.2)
    light[:, 64:] = 0.6
    noise = Noise((0.0,) * 3, (sigma**2,) * 3)
    scene = photographed(light, noise, 2)
    out = denoise(scene).rgb
    assert np.abs(out[:, 62:66].mean(axis=0) - light[0, 62:66]).max() < 0.01
    assert np.abs(out - light).mean() < 0.6 * np.abs(scene.rgb - light).mean()


def test_more_merged_frames_are_denoised_less():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:128, 0:128]
    fine = 0.3 + 0.006 * np.cos(1.1 * x + 0.7 * y)[..., None] * np.ones(3)
    scene = scene_of(fine + rng.normal(0, 1e-4, fine.shape), Noise((0.0,) * 3, (1e-4,) * 3))
    kept = []
    for n in (1.0, 4.0, 16.0):
        out = denoise(replace(scene, frames=np.full((64, 64), n, np.float32))).rgb
        kept.append(out[16:-16, 16:-16, 1].std())
    assert kept[0] < 0.5 * kept[2]
    assert kept[0] <= kept[1] <= kept[2]


def test_improves_a_noisy_picture_in_luma_and_in_chroma():
    y, x = np.mgrid[0:192, 0:192]
    light = 0.3 + 0.1 * np.stack([np.cos(x / 19), np.cos(x / 19 + y / 23), np.cos(y / 17)], axis=-1)
    scene = photographed(light, Noise((2e-3,) * 3, (1e-5,) * 3), 4)
    error = lambda a: np.square(split(np.float32(a) - np.float32(light))).mean(axis=(1, 2))  # noqa: E731
    before = error(scene.rgb)
    both, luma, chroma = (
        error(denoise(scene, p).rgb) for p in (Denoise(), Denoise(chroma=0), Denoise(luma=0))
    )
    assert (both < 0.4 * before).all()
    assert luma[0] < 0.4 * before[0]
    np.testing.assert_allclose(luma[1:], before[1:], rtol=1e-3)
    assert (chroma[1:] < 0.4 * before[1:]).all()
    np.testing.assert_allclose(chroma[0], before[0], rtol=1e-3)


def test_strength_0_is_the_same_object():
    scene = flat_frame(size=64)
    assert denoise(scene, Denoise(luma=0, chroma=0)) is scene


def test_exposure_equivariance():
    scene = flat_frame(size=64)
    brighter = scene_of(scene.rgb * np.float32(4), scene.noise.scaled((4.0, 4.0, 4.0)))
    np.testing.assert_allclose(denoise(brighter).rgb, denoise(scene).rgb * 4, rtol=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (17, 45), (15, 90), (67, 129)])
def test_odd_sizes_and_threads(size):
    rgb = np.random.default_rng(0).normal(0.3, 0.02, (*size, 3))
    scene = scene_of(rgb, Noise((1e-3,) * 3, (1e-5,) * 3))
    try:
        kernels.set_threads(1)
        one = denoise(scene).rgb
        kernels.set_threads(2)
        two = denoise(scene).rgb
    finally:
        kernels.set_threads(0)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)


def test_nan_stays_local():
    rgb = np.full((128, 128, 3), 0.3, np.float32)
    rgb[64, 64] = np.nan
    out = denoise(scene_of(rgb, Noise((1e-3,) * 3, (1e-5,) * 3))).rgb
    assert np.isfinite(out[:16]).all()
    assert np.isnan(out[64, 64]).any()


@pytest.mark.parametrize("kind", ["bayer", "mono", "linear"])
def test_every_kind_of_sensor_loses_most_of_its_noise(kind):
    """Frames without a mosaic have white noise, and are treated so."""
    sigma, shape = 0.01, (192, 192, 3) if kind == "linear" else (192, 192)
    cfa = (0.3 + sigma * np.random.default_rng(8).standard_normal(shape)).astype(np.float32)
    noise = Noise((0.0,) * 3, (sigma**2,) * 3)
    unclipped = np.zeros((192, 192), np.uint8)
    scene = coloured(
        Mosaic(cfa, kind, RGGB, (1.0, 1.0, 1.0), noise, unclipped, Shot(Path(), (192, 192), kind=kind))
    )
    before, after = split(scene.rgb), split(denoise(scene).rgb)
    for c in range(1 if kind == "mono" else 3):
        assert after[c].std() < 0.4 * before[c].std()
