# SPDX-License-Identifier: Apache-2.0
"""The colour profile inside a DNG: matrices, tables, curve, and what the camera answered to white.

A CameraCalibration holds for the profile whose signature it carries, and is left aside for any other.  An
illuminant without a code (255) is told by IlluminantData: a chromaticity, or a spectrum whose chromaticity
follows with the standard observer.

References
----------
[1] Digital Negative Specification 1.7.1, chapters 5 and 6.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.directories import Directory
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import CameraColour, HSVTable, Triple
from lichtbild.base.spectra import WAVELENGTHS, observer
from lichtbild.capture.illuminant import OTHER, white_to_neutral

NEUTRAL, WHITE_XY = 50728, 50729
GRADED = "lichtbild look"  # ProfileCalibrationSignature of profiles that hold a look of ours


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
    codes, whites, colour, forward, calibration = [], [], [], [], []
    for light, cm, fm, cc, measured in (
        (50778, 50721, 50964, 50723, 52533),
        (50779, 50722, 50965, 50724, 52534),
        (52529, 52531, 52532, 52530, 52535),
    ):
        if (matrix := _matrix(top, cm)) is None:
            continue
        codes.append(top.integer(light, 0))
        whites.append(_white(top, measured) if codes[-1] == OTHER else None)
        colour.append(matrix[list(planes)])
        if (matrix := _matrix(top, fm)) is not None:
            forward.append(matrix[:, list(planes)])
        if signed and (matrix := _matrix(top, cc)) is not None:
            calibration.append(matrix[np.ix_(planes, planes)])
    balance = top.numbers(50727, 3) or (1.0, 1.0, 1.0)
    if min(balance) <= 0:
        raise CorruptRaw(f"{top.path}: AnalogBalance {balance}, allowed is above 0")
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
        tone_curve=_curve(top),
        whites=tuple(whites) if any(whites) else (),
        graded=top.text(50932) == GRADED,
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
    hue, sat, value = (int(v) for v in (*(top.numbers(dims) or (0, 0)), 1)[:3])  # one value if it is left out
    if hue < 1 or sat < 2 or value < 1 or hue * sat * value * 3 != len(cells):
        raise CorruptRaw(
            f"{top.path}: tag {tag} has {len(cells)} values, expected {hue} × {sat} × {value} × 3 with "
            "at least 1 hue, 2 saturations, 1 value"
        )
    table = np.array(cells, np.float32).reshape(value, hue, sat, 3)
    if table[..., 1:].min() < 0:
        raise CorruptRaw(
            f"{top.path}: tag {tag} has a scale of {table[..., 1:].min():g}, allowed is 0 and above"
        )
    table[:, :, 0, 2] = 1.0  # greys stay as they are, says the specification; not all writers do
    return HSVTable(table, top.integer(encoding, 0) == 1)


def _curve(top: Directory) -> NDArray[np.float64] | None:
    """The ProfileToneCurve, ``"n 2"``."""
    values = top.numbers(50940)
    if values is None:
        return None
    points = np.array(values[: len(values) // 2 * 2]).reshape(-1, 2)
    if len(values) % 2 or len(points) < 2 or not (np.diff(points[:, 0]) > 0).all():
        raise CorruptRaw(
            f"{top.path}: ProfileToneCurve has {len(values)} values, expected two points or more, each "
            "to the right of the one before"
        )
    return points


def _white(top: Directory, tag: int) -> tuple[float, float] | None:
    """The chromaticity that IlluminantData tells; None where the tag is absent."""
    packed = top.payload(tag)
    if not packed:
        return None
    try:
        kind = struct.unpack_from(f"{top.order}H", packed)[0]
        if kind == 0:
            x, y = _rationals(top.order, packed, 2, 2)
        else:
            count = struct.unpack_from(f"{top.order}I", packed, 2)[0] if kind == 1 else 0
            if not 2 <= count <= 10000:
                raise CorruptRaw(f"{top.path}: tag {tag} holds neither a chromaticity nor a spectrum")
            low, step, *power = _rationals(top.order, packed, 6, count + 2)
            at = low + step * np.arange(count)
            seen = observer().T @ np.interp(WAVELENGTHS, at, power)
            x, y = seen[:2] / seen.sum()
    except (struct.error, ZeroDivisionError) as error:
        raise CorruptRaw(f"{top.path}: tag {tag} (IlluminantData) is cut short or divides by 0") from error
    if not (0 < x < 1 and 0 < y < 1 and x + y <= 1):
        raise CorruptRaw(f"{top.path}: tag {tag} tells a white of x = {x:g}, y = {y:g}, which no light has")
    return float(x), float(y)


def _rationals(order: str, packed: bytes, start: int, count: int) -> list[float]:
    numbers = struct.unpack_from(f"{order}{2 * count}I", packed, start)
    return [a / b for a, b in zip(numbers[0::2], numbers[1::2], strict=True)]


def read_neutral(top: Directory, colour: CameraColour, planes: tuple[int, int, int]) -> Triple | None:
    """What the camera answered to white (largest 1), from AsShotNeutral or AsShotWhiteXY.

    Raises
    ------
    CorruptRaw
        A colour is not there at all.
    """
    if (found := top.numbers(NEUTRAL)) is not None and len(found) == 3:
        white = np.array([found[p] for p in planes])
    elif (xy := top.numbers(WHITE_XY, 2)) is not None and colour.colour and min(xy) > 0 and sum(xy) <= 1:
        white = white_to_neutral(colour, (xy[0], xy[1]))
    else:
        return None
    if not (white > 1e-3 * white.max()).all():
        raise CorruptRaw(f"{top.path}: the as-shot neutral {tuple(white)} is impossible")
    white = white / white.max()
    return float(white[0]), float(white[1]), float(white[2])
