# SPDX-License-Identifier: Apache-2.0
"""How a run ends: one sentence for a person, one number for a program.

====  =====================================
0     done
1     some items failed, the others are done
2     wrong usage
3     input refused
4     out of resources (memory, disk)
70    a bug: traceback and "please report"
130   interrupted
====  =====================================
"""

from __future__ import annotations

import errno
import traceback

from lichtbild.base.errors import CorruptRaw, ExportError, InputError, LichtbildError, RecipeError, StateError
from lichtbild.tools.talk import Talk

DONE, SOME_FAILED, USAGE, REFUSED, RESOURCES, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)
ROOM = "free some space or write to another disk"
HINTS = (  # where an error brings none of its own
    (CorruptRaw, "copy the file again from the camera; `lichtbild info FILE` says whether it can be read"),
    (InputError, "`lichtbild info FILE` and `lichtbild group FOLDER` say what can be read"),
    (RecipeError, "`lichtbild knobs` and `lichtbild looks` list what there is"),
    (ExportError, "write to another name or folder"),
    (LichtbildError, "`lichtbild doctor` checks this machine"),
)
RECOVERABLE = (LichtbildError, MemoryError, OSError)  # of one item: the others go on


class UsageError(LichtbildError):
    """The command line was used in a way it does not understand."""


def exit_code(error: BaseException) -> int:
    """What number `error` ends the program with."""
    causes = [error, *(e for e in (error.__cause__, error.__context__) if e is not None)]
    if any(isinstance(e, MemoryError) or (isinstance(e, OSError) and e.errno in FULL) for e in causes):
        return RESOURCES
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, UsageError | RecipeError | ExportError):
        return USAGE
    if isinstance(error, LichtbildError | OSError) and not isinstance(error, StateError):
        return REFUSED
    return BUG


def sentence(error: BaseException) -> tuple[str, str]:
    """What went wrong and what to try."""
    if isinstance(error, LichtbildError) and exit_code(error) != BUG:
        general = ROOM if exit_code(error) == RESOURCES else next(h for k, h in HINTS if isinstance(error, k))
        return str(error), error.hint or general
    if isinstance(error, MemoryError):
        return "there is not enough memory", "merge fewer frames (--frames 4) or close other programs"
    if isinstance(error, OSError) and error.errno in FULL:
        return (
            f"{error.filename or 'the disk'} cannot be written: {error.strerror}",
            ROOM,
        )
    if isinstance(error, OSError):
        return (
            f"{error.filename or 'a file'}: {(error.strerror or str(error)).lower()}",
            "check the name and its permissions",
        )
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing half-written was left behind", ""
    return "".join(
        traceback.format_exception(error)
    ).rstrip(), "this is a bug in lichtbild; please report it with the lines above"


def record(error: BaseException) -> dict[str, str]:
    """`error` for ``--json``."""
    words, hint = sentence(error)
    return {"kind": type(error).__name__, "message": words, "hint": hint}


class Failures:
    """What went wrong with single items while the others went on."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.records: list[dict[str, str]] = []
        self.worst = DONE

    def add(self, item: object, error: BaseException) -> None:
        """Say that `item` failed and why."""
        self.talk.error(*sentence(error))
        self.records.append({"item": str(item), **record(error)})
        self.worst = max(self.worst, exit_code(error))

    def code(self, done: int) -> int:
        """The exit code after `done` items succeeded."""
        return DONE if not self.records else SOME_FAILED if done else self.worst


class Ending:
    """``with Ending(talk) as ending: …`` turns whatever is raised inside into words and ``ending.code``."""

    def __init__(self, talk: Talk) -> None:
        self.talk, self.code = talk, DONE

    def __enter__(self) -> Ending:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
            return True
        if error is None or isinstance(error, SystemExit):
            return False
        self.code = exit_code(error)
        self.talk.error(*sentence(error))
        self.talk.document({"error": record(error)})
        return True
