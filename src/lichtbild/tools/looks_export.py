# SPDX-License-Identifier: Apache-2.0
"""``lichtbild looks export``: a look as a table or profile for other programs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from lichtbild.base.tiff import write_file
from lichtbild.look.clf_text import clf_text
from lichtbild.look.cube import cube_text
from lichtbild.look.hald import hald_png
from lichtbild.look.look import Look
from lichtbild.look.sampled import Operator, graded
from lichtbild.publish.look_table import INPUTS, profiled, sampled
from lichtbild.recipe import Recipe, stages
from lichtbild.tools.looks import chosen, possible
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.talk import Talk

KINDS = (".cube", ".clf", ".png", ".dcp")
SPACES = ("srgb", "p3")
_PLACES = ("aspect", "tone", "halation", "grain")  # stages that need the picture
_TAKES = {
    "srgb": "takes scene light 0 … 1 (no curve applied; 1.0 diffuse white, mid-grey 0.18), sRGB-encoded, {}",
    "log": "takes scene light 0 … 128, Rec. 2020, encoded as (log2(x + 2^-12) + 12) / 19",
    "linear": "takes linear scene light 0 … 128, Rec. 2020 (1.0 diffuse white, mid-grey 0.18)",
}


def run(args: Namespace, talk: Talk) -> int:
    """Export one look.

    Raises
    ------
    UsageError
        No file to write, a kind that is not written, words that do not fit it, or a look without a table.
    """
    if not args.output:
        raise UsageError("looks export needs -o FILE", hint=f"written are {', '.join(KINDS)}")
    path = Path(args.output)
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise UsageError(
            f"{path}: no {kind or 'such'} files are written", hint=f"written are {', '.join(KINDS)}"
        )
    code, screen = args.input or ("log" if kind == ".clf" else "srgb"), args.space or "srgb"
    possible("--input", code, INPUTS)
    possible("--space", screen, SPACES)
    if kind == ".clf" and code != "log":
        raise UsageError(
            "a .clf takes linear light and brings it to the code log itself", hint="leave out --input"
        )
    look = chosen(args.name)
    recipe = Recipe.of(look)
    if recipe.rendering.by == "profile":
        raise UsageError(
            f"the look {args.name} shows what the profile in each raw file says: there is no table of it",
            hint="export another look; `lichtbild profile export` writes the profile of a raw file",
        )
    operator, missing = graded(recipe.exposure, recipe.grade, recipe.lut), left_out(look, recipe)
    if kind == ".dcp":
        side, mean, most = _profile(args, path, look, operator)
    else:
        side = _side(args.size, kind)
        table, mean, most = sampled(operator, side, code, screen, look.name)
        comments = (
            f"the look {look.name} of lichtbild, without: {', '.join(missing)}",
            _TAKES["linear" if kind == ".clf" else code].format(screen),
            f"gives a picture, sRGB-encoded, {screen} primaries",
            f"distance from the look: mean dE00 {mean:.2f}, largest {most:.2f}",
        )
        texts = {
            ".cube": lambda: cube_text(table, comments),
            ".clf": lambda: clf_text(table, comments),
            ".png": lambda: hald_png(table, "; ".join(comments)),
        }
        write_file(path, [texts[kind]()], overwrite=args.overwrite)
    talk.result(f"{path}  {look.name}  {side}  mean ΔE00 {mean:.2f}, largest {most:.2f}")
    talk.note(f"left out, since it needs the picture: {', '.join(missing)}")
    talk.document(
        {"file": str(path), "look": args.name, "delta_e": {"mean": mean, "max": most}, "left_out": missing}
    )
    return DONE


def left_out(look: Look, recipe: Recipe) -> list[str]:
    """What of a look a table cannot hold."""
    found = ["automatic exposure"]
    for stage in (s for s in _PLACES if s in stages()):
        turned = look.settings.get(stage, {})
        if any(turned.values()) and getattr(getattr(recipe, stage), "amount", 1) != 0:
            found.append({"tone": "local tone"}.get(stage, stage))
    return found + ["vignette"] * (recipe.grade.vignette > 0)


def _side(size: int | None, kind: str) -> int:
    """Cells a side; of a HALD a square number.

    Raises
    ------
    UsageError
        Not one.
    """
    if kind != ".png":
        return size or 33
    if (size or 64) not in (16, 25, 36, 49, 64):
        raise UsageError(
            f"--size {size} is no HALD's; allowed are 16, 25, 36, 49, 64", hint="leave out --size"
        )
    return size or 64


def _profile(args: Namespace, path: Path, look: Look, operator: Operator) -> tuple[str, float, float]:
    """Write the look as a camera profile."""
    from lichtbild.capture.dcp import camera_name, read_dcp
    from lichtbild.capture.raw import read_shot
    from lichtbild.publish.dcp import write_dcp

    if args.camera is None:
        raise UsageError(
            "a .dcp is for one camera: --camera FILE is missing", hint="give a DNG or DCP of that camera"
        )
    if args.camera.suffix.lower() == ".dcp":
        profile = read_dcp(args.camera)
        colour, camera = profile.colour, profile.camera
    else:
        shot = read_shot(args.camera)
        colour, camera = shot.colour, camera_name(shot)
        if not colour.colour:
            raise UsageError(f"{args.camera} says nothing about colour", hint="give a DNG or DCP that does")
    made, mean, most = profiled(operator, colour, f"lichtbild {look.name}")
    write_dcp(path, made, camera=camera, overwrite=args.overwrite)
    return camera or "any camera", mean, most
