# SPDX-License-Identifier: Apache-2.0
"""A DNG that starts from a look: who renders it by its tags alone sees the photo."""

import shutil
import subprocess

import numpy as np
import pytest
import rawpy

from lichtbild import simulate
from lichtbild.base.colour import PROPHOTO, SRGB, delta_e, srgb_decode, srgb_encode, xyz_to_lab
from lichtbild.capture.illuminant import camera_to_d50
from lichtbild.capture.raw import read_raw, read_shot
from lichtbild.publish.dcp import write_dcp
from lichtbild.tools.cli import call
from lichtbild.tools.codes import codes_of

FLAT = [f"--set={s}" for s in ("tone.shadows=0", "tone.highlights=0", "tone.clarity=0", "grade.vignette=0")]
# scene, and the largest mean ΔE00 from the photo
KINDS = {"day": ("vibrant", (), 0.6), "white": ("natural", ("--set=calibrate.kelvin=4300",), 0.6)}


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dng look") / "burst"
    simulate.write(folder, *simulate.burst("room", size=(240, 320), frames=3))
    return folder


def merged(burst, path, *words):
    assert call(["merge", str(burst), "-o", str(path), "--quiet", *words]) == 0
    return path


def lab(codes):
    m = SRGB.to_xyz()
    return xyz_to_lab(srgb_decode(codes) @ m.T, m.sum(1))


def apart(one, other):
    return delta_e(lab(one), lab(other))


def rendered(path):
    """The file by matrices, LookTable and curve as the specification says, in double precision, in sRGB."""
    from scipy.interpolate import CubicSpline, RegularGridInterpolator

    frame = read_raw(path)
    shot, colour = frame.shot, frame.shot.colour
    neutral = np.array(shot.neutral)
    light = np.minimum(frame.dn / shot.white, neutral)  # as the reference renderer clips
    rgb = np.clip(light @ (PROPHOTO.from_xyz() @ camera_to_d50(colour, neutral)).T, 0, 1)
    rgb *= 2**shot.baseline_exposure
    # HueSatMap-like table: hue wraps, so that the first hue comes again at 360°
    top, low = rgb.max(-1), rgb.min(-1)
    span = np.where(top > low, top - low, 1)
    r, g, b = np.moveaxis(rgb, -1, 0)
    hue = np.select([top == r, top == g], [(g - b) / span % 6, (b - r) / span + 2], (r - g) / span + 4)
    hsv = np.stack([srgb_encode(np.clip(top, 0, 1)), hue / 6, (top - low) / np.where(top > 0, top, 1)], -1)
    cells = colour.look.table.astype(float)
    cells = np.concatenate([cells, cells[:, :1]], 1)
    sides = [np.linspace(0, 1, n) for n in cells.shape[:3]]
    turn, times, bright = np.moveaxis(RegularGridInterpolator(sides, cells)(hsv), -1, 0)
    value = srgb_decode(np.clip(hsv[..., 0] * bright, 0, 1))
    hue, saturation = (hue + turn / 60) % 6, np.clip(hsv[..., 2] * times, 0, 1)
    k = (np.array([5, 3, 1]) + hue[..., None]) % 6
    rgb = value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    # the curve on the largest and smallest, the middle one keeps its place
    curve = CubicSpline(*colour.tone_curve.T, bc_type="natural")
    top, low = rgb.max(-1, keepdims=True), rgb.min(-1, keepdims=True)
    place = (rgb - low) / np.where(top > low, top - low, 1)
    rgb = curve(low) + place * (curve(top) - curve(low))
    to_xyz = SRGB.from_xyz() @ adapted() @ PROPHOTO.to_xyz()
    return srgb_encode(np.clip(rgb @ to_xyz.T, 0, 1))


def adapted():
    """Bradford, from the D50 of profiles to D65."""
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50, d65 = np.array([0.9642957, 1.0, 0.8251046]), SRGB.to_xyz().sum(1)
    return np.linalg.inv(cones) @ np.diag((cones @ d65) / (cones @ d50)) @ cones


@pytest.mark.parametrize("kind", KINDS)
def test_the_profile_makes_the_photo_of_the_light(burst, tmp_path, kind):
    look, words, most = KINDS[kind]
    path, photo = tmp_path / "a.dng", tmp_path / "a.tif"
    develop = ["develop", str(burst), "-o", str(photo), "--look", look, "--profile", "srgb", "--quiet"]
    assert call([*develop, *FLAT, *words, "--dng", str(path), "--dng-look"]) == 0
    far = apart(rendered(path), codes_of(photo)["picture"] / 65535)
    assert far.mean() < most and np.percentile(far, 95) < 4  # what sRGB cannot show
    plain = read_shot(merged(burst, tmp_path / "plain.dng", *words)).colour
    assert plain.look is None and plain.tone_curve is None and not plain.graded
    made = read_shot(path).colour
    assert made.name == f"lichtbild {look.capitalize()}" and made.graded
    assert all(np.allclose(a, b) for a, b in zip(made.colour, plain.colour, strict=True))


