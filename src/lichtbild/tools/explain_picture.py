# SPDX-License-Identifier: Apache-2.0
"""The picture of ``--explain``: the photo, how many frames every place is made of, and each frame's part.

Drawn from the same record that is written as JSON, with the font that Pillow brings along.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lichtbild.base.image import Float32, UInt8
from lichtbild.quality.reports.maps import ramp

WIDTH, EDGE, GAP, TALLEST = 1720, 40, 24, 860  # px
LINE, ROW, BAR = 34, 36, 150
BACK, PANEL, INK, QUIET, LOUD, FAINT = (
    (20, 20, 22), (38, 38, 42), (228, 226, 220), (150, 149, 145), (236, 178, 84), (58, 58, 63),
)  # fmt: skip
PALE = (170, 168, 160)
VERDICT = {"reference": (120, 190, 255), "merged": (126, 200, 140), "dropped": (232, 120, 104)}
COLUMNS = {"frame": 40, "weight": 420, "sharpness": 690, "shift y, x": 960, "turn": 1130, "light": 1240}
REMARK = 1340  # where the verdict begins
GLYPHS = str.maketrans({"×": "x", "−": "-", "–": "-", "—": "-", "→": "to", "≈": "~", "’": "'", "½": "1/2"})


def page(record: Mapping[str, Any], worth: Float32, shown: UInt8) -> bytes:
    """The sheet as a PNG.

    Parameters
    ----------
    record : mapping
        The JSON document.
    worth : Float32 "h/2 w/2"
        Frames merged at a place, upright.
    shown : UInt8 "h w 3"
        The picture, upright.
    """
    h, w = worth.shape
    wide = (WIDTH - 2 * EDGE - GAP) // 2
    tall = round(wide * h / w)
    if tall > TALLEST:
        wide, tall = round(TALLEST * w / h), TALLEST
    left = (EDGE, EDGE + (WIDTH - 2 * EDGE + GAP) // 2)
    top = EDGE + 2 * LINE + 14
    table = top + tall + 118
    said = words_below(record)
    height = table + ROW * (len(record["frames"]) + 1) + 20 + LINE * len(said) + EDGE
    sheet = Image.new("RGB", (WIDTH, height), BACK)
    draw = ImageDraw.Draw(sheet)
    heading(draw, record)
    most = max(sum(record["exposures"]["ratios"]), 1.0)  # more is possible where long frames read dark better
    worth = np.minimum(worth, np.float32(most))
    sheet.paste(Image.fromarray(shown).resize((wide, tall), Image.Resampling.BOX), (left[0], top))
    sheet.paste(Image.fromarray(coloured(worth, (tall, wide), most)), (left[1], top))
    legend(sheet, draw, worth, (left[1], top + tall + 14, wide, most))
    write(draw, (left[0], top + tall + 26), "the picture", 20, QUIET)
    rows(draw, record, table)
    for k, (line, colour) in enumerate(said):
        y = table + ROW * (len(record["frames"]) + 1) + 20 + LINE * k
        write(draw, (EDGE, y + LINE / 2), fitted(draw, line, WIDTH - 2 * EDGE, 20), 20, colour)
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def coloured(worth: Float32, size: tuple[int, int], most: float) -> UInt8:
    """The map, ``UInt8 "h w 3"``: dark where one frame stands alone, light where all `most` agree."""
    small = Image.fromarray(np.ascontiguousarray(worth)).resize((size[1], size[0]), Image.Resampling.BOX)
    return ramp((np.asarray(small, np.float32) - 1) / max(most - 1, 1e-6))


def legend(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    worth: Float32,
    where: tuple[int, int, int, float],
) -> None:
    """The scale of the map with the share of the picture at each colour standing on it."""
    left, top, wide, most = where
    base = top + 44
    bins = 64
    edges = np.linspace(1, most + 1e-6, bins + 1)
    share = np.histogram(worth, edges)[0] / worth.size if most > 1 else np.zeros(bins)
    step = wide / bins
    colours = ramp(np.linspace(0, 1, bins))
    for k in range(bins):
        x0, x1 = left + round(k * step), left + round((k + 1) * step) - 1
        rise = round(34 * float(np.sqrt(share[k] / max(share.max(), 1e-9))))
        draw.rectangle((x0, base - rise, x1 - 1, base), fill=FAINT)
        draw.rectangle((x0, base + 2, x1 + 1, base + 16), fill=tuple(int(v) for v in colours[k]))
    for n in ticks(most):
        x = left + (n - 1) / max(most - 1, 1e-6) * wide
        anchor = "lm" if n == 1 else "rm" if n == most else "mm"
        words = "1 frame" if n == 1 else f"{n:.2g}" if n < 10 else f"{n:.0f}"
        write(draw, (x, base + 32), words, 20, QUIET, anchor)


def ticks(most: float) -> list[float]:
    """What stands below the scale: its ends, and whole frames that are not too near to them."""
    apart = max(1, -(-round(most) // 12))
    within = [float(n) for n in range(1 + apart, round(most), apart) if most - n > 0.3 * apart]
    return [1.0, *within, most] if most > 1 else [1.0]


def heading(draw: ImageDraw.ImageDraw, record: Mapping[str, Any]) -> None:
    """What was made, of how much."""
    merged = record["merged"]
    name = Path(record["outputs"][0]).name
    count = merged["read"] + sum("weight" not in f for f in record["frames"])
    write(draw, (EDGE, EDGE + 16), fitted(draw, name, 760, 34), 34, INK)
    facts = f"{merged['used']} of {count} frames merged" if count > 1 else "one frame"
    places = f"{merged['mean_frames']:.1f} frames at a place on average"
    if merged["read"] > 1:
        alone = f"{merged['alone']:.1%} of the picture" if merged["alone"] >= 0.0005 else "nowhere"
        who = "the reference" if record["exposures"]["kind"] == "uniform" else "one frame"
        places += f", {who} alone: {alone}"
    write(draw, (EDGE, EDGE + 54), facts, 22, QUIET)
    write(draw, (EDGE + (WIDTH - 2 * EDGE + GAP) // 2, EDGE + 54), places, 22, QUIET)


def rows(draw: ImageDraw.ImageDraw, record: Mapping[str, Any], top: int) -> None:
    """A line for each frame: bars for weight and sharpness, motion, exposure, what became of it."""
    for word, x in COLUMNS.items():
        write(draw, (x, top + ROW / 2), word, 18, QUIET)
    for k, f in enumerate(record["frames"]):
        y = top + ROW * (k + 1)
        middle = y + ROW / 2
        draw.line((EDGE, y, WIDTH - EDGE, y), fill=PANEL)
        colour = VERDICT[f["verdict"]]
        read = "weight" in f
        name = f"{k}  {Path(f['file']).name}" if read else Path(f["file"]).name
        write(draw, (COLUMNS["frame"], middle), fitted(draw, name, 360, 20), 20, INK if read else QUIET)
        remark = REMARK if read else COLUMNS["weight"]
        if read:
            bar(draw, (COLUMNS["weight"], middle), f["weight"], f"{f['weight']:.2f}", colour)
            bar(draw, (COLUMNS["sharpness"], middle), f["sharpness"], f"{f['sharpness']:.0%}", PALE)
            y_px, x_px = f["shift_px"]
            write(draw, (COLUMNS["shift y, x"], middle), f"{y_px:+.1f}, {x_px:+.1f} px", 20, INK)
            write(draw, (COLUMNS["turn"], middle), f"{f['turn_deg']:+.2f}°", 20, INK)
            write(draw, (COLUMNS["light"], middle), f"{f['exposure']:.3g}x", 20, INK)
        draw.ellipse((remark, middle - 6, remark + 12, middle + 6), fill=colour)
        words = f["verdict"] if not f["reason"] else f["reason"]
        write(draw, (remark + 22, middle), fitted(draw, words, WIDTH - EDGE - remark - 22, 20), 20, INK)


def bar(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    share: float,
    words: str,
    colour: tuple[int, int, int],
) -> None:
    """A bar of 0 … 1 with its number."""
    x, y = at
    draw.rectangle((x, y - 8, x + BAR, y + 8), fill=PANEL)
    draw.rectangle((x, y - 8, x + round(BAR * min(max(share, 0.0), 1.0)), y + 8), fill=colour)
    write(draw, (x + BAR + 12, y), words, 20, INK)


def words_below(record: Mapping[str, Any]) -> list[tuple[str, tuple[int, int, int]]]:
    """Reference, method, noise, warnings: a line each."""
    reference, noise, merged = record["reference"], record["noise"], record["merged"]
    lines = [
        f"Reference: frame {reference['index']}, {Path(reference['file']).name}, {reference['why']}.   "
        f"Exposures: {record['exposures']['kind']}.   Method: {merged['method']}.",
        f"Noise: {noise['source']}"
        + (
            "" if not noise["shot"] else
            f"; variance of green = {noise['shot'][1]:.3g} · light + {noise['read'][1]:.3g}"
        )
        + f".   lichtbild {record['versions']['lichtbild']}, kernels {record['versions']['kernels']}.",
    ]  # fmt: skip
    return [(line, QUIET) for line in lines] + [(f"Warning: {w}", LOUD) for w in record["warnings"]]


# ---- words


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    words: str,
    size: int,
    colour: tuple[int, int, int],
    anchor: str = "lm",
) -> None:
    """Words of one line, centred on it."""
    draw.text(at, plain(words), fill=colour, font=ImageFont.load_default(size), anchor=anchor)


def plain(words: str) -> str:
    """`words` in the letters that the font has."""
    words = unicodedata.normalize("NFD", words.translate(GLYPHS))
    return "".join(c if c.isascii() or c in "°…·±" else "?" for c in words if not unicodedata.combining(c))


def fitted(draw: ImageDraw.ImageDraw, words: str, wide: float, size: int) -> str:
    """`words`, cut short in the middle where they would be wider than `wide`."""
    font = ImageFont.load_default(size)
    kept = plain(words)
    keep = len(kept)
    cut = kept
    while keep > 8 and draw.textlength(cut, font=font) > wide:
        keep -= 1
        cut = kept[: -(-keep // 2)] + "…" + kept[-(keep // 2) :]
    return cut


