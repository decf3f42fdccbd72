# SPDX-License-Identifier: Apache-2.0
from functools import cache

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.picture import Picture
from lichtbild.quality.sharpness.star import modulation, response, star

FINE = 3  # samples of a pixel; the one in its middle is kept
# 144 cycles, contrast 0.6, Gaussian σ 0.8 px: published by the simulation this follows, mean of eight sectors
FREQUENCY = np.array([0.08, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40])
GOLDEN = np.array([0.9128, 0.8671, 0.7254, 0.5649, 0.4099, 0.2765, 0.1738, 0.1008])
CENTRE = (308.3, 306.6)


@cache
def drawn(cycles=144, size=616, centre=CENTRE, sigma=(0.8, 0.8), contrast=0.6):
    """A star, blurred and integrated over square pixels, exactly, by its spectrum."""
    at = (np.arange(size * FINE) - 1) / FINE
    angle = np.arctan2(-(at[:, None] - centre[0]), at - centre[1])
    fy, fx = np.fft.fftfreq(size * FINE, 1 / FINE), np.fft.rfftfreq(size * FINE, 1 / FINE)
    gain = [np.exp(-2 * (np.pi * s * f) ** 2) * np.sinc(f) for s, f in zip(sigma, (fy, fx), strict=True)]
    spectrum = np.fft.rfft2(0.5 * (1 + contrast * np.sin(cycles * angle))) * gain[0][:, None] * gain[1]
    return np.fft.irfft2(spectrum, (size * FINE,) * 2)[1::FINE, 1::FINE]


def truth(f, sigma=0.8):
    """Of the ring: the pixel's square averaged over all directions of the waves."""
    turn = np.linspace(0, np.pi / 2, 91)
    pixel = np.sinc(np.outer(f, np.cos(turn))) * np.sinc(np.outer(f, np.sin(turn)))
    return np.exp(-2 * (np.pi * sigma * f) ** 2) * pixel.mean(axis=1)


@pytest.mark.parametrize("guess", [CENTRE, (310.0, 305.0), (306.0, 309.0)])
def test_the_published_star(guess):
    found = modulation(drawn(), guess, 295, cycles=144)
    assert found.centre == pytest.approx(CENTRE, abs=0.01)
    measured = np.interp(FREQUENCY, found.frequency, found.mean) / 0.6
    np.testing.assert_allclose(measured, GOLDEN, atol=0.002)
    np.testing.assert_allclose(measured, truth(FREQUENCY), atol=0.001)
    assert np.abs(found.sectors / 0.6 - truth(found.frequency)[:, None])[found.frequency < 0.42].max() < 0.003


def test_the_contrast_of_the_chart_is_found_or_given():
    found = modulation(drawn(), CENTRE, 295, cycles=144)
    guessed, full = response(found)
    assert full[0] == pytest.approx(0.6, abs=0.001)
    given, _ = response(found, 0.6)
    np.testing.assert_allclose(guessed, given, atol=0.002)


def test_exposure_and_noise():
    dim = 37 * drawn()
    loud = dim * (1 + 0.02 * np.random.default_rng(0).standard_normal(dim.shape))
    a, b = (modulation(p, CENTRE, 295, cycles=144) for p in (drawn(), dim))
    np.testing.assert_allclose(a.mean, b.mean, atol=1e-9)
    c = modulation(loud, CENTRE, 295, cycles=144)
    k = c.frequency < 0.4
    assert np.abs(c.mean - a.mean)[k].max() < 0.01 and c.centre == pytest.approx(CENTRE, abs=0.02)


def picture(plane, **more):
    return Picture(np.repeat(np.asarray(plane, np.float32)[..., None], 3, axis=2), **more)


def test_the_figures_of_a_star_and_its_directions():
    f = np.linspace(0.05, 0.6, 5501)
    half, tenth = (float(np.interp(-v, -truth(f), f)) for v in (0.5, 0.1))
    result = star(picture(drawn()), CENTRE, 295, cycles=144, where="middle")
    assert result["MTF50 · middle, Y"] == pytest.approx(half, abs=0.001)
    assert result["MTF10 · middle, Y"] == pytest.approx(tenth, abs=0.002)
    assert result.warnings == () and len(result.curves) == 5
    smeared = star(picture(drawn(sigma=(0.5, 1.0))), CENTRE, 295, cycles=144, where="m")
    along = {name: smeared[f"MTF50 · m, Y, waves along {name}"] for name in "xy╲╱"}
    assert along["y"] > 1.3 * along["╲"] > 1.3 * along["x"]
    assert along["╲"] == pytest.approx(along["╱"], rel=0.01)
    assert any("directions differ" in w for w in smeared.warnings)


def test_a_missed_centre_and_wrong_cycles_are_told():
    for guess, cycles in (((CENTRE[0] + 11, CENTRE[1] - 8), 144), (CENTRE, 143)):
        told = star(picture(drawn()), guess, 285, cycles=cycles).warnings
        assert any("directions" in w for w in told), told
    told = star(picture(0.01 * drawn()), CENTRE, 295, cycles=144).warnings
    assert any("underexposed" in w for w in told)


def test_bad_stars():
    plane = picture(drawn())
    with pytest.raises(InputError, match="cut off"):
        star(plane, CENTRE, 320, cycles=144)
    with pytest.raises(InputError, match="too small"):
        star(plane, CENTRE, 45, cycles=144)
    with pytest.raises(InputError, match="no star of 96 cycles"):
        star(plane, CENTRE, 295, cycles=96)
    with pytest.raises(InputError, match="outside"):
        star(plane, (2000.0, 40.0), 60, cycles=144)
    clipped = star(picture(drawn(), clipped=drawn() > 0.7, bits=8), CENTRE, 295, cycles=144)
    assert any("clipped" in w for w in clipped.warnings) and any("8-bit" in w for w in clipped.warnings)
    assert "clipped" in clipped.figures[0].note
    short = star(plane, CENTRE, 120, cycles=144)
    assert any("normalisation is a guess" in w for w in short.warnings)
    soft = star(picture(drawn(cycles=36, sigma=(0.3, 0.3))), CENTRE, 295, cycles=36)
    assert np.isnan(soft.figures[1].value) and "does not cross" in soft.figures[1].note
