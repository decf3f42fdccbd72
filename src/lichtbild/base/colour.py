# SPDX-License-Identifier: Apache-2.0
"""Colour as numbers: RGB spaces, whites, adaptation, Oklab, CIELAB, colour difference, colour temperature.

Everything here is float64 NumPy on small arrays and exact in meaning; pixels are the kernels' work.  An RGB
space is data: the chromaticities of its primaries and its white.  Its matrix follows from *white is (1, 1, 1)
and has Y = 1*. Colours lie on the last axis; a matrix ``m`` is applied as ``colours @ m.T``.

References
----------
[1] SMPTE RP 177:1993, derivation of basic television colour equations.
[2] B. Ottosson, "A perceptual color space for image processing", 2020 (Oklab).
[3] G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula", Color Res. Appl. 30(1), 2005.
[4] A. R. Robertson, "Computation of correlated color temperature and distribution temperature",
    JOSA 58(11), 1968.
[5] SMPTE ST 2084:2014.  [6] ITU-R BT.2100-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64 = NDArray[np.float64]
Chromaticity = tuple[float, float]

D65: Chromaticity = (0.3127, 0.3290)
D50: Chromaticity = (0.3457, 0.3585)
D50_XYZ: Float64 = np.array([0.3457 / 0.3585, 1.0, 0.2958 / 0.3585])


def xy_to_xyz(xy: Chromaticity) -> Float64:
    """XYZ of a chromaticity at Y = 1."""
    x, y = xy
    return np.array([x / y, 1.0, (1.0 - x - y) / y])


def xyz_to_xy(xyz: ArrayLike) -> Chromaticity:
    """Chromaticity of one colour."""
    x, y, z = np.asarray(xyz, np.float64)
    return float(x / (x + y + z)), float(y / (x + y + z))


# ---- RGB spaces


@dataclass(frozen=True, slots=True)
class RGBSpace:
    """An RGB space: chromaticities of red, green, blue and white."""

    name: str
    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity
    white: Chromaticity = D65

    def to_xyz(self) -> Float64:
        """The 3×3 matrix from linear RGB to XYZ under the space's own white."""
        primaries = np.stack([xy_to_xyz(p) for p in (self.red, self.green, self.blue)], axis=1)
        amounts = np.linalg.solve(primaries, xy_to_xyz(self.white))
        return np.asarray(primaries * amounts, np.float64)

    def from_xyz(self) -> Float64:
        """The 3×3 matrix from XYZ under the space's own white to linear RGB."""
        return np.asarray(np.linalg.inv(self.to_xyz()), np.float64)


SRGB = RGBSpace("sRGB", (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3 = RGBSpace("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
REC2020 = RGBSpace("Rec. 2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
PROPHOTO = RGBSpace("ProPhoto", (0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), D50)

# fmt: off
# as commonly published, for the white (0.95047, 1, 1.08883); `SRGB.from_xyz` is for xy (0.3127, 0.3290)
XYZ_TO_SRGB = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560],
                        [0.0556434, -0.2040259, 1.0572252]])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# fmt: on


def adaptation(source: ArrayLike, target: ArrayLike) -> Float64:
    """The Bradford matrix from XYZ seen under white `source` to XYZ seen under white `target` (both XYZ)."""
    cones = (_BRADFORD @ np.asarray(target, np.float64)) / (_BRADFORD @ np.asarray(source, np.float64))
    return np.linalg.inv(_BRADFORD) @ (cones[:, None] * _BRADFORD)


def rgb_to_rgb(source: RGBSpace, target: RGBSpace) -> Float64:
    """The 3×3 matrix from one linear RGB space to another, adapted where their whites differ."""
    across = (
        np.eye(3)
        if source.white == target.white
        else adaptation(xy_to_xyz(source.white), xy_to_xyz(target.white))
    )
    return target.from_xyz() @ across @ source.to_xyz()


def srgb_encode(linear: ArrayLike) -> Float64:
    """The sRGB curve (also Display P3's), odd-symmetric below zero."""
    x = np.asarray(linear, np.float64)
    a = np.abs(x)
    return np.sign(x) * np.where(a <= 0.0031308, 12.92 * a, 1.055 * a ** (1 / 2.4) - 0.055)


def srgb_decode(encoded: ArrayLike) -> Float64:
    """The inverse of `srgb_encode`."""
    x = np.asarray(encoded, np.float64)
    a = np.abs(x)
    return np.sign(x) * np.where(a <= 0.04045, a / 12.92, ((a + 0.055) / 1.055) ** 2.4)


def pq_encode(light: ArrayLike) -> Float64:
    """The PQ signal [5] of light in units of 10 000 cd/m²."""
    y = np.clip(np.asarray(light, np.float64), 0.0, None) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1.0 + 18.6875 * y)) ** 78.84375


