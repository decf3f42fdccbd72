# SPDX-License-Identifier: Apache-2.0
"""Scenes from files: photographs, OpenEXR and Radiance pictures become light in front of the camera.

A photograph is decoded to linear light by a table, exact for its 256 or 65536 values, and keeps its exposure:
its white is scene light 1.  A picture of high dynamic range has units of its own; it is scaled by a power of
two in steps of 1/64 EV so that the geometric mean of its luminance is middle grey, 0.18, and keeps everything
above and below (pixels without light, or noise around it, hardly move that mean).

The picture covers the canvas, its middle in the middle; what sticks out is cut off.  Where it shrinks, every
canvas pixel is the mean of the area it covers; where it grows, Keys' cubic [1] within its neighbours, so
that lamps do not ring.

References
----------
[1] R. G. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29(6), 1981.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.colour import SRGB, RGBSpace, rgb_to_rgb
from lichtbild.base.errors import InputError, QualityWarning
from lichtbild.base.image import Float32
from lichtbild.quality.picture import LUMINANCE, PHOTOS
from lichtbild.simulate.photographs import converted, read_photograph
from lichtbild.simulate.radiance import MOST_PIXELS, read_radiance
from lichtbild.simulate.scene import CANVAS, Scene

RADIANCE, EXR = (".hdr", ".pic", ".rgbe"), (".exr",)
SUFFIXES = (*PHOTOS, *EXR, *RADIANCE)
EXPORT = "a picture program can export it as TIFF or PNG, or as OpenEXR with the channels R, G, B"
GREY, EXPOSURE = 0.18, 0.8
STEPS = 64  # of the scale, per EV
INFLUENCE = 6.0  # EV
FEW = 0.01  # share of pixels that may be no number
LEAST_KEPT = 0.5  # share of a picture below which cutting is worth a warning


def picture_scene(path: Path | str) -> Scene:
    """A scene that is a picture from a file, without anything that moves.

    Parameters
    ----------
    path : Path or str
        JPEG, PNG, TIFF, WebP or BMP with 8 or 16 bits; OpenEXR (with the package OpenEXR); Radiance .hdr.

    Raises
    ------
    InputError
        The file is missing, of another kind, damaged or dark everywhere, or a package is missing.

    Warns
    -----
    QualityWarning
        Values below 0, infinite or no numbers were replaced; when it is drawn: the sensor resolves more than
        the picture holds, or more than half of it is cut off.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path} is not there" if not path.exists() else f"{path} is not a file", hint="check the name"
        )
    suffix = path.suffix.lower()
    if suffix in PHOTOS:
        light = read_photograph(path)
    elif suffix in (*EXR, *RADIANCE):
        values, primaries = read_exr(path) if suffix in EXR else read_radiance(path)
        light = exposed_to_grey(path, in_srgb(path, cleaned(path, values), primaries))
    else:
        raise InputError(
            f"{path} is no picture lichtbild makes a scene of; it reads {' '.join(SUFFIXES)}", hint=EXPORT
        )

    def fill(canvas: Float32, margin: int, seed: int) -> None:
        cover(path, light, canvas)

    return Scene((), exposure=EXPOSURE, fill=fill)


# ---- light of high dynamic range


