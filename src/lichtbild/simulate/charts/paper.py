# SPDX-License-Identifier: Apache-2.0
"""A chart as a picture to print: on white paper, with a line that says what it is for.

Codes are sRGB of the chart's linear levels; a print has them only if it is made through a profile, hence the
laboratory's figures of tone and colour are those of the print that was measured, not of the file.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lichtbild.base.colour import srgb_encode
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Float32, Shot
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import write_file
from lichtbild.publish.icc import profile
from lichtbild.publish.photo import save
from lichtbild.quality.charts import Chart
from lichtbild.simulate.charts.painting import painted
from lichtbild.simulate.charts.place import place
from lichtbild.simulate.scene import CANVAS, draw

FILL = 0.93  # share of the sheet that a chart takes
LINE = 0.014  # height of the letters, in heights of the sheet
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def sheet(chart: Chart, size: tuple[int, int]) -> Float32:
    """The sheet as linear light, ``"h w 3"``, 1 is paper; what ink cannot show is limited to 0 … 1."""
    h, w = size
    aspect = w / h
    placed = place(chart, aspect, fill=min(FILL, 1 - 4.5 * LINE))
    light = draw(painted(placed, behind=1.0), size, 0, seed=1).light
    rgb = light.reshape(3, h, CANVAS, w, CANVAS).mean(axis=(2, 4)).transpose(1, 2, 0)
    rgb = np.clip(rgb, 0, 1)
    if chart.code:
        bottom, left = (placed.to_scene @ (1.0, 0.0, 1.0))[:2] * h
        words = f"lichtbild · {chart.name} · {chart.words}"
        rgb *= 1 - 0.9 * _written(words, size, at=(bottom + 0.4 * LINE * h, left))[..., None]
    return np.ascontiguousarray(rgb, np.float32)


def _written(words: str, size: tuple[int, int], *, at: tuple[float, float]) -> NDArray[np.float32]:
    """A line of text as shares of ink, ``"h w"``."""
    page = Image.new("L", (size[1], size[0]))
    font = ImageFont.load_default(max(6.0, LINE * size[0]))
    ImageDraw.Draw(page).text((at[1], at[0]), words, fill=255, font=font)
    return np.asarray(page, np.float32) / np.float32(255)


def save_sheet(
    chart: Chart, size: tuple[int, int], path: Path, *, dpi: int = 300, overwrite: bool = False
) -> Path:
    """Write a chart to print: an 8-bit PNG with its resolution, a 16-bit TIFF or a JPEG, all sRGB.

    Raises
    ------
    ExportError
        Unknown suffix, the file exists, or it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ExportError(f"{path}: {path.suffix or 'no suffix'} is none of {', '.join(SUFFIXES)}")
    if path.exists() and not overwrite:
        raise ExportError(f"{path} exists", hint="--overwrite replaces it")
    encoded = srgb_encode(sheet(chart, size))
    if path.suffix.lower() != ".png":
        shot = Shot(path=path, size=size, black=np.zeros((2, 2), np.float32), white=1)
        return save(Photo(encoded.astype(np.float32), "srgb", shot), path, quality=98, overwrite=overwrite)
    file = io.BytesIO()
    codes = (encoded * 255 + 0.5).astype(np.uint8)
    Image.fromarray(codes).save(file, "PNG", dpi=(dpi, dpi), icc_profile=profile("srgb"))
    return write_file(path, [file.getbuffer()], overwrite=overwrite)
