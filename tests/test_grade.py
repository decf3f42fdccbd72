# SPDX-License-Identifier: Apache-2.0
"""The look operator against its NumPy twin, its golden curves and what the looks promise on a chart."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base import colour as c
from lichtbild.base.errors import StateError
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.grade import Grade, grade
from lichtbild.look.look import looks
from lichtbild.publish.display import display
from lichtbild.quality.colours.patches import CLASSIC

CHART = np.array(list(CLASSIC.values()))  # CIELAB (D50) of the 24 patches
WHITE = c.xy_to_xyz(c.D65)
# L* of a grey from -7 to +5 EV
GOLDEN = {
    "neutral": (0.1, 0.4, 1.1, 3.1, 8.7, 18.7, 32.3, 49.5, 68.2, 83.8, 93.1, 97.4, 99.0),
    "natural": (0.0, 0.1, 0.4, 1.2, 4.1, 12.6, 26.4, 45.2, 67.0, 85.0, 94.6, 98.3, 99.5),
    "vibrant": (0.4, 0.9, 2.0, 4.7, 11.2, 21.2, 34.9, 52.3, 70.8, 85.6, 94.1, 97.8, 99.2),
}

# light of a grey from -7 to +5 EV on a display that ends at 4.9
GOLDEN_BRIGHT = {
    "neutral": (0, 0, 0.001, 0.003, 0.008, 0.023, 0.065, 0.180, 0.477, 1.145, 2.270, 3.476, 4.280),
    "natural": (0, 0, 0, 0.001, 0.004, 0.013, 0.043, 0.142, 0.448, 1.239, 2.609, 3.886, 4.547),
    "vibrant": (0, 0.001, 0.002, 0.004, 0.011, 0.029, 0.077, 0.209, 0.546, 1.287, 2.471, 3.647, 4.375),
}


def scene(rgb):
    rgb = np.ascontiguousarray(rgb, np.float32)
    return Scene(rgb, "rec2020", Shot(Path("a.dng"), rgb.shape[:2]), Noise((0,) * 3, (0,) * 3))


def of(look):
    """The knobs of a look's grade without its vignette, and its exposure bias as a factor."""
    settings = looks[look].settings
    return Grade(**{**settings["grade"], "vignette": 0.0}), 2 ** settings["exposure"].get("bias", 0.0)


def lab(rgb, params):
    out = display(grade(scene(rgb), params)).rgb.astype(float)
    return c.xyz_to_lab(c.srgb_decode(out) @ c.P3.to_xyz().T, WHITE)


