"""Refuses a result's spreadsheet that could show an office program's user what we do not read.

Cells are compared by the text that is stored in them. A formula, a number format with a text of
its own, a hidden row, a merged cell, a picture or a second worksheet under a path that only some
programs follow would let the screen say 有效 where the stored text says 已撤销: none of that stands
in a table that the site wrote, and none is let through. Colours and fonts are not judged, which
is why `certverify` lists the rows as it read them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from signing.errors import MalformedReceipt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_PART_BYTES: Final = 64 * 1024 * 1024
_MOST_PARTS: Final = 64
_OTHER_PARTS: Final = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|docprops/[a-z]+\.xml|customxml/[a-z0-9_./]+"
    r"|xl/(workbook|styles|sharedstrings|metadata)\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/theme/theme\d+\.xml|xl/printersettings/[a-z0-9]+\.bin",
    re.ASCII,
)
_SHEET_PART: Final = re.compile(r"xl/worksheets/[a-z0-9_]+\.xml", re.ASCII)
_SHEET_LINKS: Final = re.compile(r"xl/worksheets/_rels/[a-z0-9_.]+", re.ASCII)
_DRAWING_PART: Final = re.compile(r"xl/drawings/drawing\d{1,4}\.xml", re.ASCII)
"""LibreOffice puts an empty one beside each sheet with a filter; it must be empty."""

_TARGETS: Final = {
    "officeDocument": re.compile(r"/?xl/workbook\.xml"),
    "worksheet": re.compile(r"(/xl/)?worksheets/\w+\.xml", re.ASCII),
    "styles": re.compile(r"(/xl/)?styles\.xml"),
    "sharedStrings": re.compile(r"(/xl/)?sharedStrings\.xml"),
    "drawing": re.compile(r"(/xl/|\.\./)drawings/drawing\d{1,4}\.xml", re.ASCII),
}
"""Where the relationships that decide what is shown may lead: all readers then read one thing."""

_KNOWN: Final = (_SHEET_PART, _OTHER_PARTS, _SHEET_LINKS, _DRAWING_PART)
_PICTURES: Final = "pictures, comments, macros or the like"
_MAIN: Final = frozenset(
    {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    }
)
_DRAWINGS: Final = frozenset(
    {
        "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing wsDr",
        "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing wsDr",
    }
)
_REFUSED: Final = frozenset(
    {
        *("f", "mergeCell", "conditionalFormatting", "legacyDrawing", "picture", "controls"),
        *("oleObjects", "tableParts", "customSheetViews", "dataConsolidate"),
    }
)
_TEXT_CODES: Final = frozenset({"general", "@", "0"})
_BUILT_IN: Final = {"0": "general", "1": "0", "49": "@"}
_ROW: Final = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
_CELL: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
_NO: Final = frozenset({"0", "false"})


@dataclass(slots=True, kw_only=True)  # not frozen: it fills up while styles.xml is read
class _Styles:
    """Formats by id, and the id of each cell style's format."""

    codes: dict[str, str] = field(default_factory=lambda: dict(_BUILT_IN))
    ids: list[str] = field(default_factory=list)
    inside: bool = False

    def plain(self) -> frozenset[str]:
        """Give the cell styles, as cells name them, that print a text as it is."""
        codes = enumerate(self.codes.get(one, "") for one in self.ids)
        return frozenset(str(at) for at, code in codes if code in _TEXT_CODES)


