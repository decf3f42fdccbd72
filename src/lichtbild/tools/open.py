# SPDX-License-Identifier: Apache-2.0
"""What ``develop`` and ``merge`` begin with: the frames that can be read; and the warnings that come up."""

from __future__ import annotations

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
from lichtbild.capture.burst import MOST_FRAMES, gather, order
from lichtbild.capture.raw import read_raw
from lichtbild.tools.outcome import Failures, UsageError
from lichtbild.tools.talk import Talk


@dataclass(frozen=True)
class Opened:
    """A burst that was read, and name and SHA-256 of each of its files."""

    burst: Burst
    inputs: tuple[tuple[str, str], ...]


def opened(paths: Sequence[Path], args: Namespace, failures: Failures) -> Opened:
    """Read a burst; frames that cannot be read are named in `failures` and left out.

    Raises
    ------
    InputError
        No frame can be read, or they do not belong together.
    UsageError
        There is no such reference frame, or it is the one that cannot be read.
    """
    paths = paths[: args.frames]
    reference = None if args.reference == "auto" else args.reference
    if reference is not None and reference >= len(paths):
        raise UsageError(
            f"--reference = {reference}: the burst has {len(paths)} frames",
            hint=f"give auto or a number from 0 to {len(paths) - 1}",
        )
    try:
        burst = gather(paths, reference, args.layout)
    except BurstMismatch:
        raise
    except InputError:
        if not 1 < len(paths) <= MOST_FRAMES:
            raise
        shots = readable(paths, args.layout, failures)
        if reference is not None:
            reference = among(shots, reference, paths)
        burst = gather([s.path for s in shots], reference, args.layout)
    if args.noise:
        burst = noise_model.applied(burst, noise_file.read_noise_model(args.noise))
    if args.dcp:
        burst = dcp.applied(burst, dcp.read_dcp(args.dcp))
    return Opened(burst, tuple((f.shot.path.name, sha256(f.shot.path)) for f in burst.frames))


def readable(paths: Sequence[Path], layout: str, failures: Failures) -> list[Shot]:
    """What those of `paths` say that can be read; the others are told to `failures`.

    Raises
    ------
    InputError
        None can be read.
    """
    good = []
    for path in paths:
        try:
            shot = read_raw(path, layout).shot
        except InputError as error:
            failures.add(path, error)
        else:
            good.append(shot)
    if not good:
        raise InputError(f"none of the {len(paths)} files can be read", hint="copy them again")
    return good


def among(shots: Sequence[Shot], reference: int, paths: Sequence[Path]) -> int:
    """Where frame number `reference` of all `paths` stands among the `shots` that could be read.

    A file that cannot be read counts as taken just after the one before it by name.

    Raises
    ------
    UsageError
        It is one of those that cannot be read.
    """
    known = {s.path: order(s)[0] for s in shots}
    times, latest = {}, -math.inf
    for path in sorted(paths, key=lambda p: p.name):
        times[path] = latest = known.get(path, latest)
    ordered = sorted(paths, key=lambda p: (times[p], p.name))
    wanted = ordered[reference]
    if wanted not in known:
        raise UsageError(
            f"--reference = {reference}: {wanted} cannot be read",
            hint="give auto or another number, or copy the file again",
        )
    return [p for p in ordered if p in known].index(wanted)


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