def twin(rgb, p, white=1.0):
    """The operator as its docstring says it, in float64."""
    h, w = rgb.shape[:2]
    y, x = np.mgrid[:h, :w]
    f2 = ((y - (h - 1) / 2) ** 2 + (x - (w - 1) / 2) ** 2) / (((h - 1) / 2) ** 2 + ((w - 1) / 2) ** 2)
    rgb = rgb / (1 + p.vignette * f2[..., None]) ** 2
    grey = rgb @ [p.mono_red, p.mono_green, p.mono_blue]
    q = rgb @ c.rgb_to_rgb(c.REC2020, c.P3).T
    q = np.maximum(q + p.mono * (grey[..., None] - q), 0)
    g, foot = 0.18, p.toe * 0.18
    k = (white / g - 1) * ((g + foot) ** p.contrast - foot**p.contrast)

    def curve(v):
        return white * (e := (v + foot) ** p.contrast - foot**p.contrast) / (e + k)

    norm = ((q**3).sum(-1) / np.maximum((q**2).sum(-1), 1e-30))[..., None]
    Y = curve(norm)
    kept = q / np.maximum(norm, 1e-30) * Y
    over = np.maximum(kept.max(-1, keepdims=True) / white, 1)
    kept = np.where(over > 1, Y + (kept - Y) / over**1.5, kept)
    q = (1 - p.hue_keep) * curve(q) + p.hue_keep * kept
    L, a, b = np.moveaxis(c.xyz_to_oklab(q @ c.P3.to_xyz().T), -1, 0)
    C, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a))
    ws, wh = np.clip(1 - np.clip(L, 0, 1.2) / 0.45, 0, 1), np.clip((np.clip(L, 0, 1.2) - 0.75) / 0.25, 0, 1)
    gain = p.saturation * (1 + (p.saturation_shadows - 1) * ws) * (1 + (p.saturation_highlights - 1) * wh)
    turn, light = np.zeros_like(L), np.zeros_like(L)
    d = asdict(p)
    for e in ("hue1", "hue2", "hue3"):
        away = (hue - d[e] + 180) % 360 - 180
        weight = np.exp(-((away / d[e + "_width"]) ** 2) / 2) * np.clip(C / 0.04, 0, 1)
        gain = gain * (1 + d[e + "_chroma"] * weight)
        turn += d[e + "_shift"] * weight
        light += 2 * d[e + "_light"] * weight * C
    C = C * gain
    C = C / (1 + p.purity_rolloff * np.maximum(C - 0.22, 0) / 0.1)
    hue = np.radians(hue + turn)
    a = C * np.cos(hue) + p.split_shadow_a * ws + p.split_mid_a * (1 - ws - wh) + p.split_highlight_a * wh
    b = C * np.sin(hue) + p.split_shadow_b * ws + p.split_mid_b * (1 - ws - wh) + p.split_highlight_b * wh
    return c.oklab_to_xyz(np.stack([L + light, a, b], -1)) @ c.P3.from_xyz().T


@pytest.mark.parametrize("white", [1.0, 2.5, 4.9])
@pytest.mark.parametrize("look", ["neutral", "natural", "vibrant", "mono", "sepia", "blue"])
def test_the_kernel_equals_its_twin(look, white):
    rng = np.random.default_rng(5)
    rgb = np.exp2(rng.uniform(-9, 5, (23, 301, 1))) * rng.uniform(-0.02, 1, (23, 301, 3))
    params = replace(of(look)[0], vignette=0.25)
    made = grade(scene(rgb), params, white=white)
    assert made.white == white
    expected = twin(np.float32(rgb).astype(float), params, white)
    np.testing.assert_allclose(made.rgb, expected, atol=2e-5 * white)


@pytest.mark.parametrize(
    "knobs",
    [{}, {"split_shadow_a": 0.012, "split_shadow_b": 0.022, "toe": 0.05}, {"split_mid_b": -0.02}],
)
@pytest.mark.parametrize("white", [1.0, 4.0])
def test_black_and_white_has_a_path_of_its_own_to_the_same_picture(knobs, white):
    rgb = np.exp2(np.random.default_rng(6).uniform(-9, 5, (7, 260, 3)))
    params = replace(of("mono")[0], contrast=3.0, **knobs)
    made = grade(scene(rgb), params, white=white).rgb
    np.testing.assert_allclose(made, twin(np.float32(rgb).astype(float), params, white), atol=3e-5 * white)


@pytest.mark.parametrize("look", ["sepia", "blue"])
def test_toned_prints_have_a_tone_from_black_to_white(look):
    params, _ = of(look)
    light = np.repeat(np.geomspace(0.001, 2.0, 200)[None, :, None], 3, axis=2)
    L, a, b = np.moveaxis(c.xyz_to_oklab(grade(scene(light), params).rgb[0] @ c.P3.to_xyz().T), -1, 0)
    assert L[0] < 0.1 and L[-1] > 0.95
    between = (L > 0.46) & (L < 0.74)
    np.testing.assert_allclose(a[between], params.split_mid_a, atol=1e-4)
    np.testing.assert_allclose(b[between], params.split_mid_b, atol=1e-4)
    assert np.hypot(a, b).min() > 0.009  # nowhere grey
    assert (np.diff(np.abs(b)) < 1e-4).all()  # and the more, the darker


