# SPDX-License-Identifier: Apache-2.0
"""Bursts: strangers are named, folders fall into the bursts they hold, one bad file spoils nothing."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import BurstMismatch, CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import BGGR, Shot
from lichtbild.capture.burst import family, gather, group, raw_files
from lichtbild.publish.dng import write_mosaic

START = datetime(2026, 5, 1, 12, 0, 0)


def shoot(folder, name, seconds=0.0, *, model="One", size=(16, 16), subseconds=True, **fields):
    """A tiny raw file, taken `seconds` after the start."""
    folder.mkdir(exist_ok=True)
    said = {
        "make": "M",
        "model": model,
        "iso": 100.0,
        "exposure_time": 0.01,
        "f_number": 2.0,
        "black": np.full((2, 2), 64, np.float32),
        "white": 1023.0,
        "time": START + timedelta(seconds=seconds),
        "subseconds": subseconds,
    }
    return write_mosaic(
        folder / name, np.full(size, 200, np.uint16), Shot(Path(name), size, **(said | fields))
    )


# ---- gather


def test_frames_come_in_the_order_they_were_taken(tmp_path):
    paths = [shoot(tmp_path, n, s) for n, s in (("c.dng", 0.1), ("a.dng", 0.3), ("b.dng", 0.2))]
    burst = gather(paths, 1)
    assert [f.shot.path.name for f in burst.frames] == ["c.dng", "b.dng", "a.dng"]
    assert burst.reference == 1


def test_without_fractions_of_seconds_names_decide(tmp_path):
    paths = [shoot(tmp_path, n, s, subseconds=False) for n, s in (("b.dng", 0), ("a.dng", 0), ("c.dng", 0))]
    assert [f.shot.path.name for f in gather(paths).frames] == ["a.dng", "b.dng", "c.dng"]


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"size": (16, 18)}, "size = 18 × 16, the other frames have 16 × 16"),
        ({"model": "Two"}, "camera = M Two, the other frames have M One"),
        ({"pattern": BGGR}, "kind = Bayer BGGR, the other frames have Bayer RGGB"),
        ({"kind": "mono"}, "kind = mono"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_the_odd_frame_is_named(tmp_path, odd, words, place):
    paths = [shoot(tmp_path, f"{k}.dng", k / 10, **(odd if k == place else {})) for k in range(4)]
    with pytest.raises(BurstMismatch, match=words) as refused:
        gather(paths)
    assert f"{place}.dng" in str(refused.value)


def test_a_name_that_two_frames_have_is_given_with_its_folder(tmp_path):
    paths = [shoot(tmp_path / "a", f"{k}.dng", k / 10) for k in range(3)]
    paths.append(shoot(tmp_path / "b", "0.dng", model="Two"))
    with pytest.raises(BurstMismatch, match="camera = M Two") as refused:
        gather(paths)
    assert str(refused.value).startswith(f"{tmp_path / 'b' / '0.dng'}: ")


@pytest.mark.parametrize("factor", [1.1, 4, 16])
def test_another_exposure_is_no_stranger(tmp_path, factor):
    paths = [shoot(tmp_path, f"{k}.dng", k, exposure_time=0.01 * (factor if k else 1)) for k in range(2)]
    assert len(gather(paths).frames) == 2


def test_impossible_bursts_are_refused(tmp_path):
    path = shoot(tmp_path, "a.dng")
    with pytest.raises(InputError, match="0 frames"):
        gather([])
    with pytest.raises(InputError, match="65 frames") as many:
        gather([path] * 65)
    assert "--frames 64" in many.value.hint
    with pytest.raises(InputError, match="reference = 1, allowed is 0 … 0"):
        gather([path], 1)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorruptRaw, match=r"a\.dng"):
        gather([path])


# ---- names


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("PXL_20260101_101010123.RAW-02.ORIGINAL.dng", None),
        ("20260101_101010_003.dng", ("Samsung", "20260101_101010")),
        ("IMG_20260101_101010_BURST012_COVER.dng", ("Huawei", "IMG_20260101_101010")),
        ("DSC_0042_BURST20260101101010123.dng", ("Sony", "20260101101010123")),
        ("00007IMG_00007_BURST20260101101010123_COVER.dng", ("Nexus", "20260101101010123")),
        ("IMG_20260101_101010_2.dng", ("Open Camera", "IMG_20260101_101010")),
        ("payload_N003.dng", ("HDR+", "payload")),
        ("payload_N1.dng", None),
        ("IMG_1234.dng", None),
        ("no suffix", None),
    ],
)
def test_name_families(name, key):
    assert family(Path(name)) == key


# ---- group


def names(groups):
    return [[p.name for p in g.paths] for g in groups]


def test_names_join_and_say_so(tmp_path):
    for k in range(3):
        shoot(tmp_path, f"0000{k}IMG_0000{k}_BURST20260101.dng", 60 * k, subseconds=False)
    shoot(tmp_path, "IMG_0001.dng", 30, subseconds=False)
    groups = group(tmp_path)
    assert sorted(map(len, names(groups))) == [1, 3]
    burst = max(groups, key=lambda g: len(g.paths))
    assert burst.name == "20260101"
    assert burst.reasons == (
        "first frame",
        "same Nexus burst, key 20260101",
        "same Nexus burst, key 20260101",
    )
    assert len(group(tmp_path, by=["time"])) == 4


def test_time_joins_only_with_fractions_of_seconds(tmp_path):
    for k in range(3):
        shoot(tmp_path, f"a{k}.dng", 0.4 * k)
        shoot(tmp_path, f"b{k}.dng", 100 + k, subseconds=False)
    assert names(group(tmp_path)) == [["a0.dng", "a1.dng", "a2.dng"], ["b0.dng"], ["b1.dng"], ["b2.dng"]]
    assert group(tmp_path).groups[0].reasons[1] == "0.40 s after a0.dng"
    assert len(group(tmp_path, by=["name"])) == 6


def test_whole_seconds_that_are_near_say_why_they_are_apart(tmp_path):
    for k, s in enumerate((0, 1, 8)):
        shoot(tmp_path, f"a{k}.dng", s, subseconds=False)
    apart = "first frame; near a0.dng, but their times have no fractions of a second to join by"
    assert [g.reasons for g in group(tmp_path)] == [("first frame",), (apart,), ("first frame",)]
    assert [g.reasons for g in group(tmp_path, by=["name"])] == [("first frame",)] * 3


def test_the_payloads_of_a_data_set_are_one_burst(tmp_path):
    for k in range(3):
        shoot(tmp_path, f"payload_N00{k}.dng", k // 2, subseconds=False)
    (only,) = group(tmp_path)
    assert [p.name for p in only.paths] == [f"payload_N00{k}.dng" for k in range(3)]
    assert only.reasons[1:] == ("same HDR+ burst, key payload",) * 2


def test_long_exposures_may_follow_later(tmp_path):
    for k in range(3):
        shoot(tmp_path, f"a{k}.dng", 4.4 * k, exposure_time=3.0)
    assert len(group(tmp_path)) == 1


def test_a_jpeg_is_a_twin_and_not_a_frame(tmp_path):
    shoot(tmp_path, "a.dng")
    (tmp_path / "a.JPG").write_bytes(b"\xff\xd8\xff")
    (only,) = group(tmp_path)
    assert only.paths == (tmp_path / "a.dng",)
    assert only.reasons == ("first frame (its JPEG lies beside it)",)


def test_a_bad_file_is_reported_and_stops_nothing(tmp_path):
    shoot(tmp_path, "good.dng")
    (tmp_path / "bad.dng").write_bytes(b"II*\0" + b"\xff" * 100)
    (tmp_path / "video.gpr").write_bytes(b"GPR!" * 100)
    found = group(tmp_path)
    assert names(found) == [["good.dng"]]
    assert {p.name: type(e) for p, e in found.refused} == {"bad.dng": CorruptRaw, "video.gpr": UnsupportedRaw}


def test_exposures_tell_a_bracket(tmp_path):
    for k, t in enumerate((0.01, 0.04, 0.0025)):
        shoot(tmp_path / "bracket", f"{k}.dng", 0.2 * k, exposure_time=t)
        shoot(tmp_path / "mixed", f"{k}.dng", 0.2 * k, exposure_time=max(t, 0.01))
        shoot(tmp_path / "uniform", f"{k}.dng", 0.2 * k)
    for kind in ("bracket", "mixed", "uniform"):
        (only,) = group(tmp_path / kind)
        assert only.exposures == kind


def test_empty_and_missing_folders_are_named(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    for look in (group, raw_files):
        with pytest.raises(InputError, match="holds no raw files"):
            look(tmp_path)
        with pytest.raises(InputError, match="is no folder"):
            look(tmp_path / "none")
    with pytest.raises(InputError, match="by = sound, allowed are name, time"):
        group(tmp_path, by=["sound"])


def test_a_day_of_two_cameras_falls_into_its_bursts(tmp_path):
    """Two cameras in turn, bursts by time and by name, singles, whole seconds, a clock that changes zone."""
    rng = np.random.default_rng(0)
    truth: dict[str, int] = {}
    clock, serial = 0.0, 0
    for burst in range(60):
        clock += rng.uniform(4, 60)
        zone = timezone(timedelta(hours=1 if burst < 30 else 2))  # the clocks go forward
        kind = ("time", "name", "single", "whole seconds")[burst % 4]
        for k in range({"single": 1}.get(kind, int(rng.integers(2, 5)))):
            serial += 1
            now = (START + timedelta(seconds=clock + 0.25 * k)).replace(tzinfo=UTC).astimezone(zone)
            name = f"{k:05d}IMG_{k:05d}_BURST{burst:08d}.dng" if kind == "name" else f"IMG_{serial:04d}.dng"
            label = (
                burst if kind != "whole seconds" else 1000 + serial
            )  # nothing tells these apart from singles
            if kind == "whole seconds":
                now = now.replace(microsecond=0)
            shoot(
                tmp_path,
                name,
                model=("One", "Two")[burst // 2 % 2],
                subseconds=kind != "whole seconds",
                time=now,
            )
            truth[name] = label
    found = {p.name: number for number, g in enumerate(group(tmp_path)) for p in g.paths}
    pairs = [(a, b) for a in truth for b in truth if a < b]
    said = {(a, b) for a, b in pairs if found[a] == found[b]}
    true = {(a, b) for a, b in pairs if truth[a] == truth[b]}
    assert said == true
