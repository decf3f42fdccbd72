# SPDX-License-Identifier: Apache-2.0
"""Root polynomials from camera to XYZ, fitted in ΔE00.

All terms grow like light itself, so that the answer does not depend on exposure [1]::

    degree 1:  r g b                                      a 3×3 matrix
    degree 2:  and  √rg √gb √rb
    degree 3:  and the cube roots of  rgg gbb rbb grr bgg brr rgb

About each reference colour ΔE00² is a quadratic form of the difference in CIELAB; its root, `ellipsoids`,
makes the fit a smooth problem of least squares.  White is kept: the coefficients of blue follow from the
others.  A penalty of one (ΔE00)² for a coefficient of 1 keeps the extra terms from chasing noise.

References
----------
[1] G. D. Finlayson, M. Mackiewicz, A. Hurlbert, "Color correction using root-polynomial regression",
    IEEE Trans. Image Process. 24(5), 2015.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import D50_XYZ, delta_e, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.base.minimise import least_squares

Float64 = NDArray[np.float64]
DEGREES = (1, 2, 3)
RIDGE = 1.0
LOWEST = 1e-5  # XYZ
ALIKE = 1e-3  # smallest singular value of the camera values over the largest


def terms(balanced: Float64, degree: int) -> Float64:
    """The terms of balanced camera values ``"k 3"``: ``"k 3"``, ``"k 6"`` or ``"k 13"``."""
    r, g, b = np.maximum(balanced, 0.0).T if degree > 1 else balanced.T
    made = [r, g, b]
    if degree > 1:
        made += [np.sqrt(r * g), np.sqrt(g * b), np.sqrt(r * b)]
    if degree > 2:
        cubes = (r * g * g, g * b * b, r * b * b, g * r * r, b * g * g, b * r * r, r * g * b)
        made += [np.cbrt(c) for c in cubes]
    return np.stack(made, axis=1)


def fitted(balanced: Float64, xyz: Float64, degree: int) -> Float64:
    """The coefficients ``"3 n"`` of least ΔE00 from balanced camera values to XYZ D50, white to white.

    Raises
    ------
    InputError
        The camera does not tell three colours apart.
    """
    size = np.linalg.svd(balanced, compute_uv=False)
    if not size[-1] > ALIKE * size[0]:
        raise InputError(
            "red, green and blue of the camera (nearly) follow from each other: it tells no colours apart",
            hint="check the sensitivities, or that the raw file is of a colour sensor",
        )
    all_terms = terms(balanced, degree)
    n = all_terms.shape[1]
    free = [i for i in range(n) if i != 2]
    wanted = xyz_to_lab(xyz)
    roots = ellipsoids(wanted)
    penalty = np.full((3, n - 1), np.sqrt(RIDGE))
    penalty[:, :2] = 0.0

    def full(first: Float64) -> Float64:
        matrix = np.empty((3, n))
        matrix[:, free] = first.reshape(3, n - 1)
        matrix[:, 2] = D50_XYZ - matrix[:, free].sum(axis=1)
        return matrix

    blue = all_terms[:, 2:3]
    beyond = all_terms[:, free] - blue

    def residuals(first: Float64) -> Float64:
        apart = xyz_to_lab(np.maximum(all_terms @ full(first).T, LOWEST)) - wanted
        return np.concatenate([np.einsum("kij,kj->ki", roots, apart).ravel(), penalty.ravel() * first])

    def jacobian(first: Float64) -> Float64:
        slopes = roots @ _lab_slopes(np.maximum(all_terms @ full(first).T, LOWEST))
        by_colour = np.einsum("kic,kf->kicf", slopes, beyond).reshape(3 * len(beyond), -1)
        return np.concatenate([by_colour, np.diag(penalty.ravel())])

    start = np.zeros((3, n - 1))
    start[:, :2] = np.linalg.lstsq(beyond[:, :2], xyz - blue * D50_XYZ, rcond=None)[0].T
    return full(least_squares(residuals, start.ravel(), jacobian=jacobian))


def _lab_slopes(xyz: Float64) -> Float64:
    """How CIELAB changes with XYZ D50, ``"k 3 3"``."""
    share = xyz / D50_XYZ
    steep = (6 / 29) ** 3
    bend = np.where(share > steep, np.cbrt(np.maximum(share, steep)) ** -2 / 3, 1 / (3 * (6 / 29) ** 2))
    mixed = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
    return mixed * (bend / D50_XYZ)[:, None, :]


def ellipsoids(lab: Float64) -> Float64:
    """Roots of the form that ΔE00² is near each colour, ``"k 3 3"``: ΔE00 ≈ |root · (other − colour)|."""
    h = 0.05
    x, y, z = h * np.eye(3)
    by = np.stack([x, y, z, x + y, x - y, y + z, y - z, x + z, x - z])[:, None]
    square = (delta_e(lab, lab + by) ** 2 + delta_e(lab, lab - by) ** 2) / (2 * h * h)
    form = np.empty((len(lab), 3, 3))
    for i in range(3):
        j = (i + 1) % 3
        form[:, i, i] = square[i]
        form[:, i, j] = form[:, j, i] = (square[3 + 2 * i] - square[4 + 2 * i]) / 4
    size, axes = np.linalg.eigh(form)
    return np.sqrt(np.maximum(size, 1e-4))[:, :, None] * axes.transpose(0, 2, 1)


def unseen_error(balanced: Float64, xyz: Float64, degree: int) -> float:
    """Mean ΔE00 of colours predicted by fits to the others: one by one, or in tenths if they are many."""
    k = len(balanced)
    groups = np.arange(k) % (k if k <= 40 else 10)
    error = np.empty(k)
    for g in range(int(groups.max()) + 1):
        out = groups == g
        matrix = fitted(balanced[~out], xyz[~out], degree)
        found = np.maximum(terms(balanced[out], degree) @ matrix.T, LOWEST)
        error[out] = delta_e(xyz_to_lab(found), xyz_to_lab(xyz[out]))
    return float(error.mean())
