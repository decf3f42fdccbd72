# SPDX-License-Identifier: Apache-2.0
"""What the simulator knows of a burst, in memory and beside its files: the light, the motion, the noise."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.image import Burst, Float32, UInt8
from lichtbild.base.tiff import write_file
from lichtbild.publish.dng import write_mosaic
from lichtbild.simulate.handshake import Float64

ARRAYS = ("rgb", "poses", "layer_poses", "layer", "moving")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What was really there.

    ``rgb: Float32 "h w 3"`` is the scene's light on the grid of the reference frame in camera colours, before
    white balance; 1 is the clip level, lamps go far beyond.  ``poses "n 2 3"`` map a resting point (y, x, 1)
    of the reference to its place in each frame, ``layer_poses "n m 2 3"`` do so for the points of each moving
    layer.  ``layer: UInt8 "h w"`` is 0 where the reference shows resting things and m + 1 where it shows
    moving layer m; ``moving: UInt8 "h w"`` is 1 wherever a moving layer was in any frame.  ``facts`` are
    levels, noise, colour and seeds.
    """

    rgb: Float32
    poses: Float64
    layer_poses: Float64
    layer: UInt8
    moving: UInt8
    facts: Mapping[str, Any]

    def flow(self, frame: int) -> Float32:
        """Where everything moved from the reference to `frame`: ``"h w 2"``, (y, x) in pixels."""
        h, w = self.layer.shape
        y, x = np.arange(h, dtype=np.float64)[:, None], np.arange(w, dtype=np.float64)[None, :]
        out = np.empty((h, w, 2), np.float32)
        for m in range(self.layer_poses.shape[1] + 1):
            pose = self.poses[frame] if m == 0 else self.layer_poses[frame, m - 1]
            mine = self.layer == m
            for axis, place in enumerate((y, x)):
                moved = pose[axis, 0] * y + pose[axis, 1] * x + pose[axis, 2] - place
                out[..., axis][mine] = moved[mine]
        return out


def write(folder: Path, burst: Burst, truth: Truth) -> list[Path]:
    """Leave a burst and its truth in a folder: ``frame_000.dng`` …, ``truth.npz`` and ``truth.json``.

    Parameters
    ----------
    folder : Path
        Made if it is missing; files of these names in it are replaced, and the further frames of a longer
        burst go, for the truth is not theirs.
    burst, truth
        As `lichtbild.simulate.burst` gives them.

    Returns
    -------
    list of Path
        The raw files.

    Raises
    ------
    ExportError
        The folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / frame.shot.path.name for frame in burst.frames]
        for path, frame in zip(paths, burst.frames, strict=True):
            write_mosaic(path, frame.dn, frame.shot, overwrite=True)
        packed = io.BytesIO()
        np.savez(
            packed,
            rgb=truth.rgb,
            poses=truth.poses,
            layer_poses=truth.layer_poses,
            layer=truth.layer,
            moving=truth.moving,
        )
        write_file(folder / "truth.npz", [packed.getbuffer()], overwrite=True)
        told = json.dumps(described(truth), indent=1).encode()
        write_file(folder / "truth.json", [told], overwrite=True)
        for path in set(folder.glob("frame_[0-9][0-9][0-9].dng")) - set(paths):
            path.unlink()
    except OSError as error:
        raise ExportError(f"{folder}: cannot be written, {error.strerror}") from error
    return paths


def read_truth(folder: Path) -> Truth:
    """The truth that `write` left in a folder.

    Raises
    ------
    InputError
        There is none.
    """
    try:
        facts = json.loads((folder / "truth.json").read_text())
        with np.load(folder / "truth.npz") as arrays:
            rgb, poses, layer_poses, layer, moving = (arrays[k] for k in ARRAYS)
            return Truth(rgb, poses, layer_poses, layer, moving, facts)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no truth here", hint="`lichtbild simulate` makes a burst with its truth"
        ) from error


def described(truth: Truth) -> dict[str, Any]:
    """The facts with the poses, for people and other programs."""
    return {**truth.facts, "poses": truth.poses.tolist(), "layer_poses": truth.layer_poses.tolist()}
