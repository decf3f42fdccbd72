# SPDX-License-Identifier: Apache-2.0
"""Colours of a chart: every error that is put in is found, and told from the others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.colour import D50_XYZ, D65, SRGB, adaptation, delta_e, lab_to_xyz, xy_to_xyz
from lichtbild.base.errors import InputError
from lichtbild.base.image import CameraColour, RawFrame, Shot
from lichtbild.quality.colours.colour import patches
from lichtbild.quality.colours.patches import CLASSIC
from lichtbild.quality.colours.swatches import sampled, unevenness
from lichtbild.quality.picture import Picture

LAB = np.array(list(CLASSIC.values()))
NAMES = tuple(CLASSIC)
TO_RGB = SRGB.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65))
SIDE = 20


def quads():
    corners = np.array([[2, 2], [2, SIDE - 3], [SIDE - 3, SIDE - 3], [SIDE - 3, 2]], float)
    return np.array([corners + np.array([SIDE * (k // 6), SIDE * (k % 6)]) for k in range(24)])


def painted(colours):
    """A picture of 24 patches on a dark card."""
    rgb = np.full((4 * SIDE, 6 * SIDE, 3), 0.03, np.float32)
    for k, colour in enumerate(colours):
        y, x = SIDE * (k // 6), SIDE * (k % 6)
        rgb[y + 2 : y + SIDE - 2, x + 2 : x + SIDE - 2] = colour
    return rgb


def photo(lab=LAB, gain=(1.0, 1.0, 1.0), **words):
    return Picture(painted(lab_to_xyz(lab) @ TO_RGB.T * gain), **words)


def measured(picture, **words):
    return patches(picture, quads(), LAB, names=NAMES, **words)


def test_a_perfect_picture_has_no_error():
    found = measured(photo(), where="chart")
    for name in (
        "ΔE00 mean",
        "ΔE00 largest",
        "ΔE*ab mean",
        "ΔH mean",
        "white balance error",
        "ΔE00 of skin, mean",
    ):
        assert found[f"{name} · chart"] == pytest.approx(0, abs=2e-3), name
    assert found["chroma"] == pytest.approx(100, abs=0.01)
    assert found["L* of 18 %"] == pytest.approx(49.5, abs=0.15)
    assert found["brightness of greys"] == pytest.approx(0, abs=1e-5)
    assert found["uneven light"] == pytest.approx(0, abs=0.01)
    assert found.warnings == ()
    assert len({f.key for f in found.figures}) == len(found.figures)


def test_every_space_says_the_same():
    from lichtbild.base.colour import P3, REC2020

    for space, known in (("p3", P3), ("rec2020", REC2020)):
        to_space = known.from_xyz() @ adaptation(D50_XYZ, xy_to_xyz(D65))
        found = measured(Picture(painted(lab_to_xyz(LAB) @ to_space.T), space))
        assert found["ΔE00 largest"] == pytest.approx(0, abs=2e-3)


def test_swatches_hold_what_was_seen():
    moved = LAB + np.linspace(-4, 4, 24)[:, None] * [1, 0.5, -1]
    found = measured(photo(moved))
    np.testing.assert_allclose([s.measured for s in found.swatches], moved, atol=2e-3)
    np.testing.assert_allclose([s.reference for s in found.swatches], LAB)
    np.testing.assert_allclose([s.delta_e for s in found.swatches], delta_e(moved, LAB), atol=2e-3)
    assert found["ΔE00 mean"] == pytest.approx(delta_e(moved, LAB).mean(), abs=1e-3)
    assert found["ΔE00 90 %"] == pytest.approx(np.percentile(delta_e(moved, LAB), 90), abs=1e-3)
    assert found["ΔE00 of skin, mean"] == pytest.approx(delta_e(moved, LAB)[:2].mean(), abs=1e-3)


def test_chroma_and_hue_are_told_apart():
    chroma = LAB * [1, 1.2, 1.2]
    found = measured(photo(chroma))
    assert found["chroma"] == pytest.approx(120, abs=0.1)
    assert found["ΔH mean"] == pytest.approx(0, abs=2e-3)
    angle = np.radians(8)
    turned = LAB @ np.array(
        [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    )
    found = measured(photo(turned))
    assert found["ΔC mean"] == pytest.approx(0, abs=2e-3)
    expected = 2 * np.sin(angle / 2) * np.hypot(LAB[:, 1], LAB[:, 2]).mean()
    assert found["ΔH mean"] == pytest.approx(expected, abs=0.01)


def test_exposure_is_told_from_colour():
    found = measured(photo(gain=(1.4, 1.4, 1.4)))
    assert found["brightness of greys"] == pytest.approx(np.log2(1.4), abs=1e-4)
    assert found["ΔE00 mean"] > 4
    assert found["ΔE00 mean, exposure matched"] == pytest.approx(0, abs=2e-3)
    assert found["L* of 18 %"] > 55
    assert found["white balance angle"] == pytest.approx(0, abs=0.01)


def test_white_balance_is_told_from_colour():
    gain = np.array([1.12, 1.0, 0.9])
    found = measured(photo(gain=gain))
    assert found["red over green"] == pytest.approx(np.log2(1.12), abs=1e-3)
    assert found["blue over green"] == pytest.approx(np.log2(0.9), abs=1e-3)
    cosine = gain.sum() / np.sqrt(3) / np.linalg.norm(gain)
    assert found["white balance angle"] == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.15)
    assert found["white balance error"] > 4
    assert found["ΔE00 mean, own white"] == pytest.approx(0, abs=5e-3)


def test_a_cast_of_the_shadows_shows_in_the_greys():
    lab = LAB.copy()
    lab[18:, 2] += np.linspace(0, 6, 6)
    found = measured(photo(lab))
    assert found["ΔC of greys, largest"] == pytest.approx(6, abs=0.01)
    assert found["ΔC of greys, mean"] == pytest.approx(3, abs=0.01)
    curve = next(c for c in found.curves if c.where == "b*")
    assert (np.diff(curve.x) > 0).all()
    np.testing.assert_allclose(curve.y, np.linspace(6, 0, 6), atol=0.01)


# ---- light


def test_uneven_light_is_seen_and_said():
    picture = photo()
    x = np.linspace(-1, 1, picture.size[1], dtype=np.float32)
    lit = replace(picture, rgb=picture.rgb * np.exp(0.15 * x)[None, :, None])
    found = measured(lit)
    expected = np.exp(0.15 * 2 * 5 * SIDE / (6 * SIDE - 1)) - 1
    assert found["uneven light"] == pytest.approx(100 * expected, rel=0.05)
    assert any("the light changes by" in w for w in found.warnings)


def test_a_tone_curve_is_not_taken_for_uneven_light():
    picture = photo()
    curved = replace(picture, rgb=np.maximum(picture.rgb, 0) ** np.float32(1.3), decoding="sRGB")
    samples = sampled(curved, quads())
    factor, reach = unevenness(samples, samples.rgb[:, 1], photo_luminance(), linear=False)
    assert reach < 0.03
    assert factor.shape == (24,)


def photo_luminance():
    return sampled(photo(), quads()).rgb[:, 1]


def test_dust_and_glints_do_not_count():
    picture = photo()
    rgb = picture.rgb.copy()
    rgb[::7, ::5] = 3.0
    rgb[3::7, 2::5] = 0.0
    found = measured(replace(picture, rgb=rgb))
    assert found["ΔE00 largest"] == pytest.approx(0, abs=0.01)


def test_noise_is_averaged_and_told():
    rng = np.random.default_rng(0)
    picture = photo()
    quiet = replace(picture, rgb=picture.rgb + rng.normal(0, 0.002, picture.rgb.shape).astype(np.float32))
    loud = replace(picture, rgb=picture.rgb + rng.normal(0, 0.05, picture.rgb.shape).astype(np.float32))
    assert measured(quiet)["ΔE00 mean"] < 0.3
    assert any("noise" in w for w in measured(loud).warnings)


def test_clipped_and_dark_patches_are_told():
    picture = photo()
    clipped = np.zeros(picture.size, bool)
    clipped[3 * SIDE : 4 * SIDE, :SIDE] = True
    found = measured(replace(picture, clipped=clipped))
    assert any("clipped patches: white 9.5" in w for w in found.warnings)
    assert "clipped: white 9.5" in found.figures[0].note
    dark = measured(photo(gain=(0.03, 0.03, 0.03)))
    assert any("underexposed" in w for w in dark.warnings)


def test_without_greys_white_is_not_measured():
    found = patches(photo(), quads()[:12], LAB[:12])
    assert np.isnan(found["white balance error"])
    assert "no grey patch" in next(f.note for f in found.figures if f.name == "white balance error")
    assert found.swatches[0].name == "patch 1"


# ---- raw files

FORWARD = np.array([[0.70, 0.15, 0.1142], [0.25, 0.85, -0.10], [0.02, -0.20, 1.0051]])
FORWARD = FORWARD * (D50_XYZ / FORWARD.sum(axis=1))[:, None]
NEUTRAL = np.array([0.5, 1.0, 0.7])


def raw(neutral=NEUTRAL, exposure=0.6, forward=FORWARD, lab=LAB):
    """A raw picture by a camera of known matrix; `neutral` is what the file believes."""
    white = adaptation(D50_XYZ, xy_to_xyz(D65))
    to_camera = np.diag(NEUTRAL) @ np.linalg.inv(FORWARD)
    colour = CameraColour((21,), (to_camera @ np.linalg.inv(white),), (forward,), name="known")
    shot = Shot(Path("x.dng"), (4 * SIDE, 6 * SIDE), neutral=tuple(neutral), colour=colour)
    gain = np.max(neutral) / np.asarray(neutral)
    rgb = painted(exposure * lab_to_xyz(lab) @ to_camera.T * gain)
    return Picture(rgb, "camera", "raw", 14, None, shot.path, RawFrame(np.zeros((4, 4), np.uint16), shot))


def test_a_raw_file_is_seen_through_its_profile_at_any_exposure():
    for exposure in (0.1, 0.9):
        found = measured(raw(exposure=exposure))
        assert found["ΔE00 largest"] == pytest.approx(0, abs=0.01)
        assert found["ΔE00 largest, best matrix"] == pytest.approx(0, abs=0.03)
        assert found.conditions["exposure"] == "matched to the greys"
        assert "known" in found.conditions["rendering"]


def test_a_wrong_white_of_a_raw_file_is_told_from_a_wrong_profile():
    found = measured(raw(neutral=NEUTRAL * [1.1, 1.0, 0.93]))
    assert found["white balance error"] > 4
    assert found["ΔE00 mean"] > 3
    assert found["ΔE00 mean, own white"] < 0.35
    wrong = np.array([[0.6, 0.25, 0.1142], [0.2, 0.9, -0.1], [0.1, -0.1, 0.8251]])
    found = measured(raw(forward=wrong * (D50_XYZ / wrong.sum(axis=1))[:, None]))
    assert found["white balance error"] < 0.5
    assert found["ΔE00 mean, own white"] > 2
    assert found["ΔE00 mean, best matrix"] == pytest.approx(0, abs=0.03)


def test_a_file_without_a_profile_is_seen_as_a_typical_camera():
    picture = raw()
    assert picture.frame is not None
    bare = RawFrame(picture.frame.dn, replace(picture.frame.shot, colour=CameraColour()))
    found = measured(replace(picture, frame=bare))
    assert "typical" in found.conditions["rendering"]
    assert np.isfinite(found["ΔE00 mean"])


# ---- refused


def test_patches_must_be_in_the_picture_and_large_enough():
    picture = photo()
    with pytest.raises(InputError, match=r"patch 1 .* outside the picture"):
        patches(picture, quads() - 30, LAB)
    with pytest.raises(InputError, match="patch 1 has"):
        patches(picture, quads() * 0.2 + 10, LAB)
    with pytest.raises(InputError, match="needed is one each"):
        patches(picture, quads()[:5], LAB)
    with pytest.raises(InputError, match="four corners"):
        patches(picture, quads()[:, :3], LAB)
    mono = raw()
    assert mono.frame is not None
    frame = RawFrame(mono.frame.dn, replace(mono.frame.shot, kind="mono"))
    with pytest.raises(InputError, match="monochrome"):
        patches(replace(mono, frame=frame), quads(), LAB)


def test_a_turned_chart_is_sampled_inside_its_corners():
    picture = photo()
    upside_down = replace(picture, rgb=np.ascontiguousarray(picture.rgb[::-1, ::-1]))
    h, w = picture.size
    turned = np.array([h - 1, w - 1]) - quads()
    assert patches(upside_down, turned, LAB)["ΔE00 largest"] == pytest.approx(0, abs=2e-3)
