"""Lists in every form that clerks hand in: taken as they are meant, or refused with what to do.

Each refusal is held to row, column and masked value; each acceptance to what was understood, by
its content: the digest of the list is the same as the clean list's, so it is recognised.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from registry.sheets.columns import COLUMNS

KEYS = [column.key for column in COLUMNS]
AT = {key: place for place, key in enumerate(KEYS)}
LETTER = {key: "ABCDEFGHIJK"[place] for place, key in enumerate(KEYS)}
Headers = list[str]


@pytest.fixture
def headers(desk: Any) -> Headers:
    sheet = openpyxl.load_workbook(desk.sheet([])).worksheets[0]
    return [str(cell.value) for cell in sheet[1]]


def refused(ran: Any, *expected: tuple[str, int | None, str | None]) -> None:
    assert ran.status == 1
    assert ran.found() == set(expected)
    assert "nothing was issued" in ran.line
    assert ran.facts["errors"] == len(expected)


# --- the header


def test_a_missing_column(desk: Any, headers: Headers) -> None:
    rows = [row[:3] + row[4:] for row in desk.rows(4)]
    ran = desk.check(desk.edited(rows, headers=headers[:3] + headers[4:]))
    refused(ran, ("column-missing", 1, "id_number"))
    assert "第 1 行「证件号码」" in ran.message("column-missing")


def test_a_renamed_column(desk: Any, headers: Headers) -> None:
    headers[AT["id_number"]] = "身份号码（证件）"
    ran = desk.check(desk.edited(desk.rows(4), headers=headers))
    refused(ran, ("column-renamed", 1, "id_number"))
    assert "身份号码" in ran.message("column-renamed")


def test_extra_columns_are_not_read_and_said_so(desk: Any, headers: Headers) -> None:
    rows = [[*row, "女", "本科"] for row in desk.rows(4)]
    file = desk.edited(rows, headers=[*headers, "性别", "文化程度"])
    ran = desk.check(file)
    assert (ran.status, ran.facts["people"], ran.facts["warnings"]) == (0, 4, 2)
    assert ran.found() == {("column-extra", 1, None)}
    assert "性别" in ran.out
    assert desk.issue(file).facts["certificates"] == 4


def test_a_column_that_stands_twice(desk: Any, headers: Headers) -> None:
    rows = [[*row, row[AT["name"]]] for row in desk.rows(4)]
    ran = desk.check(desk.edited(rows, headers=[*headers, "员工姓名"]))
    refused(ran, ("column-twice", 1, "name"))


def test_columns_in_another_order_under_other_names_below_a_title(
    desk: Any, headers: Headers
) -> None:
    rows = desk.rows(6)
    assert desk.issue(desk.sheet(rows)).status == 0
    headers[AT["name"]], headers[AT["level"]] = "考生姓名*", "技能等级（必填）"
    headers[AT["id_number"]] = " 身份证 号码 "
    file = desk.edited(
        [row[::-1] for row in rows],
        lambda sheet: sheet.insert_rows(1, 2),
        headers=headers[::-1],
    )
    assert desk.issue(file).facts["recognised"] is True


def test_no_header_at_all(desk: Any) -> None:
    file = desk.edited(desk.rows(3)[1:], headers=[str(cell) for cell in desk.rows(1)[0]])
    refused(desk.check(file), ("header-not-found", None, None))


def test_nobody_in_the_list(desk: Any) -> None:
    refused(desk.check(desk.sheet([])), ("roster-empty", None, None))


# --- cells as Excel keeps them


def test_merged_cells(desk: Any) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells(f"{LETTER['level']}3:{LETTER['level']}4")

    ran = desk.check(desk.edited(desk.rows(4), merge))
    refused(ran, ("cells-merged", 3, "level"), ("value-missing", 4, "level"))
    assert "3 至 4 行" in ran.message("cells-merged")


def test_formulas(desk: Any) -> None:
    def compute(sheet: Any) -> None:
        sheet[f"{LETTER['issued']}4"] = "=TODAY()-3"

    ran = desk.check(desk.edited(desk.rows(4), compute))
    assert ran.status == 1
    assert ("cell-formula", 4, "issued") in ran.found()
    assert "选择性粘贴" in ran.message("cell-formula")


def _recognised(desk: Any, rows: list[list[Any]], change: Callable[[list[list[Any]]], Any]) -> None:
    """Issue the clean list, then show that the changed one means the same."""
    first = desk.issue(desk.sheet(rows))
    change(rows)
    again = desk.issue(desk.edited(rows))
    assert (again.status, again.facts["recognised"]) == (0, True), again
    assert again.facts["numbers"] == first.facts["numbers"]


def _put(rows: list[list[Any]], key: str, value: Callable[[Any], Any]) -> None:
    for row in rows:
        row[AT[key]] = value(row[AT[key]])


def test_dates_as_numbers_and_in_other_forms(desk: Any, issued_on: Any) -> None:
    forms = [
        (issued_on - date(1899, 12, 30)).days,
        datetime.combine(issued_on, time()),
        issued_on,
        f"{issued_on.year}年{issued_on.month}月{issued_on.day}日",
        f"{issued_on.year}/{issued_on.month}/{issued_on.day}",
        f"{issued_on:%Y%m%d}",
    ]

    def change(rows: list[list[Any]]) -> None:
        for row, form in zip(rows, forms, strict=True):
            row[AT["issued"]] = form

    _recognised(desk, desk.rows(6), change)


def test_numbers_as_floats_where_nothing_is_lost(desk: Any) -> None:
    def change(rows: list[list[Any]]) -> None:
        _put(rows, "level", float)
        _put(rows, "admission", float)
        _put(rows, "id_type", lambda _: 201.0)

    _recognised(desk, desk.rows(6), change)


def test_an_id_number_as_a_number_is_lost(desk: Any) -> None:
    rows = desk.rows(3)
    rows[1][AT["id_number"]] = 449999198001010000.0
    rows[2][AT["id_number"]] = "4.49999E+17"
    ran = desk.check(desk.edited(rows))
    refused(ran, ("id-as-number", 3, "id_number"), ("id-as-number", 4, "id_number"))


def test_full_width_digits_and_blanks_that_nobody_sees(desk: Any) -> None:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}

    def change(rows: list[list[Any]]) -> None:
        _put(rows[:3], "id_number", lambda text: text.translate(wide))
        _put(rows, "occupation_code", lambda text: f"{text}\u3000 ".translate(wide))
        _put(rows, "name", lambda text: f"\ufeff {text[0]}\u3000{text[1:]}\t\xa0\u200b")
        _put(rows, "id_number", lambda text: f"{text} \n")
        _put(rows, "conclusion", lambda text: f" {text}\u3000")

    rows = desk.rows(9)
    del rows[4]  # its name is joined, and a blank inside a joined name is kept
    _recognised(desk, rows, change)


def test_blank_rows_between_and_below(desk: Any) -> None:
    rows = desk.rows(5)
    assert desk.issue(desk.sheet(rows)).status == 0
    gaps = [*rows[:2], [""] * len(KEYS), [None] * len(KEYS), *rows[2:], [" "] * len(KEYS)]
    assert desk.issue(desk.edited(gaps)).facts["recognised"] is True


# --- files of another kind


def test_an_old_xls_under_a_new_name(desk: Any) -> None:
    file = desk.file()
    file.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2048))
    ran = desk.check(file)
    refused(ran, ("file-old-xls", None, None))
    assert "另存为" in ran.message("file-old-xls")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b"%PDF-1.7\n", "file-not-a-table"),
        (b"<html><table>", "file-not-a-table"),
        (b"PK\x03\x04" + bytes(40), "file-damaged"),
        ("姓名,证件号码".encode("utf-16"), "file-encoding"),
        ("姓名;证件类型;证件号码;职业名称\n".encode(), "file-separator"),
        ("姓名,证件类型,证件号码\n".encode() + b"\xff\xff\xff", "file-encoding"),
    ],
    ids=["empty", "pdf", "html", "broken-zip", "utf-16", "semicolons", "no-text"],
)
def test_what_is_no_table(desk: Any, content: bytes, code: str) -> None:
    file = desk.file()
    file.write_bytes(content)
    refused(desk.check(file), (code, None, None))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-8"])
def test_csv_as_excel_in_china_saves_it(desk: Any, headers: Headers, encoding: str) -> None:
    rows = desk.rows(14)  # with a rare name, which GBK itself does not have
    assert desk.issue(desk.sheet(rows)).status == 0
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headers, *rows])
    file = desk.file("csv")
    file.write_bytes(text.getvalue().encode(encoding))
    again = desk.issue(file)
    assert (again.status, again.facts["recognised"]) == (0, True), again


def test_csv_in_plain_gbk(desk: Any, headers: Headers) -> None:
    rows = desk.rows(4)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headers, *rows])
    file = desk.file("csv")
    file.write_bytes(text.getvalue().encode("gbk"))
    assert desk.check(file).facts["people"] == 4


# --- files made to hurt


def _zip_bomb(file: Path, megabytes: int, honest: bool) -> None:
    """Write a workbook whose sheet unpacks to `megabytes`; a liar's directory says 100 bytes."""
    size = 1 << 20
    packer = zlib.compressobj(1, wbits=-15)
    crc, packed = 0, bytearray()
    block = b" " * size
    for _ in range(megabytes):
        crc = zlib.crc32(block, crc)
        packed += packer.compress(block)
    packed += packer.flush()
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("评价结果").write_row(0, 0, ["姓名", "证件类型", "证件号码"])
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            if name != "xl/worksheets/sheet1.xml":
                new.writestr(name, old.read(name))
        info = zipfile.ZipInfo("xl/worksheets/sheet1.xml")
        new.writestr(info, bytes(packed))
        written = new.getinfo(info.filename)
        # The directory is written at the end, from these.
        written.compress_type, written.CRC = zipfile.ZIP_DEFLATED, crc
        written.file_size = megabytes * size if honest else 100
        at = written.header_offset
    data = bytearray(file.read_bytes())
    struct.pack_into("<H", data, at + 8, zipfile.ZIP_DEFLATED)
    struct.pack_into("<L", data, at + 14, crc)
    struct.pack_into("<L", data, at + 22, written.file_size)
    file.write_bytes(data)


