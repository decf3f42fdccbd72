# SPDX-License-Identifier: Apache-2.0
"""How different two pictures look: SSIM, PU21, and by their public packages FLIP and ColorVideoVDP.

SSIM compares means, variances and covariance under a Gaussian of 1.5 px, per colour [1]::

    SSIM = (2 μ₁μ₂ + C₁)(2 σ₁₂ + C₂) / ((μ₁² + μ₂² + C₁)(σ₁² + σ₂² + C₂)),   C = (0.01 L)², (0.03 L)²

PU21 maps luminance in nit to steps that look alike, so that PSNR and SSIM mean something for HDR [2]::

    V = p₇ (((p₁ + p₂ Y^p₄) / (1 + p₃ Y^p₄))^p₅ - p₆)

Every one of them punishes a shift of a pixel: register first.  They disagree about brightness (FLIP sees it
most, ColorVideoVDP hardly): none is reported alone.

References
----------
[1] Z. Wang et al., "Image quality assessment: from error visibility to structural similarity",
    IEEE Trans. Image Process. 13(4), 2004.
[2] R. Mantiuk, M. Azimi, "PU21: a novel perceptually uniform encoding for adapting existing quality metrics
    for HDR", PCS 2021.  banding_glare parameters.
[3] P. Andersson et al., "FLIP: a difference evaluator for alternating images", HPG 2020.
[4] R. Mantiuk et al., "ColorVideoVDP: a visual difference predictor for image, video and display
    distortions", ACM Trans. Graph. 43(4), 2024.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import InputError
from lichtbild.quality.result import Figure, Result, unmeasured

Float64 = NDArray[np.float64]
SIGMA, REACH = 1.5, 5  # px: of the window of SSIM, and how far it goes
PU21 = (0.353487901, 0.3734658629, 8.277049286e-05, 0.9062562627, 0.09150303166, 0.9099517204, 596.3148142)
DARKEST, BRIGHTEST = 0.005, 10000.0  # nit, what PU21 is made for
WHITE = 100.0  # nit of display white
SIDE, ACROSS = 512, 3  # a large picture is judged in ACROSS² squares of SIDE px
EXTRA = "pip install 'lichtbild[metrics]'"


def psnr(a: NDArray[Any], b: NDArray[Any], peak: float = 1.0) -> float:
    """Peak signal over RMS difference in dB; infinite for equal pictures."""
    error = float(np.mean((np.asarray(a, np.float64) - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(peak * peak / error)


def ssim(a: NDArray[Any], b: NDArray[Any], peak: float = 1.0) -> float:
    """Structural similarity of two pictures, ``"h w"`` or ``"h w 3"`` (mean of the colours); 1 is the same.

    Raises
    ------
    InputError
        The sizes differ, or a side is shorter than 11 px.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or min(a.shape[:2]) <= 2 * REACH:
        raise InputError(f"pictures of {a.shape} and {b.shape}: SSIM needs the same size, 11 px and more")
    if a.ndim == 3:
        return float(np.mean([ssim(a[..., c], b[..., c], peak) for c in range(a.shape[2])]))
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    m1, m2 = _blurred(a), _blurred(b)
    v1, v2 = _blurred(a * a) - m1 * m1, _blurred(b * b) - m2 * m2
    both = _blurred(a * b) - m1 * m2
    return float(np.mean((2 * m1 * m2 + c1) * (2 * both + c2) / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2))))


def _blurred(plane: Float64) -> Float64:
    """A Gaussian of `SIGMA` where it fits whole: `REACH` pixels less on each side."""
    taps = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / SIGMA) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        n = plane.shape[axis] - 2 * REACH
        parts = (t * np.take(plane, np.arange(i, i + n), axis) for i, t in enumerate(taps))
        plane = sum(parts, np.zeros(1))
    return plane


def pu21(luminance: NDArray[Any]) -> Float64:
    """Luminance in nit (0.005 … 10 000) to even steps of appearance, 0 … 595; 100 nit is 256."""
    p1, p2, p3, p4, p5, p6, p7 = PU21
    y = np.clip(np.asarray(luminance, np.float64), DARKEST, BRIGHTEST) ** p4
    return np.maximum(p7 * (((p1 + p2 * y) / (1 + p3 * y)) ** p5 - p6), 0)


