# SPDX-License-Identifier: Apache-2.0
"""DNG tags: a shot written and read is the same shot; what LibRaw also knows, it knows alike; merged files
open."""

import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import rawpy

from lichtbild.base import tiff
from lichtbild.base.directories import read_directories
from lichtbild.base.errors import CorruptRaw, ExportError, StateError, UnsupportedRaw
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, CameraColour, HSVTable, Noise, Scene, Shot
from lichtbild.base.tiff import Page, numbers_field, tiff_chunks, write_file
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.raw import read_raw
from lichtbild.publish.dng import write_merged, write_mosaic

RNG = np.random.default_rng(5)
A = np.array([[0.8, -0.2, -0.1], [-0.5, 1.3, 0.2], [-0.1, 0.2, 0.6]])
WARP = (
    b"\0\0\0\1"
    + b"\0\0\0\3\1\3\0\0\0\0\0\0\0\0\0\x38"
    + np.array([0.1, 0, 0, 0, 0, 0.5, 0.5], ">f8").tobytes()
)


def cells(*sides):
    """A table that leaves greys as bright as they are."""
    table = RNG.random((*sides, 3), np.float32)
    table[:, :, 0, 2] = 1
    return table


def shot(size=(24, 32), **fields):
    said = {
        "make": "Lichtbild",
        "model": "Model 1",
        "unique": "Lichtbild Model 1",
        "black": np.array([[60, 61], [62, 63]], np.float32),
        "white": 1023.0,
        "orientation": 6,
        "iso": 400.0,
        "exposure_time": 0.02,
        "f_number": 1.75,
        "focal_length": 4.5,
        "time": datetime(2026, 3, 29, 2, 30, 1, 250000, timezone(timedelta(hours=2))),
        "subseconds": True,
        "neutral": (0.5, 1.0, 0.625),
        "noise": Noise((1e-3, 2e-3, 3e-3), (1e-6, 2e-6, 3e-6)),
        "baseline_exposure": 0.25,
        "colour": CameraColour(
            (17, 21),
            (A, A.T),
            (A * 0.5, A.T * 0.5),
            (np.diag([1.0, 1.01, 0.99]),) * 2,
            (0.5, 1.0, 0.75),
            (HSVTable(cells(2, 6, 3), True),) * 2,
            HSVTable(cells(1, 4, 2)),
            np.array([[0.0, 0.0], [0.5, 0.75], [1.0, 1.0]]),
            "Portrait",
        ),
        "opcodes": ((), (), read_opcodes(WARP, Path("a"), 3)),
    }
    return Shot(Path("a"), size, **(said | fields))


def numbers(size=(24, 32)):
    return RNG.integers(40, 1024, size, np.uint16)


def same(a, b):
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray) and a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=1e-9))
        )
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, HSVTable | CameraColour):
        return all(same(getattr(a, f), getattr(b, f)) for f in a.__slots__)
    return a == pytest.approx(b, rel=1e-6) if isinstance(a, float) else a == b


ALL_BUT = [f for f in Shot.__slots__ if f not in ("path", "exif", "opcodes")]


@pytest.mark.parametrize("pattern", [RGGB, GRBG, GBRG, BGGR])
def test_a_shot_survives_the_file(tmp_path, pattern):
    dn, said = numbers(), shot(pattern=pattern)
    frame = read_raw(write_mosaic(tmp_path / "a.dng", dn, said))
    assert (frame.dn == dn).all()
    assert [f for f in ALL_BUT if not same(getattr(said, f), getattr(frame.shot, f))] == []
    assert [[o.raw for o in ops] for ops in frame.shot.opcodes] == [
        [o.raw for o in ops] for ops in said.opcodes
    ]


@pytest.mark.parametrize("kind", ["mono", "linear"])
def test_other_kinds_survive_the_file(tmp_path, kind):
    dn = numbers((24, 32, 3) if kind == "linear" else (24, 32))
    black = np.full((2, 2, 3) if kind == "linear" else (2, 2), 64, np.float32)
    said = Shot(Path("a"), (24, 32), kind=kind, black=black, white=1023.0)
    frame = read_raw(write_mosaic(tmp_path / "a.dng", dn, said))
    assert (frame.dn == dn).all()
    assert (frame.shot.kind, frame.shot.white) == (kind, 1023.0)
    assert (frame.shot.black == black).all()


