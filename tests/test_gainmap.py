# SPDX-License-Identifier: Apache-2.0
"""The gain map leads from the photo to the rendition of the same look on a brighter display."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.grade import Grade, grade
from lichtbild.look.look import looks
from lichtbild.publish.display import SPACES, Display, display
from lichtbild.publish.gainmap import Gainmap, gainmap

OFFSET = 1 / 64


def scene(rgb):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise((0,) * 3, (0,) * 3))


def smooth(h, w):
    """Light from -6 to +4 EV, hues that turn slowly; some colours beyond every gamut."""
    y, x = np.mgrid[:h, :w] / max(h, w)
    light = 0.18 * np.exp2(-6 + 10 * x)
    return light[..., None] * (1 + 0.6 * np.cos(6 * y[..., None] + [0, 2.1, 4.2]))


def of(look):
    return Grade(**looks[look].settings["grade"])


def photo_of(given, params, space="p3"):
    return display(grade(given, params), Display(space=space))


def shown(given, params, space, white):
    """Linear light of the look on a display up to `white`: its PQ picture, decoded."""
    made = display(grade(given, params, white=white), Display(space=space, transfer="pq"))
    return c.pq_decode(made.rgb) * 10000 / 203


def reached(photo, gain):
    """Where the map leads from the photo."""
    return (c.srgb_decode(photo.rgb.astype(float)) + OFFSET) * np.exp2(gain.astype(float)) - OFFSET


def lamps():
    """Coloured lamps: single Rec. 2020 colours and pairs of them with little of the rest, -3 to +5 EV."""
    hues = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0.5, 0], [0, 1, 0.8], [0.6, 0, 1], [1, 0.02, 0.4]])
    return hues[:, None] * 0.18 * np.exp2(np.linspace(-3, 5, 160))[:, None]


@pytest.mark.parametrize("space", list(SPACES))
@pytest.mark.parametrize("look", ["neutral", "natural", "vibrant", "mono"])
def test_at_full_size_it_leads_exactly_to_the_brighter_rendition(look, space):
    for light in (smooth(31, 300), lamps()):
        given, params = scene(light), of(look)
        photo = photo_of(given, params, space)
        made = gainmap(photo, given, params, Gainmap(scale="1")).gain
        bright = shown(given, params, space, 2**params.headroom)
        assert made.headroom == params.headroom and made.offset == OFFSET
        np.testing.assert_allclose(reached(photo, made.gain), bright, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_smaller_map_leads_there_within_two_per_cent_on_smooth_light(scale):
    given, params = scene(smooth(120, 400)), of("natural")
    photo = photo_of(given, params)
    gain = gainmap(photo, given, params, Gainmap(scale=str(scale))).gain.gain
    assert gain.shape == (120 // scale, 400 // scale, 3)
    bright = shown(given, params, "p3", 2**params.headroom)
    off = np.abs(reached(photo, gain.repeat(scale, 0).repeat(scale, 1)) - bright)
    assert (off / (bright + OFFSET)).max() < 0.01 * scale


def test_the_vignette_is_that_of_the_whole_picture():
    given = scene(np.full((81, 121, 3), 2.0))
    params = Grade(vignette=0.6)
    photo = photo_of(given, params)
    whole = gainmap(photo, given, params, Gainmap(scale="1")).gain.gain
    half = gainmap(photo, given, params, Gainmap(scale="2")).gain.gain
    means = whole[:80, :120].reshape(40, 2, 60, 2, 3).mean((1, 3))
    np.testing.assert_allclose(half[:40, :60], means, atol=2e-3)
    np.testing.assert_allclose(half[0, 0], half[0, 0, 0], atol=1e-4)
    assert half[20, 30, 1] > half[0, 0, 1] + 0.2


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 5), (7, 513), (2, 1030)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_any_size_and_what_the_border_cuts_off(size, scale):
    given = scene(np.random.default_rng(1).uniform(0, 4, (*size, 3)))
    params = Grade()
    gain = gainmap(photo_of(given, params), given, params, Gainmap(scale=str(scale))).gain.gain
    rows, columns = -(-size[0] // scale), -(-size[1] // scale)
    assert gain.shape == (rows, columns, 3) and np.isfinite(gain).all()
    corner = given.rgb[(rows - 1) * scale :, (columns - 1) * scale :].reshape(-1, 3).mean(0)
    alone = scene(corner[None, None])
    expected = gainmap(photo_of(alone, params), alone, params, Gainmap(scale="1")).gain.gain[0, 0]
    np.testing.assert_allclose(gain[-1, -1], expected, atol=2e-5)


@pytest.mark.parametrize("level", [0.02, 0.18, 1.0])
def test_noise_is_not_amplified(level):
    """Relative noise of the photo carried up by the map, against that of the brighter rendition itself."""
    rng = np.random.default_rng(2)
    given = scene(level * (1 + 0.05 * rng.standard_normal((200, 200, 3))))
    params = of("natural")
    photo = photo_of(given, params)
    gain = gainmap(photo, given, params).gain.gain.repeat(2, 0).repeat(2, 1)
    up = reached(photo, gain)
    itself = grade(given, params, white=2**params.headroom).rgb
    middle = np.s_[60:140, 60:140]  # without the vignette
    relative = [v[middle].std() / v[middle].mean() for v in (up, itself)]
    assert relative[0] < 1.05 * relative[1]
    assert gain[middle].std() < 0.05


def test_grey_is_one_gain_for_all_colours():
    given, params = scene(smooth(20, 60)), of("vibrant")
    photo = photo_of(given, params)
    gain = gainmap(photo, given, params, Gainmap(colours="grey", scale="1")).gain.gain
    np.testing.assert_array_equal(gain, gain[..., :1].repeat(3, 2))
    y = SPACES["p3"].to_xyz()[1]
    sdr, hdr = (shown(given, params, "p3", w) @ y for w in (1.0, 2**params.headroom))
    np.testing.assert_allclose(gain[..., 0], np.log2((hdr + OFFSET) / (sdr + OFFSET)), atol=2e-4)


def test_nothing_to_add_is_the_same_photo():
    given = scene(smooth(4, 8))
    photo = photo_of(given, Grade())
    assert gainmap(photo, given, Grade(headroom=0.0)) is photo
    assert gainmap(photo, given, Grade(), Gainmap(colours="none")) is photo
    for transfer in ("pq", "hlg"):
        bright = display(grade(given, Grade(), white=4.0), Display(space="rec2020", transfer=transfer))
        assert gainmap(bright, given, Grade()) is bright
    with pytest.raises(StateError):
        gainmap(photo, grade(given, Grade()), Grade())


def test_what_is_no_number_stays_local_and_out_of_the_map():
    rgb = smooth(16, 16).astype(np.float32)
    clean, params = scene(rgb), Grade()
    photo = photo_of(clean, params)
    spoilt = rgb.copy()
    spoilt[5, 6] = np.nan
    spoilt[9, 9] = np.inf
    a, b = (gainmap(photo, s, params).gain.gain for s in (clean, replace(clean, rgb=spoilt)))
    assert np.isfinite(b).all()
    same = np.ones((8, 8), bool)
    same[2, 3] = same[4, 4] = False
    np.testing.assert_array_equal(a[same], b[same])
