# SPDX-License-Identifier: Apache-2.0
"""The laboratory's charts: what they say of themselves, and that they are painted exactly."""

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.colour import D50_XYZ, D65, SRGB, adaptation, xy_to_xyz, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.quality.charts import CHARTS, chart_of_code, markers, strip
from lichtbild.quality.colours.patches import CLASSIC, lab_to_linear, many
from lichtbild.quality.field.geometry import dots
from lichtbild.quality.finding.find import find
from lichtbild.quality.leaves import disks, drawn
from lichtbild.quality.picture import picture_of
from lichtbild.simulate.charts import painted, place
from lichtbild.simulate.scene import draw

MARKED = [c for c in CHARTS.values() if c.code]
LEAVES = CHARTS["leaves"].of("leaves")[0]


def scaled(height, shift=(0.0, 0.0)):
    return np.array([[height, 0, -0.5 - shift[0]], [0, height, -0.5 - shift[1]], [0, 0, 1.0]])


def around(v, u, half):
    return v - half, u - half, v + half, u + half


def test_codes_tell_charts_apart():
    assert len({c.code for c in MARKED}) == len(MARKED) == 11
    assert all(chart_of_code(c.code) is c for c in MARKED) and chart_of_code(0) is None


def test_one_wrong_bit_spells_nothing():
    words = {strip(code) for code in range(256)}
    assert len(words) == 256
    for code in (1, 12, 200, 255):
        for k in range(16):
            wrong = list(strip(code))
            wrong[k] ^= 1
            assert tuple(wrong) not in words


@pytest.mark.parametrize("chart", CHARTS.values(), ids=lambda c: c.name)
def test_elements_lie_on_the_chart_and_do_not_overlap(chart):
    boxes = []
    for e in chart.elements:
        top, left, bottom, right = e.box
        assert 0 <= top < bottom <= 1 and 0 <= left < right <= chart.aspect
        inner = e.settings.get("boxes", ())
        assert all(top <= b[0] < b[2] <= bottom and left <= b[1] < b[3] <= right for b in np.round(inner, 9))
        if e.kind == "edge":
            v, u, half = e.settings["square"]
            boxes += [around(v, u, 1.1 * half)] * (e.settings["side"] == "left")
        elif e.kind not in ("dots", "flare"):
            boxes += inner or [e.box]
    furniture = [around(v, u, 0.036) for v, u in markers(chart.aspect)] if chart.code else []
    furniture += [around(v, u, 0.014) for v, u in chart.marks]
    for i, a in enumerate(boxes):
        for b in [*boxes[i + 1 :], *furniture]:
            assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), (chart.name, a, b)


def test_classic_colours_are_the_published_ones():
    colour = pytest.importorskip("colour", reason="colour-science is not installed")
    known = colour.CCS_COLOURCHECKERS["ColorChecker24 - After November 2014"]
    lab = [colour.XYZ_to_Lab(colour.xyY_to_XYZ(xyY), known.illuminant) for xyY in known.data.values()]
    np.testing.assert_allclose(list(CLASSIC.values()), lab, atol=0.011)


def test_colours_come_back_from_linear_light():
    lab = np.array([*CLASSIC.values(), *many().values()])
    xyz = lab_to_linear(lab) @ SRGB.to_xyz().T @ adaptation(xy_to_xyz(D65), D50_XYZ).T
    np.testing.assert_allclose(xyz_to_lab(xyz), lab, atol=0.06)


def test_the_140_can_be_shown_and_differ():
    lab = np.array(list(many().values()))
    assert len(lab) == 140
    light = lab_to_linear(lab)
    assert light.min() > 0 and light.max() < 1
    far = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(axis=-1)) + 100 * np.eye(140)
    assert far.min() > 2.5
    assert (np.abs(lab[126:, 1:]) < 1e-9).all()


# ---- leaves


