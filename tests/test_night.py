# SPDX-License-Identifier: Apache-2.0
"""Night: long bursts of little light keep neither hot pixels nor lines, and night stays night."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import Burst, Noise, RawFrame, Scene, Shot
from lichtbild.capture.defects import defects
from lichtbild.capture.faint import faint
from lichtbild.look.exposure import Exposure, automatic
from lichtbild.pipeline import merged
from lichtbild.recipe import Recipe
from lichtbild.simulate import burst
from lichtbild.simulate.sensor import known_sensor

SIZE = (192, 256)


def night(hot=0.0, row=0.0, frames=12, shake="hand", iso=6400):
    """A dim room."""
    sensor = known_sensor("phone", iso, {"hot": hot, "hot_electrons": 60.0, "row": row})
    held = {"seed": 2, "exposures": (-2,), "shake": shake}
    b, truth = burst("room", size=SIZE, frames=frames, iso=iso, sensor=sensor, **held)
    return Burst(b.frames, 0), truth


@pytest.fixture(scope="module")
def clean():
    """Twelve frames and what was there."""
    return night()


@pytest.fixture(scope="module")
def hot():
    """The same with two hot photosites in a thousand."""
    return night(hot=2e-3)[0]


def error(b, truth, recipe=Recipe()):
    """Root mean square error of the merged dark parts, in units of the clip level."""
    scene = merged(b, recipe)
    off = scene.rgb / np.array(scene.gain, np.float32) - truth.rgb * 0.25
    dark = truth.rgb[..., 1] < 0.04
    dark[:24] = dark[-24:] = False
    dark[:, :24] = dark[:, -24:] = False
    return float(np.sqrt((off[dark] ** 2).mean()))


def test_hot_pixels_do_not_survive_a_long_burst(clean, hot):
    b, truth = clean
    assert error(hot, truth) < 1.05 * error(b, truth)


def test_faint_defects_are_found_in_the_average(clean, hot):
    noise = hot.frames[0].shot.noise
    loud, all_ = defects(hot, 0, noise, 8.0), faint(hot, noise, 8.0)
    count = round(2e-3 * SIZE[0] * SIZE[1])
    assert len(all_[0]) > max(0.9 * count, 1.2 * len(loud[0]))
    assert len(faint(clean[0], noise, 8.0)[0]) == 0


@pytest.mark.parametrize("shake", ["still", "hand"])
def test_stars_are_no_defects(shake):
    """Points of light, as a lens shows them, stay: also from a tripod."""
    rng = np.random.default_rng(3)
    sky = np.full((128, 128), 90.0)
    y, x = np.mgrid[0:128, 0:128]
    stars = rng.uniform(10, 118, (40, 2))
    frames = []
    for k in range(16):
        dy, dx = (0, 0) if shake == "still" else rng.normal(0, 1.5, 2)
        light = sky.copy()
        for v, u in stars:
            light += rng.uniform(60, 400) * np.exp(-((y - v - dy) ** 2 + (x - u - dx) ** 2) / (2 * 0.65**2))
        dn = (light + rng.normal(0, 8, light.shape)).clip(0, 1023).astype(np.uint16)
        said = {"iso": 6400.0, "exposure_time": 1.0, "black": np.full((2, 2), 64, np.float32)}
        frames.append(RawFrame(dn, Shot(Path(f"{k}.dng"), light.shape, white=1023.0, **said)))
    noise = Noise((1e-5,) * 3, ((8 / 959) ** 2,) * 3)
    assert len(faint(Burst(tuple(frames)), noise, 8.0)[0]) <= 2


def test_short_bursts_by_day_are_not_searched(hot):
    noise = hot.frames[0].shot.noise
    day = Burst(tuple(replace(f, shot=replace(f.shot, iso=100.0)) for f in hot.frames))
    assert len(faint(hot, noise, 8.0)[0]) > 0
    assert len(faint(day, noise, 8.0)[0]) == 0
    assert len(faint(Burst(hot.frames[:2]), noise, 8.0)[0]) == 0


def test_row_noise_of_a_night_goes(clean):
    """At least half of what it does to the merged picture, on rows of only 256 photosites."""
    b, truth = clean
    few, banded = Burst(b.frames[:4], 0), night(row=0.8, frames=4)[0]
    none, left, all_ = (
        error(*of) ** 2
        for of in ((few, truth), (banded, truth), (banded, truth, Recipe.of("linearize.banding=0")))
    )
    assert left - none < 0.5 * (all_ - none)


def test_the_mean_of_frames_is_fine_and_right():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 1024, (5, 70, 65)).astype(np.uint16)
    mean = np.empty((70, 65), np.uint16)
    kernels.faint_mean(list(frames), 64 / 5, mean)
    np.testing.assert_allclose(mean, frames.mean(0) * 64, atol=0.51)


# ---- exposure


def dim(level=-3.0, noise=1e-7, **shot):
    """An ordinary scene whose middle is 2^level of the clip level."""
    light = 2.0 ** (level + 1.6 * np.random.default_rng(0).standard_normal((120, 160)))
    rgb = np.ascontiguousarray(np.repeat(light[..., None], 3, -1), np.float32)
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2], **shot), Noise((1e-5,) * 3, (noise,) * 3))


def held(ev100, noise=1e-7):
    """By how many EV a scene is held down whose mid-grey is of this EV100."""
    seconds = 4.0 * 2.0 ** -(ev100 + 3.0 - 2.977)  # f/2, ISO 100; see `automatic`
    return automatic(dim(noise=noise)) - automatic(
        dim(noise=noise, iso=100.0, f_number=2.0, exposure_time=seconds)
    )


def test_the_darker_the_scene_the_darker_the_picture():
    steps = [held(ev) for ev in (8, 5, 3, 1, -1, -3, -5, -7)]
    assert steps[:2] == [0, 0]
    assert all(a <= b for a, b in pairwise(steps))
    assert steps[4] == pytest.approx(0.8, abs=0.1)
    assert 1.1 < steps[-1] < 1.6


def test_night_can_be_switched_off():
    dark = dim(iso=6400.0, f_number=1.8, exposure_time=4.0)
    assert automatic(dark, 0.0) == automatic(dim())


def test_noise_limits_how_far_a_night_is_lifted():
    """Light far below the noise of a night is not amplified to grey; by day nothing changes."""
    night_shot = {"iso": 12800.0, "f_number": 1.8, "exposure_time": 1.0}
    noisy, clean = (automatic(dim(-9.0, noise=n, **night_shot)) for n in (1e-4, 1e-9))
    assert noisy < clean
    assert 0.01 * 2.0**noisy < 0.3  # its noise at black stays below a third of white
    day = {"iso": 100.0, "f_number": 8.0, "exposure_time": 1 / 100}
    assert automatic(dim(-9.0, noise=1e-4, **day)) == automatic(dim(-9.0, noise=1e-4))


def test_a_look_says_how_dark_its_nights_are():
    assert Exposure().night == pytest.approx(0.8)
