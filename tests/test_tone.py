# SPDX-License-Identifier: Apache-2.0
"""Tone: known curves come back, and are undone."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.greys.monotone import monotone
from lichtbild.quality.greys.tone import linearised, oecf, steps
from lichtbild.quality.picture import Picture

SIDE = 24


def photo(curve, luminance, noise=0.0, space="srgb"):
    """A ladder through a tone curve, clipped to what a file holds; and its quads."""
    rng = np.random.default_rng(1)
    light = np.repeat(np.repeat(np.asarray(luminance)[None], SIDE, 0), SIDE, 1)
    level = curve(light)[..., None] * np.ones(3) + noise * rng.standard_normal((*light.shape, 1))
    clipped = (level >= 1).any(axis=2) | (level < 0).any(axis=2)
    k = np.arange(len(luminance))[:, None, None]
    quads = np.array([[2, 2], [2, SIDE - 3], [SIDE - 3, SIDE - 3], [SIDE - 3, 2]]) + k * np.array([0, SIDE])
    return Picture(np.clip(level, 0, 1).astype(np.float32), space, "sRGB", 16, clipped), quads.astype(float)


LADDER = np.geomspace(0.002, 0.95, 20)


def test_a_picture_that_renders_nothing():
    p, quads = photo(lambda x: x, LADDER)
    found = steps(p, quads, LADDER)
    for name in (
        "gamma of the tone curve",
        "contrast of shadows",
        "contrast of mid-tones",
        "contrast of highlights",
    ):
        assert found[name] == pytest.approx(1, abs=1e-4)
    assert found["exposure error"] == pytest.approx(0, abs=1e-4)
    assert found["grey L*"] == pytest.approx(49.496, abs=0.01)
    assert found["steps told apart"] >= 17  # the darkest are closer than one L*
    assert not found.warnings


def test_a_power_is_a_slope():
    p, quads = photo(lambda x: x**1.3 * 0.9, LADDER)
    found = steps(p, quads, LADDER)
    assert found["gamma of the tone curve"] == pytest.approx(1.3, abs=0.001)


@pytest.mark.parametrize("ev", [-1.0, 0.0, 0.5])
def test_exposure_error(ev):
    p, quads = photo(lambda x: x * 2**ev, LADDER)
    assert steps(p, quads, LADDER)["exposure error"] == pytest.approx(ev, abs=1e-3)


def test_local_contrast_by_zone():
    """A curve that lifts the shadows and rolls off the highlights."""
    p, quads = photo(lambda x: 1.2 * x**0.8 / (0.2 + x**0.8), LADDER)
    found = steps(p, quads, LADDER)

    def slope(x):  # d log / d log
        return 0.8 * 0.2 / (0.2 + x**0.8)

    assert slope(0.7) < found["contrast of highlights"] < slope(0.36)
    assert slope(0.04) < found["contrast of shadows"] < 0.8
    assert found["contrast of shadows"] > found["contrast of mid-tones"] > found["contrast of highlights"]


def test_highlights_and_shadows_kept():
    luminance = 0.18 * 2.0 ** np.arange(-7, 8)  # 14 EV
    p, quads = photo(lambda x: x, luminance)
    found = steps(p, quads, luminance)
    assert found["highlight steps kept"] == pytest.approx(100 * 2 / 6)  # 0.36 to 0.72 to white
    compressed = lambda x: 0.98 * np.log2(1 + 100 * x) / math.log2(1 + 100 * 24)  # noqa: E731
    p, quads = photo(compressed, luminance)
    assert steps(p, quads, luminance)["highlight steps kept"] == 100
    p, quads = photo(compressed, luminance, noise=0.03)
    noisy = steps(p, quads, luminance)
    assert noisy["highlight steps kept"] == 100 and noisy["shadow steps kept"] < 50


def test_the_range_of_steps():
    luminance = 2.0 ** np.arange(-10, 4)
    p, quads = photo(lambda x: x, luminance, noise=0.004, space="camera")
    found = {f.name: f for f in steps(p, quads, luminance).figures}
    # told apart above 0.008 of difference: from 2^-7 … 2^-6 (0.0078) or the next to the clipped step at 1
    assert found["range of steps told apart"].value in (6, 7)
    assert found["headroom above grey"].value == pytest.approx(-math.log2(0.18), abs=0.02)
    assert "exposure error" not in found
    p, quads = photo(lambda x: x / 8.1, luminance)
    last = next(f for f in steps(p, quads, luminance).figures if f.name == "range of steps told apart")
    assert "at least" in last.note and "bright" in last.note


def test_clipping_is_told():
    luminance = 2.0 ** np.arange(-6, 3)
    p, quads = photo(lambda x: x - 0.02, luminance)
    told = steps(p, quads, luminance, where="ladder").warnings
    assert any("clipped: steps of luminance 2 and more" in w for w in told)
    assert any("black: steps of luminance 0.0156 and less" in w for w in told)


def test_a_curve_that_turns_is_told():
    p, quads = photo(lambda x: np.where(x > 0.4, 0.2, x), LADDER)
    assert any("came out darker" in w for w in steps(p, quads, LADDER).warnings)


def test_grey_that_is_not_there():
    luminance = np.geomspace(0.3, 0.9, 6)
    p, quads = photo(lambda x: x, luminance)
    found = steps(p, quads, luminance)
    assert math.isnan(found["exposure error"]) and math.isnan(found["shadow steps kept"])
    assert math.isnan(found["contrast of shadows"])


# ---- the curve and its inverse


def test_a_processed_photo_becomes_linear_again():
    """Contrast curve of a photo, undone at luminances that are on no step."""
    curve = lambda x: x**1.25 / (x**1.25 + 0.25 * (1 - x))  # noqa: E731
    p, quads = photo(curve, LADDER)
    found = oecf(p, quads, LADDER)
    test = np.geomspace(0.004, 0.9, 33)
    q, _ = photo(curve, test)
    got = linearised(q, found).rgb[SIDE // 2, SIDE // 2 :: SIDE, 1]
    np.testing.assert_allclose(got, test, rtol=0.01)
    assert "inverse tone curve" in linearised(q, found).decoding


def test_a_linear_picture_stays():
    p, quads = photo(lambda x: 0.5 * x, LADDER)
    found = linearised(p, oecf(p, quads, LADDER))
    np.testing.assert_allclose(found.rgb, 2 * p.rgb, rtol=1e-5)


def test_clipped_steps_are_not_in_the_curve():
    luminance = 2.0 ** np.arange(-6, 3)
    p, quads = photo(lambda x: x, luminance)
    assert oecf(p, quads, luminance).luminance.max() == 0.5
    with pytest.raises(InputError, match="needs three"):
        oecf(replace(p, clipped=np.ones(p.size, bool)), quads, luminance)


def test_refusals():
    p, quads = photo(lambda x: x, LADDER)
    with pytest.raises(InputError, match="20 steps and 19 luminances"):
        steps(p, quads, LADDER[1:])
    with pytest.raises(InputError, match="at least three"):
        steps(p, quads[:2], LADDER[:2])
    with pytest.raises(InputError, match="step 1 reaches out"):
        steps(p, quads - 50, LADDER)
    with pytest.raises(InputError, match="none below 0"):
        steps(p, quads, -LADDER)


def test_the_monotone_curve_is_the_public_one():
    interpolate = pytest.importorskip("scipy.interpolate", reason="its interpolant is the same")
    rng = np.random.default_rng(3)
    for _ in range(20):
        x = np.sort(rng.uniform(0, 1, 9))
        y = np.cumsum(rng.uniform(0, 1, 9)) if rng.uniform() < 0.5 else rng.uniform(0, 1, 9)
        at = np.linspace(x[0], x[-1], 101)
        ours, theirs = monotone(x, y), interpolate.PchipInterpolator(x, y)
        np.testing.assert_allclose(ours(at), theirs(at), atol=1e-12)
        np.testing.assert_allclose(ours.steepness(at), theirs.derivative()(at), atol=1e-9)
    assert monotone([0, 1], [0, 2])([-1, 0.5, 2]).tolist() == [-2, 1, 4]
