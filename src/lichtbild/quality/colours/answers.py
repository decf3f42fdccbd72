# SPDX-License-Identifier: Apache-2.0
"""What a camera answered to a chart, read from raw photos of it: what `profile.fit` needs.

Values are the camera's own, before white balance; clipped patches are left out.  Two things that are not the
camera's colour are estimated from the chart itself and taken away::

    seen = plane(y, x) · (answer + veil)

The *plane* is the light, which is never quite even: by it the luminances (after the best matrix) differ from
those of the reference.  The *veil* is stray light of the lens, which fills dark patches: what remains when
the line through the greys is followed to black.  Photos under one light are averaged at equal exposure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lichtbild.base.colour import lab_to_xyz, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.quality.colours.polynomial import fitted
from lichtbild.quality.colours.profile import FEWEST, Answers, relit, white_of
from lichtbild.quality.colours.rendering import rendered
from lichtbild.quality.colours.swatches import Samples, balance, sampled, unevenness
from lichtbild.quality.finding.mapping import homography, moved
from lichtbild.quality.picture import Picture

Float64 = NDArray[np.float64]
DIM, DARKEST = 0.1, 0.01  # green of the brightest patch
UNEVEN, VEILED = 0.10, 0.005
NOISY = 0.01
LIKE = 0.85  # share of the variance of the colours that must be explained


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A chart in a raw photo.

    Attributes
    ----------
    answers : Answers
        Of the patches that were kept, evenly lit.
    kept : Bool "n"
        Which patches of the chart these are.
    before : Float64 "k 3" or None
        XYZ D50 as the file's own profile renders them; None where it has none.
    uneven : float
        How much the light changed over the chart, 0.1: by 10 %.
    veil : float
        Stray light that was subtracted, a share of white.
    warnings : tuple of str
        What speaks against it.
    """

    answers: Answers
    kept: NDArray[np.bool_]
    before: Float64 | None
    uneven: float
    veil: float
    warnings: tuple[str, ...]


