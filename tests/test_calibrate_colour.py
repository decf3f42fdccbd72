# SPDX-License-Identifier: Apache-2.0
"""From a raw photo of a chart to a profile: what light and lens did to it is taken away, errors are named."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.colour import D50_XYZ, delta_e, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.base.image import RawFrame, Shot
from lichtbild.base.spectra import light, smooth, weights
from lichtbild.capture.dcp import read_dcp
from lichtbild.publish.dng import write_mosaic
from lichtbild.quality.colours.answers import answers_in, averaged, lattice, placed
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.quality.colours.profile import fit, relit
from lichtbild.quality.colours.references import read_reference
from lichtbild.quality.colours.rendering import rendered
from lichtbild.quality.picture import Picture, read_picture
from lichtbild.simulate.filters import known_filters
from lichtbild.tools.cli import call

LAB = np.array(list(CLASSIC.values()))
NAMES = tuple(CLASSIC)
PHONE = known_filters("phone")
CELL, PATCH, EDGE = 60, 48, 30
WHITE = 16383


@cache
def seen(name):
    """What the phone answers to smooth surfaces of the chart's colours, and to white."""
    d50 = weights(light("D50")).sum(axis=1)
    surfaces = smooth(relit(LAB, "D50") * d50 / D50_XYZ, light("D50"))
    return PHONE.of(surfaces, name), PHONE.of(np.ones((1, 81)), name)[0]


