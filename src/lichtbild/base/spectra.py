# SPDX-License-Identifier: Apache-2.0
"""Spectra: the standard observer, lights, and surfaces that are as smooth as their colour allows.

Everything is sampled at `WAVELENGTHS`, 380 … 780 nm in steps of 5.  The tables beside this file,
``spectra.csv``, hold the CIE 1931 2° observer, the daylight components S0 S1 S2 [1] and two surfaces of our
own (`bases`).  A colour is::

    XYZ = k · Σ reflectance · light · observer,        k so that a perfect white has Y = 1

Infinitely many surfaces have one colour; `smooth` takes the one that changes least along the spectrum [2]::

    minimise Σ (ρ[i+1] − ρ[i])²    so that    W·ρ = XYZ,    0 ≤ ρ ≤ 1

It is a quadratic problem with bounds, solved for many colours at once by the method of multipliers [3], which
alternates between the linear equations and the bounds.  `bases` are three such surfaces for the primaries of
sRGB under D65 that add up to white [4]: any mixture of them is a surface again, and its colour is exact.

``fluorescent`` and ``led`` are models of their kind, made of a few lines and humps, not measured lamps.

References
----------
[1] CIE 15, "Colorimetry": tables T.4 (observer) and T.2 (daylight), here in steps of 5 nm.
[2] S. A. Burns, "Numerical methods for smoothest reflectance reconstruction", Color Res. Appl. 45(1), 2020.
[3] S. Boyd et al., "Distributed optimization and statistical learning via the alternating direction method of
    multipliers", Found. Trends Mach. Learn. 3(1), 2011.
[4] I. Mallett, C. Yuksel, "Spectral primary decomposition for rendering with sRGB reflectance", EGSR 2019.
"""

from __future__ import annotations

import math
import re
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import daylight
from lichtbild.base.errors import InputError
from lichtbild.base.params import nearest

Float64 = NDArray[np.float64]
WAVELENGTHS: Float64 = np.arange(380.0, 781.0, 5.0)
LIGHTS = ("A", "D50", "D55", "D65", "D75", "E", "fluorescent", "led")
_KELVINS = re.compile(r"(\d{4,5})K")
_C2 = 1.4388e7  # nm·K
# height, peak and width (nm) below and above the peak
_TUBE = (
    (0.9, 404.7, 2.5, 2.5),  # mercury
    (2.6, 435.8, 2.5, 2.5),
    (0.45, 450, 22, 30),  # phosphors: blue, green, red
    (0.5, 488, 6, 8),
    (4.2, 544, 4, 5),
    (0.8, 580, 8, 12),
    (3.6, 611, 4, 5),
    (0.5, 630, 8, 14),
    (0.15, 705, 6, 8),
)
_DIODE = ((1.0, 452, 9, 11), (0.72, 562, 38, 62))  # blue diode, yellow phosphor


@cache
def _tables() -> dict[str, Float64]:
    text = files("lichtbild.base").joinpath("spectra.csv").read_text("utf-8").splitlines()
    columns = np.array([[float(v) for v in line.split(",")] for line in text[1:]]).T
    columns.setflags(write=False)
    return dict(zip(text[0].split(","), columns, strict=True))


def observer() -> Float64:
    """The CIE 1931 2° colour-matching functions, ``"81 3"``."""
    t = _tables()
    return np.stack([t["x"], t["y"], t["z"]], axis=1)


def bases() -> Float64:
    """Surfaces red, green and blue, ``"3 81"``: sRGB's primaries under D65; they add up to 1 everywhere."""
    red, blue = _tables()["red"], _tables()["blue"]
    return np.stack([red, np.maximum(1.0 - red - blue, 0.0), blue])


def light(name: str) -> Float64:
    """The spectral power of a light, ``"81"``, 100 at 560 nm (peak 100 for lamps of lines and humps).

    Parameters
    ----------
    name : str
        One of `LIGHTS`, or a colour temperature such as ``3200K`` (black body below 4000, daylight from
        there to 25000).

    Raises
    ------
    InputError
        Another name, or a temperature outside 1667 … 25000 K.
    """
    if name == "E":
        return np.full(len(WAVELENGTHS), 100.0)
    if name == "A":  # by definition 2848 K with an older second radiation constant
        return _black_body(2848.0, 1.435e7)
    if name in ("fluorescent", "led"):
        return _humps(_TUBE if name == "fluorescent" else _DIODE)
    if name in LIGHTS:
        return _daylight(100.0 * int(name[1:]) * 1.4388 / 1.4380)
    if (found := _KELVINS.fullmatch(name)) and 1667 <= (kelvin := int(found[1])) <= 25000:
        return _black_body(kelvin, _C2) if kelvin < 4000 else _daylight(kelvin)
    raise InputError(
        f"light = {name!r} is not known{nearest(name, LIGHTS)}",
        hint=f"give {', '.join(LIGHTS)}, or a temperature from 1667K to 25000K",
    )


