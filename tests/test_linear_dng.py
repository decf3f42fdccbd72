# SPDX-License-Identifier: Apache-2.0
"""Linear and float DNGs in every packing: what another program packed comes out bit by bit."""


import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from lichtbild.base import tiff
from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.tiff import Page, numbers_field, tiff_chunks, write_file
from lichtbild.capture.isolated import WORKER, decoded
from lichtbild.capture.raw import info, read_raw, read_shot

WHY = "makes the files of this test"
RNG = np.random.default_rng(16)
LINEAR, CFA = 34892, 32803
MATRIX = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
TAGS = [
    (50706, 1, 4, (1, 7, 1, 0), True),
    (50708, 2, 0, "Linear Camera", True),
    (50721, 10, 9, MATRIX, True),
    (50728, 5, 3, (1, 2, 1, 1, 5, 8), True),
]


def picture(shape=(70, 90, 3), bits=12):
    """Smooth light with noise, so that packings have something to pack."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = (np.sin(x / 17) + np.cos(y / 13) + 2.2) / 4.5 * 2**bits
    if len(shape) == 3:
        smooth = smooth[..., None] * np.array([0.6, 1.0, 0.7])
    return np.clip(smooth + RNG.normal(0, 2, shape), 0, 2**bits - 1).astype(np.uint16)


def written(path, dn, *more, photometric=LINEAR, **how):
    said = {t[0]: t for t in (*TAGS, (50717, 4, 1, 4095, True), *more)}
    if photometric == CFA:
        said[33421], said[33422] = (33421, 3, 2, (2, 2), True), (33422, 1, 4, (0, 1, 1, 2), True)
    tifffile.imwrite(path, dn, photometric=photometric, metadata=None, extratags=list(said.values()), **how)
    return path


def laid(path, blocks, shape, **tags):
    """A file whose every byte is said: blocks as they are, and the tags of `t<number>`."""
    h, w = shape[:2]
    samples = shape[2] if len(shape) == 3 else 1
    fields = {
        254: numbers_field(tiff.LONG, 0),
        256: numbers_field(tiff.LONG, w),
        257: numbers_field(tiff.LONG, h),
        258: numbers_field(tiff.SHORT, *[16] * samples),
        262: numbers_field(tiff.SHORT, LINEAR if samples == 3 else CFA),
        277: numbers_field(tiff.SHORT, samples),
        33421: numbers_field(tiff.SHORT, 2, 2),
        33422: numbers_field(tiff.BYTE, 0, 1, 1, 2),
        50706: numbers_field(tiff.BYTE, 1, 7, 0, 0),
        50708: tiff.ascii_field("Linear Camera"),
        50721: numbers_field(tiff.SRATIONAL, *np.eye(3).ravel()),
        50728: numbers_field(tiff.RATIONAL, 0.5, 1, 0.625),
    }
    fields |= {int(tag[1:]): value for tag, value in tags.items()}
    tiled = 322 in fields
    start = 1 << 16  # far behind the directory
    starts = start + np.cumsum([0, *(len(b) for b in blocks[:-1])])
    fields[324 if tiled else 273] = numbers_field(tiff.LONG, *map(int, starts))
    fields[325 if tiled else 279] = numbers_field(tiff.LONG, *map(len, blocks))
    head = b"".join(bytes(c) for c in tiff_chunks([Page(fields)]))
    assert len(head) < start
    path.write_bytes(b"".join([head.ljust(start, b"\0"), *blocks]))
    return path


# ---- integers


@pytest.mark.parametrize("shape", [(70, 90, 3), (70, 90)])
@pytest.mark.parametrize("tile", [None, (32, 48)])
@pytest.mark.parametrize(
    "packing",
    [
        {},
        {"compression": "adobe_deflate"},
        {"compression": "adobe_deflate", "predictor": 2},
        {"compression": "deflate"},
    ],
    ids=["plain", "deflate", "predicted", "old deflate"],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_plain_and_deflated_integers(tmp_path, shape, tile, packing, order):
    if packing:
        pytest.importorskip("imagecodecs", reason=WHY)
    dn = picture(shape)
    how = {"tile": tile} if tile else {"rowsperstrip": 16}
    photometric = LINEAR if len(shape) == 3 else CFA
    path = written(tmp_path / "a.dng", dn, photometric=photometric, byteorder=order, **how, **packing)
    frame = read_raw(path)
    assert (frame.dn == dn).all()
    assert frame.dn.flags.c_contiguous
    assert frame.shot.kind == ("linear" if len(shape) == 3 else "bayer")


def test_planes_stored_one_after_another(tmp_path):
    dn = picture()
    stored = np.ascontiguousarray(dn.transpose(2, 0, 1))
    path = written(tmp_path / "a.dng", stored, planarconfig="separate", tile=(32, 48))
    assert (read_raw(path).dn == dn).all()


@pytest.mark.parametrize("bits", [8, 10, 11, 12, 14])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_packed_bits(tmp_path, bits, tile):
    dn = picture((61, 77, 3), bits)
    blocks, sides = [], tile or (16, 77)
    for y in range(0, 61, sides[0]):
        for x in range(0, 77, sides[1]):
            block = np.zeros((sides[0], sides[1], 3), np.uint16)
            part = dn[y : y + sides[0], x : x + sides[1]]
            block[: part.shape[0], : part.shape[1]] = part
            block = block if tile else part
            flat = block.reshape(len(block), -1, 1) >> np.arange(bits - 1, -1, -1, dtype=np.uint16) & 1
            blocks.append(np.packbits(flat.reshape(len(block), -1).astype(np.uint8), axis=1).tobytes())
    how = {"t258": numbers_field(tiff.SHORT, bits, bits, bits)}
    if tile:
        how |= {"t322": numbers_field(tiff.LONG, sides[1]), "t323": numbers_field(tiff.LONG, sides[0])}
    else:
        how |= {"t278": numbers_field(tiff.LONG, 16)}
    frame = read_raw(laid(tmp_path / "a.dng", blocks, dn.shape, **how))
    assert (frame.dn == dn).all()
    assert frame.shot.white == 2**bits - 1


@pytest.mark.parametrize("shape", [(70, 90, 3), (70, 90)])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_lossless_jpeg(tmp_path, shape, tile):
    pytest.importorskip("imagecodecs", reason=WHY)
    dn = picture(shape)
    how = {"tile": tile} if tile else {"rowsperstrip": 70}
    rgb = {"colorspace": "RGB", "outcolorspace": "RGB"} if len(shape) == 3 else {}
    photometric = LINEAR if len(shape) == 3 else CFA
    how |= {"compression": 7, "bitspersample": 16, "compressionargs": {"lossless": True, **rgb}}
    path = written(tmp_path / "a.dng", dn, photometric=photometric, **how)
    assert (read_raw(path).dn == dn).all()


@pytest.mark.parametrize("width", [512, 500])  # twice the tile: LibRaw misreads these
def test_a_mosaic_in_lossless_jpeg_of_two_components(tmp_path, width):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    dn = picture((256, width))
    padded = np.pad(dn, ((0, 0), (0, 512 - width)))

    def tiles():
        for x in (0, 256):
            pair = np.ascontiguousarray(padded[:, x : x + 256]).reshape(256, 128, 2)
            yield imagecodecs.jpeg8_encode(pair, lossless=True, bitspersample=16, predictor=1)

    packing = {"t259": numbers_field(tiff.SHORT, 7)} | sides(256, 256)
    path = laid(tmp_path / "a.dng", list(tiles()), dn.shape, **packing)
    assert (read_raw(path).dn == dn).all()


def test_real_tiles_of_lossless_jpeg(tmp_path, data_dir):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    for name in ("dng1", "dng4", "dng6", "dng7", "gray16", "linearraw"):
        stream = (data_dir / "ljpeg-tiles" / f"{name}.ljp").read_bytes()
        wanted = imagecodecs.ljpeg_decode(stream)
        path = laid(tmp_path / f"{name}.dng", [stream], wanted.shape, t259=numbers_field(tiff.SHORT, 7))
        assert (read_raw(path).dn == wanted).all()


def test_a_table_makes_numbers_linear(tmp_path):
    dn = picture((70, 90, 3), 8)
    table = (np.arange(200) ** 2 / 10).astype(np.uint16)
    path = written(tmp_path / "a.dng", dn, (50712, 3, 200, tuple(map(int, table)), True))
    assert (read_raw(path).dn == table[np.minimum(dn, 199)]).all()


# ---- levels


def test_colours_that_end_at_different_whites_end_at_one(tmp_path):
    whites, blacks = (4095, 3000, 3500), (60, 70, 80)
    light = RNG.random((70, 90, 3))
    dn = np.rint(np.array(blacks) + light * (np.array(whites) - blacks)).astype(np.uint16)
    path = written(tmp_path / "a.dng", dn, (50714, 4, 3, blacks, True), (50717, 4, 3, whites, True))
    frame = read_raw(path)
    read = (frame.dn - frame.shot.black[0, 0]) / (frame.shot.white - frame.shot.black[0, 0])
    assert frame.shot.white == 4095
    np.testing.assert_allclose(read, light, atol=1.1 / 2900)


def test_black_is_taken_from_masked_photosites_where_no_level_is_stated(tmp_path):
    dn = picture((71, 90))
    dn[:, :9] = np.tile([[60, 61], [62, 63]], (36, 5))[:71, :9]
    areas = (50829, 4, 4, (1, 9, 71, 90), True), (50830, 4, 4, (0, 0, 71, 8), True)
    read = read_raw(written(tmp_path / "a.dng", dn, *areas, photometric=CFA)).shot
    assert read.black.tolist() == [[63, 62], [61, 60]]  # counted from row 1, column 9
    stated = (50714, 4, 1, 64, True)
    assert read_raw(written(tmp_path / "b.dng", dn, *areas, stated, photometric=CFA)).shot.black.max() == 64


@pytest.mark.parametrize(
    ("origin", "size", "crop"),
    [
        ((4, 6), (80, 50), (6, 4, 50, 80)),
        ((0, 0), (90, 70), None),
        ((4, 6), (900, 50), (6, 4, 50, 86)),
    ],
)
def test_what_the_maker_crops_is_known(tmp_path, origin, size, crop):
    dn = picture()
    tags = (50719, 4, 2, origin, True), (50720, 4, 2, size, True)
    frame = read_raw(written(tmp_path / "a.dng", dn, *tags))
    assert frame.shot.crop == crop
    assert frame.dn.shape == dn.shape


def test_a_crop_of_nothing_is_refused(tmp_path):
    tags = (50719, 4, 2, (95, 0), True), (50720, 4, 2, (10, 10), True)
    with pytest.raises(CorruptRaw, match="shows nothing"):
        read_raw(written(tmp_path / "a.dng", picture(), *tags))


# ---- floats


def float_bytes(values, bits):
    """Big-endian floats of 16, 24 or 32 bits."""
    if bits == 16:
        return values.astype(">f2").view(np.uint8).reshape(*values.shape, 2)
    code = values.astype(np.float32).view(np.uint32)
    if bits == 32:
        return code.astype(">u4").view(np.uint8).reshape(*values.shape, 4)
    sign, exponent, mantissa = code >> 31, (code >> 23 & 255).astype(int) - 127, code >> 7 & 0xFFFF
    packed = sign << 23 | np.clip(exponent + 63, 0, 127).astype(np.uint32) << 16 | mantissa
    packed[values == 0] = 0
    return np.ascontiguousarray(packed.astype(">u4").view(np.uint8).reshape(*values.shape, 4)[..., 1:])


def float_file(path, values, bits, predictor, **tags):
    h = len(values)
    samples = values.shape[2] if values.ndim == 3 else 1
    raw = float_bytes(values.reshape(h, -1), bits)
    size = bits // 8
    if predictor == 1:
        packed = raw[..., ::-1]  # little-endian
    else:
        distance = {3: 1, 34894: 2, 34895: 4}[predictor] * samples
        ordered = np.ascontiguousarray(raw.transpose(0, 2, 1)).reshape(h, -1)
        packed = ordered.copy()
        packed[:, distance:] -= ordered[:, :-distance]
    block = zlib.compress(np.ascontiguousarray(packed).tobytes())
    return laid(
        path,
        [block],
        values.shape,
        t258=numbers_field(tiff.SHORT, *[8 * size] * samples),
        t259=numbers_field(tiff.SHORT, 8),
        t317=numbers_field(tiff.SHORT, predictor),
        t339=numbers_field(tiff.SHORT, *[3] * samples),
        **tags,
    )


def light_of(frame):
    black = frame.shot.black.reshape(2, 2, -1)[0, 0]
    return (frame.dn - black) / (frame.shot.white - black) * 2.0**frame.shot.baseline_exposure


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("predictor", [1, 3, 34894, 34895])
@pytest.mark.parametrize("shape", [(40, 52, 3), (40, 52)])
def test_floats(tmp_path, bits, predictor, shape):
    values = (picture(shape) / 4096.0).astype(np.float32)
    values[3, 5] = 0.0
    frame = read_raw(float_file(tmp_path / "a.dng", values, bits, predictor))
    kept = {16: 2.0**-11, 24: 2.0**-16, 32: 2.0**-24}[bits]
    np.testing.assert_allclose(light_of(frame).reshape(shape), values, rtol=kept, atol=0.51 / 64511)


def test_tifffile_writes_floats_that_are_read(tmp_path):
    pytest.importorskip("imagecodecs", reason=WHY)
    values = (picture() / 4096.0).astype(np.float32)
    for k, kind in enumerate((np.float32, np.float16)):
        path = written(
            tmp_path / f"{k}.dng",
            values.astype(kind),
            (50717, 4, 1, 1, True),
            tile=(32, 48),
            compression="adobe_deflate",
            predictor=3,
        )
        np.testing.assert_allclose(
            light_of(read_raw(path)), values.astype(kind), rtol=1e-6, atol=0.51 / 64511
        )


def test_floats_below_black_and_above_white_are_light_too(tmp_path):
    values = np.array([[-0.01, 0.0], [0.5, 2.9]] * 2, np.float32).repeat(2, 1)
    noise = numbers_field(tiff.DOUBLE, 1e-3, 1e-6)
    frame = read_raw(float_file(tmp_path / "a.dng", values, 32, 1, t51041=noise))
    np.testing.assert_allclose(light_of(frame), values, atol=2 / 64511 + 1e-6)
    assert frame.shot.baseline_exposure == 2
    assert frame.shot.noise.shot == pytest.approx((1e-3 / 4,) * 3)
    assert frame.shot.noise.read == pytest.approx((1e-6 / 16,) * 3)


def test_what_is_no_number_is_dark(tmp_path):
    values = np.full((8, 8), 0.5, np.float32)
    values[0, 0], values[1, 1] = np.nan, np.inf
    frame = read_raw(float_file(tmp_path / "a.dng", values, 32, 1))
    assert frame.dn[0, 0] == 1024
    assert frame.dn[1, 1] == 65535
    assert frame.shot.baseline_exposure == 0


def test_black_of_floats_counts_in_their_unit(tmp_path):
    values = np.full((8, 8), 0.5, np.float32)
    levels = {"t50714": numbers_field(tiff.RATIONAL, 0.25), "t50717": numbers_field(tiff.LONG, 2)}
    frame = read_raw(float_file(tmp_path / "a.dng", values, 32, 1, **levels))
    assert light_of(frame)[0, 0] == pytest.approx((0.5 - 0.25) / (2 - 0.25), abs=1e-4)


# ---- JPEG XL


@pytest.mark.parametrize("shape", [(70, 90, 3), (70, 90)])
@pytest.mark.parametrize("bits", [12, 16])
def test_jpeg_xl(tmp_path, shape, bits):
    pytest.importorskip("imagecodecs", reason=WHY)
    dn = picture(shape, bits)
    path = written(
        tmp_path / "a.dng",
        dn,
        photometric=LINEAR if len(shape) == 3 else CFA,
        tile=(32, 48),
        compression=52546,
        compressionargs={"lossless": True},
    )
    assert (read_raw(path).dn == dn).all()


def test_a_mosaic_sorted_by_colour_for_jpeg_xl(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    dn = picture((61, 83))
    sorted_rows = np.concatenate([dn[0::2], dn[1::2]])
    stored = np.concatenate([sorted_rows[:, 0::2], sorted_rows[:, 1::2]], axis=1)
    stream = imagecodecs.jpegxl_encode(np.ascontiguousarray(stored), lossless=True)
    path = laid(
        tmp_path / "a.dng",
        [stream],
        dn.shape,
        t259=numbers_field(tiff.LONG, 52546),
        t50975=numbers_field(tiff.LONG, 2),
        t52547=numbers_field(tiff.LONG, 2),
    )
    assert (read_raw(path).dn == dn).all()


def test_floats_in_jpeg_xl(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    values = (picture() / 4096.0).astype(np.float16)
    path = laid(
        tmp_path / "a.dng",
        [imagecodecs.jpegxl_encode(values, lossless=True)],
        values.shape,
        t258=numbers_field(tiff.SHORT, 16, 16, 16),
        t259=numbers_field(tiff.LONG, 52546),
        t339=numbers_field(tiff.SHORT, 3, 3, 3),
    )
    np.testing.assert_allclose(light_of(read_raw(path)), values, atol=0.51 / 64511)


def test_a_damaged_tile_is_named(tmp_path):
    pytest.importorskip("imagecodecs", reason=WHY)
    how = {"tile": (32, 48), "compression": 52546, "compressionargs": {"lossless": True}}
    path = written(tmp_path / "hurt.dng", picture(), **how)
    with tifffile.TiffFile(path) as file:
        at, length = file.pages[0].dataoffsets[3], file.pages[0].databytecounts[3]
    whole = bytearray(path.read_bytes())
    whole[at : at + length // 2] = bytes(length // 2)
    path.write_bytes(whole)
    with pytest.raises(CorruptRaw, match=r"hurt\.dng: tile 3"):
        read_raw(path)


def test_tiles_of_another_size_than_stated_are_refused(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    bomb = imagecodecs.jpegxl_encode(np.zeros((1024, 1024, 3), np.uint16), lossless=True, effort=1)
    path = laid(tmp_path / "bomb.dng", [bomb], (64, 64, 3), t259=numbers_field(tiff.LONG, 52546))
    with pytest.raises(CorruptRaw, match=r"bomb\.dng: tile 0 .*1024 × 1024"):
        read_raw(path)


def test_without_the_library_the_file_says_what_it_needs(tmp_path, monkeypatch):
    pytest.importorskip("imagecodecs", reason=WHY)
    path = written(tmp_path / "a.dng", picture(), tile=(32, 48), compression=52546)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)  # as if it were not installed
    with pytest.raises(UnsupportedRaw, match="imagecodecs") as refused:
        read_raw(path)
    assert "pip install 'lichtbild[jxl]'" in refused.value.hint


# ---- the process of its own


def worker(tmp_path, words):
    path = tmp_path / "worker.py"
    start = "import sys, os, time, struct\nstdin, stdout = sys.stdin.buffer, sys.stdout.buffer\n"
    path.write_text(start + words)
    return path


ANSWER = "stdout.write(struct.pack('<IIII4sQ', {}) + b'x' * {}); stdout.flush()"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("os.abort()", "crashed or hung"),
        ("os.kill(os.getpid(), 11)", "crashed or hung"),
        ("time.sleep(60)", "crashed or hung"),
        ("stdin.read(8); time.sleep(60)", "crashed or hung"),
        ("stdin.read(16); " + ANSWER.format("0, 8, 8, 1, b'<u2', 128", 100), "crashed or hung"),
        ("stdin.read(16); " + ANSWER.format("0, 9, 8, 1, b'<u2', 144", 144), "allowed are 8 × 8 × 1"),
        ("stdin.read(16); " + ANSWER.format("0, 8, 8, 1, b'|O8', 512", 512), "type |O8"),
        ("stdin.read(16); " + ANSWER.format("0, 8, 8, 1, b'<u2', 1 << 60", 128), "holds 8 × 8 × 1"),
        ("stdin.read(16); " + ANSWER.format("1, 0, 0, 0, b'', 4", 4), "damaged (xxxx)"),
    ],
)
def test_a_child_that_goes_wrong_is_a_refused_tile(tmp_path, words, said):
    code = worker(tmp_path, words)
    start = time.monotonic()
    with pytest.raises(InputError, match=r"odd\.dng: tile 0") as refused:
        streams = [np.zeros(8, np.uint8)]
        list(decoded(Path("odd.dng"), streams, [(8, 8, 1)], ("<u2",), worker=code, patience=1.0))
    assert said in str(refused.value)
    assert time.monotonic() - start < 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of processes are Linux's")
def test_the_decoder_cannot_open_files_or_start_processes(tmp_path):
    pytest.importorskip("imagecodecs", reason=WHY)
    probe = f"""
