# SPDX-License-Identifier: Apache-2.0
"""Photographs as linear light: exact tables, the matrix of the profile, upright, nothing lost in silence."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from lichtbild.base.colour import P3, SRGB, rgb_to_rgb, srgb_decode
from lichtbild.base.errors import FallbackWarning
from lichtbild.publish.icc import profile
from lichtbild.simulate.photographs import read_photograph

RNG = np.random.default_rng(8)


def test_every_8_bit_value_is_decoded_exactly(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(np.stack([ramp, ramp.T, 255 - ramp], axis=2)).save(tmp_path / "a.png")
    light = read_photograph(tmp_path / "a.png")
    exact = srgb_decode(np.stack([ramp, ramp.T, 255 - ramp]) / 255)
    assert light.dtype == np.float32 and light.max() == 1 and light.min() == 0
    np.testing.assert_allclose(light, exact, rtol=1e-7)


def test_16_bit_values_stay_16_bits(tmp_path):
    values = RNG.integers(0, 65536, (40, 30, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    np.testing.assert_allclose(
        read_photograph(tmp_path / "a.tif"),
        srgb_decode(np.moveaxis(values, 2, 0) / 65535),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize("alpha", [False, True])
def test_a_deep_png_keeps_its_bits(tmp_path, alpha):
    values = RNG.integers(0, 65536, (6, 7, 4 if alpha else 3), np.uint16)
    (tmp_path / "a.png").write_bytes(deep_png(values))
    np.testing.assert_allclose(
        read_photograph(tmp_path / "a.png"),
        srgb_decode(np.moveaxis(values[..., :3], 2, 0) / 65535),
        rtol=1e-6,
        atol=1e-9,
    )


def deep_png(values):
    """A PNG of 16 bits by its definition, unfiltered."""
    h, w, n = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", w, h, 16, {3: 2, 4: 6}[n], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_grey_and_alpha(tmp_path):
    Image.fromarray(np.array([[0, 128], [255, 128]], np.uint8)).save(tmp_path / "grey.png")
    grey = read_photograph(tmp_path / "grey.png")
    assert (
        grey.shape == (3, 2, 2) and (grey[0] == grey[2]).all() and grey[1, 0, 1] == pytest.approx(0.2158605)
    )
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[..., 0] = 255
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert (read_photograph(tmp_path / "clear.png")[0] == 1).all()  # alpha 0 hides nothing


def test_a_wide_gamut_keeps_its_colours(tmp_path):
    values = RNG.integers(0, 256, (8, 9, 3), np.uint8)
    values[0, 0] = (0, 255, 0)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=profile("p3"))
    light = read_photograph(tmp_path / "a.png")
    exact = np.einsum("ij,jyx->iyx", rgb_to_rgb(P3, SRGB), srgb_decode(np.moveaxis(values, 2, 0) / 255))
    np.testing.assert_allclose(light, exact, atol=2e-3)
    assert light[0, 0, 0] < -0.2
    Image.fromarray(values).save(tmp_path / "b.png", icc_profile=profile("srgb"))
    Image.fromarray(values).save(tmp_path / "c.png")
    np.testing.assert_allclose(
        read_photograph(tmp_path / "b.png"), read_photograph(tmp_path / "c.png"), atol=1e-4
    )


def test_a_profile_without_a_matrix_is_said(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", icc_profile=profile("srgb")[:128] + b"\0" * 40)
    with pytest.warns(FallbackWarning, match="taken for sRGB"):
        read_photograph(tmp_path / "a.png")


@pytest.mark.parametrize("exponent", [0, -(2**16), 2**31 - 1])
def test_a_profile_with_an_impossible_curve_is_said(tmp_path, exponent):
    good = profile("srgb")
    at = good.index(b"para", 132 + 12 * good[131]) + 12
    bad = good[:at] + struct.pack(">ii", exponent, 2**31 - 1) + good[at + 8 :]
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", icc_profile=bad)
    with pytest.warns(FallbackWarning, match="taken for sRGB"):
        assert (read_photograph(tmp_path / "a.png") == 0).all()


def test_a_turned_photo_is_upright(tmp_path):
    values = RNG.integers(0, 256, (8, 12, 3), np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90° clockwise
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    expected = srgb_decode(np.moveaxis(np.rot90(values, -1), 2, 0) / 255)
    np.testing.assert_allclose(read_photograph(tmp_path / "a.png"), expected, rtol=1e-6)
