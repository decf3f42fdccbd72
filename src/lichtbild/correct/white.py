# SPDX-License-Identifier: Apache-2.0
"""The white of a scene: as shot, a light, a grey that somebody points at, or found in the picture.

*Found* is the mean of two estimates, both as the camera's answer to white with sum 1:

1. Shades of grey [1]: the Minkowski mean of order six of what is neither clipped nor black, moved to the
   nearest light this camera could see (black bodies and daylights) in (log G/R, log G/B).
2. Colour by correlation [2]: for each of those lights, how likely is it that surfaces have the colours that
   are seen?  The histogram of the picture (48 × 48, square root of the area) is compared with the logarithm
   of the light's, which holds surfaces as nature makes them (`base.spectra.natural`) seen through the
   camera's own ColorMatrix; the lights are averaged with weights exp(40 · score).

Where the exposure says that it is bright as only the sun makes it, lamps are no candidates.  `mildened`
lets some of a cast stay: between the white and daylight of 5500 K, in reciprocal temperature and tint.

References
----------
[1] G. D. Finlayson, E. Trezzi, "Shades of gray and colour constancy", Color Imaging Conference, 2004.
[2] G. D. Finlayson, S. D. Hordley, P. M. Hubel, "Color by correlation", IEEE Trans. PAMI 23(11), 2001.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import Chromaticity, Float64, illuminant_locus, temperature, white, xy_to_xyz
from lichtbild.base.errors import InputError
from lichtbild.base.image import CameraColour, Float32, Scene, Triple
from lichtbild.base.spectra import light, natural, to_xyz, weights
from lichtbild.capture.illuminant import neutral_to_white, scaled, white_to_neutral, xyz_to_camera
from lichtbild.correct.crop import shown

BLACK, BRIGHT = 0.01, 0.95  # of the clip level: what lies outside is not looked at
BINS, RANGE = 48, 2.0  # histogram of log-chroma: −2 … 2
SOFT, FLOOR, GAIN = 1.3, 1e-3, 40.0
SIDE = 64  # places along the shorter side of the picture
SUN = 11.0  # EV at ISO 100 that no lamp reaches
LAMPS = 4000.0  # K, below which a light is no daylight
DAYLIGHT = 5500.0
PATCH = 0.015  # of the longer side: half the side of the square that is taken for grey
# how an upright photo lies on the sensor, by EXIF orientation: rows reversed, columns reversed, then swapped
_TURNS = ((0, 0, 0), (0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 1))


def found_neutral(scene: Scene, camera: CameraColour, gain: Triple) -> Float64:
    """The neutral of the light that the picture speaks for; as shot where too little of it is usable."""
    shot = scaled(1.0 / np.asarray(gain))
    seen = shades(scene)
    if seen is None:
        return shot
    whites = candidates(scene)
    neutrals = np.array([white_to_neutral(camera, xy) for xy in whites])
    neutrals /= neutrals.sum(axis=1, keepdims=True)
    near = on_locus(seen * shot, neutrals)
    likely = correlated(scene, camera, shot, whites, neutrals)
    return scaled(near / near.sum() + likely)


def shades(scene: Scene) -> Float64 | None:
    """The Minkowski mean of order six of the balanced picture; None where too little of it is usable."""
    h, w = scene.rgb.shape[:2]
    clipped = scene.clipped if scene.clipped is not None else np.zeros((h, w), np.uint8)
    sums = np.zeros(7)
    kernels.shades(
        scene.rgb, clipped, np.full(3, BLACK, np.float32), np.float32(BRIGHT * np.asarray(scene.gain)), sums
    )
    return None if sums[6] < max(16, h * w / 4 / 200) else sums[3:6] ** (1 / 6)


def candidates(scene: Scene) -> tuple[Chromaticity, ...]:
    """The lights there may be: without lamps where the exposure tells of the sun."""
    s = scene.shot
    if not (s.f_number and s.exposure_time and s.iso):
        return illuminant_locus()
    ev = math.log2(s.f_number**2 / s.exposure_time * 100.0 / s.iso)
    return tuple(xy for xy in illuminant_locus() if ev < SUN or temperature(xy)[0] >= LAMPS)


def on_locus(seen: Float64, neutrals: Float64) -> Float64:
    """The point nearest to `seen` on the polyline through `neutrals`, in log-chroma."""
    locus, at = np.array([_log_chroma(n) for n in neutrals]), _log_chroma(seen)
    start, step = locus[:-1], np.diff(locus, axis=0)
    t = np.clip(((at - start) * step).sum(1) / (step * step).sum(1), 0, 1)
    i = int(((start + t[:, None] * step - at) ** 2).sum(1).argmin())
    u, v = start[i] + t[i] * step[i]
    return np.array([math.exp(-u), 1.0, math.exp(-v)])


def _log_chroma(rgb: Float64) -> Float64:
    return np.array([math.log(rgb[1] / rgb[0]), math.log(rgb[1] / rgb[2])])


# ---- correlation


def correlated(
    scene: Scene, camera: CameraColour, shot: Float64, whites: tuple[Chromaticity, ...], neutrals: Float64
) -> Float64:
    """The mean of `neutrals` weighted by how well each light explains the colours of the picture, sum 1."""
    picture = np.sqrt(histogram(places(scene) * shot))
    picture /= max(float(picture.sum()), 1e-12)
    scores = np.array([(picture * likelihood(camera, xy)).sum() for xy in whites])
    share = np.exp(GAIN * (scores - scores.max()))
    return np.asarray(share @ neutrals / share.sum(), np.float64)


def places(scene: Scene) -> Float64:
    """Balanced light at about 64 × 64 places or more, each the mean of up to 4 × 4 pixels: ``"k 3"``."""
    h, w = scene.rgb.shape[:2]
    step = max(1, min(h, w) // SIDE)
    k = min(step, 4)
    rows, columns = (h - k) // step + 1, (w - k) // step + 1
    total, clipped = np.zeros((rows, columns, 3)), np.zeros((rows, columns), bool)
    for y in range(k):
        for x in range(k):
            part = (slice(y, y + (rows - 1) * step + 1, step), slice(x, x + (columns - 1) * step + 1, step))
            total += scene.rgb[part]
            if scene.clipped is not None:
                clipped |= scene.clipped[part] != 0
    total /= k * k
    good = ~clipped & (total > BLACK).all(axis=2) & (total < BRIGHT * np.asarray(scene.gain)).all(axis=2)
    return np.asarray(total[good], np.float64)


@cache
def _edges() -> Float64:
    """Ratios at which one bin of log-chroma ends and the next begins."""
    return np.array([math.exp(RANGE * (2 * i / BINS - 1)) for i in range(1, BINS)])


def histogram(rgb: Float64) -> Float64:
    """Shares of log-chroma (log G/R, log G/B) of colours ``"k 3"``: ``"48 48"``."""
    u = np.searchsorted(_edges(), rgb[:, 1] / np.maximum(rgb[:, 0], 1e-9))
    v = np.searchsorted(_edges(), rgb[:, 1] / np.maximum(rgb[:, 2], 1e-9))
    return np.bincount(u * BINS + v, minlength=BINS * BINS).reshape(BINS, BINS) / max(len(rgb), 1)


def likelihood(camera: CameraColour, xy: Chromaticity) -> Float64:
    """The logarithm of how often a camera sees each log-chroma under a light of the locus."""
    answers = np.maximum(surfaces_under(xy) @ xyz_to_camera(camera, xy).T, 1e-6)
    blur = _blur()
    return np.log(blur @ histogram(answers) @ blur + FLOOR)


@cache
def surfaces_under(xy: Chromaticity) -> Float64:
    """XYZ of natural surfaces under a black body (lamps) or daylight of that chromaticity: ``"500 3"``."""
    kelvin = min(max(round(temperature(xy)[0]), 1667), 25000)
    power = light(f"{kelvin}K")
    return to_xyz(natural(), power) / weights(power).sum(axis=1) * xy_to_xyz(xy)


@cache
def _blur() -> Float64:
    apart = np.arange(BINS)[:, None] - np.arange(BINS)
    made = np.exp(-((apart / SOFT) ** 2) / 2)
    return np.asarray(made / made.sum(axis=0), np.float64)


# ---- a grey that somebody points at


def picked_neutral(scene: Scene, gain: Triple, at: tuple[float, float]) -> Float64:
    """The neutral by which the surroundings of a place are grey.

    Parameters
    ----------
    at : tuple of float
        (y, x) in the upright photo, as shares of its height and width.

    Raises
    ------
    InputError
        It is clipped or too dark there.
    """
    patch, clipped = patch_at(scene, at)
    where = f"calibrate.pick_y, pick_x = {at[0]:g}, {at[1]:g}"
    hint = "point at something grey in the light: neither white paper in the sun nor a shadow"
    good = ~clipped & (patch < BRIGHT * np.asarray(scene.gain)).all(axis=1) & np.isfinite(patch).all(axis=1)
    if good.mean() < 0.75:
        share = 100 * (1 - good.mean())
        raise InputError(
            f"{where}: {share:.0f} % of the patch there is clipped, allowed is a quarter", hint=hint
        )
    grey = np.array([_middle(c) for c in patch[good].T])
    variance = np.asarray(scene.noise.shot) * np.maximum(grey, 0) + scene.noise.read
    doubt = np.sqrt(variance / good.sum())
    if not (grey > 1e-4).all() or (doubt > 0.02 * grey).any():
        raise InputError(
            f"{where}: it is too dark there to tell a colour (it is known to 2 % at best)", hint=hint
        )
    return scaled(grey / np.asarray(gain))


def patch_at(scene: Scene, at: tuple[float, float]) -> tuple[Float64, NDArray[np.bool_]]:
    """The pixels about a place of the upright photo, ``"k 3"``, and which of them are clipped."""
    turn = scene.shot.orientation if 1 <= scene.shot.orientation <= 8 else 1
    rows_back, columns_back, swapped = _TURNS[turn]
    y, x = 1.0 - at[0] if rows_back else at[0], 1.0 - at[1] if columns_back else at[1]
    y, x = (x, y) if swapped else (y, x)
    top, left, height, width = shown(scene.shot, scene.rgb.shape)
    cy, cx = top + y * (height - 1), left + x * (width - 1)
    half = max(2, round(PATCH * max(height, width)))
    rows = slice(max(0, round(cy) - half), round(cy) + half + 1)
    columns = slice(max(0, round(cx) - half), round(cx) + half + 1)
    patch: Float32 = scene.rgb[rows, columns].reshape(-1, 3)
    clipped = (
        np.zeros(len(patch), bool) if scene.clipped is None else scene.clipped[rows, columns].ravel() != 0
    )
    return patch.astype(np.float64), clipped


def _middle(values: Float64) -> float:
    """The mean of the middle half: specks and edges do not count."""
    ordered = np.sort(values)
    return float(ordered[len(ordered) // 4 : len(ordered) - len(ordered) // 4].mean())


# ---- how much of it


def limited(camera: CameraColour, neutral: Float64, shot: Float64, most: float) -> Float64:
    """`neutral`, but not farther than `most` mired from the white as `shot`."""
    (kelvin, tint), (before, shade) = (temperature(neutral_to_white(camera, n)) for n in (neutral, shot))
    apart = abs(1e6 / kelvin - 1e6 / before)
    return neutral if apart <= most else _between(camera, (before, shade), (kelvin, tint), most / apart)


def mildened(camera: CameraColour, neutral: Float64, share: float) -> Float64:
    """The neutral that takes only a `share` of a cast away: towards that of daylight of 5500 K."""
    if share == 1.0:
        return neutral
    return _between(camera, (DAYLIGHT, 0.0), temperature(neutral_to_white(camera, neutral)), share)


def _between(
    camera: CameraColour, start: tuple[float, float], end: tuple[float, float], share: float
) -> Float64:
    mired = (1.0 - share) * 1e6 / start[0] + share * 1e6 / end[0]
    return white_to_neutral(camera, white(1e6 / mired, (1.0 - share) * start[1] + share * end[1]))
