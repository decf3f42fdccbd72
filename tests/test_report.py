# SPDX-License-Identifier: Apache-2.0
"""Reports keep what was measured, scores are the written formula, and comparisons know what noise is."""

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.reports.compare import compare
from lichtbild.quality.reports.report import Outline, Report, Source, View, read_report
from lichtbild.quality.reports.score import AXES, points, read_table, score
from lichtbild.quality.result import Curve, Figure, Grid, Result, Swatch, unmeasured


def report(*figures, **own):
    """A small report with one of everything."""
    result = Result(
        "resolution",
        "Edge 1",
        figures or (Figure("MTF50", 0.25, "cy/px", "edge 1, Y", 0.002, "higher", "8-bit samples"),),
        {"angle": "5.7°"},
        (Curve("SFR", np.array([0, 0.5]), np.array([1, np.nan]), "frequency, cy/px", "SFR", "edge 1, Y"),),
        (Grid("light", np.array([[1.0, 2.0], [np.inf, 4.0]]), "EV"),),
        (Swatch("red", (42.0, 53.0, 28.0), (42.1, 53.4, 28.2), 0.3),),
        ("too few pixels",),
    )
    view = View(
        "a.dng",
        (30, 40),
        (Outline("edge 1", "edge", ((1.0, 1.0), (1.0, 9.0), (9.0, 9.0), (9.0, 1.0))),),
        b"jpeg",
    )
    made = Report(
        (result,), (Source("a.dng", "00ff", "Camera", "", "raw", (30, 40)),), "lichtbild 0", views=(view,)
    )
    return replace(made, **own)


def test_a_report_survives_json():
    old = report(score=score([Figure("MTF50", 0.25, "cy/px", "edge 1, Y")]), warnings=("a word",))
    back = Report.from_json(old.to_json())
    assert back.to_json() == old.to_json()
    r = back.results[0]
    assert r.figures == old.results[0].figures and r.swatches == old.results[0].swatches
    assert back.sources == old.sources and back.views == (replace(old.views[0], small=b""),)
    np.testing.assert_array_equal(r.curves[0].y, [1, np.nan])
    assert back.score is not None and back.score.version == old.score.version


def test_what_is_not_finite_is_null():
    text = report(unmeasured("DSNU", "e⁻", "needs dark frames")).to_json()
    document = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    figure = document["results"][0]["figures"][0]
    assert figure["value"] is None and figure["note"] == "needs dark frames"
    assert document["results"][0]["grids"][0]["values"] == [[1.0, 2.0], [None, 4.0]]
    assert math.isnan(Report.from_json(text)["DSNU"])


