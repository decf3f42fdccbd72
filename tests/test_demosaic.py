# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lichtbild.base import kernels
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, Frames, Mosaic, Noise, Shot
from lichtbild.capture.demosaic import Demosaic, coloured, demosaic

SILENT = Noise((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def mosaic_of(rgb, pattern=RGGB, noise=SILENT, clipped=None):
    h, w = rgb.shape[:2]
    colour = np.tile(np.array(pattern).reshape(2, 2), (h // 2 + 1, w // 2 + 1))[:h, :w]
    cfa = np.take_along_axis(rgb, colour[..., None], axis=2)[..., 0].astype(np.float32)
    clipped = np.zeros((h, w), np.uint8) if clipped is None else clipped
    return Mosaic(
        np.ascontiguousarray(cfa), "bayer", pattern, (1.0, 1.0, 1.0), noise, clipped, Shot(Path(), (h, w))
    )


def smooth_scene(h, w, seed=0):
    """A few soft coloured waves: band-limited, so that a good demosaic finds nearly all of it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    scene = np.full((h, w, 3), 0.4)
    for _ in range(6):
        fy, fx, phase = *rng.uniform(-0.06, 0.06, 2), rng.uniform(0, 6.3)
        scene += 0.05 * np.cos(2 * np.pi * (fy * y + fx * x) + phase)[..., None] * rng.uniform(0.5, 1, 3)
    return scene.astype(np.float32)


def twin(mosaic):
    """The docstring's formulas in NumPy, on the whole picture at once (reflected border)."""
    m = 12
    c = np.pad(mosaic.cfa, m, mode="reflect")
    shot, read = np.float32(mosaic.noise.shot[1]), np.float32(mosaic.noise.read[1])
    at = lambda a, dy, dx: np.roll(a, (-dy, -dx), (0, 1))  # noqa: E731
    axes = {"v": (1, 0), "h": (0, 1), "p": (1, 1), "q": (1, -1)}
    low = sum(
        k * at(c, dy, dx)
        for dy, dx, k in [
            (dy, dx, (2 - abs(dy)) * (2 - abs(dx)) / 16) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
        ]
    )

    def energy(axis):
        dy, dx = axes[axis]
        s = lambda n: at(c, n * dy, n * dx)  # noqa: E731
        return (s(-3) + s(3) - s(-1) - s(1) - 3 * (s(-2) + s(2)) + 6 * c) ** 2

    variance = shot * np.maximum(low, 0) + read
    e = 60 * variance + 1e-10
    v, h = energy("v"), energy("h")
    v, h = v + at(v, -1, 0) + at(v, 1, 0), h + at(h, 0, -1) + at(h, 0, 1)
    vh = (v + e) / (v + h + 2 * e)
    pq = (energy("p") + e) / (energy("p") + energy("q") + 2 * e)
    eps = 1e-5 + 0.2 * np.sqrt(variance)

    def decided(s):
        around = (at(s, -1, -1) + at(s, -1, 1) + at(s, 1, -1) + at(s, 1, 1)) / 4
        return np.where(abs(0.5 - s) < abs(0.5 - around), around, s)

    bright = low + c

    def green(dy, dx):
        near, far = at(c, dy, dx), at(bright, 2 * dy, 2 * dx)
        gradient = (
            eps
            + abs(at(c, -dy, -dx) - near)
            + abs(c - at(c, 2 * dy, 2 * dx))
            + abs(near - at(c, 3 * dy, 3 * dx))
            + abs(at(c, 2 * dy, 2 * dx) - at(c, 4 * dy, 4 * dx))
        )
        return near + np.maximum(near, 0) * (bright - far) / np.maximum(bright + far, 60 * eps), gradient

    def mixed(a, b, wa, wb):  # by inverse gradients
        return (wb * a + wa * b) / (wa + wb)

    (n, wn), (s, ws), (w_, ww), (e_, we) = green(-1, 0), green(1, 0), green(0, -1), green(0, 1)
    vertical, horizontal, d = mixed(n, s, wn, ws), mixed(w_, e_, ww, we), decided(vh)
    hh, wd = c.shape
    colour = np.tile(np.array(mosaic.pattern).reshape(2, 2), (hh // 2 + 1, wd // 2 + 1))[:hh, :wd]
    is_green = colour == 1
    g = np.where(is_green, c, vertical + d * (horizontal - vertical))
    k = np.where(is_green, 0, c - g)

    def diagonal(dy, dx):
        gradient = (
            eps
            + abs(at(c, dy, dx) - at(c, -dy, -dx))
            + abs(at(c, dy, dx) - at(c, 3 * dy, 3 * dx))
            + abs(g - at(g, 2 * dy, 2 * dx))
        )
        return at(k, dy, dx), gradient

    (a, wa), (b, wb), (a2, wa2), (b2, wb2) = (
        diagonal(-1, -1),
        diagonal(1, 1),
        diagonal(-1, 1),
        diagonal(1, -1),
    )
    p, q = mixed(a, b, wa, wb), mixed(a2, b2, wa2, wb2)
    kd = p + decided(pq) * (q - p)

    def axis(values, dy, dx):
        one, two = at(values, dy, dx), at(values, -dy, -dx)
        cross = abs(at(c, dy, dx) - at(c, -dy, -dx))
        w1 = eps + abs(g - at(g, 2 * dy, 2 * dx)) + cross + abs(at(c, dy, dx) - at(c, 3 * dy, 3 * dx))
        w2 = eps + abs(g - at(g, -2 * dy, -2 * dx)) + cross + abs(at(c, -dy, -dx) - at(c, -3 * dy, -3 * dx))
        return mixed(one, two, w1, w2)

    own_v, own_h, other_v, other_h = axis(kd, -1, 0), axis(k, 0, -1), axis(k, -1, 0), axis(kd, 0, -1)
    own = g + np.where(is_green, own_v + d * (own_h - own_v), k)
    other = g + np.where(is_green, other_v + d * (other_h - other_v), kd)
    red_row = (np.arange(hh) % 2 == np.argwhere(colour == 0)[0, 0] % 2)[:, None]
    rgb = np.stack([np.where(red_row, own, other), g, np.where(red_row, other, own)], axis=-1)
    return rgb[m:-m, m:-m]


@pytest.mark.parametrize("pattern", [RGGB, GRBG, GBRG, BGGR])
@pytest.mark.parametrize("size", [(96, 300), (33, 41), (130, 17)])
def test_the_kernel_equals_its_twin(pattern, size):
    noise = Noise((2e-4,) * 3, (1e-5,) * 3)
    rng = np.random.default_rng(3)
    rgb = smooth_scene(*size) + rng.normal(0, 0.05, (*size, 3)).astype(np.float32)
    mosaic = mosaic_of(rgb, pattern, noise)
    expected = twin(mosaic)
    inner = (slice(12, -12), slice(4, -4)) if size[0] > 40 else (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(coloured(mosaic).rgb[inner], expected[inner], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("method", ["ratio", "bilinear"])
def test_a_flat_grey_stays_flat(method):
    rgb = np.full((40, 50, 3), 0.3, np.float32)
    np.testing.assert_allclose(coloured(mosaic_of(rgb), Demosaic(method)).rgb, 0.3, rtol=1e-5)


def test_measured_samples_are_kept():
    rgb = np.random.default_rng(0).uniform(0.1, 0.9, (64, 64, 3)).astype(np.float32)
    mosaic = mosaic_of(rgb)
    out = coloured(mosaic).rgb
    np.testing.assert_allclose(out[0::2, 0::2, 0], mosaic.cfa[0::2, 0::2], atol=1e-6)
    np.testing.assert_array_equal(out[0::2, 1::2, 1], mosaic.cfa[0::2, 1::2])
    np.testing.assert_allclose(out[1::2, 1::2, 2], mosaic.cfa[1::2, 1::2], atol=1e-6)


@pytest.mark.parametrize("pattern", [GRBG, GBRG, BGGR])
def test_every_phase_of_the_cfa_is_the_same_demosaic(pattern):
    rgb = smooth_scene(80, 90)
    dy, dx = divmod(pattern.index(0), 2)  # where red is: cutting a row or column off gives RGGB
    phase = coloured(mosaic_of(rgb, pattern)).rgb[dy:, dx:]
    plain = coloured(mosaic_of(rgb[dy:, dx:], RGGB)).rgb
    np.testing.assert_allclose(phase[12:-12, 12:-12], plain[12:-12, 12:-12], rtol=1e-5)


@given(scale=st.floats(0.05, 20))
@settings(max_examples=15, deadline=None)
def test_exposure_equivariance(scale):
    rgb = smooth_scene(40, 48)
    one, scaled = coloured(mosaic_of(rgb)).rgb, coloured(mosaic_of(rgb * np.float32(scale))).rgb
    np.testing.assert_allclose(scaled, one * scale, rtol=5e-3)


def test_better_than_bilinear_on_detail():
    rgb = smooth_scene(128, 128)
    rgb *= np.where((np.add.outer(np.arange(128), 2 * np.arange(128)) // 9) % 2, 1.0, 0.5)[..., None].astype(
        np.float32
    )
    error = {
        m: np.square(coloured(mosaic_of(rgb), Demosaic(m)).rgb - rgb)[8:-8, 8:-8].mean()
        for m in ("ratio", "bilinear")
    }
    assert error["ratio"] < error["bilinear"] / 3


def test_dark_noise_is_not_amplified():
    sigma = 0.01
    draw = np.random.default_rng(1).normal(0, sigma, (256, 256)).astype(np.float32)
    noise = Noise((0.0,) * 3, (sigma**2,) * 3)
    mosaic = Mosaic(
        draw, "bayer", RGGB, (1.0, 1.0, 1.0), noise, np.zeros((256, 256), np.uint8), Shot(Path(), (256, 256))
    )
    out = coloured(mosaic).rgb
    assert out.var() < sigma**2
    assert abs(out.mean()) < 3 * sigma / 256


def test_threads_do_not_change_a_bit():
    mosaic = mosaic_of(smooth_scene(201, 333))
    try:
        kernels.set_threads(1)
        one = coloured(mosaic).rgb
        kernels.set_threads(2)
        np.testing.assert_array_equal(one, coloured(mosaic).rgb)
    finally:
        kernels.set_threads(0)


def test_clipped_bits_name_the_colour():
    clipped = np.zeros((20, 20), np.uint8)
    clipped[10, 10] = 1  # a red site of RGGB
    bits = coloured(mosaic_of(np.full((20, 20, 3), 0.5, np.float32), clipped=clipped)).clipped
    expected = np.zeros((20, 20), np.uint8)
    expected[8:13, 8:13] = 1
    np.testing.assert_array_equal(bits, expected)


def test_mono_and_linear_pass_through():
    grey = np.random.default_rng(0).uniform(0, 1, (6, 8)).astype(np.float32)
    shot, none = Shot(Path(), (6, 8)), np.zeros((6, 8), np.uint8)
    mono = coloured(Mosaic(grey, "mono", RGGB, (1.0, 1.0, 1.0), SILENT, none, shot)).rgb
    np.testing.assert_array_equal(mono, np.repeat(grey[..., None], 3, axis=2))
    rgb = np.random.default_rng(0).uniform(0, 1, (6, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        coloured(Mosaic(rgb, "linear", RGGB, (1.0, 1.0, 1.0), SILENT, none, shot)).rgb, rgb
    )


def test_frames_are_made_one_at_a_time():
    made = []

    def make(k):
        made.append(k)
        return mosaic_of(smooth_scene(16, 16))

    frames = demosaic(Frames(3, 1, make, "linearize"))
    assert made == []
    assert frames[2].rgb.shape == (16, 16, 3)
    assert made == [2]


@pytest.mark.parametrize(
    ("name", "gain"), [("kodim19.png", 5.0), ("kodim05.png", 5.0), ("mcm03.tif", 1.0), ("mcm10.tif", 1.0)]
)
def test_photographs_gain_over_bilinear(data_dir, name, gain):
    """In dB, by the 8-bit protocol of the demosaicking papers; benchmarks/demosaic.py has the whole sets."""
    from PIL import Image

    image = np.asarray(Image.open(data_dir / "demosaic" / name).convert("RGB"), np.float32)

    def psnr(method):
        out = np.clip(np.round(coloured(mosaic_of(image / 255), Demosaic(method)).rgb * 255), 0, 255)
        return 10 * np.log10(255**2 / np.square(out - image)[10:-10, 10:-10].mean(dtype=np.float64))

    assert psnr("ratio") > psnr("bilinear") + gain


def test_a_linear_raw_marks_the_colours_that_clipped():
    clipped = np.zeros((20, 20), np.uint8)
    clipped[10, 10] = 5  # red and blue
    rgb = np.full((20, 20, 3), 0.5, np.float32)
    scene = coloured(Mosaic(rgb, "linear", RGGB, (1.0, 1.0, 1.0), SILENT, clipped, Shot(Path(), (20, 20))))
    np.testing.assert_array_equal(scene.clipped, clipped)
