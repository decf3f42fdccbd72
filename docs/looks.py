# SPDX-License-Identifier: Apache-2.0
"""A page for every look: ``python docs/looks.py [LOOK…]`` writes docs/looks/*.md and its pictures.

The three photographs are made by the pipeline: two of raw files of the folder that ``LICHTBILD_DATA`` names
(default: ../shared/data), one of a scene that the simulator photographs.  The curve and the patches are what
the stages do with a grey wedge and with the 24 patches of a colour chart.
"""

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import lichtbild as lb
from lichtbild import simulate
from lichtbild.base import colour as c
from lichtbild.base.image import Burst, Noise, Scene, Shot
from lichtbild.capture.burst import gather
from lichtbild.look.grade import grade
from lichtbild.look.look import looks as shelf
from lichtbild.look.lut import lut
from lichtbild.publish.display import display
from lichtbild.publish.photo import eight_bit
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.recipe import Recipe, settings

HERE = Path(__file__).parent / "looks"
DATA = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PAPER, INK, GREY, RULE = (250, 249, 246), (38, 37, 35), (120, 118, 112), (214, 212, 205)
WIDE, GAP = 1440, 20
PLOT = (-8, 6)  # EV of the wedge
# camera is as its files are: it has no curve of its own
GRADED = [n for n in shelf.built_in if Recipe.of(shelf[n]).rendering.by == "look"]


def scenes() -> dict[str, Scene]:
    """The merged scenes of which every look makes a photograph."""
    taken = {
        "a courtyard, from one frame of an action camera": gather([DATA / "raw" / "Hero6_GOPR0024.DNG"]),
        "a dog, from one frame of a phone of 2009": gather(
            [DATA / "raw" / "n900_grbg_10bit.png"], layout="png GRBG black=25 white=959"
        ),
        "a city at dusk, photographed by the simulator": simulate.burst(
            str(DATA / "scenes" / "singaporean-cityscape.jpg"), size=(1200, 1600), frames=4, iso=200, seed=1
        )[0],
    }
    return {words: lb.merged(upright(burst)) for words, burst in taken.items()}


def upright(burst: Burst) -> Burst:
    """The dog's phone lay on its side and did not say so."""
    if burst.frames[0].shot.path.name.startswith("n900"):
        turned = tuple(replace(f, shot=replace(f.shot, orientation=8)) for f in burst.frames)
        return replace(burst, frames=turned)
    return burst


def rendered(rgb: np.ndarray, recipe: Recipe, *, white: float = 1.0) -> np.ndarray:
    """Linear light of a display, of linear Rec. 2020 light at mid-grey 0.18; vignette left out."""
    rgb = np.ascontiguousarray(rgb * 2**recipe.exposure.bias, np.float32)
    scene = Scene(rgb, "rec2020", Shot(Path("chart"), rgb.shape[:2]), Noise((0.0,) * 3, (0.0,) * 3))
    return lut(grade(scene, replace(recipe.grade, vignette=0.0), white=white), recipe.lut).rgb


def codes(linear: np.ndarray) -> np.ndarray:
    """sRGB codes of linear P3 light of a display."""
    scene = Scene(
        np.float32(linear), "picture", Shot(Path("chart"), linear.shape[:2]), Noise((0.0,) * 3, (0.0,) * 3)
    )
    return eight_bit(display(scene, Recipe.of("display.space=srgb").display), dither=False)


def words(draw, at, text, size=15, fill=INK, anchor="lm"):
    draw.text(at, text, fill=fill, font=ImageFont.load_default(size), anchor=anchor)


def curve(recipe: Recipe, size=(820, 400)) -> Image.Image:
    """Luminance shown over the light of the scene, on a plain and on a bright display."""
    w, h = size
    sheet = Image.new("RGB", (2 * w, 2 * h), PAPER)
    draw = ImageDraw.Draw(sheet)
    left, right, top, bottom = 110, 2 * w - 40, 40, 2 * h - 90
    ev = np.linspace(*PLOT, 281)
    wedge = np.repeat(0.18 * 2.0 ** ev[None, :, None], 3, axis=2)
    peak = 2.0**recipe.grade.headroom
    low, high = -7.0, np.log2(max(peak, 2.0)) + 0.3

    def x(v):
        return left + (v - PLOT[0]) / (PLOT[1] - PLOT[0]) * (right - left)

    def y(v):
        return bottom - (v - low) / (high - low) * (bottom - top)

    for k in range(PLOT[0], PLOT[1] + 1):
        draw.line((x(k), top, x(k), bottom), fill=RULE, width=3 if k == 0 else 1)
        if k % 2 == 0:
            words(draw, (x(k), bottom + 26), f"{k:+d}" if k else "mid-grey", 24, GREY, "mm")
    for k in range(-6, int(high) + 1, 2):
        draw.line((left, y(k), right, y(k)), fill=RULE, width=3 if k == 0 else 1)
        words(draw, (left - 14, y(k)), f"{k:+d}" if k else "white", 24, GREY, "rm")
    words(draw, (right, bottom + 62), "light of the scene, EV", 24, GREY, "rm")
    words(draw, (left + 12, top + 18), "light of the display, EV", 24, GREY)
    y_of = c.P3.to_xyz()[1]
    for white, fill, width in ((peak, (196, 122, 44), 5), (1.0, INK, 7)):
        shown = np.log2(np.maximum(rendered(wedge, recipe, white=white)[0] @ y_of, 1e-9))
        points = [(x(e), y(v)) for e, v in zip(ev, shown, strict=True) if v >= low]
        draw.line(points, fill=fill, width=width, joint="curve")
    words(draw, (right - 8, y(0) + 24), "plain display", 24, INK, "rm")
    if recipe.grade.headroom:
        words(
            draw,
            (right - 8, y(np.log2(peak)) - 4),
            f"bright display, {recipe.grade.headroom:g} EV",
            24,
            (196, 122, 44),
            "rs",
        )
    return sheet.resize(size, Image.Resampling.LANCZOS)


