# SPDX-License-Identifier: Apache-2.0
"""DNG out: a mosaic as a camera would have written it, and a merged burst that raw editors open.

A merged scene is balanced light in which shading and rebuilt highlights exceed the clip level.  In the file it is camera
light again, and what exceeds the white level is scaled down with its hue kept, as an editor would have to do anyway::

    DN = black + (65535 - black) · rgb / gain / 2^headroom

``headroom`` is 0 EV unless asked for: BaselineExposure would give it back, but darktable 4.2 and RawTherapee 5.9 do not
read it and would start too dark.  ``black`` is 1024 in a CFA, so that noise around it survives; it is 0 in linear RGB,
where both of these programs ignore it or apply it to one colour only.

What has been applied is not written again (GainMaps, bad pixels); lens corrections (OpcodeList3) are still due and stay.
The camera's own profile and tone curve are carried as they were: the merged file starts as a single frame would.

References
----------
[1] Digital Negative Specification 1.6.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from lichtbild.base import kernels, tiff
from lichtbild.base.errors import ExportError
from lichtbild.base.image import CameraColour, HSVTable, Noise, Scene, Shot, UInt8, UInt16
from lichtbild.base.tiff import (
    BYTE,
    DOUBLE,
    FLOAT,
    LONG,
    RATIONAL,
    SHORT,
    SRATIONAL,
    UNDEFINED,
    Field,
    Page,
    numbers_field,
)
from lichtbild.capture.opcodes import opcode_bytes
from lichtbild.publish.metadata import Strip, carried

BLACK, WHITE = 1024, 65535
MOST_HEADROOM = 4  # EV
_CFA_MARGIN = 4  # pixels that a demosaic may spoil at the border
_XYZ_TO_SRGB = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560],
                         [0.0556434, -0.2040259, 1.0572252]])


def write_mosaic(path: Path | str, dn: UInt16, shot: Shot, *, overwrite: bool = False) -> Path:
    """Write a DNG of a shot: the digital numbers as they are, and everything the shot says.

    Parameters
    ----------
    dn : UInt16 "h w" or "h w 3"
        Digital numbers of the active area.

    Raises
    ------
    ExportError
        The file exists, or could not be written.
    """
    raw = _image_fields(dn.shape, shot.kind, shot.pattern) | _level_fields(shot) | _noise_field(shot.noise)
    for tag, opcodes in zip((51008, 51009, 51022), shot.opcodes, strict=True):
        if opcodes:
            raw[tag] = tiff.bytes_field(UNDEFINED, opcode_bytes(opcodes))
    top = _camera_fields(shot, shot.colour, shot.baseline_exposure)
    c = carried(shot, strip="none", orientation=shot.orientation)
    page = Page(c.main | top | raw, c.below, np.ascontiguousarray(dn, "<u2").data)
    return tiff.write_file(path, tiff.tiff_chunks([page]), overwrite=overwrite)


def write_merged(path: Path | str, scene: Scene, *, kind: Literal["linear", "cfa"] = "linear", overwrite: bool = False,
                 headroom: int | None = 0, preview: UInt8 | None = None, xmp: bytes = b"", strip: Strip = "none"
                 ) -> Path:
    """Write a merged scene as a DNG of 16-bit linear RGB, or of a CFA with the camera's pattern.

    Parameters
    ----------
    scene : Scene
        In camera space.
    kind : {"linear", "cfa"}
        Three colours at every pixel, or one.
    headroom : int, optional
        EV above the clip level that are kept, 0 … 4; None keeps as many as the scene needs.
    preview : UInt8 "h w 3", optional
        A small picture for file browsers, in sRGB.
    xmp : bytes
        An XMP packet.
    strip : {"none", "gps", "all"}
        What of the EXIF is left out (see `metadata.carried`).

    Raises
    ------
    ExportError
        The file exists or could not be written, or a scene without a Bayer pattern is to become a CFA.
    StateError
        The scene is not in camera space.
    """
    scene = scene.require("camera")
    shot = scene.shot
    if kind == "cfa" and shot.kind != "bayer":
        raise ExportError(f"kind = cfa, but the camera is {shot.kind} and has no Bayer pattern", hint="use kind = linear")
    if headroom is None:
        headroom = _headroom(scene)
    if not 0 <= headroom <= MOST_HEADROOM:
        raise ExportError(f"headroom = {headroom}, allowed is 0 … {MOST_HEADROOM} EV")
    dn = _encoded(scene, kind, headroom)
    raw = _image_fields(dn.shape, "bayer" if kind == "cfa" else "linear", shot.pattern)
    raw |= _merged_levels(dn.ndim) | _noise_field(_merged_noise(scene, headroom))
    if shot.opcodes[2]:
        raw[51022] = tiff.bytes_field(UNDEFINED, opcode_bytes(shot.opcodes[2]))
    margin = _CFA_MARGIN if kind == "cfa" and min(dn.shape[:2]) > 16 * _CFA_MARGIN else 0
    raw[50719] = numbers_field(LONG, margin, margin)
    raw[50720] = numbers_field(LONG, dn.shape[1] - 2 * margin, dn.shape[0] - 2 * margin)
    top = _camera_fields(shot, _known_colour(shot), shot.baseline_exposure + headroom)
    top[51110] = numbers_field(LONG, 1)  # DefaultBlackRender: merged shadows are clean, keep them
    c = carried(shot, strip=strip, orientation=shot.orientation)
    main = c.main | top | ({700: tiff.bytes_field(BYTE, xmp)} if xmp else {})
    pixels = np.ascontiguousarray(dn, "<u2").data
    page = Page(main | raw, c.below, pixels)
    if preview is not None:
        small = _preview_fields(preview.shape) | main
        page = Page(small, {**c.below, tiff.SUB_IFDS: [Page(raw, {}, pixels)]}, np.ascontiguousarray(preview).data)
    return tiff.write_file(path, tiff.tiff_chunks([page]), overwrite=overwrite)


# ---- pixels of a merged scene


def _headroom(scene: Scene) -> int:
    """Whole EV above the clip level that the scene needs; a stray pixel in a hundred thousand may be lost."""
    counts = np.zeros(MOST_HEADROOM + 1, np.int64)
    kernels.overshoot(scene.rgb, np.array(scene.gain, np.float32), counts)
    allowed = scene.rgb.shape[0] * scene.rgb.shape[1] // 100_000
    return next((k for k in range(MOST_HEADROOM) if counts[k] <= allowed), MOST_HEADROOM)


def _encoded(scene: Scene, kind: str, headroom: int) -> UInt16:
    h, w = scene.rgb.shape[:2]
    black = BLACK if kind == "cfa" else 0
    scale = np.array([(WHITE - black) / g / 2**headroom for g in scene.gain], np.float32)
    dn = np.empty((h, w, 1 if kind == "cfa" else 3), np.uint16)
    pattern = np.array(scene.shot.pattern if kind == "cfa" else (), np.int32)
    kernels.numbers(scene.rgb, scale, black, pattern, dn)
    return dn[..., 0] if kind == "cfa" else dn


def _merged_noise(scene: Scene, headroom: int) -> Noise:
    """Of the file's values 0 … 1: balance undone, shared by the frames, lowered by the headroom."""
    frames = float(scene.frames.mean()) if scene.frames is not None else float(scene.merged)
    g, down = scene.gain, 2.0**-headroom
    n = scene.noise.scaled((1 / g[0], 1 / g[1], 1 / g[2])).scaled((down, down, down))
    s, r = (tuple(v / max(frames, 1e-3) for v in values) for values in (n.shot, n.read))
    return Noise((s[0], s[1], s[2]), (r[0], r[1], r[2]))


