# SPDX-License-Identifier: Apache-2.0
"""Camera colour against an independent NumPy writing of the DNG model, and against known light."""

import colorsys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning, StateError
from lichtbild.base.image import CameraColour, HSVTable, Noise, Scene, Shot
from lichtbild.capture.illuminant import illuminant_weights, neutral_to_white, white_to_neutral
from lichtbild.correct.calibrate import Calibrate, calibrate

WARM = np.array([[0.9, -0.25, -0.1], [-0.5, 1.35, 0.15], [-0.1, 0.25, 0.55]])
COOL = np.array([[0.75, -0.2, -0.06], [-0.45, 1.3, 0.16], [-0.07, 0.2, 0.6]])
CAMERA = CameraColour(illuminants=(17, 21), colour=(WARM, COOL))


def scene(rgb, camera=CAMERA, neutral=(0.5, 1.0, 0.6), **fields):
    gain = tuple(max(neutral) / n for n in neutral)
    rgb = np.ascontiguousarray(np.asarray(rgb, np.float32).reshape(-1, 1, 3))
    shot = Shot(Path("a.dng"), rgb.shape[:2], colour=camera, neutral=neutral)
    return Scene(rgb, "camera", shot, Noise((1e-4,) * 3, (1e-6,) * 3), gain, **fields)


def forward(rows):
    """A forward matrix whose rows sum to D50."""
    m = np.array(rows)
    return m * (c.D50_XYZ / m.sum(1))[:, None]


FORWARD = (
    forward([[0.7, 0.15, 0.12], [0.28, 0.75, -0.03], [0.02, -0.08, 0.9]]),
    forward([[0.66, 0.2, 0.11], [0.25, 0.8, -0.05], [0.01, -0.1, 0.92]]),
)


@pytest.mark.parametrize(
    "camera",
    [
        CAMERA,
        replace(CAMERA, forward=FORWARD),
        replace(CAMERA, balance=(1.1, 1.0, 0.9)),
        replace(CAMERA, calibration=(np.diag([1.02, 1, 0.97]), np.diag([0.98, 1, 1.01]))),
    ],
)
def test_grey_stays_grey(camera):
    out = calibrate(scene(np.outer([0.01, 0.18, 1.0, 7.0], np.ones(3)), camera)).rgb
    np.testing.assert_allclose(out[:, 0], np.outer([0.01, 0.18, 1.0, 7.0], np.ones(3)), rtol=2e-5)


def test_the_truth_comes_back_through_the_matrix_of_one_illuminant():
    camera = CameraColour(illuminants=(21,), colour=(COOL,))
    xy = c.daylight(5200)
    rng = np.random.default_rng(2)
    xyz = rng.uniform(0.02, 1, (40, 3)) * c.xy_to_xyz(xy)
    neutral = COOL @ c.xy_to_xyz(xy)
    seen = xyz @ COOL.T / neutral.max()
    s = scene(seen * (neutral.max() / neutral), camera, tuple(neutral / neutral.max()))
    truth = (
        xyz
        @ (
            c.REC2020.from_xyz()
            @ c.adaptation(c.D50_XYZ, c.xy_to_xyz(c.D65))
            @ c.adaptation(c.xy_to_xyz(xy), c.D50_XYZ)
        ).T
    )
    np.testing.assert_allclose(calibrate(s).rgb[:, 0], truth, atol=3e-6)


def twin(rgb, neutral, camera):
    """The DNG model, step by step, without our functions: two illuminants, forward matrices."""
    n = np.asarray(neutral) / max(neutral)

    def ab_cc(w):
        return np.diag(camera.balance) @ (w * camera.calibration[0] + (1 - w) * camera.calibration[1])

    x, y = 0.3457, 0.3585
    for _ in range(30):
        u, v = 4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)
        low, high = 1e6 / 20000, 1e6 / 1700
        for _ in range(40):
            mired = (low + high) / 2
            low, high = (mired, high) if distance(u, v, mired) > 0 else (low, mired)
        kelvin = 1e6 / mired
        w = np.clip((1 / kelvin - 1 / 6500) / (1 / 2850 - 1 / 6500), 0, 1)
        cm = w * camera.colour[0] + (1 - w) * camera.colour[1]
        xyz = np.linalg.inv(ab_cc(w) @ cm) @ n
        x, y = xyz[:2] / xyz.sum()
    reference = np.linalg.inv(ab_cc(w)) @ n
    fm = w * camera.forward[0] + (1 - w) * camera.forward[1]
    to_d50 = fm @ np.diag(1 / reference) @ np.linalg.inv(ab_cc(w))
    d50_to_d65 = np.array(
        [
            [0.9555766, -0.0230393, 0.0631636],
            [-0.0282895, 1.0099416, 0.0210077],
            [0.0122982, -0.0204830, 1.3299098],
        ]
    )
    return (rgb * n) @ (c.REC2020.from_xyz() @ d50_to_d65 @ to_d50).T


