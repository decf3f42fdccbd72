# SPDX-License-Identifier: Apache-2.0
"""A camera's noise model: what `lichtbild calibrate noise` measured, ISO by ISO, and its use on a burst.

Per colour the variance of digital numbers is a line over the light, ``variance = K · (DN − black) + r``: K is
the gain in DN per electron, r the variance at black with the rounding to whole numbers (1/12 DN²) in it, and
without what a whole row shares.  A pixel varies by both, so in units of the clip level (V = white − black)
the NoiseProfile of a DNG is::

    S = K / V ,   O = (r + row²) / V²

Between measured ISOs K is a straight line of the ISO and r + row² a parabola (the form of [1]); where these
do not go through what was measured, as with sensors of two gains, the neighbouring ISOs are interpolated
instead.

References
----------
[1] Y. Wang et al., "Practical deep raw image denoising on mobile devices" (PMRID), ECCV 2020.
[2] Digital Negative Specification 1.6, NoiseProfile.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base.errors import CalibrationMissing, InputError, QualityWarning
from lichtbild.base.image import Burst, Noise, Shot, Triple

ROUNDING = 1 / 12  # DN², variance of rounding to whole numbers
BEYOND = 2.0  # × the measured ISOs that a profile is given for
_SAME_ISO = 1.02
_FITS = 0.03  # of a measured value that the curves over ISO may miss it by
UNKNOWN = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Reading:
    """The noise at one ISO, in digital numbers; what was not measured is NaN.

    Attributes
    ----------
    iso : float or None
        None where the files do not say.
    gain, gain_doubt : Triple
        K of R, G, B in DN per electron, and its standard error.
    variance, variance_doubt : Triple
        r of R, G, B in DN², rounding included, what a row shares not.
    row, column : float
        Standard deviation of the part that a whole row (column) shares in one frame, DN.
    dsnu : float
        Standard deviation of the dark level from pixel to pixel, DN.
    prnu : float
        Standard deviation of the sensitivity from pixel to pixel, a share of 1.
    tails : float
        Tukey's λ of the dark noise: 0.14 is nearly normal, smaller has heavier tails.
    frames, levels : int
        How much it rests on.
    """

    iso: float | None
    gain: Triple
    variance: Triple
    gain_doubt: Triple = UNKNOWN
    variance_doubt: Triple = UNKNOWN
    row: float = math.nan
    column: float = math.nan
    dsnu: float = math.nan
    prnu: float = math.nan
    tails: float = math.nan
    frames: int = 0
    levels: int = 0

    @property
    def at_black(self) -> Triple:
        """Variance of a pixel at black from frame to frame, DN²: r and, where it is known, row²."""
        shared = 0.0 if math.isnan(self.row) else self.row**2
        return _triple([r + shared for r in self.variance])

    @property
    def read_electrons(self) -> Triple:
        """Read noise in electrons without the rounding; NaN where rounding is all there is."""
        return _triple([_root(r - ROUNDING) / k for r, k in zip(self.variance, self.gain, strict=True)])


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """The noise of a camera over its ISOs; ``readings`` are in order of ISO.

    ``black`` and ``white`` are the levels the digital numbers were measured with, ``files`` what was
    measured, ``warnings`` what speaks against it.
    """

    make: str
    model: str
    black: float
    white: float
    readings: tuple[Reading, ...]
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def camera(self) -> str:
        """Make and model."""
        return named(self.make, self.model)

    @property
    def span(self) -> float:
        """DN from black to white."""
        return self.white - self.black

    def profile(self, iso: float | None) -> Noise:
        """The noise of linear values (1 = white level) at `iso`.

        Raises
        ------
        CalibrationMissing
            `iso` is more than a stop away from what was measured, or not known.

        Warns
        -----
        QualityWarning
            `iso` lies outside of what was measured.
        """
        gain, variance = self.at(iso)
        v = self.span
        return Noise(_triple([k / v for k in gain]), _triple([r / v**2 for r in variance]))

    def at(self, iso: float | None) -> tuple[Triple, Triple]:
        """K and the variance at black (`Reading.at_black`) at `iso`, R G B; raises and warns as `profile`."""
        if len(self.readings) == 1 and self.readings[0].iso is None:
            return self.readings[0].gain, self.readings[0].at_black
        isos = [r.iso or math.nan for r in self.readings]
        if iso is None:
            raise CalibrationMissing(
                "the file does not say its ISO, so the noise model cannot be applied",
                hint="headerless files: add iso=400 to --layout",
            )
        near = min(self.readings, key=lambda r: abs(math.log((r.iso or math.nan) / iso)))
        if 1 / _SAME_ISO <= (near.iso or math.nan) / iso <= _SAME_ISO:
            return near.gain, near.at_black
        low, high = isos[0], isos[-1]
        if not low / BEYOND <= iso <= high * BEYOND:
            raise CalibrationMissing(
                f"ISO {iso:g}: the noise model covers {low:g} … {high:g} and a stop beyond",
                hint="calibrate that ISO too",
            )
        if not low <= iso <= high:
            warnings.warn(
                f"ISO {iso:g} is outside of the noise model ({low:g} … {high:g}): extrapolated",
                QualityWarning,
                stacklevel=3,
            )
            end = self.readings[0] if iso < low else self.readings[-1]
            return _scaled(end, iso)
        return _triple([self._inside(c, 1, iso) for c in range(3)]), _triple(
            [self._inside(c, 2, iso) for c in range(3)]
        )

    def curves(self) -> tuple[tuple[Triple, ...], tuple[Triple, ...]]:
        """Coefficients over ISO, highest power first: of K ``(slope, offset)`` and of the variance at
        black ``(ISO², ISO, 1)``, each of R G B; empty below two (three) ISOs.
        """
        gains = [self._fitted(c, 1) for c in range(3)]
        variances = [self._fitted(c, 2) for c in range(3)]
        return _by_power(gains), _by_power(variances)

    def _fitted(self, colour: int, degree: int) -> list[float]:
        if len(self.readings) <= degree or any(r.iso is None for r in self.readings):
            return []
        x = np.array([r.iso for r in self.readings], np.float64)
        y = np.array([(r.gain if degree == 1 else r.at_black)[colour] for r in self.readings])
        scale = x.max()
        powers = np.stack([(x / scale) ** p for p in range(degree, -1, -1)], axis=1)
        found = np.linalg.lstsq(powers / y[:, None], np.ones(len(y)), rcond=None)[0]
        return [float(a / scale**p) for a, p in zip(found, range(degree, -1, -1), strict=True)]

    def _inside(self, colour: int, degree: int, iso: float) -> float:
        x = [float(r.iso or 0) for r in self.readings]
        y = [(r.gain if degree == 1 else r.at_black)[colour] for r in self.readings]
        doubts = [(r.gain_doubt if degree == 1 else r.variance_doubt)[colour] for r in self.readings]
        if curve := self._fitted(colour, degree):
            missed = [abs(float(np.polyval(curve, a)) - b) for a, b in zip(x, y, strict=True)]
            room = [max(_FITS * b, 4 * d if d == d else 0.0) for b, d in zip(y, doubts, strict=True)]
            value = float(np.polyval(curve, iso))
            if all(m <= r for m, r in zip(missed, room, strict=True)) and value > 0:
                return value
        return float(np.interp(iso, x, y))


def applied(burst: Burst, model: NoiseModel) -> Burst:
    """The burst with the measured noise in place of what its files say.

    Raises
    ------
    InputError
        The model is another camera's.
    CalibrationMissing
        The ISO of a frame is too far from what was measured.

    Warns
    -----
    QualityWarning
        The ISO lies outside of what was measured.
    """
    for frame in burst.frames:
        if (theirs := named(frame.shot.make, frame.shot.model)) != model.camera:
            raise InputError(
                f"the noise model is of {model.camera or 'a nameless camera'}, "
                f"{frame.shot.path.name} is by {theirs or 'a nameless camera'}",
                hint="calibrate the camera that took the frames",
            )
    known: dict[float | None, Noise] = {}
    for frame in burst.frames:
        if frame.shot.iso not in known:
            known[frame.shot.iso] = model.profile(frame.shot.iso)
    frames = tuple(replace(f, shot=replace(f.shot, noise=known[f.shot.iso])) for f in burst.frames)
    return replace(burst, frames=frames)


def named(make: str, model: str) -> str:
    """A camera's name without its make twice."""
    return model if make and model.startswith(make) else f"{make} {model}".strip()


def level(shot: Shot) -> float:
    """The mean black level of a shot, deltas of rows and columns included, DN."""
    deltas = [d for d in (shot.black_rows, shot.black_columns) if d is not None]
    return float(shot.black.mean()) + sum(float(d.mean()) for d in deltas)


# ---- details


def _scaled(end: Reading, iso: float) -> tuple[Triple, Triple]:
    """Beyond the ends: electrons stay, the gain follows the ISO, read noise half of it."""
    ratio = iso / (end.iso or iso)
    return _triple([k * ratio for k in end.gain]), _triple([r * ratio for r in end.at_black])


def _root(x: float) -> float:
    return math.sqrt(x) if x > 0 else math.nan


def _triple(values: Sequence[float]) -> Triple:
    a, b, c = (float(v) for v in values)
    return a, b, c


def _by_power(curves: list[list[float]]) -> tuple[Triple, ...]:
    return tuple(_triple(p) for p in zip(*curves, strict=True)) if all(curves) else ()
