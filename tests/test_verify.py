# SPDX-License-Identifier: Apache-2.0
"""A finished file can be made again, to the last number, from what it says and what it was made of."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.publish.packet import NAMESPACE
from lichtbild.tools.cli import call

KNOBS = ("--set", "tone.shadows=0.33", "--look", "vibrant")


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "burst"
    simulate.write(folder, *simulate.burst("leaves", size=(96, 128), frames=3))
    return folder


def made(burst, path, *words):
    verb = "merge" if path.suffix == ".dng" or "--space" in words else "develop"
    assert call([verb, str(burst), "-o", str(path), "--quiet", *words]) == 0
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.jpg", (*KNOBS, "--quality", "70", "--strip", "gps")),
        ("a.tif", (*KNOBS, "--zoom", "1.7", "--reference", "2", "--profile", "srgb")),
        ("a.png", ("--frames", "2", "--scale", "1.5", "--merge", "mean")),
        ("linear.dng", ()),
        ("mosaic.dng", ("--cfa",)),
        ("linear.tif", ("--space", "srgb")),
    ],
)
def test_the_same_numbers_come_again(burst, tmp_path, name, words, capsys):
    photo = made(burst, tmp_path / name, *words)
    capsys.readouterr()
    assert call(["verify", str(photo), str(burst), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["same"] and all(p["count"] == 0 and p["largest"] == 0 for p in said["parts"].values())


def test_a_reference_behind_a_frame_that_was_left_out(burst, tmp_path, capsys):
    folder = shutil.copytree(burst, tmp_path / "burst")
    middle = sorted(folder.glob("*.dng"))[1]
    middle.write_bytes(middle.read_bytes()[:5000])
    photo = tmp_path / "a.png"
    assert call(["develop", str(folder), "-o", str(photo), "--quiet", "--reference", "2"]) == 1
    capsys.readouterr()
    assert call(["verify", str(photo), str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"]


def test_the_dng_beside_a_photo_comes_again_too(burst, tmp_path):
    dng = tmp_path / "b.dng"
    made(burst, tmp_path / "a.jpg", "--dng", str(dng), *KNOBS, "--zoom", "1.4")
    assert call(["verify", str(dng), str(burst)]) == 0


def test_one_number_that_differs_is_found(burst, tmp_path, capsys):
    photo = made(burst, tmp_path / "a.tif")
    whole = bytearray(photo.read_bytes())
    whole[-6] ^= 4  # the low byte of a number near the end
    photo.write_bytes(whole)
    capsys.readouterr()
    assert call(["verify", str(photo), str(burst)]) == 1
    assert "differs: picture: 1 of 36864 numbers differ, by up to 4" in capsys.readouterr().out


def test_files_may_be_called_otherwise_but_not_be_others(burst, tmp_path, capsys):
    folder = shutil.copytree(burst, tmp_path / "moved")
    photo = made(burst, tmp_path / "a.png")
    first, second, third = sorted(folder.glob("*.dng"))
    second.rename(folder / "another name.dng")
    (folder / "stranger.dng").write_bytes(b"nothing")
    assert call(["verify", str(photo), str(folder)]) == 0
    assert f"{second.name} is now called another name.dng" in capsys.readouterr().err
    whole = bytearray(first.read_bytes())
    whole[-1] ^= 1
    first.write_bytes(whole)
    third.unlink()
    assert call(["verify", str(photo), str(folder)]) == 3
    assert f"{first.name} is changed; {third.name} is missing" in capsys.readouterr().err


def test_a_table_is_one_of_the_files(burst, tmp_path, capsys):
    cube = tmp_path / "someone" / "warm.cube"
    cube.parent.mkdir()
    rows = (f"{r} {g} {0.8 * b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
    cube.write_text("LUT_3D_SIZE 2\n" + "\n".join(rows) + "\n")
    photo = made(burst, tmp_path / "a.png", "--set", f"lut.file={cube}")
    assert b"warm.cube" in photo.read_bytes() and b"someone" not in photo.read_bytes()
    assert call(["verify", str(photo), str(burst), str(cube)]) == 0
    assert call(["verify", str(photo), str(burst)]) == 3
    assert "warm.cube is missing" in capsys.readouterr().err


def test_words_may_be_added_and_pixels_not(burst, tmp_path):
    photo = made(burst, tmp_path / "a.png")
    with Image.open(photo) as image:  # another program that keeps the packet and packs otherwise
        packet, pixels = image.info["XML:com.adobe.xmp"], np.array(image)
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_itxt("XML:com.adobe.xmp", packet)
    Image.fromarray(pixels).save(tmp_path / "b.png", pnginfo=words, optimize=True)
    assert call(["verify", str(tmp_path / "b.png"), str(burst)]) == 0
    pixels[5, 7, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "c.png", pnginfo=words)
    assert call(["verify", str(tmp_path / "c.png"), str(burst)]) == 1


@pytest.mark.parametrize("word", ["strip", "raw", "damaged", "gone", "newer"])
def test_what_cannot_be_verified_is_refused(burst, tmp_path, word, capsys):
    photo = made(burst, tmp_path / "a.png", "--strip", "all" if word == "strip" else "none")
    whole = photo.read_bytes()
    if word == "raw":
        photo.write_bytes(whole.replace(NAMESPACE.encode(), b"x" * len(NAMESPACE)))
    elif word == "damaged":
        photo.write_bytes(whole.replace(b"</lichtbild:recipe>", b"</lichtbild:recipf>"))
    elif word == "gone":
        photo.unlink()
    elif word == "newer":
        photo.write_bytes(whole.replace(b"[merge]", b"[merje]").replace(b":version>0.", b":version>9."))
    assert call(["verify", str(photo), str(burst)]) == 3
    said = capsys.readouterr().err
    assert said.count("lichtbild:") == 1 and "Traceback" not in said
    assert word != "newer" or "made by lichtbild 9." in said
