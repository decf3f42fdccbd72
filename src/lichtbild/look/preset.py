# SPDX-License-Identifier: Apache-2.0
"""Presets of another raw editor (XMP, ``crs:`` settings) as knobs of ours and a table.

Only what has a plain meaning is taken: exposure, contrast, highlights, shadows, clarity, saturation, vignette
and grain become knobs; whites, blacks, curves, vibrance, the eight hues, black and white and toning become a
function of one colour, to be baked.  The amounts are ours, found by eye and not by measuring that editor: a
preset arrives with its intent, not with its numbers.  Every other setting that is not 0 is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lichtbild.base.colour import SRGB, Float64, oklab_to_xyz, srgb_decode, srgb_encode, xyz_to_oklab
from lichtbild.base.errors import InputError
from lichtbild.look.profile_look import from_hsv, spline
from lichtbild.look.sampled import Operator
from lichtbild.look.xml import local, tree

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
HUES = {
    "Red": 29.0, "Orange": 60.0, "Yellow": 105.0, "Green": 142.0,
    "Aqua": 195.0, "Blue": 264.0, "Purple": 305.0, "Magenta": 345.0,
}  # fmt: skip
_CURVES = ("ToneCurvePV2012", "ToneCurvePV2012Red", "ToneCurvePV2012Green", "ToneCurvePV2012Blue")
_SILENT = (  # words about the preset, and details of what is taken
    *("Version", "ProcessVersion", "CompatibleVersion", "PresetType", "Cluster", "UUID", "Name", "ShortName"),
    *("SortName", "Group", "Description", "HasSettings", "HasCrop", "AlreadyApplied", "RawFileName"),
    *("Copyright", "ContactInfo", "CopyrightInfo", "CameraModelRestriction", "CameraProfile"),
    *("CameraProfileDigest", "WhiteBalance", "ToneCurveName", "ToneCurveName2012", "AutoGrayscaleMix"),
    *("ParametricShadowSplit", "ParametricMidtoneSplit", "ParametricHighlightSplit", "CurveRefineSaturation"),
    *("ColorGradeBlending", "GrainFrequency", "OverrideLookVignette", "PostCropVignetteMidpoint"),
    *("PostCropVignetteFeather", "PostCropVignetteRoundness", "PostCropVignetteStyle"),
    "PostCropVignetteHighlightContrast",
)
_TONES = ("Shadow", "Midtone", "Highlight", "Global")


@dataclass(slots=True)
class Preset:
    """Numbers and curves of a preset; what was asked for is taken note of."""

    name: str
    numbers: dict[str, float]
    curves: dict[str, Float64]
    others: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def of(self, key: str) -> float:
        """A number of the preset, 0 where it says none."""
        self.asked.add(key)
        return self.numbers.get(key, 0.0)

    @property
    def left_out(self) -> list[str]:
        """Settings that do something and were not asked for."""
        rest = (k for k, v in self.numbers.items() if v != 0 and k not in self.asked)
        return sorted({*rest, *self.others})


def read_preset(content: bytes, where: object) -> Preset:
    """The settings in an XMP file.

    Raises
    ------
    InputError
        It is no XMP, or has no settings.
    """
    words: dict[str, str] = {}
    curves: dict[str, Float64] = {}
    name = ""
    for node in tree(content, where).iter():
        for key, value in node.attrib.items():
            if key.startswith(CRS):
                words[key.removeprefix(CRS + "}")] = value
        if not node.tag.startswith(CRS):
            continue
        items = [i.text or "" for i in node.iter() if local(i) == "li"]
        if local(node) in _CURVES:
            curves[local(node)] = _points(items, f"{where}: {local(node)}")
        elif local(node) == "Name":
            name = next((t for t in items if t.strip()), "")
        elif len(node) == 0 and (node.text or "").strip():
            words[local(node)] = (node.text or "").strip()
        elif local(node) not in _SILENT:
            words[local(node)] = "…"
    if not words and not curves:
        raise InputError(
            f"{where} holds no settings of a raw editor (crs:)", hint="give a preset saved as .xmp"
        )
    numbers, others = {}, []
    for key, value in words.items():
        if key in _SILENT or key.startswith("Supports") or key.startswith("Requires") or not value:
            continue
        number = {"true": 1.0, "false": 0.0}.get(value.lower())
        try:
            number = float(value) if number is None else number
        except ValueError:
            others.append(key)
            continue
        if not abs(number) < 1e6:
            raise InputError(f"{where}: {key} = {value[:20]!r} is no number that can be")
        numbers[key] = number
    return Preset("".join(c for c in name if c.isprintable())[:100], numbers, curves, others)


def _points(items: list[str], where: str) -> Float64:
    try:
        found = np.array([[float(v) for v in i.split(",")] for i in items]) / 255
    except ValueError:
        found = np.zeros((0, 0))
    if (
        found.ndim != 2
        or found.shape[1:] != (2,)
        or not 2 <= len(found) <= 64
        or not np.isfinite(found).all()
    ):
        raise InputError(f"{where} is no curve; 2 to 64 points x, y of 0 … 255 are")
    if (np.diff(found[:, 0]) <= 0).any() or found.min() < 0 or found.max() > 1:
        raise InputError(f"{where} is no curve: its points must rise and lie in 0 … 255")
    return found


# ---- knobs


def knobs_of(p: Preset, base: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The settings that are knobs of ours, on top of those of a look.  They may go beyond a knob's range."""

    def now(stage: str, knob: str, default: float) -> float:
        return float(base.get(stage, {}).get(knob, default))

    turned: dict[str, dict[str, float]] = {}

    def turn(stage: str, knob: str, value: float, key: str) -> None:
        if p.of(key):
            turned.setdefault(stage, {})[knob] = round(value, 4)

    turn("exposure", "bias", now("exposure", "bias", 0) + p.of("Exposure2012"), "Exposure2012")
    contrast = now("grade", "contrast", 1.5) * 2 ** (0.005 * p.of("Contrast2012"))
    turn("grade", "contrast", contrast, "Contrast2012")
    turn("tone", "shadows", now("tone", "shadows", 0.4) + 0.006 * p.of("Shadows2012"), "Shadows2012")
    held = now("tone", "highlights", 0.4) - 0.006 * p.of("Highlights2012")
    turn("tone", "highlights", held, "Highlights2012")
    turn("tone", "clarity", now("tone", "clarity", 0) + 0.006 * p.of("Clarity2012"), "Clarity2012")
    saturation = now("grade", "saturation", 1) * (1 + p.of("Saturation") / 100)
    turn("grade", "saturation", saturation, "Saturation")
    if p.numbers.get("PostCropVignetteAmount", 0) < 0:
        turn("grade", "vignette", -0.006 * p.of("PostCropVignetteAmount"), "PostCropVignetteAmount")
    if p.of("GrainAmount"):
        turn("grain", "amount", 0.3 * p.of("GrainAmount"), "GrainAmount")
        turn("grain", "size", 6 + 0.3 * p.of("GrainSize"), "GrainSize")
    p.asked.add("GrainSize")
    return turned


