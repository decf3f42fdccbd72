# SPDX-License-Identifier: Apache-2.0
"""XMP of a finished file: what the photographer wrote, and how the file was made.

Words go along by the list of `capture.words`; those that tell the place only where the place may be told.
Recipe, history, settings of the file, and name and SHA-256 of what it was made of travel in a namespace of
our own, so that `made_of` finds them and the same pixels can be made again.

No folder is ever named: a recipe that uses a file says its name alone, since folders are called after people.

References
----------
[1] ISO 16684-1, "Extensible metadata platform (XMP)".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from lichtbild.base.errors import InputError
from lichtbild.base.image import Shot
from lichtbild.base.version import SOFTWARE, __version__
from lichtbild.capture.words import PLACES, PREFIXES, RDF, SAID, xmp_words

NAMESPACE = "https://lichtbild.org/ns/1.0/"
Strip = Literal["none", "gps", "all"]

_SETTING = re.compile(r"[a-z][a-z_]*")
_NAMING = ("look", "layout")  # settings that may hold words of the photographer
# a TOML text, or a word of a history, that names a place on a disk
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLACE = re.compile(r"""(?<![^\s"'=(,:])(?:~|[A-Za-z]:[\\/]|\\\\|/)[^\s"'(),]*[\\/](?=[^\s"'(),\\/]+)""")
_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}(?:#\w+)?$")
_HEAD, _TAIL = b"<x:xmpmeta", b"</x:xmpmeta>"


@dataclass(frozen=True, slots=True)
class Made:
    """How a file was made: ``inputs`` are names and SHA-256, ``settings`` words of the command line."""

    recipe: str
    history: tuple[str, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def xmp_packet(
    recipe: str,
    history: Iterable[str],
    inputs: Iterable[tuple[str, str]] = (),
    *,
    shot: Shot | None = None,
    strip: Strip = "none",
    settings: Mapping[str, str] | None = None,
    more: tuple[str, str] = ("", ""),
) -> bytes:
    """An XMP packet with the recipe (TOML), the stages that ran, and name and SHA-256 of the raw files.

    Parameters
    ----------
    shot : Shot, optional
        Its photographer's words go along.
    strip : {"none", "gps", "all"}
        Tell everything, all but the place, or neither words nor any file's name or hash.
    settings : mapping, optional
        What else is needed to make the same file again, as short words.
    more : tuple of str
        Further attributes, with their namespaces, and elements.
    """
    told = strip != "all"
    body = _element("version", __version__)
    body += _element("recipe", nameless(recipe, files=told))
    body += _list("lichtbild:history", "Seq", [_unplaced(line) for line in history])
    if frames := "".join(_frame(name, digest) for name, digest in inputs if told):
        body += f"<lichtbild:frames><rdf:Seq>{frames}</rdf:Seq></lichtbild:frames>"
    if settings:
        kept = {n: v for n, v in settings.items() if _SETTING.fullmatch(n) and (told or n not in _NAMING)}
        held = "".join(_element(n, _unplaced(v)) for n, v in kept.items())
        body += f'<lichtbild:made rdf:parseType="Resource">{held}</lichtbild:made>'
    body += _words(shot, strip)
    spaces = "".join(f"xmlns:{p}={quoteattr(uri)} " for p, uri in PREFIXES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="" xmlns:lichtbild={quoteattr(NAMESPACE)} {spaces}'
        f"xmp:CreatorTool={quoteattr(SOFTWARE)} {more[0]}>"
        f'{body}{more[1]}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def made_of(path: Path) -> Made:
    """What the packet of a file of ours says, whatever its container.

    Raises
    ------
    InputError
        The file cannot be read, or holds no packet of ours.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(
            f"{path} cannot be read: {why}", hint="give a photo or DNG that lichtbild wrote"
        ) from error
    at = 0
    while (start := whole.find(_HEAD, at)) >= 0 and (end := whole.find(_TAIL, start)) >= 0:
        at = end + len(_TAIL)
        if NAMESPACE.encode() in whole[start:at]:
            return _parsed(path, whole[start:at])
    raise InputError(
        f"{path} does not say how it was made: it holds no recipe of lichtbild",
        hint="what `lichtbild develop` and `merge` write does, unless another program left it out",
    )


