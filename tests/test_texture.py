# SPDX-License-Identifier: Apache-2.0
from functools import cache

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.chart import Element, Found
from lichtbild.quality.leaves import drawn
from lichtbild.quality.picture import Picture
from lichtbild.quality.sharpness.registration import blurred, coarse_shift, register, resampled
from lichtbild.quality.sharpness.response import acutance, texture
from lichtbild.quality.sharpness.texture import ideal, leaves

SIDE, MARGIN = 384, 24
FREQUENCY = np.array([0.05, 0.1, 0.2, 0.3])


def element(seed=3, colour=False, r_min=1 / 450):
    facts = {"seed": seed, "r_min": r_min, "r_max": 0.35, "low": 0.35, "high": 0.65, "colour": colour}
    return Element("leaves", "leaves", (0.0, 0.0, 1.0, 1.0), facts)


@cache
def chart(shift=0.0, seed=3):
    """Leaves on square pixels, with a margin."""
    to_picture = np.array([[SIDE, 0, shift], [0, SIDE, shift], [0, 0, 1.0]])
    around = (-MARGIN, -MARGIN, SIDE + MARGIN, SIDE + MARGIN)
    return np.asarray(drawn(element(seed), to_picture, around), np.float64)


def cut(image):
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


def gauss(f, sigma=0.7):
    return np.exp(-2 * (np.pi * sigma * f) ** 2)


def noise(sigma, seed=0):
    return np.random.default_rng(seed).normal(0, sigma, chart().shape)


def measured(image, flat, reference=None):
    ideal_ = chart() if reference is None else reference
    return texture(cut(image), cut(ideal_), flats=[cut(flat)])


def at(one, which):
    return np.interp(FREQUENCY, one.frequency, getattr(one, which))


CLEAN = np.zeros((SIDE + 2 * MARGIN,) * 2)
# what is done to the picture, and the response that results; .976 .908 .679 .419 and so on are published
LINEAR = {
    "blur": (lambda p: p, gauss(FREQUENCY), 0.0),
    "noise": (lambda p: p, gauss(FREQUENCY), 0.01),
    "noise, then blurred": (lambda p: blurred(p, 1.0), gauss(FREQUENCY) * gauss(FREQUENCY, 1.0), 0.01),
    "sharpened": (lambda p: 2 * p - blurred(p, 1.0), gauss(FREQUENCY) * (2 - gauss(FREQUENCY, 1.0)), 0.0),
    "brighter": (lambda p: 3 * p + 0.2, gauss(FREQUENCY), 0.0),
}
PUBLISHED = {
    "blur": (0.976, 0.908, 0.679, 0.419),
    "noise, then blurred": (0.932, 0.752, 0.306, 0.072),
    "sharpened": (1.023, 1.07, 1.05, 0.767),
}
ACUTANCE = {"blur": 0.788, "noise, then blurred": 0.585, "sharpened": 0.992}


@pytest.mark.parametrize("case", LINEAR)
def test_a_linear_camera_has_one_response(case):
    treat, truth, sigma = LINEAR[case]
    image = treat(blurred(chart(), 0.7) + noise(sigma))
    one = measured(image, treat(noise(sigma, 1)))
    np.testing.assert_allclose(at(one, "cross"), truth, atol=0.01)
    np.testing.assert_allclose(at(one, "direct"), truth, atol=0.012)
    if case in PUBLISHED:
        np.testing.assert_allclose(at(one, "cross"), PUBLISHED[case], atol=0.012)
        direct, cross, _ = one.acutance(60)
        assert direct == pytest.approx(ACUTANCE[case], abs=0.005)
        assert cross == pytest.approx(ACUTANCE[case], abs=0.005)


def test_a_wide_blur_has_its_response_too():
    one = measured(blurred(chart(), 4.0), CLEAN + 0.5)
    np.testing.assert_allclose(at(one, "cross"), gauss(FREQUENCY, 4.0), atol=0.01)


