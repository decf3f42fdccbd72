# SPDX-License-Identifier: Apache-2.0
"""What the merge promises to those who ask for plain averaging."""

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base.image import Burst
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.pipeline import combined
from lichtbild.recipe import Recipe

SIZE = (256, 320)


@pytest.fixture(scope="module")
def still():
    """A burst from a tripod, and its frames in colour before anything is merged."""
    burst, truth = simulate.burst("leaves", size=SIZE, frames=6, iso=800, shake="still", seed=4)
    burst = Burst(burst.frames, 0)
    images = demosaic(linearize(burst))
    return burst, truth, np.stack([images[k].rgb for k in range(6)])


def rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def test_mean_is_the_plain_average(still):
    burst, truth, frames = still
    rest = truth.moving == 0
    merged = combined(burst, Recipe.of("merge.method=mean"))[0].rgb
    noise = rms((frames[0] - frames.mean(axis=0))[rest])
    assert rms((merged - frames.mean(axis=0))[rest]) < 0.1 * noise


def test_mean_keeps_ghosts_and_robust_does_not(still):
    burst, truth, frames = still
    moved = truth.moving > 0
    away, kept, left = (
        float(np.abs(rgb - frames[0])[moved].mean())
        for rgb in (
            frames.mean(axis=0),
            *(combined(burst, Recipe.of(f"merge.method={method}"))[0].rgb for method in ("mean", "robust")),
        )
    )
    assert kept == pytest.approx(away, rel=0.05)
    assert left < 0.2 * away
