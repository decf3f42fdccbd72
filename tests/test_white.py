# SPDX-License-Identifier: Apache-2.0
"""White balance: greys that somebody points at, lights that are found, casts that stay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.errors import InputError, QualityWarning
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.base.spectra import light, natural
from lichtbild.capture.illuminant import neutral_to_white, scaled, white_to_neutral
from lichtbild.correct.calibrate import Calibrate, calibrate
from lichtbild.correct.white import candidates, found_neutral, histogram, limited, mildened, places
from lichtbild.publish.photo import upright
from lichtbild.quality.colours.profile import answers_of, fit
from lichtbild.simulate.filters import known_filters
from lichtbild.tools.cli import parser
from lichtbild.tools.open import turned

CURVES = known_filters("phone").curves
CAMERA = fit(*(answers_of(CURVES, natural(60, seed=7), n) for n in ("A", "D65"))).colour
D55 = white_to_neutral(CAMERA, c.daylight(5500))


def scene(rgb, neutral=D55, **shot):
    """A scene of unbalanced light `rgb`, balanced for `neutral`."""
    made = np.ascontiguousarray(np.asarray(rgb) / neutral, np.float32)
    gain = tuple(float(1 / n) for n in neutral)
    said = Shot(Path("a.dng"), made.shape[:2], colour=CAMERA, neutral=tuple(neutral), **shot)
    return Scene(made, "camera", said, Noise((1e-5,) * 3, (1e-8,) * 3), gain)


def angle(a, b):
    return np.degrees(np.arccos(np.clip(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


def rooms(power, count=30, seed=5):
    """Scenes of surfaces that no candidate was made of, under one light; and its neutral."""
    seen = CURVES * power[:, None]
    answers = natural(200, seed=99) @ seen
    rng = np.random.default_rng(seed)
    for _ in range(count):
        chosen = answers[rng.choice(200, 9, replace=False)] / answers.max() * 0.8
        areas = np.repeat(chosen, rng.multinomial(64 * 64, rng.dirichlet(np.full(9, 0.5))), axis=0)
        yield scene(areas.reshape(64, 64, 3) + 1e-6)


@pytest.mark.parametrize("name", ["A", "4500K", "D65", "9000K", "led"])
def test_the_light_is_found_better_than_by_grey_world_or_left_alone(name):
    power = light(name)
    truth = CURVES.T @ power
    errors = np.array(
        [
            (
                angle(found_neutral(s, CAMERA, s.gain), truth),
                angle(s.rgb.reshape(-1, 3).mean(axis=0) * D55, truth),
            )
            for s in rooms(power)
        ]
    )
    found, grey_world = errors.mean(axis=0)
    assert found < 0.85 * grey_world
    assert found < max(6.0, angle(D55, truth))


def test_grey_scenes_are_found_exactly_enough():
    for kelvin in (2850, 4000, 5500, 8000):
        power = light(f"{kelvin}K")
        truth = CURVES.T @ power
        grey = np.linspace(0.05, 0.8, 64)[:, None, None] * np.ones((64, 64, 3)) * truth / truth.max()
        assert angle(found_neutral(scene(grey), CAMERA, scene(grey).gain), truth) < 4


def test_bright_daylight_has_no_lamps():
    plain = scene(np.full((8, 8, 3), 0.2))
    sun = scene(np.full((8, 8, 3), 0.2), f_number=2.0, exposure_time=1 / 2000, iso=100.0)
    dim = scene(np.full((8, 8, 3), 0.2), f_number=2.0, exposure_time=1 / 20, iso=800.0)
    assert candidates(plain) == candidates(dim) == c.illuminant_locus()
    assert min(c.temperature(xy)[0] for xy in candidates(sun)) >= 4000
    lamp = scaled(CURVES.T @ light("2600K"))
    warm = replace(scene(np.full((64, 64, 3), 0.5) * lamp), shot=sun.shot)
    kelvin, _ = c.temperature(neutral_to_white(CAMERA, found_neutral(warm, CAMERA, warm.gain)))
    assert kelvin > 3900


def test_where_nothing_is_usable_the_white_stays():
    for level in (0.0, 5.0):
        s = scene(np.full((32, 32, 3), level))
        np.testing.assert_allclose(found_neutral(s, CAMERA, s.gain), D55)


def test_places_are_means_and_histograms_are_shares():
    rng = np.random.default_rng(0)
    s = scene(rng.uniform(0.1, 0.6, (130, 200, 3)))
    at = places(s)
    assert at.mean(axis=0) == pytest.approx(s.rgb.mean(axis=(0, 1)), rel=0.01)
    assert histogram(at).sum() == pytest.approx(1)
    assert histogram(np.array([[1.0, 1.05, 1]]))[24, 24] == 1
    assert histogram(np.array([[1e-3, 1, 1e3]]))[47, 0] == 1


# ---- a grey pointed at


def painted(orientation=1):
    """A coloured photo with a grey square (balanced for 3200 K) in the upper right of the upright picture."""
    lamp = white_to_neutral(CAMERA, c.white(3200))
    photo = np.full((60, 90, 3), 0.3) * [0.9, 0.4, 0.2]
    photo[6:18, 66:84] = 0.4 * lamp
    back = {6: 8, 8: 6}.get(orientation, orientation)
    return scene(upright(photo, back), orientation=orientation), lamp


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_pointed_at_becomes_grey_however_the_camera_was_held(orientation):
    s, _ = painted(orientation)
    np.testing.assert_allclose(upright(s.rgb, orientation), painted()[0].rgb)
    out = upright(calibrate(s, Calibrate(pick_y=0.2, pick_x=0.83)).rgb, orientation)
    r, g, b = out[12, 75]
    assert (r, b) == pytest.approx((g, g), rel=1e-4)


def test_specks_do_not_count_and_the_crop_does():
    s, _ = painted()
    plain = calibrate(s, Calibrate(pick_y=0.2, pick_x=0.83)).rgb[12, 75]
    rgb = s.rgb.copy()
    rgb[11, 75] = (0.01, 0.3, 0.9)
    speck = calibrate(replace(s, rgb=rgb), Calibrate(pick_y=0.2, pick_x=0.83)).rgb[12, 75]
    np.testing.assert_allclose(speck, plain, rtol=1e-3)
    cut = replace(s, shot=replace(s.shot, crop=(0, 60, 30, 30)))
    np.testing.assert_allclose(
        calibrate(cut, Calibrate(pick_y=0.4, pick_x=0.5)).rgb[12, 75], plain, rtol=1e-3
    )


def test_what_is_no_grey_is_refused():
    s, _ = painted()
    clipped = replace(s, clipped=np.ones((60, 90), np.uint8))
    with pytest.raises(InputError, match="100 % of the patch there is clipped"):
        calibrate(clipped, Calibrate(pick_y=0.2, pick_x=0.83))
    with pytest.raises(InputError, match="too dark"):
        calibrate(replace(s, rgb=s.rgb * np.float32(1e-4)), Calibrate(pick_y=0.2, pick_x=0.83))
    noisy = replace(s, noise=Noise((0.1,) * 3, (0.01,) * 3))
    with pytest.raises(InputError, match="too dark"):
        calibrate(noisy, Calibrate(pick_y=0.2, pick_x=0.83))


def test_a_colour_taken_for_grey_is_warned_of():
    s, _ = painted()
    with pytest.warns(QualityWarning, match="is hardly one"):
        calibrate(replace(s, rgb=s.rgb * np.float32([0.4, 1, 0.3])), Calibrate(pick_y=0.2, pick_x=0.83))


def test_the_flag_turns_both_knobs():
    args = parser().parse_args(["develop", "a.dng", "-o", "a.jpg", "--pick", "0.25,0.5"])
    assert {"calibrate.pick_y=0.25", "calibrate.pick_x=0.5"} <= set(turned(args))


# ---- how much of it


def test_a_cast_stays_in_part():
    lamp = white_to_neutral(CAMERA, c.white(2850, 5))
    mired = [1e6 / c.temperature(neutral_to_white(CAMERA, mildened(CAMERA, lamp, a)))[0] for a in (0, 0.5, 1)]
    assert mired == pytest.approx([1e6 / 5500, (1e6 / 5500 + 1e6 / 2850) / 2, 1e6 / 2850], rel=0.01)
    grey = scene(np.full((4, 4, 3), 0.3) * lamp, lamp)
    warm = [calibrate(grey, Calibrate(adaptation=a)).rgb[0, 0] for a in (1.0, 0.7, 0.0)]
    redness = [float(w[0] / w[2]) for w in warm]
    assert redness[0] == pytest.approx(1, rel=1e-3)
    assert redness[0] < redness[1] < redness[2]


def test_auto_goes_no_farther_than_it_may():
    lamp = white_to_neutral(CAMERA, c.white(2850))
    for most in (0.0, 50.0, 300.0):
        kelvin, _ = c.temperature(neutral_to_white(CAMERA, limited(CAMERA, lamp, D55, most)))
        apart = abs(1e6 / kelvin - 1e6 / 5500)
        assert apart == pytest.approx(min(most, 1e6 / 2850 - 1e6 / 5500), abs=1.5)