def test_strong_noise_leaves_both_unbiased():
    direct, cross = [], []
    for k in range(4):
        one = measured(blurred(chart(), 0.7) + noise(0.03, k), noise(0.03, 50 + k))
        direct.append(at(one, "direct"))
        cross.append(at(one, "cross"))
    np.testing.assert_allclose(np.mean(cross, axis=0), gauss(FREQUENCY), atol=0.02)
    np.testing.assert_allclose(np.mean(direct, axis=0), gauss(FREQUENCY), atol=0.04)


def test_the_doubt_of_acutance_is_true():
    ones = [measured(blurred(chart(), 0.7) + noise(0.03, k), noise(0.03, 9)) for k in range(6)]
    spread = np.std([one.acutance()[1] for one in ones], ddof=1)
    told = np.mean([one.acutance()[2] for one in ones])
    assert 0.3 < spread / told < 2.5


@pytest.mark.parametrize("off", [0.15, 0.5, 5.4])
def test_misregistration_is_undone(off):
    one = measured(blurred(chart(off), 0.7), CLEAN)
    assert np.abs(one.registered.shift + off).max() < 0.05
    np.testing.assert_allclose(at(one, "cross"), gauss(FREQUENCY), atol=0.01)


def test_registration_follows_a_smooth_field():
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in chart().shape), indexing="ij")
    dy, dx = 0.3 + 0.4 * x - 0.3 * y * y, -0.2 + 0.3 * y + 0.2 * x * y
    bent = resampled(blurred(chart(), 1.0), dy, dx)
    laid = register(bent, blurred(chart(), 1.0))
    inner = (slice(30, -30), slice(30, -30))
    assert np.abs(laid.reference - bent)[inner].max() < 0.003 and laid.residual < 0.02
    one = measured(resampled(blurred(chart(), 0.7), dy, dx), CLEAN)
    np.testing.assert_allclose(at(one, "cross"), gauss(FREQUENCY), atol=0.02)
    assert coarse_shift(np.roll(chart(), (-7, 12), (0, 1)), chart()) == (7, -12)


def test_resampling_leaves_what_is_below_nyquist():
    x = np.arange(200.0)
    wave = np.repeat(np.cos(2 * np.pi * 0.36 * x)[None], 40, axis=0)
    moved = resampled(wave, np.zeros(wave.shape), np.full(wave.shape, 0.43))
    expected = np.cos(2 * np.pi * 0.36 * (x + 0.43))
    np.testing.assert_allclose(moved[:, 20:-20], np.repeat(expected[None, 20:-20], 40, axis=0), atol=2e-3)


def test_invented_detail_is_hallucination():
    """Fine structure of another chart in place of the true one: as lively, and wrong."""
    true, other = blurred(chart(), 0.7), blurred(chart(seed=8), 0.7)
    fake = blurred(true, 1.5) + other - blurred(other, 1.5)
    one = measured(fake, CLEAN)
    direct, cross, _ = one.acutance()
    honest = measured(true, CLEAN).acutance()
    assert direct - cross > 0.2
    assert abs(honest[0] - honest[1]) < 0.005


def test_acutance_weighs_as_the_eye():
    f = np.linspace(0, 0.5, 51)
    assert acutance(f, np.ones(51)) == pytest.approx(1)
    assert acutance(f, gauss(f), 60) == pytest.approx(0.788, abs=0.002)
    assert acutance(f, gauss(f), 120) > acutance(f, gauss(f), 60) > acutance(f, gauss(f), 20)


# ---- in a picture

MAP = np.array([[330.0, -11.0, 40.3], [11.0, 330.0, 30.7], [0.01, 0.02, 1]])
COARSE = 1 / 250  # smallest radius


