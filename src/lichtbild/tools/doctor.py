# SPDX-License-Identifier: Apache-2.0
"""``lichtbild doctor``: is this machine able, and does the whole path work on it?

Three self-tests on a small simulated burst: the merge removes noise, the bytes do not depend on the number of
threads, and a DNG that was written says what was meant when it is read again.
"""

from __future__ import annotations

import os
import platform
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

import lichtbild
from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.errors import LichtbildError, LichtbildWarning
from lichtbild.base.image import Burst
from lichtbild.capture.raw import read_raw
from lichtbild.pipeline import develop, merged
from lichtbild.publish.dng import write_merged
from lichtbild.recipe import Recipe
from lichtbild.tools.outcome import DONE, SOME_FAILED
from lichtbild.tools.talk import Talk


def doctor(args: Namespace, talk: Talk) -> int:
    """Print what was found and whether the self-tests pass."""
    facts = dict(machine())
    talk.table(facts.items())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LichtbildWarning)
        outcomes = [
            (test.__doc__ or test.__name__, *outcome(test)) for test in (less_noise, same_bytes, round_trip)
        ]
    talk.table(("ok" if fine else "FAILED", name, words) for name, fine, words in outcomes)
    talk.document(
        {"machine": facts, "tests": [{"name": n, "ok": fine, "found": w} for n, fine, w in outcomes]}
    )
    return DONE if all(fine for _, fine, _ in outcomes) else SOME_FAILED


def machine() -> Iterator[tuple[str, str]]:
    """What this machine is made of, as pairs of words."""
    import rawpy

    yield (
        "system",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {kernels.thread_count()} threads",
    )
    yield "kernels", f"{kernels.level} (of {', '.join(kernels.LEVELS)})"
    yield "python", platform.python_version()
    yield "lichtbild", lichtbild.__version__
    for name in ("numpy", "pillow", "rich", "rawpy"):
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"
    yield "LibRaw", ".".join(map(str, rawpy.libraw_version))


def outcome(test: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """Whether a self-test passes, and what it found."""
    try:
        return test()
    except (LichtbildError, OSError, MemoryError) as error:
        return False, str(error)


def small_burst() -> tuple[Burst, simulate.Truth]:
    """Four frames to test with, and what was there."""
    return simulate.burst("leaves", size=(192, 256), frames=4, iso=800, seed=7)


def less_noise() -> tuple[bool, str]:
    """Merging removes noise."""
    burst, truth = small_burst()
    plain = Recipe.of("denoise.luma=0", "denoise.chroma=0")

    def error(frames: int) -> float:
        scene = merged(Burst(burst.frames[:frames], 0), plain)
        return float(np.median(np.abs(scene.rgb - truth.rgb * np.array(scene.gain, np.float32))))

    one, four = error(1), error(4)
    return four < 0.8 * one, f"{one / four:.1f} times nearer to the truth with 4 frames than with one"


def same_bytes() -> tuple[bool, str]:
    """One and two threads give the same bytes."""
    burst, threads, pixels = small_burst()[0], kernels.thread_count(), []
    try:
        for count in (1, 2):
            kernels.set_threads(count)
            pixels.append(develop(burst).rgb.tobytes())
    finally:
        kernels.set_threads(threads)
    return pixels[0] == pixels[1], f"{len(pixels[0])} bytes compared"


def round_trip() -> tuple[bool, str]:
    """A DNG that was written reads back."""
    scene = merged(small_burst()[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "merged.dng"
        write_merged(path, scene)
        frame = read_raw(path)
    return (
        frame.dn.shape == scene.rgb.shape,
        f"{frame.dn.shape[1]} × {frame.dn.shape[0]} pixels, {frame.shot.kind}",
    )
