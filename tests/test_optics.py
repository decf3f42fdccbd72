# SPDX-License-Identifier: Apache-2.0
"""The simulated lens against its laws: distortion, colour, spread, veil, and what the raw file says."""

import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lichtbild import simulate
from lichtbild.base import kernels
from lichtbild.base.errors import InputError
from lichtbild.quality.picture import read_picture
from lichtbild.quality.sharpness.resolution import edge
from lichtbild.simulate.brush import disk, turned
from lichtbild.simulate.lens import LENSES, RULES, Lens, corner, known_lens, read_lens
from lichtbild.simulate.optics import NO_CELL, NOTHING, Axis, project, veil_of
from lichtbild.simulate.scene import CANVAS, Scene, Thing

SIZE = (240, 320)
WIDE = known_lens("wide")


# ---- spread


def line_spread(lens, r, plane):
    """LSF at field radius `r`, every ⅛ px."""
    h, w = 24, 120
    light = np.zeros((3, h, w), np.float32)
    light[:, :, 60] = 1
    axis = Axis((h - 1) / 2, 60 - 2520 * r, 2520)
    spread = project(light, np.eye(3), lens, axis)
    fine = np.array([[[0.0, 0, h / 2], [0, CANVAS / 8, 0]]])
    out = np.empty((1, w * 8 // CANVAS, 3), np.float32)
    kernels.render_rgb(
        spread, NOTHING, np.zeros((0, 0, 0, 2)), 1, fine, NO_CELL, np.array([0, 0, *out.shape[:2]]), out
    )
    return out[0, :, plane].astype(np.float64)


@pytest.mark.parametrize("name", LENSES)
@pytest.mark.parametrize("r", [0.0, 0.5, 1.0])
def test_a_line_has_the_mtf_of_the_lens(name, r):
    lens = known_lens(name)
    for plane in range(3):
        spread = line_spread(lens, r, plane)
        spectrum = np.abs(np.fft.rfft(spread))
        frequency = np.fft.rfftfreq(len(spread), 1 / 8)
        wanted = frequency < 1
        expected = lens.mtf(frequency[wanted], plane, r)
        np.testing.assert_allclose(spectrum[wanted] / spectrum[0], expected, atol=0.003)


def test_the_spread_keeps_the_light():
    light = np.zeros((3, 121, 161), np.float32)
    light[:, 30, 130] = 1
    spread = project(light, np.eye(3), WIDE, Axis(30 - 900, 130 - 1200, 2000)).astype(np.float64)
    np.testing.assert_allclose(spread.sum((1, 2)), 1, atol=2e-3)
    y, _ = np.mgrid[:121, :161]
    r2 = 0.75**2
    for c in range(3):
        narrow, wide = CANVAS * WIDE.spread(c, math.sqrt(r2)), CANVAS * WIDE.halo_sigma
        variance = (1 - WIDE.halo) * narrow**2 + WIDE.halo * wide**2
        assert (spread[c] * (y - 30) ** 2).sum() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("place", [(0.5, 0.667), (0.15, 0.2)])
def test_a_slanted_edge_measures_the_lens_through_the_whole_path(tmp_path, place):
    """Drawn, bent through the lens, photographed, written, read, linearized, measured: within 0.01."""
    y, x = place

    def paint(view):
        view.lay((0.16, 0.16, 0.16))
        _, u = turned(view.y, view.x, place, 5.0)
        view.lay((0.64, 0.64, 0.64), view.cover(u + 0 * view.y))

    scene, lens = Scene((Thing((-1, -1, 3, 3), paint),)), known_lens("phone")
    camera = {"iso": 25, "cfa": "mono", "sensor": "ideal", "lens": lens}
    taken, truth = simulate.burst(scene, size=(480, 640), frames=1, shake="still", **camera)
    (path,) = simulate.write(tmp_path, taken, truth)
    top, left = round(y * 480) - 60, round(x * 480) - 40
    measured = edge(read_picture(path), (top, left, top + 120, left + 80), method="robust", channels="Y")
    (curve,) = (c for c in measured.curves if c.name == "SFR")
    r = math.hypot(y - 0.5, x - 2 / 3) / (5 / 6)
    wanted = curve.x <= 0.5
    drawn = np.sinc(curve.x[wanted] / CANVAS)  # a canvas pixel on the edge holds its share of both sides
    np.testing.assert_allclose(curve.y[wanted], lens.mtf(curve.x[wanted], 1, r) * drawn, atol=0.01)


# ---- veil


def test_the_veil_is_the_share_of_the_light_that_it_says():
    light = np.zeros((3, 160, 224), np.float32)
    light[:, 70:90, 100:124] = 40
    veil = veil_of(light, (0, 0, 160, 224), 0.03)
    assert veil.shape == (3, 10, 14)
    caught = veil[1].sum(dtype=np.float64) * 16 * 16 / light[1].sum(dtype=np.float64)
    assert 0.4 * 0.03 < caught < 0.03  # the rest lies beyond the picture
    assert veil[1, 5, 7] > 4 * veil[1, 0, 0] > 0


def test_a_lamp_veils_the_dark():
    def paint(view):
        view.lay((0.0, 0.0, 0.0))
        view.lay((30.0, 30.0, 30.0), view.cover(disk(view.y, view.x, (0.5, 0.667), 0.05)))

    scene = Scene((Thing((-1, -1, 3, 3), paint),))
    with_veil, without = (
        simulate.burst(scene, size=SIZE, frames=1, shake="still", lens=Lens(flare=f))[1].rgb
        for f in (0.02, 0.0)
    )
    assert without[20, 20, 1] == 0 < with_veil[20, 20, 1] < with_veil[100, 120, 1]
    assert with_veil[120, 160, 1] == pytest.approx(30 * 0.98, rel=0.01)
    mean = float(without[..., 1].mean())
    assert 0.2 * 0.02 * mean < float(with_veil[:60, :, 1].mean()) < 0.02 * mean


# ---- the same bytes, and errors

PROGRAM = """
import hashlib
from lichtbild import simulate
from lichtbild.base import kernels
kernels.set_threads({threads})
burst, truth = simulate.burst(
    "leaves", size=(98, 130), frames=2, lens="wide", readout=0.02, blur=2, shake="shaky", cfa="xtrans"
)
print(*(hashlib.sha256(a.tobytes()).hexdigest() for a in (burst.frames[1].dn, truth.rgb, truth.maps)))
"""


def test_the_same_bytes_at_every_level_and_number_of_threads():
    def run(level, threads):
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(threads=threads)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LICHTBILD_CPU": level},
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    first = run(kernels.level, 3)
    assert len(first.split()) == 3
    assert run("sse41" if kernels.level in kernels.LEVELS else kernels.level, 1) == first


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "[distortion]\nk = [0.1, 0.0]",
            r"distortion\.k = \[0\.1, 0\.0\] is not allowed; give 3 numbers from -0\.5 to 0\.5",
        ),
        ("[spread]\nsigma = [9, 1, 1]", r"spread\.sigma .* 0\.2 to 4"),
        ("[veil]\nflare = true", r"veil\.flare = True .* a number"),
        ("[veil]\nflair = 0.1", r"veil\.flair is unknown; \[veil\] has flare; did you mean flare"),
        ("[lense]\nname = 'x'", r"lense is no section of a lens; there are \[lens\]"),
        ("[lens]\nname = 3", r"lens\.name = 3 is not allowed; give a text"),
        ("k = 3", "k is no section"),
        ("[distortion", "is no TOML"),
        ("[distortion]\nk = [-0.5, 0.0, 0.0]", "folds the picture"),
    ],
)
def test_a_wrong_lens_is_refused(tmp_path, text, words):
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_lens(path)
    assert str(path) in str(caught.value)


