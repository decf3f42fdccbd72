# SPDX-License-Identifier: Apache-2.0
"""The pipeline's own scores on the simulated set: the ratchet of later work.

    python benchmarks/quality.py              # prints them
    python benchmarks/quality.py --write      # and keeps them in quality.json

Eight hand-held frames of the laboratory's composite chart at three sensitivities are merged once and finished
in four looks; the laboratory measures the photos, its score judges them.  Beside it stands how close the
merged light comes to the truth.  Pixels are the same everywhere, so the figures are too;
tests/test_quality.py asserts that none has fallen.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

from lichtbild import simulate
from lichtbild.pipeline import finish, merged
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.laboratory import measure
from lichtbild.quality.picture import picture_of_photo
from lichtbild.recipe import Recipe, looks
from lichtbild.simulate.charts import painted
from lichtbild.simulate.charts.place import place

KEPT = Path(__file__).parents[1] / "quality.json"
SIZE, FRAMES, SEED = (1200, 1600), 8, 5
ISOS = (100, 800, 3200)
LOOKS = ("camera", "mono", "natural", "neutral", "vibrant")  # the others are made from these
BORDER = 16  # px that the neighbours' frames do not cover


def psnr(scene, truth):
    """Of merged light against the truth, in dB; both balanced, clipped at white."""
    there = truth.rgb / np.asarray(truth.facts["neutral"], np.float32)
    error = np.minimum(scene.rgb, 1) - np.minimum(there, 1)
    return -10 * np.log10(np.square(error[BORDER:-BORDER, BORDER:-BORDER]).mean(dtype=np.float64))


def scores(isos=ISOS, names=LOOKS):
    """``{"ISO n": {"merge": {"PSNR": dB}, look: {axis: points, …, "figures": {name: value}}}}``."""
    chart = painted(place(CHARTS["lab"], SIZE[1] / SIZE[0]))
    every = {}
    for iso in isos:
        burst, truth = simulate.burst(chart, size=SIZE, frames=FRAMES, iso=iso, seed=SEED)
        scene = merged(burst)
        here = every[f"ISO {iso}"] = {"merge": {"PSNR": round(psnr(scene, truth), 3)}}
        for name in names:
            photo = finish(scene, Recipe.of(looks[name]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                judged = measure([picture_of_photo(photo)]).score
            axes = {a.name: round(a.score, 2) for a in judged.axes}
            figures = {m.figure: round(m.value, 5) for a in judged.axes for m in a.metrics if m.count}
            here[name] = {"total": round(judged.total, 2), **axes, "figures": figures}
    return every


def table(every):
    """The scores as a Markdown table."""
    first = next(iter(every.values()))
    axes = [a for a in next(v for k, v in first.items() if k != "merge") if a != "figures"]
    yield "| | PSNR of the merge | look | " + " | ".join(axes) + " |"
    yield "|---|---:|---|" + "---:|" * len(axes)
    for iso, rows in every.items():
        for name in rows:
            if name != "merge":
                cells = " | ".join(f"{rows[name][a]:.1f}" for a in axes)
                yield f"| {iso} | {rows['merge']['PSNR']:.2f} dB | {name} | {cells} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep them in quality.json")
    write = parser.parse_args().write
    every = scores()
    print("\n".join(table(every)))
    if write:
        KEPT.write_text(json.dumps(every, indent=2) + "\n")


if __name__ == "__main__":
    main()
