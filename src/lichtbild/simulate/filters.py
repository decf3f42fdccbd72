# SPDX-License-Identifier: Apache-2.0
"""Colour filters: what each plane of the camera sees of the spectrum, and the 3×3 matrices that follow.

The default phone is our own: three Gaussians, with the blue leak that red filters have::

    R = 0.6·(g(600, 35) + 0.12·g(430, 15)),   G = g(530, 38),   B = 0.8·g(460, 28)
    g(m, s) = exp(−((λ − m)/s)²/2)      from 400 to 700 nm, where the infrared filter ends

A scene has three colours, the camera sees spectra.  Scene colours (linear, primaries of sRGB) become
surfaces by `base.spectra.bases`, which is linear, so the whole way from scene to camera is one matrix for
each light::

    M[c, k] = Σ curve[c]·light·base[k]  /  Σ curve[1]·light        white 1 gives 1 in plane 1

The sums are `math.fsum`, which rounds once, and the matrices have seven decimals: the simulated pixels are
the same bytes on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import D50_XYZ, D65, SRGB, adaptation, xy_to_xyz
from lichtbild.base.errors import InputError
from lichtbild.base.image import CameraColour
from lichtbild.base.params import nearest
from lichtbild.base.spectra import WAVELENGTHS, bases, to_xyz, weights
from lichtbild.base.spectra import light as known_light
from lichtbild.capture.sensitivities import read_sensitivities

Float64 = NDArray[np.float64]
KNOWN = ("phone", "ryyb", "mono")
CODES = {"A": 17, "D50": 23, "D55": 20, "D65": 21, "D75": 22}  # EXIF LightSource
DECIMALS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """The spectral sensitivities of the three planes.

    Attributes
    ----------
    name : str
        What they are called.
    curves : Float64 "81 3"
        Sensitivity at `wavelengths`; any scale.
    planes : {"RGB", "RYB", "M"}
        What the three planes are; of ``M`` all are the same.
    """

    name: str
    curves: Float64
    planes: str = "RGB"

    @property
    def wavelengths(self) -> Float64:
        """Where the curves are sampled: 380 … 780 nm in steps of 5."""
        return WAVELENGTHS

    def matrix(self, light: str | ArrayLike = "D65") -> Float64:
        """Scene colours (linear sRGB primaries) → camera planes under `light`, ``"3 3"``."""
        return self._sums(bases(), light).T

    def of(self, reflectances: ArrayLike, light: str | ArrayLike = "D65") -> Float64:
        """What the planes see of surfaces ``"k 81"``, ``"k 3"``, on the scale of `matrix`: white has 1 in
        plane 1.
        """
        return self._sums(np.atleast_2d(np.asarray(reflectances, np.float64)), light)

    def _sums(self, surfaces: Float64, light: str | ArrayLike) -> Float64:
        power = _power(light).tolist()
        lit = [[s * p for s, p in zip(curve, power, strict=True)] for curve in self.curves.T.tolist()]
        white = math.fsum(lit[1])
        rows = [
            [round(math.fsum(a * b for a, b in zip(c, surface, strict=True)) / white, DECIMALS) for c in lit]
            for surface in surfaces.tolist()
        ]
        return np.array(rows)

    def colour(
        self, lights: tuple[str, ...] = ("A", "D65"), *, reflectances: ArrayLike | None = None
    ) -> CameraColour:
        """The matrices that go into the file, a ColorMatrix and a ForwardMatrix for each light.

        Parameters
        ----------
        lights : tuple of str
            One or two of ``A D50 D55 D65 D75``.
        reflectances : array_like "k 81", optional
            Fit the matrices to these surfaces by least squares, white kept, as a maker would.  Without them
            the matrices undo `matrix`: scene colours come back exactly, under any of the lights.

        Raises
        ------
        InputError
            A light has no code in raw files.
        """
        for name in lights:
            if name not in CODES:
                raise InputError(f"light = {name!r} has no code in raw files; allowed are {', '.join(CODES)}")
        if self.planes == "M":
            return CameraColour(name=self.name)
        made = [
            self._undone(n) if reflectances is None else self._fitted(n, np.asarray(reflectances, np.float64))
            for n in lights
        ]
        return CameraColour(
            illuminants=tuple(CODES[n] for n in lights),
            colour=tuple(c for c, _ in made),
            forward=tuple(f for _, f in made),
            name=self.name,
        )

    def _undone(self, light: str) -> tuple[Float64, Float64]:
        seen, white = self.matrix(light), weights(known_light(light)).sum(axis=1)
        to_scene = SRGB.from_xyz() @ adaptation(white, xy_to_xyz(D65))
        forward = adaptation(xy_to_xyz(D65), D50_XYZ) @ SRGB.to_xyz() @ np.linalg.inv(seen)
        return np.round(seen @ to_scene, 6), np.round(forward * seen.sum(axis=1), 6)

    def _fitted(self, light: str, reflectances: Float64) -> tuple[Float64, Float64]:
        power = known_light(light)
        xyz, camera = to_xyz(reflectances, power), self.of(reflectances, power)
        white, neutral = weights(power).sum(axis=1), self.of(np.ones((1, 81)), power)[0]
        colour = np.linalg.lstsq(xyz, camera, rcond=None)[0].T
        colour *= (neutral / (colour @ white))[:, None]
        balanced, adapted = camera / neutral, xyz @ adaptation(white, D50_XYZ).T
        part = np.linalg.lstsq(
            balanced[:, :2] - balanced[:, 2:], adapted - balanced[:, 2:] * D50_XYZ, rcond=None
        )[0].T
        forward = np.asarray(np.column_stack([part, D50_XYZ - part.sum(axis=1)]), np.float64)
        return np.round(colour, 6), np.round(forward, 6)


def scene_colours(filters: Filters, reflectances: ArrayLike, light: str | ArrayLike = "D65") -> Float64:
    """Scene colours ``"k 3"`` by which the camera sees exactly what it would see of surfaces ``"k 81"``.

    Very pure surfaces may need a negative component.
    """
    seen = filters.of(reflectances, light)
    if filters.planes == "M":
        return seen
    return np.asarray(np.round(np.linalg.solve(filters.matrix(light), seen.T).T, DECIMALS), np.float64)


def _power(light: str | ArrayLike) -> Float64:
    if isinstance(light, str):
        return known_light(light)
    power = np.asarray(light, np.float64)
    if power.shape != WAVELENGTHS.shape or not (power >= 0).all() or not power.any():
        raise InputError(f"light: {power.shape} samples, expected 81 of 0 and above (380 … 780 nm by 5)")
    return power


# ---- which there are


def known_filters(name: str | Path) -> Filters:
    """Filters by name (`KNOWN`), or from a table of sensitivities (see `capture.sensitivities`).

    Raises
    ------
    InputError
        No such name, or the file cannot be read.
    """
    if str(name) in KNOWN:
        return {"phone": phone, "ryyb": ryyb, "mono": mono}[str(name)]()
    path = Path(name)
    if not path.is_file() and path.suffix.lower() not in (".csv", ".txt", ".json"):
        raise InputError(
            f"filters = {str(name)!r}: no file, and none of {', '.join(KNOWN)}{nearest(str(name), KNOWN)}",
            hint="give one of these names, or a CSV of nm, R, G, B",
        )
    return Filters(path.stem, read_sensitivities(path))


def _hump(middle: float, width: float) -> list[float]:
    inside = [400 <= w <= 700 for w in WAVELENGTHS.tolist()]
    return [
        round(math.exp(-(((w - middle) / width) ** 2) / 2), 9) if seen else 0.0
        for w, seen in zip(WAVELENGTHS.tolist(), inside, strict=True)
    ]


def phone() -> Filters:
    """Red, green and blue of a made-up phone."""
    red = [0.6 * (a + 0.12 * b) for a, b in zip(_hump(600, 35), _hump(430, 15), strict=True)]
    blue = [0.8 * a for a in _hump(460, 28)]
    return Filters("phone", np.array([red, _hump(530, 38), blue]).T)


def ryyb() -> Filters:
    """The phone with yellow, red + green, in the place of green."""
    rgb = phone().curves
    return Filters("ryyb", np.stack([rgb[:, 0], rgb[:, 0] + rgb[:, 1], rgb[:, 2]], axis=1), "RYB")


def mono() -> Filters:
    """No colour filter: one wide band."""
    return Filters("mono", np.array([_hump(545, 75)] * 3).T, "M")
