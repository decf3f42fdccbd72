# SPDX-License-Identifier: Apache-2.0
"""Optics: scene light becomes what falls on every pixel of the sensor.

The scene is drawn on a canvas of two pixels per sensor pixel.  Four steps, all linear::

    camera = M · scene                                        colour filters
    spread[c] = Gaussian(σ(c, r)) ∗ camera[c]                 point spread of the lens, wider in the corners
    light[c](q) = Σ B(P · L(c, q) − k) · spread[c][k]         aperture of the pixel, at any position
    light = (1 − flare) · light + veil                        what glass scatters

L takes a pixel to where the lens looks (`distortion`), P from there to the canvas at the moment its row is
exposed (`motion`).  B is the cubic B-spline of the canvas: it has the variance of the pixel's own square,
1/12 px², and is never negative, so that a lamp rings nowhere.  Every pixel of the mosaic is sampled once, at
its own place, in its own colour.  The truth is sampled by the same operator, in all colours.

The spread belongs to the place on the canvas; a hand that shakes by a hundredth of the picture changes it by
less than a hundredth of its growth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Float32, UInt8
from lichtbild.simulate.lens import Float64, Lens, corner
from lichtbild.simulate.motion import applied
from lichtbild.simulate.scene import CANVAS, Canvas, Layer

GRID = (13, 17)  # of the shading
ENTRIES = 33  # of the table of spreads, even steps of r²
FAR = 2.0  # r² beyond which the spread grows no more: only a hand that shakes wildly shows what is there
VEIL = (36, 48)  # cells of the veil at most
CELL = 8  # px, the smallest side of such a cell
NOTHING = np.zeros((3, 0, 0), np.float32)
NO_CELL = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, slots=True)
class Axis:
    """Where on a drawn plane the optical axis is, and the distance of the picture's corner, drawn pixels."""

    y: float
    x: float
    corner: float

    def moved(self, at: tuple[int, int]) -> Axis:
        """The same on a plane whose top left is at `at`."""
        return Axis(self.y - at[0], self.x - at[1], self.corner)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What is sampled: ``light`` and ``cover`` "3 h w" (cover empty for the ground), and ``maps "1 2 3"`` or
    one a row of the frame, from where a pixel looks to its own pixels.
    """

    light: Float32
    cover: Float32
    maps: Float64


def axis_of(canvas: Canvas, size: tuple[int, int]) -> Axis:
    """The axis on the canvas."""
    y, x = (CANVAS * (n / 2 + canvas.margin) - 0.5 for n in size)
    return Axis(y, x, CANVAS * corner(size))


def point_spread(lens: Lens, most: float, *, wide: bool = False) -> tuple[Float32, np.ndarray]:
    """Half of a sampled Gaussian per colour and field radius on the canvas.

    Parameters
    ----------
    lens : Lens
        Its σ.
    most : float
        The largest r².
    wide : bool
        Of the halo instead.

    Returns
    -------
    tuple of (Float32 "3 entries radius+1", Int32 "3 entries")
        Taps, which sum to one over both sides, at even steps of r² from 0 to `most`; and how many count.
    """
    steps = [most * i / (ENTRIES - 1) for i in range(ENTRIES)]
    sigma = [
        [CANVAS * (lens.halo_sigma if wide else lens.spread(c, math.sqrt(r2))) for r2 in steps]
        for c in range(3)
    ]
    far = 3 if wide else 4  # σ; what a halo has beyond is a ten-thousandth of the light
    radius = np.array([[math.ceil(far * s) for s in row] for row in sigma], np.int32)
    taps = np.zeros((3, ENTRIES, int(radius.max()) + 1))
    for c, row in enumerate(sigma):
        for i, s in enumerate(row):
            half = [math.exp(-((k / s) ** 2) / 2) for k in range(radius[c, i] + 1)]
            total = half[0] + 2 * sum(half[1:])
            taps[c, i, : len(half)] = [v / total for v in half]
    return taps.astype(np.float32), radius


def project(light: Float32, matrix: Float64, lens: Lens, axis: Axis) -> Float32:
    """Scene light ``"3 h w"`` as the colour filters (`matrix`, 3×3) and then the lens show it."""
    out = np.empty_like(light)
    far = [max(abs(a), abs(n - 1 - a)) for a, n in zip((axis.y, axis.x), light.shape[1:], strict=True)]
    most = min(max((far[0] * far[0] + far[1] * far[1]) / (axis.corner * axis.corner), 1e-6), FAR)
    place = np.array([axis.y, axis.x, (ENTRIES - 1) / (most * axis.corner * axis.corner)])
    block = max(4, min(32, int(axis.corner) // 64))
    for share, keep, wide in ((1 - lens.halo, 0.0, False), (lens.halo, 1.0, True)):
        if share:
            taps, radius = point_spread(lens, most, wide=wide)
            kernels.optics(light, matrix.astype(np.float32), taps, radius, place, block, keep, share, out)
    return out


def exposed(canvas: Canvas, matrix: Float64, lens: Lens, axis: Axis) -> Canvas:
    """The canvas as lens and colour filters show it; of moving layers, light and cover are spread alike."""
    layers = []
    for layer in canvas.layers:
        cover = np.ascontiguousarray(np.broadcast_to(layer.cover, layer.light.shape))
        own = axis.moved(layer.motion.at)
        shown = project(layer.light, matrix, lens, own)
        layers.append(Layer(shown, project(cover, np.eye(3), lens, own), layer.motion))
    return Canvas(project(canvas.light, matrix, lens, axis), canvas.margin, tuple(layers))


def reach_of(lens: Lens) -> int:
    """Canvas pixels by which the lens spreads a moving thing."""
    widest = max(lens.spread(c, 1.2) for c in range(3))
    return math.ceil(4 * CANVAS * max(widest, lens.halo_sigma if lens.halo else 0)) + 2


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """How a frame looks at the scene: its size, the lens as `distortion.nodes`, and the veil."""

    size: tuple[int, int]
    nodes: Float64
    step: int
    flare: float
    veil: Float32

    def mosaic(self, surfaces: list[Surface], cell: UInt8) -> Float32:
        """Light on every pixel in the colour of its filter, ``"h w"``."""
        return self._sampled(surfaces, cell, 1)[..., 0]

    def picture(self, surfaces: list[Surface]) -> Float32:
        """The same in all three colours, ``"h w 3"``: the truth."""
        return self._sampled(surfaces, NO_CELL, 3)

    def covered(self, surfaces: list[Surface]) -> Float32:
        """How much of each pixel moving surfaces cover (in green) at one or many places, ``"h w"``."""
        out = np.zeros((*self.size, 1), np.float32)
        for s in surfaces:
            self._lay(Surface(s.cover, s.cover, s.maps), np.ones((1, 1), np.uint8), out)
        return out[..., 0]

    def _sampled(self, surfaces: list[Surface], cell: UInt8, channels: int) -> Float32:
        out = np.empty((*self.size, channels), np.float32)
        for surface in surfaces:
            self._lay(surface, cell, out)
        if self.flare:
            kernels.veil(self.veil, cell, 1 - self.flare, out)
        return out

    def _lay(self, s: Surface, cell: UInt8, out: Float32) -> None:
        box = self._box(s) if s.cover.size else np.array([0, 0, *self.size])
        render = kernels.render if out.shape[2] == 1 else kernels.render_rgb
        render(s.light, s.cover, self.nodes, self.step, s.maps, cell, box.astype(np.int64), out)

    def _box(self, s: Surface) -> np.ndarray:
        """Top, left, bottom, right of a part of the frame outside of which the surface is not seen."""
        pitch = 16
        y, x = (np.minimum(np.arange(0, n + pitch, pitch), n - 1) for n in self.size)
        v, u = np.broadcast_arrays(y[:, None].astype(np.float64), x[None, :].astype(np.float64))
        spare = 4.0
        if self.nodes.size:
            green = self.nodes[len(self.nodes) // 2]
            j, i = (np.minimum(p // self.step + 1, n - 1) for p, n in zip((y, x), green.shape, strict=False))
            v, u = v + green[j[:, None], i[None, :], 0], u + green[j[:, None], i[None, :], 1]
            spare += 2 * self.step + float(np.abs(self.nodes - green).max())
        maps = s.maps if len(s.maps) == 1 else s.maps[y]
        py, px = applied(maps[:, None], v, u)
        spare = 2.5 * CANVAS * (pitch + spare)
        h, w = s.light.shape[1:]
        seen = (py > -spare) & (py < h + spare) & (px > -spare) & (px < w + spare)
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        if not len(rows):
            return np.zeros(4)
        low = (max(int(y[rows[0]]) - pitch, 0), max(int(x[columns[0]]) - pitch, 0))
        high = (min(int(y[rows[-1]]) + pitch, self.size[0]), min(int(x[columns[-1]]) + pitch, self.size[1]))
        return np.array([*low, *high])


def veil_of(light: Float32, box: tuple[int, int, int, int], flare: float) -> Float32:
    """The veil over the picture, ``"3 gh gw"``: a share `flare` of the light in `box` of the canvas, each
    cell scattered over all others with the density 1 / (d² + 1), d in cells.

    Summed in the same order on any machine; what is scattered beyond the picture is lost.
    """
    gh, gw = (
        max(2, min(most, (b - a) // (CELL * CANVAS)))
        for most, a, b in zip(VEIL, box[:2], box[2:], strict=True)
    )
    mean = np.empty((3, gh, gw), np.float64)
    kernels.cells(light, np.array(box, np.int64), mean)
    tall, wide = (box[2] - box[0]) / gh, (box[3] - box[1]) / gw
    out, total = np.zeros_like(mean), 0.0
    for dy in range(1 - gh, gh):
        for dx in range(1 - gw, gw):
            weight = 1 / (dy * dy + dx * dx * (wide * wide / (tall * tall)) + 1)
            total += weight
            to_y, to_x = slice(max(dy, 0), gh + min(dy, 0)), slice(max(dx, 0), gw + min(dx, 0))
            of_y, of_x = slice(max(-dy, 0), gh + min(-dy, 0)), slice(max(-dx, 0), gw + min(-dx, 0))
            out[:, to_y, to_x] += weight * mean[:, of_y, of_x]
    return (out * (flare / total)).astype(np.float32)


def shading(lens: Lens, size: tuple[int, int]) -> Float32:
    """Gains that undo the fall-off towards the corners, ``"3 v h"``, one map per colour."""
    v, h = GRID
    tall, wide = (n / math.sqrt(size[0] * size[0] + size[1] * size[1]) for n in size)
    y = (np.arange(v) / (v - 1) - 0.5 - lens.axis[0])[:, None] * (tall / 0.5)
    x = (np.arange(h) / (h - 1) - 0.5 - lens.axis[1])[None, :] * (wide / 0.5)
    r2 = y * y + x * x
    fall = lens.fall[0] * r2 + lens.fall[1] * r2 * r2
    return np.stack([1 + fall * t for t in lens.tint]).astype(np.float32)


def to_canvas(margin: int) -> Float64:
    """Sensor pixel → canvas pixel: pixel centres at (p + margin + ½) · CANVAS − ½."""
    shift = (margin + 0.5) * CANVAS - 0.5
    return np.array([[CANVAS, 0, shift], [0, CANVAS, shift]], np.float64)
