# SPDX-License-Identifier: Apache-2.0
"""What every photo file needs: its pixels upright and as codes, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import ExportError
from lichtbild.base.image import UInt8, UInt16
from lichtbild.base.photo import Photo
from lichtbild.base.tiff import Chunk
from lichtbild.publish.metadata import Strip, exif_block, xmp_packet

PRIMARIES = {"srgb": 1, "p3": 12, "rec2020": 9}  # code points of ITU-T H.273
TRANSFERS = {"srgb": 13, "pq": 16, "hlg": 18}
LUMA = {"srgb": 1, "p3": 1, "rec2020": 9}  # how brightness and colour are told apart
# how each EXIF orientation is turned upright: (axes swapped, rows reversed, columns reversed)
_UPRIGHT = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels "h w c" as stored, turned as EXIF `orientation` says; a view."""
    swapped, rows, columns = _UPRIGHT.get(orientation, _UPRIGHT[1])
    turned = pixels.swapaxes(0, 1) if swapped else pixels
    return turned[:: -1 if rows else 1, :: -1 if columns else 1]


def eight_bit(photo: Photo, *, dither: bool = True, colours: int = 3) -> UInt8:
    """The picture in codes 0 … 255, upright; of four `colours`, as Pillow keeps them, the last is 255."""
    codes = np.empty((*photo.rgb.shape[:2], colours), np.uint8)
    kernels.quantize8(photo.rgb, 1.0 if dither else 0.0, codes)
    return np.ascontiguousarray(upright(codes, photo.shot.orientation))


def deep(photo: Photo, bits: int = 16) -> UInt16:
    """The picture in codes 0 … 2^bits − 1, upright; 8 < bits ≤ 16."""
    codes = np.empty(photo.rgb.shape, np.uint16)
    kernels.quantize16(photo.rgb, codes, 2**bits - 1)
    return np.ascontiguousarray(upright(codes, photo.shot.orientation))


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a file besides its pixels.

    Attributes
    ----------
    path : Path
        The file; its suffix is the format.
    quality : int
        Of what is coded with loss, 1 … 100.
    depth : int
        Bits of a sample.
    strip : {"none", "gps", "all"}
        Metadata to leave out.
    recipe : str
        As TOML.
    inputs : tuple of (name, SHA-256)
        The raw files.
    settings : mapping
        What else is needed to make the file again (see `packet.xmp_packet`).
    """

    path: Path
    quality: int = 92
    depth: int = 8
    strip: Strip = "none"
    recipe: str = ""
    inputs: tuple[tuple[str, str], ...] = field(default=())
    settings: Mapping[str, str] = field(default_factory=dict)

    def xmp(self, photo: Photo, more: tuple[str, str] = ("", "")) -> bytes:
        """The XMP packet of the photo, with `more` in it."""
        made = {"quality": str(self.quality), "depth": str(self.depth), **self.settings}
        return xmp_packet(
            self.recipe,
            photo.history,
            self.inputs,
            shot=photo.shot,
            strip=self.strip,
            settings=made,
            more=more,
        )

    def exif(self, photo: Photo, pixels: NDArray[Any]) -> bytes:
        """The EXIF of the photo as a TIFF block; `pixels` "h w 3" are upright."""
        size = (pixels.shape[0], pixels.shape[1])
        return exif_block(photo.shot, strip=self.strip, size=size, space=photo.space)


Encode = Callable[[Photo, Order], list[Chunk]]


def library(path: Path, module: str, extra: str) -> Any:
    """The library that a file's format needs.

    Raises
    ------
    ExportError
        It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ExportError(
            f"{path}: {path.suffix} needs {module.replace('_', '-')}, which is not installed",
            hint=f'pip install "lichtbild[{extra}]"',
        ) from error


def cicp(photo: Photo, matrix: int = 0) -> tuple[int, int, int, int]:
    """The photo's colours by number: primaries, transfer, matrix, full range."""
    return PRIMARIES[photo.space], TRANSFERS[photo.transfer], matrix, 1
