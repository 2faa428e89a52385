"""A result that shows something else than its cells' text is not taken for the result."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule

from signing.certverify import main
from signing.errors import MalformedReceipt
from signing.receipt import COLUMNS, ROW_WORDS, CheckedRow
from signing.receipt_table import read_receipt_table
from verify_web.bulk.rows import is_plain
from verify_web.bulk.workbook import Heading, write_result

HEADERS = tuple(COLUMNS.values())
RESULT, NOTES = "查验结果", "查验说明"


@pytest.fixture
def files(bulk: Any, tmp_path: Path) -> Path:
    sheet, receipt = bulk.check(bulk.row("valid"), bulk.row("revoked"), bulk.row("suspended"))
    (tmp_path / "a.xlsx").write_bytes(sheet)
    (tmp_path / "a.receipt.json").write_bytes(receipt)
    return tmp_path


def judge(bulk: Any, files: Path, sheet: bytes) -> int:
    (files / "b.xlsx").write_bytes(sheet)
    argv = [str(files / "a.receipt.json"), "--trust", str(bulk.trust)]
    return main([*argv, "--table", str(files / "b.xlsx")], clock=bulk.clock)


def saved(files: Path, change: Callable[[Any], None]) -> bytes:
    """Change the result as an office program does."""
    book, stream = openpyxl.load_workbook(files / "a.xlsx"), io.BytesIO()
    change(book)
    book.save(stream)
    return stream.getvalue()


def patched(files: Path, part: str, old: str, new: str, **more: str) -> bytes:
    """Change the result's XML as a forger does; `more` are further parts."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(files / "a.xlsx") as before,
        zipfile.ZipFile(stream, "w") as after,
    ):
        for name in before.namelist():
            data = before.read(name).decode()
            if name == part:
                data, count = re.subn(old, new, data, count=1)
                assert count == 1
            after.writestr(name, data)
        for name, text in more.items():
            after.writestr(name, text)
    return stream.getvalue()


def above(book: Any) -> None:
    sheet = book[RESULT]
    sheet.insert_rows(1, 2)
    for at, header in enumerate(HEADERS, 1):
        sheet.cell(1, at).value = header
    sheet["A2"], sheet["D2"] = "Y000044999001263999999", "有效"
    for hidden in (3, 4, 5, 6):
        sheet.row_dimensions[hidden].hidden = True


def note_above(book: Any) -> None:
    book[RESULT].insert_rows(1)
    book[RESULT]["A1"] = "全部有效"


def formula(book: Any) -> None:
    book[RESULT]["D3"] = '="有效"'


def number_format(book: Any) -> None:
    book[RESULT]["D3"].number_format = ';;;"有效"'


def conditional(book: Any) -> None:
    book[RESULT].conditional_formatting.add("D3", CellIsRule("equal", ['"已撤销"']))


def second_column(book: Any) -> None:
    book[RESULT]["I1"], book[RESULT]["I3"] = "查验结果", "有效"


def beside(book: Any) -> None:
    book[RESULT]["J3"] = "有效"


def notes_beside(book: Any) -> None:
    book[NOTES]["C1"] = "另一单位"


def other_sheet(book: Any) -> None:
    book.create_sheet("查验结果（正式）", 0)["A1"] = "全部有效"


def hidden_sheet(book: Any) -> None:
    book[NOTES].sheet_state = "hidden"


def hidden_row(book: Any) -> None:
    book[RESULT].row_dimensions[3].hidden = True


def flat_row(book: Any) -> None:
    book[RESULT].row_dimensions[3].height = 0.1


def hidden_column(book: Any) -> None:
    book[RESULT].column_dimensions["D"].hidden = True


def merged(book: Any) -> None:
    book[RESULT].merge_cells("D2:D3")


def comment(book: Any) -> None:
    book[RESULT]["D3"].comment = Comment("有效", "备案机构")


FORGED = (
    *(above, note_above, formula, number_format, conditional, second_column, beside, notes_beside),
    *(other_sheet, hidden_sheet, hidden_row, flat_row, hidden_column, merged, comment),
)


@pytest.mark.parametrize("forge", FORGED, ids=lambda one: one.__name__)
def test_what_shows_more_than_its_text_is_not_confirmed(
    bulk: Any, files: Path, capsys: Any, forge: Callable[[Any], None]
) -> None:
    assert judge(bulk, files, saved(files, forge)) == 2
    said = capsys.readouterr()
    assert "certverify: the" in said.err or "certverify: row" in said.err
    assert said.out == ""


DRAWN = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
DRAWING = "xl/drawings/drawing1.xml"
LINKS_OF, LINKS_OF_SHEET = "xl/drawings/_rels/drawing1.xml.rels", "xl/worksheets/_rels/x.xml.rels"
LINKS = '<Relationships><Relationship Type="t/image" Target="../media/a.png"/></Relationships>'
OUTSIDE = (
    '<Relationships><Relationship Type="t/drawing" TargetMode="External"'
    ' Target="../drawings/drawing1.xml"/></Relationships>'
)


