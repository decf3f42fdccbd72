# SPDX-License-Identifier: Apache-2.0
"""Linearize: digital numbers become light, in units of the clip level, neutral where the scene is.

Per photosite at (y, x) of colour c::

    light = (DN - black(y, x)) / (white - black) · shading(y, x)^k · gain[c]

Black levels repeat in a small pattern and may have a delta per row and column.  ``shading`` is the product of
the GainMaps and FixVignetteRadial opcodes of OpcodeList2 (k is `Linearize.shading`).  ``gain`` is the white
balance: 1 for the strongest channel, more for the others, so that nothing that is not clipped in the file
becomes clipped; it is one triple for the whole burst, the reference's.  Nothing is clipped at 0: noise around
black must stay unbiased.

What rows and columns have of their own is taken off with the black (see `banding`).  Hot and dead
photosites are replaced (see `defects`), as are those of OpcodeList1's FixBadPixels.

References
----------
[1] Digital Negative Specification 1.6, chapters 5 "Mapping Raw Values to Linear Reference Values" and 7.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.errors import FallbackWarning
from lichtbild.base.image import Burst, Float32, Frames, Mosaic, Noise, Opcode, RawFrame, Shot, Triple
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import Spare
from lichtbild.base.stage import signature, stage
from lichtbild.capture.banding import Bands, banding
from lichtbild.capture.defects import Repair, Sites, defects, listed
from lichtbild.capture.exposures import groups, relative
from lichtbild.capture.faint import faint
from lichtbild.capture.neutral import balance, neutral_of
from lichtbild.capture.noise import estimate_noise
from lichtbild.capture.saturation import saturation

__all__ = ["Linearize", "estimate_noise", "linearize"]

APPLIED = ("GainMap", "FixVignetteRadial")
REPAIRED = ("FixBadPixelsConstant", "FixBadPixelsList")


@dataclass(frozen=True)
class Linearize(Params):
    """Knobs of `linearize`."""

    shading: float = knob(1.0, 0.0, 1.0, "", "Share of the lens shading (in EV) that is corrected.")
    hot_pixels: float = knob(
        8.0, 0.0, 30.0, "σ", "How far a photosite must stand out to be replaced; 0 is never."
    )
    banding: float = knob(
        1.0, 0.0, 1.0, "", "How much is taken off of what a row or column is brighter than the others."
    )


@stage
def linearize(burst: Burst, params: Linearize = Linearize()) -> Frames[Mosaic]:
    """Turn the frames of a burst into linear, white-balanced light; each is made when it is asked for.

    Frames of another exposure are scaled to the light of the reference (see `exposures`): their ``gain`` and
    ``noise`` differ, and ``exposures`` of the result says by how much.

    Parameters
    ----------
    burst : Burst
        Frames of one camera; the reference gives the white balance (the first frame while there is none).
    params : Linearize
        Knobs.

    Returns
    -------
    Frames[Mosaic]
        ``cfa`` in units of the reference's clip level times its ``gain``.

    Warns
    -----
    FallbackWarning
        No as-shot neutral, or an opcode that the file insists on and that is not applied.
    """
    reference = burst.reference or 0
    shot = burst.frames[reference].shot
    neutral = neutral_of(burst.frames[reference])
    gain = balance(neutral) if shot.kind != "mono" else (1.0, 1.0, 1.0)
    _tell(shot)
    light = relative(burst, reference)
    known = _known(burst, reference, light, params)
    kept = _Kept(Spare(), {}, {})

    def make(k: int) -> Mosaic:
        own = (gain[0] / light[k], gain[1] / light[k], gain[2] / light[k]) if light else gain
        raw = burst.frames[k]
        shot = replace(raw.shot, neutral=neutral or raw.shot.neutral, noise=known[k].noise)
        frame = RawFrame(raw.dn, shot)
        if known[k].banded and k not in kept.bands:
            kept.bands[k] = banding(frame, known[k].noise).scaled(params.banding)
        return _light(frame, own, known[k], kept.bands.get(k, Bands()), (params, kept))

    return Frames(len(burst.frames), reference, make, "linearize", exposures=light)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a frame before it is made."""

    noise: Noise
    repair: Repair
    full: Triple  # DN at which it is clipped
    banded: bool  # rows or columns have offsets of their own


