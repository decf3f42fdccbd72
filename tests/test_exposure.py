# SPDX-License-Identifier: Apache-2.0
"""Automatic exposure: what a photographer expects of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.exposure import LUMINANCE, Exposure, automatic, exposure

PLAIN = Exposure(auto=0)


def scene(light, **shot):
    rgb = np.ascontiguousarray(np.repeat(np.asarray(light, np.float32)[..., None], 3, -1))
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2], **shot), Noise((1e-4,) * 3, (1e-6,) * 3))


def street(spread=1.6, seed=0):
    """Luminances as an ordinary daylight scene has them."""
    return 0.1 * 2.0 ** (spread * np.random.default_rng(seed).standard_normal((120, 160)))


def test_neutral_is_the_same_object():
    s = scene(street())
    assert exposure(s, PLAIN) is s
    black = scene(np.zeros((4, 4)))
    assert exposure(black) is black


def test_ev_bias_and_the_cameras_baseline_add_up():
    s = scene(street(), baseline_exposure=0.5)
    out = exposure(s, Exposure(auto=0, ev=1, bias=-0.25))
    np.testing.assert_allclose(out.rgb, s.rgb * np.float32(2**1.25), rtol=1e-6)
    assert out.noise.shot[0] == pytest.approx(1e-4 * 2**1.25)
    assert out.noise.read[0] == pytest.approx(1e-6 * 2**2.5)


@pytest.mark.parametrize("factor", [2**-6, 1 / 3, 1, 8])
def test_the_result_does_not_depend_on_how_the_camera_exposed(factor):
    none = Noise((0,) * 3, (0,) * 3)
    one, other = (exposure(replace(scene(street() * f), noise=none)) for f in (1, factor))
    assert np.log2(other.rgb.mean() / one.rgb.mean()) == pytest.approx(0, abs=0.06)


def test_an_ordinary_scene_gets_mid_grey():
    assert np.median(exposure(scene(street())).rgb) == pytest.approx(0.18, rel=0.35)


def test_bright_things_pull_down_softly():
    plain, window = street(), street()
    window[:60, :40] = 0.1 * 2.0**7
    drop = automatic(scene(plain)) - automatic(scene(window))
    assert 0.2 < drop < 2.4


def test_a_black_sky_does_not_brighten_the_street():
    night = street()
    night[:60] = 0.1 * 2.0**-10
    assert automatic(scene(night)) - automatic(scene(street())) < 0.6


def test_a_room_beside_its_window_is_seen():
    room = 0.01 * 2.0 ** (0.7 * np.random.default_rng(0).standard_normal((120, 160)))
    room[30:80, 60:110] = 4.0
    out = exposure(replace(scene(room), noise=Noise((1e-6,) * 3, (1e-9,) * 3))).rgb[..., 1]
    assert np.log2(np.median(out) / 0.18) > -3.5
    assert np.log2(out[50, 80] / 0.18) < 6.5


def test_snow_is_not_grey():
    snow = 0.5 * 2.0 ** (0.15 * np.random.default_rng(1).standard_normal((100, 100)))
    assert np.median(exposure(scene(snow)).rgb) > 0.25


def test_night_stays_night():
    light = street()
    bright = {"iso": 100, "f_number": 8.0, "exposure_time": 1 / 100}
    candle = {"iso": 6400, "f_number": 1.8, "exposure_time": 1.0}
    assert automatic(scene(light, **bright)) == automatic(scene(light))
    held = automatic(scene(light), 0.8) - automatic(scene(light, **candle), 0.8)
    assert held == pytest.approx(1.2, abs=0.05)  # far below 1 lx: half as much again
    assert automatic(scene(light, **candle), 0.0) == automatic(scene(light))


def test_the_centre_counts_more():
    centre, corner = street(), street()
    centre[45:75, 60:100] *= 16
    corner[:30, :40] *= 16
    assert automatic(scene(centre)) < automatic(scene(corner))


def test_the_histogram_counts_integers_the_same_for_any_threads():
    rgb = scene(street()).rgb
    found = []
    threads = kernels.thread_count()
    for n in (1, 3):
        kernels.set_threads(n)
        counts = np.zeros(640, np.int64)
        kernels.luminance_histogram(rgb, LUMINANCE, -20.0, 16.0, counts)
        found.append(counts)
    kernels.set_threads(threads)
    np.testing.assert_array_equal(*found)
    light = np.log2(rgb[::2, ::2, 1].astype(float))
    assert light.size <= found[0].sum() <= 4 * light.size
    peak = np.average(-20 + (np.arange(640) + 0.5) / 16, weights=found[0])
    assert peak == pytest.approx(light.mean(), abs=0.1)


def test_strange_values_do_not_matter():
    light = street()
    light[0, 0], light[0, 2], light[0, 4] = np.nan, -1, np.inf
    assert automatic(scene(light)) == pytest.approx(automatic(scene(street())), abs=0.05)
    empty = replace(scene(light), rgb=np.zeros((0, 0, 3), np.float32))
    assert exposure(empty) is empty
