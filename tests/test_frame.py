# SPDX-License-Identifier: Apache-2.0
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.image import Burst, RawFrame, Shot
from lichtbild.base.photo import GainMap, Photo
from lichtbild.combine.zoom import zoomed
from lichtbild.publish.frame import Frame, camera, exposure_line, frame

TAKEN = {
    "make": "Fictional Works",
    "model": "One 14",
    "focal_length": 5.6,
    "f_number": 1.9,
    "exposure_time": 1 / 120,
    "iso": 400.0,
    "time": datetime(2026, 11, 21, 9, 30),
}


def photo(size=(300, 400), transfer="srgb", gain=None, **shot):
    rgb = np.random.default_rng(1).uniform(0.2, 0.6, (*size, 3)).astype(np.float32)
    return Photo(rgb, "p3", Shot(Path("a.dng"), size, **{**TAKEN, **shot}), transfer=transfer, gain=gain)


def test_without_a_style_it_is_the_same_object():
    one = photo()
    assert frame(one, Frame()) is one


@pytest.mark.parametrize("style", ["line", "mat"])
@pytest.mark.parametrize("paper", ["white", "black"])
def test_the_photo_stands_whole_on_its_paper(style, paper):
    one = photo()
    made = frame(one, Frame(style=style, paper=paper))
    side = (made.rgb.shape[1] - 400) // 2
    top = 0 if style == "line" else side
    assert side == 0 if style == "line" else side >= 8
    np.testing.assert_array_equal(made.rgb[top : top + 300, side : side + 400], one.rgb)
    assert made.rgb[-1, 0] == pytest.approx([1.0 if paper == "white" else 18 / 255] * 3)
    assert np.ptp(made.rgb[top + 300 :], axis=2).max() == 0  # paper and ink are neutral
    assert np.ptp(made.rgb[top + 300 :]) > 0.5  # there is ink
    assert made.shot.size == made.rgb.shape[:2]


def test_words_can_be_left_out():
    strip = frame(photo(), Frame(style="line", words="none")).rgb[300:]
    assert (strip == 1).all()


def test_a_turned_photo_gets_its_line_below():
    lying = photo(size=(400, 300), orientation=6)
    made = frame(lying, Frame(style="line"))
    assert made.rgb.shape[1] == 400 and made.shot.orientation == 1
    np.testing.assert_array_equal(made.rgb[:300], lying.rgb.swapaxes(0, 1)[:, ::-1])


def test_paper_is_no_brighter_than_white_on_a_bright_display():
    gain = GainMap(np.full((150, 200, 3), 0.7, np.float32), 2.0)
    made = frame(photo(gain=gain), Frame(style="mat"))
    assert made.gain is not None
    h, w = made.gain.gain.shape[:2]
    assert (2 * h, 2 * w) == made.rgb.shape[:2]
    side = (w - 200) // 2
    assert (made.gain.gain[side : side + 150, side : side + 200] == np.float32(0.7)).all()
    assert made.gain.gain.sum() == pytest.approx(150 * 200 * 3 * 0.7, rel=1e-6)
    assert frame(photo(transfer="pq"), Frame(style="line", words="none")).rgb[-1, 0, 0] < 0.6


def test_the_line_tells_what_is_known():
    shot = photo(exif={"exif": {41989: 24}}).shot
    assert exposure_line(shot).split() == ["24", "mm", "f/1.9", "1/120", "s", "ISO", "400", "2026-11-21"]
    assert exposure_line(Shot(Path("a"), (1, 1), exposure_time=2.0)) == "2 s"
    assert exposure_line(Shot(Path("a"), (1, 1), focal_length=5.6)) == "5.6 mm"
    assert exposure_line(Shot(Path("a"), (1, 1))) == ""
    assert camera(shot) == "Fictional One 14"
    assert camera(Shot(Path("a"), (1, 1), make="NIKON CORPORATION", model="NIKON D3")) == "NIKON D3"


@pytest.mark.parametrize("style", ["line", "mat"])
@pytest.mark.parametrize("width", [7.0, 9.0, 12.0, 20.0])
@pytest.mark.parametrize("model", ["One 14", "One 14 of a very long name with words behind it"])
def test_camera_and_exposure_never_touch(style, width, model):
    """A gap lies between the two, or the exposure stands alone in the middle, of a size to be read."""
    made = frame(photo(size=(700, 500), model=model), Frame(style=style, width=width))
    side = (made.rgb.shape[1] - 500) // 2
    strip = made.rgb[(side if style == "mat" else 0) + 700 :, side : side + 500, 0]
    inked = (strip < 0.9).any(0)
    dark = np.flatnonzero((strip < 0.4).any(0))  # the camera, or what stands alone
    height = np.ptp(np.flatnonzero((strip < 0.9).any(1)))
    assert height >= 5
    if dark[0] + dark[-1] != pytest.approx(499, abs=6):
        assert inked[dark[-1] + 3 :].any() and not inked[dark[-1] + 3 : dark[-1] + 3 + height].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (17, 23)])
def test_any_size_has_room_for_it(size):
    for style in ("line", "mat"):
        assert np.isfinite(frame(photo(size=size), Frame(style=style)).rgb).all()


@pytest.mark.parametrize(("known", "told"), [({41989: 24}, "48 mm"), ({}, "11 mm")])
def test_the_focal_length_is_that_of_what_is_shown(known, told):
    shot = Shot(Path("a.dng"), (400, 600), focal_length=5.6, exif={"exif": known})
    burst = Burst((RawFrame(np.zeros((400, 600), np.uint16), shot),))
    assert exposure_line(zoomed(burst, 2.0).frames[0].shot) == told
