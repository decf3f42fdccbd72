# SPDX-License-Identifier: Apache-2.0
"""A burst and its truth as files: ``frame_000.dng`` …, ``truth.npz`` and ``truth.json``."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.image import Burst
from lichtbild.base.tiff import write_file
from lichtbild.publish.dng import write_mosaic
from lichtbild.simulate.truth import Truth

ARRAYS = ("rgb", "poses", "layer_poses", "layer", "moving", "maps")


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
        arrays = {name: getattr(truth, name) for name in ARRAYS}
        arrays |= {f"shape_{m}": shape for m, shape in enumerate(truth.shapes)}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
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
        There is none, or it was left by an older version.
    """
    try:
        facts = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        with np.load(folder / "truth.npz") as arrays:
            shapes = tuple(arrays[f"shape_{m}"] for m in range(arrays["layer_poses"].shape[1]))
            named = {name: arrays[name] for name in ARRAYS}
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no truth here", hint="`lichtbild simulate` makes a burst with its truth"
        ) from error
    except KeyError as error:
        raise InputError(
            f"{folder}: the truth is incomplete: {error}", hint="simulate the burst again"
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{folder}: the truth cannot be read: {error}", hint="simulate the burst again"
        ) from error
    return Truth(**named, shapes=shapes, facts=facts)


def described(truth: Truth) -> dict[str, Any]:
    """The facts with the poses, for people and other programs."""
    return {**truth.facts, "poses": truth.poses.tolist(), "layer_poses": truth.layer_poses.tolist()}