# ---- the table


def colours_of(p: Preset) -> Operator | None:
    """What the preset does to single colours, in sRGB code; None where it does nothing."""
    tone, grey = _tone(p), p.of("ConvertToGrayscale") > 0
    hues = {
        w: np.array([p.of(f"{w}Adjustment{h}") for h in HUES]) / 100
        for w in ("Hue", "Saturation", "Luminance")
    }
    mixer = np.array([p.of(f"GrayMixer{h}") for h in HUES]) / 100
    vibrance, toning = p.of("Vibrance") / 100, _toning(p)
    if tone is None and not grey and not vibrance and not toning and not any(v.any() for v in hues.values()):
        return None
    to_xyz, from_xyz = SRGB.to_xyz(), SRGB.from_xyz()

    def colours(code: Float64) -> Float64:
        code = code if tone is None else tone(code)
        lab = xyz_to_oklab(srgb_decode(code) @ to_xyz.T)
        light, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
        hue, full = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])), np.clip(chroma / 0.1, 0, 1)
        near = _nearness(hue)
        if grey:
            light, chroma = light + 0.25 * near @ mixer * full, chroma * 0
        else:
            light = light + 0.15 * near @ hues["Luminance"] * full
            hue = hue + 30 * near @ hues["Hue"]
            room = np.clip(1 - chroma / 0.25, 0, 1) if vibrance > 0 else 1.0
            chroma = chroma * np.maximum(1 + near @ hues["Saturation"], 0) * (1 + 0.7 * vibrance * room)
        ab = chroma[:, None] * np.stack([np.cos(np.radians(hue)), np.sin(np.radians(hue))], axis=1)
        for weight, tint, lift in toning:
            w = weight(np.clip(light, 0, 1))
            ab, light = ab + w[:, None] * tint, light + lift * w
        made = oklab_to_xyz(np.concatenate([light[:, None], ab], axis=1)) @ from_xyz.T
        return srgb_encode(made)

    return colours


