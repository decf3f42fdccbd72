# SPDX-License-Identifier: Apache-2.0
"""Reading raw files: real ones, foreign ones, damaged ones.  One error tree, always the name of the file."""

import json
import random
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import rawpy
import tifffile

from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import CameraColour, Noise, Shot
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.raw import info, read_raw, read_shot
from lichtbild.publish.dng import write_mosaic

GAIN_MAP = struct.pack(
    ">I4I8I2I4dI4f", 1, 9, 0x01030000, 1, 92, 0, 0, 48, 64, 0, 1, 2, 2, 2, 2, 1, 1, 0, 0, 1, 1, 1.5, 2, 1
)


def small(path):
    """A file with most of what a DNG can say."""
    dn = np.random.default_rng(0).integers(60, 1024, (48, 64), np.uint16)
    shot = Shot(
        path,
        (48, 64),
        black=np.full((2, 2), 64, np.float32),
        white=1023.0,
        make="M",
        model="N",
        neutral=(0.5, 1, 0.7),
        noise=Noise((1e-3,) * 3, (1e-6,) * 3),
        iso=100.0,
        exposure_time=0.01,
        orientation=8,
        colour=CameraColour((21,), (np.eye(3),), (np.eye(3),)),
        opcodes=((), read_opcodes(GAIN_MAP, path, 2), ()),
    )
    return write_mosaic(path, dn, shot)


@pytest.mark.parametrize(
    ("name", "size", "orientation", "names"),
    [
        ("Hero6_GOPR0024.DNG", (3000, 4000), 2, ("GoPro", "HERO6 Black")),
        ("Hero7_GOPR8508.DNG", (3000, 4000), 2, ("GoPro", "HERO7 Black")),
        ("S40_CRW_0101.CRW", (1720, 2312), 1, ("Canon", "Canon PowerShot S40")),
        ("S40_CRW_0117.CRW", (1720, 2312), 1, ("Canon", "Canon PowerShot S40")),
    ],
)
def test_real_files_read(data_dir, name, size, orientation, names):
    path = data_dir / "raw" / name
    frame = read_raw(path)
    assert frame.dn.shape == frame.shot.size == size
    assert frame.dn.flags.c_contiguous
    assert frame.shot.orientation == orientation
    assert (frame.shot.make, frame.shot.model) == names
    assert frame.shot.colour.colour
    assert frame.shot.neutral is not None
    assert frame.shot.time is not None
    with rawpy.imread(str(path)) as raw:
        assert (raw.raw_image_visible == frame.dn).all()
        gains = 1 / np.array(frame.shot.neutral)
        libraw = np.array(raw.camera_whitebalance[:3])
        np.testing.assert_allclose(gains / gains[1], libraw / libraw[1], rtol=1e-4)


def test_the_facts_of_a_real_file_are_plain(data_dir):
    facts = json.loads(json.dumps(info(data_dir / "raw" / "Hero7_GOPR8508.DNG")))
    assert facts["camera"] == "GoPro HERO7 Black"
    assert facts["opcodes"] == [[], ["GainMap"] * 4, []]
    assert facts["noise"]["shot"][0] == pytest.approx(4.17055e-4, rel=1e-4)
    assert facts["illuminants"] == [3, 23]
    assert info(data_dir / "raw" / "S40_CRW_0101.CRW")["black"] == [32.0]


def test_gpr_is_named(data_dir):
    with pytest.raises(
        UnsupportedRaw, match=r"is a GPR \(VC-5\) file: not a raw lichtbild can read"
    ) as refused:
        read_raw(data_dir / "raw" / "Hero7_GOPR8508.GPR")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\xff\xd8\xff\xe1", "a JPEG"),
        (b"\x89PNG\r\n\x1a\n", "a PNG"),
        (b"\0\0\0\x18ftypheic", "a HEIC"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"\0\0\0\x18ftypavif", "an AVIF"),
        (b"%PDF-1.7", "a PDF"),
        (b"RIFF", "a RIFF"),
        (b"hello world, I am a text", "not a raw"),
        (b"\0" * 100, "not a raw"),
    ],
)
@pytest.mark.parametrize("suffix", [".dng", ".xyz"])
def test_what_is_no_raw_is_named(tmp_path, head, what, suffix):
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(head.ljust(4096, b"\1"))
    for read in (read_raw, read_shot, info):
        with pytest.raises(UnsupportedRaw, match=what) as refused:
            read(path)
        assert path.name in str(refused.value)
        assert "DNG" in refused.value.hint
        assert ("--layout" in refused.value.hint) == (what in ("a PNG", "not a raw"))


def test_a_plain_tiff_is_no_raw(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"a\.tif"):
        read_raw(tmp_path / "a.tif")


