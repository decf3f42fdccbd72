# SPDX-License-Identifier: Apache-2.0
"""The sensor's statistics: every term has the size it is given, comes from where it should, and is the same
everywhere."""

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import StateError
from lichtbild.simulate.cfa import known_cfa
from lichtbild.simulate.sensor import PRESETS, Sensor, expose, known_sensor, phone, tukey_deviation

FLAT = np.ones((4, 2, 2), np.float32)
DARK = Sensor(gain=1e-6, read=0.0, black=20000.0, white=60000.0)  # so many electrons that they make no noise


def shots(level, sensor, size=(400, 500), frames=1, seed=1):
    light = np.full(size, level, np.float32)
    taken = [expose(light, FLAT, sensor, seed=seed, frame=k) for k in range(frames)]
    return np.array(taken).astype(np.float64)


def within(value, expected, error, sigmas=5.0):
    assert abs(value - expected) < sigmas * error, f"{value} is {abs(value - expected) / error:.1f} σ off"


@pytest.mark.parametrize(
    "iso, gain, read, shot, offset",
    [
        (100, 0.0686, 0.433, 7.16e-5, 2.94e-7),
        (1600, 0.9679, 1.726, 1.01e-3, 3.33e-6),
        (12800, 7.6826, 11.184, 8.01e-3, 1.36e-4),
    ],
)
def test_the_phone_has_its_published_noise(iso, gain, read, shot, offset):
    sensor = known_sensor("phone", iso)  # the table of K and σ; O is σ² + 1/12 for the rounding, over 959²
    assert (sensor.gain, sensor.read) == (pytest.approx(gain, rel=1e-3), pytest.approx(read, rel=2e-3))
    assert sensor.noise.shot[1] == pytest.approx(shot, rel=5e-3)
    assert sensor.noise.read[1] == pytest.approx(offset, rel=5e-3)


def test_the_phone_gives_the_bytes_it_always_gave():
    light = (np.arange(96 * 128, dtype=np.float32).reshape(96, 128) % 977) / np.float32(800)
    gains = np.ones((4, 3, 3), np.float32) + np.arange(36, dtype=np.float32).reshape(4, 3, 3) / 32
    found = hashlib.sha256()
    for iso in (100, 3200):
        for frame in (0, 5):
            found.update(expose(light, gains, phone(iso), seed=2**40 + 7, frame=frame).tobytes())
    assert found.hexdigest()[:16] == "f800da0288f6b8c0"


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("iso", [100, 1600, 6400])
@pytest.mark.parametrize("level", [0.03, 0.2, 0.6])
def test_variance_from_frame_to_frame_is_what_the_preset_says(name, iso, level):
    sensor = known_sensor(name, iso)
    a, b = (shots(level, sensor, frames=2, seed=3) - sensor.black) / sensor.span
    assert a.max() < 1
    n, h = a.size, len(a)
    s = sensor.noise
    expected = s.shot[1] * level + s.read[1]
    rows = (sensor.row * sensor.read / sensor.span) ** 2
    d = a - b
    kurtosis = float(np.mean((d - d.mean()) ** 4) / d.var() ** 2) - 3
    error = math.sqrt(expected**2 * (2 + max(kurtosis, 0)) / n + 2 * rows**2 / h)
    rounding = 0.02 * expected if sensor.read < 0.5 else 0.0  # below ½ DN it is not 1/12
    within(d.var() / 2, expected, error + rounding / 5)
    uneven = (sensor.prnu * level) ** 2 + (sensor.dsnu / sensor.span) ** 2
    both = math.sqrt(expected / 2 / n + rows / 2 / h + uneven / n)
    within((a.mean() + b.mean()) / 2, level, both + 0.02 / sensor.span)


@pytest.mark.parametrize("mean", [999.0, 5e4, 999_999.0, 1e6, 1e8, 1e10])
def test_photons_are_poisson_however_many(mean):
    gain = 400 / math.sqrt(mean) if mean > 1e4 else 1.0  # 400 DN are one standard deviation
    black = 30000.0 - gain * mean
    sensor = Sensor(gain, 0.0, 0.0, 65535.0)
    object.__setattr__(sensor, "black", black)  # no sensor has it, but so the noise fills the numbers
    light = np.full((400, 500), gain * mean / sensor.span, np.float32)
    n = expose(light, FLAT, sensor, seed=2, frame=0).astype(np.float64)
    deviation = gain * math.sqrt(mean)
    true = float(light[0, 0]) * sensor.span + black
    z = (n - true) / deviation
    within(z.mean(), 0, 1 / math.sqrt(z.size), 4.5)
    within(z.var(), 1 + 1 / 12 / deviation**2, math.sqrt(2 / z.size), 4.5)
    within(np.mean(z**3), 1 / math.sqrt(mean), math.sqrt(15 / z.size), 4.5)
    within(np.mean(z**4), 3 + 1 / mean, math.sqrt(96 / z.size), 5)


def test_more_light_never_means_fewer_photons_where_the_method_changes():
    sensor = Sensor(0.05, 0.0, 0.0, 65535.0)
    low, high = (shots(mean / sensor.electrons, sensor, (200, 200)) for mean in (999_000.0, 1_001_000.0))
    assert np.median(high - low) == pytest.approx(0.05 * 2000, abs=1)


