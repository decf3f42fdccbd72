# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.quality.field.flare import flare
from lichtbild.quality.field.shading import CELLS, shading, uncorrected
from lichtbild.quality.picture import Picture

SIZE = (330, 440)


def falloff(strength=0.4, size=SIZE):
    y, x = np.meshgrid(*((np.arange(n) - (n - 1) / 2) for n in size), indexing="ij")
    return 1 - strength * (y**2 + x**2) / ((size[0] ** 2 + size[1] ** 2) / 4)


def picture(plane, tint=(1.0, 1.0, 1.0), **more):
    return Picture((np.asarray(plane)[..., None] * np.array(tint)).astype(np.float32), **more)


def test_the_fall_off_is_what_was_planted():
    result = shading(picture(0.6 * falloff()))
    # cell means of a parabola: the middle cell and a corner cell
    cells = falloff().reshape(CELLS, 30, CELLS, 40).mean(axis=(1, 3))
    rest = cells.min() / cells.max()
    assert result["luminance shading"] == pytest.approx(100 * (1 - rest), abs=0.01)
    assert result["luminance shading in stops"] == pytest.approx(-np.log2(rest), abs=1e-3)
    for corner in ("top left", "top right", "bottom left", "bottom right"):
        assert result[f"fall-off · field, {corner}"] == pytest.approx(
            np.log2(cells[0, 0] / cells[5, 5]), abs=1e-3
        )
    assert result["slope, top to bottom"] == pytest.approx(0, abs=1e-3)
    assert result["colour shading"] == pytest.approx(0, abs=0.05)
    assert result.warnings == () and result.figures[0].note == ""
    maps = {g.name: g.values for g in result.grids}
    np.testing.assert_allclose(maps["luminance"], 100 * cells / cells.max(), atol=1e-3)
    np.testing.assert_allclose(maps["fall-off"], np.log2(cells / cells[5, 5]), atol=1e-4)


def test_a_field_without_shading_has_none_but_noise():
    noise = np.random.default_rng(0).normal(0, 0.01, (*SIZE, 3))
    result = shading(Picture((0.5 + noise).astype(np.float32)))
    one = result.figures[0]
    assert one.value < 6 * one.doubt and one.doubt < 0.1
    assert result["colour shading"] < 0.5
    drawn = (0.5 + np.random.default_rng(k).normal(0, 0.01, (*SIZE, 3)) for k in range(8))
    pixels = [shading(Picture(d.astype(np.float32)))["fall-off · field, top left"] for d in drawn]
    told = next(f for f in result.figures if f.where == "field, top left").doubt
    assert 0.5 < np.std(pixels, ddof=1) / told < 1.7
    colour = next(f for f in result.figures if f.name == "colour shading")
    assert 0.02 < colour.doubt < colour.value < 8 * colour.doubt


def test_coloured_light_is_told():
    red = shading(picture(0.6 * falloff(), (1.0, 0.7, 0.4)))
    assert red["colour shading"] > 1 and any("light is coloured" in w for w in red.warnings)
    assert any("8-bit" in w for w in shading(picture(falloff(), bits=8)).warnings)


def test_exposure_does_not_matter_to_linear_light():
    warm = (0.9, 1.0, 1.1)
    a, b = (shading(picture(level * falloff(), warm)) for level in (0.2, 0.8))
    for one, other in zip(a.figures, b.figures, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-3), one.name


def test_colour_shading_is_a_distance_in_lab():
    colour = pytest.importorskip("colour", reason="colour-science checks the CIELAB values")
    rgb = np.full((*SIZE, 3), 0.4)
    rgb[:, :40] = (0.4, 0.37, 0.43)
    result = shading(Picture(rgb.astype(np.float32), decoding="sRGB"))
    white = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D50"]
    lab = [
        colour.XYZ_to_Lab(
            colour.RGB_to_XYZ(c, "sRGB", white, chromatic_adaptation_transform="Bradford"), white
        )
        for c in ((0.4, 0.37, 0.43), (0.4, 0.4, 0.4))
    ]
    apart = np.hypot(*(lab[0] - lab[1])[1:])
    assert result["colour shading"] == pytest.approx(apart, abs=0.05)
    assert result["colour shading from the middle"] == pytest.approx(apart, abs=0.05)
    maps = {g.name: g.values for g in result.grids}
    assert maps["red over green"][5, 0] == pytest.approx(100 * (0.4 / 0.37 - 1), abs=0.01)


