# SPDX-License-Identifier: Apache-2.0
"""How far automatic white balance is from the light, in degrees: ``python benchmarks/white_balance.py``.

400 scenes for each kind of light: 4 … 13 of the 190 measured surfaces of the rawtoaces training set, areas
drawn from a Dirichlet distribution (0.5), so that one colour often dominates; seen by a measured camera.  The
method knows only the two ColorMatrices of a profile fitted to other, made-up surfaces.  Lights: black bodies
and daylights of any temperature, and lamps that are not among the candidates: LEDs and fluorescent tubes of
CIE 15.

Needs ``LICHTBILD_DATA`` (measured surfaces and sensitivities) and colour-science (the lamps).
"""

import argparse
import json
import os
import warnings
from pathlib import Path

import numpy as np

from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.base.spectra import WAVELENGTHS, natural, resampled
from lichtbild.base.spectra import light as known_light
from lichtbild.capture.illuminant import scaled, white_to_neutral
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.correct import white
from lichtbild.quality.colours.profile import answers_of, fit

DATA = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).parents[2] / "shared" / "data"))
LAMPS = ("LED-B1", "LED-B2", "LED-B3", "LED-B4", "LED-V1", "LED-BH1", "FL2", "FL7", "FL11", "FL12")
SIDE = 64


def surfaces():
    """The 190 measured reflectances."""
    path = DATA / "calibration" / "spectral" / "training_spectral.json"
    table = json.loads(path.read_text())["spectral_data"]["data"]["main"]
    return np.array([table[f"{w}"] for w in range(380, 781, 5)]).T


def lamps():
    """Lamps that are no black bodies and no daylights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from colour import SDS_ILLUMINANTS
    return [resampled(SDS_ILLUMINANTS[n].wavelengths, SDS_ILLUMINANTS[n].values) for n in LAMPS]


def common(rng):
    """A black body of 2300 … 4000 K or a daylight of 4000 … 10000 K, even in reciprocal temperature."""
    return known_light(f"{round(1e6 / rng.uniform(1e6 / 10000, 1e6 / 2300))}K")


def scene_of(rng, camera_values, neutral):
    """A scene of some surfaces in stripes, balanced for `neutral`, a tenth above the noise, some shading."""
    count = rng.integers(4, 14)
    chosen = rng.choice(len(camera_values), count, replace=False)
    areas = rng.dirichlet(np.full(count, 0.5))
    ends = np.round(np.cumsum(areas) * SIDE * SIDE).astype(int)
    which = np.searchsorted(ends, np.arange(SIDE * SIDE), side="right").clip(0, count - 1)
    flat = camera_values[chosen][which] * rng.uniform(0.9, 1.1, (SIDE * SIDE, 1))
    rgb = np.float32(0.8 * flat / camera_values.max() / neutral).reshape(SIDE, SIDE, 3)
    gain = tuple(float(1 / n) for n in neutral)
    return Scene(rgb, "camera", Shot(Path("s.dng"), (SIDE, SIDE)), Noise((0, 0, 0), (0, 0, 0)), gain)


def methods(camera, scene, shot):
    """The neutral by each method."""
    whites = white.candidates(scene)
    neutrals = np.array([white_to_neutral(camera, xy) for xy in whites])
    neutrals /= neutrals.sum(axis=1, keepdims=True)
    seen = white.shades(scene)
    mean = scene.rgb.reshape(-1, 3).mean(axis=0)
    likely = white.correlated(scene, camera, shot, whites, neutrals) if seen is not None else shot
    return {
        "fixed D55": white_to_neutral(camera, (0.33242, 0.34743)),
        "grey-world": mean * shot,
        "shades of grey": shot if seen is None else seen * shot,
        "shades of grey on the locus": shot if seen is None else white.on_locus(seen * shot, neutrals),
        "colour by correlation": likely,
        "lichtbild (mean of the last two)": white.found_neutral(scene, camera, scene.gain),
    }


def angle(a, b):
    """Degrees between two colours."""
    return np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scenes", type=int, default=400)
    arguments.add_argument("--camera", default="nikon_d5100")
    args = arguments.parse_args()
    curves = read_sensitivities(DATA / "calibration" / "spectral" / f"{args.camera}_380_780_5.json")
    camera = fit(*(answers_of(curves, natural(seed=7), n) for n in ("A", "D65"))).colour
    shot = scaled(white_to_neutral(camera, (0.33242, 0.34743)))
    measured, unseen = surfaces(), lamps()
    errors = {}
    for kind in ("daylight and black bodies", "LED and fluorescent"):
        rng = np.random.default_rng(1)
        for k in range(args.scenes):
            power = common(rng) if kind.startswith("day") else unseen[k % len(unseen)]
            seen = curves * power[:, None]
            truth = seen.sum(axis=0)
            for name, found in methods(camera, scene_of(rng, measured @ seen, shot), shot).items():
                errors.setdefault(name, {}).setdefault(kind, []).append(angle(found, truth))
    assert len(WAVELENGTHS) == measured.shape[1]
    print("| method | daylight and black bodies | lamps (LED, fluorescent) not among the candidates |")
    print("|---|---|---|")
    for name, kinds in errors.items():
        figures = ((np.mean(e), np.median(e), np.percentile(e, 95)) for e in kinds.values())
        cells = (" / ".join(f"{v:.1f}" for v in three) for three in figures)
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
