# SPDX-License-Identifier: Apache-2.0
"""Tables of colours: the kernel is its twin, nothing is cut off, a recipe says which table it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lichtbild.base.colour import P3, rgb_to_rgb
from lichtbild.base.errors import InputError, RecipeError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.cube import cube_text, parsed, read_cube
from lichtbild.look.grade import grade
from lichtbild.look.lut import PRIMARIES, Lut, lut
from lichtbild.look.table import CURVES, Table, baked, decode, encode, grid, tetrahedral
from lichtbild.pipeline import gains_of
from lichtbild.publish.display import display
from lichtbild.publish.gainmap import gainmap
from lichtbild.recipe import Recipe

NOISE = Noise((0.0,) * 3, (0.0,) * 3)


def picture(rgb):
    rgb = np.ascontiguousarray(np.float32(rgb))
    return Scene(rgb, "picture", Shot(Path("x"), rgb.shape[:2]), NOISE)


def some(seed=1, low=0.0, high=1.0, size=(13, 41)):
    return np.random.default_rng(seed).uniform(low, high, (*size, 3))


def bent(side=9, seed=2):
    """A table that moves every colour smoothly and differently."""
    turn = np.array([[0.8, 0.15, 0.05], [0.1, 0.85, 0.05], [0.05, 0.1, 0.85]])
    return baked(lambda c: (c @ turn.T) ** np.array([1.2, 0.9, 1.05]), side, "bent")


def kept(tmp_path, table, name="t.cube"):
    path = tmp_path / name
    path.write_bytes(cube_text(table))
    return str(path)


def twin(rgb, table, params):
    """The formula of the module, in NumPy, for colours inside the table."""
    space = PRIMARIES[params.primaries]
    x = rgb @ rgb_to_rgb(P3, space).T
    ends = decode(table.input_domain, params.encoding)
    high, low = max(ends[1].min(), 1e-3), min(ends[0].max(), 0.0)
    top = np.maximum(x.max(-1, keepdims=True) / high, 1.0)
    s = x / top
    c = np.maximum(s, low)
    t = decode(table(encode(c, params.encoding)), params.output)
    k = np.minimum(
        (np.ptp(t, axis=-1, keepdims=True) + 1e-4) / (np.ptp(c, axis=-1, keepdims=True) + 1e-4), 1.0
    )
    y = (t + k * (s - c)) * top @ rgb_to_rgb(space, P3).T
    return rgb + params.amount * (y - rgb)


@pytest.mark.parametrize("primaries", PRIMARIES)
@pytest.mark.parametrize("code", CURVES)
def test_kernel_equals_its_twin(tmp_path, code, primaries):
    table = bent()
    params = Lut(kept(tmp_path, table), 0.7, code, code, primaries)
    rgb = some(low=-0.2, high=3.0)
    np.testing.assert_allclose(lut(picture(rgb), params).rgb, twin(rgb, table, params), rtol=3e-4, atol=3e-5)


def test_bright_displays_add_no_colour_to_what_a_table_made_grey(tmp_path):
    grey = kept(tmp_path, baked(lambda c: np.repeat(c.mean(-1, keepdims=True), 3, 1), 9))
    scene = replace(picture(some(high=4.0)), space="rec2020")
    recipe = Recipe.of({"lut": {"file": grey}, "grade": {"headroom": 2.0}, "display": {"space": "srgb"}})
    photo = display(lut(grade(scene, recipe.grade), recipe.lut), recipe.display)
    made = gainmap(photo, scene, recipe.grade, gains_of(recipe)).gain
    assert np.ptp(photo.rgb, axis=-1).max() < 2e-3 and made.gain.max() > 0.5
    assert np.ptp(np.broadcast_to(made.gain, (*made.gain.shape[:2], 3)), axis=-1).max() == 0
    assert gains_of(Recipe()).colours == "rgb"


def test_a_shaper_comes_first(tmp_path):
    curve = np.float32(np.linspace(0, 1, 33)[:, None] ** np.array([0.7, 1.0, 1.4]))
    table = Table(bent().cube, shaper=curve, shaper_domain=np.array([[0.0] * 3, [2.0] * 3]))
    again = read_cube(kept(tmp_path, table))
    np.testing.assert_allclose(again.shaper, curve, atol=1e-7)
    params = Lut(kept(tmp_path, table), encoding="linear", output="linear", primaries="p3")
    rgb = some(high=1.9)
    np.testing.assert_allclose(lut(picture(rgb), params).rgb, twin(rgb, table, params), rtol=2e-4, atol=3e-5)


@pytest.mark.parametrize("side", [2, 17, 33, 65])
def test_a_table_that_changes_nothing_changes_nothing_beyond_it_either(tmp_path, side):
    params = Lut(kept(tmp_path, baked(lambda c: c, side)), primaries="srgb")
    rgb = some(low=-0.3, high=6.0)
    np.testing.assert_allclose(lut(picture(rgb), params).rgb, rgb, rtol=2e-4, atol=2e-4)


def test_a_black_and_white_table_leaves_no_colour_of_what_lies_outside(tmp_path):
    grey = baked(lambda c: np.repeat(c.mean(-1, keepdims=True), 3, 1), 9)
    out = lut(picture(some(low=-0.05, high=1.2)), Lut(kept(tmp_path, grey), primaries="srgb")).rgb
    assert np.ptp(out, axis=-1).max() < 2e-3


def test_greys_stay_grey_and_rise_through_white(tmp_path):
    params = Lut(kept(tmp_path, baked(lambda c: c**0.8, 17)), primaries="p3")
    out = lut(picture(np.repeat(np.linspace(0, 5, 2001)[None, :, None], 3, 2)), params).rgb[0]
    assert np.ptp(out, axis=-1).max() < 1e-6 and (np.diff(out[:, 0]) > 0).all()


def test_amount_and_no_table_are_neutral(tmp_path):
    scene = picture(some())
    assert lut(scene) is scene and lut(scene, Lut(kept(tmp_path, bent()), 0.0)) is scene


def test_the_recipe_says_which_table_it_was(tmp_path):
    name = kept(tmp_path, bent())
    recipe = Recipe.of({"lut": {"file": name}})
    word, number = recipe.lut.file.split("#")
    assert word == name and len(number) == 64
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    lut(picture(some()), recipe.lut)
    kept(tmp_path, baked(lambda c: c, 5))
    with pytest.raises(RecipeError, match="another table than the recipe's"):
        lut(picture(some()), recipe.lut)
    Path(name).unlink()
    assert Recipe.from_toml(recipe.to_toml()) == recipe  # a photo can be asked without its table
    with pytest.raises(RecipeError, match="is not there"):
        lut(picture(some()), recipe.lut)
    with pytest.raises(RecipeError, match=r"no \.cube file"):
        Lut("x.png")


def test_a_pure_one_dimensional_cube(tmp_path):
    lines = ["LUT_1D_SIZE 5", *(f"{v} {v * v} {1 - v}" for v in np.linspace(0, 1, 5))]
    table = parsed("\n".join(lines).encode(), "x")
    v = np.linspace(0, 1, 9)
    np.testing.assert_allclose(table(np.stack([v] * 3, 1))[::2, 1], v[::2] ** 2, atol=1e-7)
    np.testing.assert_allclose(table(np.stack([v] * 3, 1))[:, 2], 1 - v, atol=1e-7)


def test_red_runs_fastest_and_domains_are_kept():
    head = 'TITLE "A b"\n# c\nLUT_3D_SIZE 2\nDOMAIN_MIN -1 0 0\nDOMAIN_MAX 1 2 4\n'
    rows = [f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)]
    table = parsed((head + "\n".join(rows)).encode("utf-8-sig"), "x")
    assert table.title == "A b"
    np.testing.assert_allclose(table([[1.0, 0.0, 0.0], [0.0, 1.0, 4.0]]), [[1, 0, 0], [0.5, 0.5, 1]])


@given(st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read(side, seed):
    values = np.random.default_rng(seed).uniform(-0.5, 2, (side, side, side, 3))
    again = parsed(cube_text(Table(np.float32(values), np.array([[0.0, -1.0, 0.25], [1.0, 1.5, 7.0]]))), "x")
    np.testing.assert_allclose(again.cube, values, atol=1e-6)
    np.testing.assert_allclose(again.domain, [[0.0, -1.0, 0.25], [1.0, 1.5, 7.0]])


def test_tetrahedra_give_back_the_cells():
    table = bent(5)
    np.testing.assert_allclose(tetrahedral(grid(5), table.cube, table.domain), table.cube, atol=1e-7)


GOOD = "LUT_3D_SIZE 2\n" + "0 0 0\n" * 8


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "neither LUT_3D_SIZE nor"),
        (b"\x89PNG\0\0\0\xff\xfe", "not text"),
        (b"LUT_3D_SIZE 66\n0 0 0", "allowed is 2 … 65"),
        (b"LUT_3D_SIZE 1\n0 0 0", "allowed is 2 … 65"),
        (b"LUT_3D_SIZE two\n0 0 0", "needs 1 number"),
        (b"LUT_3D_SIZE 2.5\n0 0 0", "needs 1 number"),
        (b"LUT_1D_SIZE 99999999\n0 0 0", "allowed is 2 … 65536"),
        (GOOD[:-6].encode(), "has 7 colours, expected 2³"),
        (GOOD.replace("0 0 0", "0 0", 1).encode(), "is no colour"),
        (GOOD.replace("0 0 0", "0 nan 0", 1).encode(), "NaN, infinity"),
        (GOOD.replace("0 0 0", "0 1e39 0", 1).encode(), "NaN, infinity"),
        (GOOD.replace("0 0 0", "0 0x1 0", 1).encode(), "not a number"),
        (b"DOMAIN_MAX 0 0 0\n" + GOOD.encode(), "domain is empty"),
        (b"DOMAIN_MAX 1 1\n" + GOOD.encode(), "needs 3 numbers"),
        (b"DOMAIN_MIN nan 0 0\n" + GOOD.encode(), "needs 3 numbers"),
        (b"LUT_4D_SIZE 3\n" + GOOD.encode(), "line 1: 'LUT_4D_SIZE' is no word"),
    ],
)
def test_broken_tables_are_refused(text, says):
    with pytest.raises(InputError, match=says):
        parsed(text, "x.cube")


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: (t + GOOD).encode())))
@settings(max_examples=200, deadline=None)
def test_junk_is_refused_or_read(content):
    try:
        table = parsed(content, "x.cube")
    except InputError:
        return
    assert np.isfinite(table.cube).all()


def test_text_knobs_are_one_line(tmp_path):
    for wrong in (3, None, "a\nb", "x" * 1001):
        with pytest.raises(RecipeError, match=r"lut\.file = .* is no text"):
            Lut(wrong)
    name = kept(tmp_path, bent(), 'we "said".cube')
    assert Recipe.from_toml(Recipe.of(f"lut.file={name}").to_toml()).lut.file.startswith(name)
