# SPDX-License-Identifier: Apache-2.0
"""A burst with known truth: scene, handshake, lens and sensor joined.

`burst` gives what a camera would have recorded and what was really there; `write` leaves both in a folder,
the burst as DNG files that are read like any photographer's, the truth as ``truth.npz`` and ``truth.json``
beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import Burst, RawFrame
from lichtbild.base.params import nearest
from lichtbild.simulate.camera import camera
from lichtbild.simulate.cfa import CFA
from lichtbild.simulate.charts import chart
from lichtbild.simulate.files import SUFFIXES, picture_scene
from lichtbild.simulate.filters import Filters
from lichtbild.simulate.handshake import RATE, Route, known_hand, read_trace, route
from lichtbild.simulate.leaves import leaves
from lichtbild.simulate.lens import Lens
from lichtbild.simulate.motion import EXPOSURE, Timing
from lichtbild.simulate.room import room
from lichtbild.simulate.scene import Scene
from lichtbild.simulate.sensor import Sensor, expose
from lichtbild.simulate.stand import Held, stand
from lichtbild.simulate.truth import Truth, truth_of

SCENES: Mapping[str, Callable[[float, int], Scene]] = {"room": room, "leaves": leaves, "chart": chart}
START = datetime(2025, 9, 21, 18, 52, 7)
MOST_BLUR = 64


def burst(
    scene: str | Path | Scene = "room",
    *,
    size: tuple[int, int] = (2448, 3264),
    frames: int = 8,
    iso: float = 400,
    seed: int = 1,
    shake: str = "hand",
    trace: Path | str | None = None,
    readout: float = 0.0,
    blur: int = 1,
    cfa: str | CFA = "rggb",
    pattern: tuple[int, int, int, int] | None = None,
    sensor: str | Sensor = "phone",
    lens: str | Path | Lens = "phone",
    filters: str | Path | Filters = "",
    light: str = "D65",
    reference: int = 0,
    exposures: Sequence[float] = (0.0,),
) -> tuple[Burst, Truth]:
    """Take a burst of a made-up scene with a made-up camera.

    Parameters
    ----------
    scene : {"room", "leaves", "chart"}, Path or Scene
        What to photograph: one of these, a picture file, or a scene of your own.
    size : tuple of int
        (height, width) of the sensor in pixels, even, at least 64.
    frames : int
        How many.
    iso : float
        Sensitivity; it sets the noise, the exposure is the scene's own.
    seed : int
        Details of the scene, path of the hand, noise.  The same seed gives the same bytes.
    shake : {"still", "steady", "hand", "shaky", "jumps", "wild"}
        How the camera is held.
    trace : Path or str, optional
        A recording of a hand that is replayed instead: CSV with t_s, y_px, x_px, roll_deg.
    readout : float
        Seconds from the first row to the last, up to the time from frame to frame; 0 is a global shutter.
    blur : int
        Moments of the exposure that are averaged; 1 is none.
    cfa : str or CFA
        Colour filter array, one of `lichtbild.simulate.cfa.CFAS`.
    pattern : tuple of int, optional
        A Bayer array instead, by the colours of its 2×2 cell: 0 red, 1 green, 2 blue.
    sensor : str or Sensor
        Noise and levels.
    lens : str, Path or Lens
        One of `lichtbild.simulate.lens.LENSES`, or a TOML file.
    filters : str, Path or Filters
        Spectral sensitivities; empty: those that belong to the CFA.
    light : str
        The illuminant of the scene.
    reference : int
        The frame on whose grid the truth is, in light of 0 EV.
    exposures : sequence of float
        EV of the frames in turn, −12 … 6: (0, −2, −4) is a bracket.  The files say it as their time; blur
        stays that of 0 EV.

    Returns
    -------
    tuple of (Burst, Truth)
        What the camera recorded and what was there.

    Raises
    ------
    InputError
        A name is unknown or a number out of range.
    """
    made = camera(size, iso, cfa=pattern or cfa, sensor=sensor, lens=lens, filters=filters, light=light)
    check(frames, reference, seed, (readout, blur))
    steps = steps_of(exposures, frames)
    timing = Timing(readout, blur)
    shown, name = scene_of(scene, size[1] / size[0], seed)
    held = Held(size, made.lens, path_of(trace, shake, frames, timing=timing, seed=seed), timing, frames)
    there = stand(shown, held, made.matrix(), seed=seed)
    first, gains, cell = made.shot(shown.white), made.gains(), made.cfa.cell
    taken = []
    for i in range(frames):
        seen = there.light(i, cell)
        if steps[i] != 1:
            seen *= np.float32(steps[i])
        dn = expose(seen, gains, made.sensor, seed=seed, frame=i, cell=cell)
        when, lasted = START + timedelta(microseconds=round(i * 1e6 / RATE)), EXPOSURE * steps[i]
        path = Path(f"frame_{i:03d}.dng")
        taken.append(RawFrame(dn, replace(first, path=path, time=when, exposure_time=lasted)))
    facts = {
        "scene": name,
        "seed": seed,
        "shake": str(trace or shake),
        "readout": readout,
        "blur": blur,
        "exposures": steps,
        **made.facts(),
        "neutral": list(first.neutral or ()),
    }
    return Burst(tuple(taken)), truth_of(there, reference, shown.chart, facts)


def check(frames: int, reference: int, seed: int, timing: tuple[float, int]) -> None:
    """Refuse what cannot be simulated.

    Raises
    ------
    InputError
        With the first thing that is wrong.
    """
    readout, blur = timing
    if not 1 <= frames <= 64:
        raise InputError(f"frames = {frames} is out of range; allowed is 1 … 64")
    if not 0 <= reference < frames:
        raise InputError(f"reference = {reference} is out of range; allowed is 0 … {frames - 1}")
    if not 0 <= seed < 2**63:
        raise InputError(f"seed = {seed} is out of range; allowed is 0 … 2⁶³ - 1")
    if not 0 <= readout <= 1 / RATE:
        raise InputError(f"readout = {readout:g} s is out of range; allowed is 0 … {1 / RATE:.4f} s")
    if not 1 <= blur <= MOST_BLUR:
        raise InputError(f"blur = {blur} is out of range; allowed is 1 … {MOST_BLUR} moments")


def steps_of(exposures: Sequence[float], frames: int) -> list[float]:
    """Light of every frame, 1 at 0 EV: `exposures` (EV) in turn.

    Raises
    ------
    InputError
        There are none, or one is out of range.
    """
    if not exposures or not all(-12 <= ev <= 6 for ev in exposures):
        said = ", ".join(f"{ev:g}" for ev in exposures) or "none"
        raise InputError(f"exposures = {said}; allowed is −12 … 6 EV, at least one")
    return [2.0 ** exposures[i % len(exposures)] for i in range(frames)]


def scene_of(scene: str | Path | Scene, aspect: float, seed: int) -> tuple[Scene, str]:
    """The scene and what it is called.

    Raises
    ------
    InputError
        No scene has this name, and no picture can be read there.
    """
    if isinstance(scene, Scene):
        return scene, scene.chart.chart.name if scene.chart else "own"
    if str(scene) in SCENES:
        return SCENES[str(scene)](aspect, seed), str(scene)
    if Path(scene).suffix.lower() in SUFFIXES or Path(scene).exists():
        return picture_scene(scene), str(scene)
    raise InputError(
        f"scene = {str(scene)!r} is not one of {', '.join(SCENES)}, and no file{nearest(str(scene), SCENES)}"
    )


def path_of(trace: Path | str | None, shake: str, frames: int, *, timing: Timing, seed: int) -> Route:
    """Where the camera points: as recorded, or as a hand of this kind would hold it."""
    if trace is not None:
        return read_trace(trace, seconds=timing.lasts(frames), lead=timing.lead)
    return route(known_hand(shake), frames, seed=seed)
