# SPDX-License-Identifier: Apache-2.0
"""Demosaic by a mixture of models, for any colour filter array."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Mosaic, Noise, RawFrame, Shot
from lichtbild.capture.defects import Repair, defects
from lichtbild.capture.demosaic import Demosaic, chosen, coloured
from lichtbild.capture.linearize import estimate_noise
from lichtbild.capture.mixture import mixture, nearest_means
from lichtbild.capture.saturation import saturation
from lichtbild.pipeline import merged
from lichtbild.simulate.burst import burst
from lichtbild.simulate.cfa import known_cfa

CELLS = ("rggb", "gbrg", "quad", "nona", "xtrans", "ryyb")
SILENT = Noise((0.0,) * 3, (0.0,) * 3)


def mosaic_of(rgb, name, noise=SILENT):
    cfa = known_cfa(name)
    shot = cfa.on(Shot(Path(), rgb.shape[:2]))
    samples = np.ascontiguousarray(cfa.mosaic(rgb), np.float32)
    unclipped = np.zeros(samples.shape, np.uint8)
    return Mosaic(samples, "bayer", shot.pattern, (1.0,) * 3, noise, unclipped, shot)


def scene(h, w, seed=0):
    """Soft waves of some colour, an edge along a slant, and a grey stripe pattern."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    rgb = np.full((h, w, 3), 0.3)
    for _ in range(5):
        fy, fx, phase = *rng.uniform(-0.05, 0.05, 2), rng.uniform(0, 6.3)
        rgb += 0.03 * np.cos(2 * np.pi * (fy * y + fx * x) + phase)[..., None] * rng.uniform(0.4, 1, 3)
    edge = 1 / (1 + np.exp(-(y + 0.4 * x - 0.7 * h)))[..., None]
    return (rgb * (1 - 0.5 * edge) + 0.05 * np.sin(0.9 * x + 0.3 * y)[..., None]).astype(np.float32)


def mixed(mosaic, method="mixture"):
    return coloured(mosaic, Demosaic(method)).rgb


def psnr(error):
    return -10 * np.log10(np.square(error)[12:-12, 12:-12].mean())


# ---- the weights


@pytest.mark.parametrize("name", CELLS)
def test_brightness_and_colour_of_a_place_pass_unchanged(name):
    """The weights of the colour that is wanted sum to 1, those of every other to 0."""
    cell = known_cfa(name).cell
    m = mixture(cell)
    p, q = cell.shape
    for y, x in np.ndindex(p, q):
        wanted = [c for c in range(3) if c != cell[y, x]] + [cell[y, x]]
        for k, taps in enumerate(m.taps):
            there = cell[(y + taps[:, 0]) % p, (x + taps[:, 1]) % q]
            for f, colour in enumerate(wanted):
                sums = [m.weights[y, x, k, f][there == c].sum() for c in range(3)]
                np.testing.assert_allclose(sums, np.arange(3) == colour, atol=3e-6)
            assert m.weights[y, x, k, 2, -1] == 0 and not taps[-1].any()  # itself is not asked


def test_the_weights_minimise_the_error():
    """They solve the normal equations of the stated covariance (one model written out)."""
    cell = known_cfa("xtrans").cell
    m = mixture(cell)
    taps = m.taps[0].astype(np.float64)
    there = cell[m.taps[0][:, 0] % 6, m.taps[0][:, 1] % 6]
    away = np.sqrt(((taps[:, None] - taps[None]) ** 2).sum(-1))  # isotropic, H = 1/2
    same = there[:, None] == there[None]
    covariance = (60 - away) * (1 + 0.05 * same) + 300 * same + 1e-3 * np.eye(len(taps))
    for f, colour in enumerate(c for c in range(3) if c != cell[0, 0]):
        with_site = (60 - away[-1]) * (1 + 0.05 * (there == colour)) + 300 * (there == colour)
        expected = np.linalg.solve(covariance, with_site)
        np.testing.assert_allclose(m.weights[0, 0, 0, f], expected, atol=1e-4)  # then sums are made exact


# ---- the kernel