def test_black_deltas_and_fractions_survive(tmp_path):
    said = shot(
        black=np.array([[60.5, 61.25], [62, 63]], np.float32),
        black_rows=RNG.normal(0, 2, 24).astype(np.float32),
        black_columns=RNG.normal(0, 2, 32).astype(np.float32),
    )
    read = read_raw(write_mosaic(tmp_path / "a.dng", numbers(), said)).shot
    assert same(said.black, read.black)
    np.testing.assert_allclose(read.black_rows, said.black_rows, atol=1e-6)
    np.testing.assert_allclose(read.black_columns, said.black_columns, atol=1e-6)


@pytest.mark.parametrize("pattern", [RGGB, GRBG, GBRG, BGGR])
def test_libraw_agrees(tmp_path, pattern):
    dn = numbers()
    path = write_mosaic(tmp_path / "a.dng", dn, shot(pattern=pattern, black=np.full((2, 2), 64, np.float32)))
    with rawpy.imread(str(path)) as raw:
        assert (raw.raw_image_visible == dn).all()
        assert ["RGBG"[i] for i in raw.raw_pattern.flat] == ["RGB"[c] for c in pattern]
        assert set(raw.black_level_per_channel) == {64}
        assert raw.white_level == 1023
        assert raw.sizes.flip == 6
        white = np.array(raw.camera_whitebalance[:3])
        np.testing.assert_allclose(white / white[1], [2.0, 1.0, 1.6], rtol=1e-4)
        assert raw.other.iso_speed == 400
        assert raw.other.shutter_speed == pytest.approx(0.02)


def camera_file(path, stored, **more):
    """A file as a camera with masked borders writes it."""
    h, w = stored.shape
    fields = {
        254: numbers_field(tiff.LONG, 0),
        256: numbers_field(tiff.LONG, w),
        257: numbers_field(tiff.LONG, h),
        258: numbers_field(tiff.SHORT, 16),
        259: numbers_field(tiff.SHORT, 1),
        262: numbers_field(tiff.SHORT, 32803),
        277: numbers_field(tiff.SHORT, 1),
        33421: numbers_field(tiff.SHORT, 2, 2),
        33422: numbers_field(tiff.BYTE, 0, 1, 1, 2),
        50706: numbers_field(tiff.BYTE, 1, 4, 0, 0),
        50717: numbers_field(tiff.LONG, 4095),
        50721: numbers_field(tiff.SRATIONAL, *A.ravel()),
        50708: tiff.ascii_field("Masked"),
        271: tiff.ascii_field("M"),
        272: tiff.ascii_field("asked"),
    }
    fields |= {int(tag[1:]): value for tag, value in more.items()}
    return write_file(
        path, tiff_chunks([Page({t: v for t, v in fields.items() if v is not None}, {}, stored.data)])
    )


@pytest.mark.parametrize("corner", [(4, 6), (5, 6), (4, 7), (5, 7)])
def test_the_pattern_counts_from_the_active_area(tmp_path, corner):
    stored = numbers((40, 48))
    top, left = corner
    path = camera_file(tmp_path / "a.dng", stored, t50829=numbers_field(tiff.LONG, top, left, 36, 44))
    frame = read_raw(path)
    assert (frame.dn == stored[top:36, left:44]).all()
    assert frame.shot.pattern == RGGB
    with rawpy.imread(
        str(path)
    ) as raw:  # reads the specification alike, but begins at an even row and column
        y, x = raw.sizes.top_margin - top, raw.sizes.left_margin - left
        h, w = raw.raw_image_visible.shape
        assert (raw.raw_image_visible == frame.dn[y : y + h, x : x + w]).all()
        assert ["RGBG"[i] for i in raw.raw_pattern.flat] == [
            "RGGB"[2 * ((y + i) % 2) + (x + j) % 2] for i in (0, 1) for j in (0, 1)
        ]


def test_repeated_black_levels_are_tiled_to_even_sides(tmp_path):
    path = camera_file(
        tmp_path / "a.dng",
        numbers((24, 32)),
        t50713=numbers_field(tiff.SHORT, 1, 3),
        t50714=numbers_field(tiff.SHORT, 1, 2, 3),
    )
    black = read_raw(path).shot.black
    assert black.tolist() == [[1, 2, 3, 1, 2, 3]] * 2


@pytest.mark.parametrize(("x", "y"), [(0.3127, 0.3290), (0.3, 0.1858)])  # the last has no temperature
def test_the_white_of_an_xy_is_the_cameras_answer_to_it(tmp_path, x, y):
    path = camera_file(tmp_path / "a.dng", numbers((24, 32)), t50729=numbers_field(tiff.RATIONAL, x, y))
    white = A @ np.array([x / y, 1, (1 - x - y) / y])
    np.testing.assert_allclose(read_raw(path).shot.neutral, white / white.max(), rtol=1e-5)