import socket, importlib.util
spec = importlib.util.spec_from_file_location("w", {str(WORKER)!r})
w = importlib.util.module_from_spec(spec); spec.loader.exec_module(w)
w.caged(2 << 30, 60)
stdin.read(16)
got = []
for name, attempt in (("open", lambda: open("/etc/passwd")), ("socket", lambda: socket.socket()),
                      ("write", lambda: os.open({str(tmp_path / "made")!r}, os.O_CREAT | os.O_WRONLY)),
                      ("memory", lambda: bytearray(3 << 30))):
    try:
        attempt(); got.append(name)
    except (OSError, MemoryError):
        pass
words = (",".join(got) or "none").encode()
stdout.write(struct.pack("<IIII4sQ", 1, 0, 0, 0, b"", len(words)) + words); stdout.flush()
"""
    with pytest.raises(CorruptRaw, match=r"damaged \(none\)"):
        code = worker(tmp_path, probe)
        list(decoded(Path("a.dng"), [np.zeros(8, np.uint8)], [(8, 8, 1)], ("<u2",), worker=code))
    assert not (tmp_path / "made").exists()


# ---- the main picture and what is refused


def test_the_main_raw_is_found_among_masks_and_previews(tmp_path):
    dn = picture()

    def page(pixels, kind, photometric, **tags):
        samples = pixels.shape[2] if pixels.ndim == 3 else 1
        fields = {
            254: numbers_field(tiff.LONG, kind),
            256: numbers_field(tiff.LONG, pixels.shape[1]),
            257: numbers_field(tiff.LONG, pixels.shape[0]),
            258: numbers_field(tiff.SHORT, *[8 * pixels.itemsize] * samples),
            262: numbers_field(tiff.LONG, photometric),
            277: numbers_field(tiff.SHORT, samples),
        }
        return Page(fields | {int(t[1:]): v for t, v in tags.items()}, {}, pixels.tobytes())

    mask = RNG.integers(0, 255, (140, 180), np.uint8)
    top = page(np.zeros((12, 16, 3), np.uint8), 1, 2, t50706=numbers_field(tiff.BYTE, 1, 6, 0, 0))
    top.fields[50708] = tiff.ascii_field("Linear Camera")
    top.fields[50721] = numbers_field(tiff.SRATIONAL, *np.eye(3).ravel())
    top.children[tiff.SUB_IFDS] = [
        page(mask, 65540, 52527, t52526=tiff.ascii_field("Semantic_Sky")),
        page(dn.repeat(2, 0), 1, LINEAR),
        page(dn, 0, LINEAR),
        page(dn[::2], 0, LINEAR),
        page(mask, 8, 51177),  # depth
    ]
    path = write_file(tmp_path / "a.dng", tiff_chunks([top]))
    frame = read_raw(path)
    assert (frame.dn == dn).all()
    assert frame.shot.unique == "Linear Camera"
    assert read_shot(path).size == (70, 90)
    assert info(path)["kind"] == "linear"


def test_a_gain_table_of_the_profile_is_kept(tmp_path):
    table = struct.pack("<2I4dI5ff", 1, 1, 1.0, 1.0, 0.5, 0.5, 1, *[0.2] * 5, 1.5)
    frame = read_raw(written(tmp_path / "a.dng", picture(), (52525, 7, len(table), table, True)))
    assert frame.shot.exif["raw"][52525].payload == table


def sides(width, height):
    return {"t322": numbers_field(tiff.LONG, width), "t323": numbers_field(tiff.LONG, height)}


@pytest.mark.parametrize(
    ("tags", "error", "words"),
    [
        ({"t258": numbers_field(tiff.SHORT, 16, 16, 12)}, UnsupportedRaw, "bits per colour"),
        ({"t258": numbers_field(tiff.SHORT, 64)}, UnsupportedRaw, "64-bit"),
        ({"t258": numbers_field(tiff.SHORT, 8), "t339": numbers_field(tiff.SHORT, 3)}, UnsupportedRaw, "8-b"),
        ({"t278": numbers_field(tiff.LONG, 4)}, CorruptRaw, "1 strips or tiles, its 8 × 8 pixels need 2"),
        ({"t317": numbers_field(tiff.SHORT, 2)}, UnsupportedRaw, "predictor 2"),
        (sides(60000, 60000), CorruptRaw, "tiles of"),
        (sides(4, 8), CorruptRaw, "need 2"),
        (sides(16, 16), CorruptRaw, "strip 0|tile 0"),
        ({"t50712": numbers_field(tiff.LONG, 70000)}, CorruptRaw, "LinearizationTable"),
        ({"t50975": numbers_field(tiff.LONG, 9)}, CorruptRaw, "fields"),
        ({"t50974": numbers_field(tiff.LONG, 2, 2)}, UnsupportedRaw, "smaller tiles"),
        ({"t50830": numbers_field(tiff.LONG, 0, 0, 9, 9)}, CorruptRaw, "MaskedAreas"),
        ({"t50717": numbers_field(tiff.LONG, 9, 0, 9)}, CorruptRaw, "white levels"),
        ({"t259": numbers_field(tiff.SHORT, 7)}, CorruptRaw, r"strip 0 is damaged \(no JPEG"),
        ({"t259": numbers_field(tiff.SHORT, 8)}, CorruptRaw, "strip 0 is damaged"),
        ({"t259": numbers_field(tiff.SHORT, 5)}, InputError, "odd.dng"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path, tags, error, words):
    block = bytes(range(256)) + bytes(128)
    with pytest.raises(error, match=words) as refused:
        read_raw(laid(tmp_path / "odd.dng", [block], (8, 8, 3), **tags))
    assert "odd.dng" in str(refused.value)


def test_a_deflate_bomb_stays_small(tmp_path):
    block = zlib.compress(bytes(1 << 26))
    path = laid(tmp_path / "a.dng", [block], (64, 64, 3), t259=numbers_field(tiff.SHORT, 8))
    assert (read_raw(path).dn == 0).all()  # what the pixels take, and no more
    path = laid(tmp_path / "b.dng", [block[:400]], (8192, 8192, 3), t259=numbers_field(tiff.SHORT, 8))
    with pytest.raises(CorruptRaw, match="cannot hold"):
        read_raw(path)


@pytest.mark.parametrize("packing", ["plain", "deflate", "ljpeg", "jxl"])
def test_damage_is_refused_or_read_but_nothing_else(tmp_path, packing):
    pytest.importorskip("imagecodecs", reason=WHY)
    how = {
        "plain": {},
        "deflate": {"compression": "adobe_deflate", "predictor": 2},
        "ljpeg": {"compression": 7, "bitspersample": 16, "compressionargs": {"lossless": True}},
        "jxl": {"compression": 52546, "compressionargs": {"lossless": True}},
    }[packing]
    dn = picture((32, 48)) if packing == "ljpeg" else picture((32, 48, 3))
    photometric = CFA if packing == "ljpeg" else LINEAR
    whole = written(tmp_path / "a.dng", dn, photometric=photometric, tile=(32, 32), **how).read_bytes()
    path, refused = tmp_path / "hurt.dng", 0
    rounds = 6 if packing == "jxl" else 150
    for _ in range(rounds):
        hurt = bytearray(whole)
        for at in RNG.integers(0, len(hurt), RNG.integers(1, 12)):
            hurt[at] = RNG.integers(0, 256)
        path.write_bytes(hurt[: RNG.integers(len(hurt) // 2, len(hurt) + 200)])
        try:
            assert read_raw(path).dn.size <= 64 * len(whole)
        except InputError as error:
            assert "hurt.dng" in str(error)
            refused += 1
    assert refused > rounds // 4


def test_lossless_jpeg_survives_any_damage(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason=WHY)
    whole = imagecodecs.jpeg8_encode(picture((16, 16)), lossless=True, bitspersample=16, predictor=1)
    refused = 0
    for k in range(200):
        hurt = bytearray(whole)
        for at in RNG.integers(0, len(hurt) if k % 2 else 80, 3):
            hurt[at] = RNG.integers(0, 256)
        path = laid(tmp_path / "a.dng", [bytes(hurt)], (16, 16), t259=numbers_field(tiff.SHORT, 7))
        try:
            read_raw(path)
        except InputError:
            refused += 1
    assert refused > 50
