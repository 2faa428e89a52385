"""CSV in the encodings clerks save it in; anything else is explained."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

import pytest

from registry.rules.findings import FindingCode
from registry.sheets.columns import COLUMNS
from registry.sheets.errors import SheetError
from registry.sheets.reader import open_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADERS = [column.header for column in COLUMNS]


def text_of(rows: list[list[object]], delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_encodings(tmp_path: Path, person: Callable[[int], list[object]], encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text_of([HEADERS, person(0), person(1)]).encode(encoding))
    table = open_table(path)
    assert table.findings.errors == 0
    assert [cells["name"] for _, cells in table] == [person(0)[1], person(1)[1]]


def test_rare_character_in_gb18030(tmp_path: Path, person: Callable[[int], list[object]]) -> None:
    row = person(0)
    row[1] = "王\U0002cb4e"
    path = tmp_path / "t.csv"
    path.write_bytes(text_of([HEADERS, row]).encode("gb18030"))
    assert next(iter(open_table(path)))[1]["name"] == "王\U0002cb4e"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_explained(
    tmp_path: Path, person: Callable[[int], list[object]], separator: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text_of([HEADERS, person(0)], separator), "utf-8")
    with pytest.raises(SheetError) as caught:
        open_table(path)
    assert caught.value.finding.code is FindingCode.FILE_SEPARATOR


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF16_LE + "姓名".encode("utf-16-le"),
        "姓名,证件号码\n".encode() + b"\xff\xff\xff",
        b"a,b\0c",
    ],
)
def test_unknown_encodings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(SheetError) as caught:
        open_table(path)
    assert caught.value.finding.code is FindingCode.FILE_ENCODING


def test_unclosed_quote_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join(HEADERS) + '\n1,"张三\n' + "x" * 100_000, "utf-8")
    with pytest.raises(SheetError) as caught:
        open_table(path)
    assert caught.value.finding.code is FindingCode.FILE_DAMAGED


def test_short_rows_blank_lines_and_forged_separators(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [",".join(HEADERS), "1,张\x1f三", "", ",,,", '2,"李\x1e\x02四"', "3,\x02王"]
    path.write_text("\n".join(lines), "utf-8")
    rows = list(open_table(path))
    assert [(number, cells["name"]) for number, cells in rows] == [
        (2, "张\ufffd三"),
        (5, "李\ufffd\ufffd四"),
        (6, "\ufffd王"),
    ]
    assert {len(cells) for _, cells in rows} == {len(HEADERS) - 1}
