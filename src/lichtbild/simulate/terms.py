# SPDX-License-Identifier: Apache-2.0
"""What a sensor does to light besides counting it: one number for each term, its unit and its range.

The terms are in the units of digital numbers at one ISO (`simulate.sensor` says how they act), so that a
measured sensor and a simulated one are compared term by term.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.image import Noise, UInt8
from lichtbild.base.params import nearest

LIMITS: Mapping[str, tuple[float, float, str]] = {
    "gain": (1e-9, 1e4, "DN/e⁻"),
    "read": (0, 2e4, "DN"),
    "black": (0, 65534, "DN"),
    "white": (1, 65535, "DN"),
    "tail": (-0.4, 1, ""),
    "row": (0, 10, "× read"),
    "column": (0, 10, "× read"),
    "prnu": (0, 0.2, ""),
    "dsnu": (0, 1000, "DN"),
    "dsnu_column": (0, 1000, "DN"),
    "hot": (0, 0.1, "of the pixels"),
    "hot_electrons": (0, 1e7, "e⁻"),
    "full_well": (1, math.inf, "e⁻"),
    "drift": (0, 1000, "DN"),
    "green": (-0.5, 0.5, ""),
    "serial": (0, 2**63, ""),
}
BITS = (8, 16)
TERMS = "docs/concepts/sensor-model.md says what every term does, and its unit"
MAY_BE_NONE = ("tail", "serial")
WHOLE = ("white", "serial")


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor at one ISO.

    Attributes
    ----------
    gain : float
        K, DN per electron.
    read : float
        Standard deviation of the read noise, DN.
    black, white : float
        The levels, DN; white is where the digital numbers end.
    tail : float or None
        λ of Tukey's distribution for the read noise: 0.14 is nearly normal, smaller has heavier tails; None
        is normal.
    row, column : float
        Standard deviation, as a multiple of `read`, of what all pixels of a row (column) share in one frame.
    prnu : float
        Standard deviation of the sensitivity from pixel to pixel, a share of 1.
    dsnu, dsnu_column : float
        Standard deviation of the dark level from pixel to pixel (column to column), DN.
    hot, hot_electrons : float
        Share of pixels with dark current, and the mean of it; their dark currents are exponentially
        distributed.
    full_well : float
        Electrons a pixel holds.
    drift : float
        Standard deviation of the black level from frame to frame, DN.
    green : float
        How much more light the green pixels beside red ones gather than those beside blue ones, a share of 1.
    serial : int or None
        The specimen: what its fixed pattern is drawn from; None takes the seed of the burst.
    name : str
        Of the preset.

    Raises
    ------
    InputError
        A term is out of its range, or black is not below white.
    """

    gain: float
    read: float
    black: float = 64.0
    white: float = 1023.0
    tail: float | None = None
    row: float = 0.0
    column: float = 0.0
    prnu: float = 0.0
    dsnu: float = 0.0
    dsnu_column: float = 0.0
    hot: float = 0.0
    hot_electrons: float = 1000.0
    full_well: float = math.inf
    drift: float = 0.0
    green: float = 0.0
    serial: int | None = None
    name: str = "sensor"

    def __post_init__(self) -> None:
        for term, (low, high, unit) in LIMITS.items():
            allowed(f"{self.name}.{term}", getattr(self, term), (low, high), unit, term in MAY_BE_NONE)
        for term in WHOLE:
            if (value := getattr(self, term)) is not None and value != int(value):
                raise InputError(f"{self.name}.{term} = {value:g} is not a whole number")
        if not self.black < self.white:
            raise InputError(
                f"{self.name}.black = {self.black:g} is not below white = {self.white:g}; allowed is "
                "0 ≤ black < white ≤ 65535"
            )

    @property
    def span(self) -> float:
        """DN from black to white."""
        return self.white - self.black

    @property
    def electrons(self) -> float:
        """Electrons at the white level."""
        return self.span / self.gain

    @property
    def saturation(self) -> float:
        """DN at which light stops to count: the white level, or where the full well ends."""
        full = self.black + self.gain * self.full_well
        return self.white if full >= self.white else math.floor(full + 0.5)

    @property
    def bits(self) -> int:
        """Of a digital number."""
        return max(1, int(self.white).bit_length())

    @property
    def noise(self) -> Noise:
        """Variance of linear values from frame to frame, ``S x + O`` in every plane; row, column and rounding
        are in O, what is fixed or common to a frame is not.
        """
        shot = self.gain / self.span
        read = (self.read**2 * (1 + self.row**2 + self.column**2) + 1 / 12) / self.span**2
        return Noise((shot, shot, shot), (read, read, read))

    def terms(self) -> NDArray[np.float64]:
        """What the kernel takes, fifteen numbers."""
        tukey, well = self.tail is not None, self.full_well if self.full_well < math.inf else 0.0
        levels = (self.gain, self.read, self.black, self.white, well, float(tukey), self.tail or 0.0)
        pattern = (self.row * self.read, self.column * self.read, self.prnu, self.dsnu, self.dsnu_column)
        return np.array((*levels, *pattern, self.hot, self.hot_electrons, self.drift), np.float64)

    def answer(self, cell: UInt8) -> NDArray[np.float64]:
        """What the places of a cell make of light, about 1: the imbalance of the greens."""
        beside = np.stack([np.roll(cell, 1, axis=1), np.roll(cell, -1, axis=1)])
        towards_red = np.sign((beside == 0).sum(axis=0) - (beside == 2).sum(axis=0).astype(np.int64))
        return np.where(cell == 1, 1 + 0.5 * self.green * towards_red, 1.0)

    def with_bits(self, bits: int) -> Sensor:
        """The same sensor behind a converter of `bits`: the same electrons at white, finer or coarser steps.

        Raises
        ------
        InputError
            `bits` is not 8 … 16.
        """
        allowed(f"{self.name}.bits", bits, BITS, "", False)
        if bits != int(bits):
            raise InputError(f"{self.name}.bits = {bits:g} is not a whole number")
        white, black = 2.0 ** int(bits) - 1, self.black * 2.0 ** (int(bits) - self.bits)
        step = (white - black) / self.span
        scaled = {
            term: getattr(self, term) * step for term in ("gain", "read", "dsnu", "dsnu_column", "drift")
        }
        return replace(self, black=black, white=white, **scaled)

    def changed(self, changes: Mapping[str, Any], where: str = "") -> Sensor:
        """The same sensor with some terms changed; ``bits`` is taken first, the others as given.

        Raises
        ------
        InputError
            A term is unknown or out of range; `where` (a file) begins the sentence.
        """
        known = [f.name for f in fields(self) if f.name != "name"]
        for term, value in changes.items():
            if term not in known and term != "bits":
                words = (*known, "bits")
                raise InputError(
                    f"{where}{self.name}.{term} = {value!r} is unknown; terms are {', '.join(words)}"
                    f"{nearest(term, words)}",
                    hint=TERMS,
                )
        try:
            start = self.with_bits(changes["bits"]) if "bits" in changes else self
            return replace(start, **{k: v for k, v in changes.items() if k != "bits"})
        except InputError as error:
            raise InputError(f"{where}{error}", hint=error.hint or TERMS) from None


def allowed(where: str, value: Any, limits: tuple[float, float], unit: str, may_be_none: bool) -> None:
    """Refuse what is no number within `limits`.

    Raises
    ------
    InputError
        With the range.
    """
    low, high = limits
    words = f"allowed is {low:g} … {high:g}{' ' + unit if unit else ''}{' or none' if may_be_none else ''}"
    if value is None and may_be_none:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where} = {value!r} is not a number; {words}")
    if not low <= value <= high:  # NaN too
        raise InputError(f"{where} = {value:g} is out of range; {words}")
