# SPDX-License-Identifier: Apache-2.0
"""A simulated camera photographs a chart of spectra: what the laboratory says is what the spectra say."""

import numpy as np
import pytest

from lichtbild.base.colour import D50_XYZ, adaptation, delta_e, xyz_to_lab
from lichtbild.base.spectra import light, natural, to_xyz, weights
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.colours.answers import answers_in, averaged
from lichtbild.quality.colours.colour import patches
from lichtbild.quality.colours.profile import Answers, answers_of, fit
from lichtbild.quality.colours.rendering import rendered
from lichtbild.quality.finding.find import find
from lichtbild.quality.picture import picture_of
from lichtbild.simulate.burst import burst
from lichtbild.simulate.charts import painted, place
from lichtbild.simulate.filters import known_filters, scene_colours

CHART = CHARTS["colours"]
(ELEMENT,) = CHART.of("colours")
SIZE = (608, 800)
BRIGHTEST = 0.8  # even areas in the top fifth of the range could be taken for saturation
GREYS = (1.0, 0.59, 0.36, 0.19, 0.09, 0.032)


def surfaces():
    """18 natural surfaces that the camera sees inside of what scene colours can be, and six greys."""
    many = natural(120, seed=21)
    inside = (scene_colours(known_filters("phone"), many, "A") > 0.002).all(axis=1)
    return BRIGHTEST * np.concatenate([many[inside][:18], np.array(GREYS)[:, None] * np.ones(81)])


def lab_of(reflectances, name):
    white = weights(light(name)).sum(axis=1)
    return xyz_to_lab(to_xyz(reflectances, light(name)) @ adaptation(white, D50_XYZ).T)


@pytest.fixture(scope="module", params=[("D65", "rggb"), ("A", "rggb"), ("D65", "ryyb")], ids="-".join)
def taken(request):
    """The light, the filters, the picture, and where its patches are."""
    name, cfa = request.param
    filters = known_filters("ryyb" if cfa == "ryyb" else "phone")
    colours = {ELEMENT.name: scene_colours(filters, surfaces(), name)}
    scene = painted(place(CHART, SIZE[1] / SIZE[0]), colours)
    shots, _ = burst(scene, size=SIZE, frames=1, iso=100, shake="still", light=name, cfa=cfa)
    picture = picture_of(shots.frames[0])
    (found,) = (f for f in find(picture) if f.element.kind == "colours")
    return name, filters, picture, found.quads()


def test_measured_colours_are_those_of_the_spectra_through_the_profile_of_the_file(taken):
    name, filters, picture, quads = taken
    measured = patches(picture, quads, lab_of(surfaces(), name))
    white = filters.of(np.ones((1, 81)), name)[0]
    exact = xyz_to_lab(rendered(picture.shot.colour, filters.of(surfaces(), name), white))
    assert delta_e([s.measured for s in measured.swatches], exact).max() < 0.6
    assert delta_e([s.measured for s in measured.swatches], exact).mean() < 0.2
    truth = delta_e(exact, lab_of(surfaces(), name))
    assert measured["ΔE00 mean"] == pytest.approx(truth.mean(), abs=0.15)
    assert measured["white balance error"] < 0.2
    assert measured.warnings == ()


def test_a_profile_of_the_photo_is_a_profile_of_the_camera(taken):
    name, filters, picture, quads = taken
    seen = answers_in(picture, quads, lab_of(surfaces(), "D50"), name)
    exact = answers_of(filters.curves, surfaces(), name)
    np.testing.assert_allclose(
        seen.answers.neutral / seen.answers.neutral.max(), exact.neutral / exact.neutral.max(), rtol=0.01
    )
    assert seen.veil < 0.002
    known = averaged([seen])
    found = fit(Answers(known.camera, exact.xyz, name, known.neutral))  # the colours under that very light
    unseen = answers_of(filters.curves, natural(150, seed=33), name)
    error = delta_e(xyz_to_lab(rendered(found.colour, unseen.camera, unseen.neutral)), xyz_to_lab(unseen.xyz))
    assert error.mean() < 1.2
