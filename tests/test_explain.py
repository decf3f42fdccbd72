# SPDX-License-Identifier: Apache-2.0
"""``--explain`` says what happened: beside the simulator's truth, and of frames spoilt on purpose."""

import io
import json
import math

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter

from lichtbild import simulate
from lichtbild.base.image import Burst, Flow, RawFrame
from lichtbild.base.stage import watching
from lichtbild.combine import account
from lichtbild.pipeline import merged
from lichtbild.tools.cli import call
from lichtbild.tools.explain_picture import GLYPHS, page, plain, ticks

SIZE = (256, 320)


@pytest.fixture(scope="module")
def taken():
    return simulate.burst("leaves", size=SIZE, frames=5, iso=200, seed=3)


@pytest.fixture
def place(taken, tmp_path, monkeypatch):
    """A folder with a burst, where the command line works."""
    monkeypatch.chdir(tmp_path)
    simulate.write(tmp_path / "burst", *taken)
    return tmp_path


def told(place, *words, code=0):
    """The JSON of ``merge … --explain``, after looking at the picture."""
    line = ["merge", "burst", "-o", "merged.tif", "--explain", "what.png", "--overwrite", "--quiet", *words]
    assert call(line) == code
    with Image.open(place / "what.png") as picture:
        assert picture.width > 1600 and picture.height > 600
    return json.loads((place / "what.json").read_text())


def blurred(frame):
    """The same photosites after a shake of about four pixels."""
    dn = frame.dn.astype(np.float64)
    for i in (0, 1):
        for j in (0, 1):
            dn[i::2, j::2] = uniform_filter(dn[i::2, j::2], 3)
    return RawFrame(np.round(dn).astype(np.uint16), frame.shot)


# ---- the figures are true


def test_motion_is_that_of_the_hand(place, taken):
    record = told(place, "--reference", "0")
    h, w = SIZE
    middle = np.array([h / 2, w / 2, 1.0])
    for frame, pose in zip(record["frames"], taken[1].poses, strict=True):
        assert frame["shift_px"] == pytest.approx(pose @ middle - middle[:2], abs=0.25)
        turn = math.degrees(math.atan2(pose[0, 1] - pose[1, 0], pose[0, 0] + pose[1, 1]))
        assert frame["turn_deg"] == pytest.approx(turn, abs=0.05)


def test_a_turn_is_found_though_a_third_moves_on_its_own():
    tile, (ny, nx) = 64, (9, 12)
    y, x = np.meshgrid((np.arange(ny) + 0.5) * tile, (np.arange(nx) + 0.5) * tile, indexing="ij")
    y, x = y - y.mean(), x - x.mean()
    angle = math.radians(0.4)
    less, sine = math.cos(angle) - 1, math.sin(angle)
    shift = np.stack([y * less + x * sine + 3, x * less - y * sine - 5], axis=-1)
    shift[2:6, 1:9] += (0.0, 30.0)
    flow = Flow(shift[None].astype(np.float32), tile, np.ones((1, ny, nx), np.float32))
    median, turn, bend, trust = account.motion_of(flow, 0)
    assert turn == pytest.approx(0.4, abs=0.01) and trust == 1
    assert median == pytest.approx((3, -5), abs=3)
    assert bend == pytest.approx(30, abs=1)


def test_where_nothing_moves_all_frames_count_and_the_map_says_so():
    burst, _ = simulate.burst("leaves", size=SIZE, frames=4, iso=100, shake="still", seed=2)
    witness = account.Witness(burst)
    with watching(witness):
        scene = merged(burst)
    found = witness.account(scene)
    assert [p.verdict for p in found.parts].count("merged") == 3
    assert all(p.weight > 0.9 for p in found.parts)  # a little of the scene moves on its own
    assert found.frames > 3.8 and 0 < found.alone < 0.08 and np.median(found.worth) > 3.95
    assert found.exposures == "uniform"


def test_lens_shading_is_not_taken_for_frames_that_were_left_out():
    burst, _ = simulate.burst("leaves", size=SIZE, frames=3, shake="still", seed=2, lens="phone")
    assert any(o.name == "GainMap" for o in burst.frames[0].shot.opcodes[1])
    witness = account.Witness(burst)
    with watching(witness):
        scene = merged(burst)
    assert scene.frames is not None and scene.frames.min() < 2.0  # light from the corners is worth less
    assert np.quantile(witness.account(scene).worth, 0.1) > 2.8


# ---- frames that are left out are named, with the reason


def test_a_broken_file_a_stranger_and_a_blurred_frame_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path
    burst, truth = simulate.burst("leaves", size=SIZE, frames=8, iso=200, seed=3)
    frames = list(burst.frames)
    frames[3] = blurred(blurred(frames[3]))
    simulate.write(place / "burst", Burst(tuple(frames)), truth)
    other = simulate.write(place / "other", *simulate.burst("leaves", size=(256, 352), frames=1))
    (place / "burst" / "frame_900.dng").write_bytes(other[0].read_bytes())
    broken = place / "burst" / "frame_002.dng"
    broken.write_bytes(broken.read_bytes()[:20_000])
    record = told(place, code=1)
    by_name = {f["file"].rsplit("/")[-1]: f for f in record["frames"]}
    assert len(by_name) == 9
    assert by_name["frame_002.dng"]["verdict"] == by_name["frame_900.dng"]["verdict"] == "dropped"
    assert "frame_002.dng" in by_name["frame_002.dng"]["reason"]
    assert "size = 352 × 256" in by_name["frame_900.dng"]["reason"]
    soft = by_name["frame_003.dng"]
    assert soft["sharpness"] < 0.8 and "blurred" in soft["reason"]
    assert soft["weight"] < 0.5 * by_name["frame_001.dng"]["weight"]
    assert record["merged"]["read"] == 7


