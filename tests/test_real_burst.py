# SPDX-License-Identifier: Apache-2.0
"""A burst of real noise with exact truth, cut from one lossless raw.

Taking every third site of a Bayer mosaic keeps the pattern: nine frames of other photosites each, shifted by
known thirds of two pixels.  No noise profile, no handshake model: nothing of ours made this burst.
"""

from dataclasses import replace

import numpy as np
import pytest

from lichtbild import pipeline
from lichtbild.base.image import Burst, RawFrame
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
        np.testing.assert_allclose(shift, (2 * (1 - j) / STEP, 2 * (1 - i) / STEP), atol=0.05)


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
