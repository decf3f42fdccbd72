# SPDX-License-Identifier: Apache-2.0
"""The laboratory: pictures of a chart in, a report out.

The chart is found in the first picture (or regions are given), every element goes to its measurement, and
what cannot be measured becomes a warning beside what can.  Several pictures are repeats of the first by a
camera that did not move.  A photo that a camera has processed is made linear through the greys of the chart
before its sharpness is measured, and the report says so.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lichtbild.base.colour import srgb_encode
from lichtbild.base.errors import InputError, LichtbildWarning
from lichtbild.base.version import SOFTWARE
from lichtbild.quality.chart import Found
from lichtbild.quality.elements import INSIDE, MEASURES, Case, Reference
from lichtbild.quality.finding.find import find
from lichtbild.quality.greys.oecf import linearised, oecf
from lichtbild.quality.picture import Picture
from lichtbild.quality.reports.report import Outline, Report, Source, View
from lichtbild.quality.reports.score import Table, score
from lichtbild.quality.result import Result
from lichtbild.quality.sharpness.slanted import Method

LONG_SIDE, JPEG_QUALITY = 960, 72  # of the picture in the report
STILL, SAME_LIGHT = 3.0, 0.03  # px, and share of the light, that repeats may differ by
LINEAR = ("raw", "linear")
THREADS, SLOW = 4, ("leaves", "star")
LIGHT = ("edge", "star", "leaves", "flare")  # kinds that a tone curve disturbs
MAKE, MODEL, EXPOSURE, ISO, EXIF, TAKEN = 271, 272, 33434, 34855, 34665, 36867


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A picture and the chart that was found in it; ``said`` are the finder's warnings."""

    picture: Picture
    every: tuple[Found, ...]
    said: tuple[str, ...] = ()

    def repeats(self, other: Sighting) -> bool:
        """Whether this shows the same chart at the same place, taken in the same way."""
        a, b = self.picture, other.picture
        alike = (a.size, a.space, a.decoding) == (b.size, b.space, b.decoding)
        taken = taking(a)
        if not alike or not taken or taken != taking(b):
            return False
        if [f.element.name for f in self.every] != [f.element.name for f in other.every]:
            return False
        if np.abs(_coarse(a) / _coarse(b) - 1).max() > SAME_LIGHT:
            return False
        shift = [np.abs(f.quad() - g.quad()).max() for f, g in zip(self.every, other.every, strict=True)]
        return max(shift, default=0.0) < STILL


def taking(picture: Picture) -> tuple[object, ...]:
    """Camera, ISO and exposure time of a picture; empty where the file says nothing."""
    shot = picture.shot
    if shot is not None:
        return shot.make, shot.model, shot.iso, shot.exposure_time
    camera, _, settings = _exif(picture)
    return (camera, *settings) if camera else ()


def _coarse(picture: Picture) -> NDArray[np.floating]:
    """Means of 6 × 8 parts of the luminance, and a little."""
    y = picture.luminance
    rows = [np.array_split(part, 8, axis=1) for part in np.array_split(y, 6)]
    return np.array([[float(cell[::4, ::4].mean()) for cell in row] for row in rows]) + 0.01


def sight(picture: Picture, *, chart: str = "auto", rois: Sequence[Found] = ()) -> Sighting:
    """Find the chart in a picture, or take what `rois` say.

    Raises
    ------
    InputError
        There is no chart, not all of it, or a region lies outside of the picture.
    """
    if rois:
        h, w = picture.size
        for roi in rois:
            top, left, bottom, right = roi.pixels()
            if not (0 <= top < bottom <= h and 0 <= left < right <= w):
                raise InputError(
                    f"{roi.element.name}: rows {top} … {bottom}, columns {left} … {right} do not lie in "
                    f"{picture.path.name or 'the picture'} of {h} × {w} px",
                    hint="--roi KIND:Y,X,HEIGHT,WIDTH counts from the top left corner",
                )
        return Sighting(picture, tuple(rois))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", LichtbildWarning)
        every = find(picture, chart)
    return Sighting(picture, every, tuple(dict.fromkeys(str(w.message) for w in caught)))


def measure(
    pictures: Sequence[Picture],
    *,
    chart: str = "auto",
    rois: Sequence[Found] = (),
    method: Method = "iso2023",
    reference: Reference | None = None,
) -> Report:
    """Measure everything that a chart in `pictures` has to measure.

    Parameters
    ----------
    pictures : sequence of Picture
        At least one; the others are repeats of it.
    chart : str
        Which chart, see `lichtbild.quality.finding.find`.
    rois : sequence of Found
        Measure here instead of searching, see `lichtbild.quality.elements.region`.
    method : {"iso2023", "robust", "iso2017"}
        How slanted edges are measured.
    reference : tuple, optional
        Names and CIELAB D50 of the colour patches, instead of the chart's own.

    Raises
    ------
    InputError
        No picture, no chart, or pictures of several sizes.
    """
    if not pictures:
        raise InputError("no picture to measure", hint="give at least one")
    if len({p.size for p in pictures}) > 1:
        raise InputError("pictures of several sizes are no repeats", hint="measure them one by one")
    return measured(
        sight(pictures[0], chart=chart, rois=rois), pictures[1:], method=method, reference=reference
    )


