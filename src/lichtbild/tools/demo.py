# SPDX-License-Identifier: Apache-2.0
"""The demonstration: from nothing to a finished photo, for people who have no burst at hand.

A phone that does not exist photographs a room that does not exist, by lamplight and the last sun, eight noisy
frames by a hand that shakes.  They are written as DNG files, read again like anybody's, developed, and shown
beside one of them.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lichtbild.base.errors import ExportError
from lichtbild.base.image import Burst
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import write_file
from lichtbild.capture.burst import gather
from lichtbild.look.look import looks
from lichtbild.pipeline import develop, finish, merged
from lichtbild.publish.dng import write_merged
from lichtbild.publish.icc import profile
from lichtbild.publish.order import eight_bit
from lichtbild.publish.photo import save
from lichtbild.recipe import Recipe
from lichtbild.simulate import burst, write

ISO, FRAMES, LOOK = 2000, 8, "vibrant"
SIZE = (2448, 3264)
DETAIL = (0.500, 0.455)  # top left of the detail at 100 %, as shares of height and width
PANEL, GAP, LINE = 1200, 24, 64  # px: width of a panel, space between, height of the labels


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demonstration left, and the seconds of its steps."""

    burst: tuple[Path, ...]
    photo: Path
    merged: Path
    comparison: Path
    frames: int
    used: int
    seconds: dict[str, float]


def demo(
    folder: Path,
    *,
    seed: int = 1,
    size: tuple[int, int] = SIZE,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda words: None,
) -> Demo:
    """Make a burst, develop it, and leave ``burst/``, ``photo.jpg``, ``merged.dng`` and ``before-after.jpg``.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    seed : int
        Another seed, another shelf of books, another hand.
    size : tuple of int
        (height, width) of the simulated sensor.
    overwrite : bool
        Whether files of an earlier demonstration may be replaced.
    progress : callable
        Told in a few words what begins.

    Raises
    ------
    ExportError
        The folder holds something already, or cannot be written.
    """
    if not overwrite and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(
            f"{folder} is there and not empty",
            hint="--overwrite replaces the demo in it, or name another folder",
        )
    seconds: dict[str, float] = {}

    def timed(name: str, words: str) -> None:
        seconds[name] = time.perf_counter()
        progress(words)

    timed("simulate", f"taking {FRAMES} frames of {size[1]} × {size[0]} pixels at ISO {ISO}")
    paths = shoot(folder / "burst", seed=seed, size=size)
    timed("develop", "developing them")
    taken, recipe = gather(paths), Recipe.of(looks[LOOK])
    scene = merged(taken, recipe)
    write_merged(folder / "merged.dng", scene, overwrite=overwrite)
    photo = finish(scene, recipe)
    del scene
    save(photo, folder / "photo.jpg", recipe=recipe.to_toml(), overwrite=overwrite)
    timed("compare", "developing one frame alone, to compare")
    alone = Recipe.of(recipe, "denoise.luma=0", "denoise.chroma=0")
    single = develop(Burst((taken.frames[0],)), alone)
    write_file(folder / "before-after.jpg", [beside(single, photo)], overwrite=overwrite)
    ends = [*list(seconds.values())[1:], time.perf_counter()]
    took = {name: round(end - start, 3) for (name, start), end in zip(seconds.items(), ends, strict=True)}
    return Demo(
        tuple(paths),
        folder / "photo.jpg",
        folder / "merged.dng",
        folder / "before-after.jpg",
        len(paths),
        photo.merged,
        took,
    )


def shoot(folder: Path, *, seed: int, size: tuple[int, int]) -> list[Path]:
    """The burst, with its truth beside it."""
    return write(folder, *burst("room", size=size, frames=FRAMES, iso=ISO, seed=seed))


def beside(single: Photo, photo: Photo) -> bytes:
    """One frame and the photo side by side, whole above and a detail at 100 % below, as a JPEG."""
    h, w, _ = photo.rgb.shape
    panel = min(PANEL, w)
    tall, detail = round(panel * h / w), round(panel * 0.5)
    y, x = min(round(DETAIL[0] * h), h - detail), min(round(DETAIL[1] * w), w - panel)
    sheet = Image.new("RGB", (2 * panel + 3 * GAP, LINE + tall + GAP + detail + LINE), (18, 18, 19))
    draw = ImageDraw.Draw(sheet)
    columns = ((single, f"one frame, ISO {ISO}"), (photo, f"the photo, {photo.merged} frames"))
    for k, (shown, words) in enumerate(columns):
        left, codes = GAP + k * (panel + GAP), eight_bit(shown)
        sheet.paste(Image.fromarray(codes).resize((panel, tall), Image.Resampling.LANCZOS), (left, LINE))
        sheet.paste(Image.fromarray(cut(codes, y, x, detail, panel)), (left, LINE + tall + GAP))
        scale = panel / w
        frame = (left + x * scale, LINE + y * scale, left + (x + panel) * scale, LINE + (y + detail) * scale)
        draw.rectangle(frame, outline=(235, 235, 230), width=2)
        label(draw, (left + 2, LINE / 2), words, 30)
        label(draw, (left + 2, LINE + tall + GAP + detail + LINE / 2), "detail, 100 %", 24)
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=93, subsampling=0, icc_profile=profile(photo.space))
    return file.getvalue()


def cut(codes: NDArray[np.uint8], y: int, x: int, h: int, w: int) -> NDArray[np.uint8]:
    """A part of a picture."""
    return np.ascontiguousarray(codes[y : y + h, x : x + w])


def label(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: int) -> None:
    """Words on the sheet, centred on a line."""
    draw.text(at, words, fill=(215, 213, 206), font=ImageFont.load_default(size), anchor="lm")
