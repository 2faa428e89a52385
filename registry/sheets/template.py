"""The empty results table (评价结果) that companies fill: lists to choose from, IDs as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry.rules.levels import BY_SYMBOL
from registry.rules.people import ID_TYPE_NAMES
from registry.rules.shared_cells import PASSED
from registry.sheets.columns import COLUMNS, HELP_SHEET_NAME, SHEET_NAME
from registry.sheets.output import new_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from registry.sheets.output import Workbook, Worksheet

_ROWS: Final = 5000  # rows with lists to choose from; a longer table is read all the same
_REQUIRED = {"bold": True, "bg_color": "#FCE4D6", "border": 1, "num_format": "@"}
_OPTIONAL = {"bold": True, "bg_color": "#EDEDED", "border": 1, "num_format": "@"}
_NOTES: Final = (
    "橙色表头为必填，灰色表头可不填；列的顺序可以调整，表头文字请勿改动。",
    "每人一行，中间不要合并单元格，不要使用公式；从别处复制时请用“选择性粘贴—数值”。",
    "本表不收集性别、出生日期、文化程度和成绩，请勿增加这些列。",
)


def write_template(path: Path, *, levels: Iterable[str] = tuple(BY_SYMBOL)) -> None:
    """Write the template; ``levels``: symbols of the levels the issuer is filed for."""
    with new_workbook(path) as workbook:
        _write_results(workbook, [BY_SYMBOL[symbol].printed for symbol in levels])
        _write_help(workbook)


def _write_results(workbook: Workbook, levels: list[str]) -> None:
    sheet = workbook.add_worksheet(SHEET_NAME)
    sheet.freeze_panes(1, 0)
    text = workbook.add_format({"num_format": "@"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    required, optional = workbook.add_format(_REQUIRED), workbook.add_format(_OPTIONAL)
    lists = {"id_type": list(ID_TYPE_NAMES.values()), "level": levels, "conclusion": [PASSED]}
    for place, column in enumerate(COLUMNS):
        kind = text if column.as_text else day if column.key == "issued" else None
        sheet.set_column(place, place, column.width, kind)
        if column.key in lists:
            _offer(sheet, place, lists[column.key])
    for place, column in enumerate(COLUMNS):
        sheet.write_string(0, place, column.header, required if column.required else optional)


def _offer(sheet: Worksheet, place: int, choices: list[str]) -> None:
    """Offer a list without forcing it: other accepted spellings may be pasted."""
    rule = {"validate": "list", "source": choices, "error_type": "warning"}
    sheet.data_validation(1, place, _ROWS, place, rule)


def _write_help(workbook: Workbook) -> None:
    sheet = workbook.add_worksheet(HELP_SHEET_NAME)
    sheet.set_column(0, 1, 16)
    sheet.set_column(2, 2, 80)
    bold = workbook.add_format({"bold": True})
    for place, title in enumerate(("列名", "是否必填", "填写说明")):
        sheet.write_string(0, place, title, bold)
    for row, column in enumerate(COLUMNS, 1):
        obligation = "必填" if column.required else "可不填"
        for place, text in enumerate((column.header, obligation, column.help)):
            sheet.write_string(row, place, text)
    for row, note in enumerate(_NOTES, len(COLUMNS) + 2):
        sheet.write_string(row, 0, note)