@pytest.mark.parametrize(("megabytes", "honest"), [(600, True), (300, False)])
def test_a_zip_bomb(desk: Any, megabytes: int, honest: bool) -> None:
    file = desk.file()
    _zip_bomb(file, megabytes, honest)
    assert file.stat().st_size < 4 << 20
    ran = desk.check(file)
    assert ran.status == 1
    ((code, row, column),) = ran.found()
    assert (row, column) == (None, None)
    assert code == "file-expands" if honest else code in {"file-expands", "file-damaged"}


def test_one_long_text_referred_to_thousands_of_times(desk: Any, headers: Headers) -> None:
    file = desk.file()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("评价结果")
        sheet.write_row(0, 0, headers)
        for row in range(1, 1_500):
            sheet.write_row(row, 1, ["长" * 32_000] * 10)
    assert file.stat().st_size < 1 << 20
    refused(desk.check(file), ("file-expands", None, None))


def test_too_many_findings_are_counted_and_the_first_listed(desk: Any) -> None:
    file = desk.sheet(desk.rows(1_200, conclusion="不合格"))
    ran = desk.check(file)
    assert (ran.facts["errors"], len(ran.facts["findings"])) == (1_200, 1_000)
    plain = desk("check", str(file), "--issuer", desk.prefix)
    assert plain.out.count("✗") == 50
    assert "1150" in plain.out
    assert plain.line.startswith("certreg: 1200 error")


def test_a_date_in_the_future_and_one_that_is_none(desk: Any, issued_on: Any) -> None:
    rows = desk.rows(4)
    rows[0][AT["issued"]] = (issued_on + timedelta(days=30)).isoformat()
    rows[1][AT["issued"]] = "2026-02-30"
    rows[2][AT["issued"]] = "去年"
    ran = desk.check(desk.sheet(rows))
    refused(
        ran,
        ("date-in-future", 2, "issued"),
        ("date-impossible", 3, "issued"),
        ("date-unreadable", 4, "issued"),
    )
