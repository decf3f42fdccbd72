# SPDX-License-Identifier: Apache-2.0
"""Gain-map JPEGs: every reader finds the picture, and the light beyond its white."""

import io
import json
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.colour import srgb_decode
from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.image import Shot
from lichtbild.base.photo import GainMap, Photo
from lichtbild.publish.gain_metadata import GainMetadata, from_iso, from_xmp, to_iso, to_xmp
from lichtbild.publish.gainmap_jpeg import quantised
from lichtbild.publish.gainmap_read import read_gainmap, segments
from lichtbild.publish.order import eight_bit, upright
from lichtbild.publish.photo import save


def light(h=96, w=128):
    """Smooth HDR light and its SDR rendition: (hdr, encoded sdr)."""
    y, x = np.mgrid[:h, :w].astype(np.float32) / np.float32(h)
    hdr = np.stack([0.05 + 2.2 * x * x, 0.1 + 1.5 * x * y, 0.08 + 1.1 * y], -1).astype(np.float32)
    sdr = (hdr / (1 + hdr / 2)).clip(0, 1)
    code = np.where(sdr <= 0.0031308, sdr * 12.92, 1.055 * sdr ** (1 / 2.4) - 0.055)
    return hdr, code.astype(np.float32)


def photo(orientation=1, grey=False, space="p3"):
    hdr, code = light()
    g = np.log2((hdr + 1 / 64) / (srgb_decode(code) + 1 / 64)).astype(np.float32)
    g = g.reshape(48, 2, 64, 2, 3).mean((1, 3), dtype=np.float32)
    if grey:
        g = np.repeat(g.mean(2, keepdims=True, dtype=np.float32), 3, axis=2)
    shot = Shot(Path("a.dng"), (96, 128), make="Maker", model="Phone", iso=125.0, orientation=orientation)
    return Photo(code, space, shot, 3, ("merge trust=4.0",), gain=GainMap(np.ascontiguousarray(g), 2.0))


def codes(jpeg):
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("grey", [False, True])
def test_what_is_written_is_read_back(tmp_path, grey):
    made = photo(grey=grey)
    read = read_gainmap(save(made, tmp_path / "a.jpg", quality=95))
    assert np.abs(codes(read.base).astype(int) - eight_bit(made)).mean() < 1.5
    with Image.open(io.BytesIO(read.second)) as image:
        assert image.mode == ("L" if grey else "RGB")
    step = (read.gains.maximum[0] - read.gains.minimum[0]) / 255
    assert np.abs(read.gain() - made.gain.gain).mean() < 2 * step
    assert read.gains.alternate_headroom == 2 and read.gains.base_headroom == 0
    assert read.gains.languages == ("ISO 21496-1", "Ultra HDR")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_and_map_are_both_upright(tmp_path, orientation):
    made = photo(orientation)
    read = read_gainmap(save(made, tmp_path / "a.jpg", quality=95))
    np.testing.assert_allclose(read.gain(), upright(made.gain.gain, orientation), atol=0.12)
    assert codes(read.base).shape == upright(made.rgb, orientation).shape


def test_a_reader_without_gain_maps_sees_the_same_picture(tmp_path):
    made = photo()
    with_map = Image.open(save(made, tmp_path / "a.jpg"))
    without = Image.open(save(made, tmp_path / "b.jpg", hdr="none"))
    np.testing.assert_array_equal(np.asarray(with_map), np.asarray(without))
    assert with_map.info["icc_profile"] == without.info["icc_profile"]
    assert with_map.getexif()[272] == without.getexif()[272] == "Phone"


def test_quantising_keeps_gains_within_half_a_step():
    gain = GainMap(np.linspace(-0.5, 2.3, 3 * 64 * 48, dtype=np.float32).reshape(48, 64, 3), 2.3)
    levels, gains = quantised(gain)
    low, high = gains.minimum[0], gains.maximum[0]
    assert low <= gain.gain.min() and gain.gain.max() <= high
    back = low + (high - low) * levels.astype(np.float64) / 255
    assert np.abs(back - gain.gain).max() <= 0.5001 * (high - low) / 255


