# SPDX-License-Identifier: Apache-2.0
"""Distortion: where the lens puts a point, where a pixel looks, and the opcode that tells a raw converter.

`bent` is the law of `lens`; `straightened` solves it by Newton's method.  Pixels are rendered through a grid
of solutions with cubic pieces between them, which are right to about a ten-thousandth of a pixel.  Only
+ − × ÷ are used, so that no mathematics library decides where a pixel looks.
"""

from __future__ import annotations

import struct

import numpy as np

from lichtbild.base.image import Opcode
from lichtbild.simulate.lens import Float64, Lens, corner

STEPS = 10  # of Newton's method; five reach the last bit
Points = tuple[Float64, Float64]  # y, x


def bent(lens: Lens, y: Float64, x: Float64, *, plane: int, size: tuple[int, int]) -> Points:
    """Where the lens puts what an ideal one would put at (y, x), in pixels of the frame.

    Parameters
    ----------
    lens : Lens
        Which one.
    y, x : Float64
        Positions, of one shape or broadcast.
    plane : int
        Colour, 0 … 2.
    size : tuple of int
        (height, width) of the frame.
    """
    (cy, cx), m = _axis(size), corner(size)
    v, u = (y - cy) / m, (x - cx) / m
    f, _ = _factor(lens, v * v + u * u, plane)
    (p1, p2), r2 = lens.p, v * v + u * u
    return (
        cy + m * (f * v + p1 * (r2 + 2 * v * v) + 2 * p2 * v * u),
        cx + m * (f * u + 2 * p1 * v * u + p2 * (r2 + 2 * u * u)),
    )


def straightened(lens: Lens, y: Float64, x: Float64, *, plane: int, size: tuple[int, int]) -> Points:
    """Where an ideal lens would put what this one puts at (y, x): undoes `bent`."""
    if lens.straight:
        return y, x
    (cy, cx), m = _axis(size), corner(size)
    y, x = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(x, np.float64))
    goal_v, goal_u = (y - cy) / m, (x - cx) / m
    v, u = goal_v, goal_u
    p1, p2 = lens.p
    for _ in range(STEPS):
        r2 = v * v + u * u
        f, slope = _factor(lens, r2, plane)
        off_v = f * v + p1 * (r2 + 2 * v * v) + 2 * p2 * v * u - goal_v
        off_u = f * u + 2 * p1 * v * u + p2 * (r2 + 2 * u * u) - goal_u
        vv = f + 2 * v * v * slope + 6 * p1 * v + 2 * p2 * u
        uu = f + 2 * u * u * slope + 2 * p1 * v + 6 * p2 * u
        vu = 2 * v * u * slope + 2 * p1 * u + 2 * p2 * v
        det = vv * uu - vu * vu
        v, u = v - (uu * off_v - vu * off_u) / det, u - (vv * off_u - vu * off_v) / det
    return cy + m * v, cx + m * u


def _axis(size: tuple[int, int]) -> tuple[float, float]:
    return (size[0] - 1) / 2, (size[1] - 1) / 2


def _factor(lens: Lens, r2: Float64, plane: int) -> tuple[Float64, Float64]:
    """Factor f of the place, and df/d(r²)."""
    a, b, c, d = lens.warp(plane)
    return a + r2 * (b + r2 * (c + r2 * d)), b + r2 * (2 * c + r2 * 3 * d)


def nodes(lens: Lens, size: tuple[int, int]) -> tuple[Float64, int]:
    """What the lens adds to a pixel's position before it looks at the scene, on a grid.

    Returns
    -------
    tuple of (Float64 "sets rows columns 2", int)
        (y, x) in pixels at every `step`-th pixel from ``-step`` to beyond the frame, and that step; one set,
        or one a colour where the lens has lateral colour; no sets where it is straight.
    """
    step = 16 if corner(size) >= 640 else 4
    if lens.straight:
        return np.zeros((0, 0, 0, 2)), step
    y, x = (np.arange(-1, -(-n // step) + 2, dtype=np.float64) * step for n in size)
    y, x = np.broadcast_arrays(y[:, None], x[None, :])
    made = []
    for plane in (0, 1, 2) if lens.coloured else (1,):
        sy, sx = straightened(lens, y, x, plane=plane, size=size)
        made.append(np.stack([sy - y, sx - x], axis=-1))
    return np.ascontiguousarray(np.stack(made)), step


def warp_opcode(lens: Lens) -> tuple[Opcode, ...]:
    """WarpRectilinear for OpcodeList3 (DNG 1.6, opcode 1); nothing where the lens is straight."""
    if lens.straight:
        return ()
    sets = [(*lens.warp(c), *lens.p) for c in ((0, 1, 2) if lens.coloured else (1,))]
    flat = [v for row in sets for v in row]
    payload = struct.pack(f">I{len(flat)}d2d", len(sets), *flat, 0.5, 0.5)
    raw = struct.pack(">4I", 1, 0x01030000, 1, len(payload)) + payload
    values = {"coefficients": np.array(sets, np.float64), "centre": (0.5, 0.5)}
    return (Opcode("WarpRectilinear", True, values, raw),)
