# SPDX-License-Identifier: Apache-2.0
"""The laboratory from picture to report: everything measured, repeats joined, trouble told, not fatal."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base.errors import InputError
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.elements import region
from lichtbild.quality.laboratory import measure, sight
from lichtbild.quality.picture import Picture, picture_of
from lichtbild.quality.reports.cautions import cautions, in_one
from lichtbild.quality.reports.joined import joined
from lichtbild.quality.reports.report import Report
from lichtbild.quality.sharpness.exact import exact_edge
from lichtbild.simulate.charts import painted, place

SIZE = (720, 960)


@pytest.fixture(scope="module")
def pictures():
    """Two frames of the lab chart by a linear camera."""
    scene = painted(place(CHARTS["lab"], SIZE[1] / SIZE[0]))
    burst, _ = simulate.burst(scene, size=SIZE, frames=2, iso=50, shake="still", lens="plain")
    return [picture_of(f) for f in burst.frames]


@pytest.fixture(scope="module")
def report(pictures):
    return measure(pictures)


def processed(picture):
    """The same as a camera's photo would be: balanced, bent by a tone curve, 8 bits."""
    bent = np.clip(picture.rgb / 0.9, 0, 1) ** np.float32(0.75)
    rgb = np.round(bent * 255) / 255
    return replace(picture, rgb=rgb.astype(np.float32), space="srgb", decoding="sRGB", bits=8, frame=None)


def test_every_part_of_the_chart_is_measured(report):
    assert {r.measure for r in report.results} == {"resolution", "texture", "tone", "noise", "colour"}
    assert sum("edge" in r.title.lower() for r in report.results) == 20
    keys = [(r.measure, f.key) for r, f in report.figures()]
    assert len(keys) == len(set(keys))
    assert report.conditions["Chart"].startswith("lab")
    assert report.conditions["Pictures"].startswith("2 ")
    names = {o.name for o in report.views[0].outlines}
    assert {"centre, left", "star", "leaves", "steps, 1", "colours, 24"} <= names
    assert report.views[0].small.startswith(b"\xff\xd8")


def test_a_linear_camera_is_linear(report):
    assert report["gamma of the tone curve"] == pytest.approx(1, abs=0.005)
    assert report["ΔE00 mean"] < 0.5
    assert abs(report["hallucination"]) < 0.03
    assert report["texture MTF50, cross · leaves, Y"] == pytest.approx(report["MTF50 · star, Y"], abs=0.04)


def test_the_score_judges_what_was_measured(report):
    axes = {a.name: a for a in report.score.axes}
    assert set(axes) == {"sharpness", "texture", "noise", "colour", "tone"}
    assert axes["colour"].score > 95 and axes["colour"].note == ""
    for axis in axes.values():
        assert 0 <= axis.score <= 100


def test_every_goal_of_the_score_is_a_figure_of_the_laboratory(pictures, report):
    known = {(f.name, f.unit) for _, f in report.figures()}
    known |= {(f.name, f.unit) for _, f in measure([processed(pictures[0])]).figures()}
    for axis in report.score.axes:
        for m in axis.metrics:
            assert (m.figure, m.unit) in known


def test_a_processed_photo_is_made_linear_through_its_greys(pictures, report):
    photo = measure([processed(pictures[0])])
    assert "greys of the chart" in photo.conditions["Linear light"]
    assert photo["gamma of the tone curve"] == pytest.approx(0.75, abs=0.02)
    sharp = [f.value for _, f in photo.figures() if f.name == "MTF50" and f.where.endswith("left, Y")]
    true = [f.value for _, f in report.figures() if f.name == "MTF50" and f.where.endswith("left, Y")]
    assert float(np.median(sharp)) == pytest.approx(float(np.median(true)), abs=0.02)
    assert not math.isnan(photo["visual noise"])


def test_one_bad_element_does_not_stop_the_others(pictures):
    first = pictures[0]
    star = next(f for f in sight(first).every if f.element.kind == "star")
    top, left, bottom, right = star.pixels()
    rgb = first.rgb.copy()
    rgb[top:bottom, left:right] = 0.3
    r = measure([replace(first, rgb=rgb)])
    assert any(w.startswith("star: ") for w in r.warnings)
    assert "MTF50 · star, Y" not in {f.key for _, f in r.figures()}
    assert not math.isnan(r["MTF50 · centre, left, Y"])


def test_repeats_are_the_same_chart_at_the_same_place(pictures):
    a, b = (sight(p) for p in pictures)
    assert a.repeats(b)
    moved = replace(pictures[1], rgb=np.roll(pictures[1].rgb, 6, axis=1))
    assert not a.repeats(sight(moved))
    assert not a.repeats(sight(processed(pictures[1])))
    assert not a.repeats(sight(replace(pictures[1], rgb=pictures[1].rgb * np.float32(1.05))))
    assert not sight(processed(pictures[0])).repeats(sight(processed(pictures[1])))  # of no known camera


def even(level=0.5, size=(200, 200)):
    noise = np.random.default_rng(0).normal(0, 0.005, (*size, 3))
    return Picture((level + noise).astype(np.float32), decoding="linear")


def test_regions_are_measured_without_a_chart():
    light = exact_edge((240, 200), 5.7, 0.8)
    picture = Picture(np.repeat(light.astype(np.float32)[..., None], 3, axis=2))
    r = measure([picture], rois=[region("edge", (60, 50, 180, 150))])
    assert r["MTF50 · edge 1, Y"] == pytest.approx(0.2201, abs=0.004)
    assert r.conditions["Chart"] == "regions given by hand"
    r = measure([even()], rois=[region("flat", (20, 20, 180, 180))])
    assert r["total noise · even greys, Y"] == pytest.approx(
        0.5 * np.sqrt(0.213**2 + 0.715**2 + 0.072**2), rel=0.03
    )


@pytest.mark.parametrize(
    "box, words", [((100, 100, 300, 150), "do not lie in"), ((0, 0, 10, 500), "do not lie in")]
)
def test_regions_outside_are_refused(box, words):
    with pytest.raises(InputError, match=words):
        measure([even()], rois=[region("flat", box)])


def test_a_region_needs_a_kind_that_a_place_describes():
    with pytest.raises(InputError, match="cannot be measured in a region alone"):
        region("leaves", (0, 0, 10, 10))


def test_nothing_to_measure_is_an_error():
    with pytest.raises(InputError, match="no picture"):
        measure([])
    with pytest.raises(InputError, match="even all over"):
        measure([Picture(np.full((200, 200, 3), 0.5, np.float32))])
    with pytest.raises(InputError, match="several sizes"):
        measure([even(), even(size=(100, 100))])


def test_reports_of_several_pictures_keep_their_places_apart(report):
    both = joined([report, report], ["a", "b"])
    keys = [(r.measure, f.key) for r, f in both.figures()]
    assert len(keys) == len(set(keys)) == 2 * len(list(report.figures()))
    assert any(f.where == "b, centre, left, Y" for _, f in both.figures())
    assert {o.name for o in both.views[1].outlines} >= {"b, star"}


def test_warnings_that_differ_in_numbers_are_said_once():
    assert in_one(["± 0.07 at 3", "± 0.1 at 3", "± 0.08 at 3"]) == "± 0.07 … 0.1 at 3"
    told = cautions(Report((), warnings=("noise ± 0.2", "dark", "noise ± 0.3")))
    assert [w for w, _ in told] == ["noise ± 0.2 … 0.3", "dark"]
