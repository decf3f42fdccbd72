# SPDX-License-Identifier: Apache-2.0
"""A table of colours: what `lut` applies, what looks are imported from and exported to.

A colour goes through the shaper, one curve per channel, and then through the cube, in which it lies in one of
six tetrahedra of its cell; straight lines lead from corner to corner.  Both are clamped at the ends of their
domains.  `Table.__call__` is that in NumPy, for a few colours; the kernel does it for pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import Float64, srgb_decode, srgb_encode
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32

MOST_SIDE, MOST_ENTRIES, LARGEST_FILE = 65, 65536, 64 << 20
LOG_LOW, LOG_HIGH = -12.0, 7.0  # the code log: 2^-12 added, 2^7 becomes 1
CURVES = ("srgb", "gamma18", "gamma22", "gamma24", "linear", "log")
_UNIT = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """``cube: Float32 "r g b 3"`` over ``domain`` (low and high of each channel), after ``shaper``.

    ``shaper: Float32 "n 3"``, where there is one, is read over ``shaper_domain``.
    """

    cube: Float32
    domain: Float64 = field(default_factory=_UNIT.copy)
    shaper: Float32 | None = None
    shaper_domain: Float64 = field(default_factory=_UNIT.copy)
    title: str = ""

    def __call__(self, colours: ArrayLike) -> Float64:
        """What the table makes of colours (last axis 3)."""
        x = np.asarray(colours, np.float64)
        if self.shaper is not None:
            x = shaped(x, self.shaper, self.shaper_domain)
        return tetrahedral(x, self.cube, self.domain)

    @property
    def input_domain(self) -> Float64:
        """Low and high of what goes in."""
        return self.domain if self.shaper is None else self.shaper_domain


def shaped(x: Float64, shaper: ArrayLike, domain: Float64) -> Float64:
    """Colours through one curve per channel."""
    values = np.asarray(shaper, np.float64)
    at = [np.linspace(domain[0, c], domain[1, c], len(values)) for c in range(3)]
    return np.stack([np.interp(x[..., c], at[c], values[:, c]) for c in range(3)], axis=-1)


def tetrahedral(x: Float64, cube: ArrayLike, domain: Float64) -> Float64:
    """Colours through a cube."""
    values = np.asarray(cube, np.float64)
    side = len(values)
    place = np.clip((x - domain[0]) / (domain[1] - domain[0]), 0.0, 1.0) * (side - 1)
    cell = np.minimum(place.astype(np.intp), side - 2)
    order = np.argsort(-(place - cell), axis=-1, kind="stable")
    part = np.take_along_axis(place - cell, order, axis=-1)
    weights = np.concatenate([1 - part[..., :1], part[..., :2] - part[..., 1:], part[..., 2:]], axis=-1)
    corner, out = cell.copy(), np.zeros(x.shape)
    for k in range(4):
        if k:
            np.put_along_axis(
                corner,
                order[..., k - 1 : k],
                np.take_along_axis(corner, order[..., k - 1 : k], axis=-1) + 1,
                axis=-1,
            )
        out += weights[..., k : k + 1] * values[corner[..., 0], corner[..., 1], corner[..., 2]]
    return out


def grid(side: int, domain: ArrayLike = _UNIT) -> Float64:
    """The colours of the cells of a cube, ``"r g b 3"``."""
    low, high = np.asarray(domain, np.float64)
    axes = [np.linspace(low[c], high[c], side) for c in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def baked(function: Callable[[Float64], Float64], side: int, title: str = "") -> Table:
    """A function of colours (``"n 3"``, each 0 … 1) as a cube.

    Raises
    ------
    InputError
        It has values that are no numbers.
    """
    values = np.asarray(function(grid(side).reshape(-1, 3)), np.float64)
    if not (np.abs(values) <= 1e6).all():
        raise InputError("the table would hold NaN, infinity or numbers above a million")
    return checked(Table(values.reshape(side, side, side, 3).astype(np.float32), title=title), "the look")


def checked(table: Table, where: object) -> Table:
    """The table, if it can be used.

    Raises
    ------
    InputError
        Values that are not finite, a domain that is empty, too many entries.
    """
    parts: list[tuple[str, Any]] = [("domain", table.domain), ("cube", table.cube)]
    if table.shaper is not None:
        parts += [("shaper", table.shaper), ("domain of the shaper", table.shaper_domain)]
        if not 2 <= len(table.shaper) <= MOST_ENTRIES:
            raise InputError(
                f"{where}: a curve of {len(table.shaper)} entries, allowed are 2 … {MOST_ENTRIES}"
            )
    for what, values in parts:
        if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
            raise InputError(f"{where}: the {what} holds NaN, infinity or numbers above a million")
        if "domain" in what and not (values[1] - values[0] > 1e-6).all():
            raise InputError(f"{where}: the {what} is empty: {values[0].tolist()} … {values[1].tolist()}")
    if not 2 <= len(table.cube) <= MOST_SIDE:
        raise InputError(f"{where}: a cube of {len(table.cube)} a side, allowed are 2 … {MOST_SIDE}")
    return table


def encode(linear: ArrayLike, curve: str) -> Float64:
    """Linear light in the code of one of `CURVES`."""
    x = np.asarray(linear, np.float64)
    if curve == "linear":
        return x
    if curve == "srgb":
        return srgb_encode(x)
    if curve == "log":
        span = np.log2(2**LOG_HIGH + 2**LOG_LOW) - LOG_LOW
        return (np.log2(np.maximum(x + 2**LOG_LOW, 1e-30)) - LOG_LOW) / span
    return np.maximum(x, 0.0) ** (1 / gamma(curve))


def decode(code: ArrayLike, curve: str) -> Float64:
    """The inverse of `encode`."""
    x = np.asarray(code, np.float64)
    if curve == "linear":
        return x
    if curve == "srgb":
        return srgb_decode(x)
    if curve == "log":
        span = np.log2(2**LOG_HIGH + 2**LOG_LOW) - LOG_LOW
        return 2.0 ** (x * span + LOG_LOW) - 2**LOG_LOW
    return np.maximum(x, 0.0) ** gamma(curve)


def gamma(curve: str) -> float:
    """The exponent of a power curve; 1 where it is none."""
    return int(curve[5:]) / 10 if curve.startswith("gamma") else 1.0


def read_bytes(path: Path) -> bytes:
    """The content of a file that is to be read as a table.

    Raises
    ------
    InputError
        It cannot be read, or is larger than any table.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(
            f"{path}: {(error.strerror or str(error)).lower()}", hint="check the name"
        ) from error
    if len(content) > LARGEST_FILE:
        raise InputError(f"{path} is larger than {LARGEST_FILE >> 20} MiB; no table of colours is")
    return content


def fingerprint(content: bytes) -> str:
    """SHA-256, as in `Lut.file`."""
    return hashlib.sha256(content).hexdigest()
