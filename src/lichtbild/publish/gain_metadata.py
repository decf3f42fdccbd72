# SPDX-License-Identifier: Apache-2.0
"""What the codes of a gain map mean, in the two languages its readers speak.

With e = code / 255 and the weight w that a display's headroom asks for::

    gain = minimum + (maximum − minimum) · e^(1 / gamma)                                       in EV
    w    = clip((headroom − base_headroom) / (alternate_headroom − base_headroom), 0, 1)
    hdr  = (sdr + base_offset) · 2^(w · gain) − alternate_offset                               in linear light

ISO 21496-1 says so in 61 or 141 bytes of fractions [1], Ultra HDR 1 in attributes of XMP [2].

References
----------
[1] ISO 21496-1:2025, "Gain map metadata for image conversion", annex C.
[2] Android developers, "Ultra HDR image format v1.1".

This product includes Gain Map technology under license by Adobe.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from xml.etree import ElementTree

from lichtbild.base.errors import InputError
from lichtbild.base.image import Triple

ISO = b"urn:iso:std:iso:ts:21496:-1\0"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_CHANNELS, _BASE_COLOUR, _COMMON = 0x80, 0x40, 0x08  # flags
_PARTS = 1_000_000  # what our fractions are counted in


@dataclass(frozen=True, slots=True)
class GainMetadata:
    """How codes become gains; EV where not said otherwise.

    Attributes
    ----------
    minimum, maximum : Triple
        Gain of the lowest and the highest code, for red, green and blue.
    gamma : Triple
        Power that the codes were made with.
    base_offset, alternate_offset : Triple
        Linear light added before the gain, and taken away after it.
    base_headroom, alternate_headroom : float
        Of the displays that the picture as it is, and with all of its gain, is meant for.
    languages : tuple of str
        What said so: "ISO 21496-1", "Ultra HDR".
    """

    minimum: Triple
    maximum: Triple
    gamma: Triple = (1.0, 1.0, 1.0)
    base_offset: Triple = (1 / 64, 1 / 64, 1 / 64)
    alternate_offset: Triple = (1 / 64, 1 / 64, 1 / 64)
    base_headroom: float = 0.0
    alternate_headroom: float = 1.0
    languages: tuple[str, ...] = ()


def to_iso(gains: GainMetadata) -> bytes:
    """The ISO 21496-1 block, behind its name; one channel where the three agree."""
    columns = (gains.minimum, gains.maximum, gains.gamma, gains.base_offset, gains.alternate_offset)
    alike = all(len(set(c)) == 1 for c in columns)
    block = struct.pack(">HHB", 0, 0, _BASE_COLOUR | (0 if alike else _CHANNELS))
    block += _fraction(gains.base_headroom, "I") + _fraction(gains.alternate_headroom, "I")
    for channel in range(1 if alike else 3):
        for column, kind in zip(columns, "iiIii", strict=True):
            block += _fraction(column[channel], kind)
    return block


def _fraction(value: float, kind: str) -> bytes:
    return struct.pack(f">{kind}I", round(value * _PARTS), _PARTS)


def from_iso(block: bytes) -> GainMetadata:
    """What an ISO 21496-1 block says.

    Raises
    ------
    InputError
        It is cut short, of a later version, or divides by zero.
    """
    try:
        least, _, flags = struct.unpack_from(">HHB", block)
        if least > 0:
            raise InputError(f"gain map: metadata of version {least}, known is 0")
        channels = 3 if flags & _CHANNELS else 1
        head, rows = _common(block, channels) if flags & _COMMON else _fractions(block, channels)
    except (struct.error, ZeroDivisionError) as error:
        raise InputError(
            f"gain map: its ISO 21496-1 metadata is damaged ({error})", hint="copy the file again"
        ) from error
    low, high, gamma, base, alternate = zip(*(rows[c % channels] for c in range(3)), strict=True)
    return GainMetadata(low, high, gamma, base, alternate, head[0], head[1], ("ISO 21496-1",))


def _fractions(block: bytes, channels: int) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    def pairs(kinds: str, at: int) -> tuple[float, ...]:
        n = struct.unpack_from(">" + "".join(f"{k}I" for k in kinds), block, at)
        return tuple(a / b for a, b in zip(n[::2], n[1::2], strict=True))

    return pairs("II", 5), [pairs("iiIii", 21 + 40 * c) for c in range(channels)]


def _common(block: bytes, channels: int) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """The short form: one denominator for all."""
    below, *head = struct.unpack_from(">III", block, 5)
    rows = [struct.unpack_from(">iiIii", block, 17 + 20 * c) for c in range(channels)]
    return tuple(v / below for v in head), [tuple(v / below for v in row) for row in rows]


def to_xmp(gains: GainMetadata) -> bytes:
    """The XMP packet of the gain map's own JPEG; values that differ between channels as sequences."""
    rows = {
        "GainMapMin": gains.minimum,
        "GainMapMax": gains.maximum,
        "Gamma": gains.gamma,
        "OffsetSDR": gains.base_offset,
        "OffsetHDR": gains.alternate_offset,
    }
    said = "".join(f' hdrgm:{k}="{_number(v[0])}"' for k, v in rows.items() if len(set(v)) == 1)
    lists = "".join(
        f"<hdrgm:{k}><rdf:Seq>{''.join(f'<rdf:li>{_number(x)}</rdf:li>' for x in v)}</rdf:Seq></hdrgm:{k}>"
        for k, v in rows.items()
        if len(set(v)) > 1
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + _RDF + '">'
        f'<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0"{said} '
        f'hdrgm:HDRCapacityMin="{_number(gains.base_headroom)}" '
        f'hdrgm:HDRCapacityMax="{_number(gains.alternate_headroom)}" hdrgm:BaseRenditionIsHDR="False">'
        f"{lists}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def from_xmp(packet: bytes) -> GainMetadata | None:
    """What an XMP packet says about a gain map; None where it says nothing.

    Raises
    ------
    InputError
        It is damaged, lacks the highest gain, or its base is the bright one.
    """
    try:
        said = _said(packet)
        if "Version" not in said or len(said) == 1:
            return None
        if said.get("BaseRenditionIsHDR", ["False"])[0].lower() == "true":
            raise InputError("gain map: its base is the bright picture, which is not read")
        low, high, gamma, base, alternate = (
            _three(said.get(key, [usual]))
            for key, usual in (
                ("GainMapMin", "0"),
                ("GainMapMax", ""),
                ("Gamma", "1"),
                ("OffsetSDR", "0.015625"),
                ("OffsetHDR", "0.015625"),
            )
        )
        least, most = (float(said.get(f"HDRCapacity{k}", [d])[0]) for k, d in (("Min", "0"), ("Max", "")))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            f"gain map: its XMP is damaged ({error})", hint="copy the file again"
        ) from error
    return GainMetadata(low, high, gamma, base, alternate, least, most, ("Ultra HDR",))


def _said(packet: bytes) -> dict[str, list[str]]:
    if b"<!" in packet:  # a declaration: entities have no place in XMP
        raise ValueError("it declares entities")
    said: dict[str, list[str]] = {}
    start, mark = packet.find(b"<"), f"{{{HDRGM}}}"
    for node in ElementTree.fromstring(packet[start:].rstrip(b"\0 \n")).iter(f"{{{_RDF}}}Description"):
        said |= {k.removeprefix(mark): [v] for k, v in node.attrib.items() if k.startswith(mark)}
        for child in node:
            if child.tag.startswith(mark):
                items = [li.text or "" for li in child.iter(f"{{{_RDF}}}li")]
                said[child.tag.removeprefix(mark)] = items or [child.text or ""]
    return said


def _three(values: list[str]) -> Triple:
    numbers = [float(v) for v in values]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{len(numbers)} values where 1 or 3 are expected")
    r, g, b = (numbers[c % len(numbers)] for c in range(3))
    return r, g, b