def test_a_calibration_is_only_for_the_profile_that_signs_it(tmp_path):
    matrix = numbers_field(tiff.SRATIONAL, *np.diag([1, 1.02, 0.98]).ravel())
    for signs, kept in (
        ((None, None), 1),
        ((tiff.ascii_field("x"), tiff.ascii_field("x")), 1),
        ((tiff.ascii_field("x"), None), 0),
    ):
        path = camera_file(
            tmp_path / f"{kept}{signs[0] is None}.dng",
            numbers((24, 32)),
            t50723=matrix,
            t50931=signs[0],
            t50932=signs[1],
        )
        assert len(read_raw(path).shot.colour.calibration) == kept


def test_planes_in_another_order_come_back_as_red_green_blue(tmp_path):
    path = camera_file(
        tmp_path / "a.dng",
        numbers((24, 32)),
        t50710=numbers_field(tiff.BYTE, 2, 1, 0),
        t50728=numbers_field(tiff.RATIONAL, 0.25, 1, 0.5),
        t51041=numbers_field(tiff.DOUBLE, 3e-3, 3e-6, 2e-3, 2e-6, 1e-3, 1e-6),
    )
    read = read_raw(path).shot
    assert read.neutral == (0.5, 1.0, 0.25)
    assert read.noise == Noise((1e-3, 2e-3, 3e-3), (1e-6, 2e-6, 3e-6))
    np.testing.assert_allclose(read.colour.colour[0], A[::-1], rtol=1e-6)