def nameless(recipe: str, *, files: bool = True) -> str:
    """A recipe in which no folder is named; without `files`, the lines that name a file are left out."""

    def named(match: re.Match[str]) -> str:
        said = match[1].replace("\\\\", "\\")
        return f'"{_last(said)}"' if _is_file(said) else match[0]

    lines = recipe.split("\n")
    if not files:
        lines = [line for line in lines if not any(map(_is_file, _values(line)))]
    return "\n".join(_TEXT.sub(named, line) for line in lines)


def file_names(recipe: str) -> dict[str, str]:
    """The files that a recipe names: "stage.knob" → what it says.

    Raises
    ------
    tomllib.TOMLDecodeError
        The recipe is not TOML.
    """
    return {
        f"{stage}.{knob}": value
        for stage, knobs in tomllib.loads(recipe).items()
        if stage != "look"
        for knob, value in knobs.items()
        if isinstance(value, str) and _is_file(value)
    }


# ---- writing


def _words(shot: Shot | None, strip: Strip) -> str:
    if shot is None or strip == "all":
        return ""
    allowed = SAID | (PLACES if strip == "none" else {})
    parts = []
    for name, values in shot.words.items():
        if name not in allowed or not values:
            continue
        kind = allowed[name]
        parts.append(_list(name, kind, values) if kind else f"<{name}>{_text(values[0])}</{name}>")
    return "".join(parts)


def _list(name: str, kind: str, values: Iterable[str]) -> str:
    language = ' xml:lang="x-default"' if kind == "Alt" else ""
    entries = "".join(f"<rdf:li{language}>{_text(v)}</rdf:li>" for v in values)
    return f"<{name}><rdf:{kind}>{entries}</rdf:{kind}></{name}>"


def _element(name: str, value: str) -> str:
    return f"<lichtbild:{name}>{_text(value)}</lichtbild:{name}>"


def _frame(name: str, digest: str) -> str:
    named = _element("file", _last(name)) + _element("sha256", digest)
    return f'<rdf:li rdf:parseType="Resource">{named}</rdf:li>'


def _text(text: str) -> str:
    """Text for XML: what XML cannot say is left out, line ends survive."""
    sayable = "".join(
        c for c in text if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
    return escape(sayable)


# ---- names without folders


def _values(line: str) -> list[str]:
    return [m[1].replace("\\\\", "\\") for m in _TEXT.finditer(line.partition("=")[2])]


def _is_file(said: str) -> bool:
    placed = said.startswith(("/", "~", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", said) is not None
    return placed or _FILE.search(said) is not None


def _last(said: str) -> str:
    return re.split(r"[\\/]", said.rstrip("\\/"))[-1]


def _unplaced(line: str) -> str:
    """A line in which files are called by their last name only; spaces in folders do not hide them."""
    home = str(Path.home())
    if len(home) > 1:
        line = line.replace(home, "~")
    return _PLACE.sub("", line)


# ---- reading


def _parsed(path: Path, packet: bytes) -> Made:
    try:
        if b"<!DOCTYPE" in packet:
            raise ElementTree.ParseError("entities are declared")
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            f"{path}: what it says about its making is damaged ({error})", hint="copy the file again"
        ) from error

    def one(name: str, of: ElementTree.Element = root) -> str:
        found = of.find(f".//{{{NAMESPACE}}}{name}")
        return "" if found is None else found.text or ""

    history = root.find(f".//{{{NAMESPACE}}}history")
    frames = root.find(f".//{{{NAMESPACE}}}frames")
    made = root.find(f".//{{{NAMESPACE}}}made")
    li = f"{{{RDF}}}li"
    return Made(
        one("recipe"),
        tuple(e.text or "" for e in history.iter(li)) if history is not None else (),
        tuple((one("file", e), one("sha256", e)) for e in frames.iter(li)) if frames is not None else (),
        {e.tag.partition("}")[2]: e.text or "" for e in made} if made is not None else {},
        one("version"),
        xmp_words(packet),
    )