@pytest.mark.parametrize("knobs", [{"contrast": 0.5}, {"contrast": 3.0}, {"toe": 0.2}, {"hue_keep": 0.0}])
def test_the_kernel_equals_its_twin_at_the_ends_of_the_curve(knobs):
    rgb = np.exp2(np.random.default_rng(7).uniform(-20, 9, (3, 300, 3)))
    params = Grade(**knobs)
    made = grade(scene(rgb), params, white=2.0).rgb
    np.testing.assert_allclose(made, twin(np.float32(rgb).astype(float), params, 2.0), atol=6e-5)


@pytest.mark.parametrize("look", list(GOLDEN))
def test_greys_follow_the_golden_curve(look):
    params, factor = of(look)
    greys = np.repeat(0.18 * 2.0 ** np.arange(-7, 6)[None, :, None], 3, axis=2) * factor
    np.testing.assert_allclose(
        lab(greys, params)[0, :, 0], GOLDEN[look], atol=0.15 if look == "natural" else 0.1
    )


@pytest.mark.parametrize("look", list(GOLDEN_BRIGHT))
def test_greys_follow_the_golden_curve_of_a_brighter_display(look):
    params, factor = of(look)
    greys = np.repeat(0.18 * 2.0 ** np.arange(-7, 6)[None, :, None], 3, axis=2) * factor
    made = grade(scene(greys), params, white=4.9).rgb[0, :, 1]
    np.testing.assert_allclose(made, GOLDEN_BRIGHT[look], atol=6e-4, rtol=2e-3)


@pytest.mark.parametrize("look", [name for name in looks if "grade" in looks[name].settings])
def test_the_two_renditions_agree_in_the_middle(look):
    """Mid-grey stays, and lights get what the headroom gives."""
    params, factor = of(look)
    greys = np.repeat(0.18 * 2.0 ** np.array([-1.0, 0.0, 1.0, 5.0])[None, :, None], 3, axis=2) * factor
    sdr, hdr = (
        grade(scene(greys), params, white=w).rgb[0, :, 1].astype(float) for w in (1.0, 2**params.headroom)
    )
    assert hdr[1] / sdr[1] == pytest.approx(1.0, abs=0.04)
    assert hdr[2] > sdr[2]
    assert 0.6 * params.headroom < np.log2(hdr[3] / sdr[3]) <= params.headroom


@pytest.mark.parametrize(
    ("look", "slope"), [("natural", 1.49), ("vibrant", 1.18), ("neutral", 1.23), ("mono", 1.25)]
)
def test_the_slope_at_mid_grey(look, slope):
    params, factor = of(look)
    low, high = (
        float(grade(scene(np.full((1, 1, 3), 0.18 * factor * 2**e)), params).rgb[0, 0, 1])
        for e in (-0.05, 0.05)
    )
    assert np.log2(high / low) / 0.1 == pytest.approx(slope, rel=0.05)


def chart():
    """The patches in XYZ under D65."""
    t = (CHART[:, 0] + 16) / 116
    f = np.stack([t + CHART[:, 1] / 500, t, t - CHART[:, 2] / 200], 1)
    light = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * c.D50_XYZ
    return light @ c.adaptation(c.D50_XYZ, WHITE).T


@pytest.mark.parametrize("look", list(GOLDEN))
def test_the_two_renditions_of_a_chart_are_one_picture(look):
    """Mid-grey agrees, shadows are a shade deeper and full colours brighter with headroom; hues stay."""
    params, factor = of(look)
    patches = chart() @ c.REC2020.from_xyz().T * factor
    sdr, hdr = (
        grade(scene(patches[None]), params, white=w).rgb[0].astype(float) @ c.P3.to_xyz().T
        for w in (1.0, 2**params.headroom)
    )
    ratio = hdr[:, 1] / sdr[:, 1]
    middle = CHART[:, 0] < 60
    assert ratio[21] == pytest.approx(1.0, abs=0.04) and ratio.min() > 0.85
    assert ratio[middle].max() < 1.45
    a, b = (c.xyz_to_oklab(v)[:18] for v in (sdr, hdr))
    turn = np.degrees(np.arctan2(a[:, 2], a[:, 1]) - np.arctan2(b[:, 2], b[:, 1]))
    turn = np.abs((turn + 180) % 360 - 180)
    print(look, "hue", turn.mean().round(2), turn.max().round(2), "ratio", np.round(ratio[middle], 2))
    assert turn.mean() < 2 and turn.max() < 6


