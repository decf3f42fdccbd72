# SPDX-License-Identifier: Apache-2.0
"""A colour profile of a camera, from what it answered to known colours.

For each light: a ColorMatrix (XYZ → camera, exact at white), a ForwardMatrix (balanced camera → XYZ D50,
white to white) and, if the camera deserves it, a HueSatMap with what a matrix cannot do: a root polynomial
(see `polynomial`), baked (see `rendering`).

Which degree is kept is not decided by the patches it was fitted to but by those left out: each patch (or a
tenth of them, if there are many) is predicted by a fit to the others, and the next degree must lower that
error by 5 %.

Charts are published under D50; under another light their surfaces have other colours.  `relit` estimates
these by the smoothest surfaces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import (
    D50_XYZ,
    adaptation,
    delta_e,
    lab_to_xyz,
    temperature,
    xyz_to_lab,
    xyz_to_xy,
)
from lichtbild.base.errors import InputError
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.base.spectra import light as known_light
from lichtbild.base.spectra import smooth, to_xyz, weights
from lichtbild.capture.illuminant import LIGHTS, identity_table
from lichtbild.quality.colours.polynomial import DEGREES, LOWEST, fitted, terms, unseen_error
from lichtbild.quality.colours.rendering import baked, rendered

Float64 = NDArray[np.float64]
CODES = (17, 24, 23, 20, 21, 22)  # EXIF LightSource with a colour temperature and nothing else
FEWEST = 10
BETTER = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a camera answered to known colours under one light.

    Attributes
    ----------
    camera : Float64 "k 3"
        Camera values, linear, not balanced; any scale.
    xyz : Float64 "k 3"
        The colours under that light, adapted to D50; Y = 1 for white.
    light : str
        See `base.spectra.light`.
    neutral : Float64 "3" or None
        The camera's answer to a white of Y = 1 on the scale of `camera`; None: found from the greys.
    """

    camera: Float64
    xyz: Float64
    light: str = "D65"
    neutral: Float64 | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The profile for one light, and how good it is.

    ``left_out`` is the mean ΔE00 of patches that were not fitted, for degree 1 (matrix), 2 and 3; ``degree``
    is what was kept.  ``matrix_error`` and ``error`` are ΔE00 of each patch by the matrix alone and with the
    table.
    """

    light: str
    neutral: Float64
    colour: Float64
    forward: Float64
    table: HSVTable
    degree: int
    left_out: dict[int, float]
    matrix_error: Float64
    error: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The profile of a camera, and its parts with their errors."""

    colour: CameraColour
    parts: tuple[Part, ...]


def fit(*answers: Answers, name: str = "") -> Profile:
    """The profile of a camera from its answers under one light or two.

    Raises
    ------
    InputError
        Too few patches, no greys to find white with, no light, or the same light twice.
    """
    if not 1 <= len(answers) <= 2:
        raise InputError(
            f"{len(answers)} lights, allowed are one or two", hint="make a profile for each pair of lights"
        )
    codes = [nearest_code(a.light) for a in answers]
    if len(set(codes)) < len(codes):
        raise InputError(
            f"the lights {answers[0].light} and {answers[1].light} are too near each other",
            hint="photograph the chart once under daylight and once under a lamp",
        )
    parts = [_part(a) for a in answers]
    order = np.argsort([LIGHTS[c] for c in codes])
    parts, codes = [parts[i] for i in order], [codes[i] for i in order]
    plain = all(p.degree == 1 for p in parts)
    colour = CameraColour(
        illuminants=tuple(codes),
        colour=tuple(p.colour for p in parts),
        forward=tuple(p.forward for p in parts),
        hue_sat=() if plain else _alike([p.table for p in parts]),
        name=name,
    )
    return Profile(colour, tuple(parts))


def _alike(tables: Sequence[HSVTable]) -> tuple[HSVTable, ...]:
    """The tables at the size of the largest: a file has one size for all; those of one cell hold identity."""
    shape = max((t.table.shape for t in tables), key=math.prod)
    return tuple(replace(t, table=np.ascontiguousarray(np.broadcast_to(t.table, shape))) for t in tables)


def nearest_code(light: str) -> int:
    """The EXIF LightSource whose colour temperature is nearest to that of `light`."""
    kelvin, _ = temperature(xyz_to_xy(weights(known_light(light)).sum(axis=1)))
    return min(CODES, key=lambda code: abs(1e6 / LIGHTS[code] - 1e6 / kelvin))