def test_a_lens_of_ones_own(tmp_path):
    path = tmp_path / "soft.toml"
    path.write_text("[spread]\nsigma = [2, 2, 2]\n")
    assert known_lens(path) == Lens("soft", sigma=(2.0, 2.0, 2.0))
    with pytest.raises(InputError, match="did you mean wide"):
        known_lens("wid")
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read"):
        known_lens(tmp_path / "nowhere.toml")
    assert corner((3, 5)) == pytest.approx(math.sqrt(5))


def test_the_lens_of_the_documentation_is_complete(tmp_path):
    page = (Path(__file__).parents[1] / "docs/concepts/simulator.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    told = tomllib.loads(text)
    assert {(s, k) for s in told for k in told[s]} - {("lens", "name"), ("lens", "words")} == {
        (rule[0], key) for key, rule in RULES.items()
    }
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    lens = read_lens(path)
    assert lens.name == "mine" and lens.k == (-0.05, 0.01, 0.0) and lens.flare == 0.01


def test_the_widest_lens_still_has_a_spread_where_a_wild_hand_looks():
    lens = Lens(sigma=(4.0,) * 3, growth=(4.0,) * 3, halo=0.5, halo_sigma=6.0)
    light = np.full((3, 40, 40), 0.5, np.float32)
    spread = project(light, np.eye(3), lens, Axis(-4000.0, 3000.0, 80.0))
    np.testing.assert_allclose(spread, 0.5, rtol=1e-5)
