# SPDX-License-Identifier: Apache-2.0
"""The words of every verb: its flags and what they mean."""

from __future__ import annotations

from pathlib import Path

from lichtbild.tools.arguments import Parser, exposures, number, place, zoom
from lichtbild.tools.file_words import sign_words

SCENES = ("room", "leaves", "chart")  # as `lichtbild.simulate` has them, which is not imported for --help
HANDS = ("still", "steady", "hand", "shaky", "jumps", "wild")


def merge_words(v: Parser) -> None:
    """Everything ``merge`` understands."""
    v.add_argument("inputs", nargs="+", type=Path, metavar="FILE|FOLDER")
    v.add_argument("-o", "--output", required=True, metavar="FILE", help="merged.dng or merged.tif")
    v.add_argument("--cfa", action="store_true", help="a mosaic DNG instead of a linear one")
    v.add_argument("--space", choices=("camera", "srgb", "rec2020"), help="of a TIFF (default camera)")
    v.add_argument(
        "--look", metavar="NAME|FILE", help="of a DNG: raw editors start from this look (it is the profile)"
    )
    burst_words(v)


def burst_words(v: Parser) -> None:
    """What ``develop`` and ``merge`` share: frames, recipe and metadata."""
    v.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.KNOB=VALUE",
        dest="settings",
        help="turn one knob, e.g. exposure.ev=+0.3; repeatable",
    )
    v.add_argument(
        "--reference",
        type=number(0, 9999, "auto"),
        default="auto",
        metavar="auto|N",
        help="the frame the others are moved to, counted from 0 (auto: the sharpest of those exposed best)",
    )
    v.add_argument(
        "--frames", type=number(1, 9999), metavar="N", help="use at most the first N frames of a burst"
    )
    v.add_argument(
        "--merge",
        choices=("robust", "mean"),
        help="robust (default): what moved is left out. mean: plain average",
    )
    v.add_argument(
        "--scale",
        choices=("1", "1.5", "2"),
        help="pixels along a side, in multiples of the sensor's (default 1)",
    )
    v.add_argument(
        "--zoom",
        type=zoom,
        default=1.0,
        metavar="N",
        help="1 to 4: only the middle, 1/N of each side, with finer pixels from the burst (see --scale); "
        "what a photo lacks beyond 2 is resampled",
    )
    v.add_argument(
        "--explain",
        metavar="FILE|FOLDER",
        help="also write what the merge did: a picture (.png), and JSON of the same name",
    )
    v.add_argument(
        "--layout",
        default="",
        metavar="WORDS",
        help="what headerless files hold: '2592x1536 u8 GRBG black=12 white=255', 'png RGGB white=1023'",
    )
    v.add_argument(
        "--noise", type=Path, metavar="FILE", help="noise.json of `calibrate noise`, for the files' own"
    )
    v.add_argument(
        "--dcp",
        type=Path,
        metavar="FILE|none",
        help="colour profile to use (default: yours for that camera, see `profile`; none: the file's own)",
    )
    v.add_argument(
        "--pick",
        type=place,
        metavar="Y,X",
        help="white balance: something grey in the photo, as shares of its height and width, e.g. 0.4,0.75",
    )
    v.add_argument("--strip", choices=("none", "gps", "all"), default="none", help="metadata to leave out")
    sign_words(v)


def simulate_words(v: Parser) -> None:
    """Everything ``simulate`` understands."""
    v.add_argument("folder", type=Path, metavar="DIR|chart", help="where the burst goes, or the word chart")
    v.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="of a chart: lab, edges, star, leaves …"
    )
    v.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="of a chart: .png or .tif to print, .dng with its truth, or a folder",
    )
    v.add_argument(
        "--scene",
        default="room",
        metavar="NAME|FILE",
        help=f"what is photographed: {', '.join(SCENES)}, or a picture file (default room)",
    )
    v.add_argument(
        "--leaves",
        metavar="R_MIN,R_MAX[,ALPHA]",
        help="of the scene leaves: radii in pixels, density r^-ALPHA (default 1.5,210,3)",
    )
    v.add_argument("--shake", choices=HANDS, default="hand", help="how the camera is held (default hand)")
    v.add_argument(
        "--trace", type=Path, metavar="FILE", help="a recorded hand: CSV with t_s, y_px, x_px, roll_deg"
    )
    v.add_argument(
        "--readout",
        type=float,
        default=0.0,
        metavar="S",
        help="rolling shutter: from the first row to the last, up to 0.033 s (default 0)",
    )
    v.add_argument(
        "--blur",
        type=number(1, 64),
        default=1,
        metavar="N",
        help="moments of an exposure that are averaged (default 1: no motion blur)",
    )
    v.add_argument(
        "--frames", type=number(1, 64), metavar="N", help="how many (default 8, or as many as --exposures)"
    )
    v.add_argument(
        "--exposures",
        type=exposures,
        default=(0.0,),
        metavar="EV[,EV…]",
        help="of the frames in turn: 0,-2,-4 is a bracket (default 0)",
    )
    v.add_argument("--iso", type=number(25, 102400), default=400, metavar="ISO", help="default 400")
    v.add_argument("--lens", default="phone", metavar="NAME|FILE", help="phone, plain, wide or a TOML file")
    v.add_argument(
        "--sensor", default="phone", metavar="NAME|FILE", help="phone, phone-pattern, dslr, ideal or a file"
    )
    v.add_argument(
        "--cfa", default="rggb", metavar="NAME", help="rggb, grbg, gbrg, bggr, quad, nona, ryyb, mono …"
    )
    v.add_argument(
        "--filters",
        default="",
        metavar="NAME|FILE",
        help="sensitivities: phone, ryyb, mono or a CSV (nm, R, G, B)",
    )
    v.add_argument("--light", default="D65", metavar="NAME", help="illuminant of the scene (default D65)")
    sensor_words(v)