def distance(u, v, mired):
    """How far (u, v) lies beyond an isotemperature line, from the published lines either side."""
    i = int(np.clip(np.searchsorted(c._LINES[:, 0], mired), 1, 30))
    t = (mired - c._LINES[i - 1, 0]) / (c._LINES[i, 0] - c._LINES[i - 1, 0])
    d = [((v - q[2]) - q[3] * (u - q[1])) / np.hypot(1, q[3]) for q in (c._LINES[i - 1], c._LINES[i])]
    return (1 - t) * d[0] + t * d[1]


@pytest.mark.parametrize("neutral", [(0.45, 1.0, 0.62), (0.75, 1.0, 0.35), (0.6, 1.0, 0.5)])
def test_the_stage_equals_its_twin(neutral):
    camera = replace(
        CAMERA,
        forward=FORWARD,
        balance=(1.05, 1.0, 0.95),
        calibration=(np.diag([1.02, 1, 0.97]), np.diag([0.98, 1, 1.01])),
    )
    rgb = np.random.default_rng(0).uniform(0, 1.5, (30, 3))
    np.testing.assert_allclose(
        calibrate(scene(rgb, camera, neutral)).rgb[:, 0], twin(rgb, neutral, camera), atol=1e-3
    )


def test_weights_are_linear_in_reciprocal_temperature():
    middle = 2 / (1 / 2850 + 1 / 6500)
    for kelvin, expected in (
        (2000, (1, 0)),
        (2850, (1, 0)),
        (middle, (0.5, 0.5)),
        (6500, (0, 1)),
        (11000, (0, 1)),
    ):
        np.testing.assert_allclose(illuminant_weights(CAMERA, c.white(kelvin)), expected, atol=2e-4)
    three = CameraColour(illuminants=(17, 23, 21), colour=(WARM, COOL, COOL))
    for kelvin, expected in ((2850, (1, 0, 0)), (5000, (0, 1, 0)), (6500, (0, 0, 1))):
        np.testing.assert_allclose(illuminant_weights(three, c.white(kelvin)), expected, atol=2e-3)
    np.testing.assert_array_equal(illuminant_weights(replace(CAMERA, illuminants=(17, 255)), c.D65), (1, 0))


@pytest.mark.parametrize("kelvin", [2400, 3400, 5000, 7000])
def test_white_and_neutral_are_inverse(kelvin):
    neutral = white_to_neutral(CAMERA, c.white(kelvin, 12))
    assert c.temperature(neutral_to_white(CAMERA, neutral)) == pytest.approx((kelvin, 12), rel=1e-3, abs=0.1)


def test_asking_for_the_white_as_shot_changes_nothing():
    rgb = np.random.default_rng(1).uniform(0, 1, (10, 3))
    s = scene(rgb, neutral=tuple(white_to_neutral(CAMERA, c.white(4500, 7))))
    np.testing.assert_allclose(calibrate(s, Calibrate(kelvin=4500, tint=7)).rgb, calibrate(s).rgb, atol=2e-4)


def test_a_higher_temperature_is_warmer_and_more_tint_more_magenta():
    grey = scene([[0.2, 0.2, 0.2]])
    r, _, b = (calibrate(grey, Calibrate(kelvin=9000)).rgb - calibrate(grey, Calibrate(kelvin=4000)).rgb)[
        0, 0
    ]
    assert r > 0 > b
    plain, magenta = calibrate(grey).rgb[0, 0], calibrate(grey, Calibrate(tint=40)).rgb[0, 0]
    assert magenta[1] / magenta.mean() < plain[1] / plain.mean() - 0.01


@pytest.mark.parametrize("kelvin", [4500, 6200])
def test_auto_finds_the_light(kelvin):
    light = white_to_neutral(CAMERA, c.daylight(kelvin))
    rng = np.random.default_rng(3)
    surfaces = rng.uniform(0.05, 0.9, (400, 1, 1)) * (1 + 0.25 * rng.standard_normal((400, 1, 3)))
    tiles = np.repeat(np.repeat(surfaces.reshape(20, 20, 3), 8, 0), 8, 1) * light
    wrong = (0.6, 1.0, 0.55)
    s = scene([[0, 0, 0]], neutral=wrong)
    s = replace(s, rgb=np.float32(np.clip(tiles, 0, 0.9) / wrong))
    white = calibrate(
        replace(s, rgb=np.float32(np.ones((20, 20, 3)) * 0.5 * light / wrong)), Calibrate()
    ).rgb[0, 0]
    estimated = calibrate(s, Calibrate(white_balance="auto"))
    greys = calibrate(replace(s, rgb=np.float32(tiles.mean((0, 1)) / wrong)[None, None]), Calibrate())

    def angle(v):
        return np.degrees(np.arccos(v.sum() / np.linalg.norm(v) / np.sqrt(3)))

    ratio = estimated.rgb.mean((0, 1)) / greys.rgb[0, 0]
    assert angle(white * ratio / ratio[1]) < 0.5 * angle(white)


