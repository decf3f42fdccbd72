# SPDX-License-Identifier: Apache-2.0
"""Colour filter arrays: their cells, and DNG files of every one that other programs read alike."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy
from PIL import Image

from lichtbild.base.errors import ExportError, InputError, UnsupportedRaw
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, Burst, CameraColour, Noise, RawFrame, Scene, Shot
from lichtbild.capture.cell import cell_name
from lichtbild.capture.linearize import Linearize, linearize
from lichtbild.capture.opcodes import opcode_bytes, read_opcodes
from lichtbild.capture.raw import info, read_raw
from lichtbild.publish.dng import write_merged, write_mosaic
from lichtbild.simulate.cfa import CFAS, gain_maps, known_cfa

SIZE = (96, 144)
OTHERS = ("quad", "nona", "xtrans")
XYZ_TO_CAMERA = np.array([[0.9, -0.2, -0.1], [-0.4, 1.2, 0.2], [0.0, 0.2, 0.6]])


def shot(cfa, **fields):
    said = {
        "make": "lichtbild",
        "model": "Simulated Phone",
        "unique": "lichtbild Simulated Phone",
        "black": np.full((2, 2), 64, np.float32),
        "white": 1023.0,
        "iso": 100.0,
        "exposure_time": 0.01,
        "neutral": (0.6, 1.0, 0.7),
        "noise": Noise((1e-3,) * 3, (1e-6,) * 3),
        "colour": CameraColour((21,), (XYZ_TO_CAMERA,)),
        "opcodes": ((), gain_maps(np.full((3, 5, 7), 1.5, np.float32), cfa, SIZE), ()),
    }
    return cfa.on(Shot(Path(), SIZE, **(said | fields)))


def gradient(cfa):
    """A smooth grey picture through these filters and this neutral, in digital numbers."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    grey = 0.15 + 0.5 * x / SIZE[1] + 0.2 * y / SIZE[0]
    rgb = grey[..., None] * np.array([0.6, 1.0, 0.7])
    return np.round(64 + 959 * cfa.mosaic(rgb.astype(np.float32))).astype(np.uint16)


def written(folder, name):
    cfa = known_cfa(name)
    dn = gradient(cfa)
    return write_mosaic(folder / f"{name}.dng", dn, shot(cfa)), dn


@pytest.mark.parametrize("name, pattern", [("rggb", RGGB), ("grbg", GRBG), ("gbrg", GBRG), ("bggr", BGGR)])
def test_the_phases_of_bayer(name, pattern):
    assert known_cfa(name).bayer == pattern == tuple("rgb".index(c) for c in name)
    row, column = divmod(pattern.index(0), 2)
    assert np.array_equal(np.roll(known_cfa("rggb").cell, (row, column), (0, 1)), known_cfa(name).cell)


@pytest.mark.parametrize(
    "name, size, counts",
    [("quad", (4, 4), (4, 8, 4)), ("nona", (6, 6), (9, 18, 9)), ("xtrans", (6, 6), (8, 20, 8))],
)
def test_the_cells_of_others(name, size, counts):
    cfa = known_cfa(name)
    assert cfa.cell.shape == size and tuple(np.bincount(cfa.cell.ravel())) == counts
    assert cfa.bayer is None and cfa.planes == "RGB"
    if name == "xtrans":  # all colours in every row and column
        assert all(set(line) == {0, 1, 2} for line in (*cfa.cell, *cfa.cell.T))
    else:  # blocks of one colour: every b-th pixel is an ordinary Bayer pattern
        b = size[0] // 2
        assert all(tuple(cfa.cell[i::b, j::b].flat) == RGGB for i in range(b) for j in range(b))


def test_filters_without_green():
    assert known_cfa("ryyb").bayer == (0, 1, 1, 2) and known_cfa("ryyb").planes == "RYB"
    assert known_cfa("mono").cell.tolist() == [[1]] and known_cfa("mono").bayer is None


@pytest.mark.parametrize("name", CFAS)
def test_a_mosaic_repeats_its_cell(name):
    cfa = known_cfa(name)
    p, q = cfa.cell.shape
    planes = np.broadcast_to(np.arange(3, dtype=np.float32), (13, 17, 3))
    seen = cfa.mosaic(planes)
    assert all(seen[y, x] == cfa.cell[y % p, x % q] for y in range(13) for x in range(17))


@pytest.mark.parametrize(
    "name, words", [("rgbg", "did you mean"), ("quat", "did you mean quad"), ("", "rggb, grbg")]
)
def test_unknown_filters_are_refused(name, words):
    with pytest.raises(InputError, match=words):
        known_cfa(name)


# ---- files


@pytest.mark.parametrize("name", CFAS)
def test_every_sample_survives_the_file(tmp_path, name):
    path, dn = written(tmp_path, name)
    cfa = known_cfa(name)
    with rawpy.imread(str(path)) as raw:
        assert np.array_equal(raw.raw_image_visible, dn)
        assert raw.black_level_per_channel[:3] == [64] * 3 and raw.white_level == 1023
        if name not in (
            "quad",
            "nona",
            "mono",
        ):  # it keeps no cell of 4 × 4, and counts the second green as 3
            assert np.where(raw.raw_pattern == 3, 1, raw.raw_pattern).tolist() == cfa.cell.tolist()
        assert raw.num_colors == (1 if name == "mono" else 3)
    if name in OTHERS:
        return
    frame = read_raw(path)
    assert np.array_equal(frame.dn, dn)
    assert (frame.shot.kind, frame.shot.filters) == (
        ("mono", "RGB") if name == "mono" else ("bayer", cfa.planes)
    )
    assert frame.shot.pattern == (cfa.bayer or RGGB) and frame.shot.cell is None
    assert info(path)["pattern"] == {"mono": None, "ryyb": "RYYB"}.get(name, name.upper())


