# SPDX-License-Identifier: Apache-2.0
"""``lichtbild calibrate noise`` and ``lichtbild calibrate colour``."""

from __future__ import annotations

import importlib
from argparse import Namespace

from lichtbild.tools.outcome import UsageError
from lichtbild.tools.talk import Talk


def calibrate(args: Namespace, talk: Talk) -> int:
    """Measure a camera.

    Raises
    ------
    UsageError
        There is nothing to measure it from.
    """
    home = {"noise": "lichtbild.tools.calibrate_noise", "colour": "lichtbild.tools.calibrate_colour"}
    if not args.inputs and not (args.what == "colour" and args.spectra):
        raise UsageError("no files to measure", hint="give raw files or a folder of them")
    return importlib.import_module(home[args.what]).run(args, talk)
