# SPDX-License-Identifier: Apache-2.0
"""What was not in the scene: ringing, false colour, moiré, ghosts and bias, measured against the truth.

All arrays are linear, on the same grid, in the same colours; ``sigma`` is the standard deviation of noise
that is expected at every pixel.  With lo and hi the least and greatest truth within 3 px::

    ringing       RMS of how far x leaves [lo - 2σ, hi + 2σ] near edges, over the mean hi - lo there
    false colour  RMS error of (R - G, B - G) near edges beyond noise, over the mean hi - lo
    moiré         energy of (R - G, B - G) in 0.1 … 0.45 cy/px that is neither noise nor the truth through
                  any filter (one factor a ring of frequencies), over that of the luminance
    ghosting      share of pixels in or near moving things further than 4σ from every truth within 1 px
    bias          mean of x - truth over the mean truth; its z is mean((x - truth) / σ) · √n

An edge is where hi - lo of the luminance is above a tenth of the scene's range (its 99th percentile).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.quality.perception import psnr
from lichtbild.quality.picture import LUMINANCE
from lichtbild.quality.result import Figure, Grid, Result, unmeasured

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
NEAR, CLOSE = 3, 1  # px
EDGE = 0.1  # of the range
GHOST, SLACK = 4.0, 2.0  # σ
SPREAD = 6  # px around moving things
TILE = 64  # px of a spectrum
BAND, RINGS = (0.1, 0.45), 8  # cy/px, and into how many rings it is cut
FIELD = 12  # rows and columns of the map of errors
BINS = 24  # levels at which noise is estimated
FEWEST = 500  # pixels for a figure


def extremes(plane: NDArray[np.floating], reach: int) -> tuple[Float32, Float32]:
    """Least and greatest value within `reach` pixels, along both axes."""
    low = high = np.asarray(plane, np.float32)
    for axis in (0, 1):
        n = low.shape[axis]
        parts = [np.clip(np.arange(n) + d, 0, n - 1) for d in range(-reach, reach + 1)]
        low = np.minimum.reduce([np.take(low, at, axis) for at in parts])
        high = np.maximum.reduce([np.take(high, at, axis) for at in parts])
    return low, high


def luminance(rgb: NDArray[np.floating]) -> Float32:
    """``"h w"`` of ``"h w 3"``."""
    weights = np.asarray(LUMINANCE, np.float32)
    return np.asarray(rgb, np.float32) @ weights


def estimated_sigma(picture: Float32, truth: Float32, still: Bool) -> Float32:
    """Noise by level of truth, from the spread of the difference where nothing moved or is near an edge.

    ``"h w 3"``: 1.4826 · MAD in `BINS` classes of equal count, interpolated.
    """
    low, high = extremes(luminance(truth), 2)
    flat = still & (high - low < 0.02 * max(float(np.percentile(high, 99)), 1e-6))
    if flat.sum() < FEWEST:
        flat = still
    sigma = np.empty_like(truth)
    for c in range(3):
        level, error = truth[..., c][flat], (picture[..., c] - truth[..., c])[flat]
        order = np.argsort(level, kind="stable")
        classes = [part for part in np.array_split(order, BINS) if len(part)]
        centres = [float(np.median(level[part])) for part in classes]
        spread = [_deviation(error[part]) for part in classes]
        sigma[..., c] = np.interp(truth[..., c], centres, spread)
    return np.maximum(sigma, 1e-7)


def _deviation(error: NDArray[np.floating]) -> float:
    """Of most values; where half of them are equal, as in blacks of 8-bit photos, a part of that of all."""
    middle = np.median(error)
    return max(1.4826 * float(np.median(np.abs(error - middle))), 0.3 * float(error.std(dtype=np.float64)))


def shift_between(picture: NDArray[np.floating], truth: NDArray[np.floating]) -> tuple[float, float]:
    """By how much `picture` is moved from `truth`, (y, x) in pixels: the peak of their phase correlation.

    Planes ``"h w"``; the middle 1024 px are enough.
    """
    cut = tuple(slice(max(0, n // 2 - 512), n // 2 + 512) for n in truth.shape)
    a, b = (np.cbrt(np.maximum(np.asarray(x, np.float64)[cut], 0)) for x in (picture, truth))
    window = np.outer(*(np.hanning(n) for n in a.shape))
    fa, fb = (np.fft.rfft2((x - x.mean()) * window) for x in (a, b))
    cross = fa * np.conj(fb)
    f = np.hypot(np.fft.fftfreq(a.shape[0])[:, None], np.fft.rfftfreq(a.shape[1])[None])
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-30) * np.exp(-((f / 0.15) ** 2)), a.shape)
    at = np.unravel_index(int(np.argmax(peak)), peak.shape)
    found = []
    for axis, n in enumerate(peak.shape):
        line = np.take(peak, at[1 - axis], axis=1 - axis)
        before, here, after = (float(line[(at[axis] + d) % n]) for d in (-1, 0, 1))
        curve = before - 2 * here + after
        part = 0.5 * (before - after) / curve if curve < 0 else 0.0
        found.append((at[axis] + n // 2) % n - n // 2 + part)
    return float(found[0]), float(found[1])


def artefacts(
    picture: Float32,
    truth: Float32,
    *,
    sigma: Float32 | None = None,
    moving: Bool | None = None,
    valid: Bool | None = None,
    where: str = "",
) -> Result:
    """Everything in `picture` that was not in `truth`.

    Parameters
    ----------
    picture, truth : Float32 "h w 3"
        Linear light on the same grid and in the same colours.
    sigma : Float32 "h w 3" or None
        Expected standard deviation; estimated from still, even parts where it is not known.
    moving : Bool "h w" or None
        Where something moved in any frame.
    valid : Bool "h w" or None
        Pixels that count, e.g. those that are not clipped.
    where : str
        Place of every figure.

    Raises
    ------
    InputError
        The sizes differ, or too few pixels count.
    """
    if picture.shape != truth.shape:
        raise InputError(
            f"the picture has {picture.shape[0]} × {picture.shape[1]} pixels and the truth "
            f"{truth.shape[0]} × {truth.shape[1]}",
            hint="give a picture on the grid of the burst, not cropped or turned",
        )
    moved = np.zeros(truth.shape[:2], bool) if moving is None else _spread(moving, SPREAD)
    counts = np.isfinite(picture).all(axis=2) & (True if valid is None else valid)
    still = counts & ~moved
    if still.sum() < FEWEST:
        raise InputError(f"only {still.sum()} pixels rest and are not clipped; {FEWEST} are needed")
    known = sigma is not None
    sigma = estimated_sigma(picture, truth, still) if sigma is None else sigma
    y, true_y = luminance(picture), luminance(truth)
    low, high = extremes(true_y, NEAR)
    span = high - low
    edges = still & (span > EDGE * float(np.percentile(true_y, 99)))
    sigma_y = np.sqrt((sigma**2) @ (np.asarray(LUMINANCE, np.float32) ** 2))
    figures = [
        *_bias(picture, truth, sigma, still, where),
        _ringing(y, (low, high), sigma_y, edges, where),
        _false_colour(picture - truth, span, sigma, edges, where),
        _moire(picture, truth, sigma, still, where),
        _ghosting(picture, truth, sigma, counts & moved, where),
    ]
    error = np.where(still, np.abs(y - true_y) / np.maximum(sigma_y, 1e-7), np.nan)
    noise = "given by the model" if known else "estimated from still, even parts"
    words = {
        "noise": noise,
        "near": f"{NEAR} px around steps above {EDGE:.0%} of the range",
        "pixels": f"{still.sum()} of {still.size} count",
    }
    warnings = () if still.mean() > 0.5 else ("less than half of the picture could be compared",)
    return Result(
        "artefacts",
        "Against the truth",
        tuple(figures),
        words,
        grids=(Grid("mean error", _tiles(error), "σ", where),),
        warnings=warnings,
    )


def _spread(mask: Bool, reach: int) -> Bool:
    """`mask` and everything within `reach` pixels."""
    return extremes(mask.astype(np.float32), reach)[1] > 0 if mask.any() else mask


def _bias(picture: Float32, truth: Float32, sigma: Float32, still: Bool, where: str) -> list[Figure]:
    top = float(np.percentile(truth[still], 99.5))
    peak = psnr(np.minimum(picture[still], top) / top, np.minimum(truth[still], top) / top)
    figures = [Figure("PSNR, linear", peak, "dB", where, better="higher")]
    n = int(still.sum())
    for c, name in enumerate("RGB"):
        place = f"{where}, {name}" if where else name
        error, noise = (picture[..., c] - truth[..., c])[still].astype(np.float64), sigma[..., c][still]
        mean = float(truth[..., c][still].mean(dtype=np.float64))
        share = 100 * float(error.mean()) / mean if mean > 0 else math.nan
        doubt = 100 * float(np.sqrt(np.mean(noise.astype(np.float64) ** 2) / n)) / mean if mean > 0 else 0.0
        z = error / noise
        figures.append(Figure("bias", share, "%", place, doubt))
        figures.append(Figure("z of bias", float(z.mean()) * math.sqrt(n), "σ", place))
        figures.append(Figure("χ²/n", float(np.mean(z * z)), "", place))
    return figures


def _ringing(y: Float32, ends: tuple[Float32, Float32], sigma: Float32, edges: Bool, where: str) -> Figure:
    if edges.sum() < FEWEST:
        return unmeasured("ringing", "%", f"only {edges.sum()} pixels are near edges", where)
    low, high = ends
    beyond = np.maximum(np.maximum(y - high, low - y) - SLACK * sigma, 0)[edges].astype(np.float64)
    contrast = float((high - low)[edges].mean(dtype=np.float64))
    return Figure(
        "ringing", 100 * math.sqrt(float(np.mean(beyond**2))) / contrast, "%", where, better="lower"
    )


def _false_colour(error: Float32, span: Float32, sigma: Float32, edges: Bool, where: str) -> Figure:
    if edges.sum() < FEWEST:
        return unmeasured("false colour", "%", f"only {edges.sum()} pixels are near edges", where)
    a, b = ((error[..., c] - error[..., 1])[edges].astype(np.float64) for c in (0, 2))
    noise = (sigma[edges].astype(np.float64) ** 2) @ (1.0, 2.0, 1.0)
    beyond = math.sqrt(max(float(np.mean(a * a + b * b)) - float(noise.mean()), 0.0))
    contrast = float(span[edges].mean(dtype=np.float64))
    return Figure("false colour", 100 * beyond / contrast, "%", where, better="lower")


def _moire(picture: Float32, truth: Float32, sigma: Float32, still: Bool, where: str) -> Figure:
    """Energy of both colour differences in a band that no filtering of the truth explains."""
    window = np.outer(np.hanning(TILE + 2)[1:-1], np.hanning(TILE + 2)[1:-1])
    f = np.fft.fftfreq(TILE)
    radius = np.hypot(f[:, None], f[None, : TILE // 2 + 1])
    band = (radius >= BAND[0]) & (radius <= BAND[1])
    rings = ((radius[band] - BAND[0]) / (BAND[1] - BAND[0]) * (RINGS - 1e-6)).astype(int)
    kin = window.size * float((window**4).sum()) / float((window**2).sum()) ** 2  # neighbours share noise
    excess, cause, chance = 0.0, 0.0, 0.0
    rows, columns = (range(0, n - TILE + 1, TILE * max(1, n // (24 * TILE))) for n in still.shape)
    for top in rows:
        for left in columns:
            cut = slice(top, top + TILE), slice(left, left + TILE)
            if not still[cut].all():
                continue
            seen, true = (x[cut].astype(np.float64) for x in (picture, truth))
            variance = np.mean(sigma[cut].astype(np.float64) ** 2, axis=(0, 1)) * float((window**2).sum())
            for c in (0, 2):
                s, t = (_spectrum(x[..., c] - x[..., 1], window)[band] for x in (seen, true))
                noise = float(variance[c] + variance[1])
                excess += _unexplained(s, t, rings, noise)
                chance += noise * noise * s.size * kin
            cause += float(np.sum(np.abs(_spectrum(true @ np.asarray(LUMINANCE), window)[band]) ** 2))
    if cause <= 0:
        return unmeasured("chroma moiré", "%", f"no square of {TILE} px rests and is not clipped", where)
    share, spread = math.sqrt(max(excess, 0.0) / cause), math.sqrt(chance)
    doubt = spread / cause / max(2 * share, math.sqrt(spread / cause))
    return Figure("chroma moiré", 100 * share, "%", where, 100 * doubt, "lower")


def _spectrum(plane: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(np.fft.rfft2((plane - plane.mean()) * window), np.complex128)


def _unexplained(
    seen: NDArray[np.complex128], true: NDArray[np.complex128], rings: NDArray[np.int_], noise: float
) -> float:
    """Energy of `seen` that is neither noise nor `true` times one factor for each ring of frequencies."""

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(rings, values, RINGS), np.float64)

    cross = seen * true.conj()
    explained = (total(cross.real) ** 2 + total(cross.imag) ** 2) / np.maximum(
        total(np.abs(true) ** 2), 1e-30
    )
    left = total(np.abs(seen) ** 2) - explained - noise * np.maximum(total(np.ones(len(rings))) - 1, 0)
    return float(left.sum())


def _ghosting(picture: Float32, truth: Float32, sigma: Float32, near: Bool, where: str) -> Figure:
    if near.sum() < FEWEST:
        return unmeasured("ghosting", "%", "nothing moved", where)
    far = np.zeros(near.shape, bool)
    for c in range(3):
        low, high = extremes(truth[..., c], CLOSE)
        reach = GHOST * sigma[..., c]
        far |= (picture[..., c] > high + reach) | (picture[..., c] < low - reach)
    share = float(far[near].mean())
    doubt = 100 * math.sqrt(max(share * (1 - share), 1e-9) / near.sum())
    return Figure("ghosting", 100 * share, "%", where, doubt, "lower")


def _tiles(error: NDArray[np.floating]) -> NDArray[np.float64]:
    """Means over `FIELD` × `FIELD` parts of the picture; NaN where nothing counts."""
    rows = np.array_split(np.arange(error.shape[0]), FIELD)
    out = np.full((FIELD, FIELD), np.nan)
    for j, row in enumerate(rows):
        for i, column in enumerate(np.array_split(np.arange(error.shape[1]), FIELD)):
            part = (
                error[row[0] : row[-1] + 1, column[0] : column[-1] + 1] if len(row) and len(column) else None
            )
            if part is not None and np.isfinite(part).any():
                out[j, i] = float(np.nanmean(part))
    return out
