# SPDX-License-Identifier: Apache-2.0
"""Merged bursts against what was really there: no ghosts, and never worse than the best frame.

A pixel is a ghost when it lies further than 4 σ from the truth of the reference, where σ is all that may
honestly be wrong there::

    σ² = (shot · truth + read) / frames + mean over 5×5 pixels of (demosaic(noise-free mosaic) − truth)²

noise of as many frames as the merge says it used, and the error of demosaicking itself.
"""

import warnings
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter, uniform_filter

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.errors import QualityWarning
from lichtbild.base.image import Burst, Flow, Frames, Mosaic, Noise, Scene
from lichtbild.capture.demosaic import coloured, demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.combine.agree import agreement
from lichtbild.combine.align import align
from lichtbild.combine.merge import merge, variances
from lichtbild.correct.highlights import highlights
from lichtbild.simulate import Truth
from lichtbild.simulate.brush import disk
from lichtbild.simulate.leaves import ball, leaves
from lichtbild.simulate.scene import Mover, Thing
from lichtbild.simulate.sensor import known_sensor

SIZE = (256, 352)


@dataclass(frozen=True)
class Taken:
    """A simulated burst on its way to the merge; `light` is the truth, balanced as the frames are."""

    truth: Truth
    first: Mosaic
    images: Frames[Scene]
    flow: Flow
    light: np.ndarray

    def merged(self, images=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", QualityWarning)
            return merge(images or self.images, self.flow)

    def agreed(self, frame, k=2):
        """What a frame says of itself."""
        means = np.empty((SIZE[0] // 2, SIZE[1] // 2, 3), np.float32)
        kernels.merge_means(self.images[0].rgb, means)
        noise = variances(self.images[0])
        return agreement(frame, means, noise, shift=self.flow.shift[k], tile=self.flow.tile)

    def error(self, rgb, where=None):
        """Root mean square error of what is not clipped, 16 px from the border."""
        seen = (self.light < 0.8 * np.array(self.first.gain)).all(axis=2)
        seen[:16] = seen[-16:] = False
        seen[:, :16] = seen[:, -16:] = False
        seen = seen if where is None else seen & where
        return float(np.sqrt(((rgb - self.light)[seen] ** 2).mean()))


def on_the_way(burst: Burst, truth: Truth) -> Taken:
    frames = linearize(replace(burst, reference=truth.reference))
    kept = [frames[k] for k in range(frames.count)]
    frames = replace(frames, make=kept.__getitem__)
    images = demosaic(frames)
    made = [images[k] for k in range(images.count)]
    images = replace(images, make=made.__getitem__)
    first = kept[truth.reference]
    return Taken(truth, first, images, align(frames), truth.rgb * np.array(first.gain, np.float32))


def rolling(seed):
    """Leaves, and a large ball that rolls through them."""
    aspect = SIZE[1] / SIZE[0]
    centre = (0.5, 0.4 * aspect)
    roll = Mover(ball(centre, 0.24, seed), velocity=(-2.3, 6.7), pivot=centre)
    return replace(leaves(aspect, seed), movers=(roll,))


def lamp(centre, radius):
    """A bright disk, at its middle five times as bright as what clips."""

    def paint(view):
        v, u = view.y - np.float32(centre[0]), view.x - np.float32(centre[1])
        light = (4 * np.clip(1.2 - np.sqrt(v * v + u * u) / radius, 0, 1)).astype(np.float32)
        view.lay((light,) * 3, view.cover(disk(view.y, view.x, centre, radius)))

    y, x = centre
    return Thing((y - radius, x - radius, y + radius, x + radius), paint)


def shining(seed):
    """Leaves, and a lamp that moves in front of them."""
    centre = (0.5, 0.5)
    moved = Mover(lamp(centre, 0.15), velocity=(-2.3, 4.7), pivot=centre)
    return replace(leaves(SIZE[1] / SIZE[0], seed), movers=(moved,))


@lru_cache(maxsize=4)
def taken(scene="leaves", iso=800, frames=6, seed=3, shake="hand", **camera):
    scene = {"rolling": rolling, "shining": shining}.get(scene, lambda _: scene)(seed)
    return on_the_way(
        *simulate.burst(scene, size=SIZE, frames=frames, iso=iso, seed=seed, shake=shake, **camera)
    )


def changed(one: Taken, k: int, change) -> Frames[Scene]:
    """The frames, one of them with other light."""

    def make(i):
        scene = one.images.make(i)
        return replace(scene, rgb=change(scene.rgb)) if i == k else scene

    return replace(one.images, make=make)


def beyond(one: Taken, scene: Scene):
    """Whether a pixel is a ghost, "h w 3" (see above)."""
    mosaic, (h, w) = one.first, scene.rgb.shape[:2]
    colour = np.tile(np.array(mosaic.pattern).reshape(2, 2), (h // 2, w // 2))
    bare = np.take_along_axis(one.light, colour[..., None], axis=2)[..., 0]
    interpolated = coloured(replace(mosaic, cfa=np.ascontiguousarray(bare))).rgb
    own = uniform_filter((interpolated - one.light) ** 2, (5, 5, 1))
    noise = np.array(mosaic.noise.shot) * np.maximum(one.light, 0) + np.array(mosaic.noise.read)
    frames = np.kron(scene.frames, np.ones((2, 2)))[..., None]
    return np.abs(scene.rgb - one.light) > 4 * np.sqrt(noise / frames + own)


def around_movers(one: Taken):
    """Within 16 px of where something moved, off the border and off what is clipped."""
    near = maximum_filter(one.truth.moving, 33) > 0
    near &= maximum_filter((one.truth.rgb > 0.9).any(axis=2), 9) == 0
    near[:16] = near[-16:] = False
    near[:, :16] = near[:, -16:] = False
    return near


@pytest.mark.parametrize(
    ("scene", "iso"), [("rolling", 100), ("rolling", 800), ("rolling", 3200), ("leaves", 800), ("room", 400)]
)
def test_what_moves_leaves_no_ghost(scene, iso):
    one = taken(scene, iso)
    near = around_movers(one)
    assert near.mean() > 0.03
    assert beyond(one, one.merged())[near].mean() < 0.002


@pytest.mark.parametrize("iso", [100, 800, 3200])
def test_what_moves_is_merged_too(iso):
    """The second motion: in the ball there are more frames than the flow of the ground gives."""
    one = taken("rolling", iso)
    inside = maximum_filter(np.uint8(one.truth.layer == 0), 25) == 0
    assert inside.mean() > 0.05
    merged = one.merged()
    alone = replace(one, flow=replace(one.flow, second=None)).merged()
    cells = inside[::2, ::2]
    assert merged.frames[cells].mean() > 3
    assert merged.frames[cells].mean() > alone.frames[cells].mean() + 0.5
    assert one.error(merged.rgb, inside) < one.error(one.images[0].rgb, inside)


SENSORS = {
    "8 bits": {"sensor": known_sensor("phone", 400, {"bits": 8}), "iso": 400},
    "12 bits": {"sensor": known_sensor("phone", 400, {"bits": 12}), "iso": 400},
    "16 bits, no black level": {"sensor": "ideal", "iso": 400},
    "14 bits, heavy tails and rows": {"sensor": "dslr", "iso": 1600},
    "fixed pattern": {"sensor": "phone-pattern", "iso": 1600},
    "very dark": {"iso": 12800},
    "bright": {"iso": 50},
    "BGGR": {"pattern": (2, 1, 1, 0)},
    "GBRG": {"pattern": (1, 2, 0, 1)},
    "wild": {"shake": "wild"},
    "jumps": {"shake": "jumps", "iso": 3200},
    "rolling shutter": {"readout": 0.02, "shake": "shaky", "iso": 400},
    "room": {"scene": "room", "iso": 1600},
    "two frames": {"frames": 2},
}


@pytest.mark.parametrize("what", SENSORS)
def test_never_worse_than_the_best_single_frame(what):
    one = taken(**SENSORS[what])
    assert one.error(one.merged().rgb) < one.error(one.images[one.images.reference].rgb)


@pytest.mark.parametrize("iso", [100, 3200])
@pytest.mark.parametrize("blur", ["focus", "motion"])
def test_a_blurred_frame_counts_less(iso, blur):
    one = taken("leaves", iso)
    change = {
        "focus": lambda rgb: gaussian_filter(rgb, (1.5, 1.5, 0)),
        "motion": lambda rgb: uniform_filter(rgb, (1, 7, 1)),
    }[blur]
    blurred = changed(one, 2, change)
    before, after = one.merged(), one.merged(blurred)
    assert one.agreed(one.images[2]).sharpness == pytest.approx(1, abs=0.1)
    assert one.agreed(blurred[2]).sharpness < 0.65
    assert before.weights[2] > 0.8
    assert after.weights[2] < 0.4 * before.weights[2]
    assert after.weights[1] == pytest.approx(before.weights[1], abs=0.05)
    assert one.error(after.rgb) < 1.08 * one.error(before.rgb)


@pytest.mark.parametrize("gain", [0.82, 0.96, 1.05, 1.2])
def test_flicker_is_undone(gain):
    one = taken("leaves", 800)
    before, after = one.merged(), one.merged(changed(one, 2, lambda rgb: rgb * np.float32(gain)))
    assert after.weights[2] > 0.9 * before.weights[2]
    assert one.error(after.rgb) < 1.03 * one.error(before.rgb)


@pytest.mark.parametrize("flicker", [1.0, 0.88, 1.15])
@pytest.mark.parametrize("iso", [100, 3200])
def test_highlights_that_clip_and_move_stay_neutral(iso, flicker):
    """As neutral as in the reference alone, above and below where they clip."""
    one = taken("shining", iso)
    clip = np.array(one.first.gain, np.float32)
    alone = highlights(one.images[0]).rgb
    frames = changed(one, 1, lambda rgb: np.minimum(rgb * np.float32(flicker), clip))
    merged = highlights(one.merged(frames)).rgb
    level = (one.light / clip).max(axis=2)
    lit = maximum_filter(one.truth.moving, 9) > 0
    magenta = lambda rgb, at: float(((rgb[..., 0] + rgb[..., 2]) / 2 - rgb[..., 1])[at].mean())  # noqa: E731
    for low, high in ((0.6, 0.8), (0.8, 0.9), (0.9, 1.0), (1.0, 1.2), (1.2, 1.8)):
        at = lit & (level >= low) & (level < high)
        assert at.sum() > 50
        true = magenta(one.light, at)
        assert abs(magenta(merged, at) - true) < abs(magenta(alone, at) - true) + 0.004


@pytest.mark.parametrize("iso", [100, 3200])
def test_a_lamp_that_moves_does_not_take_the_picture_with_it(iso):
    """However bright it is, a thing has as many voices in the motion of the picture as it has pixels."""
    one = taken("shining", iso)
    for k in range(1, 6):
        there = np.median(one.truth.flow(k)[one.truth.layer == 0], axis=0)
        assert np.median(np.linalg.norm(one.flow.shift[k] - there, axis=-1)) < 0.25


@pytest.mark.parametrize("wrong", [0.5, 2.0])
def test_a_wrong_noise_model_costs_neither_frames_nor_truth(wrong):
    """The twin of a burst whose file says half or twice the noise."""
    one = taken("leaves", 1600)

    def tell(k):
        scene = one.images.make(k)
        shot, read = (tuple(wrong * v for v in t) for t in (scene.noise.shot, scene.noise.read))
        return replace(scene, noise=Noise(shot, read))

    right, told = one.merged(), one.merged(replace(one.images, make=tell))
    np.testing.assert_allclose(told.weights, right.weights, atol=0.08)
    near = around_movers(one)
    assert beyond(one, told)[near].mean() < 0.002
    assert one.error(told.rgb) < 1.03 * one.error(right.rgb)


def test_frames_says_what_noise_is_left():
    """Where frames were left out, noise is as large as the merge says: the denoiser builds on it."""
    one = taken("leaves", 3200)
    merged = one.merged()
    noise = one.first.noise
    variance = np.array(noise.shot) * np.maximum(one.light, 0) + np.array(noise.read)
    left = ((merged.rgb - one.light) ** 2 / variance)[16:-16, 16:-16].mean(axis=2)
    frames = np.kron(merged.frames, np.ones((2, 2)))[16:-16, 16:-16]
    many, few = frames > 5.5, (frames > 1.5) & (frames < 3.5)
    assert few.mean() > 0.002
    times = (1 / frames[few]).mean() / (1 / frames[many]).mean()
    assert left[few].mean() / left[many].mean() == pytest.approx(times, rel=0.35)
