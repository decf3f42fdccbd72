# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import RGGB, Burst, Flow, Frames, Mosaic, Noise, RawFrame, Shot
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import TILE, align, sharpest
from lichtbild.combine.pyramid import grey, pyramid
from lichtbild.simulate import burst as simulated

NOISE = Noise((5e-4,) * 3, (1e-6,) * 3)


def texture(seed):
    """Band-limited texture, sampled anywhere by its own cosines: exact under any motion."""
    rng = np.random.default_rng(seed)
    waves = [
        tuple(np.float32([*rng.uniform(-0.11, 0.11, 2), rng.uniform(0, 6.28), rng.uniform(0.4, 1)]))
        for _ in range(20)
    ]
    waves += [tuple(np.float32([*rng.uniform(-0.01, 0.01, 2), rng.uniform(0, 6.28), 2.0])) for _ in range(5)]

    def sample(y, x):
        y, x = np.float32(y), np.float32(x)
        value = sum(a * np.cos(np.float32(2 * np.pi) * (fy * y + fx * x) + p) for fy, fx, p, a in waves)
        return (0.4 * np.exp(0.2 * value)).astype(np.float32)

    return sample


def frame(light, noise=NOISE, seed=None):
    if seed is not None:
        rng = np.random.default_rng(seed)
        light = light + np.sqrt(noise.shot[0] * light + noise.read[0]) * rng.standard_normal(light.shape)
    light = np.ascontiguousarray(light, np.float32)
    return Mosaic(
        light,
        "bayer",
        RGGB,
        (1.0, 1.0, 1.0),
        noise,
        np.zeros(light.shape, np.uint8),
        Shot(Path(), light.shape),
    )


def frames_of(*mosaics, reference=0):
    return Frames(len(mosaics), reference, lambda k: mosaics[k], "linearize")


