"""The plan's roster as a spreadsheet: the same reader and worker, another layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import pytest

from registry.rules.findings import Finding, FindingCode, Findings, Where
from registry.rules.plan_roster import EMPLOYMENT_NAMES
from registry.sheets.columns import COLUMNS, RESULTS
from registry.sheets.errors import SheetError
from registry.sheets.layouts import COLUMN_OF, LAYOUTS, ROSTER, ROSTER_COLUMNS
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.template import write_empty
from registry.wording import message, message_en

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADERS = [column.header for column in ROSTER_COLUMNS]
ROW = [1, "张三", "居民身份证", "44030119850101001X", "本企业", "", "", "四级", "夜班"]


def test_a_roster_is_read_by_its_own_layout(write_xlsx: Callable[..., Path]) -> None:
    table = open_table(write_xlsx([HEADERS, ROW], sheet=ROSTER.sheet), layout=ROSTER)
    assert table.findings.listed == ()
    assert table.layout is ROSTER
    ((number, cells),) = list(table)
    assert number == 2
    assert (cells["employment"], cells["applied_level"]) == ("本企业", "四级")


def test_a_table_of_the_other_kind_says_what_is_missing(write_xlsx: Callable[..., Path]) -> None:
    results = [[column.header for column in COLUMNS], [""] * len(COLUMNS)]
    table = open_table(write_xlsx(results), layout=ROSTER)
    missing = {f.where.column for f in table.findings.listed if f.code.value == "column-missing"}
    assert "employment" in missing
    roster = open_table(write_xlsx([HEADERS, ROW], sheet=ROSTER.sheet))
    assert {f.code for f in roster.findings.listed} >= {FindingCode.COLUMN_MISSING}


def test_two_filled_sheets_are_told_the_rosters_name(edit_xlsx: Callable[..., Path]) -> None:
    def add(workbook: openpyxl.Workbook) -> None:
        workbook.worksheets[0].title = "甲"
        workbook.create_sheet("乙").append(HEADERS)

    with pytest.raises(SheetError) as refused:
        open_table(edit_xlsx([HEADERS, ROW], add), layout=ROSTER)
    assert "“评价员工名册”" in message(refused.value.finding)


def test_without_a_header_the_template_is_named(write_xlsx: Callable[..., Path]) -> None:
    with pytest.raises(SheetError) as refused:
        open_table(write_xlsx([["a", "b"], [1, 2]]), layout=ROSTER)
    assert "请使用“评价员工名册”模板" in message(refused.value.finding)


def test_a_csv_with_other_separators_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(";".join(HEADERS) + "\n" + ";".join(map(str, ROW)), "utf-8")
    with pytest.raises(SheetError) as refused:
        open_table(path, layout=ROSTER)
    assert refused.value.finding.code is FindingCode.FILE_SEPARATOR


def test_template_and_report_have_the_rosters_sheet(
    tmp_path: Path, write_xlsx: Callable[..., Path]
) -> None:
    template = tmp_path / "template.xlsx"
    write_empty(template, ROSTER, {"employment": list(EMPLOYMENT_NAMES.values())})
    assert open_table(template, layout=ROSTER).findings.listed == ()
    book = openpyxl.load_workbook(template)
    assert book.sheetnames[0] == ROSTER.sheet
    sources = {str(rule.formula1) for rule in book[ROSTER.sheet].data_validations.dataValidation}
    assert sources == {'"本企业,关联企业,劳务派遣"'}
    table = open_table(write_xlsx([HEADERS, ROW], sheet=ROSTER.sheet), layout=ROSTER)
    write_report(table, Findings(), tmp_path / "report.xlsx", message=message)
    again = open_table(tmp_path / "report.xlsx", layout=ROSTER)
    assert [cells for _, cells in again] == [cells for _, cells in table]


def test_a_key_means_the_same_in_every_table_and_has_an_english_name() -> None:
    for layout in LAYOUTS.values():
        for column in layout.columns:
            assert COLUMN_OF[column.key] == column
    assert LAYOUTS[RESULTS.name] is RESULTS
    for column in ROSTER_COLUMNS:
        finding = Finding(code=FindingCode.VALUE_MISSING, where=Where(row=2, column=column.key))
        assert message_en(finding).startswith("row 2, ")
        assert f"「{column.header}」" in message(finding)
