# SPDX-License-Identifier: Apache-2.0
"""``lichtbild develop``: bursts become photos, one line each."""

from __future__ import annotations

import time
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

from lichtbild.base.errors import LichtbildWarning
from lichtbild.base.image import Burst
from lichtbild.capture.burst import gather
from lichtbild.pipeline import finish, merged
from lichtbild.publish.dng import write_merged
from lichtbild.publish.photo import save
from lichtbild.recipe import Recipe
from lichtbild.tools.jobs import Job, jobs, refuse_replacing
from lichtbild.tools.outcome import RECOVERABLE, Failures
from lichtbild.tools.progress import progress
from lichtbild.tools.talk import Talk


def develop(args: Namespace, talk: Talk) -> int:
    """Develop every burst that the arguments name; one that fails does not stop the others."""
    recipe = recipe_of(args)
    todo = jobs(args.inputs, args.output, args.dng, args.tiff)
    failures, done = Failures(talk), []
    for job in todo:
        try:
            refuse_replacing(job.files, job.paths, overwrite=args.overwrite)
            done.append(photo(job, recipe, args, talk, failures))
        except RECOVERABLE as error:
            failures.add(job.name, error)
    talk.document({"photos": done, "failed": failures.records})
    return failures.code(len(done))