def pq_decode(signal: ArrayLike) -> Float64:
    """The inverse of `pq_encode`."""
    p = np.clip(np.asarray(signal, np.float64), 0.0, 1.0) ** (1.0 / 78.84375)
    return (np.clip(p - 0.8359375, 0.0, None) / (18.8515625 - 18.6875 * p)) ** (1.0 / 0.1593017578125)


_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073


def hlg_encode(light: ArrayLike) -> Float64:
    """The HLG signal [6] of scene light 0 … 1 (the OETF; no system gamma)."""
    e = np.clip(np.asarray(light, np.float64), 0.0, None)
    bright = _HLG_A * np.log(np.maximum(12.0 * e - _HLG_B, 0.1)) + _HLG_C
    return np.where(e <= 1 / 12, np.sqrt(3.0 * e), bright)


def hlg_decode(signal: ArrayLike) -> Float64:
    """The inverse of `hlg_encode`."""
    s = np.asarray(signal, np.float64)
    return np.where(s <= 0.5, s * s / 3.0, (np.exp((s - _HLG_C) / _HLG_A) + _HLG_B) / 12.0)


# ---- perceptual spaces

# fmt: off
XYZ_TO_LMS = np.array([[0.8189330101, 0.3618667424, -0.1288597137],
                       [0.0329845436, 0.9293118715, 0.0361456387],
                       [0.0482003018, 0.2643662691, 0.6338517070]])
LMS_TO_OKLAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                         [1.9779984951, -2.4285922050, 0.4505937099],
                         [0.0259040371, 0.7827717662, -0.8086757660]])
# fmt: on


def xyz_to_oklab(xyz: ArrayLike) -> Float64:
    """XYZ (D65, white Y = 1) to Oklab [2]."""
    return np.cbrt(np.asarray(xyz, np.float64) @ XYZ_TO_LMS.T) @ LMS_TO_OKLAB.T


def oklab_to_xyz(lab: ArrayLike) -> Float64:
    """Oklab to XYZ (D65)."""
    return (np.asarray(lab, np.float64) @ np.linalg.inv(LMS_TO_OKLAB).T) ** 3 @ np.linalg.inv(XYZ_TO_LMS).T


def xyz_to_lab(xyz: ArrayLike, white: ArrayLike = D50_XYZ) -> Float64:
    """XYZ to CIELAB under `white` (XYZ): L* 0 … 100."""
    t = np.asarray(xyz, np.float64) / np.asarray(white, np.float64)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )


def lab_to_xyz(lab: ArrayLike, white: ArrayLike = D50_XYZ) -> Float64:
    """CIELAB under `white` (XYZ) to XYZ: the inverse of `xyz_to_lab`.

    Only + − × ÷, since charts are painted by it: the same bytes everywhere.
    """
    lab = np.asarray(lab, np.float64)
    f = (lab[..., 0] + 16) / 116
    three = np.stack([f + lab[..., 1] / 500, f, f - lab[..., 2] / 200], axis=-1)
    xyz = np.where(three > 6 / 29, three * three * three, (three - 4 / 29) * (108 / 841))
    return np.asarray(xyz * np.asarray(white, np.float64))


def delta_e(lab1: ArrayLike, lab2: ArrayLike) -> Float64:
    """The colour difference CIEDE2000 of CIELAB colours [3]; the last axis goes."""
    L1, a1, b1 = np.moveaxis(np.asarray(lab1, np.float64), -1, 0)
    L2, a2, b2 = np.moveaxis(np.asarray(lab2, np.float64), -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean7 / (mean7 + 25.0**7))
    C1, C2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = C1 * C2 == 0
    dh = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    dh = np.where(dh == -180, 180.0, dh)
    dL, dC, dH = L2 - L1, C2 - C1, 2 * np.sqrt(C1 * C2) * np.sin(np.radians(dh / 2))
    L, C = (L1 + L2) / 2, (C1 + C2) / 2
    total = h1 + h2
    h = np.where(np.abs(h1 - h2) <= 180, total / 2, np.where(total < 360, total / 2 + 180, total / 2 - 180))
    h = np.radians(np.where(grey, total, h))
    T = (
        1
        - 0.17 * np.cos(h - np.radians(30))
        + 0.24 * np.cos(2 * h)
        + 0.32 * np.cos(3 * h + np.radians(6))
        - 0.20 * np.cos(4 * h - np.radians(63))
    )
    SL = 1 + 0.015 * (L - 50) ** 2 / np.sqrt(20 + (L - 50) ** 2)
    SC, SH = 1 + 0.045 * C, 1 + 0.015 * C * T
    turn = np.radians(60) * np.exp(-(((np.degrees(h) - 275) / 25) ** 2))
    RT = -2 * np.sqrt(C**7 / (C**7 + 25.0**7)) * np.sin(turn)
    l, c, k = dL / SL, dC / SC, dH / SH
    return np.sqrt(l * l + c * c + k * k + RT * c * k)


# ---- colour temperature

