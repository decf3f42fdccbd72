# SPDX-License-Identifier: Apache-2.0
"""stdout is data, stderr is talk.

Results go to stdout, as lines or as one JSON document; progress, warnings and errors go to stderr.  Colour is
only for terminals, and only if ``NO_COLOR`` is not set.
"""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Talk:
    """What one run says and to whom."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    progress: str = "auto"

    @property
    def style(self) -> str:
        """How progress is shown: ``bar``, ``plain`` or ``none``."""
        if self.quiet:
            return "none"
        if self.progress == "auto":
            return "bar" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "plain"
        return self.progress

    def result(self, line: str) -> None:
        """A line of result, unless the results are JSON."""
        if not self.json:
            print(line, flush=True)

    def document(self, value: Any) -> None:
        """The results as JSON, if that is wanted."""
        if self.json:
            print(jsonlib.dumps(value, indent=2, ensure_ascii=False, default=plain), flush=True)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Rows of result in aligned columns; the last column is free."""
        if self.json:
            return
        rows = [tuple(r) for r in rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
        for row in rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())

    def note(self, line: str) -> None:
        """Something worth saying that is no result."""
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    def detail(self, line: str) -> None:
        """Something only ``--verbose`` wants to hear."""
        if self.verbose:
            self.note(line)

    def warn(self, line: str) -> None:
        """A warning: one line."""
        self.note(f"{paint('warning:', '33')} {line}")

    def error(self, words: str, hint: str = "") -> None:
        """An error: one sentence, an empty line, a hint.  Said even when quiet."""
        print(f"{paint('lichtbild:', '31')} {words}", file=sys.stderr)
        if hint:
            print(f"\nhint: {hint}", file=sys.stderr)
        sys.stderr.flush()


def frames(count: int) -> str:
    """``1 frame``, ``8 frames``."""
    return f"{count} frame{'s' * (count != 1)}"


def paint(words: str, colour: str) -> str:
    """`words` in an ANSI colour, if stderr is a terminal that wants it."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return words
    return f"\033[{colour}m{words}\033[0m"


def plain(value: Any) -> Any:
    """What JSON does not know: arrays and numbers of NumPy as lists and numbers, everything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