def _nearness(hue: Float64) -> Float64:
    """The share of each of the eight hues in a hue; they add up to 1."""
    centres = np.array(list(HUES.values()))
    at = np.append(centres, centres[0] + 360)
    turned = (hue - centres[0]) % 360 + centres[0]
    i = np.clip(np.searchsorted(at, turned, side="right") - 1, 0, len(centres) - 1)
    t = (turned - at[i]) / (at[i + 1] - at[i])
    out, rows = np.zeros((len(hue), len(centres))), np.arange(len(hue))
    out[rows, i] += 1 - t
    out[rows, (i + 1) % len(centres)] += t
    return out


def _tone(p: Preset) -> Operator | None:
    """Whites, blacks, the parametric curve and the point curves, in sRGB code; None where they do nothing."""
    blacks, whites = p.of("Blacks2012") / 1000, p.of("Whites2012") / 1000
    centres = {"Shadows": 0.125, "Darks": 0.375, "Lights": 0.625, "Highlights": 0.875}
    bumps = [(c, p.of(f"Parametric{w}") / 1000) for w, c in centres.items()]
    line = np.array([[0.0, 0.0], [1.0, 1.0]])
    points = [p.curves.get(k, line) for k in _CURVES]
    bent = [None if np.allclose(q[:, 0], q[:, 1]) else spline(q[:, 0], q[:, 1]) for q in points]
    if not blacks and not whites and not any(b for _, b in bumps) and not any(bent):
        return None

    def tone(code: Float64) -> Float64:
        x = np.clip(code, 0, 1)
        x = x + blacks * (1 - x) ** 4 + whites * x**4
        x = x + sum(b * np.exp(-(((x - c) / 0.15) ** 2)) * 4 * np.clip(x * (1 - x), 0, 1) for c, b in bumps)
        x = np.clip(x, 0, 1)
        if bent[0]:
            x = np.clip(bent[0](x), 0, 1)
        parts = [np.clip(b(x[:, c]), 0, 1) if b else x[:, c] for c, b in enumerate(bent[1:])]
        return np.stack(parts, axis=1)

    return tone


def _toning(p: Preset) -> list[tuple[Operator, Float64, float]]:
    """Weight over lightness, Oklab tint and lift of each tone."""
    balance = 2.0 ** (p.of("SplitToningBalance") / 100)
    weights: dict[str, Operator] = {
        "Shadow": lambda v: (1 - v) ** (2 * balance),
        "Midtone": lambda v: 4 * v * (1 - v),
        "Highlight": lambda v: v ** (2 / balance),
        "Global": np.ones_like,
    }
    found: list[tuple[Operator, Float64, float]] = []
    for tone in _TONES:
        split = f"SplitToning{tone}" if tone in ("Shadow", "Highlight") else f"ColorGrade{tone}"
        hue, share = p.of(f"{split}Hue"), p.of(f"{split}{'Saturation' if 'Split' in split else 'Sat'}") / 100
        lift = 0.15 * p.of(f"ColorGrade{tone}Lum") / 100
        pure = xyz_to_oklab(from_hsv(np.array([hue / 60 % 6, 1.0, 1.0])) @ SRGB.to_xyz().T)[1:]
        tint = 0.1 * share * pure / max(float(np.hypot(*pure)), 1e-9)
        if share or lift:
            found.append((weights[tone], tint, lift))
    return found
