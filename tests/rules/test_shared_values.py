"""Levels, dates, occupation codes and organisation codes, in every spelling clerks use."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.dates import check_issue_date, read_date
from registry.rules.errors import LevelError
from registry.rules.findings import Fault, FindingCode
from registry.rules.levels import LEVELS, MINTED, Level, level_of, read_level
from registry.rules.occupations import read_direction, read_occupation_code
from registry.rules.organisations import is_prefix, is_uscc, normalise_uscc
from registry.rules.text import cell_text, fold, squeeze, tidy

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("3", "3"),
        ("３", "3"),
        ("3级", "3"),
        ("三级", "3"),
        ("高级工", "3"),
        ("三级/高级工", "3"),
        ("三级／高级工", "3"),
        ("高级工（三级）", "3"),
        ("三级高级工", "3"),
        ("技师", "2"),
        ("一级/高级技师", "1"),
        ("五级 / 初级工", "5"),
        ("中级工", "4"),
    ],
)
def test_levels_read(text: str, symbol: str) -> None:
    level = read_level(text)
    assert isinstance(level, Level)
    assert level.symbol == symbol


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("高级", FindingCode.LEVEL_UNKNOWN),
        ("6", FindingCode.LEVEL_UNKNOWN),
        ("三级/技师", FindingCode.LEVEL_CONTRADICTS),
        ("五级/特级技师", FindingCode.LEVEL_CONTRADICTS),
        ("特级技师", FindingCode.LEVEL_WITHOUT_SYMBOL),
        ("学徒工", FindingCode.LEVEL_WITHOUT_SYMBOL),
    ],
)
def test_level_faults(text: str, code: FindingCode) -> None:
    answer = read_level(text)
    assert isinstance(answer, Fault)
    assert answer.code is code


def test_level_table() -> None:
    assert frozenset("54321") == MINTED
    assert [level.title for level in sorted(LEVELS, key=lambda level: level.rank)] == [
        "学徒工",
        "初级工",
        "中级工",
        "高级工",
        "技师",
        "高级技师",
        "特级技师",
        "首席技师",
    ]
    assert level_of("3").printed == "三级/高级工"
    with pytest.raises(LevelError):
        level_of("")


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-23",
        "2026/11/23",
        "2026.11.23",
        "20261123",
        "２０２６-11-23",
        "2026年11月23日",
        "2026-11-23 00:00:00",
        " 2026-11-23\u00a0",
        46349.0,
        46349,
        20261123.0,
    ],
)
def test_dates_read(cell: str | float) -> None:
    assert read_date(cell) == TODAY


@given(st.dates(date(2020, 6, 18), date(2064, 4, 8)))
def test_serials_are_excels(day: date) -> None:
    assert read_date(float((day - date(1899, 12, 30)).days)) == day
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"):
        assert read_date(day.strftime(form)) == day


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2026-02-30", FindingCode.DATE_IMPOSSIBLE),
        ("20261323", FindingCode.DATE_IMPOSSIBLE),
        ("2026-11/23", FindingCode.DATE_UNREADABLE),
        ("11/23/2026", FindingCode.DATE_UNREADABLE),
        ("46349", FindingCode.DATE_UNREADABLE),
        (43999.0, FindingCode.DATE_UNREADABLE),
        (60001.0, FindingCode.DATE_UNREADABLE),
        (46349.5, FindingCode.DATE_UNREADABLE),
        ("2026-11-23 10:15:00", FindingCode.DATE_UNREADABLE),
        ("张三", FindingCode.DATE_UNREADABLE),
        (float("nan"), FindingCode.DATE_UNREADABLE),
    ],
)
def test_date_faults(cell: str | float, code: FindingCode) -> None:
    answer = read_date(cell)
    assert isinstance(answer, Fault)
    assert answer.code is code
    assert "张三" not in answer.facts["value"]


@given(st.text(max_size=30) | st.floats() | st.none())
def test_any_cell_is_a_date_or_a_fault(cell: str | float | None) -> None:
    assert isinstance(read_date(cell), (date, Fault))


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (TODAY, None),
        (TODAY + timedelta(days=1), FindingCode.DATE_IN_FUTURE),
        (TODAY - timedelta(days=365), None),
        (TODAY - timedelta(days=366), FindingCode.DATE_OLD),
        (date(2019, 1, 1), FindingCode.DATE_OLD),
        (date(2018, 12, 31), FindingCode.DATE_TOO_EARLY),
    ],
)
def test_issue_date_bounds(day: date, code: FindingCode | None) -> None:
    fault = check_issue_date(day, today=TODAY)
    assert (fault.code if fault else None) is code


def test_occupation_codes() -> None:
    assert read_occupation_code("６－３１—01-03 ") == "6-31-01-03"
    for text, code in (
        ("6-31-1-3", FindingCode.OCCUPATION_CODE_FORM),
        ("6310103", FindingCode.OCCUPATION_CODE_FORM),
        ("9-31-01-03", FindingCode.OCCUPATION_CODE_FORM),
        ("٦-31-01-03", FindingCode.OCCUPATION_CODE_FORM),
        ("2-02-10-01", FindingCode.OCCUPATION_CODE_GROUP),
        ("7-01-01-01", FindingCode.OCCUPATION_CODE_GROUP),
    ):
        answer = read_occupation_code(text)
        assert isinstance(answer, Fault)
        assert answer.code is code


def test_ways_of_writing_no_direction() -> None:
    assert {read_direction(text) for text in ("", "--", "－－", "无", "/", "——")} == {""}
    assert read_direction("汽车电器维修工") == "汽车电器维修工"


def test_uscc_of_the_standards_example() -> None:
    assert is_uscc("91350100M000100Y43")
    assert normalise_uscc(" 91350100m000100y４３") == "91350100M000100Y43"


@given(st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXYIOSVZ"))
def test_uscc_catches_every_single_wrong_symbol(place: int, symbol: str) -> None:
    good = "91350100M000100Y43"
    bad = good[:place] + symbol + good[place + 1 :]
    assert is_uscc(bad) is (bad == good)


@given(st.text(max_size=20))
def test_uscc_and_prefix_take_any_text(text: str) -> None:
    if is_uscc(text) or is_prefix(text):
        assert text.isascii()


@given(st.text(max_size=30))
def test_cleaning_is_idempotent(text: str) -> None:
    for clean in (tidy, fold, squeeze):
        assert clean(clean(text)) == clean(text)
    assert " " not in squeeze(text)


def test_numbers_as_text() -> None:
    assert [cell_text(c) for c in (3.0, 3, 20261123001.0, 0.5, None, "x")] == [
        "3",
        "3",
        "20261123001",
        "0.5",
        "",
        "x",
    ]
    assert cell_text(1e15) == "1000000000000000.0"
    assert cell_text(float("inf")) == "inf"
