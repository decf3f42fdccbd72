# SPDX-License-Identifier: Apache-2.0
"""What the simulator knows of a burst: the light, the motion, the noise, where the charts are.

A thing is at a place of its own: resting things on the canvas, a moving layer's on the layer.  ``maps`` say
which place a pixel of a frame looks at, at the moment its row is exposed, after the lens has been undone::

    own = maps[frame, surface](row) · straightened(y, x)

The flow from the reference is that equation, solved for the pixel of another frame that looks at the same
place; it is exact for any distortion, rolling shutter and layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.image import Float32, UInt8
from lichtbild.quality.finding.mapping import homography
from lichtbild.simulate.distortion import Points, bent, straightened
from lichtbild.simulate.lens import Float64, Lens
from lichtbild.simulate.motion import after, applied, at_rows, inverse, rounded, undone
from lichtbild.simulate.optics import to_canvas
from lichtbild.simulate.scene import Placed
from lichtbild.simulate.stand import Stand

BAND = 64  # rows at once
ROUNDS = 12  # in which the row of a moving point settles
GREEN = 1
HALF = 127  # of 255


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What was really there.

    Attributes
    ----------
    rgb : Float32 "h w 3"
        The scene's light on the grid of the reference frame in camera colours, through the same lens, before
        white balance; 1 is the clip level, lamps go far beyond.
    poses : Float64 "n 2 3"
        Where a resting point (y, x, 1) of the reference is in each frame, for the middle rows and as a lens
        without distortion shows it.
    layer_poses : Float64 "n m 2 3"
        The same for the points of each moving layer.
    layer : UInt8 "h w"
        0 where the reference shows resting things and m + 1 where it shows moving layer m.
    moving : UInt8 "h w"
        1 wherever a moving layer was in any frame.
    maps : Float64 "n m+1 knots 2 3"
        As above: resting things first, then the layers; knots are rows, evenly from the first to the last.
    shapes : tuple of UInt8 "h w"
        How much each layer covers, 255 all, on its own pixels.
    facts : mapping
        Levels, noise, colour, lens, seeds, charts.
    """

    rgb: Float32
    poses: Float64
    layer_poses: Float64
    layer: UInt8
    moving: UInt8
    maps: Float64
    shapes: tuple[UInt8, ...]
    facts: Mapping[str, Any]

    @property
    def lens(self) -> Lens:
        """The lens: distortion, spread and MTF at any place."""
        return Lens(**self.facts["lens"])

    @property
    def reference(self) -> int:
        """The frame on whose grid all is."""
        return int(self.facts["reference"])

    def flow(self, frame: int) -> Float32:
        """Where everything moved from the reference to `frame`: ``"h w 2"``, (y, x) in pixels."""
        out = np.empty((*self.layer.shape, 2), np.float32)
        for rows, y, x, there_y, there_x in self._moved(frame):
            out[rows, :, 0], out[rows, :, 1] = there_y - y, there_x - x
        return out

    def occluded(self, frame: int) -> UInt8:
        """1 where `frame` does not show what the reference shows: behind a layer, or outside, ``"h w"``."""
        h, w = self.layer.shape
        out = np.zeros((h, w), np.uint8)
        for rows, at_y, at_x, y, x in self._moved(frame):
            hidden = (y < 0) | (y > h - 1) | (x < 0) | (x > w - 1)
            behind = self.layer[rows]
            for m in range(len(self.shapes)):
                here = self._covers(m, self.reference, at_y, at_x)
                hidden |= self._covers(m, frame, y, x) & ~here & (behind < m + 1)
            out[rows] = hidden
        return out

    def _covers(self, m: int, frame: int, y: Float64, x: Float64) -> NDArray[np.bool_]:
        """Whether layer `m` covers more than half of the pixels (y, x) of `frame`."""
        size, shape = self.layer.shape, self.shapes[m]
        looks = straightened(self.lens, y, x, plane=GREEN, size=size)
        maps = at_rows(self.maps[frame, m + 1], np.clip(y, 0, size[0] - 1), size[0])
        v, u = (np.rint(p).astype(np.int64) for p in applied(maps, *looks))
        inside = (v >= 0) & (u >= 0) & (v < shape.shape[0]) & (u < shape.shape[1])
        return inside & (shape[np.where(inside, v, 0), np.where(inside, u, 0)] > HALF)

    def sigma(self, *, fixed: bool = False) -> Float32:
        """Standard deviation of one frame's light in each colour after the shading is undone, ``"h w 3"``.

        What changes from frame to frame: photons, read noise, rounding; and what a pixel shares with its row,
        its column and its frame: lines and the drift of the black level.

        Parameters
        ----------
        fixed : bool
            Also what is the same in every frame: sensitivity (PRNU), dark level of pixel and column (DSNU).
            Hot pixels, unequal greens and clipping are in neither.
        """
        sensor = self.facts["sensor"]
        span = self.facts["white"] - self.facts["black"]
        terms = (sensor["drift"], *((sensor["dsnu"], sensor["dsnu_column"]) if fixed else ()))
        dark = np.float32(self.facts["read"] + sum(t * t for t in terms) / (span * span))
        uneven = np.float32(sensor["prnu"] if fixed else 0.0)
        h, w = self.layer.shape
        gains = np.array(self.facts["shading"], np.float32)
        out = np.empty_like(self.rgb)
        for c, gain in enumerate(gains):
            v, u = ((np.arange(n) + 0.5) / n * (k - 1) for n, k in zip((h, w), gain.shape, strict=True))
            across = np.stack([np.interp(u, np.arange(len(row)), row) for row in gain])
            j = np.minimum(v.astype(np.int64), len(across) - 2)
            t = (v - j)[:, None]
            g = across[j] + t * (across[j + 1] - across[j])
            x = self.rgb[..., c]
            out[..., c] = np.sqrt((self.facts["shot"] * x + dark * g) * g + (uneven * x) ** 2)
        return out

    def found(self, frame: int, surface: int, place: Points, near: Float64) -> Points:
        """The pixel of `frame` that shows a place of a surface (0: resting things, on the canvas).

        Parameters
        ----------
        frame, surface : int
            Which.
        place : tuple of Float64
            (y, x) on the canvas or layer.
        near : Float64
            Rows where the search begins.
        """
        size = self.layer.shape
        knots, lens = self.maps[frame, surface], self.lens
        x = near
        for _ in range(ROUNDS if len(knots) > 1 else 1):
            y, x = undone(at_rows(knots, near, size[0]), *place)
            near, x = (y, x) if lens.straight else bent(lens, y, x, plane=GREEN, size=size)
        return near, x

    def _moved(self, frame: int) -> Iterator[tuple[slice, Float64, Float64, Float64, Float64]]:
        """Bands of rows: where they are on the reference (y, x), and in `frame`."""
        h, w = self.layer.shape
        for top in range(0, h, BAND):
            rows = slice(top, min(h, top + BAND))
            y = np.arange(rows.start, rows.stop, dtype=np.float64)[:, None]
            x = np.arange(w, dtype=np.float64)[None, :]
            looks = straightened(self.lens, y, x, plane=GREEN, size=(h, w))
            shape = (rows.stop - rows.start, w)
            there_y, there_x = np.empty(shape), np.empty(shape)
            for m in np.unique(self.layer[rows]):
                own = applied(at_rows(self.maps[self.reference, m], y, h), *looks)
                moved = self.found(frame, int(m), own, np.broadcast_to(y, shape))
                mine = self.layer[rows] == m
                for there, at in zip((there_y, there_x), moved, strict=True):
                    there[mine] = np.broadcast_to(at, shape)[mine]
            yield rows, y, x, there_y, there_x