def test_read_again_the_look_is_no_part_of_the_colours(burst, tmp_path):
    plain, looked = merged(burst, tmp_path / "a.dng"), merged(burst, tmp_path / "b.dng", "--look", "vibrant")
    photos = [path.with_suffix(".tif") for path in (plain, looked)]
    for path, photo in zip((plain, looked), photos, strict=True):
        assert call(["develop", str(path), "-o", str(photo), "--quiet"]) == 0
    np.testing.assert_array_equal(*(codes_of(photo)["picture"] for photo in photos))
    again = merged(looked, tmp_path / "c.dng")
    assert read_shot(again).colour.graded and read_shot(again).colour.name == "lichtbild Vibrant"
    assert call(["verify", str(looked), str(burst)]) == 0
    with rawpy.imread(str(looked)) as raw:
        assert raw.raw_image.shape[:2] == (240, 320)


@pytest.mark.parametrize("words", [("--dcp",), ()], ids=["asked for", "on the shelf"])
def test_a_profile_of_the_users_goes_along(burst, tmp_path, words, monkeypatch):
    own = read_shot(next(iter(sorted(burst.glob("*.dng")))))
    matrices = tuple(m * [[1.1], [1.0], [0.9]] for m in own.colour.colour)
    curve = np.array([[0.0, 0.0], [0.4, 0.6], [1.0, 1.0]])
    from dataclasses import replace

    from lichtbild.capture.dcp import camera_name

    mine = replace(own.colour, colour=matrices, forward=(), tone_curve=curve, name="Mine")
    file = write_dcp(tmp_path / "mine.dcp", mine, camera=camera_name(own))
    if not words:
        monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "home"))
        assert call(["profile", "import", str(file), "--quiet"]) == 0
    said = read_shot(merged(burst, tmp_path / "a.dng", *words, *([str(file)] if words else []))).colour
    assert said.name == "Mine" and said.forward == ()
    np.testing.assert_allclose(said.colour, matrices, atol=1e-6)
    np.testing.assert_allclose(said.tone_curve, curve, atol=1e-6)


def test_it_is_asked_for_where_there_is_a_dng(burst, tmp_path, capsys):
    assert call(["develop", str(burst), "-o", str(tmp_path / "a.jpg"), "--dng-look"]) == 2
    assert "--dng-look needs --dng FILE" in capsys.readouterr().err
    assert call(["merge", str(burst), "-o", str(tmp_path / "a.tif"), "--look", "natural"]) == 2
    assert "a.tif holds light without a look" in capsys.readouterr().err


def test_rawtherapee_shows_the_look(burst, tmp_path):
    """Only where the file itself is chosen as profile: RawTherapee 5.9 does not look for one inside."""
    program = shutil.which("rawtherapee-cli")
    if program is None:
        pytest.skip("needs rawtherapee-cli")
    path, photo, out = (tmp_path / name for name in ("a.dng", "a.tif", "rt.tif"))
    merged(burst, path, "--look", "natural", *FLAT)
    words = ["--look", "natural", "--profile", "srgb", "--quiet", *FLAT]
    assert call(["develop", str(burst), "-o", str(photo), *words]) == 0
    (tmp_path / "a.pp3").write_text(
        f"[Version]\nAppVersion=5.9\nVersion=349\n[White Balance]\nEnabled=true\nSetting=Camera\n"
        f"[Color Management]\nInputProfile=file:{path}\nToneCurve=true\nApplyLookTable=true\n"
        "ApplyBaselineExposureOffset=true\nApplyHueSatMap=true\nDCPIlluminant=0\nWorkingProfile=ProPhoto\n"
        "OutputProfile=RTv4_sRGB\n[RAW]\nCA=false\n"
    )
    arguments = ["-q", "-o", str(out), "-p", str(tmp_path / "a.pp3"), "-t", "-Y", "-c", str(path)]
    subprocess.run([program, *arguments], check=True, capture_output=True)
    import tifffile

    shown = tifffile.imread(out)[..., :3] / 65535
    assert apart(shown, codes_of(photo)["picture"] / 65535).mean() < 1.0
