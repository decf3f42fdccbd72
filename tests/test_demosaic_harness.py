# SPDX-License-Identifier: Apache-2.0
"""The harness that compares demosaicking methods is believed only while it returns the published figures."""

import runpy
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[1] / "benchmarks" / "demosaic.py"
PUBLISHED = {  # mean CPSNR in dB
    ("Kodak", "bilinear"): 30.24,
    ("Kodak", "malvar"): 35.78,
    ("McMaster", "bilinear"): 32.30,
    ("McMaster", "malvar"): 34.44,
}


def test_two_published_methods_come_out_as_published(data_dir):
    rows = runpy.run_path(str(HARNESS))["table"](data_dir / "demosaic")
    found = {(name, method): mean for name, _, method, mean, _ in rows}
    for key, published in PUBLISHED.items():
        assert found[key] == pytest.approx(published, abs=0.02), key
    assert found["Kodak", "ratio"] > found["Kodak", "malvar"] + 2
    assert found["McMaster", "ratio"] > found["McMaster", "malvar"] + 1
    assert found["Kodak", "mixture"] > found["Kodak", "ratio"] + 2
    assert found["McMaster", "mixture"] > found["McMaster", "malvar"] + 1
