# SPDX-License-Identifier: Apache-2.0
"""Noise of patches: planted noise comes back, and the eye sees what the filters say."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.base.image import RawFrame, Shot
from lichtbild.quality.greys.inside import inner_box, trendless
from lichtbild.quality.greys.noise import patches
from lichtbild.quality.greys.visual_noise import Viewing, seen, sensitivity, visual_noise
from lichtbild.quality.picture import Picture, picture_of

ONE = np.array([[[10.0, 10], [10, 137], [137, 137], [137, 10]]])


def grey(values):
    """A picture of the same values in every colour."""
    return Picture(np.repeat(np.asarray(values, np.float32)[..., None], 3, axis=2))


def ladder(levels, side=64, gap=8):
    """Boxes in a row, and a picture without noise."""
    light = np.zeros((side + 2 * gap, (side + gap) * len(levels) + gap))
    quads = []
    for k, level in enumerate(levels):
        left = gap + k * (side + gap)
        light[gap : gap + side, left : left + side] = level
        top, bottom, right = gap, gap + side - 1, left + side - 1
        quads.append([[top, left], [top, right], [bottom, right], [bottom, left]])
    return light, np.array(quads, float)


# ---- temporal and fixed


def test_planted_noise_comes_back():
    rng = np.random.default_rng(1)
    fixed = 0.0040 * rng.standard_normal((150, 150))
    slope = np.linspace(0, 0.05, 150)[:, None]  # uneven light is no noise
    pictures = [grey(0.5 + slope + fixed + 0.010 * rng.standard_normal((150, 150))) for _ in range(8)]
    found = patches(pictures, ONE)
    assert found["temporal noise · Y"] == pytest.approx(1.0, rel=0.01)
    assert found["fixed-pattern noise · Y"] == pytest.approx(0.40, rel=0.03)
    assert found["total noise · Y"] == pytest.approx(100 * math.hypot(0.010, 0.0040), rel=0.01)
    assert found["SNR · Y"] == pytest.approx(20 * math.log10(0.525 / 0.010), abs=0.2)
    assert not any(f.note for f in found.figures if f.name == "temporal noise")


def test_a_flickering_lamp_is_no_noise():
    rng = np.random.default_rng(2)
    pictures = [grey(0.5 + 0.02 * (-1) ** k + 0.004 * rng.standard_normal((150, 150))) for k in range(4)]
    found = patches(pictures, ONE)
    assert found["temporal noise · Y"] == pytest.approx(0.4, rel=0.02)
    assert "4 pictures, 8 are asked for" in next(f.note for f in found.figures if f.name == "temporal noise")


def test_one_picture_has_total_noise_only():
    rng = np.random.default_rng(3)
    found = patches([grey(0.3 + 0.01 * rng.standard_normal((150, 150)))], ONE)
    assert found["total noise · Y"] == pytest.approx(1.0, rel=0.03)
    assert math.isnan(found["temporal noise · Y"]) and math.isnan(found["dynamic range · Y"])
    assert any("cannot be told apart" in w for w in found.warnings)


def test_colours_are_measured_before_demosaicking():
    rng = np.random.default_rng(4)
    shot = Shot(Path("a.dng"), (150, 150), black=np.full((2, 2), 64, np.float32), white=1023.0)
    shot = replace(shot, neutral=(0.5, 1.0, 0.8))
    light = np.tile([[100.0, 200], [200, 160]], (75, 75))
    frames = [
        RawFrame(np.round(64 + light + 5 * rng.standard_normal((150, 150))).astype(np.uint16), shot)
        for _ in range(2)
    ]
    found = patches([picture_of(f) for f in frames], ONE)
    for colour, gain in (("R", 2), ("G", 1), ("B", 1.25)):  # white balance multiplies the noise
        noise = 100 * math.sqrt(25 + 1 / 12) / 959 * gain
        assert found[f"temporal noise · {colour}"] == pytest.approx(noise, rel=0.03), colour


# ---- dynamic range


def test_the_dynamic_range_of_the_model():
    """``σ² = S x + O``: the SNR is 1 at x = (S + √(S² + 4 O)) / 2."""
    rng = np.random.default_rng(5)
    shot, read = 5e-4, 1.2e-6
    levels = np.geomspace(0.002, 0.9, 12)
    light, quads = ladder(levels)
    pictures = [
        grey(light + np.sqrt(shot * light + read) * rng.standard_normal(light.shape)) for _ in range(8)
    ]
    found = patches(pictures, quads, luminance=levels * 90)  # in cd/m²: the figures are the same
    least = (shot + math.sqrt(shot**2 + 4 * read)) / 2
    assert found["dynamic range · Y"] == pytest.approx(math.log2(1 / least), abs=0.03)
    good = (100 * shot + math.sqrt(1e4 * shot**2 + 400 * read)) / 2
    assert found["dynamic range, 20 dB · Y"] == pytest.approx(math.log2(1 / good), abs=0.03)
    snr = next(c for c in found.curves if c.name == "SNR")
    expected = 20 * np.log10(levels / np.sqrt(shot * levels + read))
    np.testing.assert_allclose(snr.y, expected, atol=0.6)


def test_one_picture_gives_the_range_by_total_noise():
    """The fixed pattern that grows with the light is a term of its own."""
    rng = np.random.default_rng(12)
    shot, read, spread = 2e-4, 4e-6, 0.01
    levels = np.geomspace(0.004, 0.9, 14)
    light, quads = ladder(levels, side=100)
    sigma = np.sqrt(shot * light + read + (spread * light) ** 2)
    found = patches([grey(light + sigma * rng.standard_normal(light.shape))], quads)
    figure = next(f for f in found.figures if f.key == "dynamic range · Y")
    least = (shot + math.sqrt(shot**2 + 4 * (1 - spread**2) * read)) / (2 * (1 - spread**2))
    assert figure.value == pytest.approx(math.log2(1 / least), abs=0.1)
    assert abs(figure.value - math.log2(1 / least)) < 4 * figure.doubt < 0.4
    assert "by total noise" in figure.note and "below the darkest patch" in figure.note


def test_an_snr_that_is_never_reached():
    rng = np.random.default_rng(13)
    light, quads = ladder([0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
    found = patches([grey(light * (1 + 0.2 * rng.standard_normal(light.shape)))] * 1, quads)
    figure = next(f for f in found.figures if f.key == "dynamic range, 20 dB · Y")
    assert math.isnan(figure.value) and "never reaches 10" in figure.note


def test_in_a_photo_the_slope_of_the_tone_curve_counts():
    """Squaring a picture doubles noise and slope alike: the SNR stays, referred to the light."""
    rng = np.random.default_rng(6)
    levels = np.geomspace(0.05, 0.9, 10)
    light, quads = ladder(levels)
    noisy = [light + 0.004 * rng.standard_normal(light.shape) for _ in range(8)]
    straight = patches([grey(p) for p in noisy], quads, luminance=levels)
    bent = patches([grey(p**2) for p in noisy], quads, luminance=levels)
    assert bent["SNR · Y"] == pytest.approx(
        straight.curves[0].y[np.argmin(np.abs(levels - 0.18**0.5))], abs=0.4
    )
    photo = [replace(grey(p), decoding="sRGB") for p in noisy]
    found = {f.key: f for f in patches(photo, quads, luminance=levels).figures}
    assert (
        "at least" in found["dynamic range · Y"].note and "darkest patch" in found["dynamic range · Y"].note
    )
    # 20 dB at a level of 0.04 lies outside of the ladder; with more noise it lies inside
    loud = [
        replace(grey(p), decoding="sRGB")
        for p in (light + 0.02 * rng.standard_normal(light.shape) for _ in range(8))
    ]
    found = {f.key: f for f in patches(loud, quads, luminance=levels).figures}
    assert found["dynamic range, 20 dB · Y"].value == pytest.approx(math.log2(0.9 / 0.2), abs=0.1)


def test_clipped_patches_are_told_and_left_out():
    rng = np.random.default_rng(7)
    levels = [0.05, 0.1, 0.3, 0.8, 1.2]
    light, quads = ladder(levels)
    values = light + 0.01 * rng.standard_normal(light.shape)
    p = replace(grey(np.minimum(values, 1)), clipped=values >= 1)
    found = patches([p, p], quads)
    assert any("patch 5" in w for w in found.warnings)
    clipped = replace(p, clipped=np.ones(p.size, bool))
    assert math.isnan(patches([clipped, clipped], quads)["dynamic range · Y"])


def test_eight_bits_are_too_coarse_for_little_noise():
    rng = np.random.default_rng(8)
    p = replace(grey(0.3 + 0.0002 * rng.standard_normal((150, 150))), bits=8, decoding="sRGB")
    assert all("8 bits" in f.note for f in patches([p] * 2, ONE).figures if f.name == "total noise")


def test_refusals():
    flat = grey(np.full((150, 150), 0.5))
    with pytest.raises(InputError, match="no picture"):
        patches([], ONE)
    with pytest.raises(InputError, match="several sizes"):
        patches([flat, grey(np.zeros((80, 80)))], ONE)
    with pytest.raises(InputError, match="reaches out"):
        patches([flat], ONE + 100)
    with pytest.raises(InputError, match="at least 8 × 8"):
        patches([flat], ONE / 30)
    with pytest.raises(InputError, match="2 numbers for 1 patches"):
        patches([flat], ONE, luminance=[1, 2])


def test_flat_pictures_have_no_snr():
    found = patches([grey(np.full((150, 150), 0.5))] * 2, ONE)
    assert found["temporal noise · Y"] == 0 and math.isnan(found["SNR · Y"])


# ---- the box and the trend


def test_the_box_lies_inside_of_a_turned_patch():
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    quad = 100 + np.array([[-40.0, -40], [-40, 40], [40, 40], [40, -40]]) @ turn.T
    top, left, bottom, right = inner_box(quad, (200, 200))
    corners = np.array([[top, left], [top, right - 1], [bottom - 1, right - 1], [bottom - 1, left]]) - 100
    back = corners @ turn  # in the patch's own directions
    assert (np.abs(back) <= 40 + 1e-9).all() and np.abs(back).max() > 37


def test_a_trend_goes_and_noise_stays():
    y, x = np.mgrid[:60, :80]
    rest, taken = trendless(3 + 0.1 * y - 0.2 * x + 0.01 * y * x + 0.003 * x**2)
    assert taken == 6 and np.abs(rest).max() < 1e-9


# ---- visual noise


def white_noise(sigma=0.01, size=(128, 128), level=0.2, seed=9):
    rng = np.random.default_rng(seed)
    return level + sigma * rng.standard_normal((*size, 1)) * np.ones(3)


def test_no_noise_is_not_seen():
    assert seen(np.full((64, 64, 3), 0.3)).figure == pytest.approx(0, abs=1e-9)
    assert seen(np.full((64, 64, 3), 0.1845)).lightness == pytest.approx(50.04, abs=0.05)


def test_the_eye_filters_as_the_sum_over_frequencies_says():
    """Grey noise has no colour, and little of it passes L* nearly in a straight line (Parseval)."""
    found = seen(white_noise(0.002))
    per_degree = Viewing().per_degree
    assert per_degree == pytest.approx(60 / 2.54 * 100 * math.pi / 180)
    f = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None]) * per_degree
    passed = math.sqrt(float((sensitivity(f)[0] ** 2).mean()))
    slope = 116 / 3 * 0.2 ** (-2 / 3)
    assert found.deviations[0] == pytest.approx(0.002 * passed * slope, rel=0.03)
    assert max(found.deviations[1:]) < 1e-9


def test_the_sensitivities_by_hand():
    light, red, blue = sensitivity([0.0, 4.0, 10.0])
    assert light[0] == 0 and light[1] == 1
    assert light[2] == pytest.approx((10 / 4) ** 0.8 * math.exp(-0.2 * 6))
    assert red[0] == pytest.approx(1) and blue[0] == pytest.approx(1)
    assert red[2] == pytest.approx(
        (109.1413 * math.exp(-0.00038 * 10**3.4244) + 93.5971 * math.exp(-0.00367 * 10**2.1677)) / 202.7384
    )
    assert light[2] > red[2] > blue[2]  # fine colour is seen worst


def test_laws_of_seeing():
    patch = white_noise()
    base = seen(patch).figure
    assert seen(0.2 + 2 * (patch - 0.2)).figure == pytest.approx(2 * base, rel=0.05)
    near = [seen(patch, viewing=Viewing(distance=d)).figure for d in (60, 120, 240)]
    assert near[0] > near[1] > near[2]  # from afar one sees less
    same = seen(patch, viewing=Viewing(30, 200)).figure
    assert same == pytest.approx(base)  # half as far and half as large is the same
    smooth = 0.2 + (np.roll(patch, 1, 0) + np.roll(patch, -1, 0) + 2 * patch - 0.8) / 4
    assert seen(smooth).figure < base


def test_coloured_noise_shows_in_colour():
    rng = np.random.default_rng(10)
    patch = 0.2 + 0.01 * rng.standard_normal((128, 128, 3))
    for uniform in ("lab", "luv"):
        found = seen(patch, uniform=uniform)
        assert min(found.deviations) > 0.1
        a, b, c = found.deviations
        assert found.figure == pytest.approx(a + 0.852 * b + 0.323 * c)


def test_visual_noise_of_a_photo():
    rng = np.random.default_rng(11)
    light, quads = ladder([0.05, 0.2, 0.6])
    p = grey(light + 0.01 * rng.standard_normal(light.shape))
    found = visual_noise(p, quads, where="chart")
    assert found["visual noise · chart"] > found["visual noise at mid-grey · chart"] > 0
    assert "ISO" in found.conditions["method"] and "0.852" in found.conditions["weights"]
    blown = replace(p, clipped=np.ones(p.size, bool))
    assert math.isnan(visual_noise(blown, quads).figures[0].value)
    with pytest.raises(InputError, match="positive"):
        visual_noise(p, quads, viewing=Viewing(0, 100))


def test_a_raw_has_no_appearance():
    p = replace(grey(np.full((150, 150), 0.5)), space="camera")
    figure = visual_noise(p, ONE).figures[0]
    assert math.isnan(figure.value) and "develop it" in figure.note
