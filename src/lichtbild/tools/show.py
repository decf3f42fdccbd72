# SPDX-License-Identifier: Apache-2.0
"""The verbs that only look: info, knobs, group."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lichtbild.tools.outcome import DONE, RECOVERABLE, Failures
from lichtbild.tools.talk import Talk, frames


def describe(args: Namespace, talk: Talk) -> int:
    """``lichtbild info FILE…``: what raw files say about themselves."""
    from lichtbild.capture.raw import info

    known: list[dict[str, Any]] = []
    failures = Failures(talk)
    for path in args.files:
        try:
            facts = info(path)
        except RECOVERABLE as error:
            failures.add(path, error)
            continue
        known.append(facts)
        talk.result(
            "\n".join(
                [
                    str(path),
                    *(
                        f"  {word:18s} {spoken(value)}"
                        for word, value in facts.items()
                        if word != "file" and value not in (None, [], "")
                    ),
                ]
            )
        )
    talk.document({"files": known, "failed": failures.records})
    return failures.code(done=len(known))


def spoken(value: Any) -> str:
    """A fact as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {spoken(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(spoken(v) or "–" for v in value)
    return str(value)


def knobs(args: Namespace, talk: Talk) -> int:
    """``lichtbild knobs [STAGE]``: what can be turned."""
    from lichtbild.recipe import known_stage, stages

    wanted = [known_stage(args.stage)] if args.stage else list(stages())
    found = [(f"{stage}.{k.name}", k) for stage in wanted for k in stages()[stage].knobs()]
    talk.table((name, f"{k.default}", k.allowed, k.words) for name, k in found)
    if not found:
        talk.note(f"{wanted[0]} has no knobs")
    talk.document(
        [
            {
                "knob": name,
                "kind": k.kind.__name__,
                "default": k.default,
                "low": k.low,
                "high": k.high,
                "choices": k.choices,
                "unit": k.unit,
                "words": k.words,
            }
            for name, k in found
        ]
    )
    return DONE


def group(args: Namespace, talk: Talk) -> int:
    """``lichtbild group DIR``: which frames belong together, and why."""
    from lichtbild.capture.burst import group as find
    from lichtbild.tools.jobs import places

    failures, told = Failures(talk), []
    for place in places(args.folder):
        groups = find(place)
        for g in groups:
            members = [(p.relative_to(args.folder), why) for p, why in zip(g.paths, g.reasons, strict=True)]
            talk.result(f"{g.name}  {frames(len(members))}, exposures {g.exposures}")
            talk.result("\n".join(f"  {path}  {why}" for path, why in members))
            listed = [{"file": str(path), "reason": why} for path, why in members]
            told.append({"name": g.name, "exposures": g.exposures, "frames": listed})
        for path, error in groups.refused:
            failures.add(path, error)
    talk.document({"folder": str(args.folder), "groups": told, "failed": failures.records})
    return failures.code(len(told))
