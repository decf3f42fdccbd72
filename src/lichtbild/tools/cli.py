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
from typing import NoReturn

from lichtbild.tools.arguments import Parser, number
from lichtbild.tools.camera_words import calibrate_words, profile_words
from lichtbild.tools.file_words import sheet_words, verify_words
from lichtbild.tools.outcome import DONE, Ending
from lichtbild.tools.photo_words import develop_words, gainmap_words
from lichtbild.tools.talk import Talk
from lichtbild.tools.words import (
    demo_words,
    looks_words,
    measure_words,
    merge_words,
    simulate_words,
)

VERBS = {  # verb → where it lives
    "develop": "lichtbild.tools.develop:develop",
    "merge": "lichtbild.tools.merge:merge",
    "verify": "lichtbild.tools.verify:verify",
    "sheet": "lichtbild.tools.sheet:sheet",
    "gainmap": "lichtbild.tools.gainmap:gainmap",
    "info": "lichtbild.tools.show:describe",
    "looks": "lichtbild.tools.looks:looks",
    "knobs": "lichtbild.tools.show:knobs",
    "group": "lichtbild.tools.show:group",
    "simulate": "lichtbild.tools.simulate:simulate",
    "measure": "lichtbild.tools.measure:measure",
    "calibrate": "lichtbild.tools.calibrate:calibrate",
    "profile": "lichtbild.tools.profile:profile",
    "demo": "lichtbild.tools.simulate:demo",
    "doctor": "lichtbild.tools.doctor:doctor",
}


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
    top.verbs = tuple(VERBS)
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
    verify_words(
        verb(
            "verify",
            "Make a photo again from the recipe inside it and its burst, and compare every pixel: exit code "
            "0 if it is the same, 1 if it differs, 3 if it cannot be made again.",
        )
    )
    sheet_words(verb("sheet", "Make a contact sheet of the photos in a folder: one HTML file."))
    gainmap_words(
        verb(
            "gainmap",
            "Put an ordinary picture and its HDR rendition into one gain-map JPEG, or say what is in one.",
        )
    )
    v = verb("info", "Say what raw files are: camera, exposure, levels, noise, opcodes.")
    v.add_argument("files", nargs="+", type=Path, metavar="FILE")
    looks_words(verb("looks", "List the looks; show one, begin one of your own, import and export looks."))
    v = verb("knobs", "List the knobs of every stage, or of one.")
    v.add_argument("stage", nargs="?", metavar="STAGE")
    v = verb("group", "Find the bursts in a folder and say why each frame belongs.")
    v.add_argument("folder", type=Path, metavar="DIR")
    simulate_words(
        verb(
            "simulate",
            "Make a raw burst with a simulated camera, and its truth; `simulate chart NAME` makes a chart.",
        )
    )
    measure_words(verb("measure", "Measure image quality: charts are found in photos, TIFFs, raws and DNGs."))
    calibrate_words(verb("calibrate", "Measure a camera: its noise model, or its colour profile."))
    profile_words(verb("profile", "The colour profiles (DCP) of your cameras: list, show, import, export."))
    demo_words(
        verb(
            "demo", "Make a burst, develop it, leave burst, photo, DNG and before/after picture in a folder."
        )
    )
    verb("doctor", "Check this machine: processor, libraries and three self-tests.")
    return top


def run(argv: Sequence[str], talk: Talk) -> int:
    """Parse `argv` and run its verb."""
    top = parser()
    args, words = top.parse_known_args(argv)
    if words:
        late(top, args, words)
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


def late(top: Parser, args: argparse.Namespace, words: list[str]) -> None:
    """Take files that stand behind the flags, which argparse leaves over where files may be missing.

    Raises
    ------
    UsageError
        There are flags among them, or the verb takes no more words.
    """
    if not any(w.startswith("-") for w in words):
        if isinstance(getattr(args, "inputs", None), list):
            args.inputs += map(Path, words)
            return
        if getattr(args, "name", None) == "" and len(words) == 1:
            args.name = words[0]
            return
    top.error(f"unrecognized arguments: {' '.join(words)}")


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
