# SPDX-License-Identifier: Apache-2.0
"""The ratchet: what the laboratory says of the pipeline's photos may rise, not fall."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEPT = json.loads((ROOT / "quality.json").read_text())
LOOKS = ("camera", "mono", "natural", "neutral", "vibrant")  # as in benchmarks/quality.py
SLACK = 0.1  # points, and 0.02 dB: nothing but rounding in the laboratory may move them


def test_five_looks_are_kept_at_every_sensitivity():
    assert {frozenset(rows) for rows in KEPT.values()} == {frozenset({"merge", *LOOKS})}


@pytest.mark.slow
def test_no_score_has_fallen():
    harness = runpy.run_path(str(ROOT / "benchmarks" / "quality.py"))
    now, kept = harness["scores"](isos=(800,))["ISO 800"], KEPT["ISO 800"]
    assert now["merge"]["PSNR"] >= kept["merge"]["PSNR"] - 0.02
    fallen = {
        (look, axis): (points, now[look][axis])
        for look in LOOKS
        for axis, points in kept[look].items()
        if axis != "figures" and not now[look][axis] >= points - SLACK
    }
    assert not fallen, "kept and now; `python benchmarks/quality.py --write` if it is meant to be so"
