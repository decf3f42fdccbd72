# SPDX-License-Identifier: Apache-2.0
"""``lichtbild gainmap``: two renditions of a picture into one JPEG, or what is in such a JPEG."""

from __future__ import annotations

import io
from argparse import Namespace
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from lichtbild.base.colour import P3, SRGB, RGBSpace, rgb_to_rgb, srgb_decode
from lichtbild.base.directories import read_block
from lichtbild.base.errors import CorruptRaw, InputError
from lichtbild.base.image import Float32, Shot
from lichtbild.base.photo import GainMap, Photo
from lichtbild.base.tiff import Chunk, write_file
from lichtbild.capture.exif import exposure_tags
from lichtbild.publish.gainmap_jpeg import directory, gainmap_jpeg, map_jpeg, quantised
from lichtbild.publish.gainmap_read import apples, end_of, read_gainmap
from lichtbild.publish.icc import profile
from lichtbild.publish.jpeg import jpeg
from lichtbild.publish.order import Order, upright
from lichtbild.quality.picture import read_samples
from lichtbild.simulate.photographs import profile_of, srgb_curve
from lichtbild.tools.hdr_files import NUMBERED, SPACES, read_hdr, stored
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing, target

_OFFSET = 1 / 64
_ROWS = 256  # of the picture, at a time
_NEAR = 3e-3  # what rounding may do to a profile
_LEAST, _MOST = 0.1, 8.0  # EV of headroom
_GLINTS = 5e-4  # of the HDR picture may be brighter than a display of its headroom goes


def gainmap(args: Namespace, talk: Talk) -> int:
    """Write a gain-map JPEG of two renditions, or say what one holds."""
    if len(args.inputs) == 1:
        if args.output:
            raise UsageError(
                "one picture cannot become a gain-map JPEG",
                hint="give an ordinary picture and its HDR rendition",
            )
        said(args.inputs[0], talk)
        return DONE
    if len(args.inputs) != 2 or not args.output:
        raise UsageError(
            f"gainmap takes two files and -o, or one file alone; here are {len(args.inputs)} files "
            f"{'with' if args.output else 'without'} -o",
            hint="lichtbild gainmap SDR HDR -o photo.jpg, or lichtbild gainmap photo.jpg",
        )
    output = target(args.output, args.inputs[0].stem, (".jpg", ".jpeg"))
    refuse_replacing([output], args.inputs, overwrite=args.overwrite)
    for path in args.inputs:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise InputError(f"{path} {what}", hint="give two pictures: the ordinary one, then the HDR one")
    sdr = ordinary(args.inputs[0])
    bright, primaries = read_hdr(args.inputs[1], args.hdr_transfer, args.hdr_space)
    if bright.shape != sdr.photo.rgb.shape:
        (h, w), (h2, w2) = sdr.photo.rgb.shape[:2], bright.shape[:2]
        raise InputError(
            f"{args.inputs[1]} is {w2} × {h2} pixels, {args.inputs[0]} is {w} × {h}; they must be alike"
        )
    own = SPACES[sdr.photo.space]
    across = np.eye(3) if primaries is None else rgb_to_rgb(primaries, own)
    gain = gains(sdr.photo.rgb, bright, across, args.scale)
    if args.grey:
        gain[:] = gain.mean(axis=2, keepdims=True)
    headroom = headroom_of(bright, args.scale) if args.headroom is None else args.headroom
    if not _LEAST <= headroom <= _MOST:
        raise InputError(f"headroom = {headroom:g} EV is out of range; allowed is {_LEAST:g} … {_MOST:g}")
    order = Order(output, args.quality, 8, args.strip)
    write_file(output, chunks(sdr, GainMap(gain, headroom, _OFFSET), order), overwrite=args.overwrite)
    talk.result(f"{output}  {headroom:.2f} EV  gains {gain.min():+.2f} … {gain.max():+.2f} EV")
    talk.document({"photo": str(output), "headroom": headroom, "kept": sdr.jpeg is not None})
    return DONE


@dataclass(frozen=True, slots=True, eq=False)
class Ordinary:
    """The ordinary picture, and its bytes if they can stay as they are."""

    photo: Photo
    jpeg: bytes | None


def ordinary(path: Path) -> Ordinary:
    """Read the ordinary picture, upright.

    Raises
    ------
    InputError
        It cannot be read, or is neither sRGB nor Display P3.
    """
    samples, icc = read_samples(path)
    bits, curve, space = 8 * samples.dtype.itemsize, "linear" if samples.dtype.kind == "f" else None, None
    if path.suffix.lower() in NUMBERED:
        samples, bits, curve, space = stored(path)
    if curve in ("linear", "pq", "hlg"):
        words = "linear light" if curve == "linear" else f"in {curve.upper()}"
        raise InputError(f"{path} is {words}; the first picture is the ordinary one", hint="SDR, then HDR")
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    shot, jpeg = about(path, (samples.shape[0], samples.shape[1]))
    top = np.float32(2**bits - 1)
    rgb = np.ascontiguousarray(upright(samples[..., :3], shot.orientation), np.float32) / top
    named = space_of(path, icc) if space is None else numbered(path, space)
    return Ordinary(Photo(rgb, named, replace(shot, orientation=1)), jpeg)


def numbered(path: Path, space: RGBSpace) -> Any:
    """``srgb`` or ``p3``, as its code points say."""
    if space not in (SRGB, P3):
        raise InputError(f"{path}: its colours are neither sRGB nor Display P3", hint="convert it")
    return "p3" if space == P3 else "srgb"


