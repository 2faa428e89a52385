"""The empty tables that companies fill: lists to choose from, IDs as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry.rules.levels import BY_SYMBOL
from registry.rules.people import ID_TYPE_NAMES
from registry.rules.shared_cells import PASSED
from registry.sheets.columns import HELP_SHEET_NAME, RESULTS, SEQUENCE, Layout
from registry.sheets.layout_import import IMPORT
from registry.sheets.output import new_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from registry.sheets.output import Workbook, Worksheet

_ROWS: Final = 5000  # rows with lists to choose from; a longer table is read all the same
_REQUIRED = {"bold": True, "bg_color": "#FCE4D6", "border": 1, "num_format": "@"}
_OPTIONAL = {"bold": True, "bg_color": "#EDEDED", "border": 1, "num_format": "@"}


def write_template(path: Path, *, levels: Iterable[str] = tuple(BY_SYMBOL)) -> None:
    """Write the template; ``levels``: symbols of the levels the issuer is filed for."""
    printed = [BY_SYMBOL[symbol].printed for symbol in levels]
    lists = {"id_type": list(ID_TYPE_NAMES.values()), "level": printed, "conclusion": [PASSED]}
    write_empty(path, RESULTS, lists)


def write_import_form(path: Path) -> None:
    """Write the empty table of existing certificates (既有证书补录表)."""
    levels = [level.printed for level in BY_SYMBOL.values()]
    write_empty(path, IMPORT, {"id_type": list(ID_TYPE_NAMES.values()), "level": levels})


def write_empty(
    path: Path,
    layout: Layout,
    lists: Mapping[str, list[str]],
    rows: Iterable[Mapping[str, str]] = (),
) -> None:
    """Write an empty table of a layout; ``lists`` gives the choices of columns by key.

    ``rows`` are filled in beforehand, cells by key; each is text, so that none becomes a formula.
    """
    with new_workbook(path) as workbook:
        _write_table(workbook, layout, lists, rows)
        _write_help(workbook, layout)


def _write_table(
    workbook: Workbook,
    layout: Layout,
    lists: Mapping[str, list[str]],
    rows: Iterable[Mapping[str, str]],
) -> None:
    sheet = workbook.add_worksheet(layout.sheet)
    sheet.freeze_panes(1, 0)
    text = workbook.add_format({"num_format": "@"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    required, optional = workbook.add_format(_REQUIRED), workbook.add_format(_OPTIONAL)
    for place, column in enumerate(layout.columns):
        kind = text if column.as_text else None if column is SEQUENCE else day
        sheet.set_column(place, place, column.width, kind)
        if column.key in lists:
            _offer(sheet, place, lists[column.key])
    for place, column in enumerate(layout.columns):
        sheet.write_string(0, place, column.header, required if column.required else optional)
    for number, cells in enumerate(rows, 1):
        for place, column in enumerate(layout.columns):
            if column.key in cells:
                sheet.write_string(number, place, cells[column.key], text)


def _offer(sheet: Worksheet, place: int, choices: list[str]) -> None:
    """Offer a list without forcing it: other accepted spellings may be pasted."""
    rule = {"validate": "list", "source": choices, "error_type": "warning"}
    sheet.data_validation(1, place, _ROWS, place, rule)


def _write_help(workbook: Workbook, layout: Layout) -> None:
    sheet = workbook.add_worksheet(HELP_SHEET_NAME)
    sheet.set_column(0, 1, 16)
    sheet.set_column(2, 2, 80)
    bold = workbook.add_format({"bold": True})
    for place, title in enumerate(("列名", "是否必填", "填写说明")):
        sheet.write_string(0, place, title, bold)
    for row, column in enumerate(layout.columns, 1):
        obligation = "必填" if column.required else "可不填"
        for place, text in enumerate((column.header, obligation, column.help)):
            sheet.write_string(row, place, text)
    for row, note in enumerate(layout.notes, len(layout.columns) + 2):
        sheet.write_string(row, 0, note)
