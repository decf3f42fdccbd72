# SPDX-License-Identifier: Apache-2.0
"""The states of an image, one type each: RawFrame, Burst, Frames, Mosaic, Flow, Scene (and `base.photo`).

Frozen, compared by identity; the arrays inside are never written after construction.  Noise travels with the
image: the variance of a linear value x in plane c is ``(shot[c] · x + read[c]) / frames``.

Axes are ``[y, x, c]``, sizes ``(height, width)``, positions ``(y, x)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lichtbild.base.errors import StateError
from lichtbild.base.stage import timed

Float32 = NDArray[np.float32]
UInt16 = NDArray[np.uint16]
UInt8 = NDArray[np.uint8]
Triple = tuple[float, float, float]
Kind = Literal["bayer", "mono", "linear"]
Filters = Literal["RGB", "RYB"]

RGGB, GRBG, GBRG, BGGR = (0, 1, 1, 2), (1, 0, 2, 1), (1, 2, 0, 1), (2, 1, 1, 0)


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance of linear values, ``shot · x + read`` per plane (R, G, B); x = 1 is the clip level of the raw
    file.
    """

    shot: Triple
    read: Triple

    def scaled(self, gain: Triple) -> Noise:
        """The noise of values multiplied by `gain` per plane."""
        s, r = self.shot, self.read
        return Noise(
            (s[0] * gain[0], s[1] * gain[1], s[2] * gain[2]),
            (r[0] * gain[0] ** 2, r[1] * gain[1] ** 2, r[2] * gain[2] ** 2),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Opcode:
    """One DNG opcode: ``name`` as in the specification, ``values`` as parsed, ``raw`` the bytes of it."""

    name: str
    optional: bool
    values: Mapping[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True, eq=False)
class HSVTable:
    """A DNG HueSatMap or LookTable: ``table: Float32 "value hue saturation 3"`` (hue shift °, saturation ×,
    value ×).
    """

    table: Float32
    srgb_value: bool = False  # the value axis is sRGB-encoded


@dataclass(frozen=True, slots=True, eq=False)
class CameraColour:
    """What a DNG or DCP says about colour, one entry per calibration illuminant.

    Matrices are row-major 3×3 arrays: ``colour`` maps XYZ → camera, ``forward`` balanced camera → XYZ D50,
    ``calibration`` is CameraCalibration, ``balance`` AnalogBalance.  ``whites`` are the chromaticities of
    illuminants that have no code (255), None for the others; empty where all have one.  Where ``graded``,
    ``look`` and ``tone_curve`` are a look of ours for other programs, not what colours are.
    """

    illuminants: tuple[int, ...] = ()  # EXIF LightSource codes
    colour: tuple[NDArray[np.float64], ...] = ()
    forward: tuple[NDArray[np.float64], ...] = ()
    calibration: tuple[NDArray[np.float64], ...] = ()
    balance: Triple = (1.0, 1.0, 1.0)
    hue_sat: tuple[HSVTable, ...] = ()
    look: HSVTable | None = None
    tone_curve: NDArray[np.float64] | None = None  # "n 2"
    name: str = ""
    whites: tuple[tuple[float, float] | None, ...] = ()
    graded: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What the file says about one exposure.

    ``pattern`` is the CFA colour (0 R, 1 G, 2 B) of the 2×2 cell at the top left of the active area, row by
    row; ``cell: UInt8 "p q"`` says it where the colours repeat in another cell (quad-Bayer, X-Trans; ``kind``
    is ``bayer`` all the same, ``sites`` is right for all).  ``filters`` names the colours: with ``RYB``, 1 is
    yellow. ``black`` is a repeating pattern of black levels (its sides are multiples of two); ``black_rows``
    and ``black_columns`` are deltas. ``neutral`` is the camera's answer to the scene's white, largest
    component 1.
    """

    path: Path
    size: tuple[int, int]
    kind: Kind = "bayer"
    pattern: tuple[int, int, int, int] = RGGB
    cell: UInt8 | None = None
    filters: Filters = "RGB"
    black: Float32 = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    black_rows: Float32 | None = None
    black_columns: Float32 | None = None
    white: float = 65535.0
    make: str = ""
    model: str = ""
    unique: str = ""  # UniqueCameraModel
    orientation: int = 1  # EXIF, 1 … 8
    iso: float | None = None
    exposure_time: float | None = None  # s
    f_number: float | None = None
    focal_length: float | None = None  # mm
    time: datetime | None = None  # with sub-seconds where the file has them
    subseconds: bool = False
    neutral: Triple | None = None
    noise: Noise | None = None  # NoiseProfile, per plane
    baseline_exposure: float = 0.0  # EV
    colour: CameraColour = field(default_factory=CameraColour)
    opcodes: tuple[tuple[Opcode, ...], tuple[Opcode, ...], tuple[Opcode, ...]] = ((), (), ())
    crop: tuple[int, int, int, int] | None = None  # top, left, height, width that the maker shows, if not all
    part: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # kept of the active area: as crop, shares
    exif: Mapping[str, Mapping[int, Any]] = field(
        default_factory=dict
    )  # "main", "exif", "gps", "raw" (gain tables of the profile): tag → value, to carry
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the photographer's: `capture.words`

    @property
    def sites(self) -> UInt8:
        """Colours of the photosites as they repeat from the top left, ``"p q"`` of 0 … 2, whatever the cell
        is (``pattern`` means something only where ``cell`` is None); one of plane 1 where there is no mosaic.
        """
        if self.kind != "bayer":
            return np.ones((1, 1), np.uint8)
        return np.array(self.pattern, np.uint8).reshape(2, 2) if self.cell is None else self.cell

    def part_of(self, area: tuple[int, ...], size: tuple[int, int]) -> tuple[float, float, float, float]:
        """What is kept of the active area where `area` is cut from a picture of `size`; as `crop`, shares."""
        top, left, height, width = self.part
        down, across = height / size[0], width / size[1]
        return top + area[0] * down, left + area[1] * across, area[2] * down, area[3] * across


@dataclass(frozen=True, slots=True, eq=False)
class RawFrame:
    """``dn: UInt16 "h w"`` (Bayer, mono) or ``"h w 3"`` (linear): digital numbers of the active area.

    ``pixels`` are these numbers, or what reads them whenever ``dn`` is asked for; ``measured`` is what was
    found in them, so that they are read for it once.
    """

    pixels: UInt16 | Callable[[], UInt16]
    shot: Shot
    measured: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def dn(self) -> UInt16:
        """The digital numbers."""
        return self.pixels() if callable(self.pixels) else self.pixels


@dataclass(frozen=True, slots=True, eq=False)
class Burst:
    """Frames of one scene by one camera; ``reference`` is None until it is chosen by sharpness."""

    frames: tuple[RawFrame, ...]
    reference: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """One frame in linear, white-balanced light: 0 black, ``gain[c]`` the clip level of colour c; may be < 0.

    ``cfa: Float32 "h w"`` ("h w 3" for linear raws).  ``shading: Float32 "h/2 w/2" | None`` is the
    lens-shading gain that was applied (mean of the planes, about 1 … 4), by which noise grew.  ``clipped:
    UInt8 "h w"``: 1 where the sensor was at its white level; for linear raws bit c where colour c was.
    """

    cfa: Float32
    kind: Kind
    pattern: tuple[int, int, int, int]
    gain: Triple
    noise: Noise
    clipped: UInt8
    shot: Shot
    shading: Float32 | None = None
    history: tuple[str, ...] = ()

    @property
    def cell(self) -> UInt8:
        """Colours of the photosites as they repeat from the top left, ``"p q"`` of 0 … 2: 2 × 2 for Bayer,
        4 × 4 for quad-Bayer, 6 × 6 for X-Trans; of a mono sensor one photosite of plane 1.
        """
        if self.kind == "bayer" and self.shot.cell is None:
            return np.array(self.pattern, np.uint8).reshape(2, 2)
        return self.shot.sites


F = TypeVar("F", Mosaic, "Scene")


@dataclass(frozen=True, slots=True, eq=False)
class Frames(Generic[F]):
    """A burst whose frames are made when asked for: thirty need no more memory than two.

    ``exposures`` is the light of every frame in units of the reference's, which it was scaled to; empty where
    all are exposed alike.
    """

    count: int
    reference: int
    make: Callable[[int], F]
    stage: str
    history: tuple[str, ...] = ()
    exposures: tuple[float, ...] = ()

    def __getitem__(self, index: int) -> F:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return timed(self.stage, lambda: self.make(index))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[F]:
        return (self[i] for i in range(self.count))


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Where everything moved, reference → frame, at tile centres.

    ``shift: Float32 "n ty tx 2"`` is (y, x) in pixels.  The centre of tile (j, i) is ``((j + ½)·tile − ½, (i
    + ½)·tile − ½)``; between centres the flow is bilinear.  It is the smooth motion of the background: what
    moves on its own in front of it is in ``second: Float32 "n ty tx 2"``: the shift (pixels) of a thing that
    is seen in the tile or reaches into it, NaN where there is none, None when there is none anywhere.  Its
    shift v, u pixels (y, x) from the centre of the tile is ``second + (turn[0]·v + turn[1]·u, turn[2]·v +
    turn[3]·u)``; ``turn: Float32 "n ty tx 4"`` is 0 where the shift is the same all over the tile.

    ``trust: Float32 "n ty tx"`` is the share of the tile's area, 0 … 1, which ``shift`` explains up to noise.
    """

    shift: Float32
    tile: int
    trust: Float32
    second: Float32 | None = None
    turn: Float32 | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Linear light, ``rgb: Float32 "h w 3"``, unbounded above, may be < 0.

    ``space`` is ``camera`` (white-balanced sensor colours, clip level ``gain[c]``), ``rec2020`` (scene light,
    0.18 mid-grey, 1.0 diffuse white) or ``picture`` (linear Display P3 after the look's curve, 1.0 display
    white). ``frames: Float32 "h/2 w/2"`` is how many frames' worth of light each 2×2 cell holds (lens-shading
    gain counted against it), ``clipped: UInt8 "h w"`` has bit c set where colour c was at the sensor's white
    level.  ``weights`` are the mean weights of the frames over the picture, the reference's 1, in the order
    of the burst; empty where nothing was merged.  ``reach`` is how many times ``gain`` the light goes before
    it clips: more than 1 in a bracket.  ``white`` is the brightest light of a ``picture``: 1 is the white of
    paper and of an ordinary screen, 2^headroom where a bright one is meant.
    """

    rgb: Float32
    space: Literal["camera", "rec2020", "picture"]
    shot: Shot
    noise: Noise
    gain: Triple = (1.0, 1.0, 1.0)
    frames: Float32 | None = None
    clipped: UInt8 | None = None
    merged: int = 1
    history: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    reach: float = 1.0
    white: float = 1.0

    def require(self, space: str) -> Scene:
        """Give this scene back, if it is in `space`.

        Raises
        ------
        StateError
            It is in another space.
        """
        if self.space != space:
            remedy = {"camera": "give it before calibrate", "rec2020": "calibrate it first"}
            hint = remedy.get(space, "grade it first")
            raise StateError(f"needs a scene in {space}, got one in {self.space}; {hint}")
        return self
