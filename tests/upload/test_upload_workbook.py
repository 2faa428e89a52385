"""The upload workbook: what an independent reader finds in it, and what is refused."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import os
import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.upload import workbook
from registry.upload.errors import FAULTS_SHOWN, FaultCode, UploadError, UploadRefused
from registry.upload.mapping import load_mapping
from registry.upload.workbook import DataKind, UploadRow, write_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CREATED = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
MAPPING = load_mapping("guangdong-certificates")
HEADERS = [c.header for c in MAPPING.columns]
ROW = UploadRow(
    name="张三测",
    id_type="resident-id",
    id_number="440300199001010000",
    employer="样例电子有限公司",
    occupation="电工",
    direction="",
    level="4",
    number="Y000044999001264000001",
    issued=date(2026, 11, 23),
    assessor="样例电子有限公司",
    issuer_body="样例电子有限公司",
    kind=DataKind.NEW,
)


def rows(count: int) -> list[UploadRow]:
    return [
        dataclasses.replace(ROW, number=f"Y00004499900126{n % 5 + 1}{n:06d}", level=str(n % 5 + 1))
        for n in range(1, count + 1)
    ]


def read_xlsx(path: Path) -> list[list[object]]:
    book = openpyxl.load_workbook(path)
    return [list(r) for r in book[MAPPING.sheet].iter_rows(values_only=True)]


def faults_of(given_rows: Iterable[UploadRow], out: Path) -> list[tuple[int, str, FaultCode, str]]:
    with pytest.raises(UploadRefused) as caught:
        write_workbook(MAPPING, given_rows, out, created=CREATED)
    return [(f.row, f.header, f.code, f.fact) for f in caught.value.faults]


@pytest.mark.parametrize(("kinds", "filed", "stamped"), [
    ("SSN", "备案名有限公司", "N"),
    ("SSC", "备案名有限公司", "备案名有限公司"),
    ("CSS", "", "C"),
])  # fmt: skip
def test_the_sheet_to_be_stamped_has_the_name_of_today(
    tmp_path: Path, kinds: str, filed: str, stamped: str
) -> None:
    """Of what is issued now, else as filed; what older certificates say only if all else lacks."""
    named = {"N": DataKind.NEW, "C": DataKind.CORRECTION, "S": DataKind.SUPPLEMENT}
    mixed = [
        dataclasses.replace(row, kind=named[kind], assessor=kind, issuer_body=kind)
        for kind, row in zip(kinds, rows(3), strict=True)
    ]
    out = tmp_path / "u.xlsx"
    write_workbook(MAPPING, mixed, out, created=CREATED, filed=filed)
    summary = openpyxl.load_workbook(out)["汇总"]
    assert [summary["B2"].value, summary["B3"].value] == [stamped, stamped]


def test_openpyxl_reads_the_headers_values_and_cell_types_of_the_mapping(tmp_path: Path) -> None:
    out = tmp_path / "u.xlsx"
    corrected = dataclasses.replace(
        ROW, kind=DataKind.CORRECTION, level="1", direction="维修", employer=""
    )
    summary = write_workbook(MAPPING, [ROW, corrected], out, created=CREATED)
    assert summary.rows == 2
    assert summary.version == "guangdong-certificates@1"
    assert summary.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["证书数据", "汇总"]
    sheet = book["证书数据"]
    assert [c.value for c in sheet[1]] == HEADERS
    first = dict(zip(HEADERS, sheet[2], strict=True))
    assert first["证件类型"].value == "201"
    assert first["证件号码"].value == "440300199001010000"
    assert first["发证日期"].value == "2026-11-23"
    assert first["数据类型"].value == "新增"
    assert first["工种名称"].value is None
    for header, cell in first.items():
        if header != "工种名称":
            assert (cell.data_type, cell.number_format) == ("s", "@"), header
    second = dict(zip(HEADERS, [c.value for c in sheet[3]], strict=True))
    assert (second["数据类型"], second["职业技能等级"]) == ("更正", "1")
    assert (second["所在单位"], second["工种名称"]) == ("其他", "维修")


def test_the_summary_sheet_counts_by_level_and_kind(tmp_path: Path) -> None:
    out = tmp_path / "u.xlsx"
    given_rows = [*rows(10), dataclasses.replace(ROW, kind=DataKind.SUPPLEMENT, level="3")]
    write_workbook(MAPPING, given_rows, out, created=CREATED)
    lines = list(openpyxl.load_workbook(out)["汇总"].iter_rows(values_only=True))
    assert lines[1][:2] == ("评价机构", "样例电子有限公司")
    assert lines[3][1] == "2026-11-23 09:02"
    at = next(n for n, line in enumerate(lines) if line[0] == "职业技能等级")
    assert lines[at][:5] == ("职业技能等级", "新增", "更正", "补录", "合计")
    assert lines[at + 1][:5] == ("五级/初级工", 2, 0, 0, 2)
    assert lines[at + 3][:5] == ("三级/高级工", 2, 0, 1, 3)
    assert lines[at + 6][:5] == ("合计", 10, 0, 1, 11)


def test_csv_opens_as_utf8_with_the_same_cells(tmp_path: Path) -> None:
    out = tmp_path / "u.csv"
    write_workbook(MAPPING, [ROW, dataclasses.replace(ROW, employer="")], out, created=CREATED)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == HEADERS
    assert lines[1][1:4] == ["201", "440300199001010000", "样例电子有限公司"]
    assert lines[2][3] == "其他"


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_same_rows_give_the_same_bytes(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, other = (tmp_path / n / f"u.{ending}" for n in ("one", "two", "other"))
    for out in (one, two, other):
        out.parent.mkdir()
    first = write_workbook(MAPPING, rows(50), one, created=CREATED)
    old = os.umask(0)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        second = write_workbook(MAPPING, rows(50), two, created=CREATED)
    finally:
        os.umask(old)
        monkeypatch.undo()
        time.tzset()
    assert first == second
    assert one.read_bytes() == two.read_bytes()
    assert write_workbook(MAPPING, rows(51), other, created=CREATED).sha256 != first.sha256


def test_an_unknown_code_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "u.xlsx"
    out.write_bytes(b"the last good one")
    passport = dataclasses.replace(ROW, id_type="passport")
    faults = faults_of([ROW, passport, dataclasses.replace(passport, level="S")], out)
    assert faults == [
        (2, "证件类型", FaultCode.UNKNOWN_CODE, "passport"),
        (3, "证件类型", FaultCode.UNKNOWN_CODE, "passport"),
        (3, "职业技能等级", FaultCode.UNKNOWN_CODE, "S"),
    ]
    assert out.read_bytes() == b"the last good one"
    assert [p.name for p in tmp_path.iterdir()] == ["u.xlsx"]


def test_a_refusal_names_no_person(tmp_path: Path) -> None:
    bad = dataclasses.replace(ROW, name="李四\x00测", id_number="4403\ud800", id_type="李四测证")
    with pytest.raises(UploadRefused) as caught:
        write_workbook(MAPPING, [bad], tmp_path / "u.xlsx", created=CREATED)
    said = str(caught.value) + "".join(f.chinese + f.fact for f in caught.value.faults)
    assert "李四" not in said
    assert "4403" not in said
    assert {f.code for f in caught.value.faults} == {FaultCode.UNWRITABLE, FaultCode.UNKNOWN_CODE}


@pytest.mark.parametrize(
    ("change", "header", "code"),
    [
        ({"name": ""}, "姓名", FaultCode.EMPTY),
        ({"id_type": ""}, "证件类型", FaultCode.EMPTY),
        ({"occupation": "工" * 256}, "职业名称", FaultCode.TOO_LONG),
        ({"kind": DataKind.WITHDRAWAL}, "数据类型", FaultCode.UNKNOWN_CODE),
        ({"name": "a\nb"}, "姓名", FaultCode.UNWRITABLE),
        ({"employer": "<r><t>x</t></r>"}, "所在单位", FaultCode.UNWRITABLE),
        ({"employer": "a_x0000_b"}, "所在单位", FaultCode.UNWRITABLE),
        ({"employer": "\uffff"}, "所在单位", FaultCode.UNWRITABLE),
    ],
)
def test_each_fault_is_found_where_it_is(
    tmp_path: Path, change: dict[str, Any], header: str, code: FaultCode
) -> None:
    bad = dataclasses.replace(ROW, **change)
    (found,) = faults_of([ROW, bad], tmp_path / "u.xlsx")
    assert found[:3] == (2, header, code)


def test_one_file_is_one_organisation(tmp_path: Path) -> None:
    other = dataclasses.replace(ROW, assessor="另一家有限公司")
    faults = faults_of([ROW, other], tmp_path / "u.xlsx")
    assert faults == [(2, "评价机构", FaultCode.SECOND_BODY, "")]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "＝", "＠"])
def test_what_csv_would_run_as_a_formula_is_refused_there_only(tmp_path: Path, start: str) -> None:
    bad = dataclasses.replace(ROW, employer=f'{start}HYPERLINK("x")')
    faults = faults_of([bad], tmp_path / "u.csv")
    assert faults == [(1, "所在单位", FaultCode.FORMULA_LIKE, "")]
    write_workbook(MAPPING, [bad], tmp_path / "u.xlsx", created=CREATED)
    cell = openpyxl.load_workbook(tmp_path / "u.xlsx")[MAPPING.sheet]["D2"]
    assert (cell.data_type, cell.value) == ("s", bad.employer)


def test_faults_stop_at_a_page_of_work(tmp_path: Path) -> None:
    bad = dataclasses.replace(ROW, id_type="passport")
    taken = 0

    def endless() -> Iterator[UploadRow]:
        nonlocal taken
        while True:
            taken += 1
            yield bad

    faults = faults_of(endless(), tmp_path / "u.csv")
    assert len(faults) == taken == FAULTS_SHOWN


def test_more_rows_than_a_sheet_holds_are_refused_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS_MAX", 3)
    assert faults_of(rows(4), tmp_path / "u.csv") == [(4, "姓名", FaultCode.TOO_MANY_ROWS, "3")]


def test_a_source_of_rows_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    def breaking() -> Iterator[UploadRow]:
        yield ROW
        raise OSError("the database went away")

    for ending in ("xlsx", "csv"):
        with pytest.raises(OSError, match="went away"):
            write_workbook(MAPPING, breaking(), tmp_path / f"u.{ending}", created=CREATED)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    for ending in ("xlsx", "csv"):
        write_workbook(MAPPING, [ROW], tmp_path / f"u.{ending}", created=CREATED)
        assert (tmp_path / f"u.{ending}").stat().st_mode & 0o777 == 0o600


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"\.xlsx or \.csv"):
        write_workbook(MAPPING, [ROW], tmp_path / "u.xls", created=CREATED)


NASTY = st.one_of(
    st.text(min_size=1, max_size=40),
    st.from_regex(r"\A\s*[=+@-][A-Z(\"']{1,8}\Z"),
    st.sampled_from(
        [
            "<r><t>&</t></r>",
            "<r>",
            "</is></c>",
            "&amp;",
            "_x0041_",
            "_x0041_x0041_",
            "_x00",
            "{=1+1}",
            "http://a",
            "1e5",
            "TRUE",
            "00012",
            " padded ",
            '"quoted"',
            "a,b",
            "a\u2028b",
            "𬭎",
            "'",
            "#N/A",
        ]
    ),
)


@given(st.lists(NASTY, min_size=1, max_size=3), st.sampled_from(["xlsx", "csv"]))
def test_whatever_the_text_it_arrives_unchanged_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], ending: str
) -> None:
    out = tmp_path_factory.mktemp("nasty") / f"u.{ending}"
    given_rows = [dataclasses.replace(ROW, name=v, direction=v) for v in values]
    try:
        write_workbook(MAPPING, given_rows, out, created=CREATED)
    except UploadRefused:
        assert not out.exists()
        return
    if ending == "csv":
        with out.open(encoding="utf-8-sig", newline="") as file:
            lines: list[list[object]] = [list(line) for line in csv.reader(file)]
        assert not any(str(line[0]).startswith(("=", "+", "-", "@")) for line in lines)
        found = lines[1:]
    else:
        found = read_xlsx(out)[1:]
    assert [line[0] for line in found] == values
    assert [line[5] for line in found] == values


def test_twenty_thousand_rows_take_seconds(tmp_path: Path) -> None:
    many = rows(20_000)
    began = time.process_time()
    summary = write_workbook(MAPPING, many, tmp_path / "u.xlsx", created=CREATED)
    spent = time.process_time() - began
    assert summary.rows == 20_000
    # About 1 s on the machine the product is built on; ten times that means it went quadratic.
    assert spent < 10


@pytest.mark.soak
def test_half_a_million_rows_are_streamed(tmp_path: Path) -> None:
    made = (ROW for _ in range(500_000))
    assert write_workbook(MAPPING, made, tmp_path / "u.xlsx", created=CREATED).rows == 500_000
