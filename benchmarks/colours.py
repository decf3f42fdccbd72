# SPDX-License-Identifier: Apache-2.0
"""How near colours come to the truth, through files: ``python benchmarks/colours.py``.

1. Measured cameras are calibrated (24 patches of ISO 17321-1, or their sensitivities alone), the profile is
   written as DCP, read again, and renders 24 patches and 190 surfaces it has never seen, under A, D55 and D65
   and an LED: ``calibrate`` of the pipeline, one pixel a surface, against the spectra.
2. Two cameras with different filters photograph one scene of these surfaces; each with its own profile, the
   finished photos in ``natural`` are compared.  Without profiles for comparison.
3. Two real charts, before and after calibration, and each patch predicted by a fit to the others.

Needs ``LICHTBILD_DATA`` and colour-science.
"""

import json
import os
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.colour import (
    D50_XYZ,
    D65,
    P3,
    REC2020,
    adaptation,
    delta_e,
    srgb_decode,
    xy_to_xyz,
    xyz_to_lab,
)
from lichtbild.base.image import CameraColour, Noise, Scene, Shot
from lichtbild.base.spectra import natural
from lichtbild.capture.dcp import read_dcp
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.correct.calibrate import Calibrate, calibrate
from lichtbild.pipeline import finish
from lichtbild.publish.dcp import write_dcp
from lichtbild.quality.colours.metamerism import surfaces as chart
from lichtbild.quality.colours.profile import answers_of, fit
from lichtbild.recipe import Recipe, looks
from lichtbild.simulate.filters import known_filters
from lichtbild.tools.cli import call

DATA = Path(os.environ.get("LICHTBILD_DATA", Path(__file__).parents[2] / "shared" / "data"))
SPECTRAL = DATA / "calibration" / "spectral"
CAMERAS = ("nikon_d5100", "canon_eos_5d_mark_ii", "sony_ilce-7rm2", "canon_powershot_s90")
LIGHTS = ("A", "D55", "D65", "led")
MATRIX = np.linalg.inv(REC2020.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65)))


def unseen():
    """The 190 measured reflectances."""
    table = json.loads((SPECTRAL / "training_spectral.json").read_text())["spectral_data"]["data"]["main"]
    return np.array([table[f"{w}"] for w in range(380, 781, 5)]).T


def filters():
    """Sensitivities by name."""
    known = {n: read_sensitivities(SPECTRAL / f"{n}_380_780_5.json") for n in CAMERAS}
    return {"phone (ours)": known_filters("phone").curves, **known}


def through_a_file(colour, name):
    """The profile as another program would read it."""
    with tempfile.TemporaryDirectory() as folder:
        return read_dcp(write_dcp(Path(folder) / "p.dcp", colour, name=name, camera=name)).colour


def scene_of(answers, colour):
    """One pixel for each surface, balanced as shot."""
    neutral = answers.neutral / answers.neutral.max()
    rgb = np.ascontiguousarray((answers.camera / answers.neutral)[:, None], np.float32)
    shot = Shot(Path("surfaces"), rgb.shape[:2], colour=colour, neutral=tuple(neutral))
    gain = tuple(float(1 / n) for n in neutral)
    return Scene(rgb, "camera", shot, Noise((1e-6,) * 3, (1e-9,) * 3), gain)


def errors(answers, colour):
    """ΔE00 of all surfaces after the stage `calibrate`."""
    done = calibrate(scene_of(answers, colour), Calibrate()).rgb[:, 0].astype(float)
    return delta_e(xyz_to_lab(done @ MATRIX.T), xyz_to_lab(answers.xyz))


def told(error):
    return f"{error.mean():.2f} / {np.percentile(error, 95):.2f} / {error.max():.2f}"


def by_camera():
    """Table 1."""
    patches, others, best = chart()[1], unseen(), {}
    head = " | ".join(f"{light}, 190" for light in LIGHTS)
    print(f"| camera, made from | A, 24 | D65, 24 | {head} |\n|" + "---|" * (len(LIGHTS) + 3))
    for name, curves in filters().items():
        for source, made_of in (("24 patches", patches), ("sensitivities", natural())):
            colour = through_a_file(fit(*(answers_of(curves, made_of, n) for n in ("A", "D65"))).colour, name)
            cells = [told(errors(answers_of(curves, patches, n), colour)) for n in ("A", "D65")]
            cells += [told(errors(answers_of(curves, others, n), colour)) for n in LIGHTS]
            print(f"| {name}, {source} | " + " | ".join(cells) + " |", flush=True)
        best[name] = colour
    return best


def picture_lab(answers, colour):
    """CIELAB of the finished photo in ``natural``, one pixel each, exposure as it is, no local tone."""
    recipe = Recipe.of(looks["natural"], *QUIET)
    photo = finish(scene_of(answers, colour), recipe)
    linear = srgb_decode(photo.rgb[:, 0].astype(float))
    return xyz_to_lab(linear @ (adaptation(xy_to_xyz(D65), D50_XYZ) @ P3.to_xyz()).T)


QUIET = ("exposure.auto=0", "tone.shadows=0", "tone.highlights=0", "grade.vignette=0", "display.space=p3")


def matrix_only(colour):
    return replace(colour, hue_sat=(), look=None)


def two_cameras(profiles):
    """Table 2."""
    others, curves = unseen(), filters()
    print("| two cameras | light | measured profiles | their matrices alone | no profile: typical sensor |")
    print("|---|---|---|---|---|")
    for one, two in (("phone (ours)", "nikon_d5100"), ("canon_powershot_s90", "canon_eos_5d_mark_ii")):
        for light in ("D65", "A", "D55"):
            seen = [answers_of(curves[n], others, light) for n in (one, two)]
            cells = []
            for kind in (lambda n: profiles[n], lambda n: matrix_only(profiles[n]), lambda n: CameraColour()):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    labs = [picture_lab(s, kind(n)) for s, n in zip(seen, (one, two), strict=True)]
                cells.append(told(delta_e(*labs)))
            print(f"| {one}, {two} | {light} | " + " | ".join(cells) + " |", flush=True)


def real_charts():
    """Table 3: as `calibrate colour` says it."""
    import contextlib
    import io

    print("| chart | own profile | matrix | profile | patches left out of the fit |\n|---|---|---|---|---|")
    for file, light in (("S40_CRW_0101.CRW", "D55"), ("Hero7_GOPR8508.DNG", "D55")):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            words = [str(DATA / "raw" / file), "-o", f"{folder}/p.dcp", "--illuminant", light]
            code = call(["calibrate", "colour", *words, "--json", "--quiet"])
        said = json.loads(out.getvalue())
        if code:
            print(f"| {file} | {said['error']['message']} |")
            continue
        (one,) = said["lights"]
        parts = [
            "–"
            if one[k] is None
            else f"{one[k]['mean']:.2f} / {one[k]['90 %']:.2f} / {one[k]['largest']:.2f}"
            for k in ("before", "matrix", "profile")
        ]
        left = one["left_out"][str(one["degree"])]
        print(f"| {file}, {light} | " + " | ".join(parts) + f" | {left:.2f} |", flush=True)


if __name__ == "__main__":
    made = by_camera()
    print()
    two_cameras(made)
    print()
    real_charts()