@dataclass(frozen=True, slots=True)
class _Kept:
    """Memory, and what is found once though frames are made as often as they are asked for: the offsets of
    their rows and columns, and the shading that opcodes ask for.
    """

    spare: Spare
    bands: dict[int, Bands]
    shading: dict[tuple[bytes, ...], Float32]


def _alike(burst: Burst, light: tuple[float, ...]) -> list[list[int]]:
    """Frames of one exposure and one ISO: twice the gain at half the time is as bright, but another noise."""
    frames = burst.frames
    together = groups(light) if light else [list(range(len(frames)))]
    isos = [list(dict.fromkeys(frames[k].shot.iso for k in members)) for members in together]
    return [
        [k for k in members if frames[k].shot.iso == iso]
        for members, several in zip(together, isos, strict=True)
        for iso in several
    ]


def _known(burst: Burst, reference: int, light: tuple[float, ...], params: Linearize) -> dict[int, _Known]:
    """Of every frame; those taken alike share all but the noise that their files say."""
    known: dict[int, _Known] = {}
    levels: dict[float | None, Triple] = {}
    for members in _alike(burst, light):
        leader = reference if reference in members else members[0]
        some = Burst(tuple(burst.frames[k] for k in members), members.index(leader))
        frame, shot = burst.frames[leader], burst.frames[leader].shot
        noise = shot.noise or estimate_noise(some)
        sites, full = _sites(some, members.index(leader), noise, params), saturation(frame)
        repair = Repair.of(sites, shot.sites, frame.shot.size)
        banded = params.banding > 0 and banding(frame, noise).found
        seen = levels.get(shot.iso, full)  # a long exposure tells best where a sensor ends
        r, g, b = (min(v) for v in zip(seen, full, strict=True))
        levels[shot.iso] = (r, g, b)
        known |= {k: _Known(burst.frames[k].shot.noise or noise, repair, full, banded) for k in members}
    return {k: replace(n, full=levels[burst.frames[k].shot.iso]) for k, n in known.items()}


# ---- one frame


