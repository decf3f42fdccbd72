# SPDX-License-Identifier: Apache-2.0
"""DNG out: a mosaic as a camera would have written it, and a merged burst that raw editors open.

A merged scene is balanced light in which shading and rebuilt highlights exceed the clip level.  In the file
it is camera light again, and what exceeds the white level is scaled down with its hue kept, as an editor
would have to do anyway::

    DN = black + (65535 - black) · rgb / gain / 2^headroom

``headroom`` is 0 EV for light of one exposure: BaselineExposure would give it back, but darktable 4.2 and
RawTherapee 5.9 do not read it and would start too dark.  In a bracket, whose light goes beyond the clip level
of its reference, it is as much as the scene holds, and nothing clips.

``black`` is 1024 in a CFA, so that noise around it survives; it is 0 in linear RGB, where both of these
programs ignore it or apply it to one colour only.  What is cut off below black there is taken from the pixels
beside it, so that deep shadows keep their mean and their colour.

NoiseProfile says what noise the pixels of the file have, which is measured (see `residue`).  What has been
applied is not written again (GainMaps, bad pixels); opcodes that are still due stay: lens corrections
(OpcodeList3), and of OpcodeList2 what was left aside.  The camera's own profile and tone curve are carried as
they were: the merged file starts as a single frame would.  That is why no curve is written where the camera
has none: a straight one would make a flat picture of it in every editor that has a curve of its own for such
files.  DefaultBlackRender is "none" with and without one: what renderers subtract by default is there to hide
the noise of shadows, which is gone.

References
----------
[1] Digital Negative Specification 1.6.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from lichtbild.base import kernels, tiff
from lichtbild.base.colour import XYZ_TO_SRGB
from lichtbild.base.errors import ExportError
from lichtbild.base.image import CameraColour, Noise, Opcode, Scene, Shot, UInt8, UInt16
from lichtbild.base.tiff import (
    BYTE,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Field,
    Page,
    numbers_field,
)
from lichtbild.capture.gain_table import SECOND, within
from lichtbild.capture.linearize import APPLIED, REPAIRED
from lichtbild.capture.opcodes import opcode_bytes
from lichtbild.correct.crop import shown
from lichtbild.correct.lens import grown
from lichtbild.publish.metadata import Strip, carried
from lichtbild.publish.packed import LEAST, lossless_tiles, tile_side
from lichtbild.publish.residue import residual_noise
from lichtbild.publish.tags import (
    camera_fields,
    crop_fields,
    image_fields,
    kept_fields,
    level_fields,
    noise_field,
    preview_fields,
    unnamed,
)

BLACK, WHITE = 1024, 65535
MOST_HEADROOM = 10  # EV
# of OpcodeList2: applied by `linearize`, or meaningless once frames are merged
_SPENT = APPLIED + REPAIRED
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
    if shot.crop is not None:
        raw |= crop_fields(shot.crop)
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
    headroom: int | None = None,
    compress: bool = True,
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
        EV above the clip level that are kept, 0 … 10; None is as many as a bracket needs, else none.
    compress : bool
        Lossless JPEG, which is a third smaller.
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
            f"kind = cfa, but the camera is {what} and has no Bayer pattern",
            hint="use kind = linear, which the command line does without --cfa",
        )
    if headroom is None:
        headroom = headroom_of(scene)
    if not 0 <= headroom <= MOST_HEADROOM:
        raise ExportError(f"headroom = {headroom}, allowed is 0 … {MOST_HEADROOM} EV")
    noise, share = _merged_noise(scene, kind, headroom)
    dn = _encoded(scene, kind, headroom, noise)
    raw = image_fields(dn.shape, "bayer" if kind == "cfa" else "linear", shot)
    raw |= _merged_levels(dn.ndim) | noise_field(noise)
    tables = within(shot.exif.get("raw", {}), shot.part)
    raw |= {tag: table for tag, table in tables.items() if tag != SECOND}
    raw[50935] = numbers_field(RATIONAL, 1 - share)  # NoiseReductionApplied: nobody need do it twice
    raw |= _due(shot, dn.shape, kind) | _cropped(shot, dn.shape, kind)
    grey = shot.kind == "mono"  # three colours all the same
    sees = replace(shot, kind="linear", neutral=(1.0, 1.0, 1.0)) if grey else shot
    top = camera_fields(sees, known_colour(sees), shot.baseline_exposure + headroom)
    top |= {tag: table for tag, table in tables.items() if tag == SECOND}  # belongs to the profile
    top[51110] = numbers_field(LONG, 1)  # DefaultBlackRender: merged shadows are clean, keep them
    c = carried(shot, strip=strip, orientation=shot.orientation)
    said = {700: tiff.bytes_field(BYTE, xmp)} if xmp else {}
    main = c.main | unnamed(kept_fields(shot, share) | top, strip) | said
    pixels = _page(dn, raw, compress=compress)
    if preview is None:
        page = Page(main | pixels.fields, c.below, pixels.strip, pixels.tiles)
    else:
        small = preview_fields(preview.shape) | main
        page = Page(small, {**c.below, tiff.SUB_IFDS: [pixels]}, np.ascontiguousarray(preview).data)
    return tiff.write_file(path, tiff.tiff_chunks([page]), overwrite=overwrite)


# ---- pixels of a merged scene


def headroom_of(scene: Scene) -> int:
    """Whole EV above the clip level that a bracket needs; a stray pixel in a hundred thousand may be lost."""
    if scene.reach <= 1:
        return 0
    counts = np.zeros(MOST_HEADROOM + 1, np.int64)
    kernels.overshoot(scene.rgb, np.array(scene.gain, np.float32), counts)
    allowed = scene.rgb.shape[0] * scene.rgb.shape[1] // 100_000
    return next((k for k in range(MOST_HEADROOM) if counts[k] <= allowed), MOST_HEADROOM)


def _page(dn: UInt16, raw: dict[int, Field], *, compress: bool) -> Page:
    """The directory of the raw picture, with its pixels."""
    if not compress or dn.size < LEAST:
        return Page(raw, {}, np.ascontiguousarray(dn, "<u2").data)
    side = numbers_field(LONG, tile_side(dn))
    packed = {259: numbers_field(SHORT, 7), tiff.TILE_WIDTH: side, tiff.TILE_LENGTH: side}
    return Page(raw | packed, {}, tiles=lossless_tiles(dn))


def _encoded(scene: Scene, kind: str, headroom: int, noise: Noise) -> UInt16:
    h, w = scene.rgb.shape[:2]
    black = BLACK if kind == "cfa" else 0
    scale = np.array([(WHITE - black) / g / 2**headroom for g in scene.gain], np.float32)
    dn = np.empty((h, w, 1 if kind == "cfa" else 3), np.uint16)
    pattern = np.array(scene.shot.pattern if kind == "cfa" else (), np.int32)
    owing = np.sqrt(np.array(noise.read, np.float32)) * np.float32(WHITE)
    kernels.numbers(scene.rgb, scale, black, owing, pattern, dn)
    return dn[..., 0] if kind == "cfa" else dn


def _merged_noise(scene: Scene, kind: str, headroom: int) -> tuple[Noise, float]:
    """Of the file's values 0 … 1, and its standard deviation over that of one frame.

    It is no more than that of the frames shared by all, with the balance undone and the headroom taken out.
    """
    frames = max(float(scene.frames.mean()) if scene.frames is not None else float(scene.merged), 1e-3)
    g, down = scene.gain, 2.0**-headroom
    unit = (down / g[0], down / g[1], down / g[2])
    one = scene.noise.scaled(unit)
    s, r = (tuple(v / frames for v in values) for values in (one.shot, one.read))
    pattern = scene.shot.pattern if kind == "cfa" else None
    bound = Noise((s[0], s[1], s[2]), (r[0], r[1], r[2]))
    left = residual_noise(scene.rgb, unit, bound, pattern=pattern, top=down)
    rounding = 1 / 12 / (WHITE - (BLACK if kind == "cfa" else 0)) ** 2
    noise = Noise(left.shot, (left.read[0] + rounding, left.read[1] + rounding, left.read[2] + rounding))
    at = 0.18 * down
    over = (noise.shot[1] * at + noise.read[1]) / max(one.shot[1] * at + one.read[1], 1e-30)
    return noise, float(min(over, 1.0)) ** 0.5


def _due(shot: Shot, shape: tuple[int, ...], kind: str) -> dict[int, Field]:
    """Opcodes that were not applied, in pixels of the file."""
    left = [o for o in shot.opcodes[1] if o.name not in _SPENT]
    if kind != "cfa":  # what works on some sites of a mosaic only, means nothing here
        left = [o for o in left if tuple(o.values.get("area", (1,) * 8)[6:]) == (1, 1)]
    fields = {}
    for tag, opcodes in ((51009, left), (51022, shot.opcodes[2])):
        if opcodes:
            kept = tuple(_grown(o, shot, shape) for o in opcodes)
            fields[tag] = tiff.bytes_field(UNDEFINED, opcode_bytes(kept))
    return fields


def _grown(opcode: Opcode, shot: Shot, shape: tuple[int, ...]) -> Opcode:
    """An opcode whose area is told in pixels, for a picture that has more of them than the sensor."""
    if tuple(shape[:2]) == shot.size or "area" not in opcode.values:
        return opcode
    area = grown(opcode.values["area"], shot.size, shape)
    raw = opcode.raw[:16] + struct.pack(">8I", *area) + opcode.raw[48:]
    return replace(opcode, values={**opcode.values, "area": area}, raw=raw)


def _cropped(shot: Shot, shape: tuple[int, ...], kind: str) -> dict[int, Field]:
    """What the maker shows, less the border that a demosaic may spoil."""
    top, left, height, width = shown(shot, shape)
    margin = _CFA_MARGIN if kind == "cfa" and min(shape[:2]) > 16 * _CFA_MARGIN else 0
    bottom, right = min(top + height, shape[0] - margin), min(left + width, shape[1] - margin)
    top, left = max(top, margin), max(left, margin)
    return crop_fields((top, left, bottom - top, right - left))


def known_colour(shot: Shot) -> CameraColour:
    """The camera's colour, or that of a camera which sees sRGB: an editor must start somewhere."""
    if shot.colour.colour:
        return shot.colour
    return CameraColour((21,), (np.diag(shot.neutral or (1.0, 1.0, 1.0)) @ XYZ_TO_SRGB,))


def _merged_levels(axes: int) -> dict[int, Field]:
    samples = 3 if axes == 3 else 1
    return {
        50713: numbers_field(SHORT, 1, 1),
        50714: numbers_field(LONG, *[BLACK if samples == 1 else 0] * samples),
        50717: numbers_field(LONG, *[WHITE] * samples),
    }
