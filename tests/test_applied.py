# SPDX-License-Identifier: Apache-2.0
"""What was calibrated is put to use: `develop` and `merge` with ``--noise`` and ``--dcp``."""

import json

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base.image import CameraColour
from lichtbild.capture.noise_file import noise_json
from lichtbild.capture.noise_model import NoiseModel, Reading
from lichtbild.capture.raw import read_raw
from lichtbild.publish.dcp import write_dcp
from lichtbild.quality.picture import read_picture
from lichtbild.tools.cli import call


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("applied")
    simulate.write(folder / "burst", *simulate.burst("leaves", size=(96, 128), frames=2, iso=800))
    return folder


def model(shot, times):
    """The true noise of the simulated phone, `times` as strong."""
    span = shot.white - float(shot.black.mean())
    gain = tuple(times * s * span for s in shot.noise.shot)
    read = tuple(times * r * span**2 for r in shot.noise.read)
    return NoiseModel(shot.make, shot.model, 64.0, 1023.0, (Reading(800.0, gain, read),))


def merged(place, name, *flags):
    out = place / f"{name}.tif"
    assert call(["merge", str(place / "burst"), "-o", str(out), "--quiet", *map(str, flags)]) == 0
    return read_picture(out).rgb


def roughness(rgb):
    """Step between neighbouring pixels where little is to be seen."""
    steps = np.abs(np.diff(rgb[..., 1], axis=1))
    return np.quantile(steps, 0.2)


def test_a_noise_model_takes_the_place_of_the_files_own(place):
    shot = read_raw(place / "burst" / "frame_000.dng").shot
    plain = merged(place, "plain")
    for times in (1, 9):
        (place / f"noise{times}.json").write_text(noise_json(model(shot, times)))
    same = merged(place, "same", "--noise", place / "noise1.json")
    stronger = merged(place, "stronger", "--noise", place / "noise9.json")
    np.testing.assert_allclose(same, plain, atol=1e-4)
    assert roughness(stronger) < 0.95 * roughness(plain), "more noise is expected, so more is taken away"


def test_a_profile_changes_the_colours_of_the_photo(place):
    shot = read_raw(place / "burst" / "frame_000.dng").shot
    swapped = CameraColour(
        illuminants=(21,), colour=(shot.colour.colour[-1][[0, 2, 1]],), name="green and blue swapped"
    )
    write_dcp(place / "swapped.dcp", swapped, name="swapped", camera=shot.unique)
    colours = [
        merged(place, name, "--space", "srgb", *flags)
        for name, flags in (("own", ()), ("dcp", ("--dcp", place / "swapped.dcp")))
    ]
    assert np.abs(colours[0] - colours[1]).mean() > 0.05


def test_what_does_not_fit_is_refused(place, capsys):
    shot = read_raw(place / "burst" / "frame_000.dng").shot
    other = NoiseModel("Other", "Camera", 64.0, 1023.0, model(shot, 1).readings)
    (place / "other.json").write_text(noise_json(other))
    (place / "text.dcp").write_text("no profile")
    for flags, words in (
        (("--noise", place / "other.json"), "the noise model is of Other Camera"),
        (("--noise", place / "missing.json"), "missing.json"),
        (("--dcp", place / "text.dcp"), "is no colour profile"),
    ):
        out = place / "refused.tif"
        capsys.readouterr()
        code = call(["merge", str(place / "burst"), "-o", str(out), "--json", *map(str, flags)])
        assert code == 3 and not out.exists()
        assert words in json.loads(capsys.readouterr().out)["error"]["message"]
