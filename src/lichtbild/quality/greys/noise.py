# SPDX-License-Identifier: Apache-2.0
"""Noise of grey patches: temporal, fixed and total, SNR and dynamic range, after ISO 15739.

Of n pictures of one patch, σ in linear light::

    σ_temp² = mean over the pixels of the variance over the pictures
    σ_fix²  = variance over the pixels of the mean picture − σ_temp² / n       (a parabola removed before)
    σ²      = σ_temp² + σ_fix²
    SNR     = L · g / σ          L: luminance; g = dlevel/dL from the tone curve through all patches

One picture shows total noise only.  The dynamic range is in `dynamic_range`.

References
----------
[1] ISO 15739:2023 (its clauses on temporal and fixed noise as public descriptions of it have them).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.errors import InputError
from lichtbild.quality.greys.dynamic_range import CLIPPED, GOOD, Patch, Row, snr_range
from lichtbild.quality.greys.inside import Float64, clipped_share, full, inner_box, samples, trendless
from lichtbild.quality.greys.monotone import monotone
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sensor.sites import Box

MID = 0.18  # of full
ENOUGH = 8  # pictures, as the standard asks


def patches(
    pictures: Sequence[Picture],
    quads: ArrayLike,
    *,
    luminance: ArrayLike | None = None,
    where: str = "",
    mid: float = MID,
) -> Result:
    """Noise of grey patches in one or several pictures of the same thing.

    Parameters
    ----------
    pictures : sequence of Picture
        Of one size; eight of a camera on a tripod tell temporal from fixed noise as the standard asks.
    quads : array "n 4 2"
        Corners (y, x) of the patches.
    luminance : array "n", optional
        Their luminances or reflectances; without them levels are taken for proportional to light.
    where : str
        Which chart.
    mid : float
        The level whose patch the figures are of.

    Raises
    ------
    InputError
        Pictures of several sizes, a patch out of the picture or too small, wrong numbers of luminances.
    """
    boxes = _boxes(pictures, quads, where)
    light = _luminances(luminance, len(boxes))
    names = "Y" if _grey(pictures[0]) else "YRGB"
    rows = [_row(pictures, boxes, name, light) for name in names]
    figures = [
        f for row in rows for f in _figures(row, pictures, f"{where}, {row.name}" if where else row.name, mid)
    ]
    return Result(
        "noise",
        f"Noise of {len(boxes)} patch{'es' * (len(boxes) > 1)}" + (f", {where}" if where else ""),
        tuple(figures),
        {
            "method": "after ISO 15739, own implementation",
            "pictures": str(len(pictures)),
            "decoding": pictures[0].decoding,
            "samples": "colours before demosaicking" if pictures[0].frame else "pixels",
            "signal": "luminance × slope of the tone curve" if light is not None else "level",
        },
        tuple(c for row in rows for c in _curves(row, where, len(pictures))),
        warnings=_warnings(rows[0], pictures),
    )


def patch(pictures: Sequence[Picture], box: Box, channel: str) -> Patch:
    """Noise of one patch in one channel."""
    stacks = [np.stack(planes) for planes in zip(*(samples(p, box, channel) for p in pictures), strict=True)]
    n = len(pictures)
    level = float(np.mean([s.mean() for s in stacks]))
    temporal, spatial, count = 0.0, 0.0, 0
    for s in stacks:
        size = s[0].size
        if n > 1:  # the light of a whole picture is no noise
            off = s - s.mean(axis=(1, 2), keepdims=True)
            temporal += float(off.var(axis=0, ddof=1).mean()) * size / (size - 1) / len(stacks)
        rest, taken = trendless(s.mean(axis=0))
        spatial += float((rest**2).sum()) / (size - taken) / len(stacks)
        count += size
    clipped = max(clipped_share(p, box) for p in pictures)
    if n == 1:
        return Patch(level, math.nan, math.nan, math.sqrt(spatial), 1 / math.sqrt(2 * count), clipped)
    fixed = max(spatial - temporal / n, 0.0)
    doubt = 1 / math.sqrt(2 * count * (n - 1))
    return Patch(level, math.sqrt(temporal), math.sqrt(fixed), math.sqrt(temporal + fixed), doubt, clipped)


def _boxes(pictures: Sequence[Picture], quads: ArrayLike, where: str) -> list[Box]:
    if not pictures:
        raise InputError("no picture to measure", hint="give at least one")
    if len({p.size for p in pictures}) > 1:
        raise InputError(
            f"pictures of several sizes: {', '.join(f'{p.size[0]} × {p.size[1]}' for p in pictures)}",
            hint="give pictures of one camera that did not move",
        )
    corners = np.asarray(quads, np.float64).reshape(-1, 4, 2)
    return [
        inner_box(q, pictures[0].size, f"{where + ', ' if where else ''}patch {k + 1}")
        for k, q in enumerate(corners)
    ]


def _luminances(luminance: ArrayLike | None, count: int) -> Float64 | None:
    if luminance is None:
        return None
    light = np.asarray(luminance, np.float64).ravel()
    if len(light) != count or not (light >= 0).all():
        raise InputError(f"luminance: {len(light)} numbers for {count} patches; one each, none below 0")
    return light if count >= 3 and len(set(light.tolist())) >= 3 else None


def _grey(picture: Picture) -> bool:
    """Whether red, green and blue are all the same."""
    if picture.shot is not None:
        return picture.shot.kind == "mono"
    cut = picture.rgb[::8, ::8]
    return bool((cut[..., 0] == cut[..., 1]).all() and (cut[..., 1] == cut[..., 2]).all())


def _row(pictures: Sequence[Picture], boxes: Sequence[Box], channel: str, light: Float64 | None) -> Row:
    found = tuple(patch(pictures, box, channel) for box in boxes)
    level = np.array([p.level for p in found])
    noise = np.array([p.total if math.isnan(p.temporal) else p.temporal for p in found])
    use = (np.array([p.clipped for p in found]) < CLIPPED) & (level > 0) & (noise > 0)
    signal = level.copy()
    if light is not None:
        use &= light > 0
        if use.sum() >= 3 and len(set(light[use].tolist())) == int(use.sum()):
            curve = monotone(np.cbrt(light[use]), np.cbrt(level[use]))
            root = np.cbrt(light)
            signal = np.where(root > 0, root * curve(root) ** 2 * curve.steepness(root), level)
    return Row(
        channel, found, level if light is None else light, signal, noise, use, full(pictures[0], channel)
    )


# ---- figures


def _figures(row: Row, pictures: Sequence[Picture], where: str, mid: float) -> list[Figure]:
    k = int(np.argmin(np.abs(np.log(np.maximum([p.level for p in row.patches], 1e-6) / (mid * row.full)))))
    p = row.patches[k]
    note = _note(p, pictures)
    figures = []
    for name, value in (
        ("temporal noise", p.temporal),
        ("fixed-pattern noise", p.fixed),
        ("total noise", p.total),
    ):
        if math.isnan(value):
            figures.append(unmeasured(name, "%", "needs two pictures or more", where))
        else:
            figures.append(Figure(name, 100 * value, "%", where, 100 * value * p.doubt, "lower", note))
    if row.noise[k] > 0 and row.signal[k] > 0:
        decibels = 20 * math.log10(row.signal[k] / row.noise[k])
        figures.append(Figure("SNR", decibels, "dB", where, 8.69 * p.doubt, "higher", note))
    else:
        figures.append(unmeasured("SNR", "dB", "no signal, or no noise at all", where))
    for name, least in (("dynamic range", 1.0), ("dynamic range, 20 dB", GOOD)):
        figures.append(snr_range(row, pictures[0], (name, least), where))
    return figures


def _note(p: Patch, pictures: Sequence[Picture]) -> str:
    if p.clipped >= CLIPPED:
        return f"{p.clipped:.0%} of the patch is clipped"
    if pictures[0].bits == 8 and p.total < 0.5 * _step(p.level, pictures[0].decoding):
        return "finer than the steps of 8 bits"
    return f"{len(pictures)} pictures, {ENOUGH} are asked for" if 1 < len(pictures) < ENOUGH else ""


def _step(level: float, decoding: str) -> float:
    """The light of one step of 8 bits at a level."""
    x = max(level, 1e-4)
    if decoding == "sRGB":
        return (12.92**-1 if x < 0.0031308 else 2.4 / 1.055 * x ** (1.4 / 2.4)) / 255
    power = float(decoding.removeprefix("gamma ")) if decoding.startswith("gamma ") else 1.0
    return power * x ** (1 - 1 / power) / 255


def _curves(row: Row, where: str, count: int) -> list[Curve]:
    order = np.argsort(row.light)
    place = f"{where}, {row.name}" if where else row.name
    ok = order[row.use[order]]
    if len(ok) < 2:
        return []
    x, axis = row.light[ok], "luminance" if row.light is not row.signal else "level"
    snr = 20 * np.log10(np.maximum(row.signal[ok] / row.noise[ok], 1e-6))
    curves = [Curve("SNR", x, snr, axis, "dB", place)]
    kinds = ("temporal", "fixed", "total") if count > 1 else ("total",)
    for kind in kinds:
        y = np.array([100 * getattr(row.patches[k], kind) for k in ok])
        curves.append(Curve(f"{kind} noise", x, y, axis, "% of full", place))
    return curves


def _warnings(row: Row, pictures: Sequence[Picture]) -> tuple[str, ...]:
    told = list(pictures[0].warnings)
    clipped = [str(k + 1) for k, p in enumerate(row.patches) if p.clipped >= CLIPPED]
    if clipped:
        told.append(f"clipped and not used: patch {', '.join(clipped)}")
    if len(pictures) == 1:
        told.append("one picture: temporal and fixed noise cannot be told apart")
    return tuple(told)
