# SPDX-License-Identifier: Apache-2.0
"""Spectra against published tables, and smooth surfaces against their own definition."""

import numpy as np
import pytest

from lichtbild.base import spectra as s
from lichtbild.base.colour import P3, SRGB, temperature, xyz_to_xy
from lichtbild.base.errors import InputError

# CIE 15: chromaticity of the illuminants, CIE 1931
PUBLISHED = {
    "A": (0.44758, 0.40745),
    "D50": (0.34567, 0.35851),
    "D55": (0.33243, 0.34744),
    "D65": (0.31272, 0.32903),
    "D75": (0.29903, 0.31488),
    "E": (1 / 3, 1 / 3),
}


def white(name):
    return s.to_xyz(np.ones(81), s.light(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_lights_have_their_published_chromaticity(name):
    np.testing.assert_allclose(xyz_to_xy(white(name)), PUBLISHED[name], atol=1.2e-5)
    assert white(name)[1] == pytest.approx(1)


def test_tables_equal_those_of_colour_science():
    colour = pytest.importorskip("colour", reason="colour-science is not installed")
    observer = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"].copy()
    at = colour.SpectralShape(380, 780, 5)
    np.testing.assert_allclose(s.observer(), observer.align(at).values, atol=6e-7)
    for name in ("A", "D50", "D55", "D65", "D75"):
        table = colour.SDS_ILLUMINANTS[name].copy().align(at).values
        np.testing.assert_allclose(s.light(name), table, atol=2e-3, err_msg=name)


@pytest.mark.parametrize(
    ("name", "kelvin"), [("3200K", 3200), ("2300K", 2300), ("5000K", 5000), ("9000K", 9000)]
)
def test_lights_by_temperature(name, kelvin):
    assert temperature(xyz_to_xy(white(name)))[0] == pytest.approx(kelvin, rel=0.01)


def test_lamps_are_whites_of_their_kind():
    for name, low, high in (("led", 4000, 5500), ("fluorescent", 3700, 4500)):
        kelvin, tint = temperature(xyz_to_xy(white(name)))
        assert low < kelvin < high
        assert abs(tint) < 30
        assert s.light(name).min() >= 0
        assert s.light(name).max() == pytest.approx(100)


@pytest.mark.parametrize("name", ["D66", "d65", "", "1000K", "30000K", "-5000K", "5000 K"])
def test_unknown_lights_are_refused(name):
    with pytest.raises(InputError, match="light = "):
        s.light(name)


def test_bases_are_surfaces_that_add_up_to_white_and_hold_the_primaries():
    made = s.bases()
    assert made.min() >= 0
    assert made.max() <= 1
    np.testing.assert_allclose(made.sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(s.to_xyz(made, s.light("D65")).T, SRGB.to_xyz(), atol=3e-4)


def test_smooth_surfaces_have_their_colour_and_keep_the_bounds():
    rgb = np.stack(np.meshgrid(*[[0.02, 0.3, 0.95]] * 3), axis=-1).reshape(-1, 3)
    for name in ("D65", "A"):
        power = s.light(name)
        xyz = rgb @ s.to_xyz(s.bases(), power)
        made = s.smooth(xyz, power)
        assert made.min() >= 0
        assert made.max() <= 1
        np.testing.assert_allclose(s.to_xyz(made, power), xyz, atol=1e-4)


def test_the_smooth_surface_of_grey_is_flat():
    power = s.light("D50")
    made = s.smooth([0.18 * white("D50"), 0.6 * white("D50")], power)
    np.testing.assert_allclose(made, np.repeat([[0.18], [0.6]], 81, axis=1), atol=1e-6)


def test_no_metamer_is_smoother():
    power = s.light("D65")
    xyz = np.array([[0.25, 0.2, 0.08]])
    made = s.smooth(xyz, power)[0]
    invisible = np.linalg.svd(s.weights(power))[2][3:]
    change = np.sum(np.diff(made) ** 2)
    rng = np.random.default_rng(4)
    for _ in range(20):
        other = made + 0.01 * rng.normal(size=len(invisible)) @ invisible
        assert np.sum(np.diff(other) ** 2) > change


def test_a_colour_that_no_surface_has_is_told_by_its_own_colour():
    power = s.light("D65")
    impossible = np.array([[1.0, 0.0, 0.0]]) @ P3.to_xyz().T * 1.5
    assert np.abs(s.to_xyz(s.smooth(impossible, power), power) - impossible).max() > 0.02


def test_resampling_keeps_samples_and_ends_in_nothing():
    at = np.arange(400, 701, 10.0)
    curves = np.stack([at, 2 * at], axis=1)
    made = s.resampled(at, curves)
    np.testing.assert_allclose(made[4:65:2], curves)
    np.testing.assert_allclose(made[5], [405, 810])
    assert not made[:4].any()
    assert not made[65:].any()


def test_natural_surfaces_are_many_smooth_and_the_same_every_time():
    made = s.natural(200)
    assert made.shape == (200, 81)
    assert 0 < made.min() < 0.02
    assert 0.9 < made.max() < 1
    assert np.abs(np.diff(made, axis=1)).max() < 0.1
    np.testing.assert_array_equal(made, s.natural(200))
    assert not np.array_equal(made, s.natural(200, seed=2))
