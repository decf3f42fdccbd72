# SPDX-License-Identifier: Apache-2.0
"""``lichtbild merge``: one burst becomes one clean frame for another program, without any taste."""

from __future__ import annotations

import time
from argparse import Namespace
from contextvars import Context
from dataclasses import replace
from pathlib import Path

import numpy as np

from lichtbild.base.image import Scene, UInt8
from lichtbild.correct.calibrate import calibrate
from lichtbild.correct.lens import lens
from lichtbild.pipeline import finish, merged
from lichtbild.publish.dng import write_merged
from lichtbild.publish.metadata import xmp_packet
from lichtbild.publish.photo import save_linear
from lichtbild.recipe import Recipe
from lichtbild.tools.jobs import DNG, TIFF, one_burst, refuse_replacing, target
from lichtbild.tools.open import opened, warned
from lichtbild.tools.outcome import Failures, UsageError
from lichtbild.tools.progress import progress
from lichtbild.tools.talk import Talk, frames

PREVIEW = 512  # pixels, about, of the longer side


def merge(args: Namespace, talk: Talk) -> int:
    """Merge one burst into a DNG or a linear TIFF."""
    start = time.perf_counter()
    recipe = Recipe.of(*args.settings)
    paths = one_burst(args.inputs)
    path = target(args.output, paths[0].stem, DNG + TIFF)
    kind = refuse_nonsense(path, args)
    refuse_replacing([path], paths, overwrite=args.overwrite)
    failures = Failures(talk)
    with warned(talk) as warnings, progress(talk, path.name, len(paths[: args.frames])) as seconds:
        read = opened(paths, args, failures)
        count, inputs = len(read.burst.frames), read.inputs
        scene = merged(read.burst, recipe)
        del read
        if kind in ("linear DNG", "CFA DNG"):
            write_dng(path, scene, recipe, inputs, args)
        else:
            if args.space in ("srgb", "rec2020"):
                scene = lens(calibrate(scene, recipe.calibrate), recipe.lens)
            save_linear(scene, path, space=args.space or "camera", strip=args.strip, overwrite=args.overwrite)
    took = time.perf_counter() - start
    talk.result(f"{path.name}  {frames(count)}, {scene.merged} merged  {kind}  {took:.1f} s")
    talk.document(
        {
            "file": str(path),
            "kind": kind,
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
    return f"linear {args.space or 'camera'} TIFF"


def write_dng(
    path: Path, scene: Scene, recipe: Recipe, inputs: tuple[tuple[str, str], ...], args: Namespace
) -> None:
    """A merged scene as DNG, with its recipe and history and a small picture for file browsers."""
    write_merged(
        path,
        scene,
        kind="cfa" if getattr(args, "cfa", False) else "linear",
        preview=preview(scene, recipe),
        xmp=xmp_packet(recipe.to_toml(), scene.history, () if args.strip == "all" else inputs),
        strip=args.strip,
        overwrite=args.overwrite,
    )


def preview(scene: Scene, recipe: Recipe) -> UInt8 | None:
    """The finished photo of every n-th pixel, ``UInt8 "h w 3"`` in sRGB; None where the scene is tiny."""
    step = max(scene.rgb.shape) // PREVIEW
    if step < 1:
        return None
    small = np.ascontiguousarray(scene.rgb[step // 2 :: step, step // 2 :: step])
    small_shot = replace(scene.shot, size=small.shape[:2], opcodes=((), (), ()))
    small_scene = replace(scene, rgb=small, shot=small_shot, frames=None, clipped=None)
    unwatched = Context()  # nobody counts the stages of a thumbnail
    photo = unwatched.run(finish, small_scene, Recipe.of(recipe, "display.space=srgb"))
    return np.round(photo.rgb * np.float32(255)).astype(np.uint8)
