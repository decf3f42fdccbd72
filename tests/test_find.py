# SPDX-License-Identifier: Apache-2.0
"""Charts are found where they are: under turns, perspective, noise, shading and a lens that bends."""

import io

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.colour import srgb_decode, srgb_encode
from lichtbild.base.errors import InputError, QualityWarning
from lichtbild.quality.chart import Chart, Element
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.colours.patches import CLASSIC, lab_to_linear
from lichtbild.quality.finding.find import find
from lichtbild.quality.finding.mapping import homography, moved, unbent
from lichtbild.quality.finding.regions import local_mean, sampled
from lichtbild.quality.picture import Picture, picture_of, read_picture
from lichtbild.simulate import burst
from lichtbild.simulate.charts import painted, place
from lichtbild.simulate.scene import draw

MARKED = [name for name, chart in CHARTS.items() if chart.code]


def photographed(placed, size=(360, 480), *, noise=0.0, shade=0.0, k=(0.0, 0.0)):
    """A chart as a picture, and the true map from chart to pixels."""
    h, w = size
    light = draw(painted(placed), size, 0, seed=1).light
    bent = unbent(size)
    if any(k):
        bent = type(bent)(bent.m, bent.middle, bent.reach, k)
        y, x = np.mgrid[0 : 2 * h, 0 : 2 * w]
        fine = (bent.straight((np.stack([y, x], axis=-1) + 0.5) / 2 - 0.5) + 0.5) * 2 - 0.5
        light = np.nan_to_num(np.stack([sampled(c, fine) for c in light]), nan=0.2)
    rgb = light.reshape(3, h, 2, w, 2).mean(axis=(2, 4)).transpose(1, 2, 0)
    y, x = np.mgrid[0:h, 0:w]
    rgb = rgb / (1 + shade * (((y / h - 0.5) ** 2 + (x / w - 0.5) ** 2) * 2))[..., None]
    random = np.random.default_rng(7).standard_normal(rgb.shape)
    rgb = rgb + noise * np.sqrt(np.abs(rgb) + 0.02) * random
    to_pixel = np.array([[h, 0, -0.5], [0, h, -0.5], [0, 0, 1.0]]) @ placed.to_scene
    return Picture(rgb.astype(np.float32)), lambda at: bent.bend(moved(to_pixel, at))


def farthest(found, true):
    """The largest error of any corner of any element or patch, in pixels."""
    worst = 0.0
    for f in found:
        boxes = [f.element.box, *f.element.settings.get("boxes", ())]
        for top, left, bottom, right in boxes:
            corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
            quad = f.quad(box=(top, left, bottom, right))
            worst = max(worst, float(np.abs(true(corners) - quad).max()))
    return worst


CONDITIONS = {
    "turned, noisy, shaded": ({"turn": 14, "fill": 0.78}, {"noise": 0.04, "shade": 1.0}),
    "upside down, perspective": ({"turn": 180, "tilt": (18, -14), "fill": 0.8}, {"noise": 0.02}),
    "barrel": ({"turn": -6, "fill": 0.85}, {"k": (-0.05, 0.0), "noise": 0.01}),
    "pincushion": ({"fill": 0.85}, {"k": (0.05, 0.0)}),
}


@pytest.mark.parametrize("name", MARKED)
def test_every_chart_is_found(name):
    picture, true = photographed(place(CHARTS[name], 4 / 3), (340, 460), noise=0.02)
    found = find(picture)
    assert {f.chart for f in found} == {name}
    assert [f.element.name for f in found] == [e.name for e in CHARTS[name].elements]
    assert farthest(found, true) < 0.3
    assert 0 < found[0].doubt < 0.1


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("lab", how) for how in CONDITIONS),
        ("dots", "barrel"),
        ("edges", "pincushion"),
        ("ladder", "turned, noisy, shaded"),
    ],
)
def test_charts_are_found_under_all_conditions(name, how):
    placing, taking = CONDITIONS[how]
    picture, true = photographed(place(CHARTS[name], 4 / 3, **placing), **taking)
    assert farthest(find(picture), true) < 0.3


def test_a_soft_picture_shows_its_chart():
    picture, true = photographed(place(CHARTS["steps"], 4 / 3, fill=0.9), (420, 560))
    taps = np.exp(-((np.arange(-6, 7) / 1.5) ** 2) / 2)
    rgb = picture.rgb
    for axis in (0, 1):  # a spread of 1.5 px: nearly half a line of a marker
        rgb = np.apply_along_axis(lambda line: np.convolve(line, taps / taps.sum(), "same"), axis, rgb)
    assert farthest(find(Picture(rgb.astype(np.float32))), true) < 0.3


