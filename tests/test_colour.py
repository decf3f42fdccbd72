# SPDX-License-Identifier: Apache-2.0
"""Colour science against published numbers, and against colour-science where it is installed."""

import warnings

import numpy as np
import pytest

from lichtbild.base import colour as c

# Sharma, Wu, Dalal 2005, table 1
# fmt: off
SHARMA = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425), (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
    (50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412), (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000), (50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669), (50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792),
    (50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792), (50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195),
    (50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045), (50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461),
    (50, 2.5, 0, 50, 0, -2.5, 4.3065), (50, 2.5, 0, 73, 25, -18, 27.1492),
    (50, 2.5, 0, 61, -5, 29, 22.8977), (50, 2.5, 0, 56, -27, -3, 31.9030),
    (50, 2.5, 0, 58, 24, 15, 19.4535), (50, 2.5, 0, 50, 3.1736, 0.5854, 1.0),
    (50, 2.5, 0, 50, 3.2972, 0, 1.0), (50, 2.5, 0, 50, 1.8634, 0.5757, 1.0),
    (50, 2.5, 0, 50, 3.2592, 0.3350, 1.0), (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082)]
# fmt: on


def test_delta_e_gives_the_published_values():
    pairs = np.array(SHARMA)
    np.testing.assert_allclose(c.delta_e(pairs[:, :3], pairs[:, 3:6]), pairs[:, 6], atol=5e-5)
    np.testing.assert_allclose(c.delta_e(pairs[:, 3:6], pairs[:, :3]), pairs[:, 6], atol=5e-5)


def test_matrices_are_the_published_ones():
    np.testing.assert_allclose(
        c.REC2020.to_xyz(),
        [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017], [0, 0.0280727, 1.0609851]],
        atol=1e-7,
    )
    np.testing.assert_allclose(
        c.P3.to_xyz(),
        [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0, 0.0451134, 1.0439444]],
        atol=1e-7,
    )
    np.testing.assert_allclose(
        c.SRGB.to_xyz(),
        [
            [0.4123908, 0.3575843, 0.1804808],
            [0.2126390, 0.7151687, 0.0721923],
            [0.0193308, 0.1191948, 0.9505322],
        ],
        atol=1e-7,
    )
    np.testing.assert_allclose(
        c.PROPHOTO.from_xyz(),
        [[1.3459433, -0.2556075, -0.0511118], [-0.5445989, 1.5081673, 0.0205351], [0, 0, 1.2118128]],
        atol=2e-4,
    )


@pytest.mark.parametrize("source", [c.SRGB, c.P3, c.REC2020, c.PROPHOTO])
@pytest.mark.parametrize("target", [c.SRGB, c.P3, c.REC2020, c.PROPHOTO])
def test_white_is_white_in_every_space(source, target):
    np.testing.assert_allclose(c.rgb_to_rgb(source, target) @ np.ones(3), 1, atol=1e-12)
    np.testing.assert_allclose(
        c.rgb_to_rgb(source, target) @ c.rgb_to_rgb(target, source), np.eye(3), atol=1e-12
    )


def test_round_trips():
    rng = np.random.default_rng(0)
    xyz = rng.uniform(0, 1, (50, 3))
    np.testing.assert_allclose(c.oklab_to_xyz(c.xyz_to_oklab(xyz)), xyz, atol=1e-9)
    np.testing.assert_allclose(c.lab_to_xyz(c.xyz_to_lab(xyz)), xyz, atol=1e-12)
    x = np.linspace(-0.5, 1.5, 101)
    np.testing.assert_allclose(c.srgb_decode(c.srgb_encode(x)), x, atol=1e-9)
    np.testing.assert_allclose(c.xyz_to_oklab(c.xy_to_xyz(c.D65)), [1, 0, 0], atol=2e-4)
    np.testing.assert_allclose(c.xyz_to_lab(c.D50_XYZ), [100, 0, 0], atol=1e-9)


@pytest.mark.parametrize("kelvin", [1800, 2850, 4000, 5003, 6500, 12000])
@pytest.mark.parametrize("tint", [-80, 0, 45])
def test_temperature_is_the_inverse_of_white(kelvin, tint):
    found = c.temperature(c.white(kelvin, tint))
    assert found == pytest.approx((kelvin, tint), rel=2e-4, abs=0.01)


def test_known_temperatures():
    assert c.temperature(c.D65)[0] == pytest.approx(6504, abs=10)
    assert c.temperature(c.D50)[0] == pytest.approx(5003, abs=10)
    assert c.temperature((0.44757, 0.40745))[0] == pytest.approx(2856, abs=10)  # illuminant A
    assert c.daylight(6504) == pytest.approx(c.D65, abs=3e-4)
    assert c.temperature(c.D65)[1] > 5, "daylight lies on the green side of the black bodies"


def test_colour_science_agrees():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour", reason="colour-science is not installed")
    rng = np.random.default_rng(1)
    a = rng.uniform([0, -100, -100], [100, 100, 100], (500, 3))
    b = a + rng.normal(0, 15, a.shape)
    np.testing.assert_allclose(c.delta_e(a, b), colour.difference.delta_E_CIE2000(a, b), atol=1e-9)
    xyz = rng.uniform(0, 1, (50, 3))
    np.testing.assert_allclose(c.xyz_to_lab(xyz), colour.XYZ_to_Lab(xyz, c.D50), atol=1e-4)
    for source, target in ((c.D50, c.D65), ((0.44757, 0.40745), c.D50)):
        theirs = colour.adaptation.matrix_chromatic_adaptation_VonKries(
            c.xy_to_xyz(source), c.xy_to_xyz(target), transform="Bradford"
        )
        np.testing.assert_allclose(c.adaptation(c.xy_to_xyz(source), c.xy_to_xyz(target)), theirs, atol=1e-6)
