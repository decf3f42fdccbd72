# SPDX-License-Identifier: Apache-2.0
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from lichtbild.base import kernels
from lichtbild.base.errors import QualityWarning, StateError
from lichtbild.base.image import RGGB, Flow, Frames, Mosaic, Noise, Scene, Shot
from lichtbild.capture.demosaic import SURVIVES as BY_KIND
from lichtbild.capture.demosaic import coloured
from lichtbild.combine.agree import agreement
from lichtbild.combine.merge import BROAD, FINE, MOST, Merge, merge, variances, verdict

SURVIVES = BY_KIND["bayer"]
NOISE = Noise((4e-4, 2e-4, 3e-4), (4e-6, 1e-6, 2e-6))


def scene_of(rgb, noise=NOISE, **more):
    return Scene(np.ascontiguousarray(rgb, np.float32), "camera", Shot(Path(), rgb.shape[:2]), noise, **more)


def frames_of(*scenes, reference=0):
    return Frames(len(scenes), reference, lambda k: scenes[k], "demosaic")


def still(count, h, w, tile=64):
    ny, nx = -(-h // tile), -(-w // tile)
    return Flow(np.zeros((count, ny, nx, 2), np.float32), tile, np.ones((count, ny, nx), np.float32))


def noisy(light, seed, noise=NOISE):
    """A frame with three colours at every pixel and the noise that demosaicking leaves in a cell."""
    rng = np.random.default_rng(seed)
    survives = np.sqrt(4 * np.array(SURVIVES))  # so that the mean of four independent pixels has it
    sigma = np.sqrt(np.array(noise.shot) * light + np.array(noise.read)) * survives
    return scene_of(light + sigma * rng.standard_normal(light.shape), noise)


def wavy(h, w, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    light = np.full((h, w, 3), 0.3)
    for _ in range(5):
        fy, fx = rng.uniform(-0.04, 0.04, 2)
        light += (0.05 * np.cos(2 * np.pi * (fy * y + fx * x) + rng.uniform(0, 6)))[..., None] * rng.uniform(
            0.5, 1, 3
        )
    return light


def test_noise_falls_with_the_number_of_frames():
    light = wavy(200, 220)
    scenes = [noisy(light, k) for k in range(8)]
    merged = merge(frames_of(*scenes), still(8, 200, 220))
    before, after = (scenes[0].rgb - light)[16:-16, 16:-16], (merged.rgb - light)[16:-16, 16:-16]
    np.testing.assert_allclose(before.var(axis=(0, 1)) / after.var(axis=(0, 1)), 8, rtol=0.1)
    assert merged.frames.mean() > 7.9
    assert merged.merged == 8


def test_the_merge_is_not_biased():
    light = wavy(200, 220)
    merged = merge(frames_of(*[noisy(light, k) for k in range(8)]), still(8, 200, 220))
    z = (merged.rgb - light) / np.sqrt(
        (np.array(NOISE.shot) * light + np.array(NOISE.read)) * 4 * np.array(SURVIVES) / 8
    )
    assert abs(z.mean()) * np.sqrt(z.size) < 4
    assert z.var() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("contrast", [0.05, 0.2, 0.6])
def test_a_moving_thing_leaves_no_ghost(contrast):
    light = wavy(240, 320)
    scenes = []
    for k in range(8):
        here = light.copy()
        here[80:160, 40 + 30 * k : 110 + 30 * k] += contrast
        scenes.append(noisy(here, k))
    truth = light.copy()
    truth[80:160, 40:110] += contrast
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        merged = merge(frames_of(*scenes), still(8, 240, 320))
    sigma = np.sqrt((np.array(NOISE.shot) * truth + np.array(NOISE.read)) * 4 * np.array(SURVIVES))
    far = np.abs(merged.rgb - truth) > 4 * sigma
    assert far[60:180].mean() < 0.002


def test_noise_model_of_a_cell_is_what_demosaicking_leaves():
    sigma = 0.01
    cfa = (0.3 + sigma * np.random.default_rng(0).standard_normal((512, 512))).astype(np.float32)
    flat = Noise((0.0,) * 3, (sigma**2,) * 3)
    scene = coloured(
        Mosaic(
            cfa,
            "bayer",
            RGGB,
            (1.0, 1.0, 1.0),
            flat,
            np.zeros((512, 512), np.uint8),
            Shot(Path(), (512, 512)),
        )
    )
    cells = np.empty((3, 256, 256), np.float32)
    kernels.merge_cells(scene.rgb, cells)
    np.testing.assert_allclose(cells[:, 8:-8, 8:-8].var(axis=(1, 2)) / sigma**2, SURVIVES, rtol=0.05)


def test_frames_that_agree_are_believed():
    """Under noise alone hardly a cell is refused: the thresholds lie above what noise does."""
    light = np.full((256, 256, 3), 0.2)
    merged = merge(frames_of(noisy(light, 1), noisy(light, 2)), still(2, 256, 256))
    assert merged.frames[8:-8, 8:-8].mean() > 1.98


def test_a_shift_is_undone():
    h, w = 192, 256
    y, x = np.mgrid[0:h, 0:w].astype(float)

    def picture(dy, dx):
        return np.repeat((0.4 + 0.1 * np.cos(0.31 * (y - dy) + 0.2 * (x - dx)))[..., None], 3, 2)

    quiet = Noise((1e-6,) * 3, (1e-9,) * 3)
    flow = still(2, h, w)
    flow.shift[1] = (2.375, -3.25)
    merged = merge(frames_of(scene_of(picture(0, 0), quiet), scene_of(picture(2.375, -3.25), quiet)), flow)
    assert merged.frames[8:-8, 8:-8].min() > 1.99
    np.testing.assert_allclose(merged.rgb[8:-8, 8:-8], picture(0, 0)[8:-8, 8:-8], atol=5e-4)


def twin(rgb, reference, shift, params, noise):
    """Weight of every cell and the warped frame for a whole-pixel shift, by the docstring's formulas."""
    dy, dx = shift
    h, w = rgb.shape[:2]
    y, x = np.clip(np.arange(h) + dy, 0, h - 1), np.clip(np.arange(w) + dx, 0, w - 1)
    warped = rgb[y][:, x].astype(np.float64)
    cell = lambda a: a.reshape(h // 2, 2, w // 2, 2, 3).mean(axis=(1, 3))  # noqa: E731
    m, v = cell(reference.astype(np.float64)), cell(warped)
    pad = np.pad(m, ((1, 1), (1, 1), (0, 0)), mode="edge")
    slope = (pad[1:-1, 2:] - pad[1:-1, :-2]) ** 2 + (pad[2:, 1:-1] - pad[:-2, 1:-1]) ** 2
    f = np.array(SURVIVES)
    variance = 2 * f * (np.array(noise.shot) * np.maximum((m + v) / 2, 0) + np.array(noise.read))
    d = ((v - m) ** 2 / (variance + (params.slack / 4) ** 2 * slope)).mean(axis=2)

    def box(radius, most):
        return uniform_filter(np.minimum(d, most), 2 * radius + 1, mode="constant", cval=1.0)

    fall = lambda a, t: np.clip((t[1] - a) / (t[1] - t[0]), 0, 1)  # noqa: E731
    a = fall(box(1, MOST[0]), FINE) * fall(box(4, MOST[1]), BROAD)
    pad = np.pad(a, 1, mode="edge")
    return np.min(
        [pad[j : j + a.shape[0], i : i + a.shape[1]] for j in range(3) for i in range(3)], axis=0
    ), warped


@pytest.mark.parametrize("size", [(96, 120), (130, 144), (110, 200)])
def test_the_kernel_equals_its_twin(size):
    rng = np.random.default_rng(5)
    light = wavy(*size)
    one, two = noisy(light, 1), noisy(light, 2)
    rgb = two.rgb.copy()
    rgb[20:32, 20:32] += 0.02  # something to doubt
    total, belief = np.zeros_like(rgb), np.zeros((size[0] // 2, size[1] // 2), np.float32)
    cells = np.empty((*belief.shape, 3), np.float32)
    kernels.merge_means(one.rgb, cells)
    shift = rng.integers(-1, 2, 2)
    flow = np.broadcast_to(shift.astype(np.float32), (2, 3, 2)).copy()
    kernels.merge_add(
        rgb, cells, np.zeros((0, 0), np.float32), flow, 64, verdict(one, Merge()), total, belief
    )
    expected, warped = twin(rgb, one.rgb, shift, Merge(), NOISE)
    np.testing.assert_allclose(belief[7:-7, 9:-9], expected[7:-7, 9:-9], atol=2e-3)
    sure = np.kron(expected > 0.999, np.ones((2, 2))).astype(bool)
    sure = np.min([np.roll(sure, s, (0, 1)) for s in ((0, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))], axis=0)
    sure[:16] = sure[-16:] = False
    sure[:, :16] = sure[:, -16:] = False
    assert sure.mean() > 0.05
    np.testing.assert_allclose(total[sure], warped[sure], rtol=1e-3, atol=1e-4)


def moved(light, thing, by):
    """A picture with a thing in it that has moved."""
    h, w = thing.shape[:2]
    here = light.copy()
    here[60 + by[0] : 60 + by[0] + h, 60 + by[1] : 60 + by[1] + w] = thing
    return here


@pytest.mark.parametrize("tile", [32, 64])
def test_a_second_motion_is_followed(tile):
    """With a motion of its own a thing gets all frames but at its rim; without, none."""
    light, thing = wavy(240, 320), wavy(100, 120, seed=8) + 0.1
    steps = [(0, 0), (9, 14), (-11, 23), (5, -17)]
    scenes = [noisy(moved(light, thing, by), k) for k, by in enumerate(steps)]
    flow = still(4, 240, 320, tile)
    second = np.full_like(flow.shift, np.nan)
    for k, by in enumerate(steps):
        second[k, 32 // tile : 200 // tile + 1, 32 // tile : 224 // tile + 1] = by
    inside = (slice(36, 74), slice(36, 84))  # cells, 12 px from the rim
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        alone = merge(frames_of(*scenes), flow)
        followed = merge(frames_of(*scenes), replace(flow, second=second))
    assert alone.frames[inside].mean() < 1.6
    assert followed.frames[inside].mean() > 3.9
    assert followed.frames[:16].mean() > 3.9
    error = (followed.rgb - moved(light, thing, (0, 0)))[72:148, 72:168]
    sigma = np.sqrt((np.array(NOISE.shot) * thing.mean() + np.array(NOISE.read)) * 4 * np.array(SURVIVES) / 4)
    assert error.std() < 1.1 * sigma.mean()


def spun(light, angle, centre, radius):
    """A picture with a disk of fine waves in it, turned by so many radians about its middle."""
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]] - np.array(centre)[:, None, None]
    v, u = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    pattern = 0.35 + 0.1 * np.sin(0.5 * v) * np.cos(0.4 * u + 0.3 * v)
    here = (y * y + x * x < radius * radius)[..., None]
    return np.where(here, pattern[..., None], light).astype(np.float32)


def test_a_thing_that_turns_is_followed():
    """A thing gets all frames where it turns; with the motions of the tiles' middles alone it does not."""
    light, tile, middle, radius = wavy(256, 320), 64, (127.5, 159.5), 90
    angles = (0.0, 0.06, -0.08, 0.11)
    scenes = [noisy(spun(light, angle, middle, radius), k) for k, angle in enumerate(angles)]
    flow = still(4, 256, 320, tile)
    y, x = (np.mgrid[0 : flow.shift.shape[1], 0 : flow.shift.shape[2]] + 0.5) * tile - 0.5
    second, turn = np.empty_like(flow.shift), np.empty((*flow.shift.shape[:3], 4), np.float32)
    for k, angle in enumerate(angles):
        c, s = np.cos(angle) - 1, np.sin(angle)
        turn[k] = c, s, -s, c
        v, u = y - middle[0], x - middle[1]
        second[k] = np.stack([c * v + s * u, c * u - s * v], axis=2)
    inside = np.hypot(*(np.mgrid[0:128, 0:160] * 2 + 0.5 - np.array(middle)[:, None, None])) < radius - 12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        shifted = merge(frames_of(*scenes), replace(flow, second=second))
        turned = merge(frames_of(*scenes), replace(flow, second=second, turn=turn))
    assert turned.frames[inside].mean() > 3.9 > 3 > shifted.frames[inside].mean()
    error = (turned.rgb - spun(light, 0.0, middle, radius))[np.kron(inside, np.ones((2, 2))) > 0]
    sigma = np.sqrt((np.array(NOISE.shot) * 0.35 + np.array(NOISE.read)) * 4 * np.array(SURVIVES) / 4)
    assert error.std() < 1.15 * sigma.mean()


def test_frames_and_weights_are_what_noise_obeys():
    light = wavy(160, 200)
    scenes = [noisy(light, k) for k in range(4)]
    scenes[2] = replace(scenes[2], rgb=scenes[2].rgb + np.float32(0.2))  # refused
    with pytest.warns(QualityWarning, match="merged 3 of 4"):
        merged = merge(frames_of(*scenes, reference=1), still(4, 160, 200))
    assert merged.weights[1] == 1
    assert merged.weights[2] < 0.01
    assert min(merged.weights[0], merged.weights[3]) > 0.97
    assert merged.frames.mean() == pytest.approx(3, abs=0.05)


def agreed(frame, reference):
    h, w = reference.rgb.shape[:2]
    means = np.empty((h // 2, w // 2, 3), np.float32)
    kernels.merge_means(reference.rgb, means)
    flow = still(1, h, w)
    return agreement(frame, means, variances(reference), shift=flow.shift[0], tile=64)


@pytest.mark.parametrize("gain", [0.85, 0.97, 1.0, 1.04, 1.2])
def test_gain_is_found(gain):
    light = wavy(320, 400)
    frame = noisy(light, 2)
    frame = replace(frame, rgb=frame.rgb / np.float32(gain))
    assert agreed(frame, noisy(light, 1)).gain == pytest.approx(gain, abs=0.003)


def test_a_frame_whose_light_was_changed_says_nothing_where_it_is_clipped():
    """Clipped at 1 of 1.1 times the light, it only knows there that there was more."""
    loud = Noise((1.5e-2,) * 3, (1e-4,) * 3)
    light = wavy(320, 400)
    light[:80] += 0.97 - light[:80]
    reference, frame = noisy(light, 1, loud), noisy(light, 2, loud)
    brighter = replace(frame, rgb=np.minimum(frame.rgb * np.float32(1.1), np.float32(1)))
    merged = merge(frames_of(reference, brighter), still(2, 320, 400))
    assert merged.frames[8:32].mean() < 1.1
    assert merged.frames[60:-8].mean() > 1.9
    unchanged = merge(frames_of(reference, replace(frame, rgb=np.minimum(frame.rgb, 1))), still(2, 320, 400))
    assert unchanged.frames[8:32].mean() > 1.9


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0])
def test_noise_is_found(times):
    light = wavy(320, 400)
    real = Noise(*(tuple(times * v for v in t) for t in (NOISE.shot, NOISE.read)))
    frame, reference = (replace(noisy(light, k, real), noise=NOISE) for k in (1, 2))
    assert agreed(frame, reference).noise == pytest.approx(times, rel=0.12)


def test_agree_equals_its_twin():
    """Sums over blocks at whole-pixel shifts."""
    one, two = noisy(wavy(96, 120), 1).rgb, noisy(wavy(96, 120), 2).rgb
    cell = lambda a: a.reshape(48, 2, 60, 2, 3).mean(axis=(1, 3), dtype=np.float64)  # noqa: E731
    means = np.ascontiguousarray(cell(one), np.float32)
    out = np.empty((2, 3, 3, 7))
    kernels.agree(two, means, np.broadcast_to(np.float32([2, -4]), (2, 2, 2)).copy(), 64, 20, out)
    v, m = cell(np.roll(two, (-2, 4), (0, 1))), means.astype(np.float64)
    for j, i in ((0, 1), (1, 2)):
        a, b = (x[20 * j : 20 * j + 8, 20 * i : 20 * i + 8] for x in (v, m))
        rough = [sum((np.diff(x, axis=k) ** 2).sum((0, 1)) for k in (0, 1)) for x in (b, a)]
        sums = [x.sum((0, 1)) for x in (a, b, a * a, a * b, b * b)]
        np.testing.assert_allclose(out[j, i], np.stack([*sums, *rough], axis=1), rtol=1e-5)
    assert np.isnan(out[:, 0]).all()  # the frame does not reach so far to the left


def test_mean_is_the_mean():
    scenes = [noisy(wavy(64, 64), k) for k in range(3)]
    merged = merge(frames_of(*scenes), still(3, 64, 64), Merge(method="mean"))
    np.testing.assert_allclose(merged.rgb, np.mean([s.rgb for s in scenes], axis=0), atol=1e-5)


def test_a_frame_from_elsewhere_is_named_in_a_warning():
    with pytest.warns(QualityWarning, match="merged 2 of 3"):
        merged = merge(
            frames_of(noisy(wavy(96, 96), 0), noisy(wavy(96, 96), 1), noisy(wavy(96, 96, seed=9), 2)),
            still(3, 96, 96),
        )
    assert merged.merged == 2


def test_one_frame_is_its_own_merge():
    only = noisy(wavy(32, 32), 0)
    np.testing.assert_array_equal(merge(frames_of(only), still(1, 32, 32)).rgb, only.rgb)


def test_shading_counts_against_the_frames():
    light = wavy(64, 64)
    half = np.full((32, 32), 0.5, np.float32)
    merged = merge(frames_of(*[replace(noisy(light, k), frames=half) for k in range(4)]), still(4, 64, 64))
    assert merged.frames.mean() == pytest.approx(2.0, rel=0.02)


def test_wrong_state_is_refused_with_the_remedy():
    with pytest.raises(StateError, match="before calibrate"):
        merge(frames_of(replace(noisy(wavy(16, 16), 0), space="rec2020")), still(1, 16, 16))


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (5, 90), (4, 4), (3, 3), (101, 97)])
def test_odd_sizes_and_threads(size):
    scenes = [noisy(wavy(*size), k) for k in range(3)]
    try:
        kernels.set_threads(1)
        one = merge(frames_of(*scenes), still(3, *size))
        kernels.set_threads(2)
        two = merge(frames_of(*scenes), still(3, *size))
    finally:
        kernels.set_threads(0)
    assert one.rgb.shape == (*size, 3)
    assert np.isfinite(one.rgb).all()
    np.testing.assert_array_equal(one.rgb, two.rgb)


def test_frames_a_little_larger_than_those_before_get_memory_of_their_own():
    for h, w in ((8, 8), (15, 17), (16, 22), (5, 7), (17, 33)):
        shaded = replace(scene_of(wavy(h, w)), frames=np.ones((h // 2, w // 2), np.float32))
        assert np.isfinite(merge(frames_of(shaded, shaded, shaded), still(3, h, w)).rgb).all()
