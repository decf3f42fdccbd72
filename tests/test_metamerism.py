# SPDX-License-Identifier: Apache-2.0
"""The sensor metamerism index against figures known for measured cameras."""

import sys

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.base.spectra import observer, resampled
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.quality.colours.metamerism import index
from lichtbild.simulate.filters import known_filters

NEEDED = "colour-science holds the surfaces of the standard"


def measured(name):
    colour = pytest.importorskip("colour", reason=NEEDED)
    table = colour.MSDS_CAMERA_SENSITIVITIES[name]
    return resampled(table.wavelengths, table.values)


@pytest.mark.parametrize(("name", "known"), [("Nikon 5100 (NPL)", 90.7), ("Sigma SDMerill (NPL)", 80.5)])
def test_the_index_of_measured_cameras(name, known):
    assert index(measured(name))["sensor metamerism index"] == pytest.approx(known, abs=0.3)


def test_the_index_of_our_phone():
    pytest.importorskip("colour", reason=NEEDED)
    result = index(known_filters("phone").curves, where="phone")
    assert result["sensor metamerism index"] == pytest.approx(92.5, abs=0.3)
    assert result.figures[0].key == "sensor metamerism index · phone"
    assert len(result.swatches) == 18


def test_the_floor_of_a_matrix():
    result = index(measured("Nikon 5100 (NPL)"))
    assert result["floor of a matrix under D65, mean"] == pytest.approx(0.87, abs=0.02)
    assert result["floor of a matrix under D65, largest"] == pytest.approx(2.88, abs=0.06)


def test_the_same_camera_from_a_file(data_dir):
    pytest.importorskip("colour", reason=NEEDED)
    curves = read_sensitivities(data_dir / "calibration" / "spectral" / "nikon_d5100_380_780_5.json")
    assert index(curves)["sensor metamerism index"] == pytest.approx(90.7, abs=0.3)


def surfaces():
    rng = np.random.default_rng(7)
    return 1 / (1 + np.exp(-np.cumsum(rng.normal(size=(20, 81)), axis=1) / 10))


def test_an_eye_has_index_100_whatever_its_matrix():
    mixed = observer() @ np.random.default_rng(2).random((3, 3)).T
    result = index(mixed, reflectances=surfaces(), others=surfaces())
    assert result["sensor metamerism index"] == pytest.approx(100, abs=1e-3)
    assert result["floor of a matrix under A, mean"] == pytest.approx(0, abs=1e-3)
    assert "not the surfaces" in result.figures[0].note


def test_scale_of_the_curves_is_free():
    curves = known_filters("phone").curves
    given = {"reflectances": surfaces(), "others": surfaces()}
    a, b = index(curves, **given), index(curves * [3, 0.2, 1], **given)
    assert a["sensor metamerism index"] == pytest.approx(b["sensor metamerism index"], abs=1e-3)


def test_a_colour_that_sees_nothing_is_refused():
    with pytest.raises(InputError, match="sees nothing"):
        index(np.eye(3)[:1].repeat(81, axis=0), reflectances=surfaces(), others=surfaces())


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "colour", None)
    with pytest.raises(InputError) as caught:
        index(known_filters("phone").curves)
    assert "lichtbild[lab]" in caught.value.hint
