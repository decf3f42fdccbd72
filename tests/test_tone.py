# SPDX-License-Identifier: Apache-2.0
"""Local tone: neutrality, no halo, monotone, the same at any size and for any number of threads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.tone import LUMINANCE, Tone, move, tone

STRONG = Tone(shadows=0.65, highlights=0.6)


def scene(light, noise=(0.0, 0.0)):
    """A grey scene of the given luminance."""
    rgb = np.ascontiguousarray(np.repeat(np.asarray(light, np.float32)[..., None], 3, -1))
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise((noise[0],) * 3, (noise[1],) * 3))


def gain(before, params=STRONG):
    """What tone adds, in EV."""
    return np.log2(tone(before, params).rgb[..., 1] / before.rgb[..., 1])


def curve_at(before, light, params=STRONG):
    return np.interp(np.log2(light), np.linspace(-16, 16, 513), move(before, params))


def test_neutral_is_the_same_object():
    s = scene(np.full((8, 8), 0.2))
    assert tone(s, Tone(shadows=0, highlights=0)) is s


@pytest.mark.parametrize("ev", [2, 4, 6, 10])
def test_no_halo_beside_an_edge(ev):
    dark, bright = 0.18 * 2.0 ** (-ev / 2), 0.18 * 2.0 ** (ev / 2)
    light = np.full((240, 480), dark)
    light[:, 240:] = bright
    s = scene(light)
    made = gain(s)
    for side, level in ((made[:, :240], dark), (made[:, 240:], bright)):
        expected = curve_at(s, level)
        halo = np.exp2(np.abs(side - expected).max()) - 1
        assert halo < (0.05 if ev == 2 else 0.01), f"{halo:.1%} beside an edge of {ev} EV"


def test_a_lamp_in_the_dark_has_no_ring():
    y, x = np.mgrid[:300, :400]
    s = scene(np.where(np.hypot(y - 150, x - 200) < 25, 100.0, 0.004))
    made = gain(s)
    assert np.ptp(made[s.rgb[..., 1] < 1]) < 0.02 and np.ptp(made[s.rgb[..., 1] > 1]) < 0.04


def test_a_soft_edge_stays_monotone():
    x = np.linspace(-4, 4, 400)
    s = scene(np.tile(0.18 * 2.0 ** (4 * np.tanh(x)), (200, 1)))
    out = tone(s, Tone(shadows=0.65, highlights=0.6, clarity=0.15)).rgb[100, :, 1]
    assert (np.diff(np.log2(out)) > -0.004).all()


def test_flat_light_moves_by_the_curve_and_mid_grey_stays():
    for level in (1e-3, 0.02, 0.18, 1.0, 8.0):
        s = scene(np.full((40, 50), level))
        np.testing.assert_allclose(gain(s), curve_at(s, level), atol=2e-3)
    assert abs(curve_at(scene(np.ones((1, 1))), 0.18)) < 1e-3


def test_the_curve_is_monotone_lifts_below_and_holds_above():
    light = np.linspace(-16, 16, 513)
    for params in (
        STRONG,
        Tone(shadows=1, highlights=1),
        Tone(shadows=1, highlights=0),
        Tone(shadows=0, highlights=1),
    ):
        added = move(scene(np.ones((1, 1))), params).astype(float)
        assert (np.diff(light + added) > 0.2 / 16).all()
        assert (added[light < -2.6] >= 0).all() and (added[light > -2.4] <= 0).all()
    np.testing.assert_array_equal(move(scene(np.ones((1, 1))), Tone(shadows=0, highlights=0)), 0)


def test_texture_keeps_its_contrast_while_light_moves():
    rng = np.random.default_rng(0)
    texture = 0.3 * rng.standard_normal((200, 300))
    s = scene(0.18 * 2.0 ** (-4 + texture))
    made = np.log2(tone(s, STRONG).rgb[..., 1])
    assert made.mean() > np.log2(s.rgb[..., 1]).mean() + 0.8
    assert made.std() == pytest.approx(texture.std(), rel=0.12)


def test_clarity_raises_the_contrast_of_neighbourhoods():
    x = np.mgrid[:200, :300][1]
    s = scene(0.18 * 2.0 ** (0.2 * np.sin(x)))
    plain, clear = (
        np.log2(tone(s, Tone(shadows=0.01, highlights=0, clarity=v)).rgb[..., 1]).std() for v in (0.0, 0.4)
    )
    assert clear / plain == pytest.approx(1.4, abs=0.08)


def test_noise_is_not_lifted():
    clean, noisy = scene(np.ones((1, 1))), scene(np.ones((1, 1)), (1e-3, 1e-4))
    level = np.sqrt(1e-4 / 3)  # noise and signal alike
    assert curve_at(noisy, level) < 0.7 * curve_at(clean, level)
    assert curve_at(noisy, 2.0) == pytest.approx(curve_at(clean, 2.0), abs=1e-3)
    many = replace(noisy, frames=np.full((8, 8), 64, np.float32))
    assert curve_at(many, level) > curve_at(noisy, level)


def test_colour_is_kept():
    rgb = np.float32(np.random.default_rng(0).uniform(0.001, 2, (60, 80, 3)))
    s = replace(scene(np.ones((60, 80))), rgb=rgb)
    ratio = tone(s, STRONG).rgb / rgb
    np.testing.assert_allclose(ratio, np.repeat(ratio[..., :1], 3, -1), rtol=1e-5)


def test_the_same_for_any_size_and_threads():
    rng = np.random.default_rng(0)
    coarse = 2.0 ** rng.uniform(-8, 4, (12, 16))
    small, large = (np.kron(coarse, np.ones((n, n))) for n in (24, 48))
    np.testing.assert_allclose(
        gain(scene(small))[12::24, 12::24], gain(scene(large))[24::48, 24::48], atol=0.03
    )
    threads = kernels.thread_count()
    kernels.set_threads(1)
    one = tone(scene(small), STRONG).rgb
    kernels.set_threads(3)
    three = tone(scene(small), STRONG).rgb
    kernels.set_threads(threads)
    assert one.tobytes() == three.tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2), (97, 5)])
def test_odd_sizes_and_strange_values(shape):
    light = np.full(shape, 0.1)
    assert np.isfinite(gain(scene(light))).all()
    light.flat[0] = -1
    assert np.isfinite(tone(scene(light), STRONG).rgb).all()
    light.flat[0] = np.nan
    assert np.isfinite(tone(scene(light), STRONG).rgb.reshape(-1)[3:]).all()


def test_states_are_checked():
    with pytest.raises(StateError):
        tone(replace(scene(np.ones((2, 2))), space="camera"), STRONG)
    assert LUMINANCE.sum() == pytest.approx(1)
