# SPDX-License-Identifier: Apache-2.0
"""What the photographer wrote: title, description, name, rights, keywords, rating, label and place.

They stand in XMP, in the raw file or in a sidecar beside it, or in the older IPTC-IIM.  Only the properties
listed here are read; of two answers the sidecar's counts first, then XMP, then IPTC.

References
----------
[1] ISO 16684-1, "Extensible metadata platform (XMP)".
[2] IPTC-NAA Information Interchange Model, version 4.2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from lichtbild.base.directories import Directory
from lichtbild.base.tiff import LONG

Words = Mapping[str, tuple[str, ...]]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PREFIXES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "exif": "http://ns.adobe.com/exif/1.0/",
}
# property → how XMP holds it: one text, one text in languages, an ordered or an unordered list
SAID = {
    "dc:title": "Alt",
    "dc:description": "Alt",
    "dc:creator": "Seq",
    "dc:rights": "Alt",
    "dc:subject": "Bag",
    "xmp:Rating": "",
    "xmp:Label": "",
    "xmpRights:UsageTerms": "Alt",
    "xmpRights:Marked": "",
}
PLACES = {
    "photoshop:City": "",
    "photoshop:State": "",
    "photoshop:Country": "",
    "Iptc4xmpCore:Location": "",
    "Iptc4xmpCore:CountryCode": "",
    "exif:GPSLatitude": "",
    "exif:GPSLongitude": "",
    "exif:GPSAltitude": "",
    "exif:GPSAltitudeRef": "",
}
_NAMES = {f"{{{PREFIXES[p]}}}{n}": f"{p}:{n}" for p, n in (w.split(":") for w in (*SAID, *PLACES))}
_IPTC = {
    5: "dc:title",
    25: "dc:subject",
    80: "dc:creator",
    90: "photoshop:City",
    92: "Iptc4xmpCore:Location",
    95: "photoshop:State",
    100: "Iptc4xmpCore:CountryCode",
    101: "photoshop:Country",
    116: "dc:rights",
    120: "dc:description",
}
_XMP_TAG, _IPTC_TAG = 700, 33723
LARGEST = 1 << 20  # bytes of a packet
MOST, LONGEST = 200, 4000  # entries of a list, characters of each


def words_of(path: Path, top: Directory | None = None) -> Words:
    """All that is written about a raw file: in its main directory `top`, and in a sidecar."""
    found: dict[str, tuple[str, ...]] = {}
    if top is not None:
        found.update(iptc_words(_iptc_bytes(top)))
        found.update(xmp_words(top.fields[_XMP_TAG].payload if _XMP_TAG in top else b""))
    found.update(xmp_words(_sidecar(path)))
    return found


def xmp_words(packet: bytes) -> Words:
    """The listed properties of an XMP packet; none where it is damaged or declares entities."""
    if not 0 < len(packet) <= LARGEST or b"<!DOCTYPE" in packet.replace(b"\0", b""):
        return {}
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):  # also an encoding nobody knows
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for rdf in root.iter(f"{{{RDF}}}RDF"):
        for about in rdf.findall(f"{{{RDF}}}Description"):  # not those inside: histories, faces
            said = [(n, [v]) for n, v in about.attrib.items()]
            said += [(e.tag, [_text(li) for li in e.iter(f"{{{RDF}}}li")] or [_text(e)]) for e in about]
            for name, values in said:
                known = _NAMES.get(name)
                kept = _kept(values)
                if known is not None and kept:
                    found[known] = kept if known in ("dc:creator", "dc:subject") else kept[:1]
    return found


def iptc_words(block: bytes) -> Words:
    """The listed entries of an IPTC-IIM block, as the properties of XMP that mean the same."""
    found: dict[str, list[str]] = {}
    at, coding = 0, "latin-1"
    while at + 5 <= len(block) and block[at] == 0x1C:
        record, entry = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        value = block[at + 5 : at + 5 + size]
        at += 5 + size
        if size >= 0x8000 or len(value) < size:
            break
        if (record, entry) == (1, 90) and value == b"\x1b%G":
            coding = "utf-8"
        elif record == 2 and entry in _IPTC:
            with contextlib.suppress(UnicodeDecodeError):
                found.setdefault(_IPTC[entry], []).append(value.decode(coding))
    return {name: kept for name, values in found.items() if (kept := _kept(values))}


def _kept(values: list[str]) -> tuple[str, ...]:
    return tuple(short for v in values[:MOST] if (short := v.strip()[:LONGEST]))


def _text(element: ElementTree.Element) -> str:
    return element.text or ""


def _iptc_bytes(top: Directory) -> bytes:
    """The block as written: where it is called a list of LONG, the reader has turned its bytes."""
    if _IPTC_TAG not in top:
        return b""
    kept = top.fields[_IPTC_TAG]
    if kept.type != LONG or top.order == "<":
        return kept.payload
    return b"".join(kept.payload[k : k + 4][::-1] for k in range(0, len(kept.payload), 4))


def _sidecar(path: Path) -> bytes:
    for beside in (path.with_suffix(".xmp"), path.with_suffix(".XMP"), path.with_name(path.name + ".xmp")):
        with contextlib.suppress(OSError):
            if beside.stat().st_size <= LARGEST:
                return beside.read_bytes()
    return b""
