# SPDX-License-Identifier: Apache-2.0
"""The harness that compares demosaicking methods is believed only while it returns the published figures."""

import runpy
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[1] / "benchmarks" / "demosaic.py"
PLAIN = ("bilinear", "malvar", "ratio")
PUBLISHED = {  # mean CPSNR in dB
    ("Kodak", "bilinear"): 30.24,
    ("Kodak", "malvar"): 35.78,
    ("McMaster", "bilinear"): 32.30,
    ("McMaster", "malvar"): 34.44,
}


def test_two_published_methods_come_out_as_published(data_dir):
    rows = runpy.run_path(str(HARNESS))["table"](data_dir / "demosaic", PLAIN)
    found = {(name, method): mean for name, _, method, mean, _ in rows}
    for key, published in PUBLISHED.items():
        assert found[key] == pytest.approx(published, abs=0.02), key
    assert found["Kodak", "ratio"] > found["Kodak", "malvar"] + 2
    assert found["McMaster", "ratio"] > found["McMaster", "malvar"] + 1


@pytest.mark.parametrize(
    "name, gain", [("kodim05.png", 1), ("kodim19.png", 1), ("kodim23.png", 0.3), ("mcm17.tif", 0)]
)
def test_the_mixture_is_sharper_than_the_fast_method(data_dir, name, gain):
    psnr = runpy.run_path(str(HARNESS))["psnr"]
    path = data_dir / "demosaic" / name
    assert psnr(path, "mixture")[0] > psnr(path, "ratio")[0] + gain


@pytest.mark.parametrize("cfa, gain", [("quad", 4), ("nona", 3), ("xtrans", 5), ("ryyb", 3)])
def test_other_cells_are_far_sharper_than_plain_means(data_dir, cfa, gain):
    psnr = runpy.run_path(str(HARNESS))["psnr"]
    for name in ("kodim07.png", "mcm10.tif"):
        path = data_dir / "demosaic" / name
        assert psnr(path, "mixture", cfa)[0] > psnr(path, "bilinear", cfa)[0] + gain
