# SPDX-License-Identifier: Apache-2.0
"""The same bytes for any number of threads and every kernel level, whatever merging can do."""

import os
import subprocess
import sys

import pytest

from lichtbild.base import kernels
from lichtbild.recipe import stages

PROGRAM = """
import hashlib, sys, warnings
warnings.simplefilter("ignore")
from dataclasses import replace
import numpy as np
from lichtbild import pipeline, simulate
from lichtbild.base import kernels
from lichtbild.base.image import Burst, RawFrame
from lichtbild.base.stage import watching
from lichtbild.combine.account import Witness
from lichtbild.recipe import Recipe, stages

kernels.set_threads(int(sys.argv[1]))

def spoken(word, burst, *settings):
    witness = Witness(burst)
    with watching(witness):
        scene = pipeline.merged(burst, Recipe.of(*settings))
    arrays = scene.rgb, scene.frames, witness.flow.shift, witness.flow.trust
    told = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays if a is not None))
    print(word, told.hexdigest(), *scene.weights)

def darker(frame, stops):
    shot = frame.shot
    black = np.float64(shot.black.mean())
    dn = np.round((frame.dn - black) / 2**stops + black).astype(np.uint16)
    return RawFrame(dn, replace(shot, exposure_time=shot.exposure_time / 2**stops))

options = dict(size=(226, 318), iso=800, seed=5, readout=0.02)
burst, _ = simulate.burst("leaves", frames=4, **options)
spoken("burst", burst)
spoken("mean", burst, "merge.method=mean")
two = burst.frames[:2]
spoken("bracket", Burst((two[0], darker(two[1], 2), burst.frames[2])))
if "superres" in stages():
    for scale in ("1.5", "2"):
        spoken(f"superres-{scale}", burst, f"superres.scale={scale}")
print(kernels.level)
"""
BUILT = (
    [x for x in kernels.LEVELS if kernels.LEVELS.index(x) <= kernels.LEVELS.index(kernels.level)]
    if kernels.level in kernels.LEVELS
    else []
)


def said(level, threads):
    """A line for each kind of merge: what it is, hash of all arrays, weights of the frames."""
    forced = {} if level == "base" else {"LICHTBILD_CPU": level}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(threads)],
        capture_output=True,
        text=True,
        env=os.environ | forced,
        timeout=240,
        check=False,
    )
    if "No module named" in run.stderr and f"_kernels_{level}" in run.stderr:
        pytest.skip(f"this build has no {level} kernels")
    assert run.returncode == 0, run.stderr
    *lines, loaded = run.stdout.strip().splitlines()
    assert loaded == level
    return lines


@pytest.fixture(scope="module")
def alone():
    """What the best level says on one thread."""
    lines = said(kernels.level, 1)
    larger = {"superres-1.5", "superres-2"} if "superres" in stages() else set()
    assert {line.split()[0] for line in lines} == {"burst", "mean", "bracket"} | larger
    assert len({line.split()[1] for line in lines}) == len(lines)
    return lines


@pytest.mark.parametrize("threads", [2, 4])
def test_any_number_of_threads(alone, threads):
    assert said(kernels.level, threads) == alone


@pytest.mark.parametrize("level", BUILT[:-1])
def test_every_level(alone, level):
    assert said(level, 2) == alone