def moved(sample, h, w, dy, dx, degrees=0.0):
    """The reference grid and a frame in which the scene went by (dy, dx) and turned about the centre."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    cy, cx = (h - 1) / 2, (w - 1) / 2
    # frame pixel q shows scene point p with q = R (p - c) + c + d
    qy, qx = y - cy - dy, x - cx - dx
    return sample(c * qy + s * qx + cy, -s * qy + c * qx + cx)


def truth(h, w, dy, dx, degrees=0.0):
    ny, nx = -(-h // TILE), -(-w // TILE)
    y, x = np.meshgrid((np.arange(ny) + 0.5) * TILE - 0.5, (np.arange(nx) + 0.5) * TILE - 0.5, indexing="ij")
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    py, px = y - (h - 1) / 2, x - (w - 1) / 2
    return np.stack([c * py - s * px - py + dy, s * py + c * px - px + dx], axis=-1)


@pytest.mark.parametrize(
    "motion", [(0.0, 0.0, 0.0), (3.4, -7.7, 0.0), (64.0, 37.3, 0.0), (-20.5, 64.0, 1.0), (5.0, 5.0, -1.0)]
)
def test_finds_a_known_motion(motion):
    h, w = 704, 896
    sample = texture(1)
    flow = align(
        frames_of(frame(sample(*np.mgrid[0:h, 0:w]), seed=1), frame(moved(sample, h, w, *motion), seed=2))
    )
    error = np.hypot(*np.moveaxis(flow.shift[1] - truth(h, w, *motion), -1, 0))
    # tiles whose content left the picture cannot know
    away = truth(h, w, *motion)
    ny, nx = error.shape
    y, x = np.meshgrid((np.arange(ny) + 0.5) * TILE, (np.arange(nx) + 0.5) * TILE, indexing="ij")
    inside = (
        (y + away[..., 0] > 48)
        & (y + away[..., 0] < h - 48)
        & (x + away[..., 1] > 48)
        & (x + away[..., 1] < w - 48)
    )
    assert inside.sum() > 60
    assert np.median(error[inside]) < 0.1
    assert np.percentile(error[inside], 95) < 0.5


def test_the_reference_does_not_move():
    sample = texture(4)
    a, b = frame(sample(*np.mgrid[0:256, 0:256]), seed=1), frame(moved(sample, 256, 256, 3, 1), seed=2)
    flow = align(frames_of(b, a, reference=1))
    assert not flow.shift[1].any()
    np.testing.assert_allclose(np.median(flow.shift[0], axis=(0, 1)), (3, 1), atol=0.1)


def test_grey_has_unit_noise_at_every_brightness():
    ramp = np.broadcast_to(np.linspace(0.02, 0.9, 512, dtype=np.float32), (512, 512))
    clean, noisy = grey(frame(ramp)), grey(frame(ramp, seed=5))
    for part in np.array_split(noisy - clean, 4, axis=1):
        assert part.std() == pytest.approx(1, rel=0.03)


def test_grey_equals_its_twin():
    m = frame(texture(6)(*np.mgrid[0:37, 0:51]), seed=1)
    cell = (m.cfa[0:36:2, 0:50:2] + m.cfa[0:36:2, 1:50:2] + m.cfa[1:36:2, 0:50:2] + m.cfa[1:36:2, 1:50:2]) / 4
    s, r = NOISE.shot[0] / 4, NOISE.read[0] / 4
    np.testing.assert_allclose(grey(m), 2 / s * np.sqrt(s * cell + r), rtol=1e-5)


def test_pyramid_equals_its_twin():
    image = np.random.default_rng(0).normal(size=(101, 74)).astype(np.float32)
    levels = pyramid(image)
    pad = np.pad(image, 1, mode="edge")
    rows = 0.25 * pad[:-2] + 0.5 * pad[1:-1] + 0.25 * pad[2:]
    np.testing.assert_allclose(
        levels[0], 0.25 * rows[:, :-2] + 0.5 * rows[:, 1:-1] + 0.25 * rows[:, 2:], atol=1e-5
    )
    taps = np.array([1, 3, 3, 1]) / 8

    def halved(a):
        p = np.pad(a, ((1, 1), (0, 0)), mode="edge")
        return sum(t * p[k : k + 2 * (len(a) // 2) : 2] for k, t in enumerate(taps))

    below = np.empty((50, 37), np.float32)
    kernels.align_soften(image, np.empty_like(image), below)
    np.testing.assert_allclose(below, halved(halved(image).T).T, atol=1e-5)


def test_the_sharpest_frame_is_the_reference():
    sharp = texture(7)(*np.mgrid[0:256, 0:256])
    soft = sum(np.roll(sharp, (dy, dx), (0, 1)) for dy in range(-4, 5) for dx in range(-4, 5)) / 81
    frames = [frame(soft, seed=1), frame(sharp, seed=2), frame(soft, seed=3)]
    burst = Burst(tuple(RawFrame((f.cfa * 900 + 64).round().astype(np.uint16), f.shot) for f in frames))
    assert sharpest(burst) == 1


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (64, 64), (65, 130), (3, 400)])
def test_small_and_odd_sizes(size):
    sample = texture(8)
    light = sample(*np.mgrid[0 : size[0], 0 : size[1]])
    flow = align(frames_of(frame(light, seed=1), frame(light, seed=2)))
    assert flow.shift.shape == (2, -(-size[0] // TILE), -(-size[1] // TILE), 2)
    assert np.isfinite(flow.shift).all()
    assert np.abs(flow.shift).max() < 3


def test_nothing_to_see_is_no_motion():
    flat = np.full((200, 200), 0.2, np.float32)
    flow = align(frames_of(frame(flat), frame(flat)))
    assert np.abs(flow.shift).max() < 1e-3


def test_threads_do_not_change_a_bit():
    sample = texture(9)
    burst = frames_of(
        frame(sample(*np.mgrid[0:300, 0:420]), seed=1), frame(moved(sample, 300, 420, 6, -3, 0.3), seed=2)
    )
    try:
        kernels.set_threads(1)
        one = align(burst)
        kernels.set_threads(2)
        two = align(burst)
    finally:
        kernels.set_threads(0)
    np.testing.assert_array_equal(one.shift, two.shift)
    np.testing.assert_array_equal(one.trust, two.trust)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_where_there_is_only_noise_nothing_moves(seed):
    flat = np.full((512, 512), 0.2, np.float32)
    flow = align(frames_of(*(frame(flat, seed=10 * seed + k) for k in range(4))))
    assert np.abs(flow.shift).max() < 1
    assert flow.trust.mean() > 0.995  # noise is explained


@pytest.mark.parametrize("contrast", [0.1, 0.02, 0.005])
def test_stripes_do_not_slide_along_themselves(contrast):
    y = np.arange(768)[:, None] - np.zeros(1024)
    light = [0.2 + contrast * ((y - 2 * k) // 40 % 2) for k in range(3)]
    flow = align(frames_of(*(frame(a.astype(np.float32), seed=k) for k, a in enumerate(light))))
    np.testing.assert_allclose(np.median(flow.shift[..., 0], axis=(1, 2)), (0, 2, 4), atol=0.2)
    assert np.abs(flow.shift[..., 1]).max() < 1


def dense(flow, k, shape):
    """Shift at every pixel as `Flow` defines it: bilinear between tile centres, beyond them continued."""
    (h, w), n = shape, flow.tile
    ny, nx = flow.shift.shape[1:3]
    fy, fx = (np.arange(h) + 0.5) / n - 0.5, (np.arange(w) + 0.5) / n - 0.5
    j = np.clip(np.floor(fy).astype(int), 0, ny - 2)
    i = np.clip(np.floor(fx).astype(int), 0, nx - 2)
    a, b = (fy - j)[:, None, None], (fx - i)[None, :, None]
    s = flow.shift[k]
    top = s[j][:, i] * (1 - b) + s[j][:, i + 1] * b
    low = s[j + 1][:, i] * (1 - b) + s[j + 1][:, i + 1] * b
    return top * (1 - a) + low * a


@pytest.mark.parametrize(
    ("shake", "iso", "readout", "seed"),
    [
        ("hand", 100, 0.0, 3),
        ("hand", 800, 0.03, 4),
        ("hand", 3200, 0.02, 5),
        ("wild", 800, 0.0, 6),
        ("shaky", 800, 0.01, 8),
    ],
)
def test_the_background_of_a_simulated_burst(shake, iso, readout, seed):
    size = 480, 640
    burst, truth = simulated("leaves", size=size, frames=2, iso=iso, shake=shake, readout=readout, seed=seed)
    flow = align(linearize(replace(burst, reference=0)))
    error = np.linalg.norm(dense(flow, 1, size) - truth.flow(1), axis=-1)
    seen = (truth.layer == 0) & (truth.occluded(1) == 0)
    assert np.median(error[seen]) < 0.1
    assert np.percentile(error[seen], 95) < 0.5


def test_a_camera_near_to_a_flat_thing():
    h, w = 640, 832
    sample = texture(11)
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    v, u = (y - h / 2) / w, (x - w / 2) / w
    far = 1 + 0.02 * u - 0.015 * v  # the frame's pixel sees the scene point through a homography
    light = sample(h / 2 + w * v / far + 2.0, w / 2 + w * u / far - 5.0)
    flow = align(frames_of(frame(sample(y, x), seed=1), frame(light, seed=2)))
    cy, cx = (np.arange(n) * TILE + TILE / 2 - 0.5 for n in flow.trust.shape[1:])
    cy, cx = np.meshgrid(cy, cx, indexing="ij")
    py, px = cy - 2.0, cx + 5.0  # undone: by iteration to where the frame shows the reference's pixel
    for _ in range(20):
        f = 1 + 0.02 * (px - w / 2) / w - 0.015 * (py - h / 2) / w
        py, px = h / 2 + (cy - 2.0 - h / 2) * f, w / 2 + (cx + 5.0 - w / 2) * f
    error = np.hypot(flow.shift[1, ..., 0] - (py - cy), flow.shift[1, ..., 1] - (px - cx))
    assert np.median(error) < 0.1
    assert np.percentile(error[1:-1, 1:-1], 95) < 0.5


@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_frames_of_other_exposure(gain):
    """A frame that clips four times earlier or later, its light on the reference's scale, aligns as well."""
    h, w = 512, 640
    sample = texture(12)
    first, second = 2.2 * sample(*np.mgrid[0:h, 0:w]), 2.2 * moved(sample, h, w, 4.0, -6.0)
    tops = 1.0, 1.0 / gain
    made = []
    for k, (light, top) in enumerate(zip((first, second), tops, strict=True)):
        noise = Noise((5e-4 * top,) * 3, (1e-6 * top**2,) * 3)
        shown = frame(light, noise, seed=k)
        clipped = shown.cfa >= top
        made.append(
            replace(
                shown, cfa=np.minimum(shown.cfa, np.float32(top)), gain=(top,) * 3,
                clipped=clipped.astype(np.uint8),
            )
        )  # fmt: skip
    assert max(m.clipped.mean() for m in made) > 0.3
    flow = align(frames_of(*made))
    error = np.hypot(flow.shift[1, ..., 0] - 4, flow.shift[1, ..., 1] + 6)
    assert np.median(error) < 0.1
    assert np.percentile(error, 95) < 0.5
    assert flow.trust[1, 1:-1, 1:-1].mean() > 0.9


