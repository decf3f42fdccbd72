# SPDX-License-Identifier: Apache-2.0
"""Noise calibration: from pairs or bursts of a user's camera to its noise model.

Frames are taken ISO by ISO; each ISO gives one photon transfer (`transfer`), its sites are joined to the
three colours (greens by their certainty), and all ISOs together are a `NoiseModel`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import RawFrame, Triple
from lichtbild.capture.noise_model import ROUNDING, NoiseModel, Reading, level
from lichtbild.quality.result import Curve, Figure, Result, unmeasured
from lichtbild.quality.sensor.levels import same_camera
from lichtbild.quality.sensor.photon_transfer import data_sheet
from lichtbild.quality.sensor.sites import Box
from lichtbild.quality.sensor.spatial import UNEVEN
from lichtbild.quality.sensor.transfer import SiteTransfer, Transfer, transfer

_BENT = 0.03  # of the variance that a level may lie off the line
_UNSURE, _UNSURE_READ = 0.01, 0.05  # relative standard errors of K and r
_FEW_BITS = 400  # DN from black to white
_FINE = 0.5  # DN: finer noise is not rounded evenly
_FLICKER = 0.005
_OFF_BLACK = 0.5  # standard deviations of the dark noise


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A noise model and what it was made from, one photon transfer per ISO."""

    model: NoiseModel
    transfers: tuple[Transfer, ...]

    def results(self) -> tuple[Result, ...]:
        """What a report shows: the data sheet of every ISO, and the curves over ISO."""
        sheets = [data_sheet(t, _called(t)) for t in self.transfers]
        return (_overview(self), *sheets)


def calibrate(
    frames: Iterable[RawFrame], darks: Iterable[RawFrame] = (), *, box: Box | None = None
) -> Calibration:
    """Measure the noise of a camera.

    Parameters
    ----------
    frames : iterable of RawFrame
        Pairs or bursts of a resting scene or an even field, several levels of light at each ISO; any order.
    darks : iterable of RawFrame
        Frames known to be dark; others are recognised by their level.
    box : tuple of int
        (top, left, bottom, right) of the pixels to use.

    Raises
    ------
    InputError
        Nothing can be measured; says what is missing (see `transfer`).
    """
    lit, dark = list(frames), list(darks)
    isos = sorted({f.shot.iso for f in (*lit, *dark)}, key=lambda i: i or 0)
    transfers = [
        transfer([f for f in lit if f.shot.iso == i], [f for f in dark if f.shot.iso == i], box=box)
        for i in isos
    ]
    names = tuple(f.shot.path.name for f in (*lit, *dark))
    return joined(transfers, names)


def joined(transfers: Sequence[Transfer], files: Sequence[str] = ()) -> Calibration:
    """The model of several ISOs.

    Raises
    ------
    BurstMismatch
        They are of several cameras.
    InputError
        Some frames do not say their ISO and others do.
    """
    same_camera([t.shot for t in transfers])
    if len(transfers) > 1 and any(t.shot.iso is None for t in transfers):
        raise InputError("some frames say their ISO and others do not", hint="calibrate them apart")
    ordered = sorted(transfers, key=lambda t: t.shot.iso or 0)
    shot = ordered[0].shot
    told = [f"{_called(t)}: {words}" if len(ordered) > 1 else words for t in ordered for words in doubts(t)]
    model = NoiseModel(
        shot.make,
        shot.model,
        level(shot),
        float(shot.white),
        tuple(reading(t) for t in ordered),
        tuple(files),
        tuple(told),
    )
    return Calibration(model, tuple(ordered))


def reading(t: Transfer) -> Reading:
    """One ISO in numbers."""
    gains = _colours(t, [(s.line.gain, s.line.gain_doubt) for s in t.sites])
    offsets = _colours(t, [(max(s.line.offset, ROUNDING), s.line.offset_doubt) for s in t.sites])
    darks = [s.dark for s in t.sites if s.dark]
    prnus = [s.prnu[0] if s.prnu[0] < UNEVEN else math.nan for s in t.sites]
    return Reading(
        None if t.shot.iso is None else float(t.shot.iso),
        gains[0],
        offsets[0],
        gains[1],
        offsets[1],
        _together([d.row for d in darks]),
        _together([d.column for d in darks]),
        _together([d.dsnu for d in darks]),
        _together(prnus),
        float(np.mean([s.tails[0] for s in t.sites])) if darks else math.nan,
        t.darks + t.lit,
        len(t.exposures),
    )


def _colours(t: Transfer, values: Sequence[tuple[float, float]]) -> tuple[Triple, Triple]:
    """Values of sites joined to R, G, B by their certainty, and their standard errors."""
    found, errors = [], []
    for colour in range(3):
        own = [v for v, s in zip(values, t.sites, strict=True) if s.site.colour == colour] or list(values)
        weight = np.array([1 / max(e, 1e-12) ** 2 for _, e in own])
        found.append(float((weight * [v for v, _ in own]).sum() / weight.sum()))
        errors.append(float(1 / math.sqrt(weight.sum())))
    return (found[0], found[1], found[2]), (errors[0], errors[1], errors[2])


def _together(values: Sequence[float]) -> float:
    """The root mean square of what was measured at all sites, NaN if it drowned at half of them."""
    known = [v for v in values if not math.isnan(v)]
    return (
        math.nan if 2 * len(known) < len(values) or not known else float(np.sqrt(np.mean(np.square(known))))
    )


def _called(t: Transfer) -> str:
    return "" if t.shot.iso is None else f"ISO {t.shot.iso:g}"


# ---- doubts