def test_a_report_depends_on_nothing_but_what_was_measured():
    assert report().to_json() == report().to_json()


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "is not JSON"),
        ("[]", "is not a report"),
        ('{"format": "else"}', "is not a report"),
        ('{"format": "lichtbild report", "version": 99}', "version 99"),
        ('{"format": "lichtbild report", "version": "1"}', "version 1"),
        ('{"format": "lichtbild report", "version": 1}', "damaged"),
        ('{"format": "lichtbild report", "version": 1, "results": [{"measure": 1}]}', "damaged"),
        (
            '{"format": "lichtbild report", "version": 1, "results": [{"measure": "m", "title": "t",'
            ' "figures": [{"name": "n", "value": 1, "better": "sideways"}]}]}',
            "damaged",
        ),
    ],
)
def test_what_is_no_report_is_refused(text, words, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_report(path)
    assert str(path) in str(caught.value)


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_report(tmp_path / "none.json")


def test_csv_is_a_line_a_figure_and_no_formula():
    rows = list(
        csv.DictReader(io.StringIO(report(Figure("=1+1", 2.5, "%"), unmeasured("b", "", "x,\ny")).to_csv()))
    )
    assert [r["name"] for r in rows] == ["'=1+1", "b"]
    assert (rows[0]["value"], rows[0]["unit"], rows[1]["value"], rows[1]["note"]) == ("2.5", "%", "", "x,\ny")


# ---- score


@pytest.mark.parametrize(
    "x, low, high, expected",
    [(0.2, 0.1, 0.3, 50), (0.0, 0.1, 0.3, 0), (9, 0.1, 0.3, 100), (3, 10, 0, 70), (20, 10, 0, 0)],
)
def test_points_are_linear_between_the_goals(x, low, high, expected):
    assert points(x, low, high) == pytest.approx(expected)


def goals(tmp_path, text):
    path = tmp_path / "goals.toml"
    path.write_text(text)
    return path


TWO = """version = "t 1"
[axes.sharpness]
weight = 3
[[axes.sharpness.metrics]]
figure = "MTF50"
unit = "cy/px"
where = "Y"
low = 0.1
high = 0.3
weight = 2
[[axes.sharpness.metrics]]
figure = "overshoot"
unit = "%"
low = 20
high = 0
[axes.noise]
[[axes.noise.metrics]]
figure = "visual noise"
low = 4
high = 0
"""


def test_the_score_is_the_weighted_mean(tmp_path):
    table = read_table(goals(tmp_path, TWO))
    figures = [
        Figure("MTF50", 0.2, "cy/px", "edge 1, Y"),
        Figure("MTF50", 0.3, "cy/px", "edge 2, Y"),
        Figure("MTF50", 0.26, "cy/px", "edge 3, Y"),  # the median: 80 points
        Figure("MTF50", 0.9, "cy/px", "edge 3, R"),  # another colour
        Figure("MTF50", 900.0, "LW/PH", "edge 3, Y"),  # another unit
        Figure("overshoot", 10.0, "%", "edge 1, Y"),  # 50 points
        Figure("visual noise", 1.0),  # 75 points
    ]
    s = score(figures, table)
    sharpness = (2 * 80 + 50) / 3
    assert s.axes[0].score == pytest.approx(sharpness)
    assert s.total == pytest.approx((3 * sharpness + 75) / 4)
    assert s.version == "t 1" and s.note == "" and s.axes[0].metrics[0].count == 3


def test_what_was_not_measured_is_said_and_the_others_count(tmp_path):
    table = read_table(goals(tmp_path, TWO))
    s = score([Figure("overshoot", 10.0, "%"), unmeasured("visual noise", "", "no patch")], table)
    assert s.total == s.axes[0].score == pytest.approx(50)
    assert math.isnan(s.axes[1].score)
    assert "not measured: MTF50" in s.axes[0].note and "noise" in s.note
    assert math.isnan(score([], table).total)


def test_a_lower_bound_is_judged_only_where_more_would_earn_the_same():
    def tone(ev, note=""):
        return score([Figure("dynamic range", ev, "EV", "steps, Y", note=note)]).axes[AXES.index("tone")]

    assert 0 < tone(9.0).score < 100
    bound = tone(9.0, "at least: the brightest patch is not full")
    assert math.isnan(bound.score) and "only a lower bound, not judged: dynamic range" in bound.note
    assert tone(12.5, "at least: the brightest patch is not full").score == 100


def test_the_built_in_table_has_five_axes_and_better_is_more():
    table = read_table()
    assert tuple(a.name for a in table.axes) == AXES
    for axis in table.axes:
        for g in axis.goals:
            assert points(g.low, g.low, g.high) == 0 and points(g.high, g.low, g.high) == 100


@pytest.mark.parametrize(
    "change, words",
    [
        (('version = "t 1"', ""), "version is missing"),
        (("low = 0.1", "low = 0.3"), "goals must differ"),
        (("low = 0.1", 'low = "a"'), "is no number"),
        (("low = 0.1", "lov = 0.1"), "did you mean low"),
        (("axes.noise", "axes.noize"), "did you mean noise"),
        (("weight = 2", "weight = -2"), "negative"),
        (("weight = 2", "weight = nan"), "is no number"),
        (('unit = "%"', "unit = 5"), "is no text"),
        (('figure = "overshoot"', ""), "figure is missing"),
        (("[axes.sharpness]", "[axes.sharpness"), "cannot be read"),
        ((TWO, 'version = "x"'), "there are no axes"),
        ((TWO, 'version = "x"\n[axes.tone]\nweight = 1'), "there are no metrics"),
    ],
)
def test_a_bad_table_of_goals_is_refused(tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        read_table(goals(tmp_path, TWO.replace(*change)))


# ---- comparison


def moved(old, new):
    return compare(report(*old), report(*new))


def test_the_same_report_does_not_move():
    assert compare(report(), report()) == ()


@pytest.mark.parametrize(
    "new, doubt, change",
    [
        (0.255, 0.002, None),  # 3 · √2 · 0.002 = 0.0085
        (0.259, 0.002, "better"),
        (0.241, 0.002, "worse"),
        (0.2529, 0.0, None),  # below the floor of 0.003 cy/px
        (0.2531, 0.0, "better"),
    ],
)
def test_moved_is_more_than_three_sigma_and_the_floor(new, doubt, change):
    a = Figure("MTF50", 0.25, "cy/px", "edge 1, Y", doubt, "higher")
    found = moved([a], [replace(a, value=new)])
    assert [m.change for m in found] == ([change] if change else [])


def test_less_may_be_better_and_neither_only_moves():
    a, b = Figure("ΔE00 mean", 3.0, "ΔE00", better="lower"), Figure("distortion", -1.0, "%")
    found = moved([a, b], [replace(a, value=2.0), replace(b, value=-2.0)])
    assert [m.change for m in found] == ["better", "moved"]
    assert str(found[0]) == "ΔE00 mean: 3 → 2 ΔE00 (better; noise is ±0.1)"


def test_figures_come_and_go():
    a, b = Figure("a", 1.0), Figure("b", 1.0)
    found = moved([a, b], [a, unmeasured("b", "", "clipped"), Figure("c", 1.0)])
    assert [(m.key, m.change) for m in found] == [("b", "disappeared"), ("c", "appeared")]


def test_a_small_value_without_doubt_and_unit_moves_by_a_percent():
    assert moved([Figure("x", 2.0)], [Figure("x", 2.019)]) == ()
    assert len(moved([Figure("x", 2.0)], [Figure("x", 2.021)])) == 1
