# SPDX-License-Identifier: Apache-2.0
from functools import cache

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.field.dots import centroids, lens_of
from lichtbild.quality.field.geometry import dots
from lichtbild.quality.picture import Picture
from lichtbild.quality.sharpness.registration import blurred

SIZE = (480, 640)
CENTRE = np.array([239.5, 319.5])
CORNER = 400.0
ROWS, COLUMNS = 9, 13
K = (-0.06, 0.02, 0.0)  # barrel
SCALE = {"R": 1.0008, "G": 1.0, "B": 0.9994}
CELLS = np.stack(np.divmod(np.arange(ROWS * COLUMNS), COLUMNS), axis=1).astype(float)
# the grid's middle is near the picture's, it is turned by 1° and tilted
HELD = np.array([[49.0, 0.9, 45.0], [-0.8, 49.5, 28.0], [1.2e-3, -0.8e-3, 1.0]])


def stretch(r, k=K):
    return 1 + k[0] * r**2 + k[1] * r**4 + k[2] * r**6


def ideal():
    p = np.column_stack([CELLS, np.ones(len(CELLS))]) @ HELD.T
    return p[:, :2] / p[:, 2:]


def bent(places, scale=1.0, k=K):
    off = places - CENTRE
    r = np.hypot(*off.T) / CORNER
    return CENTRE + off * (stretch(r, k) * scale)[:, None]


@cache
def photographed(k=K, dark=0.1, fine=3):
    """Dots of 0.2 pitches on paper, through perspective and lens, 3 × 3 samples a pixel; uneven light."""
    h, w = SIZE
    table = np.linspace(0, 1.3, 4001)
    planes = []
    y = (np.arange(h * fine) + 0.5) / fine - 0.5 - CENTRE[0]
    x = (np.arange(w * fine) + 0.5) / fine - 0.5 - CENTRE[1]
    r = np.hypot(y[:, None], x) / CORNER
    for scale in SCALE.values():
        back = np.interp(r, table * stretch(table, k) * scale, table) / np.maximum(r, 1e-9)
        py, px = y[:, None] * back + CENTRE[0], x * back + CENTRE[1]
        m = np.linalg.inv(HELD)
        low = m[2, 0] * py + m[2, 1] * px + m[2, 2]
        v, u = ((m[i, 0] * py + m[i, 1] * px + m[i, 2]) / low for i in (0, 1))
        near = np.hypot(v - np.clip(np.rint(v), 0, ROWS - 1), u - np.clip(np.rint(u), 0, COLUMNS - 1))
        ink = np.clip((0.2 - near) * 49 * fine + 0.5, 0, 1).reshape(h, fine, w, fine).mean(axis=(1, 3))
        planes.append((0.8 - (0.8 - dark) * ink) * (1 - 0.3 * (r[1::fine, 1::fine] ** 2)))
    return np.stack(planes, axis=2)


def measured(rgb=None, **more):
    expected = bent(ideal()) + np.random.default_rng(0).uniform(-8, 8, (len(CELLS), 2))
    rgb = photographed() if rgb is None else rgb
    return dots(Picture(rgb.astype(np.float32), **more), expected, (ROWS, COLUMNS), where="d")


def test_dots_are_found_to_hundredths_of_a_pixel():
    for k, (_, scale) in enumerate(SCALE.items()):
        found = centroids(photographed()[..., k].astype(np.float32), bent(ideal()), 49.0)
        # a disk's image has its centroid a little beside the image of its centre: perspective and distortion
        assert np.hypot(*(found - bent(ideal(), scale)).T).max() < 0.04
        guessed = centroids(photographed()[..., k].astype(np.float32), np.add(bent(ideal()), (9, -7)), 49.0)
        np.testing.assert_allclose(guessed, found, atol=0.01)


@pytest.mark.parametrize("k", [(0.0, 0.0, 0.0), (-0.06, 0.02, 0.0), (0.04, 0.0, 0.0), (-0.1, 0.05, -0.02)])
def test_the_lens_comes_back_whatever_the_perspective(k):
    lens = lens_of(bent(ideal(), k=k), CELLS, SIZE)
    assert lens.k == pytest.approx(k, abs=1e-4) and lens.residual < 1e-3
    np.testing.assert_allclose(lens.ideal, ideal(), atol=1e-2)


def test_noise_gives_the_residual_and_hardly_moves_the_lens():
    places = bent(ideal()) + np.random.default_rng(1).normal(0, 0.05, (len(CELLS), 2))
    lens = lens_of(places, CELLS, SIZE)
    assert lens.residual == pytest.approx(0.05 * np.sqrt(2), rel=0.2)
    r = np.linspace(0.2, 0.95, 9)
    np.testing.assert_allclose(lens.stretch(r), stretch(r), atol=5e-4)