def painted(colours, card):
    """The chart on a dark card on a brighter table, ``"h w 3"``."""
    size = (4 * CELL + 2 * EDGE, 6 * CELL + 2 * EDGE)
    rgb = np.broadcast_to(card, (*size, 3)).copy()
    for k, colour in enumerate(colours):
        y = EDGE + CELL * (k // 6) + (CELL - PATCH) // 2
        x = EDGE + CELL * (k % 6) + (CELL - PATCH) // 2
        rgb[y : y + PATCH, x : x + PATCH] = colour
    table = np.broadcast_to(0.4 * colours[18], (size[0] + 120, size[1] + 120, 3)).copy()
    table[60:-60, 60:-60] = rgb
    return table


def quads():
    top = left = EDGE + 60
    corners = [(top, left), (top, left + 6 * CELL), (top + 4 * CELL, left + 6 * CELL), (top + 4 * CELL, left)]
    return lattice(np.array(corners) - 0.5, 4, 6)


def picture(name="D65", exposure=0.8, plane=0.0, veil=0.0, mirrored=False):
    """The chart as the laboratory has a raw file of it."""
    colours, white = seen(name)
    rgb = painted(colours + veil * white, 0.03 * white)
    tilt = np.exp(plane * np.linspace(-0.5, 0.5, rgb.shape[1]))[None, :, None]
    gain = white.max() / white
    rgb = (exposure * rgb * tilt * gain).astype(np.float32)
    rgb = np.ascontiguousarray(rgb[:, ::-1]) if mirrored else rgb
    h, w = rgb.shape[:2]
    shot = Shot(
        Path("chart.dng"), (h, w), neutral=tuple(white / white.max()), colour=PHONE.colour(), model="Ours"
    )
    frame = RawFrame(np.zeros((2, 2), np.uint16), shot)
    return Picture(rgb, "camera", "raw", 14, None, shot.path, frame)


def raw_file(path, name="D65", exposure=0.8, model="Ours"):
    """The same as a DNG with a little noise."""
    colours, white = seen(name)
    rgb = exposure * painted(colours, 0.03 * white)
    h, w = (n - n % 2 for n in rgb.shape[:2])
    cfa = np.empty((h, w))
    for (y, x), c in zip(((0, 0), (0, 1), (1, 0), (1, 1)), (0, 1, 1, 2), strict=True):
        cfa[y::2, x::2] = rgb[y:h:2, x:w:2, c]
    noisy = cfa + np.random.default_rng(1).normal(0, 1, cfa.shape) * np.sqrt(cfa * 2e-5)
    dn = np.clip(np.round(noisy * WHITE), 0, WHITE).astype(np.uint16)
    shot = Shot(
        path, (h, w), white=WHITE, make="Make", model=model, neutral=tuple(white / white.max()), iso=100.0,
        colour=PHONE.colour(),
    )  # fmt: skip
    return write_mosaic(path, dn, shot)


def profile_error(found, name="D65"):
    """ΔE00 of the true answers through the profile."""
    colours, white = seen(name)
    return delta_e(xyz_to_lab(rendered(found, colours, white)), xyz_to_lab(relit(LAB, name)))


# ---- reading the chart


def test_the_answers_are_those_of_the_camera():
    found = answers_in(picture(exposure=0.4), quads(), LAB, "D65", names=NAMES)
    colours, white = seen("D65")
    neutral = found.answers.neutral
    np.testing.assert_allclose(neutral / neutral[1], white, rtol=0.01)
    np.testing.assert_allclose(found.answers.camera / neutral[1], colours, rtol=0.02, atol=2e-3)
    assert found.kept.all()
    assert found.uneven < 0.02
    assert found.veil < 0.003
    assert found.warnings == ()


def test_uneven_light_is_divided_out():
    even, tilted = (answers_in(picture(plane=p), quads(), LAB, "D65") for p in (0.0, 0.4))
    share = 5 * CELL / (6 * CELL + 2 * EDGE + 119)
    assert tilted.uneven == pytest.approx(np.exp(0.4 * share) - 1, rel=0.1)
    ratio = tilted.answers.camera / even.answers.camera
    assert np.ptp(ratio) / ratio.mean() < 0.03
    assert any("the light changes by" in w for w in tilted.warnings)


def test_stray_light_is_subtracted():
    clean, veiled = (answers_in(picture(veil=v), quads(), LAB, "D65") for v in (0.0, 0.02))
    assert veiled.veil - clean.veil == pytest.approx(0.02, abs=0.003)
    np.testing.assert_allclose(veiled.answers.camera, clean.answers.camera, atol=0.004)
    assert any("stray light of 2" in w for w in veiled.warnings)


def test_the_profile_is_good_in_spite_of_both():
    found = fit(averaged([answers_in(picture(plane=0.3, veil=0.015), quads(), LAB, "D65")]))
    assert profile_error(found.colour).mean() < 0.6


def test_clipped_patches_are_left_out_and_named():
    shown = picture()
    clipped = np.zeros(shown.size, bool)
    clipped[EDGE + 60 + 3 * CELL :, : EDGE + 60 + CELL] = True
    found = answers_in(replace(shown, clipped=clipped), quads(), LAB, "D65", names=NAMES)
    assert not found.kept[18]
    assert found.kept.sum() == 23
    assert any("white 9.5 is clipped" in w for w in found.warnings)
    with pytest.raises(InputError, match="24 of 24 patches are clipped"):
        answers_in(replace(shown, clipped=~np.zeros(shown.size, bool)), quads(), LAB, "D65")


def test_darkness_is_refused_and_dimness_told():
    with pytest.raises(InputError, match="brightest patch is at"):
        answers_in(picture(exposure=0.005), quads(), LAB, "D65")
    assert any("expose more" in w for w in answers_in(picture(exposure=0.05), quads(), LAB, "D65").warnings)


def test_photos_of_one_light_are_averaged_at_equal_exposure():
    one = answers_in(picture(exposure=0.8), quads(), LAB, "D65")
    shown = picture(exposure=0.3)
    clipped = np.zeros(shown.size, bool)
    clipped[EDGE + 60 + 3 * CELL :, : EDGE + 60 + CELL] = True
    two = answers_in(replace(shown, clipped=clipped), quads(), LAB, "D65")
    both = averaged([one, two])
    assert both.camera.shape == (24, 3)
    alone = averaged([one])
    np.testing.assert_allclose(both.camera, alone.camera, rtol=0.02, atol=1e-3)


def test_a_finished_photo_is_refused():
    with pytest.raises(InputError, match="finished photo"):
        answers_in(Picture(picture().rgb, "srgb"), quads(), LAB, "D65")


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", range(4))
def test_a_chart_is_laid_in_whichever_way_it_hangs(mirrored, turn):
    shown = picture(mirrored=mirrored)
    top = left = EDGE + 60
    corners = np.array(
        [(top, left), (top, left + 6 * CELL), (top + 4 * CELL, left + 6 * CELL), (top + 4 * CELL, left)]
    )
    found = placed(shown, np.roll(corners, turn, axis=0), LAB, 6)
    expected = quads().mean(axis=1)
    expected = expected.reshape(4, 6, 2)[:, ::-1].reshape(24, 2) if mirrored else expected
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=1)


# ---- references


def test_references_are_read(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "# mine\nname,L*,a*,b*\n" + "\n".join(f"{n},{a},{b},{c}" for n, (a, b, c) in CLASSIC.items())
    )
    names, lab = read_reference(path)
    assert names == NAMES
    np.testing.assert_array_equal(lab, LAB)
    path.write_text("50;1;2\n60;3;4\n")
    names, lab = read_reference(path)
    assert names == ("patch 1", "patch 2")
    np.testing.assert_array_equal(lab, [[50, 1, 2], [60, 3, 4]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,50,1,2\nb,50,x,2\n", r"line 2, column a\*: 'x'"),
        ("a,150,1,2\n", r"line 1, column L\*: '150'"),
        ("a,50,1\nb,5\n", "line 1, column L"),
        ("a,50,1,2,3\n", "line 1: 5 values"),
        ("name,L,a,b\n", "no patches"),
    ],
)
def test_bad_references_are_refused_by_line_and_column(tmp_path, text, words):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_reference(path)


# ---- the command


