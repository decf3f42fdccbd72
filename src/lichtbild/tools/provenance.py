# SPDX-License-Identifier: Apache-2.0
"""What a file tells so that it can be made again: what it was made of, how it was asked for; who signs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lichtbild.base.errors import ExportError
from lichtbild.base.home import home
from lichtbild.look.look import looks
from lichtbild.publish.credentials import Signing, sign, signing
from lichtbild.publish.packet import file_names
from lichtbild.recipe import Recipe
from lichtbild.tools.open import sha256
from lichtbild.tools.outcome import UsageError
from lichtbild.tools.targets import refuse_replacing

Inputs = tuple[tuple[str, str], ...]
SHELVES = ("looks", "profiles")


def with_files(inputs: Iterable[tuple[str, str]], recipe: Recipe) -> Inputs:
    """Name and SHA-256 of all that makes a photo: `inputs` as opened, then the files that the recipe names.

    None where `inputs` are none: then nobody is to be told.
    """
    told = tuple(inputs)
    if not told:
        return ()
    used = (found(said) for said in file_names(recipe.to_toml()).values())
    return told + tuple((path.name, sha256(path)) for path in used if path is not None)


def found(said: str) -> Path | None:
    """The file that a knob means: a path, or a name on one of the user's shelves; a part may follow "#"."""
    name = said.partition("#")[0]
    places = (Path(name).expanduser(), *(home() / shelf / name for shelf in SHELVES))
    return next((p for p in places if p.is_file()), None)


def settings_of(args: Namespace) -> dict[str, str]:
    """How the command line asked for a file, as words for its packet."""
    reference, zoom = getattr(args, "reference", "auto"), getattr(args, "zoom", 1.0)
    said = {
        "verb": getattr(args, "verb", ""),
        "reference": "" if reference == "auto" else str(reference),
        "zoom": "" if zoom == 1 else f"{zoom:g}",
        "scale": getattr(args, "scale", None) or "",
        "layout": getattr(args, "layout", ""),
        "strip": getattr(args, "strip", "none"),
        "look": Path(str(getattr(args, "look", "") or "")).stem,
        "cfa": "yes" if getattr(args, "cfa", False) else "",
        "space": getattr(args, "space", None) or "",
    }
    return {word: value for word, value in said.items() if value}


def signer(args: Namespace) -> Signing | None:
    """The key of ``--sign``, checked before anything is done; None where nothing is to be signed.

    Raises
    ------
    UsageError
        One of key and certificate is missing.
    ExportError
        As `credentials.signing`.
    """
    if args.sign is None and args.certificate is None:
        return None
    if args.sign is None or args.certificate is None:
        raise UsageError(
            "--sign and --certificate belong together", hint="--sign KEY.pem --certificate CHAIN.pem"
        )
    return signing(args.sign, args.certificate)


@contextmanager
def signed(paths: Iterable[Path], args: Namespace, inputs: Inputs) -> Iterator[dict[Path, Path]]:
    """Where to write each of `paths`, so that they appear together: all of them signed, if that is wanted.

    Until then they stand in folders beside; where signing fails, what they were to replace is still there.

    Raises
    ------
    ExportError
        As `credentials.sign`; or a file came up meanwhile that may not be replaced.
    """
    if (by := signer(args)) is None:
        yield {path: path for path in paths}
        return
    look = settings_of(args).get("look", "")
    if args.strip == "all" and look not in looks.built_in:
        look = ""  # a name that somebody gave
    with ExitStack() as folders:
        made = (
            (p, folders.enter_context(TemporaryDirectory(prefix=".lichtbild-", dir=p.parent))) for p in paths
        )
        places = {path: Path(folder) / path.name for path, folder in made}
        try:
            yield places
            for place in places.values():
                title = "" if args.strip == "all" else place.stem  # a name may tell who is seen
                sign(place, by, title=title, look=look, inputs=inputs)
        except ExportError as error:
            raise ExportError(named(str(error), places), hint=error.hint) from error
        refuse_replacing(places, (), overwrite=args.overwrite)
        for path, place in places.items():
            place.replace(path)


def named(words: str, places: Mapping[Path, Path]) -> str:
    """Words about places, about the files that will stand there."""
    for path, place in places.items():
        words = words.replace(str(place), str(path))
    return words
