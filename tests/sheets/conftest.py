"""Builders of spreadsheets, good and bad, of made-up persons."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from registry.rules.people import check_character

Rows = Sequence[Sequence[object]]


def person_row(serial: int) -> list[object]:
    born = (date(1970, 1, 1) + timedelta(days=serial % 9000)).strftime("%Y%m%d")
    first = f"440301{born}{serial // 9000:03d}"
    return [
        serial + 1,
        f"张{chr(0x4E00 + serial % 500)}",
        "居民身份证",
        first + check_character(first),
        "",
        "电工",
        "6-31-01-03",
        "",
        "三级/高级工",
        "合格",
        "2026-11-20",
    ]


@pytest.fixture
def person() -> Callable[[int], list[object]]:
    """Give the serial-th person's row in the template's order of columns."""
    return person_row


@pytest.fixture
def write_xlsx(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to one sheet."""

    def write(rows: Rows, *, sheet: str = "评价结果", name: str = "t.xlsx") -> Path:
        workbook = xlsxwriter.Workbook(tmp_path / name)
        worksheet = workbook.add_worksheet(sheet)
        for number, row in enumerate(rows):
            worksheet.write_row(number, 0, row)
        workbook.close()
        return tmp_path / name

    return write


@pytest.fixture
def edit_xlsx(tmp_path: Path) -> Callable[..., Path]:
    """Write rows by openpyxl and let a function change the workbook before it is saved."""

    def write(rows: Rows, change: Callable[[openpyxl.Workbook], None]) -> Path:
        workbook = openpyxl.Workbook()
        sheet = workbook.worksheets[0]
        sheet.title = "评价结果"
        for row in rows:
            sheet.append(list(row))
        change(workbook)
        workbook.save(tmp_path / "edited.xlsx")
        return tmp_path / "edited.xlsx"

    return write


@pytest.fixture
def swap_part(tmp_path: Path) -> Callable[[Path, str, bytes], Path]:
    """Copy a package with one part's bytes replaced."""

    def swap(source: Path, part: str, content: bytes) -> Path:
        buffer = io.BytesIO()
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(buffer, "w", 8) as new:
            for name in old.namelist():
                new.writestr(name, content if name == part else old.read(name))
        target = tmp_path / "swapped.xlsx"
        target.write_bytes(buffer.getvalue())
        return target

    return swap