def _light(
    frame: RawFrame, gain: Triple, known: _Known, bands: Bands, how: tuple[Linearize, _Kept]
) -> Mosaic:
    shot, (params, kept) = frame.shot, how
    h, w = frame.dn.shape[:2]
    c = 3 if frame.dn.ndim == 3 else 1
    shading = [o for o in shot.opcodes[1] if o.name in APPLIED and params.shading > 0]
    black, rows, highest = _black(shot, w, c, bands)
    light, clipped = kept.spare.empty((h, w, c), np.float32), kept.spare.empty((h, w), np.uint8)
    key = tuple(o.raw for o in shading)
    wanted = bool(shading) and key not in kept.shading
    shaded = np.empty(((h + 1) // 2, (w + 1) // 2) if wanted else (0, 0), np.float32)
    kernels.linearize(
        frame.dn.reshape(h, w, c),
        black,
        rows,
        _samples(shot, gain, w) / np.float32(shot.white - highest),
        int(shot.white),
        _samples(shot, known.full, w).astype(np.uint16),
        *_shading(shading),
        params.shading,
        light,
        clipped,
        shaded,
    )
    if wanted:
        kept.shading[key] = shaded
    cfa = light if c == 3 else light[..., 0]
    if c == 1:
        known.repair.mend(cfa, clipped)
    return Mosaic(
        cfa,
        shot.kind,
        shot.pattern,
        gain,
        known.noise.scaled(gain),
        clipped,
        shot,
        kept.shading.get(key),
        (signature("linearize", params),),
    )


def _black(shot: Shot, w: int, c: int, bands: Bands) -> tuple[Float32, Float32, float]:
    """Black per row of the pattern and sample of a row, deltas of rows, and the highest black of the file."""
    pattern = shot.black if shot.black.ndim == 3 else np.repeat(shot.black[..., None], c, axis=2)
    repeats = -(-w // pattern.shape[1])
    wide = np.tile(pattern, (1, repeats, 1))[:, :w].astype(np.float32)
    highest = float(pattern.max())
    if shot.black_columns is not None:
        wide = wide + shot.black_columns[None, :w, None]
        highest += max(float(shot.black_columns.max()), 0.0)
    rows = np.zeros(0, np.float32)
    if shot.black_rows is not None:
        rows = np.ascontiguousarray(shot.black_rows, np.float32)
        highest += max(float(rows.max()), 0.0)
    if bands.columns is not None:
        wide = wide + bands.columns[None, :w, None]
    if bands.rows is not None:
        rows = bands.rows if not rows.size else rows + bands.rows
    return np.ascontiguousarray(wide.reshape(len(wide), w * c)), rows, highest


def _samples(shot: Shot, values: Triple, w: int) -> Float32:
    """A value per colour, laid out for the samples of every row of the cell."""
    if shot.kind == "linear":
        return np.tile(np.array([values], np.float32), (1, w))
    cell = shot.sites if shot.kind == "bayer" else np.zeros((1, 1), np.uint8)
    rows = np.array(values, np.float32)[cell]
    return np.ascontiguousarray(np.tile(rows, (1, -(-w // rows.shape[1])))[:, :w])


def _shading(opcodes: list[Opcode]) -> tuple[Float32, NDArray[np.float64], NDArray[np.float64]]:
    """Gains of all maps in a row, where each map lies, and the radial vignettes."""
    maps = [o.values for o in opcodes if o.name == "GainMap"]
    where = [[*m["area"], *m["gain"].shape, *m["spacing"], *m["origin"]] for m in maps]
    gains = (
        np.concatenate([m["gain"].ravel() for m in maps]).astype(np.float32)
        if maps
        else np.zeros(0, np.float32)
    )
    round_ones = [o.values for o in opcodes if o.name == "FixVignetteRadial"]
    radial = [[*v["coefficients"], *v["centre"]] for v in round_ones]
    return gains, np.array(where, np.float64).reshape(-1, 15), np.array(radial, np.float64).reshape(-1, 7)


# ---- once per burst


def _tell(shot: Shot) -> None:
    """Warn of opcodes that the file insists on and that are not applied."""

    def left(opcodes: tuple[Opcode, ...], known: tuple[str, ...]) -> list[str]:
        return [o.name for o in opcodes if o.name not in known and not o.optional]

    if names := left(shot.opcodes[0], REPAIRED) + left(shot.opcodes[1], APPLIED):
        warnings.warn(
            f"{shot.path.name}: {', '.join(names)} of the file is not applied", FallbackWarning, stacklevel=5
        )


def _sites(burst: Burst, reference: int, noise: Noise, params: Linearize) -> Sites:
    shot, dn = burst.frames[reference].shot, burst.frames[reference].dn
    rows, columns = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    if dn.ndim == 3:
        return rows[0], columns[0]
    for o in shot.opcodes[0]:
        found = None
        if o.name == "FixBadPixelsList":
            found = listed(dict(o.values), dn.shape[:2])
        elif o.name == "FixBadPixelsConstant":
            found = np.nonzero(dn == o.values["constant"])
        if found is not None:
            rows.append(found[0])
            columns.append(found[1])
    if params.hot_pixels > 0:
        for y, x in (
            defects(burst, reference, noise, params.hot_pixels),
            faint(burst, noise, params.hot_pixels),
        ):
            rows.append(y)
            columns.append(x)
    flat = np.unique(np.concatenate(rows) * dn.shape[1] + np.concatenate(columns))
    return flat // dn.shape[1], flat % dn.shape[1]
