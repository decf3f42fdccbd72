# SPDX-License-Identifier: Apache-2.0
"""Which frames show the same light: darks, and groups of frames of one scene in one light.

Every frame is reduced to the means of 8 × 8 fields per colour site.  Two frames are of one group when their
fields agree within 2 % of the light and four times what noise explains; file names, order and exposure time
play no part, because light may change where the settings do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lichtbild.base.errors import BurstMismatch, InputError
from lichtbild.base.image import RawFrame, Shot
from lichtbild.capture.noise_model import level, named
from lichtbild.quality.sensor.sites import Box, planes, sites
from lichtbild.quality.sensor.temporal import Float64

_FIELDS = 8
_ALIKE = 0.02
_DARK, _DARKEST = 0.75, 2e-4  # DN; share of the range
LEAST_SIDE = 48  # photosites of one colour


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A frame in small: ``fields "sites 64"`` means in DN above black, ``doubt`` their standard errors."""

    fields: Float64
    doubt: Float64

    @property
    def mean(self) -> float:
        """DN above black, over all sites."""
        return float(self.fields.mean())


@dataclass(frozen=True, slots=True)
class Grouping:
    """Indices of frames: ``darks``, ``groups`` of at least two with the same light in order of level, and
    frames that are ``alone``.
    """

    darks: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    alone: tuple[int, ...]


def same_camera(shots: Sequence[Shot]) -> None:
    """Make sure that all shots are of one camera, size, colour cell and pair of levels.

    Raises
    ------
    BurstMismatch
        Says which differs and how.
    """
    first = shots[0]
    for shot in shots[1:]:
        for trait, ours, theirs in zip(
            ("camera", "size", "kind", "black and white levels"), _traits(first), _traits(shot), strict=True
        ):
            if ours != theirs:
                raise BurstMismatch(
                    f"{shot.path}: {trait} = {theirs}, {first.path} has {ours}",
                    hint="calibrate one camera at a time, all frames in the same raw format",
                )


def _traits(shot: Shot) -> tuple[str, str, str, str]:
    cell = "".join("RGB"[int(c)] for c in (shot.pattern if shot.cell is None else shot.cell.ravel()))
    return (
        named(shot.make, shot.model) or "unknown",
        f"{shot.size[1]} × {shot.size[0]}",
        f"{shot.kind} {cell}",
        f"{level(shot):.0f} … {shot.white:g}",
    )


def look(frame: RawFrame, box: Box) -> Look:
    """A frame in small.

    Raises
    ------
    InputError
        The box holds too few pixels.
    """
    fields, doubts = [], []
    for site in sites(frame.shot):
        image = planes([frame], site, box)[0]
        h, w = image.shape
        if min(h, w) < LEAST_SIDE:
            raise InputError(
                f"{frame.shot.path.name}: {h} × {w} photosites of one colour are too few; "
                f"{LEAST_SIDE} each way are needed",
                hint="give whole frames, or a larger --roi",
            )
        cut = image[: h // _FIELDS * _FIELDS, : w // _FIELDS * _FIELDS]
        cut = cut.reshape(_FIELDS, h // _FIELDS, _FIELDS, w // _FIELDS).transpose(0, 2, 1, 3)
        cut = cut.reshape(_FIELDS * _FIELDS, -1)
        fields.append(cut.mean(axis=1, dtype=np.float64))
        doubts.append(cut.std(axis=1, dtype=np.float64) / np.sqrt(cut.shape[1]))
    return Look(np.array(fields), np.array(doubts))


def is_dark(seen: Look, span: float) -> bool:
    """Whether there is no light to speak of at any site."""
    return bool((seen.fields.mean(axis=1) < max(_DARK, _DARKEST * span)).all())


def alike(a: Look, b: Look) -> bool:
    """Whether two frames show the same light."""
    off = np.abs(a.fields - b.fields)
    room = _ALIKE * np.abs(a.fields + b.fields) / 2 + 4 * np.hypot(a.doubt, b.doubt)
    return bool((off <= room).mean() > 0.9) and off.mean() <= room.mean()


def grouped(looks: Sequence[Look], darks: Sequence[int], span: float) -> Grouping:
    """Sort frames into groups; `darks` are known to be dark, others may turn out to be."""
    dark = set(darks) | {k for k, seen in enumerate(looks) if is_dark(seen, span)}
    groups: list[list[int]] = []
    for k in sorted(set(range(len(looks))) - dark, key=lambda k: (looks[k].mean, k)):
        near = [g for g in groups if alike(looks[g[0]], looks[k])]
        if near:
            min(near, key=lambda g: abs(looks[g[0]].mean - looks[k].mean)).append(k)
        else:
            groups.append([k])
    several = tuple(tuple(sorted(g)) for g in groups if len(g) > 1)
    return Grouping(tuple(sorted(dark)), several, tuple(g[0] for g in groups if len(g) == 1))
