# SPDX-License-Identifier: Apache-2.0
"""Strips and tiles of a DNG become pixels: plain, deflated, lossless JPEG, JPEG XL.

Blocks are decoded beside each other, each into its own part of the picture.  Lossless JPEG is read by a
kernel of our own, JPEG XL by an optional library in a process of its own (see `isolated`).  Whatever is
wrong with a block is said with its number.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import UInt8
from lichtbild.capture.blocks import DEFLATE, JPEG_XL, LOSSLESS_JPEG, OLD_DEFLATE, PLAIN, Layout
from lichtbild.capture.isolated import jpeg_xl
from lichtbild.capture.samples import FLOATING, INTEGER, bytes_of_row, floats, integers, summed, unsorted

OWN = (PLAIN, LOSSLESS_JPEG, DEFLATE, OLD_DEFLATE, JPEG_XL)
Pixels = NDArray[Any]


def read_tiles(path: Path, layout: Layout) -> Pixels:
    """All pixels as stored, before anything is cut off: uint16 or float32, "h w" or "h w samples".

    Raises
    ------
    CorruptRaw
        A block is damaged or cut short; says which.
    UnsupportedRaw
        A packing that is not read here, or a library is missing.
    """
    _refuse_unknown(path, layout)
    file = np.fromfile(path, np.uint8)
    if len(file) < max(at + n for at, n in layout.blocks):
        raise CorruptRaw(f"{path} is cut short", hint="copy the file again")
    streams = [file[at : at + n] for at, n in layout.blocks]
    h, w = layout.size
    planes = 1 if layout.planar else layout.samples
    out = np.empty((layout.samples // planes, h, w, planes), np.float32 if layout.floating else np.uint16)
    places = _places(layout)
    if layout.packing == JPEG_XL:
        sizes = [(layout.block[0], layout.block[1], planes)] * len(streams)
        for k, tile in jpeg_xl(path, streams, sizes, _kind(layout)):
            _put(out, places[k], layout.block, tile, f"{path}: tile {k}")
    else:
        unpack = _lossless_jpeg if layout.packing == LOSSLESS_JPEG else _plain_or_deflated
        _decode(path, layout, streams, unpack, out, places)
    return _in_place(out, layout)


def _refuse_unknown(path: Path, layout: Layout) -> None:
    if layout.packing not in OWN:
        raise UnsupportedRaw(f"{path} is packed in way {layout.packing}: not a raw lichtbild can read")
    known = {1, *(FLOATING if layout.floating else INTEGER)} if layout.packing in OWN[2:4] else {1}
    if layout.packing in (PLAIN, DEFLATE, OLD_DEFLATE) and layout.predictor not in known:
        raise UnsupportedRaw(
            f"{path}: predictor {layout.predictor} of packing {layout.packing}, allowed are {sorted(known)}"
        )
    if layout.predictor in INTEGER and layout.bits not in (8, 16):
        raise UnsupportedRaw(
            f"{path}: predictor {layout.predictor} of {layout.bits} bits, allowed are 8 and 16"
        )
    if layout.packing == LOSSLESS_JPEG and layout.floating:
        raise CorruptRaw(f"{path}: floating-point pixels in lossless JPEG")


def _kind(layout: Layout) -> tuple[str, ...]:
    """NumPy types that the tiles may decode to."""
    if layout.floating:
        return ("<f2", "<f4")
    return ("|u1",) if layout.bits <= 8 else ("<u2",)


def _places(layout: Layout) -> list[tuple[int, int, int]]:
    """Plane, top and left of every block."""
    (h, w), (tall, wide) = layout.size, layout.block
    grid = [(y, x) for y in range(0, h, tall) for x in range(0, w, wide)]
    return [(p, y, x) for p in range(layout.samples if layout.planar else 1) for y, x in grid]


def _put(out: Pixels, place: tuple[int, int, int], block: tuple[int, int], tile: Pixels, what: str) -> None:
    """A block into its place; the part of a tile outside the picture may be there or not."""
    plane, y, x = place
    h, w = min(block[0], out.shape[1] - y), min(block[1], out.shape[2] - x)
    if tile.shape[0] < h or tile.shape[1] < w or tile.shape[2] != out.shape[3]:
        raise CorruptRaw(f"{what} has {tile.shape} samples, its place {(h, w, out.shape[3])}")
    out[plane, y : y + h, x : x + w] = tile[:h, :w]


Unpack = Callable[[UInt8, Layout, tuple[int, int, int], str], Pixels]


def _decode(
    path: Path,
    layout: Layout,
    streams: list[UInt8],
    unpack: Unpack,
    out: Pixels,
    places: list[tuple[int, int, int]],
) -> None:
    called = "tile" if layout.tiled else "strip"

    def one(k: int) -> None:
        y = places[k][1]
        shape = (layout.block[0], layout.block[1], out.shape[3])
        if not layout.tiled:  # the last strip is shorter
            shape = (min(shape[0], layout.size[0] - y), *shape[1:])
        what = f"{path}: {called} {k}"
        _put(out, places[k], layout.block, unpack(streams[k], layout, shape, what), what)

    with ThreadPoolExecutor(max(1, min(kernels.thread_count(), len(streams)))) as pool:
        for _ in pool.map(one, range(len(streams))):
            pass


def _in_place(out: Pixels, layout: Layout) -> Pixels:
    """Planes side by side, fields woven into rows and columns, numbers through the file's table."""
    image = out[0] if len(out) == 1 else np.ascontiguousarray(out[..., 0].transpose(1, 2, 0))
    for axis, fields in enumerate(layout.interleave):
        if fields > 1:
            n = image.shape[axis]
            order = np.concatenate([np.arange(f, n, fields) for f in range(fields)])
            woven = np.empty_like(image)
            woven[(slice(None),) * axis + (order,)] = image
            image = woven
    if layout.table is not None and not layout.floating:
        image = layout.table[np.minimum(image, len(layout.table) - 1)]
    return image[..., 0] if image.shape[2] == 1 else image