def refuse_disguises(data: bytes) -> None:
    """Raise MalformedReceipt for an xlsx file that may show something else than its cells' text."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = _parts(archive)
    except (BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        raise MalformedReceipt("the spreadsheet cannot be read: give the result as xlsx") from None
    for name in ("_rels/.rels", "xl/_rels/workbook.xml.rels"):
        _parse(parts.get(name, b""), _check_target)
    _parse(parts.get("xl/workbook.xml", b""), _check_workbook)
    styles = _Styles()
    _parse(parts.get("xl/styles.xml", b""), lambda tag, has: _read_style(styles, tag, has))
    plain = styles.plain()
    if "xl/sharedstrings.xml" in parts:
        _parse(parts["xl/sharedstrings.xml"], _check_strings)
    for name, part in parts.items():
        if _SHEET_PART.fullmatch(name):
            _parse(part, _Sheet(plain=plain).check)
        elif _SHEET_LINKS.fullmatch(name):
            _parse(part, _check_target)
        elif _DRAWING_PART.fullmatch(name):
            _parse(part, _Drawing().check)


def _parts(archive: ZipFile) -> dict[str, bytes]:
    listed = [one for one in archive.infolist() if not one.is_dir()]
    # Programs that do not mind the case must not find another part under a name.
    names = [one.filename.lower() for one in listed]
    if len(set(names)) < len(names) or len(names) > _MOST_PARTS:
        raise _refused("parts that stand in it twice, or too many")
    found = {}
    for name, one in zip(names, listed, strict=True):
        if not any(known.fullmatch(name) for known in _KNOWN):
            raise _refused(_PICTURES)
        with archive.open(one) as part:
            found[name] = part.read(_MOST_PART_BYTES + 1)
        if len(found[name]) > _MOST_PART_BYTES:
            raise _refused("a part that is too long")
    return found


def _parse(part: bytes, begin: Callable[[str, Mapping[str, str]], None]) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(part, True)  # noqa: FBT003 -- the parser's own form
    except (expat.ExpatError, ValueError, LookupError):
        raise MalformedReceipt(
            "the spreadsheet is damaged: give the result as downloaded"
        ) from None


def _refuse_doctype(*_declared: object) -> None:
    raise _refused("declarations of its own")


def _check_target(tag: str, has: Mapping[str, str]) -> None:
    kind = has.get("Type", "").rpartition("/")[2]
    target = _TARGETS.get(kind)
    if _local(tag) != "Relationship" or target is None:
        return
    outside = has.get("TargetMode", "Internal") != "Internal"
    if outside or not target.fullmatch(has.get("Target", "")):
        raise _refused("parts at places of its own")


def _check_workbook(tag: str, has: Mapping[str, str]) -> None:
    if _local(tag) == "sheet" and has.get("state", "visible") != "visible":
        raise _refused("hidden sheets")


def _read_style(styles: _Styles, tag: str, has: Mapping[str, str]) -> None:
    match _local(tag):
        case "numFmt":
            styles.codes[has.get("numFmtId", "")] = has.get("formatCode", "").lower()
        case "cellXfs":
            styles.inside = True
        case "cellStyles" | "dxfs":
            styles.inside = False
        case "xf" if styles.inside:
            styles.ids.append(has.get("numFmtId", "0"))


def _check_strings(tag: str, _has: Mapping[str, str]) -> None:
    if tag.rpartition(" ")[0] not in _MAIN:
        raise _refused("texts of another kind")


@dataclass(slots=True, kw_only=True)  # not frozen: it counts
class _Drawing:
    """Lets a drawing through that holds nothing."""

    elements: int = 0

    def check(self, tag: str, _has: Mapping[str, str]) -> None:
        """Count one element. Raises MalformedReceipt for another root, and any inside it."""
        self.elements += 1
        if self.elements > 1 or tag not in _DRAWINGS:
            raise _refused(_PICTURES)


@dataclass(slots=True, kw_only=True)  # not frozen: it goes along the rows
class _Sheet:
    """Checks a worksheet's elements as they come; `plain` are the cell styles that may be used."""

    plain: frozenset[str]
    blocks: int = 0
    row: int = 0
    column: tuple[int, str] = (0, "")

    def check(self, tag: str, has: Mapping[str, str]) -> None:
        """Judge one element. Raises MalformedReceipt."""
        space, _, name = tag.rpartition(" ")
        if space not in _MAIN or name in _REFUSED:
            raise _refused("formulas, merged cells, pictures, conditional formats or the like")
        if has.get("hidden", "0") not in _NO or has.get("zeroHeight", "0") not in _NO:
            raise _refused("hidden rows or columns: take the filter off, save, and try again")
        size = {"row": "ht", "col": "width"}.get(name)
        if size is not None and not _seen(has.get(size, "9")):
            raise _refused("rows or columns too narrow to be seen")
        match name:
            case "sheetData":
                self.blocks += 1
            case "row":
                self._check_row(has.get("r", ""))
            case "c":
                self._check_cell(has.get("r", ""), has.get("s", "0"))
        if self.blocks > 1:
            raise _refused("two tables in one sheet")

    def _check_row(self, number: str) -> None:
        # Of a place that stands twice one program shows the first, another the last.
        if not _ROW.fullmatch(number) or int(number) <= self.row:
            raise _refused("rows out of order")
        self.row, self.column = int(number), (0, "")

    def _check_cell(self, place: str, style: str) -> None:
        found = _CELL.fullmatch(place)
        column = (len(found[1]), found[1]) if found else (0, "")
        if found is None or int(found[2]) != self.row or column <= self.column:
            raise _refused("cells out of order")
        self.column = column
        if style not in self.plain:
            raise _refused("cells with a number format of their own")


def _seen(size: str) -> bool:
    try:
        return float(size) >= 1
    except ValueError:
        return False


def _local(tag: str) -> str:
    return tag.rpartition(" ")[2]


def _refused(what: str) -> MalformedReceipt:
    return MalformedReceipt(
        f"the spreadsheet has {what}: what is seen may not be what is stored;"
        " give the result as downloaded"
    )
