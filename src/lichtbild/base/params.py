# SPDX-License-Identifier: Apache-2.0
"""A parameter is declared once: default, range, unit and sentence.

Validation, ``--set``, the reference pages and the tests at both ends of the range all derive from the
declaration::

    @dataclass(frozen=True)
    class Merge(Params):
        trust: float = knob(3.0, 0.5, 16.0, "σ", "Difference still taken for noise.")
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields
from typing import Any

from lichtbild.base.errors import RecipeError

LONGEST = 1000  # characters of a text


@dataclass(frozen=True, slots=True)
class Knob:
    """What is known about a parameter: numbers have ``low`` and ``high``, words ``choices``, texts none."""

    name: str
    kind: type
    default: float | int | str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    unit: str
    words: str

    @property
    def allowed(self) -> str:
        """The range, the choices, or the word text."""
        if self.low is None or self.high is None:
            return " | ".join(self.choices) or "text"
        return f"{self.low:g} … {self.high:g} {self.unit}".rstrip()


def knob(default: float | int, low: float, high: float, unit: str, words: str) -> Any:
    """Declare a number with its range (both ends allowed), unit and one sentence."""
    return field(
        default=default, metadata={"low": low, "high": high, "choices": (), "unit": unit, "words": words}
    )


def choice(default: str, choices: tuple[str, ...], words: str) -> Any:
    """Declare a word out of a few."""
    return field(
        default=default, metadata={"low": None, "high": None, "choices": choices, "unit": "", "words": words}
    )


def text(default: str, words: str) -> Any:
    """Declare a text, such as the name of a file: one line of at most `LONGEST` characters."""
    return field(
        default=default, metadata={"low": None, "high": None, "choices": (), "unit": "", "words": words}
    )


def nearest(word: str, words: Iterable[str]) -> str:
    """``"; did you mean X?"`` when something close exists, else an empty string."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


@dataclass(frozen=True)
class Params:
    """Base of every stage's parameters: frozen, hashable, checked when made."""

    def __post_init__(self) -> None:
        for k in self.knobs():
            object.__setattr__(self, k.name, checked(f"{self.stage()}.{k.name}", getattr(self, k.name), k))

    @classmethod
    def stage(cls) -> str:
        """Name of the stage these parameters belong to."""
        return cls.__name__.lower()

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        """All knobs in the order of declaration."""
        return tuple(_declared(f) for f in fields(cls))


def _declared(f: Field[Any]) -> Knob:
    words = (f.metadata[m] for m in ("low", "high", "choices", "unit", "words"))
    default: Any = f.default
    return Knob(f.name, type(default), default, *words)


def checked(where: str, value: Any, k: Knob) -> float | int | str:
    """Return `value` as the knob's own type, or say what is wrong with it.

    Raises
    ------
    RecipeError
        Wrong type, out of range, or not one of the choices.
    """
    if k.choices:
        if value not in k.choices:
            raise RecipeError(
                f"{where} = {value!r} is not one of {', '.join(k.choices)}{nearest(str(value), k.choices)}"
            )
        return str(value)
    if k.kind is str:
        if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST:
            raise RecipeError(
                f"{where} = {str(value)[:40]!r} is no text; allowed is one line of up to {LONGEST} characters"
            )
        return value
    assert k.low is not None and k.high is not None
    allowed = f"allowed is {k.low:g} … {k.high:g}{' ' + k.unit if k.unit else ''}"
    if isinstance(value, bool):
        raise RecipeError(f"{where} = {value!r} is not a number; {allowed}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise RecipeError(f"{where} = {value!r} is not a number; {allowed}") from None
    if not math.isfinite(number) or not k.low <= number <= k.high:
        raise RecipeError(f"{where} = {value} is out of range; {allowed}")
    if k.kind is int:
        if number != int(number):
            raise RecipeError(f"{where} = {value} is not a whole number; {allowed}")
        return int(number)
    return number
