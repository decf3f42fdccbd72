# SPDX-License-Identifier: Apache-2.0
"""The profile's own rendering against the formulas of the specification, in float64, step by step."""

import colorsys
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from lichtbild.base import colour as c
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import CameraColour, HSVTable, Noise, Scene, Shot
from lichtbild.base.tiff import UNDEFINED, Field
from lichtbild.capture.burst import gather
from lichtbild.capture.gain_table import FIRST, HEAD, SECOND, TYPES, gain_table, within
from lichtbild.correct.crop import cut
from lichtbild.look.grade import grade
from lichtbild.look.rendering import Rendering, curve, rendering
from lichtbild.pipeline import finish, merged
from lichtbild.recipe import Recipe, looks
from lichtbild.tools.cli import call
from lichtbild.tools.renditions import renditions

SIZE = (40, 50)
IN, OUT = c.rgb_to_rgb(c.REC2020, c.PROPHOTO), c.rgb_to_rgb(c.PROPHOTO, c.P3)
POINTS = np.array([[0, 0], [0.05, 0.03], [0.2, 0.3], [0.5, 0.72], [1, 1]])
GRID = (3, 4, 5)
WEIGHTS = (0.2, 0.5, 0.1, 0.05, 0.15)
SPACING, ORIGIN = (0.4, 0.25), (0.1, 0.15)


def gains(seed=0):
    return np.random.default_rng(seed).uniform(0.4, 2.5, GRID).astype(np.float32)


def packed(tag, numbers, kind=3, gamma=1.0, least=0.0, most=1.0):
    head = [*GRID[:2], *SPACING, *ORIGIN, GRID[2], *WEIGHTS]
    head += [kind, gamma, least, most] if tag == SECOND else []
    return struct.pack("<" + HEAD[tag], *head) + np.asarray(numbers).astype("<" + TYPES[kind]).tobytes()


def table_of(seed=1, encoded=False):
    rng = np.random.default_rng(seed)
    cells = np.stack(
        [rng.uniform(-20, 20, (4, 6, 3)), *(rng.uniform(0.7, 1.3, (4, 6, 3)) for _ in range(2))], -1
    )
    cells[:, :, 0, 2] = 1
    return HSVTable(cells.astype(np.float32), encoded)


def scene(rgb, colour=CameraColour(), tables=None, **shot):
    rgb = np.ascontiguousarray(rgb, np.float32)
    told = Shot(Path("a.dng"), rgb.shape[:2], colour=colour, exif={"raw": tables or {}}, **shot)
    return Scene(rgb, "rec2020", told, Noise((0,) * 3, (0,) * 3))


def light(seed=2):
    """Colours that people see, from black to three times white."""
    rng = np.random.default_rng(seed)
    return np.exp2(rng.uniform(-8, 1.6, (*SIZE, 1))) * rng.uniform(0.35, 1.0, (*SIZE, 3))


# ---- the twin


def gain_at(rgb, y, x, numbers, gamma=1.0):
    """The gain at a place of the frame, told in shares of it."""
    b = np.dot(WEIGHTS, [*rgb, min(rgb), max(rgb)])
    b = min(max(b, 0.0), 1.0) ** gamma
    spots = []
    at = ((y - ORIGIN[0]) / SPACING[0], (x - ORIGIN[1]) / SPACING[1], b * GRID[2])
    for v, n in zip(at, GRID, strict=True):
        v = min(max(v, 0.0), n - 1)
        low = min(int(v), n - 1)
        spots.append(((low, 1 - (v - low)), (min(low + 1, n - 1), v - low)))
    return sum(
        wj * wi * wk * float(numbers[j, i, k])
        for j, wj in spots[0]
        for i, wi in spots[1]
        for k, wk in spots[2]
    )


