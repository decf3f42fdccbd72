# SPDX-License-Identifier: Apache-2.0
"""Handshake: where the camera points while the frames are taken.

A hand drifts, trembles and turns.  Per axis the path is an Ornstein–Uhlenbeck drift (a random walk that is
pulled back, with a 1/f² spectrum at the frame rate) plus a 10 Hz tremor::

    p(t + dt) = a · p(t) + σ · √(1 − a²) · n,    a = 1 − dt / τ
    path(t)   = p(t) + A · sin(2π · 10 Hz · t + φ)

and the same without tremor for the rotation about the centre of the picture.  A *pose* maps a point of the
first frame to where the same thing is in another one: ``q = R (p − c) + c + t``.

References
----------
[1] F. Gavant et al., "A physiological camera shake model for image stabilization systems", IEEE Sensors 2011.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.params import nearest

Float64 = NDArray[np.float64]
RATE = 30.0  # frames per second
MEMORY = 0.4  # s: how long a drift lasts


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a camera is held.

    ``drift`` (px) and ``turn`` (°) are standard deviations of the drift, ``tremor`` (px) the amplitude at 10
    Hz.  With ``reach`` (px, °) the whole path is scaled so that its farthest frame gets exactly there.
    """

    drift: float
    tremor: float
    turn: float
    reach: tuple[float, float] | None = None


HANDS = {
    "still": Handshake(0.0, 0.0, 0.0),
    "steady": Handshake(0.6, 0.2, 0.01),
    "hand": Handshake(5.0, 0.4, 0.04),
    "shaky": Handshake(20.0, 0.5, 0.3, reach=(64.0, 1.0)),
}


def known_hand(name: str) -> Handshake:
    """The preset of that name.

    Raises
    ------
    InputError
        There is none.
    """
    if name not in HANDS:
        raise InputError(f"shake = {name!r} is not one of {', '.join(HANDS)}{nearest(name, HANDS)}")
    return HANDS[name]


def drift(random: np.random.Generator, count: int) -> Float64:
    """An Ornstein–Uhlenbeck path of unit variance."""
    a = 1 - 1 / (RATE * MEMORY)
    kicks = random.standard_normal(count)
    path = np.empty(count)
    path[0] = kicks[0]
    for i in range(1, count):
        path[i] = a * path[i - 1] + math.sqrt(1 - a * a) * kicks[i]
    return path


def poses(hand: Handshake, size: tuple[int, int], frames: int, *, seed: int) -> Float64:
    """Poses of all frames relative to the first.

    Parameters
    ----------
    hand : Handshake
        How the camera is held.
    size : tuple of int
        (height, width) in pixels.
    frames : int
        How many.
    seed : int
        Another seed, another path.

    Returns
    -------
    Float64 "frames 2 3"
        ``pose @ (y, x, 1)`` is the position (y, x) in the frame of what is at (y, x) in the first.  Rounded
        to 2⁻³⁰, so that no mathematics library decides the last bit.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, 0x68616E64]))
    y, x, turn = (drift(random, frames) for _ in range(3))
    phase = random.uniform(0, 2 * math.pi, 2)
    shake = [[math.sin(2 * math.pi * 10 / RATE * 1.013 * i + p) for i in range(frames)] for p in phase]
    y, x = (
        hand.drift * y + hand.tremor * np.array(shake[0]),
        hand.drift * x + hand.tremor * np.array(shake[1]),
    )
    y, x, turn = y - y[0], x - x[0], hand.turn * (turn - turn[0])
    if hand.reach and frames > 1:
        far = hand.reach[0] / np.sqrt(y * y + x * x).max()
        y, x, turn = y * far, x * far, turn * (hand.reach[1] / np.abs(turn).max())
    cy, cx = (size[0] - 1) / 2, (size[1] - 1) / 2
    made = np.empty((frames, 2, 3))
    for i in range(frames):
        c, s = math.cos(math.radians(turn[i])), math.sin(math.radians(turn[i]))
        made[i] = [[c, s, cy - c * cy - s * cx + y[i]], [-s, c, cx + s * cy - c * cx + x[i]]]
    return rounded(made)


def rounded(matrix: Float64) -> Float64:
    """`matrix` to the nearest multiple of 2⁻³⁰."""
    return np.rint(matrix * 2.0**30) / 2.0**30


def after(second: Float64, first: Float64) -> Float64:
    """The 2×3 map that applies `first` and then `second`."""
    made = np.empty((2, 3))
    made[:, :2] = [
        [second[i, 0] * first[0, j] + second[i, 1] * first[1, j] for j in range(2)] for i in range(2)
    ]
    made[:, 2] = [second[i, 0] * first[0, 2] + second[i, 1] * first[1, 2] + second[i, 2] for i in range(2)]
    return made


def inverse(matrix: Float64) -> Float64:
    """The map that undoes the 2×3 map `matrix`."""
    (a, b, t), (c, d, u) = matrix.tolist()
    det = a * d - b * c
    return np.array([[d, -b, b * u - d * t], [-c, a, c * t - a * u]]) / det
