# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Mosaic, Noise, Scene, Shot
from lichtbild.capture.demosaic import coloured
from lichtbild.correct.denoise import METHODS, Denoise, denoise, noise_levels
from lichtbild.correct.noise_power import BAYER, enlarged, measured, noise_power, spectra, split


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


def neighbours(judged, values):
    """Mean over the judged frequencies of 3×3, without the one in the middle; 0 where there are none."""
    wide = np.pad(values * judged, ((0, 0), (0, 0), (1, 1), (1, 1)))
    count = np.pad(judged, 1)
    total, number = np.zeros_like(values), np.zeros((8, 8))
    for v, u in [(v, u) for v in range(3) for u in range(3) if (v, u) != (1, 1)]:
        total += wide[:, :, v : v + 8, u : u + 8]
        number += count[v : v + 8, u : u + 8]
    return total / np.maximum(number, 1)


def alike(e, level):
    """Mean over 3×3 blocks, clamped at the border, without those of more than 30 times the energy."""
    rows, columns = e.shape[:2]
    total, count = np.zeros_like(e), np.zeros((rows, columns, 1, 1))
    for dj, di in [(dj, di) for dj in (-1, 0, 1) for di in (-1, 0, 1)]:
        there = np.ix_(
            np.clip(np.arange(rows) + dj, 0, rows - 1), np.clip(np.arange(columns) + di, 0, columns - 1)
        )
        near = (level[there] <= 30 * (1 + level))[..., None, None]
        total += e[there] * near
        count += near
    return total / count


