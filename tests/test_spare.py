# SPDX-License-Identifier: Apache-2.0
import numpy as np

from lichtbild.base.spare import Spare


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