@pytest.mark.parametrize(
    ("tags", "error", "words"),
    [
        ({"t259": numbers_field(tiff.SHORT, 9)}, UnsupportedRaw, "GPR"),
        ({"t33421": numbers_field(tiff.SHORT, 6, 6)}, CorruptRaw, "4 colours in a mosaic cell of 6 × 6"),
        ({"t33422": numbers_field(tiff.BYTE, 0, 1, 1, 3)}, UnsupportedRaw, "colour filters"),
        ({"t50711": numbers_field(tiff.SHORT, 2)}, UnsupportedRaw, "staggered"),
        ({"t262": numbers_field(tiff.SHORT, 2)}, UnsupportedRaw, "without a raw image"),
        ({"t256": numbers_field(tiff.LONG, 2**31)}, CorruptRaw, "million"),
        ({"t50829": numbers_field(tiff.LONG, 0, 0, 24, 33)}, CorruptRaw, "ActiveArea"),
        ({"t50829": numbers_field(tiff.LONG, 0, 0, 1, 32)}, CorruptRaw, "32 × 1 pixels"),
        ({"t50829": numbers_field(tiff.LONG, 0, 0, 24, 1)}, CorruptRaw, "1 × 24 pixels"),
        ({"t50714": numbers_field(tiff.SHORT, 1, 2, 3)}, CorruptRaw, "3 black levels"),
        ({"t50714": numbers_field(tiff.SHORT, 5000)}, CorruptRaw, "below white"),
        ({"t50715": numbers_field(tiff.SRATIONAL, 1, 2)}, CorruptRaw, "deltas"),
        ({"t51041": numbers_field(tiff.DOUBLE, 1, 2, 3)}, CorruptRaw, "NoiseProfile"),
        ({"t50721": numbers_field(tiff.SRATIONAL, *np.ones(9))}, CorruptRaw, "inverted"),
        ({"t50721": numbers_field(tiff.SRATIONAL, *np.ones(12))}, UnsupportedRaw, "3 × 3"),
        ({"t50728": numbers_field(tiff.RATIONAL, 0, 1, 1)}, CorruptRaw, "neutral"),
        ({"t51009": tiff.bytes_field(tiff.UNDEFINED, b"\0\0\0\1")}, CorruptRaw, "OpcodeList2"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path, tags, error, words):
    with pytest.raises(error, match=words) as refused:
        read_raw(camera_file(tmp_path / "odd.dng", numbers((24, 32)), **tags))
    assert "odd.dng" in str(refused.value)


# ---- merged files


def scene(h=96, w=128, **fields):
    y, x = np.mgrid[:h, :w].astype(np.float32)
    rgb = np.stack([x / w, y / h, (x + y) / (w + h)], -1) * np.float32(0.9)
    said = {
        "rgb": rgb,
        "gain": (2.0, 1.0, 1.6),
        "noise": Noise((2e-3, 1e-3, 1.6e-3), (4e-6, 1e-6, 2.56e-6)),
        "merged": 4,
        "shot": shot((h, w)),
    }
    return Scene(space="camera", **(said | fields))


@pytest.mark.parametrize("kind", ["linear", "cfa"])
def test_a_merged_file_holds_the_light(tmp_path, kind):
    s = scene()
    path = write_merged(tmp_path / "a.dng", s, kind=kind)
    frame = read_raw(path)
    black = float(frame.shot.black.max())
    light = (frame.dn - black) / (65535 - black)
    wanted = s.rgb / np.array(s.gain, np.float32)
    if kind == "cfa":
        wanted = np.choose(np.tile(np.reshape(s.shot.pattern, (2, 2)), (48, 64)), wanted.transpose(2, 0, 1))
    np.testing.assert_allclose(light, wanted, atol=0.51 / 64000)
    with rawpy.imread(str(path)) as raw:
        image = raw.raw_image_visible
        assert ((image[..., :3] if image.ndim == 3 else image) == frame.dn).all()


def test_a_merged_file_does_not_repeat_what_was_applied_and_keeps_what_is_due(tmp_path):
    gain_map = read_opcodes(b"\0\0\0\1" + b"\0\0\0\4\1\3\0\0\0\0\0\1\0\0\0\10" + b"\0" * 8, Path("a"), 2)
    said = shot((96, 128))
    said = replace(said, opcodes=(gain_map, gain_map, said.opcodes[2]))
    read = read_raw(write_merged(tmp_path / "a.dng", scene(shot=said))).shot
    assert [[o.name for o in ops] for ops in read.opcodes] == [[], [], ["FixVignetteRadial"]]
    assert read.orientation == 6
    assert same(read.colour, said.colour)


def test_light_above_the_clip_level_keeps_its_hue_or_its_height(tmp_path):
    rgb = np.full((16, 16, 3), 0.5, np.float32)
    rgb[3, 4] = (1.7, 1.7, 1.7)  # neutral, rebuilt: green is above the clip level
    flat = read_raw(write_merged(tmp_path / "flat.dng", scene(rgb=rgb)))
    np.testing.assert_allclose(flat.dn[3, 4] / 65535, np.array([0.5, 1, 0.625]), atol=1e-4)
    assert flat.shot.baseline_exposure == 0.25
    high = read_raw(write_merged(tmp_path / "high.dng", scene(rgb=rgb), headroom=1))
    np.testing.assert_allclose(high.dn[3, 4] / 65535, np.array([0.85, 1.7, 1.0625]) / 2, atol=1e-4)
    assert high.shot.baseline_exposure == 1.25


def test_negative_light_survives_in_a_cfa_only(tmp_path):
    rgb = np.full((64, 64, 3), -0.01, np.float32)
    cfa, linear = (
        read_raw(write_merged(tmp_path / f"{k}.dng", scene(rgb=rgb), kind=k)) for k in ("cfa", "linear")
    )
    assert 0 < cfa.dn.max() < 1024
    assert linear.dn.max() == 0


def test_a_preview_comes_first_and_the_raw_below_it(tmp_path):
    preview = RNG.integers(0, 255, (12, 16, 3), np.uint8)
    path = write_merged(tmp_path / "a.dng", scene(), preview=preview, xmp=b"<x:xmpmeta/>")
    (top,) = read_directories(path)
    assert top.integer(254, 0) == 1
    assert top.payload(700) == b"<x:xmpmeta/>"
    assert (read_raw(path).dn == read_raw(write_merged(tmp_path / "b.dng", scene())).dn).all()


def test_the_wrong_scene_and_an_existing_file_are_refused(tmp_path):
    with pytest.raises(StateError, match="camera"):
        write_merged(tmp_path / "a.dng", replace(scene(), space="rec2020"))
    with pytest.raises(ExportError, match="no Bayer pattern"):
        write_merged(tmp_path / "a.dng", scene(shot=shot((96, 128), kind="mono")), kind="cfa")
    write_merged(tmp_path / "a.dng", scene())
    with pytest.raises(ExportError, match="exists"):
        write_merged(tmp_path / "a.dng", scene())


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
def test_exiftool_finds_nothing_wrong(tmp_path):
    write_merged(tmp_path / "linear.dng", scene(), preview=np.zeros((8, 8, 3), np.uint8))
    write_merged(tmp_path / "cfa.dng", scene(), kind="cfa")
    write_mosaic(tmp_path / "mosaic.dng", numbers(), shot())
    said = subprocess.run(
        ["exiftool", "-validate", "-warning", "-a", "-s3", *sorted(tmp_path.glob("*.dng"))],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert [line for line in said.splitlines() if line.startswith(("OK", "Warn"))] == ["OK"] * 3
