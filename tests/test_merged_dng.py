# SPDX-License-Identifier: Apache-2.0
"""Merged DNGs: what the file says is what its pixels are, nothing clips, and it is itself a raw."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy

from lichtbild import simulate
from lichtbild.base import kernels, tiff
from lichtbild.base.directories import read_directories
from lichtbild.base.image import RGGB, Burst, CameraColour, Noise, RawFrame, Scene, Shot
from lichtbild.base.tiff import numbers_field
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.raw import read_raw
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.crop import cropped, shown
from lichtbild.correct.lens import Lens, lens
from lichtbild.pipeline import develop, merged
from lichtbild.publish.dng import write_merged, write_mosaic
from lichtbild.publish.residue import residual_noise
from lichtbild.recipe import Recipe

NEUTRAL = (0.5, 1.0, 0.625)
GAIN = (2.0, 1.0, 1.6)
LEVELS = (0.004, 0.03, 0.12, 0.4)
WHITE, BLACK = 16383.0, 1024.0


def camera(size, **more):
    said = {
        "make": "Lichtbild",
        "model": "Model 1",
        "black": np.full((2, 2), BLACK, np.float32),
        "white": WHITE,
        "neutral": NEUTRAL,
        "noise": Noise((1.4e-3,) * 3, (4e-5,) * 3),
        "iso": 800.0,
        "exposure_time": 0.01,
        "colour": CameraColour((21,), (np.diag(NEUTRAL),)),
    }
    return Shot(Path("a.dng"), size, **(said | more))


def patches(h=320, w=512):
    """Grey light: texture above, four flat patches below."""
    rng = np.random.default_rng(3)
    light = np.repeat(LEVELS, w // 4)[None].repeat(h, 0)
    texture = np.kron(rng.random((h // 16, w // 4)), np.ones((4, 4)))
    light[: h // 4] = 0.05 + 0.5 * texture
    return light


def burst(count, light, seed=0, shot=None):
    rng = np.random.default_rng(seed)
    shot = shot or camera(light.shape)
    seen = light * np.tile(np.array(NEUTRAL)[np.reshape(RGGB, (2, 2))], np.array(light.shape) // 2)
    spread = np.sqrt(shot.noise.shot[0] * seen + shot.noise.read[0])
    frames = []
    for _ in range(count):
        dn = BLACK + (WHITE - BLACK) * (seen + spread * rng.normal(size=seen.shape))
        frames.append(RawFrame(np.clip(np.rint(dn), 0, WHITE).astype(np.uint16), shot))
    return Burst(tuple(frames), 0)


def inner(k, h=320, w=512):
    return slice(h // 4 + 24, h - 16), slice(k * w // 4 + 16, (k + 1) * w // 4 - 16)


def light_of(frame):
    """The colour planes of a file, "h w 3" or the sites of a mosaic, 0 … 1."""
    black = float(frame.shot.black.max())
    light = (frame.dn - black) / (frame.shot.white - black)
    if light.ndim == 3:
        return light
    return np.stack([light[0::2, 0::2], light[0::2, 1::2], light[1::2, 1::2]], -1)


# ---- noise


@pytest.mark.parametrize("kind", ["linear", "cfa"])
@pytest.mark.parametrize("settings", [(), ("denoise.luma=0", "denoise.chroma=0")], ids=["", "noisy"])
def test_the_noise_profile_is_the_noise_of_the_pixels(tmp_path, kind, settings):
    scene = merged(burst(6, patches()), Recipe.of(*settings))
    frame = read_raw(write_merged(tmp_path / "a.dng", scene, kind=kind))
    light, noise = light_of(frame), frame.shot.noise
    for k, level in enumerate(LEVELS):
        rows, columns = inner(k)
        if kind == "cfa":
            rows, columns = (slice(p.start // 2, p.stop // 2) for p in (rows, columns))
        patch = light[rows, columns]
        said = np.array(noise.shot) * level * NEUTRAL + np.array(noise.read)
        ratio = patch.var((0, 1)) / said
        if level < 0.01:  # linear: what is below black is cut off; denoised: more than a line may be left
            assert (ratio > 0.3).all()
            assert (ratio < 3.5).all()
        else:
            assert (ratio > 0.6).all()
            assert (ratio < (1.3 if settings else 2.0)).all()  # denoised noise follows no line


def test_noise_that_is_not_denoised_is_that_of_the_frames_shared(tmp_path):
    scene = merged(burst(6, patches()), Recipe.of("denoise.luma=0", "denoise.chroma=0"))
    noise = read_raw(write_merged(tmp_path / "a.dng", scene, kind="cfa")).shot.noise
    frames = float(scene.frames.mean())
    np.testing.assert_allclose(np.array(noise.shot) * frames, 1.4e-3, rtol=0.12)
    np.testing.assert_allclose(np.array(noise.read) * frames, 4e-5, rtol=0.2)


def test_the_residue_of_known_noise_is_found_among_texture():
    rng = np.random.default_rng(1)
    bound, true = Noise((1e-3,) * 3, (1e-5,) * 3), Noise((2e-4, 4e-4, 1e-4), (1e-6, 3e-6, 2e-6))
    y, x = np.mgrid[:512, :512] / 512
    clean = np.stack([0.1 + 0.5 * x, 0.6 * y, 0.3 + 0.2 * x], -1)
    clean[:256] += 0.05 * rng.random((64, 128, 1)).repeat(4, 0).repeat(4, 1)  # half of it is texture
    spread = np.sqrt(np.array(true.shot) * clean + np.array(true.read))
    light = (clean + spread * rng.normal(size=clean.shape)).astype(np.float32)
    found = residual_noise(light, (1.0, 1.0, 1.0), bound)
    for c in range(3):
        at = np.array([0.1, 0.3, 0.5])
        said, is_so = (n.shot[c] * at + n.read[c] for n in (found, true))
        np.testing.assert_allclose(said, is_so, rtol=0.15)


def test_the_residue_is_never_more_than_the_bound():
    bound = Noise((1e-5,) * 3, (1e-7,) * 3)
    texture = np.random.default_rng(2).random((128, 128, 3), np.float32)
    found = residual_noise(texture, (1.0, 1.0, 1.0), bound)
    np.testing.assert_allclose((*found.shot, *found.read), (*bound.shot, *bound.read))
    tiny = residual_noise(texture[:8, :8], (1.0, 1.0, 1.0), bound)
    assert tiny == bound


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_shadows_keep_their_mean_in_linear_colour(tmp_path, level):
    sigma = 2e-3
    rng = np.random.default_rng(4)
    rgb = (sigma * (level + rng.normal(size=(256, 256, 3)))).astype(np.float32) * np.array(GAIN, np.float32)
    noise = Noise((0.0,) * 3, tuple(sigma**2 * g * g for g in GAIN))
    scene = Scene(rgb, "camera", camera((256, 256)), noise, GAIN)
    mean = light_of(read_raw(write_merged(tmp_path / "a.dng", scene))).mean((0, 1))
    cut_off = np.maximum(rgb / np.array(GAIN), 0).mean((0, 1)) - level * sigma
    assert (np.abs(mean - level * sigma) < 0.4 * cut_off).all()  # a cut alone raises them
    assert np.ptp(mean) < 0.05 * sigma


def test_what_dark_pixels_owe_does_not_reach_into_the_light(tmp_path):
    rgb = np.full((32, 128, 3), -2e-3, np.float32)
    rgb[:, 64:] = 0.25
    noise = Noise((0.0,) * 3, tuple(1e-6 * g * g for g in GAIN))
    scene = Scene(rgb, "camera", camera((32, 128)), noise, GAIN)
    light = light_of(read_raw(write_merged(tmp_path / "a.dng", scene)))
    wanted = 0.25 / np.array(GAIN)
    assert (np.abs(light[:, 64:] - wanted) < 1.1e-3).all()
    assert (light[:, :64] == 0).all()
    np.testing.assert_allclose(light[:, 80:], np.broadcast_to(wanted, (32, 48, 3)), atol=1e-5)


# ---- range


def test_light_of_one_exposure_starts_as_bright_as_a_frame(tmp_path):
    rgb = np.full((64, 64, 3), 0.5, np.float32)
    rgb[4:60] = 3.0
    scene = Scene(rgb, "camera", camera((64, 64)), Noise((1e-4,) * 3, (1e-7,) * 3), GAIN)
    frame = read_raw(write_merged(tmp_path / "a.dng", scene))
    assert frame.shot.baseline_exposure == 0
    assert frame.dn[0, 0, 1] == 32768


@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_nothing_of_a_bracket_clips(tmp_path, kind):
    brightest = 13.0  # times the clip level
    ramp = np.linspace(0.01, brightest, 64, dtype=np.float32)[None, :, None] * np.array(GAIN, np.float32)
    rgb = np.ascontiguousarray(np.broadcast_to(ramp, (64, 64, 3)))
    scene = Scene(rgb, "camera", camera((64, 64)), Noise((1e-4,) * 3, (1e-7,) * 3), GAIN, reach=16.0)
    frame = read_raw(write_merged(tmp_path / "a.dng", scene, kind=kind))
    assert frame.shot.baseline_exposure == 4
    light = light_of(frame) * 2.0**4
    wanted = np.broadcast_to(ramp[:, :, 1:2], (64, 64, 3)) if kind == "linear" else None
    if kind == "linear":
        np.testing.assert_allclose(light, wanted, atol=16 / 65535)
    assert light.max() == pytest.approx(brightest, rel=0.02)
    assert frame.shot.noise.shot[0] <= 1e-4 / 16 / GAIN[0] * 1.01


# ---- metadata


def test_what_editors_are_told_is_kept(tmp_path):
    main = {
        50731: numbers_field(tiff.RATIONAL, 2.0),
        50732: numbers_field(tiff.RATIONAL, 1.25),
        50734: numbers_field(tiff.RATIONAL, 0.9),
        50942: tiff.ascii_field("(c)"),
        50735: tiff.ascii_field("serial number"),
    }
    table = tiff.bytes_field(tiff.UNDEFINED, struct.pack("<2I4dI5ff", 1, 1, 1, 1, 0, 0, 1, *[0.2] * 5, 2))
    shot = camera((64, 64), exif={"main": main, "raw": {52525: table}})
    rgb = (0.3 + np.random.default_rng(0).normal(0, 0.1, (64, 64, 3))).astype(np.float32)
    scene = Scene(rgb, "camera", shot, Noise((1e-3, 1e-3, 1e-3), (1e-6,) * 3), GAIN, merged=4)
    (top,) = read_directories(write_merged(tmp_path / "a.dng", scene))
    assert top.number(50732) == 1.25
    assert top.number(50734) == pytest.approx(0.9)
    assert top.text(50942) == "(c)"
    assert 50735 not in top
    assert top.number(50731) == pytest.approx(2.0 / 2, rel=0.1)  # four frames: half the noise
    assert top.payload(52525) == table.payload
    assert top.numbers(50706) == (1, 6, 0, 0)


def opcode(kind, *payload):
    body = b"".join(payload)
    return struct.pack(">IIII", kind, 0x01030000, 1, len(body)) + body


AREA = (0, 0, 40, 60, 0, 3, 1, 1)
MAP = opcode(9, struct.pack(">8I2I4dI4f", *AREA, 2, 2, 1, 1, 0, 0, 1, 1, 1, 1, 1.5))
ROWS = opcode(12, struct.pack(">8II4f", 0, 0, 4, 60, 0, 1, 1, 1, 4, 1, 1, 1, 1))
SITES = opcode(12, struct.pack(">8II2f", 0, 0, 4, 60, 0, 1, 2, 2, 2, 1, 1))


def listed(*opcodes):
    return read_opcodes(struct.pack(">I", len(opcodes)) + b"".join(opcodes), Path("a"), 2)


@pytest.mark.parametrize(("kind", "kept"), [("cfa", ["ScalePerRow"] * 2), ("linear", ["ScalePerRow"])])
def test_what_is_still_due_is_kept_in_the_pixels_of_the_file(tmp_path, kind, kept):
    shot = camera((40, 60), opcodes=((), listed(MAP, ROWS, SITES), listed(MAP)))
    for scale in (1, 2):
        rgb = np.full((40 * scale, 60 * scale, 3), 0.3, np.float32)
        scene = Scene(rgb, "camera", shot, Noise((1e-3,) * 3, (1e-6,) * 3), GAIN)
        read = read_raw(write_merged(tmp_path / f"{scale}.dng", scene, kind=kind)).shot
        assert [o.name for o in read.opcodes[1]] == kept
        assert read.opcodes[2][0].values["area"] == (0, 0, 40 * scale, 60 * scale, 0, 3, 1, 1)


# ---- the part that is shown


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_the_crop_of_the_maker_is_written_not_applied(tmp_path, scale, kind):
    shot = camera((80, 96), crop=(6, 4, 70, 84))
    rgb = np.full((80 * scale, 96 * scale, 3), 0.3, np.float32)
    scene = Scene(rgb, "camera", shot, Noise((1e-3,) * 3, (1e-6,) * 3), GAIN)
    path = write_merged(tmp_path / "a.dng", scene, kind=kind)
    frame = read_raw(path)
    assert frame.dn.shape[:2] == (80 * scale, 96 * scale)
    assert frame.shot.crop == tuple(v * scale for v in (6, 4, 70, 84))
    with rawpy.imread(str(path)) as raw:
        assert raw.raw_image_visible.shape[:2] == (80 * scale, 96 * scale)


def test_a_crop_survives_a_mosaic_file(tmp_path):
    shot = camera((48, 64), crop=(2, 3, 40, 50))
    path = write_mosaic(tmp_path / "a.dng", np.full((48, 64), 2000, np.uint16), shot)
    assert read_raw(path).shot.crop == (2, 3, 40, 50)


def test_lens_crops_last_and_only_once():
    rgb = np.random.default_rng(0).random((48, 64, 3), np.float32)
    frames = np.random.default_rng(1).random((24, 32), np.float32)
    shot = camera((48, 64), crop=(2, 4, 40, 50))
    none, unclipped = Noise((0.0,) * 3, (0.0,) * 3), np.zeros((48, 64), np.uint8)
    scene = Scene(rgb, "camera", shot, none, GAIN, frames, unclipped)
    once = lens(scene, Lens())
    assert (once.rgb == rgb[2:42, 4:54]).all()
    assert (once.frames == frames[1:21, 2:27]).all()
    assert once.clipped.shape == (40, 50)
    assert lens(once) is once
    large = replace(scene, rgb=rgb.repeat(2, 0).repeat(2, 1), clipped=None)
    assert (cropped(large).rgb == large.rgb[4:84, 8:108]).all()
    assert cropped(large).frames.shape == (20, 25)


def test_a_crop_that_does_not_fit_is_none():
    shot = camera((48, 64), crop=(50, 4, 10, 10))
    assert shown(shot, (48, 64)) == (0, 0, 48, 64)


# ---- merged files are raws


def test_four_merged_files_merge_again(tmp_path):
    truth = patches()
    seen = truth[..., None] * np.ones(3)
    paths = []
    for k in range(4):
        once = merged(burst(3, truth, seed=10 * k))
        paths.append(write_merged(tmp_path / f"{k}.dng", once))
    frames = tuple(read_raw(p) for p in paths)
    assert {f.shot.kind for f in frames} == {"linear"}
    twice = merged(Burst(frames, 0))
    assert twice.merged == 4
    single = once.rgb[80:] - seen[80:]
    assert ((twice.rgb[80:] - seen[80:]) ** 2).mean() < 0.75 * (single**2).mean()
    again = read_raw(write_merged(tmp_path / "again.dng", twice)).shot
    before = frames[0].shot
    variances = [n.shot[1] * 0.1 + n.read[1] for n in (again.noise, before.noise)]
    assert variances[0] < 0.8 * variances[1]
    assert again.neutral == pytest.approx(before.neutral, rel=1e-5)


@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_a_merged_file_is_developed_to_the_light_of_its_burst(tmp_path, kind):
    shot = camera((320, 512), crop=(8, 8, 304, 496))
    scene = merged(burst(4, patches(), shot=shot))
    frame = read_raw(write_merged(tmp_path / "a.dng", scene, kind=kind))
    again = merged(Burst((frame,), 0))
    wanted, seen = (lens(calibrate(s)).rgb for s in (scene, again))
    assert wanted.shape == seen.shape == (304, 496, 3)
    for k, level in enumerate(LEVELS):
        rows, columns = inner(k, *seen.shape[:2])
        mean, by_burst = (rgb[rows, columns].mean((0, 1)) for rgb in (seen, wanted))
        np.testing.assert_allclose(mean, by_burst, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(mean, level, rtol=0.05, atol=5e-4)
    assert develop(Burst((frame,), 0)).rgb.shape == (304, 496, 3)


# ---- packing


@pytest.mark.parametrize("size", [(300, 400), (256, 512), (512, 512), (520, 1024), (301, 515), (600, 256)])
@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_every_bit_survives_packing(tmp_path, size, kind):
    rng = np.random.default_rng(size[0])
    y, x = np.mgrid[: size[0], : size[1]] / 300
    smooth = np.stack([np.sin(x * y), np.cos(x + 2 * y), np.sin(x - y)], -1) * 0.4 + 0.5
    rgb = (smooth + rng.normal(0, 1e-3, smooth.shape)).astype(np.float32)
    scene = Scene(rgb, "camera", camera(size), Noise((1e-3,) * 3, (1e-6,) * 3), GAIN)
    plain = write_merged(tmp_path / "plain.dng", scene, kind=kind, compress=False)
    packed = write_merged(tmp_path / "packed.dng", scene, kind=kind, preview=np.zeros((8, 9, 3), np.uint8))
    dn = read_raw(plain).dn
    assert (read_raw(packed).dn == dn).all()
    with rawpy.imread(str(packed)) as raw:
        image = raw.raw_image_visible
        assert ((image[..., :3] if image.ndim == 3 else image) == dn).all()
    if dn.size >= 1 << 18:
        assert packed.stat().st_size < plain.stat().st_size


def test_packed_bytes_do_not_depend_on_threads(tmp_path):
    rgb = np.random.default_rng(0).random((600, 700, 3), np.float32)
    scene = Scene(rgb, "camera", camera((600, 700)), Noise((1e-3,) * 3, (1e-6,) * 3), GAIN)
    made = []
    for threads in (1, 2):
        kernels.set_threads(threads)
        made.append(write_merged(tmp_path / f"{threads}.dng", scene).read_bytes())
    kernels.set_threads(0)
    assert made[0] == made[1]


def test_a_merged_file_of_a_mono_camera_is_grey_everywhere(tmp_path):
    """Three equal colours without a white or a matrix would be coloured by guess."""
    taken, _ = simulate.burst("room", size=(96, 128), frames=2, iso=200, cfa="mono")
    path = write_merged(tmp_path / "m.dng", merged(taken))
    read = read_raw(path)
    assert read.shot.neutral == (1.0, 1.0, 1.0)
    photo = develop(Burst((read,), 0))
    assert np.abs(photo.rgb - photo.rgb.mean(axis=2, keepdims=True)).max() < 0.02


def extremes(h, w):
    rng = np.random.default_rng(4)
    dark = np.zeros((h, w, 3), np.float32)
    dot, between = dark.copy(), dark.copy()
    dot[h // 2, w // 2] = 1
    between[1::4] = rng.random(between[1::4].shape)  # rows that the code tables were not made for
    noise = rng.random(dark.shape, np.float32) * 1.2 - 0.1
    flat = {"black": dark, "below": dark - 1, "white": dark + 1, "over": dark + 50}
    return flat | {"dot": dot, "between": between, "noise": noise}


@pytest.mark.parametrize("content", ["black", "below", "white", "over", "dot", "between", "noise"])
@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_packed_pixels_are_the_same_to_other_readers(tmp_path, content, kind):
    rgb = extremes(515, 773)[content]
    scene = Scene(rgb, "camera", camera(rgb.shape[:2]), camera(rgb.shape[:2]).noise, GAIN)
    packed = write_merged(tmp_path / "packed.dng", scene, kind=kind)
    plain = read_raw(write_merged(tmp_path / "plain.dng", scene, kind=kind, compress=False)).dn
    np.testing.assert_array_equal(read_raw(packed).dn, plain)
    with rawpy.imread(str(packed)) as raw:
        seen = raw.raw_image.reshape(raw.raw_image.shape[:2]) if kind == "cfa" else raw.raw_image[..., :3]
        np.testing.assert_array_equal(seen[: plain.shape[0], : plain.shape[1]], plain)
