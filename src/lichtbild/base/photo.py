# SPDX-License-Identifier: Apache-2.0
"""The last states of an image: the finished photo, and what a bright display adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lichtbild.base.image import Float32, Shot

Space = Literal["srgb", "p3", "rec2020"]
Transfer = Literal["srgb", "pq", "hlg"]


@dataclass(frozen=True, slots=True, eq=False)
class GainMap:
    """How much brighter than in the photo itself a display with headroom shows each place.

    ``gain: Float32 "h w 3"`` is ``log2((hdr + offset) / (sdr + offset))`` of linear light in the photo's
    primaries, 1.0 its white; it may have fewer pixels than the photo, over the same field.  It is meant in
    whole for displays that show ``headroom`` EV above white, in part for those that show less.
    """

    gain: Float32
    headroom: float
    offset: float = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A finished picture: ``rgb: Float32 "h w 3"`` encoded for display, 0 … 1.

    ``space`` names its primaries, ``transfer`` its curve: ``srgb`` with 1.0 the display's white, or ``pq``
    and ``hlg`` of Rec. 2100, in which white is 203 cd/m².  ``gain`` leads from the first to the others.
    """

    rgb: Float32
    space: Space
    shot: Shot
    merged: int = 1
    history: tuple[str, ...] = ()
    transfer: Transfer = "srgb"
    gain: GainMap | None = None
