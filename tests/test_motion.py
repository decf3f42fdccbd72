# SPDX-License-Identifier: Apache-2.0
"""Hand, rolling shutter, blur and traces of the simulated camera, and the flow that the truth states."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.errors import InputError
from lichtbild.quality.charts import Chart, Element
from lichtbild.simulate.brush import disk, rectangle
from lichtbild.simulate.handshake import HANDS, RATE, Hand, route
from lichtbild.simulate.lens import Lens, known_lens
from lichtbild.simulate.motion import EXPOSURE, Timing, after, inverse, pose_at
from lichtbild.simulate.scene import Mover, Placed, Scene, Thing

SIZE = (240, 320)
WIDE = replace(known_lens("wide"), halo=0.0, flare=0.0)
EVERYWHERE = (-1.0, -1.0, 3.0, 3.0)
DOTS = [(y, x) for y in (0.1, 0.37, 0.63, 0.9) for x in (0.12, 0.45, 0.9, 1.22)]
MOVING = (0.5, 0.66)


def spots(places, radius=0.012):
    def paint(view):
        for place in places:
            view.lay((0.9, 0.9, 0.9), view.cover(disk(view.y, view.x, place, radius)))

    return paint


def dotted(mover=None):
    """White disks on grey, and a moving one."""
    ground = Thing(EVERYWHERE, lambda view: view.lay((0.05, 0.05, 0.05)))
    return Scene((ground, Thing(EVERYWHERE, spots(DOTS))), mover or ())


def centre(image, near, half=8):
    """Centroid of a bright spot, or None where it is cut off."""
    y0, x0 = (round(float(v)) - half for v in near)
    if y0 < 0 or x0 < 0 or y0 + 2 * half >= image.shape[0] or x0 + 2 * half >= image.shape[1]:
        return None
    part = image[y0 : y0 + 2 * half + 1, x0 : x0 + 2 * half + 1].astype(np.float64)
    part = part - np.median(part)
    y, x = np.mgrid[y0 : y0 + 2 * half + 1, x0 : x0 + 2 * half + 1]
    return np.array([(part * y).sum(), (part * x).sum()]) / part.sum()


def at(flow, place):
    """The flow between pixels, bilinear."""
    y, x = place
    j, i = int(y), int(x)
    v, u = y - j, x - i
    top, low = (flow[j + k, i] * (1 - u) + flow[j + k, i + 1] * u for k in (0, 1))
    return top * (1 - v) + low * v


def trace(path, *lines):
    path.write_text("\n".join(",".join(f"{v:.6f}" for v in line) for line in lines))
    return path


# ---- the truth of motion, by force


@pytest.mark.parametrize("lens", [WIDE, Lens()], ids=["wide", "straight"])
@pytest.mark.parametrize("readout", [0.0, 0.03])
def test_the_flow_is_where_points_are_found(lens, readout):
    y, x = MOVING
    ball = Mover(Thing((y - 0.02, x - 0.02, y + 0.02, x + 0.02), spots([MOVING])), (2.5, -3.0))
    arguments = {"size": SIZE, "frames": 3, "seed": 4, "shake": "hand", "lens": lens, "readout": readout}
    scene = dotted((ball,))
    (_, here), (_, there) = (simulate.burst(scene, reference=r, **arguments) for r in (0, 2))
    flow, seen = here.flow(2), 0
    for place in [(v * 240 - 0.5, u * 240 - 0.5) for v, u in DOTS]:
        canvas = [np.float64(2 * (p + margin_of(here) + 0.5) - 0.5) for p in place]
        start = here.found(0, 0, (canvas[0], canvas[1]), np.float64(place[0]))
        one = centre(here.rgb[..., 1], start)
        if one is None:
            continue
        goal = one + at(flow, one)
        two = centre(there.rgb[..., 1], goal)
        if two is not None:
            seen += 1
            np.testing.assert_allclose(two, goal, atol=0.05)
    assert seen >= 12
    assert np.hypot(*at(flow, (120, 160))) > 1
    one = centre(here.rgb[..., 1], np.argwhere(here.layer).mean(0))
    goal = one + flow[tuple(np.rint(one).astype(int))]
    np.testing.assert_allclose(centre(there.rgb[..., 1], goal), goal, atol=0.06)


def margin_of(truth):
    """Sensor pixels around the picture on the canvas: what the maps say about the first frame's middle."""
    m = truth.maps[0, 0][len(truth.maps[0, 0]) // 2]
    return (m[0, 2] + 0.5) / 2 - 0.5


def test_a_layer_in_front_occludes():
    y, x = 0.4, 0.5
    block = Thing((y - 0.15, x - 0.15, y + 0.15, x + 0.15), lambda v: v.lay((0.5, 0.1, 0.1)))
    scene = Scene((Thing(EVERYWHERE, lambda v: v.lay((0.2, 0.2, 0.2))),), (Mover(block, (0.0, 8.0)),))
    _, truth = simulate.burst(scene, size=SIZE, frames=3, shake="still")
    hidden = truth.occluded(2)
    right = round((x + 0.15) * 240)
    assert hidden[96, right + 1 : right + 15].all()  # 16 px further on
    assert not hidden[96, right + 18 :].any() and not hidden[96, : right - 1].any()
    assert not truth.occluded(0).any()
    assert truth.moving.sum() > (truth.layer == 1).sum() > 0


def test_what_leaves_the_frame_is_occluded(tmp_path):
    path = trace(tmp_path / "down.csv", (0, 0, 0, 0), (1 / RATE, 10, 0, 0))
    _, truth = simulate.burst(dotted(), size=SIZE, frames=2, trace=path)
    assert truth.occluded(1)[230:].all() and not truth.occluded(1)[:229].any()


# ---- rolling shutter and blur


def test_the_shutter_rolls(tmp_path):
    """A camera that pans at constant speed leans an upright edge by speed times readout."""
    speed, readout = 300.0, 0.03  # px/s, s
    path = trace(tmp_path / "pan.csv", (0, 0, 0, 0), (1, 0, speed, 0))
    edge = Thing(EVERYWHERE, lambda v: v.lay((0.8, 0.8, 0.8), v.cover(rectangle(v.y, v.x, (-2, -2, 3, 0.6)))))
    _, truth = simulate.burst(Scene((edge,)), size=SIZE, frames=1, trace=path, readout=readout, lens=Lens())
    column = truth.rgb[..., 1].sum(axis=1) / truth.rgb[0, 0, 1]
    slope = np.polyfit(np.arange(240), column, 1)[0] * 239
    assert slope == pytest.approx(speed * readout, abs=0.02)
    assert column[119:121].mean() == pytest.approx(0.6 * 240, abs=0.05)  # the middle row is on time


def test_motion_blurs(tmp_path):
    speed = 400.0
    path = trace(tmp_path / "pan.csv", (0, 0, 0, 0), (1, 0, speed, 0))
    edge = Thing(EVERYWHERE, lambda v: v.lay((0.8, 0.8, 0.8), v.cover(rectangle(v.y, v.x, (-2, -2, 3, 0.6)))))
    _, truth = simulate.burst(Scene((edge,)), size=SIZE, frames=1, trace=path, blur=32, lens=Lens())
    spread = -np.diff(truth.rgb[100, :, 1].astype(np.float64) / truth.rgb[100, 0, 1])
    x = np.arange(len(spread)) + 0.5
    mean = (spread * x).sum()
    assert mean == pytest.approx(0.6 * 240 - 0.5, abs=0.05)
    box = (speed * EXPOSURE) ** 2 / 12 * (1 - 1 / 32**2)
    assert (spread * (x - mean) ** 2).sum() == pytest.approx(box + 0.45**2 + 1 / 12, rel=0.02)


# ---- hands


@pytest.mark.parametrize("name", [n for n in HANDS if n != "still"])
def test_the_hand_shakes_as_its_preset_says(name):
    hand, path = HANDS[name], route(HANDS[name], 32, seed=9)
    places = np.array([path.at(i, 0.0) for i in range(32)])
    places -= places[0]
    far, turn = np.hypot(places[:, 0], places[:, 1]).max(), np.abs(places[:, 2]).max()
    if hand.reach:
        assert (far, turn) == pytest.approx(hand.reach, abs=1e-6)
    elif hand.scatter:
        reach = max(hand.scatter, hand.leap)
        assert 0.5 * hand.scatter < np.abs(places[:, :2]).max() <= reach and turn <= hand.roll
    else:
        assert 0.1 < far < 8 * hand.drift and 0 < turn < 8 * hand.turn


def test_tremor_lives_between_eight_and_twelve_hertz():
    path = route(replace(HANDS["hand"], drift=0.0, turn=0.0), 64, seed=3)
    assert isinstance(path, Hand)
    seconds = np.arange(0, 60 / RATE, 1 / 480)
    y = np.array([path.at(30, s - 1.0)[0] for s in seconds])
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    hertz = np.fft.rfftfreq(len(y), 1 / 480)
    assert power[(hertz > 7) & (hertz < 13)].sum() > 0.99 * power.sum()
    assert (power > 0.1 * power.max()).sum() > 3  # not one sine
    assert y.std() == pytest.approx(HANDS["hand"].tremor, rel=0.25)


def test_a_hand_moves_smoothly_between_frames():
    path = route(replace(HANDS["hand"], tremor=0.0), 8, seed=5)
    for frame in range(7):
        before, later = path.at(frame, 1 / RATE - 1e-9), path.at(frame + 1, 0.0)
        assert before == pytest.approx(later, abs=1e-6)
        ahead = path.at(frame, 1 / RATE + 1e-4), path.at(frame, 1 / RATE - 1e-4)
        assert abs(ahead[0][0] - ahead[1][0]) < 0.05


def test_jumps_are_rare_and_far():
    steps = np.concatenate(
        [[route(HANDS["jumps"], 8, seed=s).at(i, 0.0)[0] for i in range(1, 8)] for s in range(200)]
    )
    far = np.abs(steps) > HANDS["jumps"].scatter
    share = 1.5 / 8 * (1 - HANDS["jumps"].scatter / HANDS["jumps"].leap)
    assert far.mean() == pytest.approx(share, abs=0.05) and np.abs(steps).max() > 14


def test_a_map_and_its_inverse_cancel():
    path = route(HANDS["shaky"], 4, seed=1)
    for i in range(4):
        pose = pose_at(path, (200, 300), i, 0.01)
        np.testing.assert_allclose(after(inverse(pose), pose), [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_array_equal(pose_at(path, (200, 300), 0, 0.0), [[1, 0, 0], [0, 1, 0]])


# ---- traces


def test_a_trace_is_replayed(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("t_s,y_px,x_px,roll_deg\n# by hand\n5.0,1,2,0.0\n5.05,4,-2,0.5\n\n5.2,4,-2,0.5\n")
    _, truth = simulate.burst(dotted(), size=SIZE, frames=4, trace=path, shake="shaky")
    assert truth.facts["shake"] == str(path)
    c = math.cos(math.radians(0.5))
    share = (1 / RATE) / 0.05
    assert truth.poses[1] @ (119.5, 159.5, 1) == pytest.approx((119.5 + 3 * share, 159.5 - 4 * share))
    assert truth.poses[3][0, 0] == pytest.approx(c) and truth.poses[3] @ (119.5, 159.5, 1) == pytest.approx(
        (122.5, 155.5)
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("0,0,0,0\n0.1,a,0,0\n", r"hand\.csv:2: '0\.1,a,0,0' is no line of a trace"),
        ("0,0,0\n", r":1: .* t_s, y_px, x_px, roll_deg"),
        ("time,y,x,roll\n0,0,0,0\n", r":1: "),
        ("0,0,0,0\n0,1,1,0\n", ":2: .* t_s must grow"),
        ("0,0,0,0\n1,9999,1,0\n", ":2: .* too far; allowed is ±2048 px and ±45°"),
        ("0,0,0,0\n1,nan,1,0\n", ":2: "),
        ("0,0,0,0\n0.05,1,1,0\n", r"lasts 0\.050 s, the burst 0\.100 s"),
        ("0,0,0,0\n", "has 1 lines; a trace has two or more"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_wrong_trace_is_refused(tmp_path, text, words):
    path = tmp_path / "hand.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words):
        simulate.burst(dotted(), size=SIZE, frames=4, trace=path)


def test_the_timing_of_a_burst():
    assert Timing(0.02, 4).lead == pytest.approx(0.01 + EXPOSURE / 2)
    assert Timing().moments(0.0) == [0.0] and Timing().parts() == [0.0]
    assert Timing(0.02).moments(0.0)[::16] == pytest.approx([-0.01, 0, 0.01])


# ---- charts


@pytest.mark.parametrize(("lens", "readout"), [(WIDE, 0.02), (Lens(), 0.0)])
def test_the_truth_knows_where_the_elements_of_a_chart_are(lens, readout):
    element = Element("edge", "one", (0.2, 0.3, 0.7, 0.9))
    placed = np.array([[0.7, 0.05, 0.1], [-0.04, 0.72, 0.15], [0.0, 0.0, 1.0]])
    corners = [(placed @ (v, u, 1))[:2] for v, u in ((0.2, 0.3), (0.2, 0.9), (0.7, 0.9), (0.7, 0.3))]
    ground = Thing(EVERYWHERE, lambda v: v.lay((0.05, 0.05, 0.05)))
    scene = Scene(
        (ground, Thing(EVERYWHERE, spots(corners))),
        chart=Placed(Chart("mine", "", 1.2, (element,), 7), placed),
    )
    _, truth = simulate.burst(
        scene, size=SIZE, frames=2, reference=1, lens=lens, readout=readout, shake="hand", seed=8
    )
    (found,) = truth.facts["chart"]["elements"]
    for (v, u), there in zip(((0.2, 0.3), (0.2, 0.9), (0.7, 0.9), (0.7, 0.3)), found["corners"], strict=True):
        np.testing.assert_allclose(centre(truth.rgb[..., 1], there), there, atol=0.06)
        y, x, w = np.array(found["to_picture"]) @ (v, u, 1)
        np.testing.assert_allclose((y / w, x / w), there, atol=1e-6)
    assert truth.facts["chart"]["name"] == "mine" and truth.facts["scene"] == "mine"


def test_a_picture_from_a_file_is_photographed(tmp_path):
    path = tmp_path / "half.png"
    Image.fromarray(np.repeat([[0] * 32 + [255] * 32], 48, axis=0).astype(np.uint8)).resize((256, 192)).save(
        path
    )
    _, truth = simulate.burst(path, size=(96, 128), frames=1, shake="still", lens=Lens())
    assert truth.rgb[:, :60].max() < 0.01 and truth.rgb[:, 68:, 1].min() > 0.7
    assert truth.facts["scene"] == str(path)
    with pytest.raises(InputError, match="not there"):
        simulate.burst(tmp_path / "gone.png", size=(96, 128), frames=1)
