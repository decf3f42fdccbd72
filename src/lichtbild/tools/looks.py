# SPDX-License-Identifier: Apache-2.0
"""``lichtbild looks``: list, show, new, import, export."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lichtbild.base.errors import RecipeError
from lichtbild.base.home import shelf
from lichtbild.base.params import nearest
from lichtbild.base.tiff import write_file
from lichtbild.look.look import Look, hidden, own
from lichtbild.look.look import looks as known
from lichtbild.recipe import Recipe, stages, toml
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk

ACTIONS = ("list", "show", "new", "import", "export")
HELP = "`lichtbild looks --help` shows the usage"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def looks(args: Namespace, talk: Talk) -> int:
    """Do what ``args.what`` says.

    Raises
    ------
    UsageError
        Not one of the five, or something is missing.
    """
    if args.what not in ACTIONS:
        raise UsageError(
            f"looks {args.what!r} is not possible{nearest(args.what, ACTIONS)}",
            hint=f"looks {' | '.join(ACTIONS)}",
        )
    if args.what != "list" and not args.name:
        raise UsageError(
            f"looks {args.what} needs {'a FILE' if args.what == 'import' else 'a NAME'}", hint=HELP
        )
    if args.what == "import":
        from lichtbild.tools.looks_import import run

        return run(args, talk)
    if args.what == "export":
        from lichtbild.tools.looks_export import run

        return run(args, talk)
    return {"list": listed, "show": shown, "new": begun}[args.what](args, talk)


def listed(args: Namespace, talk: Talk) -> int:
    """``lichtbild looks``: what can be chosen."""
    found: list[tuple[str, Look]] = []
    for name in known:
        try:
            found.append((name, known[name]))
        except RecipeError as error:  # one broken file hides no other
            talk.warn(str(error))
    for path in hidden():
        talk.warn(f"{path} is never used: {path.stem} is built in; give the file another name")
    talk.table((name, look.words) for name, look in found)
    talk.document([record(name, look) for name, look in found])
    return DONE


def record(name: str, look: Look) -> dict[str, Any]:
    """A look for ``--json``."""
    home = {"file": str(own()[name])} if name not in known.built_in and name in own() else {}
    return {"look": name, "name": look.name, "words": look.words, "settings": look.settings, **home}


def shown(args: Namespace, talk: Talk) -> int:
    """``lichtbild looks show NAME``: the look as TOML, and its curve."""
    look = chosen(args.name)
    recipe = Recipe.of(look)
    curve = greys(recipe) if recipe.rendering.by == "look" else []
    talk.result(look_text(look.name, look.words, look.author, look.settings))
    if curve:
        talk.result("# greys: EV from mid-grey, lightness L* of the picture")
    else:
        talk.result("# greys: as the profile in each raw file says")
    for ev, lightness in curve:
        talk.result(f"# {ev:+3d}  {lightness:5.1f}  {'▒' * round(lightness * 0.6)}")
    talk.document({**record(args.name, look), "curve": [{"ev": e, "lightness": v} for e, v in curve]})
    return DONE


def chosen(word: str) -> Look:
    """A look by name, or from a TOML file."""
    return Look.read(word) if word.endswith(".toml") else known[word]


def greys(recipe: Recipe) -> list[tuple[int, float]]:
    """Lightness of grey things, from -7 to +5 EV of mid-grey, local tone aside."""
    import numpy as np

    from lichtbild.base.colour import P3, xyz_to_lab
    from lichtbild.look.sampled import graded

    evs = list(range(-7, 6))
    light = np.repeat(0.18 * 2.0 ** np.array(evs, float)[:, None], 3, axis=1)
    xyz = np.clip(graded(recipe.exposure, recipe.grade, recipe.lut)(light), 0, None) @ P3.to_xyz().T
    return [
        (ev, round(float(v), 1)) for ev, v in zip(evs, xyz_to_lab(xyz, P3.to_xyz().sum(1))[:, 0], strict=True)
    ]


def begun(args: Namespace, talk: Talk) -> int:
    """``lichtbild looks new NAME``: a look to write on."""
    base = args.base or "natural"
    look = chosen(base)
    Recipe.of(look)  # no copy of a look that cannot be used
    path = target(args.name)
    words = f"Mine, begun from {look.name}."
    head = (
        f"# A look of your own. Use it with --look {args.name}; what is not named here keeps its default.\n"
        "# `lichtbild knobs` lists every knob with its range, `lichtbild knobs STAGE` those of one stage.\n\n"
    )
    written = head + look_text(args.name, words, "", look.settings, comments=True)
    write_file(path, [written.encode()], overwrite=args.overwrite)
    talk.result(f"{path}  from {base}")
    talk.document({"look": args.name, "file": str(path), "base": base})
    return DONE


def target(name: str) -> Path:
    """Where a look of that name goes.

    Raises
    ------
    UsageError
        The name cannot be a look's, or is built in.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a look; allowed are small letters, digits, and -_. between",
            hint="for example my-look",
        )
    if name in known.built_in:
        raise UsageError(f"{name} is a built-in look", hint=f"choose another name, such as my-{name}")
    return shelf("looks") / f"{name}.toml"


def possible(flag: str, word: str, allowed: Sequence[str]) -> None:
    """Refuse a word on the command line that is none of the allowed ones.

    Raises
    ------
    UsageError
        It is none of them.
    """
    if word not in allowed:
        raise UsageError(
            f"{flag} {word!r} is not possible{nearest(word, allowed)}", hint=f"allowed: {', '.join(allowed)}"
        )


def look_text(
    name: str, words: str, author: str, settings: Mapping[str, Mapping[str, Any]], *, comments: bool = False
) -> str:
    """A look as TOML; with comments, each knob says what it does and how far it goes."""
    lines = ["[look]", f"name = {toml(name)}", f"words = {toml(words)}"]
    lines += [f"author = {toml(author)}"] if author else []
    for stage, turned in settings.items():
        kinds = {k.name: k for k in stages()[stage].knobs()}
        lines += ["", f"[{stage}]"]
        for knob, value in turned.items():
            said = f"{knob} = {toml(value)}"
            lines.append(f"{said:30s} # {kinds[knob].allowed}: {kinds[knob].words}" if comments else said)
    return "\n".join(lines) + "\n"
