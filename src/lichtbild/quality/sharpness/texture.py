# SPDX-License-Identifier: Apache-2.0
"""Texture: how much of the fine, low-contrast detail of dead leaves is left, and how much of it is invented.

With X the spectrum of the chart as it was drawn, Y that of the picture and N that of a uniform patch, on
rings of the same frequency::

    direct   T(f) = √(max(Σ|Y|² − Σ|N|², 0) / Σ|X|²) / g
    cross    H(f) = |Σ Y·X*| / Σ|X|² / g

The direct figure believes all structure; the cross figure only what is in the chart.  For a camera that is
linear both are its MTF.  Denoising that draws grain of its own, sharpening of noise, learned detail keep the
first up and let the second fall: the difference of their acutances is reported as *hallucination*.  g is the
gain of the longest waves (a straight line of ln cross over f², at f = 0).

The chart is drawn again, at the place where it was found and twice as fine as the picture, brought to the
picture's pixels without its own pixels' blur, and laid onto the picture: the response has the camera's pixel
in it, as that of a slanted edge has.

The acutance weighs a response with the eye's contrast sensitivity at a viewing distance::

    A = ∫ MTF·CSF dv / ∫ CSF dv,     CSF(v) = v^0.8 · exp(−0.2 v),   v in cycles per degree, f ≤ 0.5 cy/px

References
----------
[1] ISO/TS 19567-2:2019, Texture analysis using stochastic pattern.   [2] IEEE 1858 (CPIQ).
[3] L. Kirk, P. Herzer, U. Artmann, D. Kunz, "Description of texture loss using the dead leaves target:
    current issues and a new intrinsic approach", Proc. SPIE 9023, 2014.
[4] F. Cao, F. Guichard, H. Hornung, "Dead leaves model for measuring texture quality on a digital camera",
    Proc. SPIE 7537, 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.quality.chart import Found
from lichtbild.quality.leaves import drawn
from lichtbild.quality.picture import LUMINANCE, Picture
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sharpness.registration import blurred, coarse_shift
from lichtbild.quality.sharpness.response import PER_DEGREE, SMALLEST, Texture, texture
from lichtbild.quality.sharpness.sfr import first_below

__all__ = ["ideal", "leaves", "texture"]

Box = tuple[int, int, int, int]
_LARGEST = 768  # px a side that are looked at
_MARGIN = 16  # px drawn around
_FEW = 256  # px a side
_MISLAID = 0.15  # px of residual
_UNLIKE = 0.2  # of light, between texture and flat patch
_COMPARED = 3.0  # px of blur under which colours are compared


def leaves(picture: Picture, found: Found, *, flats: Sequence[Box] = (), where: str = "") -> Result:
    """Measure the texture of a picture at its dead leaves.

    Parameters
    ----------
    picture : Picture
        Linear light.
    found : Found
        An element of kind ``leaves``, to within some pixels of place.
    flats : sequence of boxes
        top, left, bottom, right of uniform patches of about the same light; without them there is no direct
        figure.
    where : str
        What to call the place.

    Returns
    -------
    Result
        Acutance direct and cross, hallucination, MTF50; with colours, how much chroma texture is left.

    Raises
    ------
    InputError
        The leaves are cut off or too small in the picture, or are not the ones that were found.
    """
    where = where or found.element.name
    box = inner_box(picture, found)
    planes = ideal(found, box)
    top, left, bottom, right = box
    rgb = np.asarray(picture.rgb[top:bottom, left:right], np.float64)
    quiet = [np.asarray(picture.rgb[t:b, l:r], np.float64) @ np.array(LUMINANCE) for t, l, b, r in flats]
    light = rgb @ np.array(LUMINANCE)
    whole = coarse_shift(light, planes.mean(axis=0))
    planes = np.roll(planes, (-whole[0], -whole[1]), axis=(1, 2))
    measured = texture(light, _matched(planes, light), flats=quiet)
    against = _against(picture, measured, box, [float(q.mean()) / float(light.mean()) for q in quiet])
    figures = _figures(measured, f"{where}, Y", "; ".join(against))
    curves = [Curve("texture, cross", measured.frequency, measured.cross, "cy/px", "response", f"{where}, Y")]
    if measured.direct is not None:
        name = "texture, direct"
        curves.append(Curve(name, measured.frequency, measured.direct, "cy/px", "response", f"{where}, Y"))
    if len(planes) == 3:
        for name, chroma in (("R−G", rgb[..., 0] - rgb[..., 1]), ("B−G", rgb[..., 2] - rgb[..., 1])):
            one = texture(chroma, _matched(planes, chroma))
            place = f"{where}, {name}"
            figures.append(_half("texture MTF50, cross", one.frequency, one.cross, place, "; ".join(against)))
            curves.append(Curve("texture, cross", one.frequency, one.cross, "cy/px", "response", place))
    laid = measured.registered
    shift = laid.shift + whole
    conditions = {
        "method": "dead leaves, direct and cross, after ISO/TS 19567-2",
        "patch": f"{box[2] - box[0]} × {box[3] - box[1]} px at {box[0]},{box[1]}",
        "flat patches": str(len(flats)) if flats else "none",
        "registration": f"moved by {shift[0]:.2f}, {shift[1]:.2f} px; {laid.residual:.3f} px remain",
        "viewing": f"{PER_DEGREE:.1f} px/°: every pixel of the picture on a screen of 100 ppi, from 60 cm",
        "decoding": picture.decoding,
        "samples": f"{picture.bits} bits",
    }
    warnings = tuple(dict.fromkeys((*picture.warnings, *against)))
    return Result(
        "texture", f"Dead leaves, {where}", tuple(figures), conditions, tuple(curves), warnings=warnings
    )


def inner_box(picture: Picture, found: Found) -> Box:
    """The largest upright box inside the element, at most 768 px a side, in its middle.

    Raises
    ------
    InputError
        It is cut off, or too small.
    """
    quad = found.quad()
    (top, bottom), (left, right) = (np.sort(quad[:, k])[[1, 2]] for k in (0, 1))
    t, l = max(int(np.ceil(top)), 0), max(int(np.ceil(left)), 0)
    b, r = min(int(bottom), picture.size[0]), min(int(right), picture.size[1])
    if min(b - t, r - l) < SMALLEST:
        raise InputError(
            f"{found.element.name}: {max(b - t, 0)} × {max(r - l, 0)} px of it are in the picture; "
            f"at least {SMALLEST} × {SMALLEST} are needed",
            hint="come nearer, and keep the whole chart in the picture",
        )
    t, l = t + max(b - t - _LARGEST, 0) // 2, l + max(r - l - _LARGEST, 0) // 2
    return t, l, min(b, t + _LARGEST), min(r, l + _LARGEST)


def ideal(found: Found, box: Box) -> Float64:
    """The light of the chart at the middles of the picture's pixels, band-limited, ``"planes h w"``.

    It is drawn at two pixels per pixel; above Nyquist its spectrum is cut off, below the drawn pixels' own
    blur is taken back.
    """
    top, left, bottom, right = box
    double = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1]]) @ found.to_picture
    h, w = bottom - top + 2 * _MARGIN, right - left + 2 * _MARGIN
    start = (2 * (top - _MARGIN), 2 * (left - _MARGIN))
    fine = np.asarray(drawn(found.element, double, (*start, start[0] + 2 * h, start[1] + 2 * w)), np.float64)
    planes = fine[None] if fine.ndim == 2 else np.moveaxis(fine, 2, 0)
    fy, fx = np.fft.fftfreq(2 * h, 0.5)[:, None], np.fft.rfftfreq(2 * w, 0.5)[None]
    keep = (np.abs(fy) < 0.5) & (fx < 0.5)
    gain = np.where(keep, 1 / (np.sinc(fy / 2) * np.sinc(fx / 2)), 0)
    gain = gain * np.exp(0.5j * np.pi * (fy + fx))  # the middle of a pixel lies between two of the drawn ones
    made = np.fft.irfft2(np.fft.rfft2(planes) * gain, (2 * h, 2 * w))[:, ::2, ::2]
    return made[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _matched(planes: Float64, light: Float64) -> Float64:
    """The mixture of the chart's colours that `light` is of, by their coarse structure."""
    if len(planes) == 1:
        return planes[0]
    inner = (slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
    coarse = [blurred(p, _COMPARED)[inner].ravel() for p in planes]
    rows = np.stack([*coarse, np.ones_like(coarse[0])])
    mixture = np.linalg.solve(rows @ rows.T, rows @ blurred(light, _COMPARED)[inner].ravel())
    return np.tensordot(mixture[:-1], planes, 1)


def _against(picture: Picture, measured: Texture, box: Box, flats: list[float]) -> list[str]:
    top, left, bottom, right = box
    against = []
    if min(bottom - top, right - left) < _FEW:
        against.append(
            f"only {bottom - top} × {right - left} px of texture; {_FEW} × {_FEW} give a steady figure"
        )
    if picture.clipped is not None and picture.clipped[top:bottom, left:right].mean() > 1e-3:
        against.append(f"{picture.clipped[top:bottom, left:right].mean():.1%} of the texture is clipped")
    if picture.bits <= 8:
        against.append("8-bit samples: the steps are part of the measured texture")
    if measured.registered.residual > _MISLAID:
        against.append(
            f"the chart fits only to {measured.registered.residual:.2f} px: cross and MTF50 are low"
        )
    if any(abs(level - 1) > _UNLIKE for level in flats):
        against.append(
            "the flat patches are not as bright as the texture: their noise is not that of the texture"
        )
    return against


def _half(name: str, frequency: Float64, response: Float64, where: str, note: str) -> Figure:
    f = first_below(np.append(0.0, frequency), np.append(1.0, response), 0.5)
    if np.isfinite(f):
        return Figure(name, f, "cy/px", where, 0.0, "higher", note)
    return unmeasured(name, "cy/px", "the response stays above 50 % up to Nyquist", where)


def _figures(measured: Texture, where: str, note: str) -> list[Figure]:
    direct, cross, doubt = measured.acutance()
    figures = [Figure("acutance, cross", cross, "", where, doubt, "higher", note)]
    f = measured.frequency
    figures.append(_half("texture MTF50, cross", f, measured.cross, where, note))
    if measured.direct is None:
        why = "there is no flat patch to tell the noise from the texture"
        return [
            unmeasured("acutance, direct", "", why, where),
            *figures,
            unmeasured("hallucination", "", why, where),
        ]
    return [
        Figure("acutance, direct", direct, "", where, doubt, "higher", note),
        *figures,
        _half("texture MTF50, direct", f, measured.direct, where, note),
        Figure("hallucination", direct - cross, "", where, doubt, "lower", note),
    ]