def measured(
    seen: Sighting,
    repeats: Sequence[Picture] = (),
    *,
    method: Method = "iso2023",
    reference: Reference | None = None,
    goals: Table | None = None,
) -> Report:
    """The report of a chart that was found already; see `measure`."""
    picture, every = seen.picture, seen.every
    told = [*seen.said, *picture.warnings]
    linear, how = _linear(picture, every, told)
    case = Case((picture, *repeats), linear, every, method, reference)
    results: list[Result] = []
    for made, trouble in _all(case):
        results += made
        told += trouble
    results = [replace(r, warnings=tuple(w for w in r.warnings if w not in told)) for r in results]
    named = every[0].chart if every else ""
    conditions = {
        "Chart": _chart_words(named, every[0].doubt if every else 0.0),
        "Pictures": "one" if not repeats else f"{len(repeats) + 1} of the same, the first is measured",
        "Linear light": how,
    }
    return Report(
        tuple(results),
        tuple(source(p) for p in case.pictures),
        SOFTWARE,
        conditions,
        (View(picture.path.name, picture.size, _outlines(every), thumbnail(picture)),),
        score((f for r in results for f in r.figures), goals),
        tuple(dict.fromkeys(told)),
    )


def _chart_words(named: str, doubt: float) -> str:
    if not named:
        return "regions given by hand"
    return f"{named}, placed to ±{doubt:.2g} px" if doubt else named


def _all(case: Case) -> list[tuple[Sequence[Result], list[str]]]:
    """What every element gave, in order, and what went wrong; the slow ones begin first."""

    def one(found: Found) -> tuple[Sequence[Result], list[str]]:
        work = MEASURES.get(found.element.kind)
        if work is None:
            return (), [f"{found.element.name}: nothing is measured on elements of kind {found.element.kind}"]
        try:
            return work(case, found), []
        except InputError as error:
            return (), [f"{found.element.name}: {error}"]

    _ = case.first.luminance, case.linear.luminance  # once, not in every thread
    order = sorted(case.every, key=lambda f: f.element.kind not in SLOW)
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        waiting = {id(f): pool.submit(one, f) for f in order}
        return [waiting[id(f)].result() for f in case.every]


def _linear(picture: Picture, every: Sequence[Found], told: list[str]) -> tuple[Picture, str]:
    """The picture in linear light, and how it became so."""
    ladders = [f for f in every if f.element.kind in ("steps", "ladder")]
    if picture.decoding in LINEAR or picture.space == "camera":
        return picture, {"raw": "the raw file, demosaicked"}.get(picture.decoding, "the file is linear")
    if not ladders:
        if not any(f.element.kind in LIGHT for f in every):
            return picture, f"{picture.decoding} decoded"
        told.append(
            f"processed photo without greys: made linear by {picture.decoding} alone, so that the camera's "
            "tone curve distorts sharpness and texture"
        )
        return picture, f"{picture.decoding} decoded, tone curve unknown"
    greys = ladders[0]
    quads, luminance = greys.quads(INSIDE), greys.element.settings["luminance"]
    try:
        curve = oecf(picture, quads, luminance, where=greys.element.name)
        made = linearised(picture, curve)
    except InputError as error:
        told.append(
            f"{greys.element.name}: {error}; sharpness is measured on light decoded as {picture.decoding}"
        )
        return picture, f"{picture.decoding} decoded"
    return made, f"{picture.decoding} decoded, then through {len(curve.luminance)} greys of the chart"


# ---- what the report says about files


def source(picture: Picture) -> Source:
    """Name, hash and camera of a picture's file; a picture without a file has only a size."""
    path, shot = picture.path, picture.shot
    digest, camera, taken = "", "", ""
    if path.is_file():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    if shot is not None:
        camera = " ".join(w for w in (shot.make, shot.model) if w)
        taken = shot.time.isoformat(" ", "seconds") if shot.time else ""
    elif digest:
        camera, taken, _ = _exif(picture)
    return Source(path.name, digest, camera, taken, picture.decoding, picture.size)


def _exif(picture: Picture) -> tuple[str, str, tuple[str, ...]]:
    """Camera, time of exposure, and ISO and exposure time that a photo carries."""
    if not picture.path.is_file():
        return "", "", ()
    try:
        with Image.open(picture.path) as image:
            tags = image.getexif()
            more = tags.get_ifd(EXIF)
            camera = " ".join(str(tags[t]).strip("\0 ") for t in (MAKE, MODEL) if t in tags)
            settings = tuple(str(more.get(t, "")) for t in (ISO, EXPOSURE))
            return camera, str(more.get(TAKEN, "")).strip("\0 "), settings
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return "", "", ()


def thumbnail(picture: Picture) -> bytes:
    """A small JPEG of the picture, as bright as its 99th percentile allows."""
    step = max(1, -(-max(picture.size) // LONG_SIDE))
    h, w = (n // step * step for n in picture.size)
    cut = picture.rgb[:h, :w]
    small = cut[::step, ::step].astype(np.float64)
    for k in range(1, step):  # a mean along the diagonal of each cell is enough for the eye
        small += cut[k::step, k::step]
    small /= step
    if picture.space == "camera":
        small /= max(float(np.percentile(small, 99)), 1e-6)
    rgb = np.round(255 * srgb_encode(np.clip(small, 0, 1))).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _outlines(every: Sequence[Found]) -> tuple[Outline, ...]:
    outlines = []
    for f in every:
        if "boxes" in f.element.settings:
            quads = [(f"{f.element.name}, {k + 1}", q) for k, q in enumerate(f.quads())]
        else:
            quads = [(f.element.name, f.quad())]
        for name, quad in quads:
            corners = tuple((round(float(y), 2), round(float(x), 2)) for y, x in quad)
            outlines.append(Outline(name, f.element.kind, corners))
    return tuple(outlines)
