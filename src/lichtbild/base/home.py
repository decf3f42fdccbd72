# SPDX-License-Identifier: Apache-2.0
"""The user's folder: profiles and looks of one's own, found by every verb.

It is ``$LICHTBILD_HOME``, else ``lichtbild`` in ``$XDG_CONFIG_HOME`` or ``~/.config``.  It need not exist;
what puts something into it makes it.  ``profiles`` in it holds colour profiles (DCP), ``looks`` looks (TOML).
"""

from __future__ import annotations

import os
from pathlib import Path

from lichtbild.base.errors import ExportError


def home() -> Path:
    """The user's folder, whether it exists or not.

    Examples
    --------
    >>> os.environ["LICHTBILD_HOME"] = "/photos/mine"
    >>> (home() / "looks").as_posix()
    '/photos/mine/looks'
    """
    if own := os.environ.get("LICHTBILD_HOME"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "lichtbild"


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
    """The files in a folder of the user's folder that end in `suffix` (any case), by name."""
    folder = home() / name
    if not folder.is_dir():
        return ()
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() == suffix and p.name[0] != "."))
