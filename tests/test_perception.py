# SPDX-License-Identifier: Apache-2.0
"""Metrics of appearance give the values that were published or measured elsewhere."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.errors import InputError
from lichtbild.quality.perception import (
    appearance,
    colorvideovdp,
    flip,
    psnr,
    pu21,
    pu_psnr,
    squares,
    ssim,
)

GOLDEN = {  # kodim23: PSNR, SSIM (Gaussian, sigma 1.5 px), FLIP, ColorVideoVDP for a 4K display
    "jpeg 90": (39.64, 0.9601, 0.0356, 9.962),
    "jpeg 50": (35.08, 0.9196, 0.0664, 9.795),
    "jpeg 20": (31.82, 0.8689, 0.1068, 9.294),
    "noise": (28.18, 0.5326, 0.0855, 9.246),
    "shift": (29.14, 0.8781, 0.0719, 8.939),
    "gain": (33.72, 0.9965, 0.1420, 9.932),
}


@pytest.fixture(scope="module")
def parrots(data_dir):
    return np.asarray(Image.open(data_dir / "demosaic" / "kodim23.png").convert("RGB"))


def damaged(picture, how):
    if how.startswith("jpeg"):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=int(how.split()[1]))
        return np.asarray(Image.open(file))
    if how == "shift":
        return np.roll(picture, 1, axis=1)
    changed = (
        picture * 1.05 if how == "gain" else picture + np.random.default_rng(0).normal(0, 10, picture.shape)
    )
    return np.clip(changed, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", GOLDEN)
def test_psnr_and_ssim_are_the_golden_ones(parrots, how):
    bad = damaged(parrots, how)
    assert psnr(bad, parrots, 255) == pytest.approx(GOLDEN[how][0], abs=0.006)
    assert ssim(bad, parrots, 255) == pytest.approx(GOLDEN[how][1], abs=0.0001)


@pytest.mark.parametrize("how", ["jpeg 50", "gain"])
def test_flip_is_the_golden_one(parrots, how):
    pytest.importorskip("flip_evaluator", reason="FLIP is an extra")
    assert flip(damaged(parrots, how) / 255, parrots / 255) == pytest.approx(GOLDEN[how][2], abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["shift"])
def test_colorvideovdp_is_the_golden_one(parrots, how):
    pytest.importorskip("pycvvdp", reason="ColorVideoVDP is an extra", exc_type=ImportError)
    value = colorvideovdp(damaged(parrots, how) / 255, parrots / 255)
    assert value == pytest.approx(GOLDEN[how][3], abs=0.02)


def test_pu21_is_the_published_curve():
    nits = np.array([0.005, 0.1, 1, 10, 100, 1000, 10000])
    expected = [0, 5.7171, 36.5439, 123.6475, 256.3839, 420.0969, 595.3939]
    np.testing.assert_allclose(pu21(nits), expected, atol=1e-3)


def test_the_same_is_perfect():
    picture = np.random.default_rng(1).uniform(size=(24, 30, 3))
    assert psnr(picture, picture) == math.inf == pu_psnr(picture, picture)
    assert ssim(picture, picture) == pytest.approx(1)


def test_ssim_of_even_pictures_is_its_formula():
    flat = np.full((20, 20), 0.5)
    assert ssim(flat + 0.1, flat) == pytest.approx((2 * 0.6 * 0.5 + 1e-4) / (0.36 + 0.25 + 1e-4))
    checks = np.indices((20, 20)).sum(axis=0) % 2 - 0.5
    assert ssim(0.5 + 0.2 * checks, 0.5 - 0.2 * checks) < -0.9


@pytest.mark.parametrize("a, b", [((9, 9), (9, 9)), ((20, 20), (20, 21))])
def test_ssim_refuses_what_it_cannot_compare(a, b):
    with pytest.raises(InputError, match="SSIM needs"):
        ssim(np.zeros(a), np.zeros(b))


def test_large_pictures_are_judged_in_squares():
    assert list(squares((300, 400))) == [(slice(0, 300), slice(0, 400))]
    cuts = list(squares((3000, 4000)))
    assert len(cuts) == 9 and cuts[0] == (slice(0, 512), slice(0, 512))
    assert cuts[-1] == (slice(2488, 3000), slice(3488, 4000))


def test_what_is_not_installed_is_said(monkeypatch):
    import sys

    for name in ("flip_evaluator", "pycvvdp"):
        monkeypatch.setitem(sys.modules, name, None)
    picture = np.random.default_rng(1).uniform(size=(24, 30, 3))
    r = appearance(picture * 0.9, picture, (picture**2, picture**2))
    assert r["SSIM"] < 1 and r["PU21-PSNR"] == math.inf
    notes = {f.name: f.note for f in r.figures if math.isnan(f.value)}
    assert set(notes) == {"FLIP", "ColorVideoVDP"}
    assert "lichtbild[metrics]" in notes["FLIP"]
