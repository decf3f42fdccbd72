# SPDX-License-Identifier: Apache-2.0
"""Aspect: shapes, fields of view, and what the file says afterwards."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import tiff
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.capture.field import equivalent
from lichtbild.look.aspect import Aspect, aspect


def scene(height=120, width=160, **shot):
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rgb = np.stack([y, x, y * 0], -1)
    return Scene(
        rgb,
        "rec2020",
        Shot(Path("a.dng"), (height, width), **shot),
        Noise((0,) * 3, (0,) * 3),
        frames=rgb[::2, ::2, 0].copy(),
        clipped=(rgb[..., 1] % 8).astype(np.uint8),
    )


def known(f35):
    return {"exif": {"exif": {41989: f35}}}


def test_nothing_asked_is_the_same_object():
    given = scene(**known(24))
    assert aspect(given) is given
    assert aspect(given, Aspect(ratio=4 / 3)) is given
    assert aspect(given, Aspect(focal=24.0)) is given and aspect(given, Aspect(focal=20.0)) is given


@pytest.mark.parametrize(
    ("size", "ratio", "made"),
    [
        ((120, 160), 1.0, (120, 120)),
        ((120, 160), 65 / 24, (59, 160)),
        ((160, 120), 65 / 24, (160, 59)),
        ((160, 120), 24 / 65, (160, 59)),
        ((120, 120), 1.5, (80, 120)),
        ((59, 160), 1.5, (59, 88)),
        ((1, 1), 5.0, (1, 1)),
    ],
)
def test_the_shape_goes_along_the_longer_side_about_the_centre(size, ratio, made):
    out = aspect(scene(*size), Aspect(ratio=ratio))
    assert out.rgb.shape[:2] == made and out.shot.size == made and out.shot.crop is None
    centre = out.rgb[..., :2].mean((0, 1))
    np.testing.assert_allclose(centre, [(size[0] - 1) / 2, (size[1] - 1) / 2], atol=0.51)


def test_the_maps_go_with_the_picture():
    out = aspect(scene(), Aspect(ratio=2.0))
    np.testing.assert_array_equal(out.clipped, (out.rgb[..., 1] % 8).astype(np.uint8))
    np.testing.assert_allclose(out.frames, out.rgb[::2, ::2, 0])


@pytest.mark.parametrize("ratio", [0.0, 1.0, 65 / 24])
def test_the_field_is_that_of_the_focal_length(ratio):
    out = aspect(scene(1200, 1600, **known(24)), Aspect(ratio=ratio, focal=50.0))
    assert 24 * 2000 / math.hypot(*out.rgb.shape[:2]) == pytest.approx(50.0, rel=2e-3)
    assert equivalent(out.shot) == 50


def test_a_ratio_alone_lengthens_the_focal_length_the_file_tells():
    given = scene(**known(24))
    assert equivalent(aspect(given, Aspect(ratio=1.0)).shot) == round(24 * 200 / math.hypot(120, 120))
    assert equivalent(given.shot) == 24


def test_cutting_twice_is_cutting_once():
    given = scene(1200, 1600, **known(25))
    once = aspect(given, Aspect(focal=50.0))
    twice = aspect(aspect(given, Aspect(focal=35.0)), Aspect(focal=50.0))
    np.testing.assert_allclose(once.rgb.shape, twice.rgb.shape, atol=2)


def test_the_sensor_tells_what_the_file_does_not():
    """4.3 × 5.76 mm behind 5.6 mm: a telephone's camera."""
    per = tiff.numbers_field(tiff.RATIONAL, 160 / 5.76)
    exif = {"exif": {41486: per, 41488: 4}}
    given = scene(focal_length=5.6, exif=exif)
    assert equivalent(given.shot) == pytest.approx(5.6 * 43.2666 / 7.2, rel=1e-4)
    per_cm = replace(given.shot, exif={"exif": {41486: per, 41488: 3}})
    assert equivalent(per_cm) == pytest.approx(3.365, rel=1e-3)
    out = aspect(given, Aspect(focal=50.0))
    assert out.rgb.shape[0] == pytest.approx(120 * 33.652 / 50, abs=1)


def test_an_unknown_focal_length_is_said_and_the_field_stays():
    given = scene(focal_length=5.6)
    with pytest.warns(FallbackWarning, match="aspect.focal = 50 mm is not applied"):
        assert aspect(given, Aspect(focal=50.0)) is given
    with pytest.warns(FallbackWarning):
        assert aspect(given, Aspect(focal=50.0, ratio=1.0)).rgb.shape == (120, 120, 3)
