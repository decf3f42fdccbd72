# SPDX-License-Identifier: Apache-2.0
"""Files: what is in them, which way up, and that nothing is lost or half-written."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from lichtbild.base import colour as c
from lichtbild.base.errors import ExportError, StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.icc import profile
from lichtbild.publish.photo import eight_bit, save, save_linear, upright


def shot(orientation=1, size=(32, 48)):
    return Shot(
        Path("a.dng"),
        size,
        make="Maker",
        model="Phone",
        iso=125.0,
        exposure_time=1 / 250,
        f_number=1.8,
        orientation=orientation,
    )


def ramp(h=32, w=48):
    y, x = np.mgrid[:h, :w].astype(np.float32)
    return np.ascontiguousarray(np.stack([x / w, y / h, np.full_like(x, 0.25)], -1))


def photo(orientation=1, space="p3", rgb=None):
    return Photo(
        ramp() if rgb is None else rgb, space, shot(orientation), 3, ("linearize", "merge trust=4.0")
    )


@pytest.mark.parametrize("name", ["srgb", "p3", "linear srgb", "linear rec2020"])
def test_profiles_open_and_are_small(name):
    made = profile(name)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(made))
    assert len(made) < 540 and int.from_bytes(made[:4], "big") == len(made)
    space = {"s": c.SRGB, "p": c.P3, "l": c.SRGB}[name[0]] if name != "linear rec2020" else c.REC2020
    chad = c.adaptation(c.xy_to_xyz(c.D65), c.D50_XYZ)
    theirs = np.array(
        [opened.profile.red_colorant[0], opened.profile.green_colorant[0], opened.profile.blue_colorant[0]]
    ).T
    np.testing.assert_allclose(theirs, chad @ space.to_xyz(), atol=3e-4)


@pytest.mark.parametrize(("name", "space", "worst"), [("p3", c.P3, 2.5), ("rec2020", c.REC2020, 4.0)])
def test_a_colour_engine_reads_our_spaces(name, space, worst):
    wanted = np.random.default_rng(0).uniform(0.2, 0.8, (1, 200, 3))  # in sRGB, inside all gamuts
    wide = c.srgb_encode(c.srgb_decode(wanted) @ c.rgb_to_rgb(c.SRGB, space).T)
    image = Image.fromarray(np.uint8(np.round(wide * 255)))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile(name)))
    got = np.asarray(ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB")), float)
    assert np.abs(got - wanted * 255).max() < worst


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("srgb", (1, 13)),
        ("p3", (12, 13)),
        ("rec2020", (9, 13)),
        ("pq rec2020", (9, 16)),
        ("hlg p3", (12, 18)),
    ],
)
def test_profiles_name_their_colours_by_number(name, codes):
    made = profile(name)
    entry = made.index(b"cicp", 132)
    at = int.from_bytes(made[entry + 4 : entry + 8], "big")
    assert made[at : at + 12] == b"cicp\0\0\0\0" + bytes([*codes, 0, 1])
    ImageCms.ImageCmsProfile(io.BytesIO(made))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_agrees_with_the_exif_rule(orientation):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    image = Image.fromarray(pixels)
    expected = image if turns[orientation] is None else image.transpose(turns[orientation])
    np.testing.assert_array_equal(upright(pixels, orientation), np.asarray(expected))


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_a_photo_comes_back(suffix, tmp_path):
    path = save(
        photo(6), tmp_path / f"a{suffix}", recipe="[tone]\nshadows = 0.4\n", inputs=[("a.dng", "0" * 64)]
    )
    expected = np.rot90(ramp(), -1)
    if suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            np.testing.assert_allclose(page.asarray() / 65535, expected, atol=1 / 65535)
            assert page.tags[34675].value == profile("p3")
            assert b"shadows = 0.4" in bytes(page.tags[700].value)
            assert page.tags[274].value == 1 and page.tags[271].value == "Maker"
        return
    with Image.open(path) as image:
        assert np.abs(np.asarray(image, float) / 255 - expected).mean() < 1.2 / 255
        assert image.info["icc_profile"] == profile("p3")
        exif = image.getexif()
        assert exif[274] == 1 and exif[271] == "Maker" and exif[305] == "lichtbild"
        assert exif.get_ifd(0x8769)[34855] == 125
        assert b"shadows = 0.4" in image.info["xmp"] and b"merge trust=4.0" in image.info["xmp"]
        assert b"0" * 64 in image.info["xmp"]


def test_dither_keeps_the_mean_and_has_no_bands():
    level = 0.4 + 0.3 / 255
    codes = eight_bit(photo(rgb=np.full((64, 64, 3), level, np.float32)))
    assert set(np.unique(codes)) == {102, 103}
    assert codes.mean() / 255 == pytest.approx(level, abs=0.02 / 255)
    np.testing.assert_array_equal(codes[..., 0], codes[..., 2])
    exact = np.arange(256, dtype=np.float32).repeat(3).reshape(1, 256, 3) / 255
    np.testing.assert_array_equal(eight_bit(photo(rgb=exact), dither=False)[0, :, 0], np.arange(256))


def test_a_fourth_colour_leaves_the_three_alone():
    made = photo(rgb=np.random.default_rng(3).uniform(-0.1, 1.1, (5, 37, 3)).astype(np.float32))
    four = eight_bit(made, colours=4)
    np.testing.assert_array_equal(four[..., :3], eight_bit(made))
    assert (four[..., 3] == 255).all()


def test_files_are_refused_in_words(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"mine")
    with pytest.raises(ExportError, match="exists"):
        save(photo(), path)
    assert path.read_bytes() == b"mine"
    assert save(photo(), path, overwrite=True).stat().st_size > 1000
    with pytest.raises(ExportError, match="no format"):
        save(photo(), tmp_path / "a.webm")
    with pytest.raises(ExportError, match="quality"):
        save(photo(), tmp_path / "b.jpg", quality=0)
    with pytest.raises(ExportError):
        save(photo(), tmp_path / "missing" / "a.jpg")
    with pytest.raises(ExportError, match="65500"):
        save(photo(rgb=np.zeros((1, 70000, 3), np.float32)), tmp_path / "wide.jpg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg"]


def linear(space):
    rgb = np.random.default_rng(0).uniform(-0.1, 8, (6, 7, 3)).astype(np.float32)
    return Scene(rgb, space, shot(3, (6, 7)), Noise((0,) * 3, (0,) * 3))


def test_linear_light_is_written_as_it_is(tmp_path):
    for space, state in (("camera", "camera"), ("rec2020", "rec2020"), ("srgb", "rec2020")):
        s = linear(state)
        path = save_linear(s, tmp_path / f"{space}.tif", space=space)
        expected = s.rgb @ c.rgb_to_rgb(c.REC2020, c.SRGB).T if space == "srgb" else s.rgb
        with tifffile.TiffFile(path) as file:
            made = file.pages[0].asarray()
            assert made.dtype == np.float32 and file.pages[0].tags[274].value == 3
            assert (34675 in file.pages[0].tags) == (space != "camera")
        np.testing.assert_allclose(made, expected, atol=1e-5)
    with pytest.raises(StateError):
        save_linear(linear("camera"), tmp_path / "b.tif", space="srgb")
    with pytest.raises(ExportError):
        save_linear(linear("camera"), tmp_path / "b.png")
    with pytest.raises(ExportError, match="exists"):
        save_linear(linear("camera"), tmp_path / "camera.tif")
    with pytest.raises(ExportError, match="unknown"):
        save_linear(linear("camera"), tmp_path / "c.tif", space="lab")
