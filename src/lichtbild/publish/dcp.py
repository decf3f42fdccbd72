# SPDX-License-Identifier: Apache-2.0
"""A camera's colour as a DCP file, which other raw developers read too.

Two things are always written: a tone curve (a straight line where the profile has none) and
DefaultBlackRender "none".  Without them some renderers subtract black and apply a curve of their own, and the
colours are no longer those that were measured.

References
----------
[1] Digital Negative Specification 1.6, chapter 6, "Camera profiles", and appendix on the file format.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.errors import ExportError
from lichtbild.base.image import CameraColour, Shot
from lichtbild.base.tiff import LONG, Page, numbers_field, tiff_chunks, write_file
from lichtbild.publish.tags import camera_fields

_HEADER = struct.pack("<4sI", b"IIRC", 8)
_LINE = np.array([[0.0, 0.0], [1.0, 1.0]])
# versions, neutral, exposure, signature of the calibration: of a DNG, not of a profile
_OF_FILES = (50706, 50707, 50728, 50730, 50931)
CAMERA, EMBED_POLICY, BLACK_RENDER = 50708, 50941, 51110


def write_dcp(
    path: Path | str,
    colour: CameraColour,
    *,
    name: str = "",
    camera: str = "",
    overwrite: bool = False,
) -> Path:
    """Write a profile.

    Parameters
    ----------
    path : Path or str
        ``something.dcp``.
    colour : CameraColour
        One to three illuminants, each with its ColorMatrix.
    name : str
        Of the profile, as programs list it; default `colour`'s own.
    camera : str
        UniqueCameraModel of the camera it is for, see `capture.dcp.camera_name`; most programs offer a
        profile only for that camera.  Empty: for any.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ExportError
        No matrix, not one illuminant for each, tables of different sizes; or as `base.tiff.write_file`.
    """
    n = len(colour.colour)
    if not 1 <= n <= 3 or len(colour.illuminants) != n or len(colour.forward) not in (0, n):
        raise ExportError(
            f"a profile of {n} colour matrices, {len(colour.forward)} forward matrices and "
            f"{len(colour.illuminants)} illuminants cannot be written"
        )
    if len(colour.hue_sat) not in (0, n):
        raise ExportError(f"{len(colour.hue_sat)} tables for {n} illuminants; allowed are none or {n}")
    if len({t.table.shape for t in colour.hue_sat}) > 1:
        raise ExportError("tables of different sizes for the illuminants; a profile has one size for all")
    own = replace(
        colour,
        name=name or colour.name or "lichtbild",
        calibration=(),
        balance=(1.0, 1.0, 1.0),
        tone_curve=_LINE if colour.tone_curve is None else colour.tone_curve,
    )
    fields = camera_fields(Shot(Path(path), (0, 0), unique=camera), own, 0.0)
    left_out = _OF_FILES if camera else (*_OF_FILES, CAMERA)
    fields = {tag: f for tag, f in fields.items() if tag not in left_out}
    fields[EMBED_POLICY] = numbers_field(LONG, 0)  # may be copied
    fields[BLACK_RENDER] = numbers_field(LONG, 1)
    chunks = tiff_chunks([Page(fields)])
    return write_file(path, [_HEADER, *chunks[1:]], overwrite=overwrite)
