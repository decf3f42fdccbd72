# SPDX-License-Identifier: Apache-2.0
"""Sensor: light becomes electrons, electrons become digital numbers, and both by chance.

::

    μ  = light / shading gain · (white − black) / K · (1 ± green/2) · (1 + PRNU · z₁) + dark current
    N  = min(Poisson(μ), full well)
    DN = ⌊K · N + read · z + row · z₂ + column · z₃ + black + drift · z₄ + DSNU · z₅ + ½⌋, in 0 … white

with independent standard deviates: z of every pixel and frame, normal or from Tukey's λ distribution; z₂, z₃,
z₄ of every row, column and frame, z₁, z₅ of every pixel for good, normal.  A linear value x (1 = white)
varies from frame to frame by ``S x + O``, S = K / V, O = (read² + row² + column² + 1/12) / V², where V is
white − black and 1/12 the rounding.

Presets (docs/concepts/sensor-model.md tells where their numbers are from):

- ``phone``: K and read² are polynomials in the ISO of a calibrated 10-bit phone [1]
- ``phone-pattern``: the same with pattern noise: PRNU 0.8 %, DSNU 0.3 DN, rows 0.15 of the read noise
- ``dslr``: a 14-bit full-frame camera with heavy-tailed read noise and row noise [2]
- ``ideal``: photons alone, counted one by one at ISO 100 by 16 bits

Every pixel draws from its own counter of Philox4x32-10 [3] under the key (seed, frame); what is fixed is
drawn under the key of the specimen.  The same noise on any machine, for any number of threads.

References
----------
[1] Y. Wang et al., "Practical deep raw image denoising on mobile devices" (PMRID), ECCV 2020.
[2] K. Wei et al., "Physics-based noise modeling for extreme low-light photography" (ELD), TPAMI 44(11), 2022.
[3] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.errors import InputError, StateError
from lichtbild.base.image import Float32, UInt8, UInt16
from lichtbild.base.params import nearest
from lichtbild.capture.noise_file import read_noise_model
from lichtbild.capture.noise_model import ROUNDING
from lichtbild.simulate.terms import TERMS, Sensor

__all__ = ["PRESETS", "Sensor", "expose", "known_sensor", "phone", "read_sensor"]

PLACES = np.array([[0, 1], [2, 3]], np.uint8)
TAILS = (0.11, 0.04, -0.04, -0.09, -0.11, -0.13, -0.14)  # λ at ISO 100, 200 … 6400 [2]
LEAST_ISO, MOST_ISO = 25.0, 102400.0
TABLE = 'one table [sensor] with preset = "phone", and what differs from it: gain, read, bits, prnu …'


# ---- presets


def phone(iso: float) -> Sensor:
    """The phone of [1] at `iso`."""
    variance = 7.11772e-7 * iso**2 + 6.514934e-4 * iso + 0.11492713
    return Sensor(5.995267e-4 * iso + 0.00868861, math.sqrt(variance), name="phone")


def phone_pattern(iso: float) -> Sensor:
    """The same phone with fixed and row pattern, all at once."""
    return replace(phone(iso), prnu=0.008, dsnu=0.3, row=0.15, name="phone-pattern")


def dslr(iso: float) -> Sensor:
    """The camera of [2] with the largest pixels.

    Its published K runs from 0.094 to 6.01 DN/e⁻, taken here as ISO 100 to 6400; its scales are
    ``ln G = 0.462 ln K + 0.566`` (of Tukey's quantiles) and ``ln R = 0.528 ln K − 0.592`` (rows).
    """
    gain = 0.094 * iso / 100
    tail = round(float(np.interp(math.log2(iso / 100), range(len(TAILS)), TAILS)), 4)
    read = math.exp(0.462 * math.log(gain) + 0.566) * tukey_deviation(tail)
    row = math.exp(0.528 * math.log(gain) - 0.592)
    read, row = rounded(read), rounded(row / read)
    return Sensor(gain, read, 800.0, 16383.0, tail=tail, row=row, name="dslr")


def ideal(iso: float) -> Sensor:
    """Nothing but photons: one DN an electron at ISO 100, 65535 of them at white."""
    return Sensor(iso / 100, 0.0, black=0.0, white=65535.0, name="ideal")


PRESETS: Mapping[str, Callable[[float], Sensor]] = {
    "phone": phone,
    "phone-pattern": phone_pattern,
    "dslr": dslr,
    "ideal": ideal,
}


def tukey_deviation(tail: float) -> float:
    """Standard deviation of ``(u^λ − (1 − u)^λ)/λ`` with u uniform, for λ > −½."""
    if abs(tail) < 1e-3:
        return math.pi / math.sqrt(3)
    beta = math.gamma(tail + 1) ** 2 / math.gamma(2 * tail + 2)
    return math.sqrt(2 * (1 / (1 + 2 * tail) - beta)) / abs(tail)


def rounded(value: float) -> float:
    """Six digits: what no mathematical library disagrees about."""
    return float(f"{value:.6g}")


def known_sensor(name: str | Path, iso: float, changes: Mapping[str, Any] | None = None) -> Sensor:
    """A sensor by the name of a preset or from a file, at an ISO, with some terms changed.

    Parameters
    ----------
    name : str or Path
        ``phone``, ``phone-pattern``, ``dslr``, ``ideal``, a TOML file (see `read_sensor`), or a JSON file of
        `lichtbild calibrate noise`.
    iso : float
        25 … 102400.
    changes : mapping of str to float, optional
        Terms of `Sensor` and ``bits``: ``{"prnu": 0.008, "bits": 12}``.

    Raises
    ------
    InputError
        Name, ISO or a term is unknown or out of range, or the file cannot be read.
    CalibrationMissing
        The camera of a JSON file was not measured near this ISO.
    """
    if not LEAST_ISO <= iso <= MOST_ISO:
        raise InputError(f"iso = {iso:g} is out of range; allowed is {LEAST_ISO:g} … {MOST_ISO:g}")
    if (kind := Path(name).suffix.lower()) in (".toml", ".json"):
        made = read_sensor(Path(name), iso) if kind == ".toml" else measured(Path(name), iso)
    elif str(name) in PRESETS:
        made = PRESETS[str(name)](iso)
    else:
        raise InputError(
            f"sensor = {str(name)!r} is not one of {', '.join(PRESETS)}{nearest(str(name), PRESETS)}",
            hint="or give a TOML file with a table [sensor], or the JSON of lichtbild calibrate noise",
        )
    return made.changed(changes) if changes else made


# ---- files


def read_sensor(path: Path, iso: float) -> Sensor:
    """A sensor from a TOML file with one table::

        [sensor]
        preset = "phone"                  # what is not said below is as here
        gain = [0.0087, 6.0e-4]           # DN/e⁻: a number, or powers of the ISO from 0 on
        read_variance = [0.115, 6.5e-4]   # DN², likewise; or read = 1.5, DN
        bits = 12
        prnu = 0.008                      # any term of `Sensor`

    Raises
    ------
    InputError
        The file is missing or no TOML, a key is unknown, or a value out of range; it says which.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its name"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML file: {error}", hint=TABLE) from error
    table = said.get("sensor")
    if not isinstance(table, dict) or len(said) > 1:
        extra = next((k for k in said if k != "sensor"), "")
        raise InputError(
            f"{path}: {extra!r} is unknown; allowed is one table, [sensor]"
            if extra
            else f"{path} has no table [sensor]",
            hint=TABLE,
        )
    where, preset, names = f"{path}: ", table.pop("preset", "phone"), ", ".join(PRESETS)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise InputError(
            f"{where}sensor.preset = {preset!r} is not one of {names}{nearest(str(preset), PRESETS)}",
            hint=TABLE,
        )
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key == "read_variance":
            variance = _polynomial(where, key, value, iso)
            if not variance >= 0:
                raise InputError(
                    f"{where}sensor.read_variance = {variance:g} DN² at ISO {iso:g} is below 0", hint=TERMS
                )
            changes["read"] = math.sqrt(variance)
        else:
            changes[key] = _polynomial(where, key, value, iso) if key == "gain" else value
    return replace(PRESETS[preset](iso), name="sensor").changed(changes, where)


