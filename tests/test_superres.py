# SPDX-License-Identifier: Apache-2.0
import runpy
import warnings
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning, QualityWarning, RecipeError, StateError
from lichtbild.base.image import RGGB, Burst, Flow, Frames, Mosaic, Noise, Opcode, RawFrame, Scene, Shot
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align
from lichtbild.combine.merge import merge
from lichtbild.combine.photosites import LIMITS
from lichtbild.combine.refine import Refine, refine
from lichtbild.combine.superres import Superres, superres
from lichtbild.combine.zoom import zoomed
from lichtbild.correct.denoise import denoise
from lichtbild.simulate.burst import burst

QUIET = Noise((1e-6, 1e-6, 1e-6), (1e-9, 1e-9, 1e-9))
CELL = np.array(RGGB, np.uint8).reshape(2, 2)
NOTHING = np.zeros((0, 0), np.float32)


def wavy(h, w, seed=0, *, finest=0.05):
    """Light that bends slowly, with colours of its own, "h w 3"."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    light = np.full((h, w, 3), 0.3)
    for _ in range(5):
        fy, fx = rng.uniform(-finest, finest, 2)
        wave = np.cos(2 * np.pi * (fy * y + fx * x) + rng.uniform(0, 6))
        light += 0.04 * wave[..., None] * rng.uniform(0.5, 1, 3)
    return light


def mosaic_of(light, noise=QUIET, seed=None, cell=CELL):
    h, w = light.shape[:2]
    p, q = cell.shape
    colours = np.tile(cell, (-(-h // p), -(-w // q)))[:h, :w]
    cfa = np.take_along_axis(light, colours[..., None].astype(np.intp), 2)[..., 0]
    if seed is not None:
        sigma = np.sqrt(np.array(noise.shot)[colours] * cfa + np.array(noise.read)[colours])
        cfa = cfa + sigma * np.random.default_rng(seed).standard_normal(cfa.shape)
    shot = Shot(Path(), (h, w), noise=noise)
    return Mosaic(
        cfa.astype(np.float32), "bayer", RGGB, (1.0, 1.0, 1.0), noise, np.zeros((h, w), np.uint8), shot
    )


def frames_of(*mosaics):
    return Frames(len(mosaics), 0, lambda k: mosaics[k], "linearize")


def moved(shifts, h, w):
    ny, nx = -(-h // 64), -(-w // 64)
    shift = np.broadcast_to(np.array(shifts, np.float32)[:, None, None], (len(shifts), ny, nx, 2)).copy()
    return Flow(shift, 64, np.ones(shift.shape[:3], np.float32))


def scene_of(rgb, noise=QUIET, **more):
    return Scene(np.ascontiguousarray(rgb, np.float32), "camera", Shot(Path(), rgb.shape[:2]), noise, **more)


def compared(mosaic, rgb, shift, twice=2, slope=0.0):
    """Differences, doubts and weights of one frame."""
    h, w = mosaic.cfa.shape
    picture = np.ascontiguousarray(rgb, np.float32)
    judge = np.array([*mosaic.noise.shot, *mosaic.noise.read, slope], np.float32)
    rough = np.zeros((h // 2, w // 2), np.float32)
    difference, doubt = np.empty((h, w), np.float32), np.empty_like(rough)
    flow = np.broadcast_to(np.array(shift, np.float32), (1, 1, 2)).copy()
    kernels.superres_compare(
        mosaic.cfa, mosaic.clipped, CELL, picture, twice, flow, 64, rough, NOTHING, judge, difference, doubt
    )
    weight = np.empty_like(doubt)
    kernels.superres_believe(doubt, NOTHING, LIMITS, weight)
    return difference, doubt, weight


def psnr(a, b, where=slice(16, -16)):
    error = (np.asarray(a, np.float64) - b)[where, where]
    return -10 * np.log10((error**2).mean())


# ---- what a photosite should have measured


@pytest.mark.parametrize("size", [(64, 96), (50, 70), (33, 47)])
@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-5, 1)])
def test_differences_of_a_whole_shift_equal_their_twin(size, shift):
    h, w = size
    picture, light = wavy(h, w, 1), wavy(h, w, 2)
    mosaic = mosaic_of(light)
    difference, doubt, _ = compared(mosaic, picture, shift)
    y, x = np.mgrid[0:h, 0:w]
    v, u = y - shift[0], x - shift[1]
    seen = (v >= 0) & (v < h) & (u >= 0) & (u < w)
    colours = np.tile(CELL, (h, w))[:h, :w]
    expected = mosaic.cfa - picture[np.clip(v, 0, h - 1), np.clip(u, 0, w - 1), colours]
    inner = seen & (x // 16 * 16 - shift[1] >= 0) & ((x // 16 + 1) * 16 - shift[1] <= w)
    np.testing.assert_allclose(difference[inner], expected[inner], atol=2e-6)
    square = (expected**2 / (1e-6 * np.maximum(mosaic.cfa - expected, 0) + 1e-9)).clip(max=40)
    cells = square[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2).mean((1, 3))
    whole = inner[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2).all((1, 3))
    assert whole.mean() > 0.4
    np.testing.assert_allclose(doubt[whole], cells[whole], rtol=2e-2)


def test_a_photosite_of_a_fine_grid_is_the_mean_of_its_square():
    """At scale 2 and no shift: two places half a pixel off the middle are the four pixels themselves."""
    fine = np.random.default_rng(3).uniform(0.2, 0.4, (64, 96, 3)).astype(np.float32)
    mean = fine.reshape(32, 2, 48, 2, 3).mean((1, 3))
    mosaic = mosaic_of(mean)
    difference, doubt = np.empty((32, 48), np.float32), np.empty((16, 24), np.float32)
    judge = np.array([1e-6] * 3 + [1e-9] * 3 + [0], np.float32)
    still = np.zeros((1, 1, 2), np.float32)
    kernels.superres_compare(
        mosaic.cfa,
        mosaic.clipped,
        CELL,
        fine,
        4,
        still,
        64,
        np.zeros_like(doubt),
        NOTHING,
        judge,
        difference,
        doubt,
    )
    np.testing.assert_allclose(difference[4:-4, 4:-4], 0, atol=2e-6)


@pytest.mark.parametrize("twice", [2, 3, 4])
@pytest.mark.parametrize("shift", [(0.3, -0.4), (1.75, 2.5)])
def test_light_that_agrees_leaves_no_difference(twice, shift):
    """A wave, sampled as the grid shows it and as photosites elsewhere measure it."""
    h, w, scale = 96, 128, twice / 2
    y, x = np.mgrid[0:h, 0:w].astype(float)

    def measured(v, u, side):  # mean over a square of this side, in pixels of the sensor
        fy, fx = 0.045, 0.06
        wave = np.cos(2 * np.pi * (fy * v + fx * u)) * np.sinc(fy * side) * np.sinc(fx * side)
        return 0.4 + 0.1 * wave[..., None] * np.array([1.0, 0.8, 0.6])

    mosaic = mosaic_of(measured(y - shift[0], x - shift[1], 1.0))
    Y, X = np.mgrid[0 : h * twice // 2, 0 : w * twice // 2].astype(float)
    fine = measured((Y + 0.5) / scale - 0.5, (X + 0.5) / scale - 0.5, 1.0 if twice == 2 else 1 / scale)
    fine = np.ascontiguousarray(fine, dtype=np.float32)
    difference, doubt = np.empty((h, w), np.float32), np.empty((h // 2, w // 2), np.float32)
    judge = np.array([1e-6] * 3 + [1e-9] * 3 + [0], np.float32)
    flow = np.array(shift, np.float32).reshape(1, 1, 2)
    kernels.superres_compare(
        mosaic.cfa,
        mosaic.clipped,
        CELL,
        fine,
        twice,
        flow,
        64,
        np.zeros_like(doubt),
        NOTHING,
        judge,
        difference,
        doubt,
    )
    assert np.abs(difference[16:-16, 16:-16]).max() < 1.2e-3  # of an amplitude of 0.1


# ---- what is believed


def test_noise_is_believed_and_another_thing_is_not():
    noise = Noise((4e-4, 4e-4, 4e-4), (1e-6, 1e-6, 1e-6))
    light = wavy(160, 200)
    other = light.copy()
    other[60:90, 80:130] += 0.08
    _, _, weight = compared(mosaic_of(other, noise, seed=1), light, (0, 0))
    assert weight[30:45, 40:65].max() < 0.01
    far = np.ones_like(weight, bool)
    far[24:51, 34:71] = False
    assert weight[far].mean() > 0.99


def test_nothing_is_believed_around_a_clipped_photosite():
    mosaic = mosaic_of(wavy(64, 64))
    clipped = mosaic.clipped.copy()
    clipped[30, 33] = 1
    difference, _, weight = compared(replace(mosaic, clipped=clipped), wavy(64, 64), (0, 0))
    assert difference[30, 33] == 0
    assert weight[14:17, 15:18].max() == 0
    assert weight[12, 16] > 0.99


# ---- how differences are gathered


@pytest.mark.parametrize(
    "cell", [CELL, np.kron(CELL, np.ones((2, 2), np.uint8)), np.array([[0, 1, 2]], np.uint8)]
)
@pytest.mark.parametrize("twice", [2, 3, 4])
def test_gathering_equals_its_twin(cell, twice):
    h, w, shift, scale = 40, 72, (0.375, -1.25), twice / 2
    rng = np.random.default_rng(2)
    difference = rng.standard_normal((h, w)).astype(np.float32)
    total, mass = (np.zeros((3, h * twice // 2, w * twice // 2), kind) for kind in (np.float32, np.uint16))
    weight = np.full((h // 2, w // 2), 0.5, np.float32)
    flow = np.array(shift, np.float32).reshape(1, 1, 2)
    kernels.superres_gather(difference, weight, cell, twice, flow, 64, 1.0, 2.0, total, mass)
    colours = np.tile(cell, (h, w))[:h, :w]

    def spline(t):
        t = np.abs(t)
        return np.where(t < 1, 2 / 3 - t * t + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))

    for Y, X in [(20, 30), (31, 47), (17, 64), (0, 5), (38, 70)]:
        v, u = (Y + 0.5) / scale - 0.5 + shift[0], (X + 0.5) / scale - 0.5 + shift[1]
        b = spline(np.arange(h) - v)[:, None] * spline(np.arange(w) - u)[None]
        if min(v, u) < 0 or v > h - 1 or u > w - 1:
            continue
        b /= spline(np.arange(-5, h + 5) - v).sum() * spline(np.arange(-5, w + 5) - u).sum()
        for c in range(3):
            own = b * (colours == c)
            assert total[c, Y, X] == pytest.approx(
                (own * difference).sum(), abs=3e-3
            )  # splines have 256 steps
            assert mass[c, Y, X] / 1024 == pytest.approx(own.sum(), abs=3e-3)


def test_what_is_only_noise_is_shrunk_away():
    rng = np.random.default_rng(4)
    rgb = np.full((128, 160, 3), 0.25, np.float32)
    noise = np.array([4e-4] * 3 + [0] * 3, np.float32)
    correction = (0.01 * rng.standard_normal((3, 128, 160))).astype(np.float32)
    powers = np.zeros((3, 2, 3, 8, 8), np.float32)
    powers[:, 0] = 8 / 3  # three colours of variance 1e-4 / 8 frames each
    frames, out = np.full((64, 80), 8, np.float32), np.empty_like(rgb)
    arguments = (correction, frames, rgb, powers, NOTHING, noise, NOTHING, 2)
    y, u, v = correction
    green = y - (u + v) / 4
    whole = np.stack([green + u, green, green + v], axis=2)
    kernels.refine_shrink(*arguments, 1.7, 0.0, 0.5, out)
    assert (out - rgb).var() < 0.05 * (0.5 * whole).var()
    kernels.refine_shrink(*arguments, 0.0, 0.0, 0.5, out)
    np.testing.assert_allclose(out, rgb + 0.5 * whole, atol=1e-6)


def test_a_correction_is_taken_back_cell_by_cell():
    rng = np.random.default_rng(5)
    before, after = rng.uniform(0, 1, (2, 33, 47, 3)).astype(np.float32)
    weight = rng.uniform(0, 1, (16, 23)).astype(np.float32)
    wide = weight[np.minimum(np.arange(33) // 2, 15)][:, np.minimum(np.arange(47) // 2, 22), None]
    expected = before + wide * (after - before)
    kernels.refine_relent(before, weight, 2, after)
    np.testing.assert_allclose(after, expected, atol=1e-6)


# ---- the whole


@lru_cache(maxsize=4)
def taken(iso, scene="leaves", cfa="rggb", size=(192, 256), frames=8):
    """Merged scene, frames, flow and truth of a simulated burst."""
    made, truth = burst(scene, size=size, frames=frames, iso=iso, seed=5, lens="plain", cfa=cfa)
    lights = linearize(replace(made, reference=0))
    flow = align(lights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        scene = merge(demosaic(lights), flow)
    return scene, lights, flow, truth


def error(scene, truth, where=True):
    light = truth.rgb * np.array(scene.gain, np.float32)
    fair = (truth.rgb.max(axis=2) < 0.9) & where
    fair[:16] = fair[-16:] = False
    fair[:, :16] = fair[:, -16:] = False
    return float(((scene.rgb - light)[fair] ** 2).mean(dtype=np.float64))


def test_refining_takes_away_what_demosaicking_got_wrong():
    scene, lights, flow, truth = taken(100)
    assert error(refine(scene, lights, flow), truth) < 0.6 * error(scene, truth)


def test_refining_never_hurts():
    for iso in (100, 800, 6400):
        scene, lights, flow, truth = taken(iso, "room")
        refined = refine(scene, lights, flow)
        for where, most in ((truth.moving == 0, 1.0), (truth.moving == 1, 1.1)):
            assert error(denoise(refined), truth, where) < most * error(denoise(scene), truth, where), iso


def test_what_agrees_with_every_photosite_stays():
    light = wavy(96, 128, finest=0.02)
    lights = frames_of(*[mosaic_of(light)] * 3)
    scene = scene_of(light, frames=np.full((48, 64), 3, np.float32))
    refined = refine(scene, lights, moved([(0, 0)] * 3, 96, 128))
    np.testing.assert_allclose(refined.rgb, scene.rgb, atol=1e-6)


def test_there_is_nothing_to_refine_in_one_frame_or_without_a_mosaic():
    light = wavy(64, 64)
    scene = scene_of(light)
    still = moved([(0, 0)] * 2, 64, 64)
    two = frames_of(mosaic_of(light), mosaic_of(light))
    assert refine(scene, frames_of(mosaic_of(light)), still) is scene
    assert refine(scene, two, still, Refine(share=0)) is scene
    mono = replace(scene, shot=replace(scene.shot, kind="mono"))
    assert refine(mono, two, still) is mono
    with pytest.raises(StateError, match="before calibrate"):
        refine(replace(scene, space="rec2020"), two, still)


def test_superres_holds_more_than_resampling():
    """The truth is the same scene before a sensor of twice as many pixels, behind the same lens."""
    bench = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "superres.py"))
    scenery = bench["waves"](192)
    made, _ = burst(scenery, size=(192, 256), iso=100, seed=3, lens=bench["LENS"])
    _, truth = burst(scenery, size=(384, 512), frames=1, iso=100, seed=3, lens=bench["FINE"], shake="still")
    lights = linearize(replace(made, reference=0))
    flow = align(lights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)
        scene = denoise(refine(merge(demosaic(lights), flow), lights, flow))
        plain, more = (superres(scene, lights, flow, Superres(scale="2", rounds=n)) for n in (0, 4))
    light = truth.rgb * np.array(scene.gain, np.float32)
    assert more.rgb.shape == (384, 512, 3)
    assert psnr(more.rgb, light) > psnr(plain.rgb, light) + 1.5


@pytest.mark.parametrize(("scale", "size"), [("1.5", (99, 153)), ("2", (132, 204))])
def test_everything_grows_together(scale, size):
    light = wavy(66, 102)
    clipped = np.zeros((66, 102), np.uint8)
    clipped[10, 20] = 2
    scene = scene_of(light, frames=np.full((33, 51), 3, np.float32), clipped=clipped)
    large = superres(
        scene, frames_of(*[mosaic_of(light)] * 3), moved([(0, 0)] * 3, 66, 102), Superres(scale=scale)
    )
    s = float(scale)
    assert large.rgb.shape == (*size, 3)
    assert large.shot is scene.shot  # it speaks of the sensor
    assert large.frames is not None and large.frames.shape == (size[0] // 2, size[1] // 2)
    assert large.clipped is not None and large.clipped.shape == size
    assert large.clipped[int(10.5 * s), int(20.5 * s)] == 2


def raw_of(light, **more):
    mosaic = mosaic_of(light)
    shot = replace(mosaic.shot, white=1000.0, neutral=(1.0, 1.0, 1.0), **more)
    return RawFrame(np.round(mosaic.cfa * 1000).astype(np.uint16), shot)


def test_a_zoom_is_the_middle_and_little_else_is_processed():
    frame = raw_of(wavy(800, 1200), black_columns=np.arange(1200, dtype=np.float32))
    near = zoomed(Burst((frame, frame)), 4)
    shot, dn = near.frames[1].shot, near.frames[1].dn
    assert dn.shape == shot.size
    assert dn.size < 0.3 * frame.dn.size
    assert shot.crop is not None
    top, left, height, width = shot.crop
    assert (height, width) == (200, 300)
    np.testing.assert_array_equal(dn[top : top + 200, left : left + 300], frame.dn[300:500, 450:750])
    assert shot.black_columns is not None
    assert shot.black_columns[left] == 450
    assert (450 - left) % 2 == 0
    assert (300 - top) % 2 == 0


def test_a_zoom_keeps_the_frame_where_the_lens_is_corrected_by_place():
    warp = Opcode("WarpRectilinear", False, {"coefficients": np.zeros((1, 6)), "centre": (0.5, 0.5)}, b"")
    frame = raw_of(wavy(200, 300), opcodes=((), (), (warp,)), crop=(20, 30, 160, 240))
    near = zoomed(Burst((frame,)), 2)
    assert near.frames[0].dn is frame.dn
    assert near.frames[0].shot.crop == (60, 90, 80, 120)


def test_a_zoom_of_one_is_the_same_burst_and_less_is_refused():
    lights = Burst((raw_of(wavy(64, 64)),))
    assert zoomed(lights, 1) is lights
    with pytest.raises(RecipeError, match="allowed is 1 … 4"):
        zoomed(lights, 0.5)


def test_scale_one_is_the_same_object():
    scene = scene_of(wavy(32, 32))
    lights = frames_of(mosaic_of(wavy(32, 32)))
    assert superres(scene, lights, moved([(0, 0)], 32, 32), Superres(scale="1")) is scene


def test_few_frames_are_told():
    light = wavy(96, 96)
    two = frames_of(mosaic_of(light), mosaic_of(light + 0.3))
    with pytest.warns(QualityWarning, match="covered by too few frames"):
        superres(scene_of(light), two, moved([(0, 0), (0.5, 0.5)], 96, 96), Superres(scale="2"))


def test_without_a_mosaic_it_is_resampled_and_said():
    scene = scene_of(wavy(64, 64))
    scene = replace(scene, shot=replace(scene.shot, kind="mono"))
    with pytest.warns(FallbackWarning, match="resampled"):
        large = superres(
            scene, frames_of(mosaic_of(wavy(64, 64))), moved([(0, 0)], 64, 64), Superres(scale="2")
        )
    assert large.rgb.shape == (128, 128, 3)


def test_quad_bayer_is_refined_in_its_own_cell():
    scene, lights, flow, truth = taken(100, cfa="quad")
    refined = refine(scene, lights, flow)
    assert error(refined, truth) < 0.9 * error(scene, truth)


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (50, 18), (101, 97)])
def test_odd_sizes_and_threads(size):
    noise = Noise((4e-4, 4e-4, 4e-4), (1e-6, 1e-6, 1e-6))
    light = wavy(*size)
    lights = frames_of(*[mosaic_of(light, noise, seed=k) for k in range(3)])
    flow = moved([(0, 0), (0.4, -0.7), (1.2, 0.3)], *size)
    rough = light + 0.01 * np.random.default_rng(1).standard_normal(light.shape)
    scene = scene_of(rough, noise, frames=np.full((size[0] // 2, size[1] // 2), 3, np.float32))
    made = []
    try:
        for threads in (1, 2):
            kernels.set_threads(threads)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", QualityWarning)
                made.append(
                    [refine(scene, lights, flow).rgb]
                    + [superres(scene, lights, flow, Superres(scale=s)).rgb for s in ("1.5", "2")]
                )
    finally:
        kernels.set_threads(0)
    for one, two in zip(*made, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, two)
