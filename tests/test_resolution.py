# SPDX-License-Identifier: Apache-2.0
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.base.image import GRBG, RawFrame, Shot
from lichtbild.quality.picture import Picture
from lichtbild.quality.sharpness.exact import exact_edge, exact_mtf
from lichtbild.quality.sharpness.resolution import edge, mosaic_edge
from lichtbild.quality.sharpness.sfr import first_below, sfr
from lichtbild.quality.sharpness.slanted import METHODS, find_edge

ANGLES = (3, 5.7, 8.1)
SIGMAS = (0.3, 0.5, 0.8, 1.2)

# What the steps of sfrmat5 v1 (P. Burns, 2023), run in Octave, give for `exact_edge((120, 100), angle, σ)`:
# the response at k = 5, 10, 20, 30, 40, 49 of its 400 bins
# fmt: off
SFRMAT5 = {
    (0.3, 3): (0.99164, 0.96606, 0.86899, 0.72659, 0.56293, 0.41754),
    (0.3, 5.7): (0.99159, 0.96585, 0.86813, 0.72459, 0.55925, 0.41181),
    (0.3, 8.1): (0.99149, 0.96545, 0.86674, 0.72218, 0.55648, 0.40988),
    (0.5, 3): (0.98382, 0.93591, 0.76544, 0.54602, 0.33870, 0.19524),
    (0.5, 5.7): (0.98372, 0.93556, 0.76428, 0.54401, 0.33599, 0.19169),
    (0.5, 8.1): (0.98353, 0.93484, 0.76193, 0.54033, 0.33221, 0.18920),
    (0.8, 3): (0.96505, 0.86652, 0.56245, 0.27290, 0.09861, 0.03068),
    (0.8, 5.7): (0.96483, 0.86573, 0.56039, 0.27065, 0.09713, 0.02977),
    (0.8, 8.1): (0.96445, 0.86438, 0.55689, 0.26687, 0.09475, 0.02881),
    (1.2, 3): (0.92776, 0.74016, 0.29941, 0.06605, 0.00792, 0.00070),
    (1.2, 5.7): (0.92729, 0.73865, 0.29696, 0.06485, 0.00766, 0.00066),
    (1.2, 8.1): (0.92655, 0.73631, 0.29322, 0.06302, 0.00728, 0.00061),
}
PUBLISHED_MTF50 = {0.3: (0.4377, 0.4388), 0.5: (0.3213, 0.3215), 0.8: (0.2197, 0.2198), 1.2: (0.1519, 0.1519)}

# The same on three noisy 8-bit edges, 343 rows × 124 columns (the size and the levels of its own example):
# angle, sigma, falling; order 5 with Tukey, then order 1 with Hamming windows, at k = 5, 10 … 60 of 496
GRAINY = {
    (5.49, 0.7, False): ((0.98370, 0.92580, 0.72874, 0.49907, 0.30978, 0.16726, 0.04338),
                         (0.98383, 0.92643, 0.73205, 0.50110, 0.31677, 0.18182, 0.04243)),
    (-5.49, 0.7, True): ((0.97914, 0.93011, 0.74848, 0.51760, 0.29089, 0.13522, 0.09347),
                         (0.97927, 0.93002, 0.74984, 0.51566, 0.28971, 0.13117, 0.09660)),
    (4.2, 0.45, False): ((0.99365, 0.95442, 0.85682, 0.67903, 0.53256, 0.41007, 0.24292),
                         (0.99289, 0.95482, 0.85785, 0.68529, 0.54445, 0.41702, 0.24956)),
}
# fmt: on


