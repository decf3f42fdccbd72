# SPDX-License-Identifier: Apache-2.0
"""The user's folder: profiles and looks of one's own, found by every verb.

It is ``$LICHTBILD_HOME``, else ``lichtbild`` in ``$XDG_CONFIG_HOME`` or ``~/.config``.  It need not exist;
what puts something into it makes it.  ``profiles`` in it holds colour profiles (DCP), ``looks`` looks (TOML).
"""

from __future__ import annotations

import os
from pathlib import Path

from lichtbild.base.errors import ExportError, InputError


def home() -> Path:
    """The user's folder, whether it exists or not.

    Examples
    --------
    >>> os.environ["LICHTBILD_HOME"] = "/photos/mine"
    >>> (home() / "looks").as_posix()
    '/photos/mine/looks'
    """
    if own := os.environ.get("LICHTBILD_HOME"):
        return _expanded(own)
    return _expanded(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "lichtbild"


def _expanded(word: str) -> Path:
    """A path with ``~`` replaced; as it stands where nobody has such a home, as in some containers."""
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)


def shelf(name: str) -> Path:
    """A folder inside the user's folder, made if it is not there: for what writes into it.

    Raises
    ------
    ExportError
        It cannot be made.
    """
    folder = home() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"the folder {folder} cannot be made: {error.strerror or error}",
            hint="LICHTBILD_HOME=/another/folder says where profiles and looks are kept",
        ) from error
    return folder


def kept(name: str, suffix: str) -> tuple[Path, ...]:
    """The files in a folder of the user's folder that end in `suffix` (any case), by name.

    Raises
    ------
    InputError
        The folder is there and may not be read.
    """
    folder = home() / name
    try:
        found = [*folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise InputError(
            f"the folder {folder} cannot be read: {error.strerror or error}",
            hint="LICHTBILD_HOME=/another/folder says where profiles and looks are kept",
        ) from error
    return tuple(sorted(p for p in found if p.suffix.lower() == suffix and p.name[0] != "."))
