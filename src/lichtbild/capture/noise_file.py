# SPDX-License-Identifier: Apache-2.0
"""The file of a noise model: one JSON object.

::

    {"format": "lichtbild noise model", "version": 1, "make", "model", "black", "white",
     "readings": [{"iso", "gain": [R, G, B], "variance": [R, G, B], "gain_doubt", "variance_doubt",
                   "row", "column", "dsnu", "prnu", "tails", "frames", "levels",
                   "read_electrons": [R, G, B], "profile": {"shot": [R, G, B], "read": [R, G, B]}}],
     "over_iso": {"gain": [[R, G, B] of ISO, of 1], "variance": [[R, G, B] of ISO², of ISO, of 1]},
     "files": [name], "warnings": [sentence]}

Gains are DN per electron, variances DN², ``row`` … ``dsnu`` DN; ``profile`` is a DNG's NoiseProfile.  It and
``over_iso`` have row² in them, ``variance`` has not.  What was not measured is null.  ``read_electrons``,
``profile`` and ``over_iso`` follow from the rest and are not read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lichtbild.base.errors import InputError
from lichtbild.base.image import Triple
from lichtbild.capture.noise_model import NoiseModel, Reading

FORMAT, VERSION = "lichtbild noise model", 1
AGAIN = "measure the camera again: `lichtbild calibrate noise`"


def noise_json(model: NoiseModel) -> str:
    """The model as a file holds it."""
    gains, variances = model.curves()
    whole: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "make": model.make,
        "model": model.model,
        "black": model.black,
        "white": model.white,
        "readings": [_record(r, model.span) for r in model.readings],
        "over_iso": {"gain": gains, "variance": variances},
        "files": model.files,
        "warnings": model.warnings,
    }
    return json.dumps(_plain(whole), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_noise_model(path: Path | str) -> NoiseModel:
    """Read a noise model written by ``lichtbild calibrate noise``.

    Raises
    ------
    InputError
        The file cannot be read, is something else, or holds values that make no sense.
    """
    path = Path(path)
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path} is no JSON: {error}", hint="`lichtbild calibrate noise` writes it"
        ) from error
    if not isinstance(whole, Mapping) or whole.get("format") != FORMAT:
        raise InputError(f"{path} is no noise model", hint="`lichtbild calibrate noise` writes one")
    if whole.get("version") != VERSION:
        raise InputError(f"{path}: version = {whole.get('version')}, allowed is {VERSION}", hint=AGAIN)
    try:
        readings = tuple(_reading(r) for r in whole["readings"])
        model = NoiseModel(
            str(whole["make"]),
            str(whole["model"]),
            float(whole["black"]),
            float(whole["white"]),
            readings,
            tuple(map(str, whole.get("files", ()))),
            tuple(map(str, whole.get("warnings", ()))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: an entry is missing or malformed: {error}", hint=AGAIN) from error
    _sane(path, model)
    return model


def _record(reading: Reading, span: float) -> dict[str, Any]:
    shot = [k / span for k in reading.gain]
    read = [r / span**2 for r in reading.at_black]
    return {
        **asdict(reading),
        "read_electrons": reading.read_electrons,
        "profile": {"shot": shot, "read": read},
    }


def _plain(value: Any) -> Any:
    """NaN becomes null: JSON knows none."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _three(values: Any) -> Triple:
    a, b, c = (_number(v) for v in values)
    return a, b, c


def _reading(record: Mapping[str, Any]) -> Reading:
    names = ("gain", "variance", "gain_doubt", "variance_doubt")
    gain, variance, gain_doubt, variance_doubt = (_three(record[k]) for k in names)
    row, column, dsnu, prnu, tails = (
        _number(record.get(k)) for k in ("row", "column", "dsnu", "prnu", "tails")
    )
    frames, levels = (int(record.get(k) or 0) for k in ("frames", "levels"))
    iso = None if record["iso"] is None else float(record["iso"])
    four = (gain, variance, gain_doubt, variance_doubt)
    return Reading(iso, *four, row, column, dsnu, prnu, tails, frames, levels)


def _sane(path: Path, model: NoiseModel) -> None:
    if not model.readings or not 0 <= model.black < model.white:
        raise InputError(f"{path}: no readings, or black and white levels that make no sense", hint=AGAIN)
    isos = [r.iso for r in model.readings]
    if None in isos and len(isos) > 1:
        raise InputError(f"{path}: a reading without ISO among {len(isos)}; allowed is one alone", hint=AGAIN)
    known = [i for i in isos if i is not None]
    if any(not 0 < i < math.inf for i in known) or known != sorted(set(known)):
        raise InputError(f"{path}: ISOs {known}; allowed are positive numbers in rising order", hint=AGAIN)
    for r in model.readings:
        if not all(0 < v < math.inf for v in (*r.gain, *r.variance)):
            raise InputError(f"{path}: ISO {r.iso}: gain and variance must be positive numbers", hint=AGAIN)
        if any(not (math.isnan(v) or 0 <= v < model.span) for v in (r.row, r.column, r.dsnu, r.prnu)):
            raise InputError(
                f"{path}: ISO {r.iso}: row, column, dsnu, prnu must be null or 0 and more", hint=AGAIN
            )
