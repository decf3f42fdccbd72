# SPDX-License-Identifier: Apache-2.0
"""Distortion and lateral colour: where pixels look, where points land, and that the raw file undoes both."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.image import Noise
from lichtbild.base.image import Scene as Picture
from lichtbild.capture.demosaic import Demosaic, coloured
from lichtbild.capture.linearize import linearize
from lichtbild.capture.opcodes import opcode_bytes, read_opcodes
from lichtbild.correct.lens import lens as corrected
from lichtbild.simulate.brush import disk
from lichtbild.simulate.distortion import bent, nodes, straightened, warp_opcode
from lichtbild.simulate.lens import Lens, known_lens
from lichtbild.simulate.optics import NO_CELL, NOTHING
from lichtbild.simulate.scene import Scene, Thing

SIZE = (240, 320)
WIDE = known_lens("wide")
STRAIGHT = {"k": (0.0,) * 3, "p": (0.0, 0.0), "scale": (1.0,) * 3, "cubic": (0.0,) * 3}
DOTS = [(y, x) for y in (0.04, 0.25, 0.5, 0.75, 0.96) for x in (0.05, 0.4, 0.667, 1.0, 1.28)]


def dots(radius=0.012):
    """White disks on grey."""

    def paint(view):
        view.lay((0.05, 0.05, 0.05))
        for place in DOTS:
            view.lay((0.9, 0.9, 0.9), view.cover(disk(view.y, view.x, place, radius)))

    return Scene((Thing((-1, -1, 3, 3), paint),))


def centre(image, near, half=9):
    """Centroid of a bright spot, or None where it is cut off."""
    y0, x0 = (round(v) - half for v in near)
    if y0 < 0 or x0 < 0 or y0 + 2 * half >= image.shape[0] or x0 + 2 * half >= image.shape[1]:
        return None
    part = image[y0 : y0 + 2 * half + 1, x0 : x0 + 2 * half + 1].astype(np.float64)
    part = part - part.min()
    y, x = np.mgrid[y0 : y0 + 2 * half + 1, x0 : x0 + 2 * half + 1]
    return np.array([(part * y).sum(), (part * x).sum()]) / part.sum()


def pixel(place, size=SIZE):
    return place[0] * size[0] - 0.5, place[1] * size[0] - 0.5


# ---- distortion


@pytest.mark.parametrize("plane", [0, 1, 2])
@pytest.mark.parametrize("lens", [WIDE, Lens(k=(0.2, -0.03, 0.01), p=(0.01, -0.02))])
def test_straightened_undoes_bent(lens, plane):
    y, x = np.mgrid[0:3000:57.0, 0:4000:71.0]
    back = bent(
        lens, *straightened(lens, y, x, plane=plane, size=(3000, 4000)), plane=plane, size=(3000, 4000)
    )
    np.testing.assert_allclose(back, (y, x), atol=1e-8)


def test_the_corner_goes_where_the_polynomial_says():
    lens = Lens(k=(-0.1, 0.02, -0.005))
    y, x = bent(lens, np.array(0.0), np.array(0.0), plane=1, size=(3, 5))
    f = 1 - 0.1 + 0.02 - 0.005  # r = 1
    np.testing.assert_allclose((y, x), (1 - f, 2 - 2 * f), atol=1e-12)


@pytest.mark.parametrize(("size", "most"), [((90, 130), 2e-3), ((800, 1030), 3e-4)])
def test_a_pixel_looks_where_the_lens_says(size, most):
    """A ramp sampled through the lens is the position itself."""
    h, w = size
    pad = 60 * h // 240 + 8
    v, u = np.mgrid[-pad : h + pad, -pad : w + pad].astype(np.float32)
    grid, step = nodes(WIDE, size)
    shift = np.array([[[1.0, 0, pad], [0, 1.0, pad]]])
    box = np.array([0, 0, *size])
    for axis, ramp in enumerate((v, u)):
        out = np.empty((*size, 3), np.float32)
        middle = np.float32(size[axis] // 2)  # floats are finest near 0
        kernels.render_rgb(np.stack([ramp - middle] * 3), NOTHING, grid, step, shift, NO_CELL, box, out)
        for plane in range(3):
            y, x = np.arange(h)[::7, None], np.arange(w)[None, ::5]
            looks = straightened(WIDE, y, x, plane=plane, size=size)
            assert np.abs(out[::7, ::5, plane] + np.float64(middle) - looks[axis]).max() < most


@pytest.mark.parametrize("cell", [[[0, 1], [1, 2]], np.arange(36).reshape(6, 6) % 3])
def test_a_mosaic_is_the_picture_seen_through_its_cell(cell):
    cell = np.array(cell, np.uint8)
    random = np.random.default_rng(2)
    planes = random.random((3, 150, 190)).astype(np.float32)
    grid, step = nodes(WIDE, (101, 133))
    maps = np.array([[1.1, 0.02, 14], [-0.02, 1.1, 13]]) + 0.001 * random.random((101, 2, 3))
    box = np.array([0, 0, 101, 133])
    one, all_three = np.empty((101, 133, 1), np.float32), np.empty((101, 133, 3), np.float32)
    kernels.render(planes, NOTHING, grid, step, maps, cell, box, one)
    kernels.render_rgb(planes, NOTHING, grid, step, maps, NO_CELL, box, all_three)
    which = np.tile(cell, (51, 67))[:101, :133]
    np.testing.assert_array_equal(
        one[..., 0], np.take_along_axis(all_three, which[..., None].astype(int), 2)[..., 0]
    )


def test_dots_are_where_the_lens_puts_them_in_every_colour():
    _, truth = simulate.burst(dots(), size=SIZE, frames=1, shake="still", lens=WIDE)
    seen = 0
    for place in DOTS:
        for c in range(3):
            there = bent(WIDE, *map(np.float64, pixel(place)), plane=c, size=SIZE)
            found = centre(truth.rgb[..., c], there)
            if found is not None:
                seen += 1
                np.testing.assert_allclose(found, there, atol=0.06)
    assert seen >= 45


# ---- what the file says, and the correction


def test_the_file_carries_the_lens():
    (opcode,) = warp_opcode(WIDE)
    (read,) = read_opcodes(opcode_bytes((opcode,)), Path("frame.dng"), 3)
    assert (read.name, read.values["centre"]) == ("WarpRectilinear", (0.5, 0.5))
    assert np.array_equal(read.values["coefficients"], [(*WIDE.warp(c), *WIDE.p) for c in range(3)])
    assert warp_opcode(known_lens("plain")) == ()
    assert len(warp_opcode(Lens(k=(0.1, 0.0, 0.0)))[0].values["coefficients"]) == 1


def test_corrected_the_wide_lens_shows_what_a_straight_one_would():
    """Noise aside: the truth through the stage `lens`, against the truth of the lens without its bends."""
    taken, truth = simulate.burst(dots(), size=SIZE, frames=1, shake="still", lens=WIDE)
    _, ideal = simulate.burst(dots(), size=SIZE, frames=1, shake="still", lens=replace(WIDE, **STRAIGHT))
    bent_picture = Picture(truth.rgb, "camera", taken.frames[0].shot, Noise((0.0,) * 3, (0.0,) * 3))
    rgb = corrected(bent_picture).rgb
    for place in DOTS:
        for c in range(3):
            there = centre(ideal.rgb[..., c], pixel(place))
            if there is not None:
                np.testing.assert_allclose(centre(rgb[..., c], there), there, atol=0.05)
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(rgb - ideal.rgb)[inner].mean() < 0.1 * np.abs(truth.rgb - ideal.rgb)[inner].mean()


def test_corrected_it_agrees_through_the_whole_path_from_raw():
    arguments = {"size": SIZE, "frames": 1, "shake": "still", "iso": 25, "seed": 3}
    taken, _ = simulate.burst(dots(0.05), lens=WIDE, **arguments)
    _, ideal = simulate.burst(dots(0.05), lens=replace(WIDE, **STRAIGHT), **arguments)
    image = coloured(linearize(taken)[0], Demosaic())
    rgb = corrected(image).rgb / np.array(image.gain, np.float32)
    inner = (slice(8, -8), slice(8, -8))
    before = np.abs(image.rgb / np.array(image.gain, np.float32) - ideal.rgb)[inner].mean()
    assert np.abs(rgb - ideal.rgb)[inner].mean() < 0.25 * before
