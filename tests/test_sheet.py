# SPDX-License-Identifier: Apache-2.0
"""A contact sheet: all photos of a folder in one page that needs nothing else and runs nothing."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.image import Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.frame import seconds as exposure
from lichtbild.publish.photo import save
from lichtbild.tools.cli import call
from lichtbild.tools.seen import Seen, seen
from lichtbild.tools.sheet import entry


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheet")
    simulate.write(folder / "burst", *simulate.burst("leaves", size=(96, 128), frames=2))
    (folder / "photos").mkdir()
    for name, look in (("a.jpg", "natural"), ("b <i>.png", "vibrant"), ("c.tif", "mono")):
        out = folder / "photos" / name
        assert call(["develop", str(folder / "burst"), "-o", str(out), "--look", look, "--quiet"]) == 0
    return folder


def page(folder, *words):
    out = folder / "sheet.html"
    code = call(["sheet", str(folder / "photos"), "-o", str(out), "--overwrite", "--quiet", *words])
    return code, out.read_text(encoding="utf-8")


def pictures(html):
    coded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(c)))) for c in coded]


def test_every_photo_is_on_the_page_and_nothing_else_is_needed(folder):
    code, html = page(folder, "--bursts", "none")
    shown = pictures(html)
    assert code == 0 and len(shown) == 3 and all(p.shape == (96, 128, 3) for p in shown)
    assert "b &lt;i&gt;.png" in html and "<i>" not in html and "<script" not in html
    assert not re.search(r'(?:src|href)="(?!data:|#)', html) and "url(" not in html
    for words in ("2 frames", "ISO 400", "vibrant", "Simulated Phone", "f/1.8"):
        assert words in html


def test_all_formats_are_shown_in_the_same_colours(folder, tmp_path):
    burst = folder / "burst"
    for name in ("p3.jpg", "p3.tif", "p3.png", "srgb.tif"):
        words = ["--profile", name.partition(".")[0], "--quality", "98", "--quiet"]
        assert call(["develop", str(burst), "-o", str(tmp_path / name), *words]) == 0
    reference = seen(tmp_path / "srgb.tif").pixels.astype(float)
    for name in ("p3.jpg", "p3.tif", "p3.png"):
        apart = np.abs(seen(tmp_path / name).pixels - reference)
        assert np.median(apart) <= 1 and apart.mean() < 2.5, name


def test_pq_looks_like_the_ordinary_photo(folder, tmp_path):
    pytest.importorskip("imagecodecs", reason='pip install "lichtbild[avif]"')
    for name in ("a.png", "a.avif"):
        words = ["-o", str(tmp_path / name), "--look", "neutral", "--quiet"]
        assert call(["develop", str(folder / "burst"), *words]) == 0
    one, other = (seen(tmp_path / name).pixels[..., 1].astype(float) for name in ("a.png", "a.avif"))
    middle = (one > 90) & (one < 130)  # both renditions of a look agree at mid-grey, not in the lights
    assert abs(np.median(other[middle] - one[middle])) <= 5


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("a.png", ""),
        ("a.tif", ""),
        ("a.avif", "imagecodecs"),
        ("a.heic", "pillow_heif"),
        ("a.jxl", "OpenImageIO"),
    ],
)
def test_every_hdr_file_is_shown_up_to_white_and_says_how_it_was_taken(folder, tmp_path, name, library):
    if library:
        pytest.importorskip(library)
    wanted = seen(folder / "photos" / "a.jpg")
    words = ["-o", str(tmp_path / name), "--hdr", "pq", "--look", "natural", "--quiet"]
    assert call(["develop", str(folder / "burst"), *words]) == 0
    shown = seen(tmp_path / name)
    assert shown.facts() == wanted.facts() and shown.day
    lit = (wanted.pixels > 60) & (wanted.pixels < 130)
    assert abs(np.median(shown.pixels[lit].astype(float) - wanted.pixels[lit])) <= 8


def test_a_dark_picture_stays_dark(tmp_path):
    pytest.importorskip("imagecodecs", reason='pip install "lichtbild[avif]"')
    dark = Photo(np.full((32, 32, 3), 0.2, np.float32), "srgb", Shot(Path("a.dng"), (32, 32)))
    save(dark, tmp_path / "a.avif", depth=12, quality=98)  # its codes would fit into 10 bits
    assert np.abs(seen(tmp_path / "a.avif").pixels.astype(float) - 51).max() <= 1


def test_one_frame_of_an_hdr_file_is_as_bright_as_the_photo(folder, tmp_path):
    words = ["-o", str(tmp_path / "a.png"), "--hdr", "pq", "--quiet"]
    assert call(["develop", str(folder / "burst"), *words]) == 0
    made = entry(tmp_path / "a.png", sorted((folder / "burst").glob("*.dng")))
    assert made.pieces is not None
    one, photo = (np.median(p) for p in made.pieces)
    assert abs(one - photo) <= 8


def test_one_frame_stands_beside_the_photo(folder):
    for words in ((), ("--bursts", str(folder))):  # they are found in the folder above, too
        code, html = page(folder, *words)
        assert code == 0 and html.count('class="pair"') == 3 and len(pictures(html)) == 9
    assert 'class="pair"' not in page(folder, "--bursts", "none")[1]
    assert call(["sheet", str(folder / "photos"), "-o", "x.html", "--bursts", str(folder / "no")]) == 3


def test_a_zoomed_photo_tells_its_field_of_view_once(folder, tmp_path):
    words = ["-o", str(tmp_path / "a.jpg"), "--zoom", "1.5", "--quiet"]
    assert call(["develop", str(folder / "burst"), *words]) == 0
    assert "8.4 mm" in seen(tmp_path / "a.jpg").facts()  # of a lens of 5.6 mm


def test_what_cannot_be_read_is_named_and_left_out(folder, tmp_path, capsys):
    photos = shutil.copytree(folder / "photos", tmp_path / "photos")
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:2000])
    (photos / "empty.tif").write_bytes(b"")
    code, html = page(tmp_path)
    assert code == 1 and len(pictures(html)) == 3 and "broken.jpg" in html and "empty.tif" in html
    said = capsys.readouterr().err
    assert "broken.jpg" in said and "Traceback" not in said
    assert call(["sheet", str(photos), "-o", str(tmp_path / "sheet.html")]) == 2  # is there already
    assert call(["sheet", str(tmp_path / "none"), "-o", str(tmp_path / "x.html")]) == 3
    assert call(["sheet", str(photos), "-o", str(tmp_path / "x.pdf")]) == 2


def test_the_line_says_how_it_was_taken():
    exif = {271: "Maker", 272: "Maker One", 33434: 1 / 320, 33437: 1.85, 34855: 64, 41989: 24, 37386: 6.9}
    one = Seen(np.zeros((1, 1, 3), np.uint8), exif | {36867: "2026:02:03 04:05:06"})
    assert one.facts() == ["Maker One", "24 mm", "f/1.9", "1/320 s", "ISO 64", "2026-02-03"]
    assert Seen(one.pixels, {33434: (0, 0), 36867: "?"}).facts() == [""] * 6
    assert Seen(one.pixels, {37386: 6.0, 41988: 1.5}).facts()[1] == "9 mm"  # zoomed: told once
    assert exposure(2.5) == "2.5 s"
