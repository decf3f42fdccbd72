# SPDX-License-Identifier: Apache-2.0
"""``lichtbild simulate`` and ``lichtbild demo``: bursts for people who have none at hand."""

from __future__ import annotations

from argparse import Namespace

from lichtbild.base.errors import ExportError
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk


def simulate(args: Namespace, talk: Talk) -> int:
    """Write a simulated burst and its truth into a folder."""
    from lichtbild.simulate import burst, write

    height, cross, width = args.size.lower().partition("x")
    if not (cross and height.isdecimal() and width.isdecimal()):
        raise UsageError(f"--size = {args.size} is not HEIGHTxWIDTH", hint="for example --size 2448x3264")
    if not args.overwrite and args.folder.is_dir() and any(args.folder.glob("frame_*.dng")):
        raise ExportError(
            f"{args.folder} has a burst already", hint="--overwrite replaces it, or name another folder"
        )
    talk.note(f"simulating {args.frames} frames of {width} × {height} pixels at ISO {args.iso}")
    taken, truth = burst(
        args.scene,
        size=(int(height), int(width)),
        frames=args.frames,
        iso=args.iso,
        seed=args.seed,
        shake=args.shake,
    )
    paths = write(args.folder, taken, truth)
    for path in paths:
        talk.result(str(path))
    talk.document({"folder": str(args.folder), "files": [str(p) for p in paths]})
    return DONE
