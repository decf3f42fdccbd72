# SPDX-License-Identifier: Apache-2.0
"""Lens opcodes against their formulas, evaluated pixel by pixel."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Noise, Opcode, Scene, Shot
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.correct.lens import Lens, lens

BARREL = (1.0, -0.15, 0.02, 0.0, 0.001, -0.002)


def warp(*rows, centre=(0.5, 0.5), name="WarpRectilinear"):
    return Opcode(name, False, {"coefficients": np.array(rows), "centre": centre}, b"")


def vignette(*k, centre=(0.5, 0.5)):
    return Opcode("FixVignetteRadial", False, {"coefficients": np.array(k), "centre": centre}, b"")


def scene(rgb, *opcodes, **fields):
    rgb = np.ascontiguousarray(rgb, np.float32)
    shot = Shot(Path("a.dng"), rgb.shape[:2], opcodes=((), (), tuple(opcodes)))
    return Scene(rgb, "rec2020", shot, Noise((0,) * 3, (0,) * 3), **fields)


def smooth(y, x):
    """A picture that is known everywhere."""
    return np.stack(
        [2 + np.sin(x / 9) + np.cos(y / 11), 2 + np.sin((x + y) / 13), 3 + np.cos(x / 8) * np.sin(y / 10)], -1
    )


def where(h, w, row, cx, cy):
    """Where WarpRectilinear reads, by its formula."""
    y, x = np.mgrid[:h, :w].astype(float)
    py, px = cy * (h - 1), cx * (w - 1)
    m = np.hypot(max(py, h - 1 - py), max(px, w - 1 - px))
    dx, dy = (x - px) / m, (y - py) / m
    r2 = dx**2 + dy**2
    f = row[0] + row[1] * r2 + row[2] * r2**2 + row[3] * r2**3
    return (
        py + m * (f * dy + row[5] * 2 * dx * dy + row[4] * (r2 + 2 * dy**2)),
        px + m * (f * dx + row[4] * 2 * dx * dy + row[5] * (r2 + 2 * dx**2)),
    )


def inside(sy, sx, h, w):
    return (sy > 1) & (sy < h - 2) & (sx > 1) & (sx < w - 2)


def test_without_opcodes_it_is_the_same_object():
    s = scene(smooth(*np.mgrid[:20, :30]))
    assert lens(s) is s
    assert lens(scene(s.rgb, warp((1.0, 0, 0, 0, 0, 0)))).rgb is s.rgb
    opcodes = scene(s.rgb, warp(BARREL), vignette(0.3, 0, 0, 0, 0))
    assert lens(opcodes, Lens(distortion=0, vignetting=0)) is opcodes


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.45, 0.58)])
def test_the_warp_reads_where_the_formula_says(centre):
    h, w = 121, 161
    out = lens(scene(smooth(*np.mgrid[:h, :w]), warp(BARREL, centre=centre))).rgb
    sy, sx = where(h, w, BARREL, *centre)
    good = inside(sy, sx, h, w)
    np.testing.assert_allclose(out[good], smooth(sy, sx)[good], atol=2e-3)
    assert np.abs(sx - np.mgrid[:h, :w][1]).max() > 5


def test_one_set_of_coefficients_per_colour_removes_fringes_at_any_distortion():
    h, w = 121, 161
    rows = (1.01, -0.15, 0, 0, 0, 0), (1.0, -0.15, 0, 0, 0, 0), (0.99, -0.15, 0, 0, 0, 0)
    picture = smooth(*np.mgrid[:h, :w])
    out = lens(scene(picture, warp(*rows))).rgb
    for c in range(3):
        sy, sx = where(h, w, rows[c], 0.5, 0.5)
        good = inside(sy, sx, h, w)
        np.testing.assert_allclose(out[..., c][good], smooth(sy, sx)[..., c][good], atol=2e-3)
    fringes = lens(scene(picture, warp(*rows)), Lens(distortion=0)).rgb
    np.testing.assert_allclose(fringes[..., 1], picture[..., 1], atol=1e-5)
    sy, sx = where(h, w, (1.01, 0, 0, 0, 0, 0), 0.5, 0.5)
    good = inside(sy, sx, h, w)
    np.testing.assert_allclose(fringes[..., 0][good], smooth(sy, sx)[..., 0][good], atol=2e-3)


def test_fisheye_and_the_second_rectilinear():
    h, w = 101, 101
    y, x = np.mgrid[:h, :w].astype(float)
    m = np.hypot(50, 50)
    dx, dy = (x - 50) / m, (y - 50) / m
    r = np.maximum(np.hypot(dx, dy), 1e-9)
    picture = smooth(y, x)
    theta = np.arctan(r)
    f = (0.98 * theta + 0.1 * theta**3) / r
    out = lens(scene(picture, warp((0.98, 0.1, 0, 0), name="WarpFisheye"))).rgb
    sy, sx = 50 + m * f * dy, 50 + m * f * dx
    good = inside(sy, sx, h, w)
    np.testing.assert_allclose(out[good], smooth(sy, sx)[good], atol=2e-3)
    row = (1.0, -0.05, 0.02) + (0,) * 14
    second = Opcode(
        "WarpRectilinear2",
        True,
        {"coefficients": np.array([row]), "centre": (0.5, 0.5), "radii": (0.0, 0.8), "reciprocal": False},
        b"",
    )
    q = np.clip(r, 0, 0.8)
    f = 1 - 0.05 * q + 0.02 * q**2
    sy, sx = 50 + m * f * dy, 50 + m * f * dx
    out = lens(scene(picture, second, warp(BARREL))).rgb  # an optional one replaces the warp behind it
    good = inside(sy, sx, h, w)
    np.testing.assert_allclose(out[good], smooth(sy, sx)[good], atol=2e-3)


def test_vignetting_is_taken_back_in_ev():
    h, w = 60, 80
    y, x = np.mgrid[:h, :w]
    r2 = ((y - 29.5) ** 2 + (x - 39.5) ** 2) / (29.5**2 + 39.5**2)
    gain = 1 + 0.5 * r2 + 0.3 * r2**2
    s = scene(
        np.ones((h, w, 3)), vignette(0.5, 0.3, 0, 0, 0), frames=np.full((h // 2, w // 2), 8, np.float32)
    )
    full, half = lens(s), lens(s, Lens(vignetting=0.5))
    np.testing.assert_allclose(full.rgb[..., 1], gain, rtol=1e-4)
    np.testing.assert_allclose(half.rgb[..., 1], np.sqrt(gain), rtol=1e-4)
    assert full.frames[0, 0] == pytest.approx(8 / gain[:2, :2].mean(), rel=1e-3)


def gain_map(gain, area, spacing, origin=(0.0, 0.0)):
    return Opcode("GainMap", False, {"gain": gain, "area": area, "spacing": spacing, "origin": origin}, b"")


def test_gain_maps_are_bilinear_and_keep_to_their_area():
    h, w = 40, 60
    gain = np.float32([[[1.0], [2.0]], [[3.0], [5.0]]])
    s = scene(np.ones((h, w, 3)), gain_map(gain, (0, 0, h, w, 0, 3, 1, 1), (1.0, 1.0)))
    v, u = ((np.arange(n) + 0.5) / n for n in (h, w))
    expected = 1 + u[None] + 2 * v[:, None] + u[None] * v[:, None]
    np.testing.assert_allclose(lens(s).rgb[..., 1], expected, rtol=1e-5)
    np.testing.assert_allclose(lens(s, Lens(vignetting=0)).rgb, 1)
    part = lens(
        scene(np.ones((h, w, 3)), gain_map(gain[:1, :1] * 2, (10, 20, 30, 50, 1, 1, 2, 3), (1.0, 1.0)))
    ).rgb
    changed = np.argwhere(part != 1)
    assert changed.min(0).tolist() == [10, 20, 1] and changed.max(0).tolist() == [28, 47, 1]
    assert len(changed) == 100 and (part[part != 1] == 2).all()


def test_what_is_not_known_is_told_unless_it_is_optional():
    s = scene(np.ones((4, 4, 3)), Opcode("opcode 99", False, {}, b""))
    with pytest.warns(FallbackWarning, match="opcode 99"):
        assert lens(s) is s
    optional = scene(np.ones((4, 4, 3)), Opcode("opcode 99", True, {}, b""))
    assert lens(optional) is optional


def test_a_lamp_gets_no_black_ring():
    rgb = np.full((60, 60, 3), 0.01)
    rgb[25:35, 25:35] = 100
    assert lens(scene(rgb, warp((1.013, -0.02, 0, 0, 0, 0)))).rgb.min() > 0


def test_opcodes_as_files_hold_them():
    payload = struct.pack(">I6d2d", 1, *BARREL, 0.5, 0.5)
    raw = struct.pack(">IIIII", 1, 1, 0x01030000, 0, len(payload)) + payload
    s = scene(smooth(*np.mgrid[:40, :50]), *read_opcodes(raw, Path("a.dng"), 3))
    np.testing.assert_array_equal(lens(s).rgb, lens(scene(s.rgb, warp(BARREL))).rgb)
    assert lens(replace(s, rgb=np.full((1, 1, 3), 2, np.float32))).rgb[0, 0, 0] == pytest.approx(2)
