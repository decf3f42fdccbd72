# SPDX-License-Identifier: Apache-2.0
"""Profiles of one to three lights against the formulas written once more, and against colour-science."""

import struct
import warnings
from dataclasses import replace

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.directories import read_directories
from lichtbild.base.errors import CorruptRaw
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.base.spectra import WAVELENGTHS, light, weights
from lichtbild.base.tiff import FLOAT, LONG, UNDEFINED, Field, Page, bytes_field, numbers_field, tiff_chunks
from lichtbild.capture.dcp import read_dcp
from lichtbild.capture.illuminant import (
    LIGHTS,
    camera_to_d50,
    illuminant_weights,
    kelvins,
    neutral_to_white,
    white_to_neutral,
    xyz_to_camera,
)
from lichtbild.capture.profile import read_colour
from lichtbild.publish.dcp import write_dcp

WARM = np.array([[0.9, -0.25, -0.1], [-0.5, 1.35, 0.15], [-0.1, 0.25, 0.55]])
MIDDLE = np.array([[0.8, -0.22, -0.08], [-0.47, 1.32, 0.15], [-0.09, 0.22, 0.58]])
COOL = np.array([[0.75, -0.2, -0.06], [-0.45, 1.3, 0.16], [-0.07, 0.2, 0.6]])
GREENISH = (0.36, 0.40)
THREE = CameraColour(illuminants=(17, 21, 255), colour=(WARM, COOL, MIDDLE), whites=(None, None, GREENISH))


def nearness(xy, whites):
    """The weights among three lights, step by step in plain numbers."""

    def place(at):
        kelvin, tint = c.temperature(at)
        return tint / 200, min(1500 / kelvin, 1)

    here, shares = place(xy), []
    for w in whites:
        there = place(w)
        shares.append(1 / ((here[0] - there[0]) ** 2 + (here[1] - there[1]) ** 2 + 1e-8))
    shares = [s / sum(shares) for s in shares]
    shares = [min(max((3 * s**2 - 2 * s**3 - 0.02) / 0.98, 0), 1) for s in shares]
    return [s / sum(shares) for s in shares]


@pytest.mark.parametrize(
    "xy", [c.white(2850), c.D65, GREENISH, c.white(4200, 10), (0.37, 0.39), c.white(9000)]
)
def test_three_lights_are_mixed_by_nearness(xy):
    whites = (c.white(2850), c.white(6500), GREENISH)
    np.testing.assert_allclose(illuminant_weights(THREE, xy), nearness(xy, whites), atol=1e-12)
    assert illuminant_weights(THREE, xy).sum() == pytest.approx(1)


def test_at_each_of_three_lights_its_own_matrix_counts():
    for k, xy in enumerate((c.white(2850), c.white(6500), GREENISH)):
        np.testing.assert_allclose(illuminant_weights(THREE, xy), np.eye(3)[k], atol=1e-4)
        own = THREE.colour[k] / (THREE.colour[k] @ c.D50_XYZ).max()
        np.testing.assert_allclose(xyz_to_camera(THREE, xy), own, atol=1e-4)


@pytest.mark.parametrize("xy", [c.white(3000), c.white(4500, -20), c.D65, (0.36, 0.395)])
def test_white_and_neutral_are_inverse_with_three_lights(xy):
    found = neutral_to_white(THREE, white_to_neutral(THREE, xy))
    np.testing.assert_allclose(found, xy, atol=1e-4)


def test_a_light_told_by_its_chromaticity_has_its_own_temperature():
    two = CameraColour(illuminants=(255, 21), colour=(WARM, COOL), whites=(c.white(3400), None))
    assert kelvins(two) == pytest.approx((3400, 6500), rel=1e-3)
    at = 2 / (1 / 3400 + 1 / 6500)
    np.testing.assert_allclose(illuminant_weights(two, c.white(at)), (0.5, 0.5), atol=1e-3)
    unknown = replace(two, whites=())
    np.testing.assert_array_equal(illuminant_weights(unknown, c.D65), (1, 0))


def test_the_scale_of_a_matrix_does_not_matter():
    two = CameraColour(illuminants=(17, 21), colour=(WARM, COOL))
    louder = replace(two, colour=(3.0 * WARM, 0.5 * COOL))
    for kelvin in (2500, 3600, 5000):
        np.testing.assert_allclose(
            white_to_neutral(two, c.white(kelvin)), white_to_neutral(louder, c.white(kelvin)), rtol=1e-12
        )


def test_camera_to_d50_written_once_more():
    neutral = np.array([0.6, 1.0, 0.5])
    xyz = c.D50_XYZ
    for _ in range(60):
        x, y = xyz[0] / xyz.sum(), xyz[1] / xyz.sum()
        share = nearness((x, y), (c.white(2850), c.white(6500), GREENISH))
        mixed = sum(s * m / (m @ c.D50_XYZ).max() for s, m in zip(share, THREE.colour, strict=True))
        xyz = np.linalg.inv(mixed) @ neutral
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    cones = (bradford @ c.D50_XYZ) / (bradford @ (xyz / xyz[1]))
    to_d50 = np.linalg.inv(bradford) @ np.diag(cones) @ bradford @ np.linalg.inv(mixed)
    to_d50 /= (to_d50 @ neutral)[1]
    np.testing.assert_allclose(camera_to_d50(THREE, neutral), to_d50, rtol=1e-4, atol=1e-4)


