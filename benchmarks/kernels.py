# SPDX-License-Identifier: Apache-2.0
"""Every compiled kernel by itself: time a pixel, and how near it comes to the two roofs of the machine.

    python benchmarks/kernels.py                             # a simulated burst of 8 frames, 12 megapixels
    python benchmarks/kernels.py --burst DIR --set superres.scale=2

The pipeline runs once on one thread while every call of a kernel is watched, so that all kernels are seen
with the data they really get, and none has to be called by hand.  ``ns/px`` is a kernel's whole time over
the pixels that it was given (of the largest array of each call).  ``bandwidth`` is the bytes of its arrays,
each moved once, over the time, as a share of what copying reaches; a kernel that reads an array more than
once from memory does better than it seems, one that looks at a part only worse.  ``arithmetic`` is the
operations counted by hand in the source of the hottest kernels, over the time, as a share of a float32 matrix
product: that one fuses multiplications and additions, which is never done here (see decision 0002), so that
one half is the most that can be had.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from roofline import arithmetic, bandwidth

import lichtbild as lb
from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.capture.burst import raw_files

OPERATIONS = {  # a pixel and call, counted in the source
    "demosaic": 170,
    "merge_frame": 100,
    "denoise_shrink": 430,
    "linearize": 5,
    "merge_finish": 4,
    "calibrate": 15,
    "exposure": 3,
}
LEAST = 0.004  # share of the whole that is worth a line


class Watched:
    """The kernels, with a clock on every call."""

    def __init__(self, module):
        self.module, self.calls = module, {}

    def __getattr__(self, name):
        function = getattr(self.module, name)
        if not callable(function):
            return function

        def call(*args, **named):
            start = time.thread_time()
            made = function(*args, **named)
            seconds = time.thread_time() - start
            arrays = [a for a in (*args, *named.values()) if isinstance(a, np.ndarray)]
            sites = max((np.prod(sorted(a.shape)[-2:]) for a in arrays), default=0)
            one = np.array([1, seconds, sum(a.nbytes for a in arrays), sites])
            self.calls[name] = self.calls.get(name, 0) + one
            return made

        return call


def watched(paths, recipe):
    """Calls, seconds and bytes of every kernel on the way from raws to a finished photo; and the CPU time."""
    inside = kernels._kernels
    watch = kernels._kernels = Watched(inside)
    try:
        start = time.process_time()
        burst = lb.gather(paths)
        scene = lb.merged(burst, recipe)
        photo = lb.finish(scene, recipe)
        whole = time.process_time() - start
    finally:
        kernels._kernels = inside
    return watch.calls, whole, photo


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--burst", type=Path)
    ask.add_argument("--frames", type=int, default=8)
    ask.add_argument("--size", default="3024x4032")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--set", action="append", default=[], dest="settings")
    args = ask.parse_args()
    warnings.simplefilter("ignore", lb.LichtbildWarning)
    recipe = lb.Recipe.of(lb.looks["natural"], *args.settings)
    with tempfile.TemporaryDirectory() as temp:
        if args.burst:
            paths = raw_files(args.burst)[: args.frames]
        else:
            h, w = map(int, args.size.split("x"))
            paths = simulate.write(Path(temp), *simulate.burst(size=(h, w), frames=args.frames))
        kernels.set_threads(1)
        rounds = [watched(paths, recipe) for _ in range(args.rounds)]
        size = lb.read_raw(paths[0]).shot.size
    calls, whole, _ = min(rounds, key=lambda r: r[1])
    table(calls, whole, (len(paths), size[0] * size[1]))


def table(calls, whole, amount):
    frames, pixels = amount
    copy, product = bandwidth(1), arithmetic(time.process_time)
    print(f"{frames} frames × {pixels / 1e6:.1f} megapixels, one thread, kernels {kernels.level}: ", end="")
    print(f"{whole:.2f} CPU s, {copy:.1f} GB/s copy, {product:.0f} GFLOP/s matrix product\n")
    print("| kernel | calls | CPU ms | ns/px | bandwidth | arithmetic |")
    print("|---|---:|---:|---:|---:|---:|")
    rest, small = whole, 0.0
    for name, (count, seconds, moved, sites) in sorted(calls.items(), key=lambda item: -item[1][1]):
        rest -= seconds
        if seconds < LEAST * whole:
            small += seconds
            continue
        share = f"{moved / seconds / 1e9 / copy:.0%}"
        done = OPERATIONS.get(name, 0) * sites / seconds / 1e9 / product
        cells = [f"{count:.0f}", f"{seconds * 1e3:.0f}", f"{seconds / sites * 1e9:.1f}", share]
        print(f"| {name} | {' | '.join(cells)} | {f'{done:.0%}' if done else ''} |")
    print(f"| all other kernels | | {small * 1e3:.0f} | | | |")
    print(f"| reading, NumPy, Python | | {rest * 1e3:.0f} | | | |")


if __name__ == "__main__":
    main()
