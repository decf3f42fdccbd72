# SPDX-License-Identifier: Apache-2.0
"""Zoom: the middle of the frame, cut out before anything is computed.

Where nothing in the file goes by the place in the frame, the frames are cut to the middle and a margin, which
alignment and the motion of hands need; the rest is never looked at.  A lens correction or a shading map
belongs to the whole frame: such a burst stays whole, and only what is shown is cut.
"""

from __future__ import annotations

import math
from dataclasses import replace

from lichtbild.base.errors import RecipeError
from lichtbild.base.image import Burst, RawFrame, Shot
from lichtbild.capture.field import lengthened

MARGIN = 128  # px around what is shown
MOST = 4.0


def zoomed(burst: Burst, zoom: float) -> Burst:
    """The middle of a burst: 1/zoom of what is shown, along both sides.

    Parameters
    ----------
    burst : Burst
        Frames of one size.
    zoom : float
        1 … 4; 1 gives the same burst.

    Returns
    -------
    Burst
        ``shot.crop`` says what is shown of the frames.

    Raises
    ------
    RecipeError
        The zoom is out of range.
    """
    if not 1 <= zoom <= MOST:
        raise RecipeError(f"zoom = {zoom:g} is out of range; allowed is 1 … {MOST:g}")
    if zoom == 1:
        return burst
    shot = burst.frames[burst.reference or 0].shot
    top, left, height, width = shot.crop or (0, 0, *shot.size)
    h, w = max(2, round(height / zoom)), max(2, round(width / zoom))
    shown = top + (height - h) // 2, left + (width - w) // 2, h, w
    narrow = tuple(replace(f, shot=lengthened(f.shot, zoom)) for f in burst.frames)
    if any(shot.opcodes):
        return replace(burst, frames=tuple(replace(f, shot=replace(f.shot, crop=shown)) for f in narrow))
    return replace(burst, frames=tuple(_cut(frame, shown) for frame in narrow))


def _cut(frame: RawFrame, shown: tuple[int, int, int, int]) -> RawFrame:
    """A frame cut to what is shown and a margin, in step with its colours and black levels."""
    shot = frame.shot
    h, w = shot.size
    period = [math.lcm(2, a, b) for a, b in zip(shot.sites.shape, shot.black.shape[:2], strict=True)]
    top, left = (max(0, v - MARGIN) // p * p for v, p in zip(shown, period, strict=False))
    bottom, right = min(h, shown[0] + shown[2] + MARGIN), min(w, shown[1] + shown[3] + MARGIN)
    part = slice(top, bottom), slice(left, right)
    return RawFrame(lambda: frame.dn[part].copy(), _cut_shot(shot, part, shown))


def _cut_shot(shot: Shot, part: tuple[slice, slice], shown: tuple[int, int, int, int]) -> Shot:
    rows, columns = part
    size = rows.stop - rows.start, columns.stop - columns.start
    return replace(
        shot,
        size=size,
        crop=(shown[0] - rows.start, shown[1] - columns.start, *shown[2:]),
        part=shot.part_of((rows.start, columns.start, *size), shot.size),
        black_rows=None if shot.black_rows is None else shot.black_rows[rows],
        black_columns=None if shot.black_columns is None else shot.black_columns[columns],
    )
