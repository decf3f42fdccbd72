# SPDX-License-Identifier: Apache-2.0
"""Looks go to other programs and come back: what they make of our files is what we make of the colours."""

import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lichtbild import simulate
from lichtbild.base.colour import P3, PROPHOTO, REC2020, SRGB, rgb_to_rgb, srgb_decode, srgb_encode
from lichtbild.base.errors import InputError
from lichtbild.capture.dcp import read_dcp
from lichtbild.look.clf import operator, read_clf
from lichtbild.look.cube import cube_text, read_cube
from lichtbild.look.hald import hald_png, png, read_hald
from lichtbild.look.look import looks
from lichtbild.look.preset import colours_of, knobs_of, read_preset
from lichtbild.look.profile_look import from_hsv, look_of, to_hsv
from lichtbild.look.sampled import graded
from lichtbild.look.table import Table, baked, decode, encode, grid
from lichtbild.look.ungraded import PLAIN, to_scene
from lichtbild.publish.look_table import distance, shown
from lichtbild.recipe import Recipe
from lichtbild.tools.cli import call

CODES = np.random.default_rng(4).uniform(0, 1, (3000, 3))


def light(name):
    recipe = Recipe.of(looks[name])
    return graded(recipe.exposure, recipe.grade)


def exported(tmp_path, name, file, *words):
    path = tmp_path / file
    assert call(["looks", "export", name, "-o", str(path), "--quiet", *words]) == 0
    return path


def imported(path, *words):
    assert call(["looks", "import", str(path), "--overwrite", "--quiet", *words]) == 0


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "looks"


# ---- out


@pytest.mark.parametrize(("side", "mean", "most"), [(33, 0.05, 2.5), (65, 0.03, 2.0)])
@pytest.mark.parametrize("name", ["natural", "vibrant", "mono"])
def test_a_cube_is_the_look(tmp_path, name, side, mean, most):
    table = read_cube(exported(tmp_path, name, "x.cube", "--size", str(side)))
    truth = shown(light(name), SRGB, "srgb")(srgb_decode(CODES))
    far = distance(table(CODES), truth, SRGB)
    assert far[0] < mean and far[1] < most


