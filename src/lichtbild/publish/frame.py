# SPDX-License-Identifier: Apache-2.0
"""Frame: a border around the finished photo, with the line that says how it was taken.

Two borders.  ``line`` is a strip below the photo, ``mat`` leaves paper on all four sides, and more of it
below.  The line is made of what the file says: at the left the camera, at the right the focal length, the
f-number, the time, the sensitivity and the date.  The focal length is the *effective* one, in
millimetres on 36 × 24 mm where the file knows it: a photo that was cropped tells the field it shows.

The paper is neutral and as bright as white is, on a display with headroom too: there it does not glare.  The
type is what Pillow brings (Aileron Regular, CC0 [1]).

References
----------
[1] S. Sagano, "Aileron", 2014, CC0 1.0; in Pillow since 10.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lichtbild.base.image import Float32, Shot
from lichtbild.base.params import Params, choice, knob
from lichtbild.base.photo import GainMap, Photo, Transfer
from lichtbild.base.stage import stage
from lichtbild.capture.field import effective
from lichtbild.publish.photo import upright

_STEP = 8  # borders are so many pixels, or a multiple: the gain map's pixels keep their place
_WHITE: dict[Transfer, float] = {"srgb": 1.0, "pq": 0.5807, "hlg": 0.75}  # code of a display's white
_PAPERS = {"white": (255, 61, 128), "black": (18, 199, 133)}  # codes: paper, first words, other words
_GAP = "   "  # between the words of the line
_LEGIBLE = 0.6  # of the usual size; where both texts need smaller type, the exposure stands alone


@dataclass(frozen=True)
class Frame(Params):
    """Knobs of `frame`."""

    style: str = choice("none", ("none", "line", "mat"), "No border, a strip below, or paper all around.")
    paper: str = choice("white", tuple(_PAPERS), "White or black paper.")
    width: float = knob(7.0, 3.0, 20.0, "%", "Height of the strip in parts of the shorter side.")
    words: str = choice("all", ("all", "exposure", "none"), "Camera and exposure, the latter, or nothing.")


@stage
def frame(photo: Photo, params: Frame = Frame()) -> Photo:
    """Put a border and the exposure line around a photo.

    Parameters
    ----------
    photo : Photo
        Finished; its gain map grows with it and says "no brighter than white" of the paper.
    params : Frame
        Which border.

    Returns
    -------
    Photo
        Upright (orientation 1) and larger; the same object without a style.
    """
    if params.style == "none" or photo.rgb.size == 0:
        return photo
    rgb = upright(photo.rgb, photo.shot.orientation)
    h, w = rgb.shape[:2]
    strip = _whole(min(h, w) * params.width / 100)
    side = 0 if params.style == "line" else _whole(strip * 0.6)
    below = strip if params.style == "line" else _whole(strip * 1.4)
    white = _WHITE[photo.transfer]
    paper = np.float32(_PAPERS[params.paper][0] * (white / 255.0))
    out = np.full((h + side + below, w + 2 * side, 3), paper, np.float32)
    out[side : side + h, side : side + w] = rgb
    if params.words != "none":
        words = (camera(photo.shot) if params.words == "all" else "", exposure_line(photo.shot))
        ink = _ink(words, (w, below), params)
        out[side + h :, side : side + w] = (ink.astype(np.float32) * (white / 255.0))[..., None]
    gain = None if photo.gain is None else _framed(photo.gain, photo, (h, w), side, below)
    shot = replace(photo.shot, orientation=1, size=(out.shape[0], out.shape[1]))
    return replace(photo, rgb=out, shot=shot, gain=gain)


def camera(shot: Shot) -> str:
    """The camera in words, its maker only where the model does not name it."""
    make, model = shot.make.strip(), shot.model.strip()
    if not model or not make or model.lower().startswith(make.split()[0].lower()):
        return model or make
    return f"{make.split()[0]} {model}"


def exposure_words(shot: Shot) -> tuple[str, str, str, str]:
    """Focal length of what is shown, f-number, time and sensitivity in words; empty what is not known."""
    focal = effective(shot)
    return (
        "" if focal is None else f"{focal:.{int(focal < 10)}f}".removesuffix(".0") + " mm",
        f"f/{shot.f_number:.1f}".removesuffix(".0") if shot.f_number else "",
        seconds(shot.exposure_time) if shot.exposure_time else "",
        f"ISO {shot.iso:.0f}" if shot.iso else "",
    )


def exposure_line(shot: Shot) -> str:
    """``24 mm   f/1.9   1/120 s   ISO 400   2026-11-21``: whatever of it is known."""
    day = "" if shot.time is None else shot.time.strftime("%Y-%m-%d")
    return _GAP.join(word for word in (*exposure_words(shot), day) if word)


def seconds(time: float) -> str:
    """An exposure time as photographers write it."""
    if time >= 0.3:
        return f"{time:.1f}".removesuffix(".0") + " s"
    return f"1/{round(Fraction(1) / Fraction(time))} s"


def _whole(length: float) -> int:
    return max(_STEP, round(length / _STEP) * _STEP)


def _ink(words: tuple[str, str], size: tuple[int, int], params: Frame) -> NDArray[np.uint8]:
    """The strip with its words, grey, of `size` (width, height)."""
    (w, h), (paper, first, other) = size, _PAPERS[params.paper]
    strip = Image.new("L", size, paper)
    draw = ImageDraw.Draw(strip)
    margin = 0.0 if params.style == "mat" else h * 0.45
    at = h * (0.5 if params.style == "line" else 0.46)
    letters = h * (0.27 if params.style == "line" else 0.19)
    left, right = words
    room = max(w - 2 * margin, 1.0)
    if right and room / _length(draw, words, letters) < _LEGIBLE:  # a narrow photo
        left = ""
    share = room / _length(draw, (left, right), letters)
    font = ImageFont.load_default(max(letters * min(share, 1.0), 1.0))
    if left:
        draw.text((margin, at), left, first, font, anchor="lm")
        draw.text((w - margin, at), right, other, font, anchor="rm")
    else:
        draw.text((w / 2, at), right, first, font, anchor="mm")
    return np.asarray(strip)


def _length(draw: ImageDraw.ImageDraw, words: tuple[str, str], letters: float) -> float:
    """Pixels of two texts side by side, with room for two letters between them."""
    font = ImageFont.load_default(max(letters, 1.0))
    return sum(draw.textlength(text, font) for text in words if text) + 2.0 * letters


def _framed(gain: GainMap, photo: Photo, size: tuple[int, int], side: int, below: int) -> GainMap:
    """The gain map over the larger field: nothing is gained on paper."""
    inside: Float32 = upright(gain.gain, photo.shot.orientation)
    per = inside.shape[0] / size[0], inside.shape[1] / size[1]
    y, x, bottom = round(side * per[0]), round(side * per[1]), round(below * per[0])
    h, w = inside.shape[:2]
    out = np.zeros((h + y + bottom, w + 2 * x, inside.shape[2]), np.float32)
    out[y : y + h, x : x + w] = inside
    return replace(gain, gain=out)
