# SPDX-License-Identifier: Apache-2.0
"""Photon transfer: what pairs of raw frames at several levels of light say about every site of a sensor.

Frames are sorted into darks and groups of the same light (`levels`), each group gives blocks of mean and
temporal variance (`temporal`), all blocks together the photon transfer line ``σ² = K · μ + r``; darks and
even light give the patterns (`spatial`) and the tails of the read noise (`tails`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lichtbild.base.errors import InputError
from lichtbild.base.image import RawFrame, Shot
from lichtbild.capture.noise_model import ROUNDING, level
from lichtbild.quality.sensor.levels import Grouping, Look, grouped, look, same_camera
from lichtbild.quality.sensor.sites import Box, Site, middle, planes, sites
from lichtbild.quality.sensor.spatial import Dark, Even, dark, even, prnu
from lichtbild.quality.sensor.tails import tails
from lichtbild.quality.sensor.temporal import Blocks, Line, blocks_of, line, residuals

SIDE = 1600  # pixels of the middle that are read: more would not be more certain
_TAILS = 3_000_000  # samples
_MOVED = 0.1  # of the variance
_RESTLESS, _PASSING = 9.0, 0.2  # χ² per degree of freedom; share of blocks off the line
_ONE_LEVEL = 0.15  # of the brightest
_LIT = 0.05  # of the range: no dark frame is so bright
_CLIPPED = 0.005  # of a site's samples at one number
_DEEP = 5.0  # standard deviations that black should lie above 0


@dataclass(frozen=True, slots=True, eq=False)
class SiteTransfer:
    """One site: the fitted line, levels, what darks show, λ, and the clip level in DN above black."""

    site: Site
    blocks: tuple[Blocks, ...]
    levels: tuple[Even, ...]
    line: Line
    dark: Dark | None
    tails: tuple[float, float]
    top: float
    prnu: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """All sites at one ISO.  ``exposures`` are the seconds of each level (NaN: not known or not one);
    ``darks`` and ``lit`` count frames, ``alone`` those without a partner.
    """

    shot: Shot
    box: Box
    sites: tuple[SiteTransfer, ...]
    exposures: tuple[float, ...]
    darks: int
    lit: int
    alone: int

    @property
    def span(self) -> float:
        """DN from black to white."""
        return self.shot.white - level(self.shot)

    def drift(self) -> float:
        """Largest change of light within a group, a share of 1."""
        return max((b.drift for s in self.sites for b in s.blocks), default=0.0)

    def clips_black(self) -> bool:
        """Whether noise around black is cut off at 0."""
        return any(level(self.shot) < _DEEP * math.sqrt(max(s.line.offset, ROUNDING)) for s in self.sites)


def transfer(
    frames: Sequence[RawFrame], darks: Sequence[RawFrame] = (), *, box: Box | None = None
) -> Transfer:
    """Measure the photon transfer at one ISO.

    Parameters
    ----------
    frames : sequence of RawFrame
        Pairs or bursts of resting light at several levels; darks among them are found by their level.
    darks : sequence of RawFrame
        Frames known to be dark.
    box : tuple of int
        (top, left, bottom, right) of the pixels to use; default the middle 1600 × 1600.

    Raises
    ------
    BurstMismatch
        Frames of several cameras, sizes or levels.
    InputError
        A frame is given twice, no two show the same light, everything is dark or clipped, or the scene moved.
    """
    every = [*frames, *darks]
    if len(every) < 2:
        raise InputError(
            "a single frame: noise is what differs between two frames of the same light",
            hint="shoot pairs: two frames at every level, camera on a tripod",
        )
    same_camera([f.shot for f in every])
    shot = every[0].shot
    box = box or middle(shot.size, SIDE)
    span = shot.white - level(shot)
    looks = [look(f, box) for f in every]
    _refuse_copies(every, looks)
    _refuse_lit(darks, looks[len(frames) :], span)
    found = grouped(looks, range(len(frames), len(every)), span)
    _refuse(found, every)
    groups = [g for g in (found.darks, *found.groups) if len(g) > 1]
    measured = tuple(_site(every, groups, len(found.darks) > 1, site, box) for site in sites(shot))
    _refuse_lines(measured, span)
    return Transfer(
        shot,
        box,
        measured,
        tuple(_exposure([every[k] for k in g]) for g in groups),
        len(found.darks),
        sum(map(len, found.groups)),
        len(found.alone),
    )


def _refuse_copies(frames: Sequence[RawFrame], looks: Sequence[Look]) -> None:
    """Two copies of one frame differ by nothing, which would pass for a camera without noise."""
    first: dict[bytes, RawFrame] = {}
    for frame, seen in zip(frames, looks, strict=True):
        if not seen.doubt.any():  # even to the last number: clipped
            continue
        other = first.setdefault(seen.fields.tobytes() + seen.doubt.tobytes(), frame)
        if other is not frame:
            raise InputError(
                f"{frame.shot.path} and {other.shot.path} are the same picture",
                hint="give every frame once, without copies",
            )


def _refuse_lit(darks: Sequence[RawFrame], looks: Sequence[Look], span: float) -> None:
    for frame, seen in zip(darks, looks, strict=True):
        if seen.mean > _LIT * span:
            raise InputError(
                f"{frame.shot.path} is given as a dark frame, but lies {seen.mean:.0f} DN above black; "
                f"allowed are {_LIT * span:.0f}",
                hint="darks are taken with the lens cap on; give frames of light among the others",
            )


def _refuse(found: Grouping, frames: Sequence[RawFrame]) -> None:
    count, iso = len(frames), frames[0].shot.iso
    here = f" at ISO {iso:g}" if iso else ""
    if not found.groups and len(found.darks) == count:
        raise InputError(
            f"all {count} frames{here} are dark: the gain K is measured with light",
            hint="add pairs of an evenly lit wall, from dark to three quarters of white",
        )
    if not found.groups:
        raise InputError(
            f"no two of the {count} frames{here} show the same light",
            hint="shoot pairs: two frames at every level, camera on a tripod, manual exposure",
        )


def _refuse_lines(measured: Sequence[SiteTransfer], span: float) -> None:
    for s in measured:
        where = f"colour {s.site.name}"
        if s.line.moved > _MOVED:
            raise InputError(
                f"{where}: the frames moved by {s.line.motion:.2f} photosites (RMS); "
                f"that is {s.line.moved:.0%} of what was taken for noise",
                hint="put the camera on a tripod and use a remote release, or photograph an even wall",
            )
        if all(b.mean.min() >= s.top - 6 * math.sqrt(max(float(np.median(b.variance)), 0)) for b in s.blocks):
            raise InputError(
                f"{where}: every frame is clipped, at {s.top:.0f} of {span:.0f} DN",
                hint="expose less: the brightest pair at about three quarters of white",
            )
        means = np.concatenate([b.mean for b in s.blocks])
        one = float(np.ptp(np.percentile(means, (2, 98)))) < _ONE_LEVEL * float(means.max())
        if not one and (s.line.spread > _RESTLESS or s.line.dropped > _PASSING):
            raise InputError(
                f"{where}: the frames differ by more than noise, and not everywhere alike: something moved",
                hint="camera on a tripod, nothing that moves in the picture, or an even wall",
            )
        if one or not s.line.gain > 0 or s.line.gain_doubt > 0.2 * s.line.gain:
            count = "1 level" if len(s.levels) == 1 else f"{len(s.levels)} levels"
            raise InputError(
                f"{where}: the gain cannot be told from {count} of light",
                hint="add pairs from dark to three quarters of white",
            )


def _exposure(frames: Sequence[RawFrame]) -> float:
    times = {f.shot.exposure_time for f in frames}
    only = times.pop() if len(times) == 1 else None
    return math.nan if only is None else only


def _site(
    frames: Sequence[RawFrame], groups: Sequence[Sequence[int]], dark_first: bool, site: Site, box: Box
) -> SiteTransfer:
    blocks, levels, seen = [], [], None
    shape, top = (math.nan, math.nan), frames[0].shot.white - level(frames[0].shot)
    peaks = []
    for k, group in enumerate(groups):
        stack = planes([frames[i] for i in group], site, box)
        mean, off, drift = residuals(stack)
        blocks.append(blocks_of(mean, off, drift, k))
        levels.append(even(mean, off, float(blocks[-1].variance.mean())))
        peak = float(stack.max())
        if peak > top / 2 and float((stack == peak).mean()) > _CLIPPED:
            peaks.append(peak)
        if k == 0 and dark_first:
            seen, rest = dark(stack)
            every = max(1, rest.size // _TAILS)
            shape = tails(rest[::every], 0.0 if math.isnan(seen.dsnu) else seen.dsnu)[:2]
    top = min([top, *peaks])
    bottom = -level(frames[0].shot)
    fitted = line(blocks, top, bottom)
    lit = levels[dark_first:]
    spread = prnu(lit, seen.dsnu if seen else math.nan, top)
    return SiteTransfer(site, tuple(blocks), tuple(levels), fitted, seen, shape, top, spread)
