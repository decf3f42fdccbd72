# SPDX-License-Identifier: Apache-2.0
"""Crop: the border that the maker does not show (DefaultCrop of a DNG) goes last.

The area is told in pixels of the sensor; a scene may have more of them (`superres`), and the area grows
with it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lichtbild.base.image import Scene, Shot

Area = tuple[int, int, int, int]


def shown(shot: Shot, size: tuple[int, ...]) -> Area:
    """``(top, left, height, width)`` of what is shown of a picture of `size`."""
    h, w = size[:2]
    if shot.crop is None:
        return 0, 0, h, w
    (top, left, height, width), down, across = shot.crop, h / shot.size[0], w / shot.size[1]
    y, x = round(top * down), round(left * across)
    bottom, right = min(round((top + height) * down), h), min(round((left + width) * across), w)
    return (y, x, bottom - y, right - x) if y < bottom and x < right else (0, 0, h, w)


def cropped(scene: Scene) -> Scene:
    """What the maker shows of a scene; the same object where that is all of it."""
    h, w = scene.rgb.shape[:2]
    area = shown(scene.shot, (h, w))
    return scene if area[2:] == (h, w) else cut(scene, area)


def cut(scene: Scene, area: Area) -> Scene:
    """The part of a scene in an area of its own pixels, with all its maps."""
    top, left, height, width = area
    h, w = scene.rgb.shape[:2]
    frames = scene.frames
    if frames is not None and frames.size:
        cells = frames.shape[0] / h, frames.shape[1] / w
        y, x = round(top * cells[0]), round(left * cells[1])
        rows, columns = max(1, int(height * cells[0])), max(1, int(width * cells[1]))
        y, x = min(y, frames.shape[0] - rows), min(x, frames.shape[1] - columns)
        frames = np.ascontiguousarray(frames[y : y + rows, x : x + columns])
    part = (slice(top, top + height), slice(left, left + width))
    return replace(
        scene,
        rgb=np.ascontiguousarray(scene.rgb[part]),
        clipped=None if scene.clipped is None else np.ascontiguousarray(scene.clipped[part]),
        frames=frames,
        shot=replace(scene.shot, size=(height, width), crop=None, part=scene.shot.part_of(area, (h, w))),
    )
