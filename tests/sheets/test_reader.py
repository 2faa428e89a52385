"""Tables as clerks send them: every fault of header and form is named, none is guessed."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest

from registry.rules.findings import FindingCode
from registry.sheets.columns import COLUMNS
from registry.sheets.errors import SheetDamaged, SheetError, SheetRefused, SheetTooLarge
from registry.sheets.limits import Limits
from registry.sheets.reader import open_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import openpyxl

    from registry.sheets.table import Table

HEADERS = [column.header for column in COLUMNS]
READ = [column.key for column in COLUMNS if column.key != "sequence"]


def codes(table: Table) -> list[tuple[int | None, str | None, FindingCode]]:
    return [(f.where.row, f.where.column, f.code) for f in table.findings.listed]


def refused(path: Path, limits: Limits | None = None) -> FindingCode:
    with pytest.raises(SheetError) as caught:
        open_table(path, limits or Limits())
    return caught.value.finding.code


def test_reads_the_template_order_and_can_be_iterated_again(
    write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    table = open_table(write_xlsx([HEADERS, person(0), person(1)]))
    assert codes(table) == []
    assert table.columns == tuple(READ)
    assert len(table) == 2
    assert list(table) == list(table)
    number, cells = next(iter(table))
    assert number == 2
    assert list(cells.values()) == person(0)[1:]


def test_columns_in_any_order_with_titles_above_and_blank_rows_between(
    write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    order = [10, 3, 1, 9, 5, 8, 2, 6]
    rows = [["某公司评价结果"], [], [HEADERS[i] for i in order]]
    rows += [[person(0)[i] for i in order], [], [""] * 8, [person(1)[i] for i in order]]
    table = open_table(write_xlsx(rows))
    assert codes(table) == []
    assert [number for number, _ in table] == [4, 7]
    assert [cells["name"] for _, cells in table] == [person(0)[1], person(1)[1]]


def test_a_table_that_begins_further_right(
    edit_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    def shift(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.worksheets[0]
        sheet.insert_cols(1, 2)
        sheet["F2"] = '="x"'

    table = open_table(edit_xlsx([HEADERS, person(0)], shift))
    assert codes(table) == [(2, "id_number", FindingCode.CELL_FORMULA)]


def test_types_of_cells(tmp_path: Path) -> None:
    import xlsxwriter

    workbook = xlsxwriter.Workbook(tmp_path / "k.xlsx")
    sheet = workbook.add_worksheet("评价结果")
    sheet.write_row(0, 0, HEADERS)
    sheet.write_row(1, 1, ["张三", True, 440301199001011234, 3.5])
    form = workbook.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_datetime(1, 10, dt.date(2026, 11, 20), form)
    sheet.write_number(2, 10, 46346 + 8.5 / 24, form)
    sheet.write_number(3, 8, 3)
    workbook.close()
    rows = dict(open_table(tmp_path / "k.xlsx"))
    assert rows[2]["id_type"] == "TRUE"
    assert rows[2]["id_number"] == pytest.approx(440301199001011234)
    assert rows[2]["admission"] == 3.5
    assert rows[2]["issued"] == "2026-11-20"
    assert rows[3]["issued"] == "2026-11-20 08:30:00"
    assert rows[4]["level"] == 3.0
    assert rows[4]["name"] == ""


def test_missing_renamed_extra_and_doubled_columns(
    write_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    headers = [
        "姓名",
        "证件类别",
        "身份证号码",
        "职业名称",
        "工种",
        "职业方向",
        "等级",
        "发证日期",
        "性别",
    ]
    table = open_table(write_xlsx([headers, ["张三"] * 9]))
    found = {(f.where.column, f.code, f.facts.get("found")) for f in table.findings.listed}
    assert found == {
        ("id_type", FindingCode.COLUMN_RENAMED, "证件类别"),
        ("occupation_code", FindingCode.COLUMN_MISSING, None),
        ("conclusion", FindingCode.COLUMN_MISSING, None),
        ("direction", FindingCode.COLUMN_TWICE, "职业方向"),
        (None, FindingCode.COLUMN_EXTRA, "性别"),
    }
    assert (table.findings.errors, table.findings.warnings) == (4, 1)
    assert "性别" not in str(dict(table))


def test_marks_in_headers_do_not_matter(write_xlsx: Callable[..., Path]) -> None:
    headers = [f"*{h}" if i % 2 else f"{h}（必填） " for i, h in enumerate(HEADERS)]
    assert open_table(write_xlsx([headers, ["1", "张三"]])).columns == tuple(READ)


def test_formulas_and_merged_cells_are_named_where_they_matter(
    edit_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    def change(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.worksheets[0]
        sheet["A3"] = "=ROW()-1"  # the running number is not read
        sheet["D3"] = '="440301"'
        sheet["K2"] = "=TODAY()"
        sheet["Z2"] = "=1"
        sheet.merge_cells("F2:F4")
        sheet.merge_cells("X2:Y2")

    table = open_table(edit_xlsx([HEADERS, *map(person, range(3))], change))
    assert set(codes(table)) == {
        (3, "id_number", FindingCode.CELL_FORMULA),
        (2, "issued", FindingCode.CELL_FORMULA),
        (2, "occupation", FindingCode.CELLS_MERGED),
    }
    merged = next(f for f in table.findings.listed if f.code is FindingCode.CELLS_MERGED)
    assert merged.facts == {"first_row": "2", "last_row": "4"}


def test_formula_count_is_true_beyond_the_list(
    edit_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    def change(workbook: openpyxl.Workbook) -> None:
        for row in range(2, 1502):
            workbook.worksheets[0].cell(row, 2, "=A1")

    table = open_table(edit_xlsx([HEADERS], change))
    assert table.findings.counts[FindingCode.CELL_FORMULA] == 1500
    assert len(table.findings.listed) == 1000


def test_formulas_under_a_namespace_prefix_without_references(
    write_xlsx: Callable[..., Path], swap_part: Callable[[Path, str, bytes], Path]
) -> None:
    cells = "".join(f'<x:c t="inlineStr"><x:is><x:t>{h}</x:t></x:is></x:c>' for h in HEADERS)
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<x:sheetData><x:row>{cells}</x:row>"
        "<x:row><x:c/><x:c><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    path = swap_part(write_xlsx([HEADERS]), "xl/worksheets/sheet1.xml", sheet.encode())
    assert (2, "name", FindingCode.CELL_FORMULA) in codes(open_table(path))


def test_hidden_rows_are_read(
    edit_xlsx: Callable[..., Path], person: Callable[[int], list[object]]
) -> None:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook.worksheets[0].row_dimensions[3].hidden = True

    assert len(open_table(edit_xlsx([HEADERS, *map(person, range(3))], hide))) == 3


def test_which_sheet(edit_xlsx: Callable[..., Path], person: Callable[[int], list[object]]) -> None:
    def rename(workbook: openpyxl.Workbook) -> None:
        workbook.worksheets[0].title = "名单"
        workbook.create_sheet("Sheet2")
        workbook.create_sheet("填写说明").append(["说明"])
        hidden = workbook.create_sheet("旧数据")
        hidden.append(["旧"])
        hidden.sheet_state = "hidden"

    def second(workbook: openpyxl.Workbook) -> None:
        rename(workbook)
        workbook["Sheet2"].append(["又一张"])

    def named(workbook: openpyxl.Workbook) -> None:
        workbook.create_sheet("别的").append(["又一张"])

    rows = [HEADERS, person(0)]
    assert open_table(edit_xlsx(rows, rename)).sheet == "名单"
    assert refused(edit_xlsx(rows, second)) is FindingCode.SHEET_CHOICE
    assert open_table(edit_xlsx(rows, named)).sheet == "评价结果"


def test_only_a_header(write_xlsx: Callable[..., Path]) -> None:
    table = open_table(write_xlsx([HEADERS]))
    assert len(table) == 0
    assert list(table) == []


def test_no_header_at_all(write_xlsx: Callable[..., Path]) -> None:
    assert refused(write_xlsx([["a", "b"], [1, 2]])) is FindingCode.HEADER_NOT_FOUND
    assert refused(write_xlsx([])) is FindingCode.HEADER_NOT_FOUND


@pytest.mark.parametrize("name", ["old.xls", "old.xlsx"])
def test_old_xls_by_content_whatever_its_ending(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000))
    assert refused(path) is FindingCode.FILE_OLD_XLS


def test_encrypted_xlsx(tmp_path: Path) -> None:
    path = tmp_path / "e.xlsx"
    stream = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000) + stream)
    assert refused(path) is FindingCode.FILE_ENCRYPTED


def test_empty_foreign_and_damaged_files(tmp_path: Path, write_xlsx: Callable[..., Path]) -> None:
    path = tmp_path / "f"
    for content, code in (
        (b"", FindingCode.FILE_EMPTY),
        (b" \n", FindingCode.FILE_EMPTY),
        (b"<html><table></table></html>", FindingCode.FILE_NOT_A_TABLE),
        (b"%PDF-1.7", FindingCode.FILE_NOT_A_TABLE),
        (b"PK\x03\x04garbage", FindingCode.FILE_DAMAGED),
        (b"\x00\x01\x02", FindingCode.FILE_ENCODING),
    ):
        path.write_bytes(content)
        assert refused(path) is code
    whole = write_xlsx([HEADERS]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path) is FindingCode.FILE_DAMAGED


def test_another_kind_of_package(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "d.docx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("word/document.xml", "<x/>")
    assert refused(path) is FindingCode.FILE_NOT_A_TABLE


def test_a_pipe_or_directory_is_no_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") is FindingCode.FILE_NOT_A_TABLE
    assert refused(tmp_path) is FindingCode.FILE_NOT_A_TABLE
    with pytest.raises(FileNotFoundError):
        open_table(tmp_path / "missing.xlsx")


def test_error_family(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04")
    with pytest.raises(SheetDamaged, match="file-damaged"):
        open_table(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"<html>")
    with pytest.raises(SheetRefused, match="file-not-a-table"):
        open_table(tmp_path / "a")
    with pytest.raises(SheetTooLarge, match="file-too-large"):
        open_table(tmp_path / "a", Limits(file_bytes=3))
