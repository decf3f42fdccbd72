# SPDX-License-Identifier: Apache-2.0
"""Frames of different exposure: told apart, laid on one scale, joined without seams, casts and ghosts."""

import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import RGGB, Burst, Flow, Frames, Noise, Scene, Shot
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.exposures import best_exposed, groups, relative
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align
from lichtbild.combine.bracket import Bracket, best, bracket
from lichtbild.combine.merge import merge
from lichtbild.simulate import burst

NOISE = Noise((2e-4,) * 3, (3e-6,) * 3)


def taken(**more):
    return burst("leaves", **({"size": (384, 512), "frames": 3, "iso": 100, "seed": 3} | more))


@pytest.fixture(scope="module")
def three():
    """A bracket of three with four times the light of the ordinary exposure, and its truth."""
    return taken(exposures=(2, 0, -2), shake="hand")


def joined(b, params=Bracket()):
    frames = linearize(b)
    return bracket(demosaic(frames), align(frames), params=params)


# ---- what the exposures are


@pytest.mark.parametrize("evs", [(0, -2, -4), (-2, 0, 2), (0, 0, 0, -2, -2), (-1, 1)])
def test_exposures_are_found_in_the_pixels(evs):
    b, _ = taken(frames=len(evs), exposures=evs)
    silent = Burst(tuple(replace(f, shot=replace(f.shot, exposure_time=None)) for f in b.frames))
    for said in (b, silent):
        found = np.array(relative(said, 1))
        np.testing.assert_allclose(found, 2.0 ** (np.array(evs) - evs[1]), rtol=0.02)


def test_a_file_may_be_a_little_wrong():
    b, _ = taken(exposures=(0, -2))
    wrong = [replace(f, shot=replace(f.shot, exposure_time=f.shot.exposure_time * (1, 1.12, 0.95)[k]))
             for k, f in enumerate(b.frames)]
    np.testing.assert_allclose(relative(Burst(tuple(wrong))), (1, 0.25, 1), rtol=0.02)


def test_a_file_that_is_far_off_is_named():
    b, _ = taken(exposures=(0, -2), frames=2)
    wrong = [replace(f, shot=replace(f.shot, exposure_time=0.01)) for f in b.frames]
    with pytest.warns(FallbackWarning, match="the pixels count"):
        np.testing.assert_allclose(relative(Burst(tuple(wrong))), (1, 0.25), rtol=0.02)


def test_equal_frames_are_equal():
    b, _ = taken()
    assert relative(b) == ()
    frames = linearize(b)
    assert frames.exposures == ()
    assert frames[0].gain == frames[1].gain
    assert relative(Burst(b.frames[:1])) == ()


@pytest.mark.parametrize("evs", [(0, 0, 0), (0, -2, 0)])
def test_as_bright_at_another_iso(evs):
    b, _ = taken(exposures=evs)
    last = b.frames[-1]
    turned = replace(last.shot, iso=2 * last.shot.iso, exposure_time=last.shot.exposure_time / 2)
    mixed = linearize(Burst((*b.frames[:-1], replace(last, shot=turned))))
    np.testing.assert_allclose(mixed[2].cfa.mean(), linearize(b)[2].cfa.mean(), rtol=1e-3)


def test_frames_of_one_exposure_come_together():
    assert groups((1, 0.25, 1.1, 0.0625, 0.26, 0.9)) == [[0, 2, 5], [1, 4], [3]]


def test_the_best_exposed_frame_is_the_reference():
    b, _ = taken(exposures=(0, -2, -4), shake="still")
    assert best(b) == 0
    over, _ = taken(exposures=(-3, 0, 4), shake="still")
    assert best(over) == 1
    mixed, _ = taken(exposures=(-3, 0, 0), shake="hand")
    assert best_exposed(mixed) == (1, 2)


def test_frames_are_scaled_to_the_reference(three):
    b, _ = three
    frames = linearize(replace(b, reference=1))
    assert frames.exposures[1] == 1
    means = [f.cfa[f.clipped == 0].mean() for f in (frames[1], frames[2])]
    assert means[1] == pytest.approx(means[0], rel=0.15)
    np.testing.assert_allclose(np.array(frames[2].gain) / frames[1].gain, 4, rtol=0.02)
    np.testing.assert_allclose(np.array(frames[2].noise.read) / frames[1].noise.read, 16, rtol=0.04)


# ---- joined


def psnr(a, b, mask):
    return -10 * np.log10(((a - b)[mask] ** 2).mean())


