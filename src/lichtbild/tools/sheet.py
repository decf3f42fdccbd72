# SPDX-License-Identifier: Apache-2.0
"""``lichtbild sheet``: the photos of a folder on one page, with how they were taken and made.

One HTML file holds everything: no script, nothing from elsewhere, for a desk, a phone and paper.
"""

from __future__ import annotations

import importlib.resources
import io
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.errors import InputError
from lichtbild.base.image import UInt8
from lichtbild.base.tiff import write_file
from lichtbild.base.version import SOFTWARE
from lichtbild.capture.burst import gather
from lichtbild.capture.raw import SUFFIXES as RAW
from lichtbild.pipeline import develop
from lichtbild.publish.order import eight_bit
from lichtbild.publish.packet import Made, made_of
from lichtbild.quality.reports.maps import data_uri
from lichtbild.quality.reports.page import document
from lichtbild.quality.reports.plots import escaped
from lichtbild.recipe import Recipe
from lichtbild.tools.open import sha256
from lichtbild.tools.outcome import RECOVERABLE, Failures
from lichtbild.tools.progress import progress
from lichtbild.tools.seen import Seen, seen
from lichtbild.tools.talk import Talk, frames
from lichtbild.tools.targets import refuse_replacing, target

PHOTOS = (".jpg", ".jpeg", ".tif", ".tiff", ".png", ".dng", ".avif", ".heic", ".heif", ".jxl")
LONGER, PART = 800, 320  # pixels: of a thumbnail, and of the pieces at 100 %
NONE = Path("none")  # --bursts none
CODED = 84  # JPEG quality


@dataclass(frozen=True)
class Entry:
    """One photo of the sheet: its file, what is seen and said, and pieces of one frame and of the photo."""

    path: Path
    picture: Seen
    made: Made | None
    pieces: tuple[UInt8, UInt8] | None = None


def sheet(args: Namespace, talk: Talk) -> int:
    """Write the sheet; photos that cannot be read are named and left out."""
    out = target(args.output, "sheet", (".html", ".htm"))
    refuse_replacing([out], (), overwrite=args.overwrite)
    failures, entries = Failures(talk), []
    paths = photos(args.folder)
    raws = raws_near(args.folder, args.bursts)
    with progress(talk, out.name, len(paths)):
        for path in paths:
            try:
                entries.append(entry(path, raws))
            except RECOVERABLE as error:
                failures.add(path, error)
    if not entries:
        raise InputError(
            f"{args.folder}: none of the {len(paths)} photos can be read",
            hint="give the folder of finished photos; raws are developed first",
        )
    skipped = [(record["item"], record["message"]) for record in failures.records]
    write_file(out, [page(args.folder, entries, skipped).encode()], overwrite=args.overwrite)
    talk.result(f"{out.name}  {len(entries)} photo{'s' * (len(entries) != 1)}")
    talk.document(
        {"file": str(out), "photos": [str(e.path) for e in entries], "failed": failures.records}
    )
    return failures.code(len(entries))


