# SPDX-License-Identifier: Apache-2.0
"""What ``lichtbild calibrate colour`` says: a table, a document, a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import xyz_to_lab
from lichtbild.base.tiff import write_file
from lichtbild.quality.colours.profile import Answers, Profile
from lichtbild.quality.colours.rendering import rendered
from lichtbild.quality.result import Figure, Result, Swatch
from lichtbild.tools.talk import Talk

Float64 = NDArray[np.float64]
MOST_TOLD = 200  # patches one by one


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The profile; per light: what was answered, names of the patches, ΔE00 of the files' own profile."""

    profile: Profile
    answers: tuple[Answers, ...]
    names: tuple[tuple[str, ...], ...]
    before: tuple[Float64 | None, ...]
    warnings: tuple[str, ...]


def three(error: Float64) -> tuple[str, str, str]:
    """Mean, 90 % and largest error."""
    return f"{error.mean():.2f}", f"{np.percentile(error, 90):.2f}", f"{error.max():.2f}"


def say(made: Calibrated, path: Path, camera: str, talk: Talk) -> None:
    """A table in ΔE00, light by light."""
    rows: list[tuple[str, ...]] = [("light", "ΔE00", "mean", "90 %", "largest")]
    for part, before in zip(made.profile.parts, made.before, strict=True):
        if before is not None:
            rows.append((part.light, "the files' own profile", *three(before)))
        rows.append((part.light if before is None else "", "matrix", *three(part.matrix_error)))
        if part.degree > 1:
            rows.append(("", f"matrix and table (degree {part.degree})", *three(part.error)))
        rows.append(("", "colours left out of the fit", f"{part.left_out[part.degree]:.2f}", "", ""))
    talk.table(rows)
    count = " and ".join(str(len(n)) for n in made.names)
    talk.result(f"{path.name}  {camera or 'any camera'}, {count} colours")


def told(made: Calibrated, k: int) -> dict[str, Any]:
    """What ``--json`` says of one light."""
    part, before = made.profile.parts[k], made.before[k]
    said: dict[str, Any] = {
        "light": part.light,
        "illuminant": made.profile.colour.illuminants[k],
        "neutral": (part.neutral / part.neutral.max()).tolist(),
        "before": None if before is None else summary(before),
        "matrix": summary(part.matrix_error),
        "profile": summary(part.error),
        "degree": part.degree,
        "left_out": {str(d): e for d, e in part.left_out.items()},
    }
    if len(made.names[k]) <= MOST_TOLD:
        errors = zip(made.names[k], part.matrix_error.tolist(), part.error.tolist(), strict=True)
        said["patches"] = [{"name": n, "matrix": m, "profile": e} for n, m, e in errors]
    return said


def summary(error: Float64) -> dict[str, float]:
    """Mean, 90 % and largest ΔE00."""
    return {
        "mean": float(error.mean()),
        "90 %": float(np.percentile(error, 90)),
        "largest": float(error.max()),
    }


def results(made: Calibrated) -> tuple[Result, ...]:
    """A result for each light, with the patches as the profile renders them."""
    out = []
    for part, answers, names, before in zip(
        made.profile.parts, made.answers, made.names, made.before, strict=True
    ):
        seen = rendered(made.profile.colour, answers.camera, part.neutral)
        lab, wanted = xyz_to_lab(seen), xyz_to_lab(answers.xyz)
        where = f"light {part.light}"
        error = {"matrix": part.matrix_error, "profile": part.error}
        error |= {} if before is None else {"own profile": before}
        figures = [
            Figure(f"ΔE00 {how}, {of}", float(value), "ΔE00", where, better="lower")
            for of, e in error.items()
            for how, value in (("mean", e.mean()), ("largest", e.max()))
        ]
        unseen = part.left_out[part.degree]
        figures.append(Figure("ΔE00 mean, left out", unseen, "ΔE00", where, better="lower"))
        rows = zip(names, lab.tolist(), wanted.tolist(), part.error.tolist(), strict=True)
        swatches = tuple(Swatch(n, (a[0], a[1], a[2]), (b[0], b[1], b[2]), e) for n, a, b, e in rows)
        kind = (
            "matrix" if part.degree == 1 else f"matrix and table of a root polynomial, degree {part.degree}"
        )
        title = f"colour profile under {part.light}"
        out.append(Result("colour", title, tuple(figures), {"profile": kind}, swatches=swatches[:MOST_TOLD]))
    return tuple(out)


def write_report(path: Path, made: Calibrated, name: str, *, overwrite: bool) -> None:
    """The HTML page of a profile."""
    from lichtbild.base.version import SOFTWARE
    from lichtbild.quality.reports.page import page
    from lichtbild.quality.reports.report import Report

    report = Report(
        results(made),
        software=SOFTWARE,
        conditions={"profile": name},
        warnings=made.warnings,
    )
    write_file(path, [page(report).encode()], overwrite=overwrite)
