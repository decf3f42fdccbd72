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


def sheet_words(v: Parser) -> None:
    """Everything ``sheet`` understands."""
    v.add_argument("folder", type=Path, metavar="DIR", help="where the photos are")
    v.add_argument("-o", "--output", required=True, metavar="FILE", help="sheet.html")
    v.add_argument(
        "--bursts",
        type=Path,
        metavar="DIR|none",
        help="where their raws are, if not beside the photos, in the folder above or in its folders: one "
        "frame, developed alike, is shown beside the photo at 100 %%",
    )


def sign_words(v: Parser) -> None:
    """What signing needs."""
    v.add_argument(
        "--sign",
        type=Path,
        metavar="KEY.pem",
        help="also sign what is written with content credentials (C2PA), by this private key",
    )
    v.add_argument(
        "--certificate", type=Path, metavar="CHAIN.pem", help="the key's certificate and those above it"
    )
