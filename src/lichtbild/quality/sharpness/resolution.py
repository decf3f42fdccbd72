# SPDX-License-Identifier: Apache-2.0
"""Resolution: what a slanted edge says about sharpness, per colour, in a picture or on the bare mosaic.

The figures are read off the response of `sfr`: where it falls to 50 % and 10 % (MTF50, MTF10), what is left
at Nyquist and at half of it, line widths per picture height (2·f·PH), and how far the edge profile rises,
over- and undershoots.  Sharpening raises every one of the former; the overshoot beside them says by how much
it was bought.

MTF50P is where the response falls to half of its *peak*, which sharpening moves less.  The sampling
efficiency is MTF10 as a share of Nyquist, at most 100 %.  Colour misregistration is how far the edge of red
or blue lies from that of green, along the normal, positive towards the bright side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sensor.sites import planes, sites
from lichtbild.quality.sharpness.crossing import rise
from lichtbild.quality.sharpness.sfr import Sfr, first_below, sfr
from lichtbild.quality.sharpness.slanted import Method

__all__ = ["edge", "mosaic_edge", "sfr"]

Box = tuple[int, int, int, int]
NYQUIST = 0.5  # cy/px
FLATTEST, STEEPEST = 3.0, 20.0  # degrees between which an edge is trusted
_FAINT = 0.2  # contrast
_ROWS = 50
_BENT = 0.5  # px
_NEARBY = 0.04  # cy/px: over which the slope at a crossing is taken
_SPARSE = 0.3  # px between samples of the profile
_NOISY = 0.02  # standard deviation of the response
_CLIPPED = 1e-3  # share of the box
_UNEVEN = 0.05  # of the edge's height, on one side
_RAGGED = 1.0  # px between the rows and the fitted edge
_DARK = 0.02  # of the range
_WORDS = {
    "iso2023": "e-SFR as in ISO 12233:2023: polynomial of order 5, Tukey windows",
    "iso2017": "e-SFR as in ISO 12233:2017: straight edge, Hamming windows",
    "robust": "local lines of σ 0.15 px, flat-topped window",
}


def edge(
    picture: Picture, box: Box, *, method: Method = "iso2023", channels: str = "RGBY", where: str = ""
) -> Result:
    """Measure the resolution at one slanted edge of a picture.

    Parameters
    ----------
    picture : Picture
        Linear light.
    box : tuple of int
        top, left, bottom, right in px, the last two exclusive: one straight edge from side to side.
    method : {"iso2023", "robust", "iso2017"}
        Which edition, or the way that noise disturbs least.
    channels : str
        Of ``R G B Y``; each is measured by itself.
    where : str
        What to call the place.

    Returns
    -------
    Result
        Frequencies in cy/px; curves ``SFR`` and ``edge profile`` per channel.

    Raises
    ------
    InputError
        The box lies outside, is too small, has no edge, or its edge is not tilted enough for its length.
    """
    top, left, bottom, right = _inside(picture, box)
    part = (slice(top, bottom), slice(left, right))
    patches = {c: (picture.channel(c)[part], None) for c in _channels(channels, "RGBY")}
    return _measured(picture, box, patches, method, where)


def mosaic_edge(
    picture: Picture, box: Box, *, method: Method = "iso2023", channels: str = "RGB", where: str = ""
) -> Result:
    """The same on the photosites of a raw file: the lens and the pixel, without any demosaicking.

    Each colour's photosites sample the profile at their own places; frequencies are still in cycles per
    pixel of the full grid.

    Raises
    ------
    InputError
        As `edge`, and: the picture is no raw mosaic.
    """
    frame = picture.frame
    if frame is None:
        raise InputError(
            f"{picture.path.name or 'the picture'} is no raw file: it has no mosaic",
            hint="measure it as a picture, or give the raw file",
        )
    top, left, bottom, right = _inside(picture, box)
    names = "R", "G", "B"
    patches: dict[str, tuple[NDArray[np.floating], NDArray[np.bool_] | None]] = {}
    span = (bottom - top, right - left)
    for site in sites(frame.shot):
        name = names[site.colour]
        if name not in _channels(channels, "RGB"):
            continue
        value, mask = patches.get(name) or (np.zeros(span, np.float32), np.zeros(span, bool))
        assert mask is not None
        (y, x), (p, q) = site.at, site.period
        rows, columns = slice(y + -top % p, None, p), slice(x + -left % q, None, q)
        value[rows, columns] = planes([frame], site, box)[0] / np.float32(frame.shot.white)
        mask[rows, columns] = True
        patches[name] = value, mask
    if not patches:
        raise InputError(f"channels = {channels!r}: the mosaic has none of them")
    ordered = {c: patches[c] for c in "RGB" if c in patches}
    result = _measured(picture, box, ordered, method, where)
    return replace(result, conditions={**result.conditions, "decoding": "raw mosaic, no demosaicking"})


def _channels(channels: str, known: str) -> str:
    if not channels or set(channels) - set(known):
        raise InputError(f"channels = {channels!r} are not all of {' '.join(known)}")
    return channels


def _inside(picture: Picture, box: Box) -> Box:
    h, w = picture.size
    top, left, bottom, right = (int(b) for b in box)
    if not (0 <= top < bottom <= h and 0 <= left < right <= w):
        raise InputError(
            f"box = {box} does not lie in a picture of {h} × {w} px",
            hint="a box is top, left, bottom, right in pixels",
        )
    return top, left, bottom, right


Patch = tuple[NDArray[np.floating], NDArray[np.bool_] | None]


def _measured(picture: Picture, box: Box, patches: Mapping[str, Patch], method: Method, where: str) -> Result:
    where = where or f"box {','.join(str(b) for b in box)}"
    found = {c: sfr(patch, mask, method=method) for c, (patch, mask) in patches.items()}
    common = _against_picture(picture, box)
    figures: list[Figure] = []
    curves: list[Curve] = []
    warnings = list(common)
    for channel, one in found.items():
        place = f"{where}, {channel}"
        against = _against(one, method)
        told = {w[:16] for w in warnings}  # the same in another colour differs in its numbers only
        warnings += [a for a in against if a[:16] not in told]
        note = "; ".join((*common, *against))
        figures += _figures(one, min(picture.size), place, note)
        if channel in "RB" and "G" in found:
            figures.append(_misregistration(one, found["G"], place))
        curves += _curves(one, place)
    one = found.get("Y") or found.get("G") or next(iter(found.values()))
    conditions = {
        "method": _WORDS[method],
        "box": f"{box[2] - box[0]} × {box[3] - box[1]} px at {box[0]},{box[1]}",
        "edge": f"{abs(one.edge.angle):.2f}° from the axis, {one.edge.rows} rows",
        "line spread function": f"± {one.support:.1f} px",
        "decoding": picture.decoding,
        "samples": f"{picture.bits} bits",
        "picture height": f"{min(picture.size)} px, the shorter side",
    }
    return Result(
        "resolution",
        f"Slanted edge, {where}",
        tuple(figures),
        conditions,
        tuple(curves),
        warnings=tuple(dict.fromkeys((*picture.warnings, *warnings))),
    )


def _against_picture(picture: Picture, box: Box) -> list[str]:
    top, left, bottom, right = box
    against = []
    if picture.clipped is not None:
        share = float(picture.clipped[top:bottom, left:right].mean())
        if share > _CLIPPED:
            against.append(f"{share:.1%} of the box is clipped: the edge looks sharper than it is")
    if picture.bits <= 8:
        against.append("8-bit samples: steps of the dark side are coarse in linear light")
    return against


def _against(one: Sfr, method: Method) -> list[str]:
    """What speaks against a measured response."""
    e, against = one.edge, []
    if e.contrast < _FAINT:
        against.append(f"contrast {e.contrast:.2f} is below {_FAINT}")
    if not FLATTEST <= abs(e.angle) <= STEEPEST:
        against.append(f"edge angle {abs(e.angle):.1f}° is outside {FLATTEST:g}° … {STEEPEST:g}°")
    if e.rows < _ROWS:
        against.append(f"fewer than {_ROWS} rows: too few to average noise and phase well")
    if one.gap > _SPARSE:
        against.append(f"samples of the profile lie up to {one.gap:.2f} px apart: another angle helps")
    if one.uneven > _UNEVEN:
        why = "shading, a halo or a second edge"
        against.append(f"light beside the edge changes by {one.uneven:.0%} of its height: {why}")
    if e.scatter > _RAGGED:
        against.append(f"rows disagree about the edge by {e.scatter:.1f} px: noise, or it is not one line")
    if e.high < _DARK:
        against.append(f"underexposed: the bright side is at {e.high:.2%} of the range")
    if e.bend > _BENT and method == "iso2017":
        against.append(f"the edge bends by {e.bend:.1f} px, which this edition does not follow")
    at = min(_or(first_below(one.frequency, one.value, 0.5), NYQUIST), 1.0)
    doubt = float(np.interp(at, one.frequency, one.doubt))
    if doubt > _NOISY:
        advice = "" if method == "robust" else "; the method `robust` is disturbed less"
        against.append(f"noise moves the response by ± {doubt:.3f}{advice}")
    return against


def _or(value: float, instead: float) -> float:
    return value if np.isfinite(value) else instead


def _crossing(one: Sfr, level: float) -> tuple[float, float]:
    """Where the response falls below `level`, and the standard deviation of that."""
    f = first_below(one.frequency, one.value, level)
    if not np.isfinite(f):
        return f, 0.0
    around = np.interp([f - _NEARBY, f + _NEARBY], one.frequency, one.value)
    steep = max(float(around[0] - around[1]) / (2 * _NEARBY), 0.05)
    return f, float(np.interp(f, one.frequency, one.doubt)) / steep


def _figures(one: Sfr, height: int, where: str, note: str) -> list[Figure]:
    made: list[Figure] = []
    half, tenth = _crossing(one, 0.5), _crossing(one, 0.1)
    peaked = _crossing(one, 0.5 * float(one.value[one.frequency <= NYQUIST].max()))
    for name, (f, doubt), level in (("MTF50", half, 50), ("MTF50P", peaked, 50), ("MTF10", tenth, 10)):
        if np.isfinite(f):
            made.append(Figure(name, f, "cy/px", where, doubt, "higher", note))
        else:
            made.append(unmeasured(name, "cy/px", f"the response stays above {level} % up to 1 cy/px", where))
    for name, f in (("MTF at Nyquist/2", NYQUIST / 2), ("MTF at Nyquist", NYQUIST)):
        value, doubt = (float(np.interp(f, one.frequency, v)) for v in (one.value, one.doubt))
        made.append(Figure(name, value, "", where, doubt, "higher", note))
    share, share_doubt = 100 * min(_or(tenth[0], 1.0) / NYQUIST, 1.0), 100 * tenth[1] / NYQUIST
    made.append(Figure("sampling efficiency", share, "%", where, share_doubt, "higher", note))
    if np.isfinite(half[0]):
        widths = 2 * height
        made.append(
            Figure("MTF50 in LW/PH", half[0] * widths, "LW/PH", where, half[1] * widths, "higher", note)
        )
    else:
        made.append(unmeasured("MTF50 in LW/PH", "LW/PH", "MTF50 could not be measured", where))
    return made + _profile_figures(one, where, note)


def _profile_figures(one: Sfr, where: str, note: str) -> list[Figure]:
    e = one.edge
    height = e.high - e.low
    doubt = one.profile_doubt / height
    made = []
    width = rise(one.t, one.profile, e)
    if np.isfinite(width):
        made.append(Figure("10–90 % rise", width, "px", where, width * doubt, "lower", note))
    else:
        made.append(unmeasured("10–90 % rise", "px", "the profile does not reach 10 % and 90 %", where))
    over = max((float(one.profile.max()) - e.high) / height, 0.0)
    under = max((e.low - float(one.profile.min())) / height, 0.0)
    for name, value in (("overshoot", over), ("undershoot", under)):
        lost = "; ".join(n for n in (note, "within the noise" if 1e-3 < value < 4 * doubt else "") if n)
        made.append(Figure(name, 100 * value, "%", where, 100 * doubt, "lower", lost))
    made.append(Figure("edge angle", abs(e.angle), "°", where))
    return made


def _misregistration(one: Sfr, green: Sfr, where: str) -> Figure:
    name, unit = "colour misregistration", "px"
    if one.edge.rises != green.edge.rises:
        return unmeasured(name, unit, "this colour gets darker where green gets brighter", where)
    doubt = float(np.hypot(one.edge.place_doubt, green.edge.place_doubt))
    return Figure(name, one.edge.place - green.edge.place, unit, where, doubt)


def _curves(one: Sfr, where: str) -> tuple[Curve, Curve]:
    share: Float64 = (one.profile - one.edge.low) / (one.edge.high - one.edge.low)
    return (
        Curve("SFR", one.frequency, one.value, "cy/px", "SFR", where),
        Curve("edge profile", one.t, share, "px from the edge", "share of the edge's height", where),
    )
