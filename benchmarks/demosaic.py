# SPDX-License-Identifier: Apache-2.0
"""Demosaicking on the two standard sets, by the protocol of the papers.

    python benchmarks/demosaic.py FOLDER       # holds kodim01.png … and mcm01.tif …

8-bit sRGB images are sampled as RGGB, demosaicked as they are (not linear), rounded to 8 bits; CPSNR over all
three channels without a border of 10 pixels, mean over the images.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.image import RGGB, Mosaic, Noise, Shot
from lichtbild.capture.demosaic import Demosaic, coloured


def psnr(path, method):
    image = np.asarray(Image.open(path).convert("RGB"), np.float32)
    h, w = image.shape[0] & ~1, image.shape[1] & ~1
    image = image[:h, :w]
    colour = np.tile([[0, 1], [1, 2]], (h // 2, w // 2))
    cfa = np.take_along_axis(image, colour[..., None], axis=2)[..., 0] / np.float32(255)
    noise = Noise((0.0,) * 3, (0.0,) * 3)
    unclipped = np.zeros((h, w), np.uint8)
    mosaic = Mosaic(cfa, "bayer", RGGB, (1.0, 1.0, 1.0), noise, unclipped, Shot(path, (h, w)))
    start = time.process_time()
    rgb = coloured(mosaic, Demosaic(method)).rgb
    seconds = time.process_time() - start
    error = np.clip(np.round(rgb * 255), 0, 255) - image
    return 10 * np.log10(255**2 / np.square(error)[10:-10, 10:-10].mean(dtype=np.float64)), seconds / (h * w)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print("| set | method | CPSNR dB | CPU s/Mpix |\n|---|---|---:|---:|")
    for name, pattern in (("Kodak", "kodim*.png"), ("McMaster", "mcm*.tif")):
        files = sorted(folder.glob(pattern))
        for method in ("bilinear", "ratio"):
            figures = np.array([psnr(f, method) for f in files])
            mean, seconds = figures[:, 0].mean(), 1e6 * np.median(figures[:, 1])
            print(f"| {name}, {len(files)} | {method} | {mean:.2f} | {seconds:.3f} |")


if __name__ == "__main__":
    main()
