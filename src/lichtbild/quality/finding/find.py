# SPDX-License-Identifier: Apache-2.0
"""Find a chart in a picture.

Looked for, in this order: the laboratory's own charts by their markers, the common chart of 24 colours, and
slanted edges of any kind.  What is found carries the map from chart to pixels, perspective and the bending of
the lens included, good to the `doubt` it states.
"""

from __future__ import annotations

import warnings

import numpy as np

from lichtbild.base.errors import InputError, QualityWarning
from lichtbild.base.params import nearest
from lichtbild.quality.chart import Chart, Element, Found
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.finding.classic import Match, chart_of, classic
from lichtbild.quality.finding.markers import Sighting, candidates, sighting
from lichtbild.quality.finding.regions import Small, small
from lichtbild.quality.finding.slant import as_found, slants
from lichtbild.quality.picture import Picture

OTHERS = ("classic", "slanted")  # charts that are not ours: 24 patches, and edges anywhere
PLAIN = 3  # ways of looking for markers that do not sharpen: what else is seen may be no marker
SMALLEST = 64  # pixels of the shorter side
MIRRORED = (2, 4, 5, 7)  # EXIF orientations of files that are flipped when they are shown
ROI = "say where to measure with --roi"


def find(picture: Picture, chart: str = "auto") -> tuple[Found, ...]:
    """The elements of the chart in a picture.

    Parameters
    ----------
    picture : Picture
        What was read.
    chart : str
        ``auto``, one of `CHARTS`, ``classic`` (the common 24 colours) or ``slanted`` (edges anywhere).

    Returns
    -------
    tuple of Found
        Every element with its place; a mirrored chart comes with a `QualityWarning`.

    Raises
    ------
    InputError
        There is no chart, or not all of it, or another one; the message says what was seen.
    """
    if chart not in ("auto", *CHARTS, *OTHERS):
        names = ["auto", *CHARTS, *OTHERS]
        raise InputError(
            f"chart = {chart!r} is not one of {', '.join(names)}{nearest(chart, names)}",
            hint="--chart auto searches for all of them",
        )
    h, w = picture.size
    if min(h, w) < SMALLEST:
        raise InputError(
            f"{_name(picture)} has {h} × {w} pixels, too few for a chart; {SMALLEST} is the least", hint=ROI
        )
    if chart == "flat":
        return _flat(CHARTS["flat"], h, w)
    if not np.isfinite(picture.rgb).all():
        raise InputError(f"{_name(picture)} holds values that are not finite", hint="check what wrote it")
    copy = small(picture.rgb)
    if float(copy.light.max() - copy.light.min()) < 0.02:
        raise InputError(f"{_name(picture)} is even all over, there is no chart in it", hint=ROI)
    return _searched(picture, copy, chart)


def _searched(picture: Picture, copy: Small, chart: str) -> tuple[Found, ...]:
    seen: list[str] = []
    if chart == "auto" or chart in CHARTS:
        own, count = _marked(picture, copy)
        if own is not None and chart not in ("auto", own.chart.name):
            raise InputError(
                f"chart = {chart} is wanted, but {_name(picture)} shows {own.chart.name}",
                hint=f"measure with --chart {own.chart.name} or auto",
            )
        if own is not None:
            return _own(picture, own)
        seen.append(_markers_seen(count))
        if chart == "auto" and 2 <= count < 4:
            cut = f"{_name(picture)}: {seen[-1]}; what is measured instead knows nothing of it"
            warnings.warn(cut, QualityWarning, 3)
    if chart in ("auto", "colours", "classic"):
        match = classic(picture.rgb, copy)
        if match is not None:
            return _classic(picture, match)
        seen.append("no lattice of 24 colour patches")
    if chart in ("auto", "edges", "slanted"):
        edges = slants(picture.rgb, picture.clipped)
        if edges:
            return tuple(as_found(s, picture.size, k + 1) for k, s in enumerate(edges))
        seen.append("no straight edge tilted by 2° … 20°")
    raise InputError(
        f"{_name(picture)} shows no chart that can be measured: {'; '.join(seen)}",
        hint=f"the whole chart has to be in the picture, sharp and evenly lit; or {ROI}",
    )


def _marked(picture: Picture, copy: Small) -> tuple[Sighting | None, int]:
    """Our chart by its markers, and how many things like markers there are."""
    plane, most = picture.luminance, 0
    for k, places in enumerate(candidates(copy)):
        own = sighting(plane, places)
        if own is not None:
            return own, len(places)
        most = max(most, len(places) if k < PLAIN else 0)
    return None, most


def _markers_seen(count: int) -> str:
    if count == 0:
        return "no marker of a chart of ours"
    if count < 4:
        return f"{count} of the 4 corner markers, so the chart is cut off or covered"
    return "things like corner markers, but no strip with a code between them"


def _own(picture: Picture, own: Sighting) -> tuple[Found, ...]:
    """The elements of one of our charts, each with the homography that is best at its place."""
    _told_if_mirrored(picture, own.mirrored)
    out = []
    for element in own.chart.elements:
        out.append(Found(element, own.bent.near(element.box), own.chart.name, own.doubt, own.bent))
    return tuple(out)


def _classic(picture: Picture, match: Match) -> tuple[Found, ...]:
    _told_if_mirrored(picture, match.mirrored)
    bent, chart = match.bent, chart_of(match)
    return tuple(Found(e, bent.near(e.box), chart.name, match.doubt, bent) for e in chart.elements)


def _flat(chart: Chart, h: int, w: int) -> tuple[Found, ...]:
    """The whole picture as an even field."""
    first = chart.elements[0]
    element = Element(first.kind, first.name, (0.0, 0.0, 1.0, w / h), first.settings)
    return (Found(element, np.array([[h, 0, -0.5], [0, h, -0.5], [0, 0, 1.0]]), chart.name),)


def _told_if_mirrored(picture: Picture, mirrored: bool) -> None:
    turned = picture.shot is not None and picture.shot.orientation in MIRRORED
    if mirrored != turned:
        warnings.warn(f"{_name(picture)}: the chart is mirrored; measured all the same", QualityWarning, 4)


def _name(picture: Picture) -> str:
    return picture.path.name or "the picture"
