# SPDX-License-Identifier: Apache-2.0
"""Alignment against the truth of the simulator: error by scene, ISO and shake, and time per frame.

    python benchmarks/alignment.py             # about five minutes
    python benchmarks/alignment.py --quick     # one row a scene

Error is the distance between the flow, read at every pixel as `Flow` says, and the simulator's, in pixels:
median and 95th percentile over the textured part of the background and over all of it, without what the frame
does not show.  *Things*: median distance of ``second``, with its turn, at every pixel of moving things in
tiles that have one, and the share of the things' pixels in such tiles.  Time is CPU time of one thread for
one frame, grey picture and pyramid included, scaled to 12 megapixels.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align
from lichtbild.simulate import burst

SIZE = 1200, 1600
TEXTURED = 1e-5  # mean squared slope of the square root of light, in windows of 16 pixels
ROWS = [
    *((scene, iso, "hand", 0.0) for scene in ("room", "leaves") for iso in (100, 800, 3200)),
    *((scene, 800, shake, 0.03) for scene in ("room", "leaves") for shake in ("hand", "shaky")),
    *((scene, 800, shake, 0.0) for scene in ("room", "leaves") for shake in ("jumps", "wild")),
]


def corner(place, count):
    """The tile centre before each place (in tiles) and the share of the next one."""
    first = np.clip(np.floor(place).astype(int), 0, count - 2)
    return first, place - first


def dense(flow, k, shape):
    """Shift at every pixel: bilinear between tile centres, continued beyond them."""
    ny, nx = flow.trust.shape[1:]
    j, a = corner((np.arange(shape[0]) + 0.5) / flow.tile - 0.5, ny)
    i, b = corner((np.arange(shape[1]) + 0.5) / flow.tile - 0.5, nx)
    a, b, s = a[:, None, None], b[:, None], flow.shift[k]
    top, low = (s[r][:, i] * (1 - b) + s[r][:, i + 1] * b for r in (j, j + 1))
    return top * (1 - a) + low * a


def own(flow, k, shape):
    """What moves on its own, at every pixel; NaN where nothing does."""
    if flow.second is None:
        return np.full((*shape, 2), np.nan)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    j, i, n = y // flow.tile, x // flow.tile, flow.tile
    v, u = y - (j + 0.5) * n + 0.5, x - (i + 0.5) * n + 0.5
    t, s = flow.turn[k][j, i], flow.second[k][j, i]
    return s + np.stack([t[..., 0] * v + t[..., 1] * u, t[..., 2] * v + t[..., 3] * u], axis=-1)


def textured(rgb):
    """Where there is something to see."""
    z = np.sqrt(np.maximum(rgb[..., 1], 0))
    slope = np.square(np.gradient(z, axis=0)) + np.square(np.gradient(z, axis=1))
    h, w = (n // 16 for n in slope.shape)
    mean = slope[: h * 16, : w * 16].reshape(h, 16, w, 16).mean((1, 3))
    rest = [(0, n - m * 16) for n, m in zip(slope.shape, (h, w), strict=True)]
    return np.pad(np.kron(mean, np.ones((16, 16))), rest) > TEXTURED


def figures(scene, iso, shake, readout):
    """One row: how far the camera went, errors, things, milliseconds."""
    made, truth = burst(scene, size=SIZE, frames=4, iso=iso, shake=shake, readout=readout)
    frames = linearize(replace(made, reference=0))
    kept = [frames[k] for k in range(frames.count)]
    frames = replace(frames, make=lambda k: kept[k])
    start = time.process_time()
    flow = align(frames)
    seconds = (time.process_time() - start) / (frames.count - 1)
    seen, far, rows, things, share = textured(truth.rgb), 0.0, [], [], []
    for k in range(1, frames.count):
        there, hidden = truth.flow(k), truth.occluded(k) > 0
        error = np.linalg.norm(dense(flow, k, SIZE) - there, axis=-1)
        ground = (truth.layer == 0) & ~hidden
        far = max(far, float(np.linalg.norm(there, axis=-1)[ground].max()))
        rows.append([np.percentile(error[m], q) for m in (ground & seen, ground) for q in (50, 95)])
        thing = (truth.layer > 0) & ~hidden & seen
        if thing.any():
            away = np.linalg.norm(own(flow, k, SIZE) - there, axis=-1)[thing]
            share.append(np.isfinite(away).mean())
            things.append(np.nanmedian(away) if share[-1] else np.nan)
    return far, *np.mean(rows, axis=0), np.nanmean(things), np.mean(share), seconds * 12e9 / np.prod(SIZE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one row a scene")
    rows = ROWS[1:5:3] if parser.parse_args().quick else ROWS
    kernels.set_threads(1)
    print("| scene | ISO | shake | readout s | farthest px | textured: median | 95 % | all: median", end="")
    print(" | 95 % | things: median | share | ms per 12 Mpix |\n|---|---:|---|---:|" + "---:|" * 8)
    for row in rows:
        far, *errors, thing, share, ms = figures(*row)
        words = " | ".join(f"{e:.3f}" for e in errors)
        print("| {} | {} | {} | {:.2f} |".format(*row), end="")
        print(f" {far:.1f} | {words} | {thing:.2f} | {share:.2f} | {ms:.0f} |", flush=True)


if __name__ == "__main__":
    main()