def test_a_bracket_beats_each_of_its_frames_and_reaches_further(three):
    b, truth = three
    scene = joined(replace(b, reference=0))
    white = np.array(scene.gain, np.float32)
    found, true = scene.rgb / white, truth.rgb * 4  # the reference has four times the light of the truth
    inner = np.zeros(true.shape[:2], bool)
    inner[32:-32, 32:-32] = True
    open_ = inner & (true.max(-1) < 0.8)
    alone = joined(Burst(b.frames[:1], 0))
    assert psnr(found, true, open_) > psnr(alone.rgb / white, true, open_) + 0.3
    bright = inner & (true.max(-1) > 1.2)
    assert bright.mean() > 0.02
    off = np.log2(found[bright] / true[bright])
    assert np.sqrt((off**2).mean()) < 0.12
    assert abs(np.median(off)) < 0.01
    assert scene.reach == pytest.approx(16, rel=0.03)
    assert scene.merged == 3
    assert len(scene.weights) == 3


def test_highlights_stay_neutral(three):
    """Greys that clip in one colour first must not change colour where frames hand over."""
    b, truth = three
    scene = joined(replace(b, reference=0))
    balanced = scene.rgb
    true = truth.rgb * 4 * np.array(scene.gain, np.float32)
    steps = (true.max(-1) / max(scene.gain) > 0.5) & (true.max(-1) < 3)
    steps[:32] = steps[-32:] = False
    steps[:, :32] = steps[:, -32:] = False
    cast = np.log2((balanced[..., 0] / balanced[..., 1])[steps] / (true[..., 0] / true[..., 1])[steps])
    assert abs(np.median(cast)) < 0.01
    assert np.percentile(abs(cast), 95) < 0.25


def scene_of(rgb, gain, clip, noise=NOISE):
    """A frame of flat noise-free light, scaled by `gain`, clipped at `clip` of its own level."""
    seen = np.ascontiguousarray(np.minimum(rgb, gain * clip), np.float32)
    bits = np.ascontiguousarray(((rgb >= gain * clip) * np.array([1, 2, 4])).sum(-1), np.uint8)
    return Scene(seen, "camera", Shot(Path("a.dng"), rgb.shape[:2], pattern=RGGB), noise.scaled((gain,) * 3),
                 (gain,) * 3, None, bits)


def frames_of(*scenes, exposures):
    return Frames(len(scenes), 0, lambda k: scenes[k], "demosaic", (), exposures)


