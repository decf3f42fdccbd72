# SPDX-License-Identifier: Apache-2.0
"""What local tone does to edges, textures, gradients, noise and lamps, and what it costs.

    python benchmarks/tone.py                   # prints a markdown table
    python benchmarks/tone.py --shadows 0.65 --highlights 0.6 --clarity 0.15

Charts are made of light, so that what should happen is known.  *Halo*: two lights, a step of so many EV
apart, meet at an edge; the gain (light out / light in) of the pixels that are all one light is compared
with the gain of that light far away; given are the largest deviation in % and the same behind neutral's
curve.  Soft edges are blurred by that many pixels (standard deviation), pixels between the lights are
left out.  *Texture*: the contrast that stripes of a period keep, in %.  *Ramp*: a sky, straight in EV;
the least slope that is left, and the largest kink as a share of it.  *Noise*: contrast of noise behind
tone to that before, times the gain's.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Noise, Scene, Shot
from lichtbild.look.grade import Grade, grade
from lichtbild.look.tone import Tone, tone

HEIGHT, WIDTH = 600, 800
GREY = 0.18
QUIET = Noise((0.0,) * 3, (0.0,) * 3)


def scene(light, noise=QUIET):
    """A grey scene in Rec. 2020."""
    rgb = np.ascontiguousarray(np.repeat(np.asarray(light, np.float32)[..., None], 3, -1))
    return Scene(rgb, "rec2020", Shot(Path("chart.dng"), rgb.shape[:2]), noise)


def shapes():
    """What an edge can be: name → 1 where it is bright."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    disc = np.hypot(y - 300, x - 400)
    bars = ((x > 200) & (x < 202)) | ((x > 300) & (x < 306)) | ((x > 450) & (x < 470))
    bars &= np.abs(y - 300) < 180
    pane = (np.abs(y - 280) < 170) & (np.abs(x - 400) < 220)
    frame = (np.abs(x - 400) < 6) | (np.abs(y - 260) < 6)
    return {
        "straight": x > 400,
        "slanted": x + 0.2 * y > 460,
        "thin bars": bars,
        "dark bars": ~bars,
        "disc": disc < 120,
        "lamps": (disc < 5) | (np.hypot(y - 150, x - 200) < 12) | (np.hypot(y - 480, x - 650) < 2),
        "window": pane & ~frame,
    }


