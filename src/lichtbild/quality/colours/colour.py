# SPDX-License-Identifier: Apache-2.0
"""Colour: how far the patches of a chart are from what they should be.

Patches are averaged in linear light (see `swatches`), taken to CIELAB under D50 and compared with their
reference.  A photo is taken as it is; a raw file by the colour profile that it carries, at the exposure that
brings the greys to their level, because the exposure of a raw file is free.  Three more renderings separate
the causes of an error::

    exposure matched    the greys at their level: what brightness did not do
    own white           and neutral in the mean: what white balance did not do
    best matrix         raw only, the 3×3 that fits these very patches: what a profile could not mend

ΔE00 is CIEDE2000, ΔE*ab the distance in CIELAB, ΔC and ΔH its parts along and across chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import (
    D50_XYZ,
    D65,
    P3,
    REC2020,
    SRGB,
    adaptation,
    delta_e,
    lab_to_xyz,
    xy_to_xyz,
    xyz_to_lab,
)
from lichtbild.base.errors import InputError
from lichtbild.capture.illuminant import typical_camera
from lichtbild.quality.colours.polynomial import fitted
from lichtbild.quality.colours.profile import white_of
from lichtbild.quality.colours.rendering import rendered
from lichtbild.quality.colours.swatches import Samples, balance, sampled, unevenness
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Result, Swatch, unmeasured

Float64 = NDArray[np.float64]
GREY, NEARLY = 5.0, (15.0, 97.0)  # largest chroma, range of L* of what counts as a grey
SPACES = {"srgb": SRGB, "p3": P3, "rec2020": REC2020}
TO_D65 = adaptation(D50_XYZ, xy_to_xyz(D65))
DARK = 0.05  # linear, of the brightest patch
UNEVEN = 0.10
NOISY = 0.01  # relative standard error of the mean of a patch


@dataclass(frozen=True, slots=True, eq=False)
class _Chart:
    """The patches as measured and as they should be; ``grey`` are those by which white is judged."""

    samples: Samples
    reference: Float64
    names: tuple[str, ...]
    grey: NDArray[np.bool_]

    @property
    def expected(self) -> Float64:
        return lab_to_xyz(self.reference)


def patches(
    picture: Picture,
    quads: ArrayLike,
    reference: ArrayLike,
    *,
    names: Sequence[str] = (),
    where: str = "",
) -> Result:
    """Measure the colours of a chart.

    Parameters
    ----------
    picture : Picture
        A photo, or a raw file.
    quads : array_like "n 4 2"
        Corners (y, x) of the patches in pixels, clockwise from the top left; their inner 60 % count.
    reference : array_like "n 3"
        CIELAB D50 of the patches.
    names : sequence of str
        Of the patches; those with "skin" in them are judged on their own, too.
    where : str
        What the figures are called after.

    Raises
    ------
    InputError
        Patches are outside the picture, too small, or not as many as references; a monochrome raw.
    """
    wanted = np.asarray(reference, np.float64)
    if wanted.ndim != 2 or wanted.shape[1] != 3 or len(wanted) != len(np.asarray(quads)):
        raise InputError(
            f"{len(np.asarray(quads))} patches, but references {wanted.shape}; needed is one each"
        )
    samples = sampled(picture, quads)
    chroma = np.hypot(wanted[:, 1], wanted[:, 2])
    grey = (chroma < GREY) & (NEARLY[0] < wanted[:, 0]) & (wanted[:, 0] < NEARLY[1]) & ~samples.clipped
    called = (
        tuple(names) if len(names) == len(wanted) else tuple(f"patch {k + 1}" for k in range(len(wanted)))
    )
    chart = _Chart(samples, wanted, called, grey)
    raw = picture.space == "camera"
    seen = _raw_xyz(picture, samples.rgb) if raw else samples.rgb @ _to_d50(picture).T
    matched = seen * _level(seen, chart)
    main = xyz_to_lab(matched if raw else seen)
    figures = _errors(main, chart, where)
    figures += _white(matched if raw else seen, chart, where)
    if not raw:
        figures += _brightness(seen, chart, where) + _short(
            xyz_to_lab(matched), chart, "exposure matched", where
        )
    figures += _renderings(picture, chart, where)
    linear = raw or picture.decoding == "linear"
    uneven = unevenness(samples, seen[:, 1], chart.expected[:, 1], linear=linear)[1]
    figures.append(Figure("uneven light", 100 * uneven, "%", where, better="lower"))
    warnings = _doubts(picture, chart, uneven)
    conditions = {
        "rendering": _rendering(picture, raw),
        "exposure": "matched to the greys" if raw else "as it is",
        "patches": f"{len(wanted)}, inner 60 %, {int(samples.pixels.min())} pixels or more",
        "linearised by": picture.decoding,
        "white": "CIELAB D50, 2° observer",
    }
    error = delta_e(main, wanted)
    swatches = tuple(
        Swatch(n, (m[0], m[1], m[2]), (r[0], r[1], r[2]), e)
        for n, m, r, e in zip(called, main.tolist(), wanted.tolist(), error.tolist(), strict=True)
    )
    title, curves = "colour of the patches" + (f", {where}" if where else ""), _neutrality(main, chart, where)
    return Result("colour", title, tuple(figures), conditions, curves, (), swatches, warnings)


# ---- renderings


def _to_d50(picture: Picture) -> Float64:
    return adaptation(xy_to_xyz(D65), D50_XYZ) @ SPACES[picture.space].to_xyz()


def _raw_xyz(picture: Picture, rgb: Float64) -> Float64:
    """XYZ D50 by the profile and the white of the file."""
    shot = picture.shot
    if shot is None or not shot.colour.colour:
        return rendered(typical_camera(), rgb, np.ones(3))
    gain = np.asarray(balance(picture))
    return rendered(shot.colour, rgb / gain, 1.0 / gain)


def _level(xyz: Float64, chart: _Chart) -> float:
    """The factor that brings the greys (all patches, if there are none) to their luminance."""
    use = chart.grey if chart.grey.any() else ~chart.samples.clipped
    seen, wanted = xyz[use, 1], chart.expected[use, 1]
    return float(seen @ wanted / max(float(seen @ seen), 1e-12))


def _renderings(picture: Picture, chart: _Chart, where: str) -> list[Figure]:
    """Errors with the patches' own white, and of a raw file with the best matrix."""
    names = ["own white"] + (["best matrix"] if picture.space == "camera" else [])
    if chart.grey.sum() < 2 or len(chart.names) < 10:
        return [
            unmeasured(f"ΔE00 mean, {n}", "ΔE00", "needs two greys and ten patches", where) for n in names
        ]
    rgb, expected = chart.samples.rgb, chart.expected
    if picture.space != "camera":
        to_d50 = _to_d50(picture)
        aim = expected[chart.grey] @ np.linalg.inv(to_d50).T
        seen = rgb[chart.grey]
        gain = (seen * aim).sum(axis=0) / np.maximum((seen * seen).sum(axis=0), 1e-12)
        return _short(xyz_to_lab(rgb * gain @ to_d50.T), chart, names[0], where)
    use = ~chart.samples.clipped
    neutral = white_of(rgb[use], expected[use])
    own = _raw_xyz(picture, rgb / neutral)
    best = rgb / neutral @ fitted(rgb[use] / neutral, expected[use], 1).T
    return [
        *_short(xyz_to_lab(own * _level(own, chart)), chart, names[0], where),
        *_short(xyz_to_lab(best), chart, names[1], where),
    ]


