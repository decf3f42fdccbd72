# SPDX-License-Identifier: Apache-2.0
"""The simulator against itself: the camera records what the truth says, with the noise it says."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.errors import InputError
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB
from lichtbild.capture.burst import gather
from lichtbild.capture.linearize import Linearize, linearize
from lichtbild.capture.opcodes import opcode_bytes, read_opcodes
from lichtbild.simulate.cfa import CFAS, gain_maps, known_cfa
from lichtbild.simulate.lens import known_lens
from lichtbild.simulate.optics import NOTHING, shading
from lichtbild.simulate.scene import Mover, Scene, Thing
from lichtbild.simulate.sensor import Sensor, expose, phone

SIZE = (96, 128)
FLAT = np.ones((3, 2, 2), np.float32)
CELL = np.array([[0, 1], [1, 2]], np.uint8)


def gain_of(frame):
    """The gains that the GainMaps of the file give its pixels."""
    gain = np.ones(frame.dn.shape)
    for opcode in frame.shot.opcodes[1]:
        top, left, _, _, _, _, down, across = opcode.values["area"]
        gain[top::down, left::across] = spread(opcode.values["gain"][:, :, 0], frame.dn.shape)[
            top::down, left::across
        ]
    return gain


def linear(frame, facts):
    return (frame.dn.astype(np.float64) - facts["black"]) / (facts["white"] - facts["black"])


def spread(gain, size):
    """A gain map at every pixel, by the formula of the DNG specification."""
    (v, h), (height, width) = gain.shape, size
    y, x = (np.arange(height) + 0.5) / height * (v - 1), (np.arange(width) + 0.5) / width * (h - 1)
    across = np.stack([np.interp(x, np.arange(h), row) for row in gain])
    return np.stack([np.interp(y, np.arange(v), column) for column in across.T], axis=1)


def in_mosaic(rgb, pattern):
    out = np.empty(rgb.shape[:2])
    for i, (y, x) in enumerate(product((0, 1), (0, 1))):
        out[y::2, x::2] = rgb[y::2, x::2, pattern[i]]
    return out


@pytest.mark.parametrize("pattern", [RGGB, GRBG, GBRG, BGGR])
def test_the_mean_of_many_frames_is_the_truth(pattern):
    frames = 32
    burst, truth = simulate.burst("leaves", size=SIZE, frames=frames, iso=400, shake="still", pattern=pattern)
    gain, expected = gain_of(burst.frames[0]), in_mosaic(truth.rgb, pattern)
    mean = np.mean([linear(f, truth.facts) * gain for f in burst.frames], axis=0)
    still = (truth.moving == 0) & (expected / gain < 0.9)
    sigma = np.sqrt((truth.facts["shot"] * expected * gain + truth.facts["read"] * gain**2) / frames)
    z = ((mean - expected) / sigma)[still]
    assert z.size > 8000
    assert abs(z.mean()) * math.sqrt(z.size) < 4  # no bias
    assert z.var() == pytest.approx(1, abs=4.5 * math.sqrt(2 / z.size))  # the noise that the file states
    assert np.abs(z).max() < 5


@pytest.mark.parametrize(
    ("cfa", "readout", "blur"), [("rggb", 0.02, 1), ("ryyb", 0.0, 1), ("mono", 0.0, 1), ("xtrans", 0.0, 2)]
)
def test_sixty_four_frames_are_the_truth_through_any_camera(cfa, readout, blur):
    """Bent, coloured, veiled, rolling, blurred: the mean of 64 frames is within 3σ/8 nearly everywhere."""
    burst, truth = simulate.burst(
        "leaves",
        size=SIZE,
        frames=64,
        iso=800,
        shake="still",
        cfa=cfa,
        lens="wide",
        readout=readout,
        blur=blur,
    )
    expected = CFAS[cfa].mosaic(truth.rgb)
    sigma, gain = CFAS[cfa].mosaic(truth.sigma()), gain_of(burst.frames[0])
    mean = np.mean([linear(f, truth.facts) * gain for f in burst.frames], axis=0)
    still = (truth.moving == 0) & (expected / gain < 0.9)
    z = ((mean - expected) / (sigma / 8))[still]
    assert z.size > 8000 and abs(z.mean()) * math.sqrt(z.size) < 4.5
    assert np.mean(np.abs(z) < 3) > 0.995


@pytest.mark.parametrize("pattern", [RGGB, BGGR])
def test_written_read_and_linearized_it_is_still_the_truth(tmp_path, pattern):
    """Through the DNG file, black level, GainMaps and white balance: the mean of the frames is the scene."""
    frames = 16
    taken, truth = simulate.burst("leaves", size=SIZE, frames=frames, iso=400, shake="still", pattern=pattern)
    paths = simulate.write(tmp_path, taken, truth)
    read = gather(paths)
    assert all(np.array_equal(a.dn, b.dn) for a, b in zip(read.frames, taken.frames, strict=True))
    mosaics = list(linearize(read, Linearize(hot_pixels=0)))  # a still hand hides what a defect is
    first = mosaics[0]
    balance = in_mosaic(np.broadcast_to(np.array(first.gain), (*SIZE, 3)), pattern)
    mean = np.mean([m.cfa.astype(np.float64) for m in mosaics], axis=0) / balance
    gain, expected = gain_of(taken.frames[0]), in_mosaic(truth.rgb, pattern)
    still = (truth.moving == 0) & (expected / gain < 0.9)
    sigma = np.sqrt((truth.facts["shot"] * expected * gain + truth.facts["read"] * gain**2) / frames)
    z = ((mean - expected) / sigma)[still]
    assert abs(z.mean()) * math.sqrt(z.size) < 4 and np.abs(z).max() < 5.5
    again = simulate.read_truth(tmp_path)
    assert np.array_equal(again.rgb, truth.rgb) and np.array_equal(again.flow(3), truth.flow(3))
    assert again.facts["iso"] == 400 and np.allclose(again.facts["poses"], truth.poses)


@pytest.mark.parametrize("iso", [100, 1600, 12800])
@pytest.mark.parametrize("level", [0.001, 0.004, 0.02, 0.2, 0.7])
def test_variance_is_shot_noise_and_read_noise(iso, level):
    sensor = phone(iso)
    dn = expose(np.full((400, 500), level, np.float32), FLAT, sensor, seed=3, frame=0, cell=CELL)
    value = (dn.astype(np.float64) - sensor.black) / sensor.span
    expected = sensor.noise.shot[0] * level + sensor.noise.read[0]
    if dn.min() > 0 and dn.max() < sensor.white:
        assert value.mean() == pytest.approx(level, abs=5 * math.sqrt(expected / dn.size))
        assert value.var() == pytest.approx(
            expected, rel=0.02 if iso > 100 else 0.05
        )  # σ < ½ DN: rounding is coarser
    else:
        assert level > 0.5 or iso == 12800


@pytest.mark.parametrize("mean", [0.1, 1.0, 5.0, 9.9, 10.1, 30.0, 400.0])
def test_photons_are_poisson(mean):
    sensor = Sensor(gain=1.0, read=0.0, black=0.0, white=60000.0)
    n = expose(
        np.full((500, 600), mean / sensor.electrons, np.float32), FLAT, sensor, seed=11, frame=2, cell=CELL
    ).astype(np.float64)
    error = math.sqrt(mean / n.size)
    assert n.mean() == pytest.approx(mean, abs=4.5 * error)
    assert n.var() == pytest.approx(mean, abs=4.5 * math.sqrt((mean + 2 * mean**2) / n.size))
    third = np.mean((n - mean) ** 3)
    assert third == pytest.approx(mean, abs=6 * math.sqrt((15 * mean**3 + 30 * mean**2 + mean) / n.size))
    assert np.mean(n == 0) == pytest.approx(
        math.exp(-mean), abs=5 * math.sqrt(math.exp(-mean) / n.size) + 1e-9
    )


def test_read_noise_is_normal():
    sensor = Sensor(gain=1e-9, read=1000.0, black=30000.0, white=60000.0)
    z = (
        expose(np.zeros((700, 800), np.float32), FLAT, sensor, seed=5, frame=0, cell=CELL).astype(np.float64)
        - 30000
    ) / 1000
    assert abs(z.mean()) < 4.5 / math.sqrt(z.size)
    assert z.var() == pytest.approx(1, abs=4.5 * math.sqrt(2 / z.size))
    for x in (-3.5, -2.0, -0.5, 0.5, 1.0, 3.0):
        p = 0.5 * (1 + math.erf(x / math.sqrt(2)))
        assert np.mean(z < x) == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / z.size) + 3e-4)


def test_the_generator_is_philox():
    out = np.empty(4, np.uint32)  # vectors published with the generator
    kernels.philox(np.zeros(2, np.uint32), np.zeros(4, np.uint32), out)
    assert [f"{v:08x}" for v in out] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    kernels.philox(np.full(2, 0xFFFFFFFF, np.uint32), np.full(4, 0xFFFFFFFF, np.uint32), out)
    assert [f"{v:08x}" for v in out] == ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]


@pytest.mark.parametrize("scene", ["leaves", "chart", "room"])
def test_same_seed_same_bytes_on_one_or_two_threads(scene):
    before = kernels.thread_count()
    taken = []
    try:
        for threads in (1, 2):
            kernels.set_threads(threads)
            taken.append(simulate.burst(scene, size=(120, 160), frames=2, seed=4))
    finally:
        kernels.set_threads(before)
    (one, truth_one), (two, truth_two) = taken
    for a, b in zip(one.frames, two.frames, strict=True):
        assert np.array_equal(a.dn, b.dn)
    assert np.array_equal(truth_one.rgb, truth_two.rgb)
    other, _ = simulate.burst(scene, size=(120, 160), frames=2, seed=5)
    assert not np.array_equal(one.frames[0].dn, other.frames[0].dn)


@pytest.mark.parametrize("size", [(64, 64), (128, 64), (64, 130)])
@pytest.mark.parametrize("scene", list(simulate.SCENES))
def test_any_shape_of_picture(scene, size):
    """Also where moving things are wholly outside of it."""
    burst, truth = simulate.burst(scene, size=size, frames=2)
    assert all(f.dn.shape == size for f in burst.frames)
    assert truth.flow(1).shape == (*size, 2) and np.isfinite(truth.rgb).all()


def test_what_comes_into_the_picture_is_whole():
    """A moving thing that begins beyond the canvas is not cut where the canvas ends."""
    block = Thing((0.2, -1.0, 0.8, -0.2), lambda view: view.lay((0.5, 0.5, 0.5)))
    scene = Scene((), (Mover(block, velocity=(0.0, 96.0)),))
    _, truth = simulate.burst(scene, size=SIZE, frames=2, shake="still", reference=1)
    assert (truth.rgb[40:56, 4:70, 1] > 0.4).all() and truth.rgb[48, 90, 1] == 0


def test_sigma_has_what_the_sensor_adds():
    sensor = Sensor(gain=0.1, read=2.0, row=0.5, column=0.25, prnu=0.02, dsnu=3.0, dsnu_column=1.0, drift=1.5)
    _, truth = simulate.burst("leaves", size=SIZE, frames=1, sensor=sensor)
    assert truth.facts["sensor"]["prnu"] == 0.02
    x, v = truth.rgb[48, 64, 1].astype(np.float64), sensor.span
    gain = spread(np.array(truth.facts["shading"])[1], SIZE)[48, 64]
    moving = 0.1 / v * x * gain + (4 * (1 + 0.25 + 0.0625) + 1 / 12 + 1.5**2) / v**2 * gain**2
    assert truth.sigma()[48, 64, 1] ** 2 == pytest.approx(moving, rel=1e-4)
    still = (9 + 1) / v**2 * gain**2 + (0.02 * x) ** 2
    assert truth.sigma(fixed=True)[48, 64, 1] ** 2 == pytest.approx(moving + still, rel=1e-4)


@pytest.mark.parametrize("name", ["truth.json", "truth.npz"])
def test_a_broken_truth_is_refused(tmp_path, name):
    simulate.write(tmp_path, *simulate.burst("leaves", size=SIZE, frames=1))
    (tmp_path / name).write_bytes(b"\x93broken")
    with pytest.raises(InputError, match="cannot be read"):
        simulate.read_truth(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="no truth here"):
        simulate.read_truth(tmp_path)


def test_the_frames_do_not_depend_on_whose_grid_the_truth_is_on():
    (one, _), (two, _) = (simulate.burst("chart", size=SIZE, frames=2, reference=r) for r in (0, 1))
    assert all(np.array_equal(a.dn, b.dn) for a, b in zip(one.frames, two.frames, strict=True))


def test_flow_is_where_the_camera_pointed():
    _, truth = simulate.burst("leaves", size=SIZE, frames=3, shake="hand", seed=2)
    flow = truth.flow(2)
    for y, x in ((5, 7), (90, 120), (40, 3)):
        assert truth.layer[y, x] == 0
        np.testing.assert_allclose(flow[y, x] + (y, x), truth.poses[2] @ (y, x, 1), atol=1e-4)
    assert np.array_equal(truth.flow(0), np.zeros((*SIZE, 2), np.float32))


def test_what_the_flow_says_is_what_the_frames_show():
    """The light of frame 2 at the end of the flow is the light of the reference at its start."""
    arguments = {"size": (160, 224), "frames": 3, "shake": "hand", "seed": 6}
    _, here = simulate.burst("leaves", reference=0, **arguments)
    _, there = simulate.burst("leaves", reference=2, **arguments)
    flow = here.flow(2).astype(np.float64)
    assert np.abs(flow).max() > 1
    y, x = (np.arange(160)[:, None] + flow[..., 0]), (np.arange(224)[None, :] + flow[..., 1])
    iy, ix = np.floor(y).astype(int), np.floor(x).astype(int)
    ok = (iy > 1) & (ix > 1) & (iy < 157) & (ix < 221)
    iy, ix = np.clip(iy, 0, 158), np.clip(ix, 0, 222)
    v, u = (y - iy)[..., None], (x - ix)[..., None]
    t = there.rgb
    moved = (1 - v) * ((1 - u) * t[iy, ix] + u * t[iy, ix + 1]) + v * (
        (1 - u) * t[iy + 1, ix] + u * t[iy + 1, ix + 1]
    )
    right = np.abs(moved - here.rgb)[ok].mean()
    wrong = np.abs(there.rgb - here.rgb)[ok].mean()
    assert right < 0.35 * wrong
    mover = ok & (here.layer == 1)
    assert mover.any() and np.abs(moved - here.rgb)[mover].mean() < 0.02


def test_shading_times_gain_is_one():
    gains = shading(known_lens("plain"), (168, 224))
    sensor = Sensor(gain=0.01, read=0.0, black=0.0, white=65535.0)
    light = np.full((168, 224), 0.9, np.float32)
    dn = expose(light, gains, sensor, seed=1, frame=0, cell=CELL).astype(np.float64)
    for c, (y, x) in zip(CELL.flat, product((0, 1), (0, 1)), strict=True):
        undone = dn[y::2, x::2] * spread(gains[c], (168, 224))[y::2, x::2] / (0.9 * 65535)
        assert undone.mean() == pytest.approx(1, abs=2e-4)
        assert np.abs(undone - 1).max() < 0.01  # photons
    assert 2.2 < gains[0, 0, 0] < 2.9 and gains.min() < 1.01


def test_the_gain_map_of_the_file_says_what_the_lens_did():
    gains = shading(known_lens("wide"), SIZE)
    maps = gain_maps(gains, known_cfa("grbg"), SIZE)
    read = read_opcodes(opcode_bytes(maps), Path("frame.dng"), 2)
    assert [m.values["area"] for m in read] == [(y, x, *SIZE, 0, 1, 2, 2) for y in (0, 1) for x in (0, 1)]
    for plane, one in zip((1, 0, 2, 1), read, strict=True):
        assert np.array_equal(one.values["gain"][..., 0], gains[plane])


def test_a_pixel_collects_with_the_variance_of_its_square():
    point = np.zeros((3, 41, 41), np.float32)
    point[:, 20, 20] = 1
    out = np.empty((160, 160), np.float32)
    fine = np.array([[[0.25, 0, 0], [0, 0.25, 0]]], np.float64)  # a quarter of a canvas pixel apart
    box, straight = np.array([0, 0, 160, 160]), np.zeros((0, 0, 0, 2))
    kernels.render(point, NOTHING, straight, 1, fine, np.zeros((1, 1), np.uint8), box, out[..., None])
    y = np.arange(160) * 0.25 - 20
    weight = out.astype(np.float64).sum(1)
    assert weight.min() >= 0
    assert (weight * y * y).sum() / weight.sum() / 4 == pytest.approx(1 / 12, rel=1e-3)


def test_lamps_and_caves_are_fourteen_stops_apart():
    for scene in ("chart", "room"):
        _, truth = simulate.burst(scene, size=(240, 320), frames=1)
        green = truth.rgb[..., 1]
        assert np.log2(np.percentile(green, 99.98) / np.percentile(green, 0.2)) > 14


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"scene": "rom"}, "did you mean room"),
        ({"size": (95, 128)}, "even"),
        ({"frames": 0}, "1 … 64"),
        ({"iso": 1}, "25 … 102400"),
        ({"reference": 8}, "0 … 7"),
        ({"shake": "shake"}, "did you mean shaky"),
        ({"lens": "fish"}, "phone, plain, wide"),
        ({"cfa": "rgbg"}, "is not one of rggb"),
        ({"pattern": (0, 0, 1, 2)}, "no Bayer pattern"),
        ({"cfa": "ryyb", "filters": "phone"}, "filters = phone are RGB, but cfa = ryyb has RYB"),
        ({"readout": 0.5}, "0 … 0.0333 s"),
        ({"blur": 0}, "1 … 64 moments"),
        ({"seed": -1}, "0 … 2⁶³"),
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        simulate.burst(**{"size": SIZE, **arguments})
