# SPDX-License-Identifier: Apache-2.0
"""``lichtbild calibrate colour``: raw photos of a chart, or sensitivities, become a colour profile (DCP)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import delta_e, xyz_to_lab
from lichtbild.base.errors import BurstMismatch, InputError
from lichtbild.base.image import Shot
from lichtbild.base.spectra import light as known_light
from lichtbild.base.spectra import natural
from lichtbild.capture.dcp import camera_name
from lichtbild.capture.raw import read_shot
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.publish.dcp import write_dcp
from lichtbild.quality.colours.answers import Seen, answers_in, averaged, placed
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.quality.colours.profile import answers_of, fit
from lichtbild.quality.colours.references import read_reference
from lichtbild.quality.picture import PHOTOS, Picture, read_picture
from lichtbild.tools.calibrate_noise import files, region
from lichtbild.tools.open import warned
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.profile_words import Calibrated, say, told, write_report
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing, target

Float64 = NDArray[np.float64]
DCP, HTML = (".dcp",), (".html", ".htm")
DUAL = ("A", "D65")
COLUMNS = 6  # of a chart of 24, where --roi says where it is
DOUBTFUL = 5.0  # mean ΔE00 of the best matrix beyond which something else is wrong


def run(args: Namespace, talk: Talk) -> int:
    """Measure the chart, write the profile, say how good it is."""
    inputs = files(args.inputs)
    path = target(args.output, args.name or "profile", DCP)
    page = None if args.report is None else target(args.report, "profile", HTML)
    originals = [*inputs, *(p for p in (args.spectra, args.reference) if p)]
    refuse_replacing([p for p in (path, page) if p], originals, overwrite=args.overwrite)
    if args.dark:
        raise UsageError("--dark is of no use for colours", hint="it belongs to `calibrate noise`")
    if args.spectra is None and not inputs:
        raise UsageError("no photos of a chart", hint="give raw files, or --spectra FILE")
    with warned(talk) as said:
        camera = one_camera(inputs, args.layout)
        name = args.name or f"{camera or (args.spectra.stem if args.spectra else 'camera')}, measured"
        made = by_sensitivities(args, name) if args.spectra else by_photos(inputs, args, name, talk)
    write_dcp(path, made.profile.colour, name=name, camera=camera, overwrite=args.overwrite)
    if page is not None:
        write_report(page, made, name, overwrite=args.overwrite)
    for words in made.warnings:
        talk.warn(words)
    say(made, path, camera, talk)
    talk.document(
        {
            "file": str(path),
            "report": None if page is None else str(page),
            "name": name,
            "camera": camera,
            "lights": [told(made, k) for k in range(len(made.answers))],
            "warnings": [*said, *made.warnings],
        }
    )
    return DONE


def one_camera(inputs: Sequence[Path], layout: str) -> str:
    """The camera that took all photos, as profiles name it.

    Raises
    ------
    InputError
        A file is a finished photo.
    BurstMismatch
        The photos are by different cameras.
    """
    shots: dict[Path, Shot] = {}
    for path in inputs:
        if path.suffix.lower() in PHOTOS and not layout:
            raise InputError(
                f"{path} is a finished photo; a profile is made from raw files", hint="give the raw"
            )
        shots[path] = (
            read_picture(path, layout=layout).shot or Shot(path, (0, 0)) if layout else read_shot(path)
        )
    names = {camera_name(s): p for p, s in shots.items()}
    if len(names) > 1:
        (one, p), (other, q) = list(names.items())[:2]
        raise BurstMismatch(
            f"{q.name} is by {other or 'an unknown camera'}, {p.name} by {one or 'an unknown camera'}",
            hint="make one profile for each camera",
        )
    return next(iter(names), "")


# ---- from sensitivities


def by_sensitivities(args: Namespace, name: str) -> Calibrated:
    """Simulate the camera on surfaces as they are found in nature, under daylight and a lamp."""
    curves = read_sensitivities(args.spectra)
    lights = DUAL if not args.illuminant else tuple(lights_of(args.illuminant, None))
    answers = tuple(answers_of(curves, natural(), light) for light in lights)
    names = tuple(f"surface {k + 1}" for k in range(len(answers[0].xyz)))
    profile = fit(*answers, name=name)
    return Calibrated(profile, answers, (names,) * len(lights), (None,) * len(lights), ())


def lights_of(text: str, count: int | None) -> list[str]:
    """The lights that ``--illuminant`` names, one for each of `count` photos.

    Raises
    ------
    UsageError
        As many lights as photos are needed, or one.
    InputError
        There is no such light.
    """
    lights = [word.strip() for word in text.split(",")]
    for light in lights:
        known_light(light)
    if count is None or len(lights) == count:
        return lights
    if len(lights) > 1:
        raise UsageError(
            f"--illuminant = {text}: {len(lights)} lights, but {count} photo{'s' * (count > 1)}",
            hint="give one light for all, or one for each photo, e.g. --illuminant D65,A",
        )
    return lights * count


# ---- from photos


def by_photos(inputs: Sequence[Path], args: Namespace, name: str, talk: Talk) -> Calibrated:
    """Find the chart in every photo, average those under one light, fit."""
    lights = lights_of(args.illuminant or "D65", len(inputs))
    given = read_reference(args.reference) if args.reference else None
    seen: dict[str, list[tuple[Seen, tuple[str, ...]]]] = {}
    for path, light in zip(inputs, lights, strict=True):
        talk.detail(f"{path.name} under {light}")
        picture = read_picture(path, layout=args.layout)
        quads, names, lab = chart_in(picture, args.roi, given)
        found = answers_in(picture, quads, lab, light, names=names)
        seen.setdefault(light, []).append((found, names))
    answers = tuple(averaged([s for s, _ in photos]) for photos in seen.values())
    profile = fit(*answers, name=name)
    order = [next(k for k, a in enumerate(answers) if a.light == p.light) for p in profile.parts]
    groups = list(seen.values())
    warnings = [w for photos in groups for s, _ in photos for w in s.warnings]
    warnings += [
        f"{p.light}: the best matrix is off by {p.matrix_error.mean():.1f} ΔE00; other chart, other light?"
        for p in profile.parts
        if p.matrix_error.mean() > DOUBTFUL
    ]
    return Calibrated(
        profile,
        tuple(answers[k] for k in order),
        tuple(kept_names(groups[k]) for k in order),
        tuple(own_error([s for s, _ in groups[k]]) for k in order),
        tuple(dict.fromkeys(warnings)),
    )


def chart_in(
    picture: Picture, roi: str | None, given: tuple[tuple[str, ...], Float64] | None
) -> tuple[Float64, tuple[str, ...], Float64]:
    """Quads, names and CIELAB of the patches: found, or by ``--roi``.

    Raises
    ------
    InputError
        There is no chart of colours, or the reference has another number of patches.
    """
    if roi is not None:
        names, lab = given or (tuple(CLASSIC), np.array(list(CLASSIC.values())))
        if len(lab) % COLUMNS:
            raise InputError(
                f"{len(lab)} patches do not fill rows of {COLUMNS}",
                hint="--roi is for charts of 6 patches a row; others are found by themselves",
            )
        top, left, bottom, right = region(roi, picture.size) or (0, 0, *picture.size)
        corners = [(top, left), (top, right - 1), (bottom - 1, right - 1), (bottom - 1, left)]
        return placed(picture, corners, lab, COLUMNS), names, lab
    from lichtbild.quality.finding.find import find

    charts = [f for f in find(picture) if f.element.kind == "colours"]
    if not charts:
        raise InputError(
            f"{picture.path.name}: no chart of colours was found",
            hint="the whole chart has to be in the photo, sharp; or say where it is with --roi",
        )
    element = charts[0].element
    names, lab = tuple(element.settings["names"]), np.asarray(element.settings["reference"], np.float64)
    if given is not None:
        if len(given[1]) != len(lab):
            raise InputError(
                f"the reference has {len(given[1])} patches, the chart found has {len(lab)}",
                hint="a line for each patch, row by row from the top left",
            )
        names, lab = given
    return charts[0].quads(), names, lab


def kept_names(photos: Sequence[tuple[Seen, tuple[str, ...]]]) -> tuple[str, ...]:
    """Names of the patches that any of the photos shows."""
    kept = np.any([s.kept for s, _ in photos], axis=0)
    return tuple(n for n, k in zip(photos[0][1], kept, strict=True) if k)


def own_error(photos: Sequence[Seen]) -> Float64 | None:
    """ΔE00 of the files' own profile with their own white, greys at their level; None where there is none."""
    errors = []
    for s in photos:
        if s.before is None:
            return None
        y, wanted = s.before[:, 1], s.answers.xyz
        level = float(y @ wanted[:, 1] / (y @ y))
        errors.append(delta_e(xyz_to_lab(s.before * level), xyz_to_lab(wanted)))
    return np.concatenate(errors)