def measured(path: Path, iso: float) -> Sensor:
    """The sensor of a camera that `lichtbild calibrate noise` measured: its green plane at this ISO, its
    pattern and tails as measured nearest to it.

    Raises
    ------
    InputError
        The file cannot be read.
    CalibrationMissing
        It was not measured near this ISO.
    """
    model = read_noise_model(path)
    gain, black = (values[1] for values in model.at(iso))
    near = min(model.readings, key=lambda r: abs(math.log((r.iso or iso) / iso)))
    whole = near.at_black[1] - ROUNDING  # read² + row² + column²
    shares = [v * v / whole if v == v and whole > 0 else 0.0 for v in (near.row, near.column)]
    alone = max(1 - sum(shares), 0.01)
    row, column = (math.sqrt(share / alone) for share in shares)
    return Sensor(
        rounded(gain),
        rounded(math.sqrt(max(black - ROUNDING, 0.0) * alone)),
        model.black,
        model.white,
        tail=None if math.isnan(near.tails) else min(max(near.tails, -0.4), 1.0),
        row=rounded(row),
        column=rounded(column),
        prnu=0.0 if math.isnan(near.prnu) else near.prnu,
        dsnu=0.0 if math.isnan(near.dsnu) else near.dsnu,
        name=path.name,
    )


def _polynomial(where: str, key: str, value: Any, iso: float) -> float:
    powers: Sequence[Any] = value if isinstance(value, list) else [value]
    if not powers or any(isinstance(c, bool) or not isinstance(c, int | float) for c in powers):
        raise InputError(
            f"{where}sensor.{key} = {value!r} is no number and no list of numbers (powers of the ISO)",
            hint=TERMS,
        )
    total = 0.0
    for coefficient in reversed(powers):
        total = total * iso + coefficient
    return total


# ---- exposure


def expose(
    light: Float32, gains: Float32, sensor: Sensor, *, seed: int, frame: int, cell: UInt8 | None = None
) -> UInt16:
    """One frame of digital numbers.

    Parameters
    ----------
    light : Float32 "h w"
        Light on every pixel without shading; 1 fills a pixel up to the white level.
    gains : Float32 "n v h"
        What undoes the lens shading: of every plane of `cell`, else of the four places of a 2×2 cell.
    sensor : Sensor
        Gain, noise and levels.
    seed, frame : int
        The key of the noise.
    cell : UInt8 "p q", optional
        Plane of every place in the cell of the colour filter array.

    Returns
    -------
    UInt16 "h w"
        Digital numbers.

    Raises
    ------
    StateError
        The number of gain maps does not fit, or the greens differ and no cell says where they are.
    """
    place = PLACES if cell is None else np.ascontiguousarray(cell, np.uint8)
    if len(gains) <= place.max():
        raise StateError(f"{len(gains)} gain maps, needs {place.max() + 1}: one a plane, or one a place")
    if cell is None and sensor.green:
        raise StateError("green imbalance needs the cell of the colour filter array")
    answer = np.ones(place.shape) if cell is None else sensor.answer(place)
    key = np.array([seed, seed if sensor.serial is None else sensor.serial, frame], np.uint64)
    out = np.empty(light.shape, np.uint16)
    kernels.expose(light, gains, place, answer, sensor.terms(), key, out)
    return out
