# SPDX-License-Identifier: Apache-2.0
"""Noise calibration: what a simulated sensor was given comes back; what cannot be measured is refused."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lichtbild.base.errors import BurstMismatch, InputError
from lichtbild.base.image import RawFrame, Shot
from lichtbild.quality.sensor.noise_calibration import calibrate, joined
from lichtbild.quality.sensor.photon_transfer import data_sheet, threshold
from lichtbild.quality.sensor.sites import cropped, sites
from lichtbild.quality.sensor.tails import deviation, quantile, tails
from lichtbild.quality.sensor.temporal import blocks_of, line, residuals
from lichtbild.quality.sensor.transfer import transfer
from lichtbild.simulate.sensor import Sensor, expose

BLACK, WHITE = 64, 1023
COLOURS = np.array([[0.8, 1.0], [1.0, 0.6]])  # of even light, through R, G and B


def gain_and_read(iso):
    """The calibrated phone: DN per electron, read noise in DN (rounding not included)."""
    read = math.sqrt(7.11772e-7 * iso**2 + 6.514934e-4 * iso + 0.11492713)
    return 5.995267e-4 * iso + 0.00868861, read


class Camera:
    """The simulator's sensor with fixed patterns, frame by frame."""

    def __init__(self, iso, *, size=(400, 600), seed=0, read=None, **terms):
        self.gain, own = gain_and_read(iso)
        self.read = own if read is None else read
        patterns = {"prnu": 0.008, "dsnu": 0.3, "row": 0.15} | terms
        self.sensor = Sensor(self.gain, self.read, BLACK, WHITE, **patterns)
        self.row = patterns["row"] * self.read
        self.size, self.seed, self.frame = size, 1000 * seed + int(iso), 0
        path = Path("frame.dng")
        black = np.full((2, 2), BLACK, np.float32)
        self.shot = Shot(path, size, black=black, white=WHITE, make="Drawn", model="Camera", iso=iso)

    def take(self, light, **told):
        """A frame of `light` (DN above black, a number or a picture)."""
        light = np.broadcast_to(np.maximum(light, 0), self.size).astype(np.float32) / (WHITE - BLACK)
        flat = np.ones((4, 2, 2), np.float32)
        self.frame += 1
        dn = expose(np.ascontiguousarray(light), flat, self.sensor, seed=self.seed, frame=self.frame)
        return RawFrame(dn, replace(self.shot, **told))

    def pairs(self, levels=16, brightest=700):
        colour = np.tile(COLOURS, (self.size[0] // 2, self.size[1] // 2))
        lights = np.linspace(0, brightest, levels + 1)[1:]
        return [self.take(colour * v) for v in lights for _ in range(2)]

    def darks(self, count=8):
        return [self.take(0) for _ in range(count)]


@pytest.fixture(scope="module")
def phone():
    """ISO 100, 800 and 3200 of the phone, measured."""
    found = []
    for iso in (100, 800, 3200):
        camera = Camera(iso, size=(360, 448))
        found.append(transfer([*camera.pairs(9 if iso == 800 else 5), *camera.darks(8 if iso == 800 else 6)]))
    return joined(found)


# ---- what it was given comes back


def test_the_gain_and_the_variance_at_black_come_back(phone):
    for r in phone.model.readings:
        gain, read = gain_and_read(r.iso)
        np.testing.assert_allclose(r.gain, gain, rtol=0.005 if r.iso == 800 else 0.01)
        # whole numbers do not spread noise below half a step evenly: ISO 100 is known to come out low
        low = 0.975 if read < 0.5 else 0.985
        ratio = np.array(r.variance) / (read**2 + 1 / 12)
        assert (ratio > low).all() and (ratio < 1.015).all(), ratio


def test_patterns_come_back(phone):
    for r in phone.model.readings:
        assert r.prnu == pytest.approx(0.008, rel=0.05 if r.iso < 3200 else 0.15)
        assert r.row == pytest.approx(0.15 * gain_and_read(r.iso)[1], rel=0.05 if r.iso == 800 else 0.08)
    by_iso = {r.iso: r for r in phone.model.readings}
    assert by_iso[100].dsnu == pytest.approx(0.3, rel=0.05)
    assert by_iso[800].dsnu == pytest.approx(0.3, rel=0.03)
    assert all(math.isnan(r.column) for r in phone.model.readings)  # there was none
    assert all(r.tails == pytest.approx(0.135, abs=0.01) for r in phone.model.readings)  # it is normal


def test_heavy_tails_columns_and_a_drifting_black():
    camera = Camera(3200, size=(320, 400), tail=-0.1, column=0.2, drift=0.3)
    r = joined([transfer([*camera.pairs(5), *camera.darks(8)])]).model.readings[0]
    assert r.tails == pytest.approx(-0.1, abs=0.02)
    assert r.column == pytest.approx(0.2 * camera.read, rel=0.08)
    assert r.row == pytest.approx(0.15 * camera.read, rel=0.08)
    np.testing.assert_allclose(r.gain, camera.gain, rtol=0.02)


def test_standard_errors_are_right():
    """Over many small cameras the error of K is what its standard error says."""
    z = []
    for seed in range(12):
        camera = Camera(800, size=(128, 128), seed=seed)
        s = transfer(camera.pairs(3)).sites
        z += [(x.line.gain - camera.gain) / x.line.gain_doubt for x in s]
    assert 0.65 < np.std(z) < 1.3 and abs(np.mean(z)) < 4 / math.sqrt(len(z))


def test_the_profile_is_a_dng_s_and_goes_over_iso(phone):
    for iso in (100, 200, 1600, 3200):
        gain, read = gain_and_read(iso)
        noise = phone.model.profile(iso)
        v = WHITE - BLACK
        np.testing.assert_allclose(noise.shot, gain / v, rtol=0.01)
        whole = read**2 * (1 + 0.15**2) + 1 / 12  # rows are in it, as in what the simulator writes
        np.testing.assert_allclose(noise.read, whole / v**2, rtol=0.025)
    (slope, _), _ = phone.model.curves()  # K over ISO is the line it was drawn from
    np.testing.assert_allclose(slope, 5.995267e-4, rtol=0.01)


def test_a_burst_of_many_frames_is_one_level():
    camera = Camera(800, size=(400, 400))
    light = np.linspace(20, 700, 400)[None, :]
    found = transfer([camera.take(light) for _ in range(8)])
    assert len(found.exposures) == 1 and found.lit == 8
    for s in found.sites:
        assert abs(s.line.gain - camera.gain) < 4 * s.line.gain_doubt < 0.02 * camera.gain


def leaves(size, rng):
    """A scene with edges: discs of all sizes in front of each other."""
    y, x = np.mgrid[: size[0], : size[1]]
    scene = np.full(size, 300.0)
    for _ in range(150):
        cy, cx = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        scene[(y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(4, 60) ** 2] = rng.uniform(5, 650)
    return scene


def test_other_colour_cells_and_grey_sensors():
    camera = Camera(800, size=(288, 288))
    names = [s.name for s in sites(camera.shot)]
    assert names == ["R", "Gr", "Gb", "B"]
    assert [s.name for s in sites(replace(camera.shot, pattern=(1, 2, 0, 1)))] == ["Gb", "B", "R", "Gr"]
    quad = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 2, 2], [1, 1, 2, 2]], np.uint8)
    frames = [*camera.pairs(4), *camera.darks(2)]
    for told, count in (({"kind": "mono"}, 1), ({"cell": quad}, 16)):
        found = joined([transfer([RawFrame(f.dn, replace(f.shot, **told)) for f in frames])])
        assert len(found.transfers[0].sites) == count
        # a grey sensor that sees a mosaic: its light is uneven, and that is no matter
        np.testing.assert_allclose(found.model.readings[0].gain, camera.gain, rtol=0.02)


