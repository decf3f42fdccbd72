# SPDX-License-Identifier: Apache-2.0
"""Colour patches as surfaces with a spectrum: the camera sees them through its own filters, in any light.

Each patch gets the smoothest reflectance that has its colour under D50, the light its reference is given for;
what the camera sees of it under the light of the scene is painted as the scene colour that has the same
effect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.colour import D50_XYZ, lab_to_xyz
from lichtbild.base.spectra import light as known_light
from lichtbild.base.spectra import smooth
from lichtbild.quality.charts import Chart
from lichtbild.simulate.filters import Filters, scene_colours

Float64 = NDArray[np.float64]


def reflectances(chart: Chart) -> dict[str, Float64]:
    """Spectra of the patches, ``"n 81"``, by the name of their element."""
    lit = known_light("D50")
    coloured = chart.of("colours")
    return {e.name: smooth(lab_to_xyz(e.settings["reference"], D50_XYZ), lit) for e in coloured}


def spectral(chart: Chart, filters: Filters, light: str) -> dict[str, Float64]:
    """Scene light of the patches, ``"n 3"``, by the name of their element: for `painted`."""
    return {name: scene_colours(filters, spectra, light) for name, spectra in reflectances(chart).items()}
