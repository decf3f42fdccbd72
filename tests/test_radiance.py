# SPDX-License-Identifier: Apache-2.0
"""Radiance pictures: every kind of scanline, the header, what is damaged, and a second program's opinion."""

import numpy as np
import pytest

from lichtbild.base.errors import InputError
from lichtbild.simulate.files import LUMINANCE, picture_scene
from lichtbild.simulate.radiance import read_radiance

RNG = np.random.default_rng(8)


def rgbe(rgb):
    """Radiance pixels "h w 4" of light "h w 3"."""
    top = np.maximum(rgb.max(axis=2), 1e-37)
    exponent = np.floor(np.log2(top)).astype(int) + 1
    mantissa = np.floor(rgb * 2.0 ** (8 - exponent[..., None]))
    packed = np.concatenate([mantissa, exponent[..., None] + 128], axis=2).astype(np.uint8)
    packed[top < 1e-36] = 0
    return packed


def runs(component):
    """One component of a scanline, as runs where there are any."""
    out, x = b"", 0
    while x < len(component):
        n = 1
        while x + n < len(component) and n < 127 and component[x + n] == component[x]:
            n += 1
        out += bytes((128 + n, component[x])) if n > 2 else bytes((n, *component[x : x + n]))
        x += n
    return out


def radiance(path, pixels, *, kind="new", head=b"", resolution=None):
    h, w, _ = pixels.shape
    body = b""
    for row in pixels:
        if kind == "new":
            body += bytes((2, 2, w >> 8, w & 255)) + b"".join(runs(row[:, c].tolist()) for c in range(4))
        elif kind == "old":
            x = 0
            while x < w:
                n = 1
                while x + n < w and (row[x + n] == row[x]).all():
                    n += 1
                body += row[x].tobytes()
                left = n - 1
                while left:  # the count grows by eight bits from run to run
                    body += bytes((1, 1, 1, left & 255)) if left & 255 else b""
                    left >>= 8
                    assert left == 0
                x += n
        else:
            body += row.tobytes()
    size = resolution or f"-Y {h} +X {w}"
    path.write_bytes(b"#?RADIANCE\n" + head + b"FORMAT=32-bit_rle_rgbe\n\n" + size.encode() + b"\n" + body)
    return path


@pytest.mark.parametrize("kind", ["flat", "old", "new"])
def test_radiance_in_all_its_kinds(tmp_path, kind):
    light = RNG.random((20, 60, 3)) * 10.0 ** RNG.uniform(-6, 6, (20, 60, 1))
    light[5:8, 10:40] = light[5, 10]  # something to run over
    light[9] = 0
    pixels = rgbe(light)
    read, primaries = read_radiance(radiance(tmp_path / "a.hdr", pixels, kind=kind))
    step = 2.0 ** (pixels[..., 3].astype(float) - 136)
    assert primaries is None and read.shape == (3, 20, 60) and (read[:, 9] == 0).all()
    off = np.abs(np.moveaxis(read, 0, 2) - light)
    assert (off[step > 1e-38] <= 0.5001 * np.broadcast_to(step[..., None], off.shape)[step > 1e-38]).all()


def test_another_program_reads_radiance_alike(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="a second opinion on Radiance files")
    light = (RNG.random((30, 50, 3)) * 10.0 ** RNG.uniform(-3, 3, (30, 50, 1))).astype(np.float32)
    assert cv2.imwrite(str(tmp_path / "a.hdr"), np.ascontiguousarray(light[..., ::-1]))
    read = np.moveaxis(read_radiance(tmp_path / "a.hdr")[0], 0, 2)
    theirs = cv2.imread(str(tmp_path / "a.hdr"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    unit = theirs.max(axis=2, keepdims=True) / 128  # one step of the largest is at most this
    assert (np.abs(read - theirs) <= 0.51 * unit).all() and (np.abs(read - light) <= 1.01 * unit).all()


def test_radiance_headers(tmp_path):
    pixels = rgbe(RNG.random((6, 9, 3)) + 0.1)
    plain = read_radiance(radiance(tmp_path / "a.hdr", pixels))[0]
    said = b"EXPOSURE=4\nEXPOSURE=0.5\nPRIMARIES=0.64 0.33 0.3 0.6 0.15 0.06 0.3127 0.329\n"
    read, primaries = read_radiance(radiance(tmp_path / "b.hdr", pixels, head=said, resolution="+Y 6 -X 9"))
    np.testing.assert_allclose(read[:, ::-1, ::-1], plain / 2)
    assert primaries == (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    canvas = np.empty((3, 6, 9), np.float32)
    fill = picture_scene(tmp_path / "b.hdr").fill
    assert fill
    fill(canvas, 0, 1)
    luminance = np.einsum("c,cyx->yx", LUMINANCE, canvas.astype(np.float64))
    assert 2 ** np.log2(luminance).mean() == pytest.approx(0.18, rel=0.01)


@pytest.mark.parametrize(
    "old, new, words",
    [
        (b"#?RADIANCE", b"#?RADIANT!", "does not begin"),
        (b"FORMAT=32-bit_rle_rgbe", b"FORMAT=32-bit_rle_xyze", "xyze"),
        (b"-Y 6 +X 9", b"+X 9 -Y 6", "resolution"),
        (b"-Y 6 +X 9", b"-Y 6 +X x", "width"),
        (b"-Y 6 +X 9", b"-Y 99999 +X 99999", "million"),
        (b"-Y 6 +X 9", b"-Y 7 +X 9", "cut short"),
        (b"\2\2\0\x09", b"\2\2\0\x09\0", "damaged"),
        (b"\n\n", b"\n \n", "header"),
    ],
)
def test_damaged_radiance(tmp_path, old, new, words):
    path = radiance(tmp_path / "a.hdr", rgbe(RNG.random((6, 9, 3)) + 0.1))
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        picture_scene(path)
