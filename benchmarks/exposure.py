# SPDX-License-Identifier: Apache-2.0
"""How bright the photos are that automatic exposure makes, and how much of them is white or black.

    python benchmarks/exposure.py                  # prints a Markdown table
    python benchmarks/exposure.py --look neutral
    python benchmarks/exposure.py --sheet sheet.png   # and shows every photo, with 0.5 EV less and more

HDR photographs are taken by the simulator twice: at 0 EV, where the sensor clips up to a quarter of them, and
4 EV shorter, where it keeps the lights; the same scene should become the same photo.  Cameras' raws follow,
charts, and light of known evenness metered as a photographer would.  Given are the exposure in EV, the mean
L* of the photo and the shares of it above L* 90 and 97 and below 3.  Needs ``LICHTBILD_DATA`` and OpenEXR.
"""

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild import simulate
from lichtbild.base.colour import SRGB
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.capture.burst import gather
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.lens import lens
from lichtbild.look.exposure import automatic, exposure
from lichtbild.look.grade import grade
from lichtbild.look.tone import tone
from lichtbild.pipeline import merged
from lichtbild.publish.display import display
from lichtbild.quality.charts import CHARTS
from lichtbild.recipe import Recipe, looks
from lichtbild.simulate.charts import painted
from lichtbild.simulate.charts.place import place

DATA = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).parents[2] / "shared" / "data"))
SIZE, SIDE = (480, 640), 480
SHORTER = 4  # EV
RAWS = {
    "Hero6_GOPR0024.DNG": "",
    "Hero7_GOPR8508.DNG": "",
    "S40_CRW_0101.CRW": "",
    "S40_CRW_0117.CRW": "",
    "n900_grbg_10bit.png": "png GRBG black=25 white=959",
    "DSC_1339_768x512_rggb.raw": "768x512 u16 RGGB black=600 white=16383",
}
EVEN = {  # EV above the meter's mid-grey, standard deviation in EV
    "a grey card": (0.0, 0.02),
    "snow, metered 2 EV over": (2.0, 0.4),
    "snow, as the meter says": (0.0, 0.4),
    "a black cat, metered 2 EV under": (-2.0, 0.4),
    "fog, metered 1 EV over": (1.0, 0.25),
}


def scenes():
    """Name and calibrated scene, one after the other."""
    for path in sorted((DATA / "scenes").glob("*.exr")):
        for ev, iso in ((0, 200), (-SHORTER, 50)):
            taken = simulate.burst(str(path), size=SIZE, frames=4, iso=iso, seed=1, exposures=(ev,))[0]
            yield f"{path.stem}, {ev} EV", seen(taken)
    for name, layout in RAWS.items():
        yield name, seen(gather([DATA / "raw" / name], layout=layout))
    for name in ("lab", "colours", "dots"):
        chart = painted(place(CHARTS[name], SIZE[1] / SIZE[0]))
        yield f"chart {name}", seen(simulate.burst(chart, size=SIZE, frames=2, iso=200, seed=1)[0])
    for name, (level, spread) in EVEN.items():
        light = 0.127 * 2.0 ** (level + spread * np.random.default_rng(1).standard_normal((36, 48)))
        rgb = np.ascontiguousarray(np.repeat(np.kron(light, np.ones((10, 10)))[..., None], 3, -1), np.float32)
        yield name, Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise((1e-4,) * 3, (1e-7,) * 3))


def seen(burst):
    """The merged scene, white as the picture says it, made small."""
    recipe = Recipe.of("calibrate.white_balance=auto")
    scene = lens(calibrate(merged(burst), recipe.calibrate), recipe.lens)
    k = max(round(max(scene.rgb.shape[:2]) / SIDE), 1)
    h, w = (n // k for n in scene.rgb.shape[:2])
    small = scene.rgb[: h * k, : w * k].reshape(h, k, w, k, 3).mean((1, 3))
    frames = None if scene.frames is None else np.ascontiguousarray(scene.frames[: h * k : k, : w * k : k])
    return replace(scene, rgb=np.ascontiguousarray(small, np.float32), frames=frames)


def photo(scene, look, ev=0.0):
    """The photo of a look, 0 … 1 behind the curve of sRGB."""
    recipe = Recipe.of(looks[look])
    scene = tone(exposure(scene, replace(recipe.exposure, ev=ev)), recipe.tone)
    stored = np.asarray(display(grade(scene, recipe.grade), recipe.display).rgb)
    return stored / (np.iinfo(stored.dtype).max if stored.dtype.kind == "u" else 1.0)


def shares(rgb):
    """Mean L* and the shares above 90 and 97 and below 3, in %."""
    y = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ SRGB.to_xyz()[1]
    lightness = np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)
    parts = lightness > 90, lightness > 97, lightness < 3
    return lightness.mean(), *(100 * part.mean() for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--look", default="neutral", choices=sorted(looks))
    parser.add_argument("--sheet", type=Path, help="a picture of them all")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    print("| | EV | mean L* | > 90 | > 97 | < 3 |\n|---|---:|---:|---:|---:|---:|")
    for name, scene in scenes():
        cells = "{:.0f} | {:.1f} % | {:.1f} % | {:.1f} %".format(*shares(photo(scene, said.look)))
        print(f"| {name} | {automatic(scene):+.2f} | {cells} |", flush=True)
        if said.sheet:
            row = Image.new("RGB", (960, 240), "grey")
            for i, ev in enumerate((-0.5, 0.0, 0.5)):
                shown = Image.fromarray(np.uint8(photo(scene, said.look, ev) * 255 + 0.5))
                shown.thumbnail((316, 236))
                row.paste(shown, (320 * i + 2, 2))
            rows.append(row)
    if said.sheet:
        sheet = Image.new("RGB", (1920, 240 * -(-len(rows) // 2)), "grey")
        for i, row in enumerate(rows):
            sheet.paste(row, (960 * (i % 2), 240 * (i // 2)))
        sheet.save(said.sheet)


if __name__ == "__main__":
    main()
