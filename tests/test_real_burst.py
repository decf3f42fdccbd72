# SPDX-License-Identifier: Apache-2.0
"""Bursts of real noise: one with exact truth, cut from one lossless raw, and one from a hand.

Taking every third site of a Bayer mosaic keeps the pattern: nine frames of other photosites each, shifted by
known thirds of two pixels.  No noise profile, no handshake model: nothing of ours made this burst.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lichtbild import pipeline
from lichtbild.base.image import RGGB, Burst, Frames, Mosaic, Noise, RawFrame, Shot
from lichtbild.capture.linearize import linearize
from lichtbild.capture.raw import read_raw
from lichtbild.combine.align import align

STEP = 3


@pytest.fixture(scope="module")
def burst(data_dir):
    whole = read_raw(data_dir / "raw" / "S40_CRW_0101.CRW")
    h, w = ((s // STEP - 2) & ~1 for s in whole.dn.shape)
    cuts = [
        np.ascontiguousarray(whole.dn[2 * j :: STEP, 2 * i :: STEP][:h, :w])
        for j in range(3)
        for i in range(3)
    ]
    return Burst(tuple(RawFrame(dn, replace(whole.shot, size=dn.shape)) for dn in cuts), 4)


def test_shifts_are_found_to_a_twentieth_of_a_pixel(burst):
    flow = align(linearize(burst))
    for k in range(9):
        j, i = divmod(k, 3)
        shift = np.median(flow.shift[k], axis=(0, 1))
        truth = 2 * (1 - j) / STEP, 2 * (1 - i) / STEP
        np.testing.assert_allclose(shift, truth, atol=0.05)
        error = np.hypot(*np.moveaxis(flow.shift[k] - truth, -1, 0))
        assert np.percentile(error, 95) < 0.5  # thirds of a pixel alias
        assert flow.trust[k].mean() > 0.9


def test_all_frames_are_merged_and_noise_falls(burst):
    merged = pipeline.combined(burst)[0]
    assert merged.merged == 9
    assert np.median(merged.frames) > 8.9
    one = pipeline.combined(Burst((burst.frames[4],), 0))[0]
    assert merged.rgb.shape == one.rgb.shape

    def roughness(rgb):
        green = rgb[..., 1]
        d = green[2:, 2:] - green[2:, :-2] - green[:-2, 2:] + green[:-2, :-2]
        blocks = d[: d.shape[0] // 16 * 16, : d.shape[1] // 16 * 16]
        blocks = blocks.reshape(d.shape[0] // 16, 16, -1, 16).transpose(0, 2, 1, 3).reshape(-1, 256)
        return np.percentile(blocks.var(axis=1), 20)  # the flattest fifth of the blocks

    assert roughness(merged.rgb) < roughness(one.rgb) / 5


def handheld(folder, step):
    """Luma of a real hand-held burst as linear frames, at 1 / step of the size, with a guessed noise."""
    frames = []
    for path in sorted(folder.glob("*.JPG")):
        v = np.asarray(Image.open(path).convert("L"), np.float32) / 255
        light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
        h, w = (n // step * step for n in light.shape)
        mean = light[:h, :w].reshape(h // step, step, w // step, step).mean((1, 3), dtype=np.float64)
        cfa, noise = np.ascontiguousarray(mean, np.float32), Noise((1e-4,) * 3, (1e-6,) * 3)
        shot = Shot(Path(), cfa.shape, kind="mono")
        frames.append(Mosaic(cfa, "mono", RGGB, (1.0,) * 3, noise, np.zeros(cfa.shape, np.uint8), shot))
    return frames


def there_and_back(flow, back):
    """Distance from where a tile's centre comes back to, the second flow taken bilinearly."""
    (ny, nx), n = flow.trust.shape[1:], flow.tile
    j, i = np.meshgrid(np.arange(ny), np.arange(nx), indexing="ij")
    y, x = j + flow.shift[1, ..., 0] / n, i + flow.shift[1, ..., 1] / n
    inside = (y >= 0) & (y <= ny - 1) & (x >= 0) & (x <= nx - 1)
    y, x = y[inside], x[inside]
    j, i = np.minimum(y.astype(int), ny - 2), np.minimum(x.astype(int), nx - 2)
    a, b = (y - j)[:, None], (x - i)[:, None]
    s = back.shift[1]
    top, low = (s[k, i] * (1 - b) + s[k, i + 1] * b for k in (j, j + 1))
    again = top * (1 - a) + low * a
    return np.hypot(*(flow.shift[1][inside] + again).T)


def test_a_real_hand_is_followed_there_and_back(data_dir):
    """Five frames of a chart at arm's length: 30 px of drift, perspective, rolling shutter."""
    frames = handheld(data_dir / "bursts" / "iphone-xr-a", 2)
    for k in (1, 4):
        pair = frames[0], frames[k]
        flow = align(Frames(2, 0, lambda i, pair=pair: pair[i], "linearize"))
        back = align(Frames(2, 0, lambda i, pair=pair: pair[1 - i], "linearize"))
        error = there_and_back(flow, back)
        assert np.ptp(flow.shift[1, ..., 1]) > 2
        assert np.median(error) < 0.1
        assert np.percentile(error, 95) < 0.5