def demo_words(v: Parser) -> None:
    """Everything ``demo`` understands."""
    v.add_argument("folder", nargs="?", type=Path, default=Path("lichtbild-demo"), metavar="DIR")
    sensor_words(v)


def sensor_words(v: Parser) -> None:
    """What made-up bursts share."""
    v.add_argument(
        "--size", default="2448x3264", metavar="HxW", help="height x width (default 2448x3264 pixels)"
    )
    v.add_argument(
        "--seed", type=number(0, 2**31 - 1), default=1, metavar="N", help="other details (default 1)"
    )


def looks_words(v: Parser) -> None:
    """Everything ``looks`` understands."""
    v.add_argument(
        "what",
        nargs="?",
        default="list",
        metavar="list|show|new|import|export",
        help="what to do (default list)",
    )
    v.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="NAME|FILE",
        help="the look; import: a .cube, .clf, HALD .png or .tif, .dcp, or .xmp preset",
    )
    v.add_argument("-o", "--output", metavar="FILE", help="export: .cube, .clf, .png (HALD) or .dcp")
    v.add_argument("--name", dest="called", metavar="NAME", help="import: what the look is called")
    v.add_argument(
        "--base", metavar="NAME", help="new, import: the look to begin with (default natural, neutral)"
    )
    v.add_argument(
        "--size", type=number(2, 65), metavar="N", help="export, import: cells of a table a side (default 33)"
    )
    v.add_argument(
        "--input",
        metavar="CODE",
        help="export: light a table takes, srgb (default) or log; import: code of its colours",
    )
    v.add_argument(
        "--space",
        metavar="NAME",
        help="primaries of a table: srgb (default), p3 …; import of scene light: IN,OUT",
    )
    v.add_argument("--camera", type=Path, metavar="FILE", help="export .dcp: DNG or DCP of its camera")


def measure_words(v: Parser) -> None:
    """Everything ``measure`` understands."""
    v.add_argument(
        "inputs", nargs="*", type=Path, metavar="FILE|FOLDER", help="photos, TIFFs, raws, DNGs of charts"
    )
    v.add_argument(
        "-o", "--output", metavar="FILE", help="report.html, .json or .csv; repeatable", action="append"
    )
    v.add_argument(
        "--chart", default="auto", metavar="NAME", help="which chart it is (default: found by itself)"
    )
    v.add_argument(
        "--roi",
        action="append",
        default=[],
        metavar="[KIND:]Y,X,HEIGHT,WIDTH",
        help="measure here instead of searching, e.g. edge:120,300,200,100; repeatable",
    )
    v.add_argument(
        "--sfr",
        choices=("iso2023", "iso2017", "robust"),
        default="iso2023",
        help="slanted edges (default iso2023)",
    )
    v.add_argument(
        "--decoding",
        default="auto",
        metavar="auto|linear|srgb|POWER",
        help="what makes the samples of a photo linear (default: its profile)",
    )
    v.add_argument("--reference", type=Path, metavar="FILE", help="colours: a CSV of patch Lab values")
    v.add_argument("--truth", type=Path, metavar="DIR", help="a simulated burst: compare with what was there")
    v.add_argument(
        "--spectra", type=Path, metavar="FILE", help="measure sensor sensitivities: CSV of nm, R, G, B"
    )
    v.add_argument("--baseline", type=Path, metavar="FILE", help="an older report.json; exit 1 if it moved")
    v.add_argument("--weights", type=Path, metavar="FILE", help="a TOML with weights and goals of the score")
    v.add_argument("--self-test", action="store_true", help="measure simulated charts whose truth is known")
    v.add_argument("--layout", default="", metavar="WORDS", help="what headerless files hold (see develop)")
