# SPDX-License-Identifier: Apache-2.0
"""``lichtbild measure``: charts in pictures become figures, a report, and a verdict against an older one.

Files are measured in the order given; neighbours that show the same chart at the same place are repeats of
one measurement.  A file that cannot be measured is named and left out.
"""

from __future__ import annotations

import contextlib
import json
import math
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.tiff import write_file
from lichtbild.base.version import SOFTWARE
from lichtbild.capture.burst import raw_files
from lichtbild.capture.sensitivities import read_sensitivities
from lichtbild.quality.chart import Found
from lichtbild.quality.colours.metamerism import index
from lichtbild.quality.colours.references import read_reference
from lichtbild.quality.elements import PLACED, Reference, region
from lichtbild.quality.laboratory import Sighting, measured, sight, source
from lichtbild.quality.picture import PHOTOS, Picture, read_picture
from lichtbild.quality.reports.cautions import cautions
from lichtbild.quality.reports.compare import Moved, compare
from lichtbild.quality.reports.joined import joined
from lichtbild.quality.reports.page import page
from lichtbild.quality.reports.report import Report, read_report
from lichtbild.quality.reports.score import Table, read_table, score
from lichtbild.quality.reports.tables import doubt, number, placed
from lichtbild.quality.result import Figure, Result
from lichtbild.tools.jobs import listed
from lichtbild.tools.outcome import DONE, RECOVERABLE, SOME_FAILED, Failures, UsageError
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing, target

REPORTS = (".html", ".htm", ".json", ".csv")
FEW = 4  # figures of one name that have lines of their own
MOST_REPEATS = 64  # pictures of one chart that are held at once


def measure(args: Namespace, talk: Talk) -> int:
    """Measure what the flags name, write the reports, compare with the baseline."""
    refuse_nonsense(args)
    outputs = [target(text, "", REPORTS) for text in args.output or []]
    goals = read_table(args.weights) if args.weights else None
    old = read_report(args.baseline) if args.baseline else None
    failures = Failures(talk)
    if args.self_test:
        from lichtbild.tools.self_test import self_test

        refuse_replacing(outputs, (), overwrite=args.overwrite)
        report, rows, passed = self_test()
        code = told(report, rows, outputs, old, (args, talk, failures))
        return max(code, DONE if passed else SOME_FAILED)
    paths = [args.spectra] if args.spectra else files(args.inputs)
    originals = [*paths, *(p for p in (args.baseline, args.weights) if p)]
    refuse_replacing(outputs, originals, overwrite=args.overwrite)
    reports = list(made(paths, args, goals, failures))
    if not reports:
        talk.document({"failed": failures.records})
        return failures.code(done=0)
    report = reports[0]
    if len(reports) > 1:
        report = joined(reports, [r.sources[0].name for r in reports])
        report = replace(report, score=score((f for _, f in report.figures()), goals))
    return told(report, lines(report), outputs, old, (args, talk, failures))


def refuse_nonsense(args: Namespace) -> None:
    """Flags that do not go together, before anything is read.

    Raises
    ------
    UsageError
        With the first pair.
    """
    alone = [flag for flag, value in (("--self-test", args.self_test), ("--spectra", args.spectra)) if value]
    if alone and args.inputs:
        raise UsageError(f"{alone[0]} measures no pictures, but {args.inputs[0]} is given")
    if not alone and not args.inputs:
        raise UsageError(
            "no pictures to measure", hint="give photos, TIFFs, raws or DNGs of a chart, or --self-test"
        )
    if args.truth and (args.roi or args.chart != "auto" or args.reference):
        raise UsageError("--truth compares whole pictures: --chart, --roi and --reference mean nothing to it")
    if args.roi and args.chart != "auto":
        raise UsageError("--roi says where to measure, --chart what to search for: give one of them")


def files(inputs: Sequence[Path]) -> list[Path]:
    """The pictures that inputs name; a folder stands for all pictures in it.

    Raises
    ------
    InputError
        A file does not exist, or a folder holds no pictures.
    """
    return list(dict.fromkeys(listed(inputs, pictures_in)))


def pictures_in(folder: Path) -> list[Path]:
    """The photos, TIFFs and raw files of a folder, by name.

    Raises
    ------
    InputError
        There are none.
    """
    inside = [p for p in folder.iterdir() if p.suffix.lower() in PHOTOS and not p.name.startswith(".")]
    with contextlib.suppress(InputError):
        inside += raw_files(folder)
    if not inside:
        raise InputError(f"{folder} holds no pictures", hint="give a folder of photos, TIFFs or raws")
    return sorted(inside)


def made(paths: Sequence[Path], args: Namespace, goals: Table | None, failures: Failures) -> Iterable[Report]:
    """A report for every chart, one after the other; what failed is told to `failures`."""
    if args.spectra:
        curves = read_sensitivities(args.spectra)
        result = index(curves, where=args.spectra.stem)
        about = source(Picture(np.zeros((1, 1, 3), np.float32), path=args.spectra))
        yield Report((result,), (replace(about, size=(0, 0), decoding=""),), SOFTWARE)
        return
    if args.truth:
        from lichtbild.tools.truth import against

        yield from against(paths, args, failures)
        return
    reference: Reference | None = read_reference(args.reference) if args.reference else None
    rois = tuple(roi(text, n) for n, text in enumerate(args.roi, 1))
    first: Sighting | None = None
    repeats: list[Picture] = []
    for path in [*paths, None]:
        seen = None if path is None else seen_in(path, rois, args, failures)
        if path is not None and seen is None:
            continue
        if seen and first and len(repeats) < MOST_REPEATS and seen.repeats(first):
            repeats.append(seen.picture)
            continue
        if first:
            report = measured(first, repeats, method=args.sfr, reference=reference, goals=goals)
            if report.results:
                yield report
            else:
                why = "; ".join(report.warnings) or "the chart has nothing to measure"
                failures.add(first.picture.path, InputError(f"{first.picture.path}: {why}"))
        first, repeats = seen, []


