# SPDX-License-Identifier: Apache-2.0
"""The words of the verbs that write photos: ``develop`` and ``gainmap``."""

from __future__ import annotations

from pathlib import Path

from lichtbild.tools.arguments import Parser, number
from lichtbild.tools.words import burst_words


def develop_words(v: Parser) -> None:
    """Everything ``develop`` understands."""
    v.add_argument("inputs", nargs="+", type=Path, metavar="FILE|FOLDER")
    v.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE|FOLDER",
        help="photo.jpg, .avif, .heic, .jxl, .tif, .png, a folder, or both: out/.avif",
    )
    v.add_argument("--dng", metavar="FILE|FOLDER", help="also write the merged linear DNG")
    v.add_argument(
        "--dng-look", action="store_true", help="raw editors start from the look: it is the DNG's profile"
    )
    v.add_argument("--tiff", metavar="FILE|FOLDER", help="also write the photo as 16-bit TIFF")
    v.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="FILE|FOLDER|.SUFFIX",
        help="also write the photo in another format: .avif (beside the photo), web/.jpg, x.png; repeatable",
    )
    v.add_argument(
        "--hdr",
        choices=("auto", "none", "gainmap", "pq", "hlg"),
        default="auto",
        help="light beyond white, in every file that can hold it (auto: JPEG gain map; AVIF, HEIC, JXL pq; "
        "TIFF, PNG none)",
    )
    v.add_argument(
        "--depth", type=number(8, 16), metavar="8|10|12|16", help="bits of a sample: 16 for a PNG"
    )
    v.add_argument("--look", default="natural", metavar="NAME|FILE", help="a look by name or as a TOML file")
    v.add_argument("--profile", choices=("p3", "srgb"), help="colour space of the photo")
    v.add_argument(
        "--frame", choices=("line", "mat"), help="a border with camera and exposure: a strip, or all around"
    )
    v.add_argument(
        "--quality", type=number(1, 100), default=92, metavar="1…100", help="of a JPEG (default 92)"
    )
    burst_words(v)


def gainmap_words(v: Parser) -> None:
    """Everything ``gainmap`` understands."""
    v.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="an ordinary picture and its HDR rendition of the same size, or a gain-map JPEG to be told of",
    )
    v.add_argument("-o", "--output", metavar="FILE", help="photo.jpg")
    v.add_argument(
        "--headroom",
        type=float,
        metavar="EV",
        help="of the display that shows all of it, 0.1 to 8 (default: the brightest gain)",
    )
    v.add_argument(
        "--scale",
        type=number(1, 16),
        default=2,
        metavar="N",
        help="side in pixels of the squares that get one gain (default 2)",
    )
    v.add_argument("--grey", action="store_true", help="one gain for all colours")
    v.add_argument(
        "--hdr-transfer",
        choices=("linear", "pq", "hlg"),
        help="curve of the HDR rendition, where the file does not say (1.0 linear is the white of the other)",
    )
    v.add_argument(
        "--hdr-space",
        choices=("srgb", "p3", "rec2020"),
        help="primaries of the HDR rendition, where the file does not say",
    )
    v.add_argument(
        "--quality", type=number(1, 100), default=92, metavar="1…100", help="of the picture (default 92)"
    )
    v.add_argument("--strip", choices=("none", "gps", "all"), default="none", help="metadata to leave out")
