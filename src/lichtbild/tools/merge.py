# SPDX-License-Identifier: Apache-2.0
"""``lichtbild merge``: one burst becomes one clean frame for another program, without any taste."""

from __future__ import annotations

import time
from argparse import Namespace
from contextvars import Context
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.image import Float32, Scene, UInt8
from lichtbild.base.photo import Photo
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.crop import cropped
from lichtbild.correct.lens import lens
from lichtbild.look.look import Look, looks
from lichtbild.pipeline import finish
from lichtbild.publish.dng import write_merged
from lichtbild.publish.metadata import xmp_packet
from lichtbild.publish.photo import save_linear
from lichtbild.recipe import Recipe
from lichtbild.tools.dng_look import dressed
from lichtbild.tools.explain import explain, merging, small
from lichtbild.tools.jobs import account_files, one_burst
from lichtbild.tools.open import counted, opened, turned, warned
from lichtbild.tools.outcome import Failures, UsageError
from lichtbild.tools.progress import progress
from lichtbild.tools.provenance import Inputs, settings_of, signed, signer, with_files
from lichtbild.tools.talk import Talk, frames
from lichtbild.tools.targets import DNG, TIFF, beside, refuse_replacing, target

PREVIEW, SHOWN = 512, 800  # pixels, about, of the longer side: in a DNG, and where the merge is explained


def merge(args: Namespace, talk: Talk) -> int:
    """Merge one burst into a DNG or a linear TIFF."""
    start = time.perf_counter()
    look = look_of(args.look) if args.look else None
    recipe = Recipe.of(*((look,) if look else ()), *turned(args))
    paths = one_burst(args.inputs)
    path = target(args.output, paths[0].stem, DNG + TIFF)
    kind = refuse_nonsense(path, args)
    signer(args)
    picture = None if args.explain is None else beside("explain", args.explain, path.stem)
    refuse_replacing([path, *account_files(picture)], paths, overwrite=args.overwrite)
    failures = Failures(talk)
    with warned(talk) as warnings, progress(talk, path.name, len(paths[: args.frames])) as seconds:
        read = opened(paths, args, failures)
        args = counted(args, read)
        count, profile = len(read.burst.frames), read.profile
        inputs = with_files(read.inputs, recipe)
        scene, told = merging(read, recipe, asked=args.reference != "auto", wanted=picture is not None)
        del read
        shown = None if told is None else small(shrunk(cropped(scene), recipe, SHOWN))
        with signed([path], args, inputs) as places:
            if kind in ("linear DNG", "CFA DNG"):
                write_dng(places[path], scene, recipe, inputs, args, look)
            else:
                write_light(places[path], scene, recipe, inputs, args)
    if told is not None and picture is not None and shown is not None:
        explain(picture, told, shown, outputs=[path], warnings=warnings, overwrite=args.overwrite)
    took = time.perf_counter() - start
    talk.result(f"{path.name}  {frames(count)}, {scene.merged} merged  {kind}  {took:.1f} s")
    talk.document(
        {
            "file": str(path),
            "kind": kind,
            "profile": profile,
            "frames": count,
            "merged": scene.merged,
            "seconds": round(took, 3),
            "stages": {stage: round(own, 4) for stage, own in seconds.items()},
            "warnings": warnings,
            "failed": failures.records,
        }
    )
    return failures.code(done=1)


def refuse_nonsense(path: Path, args: Namespace) -> str:
    """What kind of file is wanted.

    Raises
    ------
    UsageError
        Flags of a TIFF with a DNG, or the other way round.
    """
    if path.suffix.lower() in DNG:
        if args.space not in (None, "camera"):
            raise UsageError(f"--space = {args.space}: a DNG is in camera colour", hint="write a .tif")
        return "CFA DNG" if args.cfa else "linear DNG"
    if args.cfa:
        raise UsageError(f"--cfa: {path.name} cannot hold a mosaic", hint="write a .dng")
    if args.look:
        raise UsageError(f"--look: {path.name} holds light without a look", hint="write a .dng, or develop")
    return f"linear {args.space or 'camera'} TIFF"


def write_dng(
    path: Path, scene: Scene, recipe: Recipe, inputs: Inputs, args: Namespace, look: Look | None = None
) -> None:
    """A merged scene as DNG, with its recipe and history and a small picture for file browsers.

    Its profile is the camera's, or a `look`.
    """
    write_merged(
        path,
        scene if look is None else dressed(scene, recipe, look.name),
        kind="cfa" if getattr(args, "cfa", False) else "linear",
        preview=preview(scene, recipe),
        xmp=told_by(scene, recipe, inputs, args),
        strip=args.strip,
        overwrite=args.overwrite,
    )


def look_of(word: str) -> Look:
    """A look by name, or from a TOML file.

    Raises
    ------
    RecipeError
        There is no such look.
    """
    return Look.read(word) if word.endswith(".toml") else looks[word]


def write_light(path: Path, scene: Scene, recipe: Recipe, inputs: Inputs, args: Namespace) -> None:
    """A merged scene as linear TIFF."""
    if args.space in ("srgb", "rec2020"):
        scene = lens(calibrate(scene, recipe.calibrate), recipe.lens)
    save_linear(
        scene,
        path,
        space=args.space or "camera",
        strip=args.strip,
        overwrite=args.overwrite,
        xmp=told_by(scene, recipe, inputs, args),
    )


def told_by(scene: Scene, recipe: Recipe, inputs: Inputs, args: Namespace) -> bytes:
    """The packet of a merged file: recipe, history, what it was made of and how."""
    how = settings_of(args)
    return xmp_packet(
        recipe.to_toml(), scene.history, inputs, shot=scene.shot, strip=args.strip, settings=how
    )


def preview(scene: Scene, recipe: Recipe) -> UInt8 | None:
    """The finished photo in small, ``UInt8 "h w 3"`` in sRGB, as stored; None where the scene is tiny."""
    if max(scene.rgb.shape) < PREVIEW:
        return None
    return np.round(shrunk(cropped(scene), recipe, PREVIEW).rgb * np.float32(255)).astype(np.uint8)


def shrunk(scene: Scene, recipe: Recipe, longer: int) -> Photo:
    """The finished photo of a scene in camera space whose longer side is about `longer` pixels at least."""
    step = max(1, max(scene.rgb.shape) // longer)
    small = means(scene.rgb, step)
    small_shot = replace(scene.shot, size=small.shape[:2], opcodes=((), (), ()), crop=None)
    small_scene = replace(scene, rgb=small, shot=small_shot, frames=None, clipped=None)
    unwatched = Context()  # nobody counts the stages of a thumbnail
    return unwatched.run(finish, small_scene, Recipe.of(recipe, "display.space=srgb"))


def means(rgb: Float32, step: int) -> Float32:
    """The means of squares of `step` pixels."""
    if step == 1:
        return rgb
    h, w = (side // step * step for side in rgb.shape[:2])
    rows = rgb[0:h:step, :w].copy()
    for k in range(1, step):
        rows += rgb[k:h:step, :w]
    total = rows[:, 0::step].copy()
    for k in range(1, step):
        total += rows[:, k::step]
    return total * np.float32(1 / step**2)
