# SPDX-License-Identifier: Apache-2.0
"""Looks: the built-in ones, and what is said about broken ones."""

import pytest

from lichtbild.base.errors import RecipeError
from lichtbild.look.exposure import Exposure
from lichtbild.look.grade import Grade
from lichtbild.look.look import Look, looks
from lichtbild.look.tone import Tone


def test_the_built_in_looks():
    assert {"neutral", "natural", "vibrant", "mono"} <= set(looks)
    for name, look in looks.items():
        assert look.name.lower().replace(" ", "-") == name and look.words.endswith(".") and look.author
        for stage, params in (("exposure", Exposure), ("tone", Tone), ("grade", Grade)):
            params(**look.settings.get(stage, {}))
    assert looks["natural"] is looks["natural"]


def test_neutral_is_the_default_of_every_stage():
    for stage, params in (("exposure", Exposure), ("tone", Tone), ("grade", Grade)):
        assert params(**looks["neutral"].settings[stage]) == params()


def test_an_unknown_look_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match="no look 'vibrent'; did you mean vibrant") as caught:
        looks["vibrent"]
    assert "neutral" in caught.value.hint
    assert "sunset" not in looks and looks.get("sunset") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[look", "not TOML"),
        ("[grade]\nsaturation = 1", "no .look. with a name"),
        ("[look]\nname = 3", "name"),
        ('[look]\nname = "x"\nwordz = "y"', "did you mean words"),
        ('saturation = 1\n[look]\nname = "x"', "outside a stage"),
    ],
)
def test_broken_looks_are_refused(text, message):
    with pytest.raises(RecipeError, match=message):
        Look.from_toml(text, "mine.toml")


def test_a_look_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[look]\nname = "Mine"\n[grade]\nsaturation = 0.5\n')
    look = Look.read(path)
    assert (look.name, look.words, dict(look.settings)) == ("Mine", "", {"grade": {"saturation": 0.5}})
    with pytest.raises(RecipeError, match="cannot be read"):
        Look.read(tmp_path / "none.toml")


def test_a_look_says_only_what_differs_from_its_base():
    text = '[look]\nname = "Mine"\nbase = "natural"\n[grade]\nsaturation = 0.5\n[grain]\namount = 5.0\n'
    mine, natural = Look.from_toml(text), looks["natural"].settings
    assert mine.settings["grade"] == {**natural["grade"], "saturation": 0.5}
    assert mine.settings["tone"] == natural["tone"] and mine.settings["grain"] == {"amount": 5.0}
    assert natural["grade"]["saturation"] == 0.9
    with pytest.raises(RecipeError, match="no built-in look 'naturel' to start from; did you mean natural"):
        Look.from_toml(text.replace("natural", "naturel"))


def test_families_share_what_they_do_not_say():
    for name in ("mono-red", "sepia", "blue"):
        assert looks[name].settings["grade"]["contrast"] == looks["mono"].settings["grade"]["contrast"]
    assert looks["street-mono"].settings["grain"] == looks["mono-hc"].settings["grain"]
