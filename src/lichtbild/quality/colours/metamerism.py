# SPDX-License-Identifier: Apache-2.0
"""The sensor metamerism index: how well any 3×3 matrix could make this camera see what people see.

18 surfaces under daylight D55, from 400 to 700 nm in steps of 10.  The camera's answers are divided by its
answer to white; the matrix M to XYZ keeps white (its last column is white minus the others) and has the
least mean ΔE*ab::

    index = 100 − 5.5 · mean ΔE*ab            100: one matrix is exact for every surface

The same matrix on 24 other surfaces tells the *floor* in ΔE00: what remains of the error of a calibrated
camera that has nothing but a matrix.

The surfaces are those of the standard; they come with the package colour-science (``lichtbild[lab]``), or
from the caller.

References
----------
[1] ISO 17321-1:2012, "Colour characterisation of digital still cameras", annex on the index.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import D50_XYZ, adaptation, delta_e, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.base.minimise import simplex
from lichtbild.base.spectra import light as known_light
from lichtbild.base.spectra import observer, resampled
from lichtbild.quality.result import Figure, Result, Swatch

Float64 = NDArray[np.float64]
GRID = slice(4, 65, 2)  # 400 … 700 nm by 10 of `base.spectra.WAVELENGTHS`
ISO, TWENTY_FOUR = "ISO 17321-1", "BabelColor Average"
PATCHES = 18


def surfaces(name: str = ISO) -> tuple[tuple[str, ...], Float64]:
    """Names and reflectances ``"24 81"`` of a chart as colour-science has it.

    Raises
    ------
    InputError
        The package is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says what else it could do if more were installed
            from colour import SDS_COLOURCHECKERS
    except ImportError as error:
        raise InputError(
            "the surfaces of the standard are not here: they are part of the package colour-science",
            hint="pip install 'lichtbild[lab]'",
        ) from error
    chart = SDS_COLOURCHECKERS[name]
    made = np.array([resampled(p.wavelengths, p.values) for p in chart.values()])
    return tuple(chart), made


def white_kept(camera: Float64, xyz: Float64, white: Float64) -> Float64:
    """The 3×3 matrix from camera ``"k 3"`` (white is 1, 1, 1) to XYZ ``"k 3"`` with the least mean ΔE*ab that
    takes white to `white`.
    """
    wanted = xyz_to_lab(xyz, white)

    def full(first: Float64) -> Float64:
        columns = first.reshape(3, 2)
        return np.column_stack([columns, white - columns.sum(axis=1)])

    def cost(first: Float64) -> float:
        found = xyz_to_lab(np.maximum(camera @ full(first).T, 1e-6), white)
        return float(np.linalg.norm(found - wanted, axis=1).mean())

    beyond = camera[:, :2] - camera[:, 2:]
    start = np.linalg.lstsq(beyond, xyz - camera[:, 2:] * white, rcond=None)[0].T
    return full(simplex(cost, start.ravel())[0])


def _seen(curves: Float64, reflectances: Float64, light: str) -> tuple[Float64, Float64, Float64]:
    """Camera over its white, XYZ, and the white, all on `GRID`."""
    power = known_light(light)[GRID]
    people, camera = (c[GRID] * power[:, None] for c in (observer(), curves))
    people = people / people[:, 1].sum()
    if not (camera.sum(axis=0) > 0).all():
        raise InputError("sensitivities: a colour sees nothing between 400 and 700 nm")
    on_grid = reflectances[:, GRID]
    return on_grid @ camera / camera.sum(axis=0), on_grid @ people, people.sum(axis=0)


def index(
    curves: ArrayLike,
    *,
    reflectances: ArrayLike | None = None,
    others: ArrayLike | None = None,
    where: str = "",
) -> Result:
    """The sensor metamerism index of spectral sensitivities, and the floor of a matrix.

    Parameters
    ----------
    curves : array_like "81 3"
        Sensitivity of red, green and blue at `base.spectra.WAVELENGTHS`; any scale.
    reflectances : array_like "18 81", optional
        Other surfaces for the index.
    others : array_like "k 81", optional
        Other surfaces for the floor.
    where : str
        What the figures are of, e.g. the name of the camera.

    Raises
    ------
    InputError
        A colour sees nothing; or colour-science is needed and not installed.
    """
    seen = np.asarray(curves, np.float64)
    names, chart = surfaces() if reflectances is None else ((), np.asarray(reflectances, np.float64))
    chart = chart[:PATCHES]
    camera, xyz, white = _seen(seen, chart, "D55")
    matrix = white_kept(camera, xyz, white)
    measured, wanted = camera @ matrix.T, xyz
    error = np.linalg.norm(xyz_to_lab(measured, white) - xyz_to_lab(wanted, white), axis=1)
    note = "" if reflectances is None else "not the surfaces of the standard"
    figures = [
        Figure("sensor metamerism index", 100 - 5.5 * float(error.mean()), "", where, 0, "higher", note),
        Figure("ΔE*ab of the best matrix, mean", float(error.mean()), "ΔE*ab", where, better="lower"),
        Figure("ΔE*ab of the best matrix, largest", float(error.max()), "ΔE*ab", where, better="lower"),
    ]
    second = surfaces(TWENTY_FOUR)[1] if others is None else np.asarray(others, np.float64)
    for light in ("D65", "A"):
        mean, largest = floor(seen, second, light)
        figures += [
            Figure(f"floor of a matrix under {light}, mean", mean, "ΔE00", where, better="lower"),
            Figure(f"floor of a matrix under {light}, largest", largest, "ΔE00", where, better="lower"),
        ]
    return Result(
        "colour",
        "sensor metamerism index",
        tuple(figures),
        conditions={"light": "D55", "surfaces": f"{len(chart)}, 400 … 700 nm by 10", "observer": "CIE 1931"},
        swatches=_swatches(names or tuple(map(str, range(1, 99))), measured, wanted, white),
    )


def floor(curves: Float64, reflectances: Float64, light: str = "D65") -> tuple[float, float]:
    """Mean and largest ΔE00 of surfaces ``"k 81"`` by the best matrix that keeps white."""
    camera, xyz, white = _seen(curves, reflectances, light)
    found = np.maximum(camera @ white_kept(camera, xyz, white).T, 1e-6)
    error = delta_e(xyz_to_lab(found, white), xyz_to_lab(xyz, white))
    return float(error.mean()), float(error.max())


def _swatches(
    names: tuple[str, ...], measured: Float64, wanted: Float64, white: Float64
) -> tuple[Swatch, ...]:
    to_d50 = adaptation(white, D50_XYZ).T
    a, b = xyz_to_lab(measured @ to_d50), xyz_to_lab(wanted @ to_d50)
    return tuple(
        Swatch(name, (p[0], p[1], p[2]), (q[0], q[1], q[2]), float(e))
        for name, p, q, e in zip(names, a.tolist(), b.tolist(), delta_e(a, b), strict=False)
    )