def blurred(plane, sigma):
    """A Gaussian blur, the border continued."""
    if sigma == 0:
        return plane
    reach = int(4 * sigma + 1)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        wide = np.pad(plane, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        plane = np.apply_along_axis(np.convolve, axis, wide, taps, "valid")
    return plane


def halo(mask, dark, bright, params, soft=0.0):
    """Largest deviation of the gain, and of the displayed light, from that far away, in %."""
    m = blurred(mask.astype(float), soft)
    light = dark + m * (bright - dark)
    s = scene(light)
    out = tone(s, params)
    shown = grade(out, Grade()).rgb[..., 1].astype(float)
    gain = out.rgb[..., 1] / s.rgb[..., 1].astype(float)
    worst = [0.0, 0.0]
    for level in (dark, bright):
        side = np.abs(np.log2(s.rgb[..., 1] / level)) < 1e-3
        if not side.any():
            continue
        alone = scene(np.full((8, 8), level))
        far = [float(tone(alone, params).rgb[0, 0, 1]) / float(np.float32(level))]
        far.append(float(grade(tone(alone, params), Grade()).rgb[0, 0, 1]))
        for i, (seen, wanted) in enumerate(zip((gain, shown), far, strict=True)):
            worst[i] = max(worst[i], 100 * float(np.abs(seen[side] / wanted - 1).max()))
    return worst


def texture(period, depth, level, params, width=2000):
    """Contrast kept by stripes of `depth` EV from dark to bright."""
    x = np.arange(width)
    wave = np.sin(2 * np.pi * (x + 0.25) / period)
    if period <= 4:
        wave = np.sign(wave)
    light = np.broadcast_to(GREY * 2.0 ** (level + 0.5 * depth * wave), (500, width))
    out = np.log2(tone(scene(light), params).rgb[250, 400:-400, 1].astype(float))
    return 100 * out.std() / np.log2(light[250, 400:-400]).std()


def ramp(params, evs=10.0):
    """Least slope of a straight gradient, and its largest kink beside the slope there."""
    x = np.linspace(-evs * 0.6, evs * 0.4, 1600)
    light = np.broadcast_to(GREY * 2.0**x, (400, 1600))
    out = np.log2(tone(scene(light), params).rgb[200, 40:-40, 1].astype(float))
    slope = np.diff(out) / (x[1] - x[0])
    smooth = np.convolve(slope, np.ones(5) / 5, "valid")
    return slope.min(), 100 * np.abs(np.diff(smooth)).max() / slope.min()


def noise(ratio, ev, params):
    """Lift in EV, and contrast of noise after to before, of a plane with a signal-to-noise ratio."""
    level = GREY * 2.0**ev
    rng = np.random.default_rng(1)
    light = np.full((400, 600), level)
    light[:, 400:] = GREY
    given = light + level / ratio * rng.standard_normal(light.shape)
    known = Noise((0.0,) * 3, ((level / ratio) ** 2 * 2.0,) * 3)
    out = tone(scene(given, known), params).rgb[60:-60, 60:340, 1].astype(float)
    was = given[60:-60, 60:340]
    return np.log2(out.mean() / was.mean()), (out.std() / out.mean()) / (was.std() / was.mean())


def cost(params, repeats=5):
    """CPU milliseconds of 12 megapixels."""
    rng = np.random.default_rng(0)
    coarse = np.cumsum(rng.standard_normal((3000, 4000)), axis=1) * 0.05
    s = scene(GREY * 2.0 ** np.clip(coarse - coarse.mean(), -6, 5))
    tone(s, params)
    found = []
    for _ in range(repeats):
        start = time.process_time()
        tone(s, params)
        found.append(time.process_time() - start)
    return 1e3 * min(found)


def main():
    """Measure and print."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for k in Tone().knobs():
        ask.add_argument(f"--{k.name}", type=float, default=k.default)
    ask.add_argument("--cost", action="store_true", help="also time 12 megapixels")
    given = ask.parse_args()
    params = replace(Tone(), **{k.name: getattr(given, k.name) for k in Tone().knobs()})
    lines = ["| figure | value |", "|---|---:|"]
    for name, mask in shapes().items():
        for soft in (0, 2, 8):
            gain, shown = halo(mask, GREY * 2.0**-7, GREY * 2.0**3, params, soft)
            what = f"halo, 10 EV, {name}, blur {soft} px: gain, display"
            lines.append(f"| {what} | {gain:.2f} %, {shown:.2f} % |")
    for step in (0.5, 1, 1.5, 2, 3, 4, 6):
        gain, _ = halo(shapes()["straight"], GREY * 2.0**-4, GREY * 2.0 ** (-4 + step), params)
        lines.append(f"| gain beside a step of {step} EV | {gain:.1f} % |")
    for depth in (0.3, 1, 2, 3):
        kept = ", ".join(f"{texture(p, depth, -3.0, params):.0f}" for p in (2, 4, 8, 20, 50, 100, 200))
        lines.append(f"| texture kept, {depth} EV, 3 EV below grey, periods 2 … 200 px | {kept} % |")
    lines.append("| ramp of 10 EV: least slope, kink | {:.3f}, {:.2f} % |".format(*ramp(params)))
    for ratio in (1, 2, 4, 8, 16):
        lift, grown = noise(ratio, -5.0, params)
        what = f"noise, SNR {ratio}, 5 EV below grey: lift, contrast of noise"
        lines.append(f"| {what} | {lift:+.2f} EV, {grown:.2f}× |")
    if given.cost:
        lines.append(f"| 12 MP, {kernels.thread_count()} threads | {cost(params):.0f} CPU ms |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
