# SPDX-License-Identifier: Apache-2.0
"""Planted defects are found, each by its own figure, and a perfect picture with known noise has none."""

import math

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.artefacts import artefacts, estimated_sigma, extremes

SIGMA = 0.004
SHAPE = (256, 320)


def truth():
    """Grey bars of several widths, blurred over two pixels, and even parts."""
    x = np.arange(SHAPE[1])
    row = 0.2 + 0.5 * ((x // 20) % 2)
    row = np.convolve(np.pad(row, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    plane = np.tile(row, (SHAPE[0], 1))
    plane[SHAPE[0] // 2 :] = 0.2 + 0.5 * np.linspace(0, 1, SHAPE[1])
    return np.stack([plane * k for k in (0.9, 1.0, 0.8)], axis=2).astype(np.float32)


def noisy(light, seed=0):
    draw = np.random.default_rng(seed).normal(0, SIGMA, light.shape)
    return (light + draw).astype(np.float32)


def found(picture, light=None, **settings):
    light = truth() if light is None else light
    settings.setdefault("sigma", np.full(light.shape, SIGMA, np.float32))
    return artefacts(picture, light, **settings)


def moving():
    mask = np.zeros(SHAPE, bool)
    mask[40:90, 200:260] = True
    return mask


def test_noise_alone_is_no_artefact():
    r = found(noisy(truth()), moving=moving())
    assert r["ringing"] < 0.1 and r["false colour"] < 0.5
    moire = next(f for f in r.figures if f.name == "chroma moiré")
    assert moire.value < 3 * moire.doubt < 6
    assert r["ghosting"] < 0.1
    for c in "RGB":
        assert r[f"χ²/n · {c}"] == pytest.approx(1, abs=0.02)
        assert abs(r[f"z of bias · {c}"]) < 4


def test_ringing_is_how_far_it_overshoots():
    light = truth()
    y = light[..., 1]
    soft = np.stack([np.convolve(r, np.ones(5) / 5, "same") for r in y])
    sharpened = light + (0.6 * (y - soft))[..., None] * np.array([0.9, 1.0, 0.8], np.float32)
    sharpened[:, :4] = light[:, :4]
    sharpened[:, -4:] = light[:, -4:]
    clean, ringing = (found(noisy(p.astype(np.float32)))["ringing"] for p in (light, sharpened))
    overshoot = sharpened[: SHAPE[0] // 2, 20:-20].max() - light[: SHAPE[0] // 2, 20:-20].max()
    assert overshoot > 0.04 and ringing > 10 * max(clean, 0.01)
    assert 0.1 < ringing < 100 * overshoot / 0.5  # the RMS of an overshoot is less than its peak


def test_a_ghost_is_the_share_of_wrong_pixels():
    light, mask = truth(), moving()
    picture = noisy(light)
    picture[50:80, 210:250] += 0.3  # 1200 pixels of another frame
    r = found(picture, moving=mask)
    area = (50 + 12) * (60 + 12)  # the mask and 6 px around it
    assert r["ghosting"] == pytest.approx(100 * 1200 / area, rel=0.05)
    assert found(picture - 0.0, moving=np.roll(mask, 100, axis=0))["ghosting"] < 0.1


def test_colour_at_edges_is_false_colour_and_grey_error_is_not():
    light = truth()
    edge = np.abs(np.gradient(light[..., 1], axis=1)) > 0.05
    coloured, grey = light.copy(), light.copy()
    coloured[edge, 0] += 0.05
    grey[edge] += np.array([0.05, 0.05, 0.05], np.float32)
    colour, plain = (found(noisy(p))["false colour"] for p in (coloured, grey))
    assert colour > 3 and plain < 0.5


def test_moire_is_colour_that_the_truth_does_not_have():
    light = truth()
    wave = 0.05 * np.sin(2 * np.pi * 0.2 * np.arange(SHAPE[1]))[None, :]
    picture = light.copy()
    picture[..., 0] += wave.astype(np.float32)
    waves = found(noisy(picture))["chroma moiré"]
    assert waves > 10
    grey = (light + wave[..., None]).astype(np.float32)
    assert found(noisy(grey))["chroma moiré"] < 3


def test_bias_is_found_in_its_colour():
    picture = noisy(truth())
    picture[..., 2] *= np.float32(1.02)
    r = found(picture)
    assert r["bias · B"] == pytest.approx(2, abs=0.05) and abs(r["bias · R"]) < 0.05
    assert r["z of bias · B"] > 50


def test_noise_is_estimated_where_it_is_not_known():
    light = truth()
    still = np.ones(SHAPE, bool)
    sigma = estimated_sigma(noisy(light), light, still)
    assert float(np.median(sigma)) == pytest.approx(SIGMA, rel=0.05)
    r = found(noisy(light), sigma=None)
    assert r["χ²/n · G"] == pytest.approx(1, abs=0.1)
    assert r.conditions["noise"].startswith("estimated")


def test_pixels_that_do_not_count_do_not_count():
    light = truth()
    picture, valid = noisy(light), np.ones(SHAPE, bool)
    picture[200:, :] = 9
    valid[200:, :] = False
    r = found(picture, valid=valid)
    assert abs(r["bias · G"]) < 0.1 and r["ringing"] < 0.1


def test_nothing_moved_is_said_and_not_zero():
    r = found(noisy(truth()))
    assert math.isnan(r["ghosting"])
    assert next(f.note for f in r.figures if f.name == "ghosting") == "nothing moved"


@pytest.mark.parametrize(
    "picture, mask, words",
    [(np.zeros((10, 10, 3)), None, "10 × 10"), (truth(), np.ones(SHAPE, bool), "only 0 pixels")],
)
def test_what_cannot_be_compared_is_refused(picture, mask, words):
    with pytest.raises(InputError, match=words):
        found(picture.astype(np.float32), moving=mask)


def test_extremes_are_those_of_the_neighbourhood():
    plane = np.zeros((9, 9), np.float32)
    plane[4, 4] = 1
    low, high = extremes(plane, 2)
    assert high.sum() == 25 and low.sum() == 0 and high[2:7, 2:7].all()