def test_any_resting_scene_will_do():
    camera = Camera(800, size=(400, 480))
    scene = leaves(camera.size, np.random.default_rng(1))
    found = transfer([camera.take(scene) for _ in range(4)])
    for s in found.sites:
        assert abs(s.line.gain - camera.gain) < max(4 * s.line.gain_doubt, 0.01 * camera.gain)
        assert s.line.motion == 0
    assert math.isnan(data_sheet(found)["PRNU · Gr"])  # a scene is no even field


def shifted(scene, dy, dx):
    f = np.fft.fft2(scene)
    y, x = np.fft.fftfreq(scene.shape[0])[:, None], np.fft.fftfreq(scene.shape[1])[None]
    return np.fft.ifft2(f * np.exp(-2j * np.pi * (y * dy + x * dx))).real


def blurred(scene):
    for axis in (0, 1):
        for _ in range(4):
            scene = (scene + np.roll(scene, 1, axis)) / 2
    return scene


def test_motion_is_noticed_subtracted_and_at_last_refused():
    camera = Camera(800, size=(320, 448))
    scene = blurred(leaves(camera.size, np.random.default_rng(1)))
    rng = np.random.default_rng(2)
    moves = rng.standard_normal((6, 2))
    found = joined([transfer([camera.take(shifted(scene, *(0.1 * m))) for m in moves])])
    assert any("moved" in w for w in found.model.warnings)
    true = 0.05 * np.sqrt(moves.var(axis=0, ddof=1).mean())  # photosites, which are two pixels
    for s in found.transfers[0].sites:
        assert s.line.motion == pytest.approx(true, rel=0.3)
        assert abs(s.line.gain - camera.gain) < 4 * s.line.gain_doubt < 0.05 * camera.gain
    with pytest.raises(InputError, match="moved by"):
        transfer([camera.take(shifted(scene, *(0.5 * m))) for m in moves[:3]])
    with pytest.raises(InputError, match="moved"):
        transfer([camera.take(shifted(scene, *(3 * m))) for m in moves[:3]])


