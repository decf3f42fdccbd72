# SPDX-License-Identifier: Apache-2.0
"""Colour profiles as files: what is written is read, by us and by exiftool."""

import json
import shutil
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pytest

from lichtbild.base.errors import ExportError, FallbackWarning, InputError
from lichtbild.base.image import Burst, CameraColour, HSVTable, RawFrame, Shot
from lichtbild.capture.dcp import applied, camera_name, read_dcp
from lichtbild.publish.dcp import write_dcp
from lichtbild.simulate.filters import known_filters

FILTERS = known_filters("phone")


def profile():
    rng = np.random.default_rng(0)
    cells = [rng.uniform(0.9, 1.1, (1, 6, 4, 3)).astype(np.float32) for _ in range(2)]
    for table in cells:
        table[:, :, 0, 2] = 1
    tables = tuple(HSVTable(table) for table in cells)
    plain = FILTERS.colour(("A", "D65"))
    return CameraColour(plain.illuminants, plain.colour, plain.forward, hue_sat=tables, name="Ours")


def test_what_was_written_is_read(tmp_path):
    made = profile()
    read = read_dcp(write_dcp(tmp_path / "p.dcp", made, camera="Make Model"))
    assert (read.camera, read.colour.name) == ("Make Model", "Ours")
    assert read.colour.illuminants == (17, 21)
    for a, b in zip(read.colour.colour + read.colour.forward, made.colour + made.forward, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for a, b in zip(read.colour.hue_sat, made.hue_sat, strict=True):
        np.testing.assert_array_equal(a.table, b.table)
        assert not a.srgb_value
    np.testing.assert_array_equal(read.colour.tone_curve, [[0, 0], [1, 1]])


def test_one_light_and_a_look_and_a_curve(tmp_path):
    look = HSVTable(np.ones((2, 3, 2, 3), np.float32), True)
    curve = np.array([[0, 0], [0.25, 0.375], [1, 1]])
    one = FILTERS.colour(("D55",))
    made = CameraColour(one.illuminants, one.colour, look=look, tone_curve=curve)
    read = read_dcp(write_dcp(tmp_path / "p.dcp", made, name="named here")).colour
    assert read.illuminants == (20,)
    assert read.forward == ()
    assert read.name == "named here"
    assert read.look is not None
    assert read.look.srgb_value
    np.testing.assert_array_equal(read.look.table, look.table)
    np.testing.assert_array_equal(read.tone_curve, curve)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_it(tmp_path):
    path = write_dcp(tmp_path / "p.dcp", profile(), camera="Make Model")
    said = json.loads(
        subprocess.run(["exiftool", "-j", "-G1", path], capture_output=True, check=True).stdout
    )[0]
    assert said["File:FileType"] == "DCP"
    assert said["IFD0:UniqueCameraModel"] == "Make Model"
    assert said["IFD0:ProfileName"] == "Ours"
    assert said["IFD0:ProfileHueSatMapDims"] == "6 4 1"
    assert said["IFD0:CalibrationIlluminant1"] == "Standard Light A"
    assert said["IFD0:CalibrationIlluminant2"] == "D65"
    assert said["IFD0:ProfileEmbedPolicy"] == "Allow Copying"
    assert said["IFD0:DefaultBlackRender"] == "None"
    numbers = [float(v) for v in said["IFD0:ForwardMatrix2"].split()]
    np.testing.assert_allclose(np.reshape(numbers, (3, 3)), profile().forward[1], atol=1e-5)
    assert "ExifTool:Warning" not in said


def test_an_existing_file_stays(tmp_path):
    write_dcp(tmp_path / "p.dcp", profile())
    with pytest.raises(ExportError, match="exists"):
        write_dcp(tmp_path / "p.dcp", profile())
    write_dcp(tmp_path / "p.dcp", profile(), overwrite=True)


def test_half_a_profile_is_not_written(tmp_path):
    made = profile()
    with pytest.raises(ExportError, match="0 colour matrices"):
        write_dcp(tmp_path / "p.dcp", CameraColour())
    with pytest.raises(ExportError, match="1 tables for 2"):
        write_dcp(tmp_path / "p.dcp", CameraColour(made.illuminants, made.colour, hue_sat=made.hue_sat[:1]))
    small = HSVTable(made.hue_sat[0].table[:, :1, :1])
    with pytest.raises(ExportError, match="different sizes"):
        write_dcp(tmp_path / "p.dcp", replace(made, hue_sat=(small, made.hue_sat[1])))
    assert not list(tmp_path.iterdir())


def test_what_is_no_profile_is_refused(tmp_path):
    path = tmp_path / "p.dcp"
    with pytest.raises(InputError, match="no such file"):
        read_dcp(path)
    path.write_bytes(b"II*\0" + bytes(20))
    with pytest.raises(InputError, match="no colour profile"):
        read_dcp(path)
    whole = write_dcp(tmp_path / "whole.dcp", profile()).read_bytes()
    for n in (4, 7, 8, 60, 200, len(whole) - 40):
        path.write_bytes(whole[:n])
        with pytest.raises(InputError):
            read_dcp(path)


def shot(path, **words):
    return RawFrame(np.zeros((4, 4), np.uint16), Shot(path, (4, 4), **words))


def test_a_profile_replaces_the_colour_of_a_burst(tmp_path):
    read = read_dcp(write_dcp(tmp_path / "p.dcp", profile(), camera="Make Model"))
    old = CameraColour((21,), (np.eye(3),), calibration=(2 * np.eye(3),), balance=(1.0, 2.0, 1.0))
    burst = Burst((shot(tmp_path / "a", make="Make", model="Model", colour=old),) * 2, 1)
    made = applied(burst, read)
    assert made.reference == 1
    for f in made.frames:
        assert f.shot.colour.illuminants == (17, 21)
        assert f.shot.colour.balance == (1.0, 2.0, 1.0)
        assert f.shot.colour.calibration == ()
    assert burst.frames[0].shot.colour is old


def test_the_profile_of_another_camera_is_used_with_a_warning(tmp_path):
    read = read_dcp(write_dcp(tmp_path / "p.dcp", profile(), camera="Make Model"))
    with pytest.warns(FallbackWarning, match="is for Make Model, the frames are by Other"):
        applied(Burst((shot(tmp_path / "a", make="Other", model="Other 3"),)), read)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        applied(Burst((shot(tmp_path / "a", unique="Make Model"),)), read)
        anyone = read_dcp(write_dcp(tmp_path / "q.dcp", profile()))
        assert anyone.camera == ""
        applied(Burst((shot(tmp_path / "a", make="Other", model="Other 3"), shot(tmp_path / "b"))), anyone)
    with pytest.raises(InputError, match="no colour"):
        applied(Burst((shot(tmp_path / "a", kind="mono"),)), read)


def test_names_of_cameras(tmp_path):
    assert camera_name(shot(tmp_path, make="Make", model="Make One").shot) == "Make One"
    assert camera_name(shot(tmp_path, make="Make", model="One").shot) == "Make One"
    assert camera_name(shot(tmp_path, make="Make", model="One", unique="U").shot) == "U"
