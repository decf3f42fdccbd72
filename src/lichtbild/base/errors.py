# SPDX-License-Identifier: Apache-2.0
"""The tree of everything that can go wrong.

A message says *where = value, what is wrong, what is allowed*; ``hint`` says what to try next.
"""

from __future__ import annotations


class LichtbildError(Exception):
    """Anything lichtbild refuses or fails to do.

    Parameters
    ----------
    message : str
        One sentence: where, what is wrong, what is allowed.
    hint : str
        What to try; the command line prints it after a blank line.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InputError(LichtbildError):
    """The file or burst cannot be used."""


class UnsupportedRaw(InputError):
    """Not a raw file, or a kind of raw that lichtbild does not read."""


class CorruptRaw(InputError):
    """A raw file that is damaged, cut short or contradicts itself."""


class BurstMismatch(InputError):
    """The frames of a burst do not belong together."""


class RecipeError(LichtbildError, ValueError):
    """A look, stage or knob is unknown, or a value is out of range."""


class StateError(LichtbildError, TypeError):
    """An image in the wrong state: a bug in the caller."""


class CalibrationMissing(LichtbildError):
    """Camera or lens unknown and no fallback allowed."""


class ExportError(LichtbildError):
    """The format cannot hold this photo, or the file could not be written."""


class LichtbildWarning(UserWarning):
    """Something the photographer should know about the result."""


class QualityWarning(LichtbildWarning):
    """The result is less good than it could be (merged 3 of 8 frames)."""


class FallbackWarning(LichtbildWarning):
    """Something was missing and a stated substitute was used (generic colour profile)."""
