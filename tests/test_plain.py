# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import GRBG
from lichtbild.capture.plain import read_plain
from lichtbild.capture.raw import read_raw

SAMPLES = np.random.default_rng(0).integers(0, 250, (6, 8))


@pytest.mark.parametrize(("kind", "dtype"), [("u8", "u1"), ("u16", "<u2"), ("u16be", ">u2")])
def test_a_dump_is_read_as_described(tmp_path, kind, dtype):
    SAMPLES.astype(dtype).tofile(tmp_path / "a.raw")
    frame = read_raw(tmp_path / "a.raw", f"8x6 {kind} grbg black=12.5 white=255 orientation=6 iso=100")
    np.testing.assert_array_equal(frame.dn, SAMPLES)
    assert frame.dn.dtype == np.uint16
    shot = frame.shot
    assert (shot.size, shot.pattern, shot.white, shot.orientation, shot.iso) == ((6, 8), GRBG, 255, 6, 100)
    assert (shot.black == 12.5).all()


def test_a_png_knows_its_size(tmp_path):
    Image.fromarray((SAMPLES * 4).astype(np.uint16)).save(tmp_path / "a.png")
    frame = read_plain(tmp_path / "a.png", "png MONO white=1023")
    np.testing.assert_array_equal(frame.dn, SAMPLES * 4)
    assert frame.shot.kind == "mono"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("", "needs a type"),
        ("8x6 u8", "needs a type"),
        ("8x6 u9 RGGB", "allowed are u8"),
        ("8x6 u8 RGBG", "allowed are RGGB"),
        ("u8 RGGB", "needs its size"),
        ("8x6 u8 RGGB blck=1", "did you mean black"),
        ("8x6 u8 RGGB black=x", "not a number"),
        ("8x6 u8 RGGB black=300 white=255", "0 ≤ black < white"),
        ("8x6 u8 RGGB orientation=9", "1 … 8"),
        ("8x6 u8 RGGB iso=-5", "iso = -5, allowed is above 0"),
        ("8x6 u8 RGGB iso=0", "iso = 0, allowed is above 0"),
        ("8x6 u8 RGGB iso=nan", "iso = nan is not a finite number"),
        ("8x6 u8 RGGB black=-inf", "black = -inf is not a finite number"),
        ("8x6 u8 RGGB white=inf", "white = inf is not a finite number"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(tmp_path, layout, words):
    SAMPLES.astype("u1").tofile(tmp_path / "a.raw")
    with pytest.raises(InputError, match=words):
        read_plain(tmp_path / "a.raw", layout)


def test_a_file_of_another_size_is_refused(tmp_path):
    SAMPLES.astype("u1").tofile(tmp_path / "a.raw")
    with pytest.raises(CorruptRaw, match="has 48 bytes"):
        read_plain(tmp_path / "a.raw", "8x8 u8 RGGB")


def test_pictures_are_no_mosaics(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UnsupportedRaw, match="colours"):
        read_plain(tmp_path / "a.png", "png RGGB")
    (tmp_path / "b.png").write_bytes(b"nothing of the kind")
    with pytest.raises(CorruptRaw, match="PNG"):
        read_plain(tmp_path / "b.png", "png RGGB")


def test_the_real_ones(data_dir):
    raw = data_dir / "raw"
    dog = read_plain(raw / "n900_grbg_10bit.png", "png GRBG black=25 white=959 orientation=6")
    assert dog.dn.shape == (1968, 2592)
    board = read_plain(raw / "Indoor1_2592x1536_8bit_GRBG.raw", "2592x1536 u8 GRBG black=12.5 white=255")
    assert board.dn.max() == 255
