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


SPACES = {"p3": c.P3, "srgb": c.SRGB, "rec2020": c.REC2020}


def shown(rgb, space):
    """Linear light of `space` for light of Display P3."""
    return c.srgb_decode(display(scene(rgb), Display(space=space)).rgb)


def oklab(rgb, space):
    return c.xyz_to_oklab(rgb @ SPACES[space].to_xyz().T)


def ramps(hues, lightness, chroma):
    """Colours of Oklab, "hue lightness chroma 3", and the same as light of Display P3."""
    h, L, C = np.meshgrid(np.radians(hues), lightness, chroma, indexing="ij")
    lab = np.stack([L, C * np.cos(h), C * np.sin(h)], -1)
    return lab, c.oklab_to_xyz(lab) @ c.P3.from_xyz().T


def through(rgb, space):
    """Ramps as they are shown, in Oklab."""
    flat = np.ascontiguousarray(rgb.reshape(1, -1, 3))
    return oklab(shown(flat, space), space).reshape(rgb.shape)


def mapped(rgb, space):
    """The docstring's formula, in the space's own light; the ends by sixty halvings."""
    target = SPACES[space]
    luminance = target.to_xyz()[1]
    cones = c.XYZ_TO_LMS @ target.to_xyz()
    cones /= cones.sum(1, keepdims=True)
    lms = np.cbrt(rgb @ cones.T)
    lab = lms @ c.LMS_TO_OKLAB.T
    L = lab[..., 0]
    d = lms - L[..., None]

    def along(t):
        return (L[..., None] + t[..., None] * d) ** 3 @ np.linalg.inv(cones).T

    def end(raised, slack):
        a, b = np.zeros_like(L), np.full_like(L, 4.0)
        for _ in range(60):
            t = (a + b) / 2
            v = along(t)
            if raised:
                Y = (v @ luminance)[..., None]
                v = Y + (v - Y) / 0.85
            inside = (v.min(-1) >= -slack * L**3) & (v.max(-1) <= 1)
            a, b = np.where(inside, t, a), np.where(inside, b, t)
        return a

    e, s = end(False, 0.002), end(True, 0.0)
    C = np.hypot(lab[..., 1], lab[..., 2])
    cosine = (np.cos(np.radians(50)) * lab[..., 1] + np.sin(np.radians(50)) * lab[..., 2]) / C
    low, high = np.cos(np.radians(38)), np.cos(np.radians(20))
    skin = 0.15 / C * np.clip((cosine - low) / (high - low), 0, 1)
    s = np.maximum(s, np.minimum(skin, 0.98 * e))
    room, over = np.maximum(e - s, 0), 1 - s
    t = s + over * room / np.sqrt(room**2 + over**2 + 1e-20)
    return np.where((s >= 1)[..., None], rgb, np.clip(along(t), 0, 1))


@pytest.mark.parametrize("space", list(SPACES))
def test_gamut_equals_its_twin(space):
    rgb = np.random.default_rng(5).uniform(-0.2, 1.1, (60, 80, 3))
    given = np.float32(rgb).astype(float) @ c.rgb_to_rgb(c.P3, SPACES[space]).T
    lightness = c.xyz_to_oklab(given @ SPACES[space].to_xyz().T)[..., 0]
    inside = (lightness > 0.15) & (lightness < 0.99)
    off = np.abs(shown(rgb, space) - mapped(given, space))[inside]
    assert off.max() < 4e-3 and np.quantile(off, 0.99) < 2e-4


@pytest.mark.parametrize("space", list(SPACES))
def test_what_is_well_inside_is_not_touched(space):
    target = SPACES[space]
    wanted = np.random.default_rng(0).uniform(0, 1, (10, 300, 3))
    Y = (wanted @ target.to_xyz()[1])[..., None]
    raised = Y + (wanted - Y) / 0.849
    well = ((raised >= 0) & (raised <= 1)).all(-1)
    out = shown(wanted @ c.rgb_to_rgb(target, c.P3).T, space)
    assert well.sum() > 500
    np.testing.assert_allclose(out[well], wanted[well], atol=3e-6)
    lab, moved = oklab(wanted, space), oklab(out, space)
    C, D = (np.hypot(v[..., 1], v[..., 2]) for v in (lab, moved))
    assert (D <= C + 1e-5).all() and (D >= 0.93 * C - 1e-5).all()  # what fits at all loses little


@pytest.mark.parametrize("space", ["p3", "srgb"])
def test_hue_and_lightness_stay(space):
    lab, rgb = ramps(np.arange(0, 360, 15), np.linspace(0.2, 0.95, 11), np.linspace(0.02, 0.4, 39))
    out = through(rgb, space)
    real = (rgb @ c.rgb_to_rgb(c.P3, c.REC2020).T >= 0).all(-1) & (np.hypot(out[..., 1], out[..., 2]) > 0.02)
    turned = np.degrees(np.arctan2(out[..., 2], out[..., 1]) - np.arctan2(lab[..., 2], lab[..., 1]))
    turned = np.abs((turned + 180) % 360 - 180)
    assert real.sum() > 2000 and turned[real].max() < 0.5
    assert np.abs(out[..., 0] - lab[..., 0])[real].max() < 0.003


@pytest.mark.parametrize("space", list(SPACES))
def test_chroma_rises_without_steps(space):
    chroma = np.linspace(0, 0.35, 701)
    _, rgb = ramps(np.arange(0, 360, 10), np.linspace(0.2, 0.97, 12), chroma)
    out = through(rgb, space)
    step = np.diff(np.hypot(out[..., 1], out[..., 2]), axis=2)
    assert step.max() < 2 * chroma[1]
    assert np.quantile(step, 1e-3) > -1e-4 and step.min() > -0.004


def test_skin_is_never_touched():
    lab, rgb = ramps(np.arange(31, 70, 3), np.linspace(0.25, 0.88, 22), np.linspace(0.0, 0.12, 25))
    for space in SPACES:
        inside = oklab_room(rgb, space)
        off = np.abs(through(rgb, space) - lab).max(-1)
        assert inside.sum() > 3000 and off[inside].max() < 2e-5


def oklab_room(rgb, space):
    """Whether a colour of 1/0.97 the chroma would still fit."""
    lab = c.xyz_to_oklab(rgb @ c.P3.to_xyz().T) * [1, 1 / 0.97, 1 / 0.97]
    light = c.oklab_to_xyz(lab) @ SPACES[space].from_xyz().T
    return ((light >= 0) & (light <= 1)).all(-1)


def test_the_same_wherever_a_colour_stands_and_nan_stays_alone():
    rgb = np.random.default_rng(2).uniform(-0.3, 1.3, (1, 1000, 3)).astype(np.float32)
    whole = display(scene(rgb)).rgb
    np.testing.assert_array_equal(display(scene(rgb[:, 137:])).rgb, whole[:, 137:])
    rgb[0, 500] = np.nan
    spoilt = display(scene(rgb)).rgb
    np.testing.assert_array_equal(np.delete(spoilt, 500, 1), np.delete(whole, 500, 1))


def test_bright_lamps_go_to_white():
    lamp = np.float32([0.15, 0.3, 1.0]) * np.geomspace(0.05, 40, 400, dtype=np.float32)[:, None]
    lab = oklab(shown(lamp[None], "srgb"), "srgb")[0]
    assert (np.diff(lab[:, 0]) > -1e-4).all() and lab[-1, 0] == pytest.approx(1, abs=1e-3)
    assert np.hypot(lab[-1, 1], lab[-1, 2]) < 1e-3
    assert np.abs(np.diff(lab, axis=0)).max() < 0.03


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