def _rendering(picture: Picture, raw: bool) -> str:
    if not raw:
        return f"as it is, {picture.space}"
    shot = picture.shot
    if shot is None or not shot.colour.colour:
        return "a typical camera, because the file says nothing of its colour"
    return f"the file's profile{' ' + shot.colour.name if shot.colour.name else ''}, its white"


# ---- figures


def _errors(lab: Float64, chart: _Chart, where: str) -> list[Figure]:
    wanted, error = chart.reference, delta_e(lab, chart.reference)
    c1, c0 = np.hypot(lab[:, 1], lab[:, 2]), np.hypot(wanted[:, 1], wanted[:, 2])
    flat = np.sum((lab[:, 1:] - wanted[:, 1:]) ** 2, axis=1)
    hue = np.sqrt(np.maximum(flat - (c1 - c0) ** 2, 0))
    note = ", ".join(n for n, c in zip(chart.names, chart.samples.clipped, strict=True) if c)
    note = f"clipped: {note}" if note else ""

    def figure(name: str, value: float, unit: str) -> Figure:
        return Figure(name, float(value), unit, where, better="lower", note=note)

    figures = [
        figure("ΔE00 mean", error.mean(), "ΔE00"),
        figure("ΔE00 90 %", np.percentile(error, 90), "ΔE00"),
        figure("ΔE00 largest", error.max(), "ΔE00"),
        figure("ΔE*ab mean", np.linalg.norm(lab - wanted, axis=1).mean(), "ΔE*ab"),
        figure("ΔC mean", np.abs(c1 - c0).mean(), "ΔC"),
        figure("ΔH mean", hue.mean(), "ΔH"),
    ]
    strong, skin = c0 > 15, np.array(["skin" in n for n in chart.names])
    if strong.any():
        figures.append(Figure("chroma", 100 * float(np.mean(c1[strong] / c0[strong])), "%", where, note=note))
    if skin.any():
        figures.append(figure("ΔE00 of skin, mean", error[skin].mean(), "ΔE00"))
    return figures


