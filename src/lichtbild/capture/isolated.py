# SPDX-License-Identifier: Apache-2.0
"""A decoder in a process of its own: what it does to itself, it does not do to us.

JPEG XL is a large language, its decoder an optional library.  Tiles go into child processes through a pipe
and samples come back; a child that crashes, hangs, lies about sizes or asks for too much memory is ended, and
the tile is refused by name.  Nothing is allocated by what a child says: the caller knows the size of every
tile before it is decoded.
"""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import CorruptRaw, UnsupportedRaw
from lichtbild.base.image import UInt8

WORKER = Path(__file__).with_name("jxl_worker.py")
PATIENCE = 60.0  # s: for the first tile, and for each
MEMORY = 2 << 30  # bytes of address space besides 64 times a tile
HEADER = struct.Struct("<IIII4sQ")
Shape = tuple[int, int, int]
Tiles = Iterator[tuple[int, NDArray[Any]]]


def jpeg_xl(path: Path, streams: Sequence[UInt8], shapes: Sequence[Shape], kinds: Sequence[str]) -> Tiles:
    """Decode JPEG XL tiles: their numbers and pixels ``"h w samples"``, in any order.

    Parameters
    ----------
    path : Path
        The file, for what is said about it.
    streams : sequence of UInt8
        The tiles as stored.
    shapes : sequence of (height, width, samples)
        The most that each may hold.
    kinds : sequence of str
        NumPy types, such as "<u2", that they may have.

    Raises
    ------
    UnsupportedRaw
        The library is not installed.
    CorruptRaw
        A tile is damaged, or not what the file says it is.
    """
    if importlib.util.find_spec("imagecodecs") is None:
        raise UnsupportedRaw(
            f"{path} holds JPEG XL, which needs the library imagecodecs",
            hint="pip install 'lichtbild[jxl]', or convert it to a DNG with lossless JPEG",
        )
    return decoded(path, streams, shapes, kinds)


def decoded(
    path: Path,
    streams: Sequence[UInt8],
    shapes: Sequence[Shape],
    kinds: Sequence[str],
    *,
    worker: Path = WORKER,
    patience: float = PATIENCE,
) -> Tiles:
    """`jpeg_xl` by a given worker, that answers a tile within `patience` seconds or never."""
    most, idle = max(h * w * c for h, w, c in shapes), SimpleQueue[_Child]()

    def one(k: int) -> tuple[int, NDArray[Any]]:
        child = idle.get()
        try:
            return k, child.decode(streams[k], shapes[k], kinds, f"{path}: tile {k}")
        finally:
            idle.put(child)

    count = max(1, min(kernels.thread_count(), len(streams)))
    with ExitStack() as opened:
        for _ in range(count):
            idle.put(opened.enter_context(_Child(worker, patience, most)))
        yield from opened.enter_context(ThreadPoolExecutor(count)).map(one, range(len(streams)))


class _Child:
    """One worker process: open as long as the block."""

    def __init__(self, worker: Path, patience: float, samples: int) -> None:
        memory, seconds = MEMORY + 64 * 4 * samples, 3600
        self.patience = patience
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(worker), str(memory), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what the child had not read
                    continue

    def decode(self, stream: UInt8, most: Shape, kinds: Sequence[str], what: str) -> NDArray[Any]:
        watch = threading.Timer(self.patience, self.process.kill)
        watch.start()
        try:
            return self._answer(stream, most, kinds, what)
        except (OSError, EOFError) as error:
            raise CorruptRaw(f"{what} could not be decoded: the decoder crashed or hung") from error
        finally:
            watch.cancel()

    def _answer(self, stream: UInt8, most: Shape, kinds: Sequence[str], what: str) -> NDArray[Any]:
        pipe = self.process.stdin
        assert pipe is not None
        pipe.write(struct.pack("<Q", len(stream)))
        pipe.write(np.ascontiguousarray(stream).data)
        pipe.flush()
        status, h, w, samples, code, length = HEADER.unpack(self._read(HEADER.size))
        kind = code.rstrip(b"\0").decode("ascii", "replace")
        if status:
            words = bytes(self._read(min(length, 200))).decode("utf-8", "replace")
            raise CorruptRaw(f"{what} is damaged ({words})", hint="copy the file again")
        fits = 1 <= h <= most[0] and 1 <= w <= most[1] and samples == most[2]
        if not fits or kind not in kinds or length != h * w * samples * np.dtype(kind).itemsize:
            raise CorruptRaw(
                f"{what} holds {w} × {h} × {samples} samples of type {kind}, allowed are "
                f"{most[1]} × {most[0]} × {most[2]} of {' or '.join(kinds)}"
            )
        return np.frombuffer(self._read(length), kind).reshape(h, w, samples)

    def _read(self, count: int) -> bytearray:
        pipe = self.process.stdout
        assert pipe is not None
        into = bytearray(count)
        at = 0
        while at < count:
            got = pipe.readinto(memoryview(into)[at:])  # pyright: ignore[reportAttributeAccessIssue]
            if not got:
                raise EOFError
            at += got
        return into
