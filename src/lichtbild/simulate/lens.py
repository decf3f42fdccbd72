# SPDX-License-Identifier: Apache-2.0
"""Lens: what is known about a made-up one, read from a TOML file, and the laws that its numbers mean.

With r the distance from the optical axis, 1 in the corner of the picture, and c a colour::

    place      p' = m · (f(r) · d + tangential(d)),  d = p / m                    Brown–Conrady
               f(r) = scale[c] · (1 + k₁ r² + k₂ r⁴ + k₃ r⁶) + cubic[c] · r²
    spread     Gaussian of σ(r) = sigma[c] + growth[c] · r²  px; a share `halo` of the light is spread by the
               wider Gaussian `halo_sigma` instead
    corners    gain that undoes the fall-off: 1 + tint[c] · (fall₁ r² + fall₂ r⁴)
    veil       a share `flare` of all light is scattered over the picture with the density 1 / (d² + d₀²)

p is where an ideal lens would put a point, p' where this one does (both from the axis, in pixels, m the
distance of the corner): just what WarpRectilinear of a DNG says, so that a file carries its lens exactly.
The spread is that of the picture before it is bent, hence also that of the corrected picture.

References
----------
[1] D. C. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32(3), 1966.
[2] Digital Negative Specification 1.6, opcode WarpRectilinear.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.image import Triple
from lichtbild.base.params import nearest

Float64 = NDArray[np.float64]
Pair = tuple[float, float]
FOLDER = Path(__file__).with_name("lenses")
LENSES = ("phone", "plain", "wide")
HINT = "docs/concepts/simulator.md has a lens with all its numbers"
REACH = 1.12  # field radius up to which a lens must not fold the picture: the corner and the nodes beyond it

# field of `Lens`: section of the file, how many numbers, smallest, largest
RULES: dict[str, tuple[str, int, float, float]] = {
    "k": ("distortion", 3, -0.5, 0.5),
    "p": ("distortion", 2, -0.05, 0.05),
    "scale": ("lateral", 3, 0.98, 1.02),
    "cubic": ("lateral", 3, -0.02, 0.02),
    "sigma": ("spread", 3, 0.2, 4.0),
    "growth": ("spread", 3, 0.0, 4.0),
    "halo": ("spread", 1, 0.0, 0.5),
    "halo_sigma": ("spread", 1, 0.5, 6.0),
    "fall": ("corners", 2, 0.0, 4.0),
    "tint": ("corners", 3, 0.5, 1.5),
    "axis": ("corners", 2, -0.1, 0.1),
    "flare": ("veil", 1, 0.0, 0.3),
}


@dataclass(frozen=True, slots=True)
class Lens:
    """A made-up lens; the formulas are those of the module, colours in the order of the sensor's planes.

    Attributes
    ----------
    name, words : str
        What it is called, and what for.
    k, p : tuple of float
        Radial (3) and tangential (2) distortion.
    scale, cubic : tuple of float
        Magnification of each colour, and how it grows with r².
    sigma, growth : tuple of float
        Spread of each colour on the axis and what the corner adds, px.
    halo, halo_sigma : float
        Share of the light in the wide part of the spread, and its σ in px.
    fall, tint, axis : tuple of float
        Fall-off (r², r⁴), its factor for each colour, and where it is centred: offset (y, x) from the middle
        in picture sides.
    flare : float
        Share of the light in the veil.

    Raises
    ------
    InputError
        A number is out of range, or the distortion folds the picture.
    """

    name: str = "plain"
    words: str = ""
    k: Triple = (0.0, 0.0, 0.0)
    p: Pair = (0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    cubic: Triple = (0.0, 0.0, 0.0)
    sigma: Triple = (0.52, 0.45, 0.58)
    growth: Triple = (0.0, 0.0, 0.0)
    halo: float = 0.0
    halo_sigma: float = 2.5
    fall: Pair = (0.9, 0.6)
    tint: Triple = (1.06, 1.0, 0.98)
    axis: Pair = (0.012, -0.009)
    flare: float = 0.0

    def __post_init__(self) -> None:
        for key in RULES:
            object.__setattr__(self, key, allowed(f"lens {self.name!r}", key, getattr(self, key)))
        if folds(self):
            raise InputError(
                f"lens {self.name!r}: distortion.k = {list(self.k)} folds the picture before its corner",
                hint="smaller |k|; the sum of the terms must grow with the distance from the axis",
            )

    @property
    def straight(self) -> bool:
        """Neither distortion nor lateral colour."""
        return not any((*self.k, *self.p, *self.cubic)) and self.scale == (1.0, 1.0, 1.0)

    @property
    def coloured(self) -> bool:
        """Lateral colour: every colour has its own place."""
        return len({*zip(self.scale, self.cubic, strict=True)}) > 1

    def warp(self, plane: int) -> tuple[float, float, float, float]:
        """f(r) of a colour as coefficients of 1, r², r⁴, r⁶."""
        s, (k1, k2, k3) = self.scale[plane], self.k
        return s, s * k1 + self.cubic[plane], s * k2, s * k3

    def spread(self, plane: int, r: float) -> float:
        """σ in px of the narrow part of a colour's spread at field radius `r`."""
        return self.sigma[plane] + self.growth[plane] * r * r

    def mtf(self, frequency: Float64, plane: int, r: float) -> Float64:
        """MTF of lens and pixel: the spread times the pixel's aperture, sinc⁴(f / 2).

        Parameters
        ----------
        frequency : Float64
            Cycles per pixel.
        plane : int
            Colour.
        r : float
            Field radius, 1 in the corner.
        """
        f = np.asarray(frequency, np.float64)
        narrow, wide = self.spread(plane, r), self.halo_sigma
        spread = (1 - self.halo) * np.exp(-2 * (np.pi * f * narrow) ** 2)
        return (spread + self.halo * np.exp(-2 * (np.pi * f * wide) ** 2)) * np.sinc(f / 2) ** 4

    def facts(self) -> dict[str, Any]:
        """Everything, for ``truth.json``."""
        return asdict(self)


