# SPDX-License-Identifier: Apache-2.0
"""What the laboratory looks at: a photo, a TIFF or a raw file as linear light.

Every measure needs values that are proportional to light.  A raw file is linearized, white-balanced and
demosaicked; a photo is decoded by the curve that its colour profile names.  Which of these was done is
part of every result: most disputes about such figures are about this step.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from lichtbild.base.colour import srgb_decode
from lichtbild.base.directories import Directory, read_directories
from lichtbild.base.errors import CorruptRaw, InputError, UnsupportedRaw
from lichtbild.base.image import Burst, Float32, Noise, RawFrame, Shot, Triple
from lichtbild.base.photo import Photo
from lichtbild.base.png import deep_colour
from lichtbild.capture.demosaic import Demosaic, coloured
from lichtbild.capture.linearize import Linearize, linearize
from lichtbild.capture.raw import read_raw

Space = Literal["camera", "srgb", "p3", "rec2020"]
PHOTOS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
LUMINANCE: Triple = (0.213, 0.715, 0.072)  # ISO 12233
NAMED = {"rec. 2020": "rec2020", "rec2020": "rec2020", "display p3": "p3", "srgb": "srgb"}
_FLOAT, _UNSIGNED = 3, 1


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture in linear light.

    Attributes
    ----------
    rgb : Float32 "h w 3"
        Linear; 1 is display white of a photo, or the clip level of green of a raw file.
    space : {"camera", "srgb", "p3", "rec2020"}
        What red, green and blue are; ``camera`` is white-balanced sensor colour.
    decoding : str
        What made it linear: ``raw``, ``linear``, ``sRGB``, ``gamma 2.2`` …
    bits : int
        Of a sample of the file.
    clipped : Bool "h w" or None
        Where any colour was at the end of its range.
    path : Path
        Where it came from.
    frame : RawFrame or None
        The digital numbers, if it was a raw file.
    noise : Noise or None
        What the file or an estimate says about the noise of ``rgb``, before demosaicking.
    warnings : tuple of str
        What every figure of this picture must be read with.
    """

    rgb: Float32
    space: Space = "srgb"
    decoding: str = "linear"
    bits: int = 32
    clipped: NDArray[np.bool_] | None = None
    path: Path = field(default_factory=Path)
    frame: RawFrame | None = None
    noise: Noise | None = None
    warnings: tuple[str, ...] = ()
    _light: list[Float32] = field(default_factory=list, init=False, repr=False)  # luminance, once asked for

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        h, w = self.rgb.shape[:2]
        return h, w

    @property
    def luminance(self) -> Float32:
        """``"h w"``: 0.213 R + 0.715 G + 0.072 B; computed once."""
        if not self._light:
            r, g, b = (np.float32(weight) for weight in LUMINANCE)
            light = self.rgb[..., 0] * r + self.rgb[..., 1] * g + self.rgb[..., 2] * b
            self._light.append(light.astype(np.float32, copy=False))
        return self._light[0]

    def channel(self, name: str) -> Float32:
        """``"h w"``: one of ``R G B`` or the luminance ``Y``."""
        return self.luminance if name == "Y" else self.rgb[..., "RGB".index(name)]

    @property
    def shot(self) -> Shot | None:
        """What the raw file says about the exposure."""
        return self.frame.shot if self.frame else None


def read_picture(
    path: Path | str, *, decoding: str = "auto", layout: str = "", demosaic: Demosaic = Demosaic()
) -> Picture:
    """Read a photo, TIFF, raw file or DNG as linear light.

    Parameters
    ----------
    path : Path or str
        The file.
    decoding : str
        ``auto`` (raw files and float TIFFs are linear, others as their profile says, else sRGB with a
        warning), ``linear``, ``srgb``, or a power such as ``2.2``.
    layout : str
        What a headerless sensor dump holds (see `lichtbild.capture.plain`).
    demosaic : Demosaic
        How a mosaic gets its colours.

    Raises
    ------
    InputError
        The file cannot be read, or `decoding` is none of these.
    """
    path = Path(path)
    power = _power(decoding)
    if not path.is_file():
        raise InputError(f"{path} is not there" if not path.exists() else f"{path} is not a file")
    if layout or path.suffix.lower() not in PHOTOS:
        return _raw(path, layout, demosaic)
    samples, profile = read_samples(path)
    return _decoded(path, samples, profile, decoding, power)


