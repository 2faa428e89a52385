"""The spreadsheets of the statistics: counts as numbers, dates as dates, names as text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

import xlsxwriter
from xlsxwriter import Workbook
from xlsxwriter.format import Format

from registry.office.statistics import Line, Statistics
from registry.office.subsidies import Candidates
from registry.office.throughput import Step

_COUNTS: Final = ("全国可查（计入）", "尚未可查（不计）", "暂停（不计）")
_PEOPLE: Final = (
    "证书编号",
    "姓名",
    "企业",
    "职业",
    "等级",
    "发证日期",
    "申领截止（含当日）",
    "剩余天数",
    "全国联网",
)
_WIDTH: Final = 22


def statistics_book(found: Statistics, steps: Iterable[Step]) -> bytes:
    """Return the workbook of the counts: one sheet for each list, one for the steps."""
    lists: tuple[tuple[str, str, Sequence[Line]], ...] = (
        ("按辖区", "辖区", found.districts),
        ("按企业", "企业", found.companies),
        ("按职业", "职业", found.occupations),
        ("按等级", "等级", found.levels),
        ("按月份", "发证月份", found.months),
    )
    with _book() as (book, data):
        for name, label, lines in lists:
            rows = [(one.label, one.seen, one.waiting, one.suspended) for one in lines]
            whole = found.whole
            total = (whole.label, whole.seen, whole.waiting, whole.suspended)
            _sheet(book, name, (label, *_COUNTS), [*rows, total])
        heads = ("事项", "环节", "件数", "中位数（工作日）", "九成不超过（工作日）")
        taken = [(one.matter, one.step, one.count, one.median, one.nine_in_ten) for one in steps]
        _sheet(book, "办理用时", heads, taken)
    return data.getvalue()


def subsidy_book(found: Candidates, today: date) -> bytes:
    """Return the workbook of subsidy candidates, with whole names where they were given."""
    rows = [
        (
            one.number,
            one.name,
            one.company,
            one.occupation,
            one.level,
            one.issued,
            one.ends,
            one.left,
            "可查" if one.seen else "尚未可查",
        )
        for one in found.listed
    ]
    with _book() as (book, data):
        _sheet(book, f"截至{today}", _PEOPLE, rows)
    return data.getvalue()


@contextmanager
def _book() -> Iterator[tuple[Workbook, io.BytesIO]]:
    data = io.BytesIO()
    # In memory: a list of persons must not lie in a shared folder meanwhile.
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        yield book, data


def _sheet(
    book: Workbook,
    name: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str | int | date]],
) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1})
    day: Format = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.set_column(0, len(heads) - 1, _WIDTH)
    sheet.freeze_panes(1, 0)
    for at, head in enumerate(heads):
        sheet.write_string(0, at, head, bold)
    for number, row in enumerate(rows, 1):
        for at, value in enumerate(row):
            match value:
                case str():
                    sheet.write_string(number, at, value)
                case int():
                    sheet.write_number(number, at, value)
                case date():
                    sheet.write_datetime(number, at, value, day)