def test_distortion():
    result = measured()
    for share in (0.5, 0.7):
        truth = 100 * (stretch(share) - 1)
        assert result[f"distortion at {share:.0%} of the field"] == pytest.approx(truth, abs=0.02)
    local = 100 * (stretch(np.hypot(*(ideal() - CENTRE).T) / CORNER) - 1)
    assert result["distortion, largest"] == pytest.approx(local.min(), abs=0.03)
    grid = bent(ideal()).reshape(ROWS, COLUMNS, 2)
    height = np.hypot(*(grid[-1] - grid[0]).T)
    outer, middle = (height[0] + height[-1]) / 2, height[6]
    assert result["TV distortion"] == pytest.approx(100 * (outer - middle) / middle, abs=0.03)
    bows = []
    for line in grid:
        along = (line[-1] - line[0]) / np.hypot(*(line[-1] - line[0]))
        off = line - line[0]
        bows.append(np.abs(off[:, 0] * along[1] - off[:, 1] * along[0]).max())
    assert result["line distortion, horizontal"] == pytest.approx(100 * max(bows) / SIZE[0], abs=0.02)
    assert result["k1"] == pytest.approx(K[0], abs=0.002)
    curve = next(c for c in result.curves if c.name == "distortion")
    np.testing.assert_allclose(curve.y, 100 * (stretch(curve.x) - 1), atol=0.03)
    assert result.grids[0].values.shape == (ROWS, COLUMNS)
    assert result.warnings == ()


def test_lateral_colour():
    result = measured()
    reach = np.hypot(*(bent(ideal()) - CENTRE).T).max()
    for channel in "RB":
        away = (SCALE[channel] - 1) * reach
        place = f"d, {channel}−G"
        assert result[f"lateral colour, radial · {place}"] == pytest.approx(away, abs=0.03)
        assert result[f"lateral colour, largest · {place}"] == pytest.approx(abs(away), abs=0.03)
        assert result[f"lateral colour of the field · {place}"] == pytest.approx(abs(away) / 4, abs=0.01)
        curve = next(c for c in result.curves if c.name == "lateral colour" and c.where == place)
        np.testing.assert_allclose(curve.y, (SCALE[channel] - 1) * CORNER * curve.x, atol=0.03)
    grey = measured(np.repeat(photographed()[..., 1:2], 3, axis=2))
    assert grey["lateral colour, largest · d, R−G"] == pytest.approx(0, abs=1e-3)


def test_noise_is_in_the_doubts():
    loud = measured(photographed() + np.random.default_rng(0).normal(0, 0.1, (*SIZE, 3)))
    for share, name in ((0.5, "distortion at 50% of the field"), (1.0, "distortion in the corner")):
        figure = next(f for f in loud.figures if f.name == name)
        assert abs(figure.value - 100 * (stretch(share) - 1)) < 4 * figure.doubt and figure.doubt < 0.3
    sigma = 0.05
    off = np.random.default_rng(1).normal(0, sigma, (24, len(CELLS), 2))
    seen = [lens_of(bent(ideal()) + one, CELLS, SIZE) for one in off]
    assert np.mean([lens.doubt(0.9) for lens in seen]) == pytest.approx(
        np.std([lens.stretch(np.array(0.9)) for lens in seen], ddof=1), rel=0.5
    )


def test_blurred_dots_are_told():
    smeared = np.stack([blurred(photographed()[..., c], 5.0) for c in range(3)], axis=2)
    assert any("blurred dots" in w for w in measured(smeared).warnings)


def test_bright_dots_on_black_do_as_well():
    inverted = (0.9 - photographed()) / 0.9
    assert measured(inverted)["distortion, largest"] == pytest.approx(
        measured()["distortion, largest"], abs=0.1
    )


def test_what_is_missing_is_told():
    half = photographed().copy()
    half[:, :160] = 0.8
    result = measured(half)
    assert any("dots are not to be seen" in w for w in result.warnings)
    assert np.isnan(result["TV distortion"])
    assert result["distortion at 50% of the field"] == pytest.approx(100 * (stretch(0.5) - 1), abs=0.05)
    # too few of them
    most = photographed().copy()
    most[:, :540] = 0.8
    with pytest.raises(InputError, match=r"only \d+ of 117 dots"):
        measured(most)
    with pytest.raises(InputError, match="do not make"):
        dots(Picture(half.astype(np.float32)), np.zeros((10, 2)), (3, 4))
    # the wrong grid
    with pytest.raises(InputError, match="miss a grid"):
        places = bent(ideal()).reshape(ROWS, COLUMNS, 2).transpose(1, 0, 2).reshape(-1, 2)
        dots(Picture(photographed().astype(np.float32)), places, (ROWS, COLUMNS))
    clipped = np.zeros(SIZE, bool)
    clipped[100:400] = True
    assert any("clipped" in w for w in measured(clipped=clipped).warnings)