def test_the_local_mean_equals_its_twin():
    plane = np.random.default_rng(2).random((9, 12)).astype(np.float32)
    wanted = [
        [plane[max(0, j - 2) : j + 3, max(0, i - 2) : i + 3].mean() for i in range(12)] for j in range(9)
    ]
    np.testing.assert_allclose(local_mean(plane, 2), wanted, rtol=1e-5)


def test_a_mirrored_chart_is_found_and_said():
    picture, true = photographed(place(CHARTS["star"], 4 / 3))
    mirrored = Picture(np.ascontiguousarray(picture.rgb[:, ::-1]))
    with pytest.warns(QualityWarning, match="mirrored"):
        found = find(mirrored)
    assert farthest(found, lambda at: true(at) * [1, -1] + [0, picture.size[1] - 1]) < 0.3


def test_the_picture_of_a_raw_file_shows_its_chart():
    placed = place(CHARTS["lab"], 4 / 3)
    taken, truth = burst(painted(placed), size=(450, 600), frames=1, iso=800, shake="still")
    found = find(picture_of(taken.frames[0]))
    for f, there in zip(found, truth.facts["chart"]["elements"], strict=True):
        assert f.element.name == there["name"]
        np.testing.assert_allclose(f.quad(), there["corners"], atol=0.3)


def test_a_jpeg_shows_its_chart():
    picture, true = photographed(place(CHARTS["colours"], 4 / 3, fill=0.8, turn=4))
    packed = io.BytesIO()
    codes = (srgb_encode(np.clip(picture.rgb, 0, 1)) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(codes).save(packed, "JPEG", quality=60)
    rgb = srgb_decode(np.asarray(Image.open(packed)) / 255).astype(np.float32)
    assert farthest(find(Picture(rgb)), true) < 0.3


# ---- without markers


def bare(fill=0.86, missing=0):
    """The common chart without markers, on a dark card with a light border."""
    boxes = []
    for r in range(4):
        for c in range(6):
            v, u, half = 0.1 + 0.2 * (r + 0.5), 0.06 + 0.2 * (c + 0.5), 0.1 * fill
            boxes.append((v - half, u - half, v + half, u + half))
    card = Element("flat", "card", (0.06, 0.02, 0.94, 1.30), {"level": 0.02})
    kept = {"reference": tuple(CLASSIC.values())[missing:], "boxes": tuple(boxes[missing:])}
    chart = Chart("bare", "", 4 / 3, (card, Element("colours", "colours", (0, 0, 1, 4 / 3), kept)), 99, 0.5)
    return chart, np.array(boxes)


@pytest.mark.parametrize(
    ("placing", "taking"),
    [
        ({"fill": 0.9}, {}),
        ({"fill": 0.6, "turn": 12}, {"noise": 0.02, "shade": 1.0}),
        ({"fill": 0.75, "turn": 180, "tilt": (15, 20)}, {"noise": 0.02, "shade": 0.5}),
        ({"fill": 0.7, "turn": 90}, {"noise": 0.02}),
        ({"fill": 0.7}, {"k": (-0.15, 0.02)}),
    ],
)
def test_the_common_chart_is_found(placing, taking):
    chart, boxes = bare()
    picture, true = photographed(place(chart, 4 / 3, **placing), **taking)
    (found,) = find(picture, "classic")
    quads = found.quads()
    for quad, (top, left, bottom, right) in zip(quads, boxes, strict=True):
        corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
        np.testing.assert_allclose(quad, true(corners), atol=0.45)
        np.testing.assert_allclose(quad.mean(axis=0), true(corners).mean(axis=0), atol=0.3)
    assert found.element.settings["names"][0] == "dark skin"


def test_missing_patches_do_not_matter():
    chart, boxes = bare(missing=3)
    picture, true = photographed(place(chart, 4 / 3, fill=0.8))
    (found,) = find(picture, "classic")
    middle = true(np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)], axis=1))
    np.testing.assert_allclose(found.quads().mean(axis=1), middle, atol=0.3)


def test_other_colours_in_a_lattice_are_no_chart():
    chart, _ = bare()
    wrong = np.random.default_rng(3).permutation(lab_to_linear(tuple(CLASSIC.values())))
    placed = place(chart, 4 / 3)
    rgb = (
        draw(painted(placed, {"colours": wrong}), (300, 400), 0, seed=1).light[:, ::2, ::2].transpose(1, 2, 0)
    )
    with pytest.raises(InputError, match="no lattice"):
        find(Picture(np.ascontiguousarray(rgb)), "classic")


def test_slanted_edges_are_found_without_markers():
    chart = CHARTS["edges"]
    alone = Chart("alone", "", chart.aspect, chart.elements, 99, chart.ground)
    picture, true = photographed(place(alone, 4 / 3, fill=0.9), (600, 800), noise=0.02)
    found = find(picture, "slanted")
    assert len(found) == 20 and {f.element.kind for f in found} == {"edge"}
    middles = true(np.array([((e.box[0] + e.box[2]) / 2, (e.box[1] + e.box[3]) / 2) for e in chart.elements]))
    for f in found:
        top, left, bottom, right = f.pixels()
        assert 3 < abs(f.element.settings["tilt"]) < 7
        here = np.array([(top + bottom - 1) / 2, (left + right - 1) / 2])
        assert np.abs(middles - here).max(axis=1).min() < 6
        low, high = f.element.settings["low"], f.element.settings["high"]
        assert high / low == pytest.approx(4, rel=0.1)


