# SPDX-License-Identifier: Apache-2.0
"""``lichtbild simulate chart``: what is printed and what is photographed holds the chart it says."""

import json

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.spectra import light, to_xyz
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.finding.find import find
from lichtbild.quality.picture import read_picture
from lichtbild.simulate.charts.paper import save_sheet
from lichtbild.simulate.charts.spectral import reflectances, spectral
from lichtbild.simulate.filters import known_filters
from lichtbild.tools.cli import call


def test_a_printed_chart_is_the_chart(tmp_path):
    path = save_sheet(CHARTS["steps"], (420, 594), tmp_path / "steps.png", dpi=150)
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    picture = read_picture(path)
    assert picture.decoding == "sRGB" and not picture.warnings
    (steps, *_) = found = find(picture)
    assert {f.chart for f in found} == {"steps"}
    levels = [_middle(picture, q) for q in steps.quads()]
    np.testing.assert_allclose(levels, steps.element.settings["luminance"], atol=0.004)
    assert picture.rgb[:6].min() > 0.99  # white paper around it
    (top, left), (bottom, right) = steps.at([1.003, 1.03], [0.01, 0.5]).astype(int)
    assert picture.luminance[top:bottom, left:right].min() < 0.5  # words


def _middle(picture, quad):
    y, x = quad.mean(axis=0).round().astype(int)
    return picture.luminance[y - 1 : y + 2, x - 1 : x + 2].mean()


def test_a_sixteen_bit_print_has_finer_levels(tmp_path):
    picture = read_picture(save_sheet(CHARTS["steps"], (300, 400), tmp_path / "steps.tif"))
    (steps, *_) = find(picture)
    levels = [_middle(picture, q) for q in steps.quads()]
    np.testing.assert_allclose(levels, steps.element.settings["luminance"], rtol=2e-3, atol=2e-5)


def test_prints_are_not_overwritten_unasked(tmp_path):
    path = tmp_path / "flat.png"
    save_sheet(CHARTS["flat"], (64, 96), path)
    with pytest.raises(ExportError, match="exists"):
        save_sheet(CHARTS["flat"], (64, 96), path)
    with pytest.raises(ExportError, match="none of"):
        save_sheet(CHARTS["flat"], (64, 96), tmp_path / "flat.gif")


def test_spectra_of_patches_have_their_colours():
    for name in ("colours", "colours140"):
        spectra = reflectances(CHARTS[name])["colours"]
        xyz = to_xyz(spectra, light("D50"))
        reference = np.array(CHARTS[name].elements[0].settings["reference"])
        np.testing.assert_allclose(
            116 * np.cbrt(np.maximum(xyz[:, 1], 0.008856)) - 16, reference[:, 0], atol=0.02
        )
        assert spectra.min() >= 0 and spectra.max() <= 1


def test_a_camera_sees_the_spectra_of_the_patches():
    filters = known_filters("phone")
    scene = spectral(CHARTS["colours"], filters, "A")["colours"]
    np.testing.assert_allclose(
        scene @ filters.matrix("A").T, filters.of(reflectances(CHARTS["colours"])["colours"], "A"), atol=1e-5
    )


def test_a_simulated_raw_holds_the_chart_and_says_where(tmp_path):
    path = tmp_path / "edges.dng"
    assert call(["simulate", "chart", "edges", "-o", str(path), "--size", "420x560", "--shake", "still"]) == 0
    truth = json.loads(path.with_suffix(".json").read_text())
    found = find(read_picture(path))
    for f, there in zip(found, truth["chart"]["elements"], strict=True):
        assert (f.element.kind, f.element.name) == (there["kind"], there["name"])
        np.testing.assert_allclose(f.quad(), there["corners"], atol=0.3)
        assert there["settings"]["tilt"] == 5


def test_several_frames_go_into_a_folder(tmp_path):
    args = ["-o", str(tmp_path / "many"), "--frames", "2", "--size", "120x160"]
    assert call(["simulate", "chart", "flat", *args]) == 0
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == [
        "frame_000.dng",
        "frame_001.dng",
        "truth.json",
        "truth.npz",
    ]
    assert call(["simulate", "chart", "flat", *args]) == 2  # not overwritten


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["chart", "leves", "-o", "x.png"], "did you mean leaves"),
        (["chart", "lab"], "-o FILE says where"),
        (["chart", "lab", "-o", "x.gif"], ".gif is no format for charts"),
        (["folder", "lab"], "takes one folder, or the word chart"),
        (["chart", "lab", "-o", "x.dng", "--lens", "plane"], "did you mean plain"),
    ],
)
def test_bad_words_are_answered(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(["simulate", *words]) in (2, 3)
    assert says in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_picture_without_its_chart_says_so(tmp_path):
    path = save_sheet(CHARTS["flat"], (80, 120), tmp_path / "flat.png")
    with pytest.raises(InputError, match=r"flat\.png is even all over"):
        find(read_picture(path))
