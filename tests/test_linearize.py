# SPDX-License-Identifier: Apache-2.0
"""Linearize: the kernel equals the formula, phases do not matter, shading and defects go, the noise is what
was put in."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import BGGR, GBRG, GRBG, RGGB, Burst, Noise, RawFrame, Shot
from lichtbild.capture.linearize import Linearize, estimate_noise, linearize
from lichtbild.capture.opcodes import read_opcodes
from lichtbild.capture.raw import read_raw

PHASES = [RGGB, GRBG, GBRG, BGGR]
NEUTRAL = (0.5, 1.0, 0.625)
STILL = Linearize(hot_pixels=0)


def frame(dn, **fields):
    said = {
        "black": np.full((2, 2), 64, np.float32),
        "white": 1023.0,
        "neutral": NEUTRAL,
        "noise": Noise((1e-4,) * 3, (1e-6,) * 3),
    }
    return RawFrame(dn, Shot(Path("a.dng"), dn.shape[:2], **(said | fields)))


def numbers(rng, size):
    return rng.integers(30, 1024, size, np.uint16)


def gain_maps(size, gain, first=(0, 0)):
    """Four maps as phones write them, one per place of the 2 × 2 cell."""
    v, h = gain.shape[1:]
    body = b""
    for k, (top, left) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        head = struct.pack(
            ">8I2I4dI", top, left, *size, 0, 1, 2, 2, v, h, 1 / (v - 1), 1 / (h - 1), *first, 1
        )
        body += (
            struct.pack(">4I", 9, 0x01030000, 0, len(head) + 4 * v * h)
            + head
            + gain[k].astype(">f4").tobytes()
        )
    return read_opcodes(struct.pack(">I", 4) + body, Path("a"), 2)


def vignette(*k, centre=(0.5, 0.5)):
    return read_opcodes(struct.pack(">5I7d", 1, 3, 0x01030000, 0, 56, *k, *centre), Path("a"), 2)


def twin(raw, gain, power=1.0):
    """The formula of the module in plain NumPy, in double precision."""
    s, dn = raw.shot, raw.dn.astype(np.float64)
    h, w = dn.shape
    y, x = np.mgrid[:h, :w]
    black = s.black[y % s.black.shape[0], x % s.black.shape[1]].astype(np.float64)
    highest = s.black.max()
    if s.black_rows is not None:
        black, highest = black + s.black_rows[:, None], highest + max(s.black_rows.max(), 0)
    if s.black_columns is not None:
        black, highest = black + s.black_columns[None], highest + max(s.black_columns.max(), 0)
    colour = np.array(s.pattern)[2 * (y % 2) + x % 2]
    shade = np.ones((h, w))
    for o in s.opcodes[1]:
        if o.name == "GainMap":
            top, left, bottom, right, _, _, down, across = o.values["area"]
            m, (sv, sh), (ov, oh) = o.values["gain"][..., 0], o.values["spacing"], o.values["origin"]
            u = np.clip(((y + 0.5) / h - ov) / sv, 0, m.shape[0] - 1)
            v = np.clip(((x + 0.5) / w - oh) / sh, 0, m.shape[1] - 1)
            i, j = np.minimum(u.astype(int), m.shape[0] - 2), np.minimum(v.astype(int), m.shape[1] - 2)
            a, b = u - i, v - j
            g = (m[i, j] ** power * (1 - b) + m[i, j + 1] ** power * b) * (1 - a) + (
                m[i + 1, j] ** power * (1 - b) + m[i + 1, j + 1] ** power * b
            ) * a
            inside = (
                (y >= top)
                & (y < bottom)
                & (x >= left)
                & (x < right)
                & ((y - top) % down == 0)
                & ((x - left) % across == 0)
            )
            shade = np.where(inside, shade * g, shade)
        else:
            k, (cx, cy) = o.values["coefficients"], o.values["centre"]
            cx, cy = cx * (w - 1), cy * (h - 1)
            r = ((x - cx) ** 2 + (y - cy) ** 2) / (max(cx, w - 1 - cx) ** 2 + max(cy, h - 1 - cy) ** 2)
            shade = shade * (1 + sum(k[n] * r ** (n + 1) for n in range(5))) ** power
    return (np.minimum(dn, s.white) - black) / (s.white - highest) * np.array(gain)[colour] * shade, shade


# ---- twin


@pytest.mark.parametrize("pattern", PHASES)
@pytest.mark.parametrize("size", [(40, 56), (41, 57)])
def test_the_kernel_equals_its_twin(pattern, size):
    rng = np.random.default_rng(1)
    raw = frame(
        numbers(rng, size),
        pattern=pattern,
        black=rng.uniform(50, 70, (4, 6)).astype(np.float32),
        black_rows=rng.normal(0, 3, size[0]).astype(np.float32),
        black_columns=rng.normal(0, 3, size[1]).astype(np.float32),
        opcodes=(
            (),
            gain_maps(size, rng.uniform(1, 3, (4, 5, 7)))
            + vignette(0.1, 0.2, 0.0, -0.05, 0.1, centre=(0.4, 0.6)),
            (),
        ),
    )
    made = linearize(Burst((raw,)), STILL)[0]
    wanted, shade = twin(raw, made.gain)
    np.testing.assert_allclose(made.cfa, wanted, rtol=2e-6, atol=2e-6)
    assert made.cfa.dtype == np.float32
    padded = np.pad(shade, ((0, size[0] % 2), (0, size[1] % 2)), mode="edge")
    np.testing.assert_allclose(
        made.shading, padded.reshape(padded.shape[0] // 2, 2, -1, 2).mean((1, 3)), rtol=1e-6
    )


def test_a_share_of_the_shading_is_a_power_of_it():
    rng = np.random.default_rng(2)
    raw = frame(
        numbers(rng, (40, 56)),
        opcodes=((), gain_maps((40, 56), rng.uniform(1, 4, (4, 5, 7))) + vignette(0.3, 0, 0, 0, 0), ()),
    )
    half = linearize(Burst((raw,)), Linearize(hot_pixels=0, shading=0.5))[0]
    np.testing.assert_allclose(half.cfa, twin(raw, half.gain, 0.5)[0], rtol=5e-6, atol=5e-6)
    none = linearize(Burst((raw,)), Linearize(hot_pixels=0, shading=0))[0]
    assert none.shading is None
    plain = replace(raw, shot=replace(raw.shot, opcodes=((), (), ())))
    assert (none.cfa == linearize(Burst((plain,)), STILL)[0].cfa).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_change_a_bit(threads):
    rng = np.random.default_rng(3)
    raw = frame(numbers(rng, (130, 70)), opcodes=((), gain_maps((130, 70), rng.uniform(1, 4, (4, 5, 7))), ()))
    before = linearize(Burst((raw,)))[0]
    kernels.set_threads(threads)
    try:
        after = linearize(Burst((raw,)))[0]
    finally:
        kernels.set_threads(0)
    assert before.cfa.tobytes() == after.cfa.tobytes()


# ---- laws


def test_a_phase_is_only_a_shift_of_the_same_scene():
    rng = np.random.default_rng(4)
    scene = numbers(rng, (42, 58))
    whole = linearize(Burst((frame(scene, pattern=RGGB),)), STILL)[0].cfa
    for pattern, (y, x) in ((GRBG, (0, 1)), (GBRG, (1, 0)), (BGGR, (1, 1))):
        part = np.ascontiguousarray(scene[y : y + 40, x : x + 56])
        assert (
            linearize(Burst((frame(part, pattern=pattern),)), STILL)[0].cfa == whole[y : y + 40, x : x + 56]
        ).all()


def test_nothing_is_cut_at_black_and_white_is_the_gain():
    dn = np.zeros((16, 16), np.uint16)
    dn[8:] = 1023
    made = linearize(Burst((frame(dn),)), STILL)[0]
    assert made.gain == (2.0, 1.0, 1.6)
    assert made.cfa[0, 0] == pytest.approx(-64 / 959 * 2)
    np.testing.assert_allclose(made.cfa[8:10, :2], [[2.0, 1.0], [1.0, 1.6]], rtol=1e-6)


def test_the_clipped_are_marked_and_values_above_white_are_white():
    dn = np.full((16, 16), 500, np.uint16)
    dn[4, 4], dn[5, 7], dn[6, 6], dn[8, 9] = 1023, 1020, 1015, 5000
    made = linearize(Burst((frame(dn),)), STILL)[0]
    assert sorted(zip(*(i.tolist() for i in np.nonzero(made.clipped)), strict=True)) == [
        (4, 4),
        (5, 7),
        (8, 9),
    ]
    assert made.cfa[8, 9] == pytest.approx(1.0)


def test_the_noise_is_raised_by_the_gain():
    made = linearize(Burst((frame(np.full((16, 16), 500, np.uint16)),)), STILL)[0]
    assert made.noise == Noise((1e-4,) * 3, (1e-6,) * 3).scaled((2.0, 1.0, 1.6))


def test_one_white_balance_for_the_burst():
    rng = np.random.default_rng(6)
    frames = tuple(
        frame(numbers(rng, (16, 16)), neutral=n) for n in ((0.5, 1, 0.5), NEUTRAL, (1.0, 0.5, 0.25))
    )
    made = linearize(Burst(frames, 1), STILL)
    assert made.reference == 1
    assert {m.gain for m in made} == {(2.0, 1.0, 1.6)}
    assert made.history == ("linearize hot_pixels=0.0",)


def test_without_a_neutral_a_grey_scene_is_still_grey():
    rng = np.random.default_rng(7)
    grey = rng.uniform(50, 400, (8, 8)).repeat(16, 0).repeat(16, 1)
    cell = np.array([[0.5, 1.0], [1.0, 0.625]])
    dn = (64 + grey * np.tile(cell, (64, 64))).astype(np.uint16)
    with pytest.warns(FallbackWarning, match="white balance"):
        made = linearize(Burst((frame(dn, neutral=None),)), STILL)[0]
    np.testing.assert_allclose(made.gain, (2.0, 1.0, 1.6), rtol=0.01)
    assert made.shot.neutral == pytest.approx(NEUTRAL, rel=0.01)


@pytest.mark.parametrize("kind", ["mono", "linear"])
def test_other_kinds_become_light_too(kind):
    rng = np.random.default_rng(8)
    dn = numbers(rng, (33, 21, 3) if kind == "linear" else (33, 21))
    black = (
        np.broadcast_to(np.array([60, 62, 64], np.float32), (2, 2, 3)).copy()
        if kind == "linear"
        else np.full((2, 2), 64, np.float32)
    )
    made = linearize(Burst((frame(dn, kind=kind, black=black),)), STILL)[0]
    gain = np.array(made.gain)
    assert made.gain == ((2.0, 1.0, 1.6) if kind == "linear" else (1.0, 1.0, 1.0))
    wanted = (dn - (black[0, 0] if kind == "linear" else 64.0)) / 959 * (gain if kind == "linear" else 1)
    np.testing.assert_allclose(made.cfa, wanted, rtol=1e-5, atol=1e-6)
    full = dn >= 1019  # a sample of linear light clips for its own colour only
    wanted = (full << np.arange(3)).sum(axis=2) if kind == "linear" else full
    np.testing.assert_array_equal(made.clipped, wanted)


def test_an_opcode_that_is_not_applied_is_named():
    raw = frame(np.full((16, 16), 500, np.uint16))
    must = read_opcodes(struct.pack(">5I2f", 1, 99, 0x01030000, 0, 8, 1, 2), Path("a"), 2)
    with pytest.warns(FallbackWarning, match="opcode 99"):
        linearize(Burst((replace(raw, shot=replace(raw.shot, opcodes=((), must, ()))),)), STILL)


# ---- defects


def flat_burst(count, rng, level=300, size=(128, 160)):
    light = np.full(size, level / 959)
    frames = []
    for _ in range(count):
        noisy = light + rng.normal(size=size) * np.sqrt(1e-3 * light + 1e-5)
        frames.append(np.clip(np.rint(64 + 959 * noisy), 0, 1023).astype(np.uint16))
    return frames


NOISE = Noise((1e-3,) * 3, (1e-5,) * 3)


@pytest.mark.parametrize("count", [1, 4])
def test_defects_go_and_nothing_else_changes(count):
    rng = np.random.default_rng(9)
    clean = flat_burst(count, rng)
    sites = [
        (int(y), int(x)) for y, x in zip(rng.permutation(128)[:30], rng.permutation(160)[:30], strict=True)
    ]
    if count > 1:
        sites.append((sites[0][0], sites[0][1] - 1))  # a pair
    bad = [dn.copy() for dn in clean]
    for k, (y, x) in enumerate(sites):
        for dn in bad:
            dn[y, x] = 1023 if k % 3 else 70
    made = linearize(Burst(tuple(frame(dn, noise=NOISE, neutral=(1.0, 1.0, 1.0)) for dn in bad)))
    for k, dn in enumerate(clean):
        light = linearize(Burst((frame(dn, noise=NOISE, neutral=(1.0, 1.0, 1.0)),)), STILL)[0].cfa
        differ = made[k].cfa != light
        assert {(int(y), int(x)) for y, x in zip(*np.nonzero(differ), strict=True)} <= set(sites)
        assert abs(made[k].cfa - light).max() < 8 * np.sqrt(1e-3 * 0.32 + 1e-5)
        assert not made[k].clipped.any()


def test_stars_stay():
    rng = np.random.default_rng(10)
    y, x = np.mgrid[:128, :160]
    still, moving = flat_burst(1, rng, 100), flat_burst(4, rng, 100)
    stars = [(rng.uniform(8, 120), rng.uniform(8, 150)) for _ in range(40)]
    for k, dn in enumerate((*still, *moving)):
        for sy, sx in stars:  # a sharp lens: 0.6 px
            light = 2500 * np.exp(-((y - sy - 1.3 * k) ** 2 + (x - sx + 0.7 * k) ** 2) / (2 * 0.6**2))
            dn[:] = np.minimum(dn + light, 1023).astype(np.uint16)
    for burst in (still, moving):
        raws = Burst(tuple(frame(dn, noise=NOISE, neutral=(1.0, 1.0, 1.0)) for dn in burst))
        assert (linearize(raws)[0].cfa == linearize(raws, STILL)[0].cfa).all()


def test_bad_pixels_the_camera_knows_are_replaced():
    dn = flat_burst(1, np.random.default_rng(11))[0]
    dn[20, 31] = 0
    listing = read_opcodes(
        struct.pack(">5I3I2I4I", 1, 5, 0x01030000, 1, 36, 0, 1, 1, 40, 41, 60, 60, 62, 61), Path("a"), 1
    )
    constant = read_opcodes(struct.pack(">5I2I", 1, 4, 0x01030000, 1, 8, 0, 0), Path("a"), 1)
    raw = frame(dn, noise=NOISE)
    before = linearize(Burst((raw,)), STILL)[0].cfa
    after = linearize(
        Burst((replace(raw, shot=replace(raw.shot, opcodes=(listing + constant, (), ()))),)), STILL
    )[0].cfa
    changed = {(int(y), int(x)) for y, x in zip(*np.nonzero(before != after), strict=True)}
    assert {(20, 31)} <= changed <= {(20, 31), (40, 41), (60, 60), (61, 60)}
    assert len(changed) >= 3


# ---- noise


@pytest.mark.parametrize("level", [(2e-4, 4e-7), (1e-3, 1e-5), (1e-2, 3e-4)])
def test_the_noise_that_was_put_in_comes_back(level):
    rng = np.random.default_rng(12)
    shot, read = level
    patches = rng.uniform(0.01, 0.8, (12, 16)).repeat(48, 0).repeat(48, 1)
    edges = 0.05 * np.sin(np.arange(768) / 3.0) * (np.arange(768) > 500)  # a third of the picture is texture
    light = patches + edges
    dn = np.clip(
        np.rint(64 + 959 * (light + rng.normal(size=light.shape) * np.sqrt(shot * light.clip(0) + read))),
        0,
        1023,
    )
    found = estimate_noise(Burst((frame(dn.astype(np.uint16), noise=None),)))
    assert found.shot[0] == pytest.approx(shot, rel=0.1)
    at_black = read + 1 / 12 / 959**2
    assert found.shot[0] * 0.02 + found.read[0] == pytest.approx(shot * 0.02 + at_black, rel=0.15)


def test_the_noise_of_a_real_camera(data_dir):
    raw = read_raw(data_dir / "raw" / "S40_CRW_0117.CRW")
    found = estimate_noise(Burst((raw,)))
    for x in (0.02, 0.1, 0.5):
        assert found.shot[0] * x + found.read[0] == pytest.approx(1.19e-4 * x + 7e-7, rel=0.1)


# ---- real files


def test_injected_bad_pixels_of_a_real_photo_are_found(data_dir):
    clean, bad = (
        np.fromfile(data_dir / "raw" / f"DSC_1339_768x512_{n}.raw", "<u2").reshape(512, 768)
        for n in ("rggb", "rggb_bpc_test")
    )
    levels = {"black": np.full((2, 2), 600, np.float32), "white": 16383.0, "noise": None}
    with_defects, without = (Burst((frame(dn, **levels),)) for dn in (bad, clean))
    repaired, plain = linearize(with_defects)[0].cfa, linearize(without, STILL)[0].cfa
    untouched = linearize(with_defects, STILL)[0].cfa
    injected = clean != bad
    assert (repaired != untouched)[injected].mean() > 0.85
    assert (repaired != untouched)[~injected].mean() < 2e-4
    assert abs(repaired - plain)[injected].mean() < 0.1 * abs(untouched - plain)[injected].mean()


def test_a_wide_lens_is_lifted_and_neutral_to_the_corners(data_dir):
    """A chart on a grey wall: the map lifts the corners, and they are as grey as the middle of the edges."""
    raw = read_raw(data_dir / "raw" / "Hero7_GOPR8508.DNG")
    made, plain = (linearize(Burst((raw,)), Linearize(hot_pixels=0, shading=k))[0] for k in (1.0, 0.0))
    assert made.shading is not None
    assert made.shading[740:760, 990:1010].max() < 1.05
    assert made.shading.max() == pytest.approx(1.93, abs=0.01)

    def wall(cfa):
        cells = cfa.reshape(1500, 2, 2000, 2)
        colours = np.stack([cells[:, 0, :, 0], cells[:, 0, :, 1], cells[:, 1, :, 1]], -1)
        return np.array(
            [colours[y : y + 60, x : x + 60].mean((0, 1)) for y in (20, 1420) for x in (20, 970, 1920)]
        )

    corners = [0, 2, 3, 5]
    assert (wall(made.cfa)[corners] > 1.4 * wall(plain.cfa)[corners]).all()
    hues = wall(made.cfa)[:, [0, 2]] / wall(made.cfa)[:, 1:2]
    assert (abs(hues / hues.mean(0) - 1) < 0.03).all()
