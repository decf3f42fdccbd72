# SPDX-License-Identifier: Apache-2.0
"""Lut: a table of colours from elsewhere, laid over the graded picture.

The picture is taken to the primaries and the code that the table was made for, goes through it, and comes
back to linear Display P3 (x: linear, t: table)::

    s = x · min(1, high / max(x)),   c = max(s, low)
    y = (t(c) + k · (s - c)) · max(1, max(x) / high),   k = min(1, span(t(c)) / span(c)),   span = max - min

Nothing is cut off.  Light above the table's white (a rendition for bright displays) reads the table at white
with its ratios kept and stays as much brighter as it was; mid-grey is the same in both renditions.  Colours
outside the table's primaries get back what lies outside, as far as the table keeps colours colourful: not at
all where it makes a picture black and white.

A table is named as ``name.cube#sha256``: a recipe says which one it was.  Without the number it is looked up
and written down.  The name is looked for where the program runs and in the user's folder of looks.

References
----------
[1] J. M. Kasson, W. Plouffe, S. I. Nin, "A tetrahedral interpolation technique for color space conversion",
    Proc. SPIE 1909, 1993.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.colour import P3, PROPHOTO, REC2020, SRGB, rgb_to_rgb
from lichtbild.base.errors import RecipeError
from lichtbild.base.home import home
from lichtbild.base.image import Float32, Scene
from lichtbild.base.params import Params, choice, knob, text
from lichtbild.base.spare import like
from lichtbild.base.stage import stage
from lichtbild.look.cube import parsed
from lichtbild.look.table import CURVES, Table, decode, fingerprint, gamma, read_bytes

PRIMARIES = {"p3": P3, "srgb": SRGB, "rec2020": REC2020, "prophoto": PROPHOTO}
_KINDS = {"linear": 0.0, "srgb": 1.0, "log": 3.0}  # of the kernel; 2: a power
_IMPORT = "`lichtbild looks import FILE` turns other tables into a look with a .cube"


@dataclass(frozen=True)
class Lut(Params):
    """Knobs of `lut`."""

    file: str = text("", "Table to use: name.cube, or name.cube#sha256; none if empty.")
    amount: float = knob(1.0, 0.0, 1.0, "", "How much of it.")
    encoding: str = choice("srgb", CURVES, "Code in which the table takes colours.")
    output: str = choice("srgb", CURVES, "Code in which the table gives colours.")
    primaries: str = choice("srgb", tuple(PRIMARIES), "Colours of the table's red, green and blue.")

    def __post_init__(self) -> None:
        """Check the knobs, and write down which table it is.

        Raises
        ------
        RecipeError
            No .cube, or not there.
        """
        super().__post_init__()
        if self.file and "#" not in self.file:
            object.__setattr__(self, "file", f"{self.file}#{fingerprint(found(self.file)[0])}")


@stage
def lut(scene: Scene, params: Lut = Lut()) -> Scene:
    """Lay a table of colours over the picture.

    Parameters
    ----------
    scene : Scene
        In ``picture``.
    params : Lut
        Which table, and what it was made for.

    Returns
    -------
    Scene
        In ``picture``; the same object where there is no table, or none of it.

    Raises
    ------
    StateError
        The scene is not in ``picture``.
    RecipeError, InputError
        The table is not there, is another one, or cannot be read.
    """
    scene.require("picture")
    if not params.file or params.amount == 0:
        return scene
    table = table_of(params.file)
    side, space = len(table.cube), PRIMARIES[params.primaries]
    cube = np.zeros((side, side, side, 4), np.float32)
    cube[..., :3] = table.cube
    shaper = np.empty((0, 3), np.float32) if table.shaper is None else table.shaper
    ends = decode(table.input_domain, params.encoding)
    out = like(scene.rgb)
    kernels.lut(
        scene.rgb,
        np.float32(np.stack([rgb_to_rgb(P3, space), rgb_to_rgb(space, P3)])),
        np.array([_curve(params.encoding), _curve(params.output)], np.float32),
        np.ascontiguousarray(shaper),
        cube,
        np.float32(np.concatenate([table.shaper_domain, table.domain])),
        _range(float(ends[0].max()), float(ends[1].min())),
        params.amount,
        out,
    )
    return replace(scene, rgb=out)


def _curve(name: str) -> tuple[float, float]:
    return _KINDS.get(name, 2.0), gamma(name)


def _range(low: float, high: float) -> Float32:
    """Linear light between which the table is asked: black … white of a table that goes far beyond."""
    return np.array([min(low, 0.0), max(high, 1e-3)], np.float32)


def table_of(name: str) -> Table:
    """The table that `Lut.file` names.

    Raises
    ------
    RecipeError
        No .cube, not there, or another one than its number says.
    InputError
        It cannot be read.
    """
    word, _, number = name.partition("#")
    content, path = found(word, number)
    return _table(content, str(path))


@lru_cache(maxsize=4)
def _table(content: bytes, where: str) -> Table:
    return parsed(content, where)


def found(word: str, number: str = "") -> tuple[bytes, Path]:
    """Content and place of the table `word`; of several, the one whose SHA-256 is `number`.

    Raises
    ------
    RecipeError
        No .cube, not there, or none of that number.
    """
    if not word.lower().endswith(".cube"):
        raise RecipeError(f"lut.file = {word!r} is no .cube file", hint=_IMPORT)
    places = [p for p in dict.fromkeys((Path(word).expanduser(), home() / "looks" / word)) if p.is_file()]
    if not places:
        raise RecipeError(
            f"lut.file = {word!r} is not there; looked here and in {home() / 'looks'}", hint=_IMPORT
        )
    contents = [(read_bytes(p), p) for p in places]
    for content, path in contents:
        if not number or fingerprint(content) == number.lower():
            return content, path
    raise RecipeError(
        f"lut.file = {word!r}: {places[0]} is another table than the recipe's: SHA-256 "
        f"{fingerprint(contents[0][0])[:12]}…, expected {number[:12]}…",
        hint="bring back the table the look was made with, or name this one without the # and its number",
    )
