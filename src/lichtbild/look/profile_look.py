# SPDX-License-Identifier: Apache-2.0
"""The look inside a DCP camera profile, as a function of colours: LookTable, then ProfileToneCurve.

Both work on linear ProPhoto light, 0 … 1, after the matrices (which belong to the camera and are left out).
The table shifts hue, saturation and value in HSV; the curve acts on the largest and the smallest channel and
the middle one keeps its place between them.

References
----------
[1] Digital Negative Specification 1.6, chapter 6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import Float64, srgb_decode, srgb_encode
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.look.sampled import Operator


def look_of(colour: CameraColour) -> Operator | None:
    """Table and curve of a profile as one function of linear ProPhoto colours; None where it has neither."""
    table, curve = colour.look, colour.tone_curve
    straight = curve is None or bool(np.allclose(curve[:, 0], curve[:, 1], atol=1e-6))
    if table is None and straight:
        return None
    rise = None if straight or curve is None else spline(curve[:, 0], curve[:, 1])

    def look(light: Float64) -> Float64:
        x = np.clip(light, 0, 1)
        if table is not None:
            x = np.clip(looked_up(x, table), 0, 1)
        return x if rise is None else curved(x, rise)

    return look


def curved(rgb: Float64, rise: Operator) -> Float64:
    """A curve on the largest and smallest channel, the middle one keeping its place between them."""
    low, high = rgb.min(-1, keepdims=True), rgb.max(-1, keepdims=True)
    place = (rgb - low) / np.maximum(high - low, 1e-12)
    low, high = rise(low), rise(high)
    return low + place * (high - low)


def spline(x: Float64, y: Float64) -> Operator:
    """The natural cubic spline through points, level beyond its ends."""
    n, h = len(x), np.maximum(np.diff(x), 1e-9)
    bend = np.zeros(n)  # second derivatives: forwards through the rows of the band, and back
    spare = np.zeros(n)
    for i in range(1, n - 1):
        r = 6 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
        across = 2 * (h[i - 1] + h[i]) - h[i - 1] * spare[i - 1]
        spare[i], bend[i] = h[i] / across, (r - h[i - 1] * bend[i - 1]) / across
    for i in range(n - 2, 0, -1):
        bend[i] -= spare[i] * bend[i + 1]

    def rise(at: Float64) -> Float64:
        v = np.clip(at, x[0], x[-1])
        i = np.clip(np.searchsorted(x, v, side="right") - 1, 0, n - 2)
        p, q = x[i + 1] - v, v - x[i]
        line = (y[i] / h[i] - bend[i] * h[i] / 6) * p + (y[i + 1] / h[i] - bend[i + 1] * h[i] / 6) * q
        return line + (bend[i] * p**3 + bend[i + 1] * q**3) / (6 * h[i])

    return rise


def to_hsv(rgb: Float64) -> Float64:
    """Hue (0 … 6), saturation, value of RGB not below 0."""
    r, g, b = np.moveaxis(rgb, -1, 0)
    top, span = rgb.max(-1), np.ptp(rgb, axis=-1)
    per = 1 / np.where(span > 1e-30, span, 1)  # what is less has no hue, and no reciprocal
    hue = np.where(top == r, (g - b) * per, np.where(top == g, 2 + (b - r) * per, 4 + (r - g) * per))
    return np.stack([hue % 6, span / np.where(top > 0, top, 1), top], axis=-1)


def from_hsv(hsv: Float64) -> Float64:
    """The inverse of `to_hsv`."""
    hue, saturation, value = np.moveaxis(hsv, -1, 0)
    k = (hue[..., None] + np.array([5.0, 3.0, 1.0])) % 6
    away = np.clip(np.minimum(k, 4 - k), 0, 1)
    return value[..., None] * (1 - saturation[..., None] * away)


def looked_up(rgb: Float64, table: HSVTable) -> Float64:
    """Colours through an HSV table: trilinear, hue wraps."""
    cells = table.table.astype(np.float64)
    values, hues, saturations = cells.shape[:3]
    hsv = to_hsv(rgb)
    code = srgb_encode(hsv[..., 2]) if table.srgb_value else hsv[..., 2]
    v, v0, v1 = _place(code, values)
    s, s0, s1 = _place(hsv[..., 1], saturations)
    turn = hsv[..., 0] / 6 * hues
    h0 = np.minimum(turn.astype(int), hues - 1)
    h1, h = (h0 + 1) % hues, (turn - h0)[..., None]

    def plane(iv: NDArray[np.intp]) -> Float64:
        low = cells[iv, h0, s0] + s * (cells[iv, h0, s1] - cells[iv, h0, s0])
        high = cells[iv, h1, s0] + s * (cells[iv, h1, s1] - cells[iv, h1, s0])
        return low + h * (high - low)

    shift, times, bright = np.moveaxis(plane(v0) + v * (plane(v1) - plane(v0)), -1, 0)
    code = np.clip(code * bright, 0, 1)
    value = srgb_decode(code) if table.srgb_value else code
    return from_hsv(
        np.stack([(hsv[..., 0] + shift / 60) % 6, np.minimum(hsv[..., 1] * times, 1), value], axis=-1)
    )


def _place(x: Float64, count: int) -> tuple[Float64, NDArray[np.intp], NDArray[np.intp]]:
    at = np.clip(x, 0, 1) * (count - 1)
    low = np.clip(at.astype(np.intp), 0, max(count - 2, 0))
    return (at - low)[..., None], low, np.minimum(low + 1, count - 1)
