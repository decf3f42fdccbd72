# SPDX-License-Identifier: Apache-2.0
"""Colour filters: spectra to planes, tables from files, and colours that come back."""

import json

import numpy as np
import pytest

from lichtbild.base import spectra
from lichtbild.base.colour import D50_XYZ, D65, SRGB, adaptation, delta_e, xy_to_xyz, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.capture.illuminant import camera_to_d50, scaled
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.simulate.filters import KNOWN, Filters, known_filters, scene_colours

NM = np.arange(380, 781, 5)


def surfaces():
    """Smooth and not so smooth ones."""
    rng = np.random.default_rng(3)
    waves = np.cumsum(rng.normal(size=(30, 81)), axis=1) / 12
    return 1 / (1 + np.exp(-waves - rng.normal(size=(30, 1))))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("light", ["D65", "A", "led"])
def test_white_is_one_in_the_second_plane(name, light):
    filters = known_filters(name)
    np.testing.assert_allclose(filters.matrix(light).sum(axis=1)[1], 1, atol=3e-7)
    np.testing.assert_allclose(
        filters.of(np.ones((1, 81)), light)[0], filters.matrix(light).sum(axis=1), atol=3e-7
    )


def test_the_matrix_is_the_response_to_mixtures_of_the_bases():
    filters = known_filters("phone")
    rgb = np.random.default_rng(0).random((9, 3))
    np.testing.assert_allclose(rgb @ filters.matrix().T, filters.of(rgb @ spectra.bases()), atol=3e-7)


def test_matrices_have_seven_decimals_and_do_not_depend_on_scale():
    filters = known_filters("phone")
    made = filters.matrix("A")
    np.testing.assert_array_equal(made, np.round(made, 7))
    np.testing.assert_array_equal(made, Filters("scaled", filters.curves * 4).matrix("A"))


def test_yellow_is_red_and_green():
    rgb, ryb = known_filters("phone"), known_filters("ryyb")
    np.testing.assert_allclose(ryb.curves[:, 1], rgb.curves[:, 0] + rgb.curves[:, 1])
    np.testing.assert_array_equal(ryb.curves[:, [0, 2]], rgb.curves[:, [0, 2]])


@pytest.mark.parametrize("name", KNOWN)
def test_scene_colours_make_the_camera_see_the_spectra(name):
    filters = known_filters(name)
    rgb = scene_colours(filters, surfaces(), "fluorescent")
    got = rgb @ filters.matrix("fluorescent").T
    np.testing.assert_allclose(got, filters.of(surfaces(), "fluorescent"), atol=2e-6)


@pytest.mark.parametrize("name", ["phone", "ryyb"])
@pytest.mark.parametrize("light", ["A", "D65"])
def test_the_colour_of_the_file_gives_the_scene_back(name, light):
    filters = known_filters(name)
    rgb = np.random.default_rng(1).random((8, 3))
    matrix = filters.matrix(light)
    neutral = scaled(matrix.sum(axis=1))
    to_srgb = SRGB.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65))
    to_d50 = camera_to_d50(filters.colour(), neutral) / matrix.sum(axis=1).max()
    np.testing.assert_allclose(rgb @ matrix.T @ to_d50.T @ to_srgb.T, rgb, atol=1e-3)


def test_fitted_matrices_are_right_on_average_and_keep_white():
    filters = known_filters("phone")
    fitted = filters.colour(reflectances=surfaces())
    for k, light in enumerate(("A", "D65")):
        power = spectra.light(light)
        white, neutral = spectra.to_xyz(np.ones(81), power), filters.of(np.ones((1, 81)), light)[0]
        np.testing.assert_allclose(fitted.colour[k] @ white, neutral, atol=1e-5)
        np.testing.assert_allclose(fitted.forward[k].sum(axis=1), D50_XYZ, atol=1e-5)
        truth = spectra.to_xyz(surfaces(), power) @ adaptation(white, D50_XYZ).T
        got = filters.of(surfaces(), light) / neutral @ fitted.forward[k].T
        assert delta_e(xyz_to_lab(got), xyz_to_lab(truth)).mean() < 1.5


def test_a_light_without_a_code_is_refused():
    with pytest.raises(InputError, match="no code"):
        known_filters("phone").colour(("led",))
    with pytest.raises(InputError, match="expected 81"):
        known_filters("phone").matrix(np.ones(31))


def test_unknown_filters_are_named():
    with pytest.raises(InputError, match="did you mean phone"):
        known_filters("fone")


# ---- tables from files


