# SPDX-License-Identifier: Apache-2.0
"""A profile makes its camera better, on surfaces it has never seen."""

import json
import warnings

import numpy as np
import pytest

from lichtbild.base.colour import D50_XYZ, adaptation, delta_e, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.base.spectra import light, natural, observer, smooth, to_xyz, weights
from lichtbild.capture.dcp import read_dcp
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.publish.dcp import write_dcp
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.quality.colours.polynomial import ellipsoids, fitted, terms
from lichtbild.quality.colours.profile import Answers, answers_of, fit, nearest_code, relit, white_of
from lichtbild.quality.colours.rendering import baked, rendered
from lichtbild.simulate.filters import known_filters

PHONE = known_filters("phone").curves
LAB = np.array(list(CLASSIC.values()))


def chart():
    """24 surfaces with the colours of the common chart, made rougher than the smoothest ones."""
    white = weights(light("D50")).sum(axis=1)
    xyz = np.array([np.maximum(v, 1e-4) for v in relit(LAB, "D50")]) * white / D50_XYZ
    return smooth(xyz, light("D50"))


def error(colour, answers):
    return delta_e(xyz_to_lab(rendered(colour, answers.camera, answers.neutral)), xyz_to_lab(answers.xyz))


@pytest.fixture(scope="module")
def made():
    return fit(*(answers_of(PHONE, natural(60, seed=5), name) for name in ("D65", "A")), name="Phone")


def test_the_table_helps_surfaces_that_were_not_fitted(made):
    plain = fit(*(answers_of(PHONE, natural(60, seed=5), name) for name in ("D65", "A"))).colour
    assert made.colour.illuminants == (17, 21)
    assert all(p.degree > 1 for p in made.parts)
    matrix = type(plain)(plain.illuminants, plain.colour, plain.forward)
    for name in ("A", "D65", "D50"):
        unseen = answers_of(PHONE, natural(80, seed=9), name)
        assert error(made.colour, unseen).mean() < 0.92 * error(matrix, unseen).mean()
        assert error(made.colour, unseen).mean() < 1.0


def test_the_error_left_out_is_the_error_unseen(made):
    for part in made.parts:
        unseen = answers_of(PHONE, natural(150, seed=11), part.light)
        assert part.left_out[part.degree] == pytest.approx(error(made.colour, unseen).mean(), rel=0.3)
        assert part.error.mean() < part.matrix_error.mean()


def test_greys_stay_grey_and_exposure_does_not_matter(made):
    for part in made.parts:
        grey = np.array([0.01, 0.18, 0.9])[:, None] * part.neutral
        np.testing.assert_allclose(
            rendered(made.colour, grey, part.neutral), [[0.01], [0.18], [0.9]] * D50_XYZ, rtol=2e-4
        )
        seen = answers_of(PHONE, natural(20, seed=2), part.light)
        one, half = (rendered(made.colour, k * seen.camera, seen.neutral) for k in (1.0, 0.5))
        np.testing.assert_allclose(half, one / 2, rtol=1e-4, atol=1e-6)


def test_the_colour_matrix_knows_white(made):
    for part in made.parts:
        white = weights(light(part.light)).sum(axis=1)
        np.testing.assert_allclose(part.colour @ white, part.neutral / part.neutral.max(), rtol=1e-9)
        np.testing.assert_allclose(part.forward.sum(axis=1), D50_XYZ, rtol=1e-9)


def test_an_eye_needs_no_table():
    eye = observer() @ np.array([[0.9, 0.2, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.8]]).T
    made = fit(answers_of(eye, natural(40), "D65"))
    assert made.parts[0].degree == 1
    assert made.colour.hue_sat == ()
    assert made.parts[0].error.max() < 0.01


def test_the_table_is_the_polynomial():
    seen = answers_of(PHONE, natural(60, seed=5), "A")
    balanced = seen.camera / seen.neutral
    forward, full = fitted(balanced, seen.xyz, 1), fitted(balanced, seen.xyz, 2)
    table = baked(forward, lambda c: terms(c, 2) @ full.T)
    assert table.table.shape == (1, 90, 30, 3)
    np.testing.assert_array_equal(table.table[0, :, 0], np.tile(np.float32([0, 1, 1]), (90, 1)))
    assert np.abs(np.diff(table.table[0, :, 1:], axis=0)).max() < 3  # no steps from hue to hue
    colour = fit(seen).colour
    direct = xyz_to_lab(terms(balanced, 2) @ full.T)
    through = xyz_to_lab(rendered(colour, seen.camera, seen.neutral))
    assert delta_e(direct, through).mean() < 0.1


def test_ellipsoids_are_delta_e():
    rng = np.random.default_rng(1)
    lab = rng.uniform([20, -40, -40], [90, 40, 40], (60, 3))
    by = rng.normal(0, 0.3, lab.shape)
    near = np.linalg.norm(np.einsum("kij,kj->ki", ellipsoids(lab), by), axis=1)
    np.testing.assert_allclose(near, delta_e(lab, lab + by), rtol=0.05)


def test_the_fit_is_at_the_lowest_place():
    seen = answers_of(PHONE, natural(30, seed=4), "A")
    balanced, wanted = seen.camera / seen.neutral, xyz_to_lab(seen.xyz)
    matrix = fitted(balanced, seen.xyz, 1)

    def cost(m):
        return np.sum(delta_e(xyz_to_lab(balanced @ m.T), wanted) ** 2)

    for row in range(3):
        for column in (0, 1):
            for by in (-0.02, 0.02):
                moved = matrix.copy()
                moved[row, column] += by
                moved[row, 2] -= by
                assert cost(moved) > cost(matrix)


