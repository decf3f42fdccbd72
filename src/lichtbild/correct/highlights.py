# SPDX-License-Identifier: Apache-2.0
"""Highlights: what a clipped channel must have been, so that bright clouds are white and not magenta.

In white-balanced light a grey has three equal channels, and over a small neighbourhood the cube roots of any
surface keep a nearly constant offset ``e[c] = ∛x[c] - mean(∛x)``.  Offsets are measured where nothing near
is clipped, bright pixels counting most (fourth power), and carried into the clipped areas by pull-push.
There, with m[c] = 0 … 1 how clipped a channel is (the clip bits averaged over 5×5 pixels: no seam)::

    L      = mean of ∛x[c] - e[c], weighted with 1 - m[c]  what the unclipped channels say
    L      = max(L, L + m[c] · (∛x[c] - e[c] - L))         a clipped channel is at least what was seen
    t      = log(L³) / log(1.5 · max gain), 0 … 1          0 where the first channel clips
    e'     = e · (1 - t² (3 - 2t))                         the brighter, the nearer to neutral
    x'[c]  = x[c] + m[c] · max(0, (L + e'[c])³ - x[c])     never darker than the sensor saw it

Where all three are clipped, L is the least light that explains every channel.  Colour fades with brightness
and not with the number of clipped channels, so a warm lamp runs from orange to white without a ring.  Two
habits of light and sensors are used: bright things are seldom magenta, so a clipped green follows the mean
rather than a measured lack; and where two channels are clipped, a third close to its end counts as clipped.

"Neutral" is the white as shot.  Where another one is chosen later, `whitened` goes the same way to it, by the
same t and in all of it where all channels are clipped: a lamp that is white in lamplight is not blue.

References
----------
[1] S. J. Gortler et al., "The lumigraph", SIGGRAPH 1996 (pull-push).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lichtbild.base import kernels
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.stage import stage


@dataclass(frozen=True)
class Highlights(Params):
    """Knobs of `highlights`."""

    rebuild: float = knob(1.0, 0.0, 1.0, "", "How much of what was clipped is rebuilt.")


@stage
def highlights(scene: Scene, params: Highlights = Highlights()) -> Scene:
    """Rebuild clipped channels.

    Parameters
    ----------
    scene : Scene
        In ``camera``, with ``clipped`` bits.
    params : Highlights
        How much.

    Returns
    -------
    Scene
        In ``camera``; the same object where nothing is clipped.

    Raises
    ------
    StateError
        The scene is not in camera colour.
    """
    scene.require("camera")
    if scene.clipped is None or params.rebuild == 0 or not scene.clipped.any():
        return scene
    out = np.empty_like(scene.rgb)
    top = np.float32(scene.reach)  # a bracket clips that much higher
    seen = scene.rgb if top == 1 else scene.rgb / top
    kernels.highlights(seen, scene.clipped, np.array(scene.gain, np.float32), out)
    if top != 1:
        out = np.where((out == seen), scene.rgb, out * top)
    if params.rebuild < 1:
        out = scene.rgb + np.float32(params.rebuild) * (out - scene.rgb)
    return replace(scene, rgb=out)


def whitened(scene: Scene, white: NDArray[np.float64]) -> Scene:
    """Move rebuilt highlights from the white as shot to another one.

    Parameters
    ----------
    scene : Scene
        In ``camera``, after `highlights`.
    white : array of 3
        What the white that was chosen is in the scene, where the white as shot is (1, 1, 1).

    Returns
    -------
    Scene
        The same object where nothing is clipped, or where that white is the one as shot.
    """
    turn = white / white.min()
    if scene.clipped is None or turn.max() < 1.002 or not scene.clipped.any():
        return scene
    out = np.empty_like(scene.rgb)
    top = np.float32(scene.reach) * np.array(scene.gain, np.float32)
    kernels.whitened(scene.rgb, scene.clipped, top, np.array([math.log2(v) for v in turn], np.float32), out)
    return replace(scene, rgb=out)
