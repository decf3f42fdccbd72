# SPDX-License-Identifier: Apache-2.0
"""CLF, written: linear light is brought to a logarithmic code, then goes through a cube.

References
----------
[1] Academy S-2014-006, "Common LUT Format (CLF)", version 3.0, 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

from lichtbild.look.table import LOG_HIGH, LOG_LOW, Table


def clf_text(table: Table, comments: Sequence[str] = (), *, log: bool = True) -> bytes:
    """A CLF of a cube; with `log` it takes linear light and brings it to the code log itself."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<ProcessList compCLFversion="3" id="lichtbild" name="{escape(table.title, {chr(34): "&quot;"})}">',
        *(f"  <Description>{escape(c)}</Description>" for c in comments),
    ]
    if log:
        foot, span = 2.0**LOG_LOW, np.log2(2**LOG_HIGH + 2**LOG_LOW) - LOG_LOW
        lines += [
            '  <Range inBitDepth="32f" outBitDepth="32f">',
            "    <minInValue>0</minInValue><minOutValue>0</minOutValue>",
            f"    <maxInValue>{2**LOG_HIGH:g}</maxInValue><maxOutValue>{2**LOG_HIGH:g}</maxOutValue>",
            "  </Range>",
            '  <Log inBitDepth="32f" outBitDepth="32f" style="linToLog">',
            f'    <LogParams base="2" linSideSlope="1" linSideOffset="{foot:.12g}" '
            f'logSideSlope="{1 / span:.12g}" logSideOffset="{-LOG_LOW / span:.12g}"/>',
            "  </Log>",
        ]
    side = len(table.cube)
    lines += [
        '  <LUT3D inBitDepth="32f" outBitDepth="32f" interpolation="tetrahedral">',
        f'    <Array dim="{side} {side} {side} 3">',
        *(f"{r:.8f} {g:.8f} {b:.8f}" for r, g, b in np.float64(table.cube).reshape(-1, 3).tolist()),
        "    </Array>",
        "  </LUT3D>",
        "</ProcessList>",
    ]
    return ("\n".join(lines) + "\n").encode()
