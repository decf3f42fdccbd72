# SPDX-License-Identifier: Apache-2.0
"""A burst with known truth: scene, handshake, lens and sensor joined.

`burst` gives what a camera would have recorded and what was really there; `write` leaves both in a folder,
the burst as DNG files that are read like any photographer's, the truth as ``truth.npz`` and ``truth.json``
beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import RGGB, Burst, CameraColour, RawFrame, Shot, Triple
from lichtbild.base.params import nearest
from lichtbild.simulate.charts import chart
from lichtbild.simulate.handshake import RATE, Float64, after, inverse, known_hand, poses, rounded
from lichtbild.simulate.leaves import leaves
from lichtbild.simulate.lens import (
    colour_matrix,
    covered,
    gain_maps,
    mosaic,
    picture,
    project,
    response,
    seen,
    shading,
    to_canvas,
)
from lichtbild.simulate.room import room
from lichtbild.simulate.scene import Canvas, Layer, Scene, draw
from lichtbild.simulate.sensor import Sensor, expose, phone
from lichtbild.simulate.truth import Truth

SCENES: Mapping[str, Callable[[float, int], Scene]] = {"room": room, "leaves": leaves, "chart": chart}
START = datetime(2025, 9, 21, 18, 52, 7)


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """The projected scene, and where the camera points: ``poses`` map the grid of frame 0 to each frame."""

    static: Canvas
    poses: Float64
    reference: int
    size: tuple[int, int]

    def canvas(self, frame: int) -> Float64:
        """Pixel of `frame` → pixel of the canvas."""
        return after(to_canvas(self.static.margin), inverse(self.poses[frame]))

    def layers(self, frame: int) -> tuple[tuple[Layer, Float64], ...]:
        """The moving layers, each with the map from a pixel of `frame` to its own."""
        return tuple(
            (m, after(inverse(m.motion.forth(frame)), self.canvas(frame))) for m in self.static.layers
        )

    def pose(self, frame: int) -> Float64:
        """Where resting points go from the reference to `frame`."""
        return after(inverse(self.canvas(frame)), self.canvas(self.reference))

    def layer_poses(self, frame: int) -> list[Float64]:
        """Where the points of each layer go from the reference to `frame`."""
        there, back = inverse(self.canvas(frame)), self.canvas(self.reference)
        return [
            after(after(there, m.motion.forth(frame)), after(inverse(m.motion.forth(self.reference)), back))
            for m in self.static.layers
        ]


def burst(
    scene_name: str = "room",
    *,
    size: tuple[int, int] = (2448, 3264),
    frames: int = 8,
    iso: float = 400,
    seed: int = 1,
    shake: str = "hand",
    pattern: tuple[int, int, int, int] = RGGB,
    reference: int = 0,
) -> tuple[Burst, Truth]:
    """Take a burst of a made-up scene with a made-up phone.

    Parameters
    ----------
    scene_name : {"room", "leaves", "chart"}
        What to photograph.
    size : tuple of int
        (height, width) of the sensor in pixels, even, at least 64.
    frames : int
        How many.
    iso : float
        Sensitivity; it sets the noise, the exposure is the scene's own.
    seed : int
        Details of the scene, path of the hand, noise.  The same seed gives the same bytes.
    shake : {"still", "steady", "hand", "shaky"}
        How the phone is held.
    pattern : tuple of int
        Colours of the 2×2 cell at the top left: 0 red, 1 green, 2 blue.
    reference : int
        The frame on whose grid the truth is.

    Returns
    -------
    tuple of (Burst, Truth)
        What the camera recorded and what was there.

    Raises
    ------
    InputError
        A name is unknown or a number out of range.
    """
    check(scene_name, size, frames, iso, reference)
    path = poses(known_hand(shake), size, frames, seed=seed)
    scene = SCENES[scene_name](size[1] / size[0], seed)
    stand = Stand(
        exposed(draw(scene, size, margin(path, size), seed=seed), scene.exposure), path, reference, size
    )
    sensor, gains = phone(iso), shading(pattern)
    first = replace(shot(sensor, gains, pattern, size), iso=iso, neutral=neutral(scene.white))
    taken = []
    for i in range(frames):
        light = mosaic(stand.static.light, stand.layers(i), stand.canvas(i), pattern, size)
        dn = expose(light, gains, sensor, seed=seed, frame=i)
        when = START + timedelta(microseconds=round(i * 1e6 / RATE))
        taken.append(RawFrame(dn, replace(first, path=Path(f"frame_{i:03d}.dng"), time=when)))
    facts = {
        "scene": scene_name,
        "seed": seed,
        "iso": iso,
        "shake": shake,
        "pattern": list(pattern),
        "size": list(size),
        "black": sensor.black,
        "white": sensor.white,
        "dn_per_electron": sensor.gain,
        "read_noise_dn": sensor.read,
        "electrons_at_white": sensor.electrons,
        "shot": sensor.noise.shot[0],
        "read": sensor.noise.read[0],
        "clip": 1.0,
        "neutral": list(first.neutral or ()),
        "color_matrix": colour_matrix().tolist(),
    }
    return Burst(tuple(taken)), truth(stand, facts)


def check(scene_name: str, size: tuple[int, int], frames: int, iso: float, reference: int) -> None:
    """Refuse what cannot be simulated.

    Raises
    ------
    InputError
        With the first thing that is wrong.
    """
    if scene_name not in SCENES:
        raise InputError(
            f"scene = {scene_name!r} is not one of {', '.join(SCENES)}{nearest(scene_name, SCENES)}"
        )
    if any(n % 2 or not 64 <= n <= 16384 for n in size):
        raise InputError(f"size = {size[0]} × {size[1]} is not allowed; each side is even, 64 … 16384 px")
    if not 1 <= frames <= 64:
        raise InputError(f"frames = {frames} is out of range; allowed is 1 … 64")
    if not 25 <= iso <= 102400:
        raise InputError(f"iso = {iso:g} is out of range; allowed is 25 … 102400")
    if not 0 <= reference < frames:
        raise InputError(f"reference = {reference} is out of range; allowed is 0 … {frames - 1}")


def margin(path: Float64, size: tuple[int, int]) -> int:
    """Sensor pixels that the shaking frames see beyond the reference, and a few for the lens."""
    h, w = size
    corners = [(y, x) for y in (0, h - 1) for x in (0, w - 1)]
    back = [inverse(pose) for pose in path]
    far = max(
        abs(m[axis, 0] * y + m[axis, 1] * x + m[axis, 2] - (y, x)[axis])
        for m in back
        for y, x in corners
        for axis in (0, 1)
    )
    return 8 + math.ceil(far)


def exposed(canvas: Canvas, exposure: float) -> Canvas:
    """The canvas as lens and colour filters show it, 1 = full."""
    matrix = response() * exposure
    return Canvas(project(canvas.light, matrix), canvas.margin, tuple(seen(m, matrix) for m in canvas.layers))


def neutral(white: Triple) -> Triple:
    """The camera's answer to scene light `white`, largest component 1."""
    seen_white = [sum(row[i] * white[i] for i in range(3)) for row in response().tolist()]
    r, g, b = (v / max(seen_white) for v in seen_white)
    return r, g, b


