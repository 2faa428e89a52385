"""The workbook of a reconciliation: a sheet a kind, words for each, and no formula."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl

from registry.upload.reconcile_book import SUMMARY, write_report
from registry.upload.reconcile_sides import Difference, Key, Report
from registry.upload.reconcile_words import ADVICE, KIND_WORDS, Code, Kind

TODAY = date(2026, 11, 26)
KEY = Key(number="Y000044999001265001001", edition=1, kind="新增")


def test_every_difference_has_words_and_a_next_step() -> None:
    assert set(ADVICE) == set(Code)
    assert {advice.kind for advice in ADVICE.values()} == set(Kind) == set(KIND_WORDS)
    assert all(advice.what and advice.todo for advice in ADVICE.values())


def test_the_workbook_has_a_sheet_a_kind_and_text_alone(tmp_path: Path) -> None:
    found = tuple(
        Difference(code=code, upload="U00000001", row=1, key=KEY, held="=1+1", got="x")
        for code in Code
    )
    out = tmp_path / "differences.xlsx"
    report = Report(differences=found, uploads=1, rows=2, receipts=1)
    write_report(report, out, today=TODAY)
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == [SUMMARY, *KIND_WORDS.values()]
    for kind, word in KIND_WORDS.items():
        lines = list(book[word].iter_rows(min_row=2))
        codes = [code for code in Code if ADVICE[code].kind is kind]
        assert [line[5].value for line in lines] == [ADVICE[code].what for code in codes]
        assert {cell.data_type for line in lines for cell in line if cell.value} == {"s"}
        assert {line[6].value for line in lines} == {"=1+1"}
    counts = {row[0].value: row[1].value for row in book[SUMMARY].iter_rows()}
    assert counts["结果"] == "有差异，请按各表逐条办理"
    assert counts["逾期（条）"] == report.counts[Kind.LATE] == 2
