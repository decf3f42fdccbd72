# SPDX-License-Identifier: Apache-2.0
"""What the laboratory reads is linear light, and says how it became so."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from lichtbild import simulate
from lichtbild.base.colour import srgb_encode
from lichtbild.base.errors import InputError, UnsupportedRaw
from lichtbild.base.photo import Photo
from lichtbild.publish.icc import profile
from lichtbild.publish.photo import save, save_linear
from lichtbild.quality.picture import picture_of, picture_of_photo, read_picture

GREY = np.array([0.02, 0.18, 0.6, 0.9])


def ramp(h=8, w=64):
    """Four grey bars of known light."""
    return np.repeat(np.repeat(GREY, w // 4)[None, :, None], h, axis=0).repeat(3, axis=2)


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 8), (".jpg", 8), (".tif", 16)])
def test_a_photo_is_decoded_by_its_profile(tmp_path, suffix, bits):
    path = tmp_path / f"ramp{suffix}"
    shot = simulate.burst("leaves", size=(64, 64), frames=1)[0].frames[0].shot
    save(Photo(srgb_encode(ramp()).astype(np.float32), "p3", shot), path, quality=100)
    picture = read_picture(path)
    assert (picture.space, picture.decoding, picture.bits) == ("p3", "sRGB", bits)
    assert picture.warnings == ()
    np.testing.assert_allclose(picture.rgb, ramp(), atol=0.02)  # dither; 1/255 is 0.01 at white


def test_a_photo_without_a_profile_is_taken_for_srgb_and_says_so(tmp_path):
    Image.fromarray(np.uint8(np.round(255 * srgb_encode(ramp())))).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.space == "srgb" and "no colour profile" in picture.warnings[0]
    np.testing.assert_allclose(picture.rgb, ramp(), atol=0.005)
    linear = read_picture(tmp_path / "a.png", decoding="linear")
    assert linear.decoding == "linear" and "8-bit" in linear.warnings[0]
    np.testing.assert_allclose(linear.rgb, srgb_encode(ramp()), atol=0.002)
    power = read_picture(tmp_path / "a.png", decoding="2.2")
    assert power.decoding == "gamma 2.2"
    np.testing.assert_allclose(power.rgb, srgb_encode(ramp()) ** 2.2, atol=0.005)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("packing", [None, "deflate"])
def test_tiffs_of_other_programs(tmp_path, kind, packing):
    top = 1 if kind == "f4" else 2 ** (8 * int(kind[1])) - 1
    values = (ramp() if kind == "f4" else np.round(srgb_encode(ramp()) * top)).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", compression=packing, iccprofile=profile("srgb")
    )
    picture = read_picture(tmp_path / "a.tif")
    assert picture.decoding == ("linear" if kind == "f4" else "sRGB")
    np.testing.assert_allclose(picture.rgb, ramp(), atol=0.005)


def test_a_profile_that_is_not_known_is_told(tmp_path):
    named = profile("srgb")
    for text in ("sRGB", "Rec. 2020", "Display P3"):  # whatever it is called
        named = named.replace(text.encode("utf-16-be"), "x".ljust(len(text)).encode("utf-16-be"))
    tifffile.imwrite(tmp_path / "a.tif", np.uint16(ramp() * 65535), photometric="rgb", iccprofile=named)
    assert "taken for sRGB's" in read_picture(tmp_path / "a.tif").warnings[0]


def test_clipped_samples_are_marked(tmp_path):
    codes = np.full((4, 6, 3), 128, np.uint8)
    codes[1, 2, 0], codes[3, 5, 2] = 255, 0
    Image.fromarray(codes).save(tmp_path / "a.png")
    clipped = read_picture(tmp_path / "a.png").clipped
    assert [tuple(p) for p in np.argwhere(clipped)] == [(1, 2), (3, 5)]


def test_a_raw_file_is_balanced_camera_light(tmp_path):
    burst, truth = simulate.burst("leaves", size=(96, 128), frames=1, iso=50, shake="still")
    path = simulate.write(tmp_path, burst, truth)[0]
    picture = read_picture(path)
    assert (picture.space, picture.decoding, picture.bits) == ("camera", "raw", 10)
    neutral = np.array(truth.facts["neutral"])
    expected = np.minimum(truth.rgb, 1).mean(axis=(0, 1)) / neutral
    np.testing.assert_allclose(picture.rgb.mean(axis=(0, 1)), expected, rtol=0.03)
    np.testing.assert_array_equal(picture.frame.dn, burst.frames[0].dn)
    np.testing.assert_array_equal(picture_of(burst.frames[0]).rgb, picture.rgb)


def test_a_merged_linear_tiff_is_linear(tmp_path):
    from lichtbild.pipeline import merged

    scene = merged(simulate.burst("leaves", size=(96, 128), frames=2)[0])
    save_linear(scene, tmp_path / "m.tif", space="camera")
    picture = read_picture(tmp_path / "m.tif")
    assert picture.decoding == "linear" and picture.bits == 32
    np.testing.assert_array_equal(picture.rgb, scene.rgb)


def test_a_photo_in_memory_is_the_photo_on_disk(tmp_path):
    shot = simulate.burst("leaves", size=(64, 64), frames=1)[0].frames[0].shot
    photo = Photo(srgb_encode(ramp()).astype(np.float32), "p3", shot)
    save(photo, tmp_path / "a.tif")
    np.testing.assert_allclose(picture_of_photo(photo).rgb, read_picture(tmp_path / "a.tif").rgb, atol=1e-4)


def test_luminance_weights_are_those_of_iso_12233():
    shot = simulate.burst("leaves", size=(64, 64), frames=1)[0].frames[0].shot
    pixel = np.zeros((1, 3, 3), np.float32)
    pixel[0] = np.eye(3)
    np.testing.assert_allclose(
        picture_of_photo(Photo(pixel, "srgb", shot)).luminance[0], [0.213, 0.715, 0.072], rtol=1e-6
    )


@pytest.mark.parametrize("decoding", ["gamma", "0.3", "9"])
def test_a_decoding_that_does_not_exist(tmp_path, decoding):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="auto, linear, srgb or a power"):
        read_picture(tmp_path / "a.png", decoding=decoding)


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="is not a file"):
        read_picture(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_picture(tmp_path / "a.png")
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match="not a whole TIFF"):
        read_picture(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text("hello " * 20)
    with pytest.raises(UnsupportedRaw) as caught:
        read_picture(tmp_path / "a.txt")
    assert "the laboratory reads" in caught.value.hint
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((4, 4, 3), np.float64), photometric="rgb")
    with pytest.raises(InputError, match="a kind the laboratory does not read"):
        read_picture(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "d.tif", np.uint16(ramp() * 999), photometric="rgb", compression="deflate")
    whole = bytearray((tmp_path / "d.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "d.tif") as tiff:
        at = tiff.pages[0].dataoffsets[0]
    (tmp_path / "d.tif").write_bytes(whole[: at + 4] + bytes(8) + whole[at + 12 :])
    with pytest.raises(InputError, match="is damaged"):
        read_picture(tmp_path / "d.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.full((4, 4, 3), np.nan, np.float32), photometric="rgb")
    with pytest.raises(InputError, match="not finite"):
        read_picture(tmp_path / "c.tif")
