# SPDX-License-Identifier: Apache-2.0
"""The command line: words in, one verb run, a number out.

Here is only the grammar; every verb lives in a module of its own that is imported when it is called, so that
``lichtbild --help`` needs no NumPy.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from lichtbild.base.params import nearest
from lichtbild.tools.outcome import DONE, Ending, UsageError
from lichtbild.tools.talk import Talk

VERBS = {  # verb → where it lives
    "develop": "lichtbild.tools.develop:develop",
    "merge": "lichtbild.tools.merge:merge",
    "info": "lichtbild.tools.show:describe",
    "looks": "lichtbild.tools.show:looks",
    "knobs": "lichtbild.tools.show:knobs",
    "group": "lichtbild.tools.show:group",
    "simulate": "lichtbild.tools.simulate:simulate",
    "demo": "lichtbild.tools.simulate:demo",
    "doctor": "lichtbild.tools.doctor:doctor",
}
SCENES = ("room", "leaves", "chart")  # as `lichtbild.simulate` has them, which is not imported for --help
HANDS = ("still", "steady", "hand", "shaky")


class Parser(argparse.ArgumentParser):
    """An argument parser that takes whole flags only and raises what is wrong instead of printing a page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence.

        Raises
        ------
        UsageError
            Always.
        """
        if "invalid choice" in message and "argument VERB" in message:
            word = message.split("'")[1]
            raise UsageError(
                f"no verb {word!r}{nearest(word, VERBS)}", hint="`lichtbild --help` lists the verbs"
            )
        raise UsageError(message, hint=f"`{self.prog} --help` shows the usage")


def number(low: int, high: int, word: str = "") -> type:
    """An argument type: a whole number between `low` and `high`, or `word`."""

    def convert(text: str) -> int | str:
        if word and text == word:
            return text
        if not text.isdecimal() or not low <= int(text) <= high:
            allowed = f"{word + ' or ' if word else ''}a whole number from {low} to {high}"
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed, give {allowed}")
        return int(text)

    return convert  # type: ignore[return-value]  # argparse takes any callable


def common() -> Parser:
    """The flags of every verb."""
    flags = Parser(add_help=False)
    group = flags.add_argument_group("every verb")
    group.add_argument("--json", action="store_true", help="results as one JSON document on stdout")
    group.add_argument("--quiet", action="store_true", help="only results and errors")
    group.add_argument("--verbose", action="store_true", help="also say what each stage took")
    group.add_argument("--overwrite", action="store_true", help="replace files that exist")
    group.add_argument(
        "--threads", type=number(1, 1024), metavar="N", help="processor threads (default: all)"
    )
    group.add_argument(
        "--progress",
        choices=("auto", "bar", "plain", "none"),
        default="auto",
        help="auto: a bar on a terminal, plain lines elsewhere",
    )
    return flags


def parser() -> Parser:
    """The whole grammar."""
    top = Parser(
        prog="lichtbild",
        description="Raw bursts in, finished photographs out.",
        epilog="`lichtbild VERB --help` explains a verb.",
    )
    top.add_argument("--version", action="store_true", help="print the version")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    shared = [common()]

    def verb(name: str, words: str) -> Parser:
        return verbs.add_parser(name, help=words, description=words, parents=shared)

    develop_words(
        verb(
            "develop",
            "Develop bursts into finished photos. Files are one burst; a folder is one burst if -o is a "
            "file, else its bursts are found.",
        )
    )
    merge_words(
        verb(
            "merge",
            "Merge one burst into a linear DNG or TIFF: clean light, no tone, for your own raw editor.",
        )
    )
    v = verb("info", "Say what raw files are: camera, exposure, levels, noise, opcodes.")
    v.add_argument("files", nargs="+", type=Path, metavar="FILE")
    verb("looks", "List the looks.")
    v = verb("knobs", "List the knobs of every stage, or of one.")
    v.add_argument("stage", nargs="?", metavar="STAGE")
    v = verb("group", "Find the bursts in a folder and say why each frame belongs.")
    v.add_argument("folder", type=Path, metavar="DIR")
    simulate_words(verb("simulate", "Make a raw burst with a simulated camera, and its truth."))
    demo_words(
        verb(
            "demo", "Make a burst, develop it, leave burst, photo, DNG and before/after picture in a folder."
        )
    )
    verb("doctor", "Check this machine: processor, libraries and three self-tests.")
    return top


def develop_words(v: Parser) -> None:
    """Everything ``develop`` understands."""
    v.add_argument("inputs", nargs="+", type=Path, metavar="FILE|FOLDER")
    v.add_argument(
        "-o", "--output", required=True, metavar="FILE|FOLDER", help="photo.jpg, .tif, .png or a folder"
    )
    v.add_argument("--dng", metavar="FILE|FOLDER", help="also write the merged linear DNG")
    v.add_argument("--tiff", metavar="FILE|FOLDER", help="also write the photo as 16-bit TIFF")
    v.add_argument("--look", default="natural", metavar="NAME|FILE", help="a look by name or as a TOML file")
    v.add_argument("--profile", choices=("p3", "srgb"), help="colour space of the photo")
    v.add_argument(
        "--quality", type=number(1, 100), default=92, metavar="1…100", help="of a JPEG (default 92)"
    )
    burst_words(v)


def merge_words(v: Parser) -> None:
    """Everything ``merge`` understands."""
    v.add_argument("inputs", nargs="+", type=Path, metavar="FILE|FOLDER")
    v.add_argument("-o", "--output", required=True, metavar="FILE", help="merged.dng or merged.tif")
    v.add_argument("--cfa", action="store_true", help="a mosaic DNG instead of a linear one")
    v.add_argument("--space", choices=("camera", "srgb", "rec2020"), help="of a TIFF (default camera)")
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
        help="the frame the others are moved to, counted from 0 (auto: the sharpest)",
    )
    v.add_argument(
        "--frames", type=number(1, 9999), metavar="N", help="use at most the first N frames of a burst"
    )
    v.add_argument(
        "--layout",
        default="",
        metavar="WORDS",
        help="what headerless files hold: '2592x1536 u8 GRBG black=12 white=255', 'png RGGB white=1023'",
    )
    v.add_argument("--strip", choices=("none", "gps", "all"), default="none", help="metadata to leave out")


def simulate_words(v: Parser) -> None:
    """Everything ``simulate`` understands."""
    v.add_argument("folder", type=Path, metavar="DIR")
    v.add_argument("--scene", choices=SCENES, default="room", help="what is photographed (default room)")
    v.add_argument("--shake", choices=HANDS, default="hand", help="how the phone is held (default hand)")
    v.add_argument("--frames", type=number(1, 64), default=8, metavar="N", help="how many (default 8)")
    v.add_argument("--iso", type=number(25, 102400), default=400, metavar="ISO", help="default 400")
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


def run(argv: Sequence[str], talk: Talk) -> int:
    """Parse `argv` and run its verb."""
    top = parser()
    args = top.parse_args(argv)
    if args.version:
        import lichtbild

        print(f"lichtbild {lichtbild.__version__}")
        return DONE
    if args.verb is None:
        top.print_help()
        return DONE
    if args.threads:
        from lichtbild.base import kernels

        kernels.set_threads(args.threads)
    module, function = VERBS[args.verb].split(":")
    return getattr(importlib.import_module(module), function)(args, replace(talk, progress=args.progress))


def call(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    talk = Talk(json="--json" in argv, quiet="--quiet" in argv, verbose="--verbose" in argv)
    with warnings.catch_warnings(), Ending(talk) as ending:
        warnings.simplefilter("ignore")  # ours are recorded where they arise
        ending.code = run(argv, talk)
        sys.stdout.flush()
    return ending.code


def main() -> NoReturn:
    """The installed program: `call`, a clean end when killed, silence when nobody reads the output."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # unwinds: nothing half-written
    code = call(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