def relit(lab: ArrayLike, light: str) -> Float64:
    """Colours given under D50 as they are under `light`, adapted to D50: XYZ ``"k 3"``.

    The surfaces are taken to be the smoothest ones of that colour.  For paints this halves the error of
    taking the colour under D50 itself.
    """
    here, there = weights(known_light("D50")), weights(known_light(light))
    published = lab_to_xyz(lab)
    surfaces = smooth(published * here.sum(axis=1) / D50_XYZ, known_light("D50"))
    moved = (surfaces @ there.T) @ adaptation(there.sum(axis=1), D50_XYZ).T
    before = (surfaces @ here.T) * D50_XYZ / here.sum(axis=1)
    return np.asarray(np.maximum(published + moved - before, LOWEST), np.float64)


def answers_of(curves: ArrayLike, reflectances: ArrayLike, light: str) -> Answers:
    """What a camera of sensitivities ``"81 3"`` answers to surfaces ``"k 81"`` under `light`."""
    power, surfaces = known_light(light), np.asarray(reflectances, np.float64)
    white = weights(power).sum(axis=1)
    seen = np.asarray(curves, np.float64) * power[:, None]
    seen = seen / seen[:, 1].sum()
    xyz = to_xyz(surfaces, power) @ adaptation(white, D50_XYZ).T
    return Answers(surfaces @ seen, xyz, light, seen.sum(axis=0))


# ---- one light


def _part(answers: Answers) -> Part:
    camera, xyz = np.asarray(answers.camera, np.float64), np.asarray(answers.xyz, np.float64)
    if len(camera) < FEWEST:
        raise InputError(f"{len(camera)} patches are left, needed are {FEWEST}", hint="expose again, evenly")
    neutral = answers.neutral if answers.neutral is not None else white_of(camera, xyz)
    balanced = camera / neutral
    degree, left_out = _degree(balanced, xyz)
    forward = fitted(balanced, xyz, 1)
    table = identity_table()
    if degree > 1:
        full = fitted(balanced, xyz, degree)
        table = baked(forward, lambda c: terms(c, degree) @ full.T)
    white = weights(known_light(answers.light)).sum(axis=1)
    unadapted = xyz @ adaptation(D50_XYZ, white).T
    colour = np.linalg.lstsq(unadapted, camera / neutral.max(), rcond=None)[0].T
    colour *= (neutral / neutral.max() / (colour @ white))[:, None]
    lab, code = xyz_to_lab(xyz), (nearest_code(answers.light),)
    plain = CameraColour(illuminants=code, colour=(colour,), forward=(forward,))
    errors = [
        delta_e(xyz_to_lab(rendered(c, camera, neutral)), lab)
        for c in (plain, replace(plain, hue_sat=(table,)))
    ]
    return Part(answers.light, neutral, colour, forward, table, degree, left_out, *errors)


def white_of(camera: Float64, xyz: Float64) -> Float64:
    """The camera's answer to a white of Y = 1, from its answers to greys.

    The greys of a chart are not quite neutral: a first estimate makes a matrix, which tells how much of the
    cast is theirs.

    Raises
    ------
    InputError
        Fewer than two greys.
    """
    lab = xyz_to_lab(xyz)
    grey = (np.hypot(lab[:, 1], lab[:, 2]) < 5) & (lab[:, 0] > 15)
    if grey.sum() < 2:
        raise InputError(f"{grey.sum()} of the patches are grey, needed are 2 to find white with")
    weight = xyz[grey, 1]
    neutral = weight @ camera[grey] / (weight @ weight)
    for _ in range(3):
        forward = fitted(camera / neutral, xyz, 1)
        expected = xyz[grey] @ np.linalg.inv(forward).T
        neutral = np.sum(camera[grey] * expected, axis=0) / np.sum(expected * expected, axis=0)
    return neutral


def _degree(balanced: Float64, xyz: Float64) -> tuple[int, dict[int, float]]:
    """The degree that predicts patches it was not fitted to, and the mean error of all degrees."""
    left_out = {degree: unseen_error(balanced, xyz, degree) for degree in DEGREES}
    kept = 1
    for degree in DEGREES[1:]:
        if left_out[degree] < BETTER * left_out[kept]:
            kept = degree
    return kept, left_out