def test_white_is_found_from_greys_that_are_not_quite_grey():
    for name in ("D65", "A"):
        seen = answers_of(PHONE, chart(), name)
        np.testing.assert_allclose(white_of(seen.camera, seen.xyz), seen.neutral, rtol=0.004)


def test_relighting_is_nearer_to_the_truth_than_not_relighting():
    rough = natural(80, seed=3)
    d50 = weights(light("D50")).sum(axis=1)
    lab = xyz_to_lab(to_xyz(rough, light("D50")) @ adaptation(d50, D50_XYZ).T)
    for name, share in (("A", 0.8), ("led", 0.6), ("fluorescent", 0.9)):
        truth = xyz_to_lab(answers_of(PHONE, rough, name).xyz)
        with_it, without = (delta_e(v, truth).mean() for v in (xyz_to_lab(relit(lab, name)), lab))
        assert with_it < share * without, name
    np.testing.assert_allclose(xyz_to_lab(relit(lab, "D50")), lab, atol=0.01)


def test_noise_does_not_buy_a_higher_degree():
    rng = np.random.default_rng(8)
    seen = answers_of(PHONE, chart(), "D65")
    noisy = Answers(seen.camera * rng.normal(1, 0.06, seen.camera.shape), seen.xyz, "D65", seen.neutral)
    assert fit(noisy).parts[0].degree < 3


@pytest.mark.parametrize(
    ("name", "code"),
    [("A", 17), ("3200K", 24), ("D50", 23), ("led", 23), ("D55", 20), ("D65", 21), ("9000K", 22)],
)
def test_lights_have_codes(name, code):
    assert nearest_code(name) == code


def test_what_cannot_be_fitted_is_refused():
    seen = answers_of(PHONE, chart(), "D65")
    with pytest.raises(InputError, match="9 patches are left"):
        fit(Answers(seen.camera[:9], seen.xyz[:9]))
    with pytest.raises(InputError, match="0 of the patches are grey"):
        fit(Answers(seen.camera[:15], seen.xyz[:15]))
    with pytest.raises(InputError, match="too near each other"):
        fit(seen, answers_of(PHONE, chart(), "6400K"))
    with pytest.raises(InputError, match="one or two"):
        fit()
    for curves in (PHONE[:, [1, 1, 1]], PHONE[:, [0, 0, 2]]):
        with pytest.raises(InputError, match="tells no colours apart"):
            fit(answers_of(curves, chart(), "D65"))


def test_a_table_for_one_light_only_keeps_its_meaning_in_the_file(tmp_path):
    surfaces = natural(40, seed=5)
    day, lamp = answers_of(PHONE, surfaces, "D65"), answers_of(PHONE, surfaces, "A")
    mixed = np.array([[1, 0.2, 0], [0.1, 1, 0.1], [0, 0.1, 1]])
    exact = Answers(lamp.xyz @ mixed, lamp.xyz, "A", D50_XYZ @ mixed)
    made = fit(day, exact)
    assert made.parts[0].degree == 1 < made.parts[1].degree
    read = read_dcp(write_dcp(tmp_path / "p.dcp", made.colour)).colour
    plain, table = (t.table for t in read.hue_sat)
    np.testing.assert_array_equal(table, made.parts[1].table.table)
    assert plain.shape == table.shape and (plain == np.float32([0, 1, 1])).all()


def test_the_file_says_the_same_as_the_profile(made, tmp_path):
    read = read_dcp(write_dcp(tmp_path / "p.dcp", made.colour)).colour
    seen = answers_of(PHONE, chart(), "D55")
    a, b = (rendered(c, seen.camera, seen.neutral) for c in (made.colour, read))
    np.testing.assert_allclose(a, b, atol=2e-5)


def unseen_surfaces(data_dir):
    path = data_dir / "calibration" / "spectral" / "training_spectral.json"
    table = json.loads(path.read_text())["spectral_data"]["data"]["main"]
    return np.array([table[f"{w}"] for w in range(380, 781, 5)]).T


def test_a_measured_camera_on_190_measured_surfaces(data_dir):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colour = pytest.importorskip("colour", reason="colour-science holds the surfaces of the chart")
    from lichtbild.quality.colours.metamerism import surfaces

    assert colour
    curves = read_sensitivities(data_dir / "calibration" / "spectral" / "nikon_d5100_380_780_5.json")
    made = fit(*(answers_of(curves, surfaces()[1], name) for name in ("A", "D65")))
    unseen = unseen_surfaces(data_dir)
    for name, most in (("A", 1.2), ("D65", 1.0)):
        assert error(made.colour, answers_of(curves, unseen, name)).mean() < most


def test_sensitivities_alone_are_enough(data_dir):
    curves = read_sensitivities(data_dir / "calibration" / "spectral" / "nikon_d5100_380_780_5.json")
    made = fit(*(answers_of(curves, natural(), name) for name in ("A", "D65")))
    unseen = unseen_surfaces(data_dir)
    for name, most in (("A", 1.2), ("D65", 1.0)):
        assert error(made.colour, answers_of(curves, unseen, name)).mean() < most