def _known_colour(shot: Shot) -> CameraColour:
    """The camera's colour, or that of a camera which sees sRGB: an editor must start somewhere."""
    if shot.colour.colour or shot.kind == "mono":
        return shot.colour
    return CameraColour((21,), (np.diag(shot.neutral or (1.0, 1.0, 1.0)) @ _XYZ_TO_SRGB,))


# ---- fields


def _image_fields(shape: tuple[int, ...], kind: str, pattern: tuple[int, int, int, int]) -> dict[int, Field]:
    samples = 3 if len(shape) == 3 else 1
    fields = {254: numbers_field(LONG, 0), 256: numbers_field(LONG, shape[1]), 257: numbers_field(LONG, shape[0]),
              258: numbers_field(SHORT, *[16] * samples), 259: numbers_field(SHORT, 1),
              262: numbers_field(SHORT, 32803 if kind == "bayer" else 34892), 277: numbers_field(SHORT, samples),
              284: numbers_field(SHORT, 1), 50829: numbers_field(LONG, 0, 0, shape[0], shape[1]),
              339: numbers_field(SHORT, *[1] * samples)}
    if kind == "bayer":
        fields |= {33421: numbers_field(SHORT, 2, 2), 33422: numbers_field(BYTE, *pattern),
                   50710: numbers_field(BYTE, 0, 1, 2), 50711: numbers_field(SHORT, 1)}
    return fields