@pytest.mark.parametrize(
    "name, words", [("quad", "quad-Bayer 4 × 4"), ("nona", "nona-Bayer 6 × 6"), ("xtrans", "X-Trans 6 × 6")]
)
def test_a_mosaic_that_is_not_developed_is_called_by_its_name(tmp_path, name, words):
    path, dn = written(tmp_path, name)
    with pytest.raises(UnsupportedRaw, match=words) as refusal:
        read_raw(path)
    assert str(path) in str(refusal.value) and "2 × 2 Bayer" in str(refusal.value) and refusal.value.hint
    with pytest.raises(UnsupportedRaw, match=words):  # nor is it when it has not been a file
        linearize(Burst((RawFrame(dn, shot(known_cfa(name))),)))
    assert cell_name(np.roll(known_cfa(name).cell, (1, 2), (0, 1))).endswith(words[-5:])
    scene = Scene(
        np.zeros((*SIZE, 3), np.float32), "camera", shot(known_cfa(name)), Noise((1e-3,) * 3, (1e-6,) * 3)
    )
    with pytest.raises(ExportError, match="no Bayer"):
        write_merged(tmp_path / "merged.dng", scene, kind="cfa")


def test_other_cells_are_described():
    assert cell_name(np.zeros((4, 2), np.uint8)) == "colour filter 4 × 2"
    assert cell_name(np.repeat(np.repeat(known_cfa("bggr").cell, 4, 0), 4, 1)) == "hexadeca-Bayer 8 × 8"


@pytest.mark.parametrize("name", CFAS)
def test_gain_maps_reach_every_place_of_the_cell_once(name):
    cfa = known_cfa(name)
    gains = np.arange(3, dtype=np.float32)[:, None, None] + np.ones((3, 4, 5), np.float32)
    maps = read_opcodes(opcode_bytes(gain_maps(gains, cfa, SIZE)), Path("a.dng"), 2)
    seen, gain = np.zeros(SIZE, int), np.zeros(SIZE)
    for opcode in maps:
        top, left, bottom, right, plane, planes, down, across = opcode.values["area"]
        assert (bottom, right, plane, planes) == (*SIZE, 0, 1)
        seen[top:bottom:down, left:right:across] += 1
        gain[top:bottom:down, left:right:across] = opcode.values["gain"].mean()
    assert seen.min() == seen.max() == 1 and len(maps) == cfa.cell.size
    assert np.array_equal(gain, cfa.mosaic(np.broadcast_to(np.array([1.0, 2.0, 3.0]), (*SIZE, 3))))


@pytest.mark.parametrize("name", ["rggb", "bggr", "ryyb", "mono"])
def test_light_comes_back_from_the_file(tmp_path, name):
    path, dn = written(tmp_path, name)
    light = linearize(Burst((read_raw(path),)), Linearize(hot_pixels=0))[0]
    gain = 1.5 * (dn.astype(np.float64) - 64) / 959
    if name != "mono":
        gain *= known_cfa(name).mosaic(np.broadcast_to(np.array(light.gain), (*SIZE, 3)))
    np.testing.assert_allclose(light.cfa, gain, rtol=2e-6)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="needs exiftool")
def test_exiftool_finds_nothing_wrong(tmp_path):
    paths = [written(tmp_path, name)[0] for name in CFAS]
    run = subprocess.run(
        ["exiftool", "-q", "-validate", "-warning", "-error", "-a", *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.count("OK") == len(CFAS)
    assert "arning" not in run.stdout and "rror" not in run.stdout


@pytest.mark.skipif(not shutil.which("darktable-cli"), reason="needs darktable-cli")
@pytest.mark.parametrize("name", ["rggb", "xtrans"])
def test_darktable_develops_them(tmp_path, name):
    """A grey wedge is grey and smooth when the program knows the pattern, else full of colours."""
    path, _ = written(tmp_path, name)
    out = tmp_path / "out.png"
    core = ["--core", "--library", ":memory:", "--configdir", str(tmp_path / "dt")]
    try:
        subprocess.run(["darktable-cli", path, out, *core], capture_output=True, check=True, timeout=120)
    except subprocess.CalledProcessError:
        pytest.skip("darktable-cli does not run here")
    rgb = np.asarray(Image.open(out).convert("RGB")).astype(np.float64)[12:-12, 12:-12]
    assert rgb.shape[0] > 60 and (rgb.max(axis=2) - rgb.min(axis=2)).mean() < 16
    assert np.abs(np.diff(rgb, axis=1)).mean() < 4 and rgb[:, -20:].mean() > rgb[:, :20].mean() + 30


def test_yellow_keeps_its_name_when_it_is_written_again(tmp_path):
    path, _ = written(tmp_path, "ryyb")
    read = read_raw(path).shot
    scene = Scene(np.full((*SIZE, 3), 0.25, np.float32), "camera", replace(read), read.noise)
    again = read_raw(write_merged(tmp_path / "merged.dng", scene, kind="cfa"))
    assert (again.shot.filters, again.shot.pattern) == ("RYB", RGGB)