def test_what_speaks_against_a_field():
    y = np.linspace(0.9, 1.1, SIZE[0])[:, None]

    def told(words, plane, **more):
        result = shading(picture(plane, **more))
        assert any(words in w for w in result.warnings), result.warnings
        assert words in result.figures[0].note

    told("leans by +17", 0.5 * falloff() * y)  # between the middles of the outermost cells
    told("clipped", 0.9 * falloff(), clipped=falloff() > 0.9)
    told("dark", 0.01 * falloff())
    bars = np.where(np.arange(SIZE[1]) // 20 % 2 == 0, 0.3, 0.6) * np.ones(SIZE)
    told("not even", bars)
    with pytest.raises(InputError, match="too small"):
        shading(picture(falloff()[:60, :60]))
    with pytest.raises(InputError, match="black"):
        shading(picture(np.zeros(SIZE)))
    with pytest.raises(InputError, match="does not lie"):
        shading(picture(falloff()), (0, 0, 400, 100))
    part = shading(picture(0.5 * falloff()), (60, 60, 270, 380))
    assert part["luminance shading"] < 30


def test_the_bare_mosaic_shows_the_lens_that_the_file_corrects():
    from lichtbild.quality.charts import CHARTS
    from lichtbild.quality.picture import picture_of
    from lichtbild.simulate.burst import burst
    from lichtbild.simulate.charts.painting import painted
    from lichtbild.simulate.charts.place import place
    from lichtbild.simulate.lens import Lens

    size = (360, 480)
    scene = painted(place(CHARTS["flat"], size[1] / size[0]))
    lens = Lens(fall=(0.9, 0.6), tint=(1.0, 1.0, 1.0), axis=(0.0, 0.0))
    taken, _ = burst(scene, size=size, frames=1, iso=50, shake="still", sensor="ideal", lens=lens)
    raw = picture_of(taken.frames[0])
    corrected, bare = shading(raw), shading(uncorrected(raw))
    assert corrected["luminance shading"] < 1
    assert "shading map" in corrected.conditions["decoding"]
    r2 = (5 * np.array([360 / 11, 480 / 11])) ** 2 / (360**2 / 4 + 480**2 / 4)  # middle of a corner cell
    expected = -np.log2(1 + 0.9 * r2.sum() + 0.6 * r2.sum() ** 2)
    assert bare["fall-off · field, top left"] == pytest.approx(expected, abs=0.02)
    assert bare["colour shading from the middle"] < 1
    with pytest.raises(InputError, match="no raw file"):
        uncorrected(picture(falloff()))


# ---- flare

TRAPS = tuple((40 + 100 * j, 60 + 120 * i, 60 + 100 * j, 80 + 120 * i) for j in range(3) for i in range(3))
WHITES = tuple((t, l + 40, b, r + 40) for t, l, b, r in TRAPS)


def scene(veil, noise=0.0):
    plane = np.full(SIZE, 0.7)
    for k, (t, l, b, r) in enumerate(TRAPS):
        plane[t:b, l:r] = 0.7 * veil[k % len(veil)]
    return plane + np.random.default_rng(0).normal(0, 1, SIZE) * noise


def test_flare_is_the_share_that_was_planted():
    veil = np.linspace(0.004, 0.02, 9)
    result = flare(picture(scene(veil, 0.002)), TRAPS, WHITES)
    assert result["flare, largest"] == pytest.approx(2.0, abs=0.08)
    assert result["flare, mean"] == pytest.approx(1.2, abs=0.04)
    assert result["flare · flare, trap 1"] == pytest.approx(0.4, abs=0.08)
    assert result.warnings == ()
    assert result.figures[0].doubt == pytest.approx(100 * 0.002 / 12 / 0.7, rel=0.3)  # 12 × 12 px are left


def test_uneven_light_is_compared_locally():
    lit = np.linspace(0.3, 1.0, SIZE[1])
    result = flare(picture(scene([0.01]) * lit), TRAPS, WHITES)
    assert result["flare, mean"] == pytest.approx(1.0, rel=0.2)


def test_what_speaks_against_flare():
    dim = flare(picture(0.05 * scene([0.01])), TRAPS, WHITES)
    assert any("brighter" in w for w in dim.warnings)
    noisy = flare(picture(scene([0.0001], 0.02)), TRAPS, WHITES)
    assert any("uncertainty of black" in w for w in noisy.warnings)
    eight = flare(picture(scene([0.0001]), bits=8, decoding="sRGB"), TRAPS, WHITES)
    assert any("8-bit" in w for w in eight.warnings) and any("uncertainty" in w for w in eight.warnings)
    below = flare(picture(scene([-0.001])), TRAPS, WHITES)
    assert any("black level" in w for w in below.warnings)
    clipped = flare(picture(scene([0.01]), clipped=scene([0.01]) > 0.5), TRAPS, WHITES)
    assert any("clipped" in w for w in clipped.warnings)
    beside = flare(picture(scene([0.01])), [(t, l + 10, b, r + 10) for t, l, b, r in TRAPS], WHITES)
    assert any("on a black trap" in w for w in beside.warnings)
    with pytest.raises(InputError, match="at least one"):
        flare(picture(scene([0.01])), (), WHITES)
    with pytest.raises(InputError, match="does not lie"):
        flare(picture(scene([0.01])), ((0, 0, 400, 20),), WHITES)
    with pytest.raises(InputError, match="too small"):
        flare(picture(scene([0.01])), ((0, 0, 3, 3),), WHITES)
    with pytest.raises(InputError, match="white patch is black"):
        flare(picture(np.zeros(SIZE)), TRAPS, WHITES)
