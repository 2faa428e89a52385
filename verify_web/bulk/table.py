"""Reads an employer's table (xlsx, CSV). Runs in the confined worker only (`verify_web.reading`).

The sheet with the template's columns counts, wherever its header stands among the first rows;
further columns are let be. CSV may be UTF-8 or GB 18030, as office programs save it.
"""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from signing.mirror import LAST_SIX_LENGTH
from verify_web.bulk.rows import LONGEST, MOST_ROWS, AskedRow, TableFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADERS: Final = {
    "number": ("证书编号", "证书号", "number", "certificate number"),
    "name": ("姓名", "name"),
    "last_six": ("证件号码后六位", "证件号后六位", "身份证后六位", "id last six", "last six"),
}
"""Headers by column, the template's first; compared in lower case without spaces."""

_HEADER_WITHIN: Final = 20
_MOST_SHEETS: Final = 16
_COLUMNS: Final = 256
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_LONGEST_FIELD: Final = 32_768

_ENCODINGS: Final = ("utf-8-sig", "gb18030")
"""UTF-8 first: GB 18030 takes almost any bytes."""

# A codec is loaded when it is first looked for, which would be too late for a confined worker.
for _encoding in _ENCODINGS:
    codecs.lookup(_encoding)


class Refused(Exception):
    """The table cannot be read."""

    def __init__(self, fault: TableFault) -> None:
        super().__init__(fault)
        self.fault = fault


def read_table(data: bytes) -> list[AskedRow]:
    """Read the rows with anything in them. Raises Refused."""
    if data.startswith(_OLE):
        raise Refused(TableFault.OLD_OR_LOCKED)
    try:
        if data.startswith(_ZIP):
            rows = _from_sheets(data)
        else:
            rows = _from_rows(csv.reader(io.StringIO(_decoded(data), newline=""), strict=True))
    except (CalamineError, csv.Error, ValueError, OSError):
        raise Refused(TableFault.NOT_A_TABLE) from None
    if rows is None:
        raise Refused(TableFault.NO_HEADER)
    if not rows:
        raise Refused(TableFault.EMPTY)
    return rows


def _decoded(data: bytes) -> str:
    if b"\0" in data:
        raise Refused(TableFault.NOT_A_TABLE)
    csv.field_size_limit(_LONGEST_FIELD)
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused(TableFault.ENCODING)


def _from_sheets(data: bytes) -> list[AskedRow] | None:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in workbook.sheet_names[:_MOST_SHEETS]:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.start is None:
            continue
        rows = _from_rows(sheet.iter_rows())
        if rows is not None:
            return rows
    return None


def _from_rows(source: Iterable[list[Any]]) -> list[AskedRow] | None:
    """Give the rows below the header, None where there is no header."""
    lines = enumerate(iter(source), 1)
    places = _header(lines)
    if places is None:
        return None
    found = []
    for place, line in lines:
        cells = {
            column: _text(line[at], column) if at < len(line) else ""
            for column, at in places.items()
        }
        if any(cells.values()):
            found.append(
                AskedRow(
                    place=place,
                    number=cells["number"],
                    name=cells.get("name", ""),
                    last_six=cells.get("last_six", ""),
                )
            )
        if len(found) > MOST_ROWS:
            raise Refused(TableFault.TOO_MANY_ROWS)
    return found


def _header(lines: Iterator[tuple[int, list[Any]]]) -> dict[str, int] | None:
    for place, line in lines:
        texts = ["".join(str(cell).split()).lower() for cell in line[:_COLUMNS]]
        found = {
            column: texts.index(known)
            for column, names in HEADERS.items()
            for known in ["".join(name.split()) for name in reversed(names)]
            if known in texts
        }
        if "number" in found and len(found) > 1:
            return found
        if place >= _HEADER_WITHIN:
            break
    return None


def _text(cell: object, column: str) -> str:
    """Give a cell as text, cut a little beyond what is accepted, so that it is refused later."""
    if isinstance(cell, float) and cell.is_integer():
        text = str(int(cell))
        # An office program took the digits for a number and dropped the zeros before them.
        return text.zfill(LAST_SIX_LENGTH) if column == "last_six" else text
    return str(cell).strip()[: LONGEST[column] + 1]
