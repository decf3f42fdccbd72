# SPDX-License-Identifier: Apache-2.0
"""Even patches in rows and columns, wherever they are in a picture.

Where neighbouring pixels differ by less than a threshold, a picture is flat.  A connected flat part whose
area is that of the parallelogram with its moments, A = 12·√det(covariance), is a patch (a disk would have
4π).  From a patch and two neighbours in different directions a lattice grows: each further patch is looked
for where the steps between those already known point to, so that perspective and barrel distortion may bend
the rows.
"""

from __future__ import annotations

import numpy as np

from lichtbild.base.image import Float32
from lichtbild.quality.finding.regions import Parts, Small, parts

Lattice = dict[tuple[int, int], int]  # (row, column) → patch
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
NEAR = 0.28  # how far from its expected place a patch may be, in steps
SMALLEST = 30  # pixels of a patch in the small copy
THRESHOLDS = (0.03, 0.015, 0.06)  # of flatness, in units of the small copy's light


def patches(copy: Small, threshold: float) -> Parts:
    """The flat parts with the shape of a patch; ``centre`` in pixels of the small copy."""
    found = parts(_slope(copy.light) < threshold)
    a, b, c = found.spread.T
    root = np.sqrt(np.maximum(a * b - c * c, 1e-12))
    solid = found.area / (12 * root)
    long = (a + b) / (2 * root)  # 1 for a square, 1.25 for 2 : 1
    most = found.label.size / 25
    good = (found.area >= SMALLEST) & (found.area < most) & (solid > 0.86) & (solid < 1.1) & (long < 1.4)
    return Parts(found.label, found.area[good], found.centre[good], found.box[good], found.spread[good])


def _slope(light: Float32) -> Float32:
    """The largest difference between neighbours two pixels apart over all colours, after a mean of 3×3."""
    soft = light.copy()
    soft[1:-1] = (light[:-2] + light[1:-1] + light[2:]) / 3
    soft[:, 1:-1] = (soft[:, :-2] + soft[:, 1:-1] + soft[:, 2:]) / 3
    out = np.zeros(light.shape[:2], np.float32)
    down, across = np.abs(soft[2:] - soft[:-2]).max(axis=2), np.abs(soft[:, 2:] - soft[:, :-2]).max(axis=2)
    out[1:-1] = down
    out[:, 1:-1] = np.maximum(out[:, 1:-1], across)
    return out


def lattices(found: Parts, *, least: int = 10) -> list[Lattice]:
    """Lattices of at least so many patches, the largest first."""
    n = len(found.area)
    used = np.zeros(n, bool)
    out: list[Lattice] = []
    for first in np.argsort(-found.area, kind="stable"):
        if used[first]:
            continue
        grown = max(
            (_grown(found, int(first), pair) for pair in _pairs(found, int(first))), key=len, default={}
        )
        if len(grown) >= least:
            used[list(grown.values())] = True
            out.append(grown)
    return sorted(out, key=len, reverse=True)


def _pairs(found: Parts, first: int) -> list[tuple[int, int]]:
    """Neighbours of a patch in two directions."""
    side = np.sqrt(found.area[first])
    step = found.centre - found.centre[first]
    far = np.sqrt((step**2).sum(axis=1))
    alike = (found.area > 0.3 * found.area[first]) & (found.area < 3.3 * found.area[first])
    near = np.flatnonzero(alike & (far > 0.8 * side) & (far < 2.4 * side))
    near = near[np.argsort(far[near], kind="stable")][:6]
    out = []
    for k, a in enumerate(near):
        for b in near[k + 1 :]:
            sine = step[a, 0] * step[b, 1] - step[a, 1] * step[b, 0]
            if abs(sine) > 0.75 * far[a] * far[b] and 0.6 < far[a] / far[b] < 1.7:
                out.append((int(a), int(b)))
    return out


def _grown(found: Parts, first: int, pair: tuple[int, int]) -> Lattice:
    """The lattice that grows from a patch and its neighbours to the right and below."""
    at = found.centre
    lattice: Lattice = {(0, 0): first}
    taken = {first}
    steps = {(0, 0): (at[pair[1]] - at[first], at[pair[0]] - at[first])}  # one row, one column on
    queue = [(0, 0)]
    while queue:
        here = queue.pop(0)
        basis = steps[here]
        for dr, dc in STEPS:
            there = (here[0] + dr, here[1] + dc)
            if there in lattice or max(map(abs, there)) > 40:
                continue
            step = dr * basis[0] + dc * basis[1]
            far = np.sqrt(((at - at[lattice[here]] - step) ** 2).sum(axis=1))
            k = int(np.argmin(far))
            size = found.area[k] / found.area[lattice[here]]
            if far[k] < NEAR * np.sqrt(float(step @ step)) and k not in taken and 0.3 < size < 3.3:
                lattice[there] = k
                taken.add(k)
                real = (at[k] - at[lattice[here]]) * (dr + dc)
                rows, columns = basis
                steps[there] = (
                    (rows, 0.3 * columns + 0.7 * real) if dc else (0.3 * rows + 0.7 * real, columns)
                )
                queue.append(there)
    return lattice
