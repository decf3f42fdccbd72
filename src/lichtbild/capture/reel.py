# SPDX-License-Identifier: Apache-2.0
"""A reel: the frames of a burst, read when they are asked for, so that thirty cost no more memory than two.

A file that holds its pixels as they are is read again from where it lies, into memory that was used before.
All others are unpacked once, when the burst is opened, into one temporary file without a name, which is gone
with the last frame; where there is no room for it, frames stay in memory.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from lichtbild.base.errors import CorruptRaw
from lichtbild.base.image import RawFrame, UInt16
from lichtbild.base.spare import Spare
from lichtbild.capture.blocks import Layout
from lichtbild.capture.raw import as_stored, read_raw, stored_pixels


class Reel:
    """Gives out frames whose pixels are read whenever they are asked for; the latest stay at hand."""

    def __init__(self) -> None:
        self._spare = Spare()
        self._latest: tuple[object, UInt16 | None] = (None, None)
        self._file: IO[bytes] | None = None
        self._end = 0

    def frame(self, path: Path | str, layout: str = "") -> RawFrame:
        """One frame; raises what `read_raw` does."""
        found = None if layout else as_stored(path)
        if found is None:
            frame = read_raw(path, layout)
            return RawFrame(self._laid_down(frame.dn), frame.shot)
        shot, stored = found
        return RawFrame(self._kept(lambda: self._stored(shot.path, stored)), shot)

    def _kept(self, read: Callable[[], UInt16]) -> Callable[[], UInt16]:
        """`read`, unless these pixels were the last to be read."""
        key = object()

        def pixels() -> UInt16:
            which, dn = self._latest
            if which is not key or dn is None:
                dn = None
                self._latest = (None, None)  # its memory may be wanted
                dn = read()
                self._latest = (key, dn)
            return dn

        return pixels

    def _stored(self, path: Path, layout: Layout) -> UInt16:
        top, left, bottom, right = layout.active
        h, w = layout.size
        shape = (h, w) if layout.samples == 1 else (h, w, layout.samples)
        image = self._spare.empty(shape, np.uint16)
        stored_pixels(path, layout, image)
        if layout.active == (0, 0, h, w):
            return image
        dn = self._spare.empty((bottom - top, right - left, *image.shape[2:]), np.uint16)
        dn[...] = image[top:bottom, left:right]
        return dn

    def _laid_down(self, dn: UInt16) -> UInt16 | Callable[[], UInt16]:
        """Pixels put into the temporary file, and what reads them from there."""
        at = self._end
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="lichtbild-")  # noqa: SIM115  # open as long as frames are
                weakref.finalize(self, self._file.close)  # frames hold the reel, the last one lets it go
            self._file.seek(at)
            self._file.write(dn.data)
            self._file.flush()
        except OSError:
            return dn
        self._end += dn.nbytes
        file, shape, kind = self._file, dn.shape, dn.dtype.type

        def read() -> UInt16:
            again = self._spare.empty(shape, kind)
            file.seek(at)
            if file.readinto(again.data.cast("B")) != again.nbytes:  # type: ignore[attr-defined]
                raise CorruptRaw("the temporary file of unpacked frames was cut short")
            return again

        return self._kept(read)