def shot(
    sensor: Sensor, gains: np.ndarray, pattern: tuple[int, int, int, int], size: tuple[int, int]
) -> Shot:
    """What every file of the burst says."""
    return Shot(
        path=Path(),
        size=size,
        pattern=pattern,
        black=np.full((2, 2), sensor.black, np.float32),
        white=sensor.white,
        make="lichtbild",
        model="Simulated Phone",
        unique="lichtbild Simulated Phone",
        exposure_time=1 / 40,
        f_number=1.8,
        focal_length=5.6,
        subseconds=True,
        noise=sensor.noise,
        colour=CameraColour(illuminants=(21,), colour=(colour_matrix(),), name="lichtbild Simulated Phone"),
        opcodes=((), gain_maps(gains, size), ()),
    )


def truth(stand: Stand, facts: dict[str, object]) -> Truth:
    """What was there, on the grid of the reference."""
    size, reference, layers = stand.size, stand.reference, stand.static.layers
    here = stand.canvas(reference)
    frames = range(len(stand.poses))
    rgb = picture(stand.static.light, stand.layers(reference), here, size)
    there = [(m, after(inverse(m.motion.forth(i)), here)) for m in layers for i in frames]
    moving = (covered(there, size) > 0).astype(np.uint8)
    layer = np.zeros(size, np.uint8)
    for m, place in enumerate(stand.layers(reference)):
        layer[covered([place], size) > 0.5] = m + 1
    carried = np.array([stand.layer_poses(i) for i in frames]).reshape(len(frames), len(layers), 2, 3)
    resting = np.array([stand.pose(i) for i in frames])
    return Truth(rgb, rounded(resting), rounded(carried), layer, moving, {**facts, "reference": reference})
