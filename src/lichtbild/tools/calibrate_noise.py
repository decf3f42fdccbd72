# SPDX-License-Identifier: Apache-2.0
"""``lichtbild calibrate noise``: pairs or bursts of a camera become its noise model."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lichtbild.base.image import Noise, Shot
from lichtbild.base.tiff import write_file
from lichtbild.capture.burst import raw_files
from lichtbild.capture.noise_file import noise_json
from lichtbild.capture.noise_model import NoiseModel, Reading
from lichtbild.capture.raw import read_raw, read_shot
from lichtbild.quality.sensor.levels import same_camera
from lichtbild.quality.sensor.noise_calibration import Calibration, joined
from lichtbild.quality.sensor.sites import Box, cropped, middle
from lichtbild.quality.sensor.transfer import SIDE, Transfer, transfer
from lichtbild.tools.jobs import listed, places
from lichtbild.tools.open import warned
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing, target

JSON, HTML = (".json",), (".html", ".htm")
HELP = "top, left, height and width of the pixels to use, or leave --roi away"


def run(args: Namespace, talk: Talk) -> int:
    """Measure the frames, write the model, say what came out."""
    lit, dark = files(args.inputs), files(args.dark)
    covered = {p.resolve() for p in dark}
    lit = [p for p in lit if p.resolve() not in covered]
    path = target(args.output, "noise", JSON)
    page = None if args.report is None else target(args.report, "noise", HTML)
    refuse_replacing([p for p in (path, page) if p], [*lit, *dark], overwrite=args.overwrite)
    with warned(talk):
        shots = {p: shot(p, args.layout) for p in (*lit, *dark)}
        same_camera(list(shots.values()))
        size = next(iter(shots.values())).size
        box = region(args.roi, size) or middle(size, SIDE)
        found = measured(shots, dark, box, args.layout, talk)
    write_file(path, [noise_json(found.model).encode()], overwrite=args.overwrite)
    if page is not None:
        write_report(page, found, overwrite=args.overwrite)
    for words in found.model.warnings:
        talk.warn(words)
    say(found, path, talk)
    own = next((s.noise for s in shots.values() if s.noise), None)
    talk.document(
        {
            "file": str(path),
            "report": None if page is None else str(page),
            "frames": len(shots),
            "model": json.loads(noise_json(found.model)),
            "own_profile": None if own is None else compared(found),
            "warnings": list(found.model.warnings),
        }
    )
    return DONE


def files(inputs: Sequence[Path]) -> list[Path]:
    """The raw files that inputs name; a folder stands for all raws in it and in the folders inside it.

    Raises
    ------
    InputError
        A file does not exist, or a folder holds no raw files.
    """
    named = listed(inputs, lambda folder: [p for place in places(folder) for p in raw_files(place)])
    return list({p.resolve(): p for p in named}.values())


def shot(path: Path, layout: str) -> Shot:
    """What a file says; headerless files have to be read for it."""
    return read_raw(path, layout).shot if layout else read_shot(path)


def region(text: str | None, size: tuple[int, int]) -> Box | None:
    """The box of ``--roi Y,X,HEIGHT,WIDTH``.

    Raises
    ------
    UsageError
        Not four whole numbers, or outside of the frame.
    """
    if text is None:
        return None
    words = text.split(",")
    if len(words) != 4 or not all(w.strip().isdecimal() and w.isascii() for w in words):
        raise UsageError(f"--roi = {text!r} is not allowed, give Y,X,HEIGHT,WIDTH in whole pixels", hint=HELP)
    top, left, height, width = map(int, words)
    if top + height > size[0] or left + width > size[1] or not height or not width:
        raise UsageError(
            f"--roi = {text} does not lie in a frame of {size[0]} × {size[1]} (height × width)", hint=HELP
        )
    return top, left, top + height, left + width


def measured(shots: dict[Path, Shot], dark: Sequence[Path], box: Box, layout: str, talk: Talk) -> Calibration:
    """All ISOs, one after the other, so that only the middles of the frames of one are in memory."""
    transfers: list[Transfer] = []
    for iso in sorted({s.iso for s in shots.values()}, key=lambda i: i or 0):
        own = [p for p, s in shots.items() if s.iso == iso]
        talk.detail(f"ISO {iso:g}: {len(own)} frames" if iso else f"{len(own)} frames")
        parts = {p: cropped(read_raw(p, layout), box) for p in own}
        lit, dim = ([f for p, (f, _) in parts.items() if (p in dark) == yes] for yes in (False, True))
        found = transfer(lit, dim, box=parts[own[0]][1])
        transfers.append(replace(found, shot=shots[own[0]], box=box))
    return joined(transfers, [p.name for p in shots])


def write_report(path: Path, found: Calibration, *, overwrite: bool) -> None:
    """The HTML page of a calibration."""
    from lichtbild.base.version import SOFTWARE
    from lichtbild.quality.reports.page import page
    from lichtbild.quality.reports.report import Report

    report = Report(found.results(), software=SOFTWARE, warnings=found.model.warnings)
    write_file(path, [page(report).encode()], overwrite=overwrite)


# ---- what a person reads


def say(found: Calibration, path: Path, talk: Talk) -> None:
    """A table, ISO by ISO and colour by colour."""
    head = ("ISO", "colour", "K DN/e-", "read e-", "S", "O", "row DN", "DSNU DN", "PRNU %", "tails")
    rows = [head]
    for r in found.model.readings:
        rows += lines(r, found.model)
    talk.table(rows)
    for words in against(found):
        talk.result(words)
    model = found.model
    count = sum(r.frames for r in model.readings)
    talk.result(f"{path.name}  {model.camera or 'nameless camera'}, {count} frames")


def lines(r: Reading, model: NoiseModel) -> list[tuple[str, ...]]:
    """The rows of one ISO."""
    span, rows = model.span, []
    for k, name in enumerate("RGB"):
        patterns = (r.row, r.dsnu, 100 * r.prnu, r.tails) if k == 0 else (None,) * 4
        rows.append(
            (
                ("–" if r.iso is None else f"{r.iso:g}") if k == 0 else "",
                name,
                f"{r.gain[k]:.4g} ±{100 * r.gain_doubt[k] / r.gain[k]:.1f}%",
                number(r.read_electrons[k], 3),
                f"{r.gain[k] / span:.3e}",
                f"{r.at_black[k] / span**2:.3e} ±{100 * min(r.variance_doubt[k] / r.at_black[k], 9.99):.1f}%",
                *("" if v is None else number(v, 2) for v in patterns),
            )
        )
    return rows


def number(value: float, digits: int) -> str:
    """A number, or a dash where it was not measured."""
    return "–" if math.isnan(value) else f"{value:.{digits}g}"


def compared(found: Calibration) -> list[dict[str, float | None]]:
    """The files' own NoiseProfile over what was measured, green, per ISO."""
    told = []
    for t, r in zip(found.transfers, found.model.readings, strict=True):
        own: Noise | None = t.shot.noise
        if own is not None:
            span = found.model.span
            shot_ratio = own.shot[1] / (r.gain[1] / span)
            read_ratio = own.read[1] / (r.at_black[1] / span**2)
            told.append({"iso": r.iso, "shot": shot_ratio, "read": read_ratio})
    return told


def against(found: Calibration) -> list[str]:
    """How the files' own NoiseProfile compares, a line per ISO."""
    return [
        ("" if c["iso"] is None else f"ISO {c['iso']:g}: ") + "the files' own NoiseProfile has "
        f"{c['shot']:.2f} × the measured S and {c['read']:.2f} × the measured O"
        for c in compared(found)
    ]
