# SPDX-License-Identifier: Apache-2.0
"""Recipes: layers, words that are refused with a suggestion, and a text that says everything."""

import tomllib
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lichtbild import looks
from lichtbild.base.errors import RecipeError
from lichtbild.look.look import Look
from lichtbild.recipe import Recipe, stages

KNOBS = [(stage, k) for stage, kind in stages().items() for k in kind.knobs()]


def value_of(k):
    """Any value a knob allows."""
    if k.choices:
        return st.sampled_from(k.choices)
    if k.kind is str:
        return st.just(k.default)  # a table must be there
    return st.integers(int(k.low), int(k.high)) if k.kind is int else st.floats(k.low, k.high)


recipes = st.lists(
    st.sampled_from(KNOBS).flatmap(lambda sk: st.tuples(st.just(sk), value_of(sk[1]))), max_size=12
).map(lambda turned: Recipe.of(*({stage: {k.name: value}} for (stage, k), value in turned)))


@given(recipes)
def test_a_recipe_survives_its_text(recipe):
    assert Recipe.from_toml(recipe.to_toml()) == recipe


@given(recipes)
def test_the_text_says_everything(recipe):
    tables = tomllib.loads(recipe.to_toml())
    assert list(tables) == [f.name for f in fields(Recipe)]
    assert all(set(tables[stage]) == {k.name for k in kind.knobs()} for stage, kind in stages().items())


def test_every_stage_is_named_after_its_params():
    assert all(kind.stage() == stage for stage, kind in stages().items())


def test_recipes_are_values():
    assert Recipe() == Recipe.of() and hash(Recipe()) == hash(Recipe.of())


def test_later_layers_win_and_leave_the_rest_alone():
    low, high = Recipe.of("exposure.ev=-1"), Recipe.of({"exposure": {"ev": -1}}, "exposure.ev=+0.3")
    assert low.exposure.ev == -1 and high.exposure.ev == 0.3
    assert replace(high, exposure=Recipe().exposure) == Recipe()


def test_a_recipe_as_layer_hides_what_is_below():
    assert Recipe.of("exposure.ev=-1", Recipe()) == Recipe()


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("mergee.trust=1", "no stage 'mergee'; did you mean merge?"),
        ("exposure.evv=1", "no knob exposure.evv; did you mean ev?"),
        ("exposure.ev=99", "exposure.ev = 99 is out of range; allowed is"),
        ("exposure.ev=bright", "exposure.ev = 'bright' is not a number"),
        ("exposure.ev", "'exposure.ev' is not a setting; a setting is stage.knob=value"),
        ("exposure=1", "'exposure=1' is not a setting"),
        ("exposure.ev=", "'exposure.ev=' is not a setting"),
        ({"exposure": 1}, "exposure = 1 is not a table of knobs"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(layer, says):
    with pytest.raises(RecipeError) as error:
        Recipe.of(layer)
    assert says in str(error.value)
    assert error.value.hint


def test_a_text_that_is_not_toml_is_refused():
    with pytest.raises(RecipeError, match="not TOML"):
        Recipe.from_toml("[exposure\nev=1")


def test_the_looks_are_recipes_and_differ():
    assert {"neutral", "natural", "vibrant", "mono"} <= set(looks)
    made = [Recipe.of(looks[name]) for name in looks]
    assert len(set(made)) == len(made)


def test_a_look_with_an_unknown_stage_is_named():
    with pytest.raises(RecipeError, match=r"look Mine: no stage 'grad'; did you mean grade"):
        Recipe.of(Look("Mine", settings={"grad": {"saturation": 1.0}}))
