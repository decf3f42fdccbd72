# SPDX-License-Identifier: Apache-2.0
"""Automatic exposure: what a photographer expects of it."""

from dataclasses import replace
from itertools import pairwise
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


# ---- lights


def lamps(share, reach=9.0):
    """A dim table and lamps whose light falls off, so that a share of the picture is far above the rest."""
    light = 0.05 * 2.0 ** (1.2 * np.random.default_rng(2).standard_normal(120 * 160))
    lit = int(share * light.size)
    light[:lit] = 0.05 * 2.0 ** np.linspace(reach, 2.0, lit)
    return np.random.default_rng(3).permutation(light).reshape(120, 160)


def paper_white(light, ev):
    """The share of the picture 4 EV above mid-grey and more."""
    return float((np.log2(light * 2.0**ev / 0.18) > 4).mean())


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3])
def test_lamps_are_not_blown_over_much_of_the_picture(share):
    light = lamps(share)
    assert paper_white(light, automatic(scene(light))) < 0.08


@pytest.mark.parametrize("reach", [5, 8, 11])
def test_a_sun_or_a_few_lamps_do_not_darken_the_picture(reach):
    plain = automatic(scene(lamps(0.0)))
    assert abs(automatic(scene(lamps(0.02, reach))) - plain) < 0.25


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_more_light_in_the_lamps_never_brightens_the_picture(share):
    evs = [automatic(scene(lamps(share, reach))) for reach in (3, 5, 7, 9, 11)]
    assert all(a >= b for a, b in pairwise(evs))


# ---- scenes of little range


def even(level, spread=0.1):
    """Something even, `level` EV above what a meter takes for mid-grey."""
    return 0.127 * 2.0 ** (level + spread * np.random.default_rng(1).standard_normal((100, 100)))


def shown(light, **shot):
    """The middle of the picture in EV above mid-grey."""
    return float(np.log2(np.median(exposure(scene(light, **shot)).rgb) / 0.18))


def test_a_grey_card_stays_near_what_the_photographer_metered():
    assert 0 < shown(even(0)) < 0.5


def test_snow_stays_white_and_a_black_cat_dark():
    snow, card, cat = (shown(even(level, 0.4)) for level in (2, 0, -2))
    assert 1.4 < snow < 2.0
    assert cat < card - 0.6
    assert card < snow - 0.8


def test_what_is_asked_is_the_exposure_as_the_file_means_it():
    """The same light in a raw that is k EV darker, and says so, gives the same picture."""
    for k in (-3, 2):
        same = even(1) * 2.0**k
        assert shown(same, baseline_exposure=-float(k)) == pytest.approx(shown(even(1)), abs=0.04)


def test_the_exposure_as_shot_moves_a_picture_by_two_ev_at_most():
    lost, dark = shown(even(-9)), shown(even(-5))
    assert lost == pytest.approx(dark, abs=0.04)
    assert lost > -0.5


def test_in_the_dark_the_exposure_as_shot_says_nothing():
    """A camera that runs out of time has not chosen its exposure."""
    night = {"iso": 6400.0, "f_number": 1.8, "exposure_time": 1.0}
    assert shown(even(-1), **night) == pytest.approx(shown(even(-4), **night), abs=0.25)


def test_exposures_are_thirty_seconds_of_an_ev():
    for light in (street(), lamps(0.2), even(1)):
        assert (automatic(scene(light)) * 32).is_integer()
