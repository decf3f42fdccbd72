# SPDX-License-Identifier: Apache-2.0
"""Display: the transfer curve, the gamut and what desaturation keeps."""

from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.publish.display import Display, display


def scene(rgb, space="picture"):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, space, Shot(Path("a.dng"), rgb.shape[:2]), Noise((0,) * 3, (0,) * 3))


def test_greys_get_the_srgb_curve():
    x = np.concatenate([np.linspace(0, 0.01, 200), np.linspace(0, 1, 500)])
    out = display(scene(np.repeat(x[None, :, None], 3, 2))).rgb[0]
    np.testing.assert_allclose(out, np.repeat(c.srgb_encode(x)[:, None], 3, 1), atol=2e-6)
    assert (np.diff(out[200:, 1]) >= 0).all()


@pytest.mark.parametrize("space", ["p3", "srgb"])
def test_what_fits_the_gamut_is_not_touched(space):
    target = {"p3": c.P3, "srgb": c.SRGB}[space]
    wanted = np.random.default_rng(0).uniform(0, 1, (10, 30, 3))
    photo = display(scene(wanted @ c.rgb_to_rgb(target, c.P3).T), Display(space=space))
    assert photo.space == space
    np.testing.assert_allclose(c.srgb_decode(photo.rgb), wanted, atol=3e-6)


@pytest.mark.parametrize("space", ["p3", "srgb"])
def test_what_does_not_fit_keeps_luminance_and_direction(space):
    target = {"p3": c.P3, "srgb": c.SRGB}[space]
    weights = target.to_xyz()[1]
    rgb = np.random.default_rng(1).uniform(-0.3, 1.3, (40, 50, 3))
    given = np.float32(rgb).astype(float) @ c.rgb_to_rgb(c.P3, target).T
    Y = given @ weights
    inside = (Y > 0.01) & (Y < 0.99)
    out = c.srgb_decode(display(scene(rgb), Display(space=space)).rgb)
    assert out.min() >= 0 and out.max() <= 1 + 1e-6
    np.testing.assert_allclose((out @ weights)[inside], Y[inside], atol=1e-5)
    a, b = (given - Y[..., None])[inside], (out - Y[..., None])[inside]
    np.testing.assert_allclose(np.cross(a, b), 0, atol=2e-5)
    assert ((a * b).sum(-1) >= -1e-6).all()


def test_strange_values_and_states():
    out = display(scene([[[np.nan, 0, 0], [9, 9, 9], [-1, -1, -1], [1e30, -1e30, 0]]])).rgb[0]
    assert np.isfinite(out[1:]).all()
    np.testing.assert_allclose(out[1:3], [[1, 1, 1], [0, 0, 0]], atol=1e-6)
    with pytest.raises(StateError, match="grade it first"):
        display(scene([[[0, 0, 0]]], "rec2020"))