def looked_up(rgb, table):
    """Trilinear in the HSV of the standard library."""
    h, s, v = colorsys.rgb_to_hsv(*rgb)
    cells = table.table.astype(float)
    n = cells.shape
    code = float(c.srgb_encode(v)) if table.srgb_value else v
    at = (code * (n[0] - 1), h * n[1], s * (n[2] - 1))
    low = [min(int(a), top) for a, top in zip(at, (n[0] - 2, n[1] - 1, n[2] - 2), strict=True)]
    shift, times, bright = 0.0, 0.0, 0.0
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([abs(1 - d - (a - i)) for d, a, i in zip(corner, at, low, strict=True)])
        cell = cells[low[0] + corner[0], (low[1] + corner[1]) % n[1], low[2] + corner[2]]
        shift, times, bright = (t + weight * u for t, u in zip((shift, times, bright), cell, strict=True))
    code = min(code * bright, 1.0)
    v = float(c.srgb_decode(code)) if table.srgb_value else code
    return colorsys.hsv_to_rgb((h + shift / 360) % 1, min(s * times, 1.0), v)


def spline(points, at):
    """The natural cubic spline from its defining equations, second derivatives solved for at once."""
    x, y = points.T
    n, h = len(x), np.diff(x)
    a, r = np.eye(n), np.zeros(n)
    for i in range(1, n - 1):
        a[i, i - 1 : i + 2] = h[i - 1] / 6, (h[i - 1] + h[i]) / 3, h[i] / 6
        r[i] = (y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1]
    m = np.linalg.solve(a, r)
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, n - 2)
    p, q = x[i + 1] - at, at - x[i]
    cubic = (m[i] * p**3 + m[i + 1] * q**3) / (6 * h[i])
    return cubic + (y[i] / h[i] - m[i] * h[i] / 6) * p + (y[i + 1] / h[i] - m[i + 1] * h[i] / 6) * q


def toned(rgb, points):
    low, middle, top = np.argsort(rgb)
    out = np.array(rgb, float)
    out[low], out[top] = (np.clip(spline(points, rgb[k]), 0, 1) for k in (low, top))
    if rgb[top] > rgb[low]:
        out[middle] = out[low] + (out[top] - out[low]) * (rgb[middle] - rgb[low]) / (rgb[top] - rgb[low])
    return out


def twin(prophoto, numbers=None, table=None, points=None, gamma=1.0, offset=0.5):
    """Exposed linear ProPhoto to linear ProPhoto as the profile shows it."""
    out = np.empty(prophoto.shape)
    h, w = prophoto.shape[:2]
    for j, i in np.ndindex(h, w):
        p = prophoto[j, i]
        if numbers is not None:
            p = p * gain_at(p, (j + offset) / h, (i + offset) / w, numbers, gamma)
        p = np.clip(p, 0, 1)
        p = np.clip(looked_up(p, table), 0, 1) if table else p
        out[j, i] = toned(p, points) if points is not None else p
    return out


def rendered(given, params=Rendering(by="profile")):
    made = rendering(given, params)
    assert made.space == "picture" and made.white == 1
    return made.rgb @ np.linalg.inv(OUT).T


def close(made, meant):
    np.testing.assert_allclose(made, meant, atol=2e-5)


@pytest.mark.parametrize("encoded", [False, True])
def test_all_steps_are_those_of_the_specification(encoded):
    rgb, numbers = light(), gains()
    tables = {FIRST: Field(UNDEFINED, packed(FIRST, numbers))}
    given = scene(rgb, CameraColour(look=table_of(encoded=encoded), tone_curve=POINTS), tables)
    meant = twin(rgb.astype(np.float32) @ IN.T, numbers, table_of(encoded=encoded), POINTS)
    close(rendered(given), meant)
    assert np.abs(meant - np.clip(rgb @ IN.T, 0, 1)).mean() > 0.05


@pytest.mark.parametrize("step", ["curve", "table", "gains"])
def test_each_step_alone(step):
    rgb = light()
    colour = CameraColour(
        look=table_of() if step == "table" else None, tone_curve=POINTS if step == "curve" else None
    )
    tables = {FIRST: Field(UNDEFINED, packed(FIRST, gains()))} if step == "gains" else {}
    meant = twin(rgb @ IN.T, gains() if tables else None, colour.look, POINTS if step == "curve" else None)
    close(rendered(scene(rgb, colour, tables)), meant)


