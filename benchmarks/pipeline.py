# SPDX-License-Identifier: Apache-2.0
"""What a burst costs: 8 frames of 12 megapixels to a finished JPEG and a merged DNG, stage by stage.

    python benchmarks/pipeline.py                    # prints a markdown table
    python benchmarks/pipeline.py --look --frames 1  # only from the merged scene to the JPEG
    python benchmarks/pipeline.py --frames 4 --size 1224x1632 --rounds 3

Wall and CPU seconds are a stage's own (frames made inside another stage count for the stage that makes
them), medians over the rounds.  Peak is the resident memory while the stage ran, sampled every two
milliseconds.  The roofline is measured in the same process (see roofline.py).  ``floor`` is the time to move
each stage's input and output once at that bandwidth; ``× floor`` is how far above it the stage is.  Pixels
are read when a stage asks for a frame, and count for that stage; ``between`` is what no stage is charged for,
such as choosing the reference.

Two sums stand below, beside what the Halide port of HDR+ costs on a like burst of 8 × 12 megapixels (3.0 CPU
seconds to align and merge with reading, 6.5 to an 8-bit picture), and how much faster two threads are.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from roofline import arithmetic, bandwidth

import lichtbild as lb
from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base import stage as machinery
from lichtbild.recipe import stages
from lichtbild.tools.open import sha256

# bytes a pixel that a stage has to read and write at least once, and whether it does so for every frame
TRAFFIC = {
    "linearize": (2 + 4 + 1, True),
    "align": (4, True),
    "demosaic": (4 + 1 + 12, True),
    "merge": (12, True),
    "display": (24, False),
    "gainmap": (12 + 3, False),
    "read": (2 + 2, True), "hash": (2, True),
    "jpeg": (12 + 3, False),
    "dng": (12 + 6, False),
}
CLEAN = ("read", "between", "linearize", "align", "demosaic", "merge", "bracket", "refine", "denoise")
NOT_JPEG = ("dng",)
LOOK = ("tone", "grade", "display", "gainmap", "jpeg")
SCENE = (24, False)  # three floats in, three out


class Clock:
    """Wall and CPU time in one number that can be subtracted and summed: NumPy pairs."""

    @staticmethod
    def perf_counter():
        return np.array([time.perf_counter(), time.process_time()])


class Memory(threading.Thread):
    """The peak resident memory of every word on the stack of the main thread."""

    def __init__(self, words):
        super().__init__(daemon=True)
        self.words, self.peak, self.going = words, {}, True
        self.main = threading.main_thread().ident

    def run(self):
        page = os.sysconf("SC_PAGE_SIZE")
        while self.going:
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * page
            frame = sys._current_frames().get(self.main)
            while frame is not None and Path(frame.f_code.co_filename).stem not in self.words:
                frame = frame.f_back
            for word in {"total"} | ({self.words[Path(frame.f_code.co_filename).stem]} if frame else set()):
                self.peak[word] = max(self.peak.get(word, 0), resident)
            time.sleep(0.002)


def timed(work):
    """Wall and CPU seconds of every stage of some work, and of what lies between them."""
    seconds = {}

    def add(word, image, own):
        seconds[word] = seconds.get(word, 0) + own

    start = Clock.perf_counter()
    with lb.watching(add):
        work()
    seconds["between"] = Clock.perf_counter() - start - sum(seconds.values())
    return seconds


def once(paths, folder):
    """One burst from files to files."""
    recipe = lb.looks["natural"]
    burst = machinery.timed("read", lambda: lb.gather(paths))
    inputs = machinery.timed("hash", lambda: [(p.name, sha256(p)) for p in paths])
    scene = lb.merged(burst, recipe)
    del burst
    machinery.timed("dng", partial(lb.write_merged, folder / "merged.dng", scene, overwrite=True))
    photo = lb.finish(scene, recipe)
    del scene
    target = folder / "photo.jpg"
    written = partial(lb.save, photo, target, recipe=recipe.to_toml(), inputs=inputs, overwrite=True)
    machinery.timed("jpeg", written)


def finished(scene, folder):
    """A merged scene to a finished JPEG alone."""
    recipe = lb.looks["natural"]
    photo = lb.finish(scene, recipe)
    written = partial(lb.save, photo, folder / "photo.jpg", recipe=recipe.to_toml(), overwrite=True)
    machinery.timed("jpeg", written)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--look", action="store_true", help="only what follows the merge, of one frame")
    ask.add_argument("--frames", type=int, default=8)
    ask.add_argument("--size", default="3024x4032")
    ask.add_argument("--rounds", type=int, default=7)
    args = ask.parse_args()
    h, w = map(int, args.size.split("x"))
    warnings.simplefilter("ignore", lb.LichtbildWarning)
    words = {word: word for word in stages()} | {"raw": "read", "photo": "jpeg", "dng": "dng", "open": "hash"}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        paths = simulate.write(folder, *simulate.burst(size=(h, w), frames=args.frames))
        machinery.time = SimpleNamespace(perf_counter=Clock.perf_counter)
        if args.look:
            scene = lb.merged(lb.gather(paths[:1]), lb.looks["natural"])
            finished(scene, folder)  # warm
            rounds = [timed(partial(finished, scene, folder)) for _ in range(args.rounds)]
            table(rounds, {}, (1, h * w), bandwidth(os.cpu_count()))
            sums(rounds)
            return
        once(paths, folder)  # warm
        rounds = [timed(partial(once, paths, folder)) for _ in range(args.rounds)]
        walls = {}
        for threads in (1, 2):
            kernels.set_threads(threads)
            took = [float(sum(timed(partial(once, paths, folder)).values())[0]) for _ in range(args.rounds)]
            walls[threads] = statistics.median(took)
        kernels.set_threads(os.cpu_count())
        memory = Memory(words)
        memory.start()
        once(paths, folder)
        memory.going = False
    speed, product = bandwidth(os.cpu_count()), arithmetic()
    table(rounds, memory.peak, (args.frames, h * w), speed)
    sums(rounds)
    print(
        f"\nTwo threads are {walls[1] / walls[2]:.2f} × as fast as one. "
        f"Roofline in the same run: {speed:.1f} GB/s copy, {product:.0f} GFLOP/s multiply-add (float32). "
        f"{os.cpu_count()} cores {platform.machine()}, kernels {kernels.level}, "
        f"Python {platform.python_version()}, median of {args.rounds} warm rounds "
        "(interquartile range of the total in brackets)."
    )


def sums(rounds):
    """CPU seconds to a clean picture, to the finished JPEG, and of what the look and the file cost."""

    def median(words):
        return statistics.median(sum(float(t[1]) for w, t in r.items() if w in words) for r in rounds)

    if "merge" in rounds[0]:
        print(f"\nRead, align, merge, demosaic, denoise: {median(CLEAN):.2f} CPU s", end=" ")
        print("(HDR+, Halide: 3.0 without demosaic).")
        print(f"Finished JPEG: {median(set(rounds[0]) - set(NOT_JPEG)):.2f} CPU s (HDR+, Halide: 6.5).")
    print(f"\nTone, grade, display, gain map and JPEG: {median(LOOK):.2f} CPU s (aim at 12 megapixels: 1.2).")


def table(rounds, peak, size, speed):
    frames, pixels = size
    print(f"{frames} frames × {pixels / 1e6:.1f} megapixels → JPEG + DNG\n")
    print("| stage | wall ms | CPU ms | Mpix/s | peak MiB | floor ms | × floor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    order = ["read", "hash", "between", *stages(), "dng", "jpeg"]
    for word in [w for w in order if w in rounds[0]]:
        wall, cpu = (statistics.median(float(r[word][k]) for r in rounds) * 1e3 for k in (0, 1))
        each, per_frame = TRAFFIC.get(word, SCENE)
        done = pixels * (frames if per_frame else 1)
        floor = each * done / speed / 1e6
        cells = [f"{wall:.0f}", f"{cpu:.0f}", f"{done / wall / 1e3:.0f}", f"{peak.get(word, 0) / 2**20:.0f}"]
        cells += [f"{floor:.1f}", f"{wall / floor:.1f}"]
        print(f"| {word} | " + " | ".join(cells if wall >= 0.5 else ["neutral", *[""] * 5]) + " |")
    totals = [sum(r.values()) for r in rounds]
    wall, cpu = (statistics.median(float(t[k]) for t in totals) * 1e3 for k in (0, 1))
    spent = [float(t[1]) * 1e3 for t in totals]
    spread = statistics.quantiles(spent, n=4) if len(spent) > 1 else (cpu, cpu, cpu)
    most = f"{peak.get('total', 0) / 2**20:.0f}"
    print(f"| total | {wall:.0f} | {cpu:.0f} [{spread[0]:.0f} … {spread[2]:.0f}] | | {most} | | |")


if __name__ == "__main__":
    main()
