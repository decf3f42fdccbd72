# SPDX-License-Identifier: Apache-2.0
"""Every format: its pixels, its colours by name or number, and what it refuses."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from lichtbild.base.errors import ExportError
from lichtbild.base.image import Shot
from lichtbild.base.photo import GainMap, Photo
from lichtbild.publish.boxes import avif_with, boxes, jxl_with
from lichtbild.publish.icc import profile
from lichtbild.publish.order import PRIMARIES, TRANSFERS, upright
from lichtbild.publish.photo import FORMATS, HDR, rendition, save

EXTRA = {".avif": "imagecodecs", ".heic": "pillow_heif", ".jxl": "OpenImageIO"}
NEW = tuple(EXTRA)


def photo(space="p3", transfer="srgb", orientation=1):
    y, x = np.mgrid[:64, :96].astype(np.float32)
    rgb = np.stack([0.1 + x / 120, 0.15 + y / 90, 0.3 + (x + y) / 400], -1)
    shot = Shot(Path("a.dng"), (64, 96), model="Phone", iso=125.0, orientation=orientation)
    return Photo(np.ascontiguousarray(rgb, np.float32), space, shot, 1, ("merge",), transfer)


def written(made, path, **more):
    pytest.importorskip(EXTRA.get(path.suffix, "numpy"), reason=f"{path.suffix} needs its extra")
    return save(made, path, **more)


def seen(path):
    """Samples 0 … 1 as an independent reader has them, and the bits it tells of."""
    raw = path.read_bytes()
    if path.suffix == ".avif":
        codes = sys.modules["imagecodecs"].avif_decode(raw)
        bits = int(codes.max()).bit_length() if codes.dtype != np.uint8 else 8
    elif path.suffix == ".heic":
        image = sys.modules["pillow_heif"].open_heif(path, convert_hdr_to_8bit=False)
        bits, codes = image.info["bit_depth"], np.asarray(image)  # stretched to 16 bits
        return codes[..., :3] / (255 if bits == 8 else 65535), bits
    elif path.suffix == ".jxl":
        codes = sys.modules["imagecodecs"].jpegxl_decode(raw)
        bits = 8 * codes.dtype.itemsize
    elif path.suffix == ".tif":
        codes = tifffile.imread(path)
        bits = 8 * codes.dtype.itemsize
    else:
        codes = pytest.importorskip("imagecodecs").png_decode(raw)
        bits = 8 * codes.dtype.itemsize
    return codes[..., :3] / (2**bits - 1), bits


def numbers(path):
    """Primaries and transfer by number, as the file has them."""
    raw = path.read_bytes()
    if path.suffix == ".png":
        at = raw.index(b"cICP")
        return raw[at + 4], raw[at + 5]
    at = raw.index(b"nclx")
    return int.from_bytes(raw[at + 4 : at + 6], "big"), int.from_bytes(raw[at + 6 : at + 8], "big")


@pytest.mark.parametrize("suffix", [".avif", ".heic", ".jxl", ".png", ".tif"])
@pytest.mark.parametrize(("space", "transfer"), [("p3", "srgb"), ("rec2020", "pq"), ("rec2020", "hlg")])
def test_pixels_arrive_upright(tmp_path, suffix, space, transfer):
    if suffix == ".jxl":
        pytest.importorskip("imagecodecs")
    made = photo(space, transfer, orientation=6)
    pixels, bits = seen(written(made, tmp_path / f"a{suffix}", quality=95))
    wanted = upright(made.rgb, 6)
    assert pixels.shape == wanted.shape
    assert np.abs(pixels - wanted).mean() < 0.004
    usual = {".avif": 10, ".heic": 10, ".jxl": 16, ".tif": 16, ".png": 8 if transfer == "srgb" else 16}
    assert bits == usual[suffix]


@pytest.mark.parametrize("suffix", [".avif", ".heic", ".png"])
@pytest.mark.parametrize(("space", "transfer"), [("p3", "pq"), ("rec2020", "pq"), ("rec2020", "hlg")])
def test_colours_go_by_number(tmp_path, suffix, space, transfer):
    path = written(photo(space, transfer), tmp_path / f"a{suffix}")
    assert numbers(path) == (PRIMARIES[space], TRANSFERS[transfer])


@pytest.mark.parametrize(
    ("suffix", "depth"), [(".png", 16), (".tif", 8), (".avif", 8), (".avif", 12), (".heic", 12)]
)
def test_other_depths(tmp_path, suffix, depth):
    made = photo()
    pixels, bits = seen(written(made, tmp_path / f"a{suffix}", depth=depth, quality=97))
    assert bits == depth
    assert np.abs(pixels - made.rgb).mean() < (1e-5 if suffix == ".png" else 0.004)


def test_lossless_jxl_is_exact(tmp_path):
    pytest.importorskip("imagecodecs")
    made = photo("rec2020", "pq")
    pixels, _ = seen(written(made, tmp_path / "a.jxl", quality=100))
    np.testing.assert_allclose(pixels, made.rgb, atol=0.51 / 65535)


@pytest.mark.parametrize("suffix", NEW)
def test_pq_keeps_the_blue_of_yellow(tmp_path, suffix):
    """Patches of amber: an encoder that lets blue go to black there loses the colour of every lamp."""
    if suffix == ".jxl":
        pytest.importorskip("imagecodecs")
    random = np.random.default_rng(5)
    amber = np.array([0.53, 0.39, 0.31]) * (0.5 + 0.6 * random.random((16, 24, 1)))
    rgb = np.repeat(np.repeat(amber, 4, 0), 4, 1) + random.normal(0, 0.004, (64, 96, 3))
    made = replace(photo("rec2020", "pq"), rgb=np.float32(rgb))
    pixels, _ = seen(written(made, tmp_path / f"a{suffix}"))
    assert np.abs(pixels - made.rgb).max() < 0.05


@pytest.mark.parametrize("suffix", NEW)
def test_metadata_travel_and_can_be_left_out(tmp_path, suffix):
    path = written(
        photo(), tmp_path / f"a{suffix}", recipe="[grade]\nchroma = 1.25\n", inputs=[("x.dng", "77ab")]
    )
    whole = path.read_bytes()
    assert b"chroma = 1.25" in whole and b"Phone\0" in whole and b"77ab" in whole
    bare = written(photo(), tmp_path / f"b{suffix}", strip="all", inputs=[("x.dng", "77ab")]).read_bytes()
    assert b"Phone\0" not in bare and b"77ab" not in bare


def test_pillow_opens_a_deep_png_and_its_profile(tmp_path):
    path = save(photo(), tmp_path / "a.png", depth=16)
    with Image.open(path) as image:
        assert (
            ImageCms.getProfileDescription(
                ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            ).strip()
            == "Display P3"
        )
        assert image.getexif()[272] == "Phone" and "xmp" in image.info
        np.testing.assert_allclose(np.asarray(image) / 255, photo().rgb, atol=0.005)


@pytest.mark.parametrize("name", ["pq rec2020", "hlg rec2020", "pq p3", "rec2020"])
def test_profiles_of_other_curves_open(name):
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile(name)))
    assert ImageCms.getProfileDescription(opened).strip().endswith(("Rec. 2020", "Display P3"))
    at = profile(name).index(b"cicp\0\0\0\0") + 8
    assert profile(name)[at + 1] == TRANSFERS[name.split()[0] if " " in name else "srgb"]


# ---- refusals: never less than what was asked


def test_what_suits_a_format():
    assert {s: rendition(f"a{s}") for s in FORMATS} == {
        ".jpg": "gainmap",
        ".jpeg": "gainmap",
        ".tif": "none",
        ".tiff": "none",
        ".png": "none",
        ".avif": "pq",
        ".heic": "pq",
        ".heif": "pq",
        ".jxl": "pq",
    }


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("hdr", HDR[1:])
def test_a_format_holds_it_or_refuses(suffix, hdr):
    if hdr in FORMATS[suffix].holds:
        assert rendition(f"a{suffix}", hdr) == hdr
    else:
        with pytest.raises(ExportError, match="cannot hold") as told:
            rendition(f"a{suffix}", hdr)
        assert "goes into" in told.value.hint


@pytest.mark.parametrize(
    ("suffix", "made", "more", "words"),
    [
        (".jpg", photo("rec2020", "pq"), {}, "cannot hold PQ"),
        (".jpg", photo(), {"hdr": "gainmap"}, "has no gain map"),
        (".png", photo(), {"hdr": "gainmap"}, "cannot hold gain map"),
        (".png", photo(), {"hdr": "pq"}, "is not PQ"),
        (".png", photo("rec2020", "pq"), {"hdr": "none"}, "the photo is PQ"),
        (".png", photo("rec2020", "pq"), {"depth": 8}, "visible steps"),
        (".jpg", photo(), {"depth": 16}, "holds 8 bits"),
        (".avif", photo(), {"depth": 16}, "holds 8 or 10 or 12 bits"),
        (".jpg", photo(), {"quality": 0}, "out of range"),
        (".jpg", photo(), {"hdr": "hdr"}, "unknown"),
        (".gif", photo(), {}, "no format"),
    ],
)
def test_refusals(tmp_path, suffix, made, more, words):
    with pytest.raises(ExportError, match=words):
        save(made, tmp_path / f"a{suffix}", **more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", NEW)
def test_a_missing_library_is_named(tmp_path, suffix, monkeypatch):
    monkeypatch.setitem(sys.modules, EXTRA[suffix], None)
    with pytest.raises(ExportError, match="not installed") as told:
        save(photo(), tmp_path / f"a{suffix}")
    assert f"lichtbild[{suffix[1:]}]" in told.value.hint


def test_a_gain_map_is_left_out_where_it_has_no_place(tmp_path):
    gain = GainMap(np.ones((32, 48, 3), np.float32), 2.0)
    with_map, without = tmp_path / "a.png", tmp_path / "b.png"
    save(replace(photo(), gain=gain), with_map)
    save(photo(), without)
    assert with_map.read_bytes() == without.read_bytes()


def test_boxes_that_lie():
    with pytest.raises(ExportError, match="does not fit"):
        list(boxes(b"\0\0\1\0abcd1234"))
    two = b"\0\0\0\x0eiinf\0\0\0\0\0\2"
    with pytest.raises(ExportError, match="several parts"):
        avif_with(b"\0\0\0\x1ameta\0\0\0\0" + two, b"", b"")
    assert [n for n, _ in boxes(jxl_with(b"\xff\x0a12", b"E", b"X"))] == [
        b"JXL ",
        b"ftyp",
        b"Exif",
        b"xml ",
        b"jxlc",
    ]