# ---- one block


def _plain_or_deflated(stream: UInt8, layout: Layout, shape: tuple[int, int, int], what: str) -> Pixels:
    rows, width, samples = shape
    row = bytes_of_row(width, samples, layout.bits)
    wanted = rows * row
    if layout.packing != PLAIN:
        stream = _inflated(stream, wanted, what)
    if len(stream) < wanted:
        raise CorruptRaw(f"{what} is cut short: {len(stream)} bytes, its pixels take {wanted}")
    raw = np.ascontiguousarray(stream[:wanted]).reshape(rows, row)
    if layout.floating:
        if (distance := FLOATING.get(layout.predictor)) is not None:
            raw = unsorted(summed(raw, distance * samples), layout.bits)
            layout = replace(layout, order=">")
        made: Pixels = floats(raw, layout.bits, layout.order)
    else:
        made = integers(raw, width, samples, layout.bits, layout.order)
        if (distance := INTEGER.get(layout.predictor)) is not None:
            made = summed(made, distance * samples) & np.uint16((1 << layout.bits) - 1)
    return made.reshape(shape)


def _inflated(stream: UInt8, wanted: int, what: str) -> UInt8:
    """No more than the pixels take, whatever the stream would grow to."""
    try:
        inflated = zlib.decompressobj().decompress(stream.tobytes(), wanted)
    except zlib.error as error:
        raise CorruptRaw(f"{what} is damaged ({error})", hint="copy the file again") from error
    return np.frombuffer(inflated, np.uint8)


def _lossless_jpeg(stream: UInt8, layout: Layout, shape: tuple[int, int, int], what: str) -> Pixels:
    """The samples in the order of the block, whatever rows and colours the JPEG thinks it has."""
    size = np.empty(4, np.int32)
    try:
        kernels.ljpeg_size(stream, size)
        rows, columns, planes, _ = (int(v) for v in size)
        if rows * columns * planes != shape[0] * shape[1] * shape[2]:
            raise CorruptRaw(
                f"{what} holds {columns} × {rows} × {planes} samples, its place {shape[1]} × {shape[0]}"
            )
        out = np.empty((rows, columns * planes), np.uint16)
        kernels.ljpeg_decode(stream, out)
    except ValueError as error:
        raise CorruptRaw(f"{what} is damaged ({error})", hint="copy the file again") from error
    return out.reshape(shape)