def patches(recipe: Recipe, size=(590, 400)) -> Image.Image:
    """The 24 patches: as they are in the ring, as the look shows them in the middle."""
    w, h = size
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    xyz = (
        c.lab_to_xyz(np.array(list(CLASSIC.values())), c.D50_XYZ)
        @ c.adaptation(c.D50_XYZ, c.xy_to_xyz(c.D65)).T
    )
    rgb = xyz @ c.REC2020.from_xyz().T
    plain = codes((xyz @ c.P3.from_xyz().T).reshape(4, 6, 3))
    shown = codes(rendered(rgb.reshape(4, 6, 3), recipe))
    side = min((w - 5 * 12) // 6, (h - 36 - 3 * 12) // 4)
    for j in range(4):
        for i in range(6):
            x, y = i * (side + 12), j * (side + 12)
            draw.rectangle((x, y, x + side, y + side), fill=tuple(map(int, plain[j, i])))
            inset = side * 0.2
            draw.rectangle(
                (x + inset, y + inset, x + side - inset, y + side - inset), fill=tuple(map(int, shown[j, i]))
            )
    words(draw, (0, h - 12), "ring: the patch as it is, middle: as the look shows it", 13, GREY)
    return sheet


def strip(photos: list[Image.Image]) -> Image.Image:
    """Photographs side by side at one height."""
    across = WIDE - GAP * (len(photos) - 1)
    height = round(across / sum(p.width / p.height for p in photos))
    shown = [p.resize((round(height * p.width / p.height), height), Image.Resampling.LANCZOS) for p in photos]
    sheet = Image.new("RGB", (sum(p.width for p in shown) + GAP * (len(photos) - 1), height), PAPER)
    x = 0
    for p in shown:
        sheet.paste(p, (x, 0))
        x += p.width + GAP
    return sheet


def page(name: str, merged: dict[str, Scene]) -> Image.Image:
    """Write the page of a look; returns its first photograph."""
    look, recipe = shelf[name], Recipe.of(shelf[name], "display.space=srgb")
    photos = [Image.fromarray(eight_bit(lb.finish(scene, recipe))) for scene in merged.values()]
    row = strip(photos)
    sheet, shown, below = row, "Three photographs", ""
    if name in GRADED:
        sheet = Image.new("RGB", (row.width, row.height + GAP + 400), PAPER)
        sheet.paste(row, (0, 0))
        sheet.paste(curve(recipe), (0, row.height + GAP))
        sheet.paste(patches(recipe), (row.width - 590, row.height + GAP))
        shown = "Three photographs, the curve and the patches"
        below = (
            " Below: how bright a display shows how much light of the\n"
            "scene; and the 24 patches of a colour chart."
        )
    sheet.save(HERE / f"{name}.jpg", quality=88)
    turned = [
        f"{s}.{k} = {v!r}".replace("'", '"') for s, knobs in settings(look).items() for k, v in knobs.items()
    ]
    (HERE / f"{name}.md").write_text(
        f"# {look.name}\n\n<!-- written by docs/looks.py -->\n\n{look.words}\n\n"
        f"```sh\nlichtbild develop burst/ -o photo.jpg --look {name}\n```\n\n"
        f"![{shown} of the look {name}]({name}.jpg)\n\n*Above: {'; '.join(merged)}.{below}*\n\n"
        "What it turns (the rest is at its default: [knobs](../reference/knobs.md)):\n\n```\n"
        + "\n".join(turned)
        + "\n```\n",
        encoding="utf-8",
    )
    return photos[0]


def index(firsts: dict[str, Image.Image]) -> None:
    """The page that shows all looks."""
    rows = [f"| [{n}]({n}.md) | {shelf[n].words} |" for n in shelf.built_in]
    (HERE / "README.md").write_text(
        "# The looks\n\n<!-- written by docs/looks.py -->\n\n"
        "Choose one with `--look NAME`; [make your own](../guides/looks.md). What they promise\n"
        "beside what is measured: [looks, measured](../reference/looks-measured.md).\n\n"
        "| look | |\n|---|---|\n"
        + "\n".join(rows)
        + "\n\n"
        + ("![One photograph in every look](all.jpg)\n" if (HERE / "all.jpg").exists() or firsts else ""),
        encoding="utf-8",
    )
    if len(firsts) < len(shelf.built_in):
        return
    columns, w = 5, 280
    cells = [
        (n, p.resize((w, round(w * p.height / p.width)), Image.Resampling.LANCZOS)) for n, p in firsts.items()
    ]
    tall = max(p.height for _, p in cells)
    rows_ = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (w + 12) - 12, rows_ * (tall + 34)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for k, (name, p) in enumerate(cells):
        x, y = k % columns * (w + 12), k // columns * (tall + 34)
        sheet.paste(p, (x, y + (tall - p.height) // 2))
        words(draw, (x, y + tall + 14), name)
    sheet.save(HERE / "all.jpg", quality=88)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("looks", nargs="*", help="only these")
    chosen = parser.parse_args().looks or list(shelf.built_in)
    HERE.mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        merged = scenes()
        index({name: page(name, merged) for name in chosen})
