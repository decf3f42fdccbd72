# SPDX-License-Identifier: Apache-2.0
"""The pixels of a patch: the largest upright box inside four corners, its samples, and their slow trend.

Samples of a mosaic are taken before demosaicking, colour site by colour site: interpolated pixels share noise
with their neighbours and show less of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.errors import InputError
from lichtbild.capture.noise_model import level
from lichtbild.quality.picture import Picture
from lichtbild.quality.sensor.sites import Box, planes, sites

Float64 = NDArray[np.float64]
LEAST = 8  # pixels each way
_LIT = 0.01


def inner_box(quad: ArrayLike, size: tuple[int, int], where: str = "patch") -> Box:
    """The upright box around the middle of four corners ``"4 2"`` (y, x) that just fits inside them.

    Raises
    ------
    InputError
        It reaches out of the picture, or is less than 8 px wide or high.
    """
    corners = np.asarray(quad, np.float64).reshape(4, 2)
    centre, half = corners.mean(axis=0), np.ptp(corners, axis=0) / 2
    edges = np.roll(corners, -1, axis=0) - corners
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
    reach = (normals * (corners - centre)).sum(axis=1)
    normals, reach = normals * np.sign(reach)[:, None], np.abs(reach)
    scale = min(1.0, float((reach / np.maximum(np.abs(normals) @ half, 1e-12)).min()))
    top, left = np.ceil(centre - scale * half - 1e-6).astype(int)
    bottom, right = np.floor(centre + scale * half + 1e-6).astype(int) + 1
    if top < 0 or left < 0 or bottom > size[0] or right > size[1]:
        raise InputError(
            f"{where} reaches out of the picture of {size[0]} × {size[1]}: "
            f"y {top} … {bottom}, x {left} … {right}",
            hint="the whole chart must be in the picture",
        )
    if bottom - top < LEAST or right - left < LEAST:
        raise InputError(
            f"{where} is {bottom - top} × {right - left} px; at least {LEAST} × {LEAST} are needed",
            hint="come closer to the chart, or give a larger --roi",
        )
    return int(top), int(left), int(bottom), int(right)


def samples(picture: Picture, box: Box, channel: str) -> list[Float64]:
    """Linear values of one channel (``R G B Y``) in a box, a plane ``"h w"`` per colour site.

    Colours of a mosaic come as they were recorded, scaled like the picture; others, and the luminance, from
    the picture.
    """
    top, left, bottom, right = box
    frame = picture.frame
    if frame is None or channel == "Y" or frame.shot.kind == "linear" or bottom - top < 2 * LEAST:
        return [picture.channel(channel)[top:bottom, left:right].astype(np.float64)]
    colour = "RGB".index(channel)
    own = [s for s in sites(frame.shot) if s.colour == colour or frame.shot.kind == "mono"]
    found = [planes([frame], s, box)[0].astype(np.float64) for s in own]
    gain = full(picture, channel) / (frame.shot.white - level(frame.shot))
    mean = float(np.mean([f.mean() for f in found]))
    if mean * gain > _LIT:  # lens shading has its share in it
        gain = float(picture.channel(channel)[top:bottom, left:right].mean(dtype=np.float64)) / mean
    return [f * gain for f in found]


def full(picture: Picture, channel: str) -> float:
    """The value of a channel where the file clips."""
    shot = picture.shot
    if shot is None or shot.kind == "mono" or shot.neutral is None or channel == "Y":
        return 1.0
    return max(shot.neutral) / shot.neutral["RGB".index(channel)]


def trendless(image: Float64) -> tuple[Float64, int]:
    """The image minus its best parabola in y and x, and how many values the parabola took."""
    h, w = image.shape
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None]
    one = np.ones((h, w))
    slow = np.stack([(one * t).ravel() for t in (1.0, y, x, y * x, y * y, x * x)], axis=1)
    found = np.linalg.lstsq(slow, image.ravel(), rcond=None)[0]
    return image - (slow @ found).reshape(h, w), slow.shape[1]


def clipped_share(picture: Picture, box: Box) -> float:
    """The share of pixels in a box where a colour is at the end of its range."""
    if picture.clipped is None:
        return 0.0
    return float(picture.clipped[box[0] : box[2], box[1] : box[3]].mean())