@pytest.mark.parametrize(
    ("part", "old", "new", "more"),
    [
        # A formula whose stored value is the true one: an office program computes it anew.
        ("xl/worksheets/sheet1.xml", '(<c r="D3" s="\\d+" t="s">)', '\\1<f>"有效"</f>', {}),
        ("xl/worksheets/sheet1.xml", '<sheetData><row r="1"', '<sheetData><row r="1" ht="0"', {}),
        ("xl/worksheets/sheet1.xml", "<sheetFormatPr", '<sheetFormatPr zeroHeight="1"', {}),
        ("xl/worksheets/sheet1.xml", "<sheetData>", "<x xmlns='urn:x'/><sheetData>", {}),
        ("xl/worksheets/sheet1.xml", "<worksheet", "<!DOCTYPE worksheet><worksheet", {}),
        # One place twice: which of the two is shown is each program's own choice.
        ("xl/worksheets/sheet1.xml", '(<c r="D)4(" )', "\\g<1>3\\g<2>", {}),
        ("xl/worksheets/sheet1.xml", '<row r="4"', '<row r="3"', {}),
        ("xl/worksheets/sheet1.xml", "</sheetData>", "</sheetData><sheetData/>", {}),
        ("xl/sharedStrings.xml", "<si><t>", "<si><y xmlns='urn:x'>有效</y><t>", {}),
        ("xl/workbook.xml", "</sheets>", "</sheets", {}),
        (
            "xl/_rels/workbook.xml.rels",
            'Target="worksheets/sheet1.xml"',
            'Target="theme/theme2.xml"',
            {"xl/theme/theme2.xml": "<worksheet/>"},
        ),
        ("_rels/.rels", 'Target="xl/workbook.xml"', 'Target="docProps/book.xml"', {}),
        ("_rels/.rels", "$", "", {DRAWING: "<x/>"}),
        (
            "_rels/.rels",
            "$",
            "",
            {DRAWING: f'<x:wsDr xmlns:x="{DRAWN}"><x:oneCellAnchor/></x:wsDr>'},
        ),
        ("_rels/.rels", "$", "", {DRAWING: f'<x:wsDr xmlns:x="{DRAWN}"/>', LINKS_OF: LINKS}),
        ("_rels/.rels", "$", "", {LINKS_OF_SHEET: LINKS.replace("image", "drawing")}),
        ("_rels/.rels", "$", "", {LINKS_OF_SHEET: OUTSIDE}),
        ("_rels/.rels", "$", "", {"XL/worksheets/sheet1.xml": "<x/>"}),
    ],
)
def test_forged_parts_are_refused(
    files: Path, part: str, old: str, new: str, more: dict[str, str]
) -> None:
    assert len(read_receipt_table(patched(files, "_rels/.rels", "$", "")).rows) == 3
    with pytest.raises(MalformedReceipt):
        read_receipt_table(patched(files, part, old, new, **more))


def test_a_drawing_that_holds_nothing_hides_nothing(files: Path) -> None:
    links = LINKS.replace("image", "drawing").replace("media/a.png", "drawings/drawing1.xml")
    parts = {DRAWING: f'<x:wsDr xmlns:x="{DRAWN}"/>', LINKS_OF_SHEET: links}
    assert len(read_receipt_table(patched(files, "_rels/.rels", "$", "", **parts)).rows) == 3


def test_changed_notes_are_found(bulk: Any, files: Path, capsys: Any) -> None:
    def change(book: Any) -> None:
        assert book[NOTES]["A1"].value == "查验单位"
        book[NOTES]["B1"] = "另一单位"

    assert judge(bulk, files, saved(files, change)) == 1
    assert "查验单位、用途、时间等被改动" in capsys.readouterr().out


def test_a_sorted_table_with_other_widths_and_colours_is_the_same(bulk: Any, files: Path) -> None:
    def change(book: Any) -> None:
        sheet = book[RESULT]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        for at, row in enumerate(reversed(rows), 2):
            for place, value in enumerate(row, 1):
                sheet.cell(at, place).value = value
        sheet.column_dimensions["A"].width = 60
        sheet["D3"].number_format = "General"

    assert judge(bulk, files, saved(files, change)) == 0


def test_the_rows_are_listed_as_they_were_read(bulk: Any, files: Path, capsys: Any) -> None:
    assert judge(bulk, files, (files / "a.xlsx").read_bytes()) == 0
    said = capsys.readouterr().out
    assert "以本程序列出的内容为准" in said
    assert "查验单位  示例用人单位有限公司" in said
    assert "查验用途  招聘录用核验" in said
    number = bulk.world.records["revoked"].number
    assert re.search(rf"^   3 \| {number} \| .* \| 已撤销 \| ", said, re.MULTILINE)


plain = st.text(st.characters(codec="utf-8"), max_size=12).filter(is_plain)


@given(st.lists(plain, min_size=8, max_size=8), plain)
@example(["_x0041_", " 示例 ", "=1", "", "1.0", "'1", "&lt;", "TRUE"], "_x000D_")
def test_what_is_accepted_comes_back_as_it_was_written(cells: list[str], asker: str) -> None:
    cells[3] = next(iter(ROW_WORDS.values()))
    row = CheckedRow(**dict(zip(COLUMNS, cells, strict=True)))
    heading = Heading(lines=(("查验单位", asker),), salt=bytes(32))
    table = read_receipt_table(write_result([row], heading, made=datetime(2026, 1, 1, tzinfo=UTC)))
    assert table.rows == ((2, row),)
    assert table.notes == heading.notes()
    assert table.salt == heading.salt
