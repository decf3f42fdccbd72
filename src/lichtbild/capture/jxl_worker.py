# SPDX-License-Identifier: Apache-2.0
"""Decodes JPEG XL tiles for `isolated`, in a process of its own; not imported by anything.

Reads (length, bytes) from stdin and answers each with (status, height, width, samples, type, length) and the
samples, until stdin ends.  Before it looks at the first byte it gives up the right to open files and sockets,
to write files, to start processes, and to use more memory and time than it was given.
"""

from __future__ import annotations

import contextlib
import struct
import sys

import imagecodecs  # pyright: ignore[reportMissingImports]
import numpy as np

HEADER = struct.Struct("<IIII4sQ")


def caged(memory: int, seconds: int) -> None:
    """Give up what a decoder does not need; where the system has no limits, do without."""
    try:
        import resource
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    )
    for which, most in limits:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (most, most))


def serve(memory: int, seconds: int) -> None:
    """Answer until stdin ends."""
    decode, failed = imagecodecs.jpegxl_decode, imagecodecs.JpegxlError  # found before nothing may be opened
    caged(memory, seconds)
    incoming, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := incoming.read(8):
        stream = incoming.read(struct.unpack("<Q", head)[0])
        try:
            tile = np.ascontiguousarray(decode(stream, numthreads=1))
        except (failed, MemoryError, ValueError) as error:
            words = str(error).encode()[:200]
            answers.write(HEADER.pack(1, 0, 0, 0, b"", len(words)) + words)
        else:
            shape = (*tile.shape, 1)[:3] if tile.ndim in (2, 3) else (0, 0, 0)
            answers.write(HEADER.pack(0, *shape, tile.dtype.str.encode(), tile.nbytes))
            answers.write(tile.data)
        answers.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
