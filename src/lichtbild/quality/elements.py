# SPDX-License-Identifier: Apache-2.0
"""Which measurement an element of a chart asks for.

Sharpness, texture, geometry and flare are measured in linear light, in a processed photo after its tone curve
was undone; noise, tone and colour in the picture as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.quality.chart import Element, Found
from lichtbild.quality.colours import colour
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.quality.field import flare, geometry, shading
from lichtbild.quality.greys import noise, tone, visual_noise
from lichtbild.quality.greys.inside import inner_box
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Result
from lichtbild.quality.sharpness import resolution, star, texture
from lichtbild.quality.sharpness.slanted import Method

Reference = tuple[tuple[str, ...], NDArray[np.float64]]  # names and CIELAB D50 "n 3"
PLACED = ("edge", "star", "flat", "colours")  # kinds that a region alone describes
STAR_CYCLES = 144
MIDDLE = 0.4  # of an even field are left out at each side for its noise
INSIDE = 0.15  # of a patch are left out at each side: blur, and what the finder may be off
ROWS, COLUMNS, FILL = 4, 6, 0.7  # of the common chart of colours in a region


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a measurement has to look at: the pictures (repeats of the first), the first in linear light,
    every element that was found, how edges are measured, and the colours that the chart should have.
    """

    pictures: tuple[Picture, ...]
    linear: Picture
    every: tuple[Found, ...]
    method: Method = "iso2023"
    reference: Reference | None = None

    @property
    def first(self) -> Picture:
        """The picture that is measured where one is enough."""
        return self.pictures[0]

    def of(self, kind: str) -> tuple[Found, ...]:
        """All elements of a kind."""
        return tuple(f for f in self.every if f.element.kind == kind)


def edge(case: Case, found: Found) -> list[Result]:
    """One slanted edge, in every colour."""
    shot = case.first.shot
    channels = "Y" if shot is not None and shot.kind == "mono" else "RGBY"
    box = found.pixels()
    return [
        resolution.edge(case.linear, box, method=case.method, channels=channels, where=found.element.name)
    ]


def siemens(case: Case, found: Found) -> list[Result]:
    """A sinusoidal Siemens star."""
    facts = found.element.settings
    (v, u), radius = facts["centre"], facts["radius"]
    middle = found.at(v, u)
    rim = found.at([v - radius, v + radius, v, v], [u, u, u - radius, u + radius])
    reach = float(np.mean(np.hypot(*(rim - middle).T)))
    centre = float(middle[0]), float(middle[1])
    return [star.star(case.linear, centre, reach, cycles=facts["cycles"], where=found.element.name)]


def dead_leaves(case: Case, found: Found) -> list[Result]:
    """Dead leaves, with the even patches of their mean level for the noise."""
    facts = found.element.settings
    mean = (facts["low"] + facts["high"]) / 2
    flats = [f.pixels(0.06) for f in case.of("flat") if abs(f.element.settings.get("level", 0) - mean) < 0.02]
    return [texture.leaves(case.linear, found, flats=flats, where=found.element.name)]


def greys(case: Case, found: Found) -> list[Result]:
    """A grey ladder: tone, noise, and how noise is seen."""
    quads, luminance = found.quads(INSIDE), found.element.settings["luminance"]
    where = found.element.name
    return [
        tone.steps(case.first, quads, luminance, where=where),
        noise.patches(case.pictures, quads, luminance=luminance, where=where),
    ]


def even(case: Case, found: Found) -> list[Result]:
    """An even patch: its noise where no ladder tells more, and how noise is seen, once for all of them; an
    even field: its shading, and the noise of its middle.
    """
    flats = case.of("flat")
    if found is not flats[0]:
        return []
    field = found.chart == "flat"
    quads = np.array([f.quad(MIDDLE if field else INSIDE) for f in flats])
    where = "middle of the field" if field else "even greys"
    results = [shading.shading(case.linear)] if field else []
    if not (case.of("steps") or case.of("ladder")):
        results.append(noise.patches(case.pictures, quads, where=where))
    if case.first.space != "camera":
        results.append(visual_noise.visual_noise(case.first, quads, where=where))
    return results


def dots(case: Case, found: Found) -> list[Result]:
    """A grid of dots: distortion and lateral colour."""
    facts = found.element.settings
    places = facts["places"] if "places" in facts else found.at(*np.array(facts["centres"]).T)
    grid = facts["rows"], facts["columns"]
    return [geometry.dots(case.linear, places, grid, where=found.element.name)]


def traps(case: Case, found: Found) -> list[Result]:
    """Black traps in white: flare."""
    black, white = (
        [
            inner_box(found.quad(INSIDE, box), case.first.size, f"{found.element.name}, {word[:-1]} {k + 1}")
            for k, box in enumerate(found.element.settings[word])
        ]
        for word in ("traps", "whites")
    )
    return [flare.flare(case.linear, black, white, where=found.element.name)]


def swatches(case: Case, found: Found) -> list[Result]:
    """Colour patches against what they should be."""
    facts = found.element.settings
    names, reference = case.reference or (facts["names"], np.array(facts["reference"]))
    if len(reference) != len(facts["boxes"]):
        raise InputError(
            f"the reference has {len(reference)} patches, {found.chart or 'the chart'} {len(facts['boxes'])}",
            hint="give a line for each patch, row by row from the top left",
        )
    where = found.element.name
    return [colour.patches(case.first, found.quads(), reference, names=names, where=where)]


MEASURES: Mapping[str, Callable[[Case, Found], Sequence[Result]]] = {
    "edge": edge,
    "star": siemens,
    "leaves": dead_leaves,
    "steps": greys,
    "ladder": greys,
    "flat": even,
    "colours": swatches,
    "dots": dots,
    "flare": traps,
}


def region(kind: str, box: tuple[int, int, int, int], number: int = 1) -> Found:
    """An element that a person points at instead of having it found.

    Parameters
    ----------
    kind : {"edge", "star", "flat", "colours"}
        What is in it: an edge, a star of 144 cycles that fills it, an even patch, 4 × 6 common patches.
    box : tuple of int
        top, left, bottom, right in pixels, the last two exclusive.
    number : int
        It is called after.

    Raises
    ------
    InputError
        The kind needs more than a place.
    """
    if kind not in PLACED:
        raise InputError(
            f"{kind!r} cannot be measured in a region alone; that is possible for {', '.join(PLACED)}",
            hint="print a chart with markers, `lichtbild simulate chart` makes them",
        )
    top, left, bottom, right = box
    h, w = bottom - top, right - left
    aspect = w / h
    settings: dict[str, object] = {}
    if kind == "star":
        radius = min(1.0, aspect) / 2
        settings = {"cycles": STAR_CYCLES, "centre": (0.5, aspect / 2), "radius": radius}
    if kind == "colours":
        gap = (1 - FILL) / 2
        boxes = tuple(
            (
                (j + gap) / ROWS,
                (i + gap) * aspect / COLUMNS,
                (j + 1 - gap) / ROWS,
                (i + 1 - gap) * aspect / COLUMNS,
            )
            for j in range(ROWS)
            for i in range(COLUMNS)
        )
        settings = {"reference": tuple(CLASSIC.values()), "names": tuple(CLASSIC), "boxes": boxes}
    element = Element(kind, f"{kind} {number}", (0.0, 0.0, 1.0, aspect), settings)  # type: ignore[arg-type]
    return Found(element, np.array([[h, 0, top - 0.5], [0, h, left - 0.5], [0, 0, 1.0]]))