def doubts(t: Transfer) -> list[str]:
    """What speaks against the figures of one ISO, a sentence each."""
    told = []
    if t.span < _FEW_BITS:
        told.append(f"only {t.span:.0f} digital numbers from black to white: rounding is a part of the noise")
    if t.clips_black():
        told.append(
            "black is clipped at 0: darks were left out, and the read noise is extrapolated from light"
        )
    elif min(s.line.offset for s in t.sites) < _FINE**2 + ROUNDING:
        told.append("read noise below half a digital number: rounding makes its figure up to 8 % low")
    if t.drift() > _FLICKER:
        told.append(f"the light changed by up to {t.drift():.1%} within a group (balanced, but better not)")
    if t.alone:
        frames = "frame shows" if t.alone == 1 else "frames show"
        told.append(
            f"{t.alone} {frames} the light of no other and {'was' if t.alone == 1 else 'were'} not used"
        )
    if not t.darks:
        told.append("no dark frames: no row noise, DSNU and tails")
    elif (off := max(_off_black(s) for s in t.sites)) > _OFF_BLACK:
        told.append(f"darks lie {off:.1f} standard deviations off the black level that the file states")
    moved = max((s.line.motion for s in t.sites), default=0.0)
    if moved:
        told.append(f"the camera moved by {moved:.2f} photosites (RMS) between frames; that was subtracted")
    worst = max(t.sites, key=lambda s: s.line.gain_doubt / s.line.gain)
    if worst.line.gain_doubt > _UNSURE * worst.line.gain:
        told.append(
            f"K is known to {worst.line.gain_doubt / worst.line.gain:.1%} only: add levels of light, up to "
            "three quarters of white"
        )
    worst = max(t.sites, key=lambda s: s.line.offset_doubt / max(s.line.offset, ROUNDING))
    if (unsure := worst.line.offset_doubt / max(worst.line.offset, ROUNDING)) > _UNSURE_READ:
        told.append(f"the variance at black is known to {min(unsure, 9.99):.0%} only: add dark frames")
    if bend := _bend(t):
        told.append(bend)
    return told


def _off_black(s: SiteTransfer) -> float:
    if s.dark is None:
        return 0.0
    return (abs(s.dark.level) - 0.5) / math.sqrt(max(s.dark.variance, ROUNDING))


def _bend(t: Transfer) -> str:
    """Whether the variance leaves its line somewhere: a raw that was filtered, compressed or not linear."""
    worst, where = 0.0, ""
    for s in t.sites:
        kept = np.split(s.line.kept, np.cumsum([len(b.mean) for b in s.blocks])[:-1])
        for b, use in zip(s.blocks, kept, strict=True):
            if use.sum() < 16:
                continue
            ratio = float((b.variance[use] / s.line.at(b.mean[use])).mean()) - 1
            error = math.sqrt(2 / (b.freedom * float(use.sum())))
            if abs(ratio) > max(_BENT, 5 * error, worst):
                worst, where = abs(ratio), f"{ratio:+.0%} at {b.mean[use].mean():.0f} DN, {s.site.name}"
    return (
        f"the variance is no line of the light ({where}): filtered, compressed or not linear" if worst else ""
    )


# ---- for people


def _told(r: Reading, span: float) -> list[Figure]:
    """The figures of one ISO."""
    where, figures = "" if r.iso is None else f"ISO {r.iso:g}", []
    for k, name in enumerate("RGB"):
        at = f"{where}, {name}" if where else name
        gain, black, read = r.gain[k], r.at_black[k], r.read_electrons[k]
        gain_doubt, offset_doubt = r.gain_doubt[k], r.variance_doubt[k]
        figures += [
            Figure("NoiseProfile S", gain / span, "", at, gain_doubt / span),
            Figure("NoiseProfile O", black / span**2, "", at, offset_doubt / span**2),
            Figure("gain K", gain, "DN/e⁻", at, gain_doubt),
            unmeasured("read noise", "e⁻", "hidden by the rounding to whole numbers", at)
            if math.isnan(read)
            else Figure("read noise", read, "e⁻", at, offset_doubt / (2 * gain * gain * read), "lower"),
        ]
    patterns = (("row noise", r.row), ("column noise", r.column), ("DSNU", r.dsnu))
    figures += [
        Figure(name, value, "DN", where, better="lower") for name, value in patterns if not math.isnan(value)
    ]
    if not math.isnan(r.prnu):
        figures.append(Figure("PRNU", 100 * r.prnu, "%", where, better="lower"))
    if not math.isnan(r.tails):
        figures.append(
            Figure("tails λ", r.tails, "", where, note="0.14 is nearly normal, less has heavier tails")
        )
    return figures


def _overview(c: Calibration) -> Result:
    figures: list[Figure] = []
    for r in c.model.readings:
        figures += _told(r, c.model.span)
    curves = []
    if len(c.model.readings) > 1:
        isos = np.array([r.iso for r in c.model.readings], np.float64)
        for k, name in enumerate("RGB"):
            gain = np.array([r.gain[k] for r in c.model.readings])
            read = np.array([r.read_electrons[k] for r in c.model.readings])
            curves.append(Curve("gain K", isos, gain, "ISO", "DN/e⁻", name))
            curves.append(Curve("read noise", isos, read, "ISO", "e⁻", name))
    conditions = {"camera": c.model.camera, "levels": f"{c.model.black:g} … {c.model.white:g} DN"}
    return Result(
        "noise",
        f"Noise model of {c.model.camera or 'a nameless camera'}",
        tuple(figures),
        conditions,
        tuple(curves),
        warnings=c.model.warnings,
    )