@pytest.mark.parametrize("term", ["row", "column"])
def test_rows_and_columns_share_noise_of_one_frame(term):
    size = (60, 4000) if term == "column" else (4000, 60)
    sensor = DARK.changed({"read": 20.0, term: 0.6})
    a, b = shots(0.0, sensor, size, frames=2) - 20000
    lines = [x.mean(axis=0 if term == "column" else 1) for x in (a, b)]
    for line in lines:
        within(line.std(), math.sqrt(12**2 + 20**2 / 60), 12.3 / math.sqrt(2 * 4000))
    within(np.corrcoef(lines)[0, 1], 0, 1 / math.sqrt(4000))
    assert sensor.noise.read[0] * sensor.span**2 == pytest.approx(400 * 1.36 + 1 / 12)


def test_columns_keep_their_level():
    a, b = shots(0.0, DARK.changed({"dsnu_column": 15.0}), (10, 4000), frames=2)
    assert np.array_equal(a, b) and np.ptp(a, axis=0).max() == 0
    within(a[0].std(), 15, 15 / math.sqrt(8000))


def test_dark_levels_and_sensitivities_differ_from_pixel_to_pixel_for_good():
    dark, other = shots(0.0, DARK.changed({"dsnu": 20.0}), frames=2)
    assert np.array_equal(dark, other)
    within(dark.std(), math.hypot(20, math.sqrt(1 / 12)), 20 / math.sqrt(2 * dark.size))
    lit = shots(0.5, DARK.changed({"prnu": 0.01}), frames=2)
    assert np.abs(lit[0] - lit[1]).max() <= 2  # the photons' own noise is 0.14 DN
    within(lit[0].std() / (0.5 * DARK.span), 0.01, 0.01 / math.sqrt(2 * dark.size))
    within(lit[0].mean() - 20000, 0.5 * DARK.span, 0.01 * 0.5 * DARK.span / math.sqrt(dark.size))
    within(np.corrcoef(lit[0].ravel(), dark.ravel())[0, 1], 0, 1 / math.sqrt(dark.size))


def test_the_fixed_pattern_belongs_to_the_specimen():
    sensor = DARK.changed({"dsnu": 20.0})
    one, two = shots(0.0, sensor, seed=1), shots(0.0, sensor, seed=2)
    within(np.corrcoef(one.ravel(), two.ravel())[0, 1], 0, 1 / math.sqrt(one.size))
    same = sensor.changed({"serial": 1})
    assert np.array_equal(shots(0.0, same, seed=7), one)


def test_hot_pixels_are_as_many_and_as_hot_as_said():
    sensor = Sensor(1.0, 0.0, 0.0, 65535.0, hot=0.01, hot_electrons=300.0)
    a, b = shots(0.0, sensor, (600, 1000), frames=2)
    for k in (1, 100, 600):  # photons whose mean is exponential are geometric
        p = 0.01 * (300 / 301) ** k
        within(np.mean(a >= k), p, math.sqrt(p / a.size), 4.5)
    hot = a >= 50
    assert np.mean(b[hot] > 0) > 0.999 and np.mean(b[~hot] > 200) < 1e-5


@pytest.mark.parametrize(
    "tail, deviation",
    [(-0.2, 2.736), (-0.1, 2.186), (-0.05, 1.984), (0.05, 1.668), (0.1, 1.542), (0.2, 1.334)],
)
def test_the_standard_deviation_of_tukeys_distribution(tail, deviation):
    assert tukey_deviation(tail) == pytest.approx(deviation, abs=6e-4)


@pytest.mark.parametrize("tail", [-0.2, -0.1, 0.0, 0.14, 0.6])
def test_read_noise_has_the_tails_and_the_size_that_it_is_given(tail):
    x = (shots(0.0, DARK.changed({"read": 1000.0, "tail": tail}), (700, 800))[0] - 20000) / 1000
    kurtosis = float(np.mean(x**4) / np.mean(x**2) ** 2)
    within(x.mean(), 0, 1 / math.sqrt(x.size))
    assert x.std() == pytest.approx(1, abs=0.02 if tail < -0.15 else 0.008)
    expected = {-0.2: 22.2, -0.1: 6.79, 0.0: 4.2, 0.14: 2.97, 0.6: 1.99}[tail]
    assert (
        kurtosis > 10 if tail == -0.2 else kurtosis == pytest.approx(expected, rel=0.15 if tail < 0 else 0.02)
    )
    for u in (0.001, 0.1, 0.4, 0.75, 0.99):  # the quantile function itself
        q = math.log(u / (1 - u)) if tail == 0 else (u**tail - (1 - u) ** tail) / tail
        within(np.mean(x < q / tukey_deviation(tail)), u, math.sqrt(u * (1 - u) / x.size) + 5e-5)


def test_black_drifts_from_frame_to_frame():
    taken = shots(0.0, DARK.changed({"drift": 30.0}), (4, 4), frames=800)
    assert np.ptp(taken, axis=(1, 2)).max() == 0
    within(taken[:, 0, 0].std(), 30, 30 / math.sqrt(1600))