def table(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "head",
    [
        ["nm,R,G,B"],
        ["wavelength;red;green;blue"],
        [],
        ["# a remark", "Wavelength (nm), R, G, B"],
        ["nm\tR\tG\tB"],
    ],
)
def test_a_table_is_read_as_it_was_written(tmp_path, head):
    curves = known_filters("phone").curves
    mark = ";" if head and ";" in head[0] else "\t" if head and "\t" in head[0] else ","
    lines = [mark.join(f"{v:.9f}" for v in (w, *row)) for w, row in zip(NM, curves, strict=True)]
    read = known_filters(table(tmp_path / "camera.csv", [*head, *lines]))
    np.testing.assert_allclose(read.curves, curves, atol=1e-8)
    assert read.name == "camera"


def test_columns_may_stand_in_any_order(tmp_path):
    lines = [f"{w / 1000},{w},{3 * w},{2 * w}" for w in range(400, 701, 10)]
    read = read_sensitivities(table(tmp_path / "c.csv", ["blue,nm,red,green", *lines]))
    np.testing.assert_allclose(read[64], [1, 2 / 3, 0.7 / 2100], rtol=1e-6)


def test_json_of_the_data_base(tmp_path):
    curves = known_filters("phone").curves
    main = {str(w): list(row) for w, row in zip(NM.tolist(), curves.tolist(), strict=True)}
    content = {"spectral_data": {"index": {"main": ["R", "G", "B"]}, "data": {"main": main}}}
    (tmp_path / "c.json").write_text(json.dumps(content))
    np.testing.assert_allclose(known_filters(tmp_path / "c.json").curves, curves, atol=1e-9)


def test_numbers_with_exponents_are_no_names(tmp_path):
    lines = [f"{w},{w * 1e-9:.3e},{w * 2e-9:.3e},{w * 3e-9:.3e}" for w in range(400, 701, 10)]
    read = read_sensitivities(table(tmp_path / "c.csv", lines))
    np.testing.assert_allclose(read[64], [1 / 3, 2 / 3, 1], rtol=1e-3)


def test_json_without_a_number_is_refused(tmp_path):
    main = {str(w): [1.0, 1.0, 1.0] for w in range(400, 701, 10)} | {"450": [1.0, float("nan"), 1.0]}
    content = {"spectral_data": {"index": {"main": ["R", "G", "B"]}, "data": {"main": main}}}
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="wavelength 450: a value is not finite"):
        read_sensitivities(tmp_path / "c.json")


def rows(change):
    lines = [f"{w},0.1,0.2,0.3" for w in range(400, 701, 10)]
    lines[5] = change or lines[5]
    return ["nm,R,G,B", *lines]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (rows("450,0.1,x,0.3"), "line 7, column G: 'x'"),
        (rows("450,0.1,0.2"), "line 7: 3 values"),
        (rows("450,0.1,nan,0.3"), "line 7, column G"),
        (rows("490,0.1,0.2,0.3"), "line 7: 490 nm after 440 nm"),
        (rows("430,0.1,0.2,0.3"), "line 7: 430 nm after 440 nm"),
        (rows("450,0.1,0.2,-0.3"), "line 7, column B: sensitivities reach from -0.3"),
        (rows(None)[:20], "covers 400 … 580 nm"),
        (["nm,R,G,X", *rows(None)[1:]], "no column, or more than one, for B"),
        (["nm,R,G,B"], "0 wavelengths"),
        (["{}"], "not a table"),
        (['{"a":' * 20000], "not a table"),
        (['{"spectral_data": {"index": {"main": ["X", "Y", "Z"]}}}'], "no column for R, G, B"),
        (rows("450;0,1;0,2;0,3"), "line 7, column R: '0,1' is not a number"),
    ],
)
def test_bad_tables_are_refused_by_line_and_column(tmp_path, lines, words):
    with pytest.raises(InputError, match=words):
        read_sensitivities(table(tmp_path / "bad.csv", lines))


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "bad.csv").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not text"):
        read_sensitivities(tmp_path / "bad.csv")
    with pytest.raises(InputError, match="no such file"):
        read_sensitivities(tmp_path / "absent.csv")


def test_measured_cameras_are_read(data_dir):
    for path in sorted((data_dir / "calibration" / "spectral").glob("*_380_780_5.json")):
        if path.name.startswith("iso"):
            continue
        seen = known_filters(path).matrix().sum(axis=1)
        assert 0.2 < seen[0] < 1.2
        assert 0.4 < seen[2] < 1.2