def test_leaves_equal_their_twin():
    """The nearest disk in the list decides, at every sample of every pixel."""
    facts = {**LEAVES.settings, "r_min": 0.02, "r_max": 0.1}
    element = type(LEAVES)("leaves", "few", (0.2, 0.2, 0.8, 0.9), facts)
    m = np.array([[30.0, 2.0, 1.0], [-3.0, 28.0, 2.0], [0.1, -0.05, 1.0]])
    seen = drawn(element, m, (5, 6, 25, 22))
    where, light = disks(1, 0.02, 0.1, box=element.box, low=0.35, high=0.65)
    sub = (np.arange(4) + 0.5) / 4 - 0.5
    y = (np.arange(5, 25)[:, None] + sub).reshape(-1, 1)
    x = (np.arange(6, 22)[:, None] + sub).reshape(1, -1)
    back = np.linalg.inv(m)
    v, u, w = (back[k, 0] * y + back[k, 1] * x + back[k, 2] for k in range(3))
    v, u = v / w, u / w
    out, empty = np.full(v.shape, 0.5), np.ones(v.shape, bool)
    for (a, b, r), (grey,) in zip(where.astype(float), light, strict=True):
        hit = empty & ((v - a) ** 2 + (u - b) ** 2 <= r * r)
        out[hit], empty = grey, empty & ~hit
    np.testing.assert_allclose(seen, out.reshape(20, 4, 16, 4).mean(axis=(1, 3)), atol=1e-6)


def test_a_part_of_the_leaves_is_the_same_part_of_the_whole():
    whole = drawn(LEAVES, scaled(200), (30, 30, 130, 150))
    np.testing.assert_array_equal(drawn(LEAVES, scaled(200), (57, 71, 90, 120)), whole[27:60, 41:90])


def test_turned_leaves_are_the_leaves_turned():
    upright = drawn(LEAVES, scaled(100), (20, 20, 60, 70))
    about = np.array([[-100.0, 0, 99.5], [0, -100.0, 99.5], [0, 0, 1]])  # pixel y → 99 - y
    turned = drawn(LEAVES, about, (40, 30, 80, 80))
    np.testing.assert_allclose(turned[::-1, ::-1], upright, atol=2e-5)


def test_coarse_leaves_are_the_mean_of_fine_ones():
    fine = drawn(LEAVES, scaled(800), (200, 200, 400, 440))
    coarse = drawn(LEAVES, scaled(400), (100, 100, 200, 220))
    off = fine.reshape(100, 2, 120, 2).mean(axis=(1, 3)) - coarse
    assert np.sqrt((off**2).mean()) < 0.1 * coarse.std()
    assert abs(off.mean()) < 3e-4


def test_leaves_have_their_levels_and_spectrum():
    grey = drawn(LEAVES, scaled(1000), (200, 200, 712, 712)).astype(float)
    assert grey.min() >= 0.35 and grey.max() <= 0.65 and grey.mean() == pytest.approx(0.5, abs=0.015)
    window = np.hanning(512)[:, None] * np.hanning(512)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512)))
    low, high = (power[(f > 0.8 * k) & (f < 1.25 * k)].mean() for k in (0.02, 0.2))
    assert np.log(high / low) / np.log(10) == pytest.approx(-1.86, abs=0.25)  # simulate.md: -1.86 … -1.93


def test_what_is_no_leaves_is_refused():
    with pytest.raises(InputError, match="is no dead leaves"):
        drawn(CHARTS["star"].elements[0], scaled(100), (0, 0, 9, 9))
    with pytest.raises(InputError, match="is empty"):
        drawn(LEAVES, scaled(100), (9, 0, 9, 9))
    with pytest.raises(InputError, match="determinant"):
        drawn(LEAVES, np.zeros((3, 3)), (0, 0, 9, 9))


# ---- painting


