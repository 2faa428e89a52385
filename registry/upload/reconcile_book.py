"""The workbook of a reconciliation (对账差异表): a summary, and one sheet for each kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from registry.upload.reconcile_sides import Difference, Report
from registry.upload.reconcile_words import ADVICE, KIND_WORDS, Kind

SUMMARY: Final = "对账结果"
SHOWN: Final = 100_000
"""Rows of one sheet at most; the summary gives the whole number."""

_COLUMNS: Final = (
    ("上报编号", 12),
    ("行号", 8),
    ("证书编号", 26),
    ("版次", 6),
    ("数据类型", 10),
    ("差异", 44),
    ("本系统", 30),
    ("对方", 30),
    ("怎么办", 52),
    ("回执文件", 28),
)
_VERDICTS: Final[Mapping[bool | None, str]] = {
    True: "三方一致",
    False: "有差异，请按各表逐条办理",
    None: "没有发现差异，但有内容无法核对，不能认定一致",
}


def write_report(report: Report, out: Path, *, today: date) -> None:
    """Write the workbook to ``out``: whole, readable by its owner alone, or not at all.

    It names certificates by their numbers and no person.
    """
    with TemporaryDirectory(dir=out.parent, prefix=".reconcile-") as scratch:
        part = Path(scratch, "part.xlsx")
        part.touch(mode=0o600)
        with xlsxwriter.Workbook(str(part), {"constant_memory": True, "tmpdir": scratch}) as book:
            book.set_properties({"title": SUMMARY})
            bold = book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1})
            wrap = book.add_format({"text_wrap": True, "valign": "top"})
            _write_summary(book.add_worksheet(SUMMARY), report, today, bold)
            for kind, word in KIND_WORDS.items():
                found = (one for one in report.differences if one.kind is kind)
                _write_kind(book.add_worksheet(word), found, bold, wrap)
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(out)


def _write_summary(sheet: Worksheet, report: Report, today: date, bold: Format) -> None:
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 44)
    lines = (
        ("对账日期", today.isoformat()),
        ("结果", _VERDICTS[report.equal]),
        ("核对的上报批", report.uploads),
        ("核对的上报行", report.rows),
        ("核对的回执", report.receipts),
        *((f"{KIND_WORDS[kind]}（条）", report.counts[kind]) for kind in Kind),
    )
    for number, (label, value) in enumerate(lines):
        sheet.write_string(number, 0, label, bold)
        if isinstance(value, int):
            sheet.write_number(number, 1, value)
        else:
            sheet.write_string(number, 1, value)


def _write_kind(sheet: Worksheet, found: Iterator[Difference], bold: Format, wrap: Format) -> None:
    for at, (header, width) in enumerate(_COLUMNS):
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, header, bold)
    sheet.freeze_panes(1, 0)
    for number, one in enumerate(found, 1):
        if number > SHOWN:
            sheet.write_string(number, 0, f"以下从略，只列 {SHOWN} 条；请先办理以上各条")
            return
        for at, cell in enumerate(_cells(one)):
            # Text and nothing else: a receipt's values come from outside and must be no formula.
            sheet.write_string(number, at, cell, wrap)


def _cells(one: Difference) -> tuple[str, ...]:
    advice = ADVICE[one.code]
    return (
        one.upload,
        "" if one.row is None else str(one.row),
        one.key.number if one.key else "",
        str(one.key.edition) if one.key else "",
        one.key.kind if one.key else "",
        advice.what,
        one.held,
        one.got,
        advice.todo,
        one.source,
    )
