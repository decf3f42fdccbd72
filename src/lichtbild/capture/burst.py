# SPDX-License-Identifier: Apache-2.0
"""Which raw files are one burst: gathered when the photographer says so, found in a folder otherwise.

A frame joins the group before it when both are by the same camera, of the same size and pattern, and either

- their *names* are of one family with one key (``00001IMG_00001_BURST20240131…``), or
- they were taken within ``max(1 s, 1.5 · exposure + 0.2 s)`` of each other by clocks that tell *fractions* of
  a second. Whole seconds never join: a window of a second over them makes groups of strangers.

The JPEG beside a raw is its twin, not another frame.  Each frame of a group keeps the reason why it is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from lichtbild.base.errors import BurstMismatch, InputError
from lichtbild.base.image import Burst, RawFrame, Shot
from lichtbild.capture.cell import cell_name
from lichtbild.capture.exif import camera_name
from lichtbild.capture.exposures import exposure_of, groups
from lichtbild.capture.raw import READABLE, SUFFIXES, read_raw, read_shot
from lichtbild.capture.reel import Reel

MOST_FRAMES = 64
BY = ("name", "time")
NEAR = 2.0  # s: whole seconds this close would have made one wonder

# matched in this order against the file name without its last suffix
FAMILIES = {
    "Pixel": re.compile(r"(?P<key>PXL_[\d_]+)(?P<tags>(?:\.[A-Z_]+(?:-\d+)?)+)"),
    "Samsung": re.compile(r"(?P<key>\d{8}_\d{6})_(?P<n>\d{3})"),
    "Huawei": re.compile(r"(?P<key>IMG_\d{8}_\d{6})_BURST(?P<n>\d{3})(?P<cover>_COVER)?"),
    "Sony": re.compile(r"DSC_(?P<n>\d{4})_BURST(?P<key>\d+)(?P<cover>_COVER)?"),
    "Nexus": re.compile(r"(?P<n>\d{5})IMG_\d{5}_BURST(?P<key>\d+)(?P<cover>_COVER)?"),
    "HDR+": re.compile(r"(?P<key>payload)_N(?P<n>\d{3})"),
    "Open Camera": re.compile(r"(?P<key>IMG_\d{8}_\d{6})_(?P<n>\d{1,2})"),
}
_SINGLES = ("Pixel",)  # their tags are variants of one shot, not frames of a burst


def raw_files(folder: Path | str) -> list[Path]:
    """The raw files of a folder, by name; pictures and everything else are left aside.

    Raises
    ------
    InputError
        No folder, or none in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    found = sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in SUFFIXES | {".gpr"} and p.is_file() and not p.name.startswith(".")
    )
    if not found:
        raise InputError(f"{folder} holds no raw files", hint=READABLE)
    return found


# ---- a burst that the photographer names


def gather(paths: Iterable[Path | str], reference: int | None = None, layout: str = "") -> Burst:
    """Read the frames of one burst, in the order in which they were taken.

    Parameters
    ----------
    paths : iterable of Path
        Raw files.
    reference : int, optional
        Which of them, counted in that order from 0, the others are aligned to.
    layout : str
        What files that say nothing about themselves hold (see `plain`).

    Raises
    ------
    BurstMismatch
        A frame differs from the majority in camera, size or pattern; says which and how.
    InputError
        No files, too many, or no such reference; and whatever `read_raw` raises.
    """
    files = [Path(p) for p in paths]
    if not 1 <= len(files) <= MOST_FRAMES:
        hint = f"the first of them: --frames {MOST_FRAMES}" if files else "name its raw files"
        raise InputError(f"a burst of {len(files)} frames, allowed are 1 … {MOST_FRAMES}", hint=hint)
    read = Reel().frame if len(files) > 1 else read_raw
    frames = sorted((read(p, layout) for p in files), key=lambda f: order(f.shot))
    if reference is not None and not 0 <= reference < len(frames):
        raise InputError(f"reference = {reference}, allowed is 0 … {len(frames) - 1}")
    _refuse_strangers(frames)
    return Burst(tuple(frames), reference)


def read_burst(folder: Path | str, reference: int | None = None) -> Burst:
    """Read all raw files of a folder as one burst: `gather` of its `raw_files`, which say what they raise."""
    return gather(raw_files(folder), reference)


def _clock(shot: Shot) -> float | None:
    """Seconds; local time where the file does not say how far it is from UTC."""
    if shot.time is None:
        return None
    return (shot.time if shot.time.tzinfo else shot.time.replace(tzinfo=UTC)).timestamp()


def order(shot: Shot) -> tuple[float, str]:
    """What frames are sorted by: time, in whole seconds where the clock tells no more, then name."""
    return (_clock(shot) or 0.0) if shot.subseconds else float(int(_clock(shot) or 0)), shot.path.name


def _traits(shot: Shot) -> dict[str, str]:
    return {
        "camera": camera_name(shot) or "unknown",
        "size": f"{shot.size[1]} × {shot.size[0]}",
        "kind": shot.kind if shot.kind != "bayer" else _mosaic(shot),
        "orientation": f"{shot.orientation}",
    }


def _mosaic(shot: Shot) -> str:
    rows = "/".join("".join("RGB"[c] for c in row) for row in shot.sites)
    return f"Bayer {rows.replace('/', '')}" if shot.cell is None else f"{cell_name(shot.cell)} {rows}"


def strangers(shots: Sequence[Shot]) -> list[tuple[Shot, str]]:
    """Frames unlike most of the others in camera, size or pattern, each with what it has instead."""
    found: dict[Path, tuple[Shot, str]] = {}
    for trait in ("camera", "size", "kind"):
        own = {s.path: _traits(s)[trait] for s in shots}
        usual, _ = Counter(own.values()).most_common(1)[0]
        odd = [s for s in shots if own[s.path] != usual and s.path not in found]
        found |= {s.path: (s, f"{trait} = {own[s.path]}, the other frames have {usual}") for s in odd}
    return list(found.values())


