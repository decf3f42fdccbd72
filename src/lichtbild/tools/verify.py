# SPDX-License-Identifier: Apache-2.0
"""``lichtbild verify``: a finished file is made again from what it says about itself, and compared.

Every file it names must be there, under whatever name, with the SHA-256 it says.  Then the same command runs
in a folder of its own, and the numbers in both files are compared: those of the pixels, since dates and words
around them are no part of a picture.
"""

from __future__ import annotations

import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.errors import InputError, RecipeError
from lichtbild.base.version import __version__
from lichtbild.publish.credentials import Signature, signature_of
from lichtbild.publish.packet import Made, file_names, made_of
from lichtbild.recipe import Recipe, settings
from lichtbild.tools.arguments import Parser
from lichtbild.tools.codes import Codes, codes_of
from lichtbild.tools.open import sha256
from lichtbild.tools.outcome import DONE, SOME_FAILED
from lichtbild.tools.photo_words import develop_words
from lichtbild.tools.provenance import found
from lichtbild.tools.talk import Talk, frames
from lichtbild.tools.words import merge_words

PROFILE, NOISE = ".dcp", ".json"
FLAGS = ("reference", "zoom", "scale", "layout", "strip", "hdr", "quality", "depth", "space")


@dataclass(frozen=True)
class Input:
    """One file that a photo was made of: what it was called, where it is now, and what became of it."""

    name: str
    sha256: str
    path: Path | None
    state: str  # same, renamed, changed, missing

    @property
    def words(self) -> str:
        """What to say about it."""
        if self.state == "renamed" and self.path is not None:
            return f"{self.name} is now called {self.path.name}"
        return f"{self.name} is {self.state}"


class Silent(Talk):
    """A talk that keeps results to itself: they are of a run that nobody asked for."""

    def result(self, line: str) -> None:
        """Nothing."""

    def document(self, value: Any) -> None:
        """Nothing."""


def verify(args: Namespace, talk: Talk) -> int:
    """Make a file again and compare; 0 where every number is the same, 1 where one differs."""
    made = made_of(args.photo)
    if not made.inputs:
        raise InputError(
            f"{args.photo} does not say what it was made of",
            hint="it was written with --strip all, or by another program than `lichtbild`",
        )
    if made.version != __version__:
        talk.warn(f"{args.photo} was made by lichtbild {made.version or '?'}, this is {__version__}")
    inputs = identified(made.inputs, args.inputs)
    for one in inputs:
        if one.state == "renamed":
            talk.note(one.words)
    lost = [one for one in inputs if one.state in ("changed", "missing")]
    record: dict[str, Any] = {
        "photo": str(args.photo),
        "inputs": [
            {"name": i.name, "sha256": i.sha256, "state": i.state, "file": i.path and str(i.path)}
            for i in inputs
        ],
        "versions": {"photo": made.version, "here": __version__},
        "settings": dict(made.settings),
    }
    mark = signature_of(args.photo)
    if mark is not None:
        record["signature"] = asdict(mark)
    if lost:
        raise InputError(
            f"{args.photo} cannot be made again: {absent(lost, len(inputs))}",
            hint="name the files it was made of, or the folder that holds them",
        )
    compared = differences(codes_of(args.photo), again(args.photo, made, inputs))
    same = not any(part["count"] for part in compared.values())
    whole = mark is None or mark.state != "broken"
    talk.document({**record, "same": same, "parts": compared})
    talk.result(f"{args.photo.name}  {frames_of(inputs)}  {sentence(compared)}{signed(mark)}")
    return DONE if same and whole else SOME_FAILED


def absent(lost: Sequence[Input], count: int) -> str:
    """Which files are missing or changed; where there are many, how many."""
    if len(lost) <= 3:
        return "; ".join(one.words for one in lost)
    first = "; ".join(one.words for one in lost[:2])
    return f"{len(lost)} of its {count} files are missing or changed ({first}; …)"


def signed(mark: Signature | None) -> str:
    """A signature in words; valid says that nothing was changed, not that its owner can be trusted."""
    if mark is None:
        return ""
    who = f" by {mark.name}" if mark.name else ""
    why = f" ({mark.reason})" if mark.reason else ""
    return f"; signature {mark.state}{who}{why}"


def identified(named: Iterable[tuple[str, str]], given: Sequence[Path]) -> list[Input]:
    """Which of the files that are `given`, or lie in folders that are, each named file is."""
    files = [f for path in given for f in ([path] if path.is_file() else listed(path))]
    digests: dict[Path, str] = {}

    def digest(path: Path) -> str:
        if path not in digests:
            digests[path] = sha256(path)
        return digests[path]

    result = []
    for name, sha in named:
        shelf = found(name)
        alike = [f for f in files if f.name == name] + ([shelf] if shelf is not None else [])
        others = [f for f in files if f.name != name and f.suffix.lower() == Path(name).suffix.lower()]
        path = next((f for f in (*alike, *others) if digest(f) == sha), None)
        if path is not None:
            result.append(Input(name, sha, path, "same" if path.name == name else "renamed"))
        else:
            result.append(Input(name, sha, alike[0] if alike else None, "changed" if alike else "missing"))
    return result


