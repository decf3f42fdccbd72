# SPDX-License-Identifier: Apache-2.0
"""Memory is streamed frame by frame: thirty frames cost no more than eight."""

import subprocess
import sys

import pytest

from lichtbild import simulate

SIZE, FEW, MANY = (512, 768), 8, 30
FRAME = SIZE[0] * SIZE[1] * 2 / 2**20  # MiB of digital numbers
PROGRAM = """
import resource, sys, warnings
warnings.simplefilter("ignore")
from lichtbild.base import kernels
from lichtbild.capture.burst import gather
from lichtbild.pipeline import combined
kernels.set_threads(2)
layout, *paths = sys.argv[1:]
scene, _ = combined(gather(paths, layout=layout))
assert len(scene.weights) == len(paths)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Eight frames on disk, of which thirty are made by naming them again; DNGs, and without a header."""
    folder = tmp_path_factory.mktemp("many")
    burst, truth = simulate.burst("leaves", size=SIZE, frames=FEW, iso=400)
    paths = simulate.write(folder, burst, truth)
    for path, frame in zip(paths, burst.frames, strict=True):
        frame.dn.astype("<u2").tofile(path.with_suffix(".raw"))
    for k in range(FEW, MANY):
        for suffix in (".dng", ".raw"):
            (folder / f"frame_{k:03d}").with_suffix(suffix).hardlink_to(paths[k % FEW].with_suffix(suffix))
    shot = burst.frames[0].shot
    layout = f"{SIZE[1]}x{SIZE[0]} u16 RGGB black={shot.black.min():g} white={shot.white:g}"
    return {"": sorted(folder.glob("*.dng")), layout: sorted(folder.glob("*.raw"))}


def peak(paths, layout):
    """MiB of memory that a fresh process held at most."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, layout, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return float(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
@pytest.mark.parametrize("kind", [0, 1], ids=["read where they lie", "unpacked"])
def test_thirty_frames_cost_no_more_than_eight(files, kind):
    layout, paths = list(files.items())[kind]
    few, many = peak(paths[:FEW], layout), peak(paths, layout)
    assert many < few + (MANY - FEW) * FRAME / 3  # held in memory, they would cost three times that