def test_changing_light_is_balanced_and_told():
    camera = Camera(800, size=(400, 400))
    light = np.linspace(20, 700, 400)[None, :]
    frames = [camera.take(light * (1 + 0.01 * (-1) ** k)) for k in range(8)]
    found = joined([transfer(frames)])
    np.testing.assert_allclose(found.model.readings[0].gain, camera.gain, rtol=0.01)
    assert any("light changed" in w for w in found.model.warnings)


def test_hot_pixels_do_not_matter():
    camera = Camera(800, size=(320, 400))
    frames = [*camera.pairs(5), *camera.darks(4)]
    rng = np.random.default_rng(4)
    y, x = rng.integers(0, 320, 60), rng.integers(0, 400, 60)
    for f in frames:  # leaking, flickering photosites
        f.dn[y, x] = rng.integers(200, 1023, 60)
    found = transfer(frames)
    for s in found.sites:
        assert s.line.gain == pytest.approx(camera.gain, abs=4 * s.line.gain_doubt)
        assert s.line.offset == pytest.approx(camera.read**2 + 1 / 12, abs=4 * s.line.offset_doubt)
        assert s.line.gain_doubt < 0.007 * camera.gain and s.line.offset_doubt < 0.01
        assert s.tails[0] == pytest.approx(0.14, abs=0.03)
        assert s.dark is not None and 1e6 * s.dark.hot == pytest.approx(60 / 128000 * 1e6, rel=0.5)


def test_a_part_of_a_frame_is_the_same_as_its_box():
    camera = Camera(800, size=(200, 240))
    black = np.array([[60, 62], [64, 66]], np.float32)
    shot = replace(camera.shot, black=black, black_rows=np.linspace(0, 2, 200, dtype=np.float32))
    frames = [RawFrame(f.dn, shot) for f in [*camera.pairs(3), *camera.darks(2)]]
    box = (31, 45, 199, 233)
    whole = transfer(frames, box=box)
    parts = [cropped(f, box) for f in frames]
    part = transfer([f for f, _ in parts], box=parts[0][1])
    assert parts[0][0].dn.shape == (175, 197) and parts[0][1] == (7, 9, 175, 197)
    assert [s.line.gain for s in whole.sites] == [s.line.gain for s in part.sites]
    assert [s.dark for s in whole.sites] == [s.dark for s in part.sites]


# ---- tails


