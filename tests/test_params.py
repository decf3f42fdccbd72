# SPDX-License-Identifier: Apache-2.0
"""A parameter is declared once: its range, type and words are enforced from the declaration."""

from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lichtbild.base.errors import RecipeError
from lichtbild.base.params import Params, choice, knob, nearest


@dataclass(frozen=True)
class Toast(Params):
    heat: float = knob(0.0, -2.0, 2.0, "EV", "How hot.")
    slices: int = knob(2, 1, 8, "", "How many.")
    bread: str = choice("rye", ("rye", "wheat"), "Which bread.")


@given(st.floats(-2, 2), st.integers(1, 8), st.sampled_from(("rye", "wheat")))
def test_everything_in_range_is_kept(heat, slices, bread):
    made = Toast(heat, slices, bread)
    assert (made.heat, made.slices, made.bread) == (heat, slices, bread)
    assert made == Toast(heat, slices, bread) and hash(made) == hash(Toast(heat, slices, bread))


@given(st.one_of(st.floats(max_value=-2.000001), st.floats(min_value=2.000001), st.just(float("nan"))))
def test_everything_out_of_range_is_refused(heat):
    with pytest.raises(RecipeError, match=r"toast\.heat = .* out of range; allowed is -2 … 2 EV"):
        Toast(heat)


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"heat": "warm"}, "toast.heat = 'warm' is not a number; allowed is -2 … 2 EV"),
        ({"heat": True}, "toast.heat = True is not a number"),
        ({"heat": None}, "toast.heat = None is not a number"),
        ({"slices": 2.5}, "toast.slices = 2.5 is not a whole number; allowed is 1 … 8"),
        ({"bread": "wheet"}, "toast.bread = 'wheet' is not one of rye, wheat; did you mean wheat?"),
    ],
)
def test_the_message_says_where_what_and_what_is_allowed(knobs, says):
    with pytest.raises(RecipeError) as error:
        Toast(**knobs)
    assert says in str(error.value)


def test_words_from_a_command_line_become_the_type_of_the_knob():
    made = Toast(heat="+0.3", slices="4")
    assert made == Toast(0.3, 4)
    assert type(made.heat) is float and type(made.slices) is int


def test_params_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Toast().heat = 1.0


def test_knobs_know_what_was_declared():
    heat, slices, bread = Toast.knobs()
    assert (heat.name, heat.kind, heat.default, heat.low, heat.high, heat.unit) == (
        "heat",
        float,
        0.0,
        -2.0,
        2.0,
        "EV",
    )
    assert slices.kind is int and bread.choices == ("rye", "wheat") and bread.words == "Which bread."
    assert Toast.stage() == "toast"


def test_the_nearest_word_is_offered_only_when_it_is_near():
    assert nearest("mergee", ("merge", "tone")) == "; did you mean merge?"
    assert nearest("ve", ("mode", "ev")) == "; did you mean ev?"
    assert nearest("xyz", ("merge", "tone")) == ""
