# SPDX-License-Identifier: Apache-2.0
"""``lichtbild looks import``: tables, profiles, presets from elsewhere become looks of one's own."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lichtbild.base.colour import P3, PROPHOTO, Float64, rgb_to_rgb, srgb_decode, srgb_encode
from lichtbild.base.errors import InputError
from lichtbild.base.tiff import write_file
from lichtbild.look.clf import operator
from lichtbild.look.cube import cube_text, parsed
from lichtbild.look.hald import read_hald
from lichtbild.look.look import Look
from lichtbild.look.lut import PRIMARIES
from lichtbild.look.preset import colours_of, knobs_of, read_preset
from lichtbild.look.profile_look import look_of
from lichtbild.look.sampled import Operator
from lichtbild.look.table import CURVES, Table, baked, decode, encode, fingerprint, read_bytes
from lichtbild.look.ungraded import PLAIN, to_scene
from lichtbild.recipe import Recipe, stages
from lichtbild.tools.looks import chosen, look_text, possible, target
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing

CODES = (*CURVES, "scene-linear", "scene-log")
Settings = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Found:
    """What a file holds: a table with the knobs of `lut` it needs, settings, and what was left behind."""

    table: Table | None = None
    knobs: dict[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    name: str = ""


def run(args: Namespace, talk: Talk) -> int:
    """Import one file.

    Raises
    ------
    UsageError
        A kind of file that is not read, or a word that does not fit.
    """
    path = Path(args.name)
    kind = path.suffix.lower()
    if kind not in READERS:
        raise UsageError(f"{path}: no {kind or 'such'} files are read", hint=f"read are {', '.join(READERS)}")
    code, (space, _, screen) = args.input or "srgb", (args.space or "srgb").partition(",")
    possible("--input", code, CODES)
    for word in (space, screen or space):
        possible("--space", word, tuple(PRIMARIES))
    if screen and not code.startswith("scene"):
        raise UsageError(
            "--space IN,OUT is for tables of scene light", hint="--input scene-linear or scene-log"
        )
    name = args.called or re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._") or "imported"
    base = chosen(args.base or "neutral")
    found = READERS[kind](path, base, Taken(code, space, args.size, screen or space))
    file = target(name)
    settings, unknown = _fitting(_laid(base.settings, found.settings))
    left_out = [*found.left_out, *unknown]
    words = f"From {path.name}, on {base.name}."
    chunks: dict[Path, bytes] = {}
    if found.table is not None:
        content = cube_text(found.table, (f"from {path.name}, for lichtbild",))
        chunks[file.with_suffix(".cube")] = content
        settings["lut"] = {"file": f"{name}.cube#{fingerprint(content)}", **found.knobs}
    Recipe.of(settings)
    chunks[file] = look_text(found.name or name, words, "", settings).encode()
    refuse_replacing([*chunks], [path], overwrite=args.overwrite)  # before half of it is written
    for place, content in chunks.items():
        write_file(place, [content], overwrite=args.overwrite)
    side = f"  {len(found.table.cube)}³" if found.table else ""
    talk.result(f"{name}  {file}{side}")
    if left_out:
        talk.warn(f"not imported: {', '.join(left_out)}")
    files = [str(p) for p in chunks]
    talk.document({"look": name, "files": files, "not_imported": left_out, "settings": settings})
    return DONE


@dataclass(frozen=True, slots=True)
class Taken:
    """What the command line says about a table: code and primaries of its colours, cells a side."""

    code: str
    space: str
    size: int | None
    screen: str

    @property
    def knobs(self) -> dict[str, Any]:
        """The knobs of `lut` for a table that is used as it is."""
        return {"encoding": self.code, "output": self.out, "primaries": self.space}

    @property
    def out(self) -> str:
        """The code of what a table gives: a screen's, except where it stays linear or in a gamma."""
        return self.code if self.code.startswith("gamma") or self.code == "linear" else "srgb"


def _laid(base: Settings, over: Settings) -> dict[str, dict[str, Any]]:
    return {s: {**base.get(s, {}), **over.get(s, {})} for s in dict.fromkeys((*base, *over)) if s != "lut"}


