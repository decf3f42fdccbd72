# SPDX-License-Identifier: Apache-2.0
"""Digital numbers as tiles of lossless JPEG: a third smaller, every bit kept.

Raw editors differ in what they take; this is what all of them do: three components for three colours, and for
a mosaic two components, so that a photosite is predicted by its like.  LibRaw misreads a mosaic that is just
two tiles wide, so the tiles are smaller then.

References
----------
[1] ITU-T T.81, "Digital compression and coding of continuous-tone still images", annex H, 1992.
[2] Digital Negative Specification 1.6, chapter 2.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import UInt16

LEAST = 1 << 18  # samples: smaller pictures are not worth it


def tile_side(dn: UInt16) -> int:
    """The side of the tiles of a picture, in pixels."""
    return 128 if dn.shape[1] == 512 else 256


def lossless_tiles(dn: UInt16) -> list[bytes]:
    """The tiles of a picture "h w" or "h w 3", row by row; at the border its last pixels fill them."""
    side = tile_side(dn)

    def encoded(corner: tuple[int, int]) -> bytes:
        tile = dn[corner[0] : corner[0] + side, corner[1] : corner[1] + side]
        missing = (side - tile.shape[0], side - tile.shape[1])
        if any(missing):
            tile = np.pad(tile, ((0, missing[0]), (0, missing[1]), *((0, 0),) * (dn.ndim - 2)), mode="edge")
        shape = (side, side // 2, 2) if dn.ndim == 2 else (side, side, 3)
        out, length = np.empty(8 * tile.size + 4096, np.uint8), np.empty(1, np.int64)
        kernels.ljpeg_encode(np.ascontiguousarray(tile).reshape(shape), out, length)
        return out[: int(length[0])].tobytes()

    corners = [(y, x) for y in range(0, dn.shape[0], side) for x in range(0, dn.shape[1], side)]
    with ThreadPoolExecutor(max(1, kernels.thread_count())) as pool:
        return list(pool.map(encoded, corners))