# ---- nothing to be found


def test_a_chart_that_is_cut_off_is_said_to_be():
    picture, _ = photographed(place(CHARTS["dots"], 4 / 3), (600, 800))
    with pytest.raises(InputError, match="2 of the 4 corner markers") as caught:
        find(Picture(np.ascontiguousarray(picture.rgb[:, 300:])), "dots")
    assert "--roi" in caught.value.hint


def test_a_cut_off_chart_whose_edges_are_measured_is_said_to_be_cut():
    picture, _ = photographed(place(CHARTS["edges"], 4 / 3), (480, 640))
    with pytest.warns(QualityWarning, match="2 of the 4 corner markers"):
        found = find(Picture(np.ascontiguousarray(picture.rgb[:, 300:])))
    assert {f.element.kind for f in found} == {"edge"}


def test_an_even_picture_has_no_chart():
    with pytest.raises(InputError, match="even all over"):
        find(Picture(np.full((100, 120, 3), 0.3, np.float32)))


def test_noise_has_no_chart():
    random = np.random.default_rng(1).random((200, 300, 3)).astype(np.float32)
    with pytest.raises(InputError, match="no chart that can be measured"):
        find(Picture(random))


def test_another_chart_than_wanted_is_refused():
    picture, _ = photographed(place(CHARTS["steps"], 4 / 3))
    with pytest.raises(InputError, match="shows steps"):
        find(picture, "lab")


def test_bad_names_and_pictures():
    with pytest.raises(InputError, match="did you mean colours"):
        find(Picture(np.zeros((99, 99, 3), np.float32)), "colors")
    with pytest.raises(InputError, match="too few"):
        find(Picture(np.zeros((9, 99, 3), np.float32)))
    with pytest.raises(InputError, match="not finite"):
        find(Picture(np.full((99, 99, 3), np.nan, np.float32)))


def test_flat_is_the_whole_picture():
    (found,) = find(Picture(np.ones((80, 120, 3), np.float32)), "flat")
    assert found.pixels() == (0, 0, 80, 120)


def test_homographies_come_back():
    m = np.array([[100.0, 20, 5], [-7, 90, 12], [0.2, -0.1, 1]])
    at = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0.3, 0.7)])
    np.testing.assert_allclose(homography(at, moved(m, at)), m, atol=1e-8)


# ---- real files


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("raw/Hero7_GOPR8508.DNG", ""),  # mirrored, as its orientation says: no warning
        ("raw/S40_CRW_0101.CRW", ""),
        ("raw/Indoor1_2592x1536_8bit_GRBG.raw", "2592x1536 u8 GRBG black=12 white=255"),
    ],
)
@pytest.mark.filterwarnings("ignore::lichtbild.base.errors.FallbackWarning")
def test_real_charts_are_found(data_dir, name, layout):
    picture = read_picture(data_dir / name, layout=layout)
    (found,) = find(picture)
    assert found.chart == "classic" and found.doubt < 2
    rgb = picture.rgb
    light = np.array([np.median(_inside(rgb, q), axis=0) for q in found.quads(0.25)])
    even = np.array([np.std(_inside(rgb, q)[:, 1]) for q in found.quads(0.15)]) / light[:, 1]
    assert np.median(even) < 0.1  # no patch reaches over its border
    assert (np.diff(light[18:, 1]) < 0).all()  # white … black
    assert light[14, 0] > 2 * light[14, 2] and light[12, 2] > light[12, 0]  # red, blue


def _inside(rgb, quad):
    top, left = np.ceil(quad.min(axis=0)).astype(int)
    bottom, right = quad.max(axis=0).astype(int)
    return rgb[top : bottom + 1, left : right + 1].reshape(-1, 3)


@pytest.mark.filterwarnings("ignore::lichtbild.base.errors.FallbackWarning")
def test_a_real_chart_of_edges_is_found(data_dir):
    layout = "1920x1080 u16 RGGB black=0 white=1020"
    found = find(read_picture(data_dir / "charts/openisp_1920x1080_rggb_u16.raw", layout=layout), "slanted")
    middles = np.array([f.quad().mean(axis=0) for f in found])
    squares = np.array([(230, 328), (200, 1495), (553, 920), (910, 348), (877, 1510)])  # read off the picture
    far = np.abs(middles[None] - squares[:, None]).max(axis=2).min(axis=1)
    assert (far < 130).all()
