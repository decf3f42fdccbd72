# SPDX-License-Identifier: Apache-2.0
"""A glance at a frame: what several stages want to know of its digital numbers before they work on it.

The light of blocks tells exposures apart (see `exposures`); the energy of the Laplacian of 4 × 4 means, in
every fourth band of 64 rows, tells the sharpest frame of a burst, for noise adds the same to all of them.
Reading a frame costs as much as measuring it, so all of it is done at once, and kept with the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, RawFrame, UInt16

SIDE = 32  # photosites of a block
ENOUGH = 2000  # blocks: below that, smaller ones are taken


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """``mean: Float32 "m n"`` and ``most: UInt16 "m n"`` digital number of blocks, and ``detail``, the energy
    of the Laplacian; of the green plane where there are three.
    """

    mean: Float32
    most: UInt16
    detail: float


def glance(frame: RawFrame) -> Glance:
    """What there is to see at a glance; a frame is looked at once."""
    if "glance" not in frame.measured:
        frame.measured["glance"] = _looked(frame.dn)
    seen: Glance = frame.measured["glance"]
    return seen


def _looked(dn: UInt16) -> Glance:
    plane: UInt16 = dn if dn.ndim == 2 else np.ascontiguousarray(dn[..., 1])
    side = SIDE
    while side > 2 and (plane.shape[0] // side) * (plane.shape[1] // side) < ENOUGH:
        side //= 2
    shape = (plane.shape[0] // side, plane.shape[1] // side)
    mean, most = np.empty(shape, np.float32), np.empty(shape, np.uint16)
    kernels.light_blocks(plane, side, mean, most)
    return Glance(mean, most, float(kernels.sharpness(plane)))