@cache
def photographed(colour):
    """Blurred by σ = 0.6 px and integrated over pixels, from a drawing of four samples a pixel."""
    fine, n = 4, 384
    to_fine = np.array([[fine, 0, (fine - 1) / 2], [0, fine, (fine - 1) / 2], [0, 0, 1.0]]) @ MAP
    big = np.asarray(drawn(element(5, colour, COARSE), to_fine, (0, 0, n * fine, n * fine)), np.float64)
    planes = [big] * 1 if big.ndim == 2 else np.moveaxis(big, 2, 0)
    made = [blurred(p, 0.6 * fine).reshape(n, fine, n, fine).mean(axis=(1, 3)) for p in planes]
    return np.stack(made * (3 // len(made)), axis=2)


def system(f):
    turn = np.linspace(0, np.pi / 2, 91)
    pixel = np.sinc(np.outer(f, np.cos(turn))) * np.sinc(np.outer(f, np.sin(turn)))
    return gauss(f, 0.6) * pixel.mean(axis=1)


def test_a_photographed_chart_has_the_response_of_lens_and_pixel():
    rgb = photographed(False) + np.random.default_rng(0).normal(0, 0.01, (384, 384, 3))
    rgb[352:] = 0.5 + np.random.default_rng(1).normal(0, 0.01, (32, 384, 3))
    moved = np.add(MAP, [[0, 0, 1.6], [0, 0, -0.9], [0, 0, 0]])
    result = leaves(
        Picture(rgb.astype(np.float32)),
        Found(element(5, False, COARSE), moved),
        flats=[(352, 0, 384, 384)],
        where="a",
    )
    for curve in result.curves:
        np.testing.assert_allclose(np.interp(FREQUENCY, curve.x, curve.y), system(FREQUENCY), atol=0.012)
    f = np.linspace(0, 0.5, 501)
    assert result["acutance, cross · a, Y"] == pytest.approx(acutance(f, system(f)), abs=0.005)
    assert result["acutance, direct · a, Y"] == pytest.approx(acutance(f, system(f)), abs=0.005)
    assert abs(result["hallucination · a, Y"]) < 0.005
    half = float(np.interp(-0.5, -system(f), f))
    assert result["texture MTF50, cross · a, Y"] == pytest.approx(half, abs=0.005)
    assert result.warnings == ()


def test_colours_are_compared_with_their_own_mixture():
    mix = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
    result = leaves(
        Picture((photographed(True) @ mix.T).astype(np.float32)), Found(element(5, True, COARSE), MAP)
    )
    f = np.linspace(0, 0.5, 501)
    half = float(np.interp(-0.5, -system(f), f))
    for where in ("Y", "R−G", "B−G"):
        assert result[f"texture MTF50, cross · leaves, {where}"] == pytest.approx(half, abs=0.012)
    missing = [x for x in result.figures if np.isnan(x.value)]
    assert {x.name for x in missing} == {"acutance, direct", "hallucination"}
    assert all("no flat patch" in x.note for x in missing)


def test_the_ideal_picture_lies_where_it_should():
    box = (90, 90, 290, 290)
    made = ideal(Found(element(5, False, COARSE), MAP), box)[0]
    laid = register(photographed(False)[90:290, 90:290, 0], made)
    assert np.abs(laid.shift).max() < 0.02 and made.mean() == pytest.approx(
        photographed(False)[90:290, 90:290].mean(), abs=1e-3
    )


def test_bad_textures():
    rgb = photographed(False).astype(np.float32)
    with pytest.raises(InputError, match="nothing in common"):
        leaves(Picture(rgb), Found(element(99), MAP))
    with pytest.raises(InputError, match="at least 96"):
        leaves(Picture(rgb[:120]), Found(element(5, False, COARSE), MAP))
    with pytest.raises(InputError, match="too small"):
        texture(np.zeros((50, 50)), np.zeros((50, 50)))
    with pytest.raises(InputError, match="does not fit"):
        texture(np.zeros((100, 100)), np.zeros((100, 110)))
    with pytest.raises(InputError, match="finite"):
        texture(np.full((100, 100), np.nan), np.zeros((100, 100)))
    with pytest.raises(InputError, match="flat patch"):
        measured(chart(), np.zeros((52, 52)))
    small = Found(element(5, False, COARSE), MAP)
    bright = rgb.copy()
    bright[:20, :60] = 0.9
    clipped = Picture(bright, bits=8, clipped=np.asarray(rgb[..., 0] > 0.6))
    told = leaves(clipped, small, flats=[(0, 0, 20, 60)])
    assert all(any(w in x for x in told.warnings) for w in ("clipped", "8-bit", "not as bright"))
    assert "clipped" in told.figures[1].note