def twin(mosaic):
    """The docstring's formulas in NumPy; without what whole cells beyond the border would give."""
    m = mixture(mosaic.cell)
    root = m.root(mosaic.noise)
    z = np.sqrt(mosaic.cfa.astype(np.float64) + root[0])
    h, w = z.shape
    p, q = m.cell.shape
    floor = 3 * (max(root[1] / 4, root[2] / 4 / root[0]) + 1e-9)
    at = lambda a, d: np.roll(a, (-d[0], -d[1]), (0, 1))  # noqa: E731
    tile = lambda a: np.tile(a, (h // p + 1, w // q + 1))[:h, :w]  # noqa: E731
    models = []
    for k, taps in enumerate(m.taps):
        sums = [sum(tile(m.weights[:, :, k, f, t]) * at(z, d) for t, d in enumerate(taps)) for f in range(3)]
        error = (sums[2] - z) ** 2 * tile(m.trust[:, :, k])
        for axis in (0, 1):
            error = sum(
                c / 16 * np.roll(error, s, axis) for s, c in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True)
            )
        models.append((sums[0], sums[1], error + floor))
    groups, start = [], 0
    for size in m.sizes:
        one, two, error = (np.array(v) for v in zip(*models[start : start + size], strict=True))
        start += size
        share = error**-4
        share /= share.sum(0)
        evidence = (share * error).sum(0)
        for axis in (0, 1, 0, 1):
            evidence = sum(np.roll(evidence, s, axis) for s in range(-3, 4)) / 7
        groups.append(((share * one).sum(0), (share * two).sum(0), evidence**-12))
    total = sum(g[2] for g in groups)
    light = [sum(g[f] * g[2] for g in groups) / total for f in (0, 1)]
    light = [v * v - root[0] + root[3] * (root[1] * (v * v - root[0]) + root[2]) / (4 * v * v) for v in light]
    rgb, own = np.empty((h, w, 3)), tile(m.cell)
    for c in range(3):
        rgb[..., c] = np.where(own == c, mosaic.cfa, np.where(c < own, light[0], light[1]))
        rgb[..., c] = np.where((own != c) & (c == 1), np.where(own == 0, light[0], light[1]), rgb[..., c])
    return rgb


@pytest.mark.parametrize("name, size", [("rggb", (120, 420)), ("quad", (64, 72)), ("xtrans", (66, 78))])
def test_the_kernel_equals_its_twin(name, size):
    noise = Noise((2e-4,) * 3, (1e-6,) * 3)
    rgb = scene(*size) + np.random.default_rng(1).normal(0, 0.008, (*size, 3)).astype(np.float32)
    mosaic = mosaic_of(rgb, name, noise)
    got, expected = mixed(mosaic)[24:-24, 24:-24], twin(mosaic)[24:-24, 24:-24]
    # models with a share below 1/256 are left out by the kernel
    np.testing.assert_allclose(got, expected, atol=2e-3)
    assert np.abs(got - expected).mean() < 5e-5


def test_threads_do_not_change_a_bit():
    mosaic = mosaic_of(scene(130, 410), "quad")
    try:
        kernels.set_threads(1)
        one = mixed(mosaic)
        kernels.set_threads(2)
        np.testing.assert_array_equal(one, mixed(mosaic))
    finally:
        kernels.set_threads(0)


@pytest.mark.parametrize("name", CELLS)
def test_measured_samples_are_kept_and_greys_stay_grey(name):
    mosaic = mosaic_of(scene(60, 60), name)
    own = np.tile(mosaic.cell, (60, 60))[:60, :60, None]
    kept = np.take_along_axis(mixed(mosaic), own.astype(np.int64), axis=2)[..., 0]
    np.testing.assert_array_equal(kept, mosaic.cfa)
    np.testing.assert_allclose(mixed(mosaic_of(np.full((40, 50, 3), 0.3, np.float32), name)), 0.3, rtol=1e-4)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (7, 4), (13, 30)])
def test_pictures_of_a_few_pixels(name, size):
    rgb = mixed(mosaic_of(scene(*size), name))
    assert rgb.shape == (*size, 3) and np.isfinite(rgb).all()


@pytest.mark.parametrize("name, gain", [("rggb", 8), ("quad", 8), ("nona", 6), ("xtrans", 8), ("ryyb", 8)])
def test_detail_is_found_that_plain_means_blur(name, gain):
    rgb = scene(96, 108)
    mosaic = mosaic_of(rgb, name)
    assert psnr(mixed(mosaic) - rgb) > psnr(mixed(mosaic, "bilinear") - rgb) + gain


@pytest.mark.parametrize("name", ["rggb", "quad", "nona", "xtrans"])
@pytest.mark.parametrize("light", [0.0, 0.01, 0.4])
def test_noise_is_neither_biased_nor_amplified(name, light):
    noise = Noise((2e-3,) * 3, (2e-5,) * 3)
    sigma = np.sqrt(2e-3 * light + 2e-5)
    flat = light + np.random.default_rng(5).normal(0, sigma, (384, 384, 1))
    mosaic = mosaic_of(np.repeat(flat, 3, axis=2).astype(np.float32), name, noise)
    error = mixed(mosaic) - np.float32(light)
    assert error.var() < 0.8 * sigma**2
    own = (mosaic.cfa - light).mean()  # the sample's own mean is not zero
    assert abs((error.mean((0, 1)) - own) / sigma).max() < 0.03


def test_few_frames_get_the_sharpest_method():
    assert [chosen("auto", n) for n in (1, 3, 4, 8)] == ["mixture", "mixture", "ratio", "ratio"]
    assert chosen("bilinear", 1) == "bilinear" and chosen("mixture", 8) == "mixture"


