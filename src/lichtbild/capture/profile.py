# SPDX-License-Identifier: Apache-2.0
"""The colour profile inside a DNG: matrices, tables, curve, and what the camera answered to white.

A CameraCalibration holds for the profile whose signature it carries, and is left aside for any other.

References
----------
[1] Digital Negative Specification 1.6, chapters 4 and 6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import CameraColour, HSVTable, Triple

NEUTRAL, WHITE_XY = 50728, 50729


def triple(values: list[float]) -> Triple:
    """The first three of `values`."""
    return values[0], values[1], values[2]


def read_colour(top: Directory, planes: tuple[int, int, int]) -> CameraColour:
    """Matrices, tables and curve of the main directory; `planes` says where red, green and blue stand.

    Raises
    ------
    UnsupportedRaw, CorruptRaw
        Another number of colours; numbers that cannot be.
    """
    signed = top.text(50931) == top.text(50932)
    codes, colour, forward, calibration = [], [], [], []
    for light, cm, fm, cc in (
        (50778, 50721, 50964, 50723),
        (50779, 50722, 50965, 50724),
        (52529, 52531, 52532, 52530),
    ):
        if (matrix := _matrix(top, cm)) is None:
            continue
        codes.append(top.integer(light, 0))
        colour.append(matrix[list(planes)])
        if (matrix := _matrix(top, fm)) is not None:
            forward.append(matrix[:, list(planes)])
        if signed and (matrix := _matrix(top, cc)) is not None:
            calibration.append(matrix[np.ix_(planes, planes)])
    balance = top.numbers(50727, 3) or (1.0, 1.0, 1.0)
    if min(balance) <= 0:
        raise CorruptRaw(f"{top.path}: AnalogBalance {balance}, allowed is above 0")
    curve = top.numbers(50940)
    hue_sat = tuple(t for tag in (50938, 50939, 52537) if (t := _table(top, 50937, tag, 51107)) is not None)
    return CameraColour(
        illuminants=tuple(codes),
        colour=tuple(colour),
        forward=tuple(forward) if len(forward) == len(codes) else (),
        calibration=tuple(calibration) if len(calibration) == len(codes) else (),
        balance=triple([balance[p] for p in planes]),
        hue_sat=hue_sat if len(hue_sat) in (1, len(codes)) else (),
        look=_table(top, 50981, 50982, 51108),
        name=top.text(50936),
        tone_curve=None
        if curve is None or len(curve) < 4 or len(curve) % 2
        else np.array(curve).reshape(-1, 2),
    )


def _matrix(top: Directory, tag: int) -> NDArray[np.float64] | None:
    values = top.numbers(tag)
    if values is None:
        return None
    if len(values) != 9:
        raise UnsupportedRaw(f"{top.path}: tag {tag} has {len(values)} values, allowed is a 3 × 3 matrix")
    matrix = np.array(values, np.float64).reshape(3, 3)
    if np.linalg.cond(matrix) > 1e4:
        raise CorruptRaw(f"{top.path}: the matrix of tag {tag} cannot be inverted")
    return matrix


def _table(top: Directory, dims: int, tag: int, encoding: int) -> HSVTable | None:
    cells = top.numbers(tag)
    if cells is None:
        return None
    hue, sat, value = (int(v) for v in top.numbers(dims, 3) or (0, 0, 0))
    if min(hue, sat, value) < 1 or hue * sat * value * 3 != len(cells):
        raise CorruptRaw(
            f"{top.path}: tag {tag} has {len(cells)} values, expected {hue} × {sat} × {value} × 3"
        )
    return HSVTable(np.array(cells, np.float32).reshape(value, hue, sat, 3), top.integer(encoding, 0) == 1)


def read_neutral(top: Directory, colour: CameraColour, planes: tuple[int, int, int]) -> Triple | None:
    """What the camera answered to white (largest 1), from AsShotNeutral or AsShotWhiteXY.

    Raises
    ------
    CorruptRaw
        A colour is not there at all.
    """
    if (found := top.numbers(NEUTRAL)) is not None and len(found) == 3:
        white = np.array([found[p] for p in planes])
    elif (xy := top.numbers(WHITE_XY, 2)) is not None and colour.colour and xy[1] > 0:
        white = _white_of_xy(xy[0], xy[1], colour)
    else:
        return None
    if not (white > 1e-3 * white.max()).all():
        raise CorruptRaw(f"{top.path}: the as-shot neutral {tuple(white)} is impossible")
    white = white / white.max()
    return float(white[0]), float(white[1]), float(white[2])


def _white_of_xy(x: float, y: float, colour: CameraColour) -> NDArray[np.float64]:
    """The camera's answer to a white of chromaticity (x, y), by the matrix of the nearer illuminant."""
    warm = {17: 2850, 3: 2850, 24: 3200}
    n = (x - 0.3320) / (0.1858 - y or 1e-6)  # McCamy 1992, whose lines of equal temperature meet at 0.1858
    kelvin = 449 * n**3 + 3525 * n**2 + 6823.3 * n + 5520.33
    mired = 1e6 / max(kelvin, 1000)
    near = min(
        range(len(colour.colour)), key=lambda k: abs(mired - 1e6 / warm.get(colour.illuminants[k], 6000))
    )
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    cc = colour.calibration[near] if colour.calibration else np.eye(3)
    return np.diag(colour.balance) @ cc @ colour.colour[near] @ xyz
