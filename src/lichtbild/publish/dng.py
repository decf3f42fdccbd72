# SPDX-License-Identifier: Apache-2.0
"""DNG out: a mosaic as a camera would have written it, and a merged burst that raw editors open.

A merged scene is balanced light in which shading and rebuilt highlights exceed the clip level.  In the file
it is camera light again, and what exceeds the white level is scaled down with its hue kept, as an editor
would have to do anyway::

    DN = black + (65535 - black) · rgb / gain / 2^headroom

``headroom`` is 0 EV unless asked for: BaselineExposure would give it back, but darktable 4.2 and RawTherapee
5.9 do not read it and would start too dark.  ``black`` is 1024 in a CFA, so that noise around it survives; it
is 0 in linear RGB, where both of these programs ignore it or apply it to one colour only.

What has been applied is not written again (GainMaps, bad pixels); lens corrections (OpcodeList3) are still
due and stay. The camera's own profile and tone curve are carried as they were: the merged file starts as a
single frame would.

References
----------
[1] Digital Negative Specification 1.6.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from lichtbild.base import kernels, tiff
from lichtbild.base.colour import XYZ_TO_SRGB
from lichtbild.base.errors import ExportError
from lichtbild.base.image import CameraColour, Noise, Scene, Shot, UInt8, UInt16
from lichtbild.base.tiff import (
    BYTE,
    LONG,
    SHORT,
    UNDEFINED,
    Field,
    Page,
    numbers_field,
)
from lichtbild.capture.opcodes import opcode_bytes
from lichtbild.publish.metadata import Strip, carried
from lichtbild.publish.tags import camera_fields, image_fields, level_fields, noise_field, preview_fields

BLACK, WHITE = 1024, 65535
MOST_HEADROOM = 4  # EV
_CFA_MARGIN = 4  # pixels that a demosaic may spoil at the border


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
    raw = image_fields(dn.shape, shot.kind, shot) | level_fields(shot) | noise_field(shot.noise)
    for tag, opcodes in zip((51008, 51009, 51022), shot.opcodes, strict=True):
        if opcodes:
            raw[tag] = tiff.bytes_field(UNDEFINED, opcode_bytes(opcodes))
    top = camera_fields(shot, shot.colour, shot.baseline_exposure)
    c = carried(shot, strip="none", orientation=shot.orientation)
    page = Page(c.main | top | raw, c.below, np.ascontiguousarray(dn, "<u2").data)
    return tiff.write_file(path, tiff.tiff_chunks([page]), overwrite=overwrite)


def write_merged(
    path: Path | str,
    scene: Scene,
    *,
    kind: Literal["linear", "cfa"] = "linear",
    overwrite: bool = False,
    headroom: int | None = 0,
    preview: UInt8 | None = None,
    xmp: bytes = b"",
    strip: Strip = "none",
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
    if kind == "cfa" and (shot.kind != "bayer" or shot.cell is not None):
        what = shot.kind if shot.cell is None else "no Bayer camera"
        raise ExportError(
            f"kind = cfa, but the camera is {what} and has no Bayer pattern", hint="use kind = linear"
        )
    if headroom is None:
        headroom = _headroom(scene)
    if not 0 <= headroom <= MOST_HEADROOM:
        raise ExportError(f"headroom = {headroom}, allowed is 0 … {MOST_HEADROOM} EV")
    dn = _encoded(scene, kind, headroom)
    raw = image_fields(dn.shape, "bayer" if kind == "cfa" else "linear", shot)
    raw |= _merged_levels(dn.ndim) | noise_field(_merged_noise(scene, headroom))
    if shot.opcodes[2]:
        raw[51022] = tiff.bytes_field(UNDEFINED, opcode_bytes(shot.opcodes[2]))
    margin = _CFA_MARGIN if kind == "cfa" and min(dn.shape[:2]) > 16 * _CFA_MARGIN else 0
    raw[50719] = numbers_field(LONG, margin, margin)
    raw[50720] = numbers_field(LONG, dn.shape[1] - 2 * margin, dn.shape[0] - 2 * margin)
    top = camera_fields(shot, _known_colour(shot), shot.baseline_exposure + headroom)
    top[51110] = numbers_field(LONG, 1)  # DefaultBlackRender: merged shadows are clean, keep them
    c = carried(shot, strip=strip, orientation=shot.orientation)
    main = c.main | top | ({700: tiff.bytes_field(BYTE, xmp)} if xmp else {})
    pixels = np.ascontiguousarray(dn, "<u2").data
    page = Page(main | raw, c.below, pixels)
    if preview is not None:
        small = preview_fields(preview.shape) | main
        page = Page(
            small, {**c.below, tiff.SUB_IFDS: [Page(raw, {}, pixels)]}, np.ascontiguousarray(preview).data
        )
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
    return CameraColour((21,), (np.diag(shot.neutral or (1.0, 1.0, 1.0)) @ XYZ_TO_SRGB,))


def _merged_levels(axes: int) -> dict[int, Field]:
    samples = 3 if axes == 3 else 1
    return {
        50713: numbers_field(SHORT, 1, 1),
        50714: numbers_field(LONG, *[BLACK if samples == 1 else 0] * samples),
        50717: numbers_field(LONG, *[WHITE] * samples),
    }
