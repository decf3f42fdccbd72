# SPDX-License-Identifier: Apache-2.0
"""Charts in front of the camera: the laboratory's own, and a scene that mixes a few things with lamps."""

from lichtbild.simulate.charts.mixed import cave, chart, edges, lamp, patches, star, white
from lichtbild.simulate.charts.painting import painted
from lichtbild.simulate.charts.place import place
from lichtbild.simulate.charts.spectral import spectral

__all__ = ["cave", "chart", "edges", "lamp", "painted", "patches", "place", "spectral", "star", "white"]
