# SPDX-License-Identifier: Apache-2.0
"""How words of the command line are taken: whole flags only, numbers within their limits."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from lichtbild.base.params import nearest
from lichtbild.tools.outcome import UsageError


class Parser(argparse.ArgumentParser):
    """An argument parser that takes whole flags only and raises what is wrong instead of printing a page."""

    verbs: tuple[str, ...] = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence.

        Raises
        ------
        UsageError
            Always.
        """
        if "invalid choice" in message and "argument VERB" in message:
            word = message.split("'")[1]
            raise UsageError(
                f"no verb {word!r}{nearest(word, self.verbs)}", hint="`lichtbild --help` lists the verbs"
            )
        hint = f"`{self.prog} --help` shows the usage"
        if message.endswith("expected one argument"):
            hint += "; what begins with a minus is given as --flag=-2"
        raise UsageError(message, hint=hint)


def number(low: int, high: int, word: str = "") -> type:
    """An argument type: a whole number between `low` and `high`, or `word`."""

    def convert(text: str) -> int | str:
        if word and text == word:
            return text
        if not text.isdecimal() or not low <= int(text) <= high:
            allowed = f"{word + ' or ' if word else ''}a whole number from {low} to {high}"
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed, give {allowed}")
        return int(text)

    return convert  # type: ignore[return-value]  # argparse takes any callable


def zoom(text: str) -> float:
    """An argument type: how far to zoom, 1 … 4."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed, give a number from 1 to 4")
    return value


def exposures(text: str) -> tuple[float, ...]:
    """An argument type: EV, divided by commas."""
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        values = (float("nan"),)
    if not all(-12 <= ev <= 6 for ev in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed, give EV from -12 to 6 as in 0,-2,-4")
    return values


def place(text: str) -> tuple[float, float]:
    """An argument type: a place in the picture, (y, x) as shares of its height and width."""
    try:
        y, x = (float(word) for word in text.split(","))
    except ValueError:
        y = x = float("nan")
    if not (0 <= y <= 1 and 0 <= x <= 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no place, give shares of height and width from 0 to 1 as in 0.4,0.75"
        )
    return y, x
