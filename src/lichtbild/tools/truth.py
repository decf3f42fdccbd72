# SPDX-License-Identifier: Apache-2.0
"""``lichtbild measure --truth``: a photo, merged file or frame of a simulated burst beside what was there.

A raw file or DNG is in the colours of the truth and is compared as it is, after white balance.  A TIFF or
photo has been through a colour profile and perhaps a look: the truth is taken there by the 3×3 matrix, and
for a photo by one rising curve for each colour, that fit the resting pixels best.  What a curve cannot do,
such as local tone, counts as difference.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import srgb_encode
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.base.version import SOFTWARE
from lichtbild.quality.artefacts import artefacts, luminance, shift_between
from lichtbild.quality.laboratory import source, thumbnail
from lichtbild.quality.perception import appearance
from lichtbild.quality.picture import Picture, read_picture
from lichtbild.quality.reports.report import Report, View
from lichtbild.simulate import Truth, read_truth
from lichtbild.tools.outcome import RECOVERABLE, Failures

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]
REGISTERED = 0.35  # px
BRIGHTEST = 0.95  # of the clip level: truth above it is not compared
FITTED = 200_000  # pixels that a matrix or curve is fitted to
LEVELS, ROUNDS = 48, 3  # points of a curve, fits of matrix and curve in turn
SHOWN = 99.0  # percentile of the truth that is shown as white


def against(paths: Sequence[Path], args: Namespace, failures: Failures) -> Iterator[Report]:
    """A report for every picture.

    Raises
    ------
    InputError
        There is no truth in the folder.
    """
    truth = read_truth(args.truth)
    for path in paths:
        try:
            yield compared(read_picture(path, decoding=args.decoding, layout=args.layout), truth, args.truth)
        except RECOVERABLE as error:
            failures.add(path, error)


def compared(picture: Picture, truth: Truth, folder: Path) -> Report:
    """Everything that `picture` shows and the truth does not, and how different both look.

    Raises
    ------
    InputError
        The sizes differ, or too few pixels can be compared.
    """
    if picture.rgb.shape != truth.rgb.shape:
        (h, w), (th, tw) = picture.size, truth.rgb.shape[:2]
        raise InputError(
            f"{picture.path} has {h} × {w} pixels, the truth in {folder} {th} × {tw}",
            hint="compare frames of the burst itself, or what was merged from them without cropping",
        )
    dim: Bool = np.asarray(np.all(truth.rgb < BRIGHTEST, axis=2), np.bool_)
    valid = dim if picture.clipped is None else dim & ~picture.clipped
    moving = truth.moving > 0
    light, how = expected(picture, truth.rgb, valid & ~moving)
    y, x = shift_between(luminance(picture.rgb), luminance(light))
    if max(abs(y), abs(x)) > REGISTERED:
        raise InputError(
            f"{picture.path} is moved by {y:.1f}, {x:.1f} px from the truth, which is on the grid of frame "
            f"{truth.facts.get('reference', 0)}",
            hint=f"make it with --reference {truth.facts.get('reference', 0)}",
        )
    found = artefacts(picture.rgb, light, moving=moving, valid=valid)
    white = float(np.percentile(light, SHOWN)) if picture.space == "camera" else 1.0
    shown, wanted = (np.clip(x / np.float32(white), 0, None) for x in (picture.rgb, light))
    encoded = [srgb_encode(np.minimum(x, 1)) for x in (shown, wanted)]
    looks = appearance(encoded[0], encoded[1], (shown, wanted))
    found = replace(found, conditions={**found.conditions, "truth": how})
    words = {
        "Truth": f"{folder.name}: {truth.facts.get('scene', '')}, seed {truth.facts.get('seed', '')}",
        "Compared": how,
    }
    view = View(picture.path.name, picture.size, small=thumbnail(picture))
    return Report((found, looks), (source(picture),), SOFTWARE, words, (view,), warnings=picture.warnings)


def expected(picture: Picture, truth: Float32, still: Bool) -> tuple[Float32, str]:
    """The truth in the colours of a picture, and how it got there.

    Raises
    ------
    InputError
        Too few pixels rest.
    """
    shot = picture.shot
    if picture.space == "camera" and shot is not None:
        neutral = np.asarray(shot.neutral or (1.0, 1.0, 1.0), np.float32)
        return truth * (neutral[1] / neutral), "in camera colours, white-balanced"
    step = max(1, int(still.sum()) // FITTED)
    x, y = truth[still][::step].astype(np.float64), picture.rgb[still][::step].astype(np.float64)
    if len(x) < 1000:
        raise InputError(f"{picture.path}: only {len(x)} pixels rest and are not clipped; 1000 are needed")
    if picture.decoding != "linear":
        return matched(truth, x, y)
    matrix = np.linalg.lstsq(x, y, rcond=None)[0]
    return (truth @ matrix.astype(np.float32)), "taken to the picture's colours by the best matrix"


def matched(truth: Float32, x: Float64, y: Float64) -> tuple[Float32, str]:
    """The truth through the best matrix and a rising curve for each colour.

    The matrix is fitted to cube roots, step by step with the curves: looks bend tones most.
    """
    roots = np.cbrt(np.maximum(y, 0))
    matrix: Float64 = np.eye(3)
    for _ in range(ROUNDS):
        curves = through(x, roots, matrix)
        wanted = [np.interp(roots[:, c], value, at) for c, (at, value) in enumerate(curves)]
        matrix = np.asarray(np.linalg.lstsq(x, np.stack(wanted, axis=1) ** 3, rcond=None)[0], np.float64)
    seen = np.cbrt(np.maximum(truth @ matrix.astype(np.float32), 0))
    curves = through(x, roots, matrix)
    out = [np.interp(seen[..., c], at, value) ** 3 for c, (at, value) in enumerate(curves)]
    how = "taken to the photo by the best matrix and one tone curve for each colour"
    return np.stack(out, axis=2).astype(np.float32), how


def through(x: Float64, roots: Float64, matrix: Float64) -> list[tuple[Float64, Float64]]:
    """For each colour the curve from cube roots of the mixed truth to those of the photo."""
    mixed = np.cbrt(np.maximum(x @ matrix, 0))
    return [rising(mixed[:, c], roots[:, c]) for c in range(3)]


def rising(x: Float64, y: Float64) -> tuple[Float64, Float64]:
    """A rising curve through medians: positions and values, both strictly rising."""
    order = np.argsort(x, kind="stable")
    parts = np.array_split(order, LEVELS)
    at = np.array([np.median(x[p]) for p in parts])
    value = np.maximum.accumulate([np.median(y[p]) for p in parts])
    nudge = 1e-9 * np.arange(len(at))
    return np.asarray(np.maximum.accumulate(at) + nudge, np.float64), np.asarray(value + nudge, np.float64)
