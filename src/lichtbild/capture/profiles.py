# SPDX-License-Identifier: Apache-2.0
"""The user's colour profiles: a DCP for a camera, used for all its frames without being asked for.

They lie in ``profiles`` of the user's folder (`base.home`).  A profile belongs to the camera whose name
(UniqueCameraModel, else make and model) it carries; capitals and the number of spaces do not matter.  Of
several for one camera the first by file name is used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lichtbild.base.errors import InputError
from lichtbild.base.home import kept
from lichtbild.base.image import Burst
from lichtbild.capture.dcp import CameraProfile, camera_name, read_dcp

FOLDER = "profiles"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A profile in a file: where, what, and the SHA-256 by which it is known again."""

    path: Path
    profile: CameraProfile
    sha256: str


def opened_profile(path: Path) -> Kept:
    """The profile in a DCP file.

    Raises
    ------
    InputError
        As `capture.dcp.read_dcp`.
    """
    profile = read_dcp(path)
    return Kept(path, profile, hashlib.sha256(path.read_bytes()).hexdigest())


def kept_profiles() -> tuple[tuple[Kept, ...], tuple[tuple[Path, InputError], ...]]:
    """The user's profiles by file name, and the files among them that cannot be used, with the reason."""
    found, refused = [], []
    for path in kept(FOLDER, ".dcp"):
        try:
            found.append(opened_profile(path))
        except InputError as error:
            refused.append((path, error))
    return tuple(found), tuple(refused)


def profiles_of(camera: str) -> tuple[Kept, ...]:
    """The user's profiles for a camera, the one that is used first; files that cannot be read are not among
    them.
    """
    wanted = folded(camera)
    return tuple(k for k in kept_profiles()[0] if folded(k.profile.camera) == wanted) if wanted else ()


def own_profile(burst: Burst) -> Kept | None:
    """The user's profile for the camera of a burst; None without one, for several cameras, for grey ones."""
    cameras = {folded(camera_name(f.shot)) for f in burst.frames}
    if len(cameras) != 1 or any(f.shot.kind == "mono" for f in burst.frames):
        return None
    return next(iter(profiles_of(cameras.pop())), None)


def folded(camera: str) -> str:
    """A camera's name as it is compared."""
    return " ".join(camera.split()).casefold()
