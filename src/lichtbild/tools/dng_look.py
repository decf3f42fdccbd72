# SPDX-License-Identifier: Apache-2.0
"""A merged DNG whose camera profile holds our look, so that raw editors start from it.

Everything is in one place: exposure found and chosen, curve, colours and tables of the look become LookTable
and ProfileToneCurve, and BaselineExposure is left out.  An editor that follows the profile shows the look;
one that follows none shows what it always does.  Local tone, vignette, halation and grain need the picture
and are no part of a profile.
"""

from __future__ import annotations

from contextvars import Context
from dataclasses import replace

from lichtbild.base.colour import Float64
from lichtbild.base.image import Scene
from lichtbild.correct.calibrate import calibrate, neutral_of
from lichtbild.correct.crop import cropped
from lichtbild.correct.lens import lens
from lichtbild.look.aspect import aspect
from lichtbild.look.exposure import gain_of
from lichtbild.look.sampled import graded
from lichtbild.publish.dng import headroom_of, known_colour
from lichtbild.publish.look_table import profiled
from lichtbild.recipe import Recipe


def dressed(scene: Scene, recipe: Recipe, name: str) -> Scene:
    """A merged scene whose shot carries the look as its profile, and the white that the recipe takes.

    A look that shows what the profile says leaves it as it is; with any other the maker's local tone goes.
    """
    if recipe.rendering.by == "profile":
        return scene
    shot, headroom = scene.shot, headroom_of(scene)
    ev = Context().run(exposed, cropped(scene), recipe) + headroom  # nobody counts these stages
    operator = graded(replace(recipe.exposure, ev=0.0, bias=0.0), recipe.grade, recipe.lut)

    def look(light: Float64) -> Float64:
        return operator(light * 2.0**ev)

    grey = shot.kind == "mono"
    sees = replace(shot, kind="linear", neutral=(1.0, 1.0, 1.0)) if grey else shot
    colour, _, _ = profiled(look, known_colour(sees), f"lichtbild {name}")
    neutral = shot.neutral if grey else Context().run(neutral_of, scene, recipe.calibrate)
    own = replace(shot, colour=colour, neutral=neutral, baseline_exposure=-float(headroom))
    own = replace(own, exif={**shot.exif, "raw": {}})
    return replace(scene, shot=own)


def exposed(scene: Scene, recipe: Recipe) -> float:
    """By how many EV the photo of a merged scene is made brighter."""
    light = aspect(lens(calibrate(scene, recipe.calibrate), recipe.lens), recipe.aspect)
    return gain_of(light, recipe.exposure)