def _short(lab: Float64, chart: _Chart, how: str, where: str) -> list[Figure]:
    error = delta_e(lab, chart.reference)
    return [
        Figure(f"ΔE00 mean, {how}", float(error.mean()), "ΔE00", where, better="lower"),
        Figure(f"ΔE00 largest, {how}", float(error.max()), "ΔE00", where, better="lower"),
    ]


def _white(xyz: Float64, chart: _Chart, where: str) -> list[Figure]:
    """White balance: the mean cast of the greys, as a colour difference, an angle, and in stops."""
    names = (("white balance error", "ΔC"), ("white balance angle", "°"), ("red over green", "EV"))
    if not chart.grey.any():
        why = "no grey patch that is not clipped"
        return [unmeasured(n, unit, why, where) for n, unit in (*names, ("blue over green", "EV"))]
    seen, aim = xyz[chart.grey], chart.expected[chart.grey]
    away = (xyz_to_lab(seen) - xyz_to_lab(aim))[:, 1:]
    total, expected = (np.maximum(v.sum(axis=0) @ (SRGB.from_xyz() @ TO_D65).T, 1e-9) for v in (seen, aim))
    cosine = total @ expected / np.linalg.norm(total) / np.linalg.norm(expected)
    stops = np.log2(total / expected)
    return [
        Figure("white balance error", float(np.hypot(*away.mean(axis=0))), "ΔC", where, better="lower"),
        Figure(
            "white balance angle", float(np.degrees(np.arccos(min(cosine, 1)))), "°", where, better="lower"
        ),
        Figure("red over green", float(stops[0] - stops[1]), "EV", where),
        Figure("blue over green", float(stops[2] - stops[1]), "EV", where),
        Figure("ΔC of greys, mean", float(np.hypot(*away.T).mean()), "ΔC", where, better="lower"),
        Figure("ΔC of greys, largest", float(np.hypot(*away.T).max()), "ΔC", where, better="lower"),
    ]


def _brightness(xyz: Float64, chart: _Chart, where: str) -> list[Figure]:
    """The level of the greys of a photo, and the lightness it gives to 18 %."""
    level = Figure("brightness of greys", float(-np.log2(_level(xyz, chart))), "EV", where)
    order = np.argsort(chart.expected[:, 1])
    greys = [k for k in order if chart.grey[k]]
    name = "L* of 18 %"
    if len(greys) < 2 or not chart.expected[greys[0], 1] <= 0.18 <= chart.expected[greys[-1], 1]:
        return [level, unmeasured(name, "L*", "no greys on both sides of 18 %", where)]
    lightness = np.interp(np.log(0.18), np.log(chart.expected[greys, 1]), xyz_to_lab(xyz[greys])[:, 0])
    return [level, Figure(name, float(lightness), "L*", where)]


def _neutrality(lab: Float64, chart: _Chart, where: str) -> tuple[Curve, ...]:
    """What colour greys take on from dark to bright."""
    greys = [k for k in np.argsort(chart.reference[:, 0]) if chart.grey[k]]
    if len(greys) < 3:
        return ()
    x = lab[greys, 0]
    away = lab[greys] - chart.reference[greys]
    return tuple(
        Curve("neutrality over exposure", x, away[:, i], "L*", "difference", f"{where}, {n}" if where else n)
        for i, n in ((1, "a*"), (2, "b*"))
    )


def _doubts(picture: Picture, chart: _Chart, uneven: float) -> tuple[str, ...]:
    samples = chart.samples
    said = list(picture.warnings)
    if samples.clipped.any():
        names = ", ".join(n for n, c in zip(chart.names, samples.clipped, strict=True) if c)
        said.append(f"clipped patches: {names}; their colours are not what the camera saw")
    if samples.rgb.max() < DARK:
        said.append(f"underexposed: the brightest patch is at {100 * samples.rgb.max():.1f} % of the range")
    if uneven > UNEVEN:
        said.append(f"the light changes by {100 * uneven:.0f} % over the chart")
    unsure = samples.noise / np.sqrt(samples.pixels)
    if unsure.max() > NOISY:
        said.append(
            f"noise: the mean of {chart.names[int(unsure.argmax())]} is known to {100 * unsure.max():.0f} %"
        )
    return tuple(dict.fromkeys(said))
