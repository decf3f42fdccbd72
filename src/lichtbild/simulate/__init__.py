# SPDX-License-Identifier: Apache-2.0
"""A camera with known truth: scene, lens, handshake and sensor, joined by `burst`."""

from lichtbild.simulate.burst import SCENES, burst
from lichtbild.simulate.handshake import HANDS
from lichtbild.simulate.record import read_truth, write
from lichtbild.simulate.truth import Truth

__all__ = ["HANDS", "SCENES", "Truth", "burst", "read_truth", "write"]
