# SPDX-License-Identifier: Apache-2.0
"""What ``develop`` and ``merge`` begin with: the frames that can be read; and the warnings that come up."""

from __future__ import annotations

import contextlib
import hashlib
import math
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lichtbild.base.errors import BurstMismatch, InputError, LichtbildWarning
from lichtbild.base.image import Burst, Shot
from lichtbild.capture import dcp, noise_file, noise_model
from lichtbild.capture.burst import MOST_FRAMES, gather, order, strangers
from lichtbild.capture.profiles import Kept, opened_profile, own_profile
from lichtbild.capture.raw import read_raw, read_shot
from lichtbild.combine.zoom import zoomed
from lichtbild.recipe import Recipe
from lichtbild.tools.outcome import Failures, UsageError
from lichtbild.tools.talk import Talk

NO_PROFILE = Path("none")  # --dcp none
FEW = 0.25  # of the frames that may be strangers and are left out; more of them are no mistake of one file
MIDDLE = 1.5  # zoom from which on twice the pixels a side are worth it


@dataclass(frozen=True)
class Opened:
    """A burst that was read.

    ``inputs`` are name and SHA-256 of each file that made it: frames, then colour profile and noise model if
    they come from files of their own (none where all metadata is left out).  ``left_out`` are the files that
    were to be frames and why they are not, ``noise`` says where its noise model comes from, ``profile`` which
    file its colours.
    """

    burst: Burst
    inputs: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[Path, str], ...] = ()
    noise: str = "file"
    profile: str = ""


def opened(paths: Sequence[Path], args: Namespace, failures: Failures) -> Opened:
    """Read a burst; frames that cannot be read or do not belong to it are named in `failures` and left out.

    Raises
    ------
    InputError
        No frame can be read, or they do not belong together.
    UsageError
        There is no such reference frame, or it is one of those left out.
    """
    paths = first(paths, args.frames, args.layout)
    reference = None if args.reference == "auto" else args.reference
    if reference is not None and reference >= len(paths):
        raise UsageError(
            f"--reference = {reference}: the burst has {len(paths)} frames",
            hint=f"give auto or a number from 0 to {len(paths) - 1}",
        )
    left_out: list[tuple[Path, str]] = []
    try:
        burst = gather(paths, reference, args.layout)
    except InputError:
        if not 1 < len(paths) <= MOST_FRAMES:
            raise
        shots, left_out = usable(paths, args.layout, failures)
        if not left_out:
            raise
        if reference is not None:
            reference = among(shots, reference, in_time(paths, args.layout))
        burst = gather([s.path for s in shots], reference, args.layout)
    source = "profile" if args.noise else "file" if burst.frames[0].shot.noise else "estimated"
    if args.noise:
        burst = noise_model.applied(burst, noise_file.read_noise_model(args.noise))
    used = chosen_profile(burst, args.dcp, failures.talk)
    if used is not None:
        burst = dcp.applied(burst, used.profile)
    burst = zoomed(burst, args.zoom)
    files = [f.shot.path for f in burst.frames] + ([args.noise] if args.noise else [])
    named = files if args.strip != "all" else ()  # where nobody will be told, nothing is hashed
    inputs = [(path.name, sha256(path)) for path in named]
    if used is not None and named:
        inputs.append((used.path.name, used.sha256))
    return Opened(burst, tuple(inputs), tuple(left_out), source, str(used.path) if used else "")


def chosen_profile(burst: Burst, wanted: Path | None, talk: Talk) -> Kept | None:
    """The colour profile for a burst: the one asked for, else the user's own for that camera, else none.

    ``--dcp none`` asks for what the files say themselves.
    """
    if wanted == NO_PROFILE:
        return None
    if wanted is not None:
        return opened_profile(wanted)
    if (own := own_profile(burst)) is not None:
        talk.note(f"colours by {own.path.name} ({own.profile.colour.name}); --dcp none: those of the file")
    return own