@pytest.mark.parametrize(
    ("look", "chroma", "light", "turn", "skin"),
    [
        ("natural", 0.95, -3.5, 1.9, (64.5, 25.0, 45.0)),
        ("vibrant", 1.28, 1.3, 1.6, (67.8, 29.0, 44.4)),
        ("neutral", 1.03, -0.8, 0.5, (65.5, 24.7, 43.9)),
    ],
)
def test_the_looks_on_a_colour_chart(look, chroma, light, turn, skin):
    xyz = chart()
    params, factor = of(look)
    made, given = lab((xyz @ c.REC2020.from_xyz().T * factor)[None], params)[0], c.xyz_to_lab(xyz, WHITE)
    C, C0 = (np.hypot(v[:18, 1], v[:18, 2]) for v in (made, given))
    h, h0 = (np.degrees(np.arctan2(v[:18, 2], v[:18, 1])) for v in (made, given))
    assert (C / C0).mean() == pytest.approx(chroma, rel=0.02)
    assert (made - given)[:, 0].mean() == pytest.approx(light, abs=0.2)
    assert np.abs((h - h0 + 180) % 360 - 180).mean() == pytest.approx(turn, abs=0.2)
    assert (made[1, 0], C[1], h[1]) == pytest.approx(skin, abs=0.5)


def test_greys_stay_grey_and_monotone():
    greys = np.repeat(np.float32(2.0) ** np.linspace(-12, 8, 400)[None, :, None], 3, axis=2)
    out = grade(scene(greys), Grade()).rgb[0]
    np.testing.assert_allclose(out - out.mean(-1, keepdims=True), 0, atol=2e-6)
    assert (np.diff(out[:, 1]) >= -1e-6).all() and out[-1, 1] <= 1 + 1e-5
    assert grade(scene(np.full((1, 1, 3), 0.18)), Grade()).rgb[0, 0] == pytest.approx(0.18, rel=1e-4)


def test_monochrome_is_grey_and_weighs_the_colours():
    rgb = np.random.default_rng(0).uniform(0, 1, (4, 5, 3))
    params = Grade(mono=1.0)
    out = grade(scene(rgb), params).rgb
    np.testing.assert_allclose(out, np.repeat(out[..., :1], 3, -1), atol=3e-6)
    grey = np.repeat((rgb @ [0.35, 0.5, 0.15])[..., None], 3, -1)
    np.testing.assert_allclose(out, grade(scene(grey), params).rgb, atol=1e-5)


def test_the_vignette_darkens_corners_by_what_it_says():
    flat = np.full((301, 401, 3), 1e-3)
    corner, centre = (
        grade(scene(flat), Grade(vignette=0.25, contrast=1.0)).rgb[i, j, 1] for i, j in ((0, 0), (150, 200))
    )
    assert np.log2(corner / centre) == pytest.approx(-2 * np.log2(1.25), abs=0.01)


def test_states_and_strange_values():
    out = grade(scene(np.array([[[np.nan, 0, 0], [np.inf, 1, 1], [-1, -1, -1], [1e30, 0, 0], [0, 0, 0]]])))
    assert out.space == "picture" and np.isfinite(out.rgb[0, 1:]).all()
    np.testing.assert_allclose(out.rgb[0, 4], 0, atol=1e-6)
    with pytest.raises(StateError):
        grade(out)
