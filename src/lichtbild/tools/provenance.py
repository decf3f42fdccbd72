# SPDX-License-Identifier: Apache-2.0
"""What a file must tell so that it can be made again: every file it was made of, and how it was asked for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from lichtbild.base.home import home
from lichtbild.publish.packet import file_names
from lichtbild.recipe import Recipe
from lichtbild.tools.open import sha256

Inputs = tuple[tuple[str, str], ...]
SHELVES = ("looks", "profiles")


def with_files(inputs: Iterable[tuple[str, str]], recipe: Recipe) -> Inputs:
    """Name and SHA-256 of all that makes a photo: `inputs` as opened, then the files that the recipe names.

    None where `inputs` are none: then nobody is to be told.
    """
    told = tuple(inputs)
    if not told:
        return ()
    used = (found(said) for said in file_names(recipe.to_toml()).values())
    return told + tuple((path.name, sha256(path)) for path in used if path is not None)


def found(said: str) -> Path | None:
    """The file that a knob means: a path, or a name on one of the user's shelves; a part may follow "#"."""
    name = said.partition("#")[0]
    places = (Path(name).expanduser(), *(home() / shelf / name for shelf in SHELVES))
    return next((p for p in places if p.is_file()), None)


def settings_of(args: Namespace) -> dict[str, str]:
    """How the command line asked for a file, as words for its packet."""
    said = {
        "verb": getattr(args, "verb", ""),
        "reference": str(getattr(args, "reference", "auto")),
        "zoom": f"{getattr(args, 'zoom', 1.0):g}",
        "scale": getattr(args, "scale", None) or "",
        "layout": getattr(args, "layout", ""),
        "strip": getattr(args, "strip", "none"),
        "look": Path(str(getattr(args, "look", ""))).stem,
        "hdr": getattr(args, "hdr", None) or "",
        "cfa": "yes" if getattr(args, "cfa", False) else "",
        "space": getattr(args, "space", None) or "",
    }
    return {word: value for word, value in said.items() if value and value not in ("auto", "1")}