def turned(args: Namespace) -> list[str]:
    """The knobs that ``--set`` and flags of their own turn, as settings of a recipe."""
    flags = {
        "display.space": getattr(args, "profile", None),
        "frame.style": getattr(args, "frame", None),
        "merge.method": args.merge,
        "superres.scale": args.scale,
        "calibrate.pick_y": args.pick and args.pick[0],
        "calibrate.pick_x": args.pick and args.pick[1],
    }
    chosen = [*args.settings, *(f"{knob}={value}" for knob, value in flags.items() if value is not None)]
    return [f"superres.scale={finer(args.zoom)}", *chosen] if args.zoom > 1 else chosen


def finer(zoom: float) -> str:
    """The scale of superres that gives the middle of a frame the pixels of a frame, as far as it can."""
    return "2" if zoom > MIDDLE else "1.5" if zoom > 1 else "1"


def lacking(args: Namespace, recipe: Recipe) -> float:
    """How many times the pixels along a side a zoomed photo lacks, unless another scale was chosen."""
    scale = recipe.superres.scale
    return args.zoom / float(scale) if args.scale is None and scale == finer(args.zoom) else 1.0


def first(paths: Sequence[Path], count: int | None, layout: str) -> tuple[Path, ...]:
    """The first `count` of `paths` in the order of time; all of them, as given, without a count."""
    return tuple(paths) if count is None or count >= len(paths) else tuple(in_time(paths, layout)[:count])


def in_time(paths: Sequence[Path], layout: str) -> list[Path]:
    """All `paths` as they were taken; one that cannot be read counts as after the one before it by name."""
    times: dict[Path, float] = {}
    latest = -math.inf
    for path in sorted(paths, key=lambda p: p.name):
        with contextlib.suppress(InputError):
            latest = order(read_shot(path))[0] if not layout else 0.0
        times[path] = latest
    return sorted(paths, key=lambda p: (times[p], p.name))


def usable(
    paths: Sequence[Path], layout: str, failures: Failures
) -> tuple[list[Shot], list[tuple[Path, str]]]:
    """What those of `paths` say that can be read and belong together, and why the others do not.

    Raises
    ------
    InputError
        None can be read.
    """
    shots: list[Shot] = []
    left_out: list[tuple[Path, str]] = []
    hints: set[str] = set()
    for path in paths:
        try:
            shots.append(read_raw(path, layout).shot)
        except InputError as error:
            failures.add(path, error)
            left_out.append((path, str(error)))
            hints.add(error.hint)
    if not shots:
        hint = hints.pop() if len(hints) == 1 else "copy them again, or name others"
        raise InputError(f"none of the {len(paths)} files can be read", hint=hint)
    odd = strangers(shots)
    if len(odd) <= FEW * len(shots):
        for shot, how in odd:
            error = BurstMismatch(f"{shot.path} is left out: {how}", hint="name only the frames of one burst")
            failures.add(shot.path, error)
            left_out.append((shot.path, how))
        shots = [s for s in shots if all(s is not o for o, _ in odd)]
    return shots, left_out


def among(shots: Sequence[Shot], reference: int, everyone: Sequence[Path]) -> int:
    """Where frame number `reference` of `everyone` stands among the `shots` that are used.

    Raises
    ------
    UsageError
        It is one of those that are left out.
    """
    known = {s.path for s in shots}
    wanted = everyone[reference]
    if wanted not in known:
        raise UsageError(
            f"--reference = {reference}: {wanted} cannot be read or is no frame of this burst",
            hint="give auto or another number, or copy the file again",
        )
    return [p for p in everyone if p in known].index(wanted)


def counted(args: Namespace, read: Opened) -> Namespace:
    """The command line with its reference counted among the frames that are used.

    So a file says it, since only they are told: who makes it again has no others.
    """
    reference = args.reference if args.reference == "auto" else read.burst.reference
    return Namespace(**{**vars(args), "reference": reference})


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def warned(talk: Talk) -> Iterator[list[str]]:
    """Say our own warnings, one line each and each once; gives their sentences."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", LichtbildWarning)
        try:
            yield said
        finally:
            said += dict.fromkeys(str(w.message) for w in caught)
            for line in said:
                talk.warn(line)
