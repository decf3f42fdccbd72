# SPDX-License-Identifier: Apache-2.0
"""From words on a command line to jobs: which frames become which files.

Everything that can be refused before a pixel is touched is refused here: names, folders, files that would be
replaced.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lichtbild.base.errors import InputError
from lichtbild.capture.burst import group, raw_files
from lichtbild.tools.outcome import Failures, UsageError
from lichtbild.tools.targets import PHOTO, also, beside, is_folder, target

PICTURES = (".jpg", ".jpeg", ".heic", ".heif", ".png", ".avif", ".xmp")  # what lies beside raws


@dataclass(frozen=True)
class Job:
    """One burst and the files it becomes."""

    name: str
    paths: tuple[Path, ...]
    output: Path
    dng: Path | None = None
    tiff: Path | None = None
    explain: Path | None = None
    also: tuple[Path, ...] = ()

    @property
    def photos(self) -> tuple[Path, ...]:
        """The photo in all the formats that are asked for."""
        return tuple(f for f in (self.output, self.tiff, *self.also) if f is not None)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that this job writes."""
        return (*self.photos, *([self.dng] if self.dng else []), *account_files(self.explain))


def account_files(picture: Path | None) -> tuple[Path, ...]:
    """What ``--explain`` writes: the picture, and the JSON beside it."""
    return () if picture is None else (picture, picture.with_suffix(".json"))


def one_burst(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """The raw files of the one burst that `inputs` name: files as given, or all raws of one folder.

    Raises
    ------
    UsageError
        Files and folders mixed, or several folders.
    InputError
        A file does not exist, or a folder holds no raw files.
    """
    folders = [p for p in inputs if p.is_dir()]
    if not folders:
        for path in inputs:
            if not path.exists():
                raise InputError(
                    f"{path} does not exist",
                    hint="check the name; a pattern that matched nothing stays as it is",
                )
        raws = {p.with_suffix("") for p in inputs if p.suffix.lower() not in PICTURES}
        kept = tuple(p for p in inputs if p.suffix.lower() not in PICTURES or p.with_suffix("") not in raws)
        return once(kept)  # RAW+JPEG pairs: the raw speaks
    if len(inputs) > 1:
        raise UsageError(
            f"{len(inputs)} inputs with a folder among them cannot be one burst",
            hint="give the files of one burst, one folder, or a folder as -o to develop every burst found",
        )
    return once(raw_files(folders[0]))


def once(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The same paths without those that lead to a file a second time: its noise would count twice."""
    first: dict[Path, Path] = {}
    for path in paths:
        first.setdefault(path.resolve(), path)
    return tuple(first.values())


def listed(inputs: Iterable[Path], inside: Callable[[Path], list[Path]]) -> list[Path]:
    """The files that `inputs` name; a folder stands for what `inside` finds in it.

    Raises
    ------
    InputError
        A file does not exist.
    """
    named: list[Path] = []
    for path in inputs:
        if path.is_dir():
            named += inside(path)
        elif path.exists():
            named.append(path)
        else:
            raise InputError(
                f"{path} does not exist", hint="check the name; a pattern that matched nothing stays as it is"
            )
    return named


def places(folder: Path) -> list[Path]:
    """`folder` and the folders inside it, at any depth, that hold raw files; hidden ones are left out.

    Raises
    ------
    InputError
        No folder, or no raw files anywhere in it.
    """
    inside = (
        p
        for p in folder.rglob("*")
        if p.is_dir() and not any(w[0] == "." for w in p.relative_to(folder).parts)
    )
    holding = []
    for place in [folder, *sorted(inside)]:
        with contextlib.suppress(InputError):
            raw_files(place)
            holding.append(place)
    if not holding:
        raw_files(folder)  # says what is wrong
    return holding


def found(inputs: Sequence[Path], failures: Failures) -> list[tuple[str, tuple[Path, ...]]]:
    """The bursts that `inputs` name when each becomes a photo of its own: name and paths.

    A burst alone in one of several folders is called like the folder.

    Raises
    ------
    UsageError
        Files and folders mixed.
    InputError
        Nothing to read.
    """
    if not any(p.is_dir() for p in inputs):
        paths = one_burst(inputs)
        return [(paths[0].stem, paths)]
    if not all(p.is_dir() for p in inputs):
        odd = next(p for p in inputs if not p.is_dir())
        raise UsageError(
            f"{odd} is no folder but other inputs are", hint="give the files of one burst, or folders"
        )
    folders = [place for folder in inputs for place in places(folder)]
    bursts = []
    for folder in folders:
        groups = group(folder)
        alone = len(groups) == 1 < len(folders)
        bursts += [(folder.resolve().name if alone else g.name, g.paths) for g in groups]
        for path, error in groups.refused:
            failures.add(path, error)
    return numbered(bursts)


def numbered(bursts: Sequence[tuple[str, tuple[Path, ...]]]) -> list[tuple[str, tuple[Path, ...]]]:
    """The same bursts with names that are all different: a, a-2, a-3."""
    seen: Counter[str] = Counter()
    named = []
    for name, paths in bursts:
        seen[name] += 1
        named.append((name if seen[name] == 1 else f"{name}-{seen[name]}", paths))
    return named


def jobs(
    inputs: Sequence[Path],
    output: str,
    extras: Mapping[str, str | None],
    failures: Failures,
    *,
    more: Sequence[str] = (),
) -> list[Job]:
    """What ``develop`` has to do; files of a folder that cannot be read are told to `failures`.

    Parameters
    ----------
    extras : mapping
        What is written beside the photo: words of `EXTRAS`, each with a file or folder, or None.
    more : sequence of str
        The photo once more: files, folders, or suffixes such as ``.avif``.

    Raises
    ------
    UsageError, InputError, ExportError
        The inputs or outputs make no sense, or a folder to write to does not exist.
    """
    wanted = {word: text for word, text in extras.items() if text is not None}
    if not is_folder(output):
        paths = one_burst(inputs)
        side = {word: beside(word, text, paths[0].stem) for word, text in wanted.items()}
        photo = target(output, "", PHOTO)
        return [Job(photo.name, paths, photo, **side, also=tuple(also(text, photo) for text in more))]
    bursts = found(inputs, failures)
    for word, text in [*wanted.items(), *(("also", text) for text in more)]:
        if not is_folder(text) and len(bursts) > 1:
            raise UsageError(
                f"--{word} = {text} is one file for {len(bursts)} bursts",
                hint=f"give a folder: --{word} {Path(text).stem}/",
            )
    made = []
    for name, paths in bursts:
        side = {word: beside(word, text, name) for word, text in wanted.items()}
        photo = target(output, name, PHOTO)
        made.append(Job(photo.name, paths, photo, **side, also=tuple(also(text, photo) for text in more)))
    return made
