# SPDX-License-Identifier: Apache-2.0
"""``gainmap`` and the flags --hdr, --also and --depth: what goes into which file."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.colour import P3, REC2020, hlg_encode, pq_encode, rgb_to_rgb, srgb_decode, srgb_encode
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.gainmap_read import read_gainmap
from lichtbild.publish.photo import save, save_linear
from lichtbild.recipe import Recipe
from lichtbild.tools.cli import call
from lichtbild.tools.gainmap import ordinary
from lichtbild.tools.renditions import depth_for, recipe_for, renditions, shared
from lichtbild.tools.targets import PHOTO, also, target

NEEDS = {"avif": "imagecodecs", "heic": "pillow_heif", "jxl": "OpenImageIO"}


def light(h=48, w=64):
    y, x = np.mgrid[:h, :w].astype(np.float32) / np.float32(h)
    return np.stack([0.05 + 2.0 * x * x, 0.1 + 1.5 * x * y, 0.08 + 1.1 * y], -1).astype(np.float32)


def pair(folder, space="p3"):
    """An ordinary JPEG with EXIF, its HDR light in the same primaries, and the light of the JPEG."""
    hdr = light()
    sdr = np.float32(srgb_encode((hdr / (1 + hdr / 2)).clip(0, 1)))
    shot = Shot(Path("a.dng"), hdr.shape[:2], make="Maker", model="Phone", iso=125.0)
    path = save(Photo(sdr, space, shot), folder / "sdr.jpg", quality=97)
    with Image.open(path) as image:
        return path, hdr, srgb_decode(np.asarray(image) / 255)


def across(light, source, target):
    return np.ascontiguousarray(light @ rgb_to_rgb(source, target).T.astype(np.float32))


def scene(rgb):
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise(0.0, 0.0))


def hlg(light):
    """Light on a display of 1000 cd/m² as HLG."""
    shown = light * 203 / 1000
    y = shown @ REC2020.to_xyz()[1].astype(np.float32)
    return np.float32(hlg_encode(shown * (y ** (1 / 1.2 - 1))[..., None]))


def expected(hdr, sdr, scale=2):
    g = np.log2((hdr + 1 / 64) / (sdr + 1 / 64))
    h, w = g.shape[:2]
    return g.reshape(h // scale, scale, w // scale, scale, 3).mean((1, 3))


@pytest.mark.parametrize(
    "kind", ["linear tif", "pq tif", "pq png", "pq avif", "pq heic", "hlg heic", "pq jxl"]
)
def test_two_renditions_become_one_file(tmp_path, kind, capsys):
    sdr, hdr, own = pair(tmp_path)
    curve, suffix = kind.split()
    path = tmp_path / f"hdr.{suffix}"
    wide = across(hdr, P3, REC2020)
    if curve == "linear":
        save_linear(scene(wide), path, space="rec2020")
    else:
        pytest.importorskip(NEEDS.get(suffix, "numpy"), reason=f'pip install "lichtbild[{suffix}]"')
        coded = np.float32(pq_encode(wide * 203 / 10000)) if curve == "pq" else hlg(wide)
        save(Photo(coded, "rec2020", scene(wide).shot, transfer=curve), path, quality=100)
    assert call(["gainmap", str(sdr), str(path), "-o", str(tmp_path / "o.jpg"), "--headroom", "1.5"]) == 0
    read = read_gainmap(tmp_path / "o.jpg")
    assert read.gains.alternate_headroom == 1.5
    assert np.abs(read.gain() - expected(hdr, own)).mean() < (0.03 if suffix in ("avif", "heic") else 0.02)
    with Image.open(sdr) as a, Image.open(tmp_path / "o.jpg") as b:  # the JPEG keeps its pixels
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        assert b.getexif()[272] == "Phone" and b.info["icc_profile"] == a.info["icc_profile"]
    assert "1.50 EV" in capsys.readouterr().out


def test_a_turned_picture_is_turned_and_words_are_left_out(tmp_path):
    sdr, hdr, _ = pair(tmp_path)
    with Image.open(sdr) as image:
        exif = image.getexif()
        exif[274], exif[42033] = 6, "serial 123"
        turned = image.transpose(Image.Transpose.ROTATE_90)
        turned.save(
            tmp_path / "t.jpg", exif=exif, icc_profile=image.info["icc_profile"], quality=97, comment=b"me"
        )
    save_linear(scene(across(hdr, P3, REC2020)), tmp_path / "h.tif", space="rec2020")
    assert (
        call(["gainmap", str(tmp_path / "t.jpg"), str(tmp_path / "h.tif"), "-o", str(tmp_path / "o.jpg")])
        == 0
    )
    whole = (tmp_path / "o.jpg").read_bytes()
    assert b"serial" not in whole and b"\xff\xfe" not in whole[:2000]
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.size == (64, 48) and image.getexif()[274] == 1


def test_what_is_in_one(tmp_path, capsys):
    sdr, hdr, _ = pair(tmp_path)
    save_linear(scene(across(hdr, P3, REC2020)), tmp_path / "h.tif", space="rec2020")
    out = str(tmp_path / "o.jpg")
    assert (
        call(["gainmap", str(sdr), str(tmp_path / "h.tif"), "-o", out, "--grey", "--scale", "4", "--json"])
        == 0
    )
    capsys.readouterr()
    assert call(["gainmap", out, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["size"], told["map"], told["colours"]) == ([48, 64], [12, 16], "grey")
    assert call(["gainmap", out]) == 0
    assert "ISO 21496-1 + Ultra HDR" in capsys.readouterr().out


def test_refusals(tmp_path, capsys):
    sdr, hdr, _ = pair(tmp_path)
    small, same = tmp_path / "small.tif", tmp_path / "same.tif"
    save_linear(scene(np.ascontiguousarray(hdr[:-2])), small, space="rec2020")
    save(Photo(light() / 3, "p3", Shot(Path("a"), (48, 64))), same)
    (tmp_path / "x.gif").write_bytes(b"GIF")
    for words, code, said in (
        ([sdr, small, "-o", "o.jpg"], 3, "must be alike"),
        ([sdr, same, "-o", "o.jpg"], 3, "--hdr-transfer"),
        ([sdr, tmp_path / "x.gif", "-o", "o.jpg"], 3, "an HDR picture is one of"),
        ([small, small, "-o", "o.jpg"], 3, "is linear light"),
        ([sdr, small], 2, "2 files without -o"),
        ([sdr, "-o", "o.jpg"], 2, "one picture"),
        ([sdr], 3, "no gain map"),
        ([sdr, same, "-o", "o.png"], 2, "not one of .jpg"),
    ):
        assert call(["gainmap", *map(str, words)]) == code, words
        assert said in capsys.readouterr().err
    assert not Path("o.jpg").exists()


def test_sixteen_bits_of_an_ordinary_png_count(tmp_path):
    coded = np.float32(srgb_encode((light() / 4).clip(0, 1)))
    path = save(Photo(coded, "p3", Shot(Path("a"), (48, 64))), tmp_path / "a.png", depth=16)
    np.testing.assert_allclose(ordinary(path).photo.rgb, coded, atol=0.51 / 65535)


def test_headroom_is_that_of_the_light_not_of_the_gains(tmp_path):
    """Where the ordinary picture is black in one colour, gains go to 6 EV; light to 1.6 EV over white."""
    coded = np.float32(srgb_encode((light() / 2.2).clip(0, 1)))
    coded[:, :20, 2] = 0
    sdr = save(Photo(coded, "p3", Shot(Path("a"), (48, 64))), tmp_path / "a.png", depth=16)
    wide = across(light(), P3, REC2020)
    save_linear(scene(wide), tmp_path / "h.tif", space="rec2020")
    assert call(["gainmap", str(sdr), str(tmp_path / "h.tif"), "-o", str(tmp_path / "o.jpg")]) == 0
    gains = read_gainmap(tmp_path / "o.jpg").gains
    assert gains.maximum[0] > 4
    assert gains.alternate_headroom == pytest.approx(np.log2(wide.max()), abs=0.1)


@pytest.mark.parametrize("name", ["apple_gainmap_new.jpg", "apple_gainmap_old.jpg"])
def test_a_gain_map_of_apples_own_is_named(data_dir, name, capsys):
    assert call(["gainmap", str(data_dir / "export" / name)]) == 3
    assert "Apple's own gain map (not ISO 21496-1), which is not read" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_profile_of_another_kind_is_refused(tmp_path, capsys):
    from lichtbild.publish.icc import profile

    sdr, _, _ = pair(tmp_path)
    with Image.open(sdr) as image:
        image.save(tmp_path / "wide.jpg", icc_profile=profile("rec2020"))
    assert call(["gainmap", str(tmp_path / "wide.jpg"), str(sdr), "-o", str(tmp_path / "o.jpg")]) == 3
    assert "neither sRGB nor Display P3" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".png", ".avif"])
def test_an_hdr_picture_is_not_taken_for_the_ordinary_one(tmp_path, capsys, suffix):
    pytest.importorskip(NEEDS.get(suffix[1:], "numpy"))
    path = tmp_path / f"a{suffix}"
    save(Photo(light() / 4, "rec2020", Shot(Path("a.dng"), (48, 64)), transfer="pq"), path)
    assert call(["gainmap", str(path), str(path), "-o", str(tmp_path / "o.jpg")]) == 3
    assert "is in PQ; the first picture is the ordinary one" in capsys.readouterr().err


def test_an_ordinary_picture_may_say_its_colours_by_number(tmp_path):
    pytest.importorskip("imagecodecs")
    encoded = (light() / 4).astype(np.float32)
    for space in ("p3", "srgb"):
        path = tmp_path / f"{space}.avif"
        save(Photo(encoded, space, Shot(Path("a.dng"), (48, 64))), path, quality=98)
        read = ordinary(path).photo
        assert read.space == space
        assert np.abs(read.rgb - encoded).mean() < 0.003


# ---- which file holds what


def test_every_file_holds_what_suits_it():
    photos = [Path("a.jpg"), Path("a.tif"), Path("a.avif"), Path("a.png")]
    assert list(renditions(photos, "auto", Recipe()).values()) == ["gainmap", "none", "pq", "none"]
    assert list(renditions(photos, "none", Recipe()).values()) == ["none"] * 4
    assert list(renditions(photos[2:], "hlg", Recipe()).values()) == ["hlg", "hlg"]
    with pytest.raises(ExportError, match="cannot hold PQ"):
        renditions(photos, "pq", Recipe())
    hlg = replace(Recipe(), display=replace(Recipe().display, transfer="hlg"))
    assert list(renditions(photos[2:], "auto", hlg).values()) == ["hlg", "hlg"]
    with pytest.raises(ExportError, match="cannot hold HLG"):
        renditions(photos, "auto", hlg)


def test_a_gain_map_that_the_recipe_has_not_is_not_promised():
    for knob in ("grade.headroom=0", "gainmap.colours=none"):
        recipe = Recipe.of(knob)
        assert renditions([Path("a.jpg")], "auto", recipe) == {Path("a.jpg"): "none"}
        with pytest.raises(ExportError, match=knob.replace("=", r" = ")):
            renditions([Path("a.jpg")], "gainmap", recipe)


def test_depth_binds_other_files_only_where_they_can_follow():
    assert depth_for(Path("a.avif"), 8, "pq") == 10
    assert depth_for(Path("a.avif"), 12, "pq") == 12
    assert depth_for(Path("a.jpg"), 16, "srgb") == 8


def test_a_missing_library_is_told_before_anything_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert call(["simulate", "b", "--size", "64x96", "--frames", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert call(["develop", "b", "-o", "o.jpg", "--also", ".heic", "--progress", "plain"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("lichtbild: o.heic: .heic needs pillow-heif") and "lichtbild[heic]" in said
    assert not list(tmp_path.glob("o.*"))


def test_renditions_are_finished_once():
    assert shared(["gainmap", "none", "pq", "pq"]) == [["none", "gainmap"], ["pq"]]
    made = recipe_for(Recipe(), ["pq"]).display
    assert (made.transfer, made.space) == ("pq", "rec2020")
    srgb = replace(Recipe(), display=replace(Recipe().display, space="srgb"))
    assert recipe_for(srgb, ["pq"]).display.space == "srgb"
    assert recipe_for(Recipe(), ["none", "gainmap"]) == Recipe()
    assert recipe_for(Recipe(), ["none"]).gainmap.colours == "none"


def test_also_names_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web").mkdir()
    photo = Path("out.jpg")
    assert also(".avif", photo) == Path("out.avif")
    assert also("web/.jxl", photo) == Path("web/out.jxl")
    assert also("web/", photo) == Path("web/out.jpg")
    assert also("b.png", photo) == Path("b.png")
    for text in (".gif", "b.gif", "none/.avif/x", "none/web/.avif"):
        with pytest.raises(ExportError):
            also(text, photo)


def test_an_output_may_be_a_folder_and_a_format(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".hidden").mkdir()
    assert target(".avif", "x", PHOTO) == Path("x.avif")
    assert target("web/.TIF", "x", PHOTO) == Path("web/x.tif") and (tmp_path / "web").is_dir()
    assert target(".hidden", "x", PHOTO) == Path(".hidden/x.jpg")
    assert target("..", "x", PHOTO) == Path("../x.jpg")
    with pytest.raises(ExportError, match=r"web/.gif is neither a format nor a folder"):
        target("web/.gif", "x", PHOTO)
    assert not (tmp_path / "web" / ".gif").exists()


def test_one_burst_many_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(["simulate", "b", "--size", "64x96", "--frames", "2", "--quiet"]) == 0
    words = ["develop", "b", "-o", "o.jpg", "--also", ".png", "--also", "d.tif", "--json"]
    capsys.readouterr()
    assert call([*words]) == 0
    told = json.loads(capsys.readouterr().out)["photos"][0]
    assert told["hdr"] == {"o.jpg": "gainmap", "o.png": "none", "d.tif": "none"}
    assert {"o.jpg", "o.png", "d.tif"} <= {p.name for p in tmp_path.iterdir()}
    assert read_gainmap("o.jpg") is not None
    assert call(["develop", "b", "-o", "n.jpg", "--hdr", "none", "--quiet"]) == 0
    assert read_gainmap("n.jpg") is None
    assert call(["develop", "b", "-o", "p.png", "--hdr", "pq", "--depth", "16", "--quiet"]) == 0
    assert (tmp_path / "p.png").read_bytes()[24] == 16 and b"cICP" in (tmp_path / "p.png").read_bytes()[:200]
    for wrong in (
        ["-o", "q.png", "--hdr", "gainmap"],
        ["-o", "q.jpg", "--depth", "16"],
        ["-o", "q.jpg", "--also", "q.jpg"],
    ):
        assert call(["develop", "b", "-o", *wrong, "--quiet"]) != 0
    assert not list(tmp_path.glob("q.*"))