def read_exr(path: Path) -> tuple[Float32, tuple[float, ...] | None]:
    """Read an OpenEXR picture: R, G, B or Y of its first part; alpha and other channels are left alone.

    Returns
    -------
    tuple of (Float32 "3 h w", tuple of 8 floats or None)
        Linear light, and the chromaticities of red, green, blue and white where the file has them.

    Raises
    ------
    InputError
        The package is missing, the file is damaged, or has no such channels.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise InputError(
            f"{path} needs the package OpenEXR", hint="pip install 'lichtbild[lab]', or pip install OpenEXR"
        ) from error
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            said = file.header().get("chromaticities")
            found = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
    except (RuntimeError, ValueError, OSError, TypeError) as error:
        raise InputError(f"{path} cannot be read as OpenEXR: {error}", hint="copy the file again") from error
    names = "RGB" if {"R", "G", "B"} <= found.keys() else "Y" if {"Y"} == found.keys() - {"A"} else ""
    if not names:
        listed = ", ".join(sorted(found))
        raise InputError(f"{path} has the channels {listed}; allowed are R, G, B, or Y alone", hint=EXPORT)
    planes = [found[name] for name in names]
    if any(p.ndim != 2 or p.shape != planes[0].shape or p.size > MOST_PIXELS for p in planes):
        raise InputError(
            f"{path} has channels of different sizes, or more than {MOST_PIXELS // 10**6} million",
            hint=EXPORT,
        )
    light = np.stack([planes[i % len(planes)] for i in range(3)]).astype(np.float32)
    return light, None if said is None else tuple(float(v) for v in np.ravel(said))


def cleaned(path: Path, light: Float32) -> Float32:
    """`light` without what is no light: no numbers and values below 0 become 0, infinite ones the largest.

    Raises
    ------
    InputError
        More than one pixel in a hundred is no number.
    """
    broken, endless = np.isnan(light), np.isposinf(light)
    negative = light < 0
    counts = [int(np.count_nonzero(m.any(axis=0))) for m in (broken, endless, negative)]
    pixels = light[0].size
    if counts[0] > FEW * pixels:
        raise InputError(
            f"{path}: {counts[0]} of {pixels} pixels are no numbers, allowed is 1 %",
            hint="render or export it again",
        )
    words = ("no numbers (taken for 0)", "infinite (taken for the largest)", "below 0 (taken for 0)")
    said = [f"{n} {w}" for n, w in zip(counts, words, strict=True) if n]
    if not said:
        return light
    warnings.warn(QualityWarning(f"{path}: of {pixels} pixels are {', '.join(said)}"), stacklevel=3)
    good = light[~(broken | endless)]
    top = float(good.max()) if good.size else 0.0
    return np.where(endless, np.float32(top), np.where(broken | negative, np.float32(0), light))


def in_srgb(path: Path, light: Float32, primaries: tuple[float, ...] | None) -> Float32:
    """`light` with the primaries of sRGB."""
    if primaries is None:
        return light
    r, g, b, white = zip(primaries[0::2], primaries[1::2], strict=True)
    try:
        matrix = rgb_to_rgb(RGBSpace(path.name, r, g, b, white), SRGB)
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise InputError(f"{path}: the chromaticities {primaries} are impossible", hint=EXPORT) from error
    return converted(light, matrix)


def exposed_to_grey(path: Path, light: Float32) -> Float32:
    """`light` with a geometric mean of 0.18, to which no pixel counts as more than 6 EV from the median.

    Raises
    ------
    InputError
        There is no light in it.
    """
    luminance = sum(np.float64(k) * plane for k, plane in zip(LUMINANCE, light, strict=True))
    lit = np.asarray(luminance)[luminance > 0]
    if not lit.size:
        raise InputError(
            f"{path} is dark everywhere: there is nothing to photograph",
            hint="give a picture with light in it",
        )
    stops = np.log2(lit)
    middle = float(np.median(stops))
    mean = float(np.clip(stops, middle - INFLUENCE, middle + INFLUENCE).mean())
    steps = round(STEPS * (math.log2(GREY) - mean))
    return light * np.float32(2.0 ** (steps / STEPS))


# ---- on the canvas


def cover(path: Path, light: Float32, canvas: Float32) -> None:
    """Paint `light` over the whole of ``canvas: Float32 "3 h w"``."""
    (_, h, w), (_, high, wide) = light.shape, canvas.shape
    scale = max(high / h, wide / w)  # canvas pixels per pixel of the picture
    if scale > CANVAS:
        warnings.warn(
            QualityWarning(
                f"{path} has {w} × {h} pixels and is enlarged {scale / CANVAS:.3g} times: the sensor "
                "resolves more than it holds"
            ),
            stacklevel=4,
        )
    kept = (high / scale) * (wide / scale) / (h * w)
    if kept < LEAST_KEPT:
        warnings.warn(QualityWarning(f"{path}: only {kept:.0%} of it fit on the sensor"), stacklevel=4)
    down, across = taps(h, high, scale), taps(w, wide, scale)
    kernels.resample(np.ascontiguousarray(light), *down, *across, scale > 1, canvas)


def taps(size: int, wanted: int, scale: float) -> tuple[NDArray[np.int32], Float32]:
    """Which pixels each of `wanted` outputs is a sum of, ``first "n"`` and ``weight "n taps"``; the middle of
    `size` pixels in the middle.
    """
    step = 1 / scale
    start = (size - wanted * step) / 2 + np.arange(wanted) * step  # left edge of every output
    if scale > 1:
        centre = start + step / 2 - 0.5
        first = np.floor(centre)
        t = centre - first
        weight = np.stack(
            [
                t * (-0.5 + t * (1 - 0.5 * t)),
                1 + t * t * (-2.5 + 1.5 * t),
                t * (0.5 + t * (2 - 1.5 * t)),
                t * t * (-0.5 + 0.5 * t),
            ],
            axis=1,
        )
        return (first - 1).astype(np.int32), weight.astype(np.float32)
    first = np.floor(start)
    edges = first[:, None] + np.arange(math.ceil(step) + 1)
    inside = np.minimum(edges + 1, (start + step)[:, None]) - np.maximum(edges, start[:, None])
    inside = np.maximum(inside, 0)
    return first.astype(np.int32), (inside * scale).astype(np.float32)
