# SPDX-License-Identifier: Apache-2.0
"""Rows and columns that lie above the others are put right; pictures without are left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.image import Burst, RawFrame, Shot
from lichtbild.capture.banding import banding
from lichtbild.capture.linearize import Linearize, linearize
from lichtbild.simulate import burst
from lichtbild.simulate.sensor import expose, phone

SIZE = (384, 1536)
FLAT = np.ones((4, 2, 2), np.float32)


def flat():
    """Dark, with a gradient across and down."""
    across = np.linspace(0.004, 0.1, SIZE[1], dtype=np.float32)
    return np.linspace(0.5, 1.5, SIZE[0], dtype=np.float32)[:, None] * across


@pytest.fixture(scope="module")
def textured():
    b, _ = burst("room", size=SIZE, frames=1, sensor="ideal")
    return b.frames[0].dn.astype(np.float32) / 65535 * 0.15


def frame(light, iso, row=0.0, column=0.0, seed=1):
    """A frame, and what its rows and columns are off by in DN."""
    sensor = replace(phone(iso), row=row, column=column)
    black, neutral = np.full((2, 2), 64, np.float32), (1.0, 1.0, 1.0)
    shot = Shot(
        Path("a.dng"), light.shape, black=black, white=1023.0, noise=sensor.noise, neutral=neutral
    )
    sensors = (sensor, replace(sensor, row=0.0, column=0.0))
    taken, clean = (expose(light.copy(), FLAT, s, seed=seed, frame=0) for s in sensors)
    off = taken.astype(np.float64) - clean
    return RawFrame(taken, shot), off.mean(1) - off.mean(), off.mean(0) - off.mean()


def left(true, found):
    """Share of the variance that is left."""
    return np.var(true - (found - found.mean())) / np.var(true)


@pytest.mark.parametrize("iso", [3200, 12800])
@pytest.mark.parametrize(
    ("row", "flat_left", "rough_left"), [(0.15, 0.3, 0.5), (0.3, 0.12, 0.3), (1.0, 0.03, 0.1)]
)
def test_row_noise_goes(textured, iso, row, flat_left, rough_left):
    for light, most in ((flat(), flat_left), (textured, rough_left)):
        taken, rows, _ = frame(light, iso, row)
        bands = banding(taken, taken.shot.noise)
        assert bands.columns is None
        assert left(rows, bands.rows) < most


def test_columns_go_too():
    taken, rows, columns = frame(flat(), 6400, 0.5, 0.5)
    bands = banding(taken, taken.shot.noise)
    assert left(rows, bands.rows) < 0.1
    assert left(columns, bands.columns) < 0.3


@pytest.mark.parametrize("iso", [100, 800, 3200, 12800])
def test_clean_frames_are_left_alone(textured, iso):
    for seed, light in enumerate((flat(), textured)):
        taken, _, _ = frame(light, iso, seed=seed)
        assert not banding(taken, taken.shot.noise).found
        cfa = [linearize(Burst((taken,)), Linearize(banding=share))[0].cfa for share in (0, 1)]
        np.testing.assert_array_equal(*cfa)


def test_lines_of_the_picture_stay():
    """Blinds, a horizon, a fine grating: none of it is taken for noise, with or without noise of rows."""
    light = flat()
    light[100:103] *= 3
    light[200:] *= 2.5
    light[250:290] *= (1 + 0.5 * np.cos(np.arange(40) * 0.7))[:, None].astype(np.float32)
    clean, _, _ = frame(light, 3200)
    assert not banding(clean, clean.shot.noise).found
    taken, rows, _ = frame(light, 3200, 0.3)
    found = banding(taken, taken.shot.noise).rows
    plain = np.r_[:90, 110:190, 210:240, 300:384]
    assert left(rows[plain], found[plain]) < 0.3
    assert np.abs(found).max() < 5 * rows.std()  # no line is moved by more than noise moves rows


def test_a_thing_that_fills_some_of_a_row_stays():
    """A dark bar over half of the width, and a bright one, at the height of one row each."""
    light = flat()
    light[120:122, :700] *= 0.2
    light[240:243, 500:1200] *= 4
    taken, rows, _ = frame(light, 6400, 0.5)
    found = banding(taken, taken.shot.noise).rows
    beside = np.r_[116:126, 236:247]
    assert np.abs(rows - rows.mean() - found + found.mean())[beside].max() < 3.5 * 0.35 * rows.std()


def test_a_small_share_is_a_small_share():
    taken, _, _ = frame(flat(), 6400, 0.5)
    none, half, whole = (
        linearize(Burst((taken,)), Linearize(banding=share))[0].cfa.mean(1) for share in (0, 0.5, 1)
    )
    np.testing.assert_allclose(half - none, 0.5 * (whole - none), atol=2e-6)
    assert np.var(np.diff(whole[::2])) < 0.2 * np.var(np.diff(none[::2]))


def twin(dn, offsets, distance, noise):
    """Steps of the rows by the docstring's formula: a Newton step of the biweight in every segment, then the
    biweight mean of the segments around their weighted median.
    """
    black, slope, base, white, reach = (float(v) for v in noise)
    a, b = dn[:-distance].astype(np.float64), dn[distance:].astype(np.float64)
    d = b - a - (offsets[distance:] - offsets[:-distance])[:, None]
    variance = 2 * (slope * np.maximum((a + b) / 2 - black, 0) + base)
    u = np.maximum(1 - d * d / variance * reach, 0) * ((a < white) & (b < white))
    psi, fall = d / variance * u**2, u * (5 * u - 4) / variance
    psi, fall, square = (v.reshape(len(a), -1, 64).sum(-1) for v in (psi, fall, psi * psi))
    steps, spread = psi / fall, square / fall**2
    found = []
    for half in (0, 1):
        rows = []
        for e, v in zip(steps[:, half::2], spread[:, half::2], strict=True):
            order = np.argsort(e)
            share = np.cumsum(1 / v[order])
            middle = e[order][np.searchsorted(share, 0.5 * share[-1])]
            for _ in range(2):
                w = np.maximum(1 - (e - middle) ** 2 / (9 * v), 0) ** 2 / v
                doubt = max((w**2 * (e - middle) ** 2).sum(), (w**2 * v).sum()) / w.sum() ** 2
                middle += (w * (e - middle)).sum() / w.sum()
            rows.append((middle, doubt))
        found += list(np.array(rows).T)
    return np.array(found)


def test_the_kernels_equal_their_twin():
    dn = np.random.default_rng(3).normal(200, 12, (128, 1024)).clip(0, 1023).astype(np.uint16)
    offsets = np.random.default_rng(4).normal(0, 2, 128).astype(np.float32)
    noise = np.array([64, 1.0, 20.0, 900, 1 / 12], np.float32)
    expected = twin(dn, offsets.astype(np.float64), 2, noise)
    for name, picture in (("rows", dn), ("columns", np.ascontiguousarray(dn.T))):
        out = np.empty((4, 128), np.float32)
        getattr(kernels, f"banding_{name}")(picture, offsets, 2, noise, out)
        np.testing.assert_allclose(out[:, :-2], expected, rtol=2e-3, atol=1e-5)
        assert (out[1::2, -2:] > 1e29).all()


def test_offsets_solve_their_equations():
    rng = np.random.default_rng(5)
    n, distances, prior = 40, (1, 3), 2.0
    step, variance = rng.normal(size=(2, n)), rng.uniform(0.5, 2, (2, n))
    out = np.empty(n)
    kernels.banding_solve(step, variance, np.array(distances, np.int32), prior, out)
    matrix, right = np.eye(n) / prior, np.zeros(n)
    for i, d in enumerate(distances):
        for y in range(n - d):
            link = np.zeros(n)
            link[y], link[y + d] = -1, 1
            matrix += np.outer(link, link) / variance[i, y]
            right += link * step[i, y] / variance[i, y]
    np.testing.assert_allclose(out, np.linalg.solve(matrix, right), rtol=1e-9, atol=1e-12)


def test_threads_and_small_frames_do_not_matter():
    taken, _, _ = frame(flat(), 6400, 0.5, 0.5)
    found = []
    try:
        for n in (1, 2):
            kernels.set_threads(n)
            found.append(banding(taken, taken.shot.noise))
    finally:
        kernels.set_threads(0)
    np.testing.assert_array_equal(found[0].rows, found[1].rows)
    np.testing.assert_array_equal(found[0].columns, found[1].columns)
    for size in ((2, 2), (64, 3), (3, 70), (70, 66)):
        small = RawFrame(np.ascontiguousarray(taken.dn[: size[0], : size[1]]), replace(taken.shot, size=size))
        banding(small, taken.shot.noise)
