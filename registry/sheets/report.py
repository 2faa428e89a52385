"""The report of findings: the clerk's own rows with what is wrong beside each, faults coloured.

Its sheet has the template's name and headers, so that it can be corrected and handed in again.
It is the clerk's own file and shows full ID numbers; everything else that shows a finding masks
them. Every cell is written as a string: a cell beginning with ``=`` or ``@`` must not become a
formula on the office's computer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from registry.rules.findings import Findings, Severity
from registry.rules.text import cell_text
from registry.sheets.columns import REPORT_FINDINGS, REPORT_ROW, WHOLE_FILE_SHEET_NAME
from registry.sheets.output import new_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from registry.rules.findings import Finding
    from registry.sheets.output import Format, Workbook
    from registry.sheets.table import Table

_ERROR = {"bg_color": "#FFC7CE", "font_color": "#9C0006", "num_format": "@"}
_WARNING = {"bg_color": "#FFEB9C", "font_color": "#7F6000", "num_format": "@"}
_LONGEST_CELL: Final = 32_000  # Excel refuses cells over 32,767 characters


def write_report(
    table: Table, findings: Findings, path: Path, *, message: Callable[[Finding], str]
) -> None:
    """Write all rows of a table with its findings, those of file and header included.

    ``message`` gives a finding's words (registry.wording). Findings beyond the listed ones have
    no words here; the second sheet says how many there are.
    """
    everything = Findings()
    everything.extend(table.findings)
    if findings is not table.findings:
        everything.extend(findings)
    by_row: dict[int, list[Finding]] = defaultdict(list)
    for finding in everything.listed:
        by_row[finding.where.row or 0].append(finding)
    with new_workbook(path) as workbook:
        unplaced = _write_rows(workbook, table, by_row, message)
        _write_whole(workbook, unplaced, everything, message)


def _write_rows(
    workbook: Workbook,
    table: Table,
    by_row: Mapping[int, list[Finding]],
    message: Callable[[Finding], str],
) -> list[Finding]:
    """Write the rows; give the findings that belong to none of them."""
    sheet = workbook.add_worksheet(table.layout.sheet)
    sheet.freeze_panes(1, 0)
    plain = workbook.add_format({"num_format": "@"})
    colours = {
        Severity.ERROR: workbook.add_format(_ERROR),
        Severity.WARNING: workbook.add_format(_WARNING),
    }
    sheet.set_column(0, 0, 10)
    for place, key in enumerate(table.columns, 1):
        sheet.set_column(place, place, table.layout.column(key).width, plain)
    sheet.set_column(len(table.columns) + 1, len(table.columns) + 1, 80)
    headings = (table.layout.column(key).header for key in table.columns)
    headers = [REPORT_ROW, *headings, REPORT_FINDINGS]
    for place, header in enumerate(headers):
        sheet.write_string(0, place, header, workbook.add_format({"bold": True}))
    placed: set[int] = set()
    for row, (number, cells) in enumerate(table, 1):
        found = by_row.get(number, ())
        placed.add(number if found else 0)
        formats = _formats(found, colours)
        sheet.write_string(row, 0, str(number))
        for place, key in enumerate(table.columns, 1):
            sheet.write_string(row, place, cell_text(cells[key]), formats.get(key, plain))
        words = "\n".join(map(message, found))[:_LONGEST_CELL]
        sheet.write_string(row, len(headers) - 1, words)
    return [
        finding
        for number, found in by_row.items()
        if number == 0 or number not in placed
        for finding in found
    ]


def _formats(
    found: Sequence[Finding], colours: Mapping[Severity, Format]
) -> Mapping[str | None, Format]:
    """Colour the cells with findings; an error's colour wins."""
    formats: dict[str | None, Format] = {}
    for finding in sorted(found, key=lambda f: f.severity is Severity.ERROR):
        formats[finding.where.column] = colours[finding.severity]
    return formats


def _write_whole(
    workbook: Workbook,
    unplaced: Sequence[Finding],
    everything: Findings,
    message: Callable[[Finding], str],
) -> None:
    sheet = workbook.add_worksheet(WHOLE_FILE_SHEET_NAME)
    sheet.set_column(0, 0, 100)
    lines = [f"共 {everything.errors} 处错误、{everything.warnings} 处提示。"]
    unlisted = everything.errors + everything.warnings - len(everything.listed)
    if unlisted:
        lines.append(f"另有 {unlisted} 处未逐条列出，请改正已列出的问题后重新检查。")
    lines += map(message, unplaced)
    for row, line in enumerate(lines):
        sheet.write_string(row, 0, line)