def still(count, h, w):
    ny, nx = -(-h // 64), -(-w // 64)
    return Flow(np.zeros((count, ny, nx, 2), np.float32), 64, np.ones((count, ny, nx), np.float32))


def ramp(h=96, w=256):
    """Light from 0.02 to 12 of the clip level, reddish."""
    x = 2.0 ** np.linspace(-5.6, 3.6, w)[None, :, None]
    return np.broadcast_to(x * np.array([1.0, 0.8, 0.6]), (h, w, 3)).astype(np.float32)


def test_a_ramp_through_all_frames_has_no_seam():
    light = ramp()
    parts = [scene_of(light, g, 1.0) for g in (1.0, 4.0, 16.0)]
    made = bracket(frames_of(*parts, exposures=(1.0, 0.25, 0.0625)), still(3, *light.shape[:2]))
    np.testing.assert_allclose(made.rgb, light, rtol=2e-3)
    assert made.clipped is None


def test_noise_is_weighted_by_its_inverse():
    """Two frames of variances v and 4v make one of 0.8 v, and the scene says so."""
    rng = np.random.default_rng(4)
    light = np.full((128, 128, 3), 0.3, np.float32)
    only_read = Noise((0.0,) * 3, (1e-4,) * 3)

    def taken_with(gain):
        scene = scene_of(light, gain, 9.0, only_read)
        return replace(scene, rgb=(light + 0.01 * gain * rng.standard_normal(light.shape)).astype(np.float32))

    one, two = taken_with(1.0), taken_with(2.0)
    frames, params = frames_of(one, two, exposures=(1.0, 0.5)), Bracket(refine=0, trust=4)
    made = bracket(frames, still(2, 128, 128), params=params)
    assert made.rgb.var() == pytest.approx(0.8e-4, rel=0.05)
    np.testing.assert_allclose(made.frames, 1.25, rtol=0.02)


def test_light_that_clips_everywhere_is_told_and_as_bright_as_the_shortest_saw():
    light = np.full((64, 64, 3), 30.0, np.float32)
    parts = [scene_of(light, g, 1.0) for g in (1.0, 4.0)]
    made = bracket(frames_of(*parts, exposures=(1.0, 0.25)), still(2, 64, 64))
    np.testing.assert_allclose(made.rgb, 4.0, rtol=1e-3)
    assert (made.clipped == 7).all()


def test_motion_is_the_references():
    light = ramp(128, 256)
    moved = light.copy()
    moved[40:80, 30:70] = 0.4  # dark ground there
    moved[40:80, 220:250] = 0.3  # where the reference clips: the short frame contradicts it
    parts = [scene_of(light, 1.0, 1.0), scene_of(moved, 16.0, 1.0)]
    made = bracket(frames_of(*parts, exposures=(1.0, 0.0625)), still(2, 128, 256))
    np.testing.assert_allclose(made.rgb[44:76, 34:66], light[44:76, 34:66], rtol=0.02)
    assert made.rgb[44:76, 224:246].min() > 0.55
    assert (made.clipped[44:76, 224:246] & 1).all()
    np.testing.assert_allclose(made.rgb[:20], light[:20], rtol=5e-3)


def test_outside_of_a_short_frame_the_reference_stays():
    light = ramp(128, 256)
    flow = still(2, 128, 256)
    flow.shift[1] = (0, 40)  # the right edge of the reference is not in the short frame
    there = np.zeros_like(light)
    there[:, 40:] = light[:, :-40]
    made = bracket(
        frames_of(scene_of(light, 1.0, 1.0), scene_of(there, 16.0, 1.0), exposures=(1.0, 0.0625)), flow
    )
    np.testing.assert_allclose(made.rgb[8:-8, 8:200], light[8:-8, 8:200], rtol=0.01)
    np.testing.assert_allclose(made.rgb[..., 0][:, -24:], 1.0)
    assert (made.clipped[:, -24:] == 7).all()


def test_the_scale_is_set_by_the_pixels():
    light = ramp()
    off = scene_of(light, 4.0, 1.0)
    off = replace(off, rgb=off.rgb * np.float32(1.04))
    frames = frames_of(scene_of(light, 1.0, 1.0), off, exposures=(1.0, 0.25))
    made = bracket(frames, still(2, *light.shape[:2]))
    inside = light[..., 0] < 3
    np.testing.assert_allclose(made.rgb[inside], light[inside], rtol=2e-3)


def test_equal_frames_are_merged():
    light = np.full((64, 64, 3), 0.2, np.float32)
    scenes = [scene_of(light, 1.0, 1.0) for _ in range(3)]
    frames, flow = frames_of(*scenes, exposures=()), still(3, 64, 64)
    np.testing.assert_array_equal(bracket(frames, flow).rgb, merge(frames, flow).rgb)


def test_four_long_and_two_short_frames():
    b, truth = taken(frames=6, exposures=(1, 1, 1, 1, -2, -2), seed=5)
    scene = joined(replace(b, reference=0))
    assert scene.merged == 6
    middle = scene.frames[40:-40, 40:-40]
    assert np.median(middle) > 2.8  # four, less what the lens shading costs
    true = truth.rgb * 2
    inner = np.zeros(true.shape[:2], bool)
    inner[40:-40, 40:-40] = True
    bright = inner & (true.max(-1) > 1.2) & (true.max(-1) < 7)
    off = np.log2((scene.rgb / np.array(scene.gain, np.float32))[bright] / true[bright])
    assert np.sqrt((off**2).mean()) < 0.12


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (5, 90), (4, 4), (3, 3), (2, 2)])
def test_odd_sizes_and_threads(size):
    rng = np.random.default_rng(1)
    light = (0.3 + 3 * rng.random((*size, 3))).astype(np.float32)
    parts = [scene_of(light, g, 1.0) for g in (1.0, 4.0, 0.25)]
    found = []
    try:
        for n in (1, 2):
            kernels.set_threads(n)
            found.append(bracket(frames_of(*parts, exposures=(1.0, 0.25, 4.0)), still(3, *size)))
    finally:
        kernels.set_threads(0)
    assert np.isfinite(found[0].rgb).all()
    np.testing.assert_array_equal(found[0].rgb, found[1].rgb)


def test_frames_are_made_one_at_a_time():
    """However long the burst, no more than two frames live at once beside the sum."""
    alive, most = [0], [0]
    light = np.full((64, 64, 3), 0.2, np.float32)

    def make(k):
        rgb = light.copy()
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        weakref.finalize(rgb, lambda: alive.__setitem__(0, alive[0] - 1))
        return replace(scene_of(light, 2.0 ** (k % 3), 1.0), rgb=rgb)

    frames = Frames(24, 0, make, "demosaic", (), tuple(0.5 ** (k % 3) for k in range(24)))
    bracket(frames, still(24, 64, 64))
    assert most[0] <= 4
