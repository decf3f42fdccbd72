# SPDX-License-Identifier: Apache-2.0
"""Shading: how light and colour fall off over the picture of an even field.

The field is cut into 11 × 11 cells, of which the means count.  With Y the luminance of a cell::

    luminance shading = (max Y − min Y) / max Y · 100 %,     in stops log₂(max Y / min Y)
    colour shading    = largest distance of two cells in the a*b* plane, and largest from the middle cell

Colours are CIELAB (D50) of the cells as they are in a photo.  Linear light of a raw file has no fixed level:
it is scaled so that the brightest cell has Y = 0.5, and camera colours count as sRGB.

A lens darkens around its axis; a lamp to one side makes a slope.  The slope of the plane through all cells is
reported beside the figures, since it is in them.

References
----------
[1] ISO 17957:2015, Shading measurements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lichtbild.base.colour import D50_XYZ, D65, P3, REC2020, SRGB, Float64, adaptation, xy_to_xyz, xyz_to_lab
from lichtbild.base.errors import InputError
from lichtbild.quality.picture import LUMINANCE, Picture
from lichtbild.quality.result import Figure, Grid, Result
from lichtbild.quality.sensor.sites import planes, sites

CELLS = 11
_SMALLEST = 8  # px of a cell
_CLIPPED = 1e-3
_DARK = 0.02
_LEANING = 5.0  # % of slope across the field
_NOISY = 5.0  # doubts, which the largest of many differences reaches by noise alone
_COLOURED = 10.0  # C*ab
_UNEVEN = 0.1  # of a cell's mean: structure in it
_LEVEL = 0.5  # Y of the brightest cell of linear light
_SPACES = {"srgb": SRGB, "p3": P3, "rec2020": REC2020, "camera": SRGB}
_CORNERS = {"top left": (0, 0), "top right": (0, -1), "bottom right": (-1, -1), "bottom left": (-1, 0)}

Box = tuple[int, int, int, int]


def shading(picture: Picture, box: Box | None = None, *, where: str = "field") -> Result:
    """Measure the fall-off of light and colour in the picture of an even field.

    Parameters
    ----------
    picture : Picture
        Linear light.
    box : tuple of int or None
        top, left, bottom, right of the field in px; the whole picture if None.
    where : str
        What to call it.

    Returns
    -------
    Result
        Figures in %, EV and ΔC*ab, maps of 11 × 11.

    Raises
    ------
    InputError
        The field is too small, reaches beyond the picture, or is black.
    """
    top, left, bottom, right = box or (0, 0, *picture.size)
    if not (0 <= top < bottom <= picture.size[0] and 0 <= left < right <= picture.size[1]):
        raise InputError(f"box = {box} does not lie in a picture of {picture.size[0]} × {picture.size[1]} px")
    if min(bottom - top, right - left) < CELLS * _SMALLEST:
        raise InputError(
            f"a field of {bottom - top} × {right - left} px is too small; "
            f"{CELLS * _SMALLEST} × {CELLS * _SMALLEST} are needed"
        )
    field = picture.rgb[top:bottom, left:right]
    cells, noise, structure = _cells(field)
    light = cells @ np.array(LUMINANCE)
    if not light.min() > 0:
        raise InputError(
            "the field is black in places: there is no light to compare", hint="take the picture brighter"
        )
    lab = _lab(picture, cells, _level(picture, light))
    slope = _slope(light)
    clipped = 0.0 if picture.clipped is None else float(picture.clipped[top:bottom, left:right].mean())
    against = _against(light, slope, clipped, structure)
    chroma = float(np.hypot(*lab[np.unravel_index(int(light.argmax()), light.shape)][1:]))
    if chroma > _COLOURED:
        against.append(f"the light is coloured (C*ab {chroma:.0f}): its fall-off alone changes the colour")
    if picture.bits <= 8:
        against.append("8-bit samples: their steps are wide where the field is dark")
    error = np.sqrt(noise**2 @ np.square(LUMINANCE)) / light, _colour_noise(picture, cells, lab, noise)
    figures = _figures(light, lab, slope, error, (where, "; ".join(against)))
    n = CELLS // 2
    ratio = cells / cells[..., 1:2]
    grids = (
        Grid("luminance", 100 * light / light.max(), "%", where),
        Grid("fall-off", np.log2(light / light[n, n]), "EV", where),
        Grid(
            "colour from the middle", np.hypot(*(lab - lab[n, n])[..., 1:].transpose(2, 0, 1)), "ΔC*ab", where
        ),
        Grid("red over green", 100 * (ratio[..., 0] / ratio[n, n, 0] - 1), "%", where),
        Grid("blue over green", 100 * (ratio[..., 2] / ratio[n, n, 2] - 1), "%", where),
    )
    conditions = {
        "method": "11 × 11 cells, after ISO 17957",
        "field": f"{bottom - top} × {right - left} px at {top},{left}",
        "colours": "as in the photo" if picture.decoding == "sRGB" else f"scaled to Y = {_LEVEL:g} at most",
        "decoding": picture.decoding + _corrected(picture),
        "samples": f"{picture.bits} bits",
    }
    warnings = tuple(dict.fromkeys((*picture.warnings, *against)))
    return Result("shading", f"Shading, {where}", figures, conditions, (), grids, warnings=warnings)


def uncorrected(picture: Picture) -> Picture:
    """Bare photosites of a raw file as a small picture, one pixel a cell of the mosaic: `shading` of it is
    that of lens and sensor, before the file's own shading map.

    Raises
    ------
    InputError
        It is no raw mosaic.
    """
    frame = picture.frame
    if frame is None:
        raise InputError(
            f"{picture.path.name or 'the picture'} is no raw file: what was corrected is not known",
            hint="give the raw file",
        )
    shot = frame.shot
    h, w = picture.size
    seen = sites(shot)
    p, q = seen[0].period
    span = shot.white - float(np.max(shot.black))
    whole = (0, 0, h // p * p, w // q * q)
    made = np.zeros((h // p, w // q, 3), np.float32)
    for colour in range(3):
        own = [s for s in seen if s.colour == colour] or list(seen)
        neutral = shot.neutral[colour] if shot.neutral else 1.0
        level = sum(planes([frame], s, whole)[0] for s in own) / (len(own) * span * neutral)
        made[..., colour] = level
    clipped = None
    if picture.clipped is not None:
        clipped = picture.clipped[: whole[2], : whole[3]].reshape(h // p, p, w // q, q).any(axis=(1, 3))
    words = "raw mosaic, before any shading map"
    return replace(picture, rgb=made, clipped=clipped, decoding=words, frame=None, noise=None)


def _corrected(picture: Picture) -> str:
    """What the raw file has had corrected."""
    shot = picture.shot
    names = {o.name for o in shot.opcodes[1]} if shot is not None else set()
    return ", corrected by the file's own shading map" if names & {"GainMap", "FixVignetteRadial"} else ""


def _cells(field: np.ndarray) -> tuple[Float64, Float64, float]:
    """Means ``"11 11 3"``, their standard deviation by noise, and the largest structure."""
    h, w = field.shape[:2]
    rows, columns = (np.linspace(0, n, CELLS + 1).astype(int) for n in (h, w))
    means, noise = np.empty((CELLS, CELLS, 3)), np.empty((CELLS, CELLS, 3))
    structure = 0.0
    for j in range(CELLS):
        for i in range(CELLS):
            part = field[rows[j] : rows[j + 1], columns[i] : columns[i + 1]]
            means[j, i] = part.mean(axis=(0, 1), dtype=np.float64)
            pixel = np.diff(part, axis=1).std(axis=(0, 1), dtype=np.float64) / np.sqrt(2)
            noise[j, i] = pixel / np.sqrt(part[..., 0].size)
            light = part[..., 1].astype(np.float64)
            coarse = float(np.sqrt(max(light.var() - pixel[1] ** 2, 0)))
            structure = max(structure, coarse / max(float(light.mean()), 1e-9))
    return means, noise, structure


def _level(picture: Picture, light: Float64) -> float:
    """What light is multiplied by for its colours."""
    return 1.0 if picture.decoding == "sRGB" else _LEVEL / float(light.max())


def _lab(picture: Picture, cells: Float64, level: float) -> Float64:
    matrix = adaptation(xy_to_xyz(D65), D50_XYZ) @ _SPACES[picture.space].to_xyz()
    return xyz_to_lab(np.maximum(cells * level, 0) @ matrix.T)


def _colour_noise(picture: Picture, cells: Float64, lab: Float64, noise: Float64) -> float:
    """Standard deviation of the a*b* distance of two cells, by the noise of each channel."""
    level, total = _level(picture, cells @ np.array(LUMINANCE)), 0.0
    for channel in range(3):
        moved = cells.copy()
        moved[..., channel] += noise[..., channel]
        total += float(np.square(_lab(picture, moved, level) - lab)[..., 1:].sum(axis=-1).mean())
    return float(np.sqrt(total))


def _slope(light: Float64) -> tuple[float, float]:
    """How much brighter the bottom and the right side are, in % of the mean, by a plane."""
    y = np.linspace(-1, 1, CELLS)
    share = light / light.mean()
    weight = np.sum(y * y) * CELLS
    down = float((share * y[:, None]).sum() / weight * 2 * 100)
    return down, float((share * y[None]).sum() / weight * 2 * 100)


def _against(light: Float64, slope: tuple[float, float], clipped: float, structure: float) -> list[str]:
    against = []
    if clipped > _CLIPPED:
        against.append(f"{clipped:.1%} of the field is clipped: the fall-off is larger than measured")
    if light.max() < _DARK:
        against.append(f"the field is dark: its brightest cell has {light.max():.2%} of the range")
    for name, value in zip(("from top to bottom", "from left to right"), slope, strict=True):
        if abs(value) > _LEANING:
            against.append(f"light leans by {value:+.1f} % {name}: is the field evenly lit?")
    if structure > _UNEVEN:
        against.append("the field is not even: there is structure inside of the cells")
    return against


def _figures(
    light: Float64,
    lab: Float64,
    slope: tuple[float, float],
    error: tuple[Float64, float],
    place: tuple[str, str],
) -> tuple[Figure, ...]:
    (where, note), (noise, colour) = place, error
    n = CELLS // 2
    high, low = (
        np.unravel_index(int(light.argmax()), light.shape),
        np.unravel_index(int(light.argmin()), light.shape),
    )
    doubt = float(np.hypot(noise[high], noise[low]))
    rest = float(light[low] / light[high])
    ab = lab[..., 1:].reshape(-1, 2)
    apart = np.hypot(*(ab[:, None] - ab[None]).transpose(2, 0, 1))
    middle = float(apart[n * CELLS + n].max())
    made = [
        Figure("luminance shading", 100 * (1 - rest), "%", where, 100 * rest * doubt, "lower", note),
        Figure(
            "luminance shading in stops",
            float(-np.log2(rest)),
            "EV",
            where,
            doubt / float(np.log(2)),
            "lower",
            note,
        ),
    ]
    for name, (j, i) in _CORNERS.items():
        value = float(np.log2(light[j, i] / light[n, n]))
        spread = float(np.hypot(noise[j, i], noise[n, n]) / np.log(2))
        made.append(Figure("fall-off", value, "EV", f"{where}, {name}", spread, "higher", note))
    for name, value in (("colour shading", float(apart.max())), ("colour shading from the middle", middle)):
        lost = "; ".join(w for w in (note, "within the noise" if 0.01 < value < _NOISY * colour else "") if w)
        made.append(Figure(name, value, "ΔC*ab", where, colour, "lower", lost))
    for name, value in zip(("top to bottom", "left to right"), slope, strict=True):
        made.append(Figure(f"slope, {name}", value, "%", where, 0.0, "neither", note))
    return tuple(made)
