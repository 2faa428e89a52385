"""The spreadsheets that go out: the empty one to fill in, and the coloured one with the answers.

Every cell is written as text and marked as such, so that one beginning with `=`, `+`, `-` or `@`
becomes a formula neither here nor after somebody edits it (CWE-1236). Nothing is written to a
disk on the way.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from xlsxwriter import Workbook

from signing.receipt import (
    COLUMNS,
    NOTES_SHEET,
    RESULT_SHEET,
    ROW_WORDS,
    SALT_LABEL,
    RowResult,
)
from verify_web.bulk.wording import NOTES, TEMPLATE_NOTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from signing.receipt import CheckedRow

TEMPLATE_SHEET: Final = "批量查验"
_WIDTHS: Final = (26, 16, 17, 15, 7, 22, 20, 22)
_COLOURS: Final = {
    RowResult.VALID: {"bg_color": "#D7EFE0", "font_color": "#0B6B3C"},
    RowResult.CORRECTED: {"bg_color": "#FCE9CC", "font_color": "#8A4800"},
    RowResult.REVOKED: {"bg_color": "#F8D3D6", "font_color": "#A8141F"},
    RowResult.SUSPENDED: {"bg_color": "#FCE9CC", "font_color": "#8A4800"},
    RowResult.NOT_FOUND: {"bg_color": "#F8D3D6", "font_color": "#A8141F"},
    RowResult.UNCONFIRMED: {"bg_color": "#E2E7ED", "font_color": "#47525F"},
}
_TEXT: Final = {"num_format": "@", "quote_prefix": True}
_HEAD: Final = {"bold": True, "bg_color": "#14375E", "font_color": "#FFFFFF", "border": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the second sheet says of the whole: label and text, a line each."""

    lines: Sequence[tuple[str, str]]
    salt: bytes

    def notes(self) -> tuple[tuple[str, str], ...]:
        """Give all lines of the sheet but the salt's, as the receipt's digest covers them."""
        return (*self.lines, *NOTES)


def write_result(rows: Sequence[CheckedRow], heading: Heading, *, made: datetime) -> bytes:
    """Write the answers as xlsx; the same rows, heading and time give the same bytes."""
    stream = io.BytesIO()
    with _new(stream) as workbook:
        workbook.set_properties({"created": made.astimezone(UTC).replace(tzinfo=None)})
        sheet = workbook.add_worksheet(RESULT_SHEET)
        sheet.freeze_panes(1, 1)
        head, text = workbook.add_format(_HEAD), workbook.add_format(_TEXT)
        formats = {
            ROW_WORDS[result]: workbook.add_format({**_TEXT, **colour, "bold": True})
            for result, colour in _COLOURS.items()
        }
        for place, (header, width) in enumerate(zip(COLUMNS.values(), _WIDTHS, strict=True)):
            sheet.set_column(place, place, width, text)
            sheet.write_string(0, place, header, head)
        word_at = list(COLUMNS).index("word")
        for at, row in enumerate(rows, 1):
            coloured = formats[row.word]
            for place, field in enumerate(COLUMNS):
                cell = getattr(row, field)
                if cell:
                    sheet.write_string(at, place, cell, coloured if place == word_at else text)
        sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
        _write_notes(workbook, heading)
    return stream.getvalue()


def _write_notes(workbook: Any, heading: Heading) -> None:
    sheet = workbook.add_worksheet(NOTES_SHEET)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 84)
    bold = workbook.add_format({"bold": True, "valign": "top"})
    text = workbook.add_format({**_TEXT, "text_wrap": True, "valign": "top"})
    for at, (label, line) in enumerate([*heading.notes(), (SALT_LABEL, heading.salt.hex())]):
        sheet.write_string(at, 0, label, bold)
        sheet.write_string(at, 1, line, text)


def write_template() -> bytes:
    """Write the empty table that employers fill in."""
    stream = io.BytesIO()
    with _new(stream) as workbook:
        sheet = workbook.add_worksheet(TEMPLATE_SHEET)
        sheet.freeze_panes(1, 0)
        head, text = workbook.add_format(_HEAD), workbook.add_format(_TEXT)
        for place, (field, width) in enumerate(zip(tuple(COLUMNS)[:3], _WIDTHS, strict=False)):
            sheet.set_column(place, place, width, text)
            sheet.write_string(0, place, COLUMNS[field], head)
        notes = workbook.add_worksheet("填写说明")
        notes.set_column(0, 0, 84)
        wrapped = workbook.add_format({"text_wrap": True})
        for at, line in enumerate(TEMPLATE_NOTES):
            notes.write_string(at, 0, line, wrapped)
    return stream.getvalue()


def _new(stream: io.BytesIO) -> Any:
    return Workbook(stream, {"in_memory": True})
