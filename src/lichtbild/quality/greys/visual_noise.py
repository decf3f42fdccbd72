# SPDX-License-Identifier: Apache-2.0
"""Visual noise: the noise of a photo as it is seen at a viewing distance, in units of lightness and colour.

A patch of grey goes from linear light to XYZ under an equal-energy white, to one light and two colour
signals, whose spectra are multiplied by what the eye sees of each frequency f in cycles per degree; its mean
stays::

    A = Y ,  C1 = X − Y ,  C2 = 0.4 · (Y − Z)
    light        75 · f^0.8 · e^(−0.2 f)                                          [1], its maximum set to 1
    red–green    109.14 · e^(−0.00038 f^3.424) + 93.60 · e^(−0.00367 f^2.168)     [2], 1 at f = 0
    blue–yellow  7.03 + 40.69 · e^(−0.104 f^1.649)                                [2], 1 at f = 0

Back in XYZ it becomes CIELAB (or CIELUV), and the figure is ``σ(L*) + 0.852 σ(a*) + 0.323 σ(b*)`` (u*, v*).

The recipe is that of ISO 15739 in outline, but its text, its filters and the weights of its editions were not
at hand: the figure compares photos measured by lichtbild, and is no ISO figure.

References
----------
[1] J. L. Mannos, D. J. Sakrison, IEEE Trans. Inf. Theory 20(4), 1974; in the form ISETCam and others use.
[2] G. M. Johnson, M. D. Fairchild, "A top down description of S-CIELAB and CIEDE2000", Color Res. Appl. 28,
    2003.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import D65, P3, REC2020, SRGB, adaptation, xy_to_xyz, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.quality.greys.inside import Float64, clipped_share, inner_box, trendless
from lichtbild.quality.picture import Picture, Space
from lichtbild.quality.result import Curve, Figure, Result, unmeasured

Uniform = Literal["lab", "luv"]
WEIGHTS = (1.0, 0.852, 0.323)
EQUAL = np.ones(3)
_SPACES = {"srgb": SRGB, "p3": P3, "rec2020": REC2020}
_FEW = 48  # pixels each way: the slowest noise the eye sees does not fit into less
_CLIPPED = 0.01
# fmt: off
_OPPONENT = np.array([[0.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.4, -0.4]])
_LUV_WHITE = (4 / 19, 9 / 19)  # u', v' of equal energy
# fmt: on


@dataclass(frozen=True, slots=True)
class Viewing:
    """How the photo is looked at: distance in cm, pixels per inch of the screen or print, one for one."""

    distance: float = 60.0
    ppi: float = 100.0

    @property
    def per_degree(self) -> float:
        """Pixels per degree."""
        return self.distance / 2.54 * self.ppi * math.pi / 180


@dataclass(frozen=True, slots=True)
class Seen:
    """The noise of a patch as seen: ``figure``, the standard deviations it is made of, and its mean L*."""

    figure: float
    deviations: tuple[float, float, float]
    lightness: float


def sensitivity(frequency: ArrayLike) -> tuple[Float64, Float64, Float64]:
    """What the eye sees of light, red–green and blue–yellow at a frequency in cycles per degree, 0 … 1."""
    f = np.asarray(frequency, np.float64)
    light = 75 * f**0.8 * np.exp(-0.2 * f) / (75 * 4**0.8 * math.exp(-0.8))  # largest at 4
    red = (109.1413 * np.exp(-0.00038 * f**3.4244) + 93.5971 * np.exp(-0.00367 * f**2.1677)) / 202.7384
    blue = (7.0328 + 40.6910 * np.exp(-0.1039 * f**1.6487)) / 47.7238
    return light, red, blue


def seen(
    rgb: ArrayLike, *, space: Space = "srgb", viewing: Viewing = Viewing(), uniform: Uniform = "lab"
) -> Seen:
    """Visual noise of a patch of linear light ``"h w 3"``, 1 = white."""
    patch = np.asarray(rgb, np.float64)
    to_equal = adaptation(xy_to_xyz(D65), EQUAL) @ _SPACES[space].to_xyz()
    signals = patch @ (_OPPONENT @ to_equal).T
    h, w = patch.shape[:2]
    y, x = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    filters = sensitivity(np.hypot(y, x) * viewing.per_degree)
    shown = np.empty_like(signals)
    for k, keep in enumerate(filters):
        rest = trendless(signals[..., k])[0]
        shown[..., k] = signals[..., k].mean() + np.fft.irfft2(np.fft.rfft2(rest) * keep, (h, w))
    xyz = shown @ np.linalg.inv(_OPPONENT).T
    colours = xyz_to_lab(xyz, EQUAL) if uniform == "lab" else _luv(xyz)
    a, b, c = (float(v) for v in colours.reshape(-1, 3).std(axis=0))
    figure = WEIGHTS[0] * a + WEIGHTS[1] * b + WEIGHTS[2] * c
    return Seen(figure, (a, b, c), float(colours[..., 0].mean()))


def _luv(xyz: Float64) -> Float64:
    """CIELUV under an equal-energy white."""
    lightness = xyz_to_lab(xyz, EQUAL)[..., 0]
    total = np.maximum(xyz @ np.array([1.0, 15.0, 3.0]), 1e-9)
    u, v = 4 * xyz[..., 0] / total, 9 * xyz[..., 1] / total
    return np.stack(
        [lightness, 13 * lightness * (u - _LUV_WHITE[0]), 13 * lightness * (v - _LUV_WHITE[1])], axis=-1
    )


def visual_noise(
    picture: Picture,
    quads: ArrayLike,
    *,
    viewing: Viewing = Viewing(),
    uniform: Uniform = "lab",
    where: str = "",
) -> Result:
    """Visual noise of grey patches of a photo.

    Parameters
    ----------
    picture : Picture
        A photo; sensor colour has no appearance.
    quads : array "n 4 2"
        Corners (y, x) of the patches.
    viewing : Viewing
        Distance and pixel density.
    uniform : {"lab", "luv"}
        CIELAB or CIELUV.
    where : str
        Which chart.

    Raises
    ------
    InputError
        A patch out of the picture or too small, a viewing condition that makes no sense.
    """
    if not (0 < viewing.distance < 1e4 and 0 < viewing.ppi < 1e5):
        raise InputError(
            f"viewing: {viewing.distance:g} cm, {viewing.ppi:g} pixels per inch; both must be positive"
        )
    title = "Visual noise" + (f", {where}" if where else "")
    names = {"lab": "L* a* b*", "luv": "L* u* v*"}[uniform].split()
    weighted = " + ".join(f"{v:g} σ({n})" for v, n in zip(WEIGHTS, names, strict=True))
    conditions = {
        "method": "own, not ISO 15739",
        "weights": weighted,
        "viewing": f"{viewing.distance:g} cm, {viewing.ppi:g} ppi: {viewing.per_degree:.1f} px per degree",
        "decoding": picture.decoding,
    }
    if picture.space == "camera":
        why = "a raw file has no appearance: develop it first"
        return Result("noise", title, (unmeasured("visual noise", "", why, where),), conditions)
    corners = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    boxes = [inner_box(q, picture.size, f"patch {k + 1}") for k, q in enumerate(corners)]
    found = [
        seen(picture.rgb[t:b, left:r], space=picture.space, viewing=viewing, uniform=uniform)
        for t, left, b, r in boxes
    ]
    clean = [clipped_share(picture, box) < _CLIPPED for box in boxes]
    smallest = min(min(b - t, r - left) for t, left, b, r in boxes)
    note = f"patches of {smallest} px hold little slow noise" if smallest < _FEW else ""
    figures = _figures([f for f, ok in zip(found, clean, strict=True) if ok], names, where, note)
    order = np.argsort([f.lightness for f in found])
    x, y = (np.array([getattr(found[k], v) for k in order]) for v in ("lightness", "figure"))
    curves = (Curve("visual noise", x, y, "L*", "visual noise", where),) if len(found) > 1 else ()
    told = list(picture.warnings)
    if not all(clean):
        told.append(
            f"clipped and not used: patch {', '.join(str(k + 1) for k, ok in enumerate(clean) if not ok)}"
        )
    return Result("noise", title, figures, conditions, curves, warnings=tuple(told))


def _figures(found: list[Seen], names: list[str], where: str, note: str) -> tuple[Figure, ...]:
    if not found:
        return (unmeasured("visual noise", "", "every patch is clipped", where),)
    mid = min(found, key=lambda f: abs(f.lightness - 50))
    mean = float(np.mean([f.figure for f in found]))
    figures = [Figure("visual noise", mean, "", where, better="lower", note=note)]
    if len(found) > 1:
        figures.append(Figure("visual noise at mid-grey", mid.figure, "", where, better="lower", note=note))
    figures += [
        Figure(f"visual σ({n})", v, "", where, better="lower")
        for n, v in zip(names, mid.deviations, strict=True)
    ]
    return tuple(figures)
