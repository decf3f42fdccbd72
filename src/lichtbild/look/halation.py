# SPDX-License-Identifier: Apache-2.0
"""Halation: bright light goes through the film, comes back from its base and lights its surroundings red.

In each colour what lies above a threshold t is spread over the neighbourhood and taken from its place, so
that no light is made or lost::

    e = min(max(0, x - t), 32),   out = x + a · (K ∗ e - e),   K(r) ∝ exp(-r / radius)

The layer for red lies next to the base, those for green and blue above it get less: with redness ρ the amount
a is `Halation.amount` times 1, 1 - ρ, (1 - ρ)².  The radius is a share of the picture: the same for any size.
Edges count as mirrors, and no single sun lights more than 32 times white.

References
----------
[1] C. E. K. Mees, T. H. James, "The Theory of the Photographic Process", 3rd ed., 1966, on halation and the
    exponential decay of scattered light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lichtbild.base import kernels
from lichtbild.base.image import Scene
from lichtbild.base.params import Params, knob
from lichtbild.base.spare import like
from lichtbild.base.stage import stage

_GREY = 0.18


@dataclass(frozen=True)
class Halation(Params):
    """Knobs of `halation`."""

    amount: float = knob(0.0, 0.0, 0.5, "", "Share of the bright light that comes back; 0 is none.")
    radius: float = knob(0.5, 0.05, 3.0, "%", "How far, of the longer side, until it falls to 1/e.")
    threshold: float = knob(1.5, -1.0, 6.0, "EV", "Light so far above mid-grey and more comes back.")
    redness: float = knob(0.7, 0.0, 1.0, "", "0: as the light was, 1: red alone.")


@stage
def halation(scene: Scene, params: Halation = Halation()) -> Scene:
    """Scatter the bright light of a scene as a film does.

    Parameters
    ----------
    scene : Scene
        In ``rec2020``, mid-grey near 0.18.
    params : Halation
        How much, how far, how red.

    Returns
    -------
    Scene
        In ``rec2020``; the same object where the amount is 0.

    Raises
    ------
    StateError
        The scene is not in ``rec2020``.
    """
    scene.require("rec2020")
    if params.amount == 0 or scene.rgb.size == 0:
        return scene
    out = like(scene.rgb)
    less = 1.0 - params.redness
    amounts = np.array([params.amount, params.amount * less, params.amount * less**2], np.float32)
    radius = params.radius / 100.0 * max(scene.rgb.shape[:2])
    kernels.halation(scene.rgb, _GREY * 2.0**params.threshold, radius, amounts, out)
    return replace(scene, rgb=out)