@pytest.mark.parametrize("shape", [-0.15, -0.06, 0.05, 0.14])
@pytest.mark.parametrize("sigma", [3.08, 1.0])
def test_tails_by_likelihood(shape, sigma):
    rng = np.random.default_rng(5)
    dn = quantile(rng.uniform(size=(4, 200, 300)), shape) / deviation(shape) * sigma
    dn = np.round(dn + 0.3 * rng.standard_normal((200, 300)))
    found, doubt, spread = tails(dn, 0.3)
    assert abs(found - shape) < 0.006 + 3 * doubt
    assert spread == pytest.approx(sigma, rel=0.01)


def test_the_deviation_of_tukey_s_distribution():
    table = {-0.2: 2.736, -0.1: 2.186, -0.05: 1.984, 0.05: 1.668, 0.1: 1.542, 0.14: 1.453, 0.2: 1.334}
    for shape, value in table.items():
        assert deviation(shape) == pytest.approx(value, abs=6e-4)
    assert deviation(0.0) == pytest.approx(math.pi / math.sqrt(3))


# ---- the data sheet, by hand


def test_the_data_sheet_in_electrons():
    camera = Camera(800, size=(288, 320), read=3.0)
    found = transfer([*camera.pairs(5), *camera.darks(4)])
    sheet = data_sheet(found)
    k = camera.gain
    read = 3.0 / k
    assert sheet["read noise · R"] == pytest.approx(read, rel=0.01)
    assert sheet["full well · R"] == pytest.approx((WHITE - BLACK) / k, rel=0.01)
    least = math.sqrt(read**2 + 1 / 12 / k**2 + 0.25) + 0.5  # EMVA 1288: electrons at an SNR of 1
    assert threshold(read, k) == pytest.approx(least)
    assert sheet["dynamic range · R"] == pytest.approx(math.log2((WHITE - BLACK) / k / least), abs=0.02)
    assert sheet["SNR max · R"] == pytest.approx(10 * math.log10((WHITE - BLACK) / k), abs=0.03)
    assert sheet["DSNU · R"] == pytest.approx(0.3 / k, rel=0.1)
    assert sheet["PRNU · R"] == pytest.approx(0.8, rel=0.1)
    assert math.isnan(sheet["linearity error · R"])  # no exposure times


def test_the_smallest_signal_of_a_known_sensor():
    # σ_d = 10 e⁻, K = 0.5 DN/e⁻: √(100 + 1/3 + 1/4) + 1/2
    assert threshold(10, 0.5) == pytest.approx(10.529124, abs=1e-6)


def test_linearity_needs_exposure_times():
    camera = Camera(800, size=(200, 240))
    times = np.linspace(0.01, 0.1, 6)
    straight = [camera.take(6500 * t, exposure_time=float(t)) for t in times for _ in range(2)]
    assert data_sheet(transfer(straight))["linearity error · R"] < 0.1
    bent = [camera.take(6500 * t * (1 - t), exposure_time=float(t)) for t in times for _ in range(2)]
    assert 0.5 < data_sheet(transfer(bent))["linearity error · R"] < 5


# ---- what cannot be measured


def small(iso=800, **options):
    return Camera(iso, size=(160, 192), **options)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (lambda: [small().take(300)], "single frame"),
        (lambda: small().darks(4), "all 4 frames at ISO 800 are dark"),
        (lambda: [small().take(v) for v in (100, 200, 300)], "no two"),
        (lambda: [small().take(5000) for _ in range(4)], "every frame is clipped"),
        (lambda: small().pairs(1), "from 1 level of light"),
        (lambda: Camera(800, size=(60, 60)).pairs(3), "too few"),
    ],
)
def test_refusals(frames, words):
    with pytest.raises(InputError, match=words) as caught:
        calibrate(frames())
    assert caught.value.hint


def test_copies_of_a_frame_are_no_pair():
    camera = small()
    frames = camera.pairs(3)
    copy = RawFrame(frames[0].dn.copy(), replace(frames[0].shot, path=Path("copy.dng")))
    with pytest.raises(InputError, match=r"copy\.dng and frame\.dng are the same picture"):
        calibrate([*frames, copy])


