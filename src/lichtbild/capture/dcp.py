# SPDX-License-Identifier: Apache-2.0
"""A colour profile that comes apart from the photo: the DCP file.

It is a TIFF directory whose first four bytes are ``IIRC`` (or ``MMCR``), with the same tags for matrices,
tables and curve as in a DNG.

References
----------
[1] Digital Negative Specification 1.6, chapter 6, "Camera profiles", and appendix on the file format.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from lichtbild.base.directories import read_directories
from lichtbild.base.errors import CorruptRaw, FallbackWarning, InputError
from lichtbild.base.image import Burst, CameraColour, Shot
from lichtbild.capture.profile import read_colour

MAGIC = (b"IIRC", b"MMCR")
CAMERA = 50708


@dataclass(frozen=True, slots=True, eq=False)
class CameraProfile:
    """A profile and the camera it was made for (UniqueCameraModel, empty: any)."""

    colour: CameraColour
    camera: str = ""


def read_dcp(path: Path | str) -> CameraProfile:
    """Read a DCP file.

    Raises
    ------
    InputError
        It cannot be read, is something else, is damaged, or has no colour matrix.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputError(
            f"{path}: {(error.strerror or str(error)).lower()}", hint="give the .dcp file of a profile"
        ) from error
    if head not in MAGIC:
        raise InputError(
            f"{path} is no colour profile (DCP)",
            hint="give what `lichtbild calibrate colour` wrote; ICC profiles are another thing",
        )
    chain = read_directories(path)
    if not chain:
        raise CorruptRaw(f"{path} has no directory")
    colour = read_colour(chain[0], (0, 1, 2))
    if not colour.colour:
        raise InputError(
            f"{path} holds no colour matrix; lichtbild needs at least one",
            hint="make a profile with `lichtbild calibrate colour`",
        )
    return CameraProfile(replace(colour, balance=(1.0, 1.0, 1.0)), chain[0].text(CAMERA))


def applied(burst: Burst, profile: CameraProfile) -> Burst:
    """The burst with `profile` in the place of what its files say about colour.

    AnalogBalance stays the file's; a CameraCalibration belongs to the profile that was replaced and goes.

    Raises
    ------
    InputError
        The frames have no colour.

    Warns
    -----
    FallbackWarning
        The profile was made for another camera.
    """
    frames = []
    for frame in burst.frames:
        shot = frame.shot
        if shot.kind == "mono":
            raise InputError(
                f"{shot.path.name} has no colour; a profile is of no use", hint="leave out --dcp"
            )
        colour = replace(profile.colour, balance=shot.colour.balance)
        frames.append(replace(frame, shot=replace(shot, colour=colour)))
    theirs = {camera_name(f.shot) for f in burst.frames} - {profile.camera}
    if profile.camera and theirs:
        warnings.warn(
            f"the profile {profile.colour.name} is for {profile.camera}, the frames are by "
            f"{', '.join(sorted(theirs)) or 'an unknown camera'}",
            FallbackWarning,
            stacklevel=2,
        )
    return replace(burst, frames=tuple(frames))


def camera_name(shot: Shot) -> str:
    """The camera as profiles name it: UniqueCameraModel, else make and model, the make only once."""
    make, model = shot.make.strip(), shot.model.strip()
    return shot.unique or (model if model.startswith(make) else f"{make} {model}".strip())