def twin(planes, power, variance, tau, blend, reach, step):
    """The docstring's formulas, all blocks at once."""
    same, near, slopes = blend
    h, w = planes.shape[1:]
    b, judged = basis(), np.zeros((8, 8))
    judged[:reach, :reach] = 1
    judged[0, 0] = 0
    ys = sorted({*range(0, h - 8, step), h - 8})
    count = -(-(w - 8 + step // 2) // step) + 1
    xs = [np.clip(np.arange(count) * step - j % 2 * (step // 2), 0, w - 8) for j in range(len(ys))]
    places = [[np.s_[y : y + 8, x : x + 8] for x in line] for y, line in zip(ys, xs, strict=True)]
    block = lambda p: np.array([[p[place] for place in line] for line in places], np.float64)  # noqa: E731
    c = [b @ block(p) @ b.T for p in planes]
    p = [power[k] * variance[k] for k in range(3)]

    def losses(ks, coefficients):
        """What planes that are judged together lose, and how much their blocks weigh."""
        e = [x**2 / p[k] * judged for k, x in zip(ks, coefficients, strict=True)]
        level = np.mean([x.sum((2, 3)) for x in e], axis=0) / (8 * (3 if reach <= 3 else 8))
        lost = []
        for k, x in zip(ks, e, strict=True):
            mean = alike(x, level)
            mixed = same * mean + near * neighbours(judged, mean)
            lost.append(np.minimum(judged, tau[k] / np.maximum(mixed, 1e-20)))
        return lost, 1 / (1 + np.mean([((judged - x) ** 2).sum((2, 3)) for x in lost], axis=0))

    (lost,), light = losses([0], [c[0]])
    bright = (1 - lost) * c[0]
    y = bright.copy()
    y[..., 0, 0] = 0
    rest = []
    for k in (1, 2):
        weight = judged / p[k]
        slope = (c[k] * y * weight).sum((2, 3)) / ((y * y * weight).sum((2, 3)) + 1 / slopes)
        rest.append(c[k] - slope[..., None, None] * y)
    lost, colour = losses([1, 2], rest)
    clean = [bright, *(x - much * r for x, much, r in zip(c[1:], lost, rest, strict=True))]
    out = np.zeros(planes.shape)
    for k, weight in enumerate((light, colour, colour)):
        mass = np.zeros((h, w))
        for j, line in enumerate(places):
            for i, place in enumerate(line):
                mass[place] += weight[j, i]
                out[k][place] += weight[j, i] * (b.T @ clean[k][j, i] @ b)
        out[k] /= mass
    return out


@pytest.mark.parametrize("size", [(8, 8), (37, 41), (100, 64), (150, 290)])
@pytest.mark.parametrize(("step", "reach"), [(1, 8), (3, 8), (4, 3)])
def test_the_kernel_equals_its_twin(size, step, reach):
    if step == 1 and size[0] > 100:
        size = (30, 270)
    rng = np.random.default_rng(1)
    wave = 0.3 + 0.1 * np.sin(np.arange(size[1]) / 5) * np.array([1, 0.5, -0.2])[:, None, None]
    planes = (wave + rng.normal(0, 0.02, (3, *size))).astype(np.float32)
    planes[:, size[0] // 2, size[1] // 2] += 20  # a lamp
    power = rng.uniform(0.2, 2, (3, 8, 8)).astype(np.float32)
    levels = np.ones((5, -(-size[0] // 4), -(-size[1] // 4)), np.float32)
    variance = (4e-4, 2e-4, 3e-4)
    for k in range(3):
        levels[k] = variance[k]
    levels[3], levels[4] = 0.25, 0.75
    tau, blend = (1.2, 1.4, 1.1), (0.4, 0.6, 0.25)
    out = np.empty_like(planes)
    constants = (np.array(v, np.float32) for v in (tau, blend))
    kernels.denoise_shrink(planes, levels, power, power, *constants, reach, step, out)
    expected = twin(planes, power.astype(float), variance, tau, blend, reach, step)
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_split_and_join_are_inverse():
    rgb = np.random.default_rng(0).uniform(0, 1, (31, 47, 3)).astype(np.float32)
    back = np.empty_like(rgb)
    kernels.denoise_join(split(rgb), back)
    np.testing.assert_allclose(back, rgb, atol=1e-6)


def test_the_noise_spectrum_is_that_of_our_demosaic():
    power = measured("bayer")
    seen = spectra(flat_frame(seed=5, size=512).rgb)
    for k in range(3):
        assert np.abs(np.log(power.one[k] / seen[k])).mean() < 0.15


def test_warping_keeps_low_frequencies_and_loses_high_ones():
    power = measured("bayer")
    assert power.more[0, 0, 0] == pytest.approx(power.one[0, 0, 0], rel=0.1)
    assert power.more[0, 7, 7] < 0.7 * power.one[0, 7, 7]


def test_every_colour_adds_its_own_noise():
    """Light of one colour is noisy in that colour, and the planes know it."""
    mix = measured("bayer", BAYER, 4.0, 2.0).mix
    np.testing.assert_allclose(mix @ [4, 1, 2], 1, atol=1e-3)
    assert mix[0].argmax() == 1
    assert mix[1, 0] > 2 * mix[1, 2]
    assert mix[2, 2] > 2 * mix[2, 0]


@pytest.mark.parametrize("size", [6, 4])
def test_other_cells_have_spectra_of_their_own(size):
    quad = tuple(tuple(int(v) for v in row) for row in np.kron(BAYER, np.ones((2, 2), int)))
    cell = quad if size == 4 else ((1, 2, 1, 1, 0, 1), (0, 1, 0, 2, 1, 2), (1, 2, 1, 1, 0, 1),
                                   (1, 0, 1, 1, 2, 1), (2, 1, 2, 0, 1, 0), (1, 0, 1, 1, 2, 1))  # fmt: skip
    power = measured("bayer", cell)
    assert np.isfinite(power.one).all()
    assert (power.one >= 0).all()
    assert np.abs(power.one - measured("bayer").one).max() > 0.1


def test_an_enlarged_picture_has_noise_of_lower_frequency():
    scene = scene_of(np.full((192, 192, 3), 0.3), Noise((1e-3,) * 3, (1e-5,) * 3))
    twice, once = (noise_power(replace(scene, frames=np.ones((n, n), np.float32))) for n in (48, 96))
    assert twice.doublings == 1
    assert once.doublings == 0
    assert twice.one[0, 0, 0] > 3 * once.one[0, 0, 0]
    assert twice.one[0, 7, 7] < 0.1 * once.one[0, 7, 7]


def test_an_enlarged_flat_field_loses_most_of_its_noise():
    large = enlarged(flat_frame().rgb, 2.0)
    scene = replace(scene_of(large, Noise((0.0,) * 3, (1e-4,) * 3)), frames=np.ones((112, 112), np.float32))
    before, after = split(scene.rgb), split(denoise(scene).rgb)
    for c in range(3):
        assert after[c].std() < 0.4 * before[c].std()


def test_texture_below_the_noise_is_kept_better_than_by_thresholds():
    """A texture that is everywhere, though no coefficient of it is far above the noise, keeps its energy."""
    rng, sigma = np.random.default_rng(4), 0.01
    light = 0.3 + 0.02 * rng.standard_normal((256, 256, 1)) * np.ones(3)
    scene = scene_of(light + sigma * rng.standard_normal(light.shape), Noise((0.0,) * 3, (sigma**2,) * 3))
    scene = replace(scene, shot=replace(scene.shot, kind="linear"))
    out = denoise(scene).rgb
    assert split(out)[0].std() > 0.85 * split(np.float32(light))[0].std()
    assert np.square(out - light).mean() < 0.6 * np.square(scene.rgb - light).mean()


def test_colour_follows_brightness_where_noise_hides_it():
    """Stripes of two materials: their colour is known from their brightness."""
    rng, sigma = np.random.default_rng(5), 0.03
    stripe = (np.arange(192) // 3 % 2)[None, :, None] * np.ones((192, 1, 1))
    light = 0.15 + 0.3 * stripe * np.array([1.0, 0.7, 0.3])
    noise = Noise((0.0,) * 3, (sigma**2,) * 3)
    scene = scene_of(light + sigma * rng.standard_normal(light.shape), noise)
    scene = replace(scene, shot=replace(scene.shot, kind="linear"))
    before, after = (split(np.float32(rgb - light)) for rgb in (scene.rgb, denoise(scene).rgb))
    for c in (1, 2):
        assert after[c].std() < 0.3 * before[c].std()


def test_no_grain_is_left_around_a_lamp():
    light = np.full((192, 192, 3), 0.01)
    y, x = np.mgrid[:192, :192]
    away = np.hypot(y - 96, x - 96)
    light[away < 5] = 8
    noise = Noise((1e-4,) * 3, (2e-5,) * 3)
    scene = photographed(light, noise, 3)
    error = split(np.float32(denoise(scene).rgb - light))
    for plane in error:
        assert plane[(away > 16) & (away < 20)].std() < 1.5 * plane[away > 48].std()
        assert plane[(away > 11) & (away < 16)].std() < 3 * plane[away > 48].std()


def test_every_method_is_a_choice():
    (knob,) = (k for k in Denoise.knobs() if k.name == "method")
    assert set(knob.choices) == set(METHODS)


def test_a_flat_field_loses_most_of_its_noise_and_keeps_its_mean():
    scene = flat_frame()
    clean = denoise(scene)
    assert clean.rgb.std(axis=(0, 1)).max() < 0.35 * scene.rgb.std(axis=(0, 1)).min()
    np.testing.assert_allclose(clean.rgb.mean(axis=(0, 1)), scene.rgb.mean(axis=(0, 1)), atol=3e-5)


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
    """Three sizes see it, the smallest in blocks of 32 pixels."""
    rgb = np.full((192, 192, 3), 0.3, np.float32)
    rgb[96, 96] = np.nan
    out = denoise(scene_of(rgb, Noise((1e-3,) * 3, (1e-5,) * 3))).rgb
    assert np.isfinite(out[:32]).all()
    assert np.isnan(out[96, 96]).any()


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


def test_colour_has_more_noise_where_noise_drowns_the_light():
    power = measured("bayer")
    assert power.faint[0] == 1 and (power.faint[1:] > 1.3).all() and (power.faint[1:] < 2).all()
    np.testing.assert_array_equal(measured("linear").faint, 1)  # nothing was guessed
    noise = Noise((0.0,) * 3, (1e-4,) * 3)
    dark, lit = (noise_levels(scene_of(np.full((32, 32, 3), x), noise), power) for x in (0.0, 1.0))
    np.testing.assert_allclose(dark[:3, 4, 4] / lit[:3, 4, 4], power.faint, rtol=2e-3)


def test_refining_adds_noise_to_fine_colour_of_many_frames_and_to_nothing_else():
    power = measured("bayer")
    quiet, loud = (power.refined(Noise((s,) * 3, (0.0,) * 3)) for s in (1e-5, 0.1))
    for seen in (quiet, loud):
        np.testing.assert_array_equal(seen.one, power.one)
        np.testing.assert_array_equal(seen.more[0], power.more[0])
        np.testing.assert_array_equal(seen.more[:, 0, 0], power.more[:, 0, 0])
    assert ((quiet.more / power.more)[1:, 4:, 4:] > 2).all()
    assert ((loud.more / power.more)[1:, 4:, 4:] < 1.01).all()
