"""Rows of existing certificates: one fault one finding, numbers that say what their rows say."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.errors import PrefixError
from registry.rules.findings import FindingCode
from registry.rules.imported import MOST_ROWS, ImportChecker, ImportRow, import_digest
from registry.rules.numbers import check_number, parse_number
from registry.rules.people import check_character

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.rules.text import Cell

TODAY = date(2026, 11, 23)
PREFIX = "Y000044999001"


def make_id(serial: int) -> str:
    first = f"44999919900101{serial:03d}"
    return first + check_character(first)


def make_row(serial: int = 1, **changes: Cell) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "name": "张示例",
        "id_type": "居民身份证",
        "id_number": make_id(serial),
        "number": f"{PREFIX}213{serial:06}",
        "occupation": "电工",
        "occupation_code": "6-31-01-03",
        "direction": "",
        "level": "三级/高级工",
        "issued": "2021-06-30",
        "admission": "",
        "assessor": "",
    }
    return row | changes


def make_checker(
    limit: int = 1000, drawable: Callable[[str], bool] = lambda _: True
) -> ImportChecker:
    return ImportChecker(prefix=PREFIX, today=TODAY, drawable=drawable, limit=limit)


def codes(checker: ImportChecker) -> list[tuple[int | None, str | None, str]]:
    return [(f.where.row, f.where.column, f.code.value) for f in checker.findings.listed]


def test_a_good_row_is_normalised() -> None:
    checker = make_checker()
    row = checker.row(
        2,
        make_row(
            number="ｙ0000 44999001 21 3 000001 ",
            assessor="深圳市示例　旧名有限公司",
            level=3.0,
            issued="2021年6月30日",
        ),
    )
    assert row is not None
    assert (row.number, row.serial) == (f"{PREFIX}213000001", 1)
    assert row.assessor == "深圳市示例 旧名有限公司"
    assert (row.candidate.level, row.candidate.issued) == ("3", date(2021, 6, 30))
    assert checker.finish().errors == 0
    # An old date is what this table is for.
    assert codes(checker) == []


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"number": ""}, "number", FindingCode.VALUE_MISSING),
        ({"number": f"{PREFIX}21300001"}, "number", FindingCode.NUMBER_LENGTH),
        ({"number": f"{PREFIX}2130000O1"}, "number", FindingCode.NUMBER_CHARACTER),
        ({"number": f"{PREFIX}213000000"}, "number", FindingCode.NUMBER_SERIAL_ZERO),
        ({"number": "2144030001300001"}, "number", FindingCode.NUMBER_OLD_FORM),
        ({"number": "Y000044999002213000001"}, "number", FindingCode.NUMBER_PREFIX),
        ({"number": f"{PREFIX}203000001"}, "number", FindingCode.NUMBER_YEAR),
        ({"number": f"{PREFIX}214000001"}, "number", FindingCode.NUMBER_LEVEL),
        ({"number": f"{PREFIX}21T000001"}, "number", FindingCode.NUMBER_LEVEL),
        ({"issued": "2026-11-24"}, "issued", FindingCode.DATE_IN_FUTURE),
        ({"issued": "2018-12-31"}, "issued", FindingCode.DATE_TOO_EARLY),
        ({"issued": ""}, "issued", FindingCode.VALUE_MISSING),
        ({"issued": "2021-02-30"}, "issued", FindingCode.DATE_IMPOSSIBLE),
        ({"level": "特级技师"}, "level", FindingCode.LEVEL_WITHOUT_SYMBOL),
        ({"level": "三级/技师"}, "level", FindingCode.LEVEL_CONTRADICTS),
        ({"occupation_code": "2-02-10-01"}, "occupation_code", FindingCode.OCCUPATION_CODE_GROUP),
        ({"occupation": ""}, "occupation", FindingCode.VALUE_MISSING),
        ({"name": "张3"}, "name", FindingCode.NAME_DIGIT),
        ({"id_number": make_id(1)[:-1] + "?"}, "id_number", FindingCode.ID_FORM),
        ({"id_type": "工作证"}, "id_type", FindingCode.ID_TYPE_UNKNOWN),
        ({"admission": "A/1"}, "admission", FindingCode.ADMISSION_FORM),
        ({"assessor": "司" * 101}, "assessor", FindingCode.VALUE_TOO_LONG),
    ],
)
def test_one_fault_one_finding(changes: dict[str, Cell], column: str, code: FindingCode) -> None:
    checker = make_checker()
    assert checker.row(5, make_row(**changes)) is None
    wanted = (5, column, code.value)
    # A number beside a date that cannot be read, or is of another year, may disagree with it too.
    assert wanted in codes(checker)
    assert {one[1] for one in codes(checker)} <= {column, "number"}


def test_what_the_fonts_lack_is_told_of_the_body_too() -> None:
    checker = make_checker(drawable=lambda character: character != "旧")
    assert checker.row(2, make_row(assessor="示例旧名")) is None
    assert codes(checker) == [(2, "assessor", "text-not-drawable")]


def test_all_faults_of_a_row_are_told_at_once() -> None:
    checker = make_checker()
    bad = make_row(name="张3", number=f"{PREFIX}213000000", assessor="司" * 101, issued="")
    assert checker.row(2, bad) is None
    assert sorted(one[1] or "" for one in codes(checker)) == [
        "assessor",
        "issued",
        "name",
        "number",
    ]


def test_a_wrong_prefix_is_told_where_the_row_has_other_faults_too() -> None:
    checker = make_checker()
    checker.row(2, make_row(name="", number="Y000044999002213000001"))
    assert [one[2] for one in codes(checker)] == ["value-missing", "number-prefix"]


def test_a_number_twice_and_a_person_twice_name_the_other_row() -> None:
    checker = make_checker()
    assert checker.row(2, make_row(1)) is not None
    assert checker.row(3, make_row(2, number=f"{PREFIX}213000001")) is None
    assert checker.row(4, make_row(1, number=f"{PREFIX}213000009")) is None
    assert codes(checker) == [(3, "number", "number-repeated"), (4, "id_number", "person-twice")]
    facts = [dict(one.facts) for one in checker.findings.listed]
    assert facts[0] == {"value": f"{PREFIX}213000001", "other_row": "2"}
    assert facts[1]["other_row"] == "2"
    # Another level of the same person is another certificate.
    other = make_row(1, level="4", number=f"{PREFIX}214000001")
    assert checker.row(5, other) is not None


def test_blank_rows_are_skipped_and_an_empty_table_is_a_fault() -> None:
    checker = make_checker()
    assert checker.row(2, dict.fromkeys(make_row(), " \u3000")) is None
    assert checker.finish().errors == 1
    assert codes(checker) == [(None, None, "roster-empty")]


def test_an_absent_column_is_not_told_in_every_row() -> None:
    checker = make_checker()
    row = make_row()
    del row["number"]
    assert checker.row(2, row) is None
    assert codes(checker) == []


def test_a_table_has_an_end() -> None:
    checker = make_checker()
    checker._rows = MOST_ROWS
    checker.row(2, make_row())
    assert "file-too-many-rows" in [one.code.value for one in checker.finish().listed]


def test_a_malformed_prefix_begins_nothing() -> None:
    with pytest.raises(PrefixError):
        ImportChecker(prefix="Y00004499900", today=TODAY, drawable=lambda _: True)


def test_no_finding_holds_a_name_or_an_id() -> None:
    checker = make_checker()
    checker.row(2, make_row(1))
    for row, changes in enumerate(
        ({"name": "李示例"}, {"number": "x"}, {"issued": "?"}, {"id_number": make_id(1) + "1"}), 3
    ):
        checker.row(row, make_row(1, **changes))
    told = str(checker.findings.listed)
    assert make_id(1) not in told
    assert "示例" not in told


CELLS = st.none() | st.text(max_size=30) | st.floats(allow_nan=False) | st.integers(0, 10**20)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(sorted(make_row())), CELLS).map(
            lambda changes: make_row() | changes
        ),
        max_size=4,
    )
)
def test_any_cells_are_a_sound_row_or_a_finding(table: list[dict[str, Cell]]) -> None:
    checker = make_checker()
    for at, cells in enumerate(table, 2):
        errors = checker.findings.errors
        row = checker.row(at, cells)
        blank = not any(str(cell or "").strip() for cell in cells.values())
        absent = any(
            cells[key] is None for key in cells if key not in {"direction", "admission", "assessor"}
        )
        assert (row is not None) or checker.findings.errors > errors or blank or absent
        if row is not None:
            number, person = parse_number(row.number), row.candidate
            assert not check_number(number, prefix=PREFIX, issued=person.issued, level=person.level)
            assert str(number) == row.number


def good_row(serial: int) -> ImportRow:
    row = make_checker().row(2, make_row(serial))
    assert row is not None
    return row


@given(st.lists(st.integers(1, 60), max_size=5), st.lists(st.integers(1, 60), max_size=5))
def test_a_digest_is_the_tables_content_in_any_order(one: list[int], other: list[int]) -> None:
    tables = [[good_row(serial) for serial in serials] for serials in (one, other)]
    digests = [import_digest(PREFIX, rows) for rows in tables]
    assert (digests[0] == digests[1]) is (sorted(one) == sorted(other))
    assert import_digest(PREFIX, reversed(tables[0])) == digests[0]
    assert len(digests[0]) == 64
    assert import_digest("Y000044999002", tables[0]) != digests[0]