def told(capsys, *words):
    code = call(["calibrate", "colour", *map(str, words), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_a_raw_photo_becomes_a_profile(tmp_path, capsys):
    raw = raw_file(tmp_path / "chart.dng")
    code, said, _ = told(
        capsys, raw, "-o", tmp_path / "p.dcp", "--name", "Mine", "--report", tmp_path / "r.html"
    )
    assert code == 0
    assert said["camera"] == "Make Ours"
    (one,) = said["lights"]
    assert (one["light"], one["illuminant"], len(one["patches"])) == ("D65", 21, 24)
    assert one["profile"]["mean"] < 0.5
    assert one["profile"]["mean"] <= one["matrix"]["mean"] < one["before"]["mean"]
    read = read_dcp(tmp_path / "p.dcp")
    assert (read.camera, read.colour.name) == ("Make Ours", "Mine")
    assert profile_error(read.colour).mean() < 0.6
    assert "dark skin" in (tmp_path / "r.html").read_text()


def test_two_lights_make_a_profile_of_two_illuminants(tmp_path, capsys):
    day, lamp = raw_file(tmp_path / "day.dng"), raw_file(tmp_path / "lamp.dng", "A")
    code, said, _ = told(capsys, day, lamp, "-o", tmp_path / "p.dcp", "--illuminant", "D65,A")
    assert code == 0
    assert [one["light"] for one in said["lights"]] == ["A", "D65"]
    read = read_dcp(tmp_path / "p.dcp").colour
    assert read.illuminants == (17, 21)
    for name in ("A", "D65"):
        assert profile_error(read, name).mean() < 0.7


def test_the_place_may_be_given(tmp_path, capsys):
    raw = raw_file(tmp_path / "chart.dng")
    box = f"{EDGE + 60},{EDGE + 60},{4 * CELL},{6 * CELL}"
    code, said, _ = told(capsys, raw, "-o", tmp_path / "p.dcp", "--roi", box)
    assert code == 0
    assert said["lights"][0]["profile"]["mean"] < 0.5


def test_sensitivities_become_a_profile(tmp_path, capsys):
    table = tmp_path / "ours.csv"
    rows = [
        f"{w},{r:.6f},{g:.6f},{b:.6f}" for w, (r, g, b) in zip(range(380, 781, 5), PHONE.curves, strict=True)
    ]
    table.write_text("nm,R,G,B\n" + "\n".join(rows))
    raw = raw_file(tmp_path / "chart.dng")
    code, said, _ = told(capsys, raw, "-o", tmp_path / "p.dcp", "--spectra", table)
    assert code == 0
    assert said["camera"] == "Make Ours"
    assert [one["light"] for one in said["lights"]] == ["A", "D65"]
    assert all(one["profile"]["mean"] < 0.8 for one in said["lights"])
    assert all("patches" not in one for one in said["lights"])
    assert profile_error(read_dcp(tmp_path / "p.dcp").colour).mean() < 0.8


def test_the_table_of_a_run_is_for_people(tmp_path, capsys):
    raw = raw_file(tmp_path / "chart.dng")
    assert call(["calibrate", "colour", str(raw), "-o", str(tmp_path / "p.dcp")]) == 0
    out = capsys.readouterr().out
    assert "the files' own profile" in out
    assert "colours left out of the fit" in out
    assert out.splitlines()[-1] == "p.dcp  Make Ours, 24 colours"


def test_what_goes_wrong_is_named_and_nothing_is_written(tmp_path, capsys):
    raw, other = raw_file(tmp_path / "a.dng"), raw_file(tmp_path / "b.dng", model="Theirs")
    photo, out = tmp_path / "photo.jpg", tmp_path / "p.dcp"
    photo.write_bytes(b"no photo")
    for code, words, said in (
        (3, [photo], "finished photo"),
        (3, [tmp_path / "absent.dng"], "does not exist"),
        (3, [raw, other], "Make Theirs"),
        (3, [raw, "--illuminant", "moon"], "'moon' is not known"),
        (2, [raw, "--illuminant", "A,D65"], "2 lights, but 1 photo"),
        (2, [raw, "--roi", "1,2,3"], "--roi"),
        (2, [raw, "--dark", raw], "--dark"),
        (3, [raw, "--roi", "0,0,20,30"], "pixels, needed are"),
        (3, [raw, "--roi", "0,0,80,120"], "not those of the chart"),
        (3, [raw, "--spectra", photo], "photo.jpg"),
    ):
        got, document, _ = told(capsys, *words, "-o", out)
        assert got == code, (words, document)
        assert said in document["error"]["message"], document
        assert not out.exists()


def test_real_charts(data_dir, tmp_path, capsys):
    raw = data_dir / "raw" / "S40_CRW_0101.CRW"
    code, said, _ = told(capsys, raw, "-o", tmp_path / "p.dcp", "--illuminant", "D55")
    assert code == 0
    (one,) = said["lights"]
    assert one["profile"]["mean"] < one["matrix"]["mean"] < one["before"]["mean"]
    assert one["profile"]["mean"] < 2.2
    assert read_picture(raw).space == "camera"
