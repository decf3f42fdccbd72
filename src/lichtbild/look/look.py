# SPDX-License-Identifier: Apache-2.0
"""Looks: a handful of knobs with a name, written as TOML that anyone can write.

A look names the knobs it turns, stage by stage; the rest keeps its default::

    [look]
    name = "Natural"
    words = "Quiet colour, honest shadows, the contrast of a good lens."
    author = "lichtbild"

    [grade]
    saturation = 0.9

A look may start from another: with ``base = "natural"`` in ``[look]`` it says only what differs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from lichtbild.base.errors import RecipeError
from lichtbild.base.home import home, kept
from lichtbild.base.params import nearest

_HEAD = ("name", "words", "author", "base")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A look: ``settings`` maps stage → knob → value, to be laid over a recipe; its base's are among them."""

    name: str
    words: str = ""
    author: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_toml(cls, text: str, where: str = "look") -> Look:
        """The look that a TOML text describes; `where` names it in messages.

        Raises
        ------
        RecipeError
            Not TOML, no ``[look]`` with a name, a base that is no look, or something that is not a table of
            knobs.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(
                f"{where} is not TOML: {error}", hint="a look is made of [look], [stage] and knob = value"
            ) from None
        head = tables.pop("look", None)
        if not isinstance(head, dict) or not isinstance(head.get("name"), str):
            raise RecipeError(
                f"{where} has no [look] with a name", hint='write [look] and name = "…" at the top'
            )
        for word, value in head.items():
            if word not in _HEAD or not isinstance(value, str):
                raise RecipeError(
                    f"{where}: look.{word} = {value!r} is not allowed; allowed are texts {', '.join(_HEAD)}"
                    f"{nearest(word, _HEAD)}"
                )
        for stage, knobs in tables.items():
            if not isinstance(knobs, dict):
                raise RecipeError(
                    f"{where}: {stage} = {knobs!r} stands outside a stage", hint="write it below its [stage]"
                )
        if "base" in head:
            tables = _over(head["base"], tables)
        return cls(head["name"], head.get("words", ""), head.get("author", ""), tables)

    @classmethod
    def read(cls, path: Path | str) -> Look:
        """The look in a file.

        Raises
        ------
        RecipeError
            The file cannot be read, or is no look.
        """
        path = Path(path)
        try:
            look = cls.from_toml(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path} cannot be read as a look: {error}") from None
        return look if path.parent == home() / "looks" else _with_neighbour(look, path.parent)


def _over(base: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings of the built-in look `base` with `tables` laid over them."""
    if base not in _shelf():
        raise UnknownLook(
            f"no built-in look {base!r} to start from{nearest(base, _shelf())}",
            hint=f"look.base is one of {', '.join(_shelf())}",
        )
    below = _built_in(base).settings
    return {s: {**below.get(s, {}), **tables.get(s, {})} for s in dict.fromkeys([*below, *tables])}


@cache
def _shelf() -> Mapping[str, Traversable]:
    """The look files of the package by name, in alphabetical order."""
    found = (f for f in (files("lichtbild.look") / "looks").iterdir() if f.name.endswith(".toml"))
    return {f.name.removesuffix(".toml"): f for f in sorted(found, key=lambda f: f.name)}


@cache
def _built_in(name: str) -> Look:
    return Look.from_toml(_shelf()[name].read_text(encoding="utf-8"), f"look {name}")


def _with_neighbour(look: Look, folder: Path) -> Look:
    """The look with its table found beside it, where it lies there."""
    knobs = look.settings.get("lut", {})
    word, mark, number = str(knobs.get("file", "")).partition("#")
    if not word or not (folder / word).is_file():
        return look
    turned = {**knobs, "file": f"{folder / word}{mark}{number}"}
    return replace(look, settings={**look.settings, "lut": turned})


def own() -> Mapping[str, Path]:
    """The looks of the user's folder by name, whether they can be read or not."""
    return {p.stem: p for p in kept("looks", ".toml")}


def hidden() -> tuple[Path, ...]:
    """Looks of the user's folder that nobody can choose, since built-in ones have their names."""
    return tuple(path for name, path in own().items() if name in _shelf())


class Looks(Mapping[str, Look]):
    """The built-in looks, then those of the user's folder; each read when it is asked for."""

    def __getitem__(self, name: str) -> Look:
        if name in _shelf():
            return _built_in(name)
        if path := own().get(name):
            return Look.read(path)
        raise UnknownLook(f"no look {name!r}{nearest(name, self)}", hint=f"the looks are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        yield from _shelf()
        yield from (name for name in own() if name not in _shelf())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def built_in(self) -> tuple[str, ...]:
        """The names of those that come with the package."""
        return tuple(_shelf())


class UnknownLook(RecipeError, KeyError):
    """There is no look of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


looks = Looks()
