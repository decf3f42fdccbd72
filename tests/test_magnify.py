# SPDX-License-Identifier: Apache-2.0
"""Photos with more pixels than were measured: the same picture, 0 … 1, and said."""

from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.magnify import magnified


def photo_of(rgb):
    return Photo(np.ascontiguousarray(rgb, np.float32), "srgb", Shot(Path(), rgb.shape[:2]), history=("a",))


@pytest.mark.parametrize(("scale", "times"), [(1.2, 1.5), (1.5, 1.5), (1.7, 2), (2, 2), (3, 2)])
def test_the_picture_stays_the_same_with_more_pixels(scale, times):
    y, x = np.mgrid[0:31, 0:45]
    ramp = np.stack([x / 44, y / 30, (x + y) / 74], axis=2)
    with pytest.warns(FallbackWarning, match="resampled to"):
        made = magnified(photo_of(ramp), scale)
    h, w = made.rgb.shape[:2]
    assert (h, w) == ((31 * 2 * times + 1) // 2, (45 * 2 * times + 1) // 2)
    at_y, at_x = ((np.arange(n) + 0.5) / times - 0.5 for n in (h, w))
    expected = np.stack(np.broadcast_arrays(at_x / 44, (at_y / 30)[:, None]), axis=2)
    np.testing.assert_allclose(made.rgb[8:-8, 8:-8, :2], expected[8:-8, 8:-8], atol=4e-3)
    assert made.history == ("a", f"magnify scale={times:g}")


def test_nothing_leaves_the_range_of_a_photo():
    hard = np.zeros((20, 24, 3))
    hard[:, 12:] = 1
    with pytest.warns(FallbackWarning):
        made = magnified(photo_of(hard), 2)
    assert made.rgb.min() == 0 and made.rgb.max() == 1


def test_enough_pixels_are_the_same_object():
    photo = photo_of(np.zeros((4, 4, 3)))
    assert magnified(photo, 1) is photo