def shown(name, height=300, **placing):
    placed = place(CHARTS[name], 4 / 3, **placing)
    return placed, draw(painted(placed), (height, height * 4 // 3), 0, seed=1).light


def exact_edge(y, x, angle):
    """Share of unit squares at (y, x) where x·cos + y·sin > 0 (the laboratory's formula for a sharp edge)."""
    c, s = np.cos(angle), np.sin(angle)
    g = [np.maximum((x + i) * c + (y + j) * s, 0) ** 2 / 2 for j in (-0.5, 0.5) for i in (-0.5, 0.5)]
    return (g[3] - g[2] - g[1] + g[0]) / (c * s)


@pytest.mark.parametrize("turn", [0.0, 3.0, -9.0])
def test_edges_are_exact(turn):
    placed, light = shown("edges", turn=turn, fill=0.9)
    e = next(e for e in CHARTS["edges"].elements if e.name == "middle centre, right")
    v, u, half = e.settings["square"]
    c, s = np.cos(np.radians(5)), np.sin(np.radians(5))
    ends = (
        np.array([[v + half * (c * j + s), u + half * (-s * j + c), 1] for j in (-1, 1)]) @ placed.to_scene.T
    )
    (y0, x0), (y1, x1) = (ends[:, :2] / ends[:, 2:]) * 600 - 0.5
    angle = np.arctan2(-(x1 - x0), y1 - y0)
    middle = round((y0 + y1) / 2), round((x0 + x1) / 2)
    y, x = np.mgrid[middle[0] - 15 : middle[0] + 16, middle[1] - 15 : middle[1] + 16]
    wanted = 0.15 + 0.45 * exact_edge(y - (y0 + y1) / 2, x - (x0 + x1) / 2, angle)
    np.testing.assert_allclose(light[1, y, x], wanted, atol=4e-4)


def test_the_star_has_its_modulation():
    placed, light = shown("star", fill=1.0)
    facts = CHARTS["star"].elements[0].settings
    y, x = np.mgrid[0 : light.shape[1], 0 : light.shape[2]]
    v, u = (y + 0.5) / 600 - 0.5, (x + 0.5) / 600 - 2 / 3
    r, phi = np.hypot(v, u) * 600, np.arctan2(v, u)
    for radius in (210, 120, 70):
        ring = np.abs(r - radius) < 1.5
        f = 144 / (2 * np.pi * radius)
        fy, fx = f * np.cos(phi[ring]), f * np.sin(phi[ring])
        wave = np.sin(144 * phi[ring]), np.cos(144 * phi[ring])
        terms = np.stack([np.ones(ring.sum()), *wave], axis=1)
        mean, a, b = np.linalg.lstsq(terms, light[0][ring].astype(float), rcond=None)[0]
        wanted = 0.27 * (np.sinc(fy) * np.sinc(fx)).mean()
        assert mean == pytest.approx(0.45, abs=2e-3)
        assert np.hypot(a, b) == pytest.approx(wanted, rel=0.01)
    assert facts["cycles"] == 144 and placed.chart.name == "star"


@pytest.mark.parametrize("name", ["steps", "ladder", "colours", "colours140", "lab"])
def test_patches_have_their_light(name):
    placed, light = shown(name)
    for e in CHARTS[name].elements:
        if "boxes" not in e.settings:
            continue
        facts = e.settings
        wanted = (
            lab_to_linear(facts["reference"]) if "reference" in facts else np.repeat(facts["luminance"], 3)
        )
        for box, level in zip(facts["boxes"], np.reshape(wanted, (-1, 3)), strict=True):
            at = placed.to_scene @ [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1]
            y, x = (at[:2] / at[2] * 600).astype(int)
            np.testing.assert_allclose(light[:, y, x], level, rtol=1e-5, atol=1e-6)


def test_flat_is_flat():
    assert np.unique(shown("flat", 64)[1]).tolist() == [0.5]


def test_the_ladder_spans_120_decibel():
    light = CHARTS["ladder"].elements[0].settings["luminance"]
    assert len(light) == 21 and 20 * np.log10(light[0] / light[-1]) == pytest.approx(120)


def test_a_chart_can_be_placed_badly():
    with pytest.raises(InputError, match="fill is"):
        place(CHARTS["lab"], 1.5, tilt=(80, 0))


def test_parts_of_a_mask():
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 0]], np.uint8)
    label, count = np.empty((4, 4), np.int32), np.zeros(1, np.int32)
    kernels.label(mask, False, label, count)
    assert count[0] == 3
    assert label.tolist() == [[1, 1, 0, 2], [0, 1, 0, 2], [3, 0, 0, 0], [3, 3, 3, 0]]
    rows = np.empty((3, 10))
    kernels.parts(label, rows)
    assert rows[2, :7].tolist() == [4, 11, 3, 2, 0, 3, 2]
    kernels.label(mask, True, label, count)
    assert count[0] == 2


def test_the_code_strip_covers_no_dot():
    scene = painted(place(CHARTS["dots"], 4 / 3))
    parts = {"size": (600, 800), "sensor": "ideal", "lens": "plain", "shake": "still"}
    burst, _ = simulate.burst(scene, frames=1, iso=50, **parts)
    picture = picture_of(burst.frames[0])
    (found,) = find(picture)
    facts = found.element.settings
    result = dots(picture, found.at(*np.array(facts["centres"]).T), (facts["rows"], facts["columns"]))
    assert result.warnings == () and abs(result["TV distortion"]) < 0.05
