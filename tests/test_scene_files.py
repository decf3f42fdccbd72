# SPDX-License-Identifier: Apache-2.0
"""Scenes from photographs and pictures of high dynamic range: the light of the file, nothing lost or rung."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from lichtbild.base import kernels
from lichtbild.base.colour import P3, SRGB, rgb_to_rgb
from lichtbild.base.errors import InputError, QualityWarning
from lichtbild.simulate.files import LUMINANCE, picture_scene, taps
from lichtbild.simulate.photographs import read_photograph

RNG = np.random.default_rng(8)


def canvas_of(path, size):
    """What the file paints on a canvas of (height, width)."""
    canvas = np.full((3, *size), np.nan, np.float32)
    fill = picture_scene(path).fill
    assert fill
    fill(canvas, 0, 1)
    return canvas


# ---- on the canvas


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_a_whole_number_of_pixels_is_their_mean(tmp_path, factor):
    values = RNG.integers(0, 256, (24 * factor, 32 * factor, 3), np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    light = read_photograph(tmp_path / "a.png").astype(np.float64)
    blocks = light.reshape(3, 24, factor, 32, factor).mean(axis=(2, 4))
    np.testing.assert_allclose(canvas_of(tmp_path / "a.png", (24, 32)), blocks, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "size, wanted, scale", [(100, 37, 0.37), (97, 31, 0.5), (50, 49, 0.98), (20, 63, 3.15)]
)
def test_weights_sum_to_one_and_keep_the_middle(size, wanted, scale):
    first, weight = taps(size, wanted, scale)
    np.testing.assert_allclose(weight.sum(axis=1), 1, atol=1e-6)
    where = (weight * (first[:, None] + np.arange(weight.shape[1]))).sum(axis=1)
    expected = (size - 1) / 2 + (np.arange(wanted) - (wanted - 1) / 2) / scale
    if scale > 1:
        np.testing.assert_allclose(where, expected, atol=1e-4)
    else:  # whole pixels: the mean place of what an area covers lies within the area
        assert np.abs(where - expected).max() < 0.5 and np.abs((where - expected).mean()) < 0.02
        assert weight.min() >= 0


def test_a_portrait_is_cut_to_a_landscape_about_its_middle(tmp_path):
    values = np.zeros((80, 20, 3), np.uint8)
    values[32:48] = 255  # 16 rows around the middle are all that fits
    Image.fromarray(values).save(tmp_path / "a.png")
    with pytest.warns(QualityWarning, match=r"only 20% of it"):
        assert canvas_of(tmp_path / "a.png", (16, 20)).min() == 1


def test_enlarging_is_smooth_and_does_not_ring(tmp_path):
    ramp = np.linspace(0, 1, 40, dtype=np.float32)[None, :, None] * np.ones((30, 1, 3), np.float32)
    tifffile.imwrite(tmp_path / "ramp.tif", ramp, photometric="rgb")
    with pytest.warns(QualityWarning, match="enlarged 2 times"):
        big = canvas_of(tmp_path / "ramp.tif", (120, 160))
    inner = big[0, 60, 12:-12].astype(np.float64)
    np.testing.assert_allclose(np.diff(inner), 1 / 39 / 4, atol=1e-6)
    lamp = np.full((30, 40, 3), 0.01, np.float32)
    lamp[15, 20] = 1000
    tifffile.imwrite(tmp_path / "lamp.tif", lamp, photometric="rgb")
    with pytest.warns(QualityWarning, match="enlarged"):
        lit = canvas_of(tmp_path / "lamp.tif", (120, 160))
    assert lit.min() == pytest.approx(0.01) and lit.max() <= 1000


def test_any_number_of_threads_paints_the_same(tmp_path):
    Image.fromarray(RNG.integers(0, 256, (70, 90, 3), np.uint8)).save(tmp_path / "a.png")
    before, painted = kernels.thread_count(), []
    try:
        for threads in (1, 3):
            kernels.set_threads(threads)
            painted.append([canvas_of(tmp_path / "a.png", (n, n + 11)).tobytes() for n in (33, 120)])
    finally:
        kernels.set_threads(before)
    assert painted[0] == painted[1]


PROGRAM = """
import hashlib, sys, warnings, numpy as np
from lichtbild.base import kernels
from lichtbild.simulate.files import picture_scene
warnings.simplefilter("ignore")
found = hashlib.sha256()
for size in ((20, 30), (300, 410)):
    canvas = np.empty((3, *size), np.float32)
    picture_scene(sys.argv[1]).fill(canvas, 0, 1)
    found.update(canvas.tobytes())
