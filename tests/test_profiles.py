# SPDX-License-Identifier: Apache-2.0
"""The user's own colour profiles: put away, listed, shown, taken out, and used without being asked for."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.home import home
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.capture.dcp import camera_name, read_dcp
from lichtbild.capture.profiles import folded, own_profile, profiles_of
from lichtbild.capture.raw import read_raw
from lichtbild.publish.dcp import write_dcp
from lichtbild.simulate.filters import known_filters
from lichtbild.tools.cli import call


def told(capsys, *words):
    code = call([*map(str, words), "--json"])
    out = capsys.readouterr()
    return code, json.loads(out.out), out.err


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shots") / "0042"
    simulate.write(folder, *simulate.burst("leaves", size=(96, 128), frames=2, iso=100))
    return sorted(folder.glob("*.dng"))


@pytest.fixture
def grey(tmp_path, shots):
    """A profile that takes all colour away, for the camera of the shots."""
    colour = read_raw(shots[0]).shot.colour
    table = np.zeros((1, 4, 3, 3), np.float32) + np.float32([0, 0, 1])
    made = replace(colour, calibration=(), hue_sat=(HSVTable(table),) * len(colour.colour), name="Grey")
    return write_dcp(tmp_path / "grey.dcp", made, camera=camera_name(read_raw(shots[0]).shot))


def saturation(path):
    rgb = np.asarray(Image.open(path), float)
    return np.ptp(rgb, axis=2).mean()


def test_in_and_out_again(tmp_path, capsys, grey):
    assert told(capsys, "profile", "list")[1]["profiles"] == []
    code, said, _ = told(capsys, "profile", "import", grey)
    assert code == 0
    (one,) = said["imported"]
    assert one["sha256"] == hashlib.sha256(grey.read_bytes()).hexdigest()
    camera = read_dcp(grey).camera
    assert (home() / "profiles" / f"{camera}.dcp").read_bytes() == grey.read_bytes()
    (listed,) = told(capsys, "profile", "list")[1]["profiles"]
    assert (listed["camera"], listed["name"], listed["used"]) == (camera, "Grey", True)
    shown = told(capsys, "profile", "show", camera.upper())[1]
    assert shown["table"] == "4 × 3 × 1"
    assert shown["lights"] == "2850 K and 6500 K"
    assert told(capsys, "profile", "export", camera, "-o", tmp_path / "out.dcp")[0] == 0
    assert (tmp_path / "out.dcp").read_bytes() == grey.read_bytes()


def test_the_profile_inside_a_raw_file_is_shown_and_exported(tmp_path, capsys, shots):
    shown = told(capsys, "profile", "show", shots[0])[1]
    assert shown["matrices"] == 2
    assert told(capsys, "profile", "export", shots[0], "-o", tmp_path / "x.dcp")[0] == 0
    inside, out = read_raw(shots[0]).shot, read_dcp(tmp_path / "x.dcp")
    assert out.camera == camera_name(inside)
    for a, b in zip(out.colour.colour, inside.colour.colour, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_it_is_used_and_the_photo_says_so(tmp_path, capsys, grey, shots):
    names = {}
    for name, flags in (("own", ()), ("used", ()), ("none", ("--dcp", "none"))):
        if name == "used":
            assert call(["profile", "import", str(grey)]) == 0
        words = ["develop", *map(str, shots), "-o", str(tmp_path / f"{name}.jpg"), *flags]
        capsys.readouterr()
        names[name] = told(capsys, *words)[1:]
    assert "colours by" in names["used"][1]
    assert "(Grey)" in names["used"][1]
    assert "colours by" not in names["own"][1] + names["none"][1]
    assert names["used"][0]["photos"][0]["profile"].endswith(".dcp")
    assert names["none"][0]["photos"][0]["profile"] == ""
    assert saturation(tmp_path / "used.jpg") < 3 < saturation(tmp_path / "own.jpg")
    assert (tmp_path / "own.jpg").read_bytes() == (tmp_path / "none.jpg").read_bytes()
    xmp = (tmp_path / "used.jpg").read_bytes()
    assert hashlib.sha256(grey.read_bytes()).hexdigest().encode() in xmp
    assert b".dcp" in xmp
    assert b".dcp" not in (tmp_path / "none.jpg").read_bytes()


def test_a_profile_asked_for_wins_and_another_cameras_is_warned_of(tmp_path, capsys, grey, shots):
    assert call(["profile", "import", str(grey)]) == 0
    plain = known_filters("phone").colour(("D65",))
    other = write_dcp(tmp_path / "other.dcp", plain, camera="Someone Else")
    capsys.readouterr()
    _, said, _ = told(capsys, "develop", *shots, "-o", tmp_path / "a.jpg", "--dcp", other)
    (photo,) = said["photos"]
    assert photo["profile"] == str(other)
    assert any("is for Someone Else, the frames are by" in w for w in photo["warnings"])


def test_the_first_by_name_of_several_is_used(tmp_path, grey, shots):
    camera = read_dcp(grey).camera
    (home() / "profiles").mkdir(parents=True)
    for name in ("b.dcp", "a.dcp"):
        (home() / "profiles" / name).write_bytes(grey.read_bytes())
    (home() / "profiles" / "c.dcp").write_bytes(b"IIRC")
    assert [k.path.name for k in profiles_of(f" {camera.upper()} ")] == ["a.dcp", "b.dcp"]
    assert folded(" A  b ") == "a b"
    burst = type("Burst", (), {"frames": (read_raw(shots[0]),)})
    assert own_profile(burst).path.name == "a.dcp"


def test_wrong_words_and_files_are_refused(tmp_path, capsys, grey):
    nameless = write_dcp(tmp_path / "n.dcp", known_filters("phone").colour(("D65",)))
    assert call(["profile", "import", str(grey)]) == 0
    capsys.readouterr()
    for code, words, said in (
        (2, ["list", "x"], "takes no names"),
        (2, ["show"], "is missing"),
        (2, ["show", "a", "b"], "one camera or file"),
        (2, ["export", "a"], "where to"),
        (3, ["show", "No Such"], "no profile for a camera of that name"),
        (3, ["import", tmp_path / "not.dcp"], "no such file"),
        (3, ["import", nameless], "which camera"),
        (2, ["import", grey], "exists already"),
        (2, ["export", grey, "-o", grey], "one of the inputs"),
    ):
        got, document, _ = told(capsys, "profile", *words)
        text = json.dumps(document)
        assert (got, said in text) == (code, True), (words, document)
    assert told(capsys, "profile", "import", grey, "--overwrite")[0] == 0


def test_a_damaged_profile_in_the_folder_is_named_by_list(capsys):
    (home() / "profiles").mkdir(parents=True)
    (home() / "profiles" / "c.dcp").write_bytes(b"IIRC")
    code, said, _ = told(capsys, "profile", "list")
    assert code == 3
    assert "c.dcp" in said["failed"][0]["item"]
    assert CameraColour().whites == ()
