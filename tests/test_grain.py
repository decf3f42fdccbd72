# SPDX-License-Identifier: Apache-2.0
"""Grain: the granularity that is asked for at any size, no change of brightness, no pattern."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.grain import Grain, grain

PIECE = 8.0  # mm: a small film, so that small pictures have the pixels of large ones


def flat(value=0.18, size=(400, 600), space="picture"):
    rgb = np.full((*size, 3), value, np.float32)
    return Scene(rgb, space, Shot(Path("a.dng"), size), Noise((0,) * 3, (0,) * 3))


def density(picture):
    return -np.log10(picture.rgb.astype(float))


def through_aperture(plane, pixel):
    """Density seen through a round hole of 48 µm, everywhere; pixels count by the share inside."""
    fine, reach = 8, int(24.0 / pixel) + 2
    at = (np.arange((2 * reach + 1) * fine) - ((2 * reach + 1) * fine - 1) / 2) * pixel / fine
    hole = (np.hypot(at[:, None], at) <= 24.0).reshape(2 * reach + 1, fine, 2 * reach + 1, fine).mean((1, 3))
    spectrum = np.fft.rfft2(hole / hole.sum(), plane.shape)
    return np.fft.irfft2(np.fft.rfft2(plane) * spectrum, plane.shape)


def granularity(params, width, channel=1):
    """1000 times the standard deviation of density under the aperture, at the density where it is largest."""
    picture = grain(flat(10**-1.1, (width * 2 // 3, width)), params)
    return 1000.0 * through_aperture(density(picture)[..., channel], 1000.0 * params.frame / width).std()


def test_none_is_the_same_object():
    given = flat()
    assert grain(given) is given


@pytest.mark.parametrize("pixel", [6.0, 9.0, 18.0])  # µm: 36 mm of 24, 12 and 3 megapixels
@pytest.mark.parametrize("size", [8.0, 12.0, 20.0])
def test_the_granularity_is_what_was_asked_for_at_any_size(pixel, size):
    params = Grain(amount=15.0, size=size, frame=PIECE)
    assert granularity(params, round(1000 * PIECE / pixel)) == pytest.approx(15.0, rel=0.05)


def test_small_and_large_renderings_have_the_same_granularity_and_pattern():
    params = Grain(amount=12.0, size=12.0, frame=PIECE, colour=0.0)
    small, large = (granularity(params, width) for width in (444, 888))
    assert small == pytest.approx(large, rel=0.05)
    one, two = (density(grain(flat(0.1, (w * 2 // 3, w)), params))[..., 0] for w in (444, 888))
    two = two.reshape(296, 2, 444, 2).mean((1, 3))
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("value", [0.01, 0.05, 0.18, 0.5, 0.9])
@pytest.mark.parametrize("amount", [5.0, 30.0])
def test_the_mean_brightness_stays(value, amount):
    out = grain(flat(value, (800, 1200)), Grain(amount=amount, frame=10.8)).rgb
    assert out.mean(dtype=float) == pytest.approx(value, rel=0.005)


def test_white_black_and_beyond_stay_clean():
    given = flat(1.0)
    given.rgb[:100], given.rgb[100:200], given.rgb[200:250] = 0.0, -0.1, 3.0
    given.rgb[250:300] = 10**-2.2 / 2
    np.testing.assert_allclose(grain(given, Grain(amount=30.0)).rgb, given.rgb, rtol=1e-6)


def test_the_bell_is_that_of_the_docstring():
    levels = 10.0 ** -np.array([0.1, 0.3, 0.7, 1.1, 1.6, 2.0])
    made = [density(grain(flat(v), Grain(amount=10.0, frame=PIECE)))[..., 0].std() for v in levels]
    p = -np.log10(levels) / 2.2
    np.testing.assert_allclose(np.array(made) / made[3], 2 * np.sqrt(p * (1 - p)), rtol=0.01)


@pytest.mark.parametrize(("colour", "shared"), [(0.0, 1.0), (0.4, 0.6), (1.0, 0.0)])
def test_layers_share_what_is_not_colour(colour, shared):
    d = density(grain(flat(0.1), Grain(amount=15.0, frame=PIECE, colour=colour)))
    assert np.corrcoef(d[..., 0].ravel(), d[..., 1].ravel())[0, 1] == pytest.approx(shared, abs=0.03)
    np.testing.assert_allclose(d.std((0, 1)), d[..., 0].std(), rtol=0.03)


def test_it_is_gaussian_and_has_no_pattern():
    d = density(grain(flat(0.1, (600, 900)), Grain(amount=10.0, frame=PIECE, colour=0.0)))[..., 0]
    z = (d - d.mean()) / d.std()
    assert abs((z**3).mean()) < 0.05 and (z**4).mean() == pytest.approx(3.0, abs=0.15)
    power = np.abs(np.fft.rfft2(z)) ** 2
    away = np.fft.irfft2(power, z.shape) / z.size  # how alike two places are, by their distance
    assert np.abs(away[20:-20, 20:-20]).max() < 0.02
    rows, columns = z.mean(1).std() * 30, z.mean(0).std() * np.sqrt(600)
    assert rows == pytest.approx(columns, rel=0.15)  # no stripes


def test_a_seed_is_a_piece_of_film():
    same, again, other = (grain(flat(), Grain(amount=10.0, seed=s)).rgb for s in (3, 3, 4))
    np.testing.assert_array_equal(same, again)
    assert abs(np.corrcoef(same.ravel(), other.ravel())[0, 1]) < 0.02


def test_grey_grain_on_grey_is_grey_and_a_broken_pixel_stays_alone():
    given = flat()
    given.rgb[5, 7] = np.nan
    out = grain(given, Grain(amount=20.0, colour=0.0)).rgb
    np.testing.assert_array_equal(out[..., 0], out[..., 2])
    assert np.isnan(out).any(-1).sum() == 1


def test_only_on_a_picture():
    with pytest.raises(StateError):
        grain(flat(space="rec2020"), Grain(amount=1.0))
    assert grain(replace(flat(), rgb=np.zeros((0, 0, 3), np.float32)), Grain(amount=1.0)).rgb.size == 0