@pytest.mark.parametrize(("kind", "gamma"), [(0, 0.5), (1, 2.0), (2, 1.0), (3, 0.7)])
def test_the_second_kind_of_gain_table(kind, gamma):
    """Numbers of four types; brightness has a gamma; it counts before a table of the first kind."""
    least, most, top = 0.5, 3.0, {0: 255, 1: 65535}
    numbers = gains().astype("f2").astype(float)
    if kind in top:
        stored = np.round((numbers - least) / (most - least) * top[kind]).clip(0)
        numbers = least + (most - least) * stored / top[kind]
    else:
        stored = numbers
    tables = {
        FIRST: Field(UNDEFINED, packed(FIRST, gains(9))),
        SECOND: Field(UNDEFINED, packed(SECOND, stored, kind, gamma, least, most)),
    }
    close(rendered(scene(light(), tables=tables)), twin(light() @ IN.T, numbers, gamma=gamma))


def test_a_profile_that_says_nothing_changes_nothing():
    inside = np.clip(light() @ IN.T, 0, 1) @ np.linalg.inv(IN).T
    straight = np.array([[0, 0], [0.3, 0.3], [1, 1]])
    even = {FIRST: Field(UNDEFINED, packed(FIRST, np.ones(GRID)))}
    same = HSVTable(np.float32(np.broadcast_to([0, 1, 1], (2, 3, 2, 3))))
    for colour, tables in ((CameraColour(), {}), (CameraColour(look=same, tone_curve=straight), even)):
        np.testing.assert_allclose(
            rendering(scene(inside, colour, tables)).rgb, inside @ c.rgb_to_rgb(c.REC2020, c.P3).T, atol=2e-6
        )


def test_local_tone_may_be_left_out_in_part():
    tables = {FIRST: Field(UNDEFINED, packed(FIRST, gains()))}
    dark = 0.2 * light().clip(0, 1)
    none, half = (rendered(scene(dark, tables=tables), Rendering(local=v)) for v in (0.0, 0.5))
    close(none, twin(dark @ IN.T))
    close(half, twin(dark @ IN.T, np.sqrt(gains().astype(float))))


def test_greys_stay_grey_and_a_curve_keeps_the_order_of_colours():
    rising = CameraColour(tone_curve=POINTS)
    grey = np.repeat(np.linspace(0, 1.2, 50)[None, :, None], 3, 2)
    out = rendering(scene(grey, rising)).rgb
    np.testing.assert_allclose(np.ptp(out, axis=2), 0, atol=3e-6)
    before, after = light() @ IN.T, rendered(scene(light(), rising))
    inside = before.max(-1) < 1
    assert (np.argsort(before[inside], -1) == np.argsort(after[inside], -1)).mean() > 0.999


def test_a_curve_of_many_points_is_a_spline_through_them():
    x = np.linspace(0, 1, 1025)
    points = np.stack([x, x**0.5], 1)
    at = np.linspace(0, 1, 8193)
    np.testing.assert_allclose(curve(points), np.clip(spline(points, at), 0, 1), atol=1e-6)
    np.testing.assert_array_equal(curve(None), np.float32(at))


# ---- a part of the frame


def test_a_cut_scene_has_the_local_tone_of_its_place():
    tables = {FIRST: Field(UNDEFINED, packed(FIRST, gains()))}
    whole = scene(0.3 * light(), tables=tables)
    part = cut(cut(whole, (8, 5, 24, 40)), (4, 10, 16, 20))
    assert part.shot.part == pytest.approx((12 / 40, 15 / 50, 16 / 40, 20 / 50))
    np.testing.assert_allclose(rendering(part).rgb, rendering(whole).rgb[12:28, 15:35], atol=1e-6)


@pytest.mark.parametrize("tag", [FIRST, SECOND])
def test_a_table_told_anew_for_a_part_means_the_same(tag):
    tables = {tag: Field(UNDEFINED, packed(tag, gains()))}
    part = cut(scene(0.3 * light(), tables=tables), (12, 15, 16, 20))
    told = within(tables, part.shot.part)
    alone = replace(part, shot=Shot(Path("b.dng"), (16, 20), exif={"raw": told}))
    np.testing.assert_allclose(rendering(alone).rgb, rendering(part).rgb, atol=1e-6)
    assert within(tables, (0.0, 0.0, 1.0, 1.0)) == tables and gain_table({}) is None


