# SPDX-License-Identifier: Apache-2.0
"""The DNG tags that say what a shot knows: the counterpart of `capture.dng` and `capture.profile`.

References
----------
[1] Digital Negative Specification 1.6, chapters 3 and 4.
"""

from __future__ import annotations

import struct

import numpy as np

from lichtbild.base import tiff
from lichtbild.base.image import CameraColour, HSVTable, Noise, Shot
from lichtbild.base.tiff import BYTE, DOUBLE, FLOAT, LONG, RATIONAL, SHORT, SRATIONAL, Field, numbers_field
from lichtbild.capture.exif import camera_name
from lichtbild.capture.profile import GRADED

CODES = {"RGB": (0, 1, 2), "RYB": (0, 5, 2)}  # CFAPlaneColor of the three planes
_BASELINE_NOISE = 50731
# BaselineSharpness, LinearResponseLimit, ShadowScale; ProfileEmbedPolicy, ProfileCopyright; DefaultUserCrop
_KEPT = (50732, 50734, 50739, 50941, 50942, 51125)


def image_fields(shape: tuple[int, ...], kind: str, shot: Shot) -> dict[int, Field]:
    """Size, kind and layout of the pixels; the colours of a mosaic are those of `shot`."""
    samples = 3 if len(shape) == 3 else 1
    fields = {
        254: numbers_field(LONG, 0),
        256: numbers_field(LONG, shape[1]),
        257: numbers_field(LONG, shape[0]),
        258: numbers_field(SHORT, *[16] * samples),
        259: numbers_field(SHORT, 1),
        262: numbers_field(SHORT, 32803 if kind == "bayer" else 34892),
        277: numbers_field(SHORT, samples),
        284: numbers_field(SHORT, 1),
        50829: numbers_field(LONG, 0, 0, shape[0], shape[1]),
        339: numbers_field(SHORT, *[1] * samples),
    }
    if kind == "bayer":
        cell = np.reshape(shot.pattern, (2, 2)) if shot.cell is None else shot.cell
        codes = CODES[shot.filters]
        fields |= {
            33421: numbers_field(SHORT, *cell.shape),
            33422: numbers_field(BYTE, *(codes[c] for c in cell.flat)),
            50710: numbers_field(BYTE, *codes),
            50711: numbers_field(SHORT, 1),
        }
    return fields


def preview_fields(shape: tuple[int, ...]) -> dict[int, Field]:
    """Size and layout of a small picture."""
    return {
        254: numbers_field(LONG, 1),
        256: numbers_field(LONG, shape[1]),
        257: numbers_field(LONG, shape[0]),
        258: numbers_field(SHORT, 8, 8, 8),
        259: numbers_field(SHORT, 1),
        262: numbers_field(SHORT, 2),
        277: numbers_field(SHORT, 3),
        284: numbers_field(SHORT, 1),
        50970: numbers_field(LONG, 2),
    }


def level_fields(shot: Shot) -> dict[int, Field]:
    """Black and white as the shot has them."""
    samples = 3 if shot.kind == "linear" else 1
    black = (
        shot.black
        if shot.black.ndim == 3 or samples == 1
        else np.repeat(shot.black[..., None], samples, axis=2)
    )
    if shot.cell is not None and np.ptp(black) == 0:
        black = black[:1, :1]  # a 2 × 2 pattern of levels over a larger cell confuses LibRaw
    levels = [float(v) for v in black.ravel()]
    whole = all(v == int(v) for v in levels)
    fields = {
        50713: numbers_field(SHORT, *black.shape[:2]),
        50717: numbers_field(LONG, *[round(shot.white)] * samples),
        50714: numbers_field(LONG, *map(int, levels)) if whole else numbers_field(RATIONAL, *levels),
    }
    if shot.black_columns is not None:
        fields[50715] = numbers_field(SRATIONAL, *map(float, shot.black_columns))
    if shot.black_rows is not None:
        fields[50716] = numbers_field(SRATIONAL, *map(float, shot.black_rows))
    return fields


def noise_field(noise: Noise | None) -> dict[int, Field]:
    """NoiseProfile, one pair where all colours share it."""
    if noise is None:
        return {}
    pairs = list(zip(noise.shot, noise.read, strict=True))
    pairs = pairs[:1] if len(set(pairs)) == 1 else pairs
    return {51041: numbers_field(DOUBLE, *(v for pair in pairs for v in pair))}


