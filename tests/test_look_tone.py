# SPDX-License-Identifier: Apache-2.0
"""Local tone: no halo, texture keeps its contrast, noise stays down, brighter stays brighter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.look import looks
from lichtbild.look.tone import Tone, tone

GREY = 0.18
DARK, BRIGHT = GREY * 2.0**-7, GREY * 2.0**3
STRONG = Tone(shadows=0.65, highlights=0.6, clarity=0.15)
Y, X = np.mgrid[:300, :400].astype(float)


def scene(light, read=0.0):
    rgb = np.ascontiguousarray(np.repeat(np.asarray(light, np.float32)[..., None], 3, -1))
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise((0.0,) * 3, (read,) * 3))


def toned(light, params=STRONG, read=0.0):
    return tone(scene(light, read), params).rgb[..., 1].astype(float)


def gain(level, params=STRONG):
    """Of an area of one light alone, in EV."""
    return float(np.log2(toned(np.full((8, 8), level), params)[4, 4] / level))


def softened(mask, pixels):
    """A ramp of that many pixels instead of a sharp edge."""
    for axis in (0, 1):
        wide = np.pad(mask, [(pixels, pixels) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        taps = np.ones(2 * pixels + 1) / (2 * pixels + 1)
        mask = np.apply_along_axis(np.convolve, axis, wide, taps, "valid")
    return mask


SHAPES = {
    "straight": X > 200,
    "slanted": X + 0.2 * Y > 230,
    "thin bars": ((X > 100) & (X < 102)) | ((X > 150) & (X < 156)) | ((X > 250) & (X < 270)),
    "disc": np.hypot(X - 200, Y - 150) < 60,
    "lamps": (np.hypot(X - 200, Y - 150) < 5) | (np.hypot(X - 80, Y - 60) < 2),
    "window": (np.abs(X - 200) < 110) & (np.abs(Y - 150) < 90) & (np.abs(X - 200) > 4),
}


@pytest.mark.parametrize("params", [Tone(), STRONG], ids=["neutral", "strong"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_halo_over_1_percent_at_a_10_ev_edge(shape, params):
    for mask in (SHAPES[shape], ~SHAPES[shape]):
        light = np.where(mask, BRIGHT, DARK)
        gains = np.log2(toned(light, params) / light)
        for level, side in ((BRIGHT, mask), (DARK, ~mask)):
            assert np.abs(np.exp2(gains[side] - gain(level, params)) - 1).max() < 0.01


@pytest.mark.parametrize("pixels", [1, 2, 4])
@pytest.mark.parametrize("shape", ["straight", "slanted", "disc"])
def test_nor_at_a_soft_one(shape, pixels):
    light = DARK + softened(SHAPES[shape].astype(float), pixels) * (BRIGHT - DARK)
    gains = np.log2(toned(light, Tone()) / light)
    for level in (DARK, BRIGHT):
        side = np.abs(light / level - 1) < 1e-4
        assert np.abs(np.exp2(gains[side] - gain(level, Tone())) - 1).max() < 0.01


def test_noise_beside_an_edge_makes_no_halo():
    rng = np.random.default_rng(0)
    light = np.where(X > 200, BRIGHT, DARK) * (1 + 0.2 * rng.standard_normal(X.shape))
    mean = np.log2(toned(light, Tone()) / light).mean(0)
    assert np.abs(mean[150:198] - mean[:100].mean()).max() < 0.015
    assert np.abs(mean[203:250] - mean[300:].mean()).max() < 0.015


@pytest.mark.parametrize("depth", [0.3, 1.0, 2.0])
def test_texture_keeps_its_contrast(depth):
    """Stripes of 2 to 100 pixels in 12 megapixels, 3 EV below grey."""
    x = np.arange(2000)
    for period in (2.0, 3.1, 6.0, 8.0, 20.0, 50.0, 100.0):
        wave = np.sin(2 * np.pi * (x + 0.25) / period)
        light = np.broadcast_to(GREY * 2.0 ** (-3 + 0.5 * depth * wave), (200, 2000))
        kept = np.log2(toned(light, Tone())[100, 400:-400]).std() / np.log2(light[100, 400:-400]).std()
        assert 0.95 < kept < 1.02, period


def test_brighter_stays_brighter():
    """Along straight skies, steep and flat, and across every soft edge."""
    for evs in (2, 6, 14):
        light = np.broadcast_to(GREY * 2.0 ** np.linspace(-0.6 * evs, 0.4 * evs, 800), (200, 800))
        slope = np.diff(np.log2(toned(light)[100])) / (evs / 799)
        assert slope.min() > 0.2
        assert np.abs(np.diff(slope[20:-20])).max() < 0.1  # no kink to see a band by
    for pixels in (2, 10, 40):
        mask = softened((X > 200).astype(float), pixels)
        across = toned(DARK * (BRIGHT / DARK) ** mask)[150]
        assert np.all(np.diff(across) > -0.005 * across[1:])  # the gain also changes from place to place


def test_noise_is_not_lifted():
    level = GREY * 2.0**-5
    rng = np.random.default_rng(1)
    lifts = []
    for ratio in (1, 16):
        light = level + level / ratio * rng.standard_normal((200, 300))
        out = toned(light, replace(STRONG, clarity=1.0), read=2 * (level / ratio) ** 2)
        lifts.append(np.log2(out.mean() / light.mean()))
        if ratio == 1:
            assert out.std() / out.mean() < 1.03 * light.std() / light.mean()
    assert lifts[0] < 0.75 * lifts[1]


def test_clarity_is_for_texture():
    light = np.broadcast_to(GREY * 2.0 ** (0.3 * np.sin(2 * np.pi * X / 6)), X.shape)
    plain, clear = (toned(light, Tone(0, 0, c)) if c else light for c in (0, 0.5))
    assert np.log2(clear).std() / np.log2(plain).std() == pytest.approx(1.5, abs=0.04)
    edge = np.where(X > 200, BRIGHT, DARK)
    moved = toned(edge, Tone(0, 0, 1.0)) / edge
    for side in (edge == DARK, edge == BRIGHT):
        assert np.ptp(moved[side]) < 0.01 and abs(moved[side].mean() - 1) < 0.02  # a chord


def test_the_size_of_a_picture_does_not_matter():
    rng = np.random.default_rng(2)
    small = GREY * 2.0 ** np.repeat(np.repeat(rng.uniform(-6, 3, (6, 8)), 50, 0), 50, 1)
    large = np.repeat(np.repeat(small, 3, 0), 3, 1)
    gains = np.log2(toned(small) / small), np.log2(toned(large) / large)[1::3, 1::3]
    assert np.quantile(np.abs(gains[0] - gains[1]), 0.98) < 0.05


def test_colours_and_strange_values_stay():
    rng = np.random.default_rng(3)
    s = scene(np.ones((60, 80)))
    s.rgb[...] = GREY * 2.0 ** rng.uniform(-8, 4, s.rgb.shape)
    out = tone(s, STRONG).rgb
    ratio = out / s.rgb
    np.testing.assert_allclose(ratio[..., :2], ratio[..., 1:], rtol=1e-5)
    odd = replace(s, rgb=s.rgb.copy())
    odd.rgb[30, 40] = np.nan
    odd.rgb[10, 10] = np.inf
    odd.rgb[20, 20] = -1.0
    found = tone(odd, STRONG).rgb
    assert np.isnan(found[30, 40]).all() and np.isfinite(found).sum() >= found.size - 6
    away = np.hypot(*(np.mgrid[:60, :80] - np.array([30, 30])[:, None, None])) > 45
    np.testing.assert_allclose(found[away], out[away], rtol=0.05)


def test_the_same_bytes_for_any_threads():
    rng = np.random.default_rng(4)
    light, threads, found = GREY * 2.0 ** rng.uniform(-8, 4, (211, 307)), kernels.thread_count(), []
    for n in (1, 3):
        kernels.set_threads(n)
        found.append(toned(light))
    kernels.set_threads(threads)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("look", "low", "high"), [("natural", 0.15, 0.25), ("neutral", 0.35, 0.45), ("vibrant", 0.6, 0.7)]
)
def test_how_strongly_a_look_lifts(look, low, high):
    """The share of the way to the strongest that shadows from 3 to 5 EV below grey are brought together."""
    params = Tone(**looks[look].settings["tone"])
    lifted = [gain(GREY * 2.0**-ev, params) for ev in (3, 5)]
    strongest = [gain(GREY * 2.0**-ev, Tone(shadows=1.0)) for ev in (3, 5)]
    assert low < (lifted[1] - lifted[0]) / (strongest[1] - strongest[0]) < high
