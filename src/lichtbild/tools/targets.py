# SPDX-License-Identifier: Apache-2.0
"""Where files go: what an output argument names, and that nothing is lost by writing there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lichtbild.base.errors import ExportError
from lichtbild.publish.photo import SUFFIXES as PHOTO

DNG, TIFF = (".dng",), (".tif", ".tiff")
EXTRAS = {"dng": ("", DNG), "tiff": ("", TIFF), "explain": (".explain", (".png",))}  # what a name ends in


def is_folder(text: str) -> bool:
    """Whether an output names a folder: it is one, ends in a slash, or has no suffix."""
    return text.endswith(("/", "\\")) or Path(text).is_dir() or not Path(text).suffix


def beside(word: str, text: str, name: str) -> Path:
    """The file that ``--word text`` means for a burst called `name`.

    Raises
    ------
    ExportError
        As `target`.
    """
    tail, suffixes = EXTRAS[word]
    return target(text, name + tail, suffixes)


def also(text: str, photo: Path) -> Path:
    """The file that ``--also text`` means beside `photo`: a suffix, a folder with one, a folder, or a file.

    Raises
    ------
    ExportError
        As `target`.
    """
    return photo.with_suffix(text.lower()) if text.lower() in PHOTO else target(text, photo.stem, PHOTO)


def target(text: str, name: str, suffixes: tuple[str, ...]) -> Path:
    """The file that an output argument means for a burst called `name`; its folder exists afterwards.

    ``web/`` is a folder, ``web/.png`` a folder and a format.

    Raises
    ------
    ExportError
        Another suffix is needed, or the folder does not exist or cannot be written to.
    """
    path = Path(text)
    if is_folder(text):
        suffix = _suffix_alone(text, suffixes)
        folder = path.parent if suffix else path
        path = folder / (name + (suffix or suffixes[0]))
        if folder.exists() and not folder.is_dir():
            hint = f"give a folder, or a name that ends in {suffixes[0]}"
            raise ExportError(f"{folder} is there already and no folder", hint=hint)
        if folder.parent.is_dir() and not folder.is_dir():
            make(folder)
    elif path.suffix.lower() not in suffixes:
        photo = path.suffix.lower() == ".dng" and suffixes == PHOTO
        raise ExportError(
            f"{text} cannot be written: {path.suffix} is not one of {', '.join(suffixes)}",
            hint="`lichtbild merge` writes DNG" if photo else f"use {suffixes[0]}",
        )
    if not path.parent.is_dir():
        raise ExportError(
            f"{path} cannot be written: the folder {path.parent} does not exist",
            hint=f"mkdir -p {path.parent}",
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ExportError(
            f"{path} cannot be written: the folder {path.parent} is read-only", hint="write to another folder"
        )
    return path


def _suffix_alone(text: str, suffixes: tuple[str, ...]) -> str:
    """The suffix that ``.avif`` or ``web/.avif`` asks for; nothing where it is a folder."""
    path = Path(text)
    if text.endswith(("/", "\\")) or path.is_dir() or not path.name.startswith(".") or path.name == "..":
        return ""
    if path.name.lower() not in suffixes:
        raise ExportError(
            f"{text} is neither a format nor a folder that exists; formats are {', '.join(suffixes)}",
            hint=f"{text}/ is a folder",
        )
    return path.name.lower()


def make(folder: Path) -> None:
    """A folder for what is written.

    Raises
    ------
    ExportError
        It cannot be made.
    """
    try:
        folder.mkdir()
    except OSError as error:
        raise ExportError(
            f"the folder {folder} cannot be made: {error.strerror or error}", hint="write to another folder"
        ) from error


def refuse_replacing(files: Iterable[Path], inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Make sure that nothing is lost by writing `files`.

    Raises
    ------
    ExportError
        A file exists and may not be replaced, is written twice, or is one of the inputs.
    """
    originals = {p.resolve() for p in inputs}
    written: set[Path] = set()
    for file in files:
        if file.resolve() in originals:
            raise ExportError(
                f"{file} is one of the inputs", hint="write to another name; raw files are never replaced"
            )
        if file.resolve() in written:
            raise ExportError(f"{file} would be written twice", hint="give every output a name of its own")
        if file.exists() and not overwrite:
            raise ExportError(f"{file} exists already", hint="--overwrite replaces it")
        written.add(file.resolve())