def test_temperatures_and_adaptation_equal_colour_science():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour", reason="colour-science is the other opinion")
        for xy in ((0.4476, 0.4074), (0.3127, 0.3290), (0.38, 0.36), (0.30, 0.32), (0.34, 0.37)):
            uv = colour.UCS_to_uv(colour.XYZ_to_UCS(colour.xy_to_XYZ(xy)))
            kelvin, duv = colour.temperature.uv_to_CCT_Robertson1968(uv)
            ours = c.temperature(xy)
            assert ours[0] == pytest.approx(kelvin, rel=0.004)  # its table is denser, and corrects a misprint
            assert -ours[1] / 3000 == pytest.approx(-duv, abs=6e-4) or ours[1] / 3000 == pytest.approx(
                -duv, abs=6e-4
            )
        there = colour.adaptation.matrix_chromatic_adaptation_VonKries(
            c.xy_to_xyz((0.4476, 0.4074)), c.D50_XYZ, transform="Bradford"
        )
    np.testing.assert_allclose(c.adaptation(c.xy_to_xyz((0.4476, 0.4074)), c.D50_XYZ), there, atol=1e-9)


def test_codes_have_the_temperatures_of_the_standard_lights():
    assert (LIGHTS[17], LIGHTS[20], LIGHTS[21], LIGHTS[22], LIGHTS[23]) == (2850, 5500, 6500, 7500, 5000)


# ---- in files


def test_three_lights_survive_the_file(tmp_path):
    read = read_dcp(write_dcp(tmp_path / "p.dcp", replace(THREE, name="Three"))).colour
    assert read.illuminants == (17, 21, 255)
    assert read.whites[:2] == (None, None)
    np.testing.assert_allclose(read.whites[2], GREENISH, atol=1e-6)
    for a, b in zip(read.colour, THREE.colour, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def directory(tmp_path, fields):
    """The main directory of a TIFF with a ColorMatrix under a light of its own, and `fields`."""
    plain = {
        50721: Field(FLOAT, np.float32(WARM).tobytes()),
        50778: numbers_field(LONG, 255),
    }
    path = tmp_path / "a.tif"
    path.write_bytes(b"".join(tiff_chunks([Page(plain | fields)])))
    return read_directories(path)[0]


def rationals(*values):
    return struct.pack(f"<{2 * len(values)}I", *(n for v in values for n in (round(v * 1000), 1000)))


def test_a_spectrum_is_a_chromaticity(tmp_path):
    for name in ("A", "D65"):
        power = light(name)
        packed = struct.pack("<HI", 1, len(power)) + rationals(float(WAVELENGTHS[0]), 5.0, *power.tolist())
        (xy,) = read_colour(directory(tmp_path, {52533: bytes_field(UNDEFINED, packed)}), (0, 1, 2)).whites
        np.testing.assert_allclose(xy, c.xyz_to_xy(weights(power).sum(axis=1)), atol=2e-4)


TABLE = np.zeros((1, 2, 2, 3), np.float32) + np.float32([0, 1, 1])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({52533: bytes_field(UNDEFINED, struct.pack("<H", 0))}, "cut short"),
        ({52533: bytes_field(UNDEFINED, struct.pack("<H4I", 0, 1, 0, 1, 3))}, "cut short or divides by 0"),
        ({52533: bytes_field(UNDEFINED, struct.pack("<H4I", 0, 9, 10, 9, 10))}, "which no light has"),
        ({52533: bytes_field(UNDEFINED, struct.pack("<HI", 1, 1 << 30))}, "neither a chromaticity nor"),
        ({52533: bytes_field(UNDEFINED, struct.pack("<H", 7) + bytes(16))}, "neither a chromaticity nor"),
        ({50937: numbers_field(LONG, 2, 1, 1), 50938: Field(FLOAT, bytes(24))}, "at least 1 hue, 2 satur"),
        ({50937: numbers_field(LONG, 2, 3, 1), 50938: Field(FLOAT, TABLE.tobytes())}, "expected 2 × 3 × 1"),
        ({50937: numbers_field(LONG, 2, 2, 1), 50938: Field(FLOAT, (-TABLE).tobytes())}, "has a scale of -1"),
        (
            {50937: numbers_field(LONG, 2, 2, 1), 50938: Field(FLOAT, (TABLE * np.float32("nan")).tobytes())},
            "not finite",
        ),
        ({50940: numbers_field(FLOAT, 0.0, 0.0, 1.0)}, "ProfileToneCurve has 3 values"),
        ({50940: numbers_field(FLOAT, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0)}, "to the right"),
        ({50721: Field(FLOAT, np.ones(9, np.float32).tobytes())}, "cannot be inverted"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, fields, said):
    with pytest.raises(CorruptRaw, match=said):
        read_colour(directory(tmp_path, fields), (0, 1, 2))


def test_a_table_without_values_has_one_and_greys_keep_theirs(tmp_path):
    bright = TABLE * np.float32([1, 1, 2])
    fields = {50937: numbers_field(LONG, 2, 2), 50938: Field(FLOAT, bright.tobytes())}
    (table,) = read_colour(directory(tmp_path, fields), (0, 1, 2)).hue_sat
    assert isinstance(table, HSVTable)
    assert table.table.shape == (1, 2, 2, 3)
    assert (table.table[:, :, 0, 2] == 1).all()
    assert (table.table[:, :, 1, 2] == 2).all()