def pu_psnr(a: NDArray[Any], b: NDArray[Any], white: float = WHITE) -> float:
    """PSNR of linear pictures whose 1 is shown at `white` nit, after PU21; the peak is that of white."""
    return psnr(pu21(a * white), pu21(b * white), float(pu21(np.array(white))))


def flip(test: NDArray[Any], reference: NDArray[Any]) -> float:
    """Mean FLIP error of sRGB-encoded pictures 0 … 1 at 67 px a degree; 0 is the same.

    Raises
    ------
    InputError
        The package ``flip-evaluator`` is not installed.
    """
    package = _package("flip_evaluator", "FLIP")
    pair = (np.ascontiguousarray(np.clip(x, 0, 1), np.float32) for x in (reference, test))
    return float(package.evaluate(*pair, "LDR")[1])


def colorvideovdp(test: NDArray[Any], reference: NDArray[Any], display: str = "standard_4k") -> float:
    """Quality in JOD (10 is the same, one less is seen by three of four people) of sRGB-encoded pictures.

    Raises
    ------
    InputError
        The package ``cvvdp`` is not installed.
    """
    package = _package("pycvvdp", "ColorVideoVDP")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        metric = package.cvvdp(display_name=display)
        pair = (np.round(255 * np.clip(x, 0, 1)).astype(np.uint8) for x in (test, reference))
        return float(metric.predict(*pair, dim_order="HWC")[0])


def _package(module: str, name: str) -> Any:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # PyTorch tells everybody that there is no GPU
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"{name} needs the package {module}: {error}", hint=EXTRA) from error
    finally:
        logging.disable(before)


def squares(size: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Where a picture is judged: all of it, or evenly spread squares of a large one."""
    h, w = size
    if h * w <= ACROSS * ACROSS * SIDE * SIDE:
        yield slice(0, h), slice(0, w)
        return
    for j in range(ACROSS):
        for i in range(ACROSS):
            y, x = (round((n - SIDE) * k / (ACROSS - 1)) if n > SIDE else 0 for n, k in ((h, j), (w, i)))
            yield slice(y, y + SIDE), slice(x, x + SIDE)


def appearance(
    encoded: NDArray[Any],
    reference: NDArray[Any],
    linear: tuple[NDArray[Any], NDArray[Any]] | None = None,
    *,
    where: str = "",
) -> Result:
    """How different a picture looks from what it should be, by every metric that is installed.

    Parameters
    ----------
    encoded, reference : "h w 3"
        sRGB-encoded, 0 … 1, registered.
    linear : pair of "h w 3" or None
        The same two as linear light, 1 display white: for PU21.
    where : str
        Place of every figure.

    Raises
    ------
    InputError
        The sizes differ.
    """
    if encoded.shape != reference.shape:
        raise InputError(f"pictures of {encoded.shape} and {reference.shape} cannot be compared")
    cuts = list(squares((encoded.shape[0], encoded.shape[1])))

    def mean(metric: Callable[..., float], a: NDArray[Any], b: NDArray[Any]) -> float:
        return float(np.mean([metric(a[cut], b[cut]) for cut in cuts]))

    pairs: list[tuple[str, str, Any, Callable[..., float], tuple[NDArray[Any], NDArray[Any]]]] = [
        ("PSNR", "dB", "higher", psnr, (encoded, reference)),
        ("SSIM", "", "higher", ssim, (encoded, reference)),
        ("FLIP", "", "lower", flip, (encoded, reference)),
        ("ColorVideoVDP", "JOD", "higher", colorvideovdp, (encoded, reference)),
    ]
    if linear:
        pairs.insert(2, ("PU21-PSNR", "dB", "higher", pu_psnr, linear))
    figures = []
    for name, unit, better, metric, (a, b) in pairs:
        try:
            figures.append(Figure(name, mean(metric, a, b), unit, where, better=better))
        except InputError as error:
            figures.append(unmeasured(name, unit, f"{error}; {error.hint}", where))
    how = "the whole picture" if len(cuts) == 1 else f"{len(cuts)} squares of {SIDE} px, mean"
    shown = f"1 is {WHITE:g} nit for PU21; a 4K display seen from 0.75 m for ColorVideoVDP"
    return Result("perception", "How different it looks", tuple(figures), {"judged": how, "display": shown})
