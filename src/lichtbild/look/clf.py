# SPDX-License-Identifier: Apache-2.0
"""CLF: a chain of colour operators as XML, read as one function of colours.

Read are Matrix, Range, LUT1D, LUT3D, ASC_CDL, Exponent and Log; values of integer bit depths are scaled to
0 … 1.  Anything else is refused by name.

References
----------
[1] Academy S-2014-006, "Common LUT Format (CLF)", version 3.0, 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from lichtbild.base.colour import Float64
from lichtbild.base.errors import InputError
from lichtbild.look.sampled import Operator
from lichtbild.look.table import MOST_ENTRIES, read_bytes, shaped, tetrahedral
from lichtbild.look.xml import local, tree

_DEPTHS = {"8i": 255.0, "10i": 1023.0, "12i": 4095.0, "16i": 65535.0, "16f": 1.0, "32f": 1.0}
_QUIET = ("Description", "InputDescriptor", "OutputDescriptor", "Info")
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # as ASC CDL takes its saturation
_UNIT = np.array([[0.0] * 3, [1.0] * 3])


def read_clf(path: Path | str) -> Operator:
    """The chain in a CLF file as a function of colours ``"n 3"``.

    Raises
    ------
    InputError
        It cannot be read, is no CLF, or holds what is not understood.
    """
    return operator(read_bytes(Path(path)), path)


def operator(content: bytes, where: object) -> Operator:
    """The chain that the bytes of a CLF file hold.

    Raises
    ------
    InputError
        As `read_clf`.
    """
    top = tree(content, where)
    if local(top) != "ProcessList":
        raise InputError(f"{where} is no CLF: it begins with {local(top)[:30]!r}, not ProcessList")
    steps: list[Operator] = []
    for node in top:
        word = local(node)
        if word in _QUIET:
            continue
        if word not in _NODES:
            raise InputError(f"{where}: {word[:30]} is not read; read are {', '.join(_NODES)}")
        if node.get("bypass", "false") == "true":
            continue
        scale = [_DEPTHS.get(node.get(k, "32f"), 0.0) for k in ("inBitDepth", "outBitDepth")]
        if not all(scale):
            raise InputError(f"{where}: {word} has a bit depth that is none of {', '.join(_DEPTHS)}")
        steps.append(_NODES[word](node, scale[0], scale[1], f"{where}: {word}"))
    if not steps:
        raise InputError(f"{where} holds no operator")

    def chain(colours: Float64) -> Float64:
        for step in steps:
            colours = step(colours)
        return colours

    return chain


# ---- the operators


def _child(node: Element, name: str, where: str) -> Element:
    if (found := next((c for c in node if local(c) == name), None)) is None:
        raise InputError(f"{where} has no {name}")
    return found


def _floats(text: str | None, where: str) -> Float64:
    try:
        values = np.array((text or "").split(), np.float64)
    except ValueError:
        raise InputError(f"{where} holds something that is no number") from None
    if not np.isfinite(values).all():
        raise InputError(f"{where} holds NaN or infinity")
    return values


def _array(node: Element, where: str) -> tuple[list[int], Float64]:
    child = _child(node, "Array", where)
    try:
        sides = [int(w) for w in child.get("dim", "").split()]
    except ValueError:
        sides = []
    if not sides or min(sides) < 1 or max(sides) > MOST_ENTRIES:
        raise InputError(f"{where} has dim {child.get('dim')!r}, allowed are whole numbers to {MOST_ENTRIES}")
    return sides, _floats(child.text, where)


def _matrix(node: Element, inside: float, outside: float, where: str) -> Operator:
    sides, values = _array(node, where)
    if sides[:2] not in ([3, 3], [3, 4]) or len(values) != sides[0] * sides[1]:
        raise InputError(f"{where} is {sides}, allowed are 3 3 and 3 4")
    m = values.reshape(sides[:2])
    matrix, offset = m[:, :3] * inside / outside, m[:, 3] / outside if m.shape[1] == 4 else np.zeros(3)
    return lambda c: c @ matrix.T + offset


def _range(node: Element, inside: float, outside: float, where: str) -> Operator:
    said = {local(c): float(v[0]) for c in node if len(v := _floats(c.text, where)) == 1}
    keys = ("minInValue", "minOutValue", "maxInValue", "maxOutValue")
    low, low_out, high, high_out = (
        None if k not in said else said[k] / (inside if "In" in k else outside) for k in keys
    )
    clamp = node.get("style", "Clamp") != "noClamp"
    if (low is None) != (low_out is None) or (high is None) != (high_out is None):
        raise InputError(f"{where} needs the value out of each value in")
    gain, offset = 1.0, 0.0
    if low is not None and high is not None and low_out is not None and high_out is not None:
        if high <= low:
            raise InputError(f"{where} goes from {low} to {high}")
        gain = (high_out - low_out) / (high - low)
        offset = low_out - low * gain
    elif (one := low if low is not None else high) is not None:
        offset = (low_out if low_out is not None else high_out or 0.0) - one
    bottom, top = (-np.inf if low_out is None else low_out), (np.inf if high_out is None else high_out)
    return lambda c: np.clip(c * gain + offset, bottom, top) if clamp else c * gain + offset


def _lut1d(node: Element, inside: float, outside: float, where: str) -> Operator:
    if "true" in (node.get("halfDomain"), node.get("rawHalfs")):
        raise InputError(f"{where} counts in half floats, which is not read")
    sides, values = _array(node, where)
    if len(sides) != 2 or sides[1] not in (1, 3) or sides[0] < 2 or len(values) != sides[0] * sides[1]:
        raise InputError(f"{where} has {len(values)} values for dim {sides}")
    curve = np.broadcast_to(values.reshape(sides), (sides[0], 3)) / outside
    return lambda c: shaped(c, curve, _UNIT)


def _lut3d(node: Element, inside: float, outside: float, where: str) -> Operator:
    sides, values = _array(node, where)
    if len(sides) != 4 or sides[3] != 3 or len(set(sides[:3])) != 1 or not 2 <= sides[0] <= 129:
        raise InputError(f"{where} has dim {sides}, allowed is n n n 3 with n 2 … 129")
    if len(values) != sides[0] ** 3 * 3:
        raise InputError(f"{where} has {len(values)} values for dim {sides}")
    cube = values.reshape(sides) / outside
    return lambda c: tetrahedral(c, cube, _UNIT)


def _cdl(node: Element, inside: float, outside: float, where: str) -> Operator:
    said = {local(c): _floats(c.text, where) for part in node for c in part}
    slope, offset, power = (
        said.get(k, np.full(3, d)) for k, d in (("Slope", 1.0), ("Offset", 0.0), ("Power", 1.0))
    )
    if any(len(v) != 3 for v in (slope, offset, power)) or min(slope.min(), power.min()) <= 0:
        raise InputError(f"{where} needs three numbers each, slope and power above 0")
    saturation = float(np.append(said.get("Saturation", np.ones(1)), 1.0)[0])
    style = node.get("style", "Fwd").lower()
    if style not in ("fwd", "fwdnoclamp", "v1.2_fwd"):
        raise InputError(f"{where} has the style {style[:20]!r}, allowed are Fwd and FwdNoClamp")
    top = np.inf if "noclamp" in style else 1.0

    def step(c: Float64) -> Float64:
        x = c * slope + offset
        if top == 1.0:
            x = np.clip(x, 0, 1)
        x = np.where(x > 0, np.maximum(x, 1e-30) ** power, x)
        luma = (x @ _LUMA)[..., None]
        x = luma + saturation * (x - luma)
        return np.clip(x, 0, 1) if top == 1.0 else x

    return step


def _channels(node: Element, name: str, where: str) -> list[Mapping[str, float]]:
    """The parameters of red, green and blue."""
    found: list[Mapping[str, float]] = [{}, {}, {}]
    for child in (c for c in node if local(c) == name):
        one = {k: float(_floats(v, where)[0]) for k, v in child.items() if k != "channel" and v.strip()}
        for i in range(3):
            if child.get("channel") in (None, "RGB"[i]):
                found[i] = one
    return found


def _per_channel(steps: Sequence[Operator]) -> Operator:
    return lambda c: np.stack([steps[i](c[..., i]) for i in range(3)], axis=-1)


def _exponent(node: Element, inside: float, outside: float, where: str) -> Operator:
    style = node.get("style", "").lower()
    if style not in (
        "basicfwd",
        "basicrev",
        "basicmirrorfwd",
        "basicmirrorrev",
        "moncurvefwd",
        "moncurverev",
    ):
        raise InputError(f"{where} has the style {style[:20]!r}, which is not read")

    def made(p: Mapping[str, float]) -> Operator:
        g, f = p.get("exponent", 1.0), p.get("offset", 0.0)
        if not 0.01 <= g <= 100 or not 0 <= f <= 0.9 or (style.startswith("mon") and (g <= 1 or f <= 0)):
            raise InputError(f"{where} has the exponent {g} and offset {f}, which cannot be")
        if style.startswith("mon"):
            return _monitor(g, f, style.endswith("rev"))
        g = 1 / g if style.endswith("rev") else g
        if "mirror" in style:
            return lambda x: np.sign(x) * np.abs(x) ** g
        return lambda x: np.maximum(x, 0.0) ** g

    return _per_channel([made(p) for p in _channels(node, "ExponentParams", where)])


def _monitor(g: float, f: float, back: bool) -> Operator:
    at = f / (g - 1)
    slope = ((g - 1) / f) * ((f * g) / ((g - 1) * (1 + f))) ** g
    if back:
        return lambda y: np.where(y >= at * slope, (1 + f) * np.maximum(y, 1e-30) ** (1 / g) - f, y / slope)
    return lambda x: np.where(x >= at, (np.maximum(x + f, 1e-30) / (1 + f)) ** g, x * slope)


def _log(node: Element, inside: float, outside: float, where: str) -> Operator:
    style = node.get("style", "").lower()
    plain = {"log10": 10.0, "log2": 2.0, "antilog10": 10.0, "antilog2": 2.0}
    if style in plain:
        base = plain[style]
        if style.startswith("anti"):
            return lambda c: base ** np.minimum(c, 60.0)
        return lambda c: np.log(np.maximum(c, 2.0**-126)) / np.log(base)
    if style not in ("lintolog", "logtolin", "cameralintolog", "cameralogtolin"):
        raise InputError(f"{where} has the style {style[:20]!r}, which is not read")
    return _per_channel(
        [_camera_log(p, style.endswith("tolin"), where) for p in _channels(node, "LogParams", where)]
    )


def _camera_log(p: Mapping[str, float], back: bool, where: str) -> Operator:
    base, a, b = p.get("base", 2.0), p.get("linSideSlope", 1.0), p.get("linSideOffset", 0.0)
    c, d, at = p.get("logSideSlope", 1.0), p.get("logSideOffset", 0.0), p.get("linSideBreak")
    if base <= 0 or base == 1 or a == 0 or c == 0 or (at is not None and a * at + b <= 0):
        raise InputError(f"{where} has parameters that make no logarithm")

    def log(x: Float64) -> Float64:
        return c * np.log(np.maximum(a * x + b, 2.0**-126)) / np.log(base) + d

    def exp(y: Float64) -> Float64:
        return (base ** np.clip((y - d) / c, -200.0, 60.0) - b) / a

    if at is None:
        return exp if back else log
    slope = p.get("linearSlope", c * a / ((a * at + b) * np.log(base)))
    if slope == 0:
        raise InputError(f"{where} has the linearSlope 0, allowed is any other number")
    level = float(log(np.array(at)))
    if back:
        return lambda y: np.where(y >= level, exp(y), at + (y - level) / slope)
    return lambda x: np.where(x >= at, log(x), level + (x - at) * slope)


_NODES: Mapping[str, Callable[[Element, float, float, str], Operator]] = {
    "Matrix": _matrix,
    "Range": _range,
    "LUT1D": _lut1d,
    "LUT3D": _lut3d,
    "ASC_CDL": _cdl,
    "Exponent": _exponent,
    "Log": _log,
}
