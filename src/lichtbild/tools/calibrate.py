# SPDX-License-Identifier: Apache-2.0
"""``lichtbild calibrate noise`` and ``lichtbild calibrate colour``."""

from __future__ import annotations

import importlib
from argparse import Namespace

from lichtbild.tools.talk import Talk


def calibrate(args: Namespace, talk: Talk) -> int:
    """Measure a camera."""
    home = {"noise": "lichtbild.tools.calibrate_noise", "colour": "lichtbild.tools.calibrate_colour"}
    return importlib.import_module(home[args.what]).run(args, talk)