# Isotemperature lines: reciprocal megakelvin, CIE 1960 u, v, slope [4].  The published u of line 325
# (0.24702) is a known misprint; it is kept, because the programs that write colour matrices into raw files
# interpolate with it.
# fmt: off
_LINES = np.array([
    (0, .18006, .26352, -.24341), (10, .18066, .26589, -.25479), (20, .18133, .26846, -.26876),
    (30, .18208, .27119, -.28539), (40, .18293, .27407, -.30470), (50, .18388, .27709, -.32675),
    (60, .18494, .28021, -.35156), (70, .18611, .28342, -.37915), (80, .18740, .28668, -.40955),
    (90, .18880, .28997, -.44278), (100, .19032, .29326, -.47888), (125, .19462, .30141, -.58204),
    (150, .19962, .30921, -.70471), (175, .20525, .31647, -.84901), (200, .21142, .32312, -1.0182),
    (225, .21807, .32909, -1.2168), (250, .22511, .33439, -1.4512), (275, .23247, .33904, -1.7298),
    (300, .24010, .34308, -2.0637), (325, .24702, .34655, -2.4681), (350, .25591, .34951, -2.9641),
    (375, .26400, .35200, -3.5814), (400, .27218, .35407, -4.3633), (425, .28039, .35577, -5.3762),
    (450, .28863, .35714, -6.7262), (475, .29685, .35823, -8.5955), (500, .30505, .35907, -11.324),
    (525, .31320, .35968, -15.628), (550, .32129, .36011, -23.325), (575, .32931, .36038, -40.770),
    (600, .33724, .36051, -116.45)])
# fmt: on
_TINT = 3000.0  # units of tint per unit of CIE 1960 uv


def _directions() -> Float64:
    """Unit vectors along the isotemperature lines, towards magenta."""
    along = np.stack([np.ones(len(_LINES)), _LINES[:, 3]], axis=1)
    return along / np.linalg.norm(along, axis=1, keepdims=True)


def temperature(xy: Chromaticity) -> tuple[float, float]:
    """Correlated colour temperature in K and tint of a white; tint > 0 lies on the green side of the locus.

    The range of the lines is 1667 K … infinity; outside it the nearest end is returned (infinity as 1 MK).
    """
    x, y = xy
    uv = np.array([2 * x, 3 * y]) / (1.5 - x + 6 * y)
    offset, along = uv - _LINES[:, 1:3], _directions()
    across = (
        offset[:, 1] * along[:, 0] - offset[:, 0] * along[:, 1]
    )  # changes sign where uv lies between two lines
    below = np.flatnonzero(across <= 0)
    i = int(np.clip(below[0] if len(below) else len(_LINES) - 1, 1, len(_LINES) - 1))
    near, far = max(float(across[i - 1]), 0.0), max(-float(across[i]), 0.0)
    t = near / (near + far) if near + far > 0 else 0.0
    mired = (1 - t) * _LINES[i - 1, 0] + t * _LINES[i, 0]
    locus = (1 - t) * _LINES[i - 1, 1:3] + t * _LINES[i, 1:3]
    direction = (1 - t) * along[i - 1] + t * along[i]
    return 1e6 / max(mired, 1.0), -_TINT * float((uv - locus) @ direction / np.linalg.norm(direction))


def white(kelvin: float, tint: float = 0.0) -> Chromaticity:
    """The white of a colour temperature (1667 … 1 000 000 K) and tint: the inverse of `temperature`."""
    mired = min(max(1e6 / kelvin, 1.0), 600.0)
    i = int(np.clip(np.searchsorted(_LINES[:, 0], mired), 1, len(_LINES) - 1))
    t = (mired - _LINES[i - 1, 0]) / (_LINES[i, 0] - _LINES[i - 1, 0])
    along = _directions()
    direction = (1 - t) * along[i - 1] + t * along[i]
    u, v = (
        (1 - t) * _LINES[i - 1, 1:3]
        + t * _LINES[i, 1:3]
        - tint / _TINT * direction / np.linalg.norm(direction)
    )
    return float(1.5 * u / (u - 4 * v + 2)), float(v / (u - 4 * v + 2))


def daylight(kelvin: float) -> Chromaticity:
    """The CIE daylight of a colour temperature, 4000 … 25 000 K."""
    t = 1e3 / min(max(kelvin, 4000.0), 25000.0)
    x = (
        ((-4.6070 * t + 2.9678) * t + 0.09911) * t + 0.244063
        if kelvin <= 7000
        else ((-2.0064 * t + 1.9018) * t + 0.24748) * t + 0.237040
    )
    return x, (-3.0 * x + 2.870) * x - 0.275


@cache
def illuminant_locus() -> tuple[Chromaticity, ...]:
    """Whites that light scenes: black bodies of 2300 … 4550 K, then daylights of 4300 … 9900 K."""
    return (*(white(k) for k in range(2300, 4601, 150)), *(daylight(k) for k in range(4300, 9901, 400)))
