# SPDX-License-Identifier: Apache-2.0
"""What denoising gains on photographs, taken by the simulated phone, as one frame and as eight merged.

    python benchmarks/denoise.py FOLDER        # holds kodim01.png … and mcm01.tif …; prints a markdown table

Linear PSNR in dB against the light that was there, in balanced camera colour, pixels below 0.9 of the clip
level, without a border of 24 pixels; mean over the pictures of the squared error's decibels.  `leaves` are
dead leaves, texture and nothing else.  `kept` is the energy of what a high-pass lets through of the
brightness, compared with the truth's: below 100 % texture is lost, above it noise is left.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.image import Burst
from lichtbild.correct.denoise import denoise
from lichtbild.pipeline import merged
from lichtbild.recipe import Recipe

PICTURES = (
    "kodim01.png",
    "kodim05.png",
    "kodim13.png",
    "kodim15.png",
    "kodim23.png",
    "mcm04.tif",
    "mcm12.tif",
)
SIZE, BORDER, FRAMES = (448, 448), 24, (1, 8)
NOISY = Recipe.of("denoise.luma=0", "denoise.chroma=0")


def measured(rgb, light):
    """PSNR in dB, and the energy of fine detail in brightness relative to the truth's."""
    inside = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    seen = light.max(axis=-1)[inside] < 0.9
    error = np.square(rgb - light)[inside][seen].mean(dtype=np.float64)
    detail = [np.square(high_pass(p @ [0.25, 0.5, 0.25])[inside][seen]).mean() for p in (rgb, light)]
    return -10 * np.log10(error), detail[0] / detail[1]


def high_pass(plane):
    """A pixel less the mean of its four neighbours."""
    around = sum(np.roll(plane, d, axis) for axis in (0, 1) for d in (-1, 1))
    return plane - around / 4


def figures(scene, iso):
    """``(frames, PSNR before, after, kept)`` for one frame and for all merged."""
    burst, truth = simulate.burst(scene, size=SIZE, frames=max(FRAMES), iso=iso, seed=3)
    for count in FRAMES:
        before = merged(Burst(burst.frames[:count], 0), NOISY)
        light = truth.rgb * np.array(before.gain, np.float32)
        after, kept = measured(denoise(before).rgb, light)
        yield count, measured(before.rgb, light)[0], after, kept


def cost():
    """CPU seconds of a megapixel on one thread, median of five."""
    burst, _ = simulate.burst("leaves", size=(1024, 1024), frames=1, iso=800, seed=3)
    scene = merged(burst, NOISY)
    kernels.set_threads(1)
    seconds = []
    for _ in range(6):
        start = time.process_time()
        denoise(scene)
        seconds.append(time.process_time() - start)
    kernels.set_threads(0)
    return float(np.median(seconds[1:])) * 1e6 / scene.rgb[..., 0].size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--iso", type=float, nargs="*", default=[100, 800, 3200])
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    photographs = [path for name in PICTURES if (path := wanted.folder / name).is_file()]
    print("| pictures | ISO | frames | before dB | after dB | kept |\n|---|---:|---:|---:|---:|---:|")
    for name, scenes in ((f"{len(photographs)} photographs", photographs), ("leaves", ["leaves"])):
        for iso in wanted.iso:
            table = np.array([list(figures(scene, iso)) for scene in scenes]).mean(axis=0)
            for count, before, after, kept in table:
                print(f"| {name} | {iso:g} | {count:.0f} | {before:.2f} | {after:.2f} | {kept:.0%} |")
    print(f"\n{cost():.3f} CPU s a megapixel on one thread")


if __name__ == "__main__":
    main()