def photos(folder: Path) -> list[Path]:
    """The photos of a folder by name.

    Raises
    ------
    InputError
        No folder, or none in it.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}", hint="give the folder that holds the photos")
    shown = (p for p in folder.iterdir() if p.suffix.lower() in PHOTOS and p.name[0] != ".")
    found = sorted(p for p in shown if p.is_file())
    if not found:
        raise InputError(f"{folder} holds no photos", hint=f"photos end in {', '.join(PHOTOS)}")
    return found


def raws_near(folder: Path, bursts: Path | None) -> list[Path]:
    """Raws below a folder of bursts; else those beside the photos, or in the folder above, and its folders.

    Raises
    ------
    InputError
        There is no such folder of bursts.
    """
    if bursts == NONE:
        return []
    if bursts is not None:
        if not bursts.is_dir():
            raise InputError(f"{bursts} is no folder", hint="--bursts takes the folder that holds the raws")
        return [p for p in sorted(bursts.rglob("*")) if p.suffix.lower() in RAW]
    above = folder.resolve().parent
    found = [p for p in entries_of(folder) if p.suffix.lower() in RAW]
    for p in entries_of(above):
        found += [q for q in ([p] if p.is_file() else entries_of(p)) if q.suffix.lower() in RAW]
    return found


def entries_of(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def entry(path: Path, raws: Sequence[Path]) -> Entry:
    """One photo as it is shown.

    Raises
    ------
    InputError
        It cannot be read.
    """
    picture = seen(path)
    try:
        made = made_of(path)
    except InputError:
        return Entry(path, picture, None)
    named = dict(made.inputs)
    frame = next((p for p in raws if p.name in named and sha256(p) == named[p.name]), None)
    if frame is None or path.suffix.lower() == ".dng":  # whose small picture is not at 100 %
        return Entry(path, picture, made)
    ordinary = ("display.space=srgb", "display.transfer=srgb", "gainmap.colours=none")
    alone = eight_bit(develop(gather([frame]), Recipe.of(Recipe.from_toml(made.recipe), *ordinary)))
    if alone.shape != picture.pixels.shape:
        return Entry(path, picture, made)
    return Entry(path, picture, made, (middle(alone), middle(picture.pixels)))


def middle(pixels: UInt8) -> UInt8:
    """The piece in the middle, as large as it is shown."""
    h, w = (min(side, PART) for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return pixels[top : top + h, left : left + w]


# ---- the page


def page(folder: Path, entries: Sequence[Entry], skipped: Sequence[tuple[str, str]]) -> str:
    """The sheet as HTML."""
    style = importlib.resources.files("lichtbild.tools").joinpath("sheet.css").read_text(encoding="utf-8")
    title = escaped(folder.resolve().name or "Photos")
    count = f"{len(entries)} photo{'s' * (len(entries) != 1)}"
    days = sorted(e.picture.day for e in entries if e.picture.day)
    when = f", {days[0]}" + (f" to {days[-1]}" if days[-1] != days[0] else "") if days else ""
    body = [
        f"<header><h1>{title}</h1><p>{count}{escaped(when)}</p></header>\n<main>",
        f'<div class="sheet">{"".join(map(card, entries))}</div>',
        left_out(skipped),
        f"</main>\n<footer><p>{escaped(SOFTWARE)}</p></footer>",
    ]
    return document(title, body, style)


def card(e: Entry) -> str:
    """One photo with its words."""
    made = e.made
    words = made.words if made is not None else {}
    title = words.get("dc:title", ("",))[0]
    look = made.settings.get("look", "") if made is not None else ""
    count = sum(Path(name).suffix.lower() in RAW for name, _ in made.inputs) if made is not None else 0
    facts = [*e.picture.facts(), frames(count) if count else ""]
    line = " ".join(f"<span>{escaped(fact)}</span>" for fact in facts if fact)
    said = words.get("dc:description", ("",))[0]
    h, w = e.picture.pixels.shape[:2]
    alt = escaped(title or said or e.path.stem)
    return (
        f'<figure><div class="photo"><img src="{thumbnail(e.picture.pixels)}" alt="{alt}" '
        f'width="{w}" height="{h}" loading="lazy"></div>{pair(e)}'
        f'<figcaption><span class="name">{escaped(title or e.path.name)}</span>'
        f'<span class="look">{escaped(look)}</span><span class="line">{line}</span>'
        + (f'<span class="said">{escaped(said)}</span>' if said else "")
        + "</figcaption></figure>\n"
    )


def pair(e: Entry) -> str:
    """One frame and the photo at 100 %."""
    if e.pieces is None:
        return ""
    shown = zip(("one frame", "the photo"), e.pieces, strict=True)
    parts = (
        f'<div><img src="{jpeg(p)}" alt="" width="{p.shape[1]}" height="{p.shape[0]}">'
        f"<span>{words}, 100 %</span></div>"
        for words, p in shown
    )
    return f'<div class="pair">{"".join(parts)}</div>'


def left_out(skipped: Sequence[tuple[str, str]]) -> str:
    """Files that could not be read."""
    if not skipped:
        return ""
    items = "".join(f"<li>{escaped(words)}</li>" for _, words in skipped)
    return f'<section class="skipped"><h2>Left out</h2><ul>{items}</ul></section>'


def thumbnail(pixels: UInt8) -> str:
    """The picture in small, for the page."""
    image = Image.fromarray(pixels)
    image.thumbnail((LONGER, LONGER), Image.Resampling.LANCZOS, reducing_gap=3)
    return jpeg(np.asarray(image))


def jpeg(pixels: UInt8) -> str:
    """Pixels of sRGB as a picture inside the page."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=CODED, subsampling=0, optimize=True)
    return data_uri(file.getvalue(), "jpeg")
