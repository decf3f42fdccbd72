# SPDX-License-Identifier: Apache-2.0
"""Handshake: where the camera points at any moment while the frames are taken.

A hand drifts, trembles and turns.  Per axis the path is an Ornstein–Uhlenbeck drift, a random walk that is
pulled back, drawn at the rate of the frames and smooth between them (Catmull–Rom, for a hand has mass), plus
physiological tremor: not one sine, but a band of 8 to 12 Hz::

    p[i + 1] = a · p[i] + σ · √(1 − a²) · n,    a = 1 − 1 / (rate · τ)
    path(t)  = p(t) + A · √(2 / M) · Σ sin(2π fₘ t + φₘ),   fₘ = 8 … 12 Hz,  φₘ random

and the same without tremor for the rotation about the centre of the picture.  `Scatter` puts every frame
somewhere else, as the training sets of published burst methods do; `Trace` replays a recording.  A *pose*
maps a point of the first frame to where the same thing is in another one: ``q = R (p − c) + c + t``.

References
----------
[1] F. Gavant et al., "A physiological camera shake model for image stabilization systems", IEEE Sensors 2011.
[2] B. Mildenhall et al., "Burst denoising with kernel prediction networks", CVPR 2018: `jumps`.
[3] G. Bhat et al., "NTIRE 2021 challenge on burst super-resolution", CVPRW 2021: `wild`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.base.image import Triple
from lichtbild.base.params import nearest

Float64 = NDArray[np.float64]
RATE = 30.0  # frames per second
MEMORY = 0.4  # s: how long a drift lasts
BAND = (8.0, 12.0)  # Hz, of the tremor
TONES = 6  # sines in the band
FRAMES_AROUND = 2  # drift drawn before the first and after the last frame
COLUMNS = ("t_s", "y_px", "x_px", "roll_deg")
HINT = f"each line is {', '.join(COLUMNS)}; docs/concepts/simulator.md has an example"
SHORT = 1e-4  # s that a trace may be shorter than its burst
FARTHEST, STEEPEST = 2048.0, 45.0  # px and ° that a trace may go


class Route(Protocol):
    """Where the camera points: (y px, x px, clockwise turn °) some seconds after the middle of a frame."""

    def at(self, frame: int, seconds: float) -> Triple:
        """Position at a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a camera is held.

    ``drift`` (px) and ``turn`` (°) are standard deviations of the drift, ``tremor`` (px) that of the tremor.
    With ``reach`` (px, °) the whole path is scaled so that its farthest frame gets exactly there.  With
    ``scatter`` (px) or ``roll`` (°) every frame is somewhere else, evenly within these; some of them, as
    many as chance has it, within ``leap`` px.
    """

    drift: float = 0.0
    tremor: float = 0.0
    turn: float = 0.0
    reach: tuple[float, float] | None = None
    scatter: float = 0.0
    leap: float = 0.0
    roll: float = 0.0


HANDS = {
    "still": Handshake(),
    "steady": Handshake(0.6, 0.15, 0.01),
    "hand": Handshake(5.0, 0.3, 0.04),
    "shaky": Handshake(20.0, 0.4, 0.3, reach=(64.0, 1.0)),
    "jumps": Handshake(scatter=2.0, leap=16.0),
    "wild": Handshake(scatter=24.0, roll=1.0),
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


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A path that goes on between the frames."""

    drift: Float64  # "frames + 4, 3": from two frames before the first
    tones: Float64  # "tones 3": Hz, phase of y, phase of x
    tremor: float

    def at(self, frame: int, seconds: float) -> Triple:
        """Position at a moment."""
        time = frame + seconds * RATE
        i = min(max(math.floor(time), -1), len(self.drift) - 2 * FRAMES_AROUND - 1)
        t = time - i
        a, b, c, d = self.drift[i + FRAMES_AROUND - 1 : i + FRAMES_AROUND + 3]
        bend = a - 2.5 * b + 2 * c - 0.5 * d + t * (1.5 * (b - c) + 0.5 * (d - a))
        y, x, turn = (b + t * (0.5 * (c - a) + t * bend)).tolist()
        shake = [0.0, 0.0]
        for hz, *phases in self.tones.tolist():
            for axis, phase in enumerate(phases):
                shake[axis] += self.tremor * math.sin(2 * math.pi * hz * time / RATE + phase)
        return y + shake[0], x + shake[1], turn


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Every frame somewhere, and still while it is taken."""

    places: Float64  # "frames 3"

    def at(self, frame: int, seconds: float) -> Triple:
        """Position of the frame, whatever the moment."""
        y, x, turn = self.places[frame].tolist()
        return y, x, turn


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A recording, straight between its lines; its first line is the first moment of the burst."""

    lines: Float64  # "n 4": s, px, px, °
    lead: float  # s from the first moment to the middle of frame 0

    def at(self, frame: int, seconds: float) -> Triple:
        """Position at a moment."""
        time = self.lines[0, 0] + self.lead + frame / RATE + seconds
        y, x, turn = (float(np.interp(time, self.lines[:, 0], self.lines[:, k])) for k in (1, 2, 3))
        return y, x, turn


