# SPDX-License-Identifier: Apache-2.0
"""``--explain``: what the merge did, as a picture for people and as JSON of the same stem for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lichtbild.base import kernels
from lichtbild.base.colour import P3, SRGB, rgb_to_rgb, srgb_decode, srgb_encode
from lichtbild.base.image import Scene, UInt8
from lichtbild.base.photo import Photo
from lichtbild.base.stage import watching
from lichtbild.base.tiff import write_file
from lichtbild.base.version import __version__
from lichtbild.capture.exposures import groups
from lichtbild.combine.account import Account, Part, Witness
from lichtbild.correct.crop import shown as area
from lichtbild.pipeline import merged
from lichtbild.publish.order import eight_bit, upright
from lichtbild.recipe import Recipe
from lichtbild.tools.explain_picture import page
from lichtbild.tools.open import Opened

FORMAT = "lichtbild merge account 1"
SHOWN = 800  # px
NOISE = {
    "file": "NoiseProfile of the file",
    "profile": "measured profile (--noise)",
    "estimated": "estimated from the reference frame",
}


@dataclass(frozen=True)
class Told:
    """An account, and what only the command line knows about it."""

    account: Account
    left_out: tuple[tuple[Path, str], ...]
    asked: bool  # whether the photographer named the reference
    noise: str
    recipe: Recipe
    size: tuple[int, int]  # of the merged picture

    @property
    def count(self) -> int:
        """Frames that were read."""
        return len(self.account.parts)


def merging(read: Opened, recipe: Recipe, *, asked: bool, wanted: bool) -> tuple[Scene, Told | None]:
    """Merge a burst and, if wanted, watch how."""
    if not wanted:
        return merged(read.burst, recipe), None
    witness = Witness(read.burst)
    with watching(witness):
        scene = merged(read.burst, recipe)
    h, w = scene.rgb.shape[:2]
    return scene, Told(witness.account(scene), read.left_out, asked, read.noise, recipe, (h, w))


def explain(
    path: Path,
    told: Told,
    shown: UInt8,
    *,
    outputs: Sequence[Path],
    warnings: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write picture and JSON.

    Parameters
    ----------
    path : Path
        Of the picture; ends in .png.
    shown : UInt8 "h w 3"
        The developed picture, upright, of any size.
    outputs : sequence of Path
        What was written from the merge.
    warnings : sequence of str
        What was said about it.

    Raises
    ------
    ExportError
        A file exists and may not be replaced, or cannot be written.
    """
    record = document(told, outputs, warnings)
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    account = told.account
    top, left, h, w = area(account.shot, account.worth.shape)
    worth = upright(account.worth[top : top + h, left : left + w, None], account.shot.orientation)[..., 0]
    write_file(path, [page(record, worth, shown)], overwrite=overwrite)
    write_file(path.with_suffix(".json"), [text.encode()], overwrite=overwrite)


def document(told: Told, outputs: Sequence[Path], warnings: Sequence[str]) -> dict[str, Any]:
    """The account as plain values; every field is explained in docs/guides/merge.md."""
    account, noise = told.account, told.account.noise
    reference = account.parts[account.reference]
    return {
        "format": FORMAT,
        "outputs": [str(p) for p in outputs],
        "size": list(told.size),
        "frames": [frame(part) for part in account.parts]
        + [{"file": str(p), "verdict": "dropped", "reason": why} for p, why in told.left_out],
        "reference": {
            "index": account.reference,
            "file": str(reference.path),
            "why": why_reference(told),
        },
        "exposures": {"kind": account.exposures, "ratios": [number(p.exposure) for p in account.parts]},
        "noise": {
            "source": NOISE[told.noise],
            "shot": None if noise is None else [number(v) for v in noise.shot],
            "read": [] if noise is None else [number(v) for v in noise.read],
        },
        "merged": {
            "method": told.recipe.merge.method,
            "read": told.count,
            "used": sum(p.verdict != "dropped" for p in account.parts),
            "mean_frames": number(account.frames),
            "alone": number(account.alone),
            "worth": quantiles(account.worth),
        },
        "recipe": told.recipe.to_toml(),
        "warnings": list(warnings),
        "versions": {
            "lichtbild": __version__,
            "kernels": kernels.level,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def frame(part: Part) -> dict[str, Any]:
    """One frame that was read."""
    return {
        "file": str(part.path),
        "verdict": part.verdict,
        "reason": part.reason,
        "weight": number(part.weight),
        "sharpness": number(part.sharpness),
        "exposure": number(part.exposure),
        "shift_px": [number(v) for v in part.shift],
        "turn_deg": number(part.turn),
        "bend_px": number(part.bend),
        "trust": number(part.trust),
    }


def why_reference(told: Told) -> str:
    """Why the reference is the reference."""
    if told.count == 1:
        return "the only frame"
    if told.asked:
        return "as asked"
    exposures = [part.exposure for part in told.account.parts]
    alike = next(g for g in groups(exposures) if told.account.reference in g)
    if len(alike) == told.count:
        return f"the sharpest of {told.count} frames"
    several = f"sharpest of the {len(alike)} " if len(alike) > 1 else ""
    return f"the {several}best exposed of {told.count} frames"


def small(photo: Photo) -> UInt8:
    """A photo for the sheet: 8 bit, upright, not much wider than it is shown."""
    pixels = Image.fromarray(eight_bit(photo, dither=False))
    reduced = np.asarray(pixels.reduce(max(1, max(pixels.size) // SHOWN)))
    if photo.space == "srgb":
        return reduced
    linear = srgb_decode(reduced / 255) @ rgb_to_rgb(P3, SRGB).T
    return np.round(255 * srgb_encode(np.clip(linear, 0, 1))).astype(np.uint8)


def number(value: float) -> float:
    """Five digits: what a person may compare."""
    return float(f"{value:.5g}")


def quantiles(worth: NDArray[np.float32]) -> dict[str, float]:
    """Frames at a place: the least, quartiles and the most."""
    words = ("least", "quarter", "half", "three_quarters", "most")
    found = np.quantile(worth, (0, 0.25, 0.5, 0.75, 1))
    return {word: number(float(v)) for word, v in zip(words, found, strict=True)}
