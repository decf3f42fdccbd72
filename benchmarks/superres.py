# SPDX-License-Identifier: Apache-2.0
"""What the photosites of a burst add: to the merge (refine), and to its enlargement (superres).

    python benchmarks/superres.py [--iso 100 400 1600] [--frames 8]

The scene is a field of fine coloured waves, 0.1 to 0.5 cycles per pixel.  Linear PSNR, clip level = 1, green
after white balance, against what the simulator knows: on the sensor's grid, and on a grid twice as fine
behind the same lens.  "lanczos" enlarges the refined and denoised picture.
"""

import argparse
import time
import warnings
from dataclasses import replace

import numpy as np

from lichtbild.base.errors import QualityWarning
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align
from lichtbild.combine.merge import merge
from lichtbild.combine.refine import refine
from lichtbild.combine.superres import Superres, superres
from lichtbild.correct.denoise import denoise
from lichtbild.simulate.burst import burst
from lichtbild.simulate.lens import Lens
from lichtbild.simulate.scene import Scene, Thing

SIZE = (384, 512)
LENS = Lens(name="sharp", sigma=(0.3, 0.3, 0.3), fall=(0.0, 0.0))
FINE = Lens(name="sharp, in smaller pixels", sigma=(0.6, 0.6, 0.6), fall=(0.0, 0.0))


def waves(rows):
    """Patches of waves in all directions, in colours of their own."""
    rng = np.random.default_rng(9)
    angle, tint = rng.uniform(0, np.pi, (8, 8)), rng.uniform(0.5, 1, (3, 8, 8)).astype(np.float32)
    pitch = rng.uniform(0.1, 0.5, (8, 8)) * rows

    def paint(view):
        y, x = np.broadcast_arrays(view.y, view.x)
        j, i = np.clip((y * 6).astype(int) + 1, 0, 7), np.clip((x * 6).astype(int), 0, 7)
        phase = 2 * np.pi * pitch[j, i] * (np.cos(angle[j, i]) * y + np.sin(angle[j, i]) * x)
        wave = (0.25 + 0.1 * np.cos(phase)).astype(np.float32)
        view.lay(tuple(wave * plane[j, i] for plane in tint))

    return Scene((Thing((-1, -1, 2, 3), paint),))


def psnr(scene, truth):
    """Linear PSNR without a border of 32 pixels."""
    light = truth.rgb * np.array(scene.gain, np.float32)
    error = (scene.rgb - light)[32:-32, 32:-32]
    return -10 * np.log10((error**2).mean(dtype=np.float64))


def clocked(work):
    """What `work` gives, and its CPU seconds."""
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def row(scenery, fine, iso, count):
    """One line of the table."""
    made, truth = burst(scenery, size=SIZE, frames=count, iso=iso, seed=3, lens=LENS)
    frames = linearize(replace(made, reference=0))
    flow = align(frames)
    scene = merge(demosaic(frames), flow)
    refined, one = clocked(lambda: refine(scene, frames, flow))
    clean = denoise(refined)
    plain = superres(clean, frames, flow, Superres(scale="2", rounds=0))
    more, two = clocked(lambda: superres(clean, frames, flow, Superres(scale="2")))
    figures = psnr(denoise(scene), truth), psnr(clean, truth), psnr(plain, fine), psnr(more, fine)
    megapixels = SIZE[0] * SIZE[1] * count / 1e6
    return (*figures, one / megapixels, two / megapixels)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iso", type=float, nargs="+", default=[100, 400, 1600])
    parser.add_argument("--frames", type=int, default=8)
    args = parser.parse_args()
    warnings.simplefilter("ignore", QualityWarning)
    scenery, large = waves(SIZE[0]), (2 * SIZE[0], 2 * SIZE[1])
    _, fine = burst(scenery, size=large, frames=1, iso=100, seed=3, lens=FINE, shake="still")
    print("   ISO   merged  refined  lanczos superres   CPU s per megapixel of frames: refine  superres")
    for iso in args.iso:
        a, b, c, d, one, two = row(scenery, fine, iso, args.frames)
        print(f"{iso:6.0f} {a:8.2f} {b:8.2f} {c:8.2f} {d:8.2f} {one:40.3f} {two:9.3f}")


if __name__ == "__main__":
    main()
