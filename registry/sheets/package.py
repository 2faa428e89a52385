"""Inside an xlsx package (ECMA-376): bounds of the zip, a sheet's part, formulas in it.

Runs in the worker only. calamine gives a formula's last result without saying that it is one;
such a result can be stale, so the sheet's XML is searched for ``<f>`` elements. The search runs
over the unpacked bytes first and parses only if something was found: most files have none.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zipfile import ZipFile

WORKBOOK_PART: Final = "xl/workbook.xml"

_RELATIONS_PART: Final = "xl/_rels/workbook.xml.rels"
# A literal beginning lets the expression engine skip to it; one alternation would not.
_FORMULA_MARKS: Final = (re.compile(rb"<f[\s/>]"), re.compile(rb":f[\s/>]"))
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_BLOCK: Final = 1 << 20
_ENTRIES_AT_MOST: Final = 5000


class Oversize(Exception):
    """The package unpacks to more than is allowed."""


def check_bounds(package: ZipFile, unpacked_bytes: int) -> None:
    """Refuse a package by what its directory declares.

    A directory that lies is caught later: the reader's memory and time are limited too.

    Raises:
        Oversize: too many entries, or too many bytes unpacked.

    """
    entries = package.infolist()
    if len(entries) > _ENTRIES_AT_MOST or sum(e.file_size for e in entries) > unpacked_bytes:
        raise Oversize


def _parser() -> expat.XMLParserType:
    """Make a parser that refuses a DOCTYPE: no office program writes one, entity bombs need one."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise ValueError("a DOCTYPE in a spreadsheet")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def _elements(package: ZipFile, part: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the elements of a part: local name and attributes (namespaced ones by local name)."""
    found: list[tuple[str, Mapping[str, str]]] = []
    parser = _parser()

    def start(name: str, attributes: Mapping[str, str]) -> None:
        local = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        found.append((name.rpartition(" ")[2], local))

    parser.StartElementHandler = start
    with package.open(part) as stream:
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)  # noqa: FBT003 - expat takes no keyword
            yield from found
            found.clear()


def sheet_part(package: ZipFile, sheet: str) -> str:
    """Find the part that holds a sheet, by workbook and relations.

    Raises:
        KeyError: the package names no such sheet, or its part is missing.

    """
    relations = {
        attributes.get("name"): attributes["id"]
        for name, attributes in _elements(package, WORKBOOK_PART)
        if name == "sheet"
    }
    targets = {
        attributes.get("Id"): attributes["Target"]
        for name, attributes in _elements(package, _RELATIONS_PART)
        if name == "Relationship"
    }
    return posixpath.normpath(posixpath.join("/xl", targets[relations[sheet]])).lstrip("/")


def _mentions_formulas(package: ZipFile, part: str) -> bool:
    rest = b""
    with package.open(part) as stream:
        while block := stream.read(_BLOCK):
            if any(mark.search(rest + block[:8]) or mark.search(block) for mark in _FORMULA_MARKS):
                return True
            rest = block[-8:]
    return False


def formula_cells(package: ZipFile, part: str) -> Iterator[tuple[int, int]]:
    """Give (row, column), both from 0, of each cell with a formula; cells may lack references."""
    if not _mentions_formulas(package, part):
        return
    row = column = -1
    for name, attributes in _elements(package, part):
        if name == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif name == "c":
            column += 1
            if match := _REFERENCE.fullmatch(attributes.get("r", "")):
                row, column = int(match[2]) - 1, _column(match[1])
        elif name == "f":
            yield row, column


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
