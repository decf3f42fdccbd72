# SPDX-License-Identifier: Apache-2.0
"""``lichtbild profile``: the colour profiles of one's cameras: list, show, import, export."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from lichtbild.base.directories import read_directories
from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.home import home, shelf
from lichtbild.base.image import CameraColour, HSVTable
from lichtbild.base.params import nearest
from lichtbild.base.tiff import write_file
from lichtbild.capture.dcp import camera_name
from lichtbild.capture.illuminant import kelvins
from lichtbild.capture.profiles import FOLDER, Kept, kept_profiles, opened_profile, profiles_of
from lichtbild.capture.raw import read_shot
from lichtbild.publish.dcp import write_dcp
from lichtbild.tools.outcome import DONE, RECOVERABLE, Failures, UsageError
from lichtbild.tools.show import spoken
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import refuse_replacing, target

DCP = (".dcp",)
POLICIES = (
    "may be copied",
    "may be embedded in photos made with it",
    "must not be embedded",
    "no restrictions",
)


ACTIONS = ("list", "show", "import", "export")


def profile(args: Namespace, talk: Talk) -> int:
    """List, show, import or export colour profiles.

    Raises
    ------
    UsageError
        Words are missing, or too many.
    """
    words = [str(word) for word in args.inputs]
    if args.what not in ACTIONS:
        raise UsageError(
            f"profile {args.what!r} is not possible{nearest(args.what, ACTIONS)}",
            hint=f"what can be done: {', '.join(ACTIONS)}",
        )
    if args.what == "list":
        if words:
            raise UsageError(f"profile list {words[0]}: list takes no names", hint="`profile show` takes one")
        return listed(talk)
    if not words:
        wanted = {"show": "a profile, a raw file or a camera", "import": "profiles (.dcp)"}
        raise UsageError(
            f"profile {args.what}: {wanted.get(args.what, 'a camera or a file')} is missing",
            hint="`lichtbild profile --help` shows the usage",
        )
    if args.what == "import":
        return imported([Path(w) for w in words], args, talk)
    if len(words) > 1:
        raise UsageError(
            f"profile {args.what} takes one camera or file, got {len(words)}",
            hint="put the name of a camera in quotes: 'Make Model'",
        )
    if args.what == "show":
        return shown(words[0], talk)
    return exported(words[0], args, talk)


def listed(talk: Talk) -> int:
    """The user's profiles, one a line."""
    found, refused = kept_profiles()
    failures = Failures(talk)
    for path, error in refused:
        failures.add(path, error)
    if not found:
        talk.note(f"no profiles in {home() / FOLDER}; `lichtbild profile import FILE.dcp` puts one there")
    used = {k.path: k.path == profiles_of(k.profile.camera)[0].path for k in found if k.profile.camera}
    talk.table(
        (
            k.profile.camera or "(any camera)",
            k.profile.colour.name,
            lights(k.profile.colour),
            k.path.name if used.get(k.path) else f"{k.path.name}, not used",
        )
        for k in found
    )
    told = [{**facts(k), "used": bool(used.get(k.path))} for k in found]
    talk.document({"folder": str(home() / FOLDER), "profiles": told, "failed": failures.records})
    return failures.code(len(found))


def shown(word: str, talk: Talk) -> int:
    """What a profile holds: of a camera, a DCP file, or inside a raw file."""
    known = facts(kept_for(word)) if not Path(word).is_file() else of_file(Path(word))
    talk.result(known["file"])
    for name, value in known.items():
        if name != "file" and value not in (None, [], ""):
            talk.result(f"  {name:18s} {spoken(value)}")
    talk.document(known)
    return DONE


def imported(paths: list[Path], args: Namespace, talk: Talk) -> int:
    """Copy profiles into the user's folder, where they are found by the name of their camera."""
    failures, done = Failures(talk), []
    for path in paths:
        try:
            made = opened_profile(path)
            if not made.profile.camera:
                raise InputError(
                    f"{path} does not say which camera it is for, so it would never be used",
                    hint="use it with --dcp, or make one with `lichtbild calibrate colour`",
                )
            place = shelf(FOLDER) / f"{file_name(made.profile.camera)}.dcp"
            if place.exists() and not args.overwrite:
                raise ExportError(
                    f"{place} exists already: there is a profile for {made.profile.camera}",
                    hint="--overwrite replaces it",
                )
            write_file(place, [path.read_bytes()], overwrite=args.overwrite)
        except RECOVERABLE as error:
            failures.add(path, error)
            continue
        done.append({**facts(made), "file": str(place)})
        talk.result(f"{place.name}  {made.profile.colour.name}  for {made.profile.camera}")
    talk.document({"imported": done, "failed": failures.records})
    return failures.code(len(done))


