# SPDX-License-Identifier: Apache-2.0
"""Laws of the TIFF reader and writer: what is written reads back; damage has one name; files are whole or
absent."""

import os
import resource
import struct

import numpy as np
import pytest
import tifffile

from lichtbild.base import tiff
from lichtbild.base.directories import MOST_ENTRIES, read_directories
from lichtbild.base.errors import CorruptRaw, ExportError
from lichtbild.base.tiff import Field, Page, numbers_field, tiff_chunks, write_file

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint16).reshape(5, 7, 3)


def page(**more):
    fields = {
        256: numbers_field(tiff.LONG, 7),
        257: numbers_field(tiff.LONG, 5),
        258: numbers_field(tiff.SHORT, 16, 16, 16),
        259: numbers_field(tiff.SHORT, 1),
        262: numbers_field(tiff.SHORT, 2),
        277: numbers_field(tiff.SHORT, 3),
        284: numbers_field(tiff.SHORT, 1),
        270: tiff.ascii_field("Grüße"),
    }
    return Page(fields, strip=PIXELS.data, **more)


def test_what_is_written_reads_back(tmp_path):
    values = {
        tiff.BYTE: (1, 255),
        tiff.SHORT: (65535,),
        tiff.LONG: (1, 2**32 - 1),
        tiff.RATIONAL: (0.25, 3.0),
        tiff.SBYTE: (-3,),
        tiff.SSHORT: (-300, 4),
        tiff.SLONG: (-(2**31),),
        tiff.SRATIONAL: (-0.125, 7.5),
        tiff.FLOAT: (0.5, -2.0, 3.0),
        tiff.DOUBLE: (1e-9, 0.1),
    }
    made = Page({1000 + kind: numbers_field(kind, *v) for kind, v in values.items()})
    (read,) = read_directories(write_file(tmp_path / "a.tif", tiff_chunks([made])))
    for kind, v in values.items():
        assert read.numbers(1000 + kind) == v
        assert read.fields[1000 + kind].type == kind


def test_tifffile_reads_the_pixels_of_every_page(tmp_path):
    sub, second = page(), page()
    first = page(
        children={tiff.SUB_IFDS: [sub], tiff.EXIF_IFD: [Page({33437: numbers_field(tiff.RATIONAL, 1.8)})]}
    )
    path = write_file(tmp_path / "a.tif", tiff_chunks([first, second]))
    with tifffile.TiffFile(path) as read:
        assert len(read.pages) == 2
        assert all((p.asarray() == PIXELS).all() for p in (*read.pages, read.pages[0].pages[0]))
        assert read.pages[0].description == "Grüße"
    chain = read_directories(path)
    assert chain[0].children[tiff.EXIF_IFD][0].number(33437) == 1.8
    assert chain[0].text(270) == "Grüße"


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_mean_the_same(tmp_path, order):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        PIXELS,
        byteorder=order,
        photometric="rgb",
        metadata=None,
        extratags=[(50728, 5, 3, (1, 2, 1, 1, 3, 4), True), (51041, 12, 2, (1e-4, 1e-7), True)],
    )
    (read,) = read_directories(path)
    assert read.numbers(50728) == (0.5, 1.0, 0.75)
    assert read.numbers(51041) == (1e-4, 1e-7)
    assert read.order == order


def raw_file(tmp_path, payload):
    path = tmp_path / "bad.dng"
    path.write_bytes(payload)
    return path


def head(entries, following=0):
    rows = b"".join(struct.pack("<HHII", *e) for e in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + rows + struct.pack("<I", following)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "outside"),
        (b"II*\0", "outside"),
        (b"hello, world", "not a TIFF container"),
        (struct.pack("<2sHI", b"II", 42, 99), "outside"),
        (head([(270, 2, 1000, 200)]), "tag 270 in IFD0"),
        (head([(256, 4, 1, 1)], following=8), "leads back"),
        (head([(330, 4, 1, 8)]), "leads back"),
        (head([(256, 4, 1, 1)])[:-6], "outside"),
        (struct.pack("<2sHIH", b"II", 42, 8, MOST_ENTRIES + 1), "more than"),
    ],
)
def test_damage_is_named(tmp_path, payload, words):
    with pytest.raises(CorruptRaw, match=words) as refused:
        read_directories(raw_file(tmp_path, payload))
    assert "bad.dng" in str(refused.value)


def test_directories_nest_only_so_deep(tmp_path):
    nested = Page({256: numbers_field(tiff.LONG, 1)})
    for _ in range(5):
        nested = Page({256: numbers_field(tiff.LONG, 1)}, {tiff.SUB_IFDS: [nested]})
    with pytest.raises(CorruptRaw, match="nested deeper"):
        read_directories(write_file(tmp_path / "a.tif", tiff_chunks([nested])))


def test_a_value_too_long_is_refused_when_it_is_asked_for(tmp_path):
    (read,) = read_directories(raw_file(tmp_path, head([(51009, 7, 2**31, 0), (256, 4, 1, 3)])))
    assert read.integer(256, 0) == 3
    with pytest.raises(CorruptRaw, match="51009"):
        read.payload(51009)


def test_a_rational_over_zero_is_damage_where_a_number_is_needed(tmp_path):
    made = Page({50728: Field(tiff.RATIONAL, struct.pack("<II", 1, 0))})
    (read,) = read_directories(write_file(tmp_path / "a.tif", tiff_chunks([made])))
    with pytest.raises(CorruptRaw, match="finite"):
        read.numbers(50728)


def test_an_existing_file_stays_unless_told_otherwise(tmp_path):
    path = write_file(tmp_path / "a", [b"old"])
    with pytest.raises(ExportError, match="exists"):
        write_file(path, [b"new"])
    assert path.read_bytes() == b"old"
    assert write_file(path, [b"n", b"ew"], overwrite=True).read_bytes() == b"new"


def test_a_missing_folder_and_a_folder_in_the_way_are_named(tmp_path):
    with pytest.raises(ExportError, match="no folder"):
        write_file(tmp_path / "none" / "a", [b"x"])
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="file is no folder"):
        write_file(tmp_path / "file" / "a", [b"x"])
    with pytest.raises(ExportError, match="/proc/a could not be written"):
        write_file("/proc/a", [b"x"])
    with pytest.raises(ExportError, match="is a folder"):
        write_file(tmp_path, [b"x"], overwrite=True)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
def test_nothing_half_written_is_left(tmp_path, stop):
    path = write_file(tmp_path / "a", [b"old"])

    def chunks():
        yield b"half"
        raise stop

    with pytest.raises(stop):
        write_file(path, chunks(), overwrite=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path):
    name = "n" * os.pathconf(tmp_path, "PC_NAME_MAX")
    assert write_file(tmp_path / name, [b"x"]).read_bytes() == b"x"
    with pytest.raises(ExportError, match="could not be written") as told:
        write_file(tmp_path / f"{name}n", [b"x"])
    assert "another name" in told.value.hint and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_nothing(tmp_path):
    pid = os.fork()
    if pid == 0:  # the limit would stay with the process
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_file(tmp_path / "a", [b"x" * 5000])
        except ExportError as error:
            os._exit(0 if error.hint and not list(tmp_path.iterdir()) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
