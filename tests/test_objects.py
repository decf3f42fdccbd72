# SPDX-License-Identifier: Apache-2.0
"""Things that move on their own: the law is the motion that they were given."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Frames, Mosaic, Noise, Shot
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import TILE, Align, align
from lichtbild.simulate import burst as simulated

GROUND = (1.5, -2.0)  # px per frame


def texture(seed):
    """Waves of every length from 9 to 250 px, as many in each octave."""
    rng = np.random.default_rng(seed)
    turns, lengths = rng.uniform(0, 2 * np.pi, (2, 24)), np.geomspace(9, 250, 24)
    k = 2 * np.pi / lengths
    waves = np.column_stack([np.cos(turns[0]) * k, np.sin(turns[0]) * k, turns[1]]).astype(np.float32)

    def sample(y, x):
        value = sum(np.cos(fy * y + fx * x + p) for fy, fx, p in waves)
        return 0.4 * np.exp(0.17 * value)

    return sample


def shot(light, level, seed):
    """A frame with noise of variance `level` · light."""
    noisy = light + np.sqrt(level * light) * np.random.default_rng(seed).standard_normal(light.shape)
    noise = Noise((level,) * 3, (1e-6,) * 3)
    cfa = np.ascontiguousarray(noisy, np.float32)
    clipped = np.zeros(light.shape, np.uint8)
    return Mosaic(cfa, "bayer", RGGB, (1.0,) * 3, noise, clipped, Shot(Path(), light.shape))


def scene(count, covers, path, *, size=(512, 704), level=5e-4, degrees=0.0):
    """Frames in which a thing, where covers(v, u) of its own coordinates, goes along path(k) = (y, x)."""
    ground, thing = texture(1), texture(2)
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    made = []
    for k in range(count):
        light = ground(y - GROUND[0] * k, x - GROUND[1] * k)
        cy, cx = path(k)
        c, s = np.cos(np.radians(degrees * k)), np.sin(np.radians(degrees * k))
        v, u = c * (y - cy) - s * (x - cx), s * (y - cy) + c * (x - cx)
        inside = covers(v, u)
        light[inside] = thing(v, u)[inside]
        made.append(shot(light, level, k))
    return Frames(count, 0, lambda k: made[k], "linearize")


def disk(radius):
    return lambda v, u: v * v + u * u < radius * radius


def straight(start, speed):
    return lambda k: (start[0] + speed[0] * k, start[1] + speed[1] * k)


def at(flow, k, y, x):
    """What is offered at a pixel: the motions of its tile and the eight around it, "n 2"."""
    j, i = int(y) // TILE, int(x) // TILE
    offered = flow.second[k, max(0, j - 1) : j + 2, max(0, i - 1) : i + 2].reshape(-1, 2)
    return offered[np.isfinite(offered[:, 0])]


def test_a_thing_is_followed_and_the_background_stays_smooth():
    speed = (3.0, 24.0)
    flow = align(scene(2, disk(90), straight((256, 300), speed)))
    assert flow.second is not None
    for y, x in [(256, 300), (200, 300), (310, 260)]:
        np.testing.assert_allclose(flow.second[1, y // TILE, x // TILE], speed, atol=0.2)
    np.testing.assert_allclose(flow.shift[1], np.broadcast_to(GROUND, flow.shift[1].shape), atol=0.1)
    assert np.isnan(flow.second[0]).all()
    assert np.isnan(flow.second[1, 0, 0]).all()
    assert flow.trust[1, 4, 4] < 0.2
    assert align(scene(2, disk(90), straight((256, 300), speed)), Align(reach=0)).second is None


def test_time_tells_where_a_thing_has_gone():
    """Farther than the reach from the reference, and in both directions of time."""
    speed = (4.0, 13.0)
    frames = scene(8, disk(80), straight((180, 150), speed), size=(320, 576))
    flow = align(frames, Align(reach=24))
    for k in range(1, 8):
        offered = flow.second[k, 180 // TILE, 150 // TILE]
        np.testing.assert_allclose(offered, np.multiply(speed, k), atol=0.2)
    flow = align(replace(frames, reference=7), Align(reach=24))
    np.testing.assert_allclose(flow.second[0, 208 // TILE, 241 // TILE], np.multiply(speed, -7), atol=0.2)


@pytest.mark.parametrize(
    ("covers", "name"),
    [
        (disk(22), "44 px"),
        (lambda v, u: (np.abs(v) < 120) & (np.abs(u) < 10), "a bar of 20 px"),
    ],
)
def test_small_and_thin_things(covers, name):
    speed = (-2.0, 18.0)
    for start in [(224.0, 224.0), (224.0, 256.0)]:  # in tiles and across their edges
        flow = align(scene(2, covers, straight(start, speed), size=(448, 576)))
        offered = at(flow, 1, *start)
        assert len(offered), name
        assert np.hypot(*(offered - speed).T).min() < 0.7, name


def test_half_a_tile_has_both_motions():
    """An edge through the middle of tiles: the thing's motion in second, the background's in shift."""
    speed = (2.0, 20.0)
    start = (256.0, 5 * TILE + TILE / 2 - 110)  # its right edge
    flow = align(scene(2, disk(110), straight(start, speed)))
    np.testing.assert_allclose(flow.second[1, 4, 5], speed, atol=0.2)
    np.testing.assert_allclose(flow.shift[1, 4, 5], GROUND, atol=0.1)
    np.testing.assert_allclose(flow.shift[1, 4, 4], GROUND, atol=0.1)


def test_a_thing_that_turns():
    degrees, speed, start = 2.0, (3.0, 11.0), (256.0, 320.0)
    flow = align(scene(2, disk(110), straight(start, speed), degrees=degrees))
    assert flow.turn is not None
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    found = 0
    for j, i in [(3, 4), (3, 5), (4, 4), (4, 5)]:
        y, x = (j + 0.5) * TILE - 0.5 - start[0], (i + 0.5) * TILE - 0.5 - start[1]
        expected = c * y + s * x - y + speed[0], -s * y + c * x - x + speed[1]
        np.testing.assert_allclose(flow.second[1, j, i], expected, atol=0.3)
        found += flow.turn[1, j, i, 1] == pytest.approx(s, abs=0.01)
        found += flow.turn[1, j, i, 2] == pytest.approx(-s, abs=0.01)
    assert found == 8


@pytest.mark.parametrize(("level", "bound"), [(2e-4, 0.15), (1.5e-3, 0.2), (6e-3, 0.35)])
def test_noise_is_borne(level, bound):
    speed = (4.0, 11.0)
    flow = align(scene(3, disk(110), straight((256, 256), speed), level=level))
    for k in (1, 2):
        error = np.linalg.norm(flow.second[k, 3:5, 3:5] - np.multiply(speed, k), axis=-1)
        assert np.median(error) < bound


def test_the_ball_of_a_simulated_burst():
    """It rolls and turns by four degrees a frame, and is as large as two tiles."""
    size = 640, 832
    burst, truth = simulated("leaves", size=size, frames=2, iso=400, shake="hand", seed=2)
    flow = align(linearize(replace(burst, reference=0)))
    there = truth.flow(1)
    errors, stays = [], []
    for j, i in np.argwhere(np.isfinite(flow.second[1, ..., 0])):
        y, x = int((j + 0.5) * TILE), int((i + 0.5) * TILE)
        if truth.layer[y, x] == 1:
            errors.append(np.linalg.norm(flow.second[1, j, i] - there[y, x]))
            stays.append(np.linalg.norm(flow.shift[1, j, i] - there[y, x]))
    assert len(errors) >= 2
    assert np.median(errors) < 0.6 * np.median(stays)


def test_where_nothing_moves_on_its_own_there_is_no_second():
    flow = align(scene(2, lambda v, u: np.zeros(v.shape, bool), straight((0, 0), (0, 0))))
    assert flow.second is None
    assert flow.turn is None


def test_threads_do_not_change_a_bit():
    frames = scene(3, disk(60), straight((160, 200), (2.0, 17.0)), size=(320, 384), level=2e-3, degrees=1.0)
    made = []
    try:
        for threads in (1, 2, 3):
            kernels.set_threads(threads)
            made.append(align(frames))
    finally:
        kernels.set_threads(0)
    for other in made[1:]:
        for name in ("shift", "trust", "second", "turn"):
            np.testing.assert_array_equal(getattr(made[0], name), getattr(other, name))
