# SPDX-License-Identifier: Apache-2.0
"""The words of the verbs about one's cameras: calibrate and profile."""

from __future__ import annotations

from pathlib import Path

from lichtbild.tools.arguments import Parser


def calibrate_words(v: Parser) -> None:
    """Everything ``calibrate`` understands."""
    v.add_argument("what", choices=("noise", "colour"), help="what to measure")
    v.add_argument("inputs", nargs="*", type=Path, metavar="FILE|FOLDER")
    v.add_argument("-o", "--output", required=True, metavar="FILE", help="noise.json, or profile.dcp")
    v.add_argument("--report", metavar="FILE", help="also write an HTML report")
    v.add_argument("--dark", nargs="+", type=Path, default=[], metavar="FILE", help="noise: dark frames")
    v.add_argument(
        "--roi",
        metavar="Y,X,HEIGHT,WIDTH",
        help="noise: the even part of the frames; colour: the outer edges of the outer patches",
    )
    v.add_argument("--reference", type=Path, metavar="FILE", help="colour: a CSV of patch Lab values")
    v.add_argument(
        "--spectra", type=Path, metavar="FILE", help="colour: sensor sensitivities instead of photos"
    )
    v.add_argument(
        "--illuminant",
        default="",
        metavar="NAME[,NAME]",
        help="colour: light of the photos, one for all or one each: D65, A, 3200K … (default D65)",
    )
    v.add_argument("--name", default="", metavar="WORDS", help="colour: name of the profile")
    v.add_argument("--layout", default="", metavar="WORDS", help="what headerless files hold (see develop)")


def profile_words(v: Parser) -> None:
    """Everything ``profile`` understands."""
    v.add_argument(
        "what", nargs="?", default="list", metavar="list|show|import|export", help="what to do (default list)"
    )
    v.add_argument(
        "inputs",
        nargs="*",
        metavar="FILE|CAMERA",
        help="show, export: a .dcp, a raw file, or a camera you have a profile for; import: .dcp files",
    )
    v.add_argument("-o", "--output", metavar="FILE", help="export: camera.dcp")
