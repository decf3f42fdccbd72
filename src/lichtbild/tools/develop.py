# SPDX-License-Identifier: Apache-2.0
"""``lichtbild develop``: bursts become photos, one line each."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from lichtbild.base.image import Scene
from lichtbild.base.photo import Photo
from lichtbild.look.lut import table_of
from lichtbild.pipeline import finish
from lichtbild.publish.magnify import magnified
from lichtbild.publish.photo import bits_of, require_library, save
from lichtbild.recipe import Recipe
from lichtbild.tools.explain import explain, merging, small
from lichtbild.tools.jobs import Job, jobs
from lichtbild.tools.merge import look_of, write_dng
from lichtbild.tools.open import counted, lacking, opened, turned, warned
from lichtbild.tools.outcome import RECOVERABLE, Failures, UsageError
from lichtbild.tools.progress import progress
from lichtbild.tools.provenance import Inputs, settings_of, signed, signer, with_files
from lichtbild.tools.renditions import STANDARD, depth_for, recipe_for, renditions, shared
from lichtbild.tools.talk import Talk, frames
from lichtbild.tools.targets import refuse_replacing


def develop(args: Namespace, talk: Talk) -> int:
    """Develop every burst that the arguments name; one that fails does not stop the others."""
    recipe = Recipe.of(look_of(args.look), *turned(args))
    if recipe.lut.file:
        table_of(recipe.lut.file)  # one that is missing is told now, not after the merge
    if args.dng_look and args.dng is None:
        raise UsageError("--dng-look needs --dng FILE", hint="it is the DNG that starts from the look")
    signer(args)  # a key that cannot sign is known before pixels are touched
    failures, photos = Failures(talk), []
    extras = {"dng": args.dng, "tiff": args.tiff, "explain": args.explain}
    for job in jobs(args.inputs, args.output, extras, failures, more=args.also):
        try:
            photo = developed(job, recipe, args, talk, failures)
        except RECOVERABLE as error:
            failures.add(job.name, error)
            continue
        photos.append(photo)
        counts = f"{frames(photo['frames'])}, {photo['merged']} merged"
        talk.result(f"{job.name}  {counts}  {Path(args.look).stem}  {photo['seconds']:.1f} s")
    talk.document({"photos": photos, "failed": failures.records})
    return failures.code(len(photos))


def developed(job: Job, recipe: Recipe, args: Namespace, talk: Talk, failures: Failures) -> dict[str, Any]:
    """One burst: read, merged, finished, written.  Returns what there is to say about it."""
    start = time.perf_counter()
    refuse_replacing(job.files, job.paths, overwrite=args.overwrite)
    kinds = renditions(job.photos, args.hdr, recipe)
    bits_of(job.output, args.depth, "srgb" if kinds[job.output] in STANDARD else kinds[job.output])
    for path in job.photos:
        require_library(path)
    with warned(talk) as warnings, progress(talk, job.name, len(job.paths[: args.frames])) as seconds:
        read = opened(job.paths, args, failures)
        args = counted(args, read)
        count, profile = len(read.burst.frames), read.profile
        inputs = with_files(read.inputs, recipe)
        asked = args.reference != "auto"
        scene, told = merging(read, recipe, asked=asked, wanted=job.explain is not None)
        del read
        with signed((*job.photos, *([job.dng] if job.dng else [])), args, inputs) as places:
            if job.dng is not None:
                starts = look_of(args.look) if args.dng_look else None
                write_dng(places[job.dng], scene, recipe, inputs, args, starts)
            asked_for = {places[path]: kind for path, kind in kinds.items()}
            held = [scene]
            del scene
            photo = written(held, recipe, asked_for, args, inputs, keep=job.explain is not None)
        seen = None if job.explain is None else small(shown(photo, held[0], recipe))
        held.clear()
    if told is not None and job.explain is not None and seen is not None:
        outputs = [f for f in (*job.photos, job.dng) if f is not None]
        explain(job.explain, told, seen, outputs=outputs, warnings=warnings, overwrite=args.overwrite)
    return {
        "photo": str(job.output),
        "files": [str(f) for f in job.files],
        "frames": count,
        "hdr": {str(path): kind for path, kind in kinds.items()},
        "merged": photo.merged,
        "look": args.look,
        "profile": profile,
        "seconds": round(time.perf_counter() - start, 3),
        "stages": {stage: round(own, 4) for stage, own in seconds.items()},
        "warnings": warnings,
    }


def written(
    held: list[Scene],
    recipe: Recipe,
    kinds: dict[Path, str],
    args: Namespace,
    inputs: Inputs,
    *,
    keep: bool = False,
) -> Photo:
    """Finish the merged scene in `held` and write it as every file of `kinds`; gives the first photo.

    The list is empty afterwards unless it is to `keep` the scene: when the last photo is finished, its memory
    is needed.
    """
    first = None
    groups = shared(list(kinds.values()))
    for left, group in zip(range(len(groups), 0, -1), groups, strict=True):
        own = recipe_for(recipe, group)
        photo = magnified(finish(held[0] if keep or left > 1 else held.pop(), own), lacking(args, recipe))
        for path in (path for path, kind in kinds.items() if kind in group):
            save(
                photo,
                path,
                quality=args.quality,
                depth=depth_for(path, args.depth, photo.transfer),
                hdr=kinds[path],
                strip=args.strip,
                recipe=own.to_toml(),
                inputs=inputs,
                settings=settings_of(args),
                overwrite=args.overwrite,
            )
        first = first or photo
    assert first is not None  # there is always one file
    return first


def shown(photo: Photo, scene: Scene, recipe: Recipe) -> Photo:
    """The photo for ordinary displays: the account of the merge shows it."""
    return photo if photo.transfer == "srgb" else finish(scene, recipe_for(recipe, ["none"]))