def seen_in(path: Path, rois: Sequence[Found], args: Namespace, failures: Failures) -> Sighting | None:
    """A picture and its chart, or None if it failed."""
    try:
        picture = read_picture(path, decoding=args.decoding, layout=args.layout)
        return sight(picture, chart=args.chart, rois=rois)
    except RECOVERABLE as error:
        failures.add(path, error)
        return None


def roi(text: str, number: int = 1) -> Found:
    """``[KIND:]Y,X,HEIGHT,WIDTH`` as an element; without a kind it is an edge.

    Raises
    ------
    UsageError
        It is something else.
    """
    kind, colon, numbers = text.rpartition(":")
    kind = kind if colon else "edge"
    words = [w.strip() for w in numbers.split(",")]
    if kind not in PLACED or len(words) != 4 or not all(w.isdecimal() for w in words):
        raise UsageError(
            f"--roi = {text!r} is not allowed, give [KIND:]Y,X,HEIGHT,WIDTH in whole pixels",
            hint=f"KIND is one of {', '.join(PLACED)}; for example --roi edge:120,300,200,100",
        )
    top, left, height, width = map(int, words)
    if not height or not width:
        raise UsageError(f"--roi = {text!r} is empty: HEIGHT and WIDTH are 1 and more")
    return region(kind, (top, left, top + height, left + width), number)


# ---- what is said


def told(
    report: Report,
    rows: Iterable[Sequence[str]],
    outputs: Sequence[Path],
    old: Report | None,
    how: tuple[Namespace, Talk, Failures],
) -> int:
    """Write and say everything; returns the exit code."""
    args, talk, failures = how
    for path in outputs:
        write_file(path, [content(report, path).encode()], overwrite=args.overwrite)
    for words, about in cautions(report):
        places = f" ({about[0]}{f' and {len(about) - 1} more' if len(about) > 1 else ''})" if about else ""
        talk.warn(words + places)
    talk.table(rows)
    if report.score is not None and not math.isnan(report.score.total):
        axes = ", ".join(f"{a.name} {a.score:.0f}" for a in report.score.axes if not math.isnan(a.score))
        known = ", ".join(w for w in (f"table “{report.score.version}”", report.score.note) if w)
        talk.result(f"score {report.score.total:.0f}  {axes}  ({known})")
    moved = compare(old, report) if old else ()
    said(moved, old is not None, talk)
    talk.document(
        {
            "report": as_json(report),
            "files": [str(p) for p in outputs],
            "moved": [vars_of(m) for m in moved],
            "failed": failures.records,
        }
    )
    return max(failures.code(done=1), SOME_FAILED if moved else DONE)


def content(report: Report, path: Path) -> str:
    """The report in the format that a suffix asks for."""
    kind = path.suffix.lower()
    return report.to_json() if kind == ".json" else report.to_csv() if kind == ".csv" else page(report)


def as_json(report: Report) -> object:
    """The report's document as Python's own types."""
    return json.loads(report.to_json())


def vars_of(m: Moved) -> dict[str, object]:
    """A comparison for ``--json``; NaN is null."""
    values = {k: getattr(m, k) for k in ("measure", "key", "unit", "old", "new", "noise", "change")}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def said(moved: Sequence[Moved], compared: bool, talk: Talk) -> None:
    """What moved: a line for each name, at the place where it moved most; every place with --verbose."""
    if not compared:
        return
    alike: dict[tuple[str, str], list[Moved]] = {}
    for m in moved:
        name = m.key.partition(" · ")[0]
        alike.setdefault((m.measure, m.key if talk.verbose else name), []).append(m)
    for several in alike.values():
        most = max(several, key=lambda m: abs(m.new - m.old) / m.noise if m.noise else 0.0)
        others = Counter(m.change for m in several if m is not most)
        also = ", ".join(f"{count} {change}" for change, count in others.items())
        talk.result(f"moved: {most}" + (f"; at other places {also}" if also else ""))
    talk.result(f"{len(moved)} figures moved" if moved else "nothing moved beyond noise")


def lines(report: Report) -> list[tuple[str, str, str, str]]:
    """The table on the terminal: one line a figure, the median of those that many places have."""
    rows = []
    for measure in dict.fromkeys(r.measure for r in report.results):
        groups: dict[tuple[str, str], list[Figure]] = {}
        for r in report.results:
            if r.measure == measure:
                for f in shown(r):
                    groups.setdefault((f.name, f.unit), []).append(f)
        for (name, unit), fs in groups.items():
            parts = [[f] for f in fs] if len(fs) <= FEW else [fs]
            rows += [(measure, name, *line(part, unit)) for part in parts]
    return rows


def shown(r: Result) -> list[Figure]:
    """The figures of luminance, or all where there are none of it."""
    own = [f for f in r.figures if placed(f.where)[1] == "Y"]
    names = {f.name for f in own}
    return [f for f in r.figures if f in own or f.name not in names]


def line(figures: Sequence[Figure], unit: str) -> tuple[str, str]:
    """Value and remarks of the figures of one name."""
    known = [f for f in figures if math.isfinite(f.value)]
    if not known:
        return "–", figures[0].note
    if len(known) == 1:
        f = known[0]
        value = " ".join(w for w in (number(f.value, f.doubt), doubt(f), unit) if w)
        return value, "; ".join(w for w in (f.where, f.note) if w)
    values = [f.value for f in known]
    span = f"{number(min(values))} … {number(max(values))} at {len(known)} places"
    return f"{number(float(np.median(values)))} {unit}".rstrip(), span
