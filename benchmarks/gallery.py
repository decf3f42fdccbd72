# SPDX-License-Identifier: Apache-2.0
"""Crops at 100 % for the gallery: one frame, a plain public recipe, and our merge, side by side.

    python benchmarks/gallery.py BURST… -o docs/gallery --at disc=2700,1500 stars=1500,1640 [--size 320]
    python benchmarks/gallery.py raw.CRW -o docs/gallery --at chart=200,150     # nine frames cut from one raw

"plain" is what a careful user builds from public parts: every frame demosaicked by AHD (LibRaw), one
Euclidean motion each found by enhanced correlation (OpenCV), warped by cubic interpolation, averaged.  All
three are shown in linear light with the camera's colour matrix and the sRGB curve, no look; a crop is
brightened until its 99th percentile is white.  Needs ``opencv-python-headless``.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import rawpy
from PIL import Image, ImageDraw, ImageFont

from lichtbild import pipeline
from lichtbild.base.image import Burst
from lichtbild.capture.burst import gather
from lichtbild.capture.exposures import relative
from lichtbild.capture.raw import read_raw
from lichtbild.correct.calibrate import calibrate
from lichtbild.publish.dng import write_mosaic

REC2020_TO_SRGB = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
STEP = 3  # every third photosite of a raw: nine frames of the same pattern


def developed(path):
    """LibRaw's AHD of a file: white-balanced camera colour, linear, clip level 1."""
    with rawpy.imread(str(path)) as raw:
        rgb = raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD, output_color=rawpy.ColorSpace.raw, gamma=(1, 1),
            no_auto_bright=True, use_camera_wb=True, output_bps=16, user_flip=0,
        )  # fmt: skip
    return rgb.astype(np.float32) / 65535


def plain(images, reference):
    """Frames moved onto the reference as a whole, and averaged."""
    half = images[0].shape[1] // 2, images[0].shape[0] // 2
    small = [cv2.resize(np.sqrt(im[..., 1]), half, interpolation=cv2.INTER_AREA) for im in images]
    h, w = images[0].shape[:2]
    total = images[reference].copy()
    for k, im in enumerate(images):
        if k == reference:
            continue
        start = np.eye(2, 3, dtype=np.float32)
        (dx, dy), _ = cv2.phaseCorrelate(small[reference].astype(np.float64), small[k].astype(np.float64))
        start[:, 2] = dx, dy
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6)
        _, motion = cv2.findTransformECC(
            small[reference], small[k], start, cv2.MOTION_EUCLIDEAN, stop, None, 5
        )
        motion[:, 2] *= 2
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        total += cv2.warpAffine(im, motion, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return total / len(images)


def beside(images, reference, light):
    """What stands beside our merge: the reference and the plain recipe; of a bracket, each exposure."""
    if light:
        return {f"{np.log2(x):+.0f} EV, AHD": im / np.float32(x) for im, x in zip(images, light, strict=True)}
    return {"one frame, AHD": images[reference], "AHD, one motion a frame, mean": plain(images, reference)}


def cut(path, folder):
    """Nine frames of one lossless raw, written as DNGs."""
    whole = read_raw(path)
    h, w = ((s // STEP - 2) & ~1 for s in whole.dn.shape)
    for k in range(STEP * STEP):
        j, i = divmod(k, STEP)
        dn = np.ascontiguousarray(whole.dn[2 * j :: STEP, 2 * i :: STEP][:h, :w])
        write_mosaic(folder / f"{k}.dng", dn, replace(whole.shot, size=dn.shape))
    return folder


def shown(rgb, scene, box, gain=None):
    """A crop for a screen, and the gain it was given."""
    y, x, h, w = box
    part = calibrate(replace(scene, rgb=np.ascontiguousarray(rgb[y : y + h, x : x + w]), frames=None)).rgb
    light = np.maximum(part @ REC2020_TO_SRGB.T, 0)
    gain = gain or 0.95 / max(float(np.percentile(light, 99)), 1e-4)
    light = np.clip(light * gain, 0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (coded * 255 + 0.5).astype(np.uint8), gain


def sheet(columns, names, enlarge):
    """Crops beside each other with their names."""
    font = ImageFont.load_default(15)
    h, w = columns[0].shape[0] * enlarge, columns[0].shape[1] * enlarge
    page = Image.new("RGB", (len(columns) * (w + 8) - 8, h + 26), "white")
    for k, (crop, name) in enumerate(zip(columns, names, strict=True)):
        page.paste(Image.fromarray(crop).resize((w, h), Image.Resampling.NEAREST), (k * (w + 8), 26))
        ImageDraw.Draw(page).text((k * (w + 8), 4), name, "black", font)
    return page


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bursts", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/gallery"))
    parser.add_argument("--at", nargs="+", default=["middle=0,0"], help="name=x,y of the crops")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--enlarge", type=int, default=1)
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg")
    args = parser.parse_args()
    for path in args.bursts:
        with tempfile.TemporaryDirectory() as room:
            folder = path if path.is_dir() else cut(path, Path(room))
            files = sorted(folder.glob("*.dng"))
            reference = 0 if path.is_dir() else 4
            burst = Burst(tuple(gather(files, 0).frames), reference)
            scene = pipeline.merged(burst)
            rivals = beside([developed(f) for f in files], reference, relative(burst, reference))
        for at in args.at:
            name, place = at.split("=")
            x, y = map(int, place.split(","))
            box = y, x, args.size, args.size
            ours, bright = shown(scene.rgb, scene, box)
            columns = [*(shown(rgb, scene, box, bright)[0] for rgb in rivals.values()), ours]
            names = [*rivals, "lichtbild"]
            target = args.output / f"{path.stem.lower()}-{name}.{args.format}"
            sheet(columns, names, args.enlarge).save(target, quality=92)
            print(target)


if __name__ == "__main__":
    sys.exit(main())