def _black_body(kelvin: float, c2: float) -> Float64:
    power = [
        100 * (560 / w) ** 5 * math.expm1(c2 / (560 * kelvin)) / math.expm1(c2 / (w * kelvin))
        for w in WAVELENGTHS.tolist()
    ]
    return np.array(power)


def _daylight(kelvin: float) -> Float64:
    x, y = daylight(kelvin)
    t, below = _tables(), 0.0241 + 0.2562 * x - 0.7341 * y
    m1 = round((-1.3515 - 1.7703 * x + 5.9114 * y) / below, 3)
    m2 = round((0.0300 - 31.4424 * x + 30.0717 * y) / below, 3)
    return t["S0"] + m1 * t["S1"] + m2 * t["S2"]


def _humps(humps: tuple[tuple[float, float, float, float], ...]) -> Float64:
    """A sum of humps whose two sides differ, peak 100."""
    power = [
        sum(
            high * math.exp(-(((w - peak) / (below if w < peak else above)) ** 2) / 2)
            for high, peak, below, above in humps
        )
        for w in WAVELENGTHS.tolist()
    ]
    return np.array(power) * (100.0 / max(power))


def weights(light: ArrayLike) -> Float64:
    """W, ``"3 81"``: XYZ of a reflectance is W·ρ, with Y = 1 for a perfect white."""
    power = np.asarray(light, np.float64)
    seen = observer().T * power
    return seen / seen[1].sum()


def to_xyz(reflectances: ArrayLike, light: ArrayLike) -> Float64:
    """XYZ of surfaces ``"… 81"`` under a light ``"81"``; a perfect white has Y = 1."""
    return np.asarray(reflectances, np.float64) @ weights(light).T


def resampled(wavelengths: ArrayLike, curves: ArrayLike) -> Float64:
    """Curves ``"n …"`` at other wavelengths (rising, nm) on `WAVELENGTHS`: straight between samples, 0 beyond
    them.
    """
    at, values = np.asarray(wavelengths, np.float64), np.asarray(curves, np.float64)
    columns = values.reshape(len(at), -1).T
    made = [np.interp(WAVELENGTHS, at, c, left=0.0, right=0.0) for c in columns]
    stacked: Float64 = np.stack(made, axis=1).reshape(len(WAVELENGTHS), *values.shape[1:])
    return stacked


def natural(count: int = 500, *, seed: int = 1) -> Float64:
    """Surfaces as paints, cloths and leaves are, drawn at random: ``"count 81"``.

    The logarithm of ρ/(1 − ρ) is a Gaussian process of standard deviation 1.5 with a correlation length of
    75 nm about a level that differs from surface to surface: edges of all steepness that stay within 0 … 1.
    """
    rng = np.random.default_rng(seed)
    apart = (WAVELENGTHS[:, None] - WAVELENGTHS) / 75.0
    root = np.linalg.cholesky(np.exp(-(apart**2) / 2) + 1e-6 * np.eye(len(WAVELENGTHS)))
    level = rng.normal(-1.0, 0.8, (count, 1))
    return 1 / (1 + np.exp(-level - 1.5 * rng.normal(size=(count, len(WAVELENGTHS))) @ root.T))


def smooth(xyz: ArrayLike, light: ArrayLike, *, rounds: int = 4000) -> Float64:
    """The surfaces of least change whose colours under `light` are `xyz`.

    Parameters
    ----------
    xyz : array_like "k 3"
        Colours, Y = 1 for white.
    light : array_like "81"
        Spectral power.
    rounds : int
        Of the method of multipliers; the bounds hold, the colours are met better with more.

    Returns
    -------
    Float64 "k 81"
        Reflectances, 0 … 1.  Of a colour that no surface has, the nearest that was found: compare `to_xyz`.
    """
    wanted = np.atleast_2d(np.asarray(xyz, np.float64))
    n, given = len(WAVELENGTHS), weights(light)
    given = given / np.linalg.norm(given, axis=1, keepdims=True)
    target = (wanted / np.linalg.norm(weights(light), axis=1)).T
    step = np.diff(np.eye(n), axis=0)
    pull = 0.02
    square = step.T @ step + pull * np.eye(n)
    solved = np.linalg.inv(np.block([[square, given.T], [given, np.zeros((3, 3))]]))[:n]
    to_bound, fixed = pull * solved[:, :n], solved[:, n:] @ target
    inside = np.full((n, len(wanted)), 0.5)
    push = np.zeros_like(inside)
    for _ in range(rounds):
        free = to_bound @ (inside - push) + fixed
        moved = np.clip(free + push, 0.0, 1.0)
        push += free - moved
        if np.abs(moved - inside).max() < 1e-9 and np.abs(free - moved).max() < 1e-8:
            break
        inside = moved
    return np.clip(inside, 0.0, 1.0).T
