# SPDX-License-Identifier: Apache-2.0
"""The whole system in one page: a burst becomes a photo.

Every line is ``noun = verb(noun, recipe.verb)``; their order is the order of the stages and of the fields of
`Recipe`.  `develop` is `merged` (what the camera saw, all frames as one), then `finish` (what a person sees).
"""

from __future__ import annotations

from dataclasses import replace

from lichtbild.base.image import Burst, Photo, Scene
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align, sharpest
from lichtbild.combine.merge import merge
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.denoise import denoise
from lichtbild.correct.highlights import highlights
from lichtbild.correct.lens import lens
from lichtbild.look.exposure import exposure
from lichtbild.look.grade import grade
from lichtbild.look.tone import tone
from lichtbild.publish.display import display
from lichtbild.recipe import Recipe


def develop(burst: Burst, recipe: Recipe = Recipe()) -> Photo:
    """One finished photo of a burst; a single frame is a burst of one."""
    return finish(merged(burst, recipe), recipe)


def merged(burst: Burst, recipe: Recipe = Recipe()) -> Scene:
    """Capture, combine, correct: all frames as one clean scene in white-balanced camera colour."""
    scene = combined(burst, recipe)
    scene = highlights(scene, recipe.highlights)  # what the clipped channel must have been
    return denoise(scene, recipe.denoise)         # what noise remains


def combined(burst: Burst, recipe: Recipe = Recipe()) -> Scene:
    """Capture and combine; the frames made on the way are gone when it returns."""
    if burst.reference is None:
        burst = replace(burst, reference=sharpest(burst))
    frames = linearize(burst, recipe.linearize)   # digital numbers → white-balanced light
    flow = align(frames, recipe.align)            # where everything moved
    images = demosaic(frames, recipe.demosaic)    # three colours at every pixel
    return merge(images, flow, recipe.merge)      # many frames → one clean frame


def finish(scene: Scene, recipe: Recipe = Recipe()) -> Photo:
    """Colour, look and display of a merged scene."""
    scene = calibrate(scene, recipe.calibrate)    # camera colour → linear Rec. 2020
    scene = lens(scene, recipe.lens)              # distortion, vignetting
    scene = exposure(scene, recipe.exposure)      # how bright
    scene = tone(scene, recipe.tone)              # local light
    scene = grade(scene, recipe.grade)            # curve and colour of the look
    return display(scene, recipe.display)         # gamut, transfer function
