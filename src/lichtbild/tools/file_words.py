# SPDX-License-Identifier: Apache-2.0
"""The words of the verbs that look at finished files."""

from __future__ import annotations

from pathlib import Path

from lichtbild.tools.arguments import Parser


def verify_words(v: Parser) -> None:
    """Everything ``verify`` understands."""
    v.add_argument("photo", type=Path, metavar="PHOTO", help="a photo or DNG of lichtbild's")
    v.add_argument(
        "inputs", nargs="+", type=Path, metavar="FILE|FOLDER", help="its burst, and profiles or tables used"
    )