def _refuse_strangers(frames: Sequence[RawFrame]) -> None:
    for stranger, how in strangers([f.shot for f in frames]):
        hint = "leave it out, or develop the folder with an output folder to find its bursts"
        raise BurstMismatch(f"{stranger.path}: {how}", hint=hint)


# ---- bursts found in a folder


@dataclass(frozen=True)
class Group:
    """Frames that belong together.

    ``reasons`` says why, frame by frame; ``exposures`` is uniform, bracket or mixed.
    """

    name: str
    paths: tuple[Path, ...]
    reasons: tuple[str, ...]
    exposures: str = "uniform"


@dataclass(frozen=True)
class Grouping:
    """All groups of a folder in order of time, and the files that could not be read, each with its reason."""

    groups: tuple[Group, ...]
    refused: tuple[tuple[Path, InputError], ...] = ()

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)


def group(folder: Path | str, by: Iterable[str] = BY) -> Grouping:
    """Find the bursts of a folder (its own files, not those of folders inside).

    Parameters
    ----------
    by : iterable of str
        What may join frames: "name", "time".

    Raises
    ------
    InputError
        No folder, or no raw files in it, or `by` is something else.  Files that cannot be read are in
        ``refused``.
    """
    ways = frozenset(by)
    if not ways <= set(BY):
        raise InputError(f"by = {', '.join(sorted(ways - set(BY)))}, allowed are {', '.join(BY)}")
    folder = Path(folder)
    shots: list[Shot] = []
    refused: list[tuple[Path, InputError]] = []
    for path in raw_files(folder):
        try:
            shots.append(read_shot(path))
        except InputError as error:
            refused.append((path, error))
    seen = (".jpg", ".jpeg", ".heic", ".heif")
    pictures = {p.stem.lower() for p in folder.iterdir() if p.suffix.lower() in seen}
    return Grouping(tuple(_named(g, pictures) for g in _joined(shots, ways)), tuple(refused))


def family(path: Path) -> tuple[str, str] | None:
    """The name family and key of a file, or None: files that share both are one burst."""
    stem = path.name[: -len(path.suffix)] if path.suffix else path.name
    for name, pattern in FAMILIES.items():
        if (found := pattern.fullmatch(stem)) is not None:
            return None if name in _SINGLES else (name, found["key"])
    return None


Member = tuple[Shot, str]


def _joined(shots: Sequence[Shot], ways: frozenset[str]) -> list[list[Member]]:
    """Groups of shots, each with its reason; a camera's frames are joined among themselves only."""
    cameras: dict[tuple[str, ...], list[Shot]] = {}
    for shot in shots:
        cameras.setdefault(tuple(_traits(shot).values()), []).append(shot)
    groups: list[list[Member]] = []
    for own in cameras.values():
        groups += _joined_of_one_camera(sorted(own, key=order), ways)
    return sorted(groups, key=lambda g: order(g[0][0]))


def _joined_of_one_camera(shots: list[Shot], ways: frozenset[str]) -> list[list[Member]]:
    groups: list[list[Member]] = []
    keyed: dict[tuple[str, str], list[Member]] = {}
    latest: list[Member] | None = None
    for shot in shots:
        key = family(shot.path) if "name" in ways else None
        if key is not None and key in keyed:
            keyed[key].append((shot, f"same {key[0]} burst, key {key[1]}"))
            continue
        gap = _gap(latest[-1][0], shot) if latest and "time" in ways and key is None else None
        if latest is not None and gap is not None:
            latest.append((shot, f"{gap:.2f} s after {latest[-1][0].path.name}"))
            continue
        near = _apart(latest[-1][0], shot) if latest and "time" in ways and key is None else ""
        opened = [(shot, "first frame" + near)]
        groups.append(opened)
        if key is not None:
            keyed[key] = opened
        else:
            latest = opened
    return groups


def _gap(before: Shot, shot: Shot) -> float | None:
    """Seconds between two shots where they are few enough for a burst, else None."""
    a, b = _clock(before), _clock(shot)
    if a is None or b is None or not (before.subseconds and shot.subseconds):
        return None
    gap = b - a
    return gap if gap <= max(1.0, 1.5 * (shot.exposure_time or 0.0) + 0.2) else None


def _apart(before: Shot, shot: Shot) -> str:
    """Why two shots that are near in time were not joined, where their clocks are the reason."""
    a, b = _clock(before), _clock(shot)
    if a is None or b is None or b - a > NEAR or (before.subseconds and shot.subseconds):
        return ""
    return f"; near {before.path.name}, but their times have no fractions of a second to join by"


def _named(members: list[Member], pictures: set[str]) -> Group:
    shots = [s for s, _ in members]
    reasons = tuple(
        why + (" (its JPEG lies beside it)" if s.path.stem.lower() in pictures else "") for s, why in members
    )
    key = family(shots[0].path)
    name = key[1] if key and len(shots) > 1 else shots[0].path.stem
    return Group(name, tuple(s.path for s in shots), reasons, _exposures(shots))


def _exposures(shots: Sequence[Shot]) -> str:
    known = [exposure_of(s) for s in shots]
    if len(shots) == 1 or any(e is None for e in known):
        return "uniform" if len(shots) == 1 or all(e is None for e in known) else "mixed"
    parts = groups([e for e in known if e is not None])
    if len(parts) == 1:
        return "uniform"
    return "bracket" if len(parts) == len(shots) else "mixed"