def outlying(share, far=8.0, n=96):
    """A map of 2 EV in which a share of the values goes as far again to either side."""
    g = np.linspace(0, 2, 3 * n * n, dtype=np.float32)
    k = round(share * g.size)
    g[:k], g[g.size - k :] = -far, far
    return np.random.default_rng(4).permutation(g).reshape(n, n, 3)


def test_a_few_outliers_do_not_coarsen_the_rest():
    gain = outlying(0.001)
    levels, gains = quantised(GainMap(gain, 2.0))
    low, high = gains.minimum[0], gains.maximum[0]
    assert high - low == pytest.approx(4.0, abs=1e-4)  # of 16; narrower brings nothing
    back = low + (high - low) * levels.astype(np.float64) / 255
    usual = np.abs(gain) < 4
    assert np.abs(back - gain)[usual].max() <= 0.5001 * 4 / 255
    assert (levels[gain > 4] == 255).all() and (levels[gain < -4] == 0).all()  # held at the ends
    assert gains.alternate_headroom == 2.0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.0021, 0.01, 0.2])
def test_never_more_than_a_five_hundredth_is_cut(share):
    gain = outlying(share)
    _, gains = quantised(GainMap(gain, 2.0))
    low, high = gains.minimum[0], gains.maximum[0]
    assert (gain < low).mean() <= 1 / 510 and (gain > high).mean() <= 1 / 510
    if share > 1 / 510 or share == 0:
        assert low <= gain.min() and high >= gain.max()


def test_a_flat_map_and_a_broken_one():
    flat = quantised(GainMap(np.full((4, 4, 3), 0.25, np.float32), 2.0))
    assert flat[1].maximum[0] > flat[1].minimum[0] and len(np.unique(flat[0])) == 1
    for value in (np.nan, np.inf):
        with pytest.raises(ExportError, match="finite"):
            quantised(GainMap(np.full((4, 4, 3), value, np.float32), 2.0))


def test_metadata_say_the_same_in_both_languages():
    gains = GainMetadata((-0.5, -0.25, 0.0), (1.5, 2.0, 2.25), (1.0, 1.5, 2.0), alternate_headroom=2.25)
    for there in (from_iso(to_iso(gains)), from_xmp(to_xmp(gains))):
        assert replace(there, languages=()) == gains
    alike = GainMetadata((0.0,) * 3, (2.0,) * 3)
    assert (len(to_iso(alike)), len(to_iso(gains))) == (61, 141)
    assert from_xmp(b"<x/>") is None
    for broken in (b"", to_iso(gains)[:70], b"\0\1" + to_iso(gains)[2:], bytes(61)):
        with pytest.raises(InputError):
            from_iso(broken)


def test_iso_metadata_with_one_denominator():
    block = struct.pack(">HHBIII", 0, 0, 0x08, 1000, 0, 2300) + struct.pack(
        ">iiIii", -100, 2300, 1000, 15, 15
    )
    assert from_iso(block).maximum == (2.3,) * 3 and from_iso(block).alternate_headroom == 2.3


def test_the_directory_and_the_index_point_at_the_second_picture(tmp_path):
    path = save(photo(), tmp_path / "a.jpg")
    whole = path.read_bytes()
    start = whole.index(b"\xff\xd9\xff\xd8") + 2
    said = re.search(rb'Item:Semantic="GainMap" Item:Length="(\d+)"', whole)
    assert int(said[1]) == len(whole) - start
    at, block = next((at + 8, p[4:]) for _, at, p in segments(whole) if p.startswith(b"MPF\0"))
    first, second = struct.unpack_from(">IIIHH", block, 50), struct.unpack_from(">IIIHH", block, 66)
    assert first[1:3] == (start, 0) and second[1:3] == (len(whole) - start, start - at)
    assert whole.count(b"http://ns.adobe.com/xap/1.0/\0") == 2  # one packet in each


