# SPDX-License-Identifier: Apache-2.0
"""Flare: how much light gets to where there is none.

A trap is black: what the picture shows there was scattered in the camera.  Per trap, with the white patch
that is nearest to it::

    F = L(trap) / L(white) · 100 %

The largest and the mean of all traps are reported.  Of every box the middle 60 % of both sides count, lest
blur be taken for flare.  Such small signals stand on the black level: its uncertainty (a quarter of a digital
number, a half in a photo) is part of the doubt.

References
----------
[1] ISO 18844:2017, Flare measurement for digital cameras.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.quality.picture import LUMINANCE, Picture
from lichtbild.quality.result import Figure, Result

Box = tuple[int, int, int, int]
_INNER = 0.6
_FEWEST = 16  # px of the inner part
_UNSURE = 3.0  # doubts
_DARK = 0.1  # of the range: a white patch below is underexposed
_CLIPPED = 1e-3
_NO_TRAP = 25.0  # %: more than any lens scatters


def flare(picture: Picture, traps: Sequence[Box], whites: Sequence[Box], *, where: str = "") -> Result:
    """Measure the flare at black traps.

    Parameters
    ----------
    picture : Picture
        Linear light.
    traps, whites : sequence of boxes
        top, left, bottom, right in px; every trap is compared with the white nearest to it.
    where : str
        What to call the place.

    Raises
    ------
    InputError
        There is no trap or no white, a box is too small or reaches beyond the picture, or white is black.
    """
    if not traps or not whites:
        raise InputError("flare needs at least one black trap and one white patch")
    where = where or "flare"
    inner_traps, inner_whites = ([_inner(picture, b) for b in boxes] for boxes in (traps, whites))
    dark, noise = np.array([_level(picture, b) for b in inner_traps]).T
    bright, _ = np.array([_level(picture, b) for b in inner_whites]).T
    near = [_nearest(b, inner_whites) for b in inner_traps]
    white = bright[near]
    if not white.min() > 0:
        raise InputError("a white patch is black", hint="check the boxes")
    share = 100 * dark / white
    doubt = 100 * np.hypot(noise, _black_doubt(picture)) / white
    against = _against(picture, inner_whites, white)
    if share.max() > _NO_TRAP:
        against.append(f"a trap is as bright as {share.max():.0f} % of white: is its box on a black trap?")
    note = "; ".join(against)
    worst = int(share.argmax())
    figures = [
        Figure("flare, largest", float(share[worst]), "%", where, float(doubt[worst]), "lower", note),
        Figure("flare, mean", float(share.mean()), "%", where, float(doubt.mean()), "lower", note),
    ]
    for k, (value, error) in enumerate(zip(share, doubt, strict=True)):
        unsure = "not above the uncertainty of black" if value < _UNSURE * error else ""
        lost = "; ".join(n for n in (note, unsure) if n)
        figures.append(
            Figure("flare", float(value), "%", f"{where}, trap {k + 1}", float(error), "lower", lost)
        )
    if share.min() < 0:
        against.append("a trap is darker than black: the black level of the file is too high")
    if (share < _UNSURE * doubt).any():
        lost = int((share < _UNSURE * doubt).sum())
        against.append(f"{lost} of {len(share)} traps are not above the uncertainty of black")
    conditions = {
        "method": "black traps and the nearest white, after ISO 18844; traps count as perfectly black",
        "traps": str(len(traps)),
        "decoding": picture.decoding,
        "samples": f"{picture.bits} bits",
    }
    warnings = tuple(dict.fromkeys((*picture.warnings, *against)))
    return Result("flare", f"Flare, {where}", tuple(figures), conditions, warnings=warnings)


def _inner(picture: Picture, box: Box) -> Box:
    top, left, bottom, right = box
    if not (0 <= top < bottom <= picture.size[0] and 0 <= left < right <= picture.size[1]):
        raise InputError(f"box = {box} does not lie in a picture of {picture.size[0]} × {picture.size[1]} px")
    dy, dx = int((bottom - top) * (1 - _INNER) / 2), int((right - left) * (1 - _INNER) / 2)
    inner = top + dy, left + dx, bottom - dy, right - dx
    if (inner[2] - inner[0]) * (inner[3] - inner[1]) < _FEWEST:
        raise InputError(f"box = {box} is too small; {_FEWEST} px must be left in its middle")
    return inner


def _level(picture: Picture, box: Box) -> tuple[float, float]:
    """Mean luminance of a box and its standard deviation."""
    top, left, bottom, right = box
    part = np.asarray(picture.rgb[top:bottom, left:right], np.float64) @ np.array(LUMINANCE)
    return float(part.mean()), float(part.std() / np.sqrt(part.size))


def _nearest(box: Box, others: Sequence[Box]) -> int:
    def apart(other: Box) -> float:
        return (box[0] + box[2] - other[0] - other[2]) ** 2 + (box[1] + box[3] - other[1] - other[3]) ** 2

    return min(range(len(others)), key=lambda k: apart(others[k]))


def _black_doubt(picture: Picture) -> float:
    """Standard deviation of zero, in the picture's linear light."""
    shot = picture.shot
    if shot is not None:
        return 0.25 / max(shot.white - float(np.max(shot.black)), 1.0)
    if picture.bits >= 32:
        return 0.0
    step = 1 / (2**picture.bits - 1)
    return 0.5 * (step if picture.decoding == "linear" else step / 12.92)


def _against(picture: Picture, whites: Sequence[Box], white: np.ndarray) -> list[str]:
    against = []
    if picture.clipped is not None:
        share = max(float(picture.clipped[t:b, l:r].mean()) for t, l, b, r in whites)
        if share > _CLIPPED:
            against.append(f"{share:.1%} of a white patch is clipped: flare is smaller than measured")
    if white.min() < _DARK:
        against.append(f"white is at {white.min():.1%} of the range: take the picture brighter")
    if picture.bits <= 8:
        against.append("8-bit samples: their steps are wide where flare is small")
    return against
