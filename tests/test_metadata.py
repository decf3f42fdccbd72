# SPDX-License-Identifier: Apache-2.0
"""Metadata: what is carried is right, what is not listed never appears, the recipe comes back."""

import io
import json
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lichtbild.base import tiff
from lichtbild.base.image import Shot
from lichtbild.base.tiff import numbers_field
from lichtbild.publish.metadata import NAMESPACE, exif_block, xmp_packet

SECRETS = {
    42033: "SERIAL123",
    42032: "OWNER NAME",
    42037: "LENSSERIAL",
    37510: b"COMMENT!",
    37500: b"MAKERNOTE",
    42016: "UNIQUEID",
}
MAIN_SECRETS = {315: "ARTIST NAME", 50735: "BODYSERIAL", 33432: "COPYRIGHT HOLDER", 270: "C:\\Users\\someone"}
GPS = {
    0: tiff.bytes_field(tiff.BYTE, bytes((2, 3, 0, 0))),
    1: tiff.ascii_field("S"),
    2: numbers_field(tiff.RATIONAL, 33, 51, 22.5),
    3: tiff.ascii_field("E"),
    4: numbers_field(tiff.RATIONAL, 151, 12, 30.25),
}


def shot(**fields):
    said = {
        "make": "Maker",
        "model": "Model",
        "orientation": 6,
        "iso": 64.0,
        "exposure_time": 1 / 320,
        "f_number": 1.8,
        "focal_length": 6.9,
        "time": datetime(2026, 2, 3, 4, 5, 6, 70000, timezone(-timedelta(hours=3, minutes=30))),
        "subseconds": True,
        "exif": {
            "main": MAIN_SECRETS,
            "exif": {**SECRETS, 41989: 24, 37380: -0.5, 42036: "Lens 1.8"},
            "gps": GPS,
        },
    }
    return Shot(Path("a.dng"), (300, 400), **(said | fields))


def jpeg(tmp_path, exif, xmp=b""):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (40, 30)).save(path, exif=b"Exif\0\0" + exif, xmp=xmp)
    return path


def exiftool(path):
    said = (
        subprocess.run(["exiftool", "-j", "-G1", *more, path], capture_output=True, text=True, check=True)
        for more in (("-n", "-struct"), ("-a", "-validate", "-warning"))
    )
    plain, checked = (json.loads(s.stdout)[0] for s in said)
    return plain | checked


NEEDS_EXIFTOOL = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")


def test_pillow_reads_what_the_camera_did():
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + exif_block(shot(), size=(30, 40), space="srgb", software="lichtbild 1"))
    assert (exif[271], exif[272], exif[274], exif[305], exif[306]) == (
        "Maker",
        "Model",
        1,
        "lichtbild 1",
        "2026:02:03 04:05:06",
    )
    deep = exif.get_ifd(0x8769)
    assert float(deep[33434]) == pytest.approx(1 / 320)
    assert (float(deep[33437]), float(deep[37386]), float(deep[37380])) == pytest.approx((1.8, 6.9, -0.5))
    assert (deep[34855], deep[36867], deep[37521], deep[36881]) == (64, "2026:02:03 04:05:06", "07", "-03:30")
    assert (deep[40961], deep[40962], deep[40963], deep[41989], deep[42036]) == (1, 40, 30, 24, "Lens 1.8")


def test_another_space_is_uncalibrated():
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + exif_block(shot(), space="p3"))
    assert exif.get_ifd(0x8769)[40961] == 0xFFFF


@pytest.mark.parametrize("strip", ["none", "gps", "all"])
def test_only_what_is_listed_is_carried(strip):
    block = exif_block(shot(), strip=strip)
    for secret in (*SECRETS.values(), *MAIN_SECRETS.values()):
        assert (secret if isinstance(secret, bytes) else secret.encode()) not in block
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    assert bool(exif.get_ifd(0x8825)) == (strip == "none")
    assert (271 in exif) == (33434 in exif.get_ifd(0x8769)) == (306 in exif) == (strip != "all")
    assert exif[274] == 1


def test_what_the_file_said_wins_over_what_was_guessed():
    said = shot(exif={"exif": {33434: numbers_field(tiff.RATIONAL, 0.5)}})
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + exif_block(said))
    assert float(exif.get_ifd(0x8769)[33434]) == 0.5


def test_a_shot_that_says_nothing_is_still_a_block():
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + exif_block(Shot(Path("a"), (2, 2)), strip="none"))
    assert dict(exif) == {274: 1, 305: "lichtbild", 282: 72.0, 283: 72.0, 296: 2, 531: 1, 34665: exif[34665]}


@NEEDS_EXIFTOOL
def test_exiftool_reads_the_place_and_finds_nothing_wrong(tmp_path):
    said = exiftool(jpeg(tmp_path, exif_block(shot(), strip="none", size=(30, 40), space="srgb")))
    assert said["Composite:GPSLatitude"] == pytest.approx(-(33 + 51 / 60 + 22.5 / 3600))
    assert said["Composite:GPSLongitude"] == pytest.approx(151 + 12 / 60 + 30.25 / 3600)
    assert said["Composite:SubSecDateTimeOriginal"] == "2026:02:03 04:05:06.07-03:30"
    assert said["ExifTool:Validate"] == "OK"


RECIPE = '[tone]\nshadows = 0.25  # <lift> & "more"\nname = "Grün 🌱"\n'
HISTORY = ("linearize", "merge trust=3.0", "grade <x>&")
FRAMES = (("a & b.dng", "00" * 32), ("c.dng", "ff" * 32))


def test_the_recipe_comes_back_from_the_packet():
    body = ElementTree.fromstring(xmp_packet(RECIPE, HISTORY, FRAMES).decode())
    assert body.find(f".//{{{NAMESPACE}}}recipe").text == RECIPE
    history = body.find(f".//{{{NAMESPACE}}}history")
    assert tuple(e.text for e in history.iter() if e.tag.endswith("}li")) == HISTORY
    names = [e.text for e in body.iter(f"{{{NAMESPACE}}}file")]
    digests = [e.text for e in body.iter(f"{{{NAMESPACE}}}sha256")]
    assert tuple(zip(names, digests, strict=True)) == FRAMES


def test_text_that_xml_cannot_say_is_left_out():
    body = ElementTree.fromstring(xmp_packet("a\0b\x1bc\ud800d", ()).decode())
    assert body.find(f".//{{{NAMESPACE}}}recipe").text == "abcd"


@NEEDS_EXIFTOOL
def test_exiftool_reads_the_packet(tmp_path):
    said = exiftool(jpeg(tmp_path, exif_block(shot()), xmp_packet(RECIPE, HISTORY, FRAMES)))
    assert said["XMP-lichtbild:Recipe"].strip() == RECIPE.strip()
    assert said["XMP-lichtbild:History"] == list(HISTORY)
    assert [f["File"] for f in said["XMP-lichtbild:Frames"]] == ["a & b.dng", "c.dng"]


def test_pillow_keeps_packet_and_block(tmp_path):
    packet = xmp_packet(RECIPE, HISTORY)
    with Image.open(io.BytesIO(jpeg(tmp_path, exif_block(shot()), packet).read_bytes())) as image:
        assert image.info["xmp"] == packet
        assert image.getexif()[272] == "Model"
