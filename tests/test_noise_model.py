# SPDX-License-Identifier: Apache-2.0
"""The noise model of a camera: its file, its profile at any ISO, and its use on a burst."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import CalibrationMissing, InputError, QualityWarning
from lichtbild.base.image import Burst, Noise, RawFrame, Shot
from lichtbild.capture.linearize import linearize
from lichtbild.capture.noise_file import noise_json, read_noise_model
from lichtbild.capture.noise_model import NoiseModel, Reading, applied


def phone():
    """A camera whose K is a line of the ISO and whose r is a parabola, some figures unknown."""
    readings = []
    for iso in (100.0, 400.0, 1600.0, 3200.0):
        k, r = 6e-4 * iso + 0.009, 7e-7 * iso**2 + 6.5e-4 * iso + 0.2
        values = (k, k, k), (r, 1.1 * r, r), (k / 500,) * 3, (r / 100,) * 3
        readings.append(Reading(iso, *values, row=0.1, tails=0.14, frames=40, levels=17))
    return NoiseModel("Drawn", "Camera", 64.0, 1023.0, tuple(readings), ("a.dng",), ("beware",))


def test_the_file_holds_everything(tmp_path):
    path = tmp_path / "noise.json"
    path.write_text(noise_json(phone()))
    again = read_noise_model(path)
    assert noise_json(again) == noise_json(phone())
    assert again.files == ("a.dng",) and again.warnings == ("beware",) and again.readings[0].row == 0.1
    assert math.isnan(again.readings[0].dsnu)
    record = json.loads(path.read_text())
    assert record["format"] == "lichtbild noise model" and record["readings"][0]["dsnu"] is None
    np.testing.assert_allclose(record["over_iso"]["gain"], [[6e-4] * 3, [0.009] * 3], rtol=1e-6)
    red = np.array(record["over_iso"]["variance"])[:, 0]
    np.testing.assert_allclose(red, [7e-7, 6.5e-4, 0.2 + 0.1**2], rtol=1e-6)
    profile = record["readings"][1]["profile"]
    assert profile["shot"][0] == pytest.approx(0.249 / 959)
    assert profile["read"][1] == pytest.approx((1.1 * (0.112 + 0.26 + 0.2) + 0.1**2) / 959**2)


def test_between_isos_the_curves_of_the_sensor_hold():
    gain, variance = phone().at(800)
    assert gain[0] == pytest.approx(0.489) and variance[0] == pytest.approx(0.448 + 0.52 + 0.2 + 0.1**2)


def test_read_noise_in_electrons():
    reading = phone().readings[0]
    assert reading.read_electrons[0] == pytest.approx(math.sqrt(0.272 - 1 / 12) / 0.069)
    assert math.isnan(replace(reading, variance=(0.08, 0.08, 0.08)).read_electrons[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no noise model"),
        ('{"format": "lichtbild noise model", "version": 9}', "version = 9"),
        ('{"format": "lichtbild noise model", "version": 1}', "missing or malformed"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    path = tmp_path / "noise.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_noise_model(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_noise_model(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"readings": []}, "no readings"),
        ({"white": 1}, "make no sense"),
        ({"iso": -100}, "rising order"),
        ({"gain": [0, 1, 1]}, "positive"),
        ({"gain": [None, 1, 1]}, "positive"),
        ({"gain": [1, 1]}, "malformed"),
        ({"row": -1}, "0 and more"),
        ({"row": 1e9}, "0 and more"),
    ],
)
def test_nonsense_in_the_file_is_refused(tmp_path, change, words):
    one = Reading(100, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    record = json.loads(noise_json(NoiseModel("A", "B", 64, 1023, (one,))))
    for key, value in change.items():
        (record if key in record else record["readings"][0])[key] = value
    path = tmp_path / "noise.json"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=words) as caught:
        read_noise_model(path)
    assert caught.value.hint


def two_gains():
    """A sensor whose read noise falls when its gain switches: no parabola."""
    values = ((100, 0.1, 9.0), (200, 0.2, 30.0), (400, 0.4, 2.0), (800, 0.8, 6.0))
    readings = tuple(Reading(i, (k, k, k), (r, r, r)) for i, k, r in values)
    return NoiseModel("Drawn", "Camera", 64, 1023, readings)


def test_measured_isos_give_what_was_measured():
    model = two_gains()
    for r in model.readings:
        assert model.at(r.iso) == (r.gain, r.variance)
    gain, variance = model.at(600)
    assert gain[0] == pytest.approx(0.6) and variance[0] == pytest.approx(4.0)


def test_beyond_the_measured_isos():
    model = two_gains()
    with pytest.warns(QualityWarning, match="extrapolated"):
        gain, _ = model.at(1600)
    assert gain[0] == pytest.approx(1.6)
    for iso in (1700, 40):
        with pytest.raises(CalibrationMissing, match="covers 100 … 800"):
            model.at(iso)
    with pytest.raises(CalibrationMissing, match="does not say its ISO"):
        model.at(None)


def test_a_model_without_iso_is_for_files_without_iso():
    model = NoiseModel("", "", 0, 255, (Reading(None, (1.0, 1.0, 1.0), (2.0, 2.0, 2.0)),))
    assert model.profile(None) == Noise((1 / 255,) * 3, (2 / 255**2,) * 3)


def test_the_pipeline_uses_it():
    dn = np.random.default_rng(1).integers(100, 300, (96, 96), np.uint16)
    black = np.full((2, 2), 64, np.float32)
    shot = Shot(Path("a.dng"), (96, 96), black=black, white=1023, make="Drawn", model="Camera", iso=800)
    frame = RawFrame(dn, replace(shot, neutral=(1.0, 1.0, 1.0)))
    burst = applied(Burst((frame, frame), 0), phone())
    wanted = phone().profile(800)
    assert all(f.shot.noise == wanted for f in burst.frames) and frame.shot.noise is None
    assert linearize(burst)[0].noise == wanted
    with pytest.raises(InputError, match="noise model is of Drawn Camera"):
        applied(Burst((replace(frame, shot=replace(frame.shot, model="X")),)), phone())