def test_a_missing_file_and_an_empty_one_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_raw(tmp_path / "none.dng")
    (tmp_path / "empty.dng").write_bytes(b"")
    with pytest.raises(CorruptRaw, match="only 0 bytes"):
        read_raw(tmp_path / "empty.dng")


def test_every_truncation_is_found(tmp_path):
    whole = small(tmp_path / "a.dng").read_bytes()
    cut = tmp_path / "cut.dng"
    for length in np.linspace(0, len(whole) - 2, 61).astype(int):
        cut.write_bytes(whole[:length])
        with pytest.raises(CorruptRaw, match=r"cut\.dng"):
            read_raw(cut)


def test_a_truncated_camera_raw_is_found(data_dir, tmp_path):
    whole = (data_dir / "raw" / "S40_CRW_0101.CRW").read_bytes()
    path = tmp_path / "cut.crw"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.crw"):
        read_raw(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pixels_need_no_decoder_in_either_byte_order(tmp_path, order):
    dn = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32)
    tags = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
    ]
    path = tmp_path / "a.dng"
    tifffile.imwrite(
        path, dn, byteorder=order, photometric=32803, metadata=None, rowsperstrip=5, extratags=tags
    )
    assert (read_raw(path).dn == dn).all()
    with rawpy.imread(str(path)) as raw:
        assert (raw.raw_image_visible == dn).all()


def test_compressed_pixels_come_from_libraw(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    dn = np.random.default_rng(1).integers(0, 4096, (256, 768), np.uint16)
    tags = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (2, 1, 1, 0), True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50717, 4, 1, 4095, True),
    ]
    tiles = (
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(dn[:, x : x + 256]).reshape(256, 128, 2),
            lossless=True,
            bitspersample=16,
            predictor=1,
        )
        for x in (0, 256, 512)
    )
    with tifffile.TiffWriter(tmp_path / "a.dng") as made:
        made.write(
            tiles,
            shape=dn.shape,
            dtype="uint16",
            tile=(256, 256),
            compression=7,
            bitspersample=16,
            photometric=32803,
            metadata=None,
            extratags=tags,
        )
    frame = read_raw(tmp_path / "a.dng")
    assert (frame.dn == dn).all()
    assert frame.shot.pattern == (2, 1, 1, 0)


# ---- fuzz

MAGIC = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2, 3, 8, 65536)
KNOWN = (
    254,
    256,
    257,
    258,
    259,
    262,
    273,
    277,
    278,
    279,
    284,
    317,
    322,
    323,
    324,
    325,
    330,
    33421,
    33422,
    34665,
    34853,
    50706,
    50708,
    50712,
    50713,
    50714,
    50715,
    50717,
    50721,
    50727,
    50728,
    50730,
    50829,
    50937,
    50938,
    50940,
    51008,
    51009,
    51041,
)


def mutated(whole: bytes, dice: random.Random) -> bytes:
    """One to six wounds: a tag's type, count or value; its name; one byte; a cut; a run of noise."""
    raw = bytearray(whole)
    (first,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, first)
    for _ in range(dice.randint(1, 6)):
        kind, at = dice.random(), first + 2 + 12 * dice.randrange(count)
        if at + 12 > len(raw):
            break
        if kind < 0.45:
            part = dice.choice((2, 4, 8))
            value = dice.choice((*MAGIC, dice.randrange(len(raw))))
            struct.pack_into(
                "<H" if part == 2 else "<I", raw, at + part, value & (0xFFFF if part == 2 else 0xFFFFFFFF)
            )
        elif kind < 0.6:
            struct.pack_into("<H", raw, at, dice.choice(KNOWN))
        elif kind < 0.85:
            raw[dice.randrange(min(len(raw), 1400) if dice.random() < 0.7 else len(raw))] = dice.randrange(
                256
            )
        elif kind < 0.93:
            del raw[dice.randrange(len(raw)) :]
        else:
            start = dice.randrange(len(raw))
            raw[start : start + dice.randint(1, 63)] = dice.randbytes(dice.randint(1, 63))
    return bytes(raw)


def test_no_damage_gets_past_the_error_tree(tmp_path):
    whole = small(tmp_path / "seed.dng").read_bytes()
    dice = random.Random(20)
    path = tmp_path / "hurt.dng"
    outcomes = {"read": 0, "refused": 0}
    for _ in range(500):
        path.write_bytes(mutated(whole, dice))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                frame = read_raw(path)
            assert frame.dn.size <= 32 * len(whole)
            assert frame.dn.shape[:2] == frame.shot.size
            json.dumps(info(path))
            outcomes["read"] += 1
        except InputError as refused:
            assert Path(path).name in str(refused)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50