def test_a_lit_frame_is_no_dark_one():
    camera = small()
    lit = camera.take(400, path=Path("lit.dng"))
    with pytest.raises(InputError, match=r"lit\.dng is given as a dark frame, but lies 4.. DN above black"):
        calibrate(camera.pairs(3), [*camera.darks(2), lit])


def test_strangers_are_refused():
    camera = small()
    other = camera.take(300, model="Other")
    with pytest.raises(BurstMismatch, match="camera = Drawn Other"):
        calibrate([*camera.pairs(3), other])
    wide = Camera(800, size=(160, 208))
    with pytest.raises(BurstMismatch, match="size"):
        calibrate([*camera.pairs(3), *wide.pairs(3)])
    linear = RawFrame(np.zeros((160, 192, 3), np.uint16), replace(camera.shot, kind="linear"))
    with pytest.raises(InputError, match="linear RGB"):
        calibrate([linear, linear])


def said(frames, *sentences):
    told = calibrate(frames).model.warnings
    return all(any(words in w for w in told) for words in sentences)


def test_warnings():
    camera = small()
    pairs, darks = camera.pairs(4), camera.darks(3)
    assert said(
        [*pairs, camera.take(690)], "no dark frames", "variance at black is known to", "1 frame shows"
    )
    assert said([*pairs[:2], *darks], "K is known to")
    fine = small(100)
    assert said([*fine.pairs(4), *fine.darks(3)], "half a digital number")
    quiet = Camera(3200, size=(240, 320))  # its rows flicker by half a DN: no change of light
    assert not calibrate([*quiet.pairs(6, 600), *quiet.darks(4)]).model.warnings


def test_clipped_blacks_are_seen_and_left_out():
    camera = small(3200)
    shot = replace(camera.shot, black=np.full((2, 2), 2, np.float32), white=WHITE - BLACK + 2)

    def clipped(f):
        return RawFrame((np.maximum(f.dn.astype(int) - BLACK + 2, 0)).astype(np.uint16), shot)

    frames = [clipped(f) for f in [*camera.pairs(10), *camera.darks(4)]]
    found = calibrate(frames)
    assert any("clipped at 0" in w for w in found.model.warnings)
    np.testing.assert_allclose(found.model.readings[0].gain, camera.gain, rtol=0.02)


def test_a_filtered_raw_is_not_believed_silently():
    camera = Camera(800, size=(320, 384))
    frames = []
    for f in camera.pairs(8):
        dn = f.dn.astype(np.float32)
        smooth = (dn + np.roll(dn, 2, 1) + np.roll(dn, -2, 1)) / 3
        share = np.clip((dn - BLACK) / 700, 0, 1)  # the brighter the more
        frames.append(RawFrame(np.round(dn + share * (smooth - dn)).astype(np.uint16), f.shot))
    assert said(frames, "no line of the light")


# ---- the algebra of the estimate


def test_row_means_do_not_bias_uneven_rows():
    """Noise that varies within a row: each block still gets its own variance."""
    rng = np.random.default_rng(7)
    sigma = np.where(np.arange(64) < 32, 1.0, 6.0)
    stack = (100 + sigma * rng.standard_normal((24, 480, 64))).astype(np.float32)
    blocks = blocks_of(*residuals(stack)).variance.reshape(-1, 4)
    np.testing.assert_allclose(blocks.mean(axis=0), [1, 1, 36, 36], rtol=0.02)


def test_a_line_through_blocks():
    rng = np.random.default_rng(8)
    light = np.linspace(50, 400, 512)[None, :].repeat(256, axis=0)
    stack = (light + np.sqrt(0.5 * light + 4) * rng.standard_normal((6, 256, 512))).astype(np.float32)
    found = line([blocks_of(*residuals(stack))], 1000)
    assert found.gain == pytest.approx(0.5, abs=4 * found.gain_doubt)
    assert found.offset == pytest.approx(4, abs=4 * found.offset_doubt)
    assert found.gain_doubt < 0.004 and found.spread == pytest.approx(1, abs=0.2)