@pytest.mark.parametrize("lost", [b"MPF\0", b'Item:Semantic="GainMap"'])
def test_it_is_found_by_either_way(tmp_path, lost):
    path = save(photo(), tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes().replace(lost, b"x" * len(lost), 1))
    assert read_gainmap(path) is not None


def test_files_that_are_none(tmp_path):
    plain = save(photo(), tmp_path / "a.jpg", hdr="none")
    assert read_gainmap(plain) is None
    cut = tmp_path / "c.jpg"
    whole = save(photo(), tmp_path / "b.jpg").read_bytes()
    for at in (5, 400, len(plain.read_bytes()), whole.index(b"\xff\xd9\xff\xd8") + 30):
        cut.write_bytes(whole[:at])
        assert read_gainmap(cut) is None
    with pytest.raises(InputError, match="not a JPEG"):
        cut.write_bytes(b"no jpeg")
        read_gainmap(cut)
    with pytest.raises(InputError, match="cannot be read"):
        read_gainmap(tmp_path / "none.jpg")


# ---- readers of others


def recovered(linear):
    """Error of decoded light against what was meant, in EV."""
    hdr, _ = light()
    return np.abs(np.log2((np.maximum(linear[..., :3], 0) + 1 / 64) / (hdr + 1 / 64)))


def test_libultrahdr_sees_the_light(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason="needs imagecodecs")
    path = save(photo(space="p3"), tmp_path / "a.jpg", quality=95)
    seen = imagecodecs.ultrahdr_decode(path.read_bytes(), dtype="float16").astype(np.float64)
    assert seen.shape[:2] == (96, 128) and recovered(seen).mean() < 0.03


def test_libvips_sees_the_map(tmp_path):
    pyvips = pytest.importorskip("pyvips", reason="needs pyvips")
    path = save(photo(), tmp_path / "a.jpg")
    try:
        image = pyvips.Image.uhdrload(str(path))
    except (pyvips.Error, AttributeError):
        pytest.skip("this libvips has no uhdrload")
    assert image.get("gainmap-hdr-capacity-max") == pytest.approx(4.0)  # linear: 2 EV
    np.testing.assert_allclose(
        np.log2(image.get("gainmap-max-content-boost")[0]), photo().gain.gain.max(), atol=1e-3
    )


def test_openimageio_sees_the_light(tmp_path):
    oiio = pytest.importorskip("OpenImageIO", reason="needs OpenImageIO")
    path = save(photo(), tmp_path / "a.jpg", quality=95)
    assert recovered(oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)).mean() < 0.03


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_exiftool_finds_no_fault(tmp_path):
    path = save(photo(), tmp_path / "a.jpg", recipe="[grade]\nchroma = 1.1\n")
    said = subprocess.run(
        ["exiftool", "-j", "-G1", "-validate", "-warning", "-a", "-XMP-hdrgm:all", "-MPF:all", str(path)],
        capture_output=True,
        check=True,
    )
    told = json.loads(said.stdout)[0]
    assert told["MPF0:NumberOfImages"] == 2 and told["XMP-hdrgm:Version"] == 1.0
    assert "error" not in str(told).lower()
    assert "Warning" not in told["ExifTool:Validate"] or "minor)" in told["ExifTool:Validate"]


def test_files_of_others_are_read(data_dir):
    there = data_dir / "export"
    pixel = read_gainmap(there / "oiio_ultrahdr_sky.jpg")
    assert pixel.gains.alternate_headroom == pytest.approx(2.205275) and len(pixel.second) == 37085
    assert read_gainmap(there / "vips_ultra-hdr.jpg").codes().shape == (540, 960, 3)
    assert read_gainmap(there / "apple_gainmap_old.jpg") is None  # a kind of its own
