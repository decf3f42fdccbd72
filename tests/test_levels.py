# SPDX-License-Identifier: Apache-2.0
"""The same bytes on every x86 level and any number of threads, whole pipeline, each in a fresh process."""

import os
import subprocess
import sys

import pytest

from lichtbild.base import kernels

PROGRAM = """
import hashlib, warnings
warnings.simplefilter("ignore")
from lichtbild import pipeline, simulate
from lichtbild.base import kernels
kernels.set_threads({threads})
burst, _ = simulate.burst("leaves", size=(210, 318), frames=4, iso=800, seed=5)
merged = pipeline.merged(burst)
photo = pipeline.finish(merged)
arrays = burst.frames[1].dn, merged.rgb, photo.rgb
print(kernels.level, *(hashlib.sha256(a.tobytes()).hexdigest() for a in arrays))
"""
BUILT = (
    [x for x in kernels.LEVELS if kernels.LEVELS.index(x) <= kernels.LEVELS.index(kernels.level)]
    if kernels.level in kernels.LEVELS
    else []
)


def hashes(level, threads):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(threads=threads)],
        capture_output=True,
        text=True,
        env={**os.environ, "LICHTBILD_CPU": level},
        timeout=120,
        check=False,
    )
    if "No module named" in run.stderr and f"_kernels_{level}" in run.stderr:
        pytest.skip(f"this build has no {level} kernels")
    assert run.returncode == 0, run.stderr
    loaded, *rest = run.stdout.split()
    assert loaded == level
    return rest


@pytest.fixture(scope="module")
def best():
    if not BUILT:
        pytest.skip("one portable build: there are no levels to compare")
    return hashes(kernels.level, 2)


@pytest.mark.parametrize("threads", [1, 3])
def test_any_number_of_threads(best, threads):
    assert hashes(kernels.level, threads) == best


@pytest.mark.parametrize("level", BUILT[:-1])
def test_any_level(best, level):
    assert hashes(level, 2) == best