def allowed(where: str, key: str, value: Any) -> Any:
    """A number, or as many numbers as `key` has, inside its range.

    Raises
    ------
    InputError
        With file or lens, key and what is allowed.
    """
    section, count, low, high = RULES[key]
    told = "a number" if count == 1 else f"{count} numbers"
    wrong = f"{where}: {section}.{key} = {value!r} is not allowed; give {told} from {low:g} to {high:g}"
    listed = (value,) if count == 1 else value
    if not isinstance(listed, list | tuple) or len(listed) != count:
        raise InputError(wrong, hint=HINT)
    for v in listed:
        if isinstance(v, bool) or not isinstance(v, int | float) or not low <= v <= high:
            raise InputError(wrong, hint=HINT)
    numbers = tuple(float(v) for v in listed)
    return numbers[0] if count == 1 else numbers


def folds(lens: Lens) -> bool:
    """Whether the distance from the axis stops growing before the corner is reached."""
    for plane in range(3):
        a, b, c, d = lens.warp(plane)
        for i in range(1, 401):
            r2 = (i * 0.01) ** 2
            slope = a + r2 * (3 * b + r2 * (5 * c + r2 * 7 * d))
            if slope < 0.2:
                return True
            if i * 0.01 * (a + r2 * (b + r2 * (c + r2 * d))) > REACH:
                break
        else:
            return True
    return False


def known_lens(name: str | Path) -> Lens:
    """A built-in lens by name, or one from a TOML file.

    Raises
    ------
    InputError
        There is none of that name, or the file is not there or says something that is not allowed.
    """
    if str(name) in LENSES:
        return read_lens(FOLDER / f"{name}.toml")
    path = Path(name)
    if path.suffix.lower() != ".toml":
        raise InputError(
            f"lens = {str(name)!r} is not one of {', '.join(LENSES)}{nearest(str(name), LENSES)}",
            hint="or give the path of a .toml file",
        )
    return read_lens(path)


def read_lens(path: Path) -> Lens:
    """A lens from a TOML file: ``[lens]`` with name and words, then sections as in `RULES`, all optional.

    Raises
    ------
    InputError
        The file cannot be read, or a key is unknown or out of range.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint=HINT) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text: {error}", hint=HINT) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {error}", hint=HINT) from error
    found: dict[str, Any] = {"name": path.stem}
    sections = {"lens": ("name", "words")} | {s: keys_of(s) for s, *_ in RULES.values()}
    for section, values in told.items():
        if section not in sections or not isinstance(values, dict):
            known = ", ".join(f"[{s}]" for s in sections)
            raise InputError(f"{path}: {section} is no section of a lens; there are {known}", hint=HINT)
        for key, value in values.items():
            if key not in sections[section]:
                raise InputError(
                    f"{path}: {section}.{key} is unknown; [{section}] has {', '.join(sections[section])}"
                    f"{nearest(key, sections[section])}",
                    hint=HINT,
                )
            if section == "lens" and not isinstance(value, str):
                raise InputError(f"{path}: lens.{key} = {value!r} is not allowed; give a text", hint=HINT)
            found[key] = value if section == "lens" else allowed(str(path), key, value)
    try:
        return Lens(**found)
    except InputError as error:
        raise InputError(f"{path}: {error}", hint=error.hint) from error


def keys_of(section: str) -> tuple[str, ...]:
    """The numbers of a section."""
    return tuple(f.name for f in fields(Lens) if f.name in RULES and RULES[f.name][0] == section)


def corner(size: tuple[int, int]) -> float:
    """Distance from the middle of the picture to the centre of its corner pixel, px."""
    return max(math.sqrt((size[0] - 1) ** 2 + (size[1] - 1) ** 2) / 2, 1.0)