QUAD = np.kron(np.array([[0, 1], [1, 2]]), np.ones((2, 2))).astype(np.uint8)
XTRANS = np.array(
    [[1, 2, 1, 1, 0, 1], [0, 1, 0, 2, 1, 2], [1, 2, 1, 1, 0, 1],
     [1, 0, 1, 1, 2, 1], [2, 1, 2, 0, 1, 0], [1, 0, 1, 1, 2, 1]], np.uint8,
)  # fmt: skip


@pytest.mark.parametrize("cell", [QUAD, XTRANS, np.kron(QUAD[::2, ::2], np.ones((3, 3))).astype(np.uint8)])
def test_cells_of_other_sizes(cell):
    """On colours far from grey a mosaic is a pattern that does not move with the scene: none may be left."""
    h, w = 512, 640
    sample = texture(13)
    at = np.tile(cell, (h // len(cell) + 1, w // len(cell) + 1))[:h, :w]
    strength = np.float32([1.0, 0.4, 0.15])[at]
    made = []
    for k, light in enumerate((sample(*np.mgrid[0:h, 0:w]), moved(sample, h, w, 3.0, -5.0))):
        one = frame(light * strength, seed=k)
        made.append(replace(one, shot=replace(one.shot, cell=cell)))
    flat = frame(0.5 * np.ones((h, w)) * strength)
    plain = grey(replace(flat, shot=replace(flat.shot, cell=cell)))
    assert np.ptp(plain[4:-4, 4:-4]) < 1e-3 * plain.mean()
    flow = align(frames_of(*made))
    error = np.hypot(flow.shift[1, ..., 0] - 3, flow.shift[1, ..., 1] + 5)
    assert np.median(error) < (0.2 if len(cell) == 6 else 0.1)  # a wide window sees less
    assert np.percentile(error, 95) < 0.5


def test_trust_is_the_share_that_is_explained():
    h, w = 512, 640
    sample = texture(14)
    still = sample(*np.mgrid[0:h, 0:w])
    other = still.copy()
    other[192:256, 256:320] = 0.8  # one tile shows something else
    other[320:352, 384:448] = 0.8  # half of a tile
    flow = align(frames_of(frame(still, seed=1), frame(other, seed=2)))
    assert flow.trust[1, 3, 4] == 0
    assert 0.25 <= flow.trust[1, 5, 6] <= 0.5  # and what is beside it in the softened pictures
    assert np.median(flow.trust[1]) == 1
    assert flow.trust.dtype == np.float32


def test_a_flow_needs_no_second():
    flow = Flow(np.zeros((1, 1, 1, 2), np.float32), 64, np.ones((1, 1, 1), np.float32))
    assert flow.second is None
    assert flow.turn is None