def truth_of(there: Stand, reference: int, chart: Placed | None, facts: Mapping[str, Any]) -> Truth:
    """What was there, on the grid of frame `reference`."""
    held, layers = there.held, there.canvas.layers
    frames = range(held.frames)
    middles = [[m[len(m) // 2] for m in there.maps(i)] for i in frames]
    poses = [[after(inverse(to), at) for to, at in zip(m, middles[reference], strict=True)] for m in middles]
    pose = rounded(np.array(poses))
    seen = [there.elsewhere(m, i, reference) for m in layers for i in frames]
    layer = np.zeros(held.size, np.uint8)
    for m, thing in enumerate(layers):
        layer[there.sight.covered([there.elsewhere(thing, reference, reference)]) > 0.5] = m + 1
    made = Truth(
        there.picture(reference),
        pose[:, 0],
        pose[:, 1:],
        layer,
        (there.sight.covered(seen) > 0).astype(np.uint8),
        np.array([there.maps(i) for i in frames]),
        tuple((m.cover[GREEN] * 255 + np.float32(0.5)).astype(np.uint8) for m in layers),
        {**facts, "reference": reference},
    )
    if chart is None:
        return made
    return Truth(
        made.rgb,
        made.poses,
        made.layer_poses,
        made.layer,
        made.moving,
        made.maps,
        made.shapes,
        {**made.facts, "chart": located(chart, made, there.canvas.margin)},
    )


def located(placed: Placed, truth: Truth, margin: int) -> dict[str, Any]:
    """Where a chart and its elements are on the reference, through the lens.

    ``to_picture`` of an element maps its chart positions to pixels; it is exact in the four corners of its
    box (``corners``, clockwise from the top left), and everywhere where the lens does not bend.
    """
    elements = []
    for element in placed.chart.elements:
        top, left, bottom, right = element.box
        corners = np.array([[top, left], [top, right], [bottom, right], [bottom, left]])
        seen = pictured(placed, truth, margin, corners)
        elements.append(
            {
                "kind": element.kind,
                "name": element.name,
                "box": list(element.box),
                "corners": seen.tolist(),
                "to_picture": homography(corners, seen).tolist(),
            }
        )
    a = placed.chart.aspect
    whole = np.array([[0.0, 0.0], [0.0, a], [1.0, a], [1.0, 0.0]])
    seen = pictured(placed, truth, margin, whole)
    return {
        "name": placed.chart.name,
        "code": placed.chart.code,
        "aspect": a,
        "to_scene": np.asarray(placed.to_scene).tolist(),
        "corners": seen.tolist(),
        "to_picture": homography(whole, seen).tolist(),
        "elements": elements,
    }


def pictured(placed: Placed, truth: Truth, margin: int, points: Float64) -> Float64:
    """Pixels (y, x) of the reference where chart positions ``"n 2"`` (v, u) are seen."""
    h, _ = truth.layer.shape
    y, x, w = np.asarray(placed.to_scene, np.float64) @ np.column_stack([points, np.ones(len(points))]).T
    pixel = (y / w * h - 0.5, x / w * h - 0.5)
    there = truth.found(truth.reference, 0, applied(to_canvas(margin), *pixel), pixel[0])
    return np.stack(there, axis=-1)
