"""The table of scores: made for a plan, read back by the limited worker, no cell a formula."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from registry.rules.findings import Finding, FindingCode, Where
from registry.rules.scheme import PartKind
from registry.sheets.layout_scores import PART_NAMES, SCORES, scores_layout
from registry.sheets.layouts import LAYOUTS
from registry.sheets.reader import open_table
from registry.sheets.template import write_empty
from registry.wording import message, message_en
from registry.wording_batches import SCORE_TEXTS

ROWS = (
    {"name": "员工一", "id_number": "440301198501010000", "admission": "JH-2026-0001-0001"},
    {"name": "=1+1", "id_number": "@x", "admission": "-1"},
)


@pytest.mark.parametrize(
    "kinds", [tuple(PartKind), (PartKind.THEORY, PartKind.SKILL), (PartKind.CREDITS,)]
)
def test_a_plans_own_table_is_read_back(tmp_path: Path, kinds: tuple[PartKind, ...]) -> None:
    path = tmp_path / "scores.xlsx"
    layout = scores_layout(kinds)
    write_empty(path, layout, {"safety_record": ["无", "严重违反"]}, ROWS)
    headers = [column.header for column in layout.columns]
    assert [name for name in headers if name in PART_NAMES.values()] == [
        PART_NAMES[kind] for kind in PartKind if kind in kinds
    ]
    table = open_table(path, layout=SCORES)
    assert table.findings.errors == 0
    assert [(number, cells["name"], cells["id_number"]) for number, cells in table] == [
        (2, "员工一", "440301198501010000"),
        (3, "=1+1", "@x"),
    ]
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n"}


def test_a_table_without_the_safety_record_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("姓名,证件号码,准考证号,理论知识考试\n员工一,4403,1,80\n", "utf-8")
    table = open_table(path, layout=SCORES)
    (found,) = table.findings.listed
    assert (found.code, found.where.column) == (FindingCode.COLUMN_MISSING, "safety_record")


def test_the_headers_are_unlike_each_other() -> None:
    assert LAYOUTS["scores"] is SCORES
    names = [name for column in SCORES.columns for name in (column.header, *column.aliases)]
    assert len(SCORES.keys) == len(set(names))


def test_each_fault_of_scores_has_words_in_both_languages() -> None:
    for column in SCORES.columns:
        for code in SCORE_TEXTS:
            finding = Finding(code=code, where=Where(row=2, column=column.key), facts={})
            assert message_en(finding).startswith("row 2, ")
            assert f"第 2 行「{column.header}」" in message(finding)
