# SPDX-License-Identifier: Apache-2.0
"""Halation: light moves, none is made; it falls off as an exponential, round, red, alike at every size."""

from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.halation import Halation, halation


def scene(rgb, space="rec2020"):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, space, Shot(Path("a.dng"), rgb.shape[:2]), Noise((0,) * 3, (0,) * 3))


def lamp(height=300, width=400, radius=3.0, light=20.0, at=(0.5, 0.5)):
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(y - at[0] * (height - 1), x - at[1] * (width - 1)) <= radius
    return np.repeat(np.where(inside, light, 0.02)[..., None], 3, -1)


def test_none_is_the_same_object():
    given = scene(lamp())
    assert halation(given) is given


@pytest.mark.parametrize("size", [(300, 400), (301, 403), (64, 48)])
@pytest.mark.parametrize("radius", [0.1, 0.5, 2.0])
def test_no_light_is_made_or_lost(size, radius):
    given = lamp(*size)
    out = halation(scene(given), Halation(amount=0.3, radius=radius)).rgb
    np.testing.assert_allclose(out.sum((0, 1), dtype=float), given.sum((0, 1)), rtol=0.01)


def test_what_is_not_bright_stays():
    given = np.random.default_rng(1).uniform(-0.01, 0.18 * 2**1.5, (40, 50, 3))
    np.testing.assert_array_equal(halation(scene(given), Halation(amount=0.5)).rgb, np.float32(given))


def test_the_glow_falls_as_an_exponential_and_is_round():
    given = lamp(600, 800, radius=1.5, light=30.0)
    params = Halation(amount=0.3, radius=1.0, redness=0.0)  # 8 px
    glow = halation(scene(given), params).rgb[..., 0].astype(float) - 0.02
    y, x = np.mgrid[:600, :800]
    r = np.hypot(y - 299.5, x - 399.5)
    rings = [glow[(r >= d - 1) & (r < d + 1)] for d in (12, 20, 28, 36)]
    means = np.array([ring.mean() for ring in rings])
    np.testing.assert_allclose(means[1:] / means[:-1], np.exp(-1.0), rtol=0.12)
    assert all(ring.std() / ring.mean() < 0.12 for ring in rings[:3])


def test_red_glows_most():
    out = halation(scene(lamp()), Halation(amount=0.2, redness=0.6)).rgb
    glow = out[150, 210] - 0.02
    np.testing.assert_allclose(glow / glow[0], [1.0, 0.4, 0.16], rtol=0.01)
    grey = halation(scene(lamp()), Halation(amount=0.2, redness=0.0)).rgb
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], rtol=1e-6)


def test_a_large_and_a_small_rendering_glow_alike():
    def halved_twice(v):
        return v.reshape(150, 4, 200, 4, 3).mean((1, 3))

    fine, params = lamp(600, 800, radius=12.0), Halation(amount=0.2, radius=1.0, redness=0.0)
    small = halation(scene(halved_twice(fine)), params).rgb[..., 0]
    binned = halved_twice(halation(scene(fine), params).rgb)[..., 0]
    y, x = np.mgrid[:150, :200]
    around = np.hypot(y - 74.5, x - 99.5) > 6
    np.testing.assert_allclose(small[around], binned[around], rtol=0.06, atol=2e-3)


def test_a_lamp_at_the_edge_and_one_beyond_number():
    spoilt = lamp()
    spoilt[20, 20] = np.inf
    spoilt[40, 40] = np.nan
    out = halation(scene(spoilt), Halation(amount=0.2)).rgb
    assert (~np.isfinite(out)).any(-1).sum() == 2
    edge = halation(scene(lamp(at=(0, 0))), Halation(amount=0.2)).rgb
    assert np.isfinite(edge).all() and edge[8, 8, 0] > 0.03


def test_only_of_light():
    with pytest.raises(StateError):
        halation(scene(lamp(), "picture"), Halation(amount=0.1))
