# SPDX-License-Identifier: Apache-2.0
"""XML from anywhere, read without its dangers: no document types, no entities of its own, nothing fetched."""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from lichtbild.base.errors import InputError

MOST_NODES = 100_000


def tree(content: bytes, where: object) -> Element:
    """The elements of a document; names are ``namespace}name`` where there is a namespace.

    Raises
    ------
    InputError
        It is not XML, has a document type, or is far too large.
    """
    builder, count = TreeBuilder(), 0
    parser = expat.ParserCreate(namespace_separator="}")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_NODES:
            raise InputError(f"{where} has more than {MOST_NODES} elements")
        builder.start(tag, attributes)

    def refused(*_: object) -> NoReturn:
        raise InputError(f"{where} declares a document type, which such files do not need; it is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(f"{where} is not XML: {error}") from None
    return builder.close()


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rsplit("}", 1)[-1]