def _fitting(settings: Settings) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Settings within the ranges of the knobs, and what had to be cut or left out."""
    fitting: dict[str, dict[str, Any]] = {}
    said: list[str] = []
    for stage, turned in settings.items():
        kinds = {k.name: k for k in stages()[stage].knobs()} if stage in stages() else {}
        for word, value in turned.items():
            if word not in kinds:
                if word != "headroom":
                    said.append(f"{stage}.{word}")
                continue
            low, high = kinds[word].low, kinds[word].high
            if low is not None and high is not None and not low <= value <= high:
                said.append(f"{stage}.{word} beyond {low:g} … {high:g}")
                value = min(max(value, low), high)
            fitting.setdefault(stage, {})[word] = value
    return fitting, said


# ---- readers


def _cube(path: Path, base: Look, taken: Taken) -> Found:
    table = parsed(read_bytes(path), path)
    if taken.code.startswith("scene"):
        return _scene(table, taken, table.title)
    return Found(table, taken.knobs, name=table.title)


def _clf(path: Path, base: Look, taken: Taken) -> Found:
    function = operator(read_bytes(path), path)
    if taken.code.startswith("scene"):
        return _scene(function, taken, "")
    table = baked(lambda c: _coded(function, c, taken), taken.size or 33, path.stem)
    return Found(table, {"encoding": "srgb", "output": "srgb", "primaries": taken.space})


def _coded(function: Operator, code: Float64, taken: Taken) -> Float64:
    """Code of sRGB in and out, through a function in another code."""
    if taken.code == "srgb":
        return function(code)
    return srgb_encode(decode(function(encode(srgb_decode(code), taken.code)), taken.out))


def _scene(function: Operator, taken: Taken, name: str) -> Found:
    """A function of scene light that gives a picture in sRGB code: behind a plain grade, which it undoes."""
    code = taken.code.removeprefix("scene-")
    there, back = rgb_to_rgb(P3, PRIMARIES[taken.space]).T, rgb_to_rgb(PRIMARIES[taken.screen], P3).T

    def through(c: Float64) -> Float64:
        light = to_scene(srgb_decode(c)) @ there
        return srgb_encode(srgb_decode(function(encode(light, code))) @ back)

    return Found(baked(through, taken.size or 65, name), {"primaries": "p3"}, PLAIN, name=name)


def _hald(path: Path, base: Look, taken: Taken) -> Found:
    table = read_hald(path)
    return _scene(table, taken, "") if taken.code.startswith("scene") else Found(table, taken.knobs)


def _dcp(path: Path, base: Look, taken: Taken) -> Found:
    from lichtbild.capture.dcp import read_dcp

    colour = read_dcp(path).colour
    look = look_of(colour)
    if look is None:
        raise InputError(
            f"{path} holds no look: neither LookTable nor a tone curve", hint="use it with develop --dcp"
        )
    there, back = rgb_to_rgb(P3, PROPHOTO).T, rgb_to_rgb(PROPHOTO, P3).T
    table = baked(
        lambda c: srgb_encode(look(to_scene(srgb_decode(c)) @ there) @ back), taken.size or 65, colour.name
    )
    left_out = ["its matrices (develop --dcp uses them)"] + ["its HueSatMap"] * bool(colour.hue_sat)
    return Found(table, {"primaries": "p3"}, PLAIN, left_out, colour.name)


def _preset(path: Path, base: Look, taken: Taken) -> Found:
    preset = read_preset(read_bytes(path), path)
    settings, colours = knobs_of(preset, base.settings), colours_of(preset)
    table = None if colours is None else baked(colours, taken.size or 33, preset.name)
    return Found(table, {"primaries": "srgb"}, settings, preset.left_out, preset.name)


READERS = {
    ".cube": _cube,
    ".clf": _clf,
    ".png": _hald,
    ".tif": _hald,
    ".tiff": _hald,
    ".dcp": _dcp,
    ".xmp": _preset,
}
