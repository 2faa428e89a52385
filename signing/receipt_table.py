"""Reads the spreadsheet that goes with a receipt, as written by the site or saved again since.

With `receipt_xlsx` the one module of this room that opens spreadsheets; `certverify` loads it
only where one is given. Cells are compared as text: an office program may have sorted the rows or
changed widths and colours, but not a character of what was answered, and put nothing beside it.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from signing.errors import MalformedReceipt
from signing.receipt import (
    COLUMNS,
    MAX_RECEIPT_ROWS,
    NOTES_SHEET,
    RESULT_SHEET,
    SALT_LABEL,
    CheckedRow,
)
from signing.receipt_verify import ReceiptTable
from signing.receipt_xlsx import refuse_disguises

_SALT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHEETS: Final = [RESULT_SHEET, NOTES_SHEET]


def read_receipt_table(data: bytes) -> ReceiptTable:
    """Read an xlsx file. Raises MalformedReceipt where it is no result of a bulk check.

    So it does for one that may show more than the texts that are read: see `receipt_xlsx`.
    """
    refuse_disguises(data)
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(data))
        names = workbook.sheet_names
        if RESULT_SHEET not in names:
            raise MalformedReceipt(f"the spreadsheet has no sheet {RESULT_SHEET}: give the result")
        if sorted(names) != sorted(_SHEETS[: len(names)]):
            raise MalformedReceipt(
                "the spreadsheet has other sheets: give the result as downloaded"
            )
        sheets = [_lines(workbook, name) for name in _SHEETS[: len(names)]]
    except (CalamineError, ValueError, OSError):
        raise MalformedReceipt("the spreadsheet cannot be read: give the result as xlsx") from None
    salt, notes = _notes(sheets[1]) if len(sheets) > 1 else (None, ())
    return ReceiptTable(salt=salt, notes=notes, rows=_rows(sheets[0]))


def _lines(workbook: CalamineWorkbook, name: str) -> list[tuple[int, list[str]]]:
    """Give the rows of a sheet that have anything in them, with their numbers from 1."""
    rows: list[list[Any]] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    texts = ((at, [_text(cell) for cell in row]) for at, row in enumerate(rows, 1))
    return [(at, row) for at, row in texts if any(row)]


def _rows(lines: list[tuple[int, list[str]]]) -> tuple[tuple[int, CheckedRow], ...]:
    # What stands above the header could be taken for the table.
    header = lines[0][1] if lines else []
    if sorted(filter(None, header)) != sorted(COLUMNS.values()):
        raise MalformedReceipt(
            f"the sheet {RESULT_SHEET} does not begin with its header row, or has other columns"
        )
    places = {field: header.index(text) for field, text in COLUMNS.items()}
    if len(lines) - 1 > MAX_RECEIPT_ROWS:
        raise MalformedReceipt(f"the spreadsheet has more than {MAX_RECEIPT_ROWS} rows")
    known = set(places.values())
    found = []
    for at, row in lines[1:]:
        if any(text for place, text in enumerate(row) if place not in known):
            raise MalformedReceipt(f"row {at} has cells beside the table's columns")
        cells = {field: row[place] if place < len(row) else "" for field, place in places.items()}
        found.append((at, CheckedRow(**cells)))
    return tuple(found)


def _notes(
    lines: list[tuple[int, list[str]]],
) -> tuple[bytes | None, tuple[tuple[str, str], ...]]:
    """Give the salt, and all other lines of the notes as label and text."""
    salt, notes = None, []
    for at, row in lines:
        label, text, *more = [*row, "", ""]
        if any(more):
            raise MalformedReceipt(f"the sheet {NOTES_SHEET} has more than two columns in row {at}")
        if label != SALT_LABEL:
            notes.append((label, text))
        elif salt is None and _SALT.fullmatch(text):
            salt = bytes.fromhex(text)
    return salt, tuple(notes)


def _text(cell: object) -> str:
    """Give a cell as printed: an office program may have made a number of a text of digits."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
