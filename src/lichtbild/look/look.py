# SPDX-License-Identifier: Apache-2.0
"""Looks: a handful of knobs with a name, written as TOML that anyone can write.

A look names the knobs it turns, stage by stage; the rest keeps its default::

    [look]
    name = "Natural"
    words = "Quiet colour, honest shadows, the contrast of a good lens."
    author = "lichtbild"

    [grade]
    saturation = 0.9
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from lichtbild.base.errors import RecipeError
from lichtbild.base.params import nearest


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A look: ``settings`` maps stage → knob → value, to be laid over a recipe."""

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
            Not TOML, no ``[look]`` with a name, or something that is not a table of knobs.
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
            if word not in ("name", "words", "author") or not isinstance(value, str):
                raise RecipeError(
                    f"{where}: look.{word} = {value!r} is not allowed; allowed are texts name, words, author"
                    f"{nearest(word, ('name', 'words', 'author'))}"
                )
        for stage, knobs in tables.items():
            if not isinstance(knobs, dict):
                raise RecipeError(
                    f"{where}: {stage} = {knobs!r} stands outside a stage", hint="write it below its [stage]"
                )
        return cls(head["name"], head.get("words", ""), head.get("author", ""), tables)

    @classmethod
    def read(cls, path: Path | str) -> Look:
        """The look in a file.

        Raises
        ------
        RecipeError
            The file cannot be read, or is no look.
        """
        try:
            return cls.from_toml(Path(path).read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path} cannot be read as a look: {error}") from None


@cache
def _shelf() -> Mapping[str, Traversable]:
    """The look files of the package by name, in alphabetical order."""
    found = (f for f in (files("lichtbild.look") / "looks").iterdir() if f.name.endswith(".toml"))
    return {f.name.removesuffix(".toml"): f for f in sorted(found, key=lambda f: f.name)}


@cache
def _built_in(name: str) -> Look:
    return Look.from_toml(_shelf()[name].read_text(encoding="utf-8"), f"look {name}")


class Looks(Mapping[str, Look]):
    """The built-in looks, each read when it is asked for."""

    def __getitem__(self, name: str) -> Look:
        if name not in _shelf():
            raise UnknownLook(
                f"no look {name!r}{nearest(name, _shelf())}", hint=f"the looks are {', '.join(_shelf())}"
            )
        return _built_in(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_shelf())

    def __len__(self) -> int:
        return len(_shelf())


class UnknownLook(RecipeError, KeyError):
    """There is no look of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


looks = Looks()