@pytest.mark.parametrize("name", ["rggb", "gbrg", "quad", "xtrans"])
def test_greens_beside_red_see_more(name):
    cfa = known_cfa(name)
    p, q = cfa.cell.shape
    sensor = DARK.changed({"green": 0.04})
    light, gains = np.full((12 * p, 12 * q), 0.5, np.float32), np.ones((3, 2, 2), np.float32)
    dn = expose(light, gains, sensor, seed=1, frame=0, cell=cfa.cell).astype(np.float64) - 20000
    for y in range(p):
        for x in range(q):
            beside = {int(cfa.cell[y, (x + s) % q]) for s in (-1, 1)} - {1}
            towards = {frozenset({0}): 1, frozenset({2}): -1}.get(frozenset(beside), 0)
            factor = 1 + 0.02 * towards if cfa.cell[y, x] == 1 else 1
            assert dn[y::p, x::q].mean() == pytest.approx(0.5 * DARK.span * factor, rel=1e-4)


def test_a_full_well_holds_no_more():
    sensor = Sensor(0.5, 0.0, 64.0, 4095.0, full_well=3000.0)
    assert shots(0.9, sensor).max() == shots(40.0, sensor).min() == sensor.saturation == 64 + 1500
    noisy = sensor.changed({"read": 3.0})  # of the amplifier, behind the well
    full = shots(40.0, noisy)
    within(full.mean(), 1564, 3 / math.sqrt(full.size))
    within(full.std(), math.sqrt(9 + 1 / 12), 3 / math.sqrt(2 * full.size))
    assert Sensor(0.5, 0.0).saturation == 1023


def test_numbers_end_at_black_and_white():
    sensor = phone(12800)
    assert shots(5.0, sensor).max() == shots(1e6, sensor).min() == 1023
    assert shots(-1.0, sensor.changed({"black": 10.0})).min() == 0
    assert shots(float("nan"), phone(100), (8, 8)).max() < 70


def test_finer_converters_keep_the_electrons():
    ten, fourteen = phone(800), known_sensor("phone", 800, {"bits": 14})
    assert (fourteen.bits, fourteen.black, fourteen.white) == (14, 1024, 16383)
    assert fourteen.electrons == pytest.approx(ten.electrons)
    assert fourteen.noise.shot[0] == pytest.approx(ten.noise.shot[0])
    assert fourteen.read / fourteen.gain == pytest.approx(ten.read / ten.gain)
    assert fourteen.noise.read[0] < ten.noise.read[0]  # less rounding
    assert known_sensor("ideal", 100).bits == 16


def test_noise_of_pixels_frames_and_seeds_is_independent():
    sensor = phone(3200)
    a, b = shots(0.3, sensor, frames=2)
    c = shots(0.3, sensor, seed=2)[0]
    bound = 4.5 / math.sqrt(a.size)
    pairs = [(a, b), (a, c), (a[:, 1:], a[:, :-1]), (a[1:], a[:-1]), (a[1:, 1:], b[:-1, :-1])]
    for one, two in pairs:
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < bound


PROGRAM = """
import hashlib, numpy as np
from lichtbild.base import kernels
from lichtbild.simulate.cfa import known_cfa
from lichtbild.simulate.sensor import Sensor, expose
kernels.set_threads({threads})
sensor = Sensor(0.7, 3.0, tail=-0.13, row=0.2, column=0.1, prnu=0.01, dsnu=0.5, dsnu_column=0.4, hot=0.01,
                drift=1.0, green=0.02, full_well=1200.0)
light = (np.arange(301 * 203, dtype=np.float32).reshape(301, 203) % 977) / np.float32(700)
gains = np.ones((3, 3, 3), np.float32) + np.arange(27, dtype=np.float32).reshape(3, 3, 3) / 32
dn = expose(light, gains, sensor, seed=5, frame=3, cell=known_cfa("xtrans").cell)
print(kernels.level, hashlib.sha256(dn.tobytes()).hexdigest())
"""


def test_the_same_bytes_on_every_level_and_number_of_threads():
    levels = [x for x in kernels.LEVELS if x in (kernels.level, "sse41")] or [kernels.level]
    found = set()
    for level, threads in zip((*levels, levels[0]), (2, 1, 3), strict=False):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(threads=threads)],
            capture_output=True,
            text=True,
            env={**os.environ, "LICHTBILD_CPU": level} if level in kernels.LEVELS else None,
            timeout=120,
            check=True,
        )
        loaded, digest = run.stdout.split()
        assert loaded == level
        found.add(digest)
    assert {d[:16] for d in found} == {"0c9af332df5c9da6"}


def test_gain_maps_must_fit_the_cell():
    light = np.zeros((4, 4), np.float32)
    with pytest.raises(StateError, match="needs 4"):
        expose(light, FLAT[:3], phone(100), seed=1, frame=0)
    with pytest.raises(StateError, match="needs the cell"):
        expose(light, FLAT, phone(100).changed({"green": 0.1}), seed=1, frame=0)
