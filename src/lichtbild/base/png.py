# SPDX-License-Identifier: Apache-2.0
"""PNGs of 16-bit colour, whole: Pillow decodes them and keeps the upper byte of each sample.

It is asked twice, the second time as if the samples began with their lower byte.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lichtbild.base.image import UInt16

_UPPER, _LOWER = ";16B", ";16L"  # what Pillow calls the order of bytes


def deep_colour(file: Path | io.BytesIO) -> UInt16 | None:
    """The samples "h w 3" of a PNG of 16-bit colour, transparency left out; None of any other picture.

    Raises
    ------
    OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError
        What Pillow raises.
    """
    samples: UInt16 | None = None
    for order in (_UPPER, _LOWER):
        with Image.open(file) as image:
            stored = [tile[3] for tile in image.tile] if image.format == "PNG" else []
            if image.mode not in ("RGB", "RGBA") or not stored or not all(map(_deep, stored)):
                return None
            image.tile = [tile._replace(args=_ordered(tile[3], order)) for tile in image.tile]
            byte = np.asarray(image)[..., :3].astype(np.uint16)
        samples = byte << np.uint16(8) if samples is None else samples | byte
    return samples


def _deep(args: Any) -> bool:
    return str(args[0] if isinstance(args, tuple) else args).endswith(_UPPER)


def _ordered(args: Any, order: str) -> Any:
    if isinstance(args, tuple):
        return (args[0].replace(_UPPER, order), *args[1:])
    return args.replace(_UPPER, order)
