# SPDX-License-Identifier: Apache-2.0
"""The demonstration leaves what it promises, and replaces nothing unasked."""

import numpy as np
import pytest
from PIL import Image

from lichtbild.base.errors import ExportError
from lichtbild.capture.burst import gather
from lichtbild.capture.raw import read_raw
from lichtbild.simulate import read_truth
from lichtbild.tools.demo import FRAMES, ISO, demo

SIZE = (360, 480)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    said = []
    return demo(tmp_path_factory.mktemp("demo") / "here", size=SIZE, progress=said.append), said


def test_it_leaves_burst_photo_dng_and_comparison(made):
    left, said = made
    folder = left.photo.parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "before-after.jpg",
        "burst",
        "merged.dng",
        "photo.jpg",
    ]
    assert len(left.burst) == FRAMES and all(p.parent == folder / "burst" for p in left.burst)
    assert left.used >= FRAMES - 1
    assert len(said) == len(left.seconds) == 3


def test_the_burst_is_a_burst(made):
    burst = gather(made[0].burst)
    assert len(burst.frames) == FRAMES
    shot = burst.frames[0].shot
    assert shot.size == SIZE and shot.iso == ISO and shot.noise is not None
    assert [o.name for o in shot.opcodes[1]] == ["GainMap"] * 4
    assert read_truth(made[0].burst[0].parent).rgb.shape == (*SIZE, 3)


def test_the_photo_is_a_picture(made):
    with Image.open(made[0].photo) as photo:
        codes = np.asarray(photo.convert("L")).astype(float)
    assert codes.shape == SIZE
    low, high = np.percentile(codes, (2, 98))
    assert low < 40 and high > 150  # a dark corner and a bright window


def test_the_merged_file_is_a_raw(made):
    assert read_raw(made[0].merged).shot.size == SIZE


def test_the_comparison_shows_both_and_the_photo_is_cleaner(made):
    with Image.open(made[0].comparison) as sheet:
        codes = np.asarray(sheet.convert("L")).astype(float)
    half = codes.shape[1] // 2
    grain = [np.abs(np.diff(side[60:-60], axis=1)).mean() for side in (codes[:, :half], codes[:, half:])]
    assert grain[1] < 0.9 * grain[0]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    with pytest.raises(ExportError, match="not empty"):
        demo(tmp_path, size=SIZE)
    assert kept.read_text() == "mine" and list(tmp_path.iterdir()) == [kept]