def exported(word: str, args: Namespace, talk: Talk) -> int:
    """Write a profile as a DCP file: the user's own for a camera, or the one inside a raw file.

    Raises
    ------
    UsageError
        Nothing says where to.
    InputError
        The file holds no profile.
    """
    if args.output is None:
        raise UsageError("profile export: nothing says where to", hint="-o camera.dcp")
    source = Path(word)
    raw = source.is_file() and source.suffix.lower() not in DCP
    name = source.stem if source.is_file() else file_name(word)
    path = target(args.output, name, DCP)
    refuse_replacing([path], [source] if source.is_file() else [], overwrite=args.overwrite)
    if raw:
        shot = read_shot(source)
        if not shot.colour.colour:
            raise InputError(
                f"{source} holds no colour profile", hint="make one with `lichtbild calibrate colour`"
            )
        camera, colour = camera_name(shot), shot.colour
        if len(colour.hue_sat) == 1:  # one for all lights
            colour = replace(colour, hue_sat=colour.hue_sat * len(colour.colour))
        write_dcp(path, colour, name=colour.name or camera, camera=camera, overwrite=args.overwrite)
    else:
        own = opened_profile(source) if source.is_file() else kept_for(word)
        camera = own.profile.camera
        write_file(path, [own.path.read_bytes()], overwrite=args.overwrite)
    talk.result(f"{path.name}  for {camera or 'any camera'}")
    talk.document({"file": str(path), "camera": camera})
    return DONE


def kept_for(camera: str) -> Kept:
    """The user's profile for a camera.

    Raises
    ------
    InputError
        There is none, and no such file.
    """
    if found := profiles_of(camera):
        return found[0]
    known = sorted({k.profile.camera for k in kept_profiles()[0]})
    raise InputError(
        f"{camera}: no such file, and no profile for a camera of that name{nearest(camera, known)}",
        hint="`lichtbild profile list` shows the profiles you have",
    )


def file_name(camera: str) -> str:
    """A camera's name as the name of a file."""
    return re.sub(r"[^\w.+ -]+", "_", " ".join(camera.split())).strip(". ") or "camera"


# ---- words about profiles


def of_file(path: Path) -> dict[str, Any]:
    """Facts about the profile in a DCP or raw file."""
    if path.suffix.lower() in DCP:
        return facts(opened_profile(path))
    shot = read_shot(path)
    return {"file": str(path), "camera": camera_name(shot), **contents(shot.colour)}


def facts(own: Kept) -> dict[str, Any]:
    """Facts about a profile of the user."""
    top = read_directories(own.path)[0]
    policy = top.integer(50941, 0)
    return {
        "file": str(own.path),
        "camera": own.profile.camera,
        **contents(own.profile.colour),
        "copyright": top.text(50942),
        "policy": POLICIES[policy] if 0 <= policy < len(POLICIES) else "",
        "sha256": own.sha256,
    }


def contents(colour: CameraColour) -> dict[str, Any]:
    """What a profile is made of."""
    return {
        "name": colour.name,
        "lights": lights(colour),
        "matrices": len(colour.colour),
        "forward matrices": len(colour.forward),
        "table": sides(colour.hue_sat[0]) if colour.hue_sat else "",
        "look table": sides(colour.look) if colour.look else "",
        "tone curve": None if colour.tone_curve is None else f"{len(colour.tone_curve)} points",
    }


def lights(colour: CameraColour) -> str:
    """The colour temperatures of the lights a profile was made for."""
    return " and ".join(f"{k:.0f} K" if k else "an unknown light" for k in kelvins(colour))


def sides(table: HSVTable) -> str:
    """Hues, saturations and values of a table."""
    value, hue, saturation = table.table.shape[:3]
    return f"{hue} × {saturation} × {value}"
