# SPDX-License-Identifier: Apache-2.0
"""Frames that are read when asked for are the frames of the files, and cost the memory of two."""

import gc
import tempfile

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base.errors import CorruptRaw
from lichtbild.capture.burst import gather
from lichtbild.capture.raw import read_raw
from lichtbild.capture.reel import Reel

SIZE = (96, 128)


@pytest.fixture
def paths(tmp_path):
    return simulate.write(tmp_path, *simulate.burst("leaves", size=SIZE, frames=4))


@pytest.fixture
def dumps(tmp_path, paths):
    """The same frames without any header, which cannot be read where they lie."""
    for path in paths:
        read_raw(path).dn.astype(">u2").tofile(path.with_suffix(".raw"))
    return [p.with_suffix(".raw") for p in paths], f"{SIZE[1]}x{SIZE[0]} u16be RGGB black=64 white=1023"


def test_frames_are_those_of_the_files(paths):
    burst = gather(paths)
    for _ in range(2):  # in order, and again the other way round
        for path, frame in [*zip(paths, burst.frames, strict=True)][::-1]:
            assert np.array_equal(frame.dn, read_raw(path).dn)
            assert frame.dn is frame.dn


def test_frames_without_a_header_too(dumps):
    burst = gather(dumps[0], layout=dumps[1])
    for path, frame in [*zip(dumps[0], burst.frames, strict=True)] * 2:
        assert np.array_equal(frame.dn, read_raw(path, dumps[1]).dn)


def test_who_keeps_a_frame_keeps_its_pixels(paths):
    frames = gather(paths).frames
    kept = [f.dn for f in frames]
    rows = frames[0].dn[::2]
    for frame in frames:
        frame.dn.sum()
    assert all(np.array_equal(dn, read_raw(p).dn) for dn, p in zip(kept, paths, strict=True))
    assert np.array_equal(rows, read_raw(paths[0]).dn[::2])


def test_memory_is_used_again(paths):
    reel = Reel()
    frames = [reel.frame(p) for p in paths]
    places = set()
    for _ in range(3):
        for frame in frames:
            places.add(frame.dn.ctypes.data)
    assert len(places) == 1


def test_a_file_that_shrinks_is_corrupt(paths):
    burst = gather(paths)
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:-1000])
    with pytest.raises(CorruptRaw, match=r"frame_002\.dng is cut short"):
        _ = burst.frames[2].dn


def test_the_temporary_file_has_no_name_and_goes(dumps, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    burst = gather(dumps[0], layout=dumps[1])
    assert list((tmp_path / "temp").iterdir()) == []
    del burst
    gc.collect()


def test_without_room_for_it_frames_stay_in_memory(dumps, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    burst = gather(dumps[0], layout=dumps[1])
    assert all(isinstance(f.pixels, np.ndarray) for f in burst.frames)
    assert np.array_equal(burst.frames[3].dn, read_raw(dumps[0][3], dumps[1]).dn)
