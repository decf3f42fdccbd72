# SPDX-License-Identifier: Apache-2.0
"""What ``@stage`` promises: own time, history, neutrality, watchers that come and go."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.image import Frames, Noise, Scene, Shot
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import signature, stage, watching


@dataclass(frozen=True)
class Lift(Params):
    ev: float = knob(0.0, -4.0, 4.0, "EV", "How much.")


@stage
def lift(scene: Scene, params: Lift = Lift()) -> Scene:
    return scene if params.ev == 0 else replace(scene, rgb=scene.rgb * np.float32(2**params.ev))


@pytest.fixture
def scene():
    return Scene(
        np.ones((2, 3, 3), np.float32), "rec2020", Shot(Path("a.dng"), (2, 3)), Noise((0, 0, 0), (0, 0, 0))
    )


def test_neutral_is_the_same_object_and_leaves_no_trace(scene):
    assert lift(scene) is scene
    assert scene.history == ()


def test_a_stage_signs_the_history_with_the_knobs_that_were_turned(scene):
    assert lift(lift(scene, Lift(1.0)), params=Lift(-0.5)).history == ("lift ev=1.0", "lift ev=-0.5")
    assert signature("lift", Lift()) == "lift"


def test_watchers_see_name_image_and_time_only_inside_the_block(scene):
    seen = []
    with watching(lambda *event: seen.append(event)):
        out = lift(scene, Lift(1.0))
    lift(scene, Lift(1.0))
    [(name, image, seconds)] = seen
    assert name == "lift" and 0 <= seconds < 1
    np.testing.assert_array_equal(image.rgb, out.rgb)


def test_watchers_nest(scene):
    outer, inner = [], []
    with watching(lambda name, *_: outer.append(name)):
        with watching(lambda name, *_: inner.append(name)):
            lift(scene)
        lift(scene)
    assert (len(outer), len(inner)) == (2, 1)


def test_a_stage_is_charged_its_own_time_not_that_of_stages_inside(scene):
    def make(index):
        time.sleep(0.02)
        return scene

    @stage
    def gather(frames, params=Lift()):
        time.sleep(0.01)
        return replace(scene, merged=sum(1 for _ in frames))

    own = {}
    start = time.perf_counter()
    with watching(lambda name, image, seconds: own.__setitem__(name, own.get(name, 0.0) + seconds)):
        assert gather(Frames(3, 0, make, "read")).merged == 3
    total = time.perf_counter() - start
    assert own["read"] >= 0.06
    assert 0.01 <= own["gather"] <= total - own["read"]


def test_an_error_inside_a_stage_does_not_spoil_the_next(scene):
    @stage
    def broken(scene, params=Lift()):
        raise ValueError

    with pytest.raises(ValueError):
        broken(scene)
    seen = []
    with watching(lambda name, image, seconds: seen.append(seconds)):
        lift(scene)
    assert len(seen) == 1 and seen[0] >= 0


def test_frames_are_made_on_demand_and_in_range(scene):
    made = []
    frames = Frames(2, 0, lambda i: made.append(i) or scene, "read")
    assert made == [] and len(frames) == 2
    assert list(frames) == [scene, scene] and made == [0, 1]
    with pytest.raises(IndexError):
        frames[2]