def camera_fields(shot: Shot, colour: CameraColour, baseline: float) -> dict[int, Field]:
    """What belongs into IFD0: versions, names, white, exposure and the colour profile."""
    names = {str(o.name) for ops in shot.opcodes for o in ops if not o.optional}
    back = (1, 6, 0, 0) if "WarpRectilinear2" in names else (1, 3, 0, 0) if names else (1, 1, 0, 0)
    tables = shot.exif.get("raw", {})
    late = back[1] == 6 or 52525 in tables or len(colour.colour) == 3 or any(colour.whites)
    version = 7 if 52544 in tables else 6 if late else 4
    fields = {
        50706: numbers_field(BYTE, 1, version, 0, 0),
        50707: numbers_field(BYTE, *back),
        50708: tiff.ascii_field(shot.unique or camera_name(shot) or "lichtbild"),
    }
    if baseline:
        fields[50730] = numbers_field(SRATIONAL, baseline)
    if shot.kind == "mono":
        return fields
    if shot.neutral is not None:
        fields[50728] = numbers_field(RATIONAL, *shot.neutral)
    if colour.balance != (1.0, 1.0, 1.0):
        fields[50727] = numbers_field(RATIONAL, *colour.balance)
    sets = (
        (colour.colour, (50721, 50722, 52531)),
        (colour.forward, (50964, 50965, 52532)),
        (colour.calibration, (50723, 50724, 52530)),
    )
    for matrices, tags in sets:
        for tag, matrix in zip(tags, matrices, strict=False):
            fields[tag] = numbers_field(SRATIONAL, *(float(v) for v in np.asarray(matrix).ravel()))
    for tag, light in zip((50778, 50779, 52529), colour.illuminants, strict=False):
        fields[tag] = numbers_field(SHORT, light)
    for tag, xy in zip((52533, 52534, 52535), colour.whites, strict=False):
        if xy is not None:  # IlluminantData as a chromaticity
            parts = (round(1e6 * xy[0]), 1_000_000, round(1e6 * xy[1]), 1_000_000)
            fields[tag] = tiff.bytes_field(tiff.UNDEFINED, struct.pack("<H4I", 0, *parts))
    return fields | _profile_fields(colour)


def kept_fields(shot: Shot, noise: float = 1.0) -> dict[int, Field]:
    """What the maker says to raw editors besides colour; `noise` is that of the pixels over the camera's."""
    main = shot.exif.get("main", {})
    fields = {tag: main[tag] for tag in _KEPT if isinstance(main.get(tag), Field)}
    own = main.get(_BASELINE_NOISE)
    usual = own.numbers()[0] if isinstance(own, Field) and own.count and own.numbers()[0] > 0 else 1.0
    if usual != 1.0 or noise != 1.0:
        fields[_BASELINE_NOISE] = numbers_field(RATIONAL, usual * noise)
    return fields


def unnamed(fields: dict[int, Field], strip: str) -> dict[int, Field]:
    """The same fields; where "all" is stripped, without what names the camera or the maker of its profile."""
    if strip != "all":
        return fields
    left = {tag: f for tag, f in fields.items() if tag not in (50936, 50942)}
    return left | {50708: tiff.ascii_field("lichtbild")}


def crop_fields(area: tuple[int, int, int, int]) -> dict[int, Field]:
    """DefaultCropOrigin and DefaultCropSize, and DefaultScale, which is 1."""
    top, left, height, width = area
    return {
        50718: numbers_field(RATIONAL, 1, 1),
        50719: numbers_field(LONG, left, top),
        50720: numbers_field(LONG, width, height),
    }


def _profile_fields(colour: CameraColour) -> dict[int, Field]:
    fields: dict[int, Field] = {}
    if colour.name:
        fields[50936] = tiff.ascii_field(colour.name)
    for tag, table in zip((50938, 50939, 52537), colour.hue_sat, strict=False):
        fields |= _table_fields(table, 50937, tag, 51107)
    if colour.look is not None:
        fields |= _table_fields(colour.look, 50981, 50982, 51108)
    if colour.graded:  # also CameraCalibrationSignature, or the calibration would not hold
        fields |= dict.fromkeys((50931, 50932), tiff.ascii_field(GRADED))
    if colour.tone_curve is not None:
        fields[50940] = numbers_field(FLOAT, *(float(v) for v in colour.tone_curve.ravel()))
    return fields


def _table_fields(table: HSVTable, dims: int, tag: int, encoding: int) -> dict[int, Field]:
    value, hue, sat = table.table.shape[:3]
    return {
        dims: numbers_field(LONG, hue, sat, value),
        encoding: numbers_field(LONG, int(table.srgb_value)),
        tag: Field(FLOAT, np.ascontiguousarray(table.table, "<f4").tobytes()),
    }
