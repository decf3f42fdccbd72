# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.image import GBRG, RGGB, Noise, RawFrame, Shot
from lichtbild.capture.saturation import saturation


def frame(light, white=1023, ceiling=(1.0, 1.0, 1.0), pattern=RGGB, spread=0.0):
    """Light in units of the clip level; every colour stops answering at its share of the white level."""
    h, w = light.shape
    top = np.tile(np.array([ceiling[c] for c in pattern]).reshape(2, 2), (h // 2, w // 2)) * white
    top = top + spread * white * np.random.default_rng(0).standard_normal((h, w))
    dn = np.clip(np.minimum(light * white, top), 0, white).round().astype(np.uint16)
    return RawFrame(dn, Shot(Path(), (h, w), pattern=pattern, white=float(white)))


def ramp(most, seed=1):
    return np.random.default_rng(seed).uniform(0, most, (512, 512))


def test_the_stated_level_holds_where_it_is_true():
    assert saturation(frame(ramp(2.0))) == pytest.approx((1019,) * 3, abs=3)


def test_nothing_bright_is_not_clipped():
    assert saturation(frame(ramp(0.5))) == (1019.0, 1019.0, 1019.0)


@pytest.mark.parametrize("pattern", [RGGB, GBRG])
def test_a_pile_below_the_white_level_is_found_for_its_colour(pattern):
    red, green, blue = saturation(frame(ramp(2.0), 16383, (1.0, 0.95, 0.91), pattern, spread=0.002))
    assert red / 16383 == pytest.approx(0.985, abs=0.015)
    assert green / 16383 == pytest.approx(0.94, abs=0.01)
    assert blue / 16383 == pytest.approx(0.90, abs=0.01)


def test_a_bright_wall_below_the_white_level_is_light():
    wall = ramp(0.6)
    wall[:256] = 0.9 + 0.02 * np.random.default_rng(2).standard_normal((256, 512))
    wall[256:300] = np.random.default_rng(3).uniform(0.6, 1.2, (44, 512))  # and things brighter than it
    assert min(saturation(frame(wall))) > 1000


@pytest.mark.parametrize("told", [True, False])
def test_an_even_white_wall_with_nothing_brighter_is_light(told):
    """It piles up like clipped light, but it fluctuates as light does."""
    rng = np.random.default_rng(4)
    light = np.repeat(np.array([0.05, 0.2, 0.6, 0.87]), 128)[:, None] * np.ones((1, 512))
    light += np.sqrt(1e-4 * light) * rng.standard_normal(light.shape)
    wall = frame(light)
    if told:
        noise = Noise((1e-4,) * 3, (1e-7,) * 3)
        wall = replace(wall, shot=replace(wall.shot, noise=noise))
    assert saturation(wall) == (1019.0, 1019.0, 1019.0)
    clipped = frame(np.where(light > 0.7, 0.9, light), ceiling=(0.86,) * 3)
    assert max(saturation(clipped)) < 0.87 * 1023


def test_hero6_sky(data_dir):
    from lichtbild.capture.raw import read_raw

    red, green, blue = saturation(read_raw(data_dir / "raw" / "Hero6_GOPR0024.DNG"))
    assert green < 0.95 * 16383
    assert blue < 0.92 * 16383
    assert red > 0.97 * 16383