def route(hand: Handshake, frames: int, *, seed: int) -> Route:
    """A path of this hand: another seed, another path."""
    random = np.random.Generator(np.random.Philox(key=[seed, 0x68616E64]))
    if hand.scatter or hand.roll:
        return scattered(hand, frames, random)
    drift = np.stack([drifted(random, frames + 2 * FRAMES_AROUND) for _ in range(3)], axis=1)
    drift *= (hand.drift, hand.drift, hand.turn)
    low, high = BAND
    hz = low + (high - low) * (np.arange(TONES) + random.random(TONES)) / TONES
    tones = np.stack([hz, *(random.uniform(0, 2 * math.pi, TONES) for _ in range(2))], axis=1)
    made = Hand(drift, tones, hand.tremor * math.sqrt(2 / TONES))
    if not hand.reach or frames < 2:
        return made
    places = np.array([made.at(i, 0.0) for i in range(frames)])
    away = places - places[0]
    far = hand.reach[0] / np.sqrt(away[:, 0] * away[:, 0] + away[:, 1] * away[:, 1]).max()
    turn = hand.reach[1] / np.abs(away[:, 2]).max()
    return Hand(drift * (far, far, turn), tones, made.tremor * far)


def scattered(hand: Handshake, frames: int, random: np.random.Generator) -> Scatter:
    """Frames all over the place, the first in the middle; a leap has the chance Poisson(1.5) / 8."""
    u, often, chance = random.random(), 0, math.exp(-1.5)
    while u > chance and often < 8:
        u, often = u - chance, often + 1
        chance *= 1.5 / often
    places = np.zeros((frames, 3))
    for place in places[1:]:
        reach = hand.leap if hand.leap and random.random() < often / 8 else hand.scatter
        place[:] = random.uniform(-1, 1, 3) * (reach, reach, hand.roll)
    return Scatter(places)


def drifted(random: np.random.Generator, count: int) -> Float64:
    """An Ornstein–Uhlenbeck path of unit variance."""
    a = 1 - 1 / (RATE * MEMORY)
    kicks = random.standard_normal(count)
    path = np.empty(count)
    path[0] = kicks[0]
    for i in range(1, count):
        path[i] = a * path[i - 1] + math.sqrt(1 - a * a) * kicks[i]
    return path


def read_trace(path: Path | str, *, seconds: float, lead: float) -> Trace:
    """A recording from a CSV file with the columns t_s, y_px, x_px, roll_deg; a line of names may come first.

    Parameters
    ----------
    path : Path or str
        The file; empty lines and lines that begin with ``#`` are skipped.
    seconds : float
        How long the burst lasts.
    lead : float
        From the first moment of the burst to the middle of its first frame.

    Raises
    ------
    InputError
        The file cannot be read, a line is wrong, or the recording is shorter than the burst.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint=HINT) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text: {error}", hint=HINT) from error
    lines = np.array(list(traced(path, text)), np.float64).reshape(-1, 4)
    if len(lines) < 2:
        raise InputError(f"{path} has {len(lines)} lines; a trace has two or more", hint=HINT)
    lasts = float(lines[-1, 0] - lines[0, 0])
    if lasts < seconds - SHORT:
        raise InputError(
            f"{path}: the trace lasts {lasts:.3f} s, the burst {seconds:.3f} s", hint="fewer frames fit"
        )
    return Trace(lines, lead)


def traced(path: Path | str, text: str) -> Iterable[tuple[float, ...]]:
    """The lines of a trace.

    Raises
    ------
    InputError
        With the number of the line that is wrong.
    """
    before, started = -math.inf, False
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [c.strip() for c in line.split(",")]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        names, started = not started and tuple(c.lower() for c in cells) == COLUMNS, True
        if names:
            continue
        try:
            values = tuple(float(c) for c in cells)
        except ValueError:
            values = ()
        where = f"{path}:{number}: {line.strip()!r}"
        if len(values) != 4 or not all(map(math.isfinite, values)):
            raise InputError(
                f"{where} is no line of a trace; give {', '.join(COLUMNS)} as numbers", hint=HINT
            )
        if values[0] <= before:
            raise InputError(f"{where}: t_s must grow from line to line; before it was {before:g}", hint=HINT)
        if max(abs(values[1]), abs(values[2])) > FARTHEST or abs(values[3]) > STEEPEST:
            raise InputError(
                f"{where} goes too far; allowed is ±{FARTHEST:g} px and ±{STEEPEST:g}°", hint=HINT
            )
        before = values[0]
        yield values
