# SPDX-License-Identifier: Apache-2.0
"""The whole system in one page: a burst becomes a photo.

Every line is ``noun = verb(noun, recipe.verb)``; their order is the order of the stages and of the fields of
`Recipe`.  `develop` is `merged` (what the camera saw, all frames as one), then `finish` (what a person sees).
"""

from __future__ import annotations

from dataclasses import replace

from lichtbild.base.image import Burst, Flow, Scene
from lichtbild.base.photo import Photo
from lichtbild.base.spare import reusing
from lichtbild.capture.demosaic import demosaic
from lichtbild.capture.linearize import linearize
from lichtbild.combine.align import align
from lichtbild.combine.bracket import best, bracket
from lichtbild.combine.merge import merge
from lichtbild.combine.refine import refine
from lichtbild.combine.superres import superres
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.denoise import denoise
from lichtbild.correct.highlights import highlights
from lichtbild.correct.lens import lens
from lichtbild.look.aspect import aspect
from lichtbild.look.exposure import exposure
from lichtbild.look.grade import grade
from lichtbild.look.grain import grain
from lichtbild.look.halation import halation
from lichtbild.look.lut import lut
from lichtbild.look.rendering import rendering
from lichtbild.look.tone import tone
from lichtbild.publish.display import display
from lichtbild.publish.frame import frame
from lichtbild.publish.gainmap import Gainmap, gainmap
from lichtbild.recipe import Recipe


def develop(burst: Burst, recipe: Recipe = Recipe()) -> Photo:
    """One finished photo of a burst; a single frame is a burst of one."""
    return finish(merged(burst, recipe), recipe)


def merged(burst: Burst, recipe: Recipe = Recipe()) -> Scene:
    """Capture, combine, correct: all frames as one clean scene in white-balanced camera colour."""
    if burst.reference is None:
        burst = replace(burst, reference=best(burst))
    scene, flow = combined(burst, recipe)
    scene = highlights(scene, recipe.highlights)        # what the clipped channel must have been
    scene = denoise(scene, recipe.denoise)              # what noise remains
    if recipe.superres.scale != "1":
        frames = linearize(burst, recipe.linearize)
        scene = superres(scene, frames, flow, recipe.superres)  # the pixels that a burst holds
    return scene


def combined(burst: Burst, recipe: Recipe = Recipe()) -> tuple[Scene, Flow]:
    """Capture and combine; the frames made on the way are gone when it returns."""
    frames = linearize(burst, recipe.linearize)         # digital numbers → white-balanced light
    flow = align(frames, recipe.align)                  # where everything moved
    images = demosaic(frames, recipe.demosaic)          # three colours at every pixel
    if images.exposures:
        scene = bracket(images, flow, recipe.merge, recipe.bracket)  # short and long frames → one
    else:
        scene = merge(images, flow, recipe.merge)       # many frames → one clean frame
    del images                                          # and their memory
    if recipe.merge.method != "mean":                   # a plain average stays one
        scene = refine(scene, frames, flow, recipe.refine)  # what the photosites say, not the demosaic
    return scene, flow


def finish(scene: Scene, recipe: Recipe = Recipe()) -> Photo:
    """Colour, look and display of a merged scene."""
    with reusing():  # not around the function, which would hold the merged scene to the end
        by_profile = recipe.rendering.by == "profile"
        scene = calibrate(scene, recipe.calibrate, look=not by_profile)  # camera colour → linear Rec. 2020
        scene = lens(scene, recipe.lens)              # distortion, vignetting
        scene = aspect(scene, recipe.aspect)          # its shape and field of view
        scene = exposure(scene, recipe.exposure)      # how bright
        scene = tone(scene, recipe.tone)              # local light
        scene = halation(scene, recipe.halation)      # light that a film throws back
        if by_profile:
            picture = rendering(scene, recipe.rendering)   # as the maker of the file shows it
        else:
            white = white_of(recipe)                  # of the display: more than 1 where there is headroom
            picture = grade(scene, recipe.grade, white=white)  # curve and colour of the look
        picture = lut(picture, recipe.lut)            # tables of looks from elsewhere
        picture = grain(picture, recipe.grain)        # what a film is made of
        photo = display(picture, recipe.display)      # gamut, transfer function
        photo = gainmap(photo, scene, recipe.grade, gains_of(recipe))  # what brighter displays add to it
        return frame(photo, recipe.frame)             # a border with the exposure line


def gains_of(recipe: Recipe) -> Gainmap:
    """How the gain map is made: one gain for all colours behind a table, whose colours it does not know; none
    where the profile makes the picture, which has one rendition.
    """
    gains = recipe.gainmap
    if recipe.rendering.by == "profile":
        return replace(gains, colours="none")
    tabled = bool(recipe.lut.file) and recipe.lut.amount > 0 and gains.colours == "rgb"
    return replace(gains, colours="grey") if tabled else gains


def white_of(recipe: Recipe) -> float:
    """The brightest light of the photo that a recipe makes, in units of white."""
    return 1.0 if recipe.display.transfer == "srgb" else float(2.0**recipe.grade.headroom)