def table(values, hues, saturations, seed=0):
    rng = np.random.default_rng(seed)
    cells = np.stack(
        [
            rng.uniform(-20, 20, (values, hues, saturations)),
            rng.uniform(0.7, 1.3, (values, hues, saturations)),
            rng.uniform(0.8, 1.2, (values, hues, saturations)),
        ],
        -1,
    )
    cells[:, :, 0] = (0, 1, 1)
    return np.float32(cells)


def hsv_twin(rgb, cells):
    """Trilinear look-up in the standard library's HSV."""
    v, h, s = cells.shape[:3]
    out = []
    for pixel in rgb:
        hue, sat, val = colorsys.rgb_to_hsv(*pixel)
        at = np.array([min(val, 1) * (v - 1), hue * h, sat * (s - 1)])
        low = np.floor(at).astype(int)
        got = np.zeros(3)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, at - low, 1 - at + low))
            i, j, k = low + corner
            got += weight * cells[min(i, v - 1), j % h, min(k, s - 1)]
        out.append(colorsys.hsv_to_rgb((hue + got[0] / 360) % 1, min(sat * got[1], 1), val * got[2]))
    return np.array(out)


@pytest.mark.parametrize("shape", [(1, 6, 4), (5, 12, 3), (1, 1, 2)])
def test_hsv_tables_equal_their_twin(shape):
    rgb = np.random.default_rng(1).uniform(0, 1.2, (60, 3)).astype(np.float32)
    cells, one = table(*shape), np.array([0, 1, 1], np.float32).reshape(1, 1, 1, 3)
    out = np.empty((60, 1, 3), np.float32)
    eye = np.eye(3, dtype=np.float32)
    kernels.calibrate_tables(rgb[:, None], eye, cells, False, one, False, eye, out)
    np.testing.assert_allclose(out[:, 0], hsv_twin(rgb.astype(float), cells), atol=2e-5)


def test_a_neutral_table_changes_nothing_even_beyond_the_gamut():
    rgb = np.random.default_rng(1).uniform(-0.3, 4, (200, 3))
    plain = calibrate(scene(rgb)).rgb
    cells = np.zeros((3, 8, 4, 3), np.float32) + np.float32([0, 1, 1])
    for encoded in (False, True):
        tables = (HSVTable(cells, encoded), HSVTable(cells, encoded))
        out = calibrate(scene(rgb, replace(CAMERA, hue_sat=tables, look=HSVTable(cells, encoded)))).rgb
        np.testing.assert_allclose(out, plain, atol=3e-5)


def test_tables_are_mixed_between_illuminants():
    double, single = (np.float32([[[[0, 1, v]] * 2]]) for v in (2.0, 1.0))
    camera = replace(CAMERA, hue_sat=(HSVTable(double), HSVTable(single)))
    for kelvin, expected in ((2850, 2.0), (6500, 1.0), (2 / (1 / 2850 + 1 / 6500), 1.5)):
        neutral = tuple(white_to_neutral(camera, c.white(kelvin)))
        assert calibrate(scene([[0.3, 0.3, 0.3]], camera, neutral)).rgb[0, 0, 1] == pytest.approx(
            0.3 * expected, rel=1e-3
        )


def test_a_camera_nobody_measured_gets_typical_colour_and_a_warning():
    s = scene([[0.5, 0.5, 0.5], [0.6, 0.3, 0.2]], CameraColour())
    with pytest.warns(FallbackWarning, match="typical"):
        out = calibrate(s).rgb[:, 0]
    np.testing.assert_allclose(out[0], 0.5, rtol=1e-5)
    assert out[1, 0] > out[1, 1] > out[1, 2] > 0


@pytest.mark.parametrize("camera", [CAMERA, CameraColour()])
@pytest.mark.filterwarnings("ignore::lichtbild.base.errors.FallbackWarning")
def test_what_clipped_stays_white_by_the_white_as_shot(camera):
    s = replace(scene([[1.9, 1.9, 1.9]], camera, (0.5, 1.0, 0.6)), gain=(2.0, 1.0, 1 / 0.6))
    clipped = calibrate(replace(s, clipped=np.full((1, 1), 7, np.uint8)))
    np.testing.assert_array_equal(clipped.rgb, calibrate(s).rgb)


def test_monochrome_passes_and_states_are_checked():
    mono = scene([[0.2, 0.2, 0.2]])
    mono = replace(mono, shot=replace(mono.shot, kind="mono"))
    out = calibrate(mono)
    assert out.space == "rec2020" and out.rgb is mono.rgb
    with pytest.raises(StateError, match="before calibrate"):
        calibrate(out)


def test_noise_of_greys_goes_through_the_matrix():
    s = replace(scene(np.ones((60000, 3)) * 0.3), noise=Noise((1e-4, 5e-5, 8e-5), (1e-6, 2e-6, 3e-6)))
    variance = np.array(s.noise.shot) * 0.3 + s.noise.read
    noisy = s.rgb + np.float32(np.random.default_rng(0).standard_normal(s.rgb.shape) * np.sqrt(variance))
    out = calibrate(replace(s, rgb=noisy))
    np.testing.assert_allclose(out.rgb.var(0)[0], np.array(out.noise.shot) * 0.3 + out.noise.read, rtol=0.03)
