# SPDX-License-Identifier: Apache-2.0
"""The photo for ordinary and for bright displays: which files want which, and the recipe of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lichtbild.base.errors import ExportError
from lichtbild.pipeline import gains_of
from lichtbild.publish.photo import FORMATS, bits_of, rendition
from lichtbild.recipe import Recipe

STANDARD = ("none", "gainmap")  # both are the photo for ordinary displays


def renditions(photos: Sequence[Path], hdr: str, recipe: Recipe) -> dict[Path, str]:
    """What each file holds of the light beyond white: none, gainmap, pq or hlg.

    Parameters
    ----------
    photos : sequence of Path
        The photo, which must hold what `hdr` says, and its other files, which hold it if they can.
    hdr : str
        none, gainmap, pq, hlg, or auto: what the recipe's ``display.transfer`` says if it is pq or hlg; none
        where the profile makes the picture, which ends at white; else what suits the format.

    Raises
    ------
    ExportError
        The photo's format cannot hold it, or the recipe has no gain map where one is asked for.
    """
    flat = recipe.grade.headroom == 0 or gains_of(recipe).colours == "none"
    if flat and hdr == "gainmap":
        said = f"grade.headroom = {recipe.grade.headroom:g}, gainmap.colours = {gains_of(recipe).colours}"
        raise ExportError(
            f"{photos[0]}: --hdr gainmap, but by its recipe there is none ({said})",
            hint="--hdr none, or a look with light beyond white such as natural",
        )
    if hdr == "auto" and recipe.display.transfer != "srgb":
        hdr = recipe.display.transfer
    elif hdr == "auto" and recipe.rendering.by == "profile":
        hdr = "none"
    first, *others = photos
    kinds = {first: rendition(first, hdr)}
    for path in others:
        kinds[path] = hdr if hdr in FORMATS[path.suffix.lower()].holds else rendition(path)
    return {path: "none" if flat and kind == "gainmap" else kind for path, kind in kinds.items()}


def depth_for(path: Path, depth: int | None, transfer: str) -> int:
    """Bits of a sample in one of the other files: `depth` if it can have them, else what is usual."""
    try:
        return bits_of(path, depth, transfer)
    except ExportError:
        return bits_of(path, None, transfer)


def shared(kinds: Sequence[str]) -> list[list[str]]:
    """Kinds that are finished once for all: those for ordinary displays together, pq, hlg."""
    standard = [k for k in STANDARD if k in kinds]
    return [group for group in (standard, *([k] for k in ("pq", "hlg") if k in kinds)) if group]


def recipe_for(recipe: Recipe, kinds: Sequence[str]) -> Recipe:
    """The recipe that makes a photo of `kinds`; PQ and HLG in Rec. 2020 unless the recipe says otherwise."""
    transfer = "srgb" if kinds[0] in STANDARD else kinds[0]
    space = recipe.display.space
    if transfer != "srgb" and recipe.display == type(recipe.display)():
        space = "rec2020"
    made = replace(recipe, display=replace(recipe.display, transfer=transfer, space=space))
    if "gainmap" in kinds or transfer != "srgb":
        return made
    return replace(made, gainmap=replace(made.gainmap, colours="none"))
