# SPDX-License-Identifier: Apache-2.0
"""Demosaicking on the two standard sets, by the protocol of the papers.

    python benchmarks/demosaic.py FOLDER           # holds kodim01.png … and mcm01.tif …
    python benchmarks/demosaic.py FOLDER --cells   # other colour filter arrays

8-bit sRGB images are sampled as RGGB, demosaicked as they are (not linear), rounded to 8 bits; CPSNR over all
three channels without a border of 10 pixels, mean over the images.  Bilinear interpolation and Malvar's
filters stand beside ours because their figures are published: only when these two rows come out right is the
harness believed (tests/test_demosaic_harness.py).

The mixture works on the square root of light.  So that it, too, interpolates the 8-bit values as they are, it
is given their squares.

With ``--cells`` the same images are sampled as quad-Bayer, nona, X-Trans and RYYB (yellow is the mean of red
and green), beside the mean of the nearest samples of each colour.

References
----------
[1] H. S. Malvar, L. He, R. Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned
    color images", ICASSP 2004.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.image import RGGB, Mosaic, Noise, Shot
from lichtbild.capture.demosaic import Demosaic, coloured
from lichtbild.simulate.cfa import known_cfa

SETS = (("Kodak", "kodim*.png"), ("McMaster", "mcm*.tif"))
METHODS = ("bilinear", "malvar", "ratio", "mixture")
OTHERS = ("bilinear", "mixture")
CELLS = ("quad", "nona", "xtrans", "ryyb")

# Malvar's four filters in eighths, as {(dy, dx): weight}; SAME is the light of the pixel's own colour
CROSS = ((-1, 0), (1, 0), (0, -1), (0, 1))
FAR = ((-2, 0), (2, 0), (0, -2), (0, 2))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
GREEN = {(0, 0): 4, **dict.fromkeys(CROSS, 2), **dict.fromkeys(FAR, -1)}
ROW = {(0, 0): 5, (0, -1): 4, (0, 1): 4, (0, -2): -1, (0, 2): -1, (-2, 0): 0.5, (2, 0): 0.5,
       **dict.fromkeys(DIAGONAL, -1)}  # fmt: skip
COLUMN = {(dx, dy): weight for (dy, dx), weight in ROW.items()}
OTHER = {(0, 0): 6, **dict.fromkeys(DIAGONAL, 2), **dict.fromkeys(FAR, -1.5)}


def filtered(cfa, weights):
    """`cfa` through one of the filters, mirrored at the border."""
    wide = np.pad(cfa, 2, mode="reflect")
    h, w = cfa.shape
    return sum(k / 8 * wide[2 + dy : 2 + dy + h, 2 + dx : 2 + dx + w] for (dy, dx), k in weights.items())


def malvar(cfa):
    """Three colours of an RGGB mosaic by the filters of [1]."""
    rgb = np.empty((*cfa.shape, 3), np.float32)
    green, row, column, other = (filtered(cfa, f) for f in (GREEN, ROW, COLUMN, OTHER))
    red, first, second, blue = (np.s_[y::2, x::2] for y in (0, 1) for x in (0, 1))
    for site, values in (
        (red, (cfa, green, other)),
        (first, (row, cfa, column)),  # green between reds
        (second, (column, cfa, row)),
        (blue, (other, green, cfa)),
    ):
        for c in range(3):
            rgb[(*site, c)] = values[c][site]
    return rgb


def ours(cfa, method, path, cell=None):
    """The same by one of the methods of the package."""
    noise, unclipped = Noise((0.0,) * 3, (0.0,) * 3), np.zeros(cfa.shape, np.uint8)
    shot = Shot(path, cfa.shape, cell=cell)
    light = cfa * cfa if method == "mixture" else cfa
    rgb = coloured(
        Mosaic(light, "bayer", RGGB, (1.0, 1.0, 1.0), noise, unclipped, shot), Demosaic(method)
    ).rgb
    return np.sqrt(np.maximum(rgb, 0)) if method == "mixture" else rgb


def psnr(path, method, cfa="rggb"):
    """CPSNR in dB and CPU seconds per pixel of one image."""
    image = np.asarray(Image.open(path).convert("RGB"), np.float32)
    array = known_cfa(cfa)
    h, w = (n - n % k for n, k in zip(image.shape, array.cell.shape, strict=False))
    image = image[:h, :w]
    if array.planes == "RYB":
        image = np.stack([image[..., 0], image[..., :2].mean(axis=2), image[..., 2]], axis=2)
    samples = array.mosaic(image) / np.float32(255)
    start = time.process_time()
    cell = None if array.bayer else array.cell
    rgb = malvar(samples) if method == "malvar" else ours(samples, method, path, cell)
    seconds = time.process_time() - start
    error = np.clip(np.round(rgb * 255), 0, 255) - image
    return 10 * np.log10(255**2 / np.square(error)[10:-10, 10:-10].mean(dtype=np.float64)), seconds / (h * w)


def table(folder, methods=METHODS, cfa="rggb"):
    """``(set, images, method, mean CPSNR, seconds per megapixel)`` for every set and method."""
    for name, pattern in SETS:
        files = sorted(folder.glob(pattern))
        for method in methods:
            figures = np.array([psnr(f, method, cfa) for f in files])
            yield name, len(files), method, figures[:, 0].mean(), 1e6 * np.median(figures[:, 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", action="store_true", help="other colour filter arrays than RGGB")
    args = parser.parse_args()
    print("| cell | set | method | CPSNR dB | CPU s/Mpix |\n|---|---|---|---:|---:|")
    for cfa in CELLS if args.cells else ("rggb",):
        for name, count, method, mean, seconds in table(args.folder, OTHERS if args.cells else METHODS, cfa):
            print(f"| {cfa} | {name}, {count} | {method} | {mean:.2f} | {seconds:.3f} |", flush=True)


if __name__ == "__main__":
    main()