def read_samples(path: Path) -> tuple[NDArray[Any], bytes]:
    """The samples of a photo or TIFF as stored, ``"h w"`` or ``"h w n"``, and its colour profile.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    return _tiff(path) if path.suffix.lower() in (".tif", ".tiff") else _photo(path)


def _power(decoding: str) -> float:
    if decoding in ("auto", "linear", "srgb"):
        return 1.0
    try:
        power = float(decoding)
    except ValueError:
        power = 0.0
    if not 1 <= power <= 4:
        raise InputError(
            f"decoding = {decoding!r} is not allowed; give auto, linear, srgb or a power from 1 to 4"
        )
    return power


def picture_of(frame: RawFrame, demosaic: Demosaic = Demosaic()) -> Picture:
    """A raw frame as the laboratory sees it: linearized, white-balanced, demosaicked; hot pixels stay."""
    mosaic = linearize(Burst((frame,), 0), Linearize(hot_pixels=0.0))[0]
    scene = coloured(mosaic, demosaic)
    clipped = None if scene.clipped is None else scene.clipped > 0
    bits = max(1, int(np.ceil(np.log2(frame.shot.white + 1))))
    rgb = np.array(scene.rgb, np.float32)
    return Picture(rgb, "camera", "raw", bits, clipped, frame.shot.path, frame, scene.noise)


def picture_of_photo(photo: Photo) -> Picture:
    """A developed photo as the laboratory sees it, decoded without having been a file."""
    rgb = srgb_decode(photo.rgb).astype(np.float32)
    clipped = np.asarray(((photo.rgb <= 0) | (photo.rgb >= 1)).any(axis=2))
    return Picture(rgb, photo.space, "sRGB", 32, clipped, photo.shot.path)


def _raw(path: Path, layout: str, demosaic: Demosaic) -> Picture:
    try:
        return picture_of(read_raw(path, layout), demosaic)
    except UnsupportedRaw as error:
        kinds = ", ".join(s.removeprefix(".") for s in PHOTOS)
        raise UnsupportedRaw(str(error), hint=f"the laboratory reads raw files and {kinds}") from error


def _photo(path: Path) -> tuple[NDArray[Any], bytes]:
    try:
        with Image.open(path) as image:
            profile = image.info.get("icc_profile") or b""
            if (deep := deep_colour(path)) is not None:
                return deep, profile
            image.load()
            if image.mode not in ("L", "RGB", "I;16", "I"):
                image = image.convert("RGB")
            samples = np.asarray(image)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path} is too large to be measured: {error}", hint="measure a part of it"
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a picture: {error}", hint="copy it again") from error
    if samples.dtype == np.int32:
        samples = samples.astype(np.uint16)
    return samples, profile


def _tiff(path: Path) -> tuple[NDArray[Any], bytes]:
    """The first page of a TIFF: 8- and 16-bit or float32 samples, plain or deflated strips."""
    try:
        page = read_directories(path)[0]
    except (CorruptRaw, IndexError) as error:
        raise InputError(f"{path} is not a whole TIFF: {error}", hint="copy the file again") from error
    profile = page.payload(34675) if 34675 in page else b""
    bits, packing = page.integer(258, 1), page.integer(259, 1)
    if bits == 8:
        return _photo(path)[0], profile
    plain = packing in (1, 8, 32946) and page.integer(284, 1) == 1 and page.integer(317, 1) in (1, 2)
    kind = {(16, _UNSIGNED): "u2", (32, _FLOAT): "f4"}.get((bits, page.integer(339, _UNSIGNED)))
    if kind is None or not plain or 273 not in page:
        raise InputError(
            f"{path} is a TIFF of a kind the laboratory does not read",
            hint="save it with 8 or 16 bits or as 32-bit float, uncompressed or deflated, in strips",
        )
    return _samples(path, page, kind, packing), profile


def _samples(path: Path, page: Directory, kind: str, packing: int) -> NDArray[Any]:
    h, w, n = page.integer(257, 0), page.integer(256, 0), page.integer(277, 1)
    with path.open("rb") as file:
        order = "<" if file.read(2) == b"II" else ">"
        block = []
        for at, count in zip(page.numbers(273) or (), page.numbers(279) or (), strict=False):
            file.seek(int(at))
            strip = file.read(int(count))
            try:
                block.append(strip if packing == 1 else zlib.decompress(strip))
            except zlib.error as error:
                raise InputError(f"{path} is damaged: {error}", hint="copy the file again") from error
    whole = b"".join(block)
    if len(whole) != h * w * n * int(kind[1]) or not whole:
        raise InputError(
            f"{path} is damaged: {len(whole)} of {h * w * n * int(kind[1])} bytes", hint="copy it again"
        )
    samples = np.frombuffer(whole, order + kind).reshape((h, w, n)).astype(kind)
    if page.integer(317, 1) == 2:
        samples = np.cumsum(samples, axis=1, dtype=kind)
    return samples[..., 0] if n < 3 else samples[..., :3]


def _decoded(path: Path, samples: NDArray[Any], profile: bytes, decoding: str, power: float) -> Picture:
    bits = samples.dtype.itemsize * 8
    called = _profile_name(profile)
    name = called.lower()
    known = [space for word, space in NAMED.items() if word in name]
    space: Any = known[0] if known else "srgb"
    warnings = []
    if profile and not known:
        called = called or "without a name"
        warnings.append(f"colour profile {called}: its primaries are not known here and taken for sRGB's")
    if decoding == "auto":
        curve = "linear" if samples.dtype.kind == "f" or "linear" in name else "sRGB"
        if curve == "sRGB" and not profile:
            warnings.append("no colour profile: taken for sRGB; --decoding says otherwise")
    else:
        curve = {"linear": "linear", "srgb": "sRGB"}.get(decoding, f"gamma {power:g}")
    if bits == 8 and curve == "linear":
        warnings.append("8-bit samples taken as linear light: steps of 1/255 are wide in the shadows")
    top = 1.0 if samples.dtype.kind == "f" else float(2**bits - 1)
    light = samples.astype(np.float32) / np.float32(top)
    if samples.dtype.kind == "f":
        clipped = None
    else:
        ends = (samples == 0) | (samples == top)
        clipped = ends if ends.ndim == 2 else ends.any(axis=2)
    if curve == "sRGB":
        light = srgb_decode(light).astype(np.float32)
    elif power != 1:
        light = np.power(np.maximum(light, 0), np.float32(power))
    if light.ndim == 2:
        light = np.repeat(light[..., None], 3, axis=2)
    if not np.isfinite(light).all():
        raise InputError(f"{path} holds values that are not finite", hint="check the program that wrote it")
    return Picture(np.ascontiguousarray(light), space, curve, bits, clipped, path, warnings=tuple(warnings))


def _profile_name(profile: bytes) -> str:
    if not profile:
        return ""
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError, TypeError):
        return ""
