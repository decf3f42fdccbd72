# SPDX-License-Identifier: Apache-2.0
"""Clipped channels: white clouds stay white, nothing gets darker, no seam."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.correct.highlights import Highlights, highlights, whitened

GAIN = (2.0, 1.0, 1.6)


def clip(truth, gain=GAIN):
    """What a sensor makes of balanced light, and the scene with its clip bits."""
    rgb = np.float32(np.minimum(truth, gain))
    bits = np.zeros(rgb.shape[:2], np.uint8)
    for c in range(3):
        bits |= ((truth[..., c] >= gain[c]).astype(np.uint8)) << c
    shot = Shot(Path("a.dng"), rgb.shape[:2])
    return Scene(np.ascontiguousarray(rgb), "camera", shot, Noise((0,) * 3, (0,) * 3), gain, clipped=bits)


def blob(level, colour, background=0.3, size=160, radius=35):
    """A soft bright blob of one colour on a dimmer ground of the same colour."""
    y, x = np.mgrid[:size, :size]
    light = background + level * np.exp(-((y - size / 2) ** 2 + (x - size / 2) ** 2) / (2 * radius**2))
    return light[..., None] * np.asarray(colour)


def saturation(rgb):
    return 1 - rgb.min(-1) / rgb.max(-1)


def test_neutral_is_the_same_object():
    dim = clip(np.full((20, 20, 3), 0.4))
    assert highlights(dim) is dim
    bright = clip(np.full((20, 20, 3), 3.0))
    assert highlights(bright, Highlights(rebuild=0)) is bright
    assert highlights(replace(bright, clipped=None)).rgb is bright.rgb


@pytest.mark.parametrize("level", [0.9, 1.2, 1.6, 3.0, 20.0])
def test_white_light_stays_white_at_any_level(level):
    s = clip(blob(level, (1, 1, 1)))
    out = highlights(s).rgb
    assert saturation(out).max() < 0.03
    if level > 1:
        assert saturation(s.rgb).max() > 0.09


def test_the_clipped_green_of_a_white_is_known_exactly():
    truth = blob(1.0, (1, 1, 1))
    inner = (truth[..., 1] > 1.05) & (truth[..., 2] < 1.55)
    out = highlights(clip(truth)).rgb
    np.testing.assert_allclose(out[inner], truth[inner], rtol=0.02)


@pytest.mark.parametrize("colour", [(1.0, 0.9, 0.7), (0.7, 0.9, 1.1), (1.3, 0.8, 0.5)])
def test_a_tinted_light_keeps_about_its_hue_just_above_clipping(colour):
    truth = blob(1.5, colour)
    s = clip(truth)
    one = np.isin(s.clipped, (1, 2, 4))
    out = highlights(s).rgb
    before, after = (np.abs(v[one] - truth[one]).mean() for v in (s.rgb, out))
    assert after < 0.6 * before


def test_nothing_gets_darker_and_unclipped_pixels_far_away_are_untouched():
    rng = np.random.default_rng(0)
    truth = blob(3.0, (1, 0.8, 0.6)) * rng.uniform(0.9, 1.1, (160, 160, 1))
    s = clip(truth)
    out = highlights(s).rgb
    assert (out >= s.rgb).all()
    far = np.ones(s.clipped.shape, bool)
    y, x = np.nonzero(s.clipped)
    far[max(y.min() - 3, 0) : y.max() + 4, max(x.min() - 3, 0) : x.max() + 4] = False
    np.testing.assert_array_equal(out[far], s.rgb[far])


def test_there_is_no_seam_where_clipping_begins():
    out = highlights(clip(blob(2.5, (1, 1, 1)))).rgb
    steps = np.abs(np.diff(np.log2(out[80]), axis=0)).max()
    assert (
        steps < 1.6 * np.abs(np.diff(np.log2(np.minimum(blob(2.5, (1, 1, 1)), 2.0)[80]), axis=0)).max() + 0.02
    )


def test_everything_clipped_is_white_at_the_highest_level():
    out = highlights(clip(np.full((40, 50, 3), 9.0))).rgb
    np.testing.assert_allclose(out, 2.0, rtol=1e-5)


def test_corners_brightened_by_shading_stay_white():
    y, x = np.mgrid[:120, :160]
    shading = 1 + 1.5 * ((y - 60) ** 2 + (x - 80) ** 2) / (60**2 + 80**2)
    s = clip(np.full((120, 160, 3), 1.8))
    s = replace(s, rgb=np.float32(s.rgb * shading[..., None]))
    assert saturation(highlights(s).rgb).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (17, 3)])
def test_odd_sizes_threads_and_strange_values(shape):
    truth = np.full((*shape, 3), 1.5)
    s = clip(truth)
    assert np.isfinite(highlights(s).rgb).all()
    threads = kernels.thread_count()
    kernels.set_threads(1)
    one = highlights(s).rgb
    kernels.set_threads(3)
    assert one.tobytes() == highlights(s).rgb.tobytes()
    kernels.set_threads(threads)
    s.rgb[0, 0] = (np.nan, -1, np.inf)
    highlights(s)


def test_states_are_checked():
    with pytest.raises(StateError):
        highlights(replace(clip(np.ones((2, 2, 3))), space="rec2020"))


@pytest.mark.parametrize("tint", [(1.4, 1.0, 0.6), (1.0, 1.0, 1.0), (0.7, 0.95, 1.4)])
def test_a_lamp_runs_to_white_without_a_ring(tint):
    h, w, gain = 240, 360, np.array([2.0, 1.0, 1.6], np.float32)
    y, x = np.mgrid[0:h, 0:w]
    light = 4 * np.exp(-((x - 180) ** 2 + (y - 120) ** 2) / (2 * 60.0**2)) + 0.05
    truth = (light[..., None] * np.array(tint)).astype(np.float32)
    seen = np.minimum(truth, gain)
    bits = ((truth >= gain) * np.array([1, 2, 4])).sum(axis=2).astype(np.uint8)
    noise = Noise((1e-4,) * 3, (1e-6,) * 3)
    scene = Scene(seen, "camera", Shot(Path(), (h, w)), noise, tuple(gain), clipped=bits)
    row = highlights(scene).rgb[120, 180:]  # from the middle outwards
    share = row / row.sum(axis=1, keepdims=True)
    assert np.abs(share[0] - 1 / 3).max() < 0.03  # the middle is nearly white
    assert np.abs(np.diff(share, axis=0)).max() < 0.02  # no step of colour
    assert (np.diff(row.sum(axis=1)) < 0.01).all()  # never brighter outwards


@pytest.mark.parametrize("lamp", [(1.5, 1.0, 0.5), (0.7, 1.0, 1.4)])
def test_what_clipped_is_as_white_as_the_white_that_was_chosen(lamp):
    rebuilt = highlights(clip(blob(30.0, lamp)))
    made = whitened(rebuilt, np.asarray(lamp))
    full = rebuilt.clipped == 7
    assert full.any()
    before, after = (saturation(s.rgb[full] / np.asarray(lamp)) for s in (rebuilt, made))
    assert np.median(before) > 0.3 and after.max() < 0.1
    same = rebuilt.clipped == 0
    np.testing.assert_array_equal(made.rgb[same], rebuilt.rgb[same])
    assert (made.rgb >= rebuilt.rgb - 1e-6).all()  # never darker


def test_the_white_as_shot_needs_no_other():
    rebuilt = highlights(clip(blob(30.0, (1, 1, 1))))
    assert whitened(rebuilt, np.ones(3)) is rebuilt


def test_highlights_move_to_another_white_without_a_seam():
    lamp = np.array((1.5, 1.0, 0.5))
    rebuilt = highlights(clip(blob(4.0, lamp)))
    before, after = (
        np.abs(np.diff(np.log(s.rgb[80]), axis=0)).max() for s in (rebuilt, whitened(rebuilt, lamp))
    )
    assert after < 2.5 * before  # the largest step between neighbours; the way is up to three times as long
