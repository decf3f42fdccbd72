# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/*.md from what the code declares: ``python docs/generate.py``.

tests/test_surface.py asserts that the pages are up to date.
"""

import argparse
import inspect
from pathlib import Path

import lichtbild as lb
from lichtbild.base import errors
from lichtbild.look.look import looks as shelf
from lichtbild.recipe import stages
from lichtbild.tools import outcome
from lichtbild.tools.cli import parser

HERE = Path(__file__).parent / "reference"
NOTE = "<!-- written by docs/generate.py: change the declaration, not this page -->\n"


def first(thing) -> str:
    """The first paragraph of a docstring in one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def row(*cells) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"


def table(head, rows) -> str:
    return "\n".join([row(*head), "|" + "---|" * len(head), *(row(*r) for r in rows)]) + "\n"


def knobs() -> str:
    """Every knob of every stage, in running order."""
    parts = [
        f"# Knobs\n\n{NOTE}\nOne section per stage, in the order in which the stages run. Turn a knob with "
        "`--set stage.knob=value`, in a look with\n`[stage]` and `knob = value`.\n"
    ]
    for stage, kind in stages().items():
        rows = [
            (
                f"`{k.name}`",
                k.default,
                " · ".join(k.choices) if k.kind is str else f"{k.low:g} … {k.high:g}",
                k.unit,
                k.words,
            )
            for k in kind.knobs()
        ]
        parts.append(
            f"## {stage}\n\n{first(kind)}\n\n"
            + (table(("knob", "default", "range", "unit", ""), rows) if rows else "It has no knobs.\n")
        )
    return "\n".join(parts)


def looks() -> str:
    """Every look with its words and the knobs it turns."""
    parts = [
        f"# Looks\n\n{NOTE}\nChoose one with `--look NAME`. A look of your own is a TOML file like these: "
        "`--look my.toml`.\n"
    ]
    for name in shelf.built_in:
        look = shelf[name]
        turned = [
            f"{stage}.{knob} = {value}"
            for stage, knobs in look.settings.items()
            for knob, value in knobs.items()
        ]
        parts.append(
            f"## {name}\n\n{look.words}\n\n"
            + (
                "```\n" + "\n".join(turned) + "\n```\n"
                if turned
                else "It turns nothing: every knob is at its default.\n"
            )
        )
    return "\n".join(parts)


def command_line() -> str:
    """Every verb with its arguments, and the exit codes."""
    parts = [f"# Command line\n\n{NOTE}\nResults go to stdout, talk to stderr.\n"]
    top = parser()
    verbs = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction)).choices
    common = None
    for name, verb in verbs.items():
        own = [
            a
            for g in verb._action_groups
            if g.title != "every verb"
            for a in g._group_actions
            if a.dest != "help"
        ]
        common = next(g._group_actions for g in verb._action_groups if g.title == "every verb")
        parts.append(
            f"## {name}\n\n{verb.description}\n\n"
            + (table(("argument", ""), map(argument, own)) if own else "")
        )
    parts.append("## Flags of every verb\n\n" + table(("argument", ""), map(argument, common)))
    codes = [line.split(maxsplit=1) for line in (outcome.__doc__ or "").splitlines() if line[:1].isdigit()]
    parts.append("## Exit codes\n\n" + table(("code", "means"), codes))
    return "\n".join(parts)


def argument(action) -> tuple[str, str]:
    """One argument and its help, as a row."""
    value = action.metavar or (",".join(action.choices) if action.choices else "")
    if action.option_strings:
        flag = ", ".join(action.option_strings)
        name = (
            flag if action.nargs == 0 else f"{flag} {'|'.join(action.choices) if action.choices else value}"
        )
    else:
        name = value + (" …" if action.nargs == "+" else "")
    return f"`{name}`", action.help or ("one or more" if action.nargs == "+" else "")


def python() -> str:
    """Every public name and every error."""
    parts = [
        f"# Python\n\n{NOTE}\n`import lichtbild as lb` loads nothing else; each name is loaded when it is "
        "first used.\n"
    ]
    rows = []
    for name in sorted(lb.__all__, key=str.lower):
        thing = getattr(lb, name)
        what = first(thing) if callable(thing) or inspect.isclass(thing) else WORDS[name]
        rows.append((f"`{name}`", what))
    parts.append(table(("name", ""), rows))
    tree = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, Exception)]
    parts.append(
        "## Errors and warnings\n\n"
        + table(
            ("class", "is a", ""),
            ((f"`{e.__name__}`", ", ".join(f"`{b.__name__}`" for b in e.__bases__), first(e)) for e in tree),
        )
    )
    return "\n".join(parts)


WORDS = {
    "looks": 'The looks by name: `lb.looks["natural"]`.',
    "__version__": "The version, as in `lichtbild --version`.",
}
PAGES = {"knobs.md": knobs, "looks.md": looks, "command-line.md": command_line, "python.md": python}

if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for page, write in PAGES.items():
        (HERE / page).write_text(write(), encoding="utf-8")
