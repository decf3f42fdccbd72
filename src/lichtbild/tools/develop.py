# SPDX-License-Identifier: Apache-2.0
"""``lichtbild develop``: bursts become photos, one line each."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from lichtbild.look.look import Look, looks
from lichtbild.look.lut import table_of
from lichtbild.pipeline import finish
from lichtbild.publish.magnify import magnified
from lichtbild.publish.photo import save
from lichtbild.recipe import Recipe
from lichtbild.tools.explain import explain, merging, small
from lichtbild.tools.jobs import Job, jobs, refuse_replacing
from lichtbild.tools.merge import write_dng
from lichtbild.tools.open import lacking, opened, turned, warned
from lichtbild.tools.outcome import RECOVERABLE, Failures
from lichtbild.tools.progress import progress
from lichtbild.tools.provenance import settings_of, with_files
from lichtbild.tools.talk import Talk, frames


def develop(args: Namespace, talk: Talk) -> int:
    """Develop every burst that the arguments name; one that fails does not stop the others."""
    recipe = Recipe.of(look_of(args.look), *turned(args))
    if recipe.lut.file:
        table_of(recipe.lut.file)  # one that is missing is told now, not after the merge
    failures, photos = Failures(talk), []
    extras = {"dng": args.dng, "tiff": args.tiff, "explain": args.explain}
    for job in jobs(args.inputs, args.output, extras, failures):
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


def look_of(word: str) -> Look:
    """A look by name, or from a TOML file.

    Raises
    ------
    RecipeError
        There is no such look.
    """
    return Look.read(word) if word.endswith(".toml") else looks[word]


def developed(job: Job, recipe: Recipe, args: Namespace, talk: Talk, failures: Failures) -> dict[str, Any]:
    """One burst: read, merged, finished, written.  Returns what there is to say about it."""
    start = time.perf_counter()
    refuse_replacing(job.files, job.paths, overwrite=args.overwrite)
    with warned(talk) as warnings, progress(talk, job.name, len(job.paths[: args.frames])) as seconds:
        read = opened(job.paths, args, failures)
        count, profile = len(read.burst.frames), read.profile
        inputs = with_files(read.inputs, recipe)
        asked = args.reference != "auto"
        scene, told = merging(read, recipe, asked=asked, wanted=job.explain is not None)
        del read
        if job.dng is not None:
            write_dng(job.dng, scene, recipe, inputs, args)
        photo = magnified(finish(scene, recipe), lacking(args, recipe))
        del scene
        for path in (job.output, job.tiff):
            if path is not None:
                save(
                    photo,
                    path,
                    quality=args.quality,
                    strip=args.strip,
                    recipe=recipe.to_toml(),
                    inputs=inputs,
                    settings=settings_of(args),
                    overwrite=args.overwrite,
                )
    if told is not None and job.explain is not None:
        outputs = [f for f in (job.output, job.dng, job.tiff) if f is not None]
        explain(job.explain, told, small(photo), outputs=outputs, warnings=warnings, overwrite=args.overwrite)
    return {
        "photo": str(job.output),
        "files": [str(f) for f in job.files],
        "frames": count,
        "merged": photo.merged,
        "look": args.look,
        "profile": profile,
        "seconds": round(time.perf_counter() - start, 3),
        "stages": {stage: round(own, 4) for stage, own in seconds.items()},
        "warnings": warnings,
    }