def answers_in(
    picture: Picture, quads: ArrayLike, reference: ArrayLike, light: str, *, names: Sequence[str] = ()
) -> Seen:
    """Read a chart in a raw picture.

    Parameters
    ----------
    picture : Picture
        A raw file.
    quads : array_like "n 4 2"
        Corners (y, x) of the patches in pixels.
    reference : array_like "n 3"
        CIELAB D50 of the patches.
    light : str
        What lit the chart, see `base.spectra.light`.
    names : sequence of str
        Of the patches.

    Raises
    ------
    InputError
        Not a raw file; too many patches clipped; much too dark; or as `swatches.sampled`.
    """
    name = picture.path.name
    if picture.space != "camera" or picture.frame is None:
        raise InputError(f"{name} is a finished photo; a profile is made from raw files", hint="give the raw")
    wanted, gain = np.asarray(reference, np.float64), np.asarray(balance(picture))
    samples = sampled(picture, quads)
    called = (
        tuple(names) if len(names) == len(wanted) else tuple(f"patch {k + 1}" for k in range(len(wanted)))
    )
    kept = ~samples.clipped & (samples.rgb > 0).all(axis=1)
    if kept.sum() < max(FEWEST, len(kept) // 2):
        raise InputError(
            f"{name}: {int((~kept).sum())} of {len(kept)} patches are clipped or black",
            hint="expose so that the white patch stays below the end of the range",
        )
    bright = float(samples.rgb[:, 1].max())
    if bright < DARKEST:
        raise InputError(
            f"{name}: the brightest patch is at {100 * bright:.2f} % of the range", hint="expose more"
        )
    xyz = relit(wanted, light)
    camera, uneven, veil = _cleared(samples, gain, xyz, kept)
    own = picture.frame.shot.colour
    before = rendered(own, camera, 1.0 / gain) if own.colour else None
    said = [f"{name}: {called[k]} is clipped or black and left out" for k in np.flatnonzero(~kept)]
    if bright < DIM:
        said.append(f"{name}: the brightest patch is at {100 * bright:.0f} % of the range; expose more")
    if uneven > UNEVEN:
        said.append(f"{name}: the light changes by {100 * uneven:.0f} % over the chart (divided out)")
    unsure = float((samples.noise / np.sqrt(samples.pixels))[kept].max())
    if unsure > NOISY:
        said.append(f"{name}: noise, the mean of a patch is known to {100 * unsure:.0f} % only")
    if veil > VEILED:
        said.append(f"{name}: stray light of {100 * veil:.1f} % of white lies over the chart (subtracted)")
    answers = Answers(camera, xyz[kept], light, white_of(camera, xyz[kept]))
    return Seen(answers, kept, before, uneven, veil, (*picture.warnings, *said))


def _cleared(
    samples: Samples, gain: Float64, xyz: Float64, kept: NDArray[np.bool_]
) -> tuple[Float64, float, float]:
    """The camera's answers of the kept patches without plane and veil; the range of the one, and the other as
    a share of white.
    """
    camera, factor, veil, uneven = samples.rgb / gain, np.ones(len(xyz)), np.zeros(3), 0.0
    lab = xyz_to_lab(xyz)
    grey = kept & (np.hypot(lab[:, 1], lab[:, 2]) < 5)
    neutral = np.ones(3)
    for _ in range(4):
        clear = camera / factor[:, None] - veil
        neutral = white_of(clear[kept], xyz[kept])
        matrix = fitted(clear[kept] / neutral, xyz[kept], 1)
        luminance = (clear * factor[:, None] / neutral @ matrix.T)[:, 1]
        factor, uneven = unevenness(samples, luminance, xyz[:, 1], linear=True)
        if grey.sum() >= 4:
            expected = xyz[grey] @ np.linalg.inv(matrix).T * neutral
            veil = np.maximum(_intercepts(expected, camera[grey] / factor[grey, None]), 0.0)
    clear = camera[kept] / factor[kept, None] - veil
    return np.maximum(clear, 1e-6 * neutral), uneven, float((veil / neutral).max())


def _intercepts(x: Float64, y: Float64) -> Float64:
    """Where the lines through ``y(x)`` ``"k 3"`` meet zero; dark patches tell most of it."""
    found = []
    for u, v in zip(x.T, y.T, strict=True):
        weight = 1.0 / np.maximum(u, 1e-3 * u.max())
        design = np.stack([u, np.ones_like(u)], axis=1) * weight[:, None]
        found.append(float(np.linalg.lstsq(design, v * weight, rcond=None)[0][1]))
    return np.array(found)


def averaged(photos: Sequence[Seen]) -> Answers:
    """One set of answers from several photos of a chart under one light, at equal exposure.

    Raises
    ------
    InputError
        The photos are of different charts.
    """
    if len({len(p.kept) for p in photos}) > 1:
        raise InputError("the photos under one light show charts of different sizes")
    total = np.zeros((len(photos[0].kept), 3))
    xyz, count = total.copy(), np.zeros(len(total))
    neutrals = []
    for p in photos:
        neutral = p.answers.neutral
        assert neutral is not None
        total[p.kept] += p.answers.camera / neutral[1]
        xyz[p.kept] = p.answers.xyz
        count += p.kept
        neutrals.append(neutral / neutral[1])
    used = count > 0
    camera = total[used] / count[used, None]
    return Answers(camera, xyz[used], photos[0].answers.light, np.mean(neutrals, axis=0))


# ---- where the patches are, if someone says where the chart is


def lattice(corners: ArrayLike, rows: int, columns: int) -> Float64:
    """The cells of a chart whose outline has these corners, ``"rows·columns 4 2"``, row by row.

    Parameters
    ----------
    corners : array_like "4 2"
        (y, x) of the chart's corners, clockwise from the one where the first patch lies.
    rows, columns : int
        How many patches it has.
    """
    quad = np.asarray(corners, np.float64)
    v, u = np.meshgrid(np.arange(rows + 1) / rows, np.arange(columns + 1) / columns, indexing="ij")
    square = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float64)
    at = moved(homography(square, quad), np.stack([v, u], axis=-1))
    cells = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], axis=2)
    return cells.reshape(-1, 4, 2)


def placed(picture: Picture, corners: ArrayLike, reference: ArrayLike, columns: int) -> Float64:
    """The patches of a chart whose outline is known but not which way up it lies.

    Of the eight ways to lay it in, the one whose colours a matrix explains best.

    Raises
    ------
    InputError
        None of them is explained; or as `swatches.sampled`.
    """
    outline = np.asarray(corners, np.float64)
    target = np.sqrt(np.maximum(lab_to_xyz(reference), 0.0))
    spread = float(((target - target.mean(axis=0)) ** 2).sum())
    best, least = np.zeros((0, 4, 2)), np.inf
    for turn in range(4):
        for order in ([0, 1, 2, 3], [1, 0, 3, 2]):
            quads = lattice(np.roll(outline, turn, axis=0)[order], len(target) // columns, columns)
            samples = sampled(picture, quads)
            use = ~samples.clipped if (~samples.clipped).sum() >= FEWEST else np.ones(len(target), bool)
            design = np.column_stack([np.sqrt(np.maximum(samples.rgb, 0.0)), np.ones(len(target))])[use]
            left = target[use] - design @ np.linalg.lstsq(design, target[use], rcond=None)[0]
            if (error := float((left * left).sum() * len(target) / use.sum())) < least:
                best, least = quads, error
    if least > (1 - LIKE) * spread:
        raise InputError(
            f"{picture.path.name}: the colours at the place given are not those of the chart",
            hint="the place is that of the outer edges of the outer patches, not of the card",
        )
    return best
