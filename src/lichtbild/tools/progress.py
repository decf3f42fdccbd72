# SPDX-License-Identifier: Apache-2.0
"""Progress of one photo: a bar on a terminal, plain lines elsewhere, nothing when quiet.

Everything is learnt by watching the stages; the pipeline does not know that anybody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lichtbild.base.stage import Watcher, watching
from lichtbild.tools.talk import Talk
from lichtbild.tools.talk import frames as counted

STAGES = 12
READS = 3  # how often a frame is made: linearized for align, linearized and demosaicked for merge


@contextmanager
def progress(talk: Talk, title: str, frames: int) -> Iterator[dict[str, float]]:
    """Show how far one photo is; gives the seconds of each stage, filled in as they end."""
    seconds: dict[str, float] = {}

    def count(stage: str, image: Any, own: float) -> None:
        seconds[stage] = seconds.get(stage, 0.0) + own

    with watching(count):
        if talk.style == "bar":
            with bar(title, STAGES + READS * frames) as advance, watching(advance):
                yield seconds
        else:
            if talk.style == "plain":
                talk.note(f"{title}: {counted(frames)}")
            yield seconds
    for stage, own in seconds.items():
        talk.detail(f"  {stage:12s} {own * 1e3:8.1f} ms")


@contextmanager
def bar(title: str, total: int) -> Iterator[Watcher]:
    """A bar on the terminal that moves whenever a stage ends and says which."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[title]}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=total, title=title)
        yield lambda stage, image, own: shown.update(task, advance=1, description=stage)
