"""Template and report: read back, private, free of formulas, whole or not written."""

from __future__ import annotations

import stat
from datetime import date
from typing import TYPE_CHECKING

import openpyxl
import pytest

from registry.rules.findings import Findings
from registry.rules.roster import RosterChecker
from registry.sheets.columns import COLUMNS
from registry.sheets.output import new_workbook
from registry.sheets.reader import open_table
from registry.sheets.report import write_report
from registry.sheets.template import write_template
from registry.wording import message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry.sheets.table import Table

HEADERS = [column.header for column in COLUMNS]


def check(table: Table) -> Findings:
    checker = RosterChecker(
        prefix="Y000044999001",
        levels=frozenset("543"),
        today=date(2026, 11, 23),
        drawable=lambda _: True,
    )
    for number, cells in table:
        checker.row(number, cells)
    return checker.finish()


def test_template_is_read_back_without_findings(tmp_path: Path) -> None:
    path = tmp_path / "模板.xlsx"
    write_template(path, levels=["4", "3"])
    table = open_table(path)
    assert table.findings.listed == ()
    assert table.sheet == "评价结果"
    assert len(table.columns) == len(COLUMNS) - 1
    sheet = openpyxl.load_workbook(path)["评价结果"]
    assert [cell.value for cell in sheet[1]] == HEADERS
    sources = {str(rule.formula1) for rule in sheet.data_validations.dataValidation}
    assert '"四级/中级工,三级/高级工"' in sources
    assert sheet.column_dimensions["D"].width > 18
    assert not {"性别", "出生日期", "成绩"} & set(HEADERS)


def test_template_filled_by_openpyxl_passes(
    tmp_path: Path, person: Callable[[int], list[object]]
) -> None:
    path = tmp_path / "t.xlsx"
    write_template(path)
    workbook = openpyxl.load_workbook(path)
    for serial in range(3):
        workbook["评价结果"].append(person(serial))
    workbook.save(path)
    table = open_table(path)
    assert len(table) == 3
    assert check(table).errors == 0


def test_report_shows_rows_findings_and_colours(
    tmp_path: Path, write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    bad = person(1)
    bad[8], bad[10] = "二级", "2026-11-24"
    table = open_table(write_xlsx([[*HEADERS[:10], "发证日期", "性别"], person(0), bad]))
    path = tmp_path / "问题.xlsx"
    write_report(table, check(table), path, message=message)
    workbook = openpyxl.load_workbook(path)
    sheet = workbook["评价结果"]
    rows = list(sheet.iter_rows())
    assert rows[1][-1].value in (None, "")
    assert "不在本企业备案的等级范围内" in str(rows[2][-1].value)
    assert "晚于今天" in str(rows[2][-1].value)
    coloured = {cell.column for cell in rows[2] if cell.fill.fill_type == "solid"}
    assert coloured == {table.columns.index("level") + 2, table.columns.index("issued") + 2}
    ids = rows[2][table.columns.index("id_number") + 1]
    assert (ids.value, ids.data_type) == (bad[3], "s")
    whole = [cell.value for (cell,) in workbook["总体问题"].iter_rows()]
    assert whole[0] == "共 2 处错误、1 处提示。"
    assert any("性别" in str(line) for line in whole)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_report_can_be_handed_in_again(
    tmp_path: Path, write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    table = open_table(write_xlsx([HEADERS, person(0), person(1)]))
    path = tmp_path / "again.xlsx"
    write_report(table, check(table), path, message=message)
    again = open_table(path)
    assert again.findings.listed == ()
    assert list(again) == list(table)


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_formula_injection_stays_text(
    tmp_path: Path, write_xlsx: Callable[..., Path], start: str
) -> None:
    (tmp_path / "in.csv").write_text(
        ",".join(HEADERS) + f"\n1,{start}cmd|' /C calc'!A0,x\n", "utf-8"
    )
    table = open_table(tmp_path / "in.csv")
    path = tmp_path / "out.xlsx"
    write_report(table, check(table), path, message=message)
    cells = [c for row in openpyxl.load_workbook(path)["评价结果"].iter_rows() for c in row]
    assert f"{start}cmd|' /C calc'!A0" in {cell.value for cell in cells}
    # openpyxl reports a formula as type "f"; a string that begins like one stays "s".
    assert open_table(path).findings.errors == 0


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"old")

    def crash() -> None:
        with new_workbook(path) as workbook:
            workbook.add_worksheet("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["t.xlsx"]
