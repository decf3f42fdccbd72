# SPDX-License-Identifier: Apache-2.0
"""The gallery of colour and looks: ``python docs/gallery.py [NAME…]`` writes docs/gallery/colour.md.

Every picture is developed from a raw file or photographed by the simulator from a scene of the folder that
``LICHTBILD_DATA`` names (default: ../shared/data); nothing is retouched.  Beside a small whole stands a part
of it at 100 %.
"""

import argparse
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import lichtbild as lb
from lichtbild import simulate
from lichtbild.base.image import Burst
from lichtbild.capture.burst import gather
from lichtbild.publish.photo import eight_bit
from lichtbild.recipe import Recipe

HERE = Path(__file__).parent / "gallery"
DATA = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PAPER, INK = (250, 249, 246), (38, 37, 35)
TALL, GAP, LINE = 520, 16, 30  # pixels: of the pictures, between them, of a line of words


@dataclass(frozen=True)
class Plate:
    """One picture of the gallery."""

    name: str
    source: str  # a file of the data
    words: str
    looks: tuple[str, ...]
    at: tuple[float, float]  # middle of the part at 100 %, shares of height and width
    turned: tuple[str, ...] = ()  # knobs
    layout: str = ""
    orientation: int = 1
    exposure: float = 0.0  # EV, of a simulated burst


N900 = "png GRBG black=25 white=959"
PLATES = (
    Plate(
        "courtyard",
        "raw/Hero6_GOPR0024.DNG",
        "One frame of an action camera, ISO 100, the sky clipped.",
        ("natural", "film-day"),
        (0.30, 0.62),
    ),
    Plate(
        "chart",
        "raw/Hero7_GOPR8508.DNG",
        "One frame, ISO 267, a grey patch picked as the white: greys are grey, patches keep their hue.",
        ("natural", "vibrant"),
        (0.80, 0.46),
        ("calibrate.pick_y=0.83", "calibrate.pick_x=0.47"),
    ),
    Plate(
        "dog",
        "raw/n900_grbg_10bit.png",
        "One 10-bit frame of a phone of 2009 that says nothing of its colour: a typical sensor is assumed.",
        ("natural", "mono-deep"),
        (0.22, 0.62),
        layout=N900,
        orientation=8,
    ),
    Plate(
        "lamps",
        "scenes/StillLife.exr",
        "Lamplight over 16 EV, four simulated frames exposed for the lamps, white balance auto.",
        ("natural", "film-night"),
        (0.42, 0.27),
        ("calibrate.white_balance=auto", "calibrate.adaptation=0.7"),
        exposure=-4.0,
    ),
    Plate(
        "dusk",
        "scenes/singaporean-cityscape.jpg",
        "Saturated lights at dusk, four simulated frames.",
        ("radiant", "verdant"),
        (0.48, 0.62),
    ),
    Plate(
        "sunset",
        "scenes/beacon-street-sunset.jpg",
        "A low sun, four simulated frames.",
        ("serene", "mono-red"),
        (0.42, 0.78),
    ),
)


def taken(plate: Plate) -> Burst:
    """The burst of a picture."""
    path = DATA / plate.source
    if path.parent.name == "scenes":
        shots = (plate.exposure,) * 4
        return simulate.burst(str(path), size=(1200, 1600), frames=4, iso=100, seed=1, exposures=shots)[0]
    burst = gather([path], layout=plate.layout)
    if plate.orientation == 1:
        return burst
    turned = (replace(f, shot=replace(f.shot, orientation=plate.orientation)) for f in burst.frames)
    return replace(burst, frames=tuple(turned))


def words(draw, at, text, size=16):
    draw.text(at, text, fill=INK, font=ImageFont.load_default(size), anchor="lm")


def made(plate: Plate) -> Image.Image:
    """The plate: for each look the whole, small, and a part of it at 100 %."""
    scene = lb.merged(taken(plate))
    tiles = []
    for look in plate.looks:
        codes = eight_bit(lb.finish(scene, Recipe.of(lb.looks[look], "display.space=srgb", *plate.turned)))
        h, w = codes.shape[:2]
        whole = Image.fromarray(codes).resize((round(TALL * w / h), TALL), Image.Resampling.LANCZOS)
        side = min(TALL, h, w)
        y, x = (min(max(round(a * n - side / 2), 0), n - side) for a, n in zip(plate.at, (h, w), strict=True))
        tiles.append((look, whole, Image.fromarray(np.ascontiguousarray(codes[y : y + side, x : x + side]))))
    wide = sum(whole.width + part.width + 2 * GAP for _, whole, part in tiles) - GAP
    sheet = Image.new("RGB", (wide, TALL + LINE), PAPER)
    draw, x = ImageDraw.Draw(sheet), 0
    for look, whole, part in tiles:
        words(draw, (x, TALL + LINE / 2), look)
        words(draw, (x + whole.width + GAP, TALL + LINE / 2), "100 %")
        for picture in (whole, part):
            sheet.paste(picture, (x, 0))
            x += picture.width + GAP
    return sheet


def page() -> str:
    """The words around the pictures."""
    parts = [
        "# Colour and looks\n\n<!-- written by docs/gallery.py -->\n",
        "Raw files and simulated bursts, developed as they are, nothing retouched; a part at 100 % beside "
        "each whole. Every look on\nthe same three photographs: [the looks](../looks/README.md).\n",
    ]
    for p in PLATES:
        parts.append(f"![{p.words}](colour-{p.name}.jpg)\n\n*{p.words} Looks: {', '.join(p.looks)}.*\n")
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    chosen = parser.parse_args().names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for plate in PLATES:
            if not chosen or plate.name in chosen:
                made(plate).save(HERE / f"colour-{plate.name}.jpg", quality=88)
    (HERE / "colour.md").write_text(page(), encoding="utf-8")