def test_colour_science_reads_the_same_table(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour", reason="colour-science is not installed")
    shown = baked(lambda c: c ** np.array([0.8, 1.0, 1.3]), 9)
    wide = Table(shown.cube * 2 - 0.5, domain=np.array([[-0.1, 0.0, 0.2], [1.0, 2.0, 4.0]]))
    for table in (shown, wide):
        (tmp_path / "x.cube").write_bytes(cube_text(table, ["of a test"]))
        read = colour.read_LUT(str(tmp_path / "x.cube"))
        np.testing.assert_allclose(read.table, table.cube, atol=1e-6)
        np.testing.assert_allclose(read.domain, table.domain, atol=1e-6)


@pytest.mark.parametrize("file", ["x.cube", "x.clf"])
def test_opencolorio_makes_the_same_of_our_files(tmp_path, file):
    ocio = pytest.importorskip("PyOpenColorIO", reason="needs opencolorio")
    path = exported(tmp_path, "natural", file, "--input", "log", "--size", "65")
    transform = ocio.FileTransform(str(path), interpolation=ocio.INTERP_TETRAHEDRAL)
    processor = ocio.Config.CreateRaw().getProcessor(transform).getDefaultCPUProcessor()
    ask = np.ascontiguousarray(np.float32(CODES * 0.85))
    scene = decode(np.float64(ask), "log")
    given = np.ascontiguousarray(np.float32(scene)) if file == "x.clf" else ask
    processor.applyRGB(given)
    far = distance(given, shown(light("natural"), REC2020, "srgb")(scene), SRGB)
    assert far[0] < 0.1 and far[1] < 8  # the largest lie where the screen has no such colour


def test_what_a_table_cannot_hold_is_said(tmp_path, capsys):
    path = tmp_path / "x.cube"
    call(["looks", "export", "natural", "-o", str(path), "--size", "9"])
    assert "local tone, vignette" in capsys.readouterr().err
    assert "without: automatic exposure, local tone, vignette" in path.read_text()
    assert "sRGB-encoded" in path.read_text()


def test_a_profile_is_the_look_on_top_of_the_camera(tmp_path):
    burst, truth = simulate.burst("leaves", size=(64, 64), frames=1)
    simulate.write(tmp_path / "b", burst, truth)
    path = exported(tmp_path, "vibrant", "x.dcp", "--camera", str(tmp_path / "b" / "frame_000.dng"))
    look = look_of(read_dcp(path).colour)
    scene = srgb_decode(CODES)
    there = np.clip(look(np.clip(scene @ rgb_to_rgb(SRGB, PROPHOTO).T, 0, 1)), 0, 1)
    truth = light("vibrant")(scene @ rgb_to_rgb(SRGB, REC2020).T) @ rgb_to_rgb(P3, PROPHOTO).T
    far = distance(srgb_encode(there), srgb_encode(np.clip(truth, 0, 1)), PROPHOTO)
    assert far[0] < 0.5 and far[1] < 6


# ---- in


def test_our_cube_comes_back_as_our_look(tmp_path, shelf):
    imported(exported(tmp_path, "natural", "x.cube", "--input", "log", "--size", "33", "--space", "p3"),
             "--input", "scene-log", "--space", "rec2020,p3", "--name", "again", "--size", "33")  # fmt: skip
    recipe = Recipe.of(looks["again"])
    assert recipe.lut.file.startswith("again.cube#") and recipe.grade.hue_keep == 0
    colours = np.repeat(0.18 * 2.0 ** np.linspace(-5, 3, 300)[:, None], 3, 1)
    colours = colours * (1 + 0.2 * (CODES[:300] - 0.5))
    came = graded(recipe.exposure, recipe.grade, recipe.lut)(colours)
    went = light("natural")(colours)
    assert np.abs(srgb_encode(np.clip(came, 0, 1)) - srgb_encode(np.clip(went, 0, 1))).max() < 0.02


def test_the_way_back_to_the_scene_is_exact():
    grade = Recipe.of({"grade": {k: v for k, v in PLAIN["grade"].items() if k != "headroom"}})
    scene = np.random.default_rng(1).uniform(0, 4, (500, 3))
    made = graded(grade.exposure, grade.grade)(scene @ rgb_to_rgb(P3, REC2020).T)
    np.testing.assert_allclose(to_scene(made), scene, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("code", ["srgb", "gamma22", "gamma24", "gamma18", "linear", "log"])
def test_codes_come_back(code):
    x = np.linspace(0, 1, 101)
    np.testing.assert_allclose(decode(encode(x, code), code), x, atol=1e-9)


def test_hald_of_sixteen_bits(tmp_path):
    table = baked(lambda c: c ** np.array([0.8, 1.0, 1.3]), 16)
    (tmp_path / "h.png").write_bytes(hald_png(table, "w"))
    np.testing.assert_allclose(read_hald(tmp_path / "h.png").cube, table.cube, atol=1e-5)


@pytest.mark.parametrize(
    ("suffix", "extra"), [("tif", {}), ("tif", {"compression": "zlib", "predictor": True})]
)
@pytest.mark.parametrize("bits", [8, 16])
def test_hald_as_tiff(tmp_path, suffix, extra, bits):
    tifffile = pytest.importorskip("tifffile")
    from lichtbild.look.hald import hald_pixels

    table = baked(lambda c: c**0.8, 9)
    pixels = hald_pixels(table)
    tifffile.imwrite(
        tmp_path / "h.tif", pixels if bits == 16 else np.uint8(pixels >> 8), photometric="rgb", **extra
    )
    np.testing.assert_allclose(
        read_hald(tmp_path / "h.tif").cube, table.cube, atol=1e-5 if bits == 16 else 5e-3
    )


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_of_png_is_undone(kind):
    """Written by the definition of the filters, pixel by pixel."""
    image = np.random.default_rng(kind).integers(0, 256, (8, 8 * 3))
    rows = bytearray()
    for y in range(8):
        rows.append(kind)
        for x in range(24):
            a = int(image[y, x - 3]) if x >= 3 else 0
            b = int(image[y - 1, x]) if y else 0
            c = int(image[y - 1, x - 3]) if y and x >= 3 else 0
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            rows.append((int(image[y, x]) - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
    chunks = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(bytes(rows))),
            (b"IEND", b""),
        )
    )
    np.testing.assert_allclose(png(b"\x89PNG\r\n\x1a\n" + chunks, "x") * 255, image.reshape(8, 8, 3))


CLF = (
    '<?xml version="1.0"?><ProcessList xmlns="urn:AMPAS:CLF:v3.0" compCLFversion="3" id="x">{}</ProcessList>'
)
_FLOATS = 'inBitDepth="32f" outBitDepth="32f"'
_LOG = 'base="10" linSideSlope="5" linSideOffset=".05" logSideSlope=".25" logSideOffset=".39"'
_CELLS = " ".join(f"{r * 0.9} {g * 0.8 + r * 0.1} {1 - b}" for r in (0, 1) for g in (0, 1) for b in (0, 1))
NODES = {
    "matrix": f'<Matrix {_FLOATS}><Array dim="3 4">.8 .1 .1 .02 0 .9 .1 0 .1 .1 .7 -.01</Array></Matrix>',
    "range": '<Range inBitDepth="10i" outBitDepth="32f"><minInValue>64</minInValue>'
    "<maxInValue>940</maxInValue><minOutValue>0</minOutValue><maxOutValue>1</maxOutValue></Range>",
    "lut1d": '<LUT1D inBitDepth="32f" outBitDepth="10i"><Array dim="4 1">0 200 700 1023</Array></LUT1D>',
    "lut3d": f'<LUT3D {_FLOATS} interpolation="tetrahedral"><Array dim="2 2 2 3">{_CELLS}</Array></LUT3D>',
    "cdl": f'<ASC_CDL {_FLOATS} style="Fwd"><SOPNode><Slope>1.1 1 .9</Slope><Offset>.02 0 -.02</Offset>'
    "<Power>1.2 1 .8</Power></SOPNode><SatNode><Saturation>.7</Saturation></SatNode></ASC_CDL>",
    "exponent": f'<Exponent {_FLOATS} style="basicFwd"><ExponentParams exponent="2.2"/></Exponent>',
    "monitor": f'<Exponent {_FLOATS} style="monCurveRev"><ExponentParams exponent="2.4" offset="0.055"/>'
    "</Exponent>",
    "log": f'<Log {_FLOATS} style="linToLog"><LogParams {_LOG}/></Log>',
    "camera": f'<Log {_FLOATS} style="cameraLinToLog"><LogParams {_LOG} linSideBreak=".01"/></Log>',
    "anti": f'<Log {_FLOATS} style="antiLog2"/>',
}


@pytest.mark.parametrize("node", NODES)
def test_opencolorio_reads_clf_as_we_do(tmp_path, node):
    ocio = pytest.importorskip("PyOpenColorIO", reason="needs opencolorio")
    path = tmp_path / "x.clf"
    path.write_text(CLF.format(NODES[node]))
    processor = ocio.Config.CreateRaw().getProcessor(ocio.FileTransform(str(path))).getDefaultCPUProcessor()
    theirs = np.ascontiguousarray(np.float32(CODES))
    processor.applyRGB(theirs)
    np.testing.assert_allclose(read_clf(path)(CODES), theirs, atol=2e-4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<a", "is not XML"),
        ("<a/>", "is no CLF"),
        (CLF.format(""), "holds no operator"),
        (CLF.format("<Sharpen/>"), "Sharpen is not read"),
        (CLF.format('<Matrix><Array dim="3 3">1 2</Array></Matrix>'), "allowed are 3 3 and 3 4"),
        (CLF.format('<LUT3D><Array dim="999 999 999 3">1</Array></LUT3D>'), "allowed is n n n 3"),
        (CLF.format('<LUT1D><Array dim="2 1">0 nan</Array></LUT1D>'), "NaN or infinity"),
        (CLF.format('<LUT1D halfDomain="true"/>'), "half floats"),
        (CLF.format('<Log style="cameraLogToLin"><LogParams linSideBreak="1" linearSlope="0"/></Log>'), "0,"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><ProcessList>&b;</ProcessList>', "document type"),
    ],
)
def test_broken_clf_is_refused(text, says):
    with pytest.raises(InputError, match=says):
        operator(text.encode(), "x.clf")


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Version="15.0" {}>
<crs:Name><rdf:Alt><rdf:li xml:lang="x-default">Faded</rdf:li></rdf:Alt></crs:Name>
<crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 30</rdf:li><rdf:li>128, 132</rdf:li><rdf:li>255, 240</rdf:li>
</rdf:Seq></crs:ToneCurvePV2012></rdf:Description></rdf:RDF></x:xmpmeta>"""


def preset(words):
    return read_preset(XMP.format(words).encode(), "x.xmp")


def test_a_preset_becomes_knobs_and_a_table():
    found = preset('crs:Exposure2012="+0.50" crs:Shadows2012="+40" crs:Saturation="-20" crs:Dehaze="7" '
                   'crs:HueAdjustmentBlue="-30" crs:Sharpness="0" crs:LensProfileEnable="1"')  # fmt: skip
    assert found.name == "Faded"
    knobs = knobs_of(found, {"grade": {"saturation": 0.5}})
    assert knobs == {"exposure": {"bias": 0.5}, "tone": {"shadows": 0.64}, "grade": {"saturation": 0.4}}
    colours = colours_of(found)
    assert colours(np.zeros((1, 3)))[0, 0] == pytest.approx(30 / 255, abs=1e-3)
    assert found.left_out == ["Dehaze", "LensProfileEnable"]
    blue, green = colours(np.array([[0.2, 0.3, 0.9], [0.2, 0.8, 0.2]]))
    flat = colours_of(preset(""))(np.array([[0.2, 0.3, 0.9], [0.2, 0.8, 0.2]]))
    assert blue[1] > flat[0][1] + 0.02 and np.abs(green - flat[1]).max() < 2e-3


def test_black_and_white_presets_leave_no_colour():
    made = colours_of(preset('crs:ConvertToGrayscale="True" crs:GrayMixerRed="-50"'))(CODES)
    assert np.ptp(made, axis=1).max() < 1e-3
    toned = colours_of(preset('crs:SplitToningShadowHue="230" crs:SplitToningShadowSaturation="40"'))
    dark = toned(np.array([[0.15, 0.15, 0.15]]))[0]
    assert dark[2] > dark[0] + 0.02


@given(st.binary(max_size=300), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_junk_is_refused(content, where):
    whole = CLF.format(NODES["lut1d"]).encode()
    mixed = whole[: 40 * where] + content + whole[40 * where :]
    for read in (operator, read_preset, png):
        for bytes_ in (content, mixed):
            try:
                read(bytes_, "x")
            except InputError:
                continue


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
@example([0.0, 0.0, 5e-324])
def test_hsv_comes_back(rgb):
    one = np.array([rgb])
    np.testing.assert_allclose(from_hsv(to_hsv(one)), one, atol=1e-12)


# ---- the verb


def test_a_look_of_ones_own(shelf, capsys):
    assert call(["looks", "new", "mine", "--base", "vibrant"]) == 0
    assert (
        "# 0.5 … 3" in (shelf / "mine.toml").read_text()
        and looks["mine"].settings == looks["vibrant"].settings
    )
    assert call(["looks", "new", "mine"]) == 2 and "exists" in capsys.readouterr().err
    assert call(["looks", "--json"]) == 0
    assert {"mine", "natural"} <= {row["look"] for row in json.loads(capsys.readouterr().out)}
    assert call(["looks", "show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["curve"][7]["lightness"] == pytest.approx(52.3, abs=0.2)
    assert call(["looks", "show", "natural"]) == 0 and "[grade]" in capsys.readouterr().out


@pytest.mark.parametrize("table", ["[nostage]\nx = 1\n", "[grade]\ncontrast = 99\n"])
def test_a_look_that_cannot_be_used_is_not_begun_from(table, tmp_path, shelf, capsys):
    (tmp_path / "odd.toml").write_text(f'[look]\nname = "Odd"\n{table}')
    assert call(["looks", "new", "mine", "--base", str(tmp_path / "odd.toml")]) == 2
    assert "nostage" in (err := capsys.readouterr().err) or "out of range" in err
    assert "mine" not in looks


def test_a_look_by_a_built_in_name_or_broken_is_pointed_out(shelf, capsys):
    shelf.mkdir(parents=True)
    (shelf / "natural.toml").write_text('[look]\nname = "x"\n')
    (shelf / "broken.toml").write_text("[look")
    assert call(["looks"]) == 0
    err = capsys.readouterr().err
    assert "natural is built in" in err and "broken.toml is not TOML" in err
    assert looks["natural"].name == "Natural"


def test_what_was_not_imported_is_named(tmp_path, shelf, capsys):
    (tmp_path / "f.xmp").write_text(XMP.format('crs:Dehaze="7" crs:Exposure2012="+4"'))
    assert call(["looks", "import", str(tmp_path / "f.xmp"), "--base", "natural"]) == 0
    err = capsys.readouterr().err
    assert "Dehaze" in err and "exposure.bias beyond -2 … 2" in err
    assert looks["f"].name == "Faded" and Recipe.of(looks["f"]).exposure.bias == 2


def test_an_import_that_may_not_replace_a_look_leaves_nothing(tmp_path, shelf, capsys):
    shelf.mkdir(parents=True)
    (shelf / "f.toml").write_text('[look]\nname = "Old"\n')
    (tmp_path / "f.cube").write_bytes(cube_text(Table(grid(2).astype(np.float32))))
    assert call(["looks", "import", str(tmp_path / "f.cube")]) == 2
    assert [p.name for p in shelf.iterdir()] == ["f.toml"]


def test_a_profile_comes_in_as_a_look(tmp_path, shelf):
    burst, truth = simulate.burst("leaves", size=(64, 64), frames=1)
    simulate.write(tmp_path / "b", burst, truth)
    imported(exported(tmp_path, "natural", "x.dcp", "--camera", str(tmp_path / "b" / "frame_000.dng")),
             "--size", "33")  # fmt: skip
    recipe = Recipe.of(looks["x"])
    scene = 0.8 * srgb_decode(CODES) @ rgb_to_rgb(SRGB, REC2020).T
    came = np.clip(graded(recipe.exposure, recipe.grade, recipe.lut)(scene), 0, 1)
    went = np.clip(light("natural")(scene), 0, 1)
    far = distance(srgb_encode(came), srgb_encode(went), P3)
    assert far[0] < 1.0 and far[1] < 12


@pytest.mark.parametrize("path", [Path("x.jpg"), Path("x")])
def test_other_kinds_are_refused(path, shelf):
    assert call(["looks", "import", str(path)]) == 2
    assert call(["looks", "export", "natural", "-o", str(path)]) == 2