# ---- other cells before and after


def frame_of(name, dn, **fields):
    shot = replace(known_cfa(name).on(Shot(Path(), dn.shape)), white=1023.0, **fields)
    return RawFrame(dn, replace(shot, black=np.full((2, 2), 64, np.float32)))


@pytest.mark.parametrize("name", ["rggb", "quad", "nona", "xtrans"])
def test_defects_of_any_cell_are_found_and_repaired(name):
    rng = np.random.default_rng(2)
    noise = Noise((5e-4,) * 3, (2e-6,) * 3)
    planes = scene(96, 96) * np.array([0.6, 1.0, 0.7], np.float32)
    light = known_cfa(name).mosaic(planes).astype(np.float64)
    hot = rng.permutation(96 * 96)[:12]
    frames = []
    for _ in range(3):
        taken = light + rng.standard_normal(light.shape) * np.sqrt(5e-4 * light + 2e-6)
        taken.flat[hot] += 0.5
        frames.append(frame_of(name, np.clip(np.round(64 + 959 * taken), 0, 1023).astype(np.uint16)))
    y, x = defects(Burst(tuple(frames)), 0, noise, 8.0)
    found = set((y * 96 + x).tolist())
    assert len(found & set(hot.tolist())) >= 11 and len(found - set(hot.tolist())) <= 1
    cell, broken = frames[0].shot.sites, light.astype(np.float32)
    broken.flat[hot] += np.float32(0.5)
    Repair.of((hot // 96, hot % 96), cell, light.shape).mend(broken, np.zeros(light.shape, np.uint8))
    assert np.abs(broken - light).max() < 0.1


@pytest.mark.parametrize("name", ["quad", "xtrans"])
def test_noise_and_saturation_of_another_cell_are_read_off_the_picture(name):
    rng = np.random.default_rng(4)
    grey = np.kron(np.append(np.linspace(0.02, 0.85, 14), [1.5, 1.5]).reshape(4, 4), np.ones((240, 240)))
    light = known_cfa(name).mosaic(np.repeat(grey[..., None], 3, axis=2))
    taken = np.minimum(light + rng.standard_normal(light.shape) * np.sqrt(5e-4 * light + 4e-6), 1)
    frame = frame_of(name, np.round(64 + 959 * 0.95 * taken).astype(np.uint16))
    noise = estimate_noise(Burst((frame,)))
    assert noise.shot[1] == pytest.approx(5e-4 * 0.95, rel=0.25)
    level = 64 + 959 * 0.95
    assert all(0.97 * level < v <= level + 1 for v in saturation(frame))


@pytest.mark.parametrize("name, least", [("quad", 40), ("nona", 38), ("xtrans", 42), ("ryyb", 42)])
def test_bursts_of_other_cells_come_near_the_truth(name, least):
    """Linear PSNR in raw units where nothing is clipped; four frames beat one."""
    taken, truth = burst("room", size=(192, 256), frames=4, iso=200, cfa=name, seed=3)
    taken = replace(taken, reference=0)
    good = truth.rgb.max(axis=2) < 0.9
    figures = []
    for n in (1, 4):
        made = merged(Burst(taken.frames[:n], 0))
        error = (made.rgb / np.array(made.gain, np.float32) - truth.rgb)[good]
        figures.append(-10 * np.log10(np.square(error).mean()))
        assert np.abs(error.mean(axis=0)).max() < 1e-3  # no cast
    assert figures[0] > least and figures[1] > figures[0]


@pytest.mark.parametrize("name, gain", [("quad", 5.0), ("nona", 4.5), ("rggb", 4.0)])
def test_errors_of_blocks_of_one_colour_are_no_motion(name, gain):
    """Fine texture, whose colours are guessed otherwise in every frame: all frames count, no ghosts."""
    taken, truth = burst("leaves", size=(320, 400), frames=4, iso=400, cfa=name, seed=5)
    still = truth.moving == 0
    figures = []
    for n in (1, 4):
        made = merged(Burst(taken.frames[:n], 0))
        error = made.rgb / np.array(made.gain, np.float32) - truth.rgb
        figures.append([-10 * np.log10(np.square(error[where]).mean()) for where in (still, ~still)])
    assert min(made.weights) > 0.7
    assert figures[1][0] > figures[0][0] + gain and figures[1][1] > figures[0][1]


def test_the_plain_means_are_bilinear_for_bayer():
    m = nearest_means(known_cfa("rggb").cell)
    blue = {tuple(d): w for d, w in zip(m.taps[0], m.weights[0, 0, 0, 1], strict=True) if w}  # at a red site
    assert blue == {(-1, -1): 0.25, (-1, 1): 0.25, (1, -1): 0.25, (1, 1): 0.25}
