# SPDX-License-Identifier: Apache-2.0
import weakref

import numpy as np
import pytest

import lichtbild as lb
from lichtbild import pipeline, simulate
from lichtbild.base.spare import Spare
from lichtbild.base.stage import watching


def where(array):
    return array.__array_interface__["data"][0]


def test_dropped_memory_is_given_out_again():
    spare = Spare()
    first = spare.empty((4, 5), np.float32)
    at = where(first)
    del first
    assert where(spare.empty((4, 5), np.float32)) == at


def test_what_somebody_holds_is_left_alone():
    spare = Spare()
    first = spare.empty((4, 5), np.float32)
    view = first[1:3]
    first[:] = 7
    del first
    other = spare.empty((4, 5), np.float32)
    other[:] = 1
    assert (view == 7).all()


def test_shape_and_type_must_fit():
    spare = Spare()
    at = where(spare.empty((4, 5), np.float32))
    assert spare.empty((5, 4), np.float32).shape == (5, 4)
    assert spare.empty((4, 5), np.uint8).dtype == np.uint8
    assert where(spare.empty((4, 5), np.float32)) == at


@pytest.mark.parametrize("alike", [False, True])
def test_other_kinds_are_kept_for_later_unless_all_are_alike(alike):
    spare = Spare(alike=alike)
    first = weakref.ref(spare.empty((64, 64), np.float32))
    spare.empty((3, 3), np.float32)
    assert (first() is None) is alike


def test_images_of_a_photo_share_memory_but_none_that_is_held_is_written():
    burst, _ = simulate.burst("leaves", size=(96, 128), frames=1, iso=100, seed=2)
    scene, recipe = pipeline.merged(burst), lb.looks["natural"]
    seen, shared, kept = {}, {}, []

    def look(word, image, seconds):
        shared[word] = [before for before, array in seen.items() if array() is image.rgb]
        seen[word] = weakref.ref(image.rgb)

    def keep(word, image, seconds):
        kept.append((word, image.rgb[::2], image.rgb[::2].copy()))

    with watching(look):
        alone = pipeline.finish(scene, recipe)
    with watching(keep):
        photo = pipeline.finish(scene, recipe)
    assert "calibrate" in shared["tone"] and "exposure" in shared["grade"]
    for word, view, before in kept:
        np.testing.assert_array_equal(view, before, err_msg=word)
    np.testing.assert_array_equal(photo.rgb, alone.rgb)
