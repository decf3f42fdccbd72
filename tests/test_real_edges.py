# SPDX-License-Identifier: Apache-2.0
"""Edges of a photographed chart, beside the figures that an independent port of sfrmat5 prints for them."""

import warnings

import numpy as np
import pytest

from lichtbild.base.errors import FallbackWarning
from lichtbild.quality.picture import read_picture
from lichtbild.quality.sharpness.resolution import edge
from lichtbild.quality.sharpness.sfr import sfr

CHART = "charts/openisp_1920x1080_rggb_u16.raw"
LAYOUT = "1920x1080 u16 RGGB black=0 white=1020"
# box, channel: MTF50 in cy/px; response at 0.1, 0.2, 0.3 cy/px
# fmt: off
SFRMAT5 = {
    ((500, 960, 620, 1060), "Y"): (0.18496, 0.7996, 0.4388, 0.1880),
    ((500, 960, 620, 1060), "G"): (0.19082, 0.8153, 0.4601, 0.2046),
    ((500, 780, 620, 880), "Y"): (0.21309, 0.8231, 0.5428, 0.2847),
    ((500, 780, 620, 880), "G"): (0.21882, 0.8352, 0.5655, 0.3028),
    ((190, 210, 280, 290), "Y"): (0.17339, 0.7769, 0.4129, 0.1644),
    ((190, 210, 280, 290), "G"): (0.17843, 0.7869, 0.4310, 0.1748),
    ((840, 1540, 930, 1620), "Y"): (0.28093, 0.8522, 0.6493, 0.4679),  # something else begins beside it
    ((840, 1540, 930, 1620), "G"): (0.29606, 0.8610, 0.6723, 0.4943),
    ((160, 1370, 250, 1460), "Y"): (0.21875, 0.8190, 0.5393, 0.3302),
    ((160, 1370, 250, 1460), "G"): (0.22893, 0.8317, 0.5619, 0.3496),
}
# fmt: on


@pytest.fixture(scope="module")
def chart(data_dir):
    path = data_dir / CHART
    if not path.is_file():
        pytest.skip(f"no {CHART}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)  # a bare dump says nothing about white balance
        return read_picture(path, layout=LAYOUT)


@pytest.mark.parametrize("case", SFRMAT5)
def test_real_edges_have_the_figures_of_the_reference_program(chart, case):
    box, channel = case
    half, *response = SFRMAT5[case]
    top, left, bottom, right = box
    found = sfr(chart.channel(channel)[top:bottom, left:right])
    np.testing.assert_allclose(np.interp([0.1, 0.2, 0.3], found.frequency, found.value), response, atol=0.003)
    assert edge(chart, box, channels=channel)["MTF50"] == pytest.approx(half, abs=0.003)


def test_what_else_is_in_a_box_is_told(chart):
    clean, beside = (edge(chart, b, channels="Y") for b in ((500, 960, 620, 1060), (840, 1540, 930, 1620)))
    assert not any("beside the edge" in w for w in clean.warnings)
    assert any("beside the edge" in w for w in beside.warnings)
