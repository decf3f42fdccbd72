# SPDX-License-Identifier: Apache-2.0
"""A Siemens star: the response in eight directions, from waves that have no edge to sharpen.

On a ring of radius r, one pixel wide, a star of n cycles is a wave of ``f = n / (2πr)`` cycles per pixel.  In
each of eight sectors its modulation is that of the fitted ::

    I = a + b·sin nφ + c·cos nφ,      modulation = √(b² + c²) / a

The response is the mean modulation of the sectors, divided by that of no blur: the chart's own if it is
known, else what the longest waves tend to (a straight line of ln modulation over f², which is exact for a
Gaussian).  The first guess of the centre need not be exact: the phases of the outer rings say where it is.

References
----------
[1] ISO 12233:2023 (s-SFR).
[2] C. Loebich, D. Wueller, B. Klingen, A. Jaeger, "Digital camera resolution measurement using sinusoidal
    Siemens stars", Proc. SPIE 6502, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.base.image import Float32
from lichtbild.quality.picture import Picture
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sharpness.sfr import first_below

SECTORS = 8
_HIGHEST = 0.6  # cy/px
_FEWEST = 12  # rings
_ROUNDS = 4  # of finding the centre
_OUTER = 0.97  # of the radius: the rim is blurred
_FAINT = 0.05  # modulation of the longest waves
_ANISOTROPIC = 0.15  # of MTF50, between directions
_UNLIKE = 0.85  # of the mean: modulation of the longest waves in the weakest direction
_DARK = 0.02  # of the range


@dataclass(frozen=True, slots=True, eq=False)
class Modulation:
    """Modulation of a star's rings.

    Attributes
    ----------
    frequency : Float64 "n"
        cy/px, rising.
    sectors : Float64 "n 8"
        Modulation in each sector; the first is centred on 3 o'clock, the next lie counter-clockwise.
    centre : tuple of float
        y and x of the star's centre, as found.
    """

    frequency: Float64
    sectors: Float64
    centre: tuple[float, float]

    @property
    def mean(self) -> Float64:
        """Of all sectors."""
        return self.sectors.mean(axis=1)


def modulation(patch: ArrayLike, centre: tuple[float, float], radius: float, *, cycles: int) -> Modulation:
    """Measure a sinusoidal star.

    Parameters
    ----------
    patch : array_like "h w"
        Linear light.
    centre : tuple of float
        y and x of the star's centre, to a third of the outermost wave's length.
    radius : float
        Of the star in px.
    cycles : int
        Waves around it.

    Raises
    ------
    InputError
        The star leaves the picture, or is too small for its cycles.
    """
    image = np.asarray(patch, np.float64)
    innermost = max(cycles / (2 * np.pi * _HIGHEST), 4.0)
    if radius - innermost < _FEWEST:
        raise InputError(
            f"radius = {radius:.1f} px is too small for a star of {cycles} cycles; "
            f"at least {innermost + _FEWEST:.0f} px are needed",
            hint="come nearer, or use a star of fewer cycles",
        )
    for _ in range(_ROUNDS):
        fit, radii = _rings(image, centre, (innermost, radius), cycles)
        shift = _off_centre(fit, radii, cycles)
        centre = (centre[0] + shift[0], centre[1] + shift[1])
    fit, radii = _rings(image, centre, (innermost, radius), cycles)
    level = np.where(fit[..., 0] > 0, fit[..., 0], np.inf)
    found = np.hypot(fit[..., 1], fit[..., 2]) / level
    return Modulation((cycles / (2 * np.pi * radii))[::-1], found[::-1], centre)


def _rings(
    image: Float64, centre: tuple[float, float], span: tuple[float, float], cycles: int
) -> tuple[Float64, Float64]:
    """Fitted a, b, c of every ring and sector, ``"rings 8 3"``, and the mean radii."""
    (cy, cx), (inner, outer) = centre, span
    h, w = image.shape
    top, bottom = int(np.floor(cy - outer)), int(np.ceil(cy + outer)) + 1
    left, right = int(np.floor(cx - outer)), int(np.ceil(cx + outer)) + 1
    if top < 0 or left < 0 or bottom > h or right > w:
        raise InputError(
            f"the star of radius {outer:.1f} px around {cy:.1f}, {cx:.1f} is cut off by the picture's border",
            hint="give the radius of the part that is inside",
        )
    y, x = np.arange(top, bottom)[:, None] - cy, np.arange(left, right) - cx
    r = np.hypot(y, x)
    inside = (r >= inner) & (r < outer)
    value, r = image[top:bottom, left:right][inside], r[inside]
    angle = np.arctan2(np.broadcast_to(-y, inside.shape)[inside], np.broadcast_to(x, inside.shape)[inside])
    rings = int(outer - inner)
    ring = np.minimum((r - inner).astype(np.intp), rings - 1)
    sector = np.floor((angle / (2 * np.pi) + 0.5 / SECTORS) * SECTORS).astype(np.intp) % SECTORS
    cell, n = ring * SECTORS + sector, rings * SECTORS
    basis = (np.ones_like(value), np.sin(cycles * angle), np.cos(cycles * angle))
    matrix, answer = np.empty((n, 3, 3)), np.empty((n, 3, 1))
    for i, one in enumerate(basis):
        answer[:, i, 0] = np.bincount(cell, one * value, n)
        for j in range(i, 3):
            matrix[:, i, j] = matrix[:, j, i] = np.bincount(cell, one * basis[j], n)
    fit = np.linalg.solve(matrix, answer)[..., 0].reshape(rings, SECTORS, 3)
    radii = np.bincount(ring, r, rings) / np.bincount(ring, minlength=rings)
    return np.asarray(fit, np.float64), radii


def _off_centre(fit: Float64, radii: Float64, cycles: int) -> tuple[float, float]:
    """How far the centre is off, from the phases of the outer third of the rings.

    A star moved by (dy, dx) has its phase moved by n·(dx·sin φ + dy·cos φ) / r, in the sector around φ.
    """
    outer = slice(2 * len(radii) // 3, None)
    wave = fit[outer, :, 2] - 1j * fit[outer, :, 1]
    weight = np.abs(wave)
    common = wave.sum(axis=1, keepdims=True)
    phase = np.angle(wave * np.conj(common))
    angle = np.arange(SECTORS) * 2 * np.pi / SECTORS
    scale = (cycles / radii[outer])[:, None]
    narrow = np.sinc(1 / SECTORS)  # mean of sin and cos over a sector
    rows = np.stack([scale * narrow * np.cos(angle), scale * narrow * np.sin(angle)], axis=-1)
    rows = np.concatenate([rows, np.ones((*phase.shape, 1))], axis=-1)
    w = weight.ravel()
    solved, *_ = np.linalg.lstsq(rows.reshape(-1, 3) * w[:, None], phase.ravel() * w, rcond=None)
    return float(solved[0]), float(solved[1])


def response(found: Modulation, contrast: float | None = None) -> tuple[Float64, Float64]:
    """The response of every sector, ``"n 8"``, and the modulation without blur by which they were divided.

    Parameters
    ----------
    found : Modulation
        As measured.
    contrast : float or None
        Modulation of the chart; if None, what the lowest frequencies tend to.
    """
    if contrast is not None:
        return found.sectors / contrast, np.full(SECTORS, contrast)
    lowest = slice(0, max(len(found.frequency) // 3, _FEWEST // 2))
    x, y = found.frequency[lowest] ** 2, np.log(np.maximum(found.mean[lowest], 1e-6))
    slope, start = np.polyfit(x, y, 1)
    full = float(np.exp(start if slope < 0 else y.mean()))
    return found.sectors / full, np.full(SECTORS, full)


def star(
    picture: Picture, centre: tuple[float, float], radius: float, *, cycles: int, where: str = ""
) -> Result:
    """Measure the resolution at a Siemens star of a picture, in luminance.

    Parameters
    ----------
    picture : Picture
        Linear light.
    centre, radius, cycles
        As in `modulation`.
    where : str
        What to call the place.

    Returns
    -------
    Result
        MTF50 and MTF10 of the mean and per direction; curves ``SFR`` of the mean and of the best and the
        worst direction.

    Raises
    ------
    InputError
        The star is cut off or too small, or there is none.
    """
    where = where or f"star at {centre[0]:.0f},{centre[1]:.0f}"
    light, (top, left) = _around(picture, centre, radius)
    found = modulation(light, (centre[0] - top, centre[1] - left), _OUTER * radius, cycles=cycles)
    middle = (found.centre[0] + top, found.centre[1] + left)
    if not found.mean[: _FEWEST // 2].max() > _FAINT:
        raise InputError(
            f"there is no star of {cycles} cycles around {centre[0]:.0f}, {centre[1]:.0f}: "
            f"its longest waves have a modulation of {found.mean[0]:.3f}",
            hint="check the centre and the number of cycles",
        )
    sectors, full = response(found)
    against = _against(picture, found, middle, radius)
    note = "; ".join(against)
    figures, worth = _figures(found.frequency, sectors, where, note)
    if len(worth) == 4 and max(worth) - min(worth) > _ANISOTROPIC * max(worth):
        against.append("directions differ: motion, astigmatism, or the chart was not square to the camera")
    place = f"{where}, Y"
    curves = [Curve("SFR", found.frequency, sectors.mean(axis=1), "cy/px", "SFR", place)]
    for name, k in _DIRECTIONS:
        curve = sectors[:, [k, k + 4]].mean(axis=1)
        curves.append(Curve("SFR", found.frequency, curve, "cy/px", "SFR", f"{where}, Y, {name}"))
    conditions = {
        "method": "sinusoidal Siemens star, 8 sectors, after ISO 12233 (s-SFR)",
        "star": f"{cycles} cycles, radius {radius:.0f} px, centre {middle[0]:.2f}, {middle[1]:.2f}",
        "normalisation": f"to the modulation {full[0]:.3f} that the longest waves tend to",
        "frequencies": f"{found.frequency[0]:.3f} … {found.frequency[-1]:.3f} cy/px",
        "decoding": picture.decoding,
        "samples": f"{picture.bits} bits",
    }
    warnings = tuple(dict.fromkeys((*picture.warnings, *against)))
    return Result(
        "resolution", f"Siemens star, {where}", figures, conditions, tuple(curves), warnings=warnings
    )


_DIRECTIONS = (("waves along x", 2), ("waves along y", 0), ("waves along ╲", 1), ("waves along ╱", 3))


def _around(picture: Picture, centre: tuple[float, float], radius: float) -> tuple[Float32, tuple[int, int]]:
    """Luminance of the star's square and a little more, and where that begins."""
    reach = int(1.1 * radius) + 8
    top, left = max(int(centre[0]) - reach, 0), max(int(centre[1]) - reach, 0)
    part = picture.rgb[top : int(centre[0]) + reach + 1, left : int(centre[1]) + reach + 1]
    if min(part.shape[:2]) == 0:
        raise InputError(f"centre = {centre} lies outside of a picture of {picture.size} px")
    return replace(picture, rgb=part).luminance, (top, left)


