# SPDX-License-Identifier: Apache-2.0
"""``lichtbild calibrate noise`` on files: simulated shots in, a noise model or a sentence out."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.image import Burst
from lichtbild.capture.noise_file import read_noise_model
from lichtbild.capture.noise_model import applied
from lichtbild.capture.raw import read_raw
from lichtbild.publish.dng import write_mosaic
from lichtbild.simulate.sensor import expose, phone
from lichtbild.tools import cli, outcome

SIZE = (320, 384)


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Pairs of five levels and four darks at two ISOs, and a burst of a resting scene, as DNG files."""
    folder = tmp_path_factory.mktemp("shots")
    burst, _ = simulate.burst("leaves", size=SIZE, frames=1)
    flat = np.ones((4, 2, 2), np.float32)
    fall = 1 - 0.3 * np.linspace(-1, 1, SIZE[1], dtype=np.float32)[None].repeat(SIZE[0], axis=0) ** 2
    for iso in (100, 1600):
        sensor = phone(iso)
        lights = [v for v in (0.05, 0.15, 0.3, 0.5, 0.7) for _ in range(2)] + [0.0] * 4
        for k, light in enumerate(lights):
            path = folder / ("darks" if light == 0 else "pairs") / f"{iso}_{k:02d}.dng"
            path.parent.mkdir(exist_ok=True)
            dn = expose(np.ascontiguousarray(fall * np.float32(light)), flat, sensor, seed=iso, frame=k)
            write_mosaic(path, dn, replace(burst.frames[0].shot, iso=iso, noise=sensor.noise, path=path))
    still, truth = simulate.burst("leaves", size=(480, 640), frames=6, iso=800, shake="still")
    simulate.write(folder / "still", still, truth)
    shaky, truth = simulate.burst("leaves", size=SIZE, frames=4, iso=800, shake="hand")
    simulate.write(folder / "shaky", shaky, truth)
    return folder


@pytest.fixture
def run(capsys):
    """Run one command line in this process: exit code, stdout, stderr."""

    def call(*words):
        code = cli.call(["calibrate", "noise", *map(str, words)])
        out, err = capsys.readouterr()
        assert code != outcome.BUG, err
        return code, out, err

    return call


def test_pairs_and_darks_of_two_isos(shots, tmp_path, run):
    path = tmp_path / "noise.json"
    code, out, err = run(shots / "pairs", "--dark", *sorted((shots / "darks").glob("*.dng")), "-o", path)
    assert code == 0, err
    model = read_noise_model(path)
    assert [r.iso for r in model.readings] == [100, 1600] and len(model.files) == 28
    for r in model.readings:
        sensor = phone(r.iso)
        np.testing.assert_allclose(r.gain, sensor.gain, rtol=0.02)
        ratio = np.array(r.variance) / (sensor.read**2 + 1 / 12)
        # around a whole number, with no fixed pattern to dither it, noise of 0.43 DN rounds to 8 % less
        np.testing.assert_allclose(ratio, 0.925 if r.iso == 100 else 1, atol=0.015)
        assert r.frames == 14 and r.levels == 6
        noise, true = model.profile(r.iso), sensor.noise
        np.testing.assert_allclose(noise.shot, true.shot, rtol=0.02)
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["ISO", "colour"] and lines[1].startswith("100")
    assert "1.0" in lines[-2] and "own NoiseProfile" in lines[-2]  # the simulator writes the truth
    assert lines[-1] == "noise.json  lichtbild Simulated Phone, 28 frames"
    assert "half a digital number" in err


def test_darks_are_found_without_being_told(shots, tmp_path, run):
    path = tmp_path / "noise.json"
    code, out, _ = run(*sorted(shots.glob("*/1600_*.dng")), "-o", path, "--json", "--roi", "0,0,200,384")
    assert code == 0
    told = json.loads(out)
    assert told["frames"] == 14 and told["model"]["readings"][0]["tails"] == pytest.approx(0.14, abs=0.03)
    assert told["own_profile"][0]["shot"] == pytest.approx(1, abs=0.03)
    assert told["model"]["readings"][0]["row"] is None and told["warnings"] == []


def test_a_resting_scene(shots, tmp_path, run):
    path = tmp_path / "noise.json"
    code, _, err = run(shots / "still", "-o", path)
    assert code == 0 and "no dark frames" in err
    r = read_noise_model(path).readings[0]
    assert abs(r.gain[1] - phone(800).gain) < 4 * r.gain_doubt[1] < 0.03 * r.gain[1]


def test_the_model_goes_back_into_the_pipeline(shots, tmp_path, run):
    run(shots / "pairs", "--dark", shots / "darks", "-o", tmp_path / "noise.json")
    frame = read_raw(shots / "pairs" / "1600_00.dng")
    bare = Burst((replace(frame, shot=replace(frame.shot, noise=None)),), 0)
    noise = applied(bare, read_noise_model(tmp_path / "noise.json")).frames[0].shot.noise
    np.testing.assert_allclose(noise.shot, phone(1600).noise.shot, rtol=0.02)


def test_a_report_for_people(shots, tmp_path, run):
    page = tmp_path / "noise.html"
    code, _, err = run(
        shots / "pairs", "--dark", shots / "darks", "-o", tmp_path / "n.json", "--report", page
    )
    assert code == 0, err
    text = page.read_text(encoding="utf-8")
    assert "Noise model of lichtbild Simulated Phone" in text and "gain K" in text and "<svg" in text


# ---- what is refused


def refused(result, words, code=outcome.REFUSED):
    got, out, err = result
    assert got == code and not out, err
    assert words in err and "hint:" in err


def test_what_cannot_be_calibrated(shots, tmp_path, run):
    path = tmp_path / "noise.json"
    one = shots / "pairs" / "1600_00.dng"
    refused(run(one, "-o", path), "a single frame")
    refused(run(shots / "darks", "-o", path), "dark")
    refused(run(shots / "shaky", "-o", path), "moved")
    refused(run(shots / "nowhere.dng", "-o", path), "does not exist")
    refused(run(one, shots / "still" / "frame_000.dng", "-o", path), "size")
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 64)).save(photo)
    refused(run(photo, photo, "-o", path), "is a JPEG file")
    assert not path.exists()


def test_flags_are_checked(shots, tmp_path, run):
    path = tmp_path / "noise.json"
    pairs = shots / "pairs"
    refused(run(pairs, "-o", tmp_path / "noise.txt"), ".txt is not one of .json", outcome.USAGE)
    refused(run(pairs, "-o", path, "--roi", "1,2,3"), "Y,X,HEIGHT,WIDTH", outcome.USAGE)
    refused(run(pairs, "-o", path, "--roi", "0,0,9999,9"), "does not lie in", outcome.USAGE)
    refused(run(pairs, "-o", path, "--roi", "0,0,40,40"), "too few")
    refused(run(pairs, "-o", path, "--report", tmp_path / "noise.pdf"), ".pdf is not one of", outcome.USAGE)
    path.write_text("mine")
    refused(run(pairs, "-o", path), "exists already", outcome.USAGE)
    assert path.read_text() == "mine"
    assert run(shots / "still", "-o", path, "--overwrite")[0] == 0


def test_a_raw_is_never_replaced(shots, tmp_path, run):
    copy = tmp_path / "a.json"
    shutil.copy(shots / "pairs" / "1600_00.dng", copy)
    refused(run(copy, copy, "-o", copy, "--overwrite"), "one of the inputs", outcome.USAGE)
