# SPDX-License-Identifier: Apache-2.0
"""Sensors by name, with changed terms, and from files: what is given comes back, what cannot be is named."""

import math

import pytest

from lichtbild.base.errors import CalibrationMissing, InputError
from lichtbild.capture.noise_file import noise_json, read_noise_model
from lichtbild.capture.noise_model import NoiseModel, Reading
from lichtbild.simulate.sensor import known_sensor, phone_pattern


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"prno": 0.1}, "did you mean prnu"),
        ({"prnu": 0.5}, r"prnu = 0.5 is out of range; allowed is 0 … 0.2"),
        ({"read": "1"}, "not a number"),
        ({"tail": -0.5}, "or none"),
        ({"bits": 18}, "8 … 16"),
        ({"bits": 10.5}, "whole"),
        ({"black": 2000.0}, "not below white"),
        ({"full_well": float("nan")}, "out of range"),
    ],
)
def test_terms_that_cannot_be_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        known_sensor("phone", 400, changes)


@pytest.mark.parametrize(
    "name, iso, words",
    [("fone", 400, "did you mean phone"), ("phone", 10, "25 … 102400"), ("phone", math.nan, "25")],
)
def test_sensors_that_are_not_known_are_refused(name, iso, words):
    with pytest.raises(InputError, match=words):
        known_sensor(name, iso)


def test_a_sensor_from_a_file(tmp_path):
    path = tmp_path / "camera.toml"
    path.write_text(
        '[sensor]\npreset = "phone-pattern"\nbits = 12\ngain = [0.01, 0.002]\n'
        "read_variance = [1.0, 0.0, 1e-4]\ndsnu = 0.0\ntail = -0.1\nfull_well = inf\nserial = 3\n"
    )
    sensor = known_sensor(path, 200, {"row": 0.0})
    assert (sensor.gain, sensor.read) == (pytest.approx(0.41), pytest.approx(math.sqrt(5)))
    assert (sensor.white, sensor.black, sensor.prnu, sensor.dsnu) == (4095, 256, 0.008, 0)
    assert (sensor.tail, sensor.row, sensor.serial) == (-0.1, 0, 3)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "no table"),
        ("[sensor]\n[lens]\n", "'lens' is unknown"),
        ("[sensor\n", "no TOML"),
        ('[sensor]\npreset = "dslrr"\n', "did you mean dslr"),
        ("[sensor]\nprnu = 2\n", r"camera.toml: sensor.prnu = 2 is out of range"),
        ('[sensor]\npreset = ["phone"]\n', "is not one of phone"),
        ("[sensor]\npnru = 0.1\n", r"camera.toml: sensor.pnru = 0.1 is unknown.*did you mean prnu"),
        ("[sensor]\nread_variance = -1\n", "below 0"),
        ("[sensor]\ngain = []\n", "is no number"),
        ("[sensor]\ngain = [true]\n", "is no number"),
        ("[sensor]\nserial = 1.5\n", "whole"),
    ],
)
def test_files_that_say_no_sensor_are_refused(tmp_path, text, words):
    path = tmp_path / "camera.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        known_sensor(path, 400)
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        known_sensor(tmp_path / "none.toml", 400)


def test_a_calibrated_camera_is_simulated(tmp_path):
    readings = []
    for iso in (100.0, 800.0, 3200.0):
        k = phone_pattern(iso)
        gain, r = (k.gain * 1.1, k.gain, k.gain * 0.9), (k.read**2 * (1 + 0.2**2) + 1 / 12,) * 3
        lines = {"row": 0.15 * k.read, "column": 0.2 * k.read}  # r holds the columns, not the rows
        readings.append(Reading(iso, gain, r, **lines, dsnu=0.3, prnu=0.008, tails=0.1))
    path = tmp_path / "camera.json"
    path.write_text(noise_json(NoiseModel("Make", "Model", 64.0, 1023.0, tuple(readings))))
    for iso in (800, 1600):
        made, true = known_sensor(path, iso, {"hot": 0.001}), phone_pattern(iso)
        assert made.noise.read == pytest.approx(read_noise_model(path).profile(iso).read, rel=1e-5)
        assert (made.gain, made.read) == (
            pytest.approx(true.gain, rel=1e-5),
            pytest.approx(true.read, rel=1e-5),
        )
        assert (made.row, made.column) == (pytest.approx(0.15, rel=1e-5), pytest.approx(0.2, rel=1e-5))
        assert (made.tail, made.hot) == (0.1, 0.001)
        assert (made.prnu, made.dsnu, made.black, made.white) == (0.008, 0.3, 64, 1023)
    with pytest.raises(CalibrationMissing, match="100 … 3200"):
        known_sensor(path, 12800)
    path.write_text("{}")
    with pytest.raises(InputError, match="no noise model"):
        known_sensor(path, 800)