def grain(shape):
    """Noise of unit variance from integers alone: the same on every machine."""
    n = np.arange(4 * shape[0] * shape[1], dtype=np.uint64).reshape(4, *shape)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        n = ((n ^ (n >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    n ^= n >> np.uint64(15)
    return (n / 2**32 - 0.5).sum(axis=0) * np.sqrt(3)


def grainy(angle, sigma, falling):
    clean = exact_edge((343, 124), angle, sigma, low=75, high=155)
    return np.floor((clean[:, ::-1] if falling else clean) + 3 * grain((343, 124)) + 0.5)


def picture(plane, **more):
    rgb = np.repeat(np.asarray(plane, np.float32)[..., None], 3, axis=2)
    return Picture(np.ascontiguousarray(rgb), **more)


def error(result, angle, sigma):
    k = (result.frequency >= 0.02) & (result.frequency <= 0.5)
    return np.abs(result.value[k] - exact_mtf(result.frequency[k], angle, sigma)).max()


def test_the_exact_edge_is_what_fine_sampling_tends_to():
    angle, sigma, n = 12.0, 0.6, 32
    fine = (np.arange(20 * n) + 0.5) / n - 10
    u = fine * np.cos(np.radians(angle)) + fine[:, None] * np.sin(np.radians(angle))
    step = 0.5 * np.vectorize(math.erfc)(-u / sigma / math.sqrt(2))
    sampled = 0.2 + 0.6 * step.reshape(20, n, 20, n).mean(axis=(1, 3))
    np.testing.assert_allclose(exact_edge((20, 20), angle, sigma), sampled, atol=5e-5)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("angle", ANGLES)
def test_iso2023_agrees_with_the_reference_program(sigma, angle):
    one = sfr(exact_edge((120, 100), angle, sigma), method="iso2023")
    k = [5, 10, 20, 30, 40, 49]
    np.testing.assert_allclose(one.value[k], SFRMAT5[sigma, angle], atol=0.0015)
    low, high = PUBLISHED_MTF50[sigma]
    assert low - 0.001 <= first_below(one.frequency, one.value, 0.5) <= high + 0.001


@pytest.mark.parametrize("method, which", [("iso2023", 0), ("iso2017", 1)])
@pytest.mark.parametrize("case", GRAINY)
def test_noise_is_treated_as_by_the_reference_program(case, method, which):
    one = sfr(grainy(*case), method=method)
    np.testing.assert_allclose(one.value[[5, 10, 20, 30, 40, 50, 60]], GRAINY[case][which], atol=0.0015)


@pytest.mark.parametrize(
    "sigma, plain, corrected",
    [(0.3, 0.0095, 0.0045), (0.5, 0.0052, 0.0022), (0.8, 0.0022, 0.0012), (1.2, 0.0004, 0.0015)],
)
@pytest.mark.parametrize("angle", ANGLES)
def test_the_bias_of_iso_is_known_and_can_be_corrected(sigma, plain, corrected, angle):
    patch = exact_edge((120, 100), angle, sigma)
    assert error(sfr(patch), angle, sigma) < plain
    assert error(sfr(patch, bin_correction=True), angle, sigma) < corrected


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("angle", [*ANGLES, 15.0])
def test_robust_is_the_truth(sigma, angle):
    assert error(sfr(exact_edge((120, 100), angle, sigma), method="robust"), angle, sigma) < 0.002


@pytest.mark.parametrize("sigma", SIGMAS)
def test_robust_stands_noise_and_every_doubt_is_true(sigma):
    random, clean = np.random.default_rng(4), exact_edge((120, 100), 5.7, sigma)
    draws = [clean + random.normal(0, 0.01, clean.shape) for _ in range(10)]
    ones = [sfr(d, method="robust") for d in draws]
    assert np.mean([error(one, 5.7, sigma) for one in ones]) < 0.02
    for made in (ones, [sfr(d) for d in draws]):
        n = min(len(one.value) for one in made) // 2
        spread = np.std([one.value[:n] for one in made], axis=0, ddof=1)
        told = np.mean([one.doubt[:n] for one in made], axis=0)
        assert np.sqrt(np.mean(spread[3:] ** 2)) == pytest.approx(np.sqrt(np.mean(told[3:] ** 2)), rel=0.35)


@pytest.mark.parametrize("method", METHODS)
def test_the_way_an_edge_lies_does_not_matter(method):
    plain = exact_edge((120, 120), 5.0, 0.6)
    expected = sfr(plain, method=method)
    for turned in (plain[:, ::-1], plain[::-1], plain.T, plain.T[::-1], 1 - plain):
        one = sfr(turned, method=method)
        at = np.linspace(0, 0.5, 26)
        values = [np.interp(at, r.frequency, r.value) for r in (one, expected)]
        np.testing.assert_allclose(*values, atol=0.002)
        assert one.edge.low == pytest.approx(0.2, abs=1e-3) and one.edge.high == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_exposure_and_black_do_not_matter(method):
    patch = exact_edge((90, 80), 5.0, 0.6) + 0.002 * grain((90, 80))
    a, b = sfr(patch, method=method), sfr(300 * patch + 64, method=method)
    np.testing.assert_allclose(a.value, b.value, atol=1e-6)
    np.testing.assert_allclose(a.doubt, b.doubt, atol=1e-6)


def test_a_curved_edge_needs_the_polynomial():
    x, y = np.meshgrid(np.arange(100.0), np.arange(150.0))
    curve = 50 + 0.08 * (y - 75) + 3 * ((y - 75) / 75) ** 2
    cosine = np.cos(np.arctan(np.gradient(curve, axis=0)))
    fine = [(x + d - curve) * cosine / 0.7 for d in (np.arange(9) - 4) / 9]
    patch = 0.2 + 0.6 * np.mean([0.5 + 0.5 * np.tanh(0.85 * f * 2) for f in fine], axis=0)
    half = {m: first_below(*(lambda r: (r.frequency, r.value))(sfr(patch, method=m)), 0.5) for m in METHODS}
    assert half["iso2023"] == pytest.approx(half["robust"], rel=0.02)
    assert half["iso2017"] < 0.8 * half["robust"]
    result = edge(picture(patch), (0, 0, 150, 100), method="iso2017")
    assert any("bends by" in w for w in result.warnings)
    assert not any("bends" in w for w in edge(picture(patch), (0, 0, 150, 100)).warnings)


def test_the_figures_of_an_edge():
    sigma, angle = 0.6, 5.0
    plane = np.full((200, 300), 0.5)
    plane[20:180, 40:160] = exact_edge((160, 120), angle, sigma)
    result = edge(picture(plane), (20, 40, 180, 160), method="robust", where="centre")
    f = np.linspace(0, 1, 20001)
    truth = exact_mtf(f, angle, sigma)
    half, tenth = first_below(f, truth, 0.5), first_below(f, truth, 0.1)
    assert result["MTF50 · centre, Y"] == pytest.approx(half, abs=0.001)
    assert result["MTF10 · centre, G"] == pytest.approx(tenth, abs=0.002)
    assert result["MTF50P · centre, Y"] == pytest.approx(half, abs=0.001)
    assert result["MTF50 in LW/PH · centre, Y"] == pytest.approx(half * 2 * 200, rel=0.003)
    assert result["MTF at Nyquist · centre, Y"] == pytest.approx(exact_mtf(0.5, angle, sigma), abs=0.002)
    assert result["MTF at Nyquist/2 · centre, Y"] == pytest.approx(exact_mtf(0.25, angle, sigma), abs=0.002)
    assert result["sampling efficiency · centre, Y"] == pytest.approx(100 * min(tenth / 0.5, 1), abs=0.5)
    # 10 – 90 % of a Gaussian of the variance of PSF and pixel; the pixel is a box, hence the tolerance
    assert result["10–90 % rise · centre, Y"] == pytest.approx(2.563 * np.hypot(sigma, 12**-0.5), rel=0.02)
    assert result["edge angle · centre, Y"] == pytest.approx(angle, abs=0.02)
    assert result["overshoot · centre, Y"] < 0.05 and result["undershoot · centre, Y"] < 0.05
    assert len(result.curves) == 8 and {c.name for c in result.curves} == {"SFR", "edge profile"}
    assert result.warnings == () and all(f.note == "" for f in result.figures)
    assert "LW/PH" in {f.unit for f in result.figures} and result.conditions["method"].startswith("local")


def test_sharpening_shows_as_overshoot():
    plane = exact_edge((150, 120), 5.0, 0.8)
    blurred = exact_edge((150, 120), 5.0, np.hypot(0.8, 1.0))
    sharpened = picture(2 * plane - blurred)
    result = edge(sharpened, (0, 0, 150, 120), channels="Y", where="here", method="robust")
    f = np.linspace(0, 0.5, 5001)
    truth = 2 * exact_mtf(f, 5.0, 0.8) - exact_mtf(f, 5.0, np.hypot(0.8, 1.0))
    peak = truth.max()
    assert result["MTF50"] == pytest.approx(first_below(f, truth, 0.5), abs=0.002)
    assert result["MTF50P"] == pytest.approx(first_below(f, truth, peak / 2), abs=0.002)
    assert result["MTF50P"] < result["MTF50"]
    assert result["overshoot"] == pytest.approx(result["undershoot"], abs=0.05)
    assert 5 < result["overshoot"] < 15


def test_colours_that_do_not_meet_are_told():
    wide = exact_edge((166, 124), 5.0, 0.6)
    green, red = wide[3:163], wide[:160]  # three rows up is 3·tan 5° px to the right, towards the bright side
    shift, cosine = 3 * np.tan(np.radians(5.0)), np.cos(np.radians(5.0))
    rgb = np.stack([red, green, green], axis=2).astype(np.float32)
    result = edge(Picture(rgb), (0, 0, 160, 124), where="e")
    assert result["colour misregistration · e, R"] == pytest.approx(shift * cosine, abs=0.005)
    assert result["colour misregistration · e, B"] == pytest.approx(0, abs=1e-6)
    mirrored = edge(Picture(np.ascontiguousarray(rgb[:, ::-1])), (0, 0, 160, 124), where="e")
    assert mirrored["colour misregistration · e, R"] == pytest.approx(shift * cosine, abs=0.005)


@pytest.mark.parametrize("sigma", [0.45, 0.8])
def test_the_mosaic_itself_has_the_response_of_the_lens(sigma):
    clean = exact_edge((240, 240), 5.7, sigma, low=0.1, high=0.6)
    dn = np.rint(64 + clean * (4095 - 64)).astype(np.uint16)
    black = np.full((2, 2), 64, np.float32)
    frame = RawFrame(dn, Shot(Path("edge.dng"), dn.shape, pattern=GRBG, black=black, white=4095.0))
    raw = replace(picture(clean), frame=frame, bits=12)
    f = np.linspace(0, 1, 10001)
    half = first_below(f, exact_mtf(f, 5.7, sigma), 0.5)
    for method in METHODS:
        result = mosaic_edge(raw, (11, 15, 229, 225), method=method, where="e")
        for channel in "RGB":
            assert result[f"MTF50 · e, {channel}"] == pytest.approx(half, abs=0.01), (method, channel)
    green = sfr(clean, (np.add.outer(np.arange(240), np.arange(240)) % 2) == 0, method="robust")
    assert error(green, 5.7, sigma) < 0.01
    assert result.conditions["decoding"] == "raw mosaic, no demosaicking"
    with pytest.raises(InputError, match="no raw file"):
        mosaic_edge(picture(clean), (0, 0, 100, 100))


def test_what_speaks_against_a_figure_stands_beside_it():
    good = exact_edge((120, 100), 5.7, 0.6)
    box = (0, 0, 120, 100)

    def told(plane, words, **more):
        result = edge(picture(plane, **more), box, channels="Y")
        assert any(words in w for w in result.warnings), result.warnings
        assert words in next(f.note for f in result.figures if f.name == "MTF50")

    told(exact_edge((120, 100), 5.7, 0.6, low=0.5, high=0.6), "contrast 0.09")
    told(exact_edge((120, 100), 1.7, 0.6), "edge angle 1.7°")
    told(exact_edge((120, 100), 25.0, 0.6), "edge angle 25.0°")
    told(exact_edge((120, 100), 45.0, 0.6), "px apart")
    told(good + 0.05 * grain(good.shape), "noise moves the response")
    told(good, "8-bit", bits=8)
    told(good, "50.0% of the box is clipped", clipped=good > 0.5)
    told(0.02 * good, "underexposed")
    told(good * np.linspace(0.8, 1.2, 100), "light beside the edge changes")
    told(0.5 * (good + np.roll(exact_edge((120, 180), 5.7, 0.6), 25, axis=1)[:, 40:140]), "a second edge")
    corner = exact_edge((120, 100), 5.7, 0.6, low=0, high=1) * (np.arange(120) > 60)[:, None]
    with pytest.raises(InputError, match="rows of the box disagree"):
        sfr(corner, method="iso2017")
    short = edge(picture(good[:30]), (0, 0, 30, 100), channels="Y")
    assert any("fewer than 50 rows" in w for w in short.warnings)


def test_what_is_no_edge_is_refused():
    flat = picture(0.5 + 0.01 * grain((100, 100)))
    good = picture(exact_edge((120, 100), 5.7, 0.6))
    with pytest.raises(InputError, match="edge"):
        edge(flat, (0, 0, 100, 100))
    with pytest.raises(InputError, match="edge"):
        edge(picture(np.full((100, 100), 0.5)), (0, 0, 100, 100))
    with pytest.raises(InputError, match="too small"):
        edge(good, (40, 40, 52, 60))
    with pytest.raises(InputError, match="does not lie in"):
        edge(good, (0, 0, 121, 100))
    with pytest.raises(InputError, match=r"too close|no edge"):
        edge(good, (0, 0, 120, 47))
    with pytest.raises(InputError, match=r"edge angle = 0\.2"):
        sfr(exact_edge((120, 100), 0.2, 0.6))
    with pytest.raises(InputError, match="channels"):
        edge(good, (0, 0, 120, 100), channels="RGX")
    with pytest.raises(InputError, match="method"):
        find_edge(np.zeros((40, 40)), method="mine")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="finite"):
        sfr(np.where(exact_edge((60, 60), 5, 1) > 0.5, np.nan, 0.2))


def test_four_colours_of_an_edge_take_less_than_a_blink():
    plane = picture(exact_edge((200, 200), 5.7, 0.6) + 0.005 * grain((200, 200)))
    edge(plane, (0, 0, 200, 200))
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        edge(plane, (0, 0, 200, 200))
        taken.append(time.perf_counter() - begin)
    assert min(taken) < 0.2  # 0.03 s on an idle machine


def test_a_known_lens_comes_back_through_raw_file_and_demosaicking():
    """A Gaussian, the canvas's pixel and its cubic spline: sinc⁵(f / 2) in the directions of the axes."""
    from lichtbild.quality.charts import CHARTS
    from lichtbild.quality.finding.find import find
    from lichtbild.quality.picture import picture_of
    from lichtbild.simulate.burst import burst
    from lichtbild.simulate.charts.painting import painted
    from lichtbild.simulate.charts.place import place
    from lichtbild.simulate.lens import Lens

    size, sigma = (900, 1200), 0.5
    lens = Lens(sigma=(sigma,) * 3, fall=(0.0, 0.0), tint=(1.0, 1.0, 1.0))
    scene = painted(place(CHARTS["edges"], size[1] / size[0]))
    taken, _ = burst(scene, size=size, frames=1, iso=50, shake="still", sensor="ideal", lens=lens)
    picture = picture_of(taken.frames[0])
    f = np.linspace(0, 0.5, 26)
    truth = np.exp(-2 * (np.pi * sigma * f) ** 2) * np.sinc(f / 2) ** 5
    edges = [e.pixels() for e in find(picture) if e.element.kind == "edge"][::5]
    for measure in (edge, mosaic_edge):
        curves = [measure(picture, b, method="robust", channels="G").curves[0] for b in edges]
        mean = np.mean([np.interp(f, c.x, c.y) for c in curves], axis=0)
        assert np.abs(mean - truth).max() < 0.01, measure.__name__