print(kernels.level, found.hexdigest())
"""


@pytest.mark.skipif(
    kernels.level not in kernels.LEVELS[1:], reason="one build: there are no levels to compare"
)
def test_any_level_paints_the_same(tmp_path):
    Image.fromarray(RNG.integers(0, 256, (70, 90, 3), np.uint8)).save(tmp_path / "a.png")
    told = []
    for level in ("sse41", kernels.level):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, tmp_path / "a.png"],
            capture_output=True,
            text=True,
            env={**os.environ, "LICHTBILD_CPU": level},
            timeout=120,
            check=True,
        )
        told.append(run.stdout.split())
    assert told[0][0] == "sse41" and told[1][0] == kernels.level and told[0][1] == told[1][1]


# ---- high dynamic range


def grey_of(canvas):
    luminance = np.einsum("c,cyx->yx", LUMINANCE, canvas.astype(np.float64))
    return 2 ** np.log2(luminance).mean()


def exr(path, channels, **header):
    openexr = pytest.importorskip("OpenEXR", reason="scenes from EXR files need the package OpenEXR")
    with openexr.File(
        {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **header}, channels
    ) as file:
        file.write(str(path))
    return path


def wide_range():
    """Light over 24 EV, log-symmetric."""
    stops = np.linspace(-12, 12, 64 * 48).reshape(48, 64)
    return (37.0 * 2.0**stops).astype(np.float32)


def test_24_stops_survive_and_the_middle_is_grey(tmp_path):
    light = wide_range()
    path = exr(tmp_path / "a.exr", {"RGBA": np.stack([light, light, light, light * 0], axis=2)})
    canvas = canvas_of(path, (48, 64))
    assert np.log2(canvas.max() / canvas.min()) == pytest.approx(24, abs=1e-4)
    assert np.ptp(np.log2(canvas[1] / light)) < 1e-5  # one factor for all
    assert grey_of(canvas) == pytest.approx(0.18, rel=0.01)


def test_primaries_of_the_file_are_honoured(tmp_path):
    light = RNG.random((8, 10, 3), np.float32) + 0.2
    p3 = (*P3.red, *P3.green, *P3.blue, *P3.white)
    plain = canvas_of(exr(tmp_path / "a.exr", {"RGB": light}), (8, 10))
    wide = canvas_of(exr(tmp_path / "b.exr", {"RGB": light}, chromaticities=p3), (8, 10))
    expected = np.einsum("ij,jyx->iyx", rgb_to_rgb(P3, SRGB), plain.astype(np.float64))
    np.testing.assert_allclose(wide / wide[1, 0, 0], expected / expected[1, 0, 0], rtol=1e-4, atol=1e-5)


def test_one_channel_is_grey(tmp_path):
    canvas = canvas_of(exr(tmp_path / "a.exr", {"Y": wide_range()}), (48, 64))
    assert (canvas[0] == canvas[1]).all() and (canvas[1] == canvas[2]).all()


def test_what_is_no_light_is_replaced_and_said(tmp_path):
    light = np.ones((40, 40, 3), np.float32)
    light[0, 0, 1], light[0, 1, 2], light[0, 2, 0], light[5, 5] = np.nan, np.inf, -3, 50
    with pytest.warns(QualityWarning, match="1 no numbers .*1 infinite .*1 below 0"):
        canvas = canvas_of(exr(tmp_path / "a.exr", {"RGB": light}), (40, 40))
    unit = canvas[0, 20, 20]
    assert canvas[1, 0, 0] == 0 and canvas[0, 0, 2] == 0 and canvas[2, 0, 1] == pytest.approx(50 * unit)
    light[:20] = np.nan
    with pytest.raises(InputError, match="800 of 1600 pixels are no numbers"):
        picture_scene(exr(tmp_path / "b.exr", {"RGB": light}))


@pytest.mark.parametrize("channels, words", [(("R", "G"), "channels G, R"), (("Y", "RY", "BY"), "BY, RY, Y")])
def test_channels_that_are_no_picture_are_named(tmp_path, channels, words):
    path = exr(tmp_path / "a.exr", {c: np.ones((4, 4), np.float32) for c in channels})
    with pytest.raises(InputError, match=words):
        picture_scene(path)


def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "a.exr").write_bytes(b"v/1\1")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(InputError, match="needs the package OpenEXR") as refusal:
        picture_scene(tmp_path / "a.exr")
    assert "pip install" in refusal.value.hint


def test_damaged_exr(tmp_path):
    pytest.importorskip("OpenEXR", reason="scenes from EXR files need the package OpenEXR")
    (tmp_path / "a.exr").write_bytes(b"v/1\1" + b"\0" * 50)
    with pytest.raises(InputError, match="cannot be read as OpenEXR"):
        picture_scene(tmp_path / "a.exr")


def test_darkness_is_no_scene(tmp_path):
    with pytest.raises(InputError, match="dark everywhere"):
        picture_scene(exr(tmp_path / "a.exr", {"Y": np.zeros((6, 9), np.float32)}))


@pytest.mark.parametrize(
    "name, words", [("a.txt", "no picture"), ("none.png", "is not there"), ("", "not a file")]
)
def test_what_is_no_picture_is_refused(tmp_path, name, words):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match=words):
        picture_scene(tmp_path / name)


@pytest.mark.parametrize("name", ["lake-sherburne.jpg", "hdri_city.exr", "Desk.exr"])
def test_real_pictures(data_dir, name):
    path = data_dir / "scenes" / name
    if name.endswith("exr"):
        pytest.importorskip("OpenEXR", reason="scenes from EXR files need the package OpenEXR")
    if not path.is_file():
        pytest.skip(f"no {path}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QualityWarning)  # a few pixels below 0
        canvas = canvas_of(path, (240, 320))
    assert np.isfinite(canvas).all() and canvas.min() >= -0.02
    stops = np.log2(canvas.max() / np.percentile(canvas[canvas > 0], 0.05))
    assert 6 < stops < 11 if name.endswith("jpg") else stops > 14
    assert 0.1 < np.exp(np.log(np.maximum(canvas[1], 1e-6)).mean()) < 0.4