def space_of(path: Path, icc: bytes) -> Any:
    """``srgb`` or ``p3``, as its profile says."""
    curves, matrix = profile_of(path, icc)
    if any(abs(curve(v) - srgb_curve(v)) > _NEAR for curve in curves for v in (0.1, 0.4, 0.8)):
        raise InputError(
            f"{path}: the curve of its colour profile is not sRGB's", hint="convert it to sRGB or P3"
        )
    if matrix is None:
        return "srgb"
    if np.abs(matrix - rgb_to_rgb(P3, SRGB)).max() > _NEAR:
        raise InputError(f"{path}: its colour profile is neither sRGB nor Display P3", hint="convert it")
    return "p3"


def about(path: Path, size: tuple[int, int]) -> tuple[Shot, bytes | None]:
    """What the picture's EXIF says, and its bytes if it is a JPEG that needs no turning."""
    tags, jpeg = {}, None
    with suppress(UnidentifiedImageError, OSError), Image.open(path) as image:
        block = (image.info.get("exif") or image.getexif().tobytes()).removeprefix(b"Exif\0\0")
        with suppress(CorruptRaw):
            tags = exposure_tags(read_block(block, path)) if block else {}
        plain = image.format == "JPEG" and image.mode == "RGB" and image.info.get("adobe_transform", 1) == 1
        if plain and tags.get("orientation", 1) == 1:
            raw = path.read_bytes()
            jpeg = raw[: end_of(raw, 0)]
    return Shot(path, size, **tags), jpeg


def gains(encoded: Float32, bright: Float32, across: Any, scale: int) -> Float32:
    """Mean log2 ratio of light in squares of `scale` pixels, "h w 3", band by band."""
    h, w = encoded.shape[:2]
    made = np.empty((-(-h // scale), -(-w // scale), 3), np.float32)
    step = _ROWS // scale * scale
    m = np.asarray(across, np.float64)
    for y in range(0, h, step):
        light = bright[y : y + step].astype(np.float64)
        turned = [
            m[c, 0] * light[..., 0] + m[c, 1] * light[..., 1] + m[c, 2] * light[..., 2] for c in range(3)
        ]
        over = np.maximum(np.nan_to_num(np.stack(turned, -1), posinf=0.0), 0) + _OFFSET
        g = np.log2(over / (srgb_decode(encoded[y : y + step]) + _OFFSET))
        g = np.pad(g, ((0, -len(g) % scale), (0, -w % scale), (0, 0)), "edge")
        rows = g.reshape(len(g) // scale, scale, -1, scale, 3).mean(axis=(1, 3))
        made[y // scale : y // scale + len(rows)] = rows
    return made


def headroom_of(bright: Float32, scale: int) -> float:
    """EV over white that a display needs for all of the HDR picture but its few brightest places."""
    most = bright[::scale, ::scale].max(axis=2).ravel()
    most = np.where(np.isnan(most), np.float32(0), most)
    at = len(most) - 1 - int(_GLINTS * len(most))
    peak = max(float(np.partition(most, at)[at]), 2.0**_LEAST)
    return min(float(np.log2(peak)), _MOST)


def chunks(sdr: Ordinary, gain: GainMap, order: Order) -> list[Chunk]:
    """The file; a JPEG that can stay as it is keeps its pixels."""
    photo = Photo(sdr.photo.rgb, sdr.photo.space, sdr.photo.shot, gain=gain)
    if sdr.jpeg is None:
        return jpeg(photo, order)
    second = map_jpeg(*quantised(gain))
    return gainmap_jpeg(
        sdr.jpeg,
        second,
        exif=order.exif(photo, photo.rgb),
        xmp=order.xmp(photo, directory(len(second))),
        icc=profile(photo.space),
    )


def said(path: Path, talk: Talk) -> None:
    """Say what is in a gain-map JPEG.

    Raises
    ------
    InputError
        It has no gain map.
    """
    read = read_gainmap(path)
    if read is None:
        if apples(path):
            raise InputError(
                f"{path} has Apple's own gain map (not ISO 21496-1), which is not read",
                hint="its ordinary picture is the file itself",
            )
        raise InputError(f"{path} has no gain map of Ultra HDR or ISO 21496-1")
    g = read.gains
    with Image.open(io.BytesIO(read.base)) as base, Image.open(io.BytesIO(read.second)) as second:
        (w, h), (w2, h2), grey = base.size, second.size, second.mode == "L"
    colours = "grey" if grey else "rgb"
    talk.result(f"{path}  {w} × {h}  {' + '.join(g.languages)}  headroom {g.alternate_headroom:.2f} EV")
    talk.result(
        f"  gain map {w2} × {h2} {colours}, {len(read.second):,} bytes of "
        f"{len(read.base) + len(read.second):,}, "
        f"{min(g.minimum):+.2f} … {max(g.maximum):+.2f} EV"
    )
    fields = (
        "minimum",
        "maximum",
        "gamma",
        "base_offset",
        "alternate_offset",
        "base_headroom",
        "alternate_headroom",
    )
    talk.document(
        {
            "photo": str(path),
            "size": [h, w],
            "map": [h2, w2],
            "colours": colours,
            "languages": list(g.languages),
            **{name: getattr(g, name) for name in fields},
        }
    )
