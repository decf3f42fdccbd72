# SPDX-License-Identifier: Apache-2.0
"""Display: the transfer curve, the gamut and what desaturation keeps."""

from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.display import Display, display
from lichtbild.publish.order import deep, eight_bit


def scene(rgb, space="picture", white=1.0):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, space, Shot(Path("a.dng"), rgb.shape[:2]), Noise((0,) * 3, (0,) * 3), white=white)


def grey(light, **knobs):
    """What grey light is shown as."""
    row = np.repeat(np.float32(light)[None, :, None], 3, 2)
    out = display(scene(row, white=knobs.pop("white", 1.0)), Display(**knobs)).rgb[0]
    np.testing.assert_allclose(out[:, 0], out[:, 2], atol=2e-6)
    return out[:, 1]


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


# candela per square metre and signal: ITU-R BT.2408 and BT.2390, rounded there to a tenth of a per cent
@pytest.mark.parametrize(
    ("transfer", "candela", "signal"),
    [
        (
            "pq",
            [0.005, 1, 10, 26, 100, 203, 1000, 4000, 10000],
            [0.015, 0.150, 0.302, 0.376, 0.508, 0.581, 0.752, 0.903, 1],
        ),
        ("hlg", [26.0, 203, 1000], [0.38, 0.75, 1.0]),
    ],
)
def test_published_levels(transfer, candela, signal):
    light = np.array(candela) / 203
    np.testing.assert_allclose(grey(light, transfer=transfer, white=49.3), signal, atol=0.005)


@pytest.mark.parametrize("space", ["p3", "srgb", "rec2020"])
def test_pq_is_the_curve_of_st_2084(space):
    light = np.concatenate([[0], np.geomspace(1e-6, 10000 / 203, 500)])
    out = grey(light, transfer="pq", space=space, white=60.0)
    np.testing.assert_allclose(out, c.pq_encode(light * 0.0203), atol=1e-5)
    np.testing.assert_allclose(c.pq_decode(c.pq_encode(light)), np.minimum(light, 1), rtol=1e-8, atol=1e-12)
    assert (np.diff(out) >= 0).all()


@pytest.mark.parametrize("space", ["p3", "srgb", "rec2020"])
def test_hlg_is_undone_by_the_display_of_bt_2100(space):
    rng = np.random.default_rng(3)
    target = {"p3": c.P3, "srgb": c.SRGB, "rec2020": c.REC2020}[space]
    Y = target.to_xyz()[1]
    light = 0.3 + 0.7 * rng.uniform(0, 1, (1, 400, 3))  # well inside the gamut
    light *= np.geomspace(1e-3, 2, 400)[None, :, None]
    given = scene(light @ c.rgb_to_rgb(target, c.P3).T, white=4.9)
    photo = display(given, Display(space=space, transfer="hlg"))
    E = c.hlg_decode(photo.rgb)
    shown = E * (E @ Y)[..., None] ** 0.2 * 1000
    np.testing.assert_allclose(shown, light * 203, rtol=1e-3)
    assert grey([1.0], transfer="hlg", white=4.0, space=space) == pytest.approx(0.75, abs=5e-4)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_light_ends_at_the_white_of_the_scene(transfer):
    out = grey([0.5, 1, 2, 2.5, 3, 100], transfer=transfer, white=2.5)
    assert (np.diff(out[:4]) > 0).all() and out[3] == out[4] == out[5]
    sdr, hdr = grey([0.02, 0.2], transfer=transfer), grey([0.02, 0.2], transfer=transfer, white=4.9)
    np.testing.assert_allclose(sdr, hdr, atol=2e-6)  # the rest of the picture does not move


@pytest.mark.parametrize(
    ("bits", "dither"), [(8, False), (8, True), (10, False), (12, False), (16, False)]
)
def test_codes_of_any_width(bits, dither):
    rgb = np.random.default_rng(1).uniform(0, 1, (64, 96, 3)).astype(np.float32)
    rgb[0, :3, 0] = 0, 1, 0.5
    top = 2**bits - 1
    photo = Photo(rgb, "p3", Shot(Path("a.dng"), (64, 96)))
    made = eight_bit(photo, dither=dither) if bits == 8 else deep(photo, bits)
    assert made.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert made[0, 0, 0] == 0 and made[0, 1, 0] == top
    off = made.astype(float) - rgb.astype(float) * top
    assert np.abs(off).max() <= (1.0 if dither else 0.5) + 0.004 and abs(off.mean()) < 0.02
    if not dither:
        np.testing.assert_array_equal(made, np.floor(rgb * np.float32(top) + np.float32(0.5)))


def test_strange_values_and_states():
    out = display(scene([[[np.nan, 0, 0], [9, 9, 9], [-1, -1, -1], [1e30, -1e30, 0]]])).rgb[0]
    assert np.isfinite(out[1:]).all()
    np.testing.assert_allclose(out[1:3], [[1, 1, 1], [0, 0, 0]], atol=1e-6)
    with pytest.raises(StateError, match="grade it first"):
        display(scene([[[0, 0, 0]]], "rec2020"))