def test_too_many_strangers_are_no_mistake(place):
    wide = simulate.write(place / "other", *simulate.burst("leaves", size=(256, 352), frames=3))
    for k, path in enumerate(wide):
        path.rename(place / "burst" / f"other_{k}.dng")
    assert call(["merge", "burst", "-o", "m.tif", "--quiet"]) == 3
    assert not (place / "m.tif").exists()


# ---- what is written


def test_the_record_is_whole_and_the_same_again(place):
    one, other = told(place), told(place)
    assert one == other
    assert one["format"] == "lichtbild merge account 1"
    assert [f["verdict"] for f in one["frames"]].count("reference") == 1
    assert one["reference"]["why"] == "the sharpest of 5 frames"
    assert one["frames"][one["reference"]["index"]]["sharpness"] == 1
    assert one["noise"]["source"] == "NoiseProfile of the file"
    assert one["merged"]["method"] == "robust" and one["merged"]["mean_frames"] > 2
    assert told(place, "--reference", "2", "--merge", "mean")["reference"] == {
        "index": 2, "file": "burst/frame_002.dng", "why": "as asked",
    }  # fmt: skip


def test_every_burst_of_a_folder_gets_its_own(place):
    for n in (0, 1, 2):
        raw = (place / "burst" / f"frame_00{n}.dng").read_bytes()
        (place / "shots").mkdir(exist_ok=True)
        (place / "shots" / f"20250921_185207_00{n}.dng").write_bytes(raw)
        (place / "shots" / f"20250922_101500_00{n}.dng").write_bytes(raw)
    assert call(["develop", "shots", "-o", "out/", "--explain", "why/", "--quiet"]) == 0
    names = {"20250921_185207.explain", "20250922_101500.explain"}
    assert {p.name for p in (place / "why").iterdir()} == {n + s for n in names for s in (".png", ".json")}
    assert call(["develop", "shots", "-o", "more/", "--explain", "one.png", "--quiet"]) == 2


@pytest.mark.parametrize("name", ["what.png", "what.json"])
def test_nothing_is_replaced_unasked(place, name, capsys):
    (place / name).write_text("precious")
    assert call(["develop", "burst", "-o", "p.jpg", "--explain", "what.png"]) == 2
    assert f"{name} exists" in capsys.readouterr().err
    assert (place / name).read_text() == "precious"
    assert not (place / "p.jpg").exists()


def test_another_suffix_is_refused(place, capsys):
    assert call(["develop", "burst", "-o", "p.jpg", "--explain", "what.txt"]) == 2
    assert ".txt is not one of .png" in capsys.readouterr().err


def test_one_frame_alone_is_explained_too(place):
    record = told(place, "--frames", "1")
    assert record["reference"]["why"] == "the only frame"
    assert record["merged"]["mean_frames"] == 1 and record["merged"]["alone"] == 1


def test_a_bracket_is_told_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shots = simulate.burst("room", size=SIZE, frames=4, iso=100, exposures=(0, 0, -3, -3), seed=4)
    simulate.write(tmp_path / "burst", *shots)
    record = told(tmp_path)
    assert record["reference"]["why"] == "the sharpest of the 2 best exposed of 4 frames"
    assert [max(f["sharpness"] for f in record["frames"][k : k + 2]) for k in (0, 2)] == [1, 1]
    assert record["merged"]["worth"]["most"] < 2.5
    assert record["merged"]["alone"] < 0.5  # the second frame is there, and more than the short ones add
    record = told(tmp_path, "--reference", "2")
    assert record["reference"]["why"] == "as asked"


def test_the_short_frame_of_a_bracket_is_no_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shots = simulate.burst("room", size=SIZE, frames=2, iso=100, exposures=(0, -2))
    simulate.write(tmp_path / "burst", *shots)
    record = told(tmp_path)
    assert record["reference"]["why"] == "the best exposed of 2 frames"
    assert record["merged"]["worth"]["most"] < 1.5
    assert record["merged"]["alone"] < 0.9


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (1, [1]),
        (1.3, [1, 1.3]),
        (3, [1, 2, 3]),
        (5.2, [1, 2, 3, 4, 5.2]),
        (2.1, [1, 2.1]),
        (21, [1, *range(3, 20, 2), 21]),
    ],
)
def test_the_scale_of_the_map_ends_where_the_map_does(most, marks):
    assert ticks(most) == marks


@pytest.mark.parametrize("shape", [(400, 100), (100, 400)])
@pytest.mark.parametrize("count", [1, 2, 64])
def test_the_picture_holds_any_shape_and_count(place, shape, count):
    record = told(place)
    frame = record["frames"][0]
    record |= {"frames": [frame | {"file": "лето été 夏.dng"}] * count, "warnings": ["a — b"]}
    record["merged"]["read"] = count
    record["exposures"]["ratios"] = [1.0] * count
    made = page(record, np.full(shape, float(count), np.float32), np.zeros((50, 60, 3), np.uint8))
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.width > 1600 and picture.height > 36 * count


def test_words_are_written_in_letters_that_the_font_has():
    words = plain("1.5× −2 … 3° été 夏 " + "".join(map(chr, GLYPHS)))
    assert all(c.isascii() or c in "°…·±" for c in words)
    assert words.startswith("1.5x -2 … 3° ete ?")
