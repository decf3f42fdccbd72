# SPDX-License-Identifier: Apache-2.0
"""``lichtbild simulate`` and ``lichtbild demo``: bursts for people who have none at hand."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lichtbild.base.errors import ExportError
from lichtbild.base.params import nearest
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk, frames

if TYPE_CHECKING:
    from lichtbild.base.image import Burst
    from lichtbild.simulate import Truth
    from lichtbild.simulate.scene import Scene


def simulate(args: Namespace, talk: Talk) -> int:
    """Write a simulated burst and its truth into a folder."""
    from lichtbild.simulate import SCENES, write

    height, width = size_of(args.size)
    if str(args.folder) == "chart" and (args.name or args.output):
        from lichtbild.tools.chart import simulate_chart

        return simulate_chart(args, (height, width), talk)
    if args.name or args.output:
        raise UsageError(
            "simulate takes one folder, or the word chart, a name and -o FILE",
            hint="lichtbild simulate --help",
        )
    if args.scene not in SCENES and not Path(args.scene).exists():
        close = nearest(args.scene, SCENES)
        raise UsageError(
            f"--scene = {args.scene!r} is not one of {', '.join(SCENES)}, and no file{close}",
            hint="lichtbild simulate --help",
        )
    scene = strewn(args, width / height) if args.leaves else args.scene
    there = any(any(args.folder.glob(names)) for names in ("frame_*.dng", "truth.npz", "truth.json"))
    if there and not args.overwrite:
        raise ExportError(
            f"{args.folder} holds a burst already", hint="--overwrite replaces it, or name another folder"
        )
    taken, truth = shoot(args, scene, (height, width), count=count_of(args), talk=talk)
    paths = write(args.folder, taken, truth)
    for path in paths:
        talk.result(str(path))
    talk.document({"folder": str(args.folder), "files": [str(p) for p in paths]})
    return DONE


def strewn(args: Namespace, aspect: float) -> Scene:
    """The scene of dead leaves with the radii that ``--leaves`` names.

    Raises
    ------
    UsageError
        It is another scene, or these are not two or three numbers.
    """
    from lichtbild.simulate.leaves import Strewn, leaves

    try:
        numbers = [float(word) for word in args.leaves.split(",")]
    except ValueError:
        numbers = []
    if args.scene != "leaves" or len(numbers) not in (2, 3):
        raise UsageError(
            f"--leaves = {args.leaves} needs --scene leaves, and is two or three numbers",
            hint="for example --scene leaves --leaves 1,200,3",
        )
    smallest, largest, exponent = [*numbers, 3.0][:3]
    return leaves(aspect, args.seed, Strewn(smallest, largest, exponent))


def count_of(args: Namespace) -> int:
    """How many frames: as asked, else one for each exposure, else eight."""
    return args.frames or (len(args.exposures) if len(args.exposures) > 1 else 8)


def shoot(
    args: Namespace, scene: str | Scene, size: tuple[int, int], *, count: int, talk: Talk
) -> tuple[Burst, Truth]:
    """Take `count` frames of a scene with the camera and the hand that the flags name."""
    from lichtbild.simulate import burst

    talk.note(f"simulating {frames(count)} of {size[1]} × {size[0]} pixels at ISO {args.iso}")
    return burst(
        scene,
        size=size,
        frames=count,
        iso=args.iso,
        seed=args.seed,
        shake=args.shake,
        trace=args.trace,
        readout=args.readout,
        blur=args.blur,
        exposures=args.exposures,
        **parts(args),
    )


def parts(args: Namespace) -> dict[str, Any]:
    """The parts of the camera that the flags name, for `burst` and `camera`."""
    return {part: getattr(args, part) for part in ("cfa", "sensor", "lens", "filters", "light")}


def demo(args: Namespace, talk: Talk) -> int:
    """The main job on a simulated burst: burst, photo, merged DNG, before and after."""
    from lichtbild.tools.demo import demo as run
    from lichtbild.tools.open import warned

    with warned(talk) as warnings:
        made = run(
            args.folder, seed=args.seed, size=size_of(args.size), overwrite=args.overwrite, progress=talk.note
        )
    took = sum(made.seconds.values())
    talk.table(
        [
            (str(made.burst[0].parent), f"the burst, {frames(made.frames)}, and its truth"),
            (str(made.merged), "all frames merged, for a raw editor"),
            (str(made.photo), "the photo"),
            (str(made.comparison), "one frame beside the photo: look at this one first"),
        ]
    )
    talk.result(f"{made.photo.name}  {frames(made.frames)}, {made.used} merged  {took:.1f} s")
    talk.document({**asdict(made), "warnings": warnings})
    return DONE


def size_of(text: str) -> tuple[int, int]:
    """``2448x3264`` as (height, width).

    Raises
    ------
    UsageError
        It is something else, or no size that can be simulated.
    """
    height, cross, width = text.lower().partition("x")
    if not (cross and height.isdecimal() and width.isdecimal()):
        raise UsageError(f"--size = {text} is not HEIGHTxWIDTH", hint="for example --size 2448x3264")
    size = int(height), int(width)
    if any(n % 2 or not 64 <= n <= 16384 for n in size):
        raise UsageError(
            f"--size = {text}: each side is even and 64 … 16384 pixels long",
            hint="for example --size 2448x3264",
        )
    return size
