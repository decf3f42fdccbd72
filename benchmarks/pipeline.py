# SPDX-License-Identifier: Apache-2.0
"""What a burst costs: 8 frames of 12 megapixels to a finished JPEG and a merged DNG, stage by stage.

    python benchmarks/pipeline.py                    # prints a markdown table
    python benchmarks/pipeline.py --frames 4 --size 1224x1632 --rounds 3

Wall and CPU seconds are a stage's own (frames made inside another stage count for the stage that makes
them), medians over the rounds.  Peak is the resident memory while the stage ran, sampled every two
milliseconds.  The roofline is measured in the same process: memory bandwidth by copying, multiply-adds by a
float32 matrix product.  ``floor`` is the time to move each stage's input and output once at that bandwidth;
``× floor`` is how far above it the stage is.
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
    "read": (2 + 2, True), "hash": (2, True),
    "jpeg": (12 + 3, False),
    "dng": (12 + 6, False),
}
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


def roofline():
    """Memory bandwidth in GB/s and multiply-adds in GFLOP/s, all threads."""
    a = np.ones(32 << 20, np.float32)
    b = np.empty_like(a)
    copies, products = [], []
    m = np.ones((2048, 2048), np.float32)
    half = a.size // 2

    def copy(part):
        np.copyto(b[part], a[part])

    for _ in range(7):
        threads = [
            threading.Thread(target=copy, args=(part,)) for part in (slice(0, half), slice(half, None))
        ]
        start = time.perf_counter()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        copies.append(2 * a.nbytes / (time.perf_counter() - start))
        start = time.perf_counter()
        m @ m
        products.append(2 * 2048**3 / (time.perf_counter() - start))
    return max(copies) / 1e9, max(products) / 1e9


def once(paths, folder):
    """One burst from files to files; wall and CPU seconds of every stage."""
    seconds = {}

    def add(word, image, own):
        seconds[word] = seconds.get(word, 0) + own

    recipe = lb.looks["natural"]
    with lb.watching(add):
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
    return seconds


def main():
    ask = argparse.ArgumentParser()
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
        once(paths, folder)  # warm
        rounds = [once(paths, folder) for _ in range(args.rounds)]
        memory = Memory(words)
        memory.start()
        once(paths, folder)
        memory.going = False
    bandwidth, flops = roofline()
    table(rounds, memory.peak, (args.frames, h * w), bandwidth)
    print(
        f"\nRoofline in the same run: {bandwidth:.1f} GB/s copy, {flops:.0f} GFLOP/s multiply-add (float32). "
        f"{os.cpu_count()} cores {platform.machine()}, kernels {kernels.level}, "
        f"Python {platform.python_version()}, median of {args.rounds} warm rounds "
        "(interquartile range of the total in brackets)."
    )


def table(rounds, peak, size, bandwidth):
    frames, pixels = size
    print(f"{frames} frames × {pixels / 1e6:.1f} megapixels → JPEG + DNG\n")
    print("| stage | wall ms | CPU ms | Mpix/s | peak MiB | floor ms | × floor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    order = ["read", "hash", *list(stages())[:6], "dng", *list(stages())[6:], "jpeg"]
    for word in [w for w in order if w in rounds[0]]:
        wall, cpu = (statistics.median(float(r[word][k]) for r in rounds) * 1e3 for k in (0, 1))
        each, per_frame = TRAFFIC.get(word, SCENE)
        done = pixels * (frames if per_frame else 1)
        floor = each * done / bandwidth / 1e6
        cells = [f"{wall:.0f}", f"{cpu:.0f}", f"{done / wall / 1e3:.0f}", f"{peak.get(word, 0) / 2**20:.0f}"]
        cells += [f"{floor:.1f}", f"{wall / floor:.1f}"]
        print(f"| {word} | " + " | ".join(cells if wall >= 0.5 else ["neutral", *[""] * 5]) + " |")
    totals = [sum(r.values()) for r in rounds]
    wall, cpu = (statistics.median(float(t[k]) for t in totals) * 1e3 for k in (0, 1))
    spent = [float(t[1]) * 1e3 for t in totals]
    spread = statistics.quantiles(spent, n=4) if len(spent) > 1 else (cpu, cpu, cpu)
    most = f"{peak['total'] / 2**20:.0f}"
    print(f"| total | {wall:.0f} | {cpu:.0f} [{spread[0]:.0f} … {spread[2]:.0f}] | | {most} | | |")


if __name__ == "__main__":
    main()