# ---- from a file

MATRIX = np.array([[0.9, -0.25, -0.1], [-0.45, 1.2, 0.25], [-0.05, 0.15, 0.6]])
NEUTRAL = np.array([0.6, 1.0, 0.7])


def rational(values, scale=10000):
    return [n for v in np.ravel(values) for n in (round(float(v) * scale), scale)]


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """A linear DNG of muted patches with everything a profile can say, and its light 0 … 1."""
    rng = np.random.default_rng(4)
    patches = NEUTRAL * rng.uniform(0.05, 0.5, (6, 8, 1)) * rng.uniform(0.85, 1.0, (6, 8, 3))
    dn = np.round(patches.repeat(16, 0).repeat(16, 1) * 65535).astype(np.uint16)
    look, numbers = table_of(seed=7), gains(3)
    payload = packed(FIRST, numbers)
    tags = [
        (50706, 1, 4, (1, 6, 0, 0), True), (50708, 2, 0, "Linear Camera", True),
        (50721, 10, 9, rational(MATRIX), True), (50778, 3, 1, 21, True),
        (50728, 5, 3, rational(NEUTRAL), True), (50717, 4, 1, 65535, True),
        (50730, 10, 1, rational([0.75]), True), (51109, 10, 1, rational([-0.25]), True),
        (50981, 4, 3, (6, 3, 4), True), (50982, 11, look.table.size, look.table.ravel().tolist(), True),
        (50940, 11, POINTS.size, POINTS.ravel().tolist(), True), (52525, 7, len(payload), payload, True),
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("rendering") / "a.dng"
    tifffile.imwrite(path, dn, photometric=34892, metadata=None, extratags=tags)
    return path, dn / 65535


def meant_of(values):
    """Camera values of `frame` to ProPhoto as its profile shows them, step by step."""
    inverse = np.linalg.inv(MATRIX)
    white = inverse @ NEUTRAL
    to_d50 = c.adaptation(white / white[1], c.D50_XYZ) @ inverse
    to_d50 /= (to_d50 @ NEUTRAL)[1]
    exposed = values @ to_d50.T @ c.PROPHOTO.from_xyz().T * 2.0**0.5
    return twin(exposed, gains(3), table_of(seed=7), POINTS, offset=8.5 / 16)


def test_a_file_is_shown_as_its_profile_says(frame):
    path, values = frame
    photo = finish(merged(gather([path])), Recipe.of(looks["camera"]))
    assert photo.gain is None and "rendering" in " ".join(photo.history)
    middle = (slice(8, None, 16), slice(8, None, 16))
    meant = meant_of(values[middle]) @ OUT.T
    inside = (meant > 0.02).all(-1) & (meant < 0.9).all(-1)
    assert inside.mean() > 0.5
    made = c.srgb_decode(photo.rgb[middle].astype(float))
    found, wanted = (c.xyz_to_lab(v[inside] @ c.P3.to_xyz().T, c.xy_to_xyz(c.D65)) for v in (made, meant))
    assert c.delta_e(found, wanted).max() < 0.3


def test_there_is_one_rendition_and_no_table_of_it(tmp_path, capsys):
    recipe = Recipe.of(looks["camera"])
    assert renditions([Path("a.avif"), Path("a.jpg")], "auto", recipe) == {
        Path("a.avif"): "none",
        Path("a.jpg"): "none",
    }
    assert call(["looks", "export", "camera", "-o", str(tmp_path / "a.cube")]) == 2
    assert "there is no table of it" in capsys.readouterr().err
    assert call(["looks", "show", "camera"]) == 0
    assert "as the profile in each raw file says" in capsys.readouterr().out


def test_only_that_look_applies_local_tone(frame):
    path, _ = frame
    scene_of_file = merged(gather([path]))
    with pytest.warns(FallbackWarning, match="local tone .* not applied; the look camera does"):
        finish(scene_of_file, Recipe.of(looks["neutral"]))
    with pytest.warns(FallbackWarning, match="not applied"):
        grade(scene(light(), tables=scene_of_file.shot.exif["raw"]))