def _against(picture: Picture, found: Modulation, middle: tuple[float, float], radius: float) -> list[str]:
    (y, x), n = middle, int(radius)
    part = (slice(max(int(y) - n, 0), int(y) + n), slice(max(int(x) - n, 0), int(x) + n))
    against = []
    if picture.clipped is not None and picture.clipped[part].mean() > 1e-3:
        against.append(f"{picture.clipped[part].mean():.1%} of the star's square is clipped")
    if picture.bits <= 8:
        against.append("8-bit samples: steps of the dark waves are coarse in linear light")
    longest = found.sectors[: max(len(found.frequency) // 3, _FEWEST // 2)].mean(axis=0)
    if longest.min() < _UNLIKE * longest.mean():
        against.append("directions differ in the longest waves: is the centre right, and the chart square?")
    light = float(picture.luminance[part].mean())
    if light < _DARK:
        against.append(f"underexposed: the star's square is at {light:.2%} of the range")
    if found.frequency[0] > 0.15:
        against.append(f"the longest waves are {1 / found.frequency[0]:.1f} px: normalisation is a guess")
    return against


def _figures(
    frequency: Float64, sectors: Float64, where: str, note: str
) -> tuple[tuple[Figure, ...], list[float]]:
    figures: list[Figure] = []
    mean = sectors.mean(axis=1)
    for name, level in (("MTF50", 0.5), ("MTF10", 0.1)):
        f = first_below(frequency, mean, level)
        each = [first_below(frequency, sectors[:, k], level) for k in range(SECTORS)]
        known = np.array([e for e in each if np.isfinite(e)])
        if np.isfinite(f):
            doubt = float(np.std(known, ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
            figures.append(Figure(name, f, "cy/px", f"{where}, Y", doubt, "higher", note))
        else:
            span = f"{frequency[0]:.2f} and {frequency[-1]:.2f} cy/px"
            why = f"the response does not cross {level:.0%} between {span}"
            figures.append(unmeasured(name, "cy/px", why, f"{where}, Y"))
    worth = []
    for name, k in _DIRECTIONS:
        f = first_below(frequency, sectors[:, [k, k + 4]].mean(axis=1), 0.5)
        if np.isfinite(f):
            figures.append(Figure("MTF50", f, "cy/px", f"{where}, Y, {name}", 0.0, "higher", note))
            worth.append(f)
    return tuple(figures), worth