def listed(folder: Path) -> list[Path]:
    """The files of a folder.

    Raises
    ------
    InputError
        There is no such file or folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist", hint="check the name")
    return sorted(f for f in folder.iterdir() if f.is_file() and f.name[0] != ".")


def again(photo: Path, made: Made, inputs: Sequence[Input]) -> Codes:
    """The numbers of the file that the same command makes now.

    Raises
    ------
    InputError
        It cannot be made; the sentence says why.
    """
    with tempfile.TemporaryDirectory(prefix="lichtbild-") as folder:
        out = Path(folder) / f"again{photo.suffix.lower()}"
        verb = "merge" if out.suffix == ".dng" else made.settings.get("verb", "develop")  # develop --dng
        module = import_module("lichtbild.tools.merge" if verb == "merge" else "lichtbild.tools.develop")
        try:
            args = command(verb, out, made, placed(inputs, Path(folder) / "inputs"))
            code = getattr(module, verb)(args, Silent(quiet=True))
        except RecipeError as error:
            raise InputError(
                f"{photo} was made by lichtbild {made.version}, whose recipe {__version__} does not know: "
                f"{error}",
                hint="verify it with the version that made it",
            ) from error
        if code != DONE or not out.exists():
            raise InputError(f"{photo} could not be made again", hint="the lines above say why")
        return codes_of(out)


def placed(inputs: Sequence[Input], folder: Path) -> list[tuple[str, Path]]:
    """The files under the names they had, in a folder each: frames of one moment are ordered by name."""
    places = []
    for k, one in enumerate(inputs):
        assert one.path is not None
        place = folder / f"{k:03d}" / one.name
        place.parent.mkdir(parents=True)
        try:
            place.symlink_to(one.path.resolve())
        except OSError:  # where links are not allowed
            shutil.copyfile(one.path, place)
        places.append((one.name, place))
    return places


def command(verb: str, out: Path, made: Made, places: Sequence[tuple[str, Path]]) -> Namespace:
    """The command line that makes the file."""
    from lichtbild.tools.cli import parser

    wanted = {value.partition("#")[0] for value in file_names(made.recipe).values()}
    tables = {name: path for name, path in places if name in wanted}
    rest = [(name, path) for name, path in places if name not in wanted]
    profiles = [path for name, path in rest if path.suffix.lower() == PROFILE]
    noises = [path for name, path in rest if path.suffix.lower() == NOISE]
    raws = [path for _, path in rest if path not in profiles and path not in noises]
    words = [verb, *map(str, raws), "-o", str(out), f"--dcp={profiles[0] if profiles else 'none'}"]
    words += [f"--noise={noises[0]}"] if noises else []
    grammar = Parser()
    (merge_words if verb == "merge" else develop_words)(grammar)
    usage = grammar.format_usage()
    asked = (flag for flag in FLAGS if flag in made.settings and f"--{flag} " in usage)
    words += [f"--{flag}={made.settings[flag]}" for flag in asked]
    words += ["--cfa"] if made.settings.get("cfa") else []
    args = parser().parse_args(words)
    args.settings = turned(Recipe.from_toml(made.recipe), tables)
    return args


def turned(recipe: Recipe, tables: Mapping[str, Path]) -> list[str]:
    """Every knob of a recipe as a setting; files by where they are now."""
    said = []
    for stage, knobs in settings(recipe).items():
        for knob, value in knobs.items():
            name, mark, number = str(value).partition("#")
            text = f"{tables[name]}{mark}{number}" if name in tables else str(value)
            if text:
                said.append(f"{stage}.{knob}={text}")
    return said


def differences(one: Codes, other: Codes) -> dict[str, dict[str, Any]]:
    """How the parts of two files differ: the largest difference and how many numbers are not the same."""
    result: dict[str, dict[str, Any]] = {}
    for part in dict.fromkeys([*one, *other]):
        a, b = one.get(part), other.get(part)
        if a is None or b is None or a.shape != b.shape:
            sizes = [list(x.shape) if x is not None else None for x in (a, b)]
            result[part] = {"count": max(x.size for x in (a, b) if x is not None), "sizes": sizes}
            continue
        apart = a.astype(np.float64) - b.astype(np.float64)
        unequal = ~((a == b) | ((a != a) & (b != b)))
        most = float(np.nanmax(np.abs(apart))) if apart.size else 0.0
        result[part] = {"count": int(unequal.sum()), "of": int(a.size), "largest": most}
    return result


def sentence(compared: Mapping[str, Mapping[str, Any]]) -> str:
    """The comparison in words."""
    parts = []
    for part, unlike in compared.items():
        if "sizes" in unlike:
            parts.append(f"{part}: another size or none")
        elif unlike["count"]:
            share = f"{unlike['count']} of {unlike['of']} numbers differ"
            parts.append(f"{part}: {share}, by up to {unlike['largest']:g}")
    return "differs: " + "; ".join(parts) if parts else f"the same {' and '.join(compared)}"


def frames_of(inputs: Sequence[Input]) -> str:
    """How many frames, and what else, in words."""
    other = sum(Path(i.name).suffix.lower() in (PROFILE, NOISE, ".cube", ".clf") for i in inputs)
    return frames(len(inputs) - other) + (f" and {other} more" if other else "")