def _preview_fields(shape: tuple[int, ...]) -> dict[int, Field]:
    return {254: numbers_field(LONG, 1), 256: numbers_field(LONG, shape[1]), 257: numbers_field(LONG, shape[0]),
            258: numbers_field(SHORT, 8, 8, 8), 259: numbers_field(SHORT, 1), 262: numbers_field(SHORT, 2),
            277: numbers_field(SHORT, 3), 284: numbers_field(SHORT, 1), 50970: numbers_field(LONG, 2)}


def _level_fields(shot: Shot) -> dict[int, Field]:
    samples = 3 if shot.kind == "linear" else 1
    black = shot.black if shot.black.ndim == 3 or samples == 1 else np.repeat(shot.black[..., None], samples, axis=2)
    levels = [float(v) for v in black.ravel()]
    whole = all(v == int(v) for v in levels)
    fields = {50713: numbers_field(SHORT, *black.shape[:2]), 50717: numbers_field(LONG, *[round(shot.white)] * samples),
              50714: numbers_field(LONG, *map(int, levels)) if whole else numbers_field(RATIONAL, *levels)}
    if shot.black_columns is not None:
        fields[50715] = numbers_field(SRATIONAL, *map(float, shot.black_columns))
    if shot.black_rows is not None:
        fields[50716] = numbers_field(SRATIONAL, *map(float, shot.black_rows))
    return fields


def _merged_levels(axes: int) -> dict[int, Field]:
    samples = 3 if axes == 3 else 1
    return {50713: numbers_field(SHORT, 1, 1), 50714: numbers_field(LONG, *[BLACK if samples == 1 else 0] * samples),
            50717: numbers_field(LONG, *[WHITE] * samples)}


def _noise_field(noise: Noise | None) -> dict[int, Field]:
    if noise is None:
        return {}
    pairs = list(zip(noise.shot, noise.read, strict=True))
    pairs = pairs[:1] if len(set(pairs)) == 1 else pairs
    return {51041: numbers_field(DOUBLE, *(v for pair in pairs for v in pair))}


def _camera_fields(shot: Shot, colour: CameraColour, baseline: float) -> dict[int, Field]:
    """What belongs into IFD0: versions, names, white, exposure and the colour profile."""
    names = {str(o.name) for ops in shot.opcodes for o in ops if not o.optional}
    back = (1, 6, 0, 0) if "WarpRectilinear2" in names else (1, 3, 0, 0) if names else (1, 1, 0, 0)
    fields = {50706: numbers_field(BYTE, 1, 6 if back[1] == 6 else 4, 0, 0), 50707: numbers_field(BYTE, *back),
              50708: tiff.ascii_field(shot.unique or _camera(shot) or "lichtbild")}
    if baseline:
        fields[50730] = numbers_field(SRATIONAL, baseline)
    if shot.kind == "mono":
        return fields
    if shot.neutral is not None:
        fields[50728] = numbers_field(RATIONAL, *shot.neutral)
    if colour.balance != (1.0, 1.0, 1.0):
        fields[50727] = numbers_field(RATIONAL, *colour.balance)
    sets = ((colour.colour, (50721, 50722, 52531)), (colour.forward, (50964, 50965, 52532)),
            (colour.calibration, (50723, 50724, 52530)))
    for matrices, tags in sets:
        for tag, matrix in zip(tags, matrices, strict=False):
            fields[tag] = numbers_field(SRATIONAL, *(float(v) for v in np.asarray(matrix).ravel()))
    for tag, light in zip((50778, 50779, 52529), colour.illuminants, strict=False):
        fields[tag] = numbers_field(SHORT, light)
    return fields | _profile_fields(colour)


def _camera(shot: Shot) -> str:
    return shot.model if shot.model.startswith(shot.make) else f"{shot.make} {shot.model}"


def _profile_fields(colour: CameraColour) -> dict[int, Field]:
    fields: dict[int, Field] = {}
    if colour.name:
        fields[50936] = tiff.ascii_field(colour.name)
    for tag, table in zip((50938, 50939, 52537), colour.hue_sat, strict=False):
        fields |= _table_fields(table, 50937, tag, 51107)
    if colour.look is not None:
        fields |= _table_fields(colour.look, 50981, 50982, 51108)
    if colour.tone_curve is not None:
        fields[50940] = numbers_field(FLOAT, *(float(v) for v in colour.tone_curve.ravel()))
    return fields


def _table_fields(table: HSVTable, dims: int, tag: int, encoding: int) -> dict[int, Field]:
    value, hue, sat = table.table.shape[:3]
    return {dims: numbers_field(LONG, hue, sat, value), encoding: numbers_field(LONG, int(table.srgb_value)),
            tag: Field(FLOAT, np.ascontiguousarray(table.table, "<f4").tobytes())}


