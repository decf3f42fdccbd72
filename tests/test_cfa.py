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
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, Burst, CameraColour, Noise, Scene, Shot
from lichtbild.capture.cell import around, cell_name, read_cell
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
    frame = read_raw(path)
    assert np.array_equal(frame.dn, dn)
    assert (frame.shot.kind, frame.shot.filters) == (
        ("mono", "RGB") if name == "mono" else ("bayer", cfa.planes)
    )
    assert np.array_equal(frame.shot.sites, cfa.cell) and (frame.shot.cell is not None) == (name in OTHERS)
    words = {"mono": None, "ryyb": "RYYB", "quad": "quad-Bayer 4 × 4", "nona": "nona-Bayer 6 × 6"}
    assert info(path)["pattern"] == (words | {"xtrans": "X-Trans 6 × 6"}).get(name, name.upper())


@pytest.mark.parametrize("name", OTHERS)
def test_a_merged_scene_of_another_cell_is_no_bayer_mosaic(tmp_path, name):
    scene = Scene(
        np.zeros((*SIZE, 3), np.float32), "camera", shot(known_cfa(name)), Noise((1e-3,) * 3, (1e-6,) * 3)
    )
    with pytest.raises(ExportError, match="no Bayer"):
        write_merged(tmp_path / "merged.dng", scene, kind="cfa")


@pytest.mark.parametrize(
    "cell, words",
    [
        (np.array([[0, 1], [3, 2]]), "2 × 2 mosaic of the colour filters"),  # a fourth colour
        (np.array([[0, 1], [1, 1]]), "red, green"),  # no blue
        (np.resize([0, 1, 1, 2], (16, 16)), "up to 12 × 12"),
    ],
)
def test_a_cell_that_nothing_here_can_take_is_refused(cell, words):
    with pytest.raises(UnsupportedRaw, match=words) as refusal:
        read_cell(cell, Path("strange.dng"))
    assert "strange.dng" in str(refusal.value) and refusal.value.hint


@pytest.mark.parametrize("name", [n for n in CFAS if n != "mono"])
def test_the_photosites_around_every_place_have_its_colour(name):
    cell = known_cfa(name).cell
    p, q = cell.shape
    found = around(cell)

    def at(place, steps):
        return cell[(place[0] + steps[..., 0]) % p, (place[1] + steps[..., 1]) % q]

    for place in np.ndindex(p, q):
        same, pairs = found.same[place], found.pairs[place]
        assert (at(place, same) == cell[place]).all() and len({tuple(s) for s in same}) == 8
        assert (at(place, pairs) == cell[place]).all()
        for one, two in pairs:
            assert one[0] * two[1] == one[1] * two[0] and one @ two < 0  # opposite
        ways = np.array(((0, 1), (0, -1), (1, 0), (-1, 0)))
        for way, beyond in zip(ways, found.beyond[place], strict=True):
            assert (at(place, beyond) == at(place, way)).all() and (beyond @ way >= 1).all()
    assert found.reach == (2 if name == "xtrans" else p // 2)


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


@pytest.mark.parametrize("name", CFAS)
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
