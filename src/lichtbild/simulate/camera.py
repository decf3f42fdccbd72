# SPDX-License-Identifier: Apache-2.0
"""A made-up camera: what every file of its bursts says, and how its parts are chosen by name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32, Noise, Shot, Triple
from lichtbild.simulate.cfa import CFA, CFAS, gain_maps, known_cfa
from lichtbild.simulate.distortion import warp_opcode
from lichtbild.simulate.filters import Filters, known_filters
from lichtbild.simulate.lens import Float64, Lens, known_lens
from lichtbild.simulate.motion import EXPOSURE
from lichtbild.simulate.optics import shading
from lichtbild.simulate.sensor import Sensor, known_sensor

OWN_FILTERS = {"RGB": "phone", "RYB": "ryyb", "M": "mono"}


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Lens, colour filters and sensor; ``light`` names the illuminant that scenes are in."""

    size: tuple[int, int]
    iso: float
    cfa: CFA
    sensor: Sensor
    lens: Lens
    filters: Filters
    light: str

    def matrix(self) -> Float64:
        """Scene light → camera planes, 3×3; white 1 gives 1 in plane 1."""
        return self.filters.matrix(self.light)

    def gains(self) -> Float32:
        """What undoes the fall-off of the lens, ``"3 v h"``."""
        return shading(self.lens, self.size)

    def neutral(self, white: Triple) -> Triple:
        """The camera's answer to scene light `white`, largest component 1."""
        seen = [sum(row[i] * white[i] for i in range(3)) for row in self.matrix().tolist()]
        r, g, b = (v / max(seen) for v in seen)
        return r, g, b

    def shot(self, white: Triple) -> Shot:
        """What every file of a burst says; `white` is the scene light it takes for neutral."""
        model = " ".join(["Simulated", *(w.capitalize() for w in self.sensor.name.split("-"))])
        name = f"lichtbild {model}"
        mono = self.cfa.planes == "M"
        first = Shot(
            path=Path(),
            size=self.size,
            black=np.full((2, 2), self.sensor.black, np.float32),
            white=self.sensor.white,
            make="lichtbild",
            model=model,
            unique=name,
            iso=self.iso,
            exposure_time=EXPOSURE,
            f_number=1.8,
            focal_length=5.6,
            subseconds=True,
            neutral=None if mono else self.neutral(white),
            noise=self.sensor.noise,
            colour=replace(self.filters.colour(), name=name),
            opcodes=((), gain_maps(self.gains(), self.cfa, self.size), warp_opcode(self.lens)),
        )
        return self.cfa.on(first)

    def facts(self) -> dict[str, object]:
        """What the truth says of the camera."""
        noise: Noise = self.sensor.noise
        return {
            "size": list(self.size),
            "iso": self.iso,
            "cfa": self.cfa.name,
            "cell": self.cfa.cell.tolist(),
            "planes": self.cfa.planes,
            "pattern": list(self.cfa.bayer or ()),
            "filters": self.filters.name,
            "light": self.light,
            "camera_from_scene": self.matrix().tolist(),
            "color_matrix": [m.tolist() for m in self.filters.colour().colour],
            "sensor": {k: v if v != math.inf else None for k, v in asdict(self.sensor).items()},
            "black": self.sensor.black,
            "white": self.sensor.white,
            "dn_per_electron": self.sensor.gain,
            "read_noise_dn": self.sensor.read,
            "electrons_at_white": self.sensor.electrons,
            "shot": noise.shot[0],
            "read": noise.read[0],
            "clip": min(1.0, self.sensor.gain * self.sensor.full_well / self.sensor.span),
            "lens": self.lens.facts(),
            "shading": self.gains().tolist(),
        }


def camera(
    size: tuple[int, int],
    iso: float,
    *,
    cfa: str | CFA | tuple[int, int, int, int],
    sensor: str | Sensor,
    lens: str | Path | Lens,
    filters: str | Path | Filters,
    light: str,
) -> Camera:
    """A camera from parts or their names; filters that are not named are those that the CFA needs.

    Raises
    ------
    InputError
        A name is unknown or a number out of range, or filters and CFA do not belong together.
    """
    if any(n % 2 or not 64 <= n <= 16384 for n in size):
        raise InputError(f"size = {size[0]} × {size[1]} is not allowed; each side is even, 64 … 16384 px")
    if not 25 <= iso <= 102400:
        raise InputError(f"iso = {iso:g} is out of range; allowed is 25 … 102400")
    array = cfa if isinstance(cfa, CFA) else of_pattern(cfa) if isinstance(cfa, tuple) else known_cfa(cfa)
    if not isinstance(filters, Filters):
        filters = known_filters(filters or OWN_FILTERS[array.planes])
    if filters.planes != array.planes:
        raise InputError(
            f"filters = {filters.name} are {filters.planes}, but cfa = {array.name} has {array.planes}",
            hint="leave filters out: the CFA has its own",
        )
    return Camera(
        size,
        iso,
        array,
        sensor if isinstance(sensor, Sensor) else known_sensor(sensor, iso),
        lens if isinstance(lens, Lens) else known_lens(lens),
        filters,
        light,
    )


def of_pattern(pattern: tuple[int, int, int, int]) -> CFA:
    """The Bayer array of a 2×2 pattern, row by row: 0 red, 1 green, 2 blue.

    Raises
    ------
    InputError
        It is none of the four.
    """
    for cfa in CFAS.values():
        if cfa.planes == "RGB" and cfa.bayer == tuple(pattern):
            return cfa
    raise InputError(f"pattern = {tuple(pattern)} is no Bayer pattern", hint="name a CFA: cfa = 'xtrans'")
