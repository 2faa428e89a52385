"""A plan's roster: whom the notice lets be assessed, and what each other row is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.findings import FindingCode as Code
from registry.rules.people import check_character
from registry.rules.plan_roster import (
    Employment,
    PlanRosterChecker,
    RosterBounds,
    cells_of,
    roster_digest,
)
from registry.rules.terms import months_later
from registry.wording import message

COMPANY = "深圳市示例精密制造有限公司"
BOUNDS = RosterBounds(
    company=COMPANY,
    levels=frozenset("43"),
    first_day=date(2026, 12, 21),
    dispatched_months=12,
    today=date(2026, 11, 26),
)


def id_number(serial: int) -> str:
    first = f"44030119850101{serial:03d}"
    return first + check_character(first)


def cells(serial: int = 1, **changed: Any) -> dict[str, Any]:
    row = {
        "name": "张三",
        "id_type": "居民身份证",
        "id_number": id_number(serial),
        "employment": "本企业",
        "employer": "",
        "dispatched_since": "",
        "applied_level": "四级/中级工",
        "remark": "",
    }
    return {**row, **changed}


def found(*rows: dict[str, Any], bounds: RosterBounds = BOUNDS) -> list[tuple[str, str, int]]:
    checker = PlanRosterChecker(bounds)
    for number, row in enumerate(rows, 2):
        checker.row(number, row)
    listed = checker.finish().listed
    return [(f.code.value, f.where.column or "", f.where.row or 0) for f in listed]


def test_each_of_the_three_kinds_may_be_assessed() -> None:
    checker = PlanRosterChecker(BOUNDS)
    rows = [
        cells(1),
        cells(2, employment="关联企业", employer="深圳市示例控股有限公司"),
        cells(
            3,
            employment="劳务派遣",
            employer="深圳市示例人力资源有限公司",
            dispatched_since="2025年12月21日",
        ),
    ]
    people = [checker.row(number, row) for number, row in enumerate(rows, 2)]
    assert checker.finish().listed == ()
    assert [p.employment for p in people if p] == list(Employment)
    assert people[2]
    assert people[2].dispatched_since == date(2025, 12, 21)


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"employment": "临时工"}, Code.EMPLOYMENT_UNKNOWN, "employment"),
        ({"employment": ""}, Code.VALUE_MISSING, "employment"),
        ({"employer": "深圳市别家有限公司"}, Code.EMPLOYER_NOT_COMPANY, "employer"),
        ({"employment": "关联企业"}, Code.VALUE_MISSING, "employer"),
        (
            {"employment": "关联企业", "employer": "深圳市示例精密制造有限公司 "},
            Code.EMPLOYER_IS_COMPANY,
            "employer",
        ),
        (
            {"employment": "劳务派遣", "employer": "甲人力公司"},
            Code.VALUE_MISSING,
            "dispatched_since",
        ),
        (
            {"employment": "劳务派遣", "employer": "甲人力公司", "dispatched_since": "去年"},
            Code.DATE_UNREADABLE,
            "dispatched_since",
        ),
        (
            {"employment": "劳务派遣", "employer": "甲人力公司", "dispatched_since": "2025-12-22"},
            Code.DISPATCH_TOO_SHORT,
            "dispatched_since",
        ),
        (
            {"employment": "劳务派遣", "employer": "甲人力公司", "dispatched_since": "2026-11-27"},
            Code.DISPATCH_IN_FUTURE,
            "dispatched_since",
        ),
        ({"dispatched_since": "2020-01-01"}, Code.DISPATCH_UNEXPECTED, "dispatched_since"),
        ({"applied_level": "五级"}, Code.LEVEL_NOT_IN_PLAN, "applied_level"),
        ({"applied_level": ""}, Code.VALUE_MISSING, "applied_level"),
        ({"applied_level": "八级"}, Code.LEVEL_UNKNOWN, "applied_level"),
        ({"name": "张3"}, Code.NAME_DIGIT, "name"),
        ({"name": " "}, Code.VALUE_MISSING, "name"),
        ({"id_number": "440301198501010010"}, Code.ID_CHECK_DIGIT, "id_number"),
        ({"id_number": 4.40301198501e17}, Code.ID_AS_NUMBER, "id_number"),
        ({"id_type": "驾驶证"}, Code.ID_TYPE_UNKNOWN, "id_type"),
        ({"remark": "号" * 61}, Code.VALUE_TOO_LONG, "remark"),
        ({"remark": f"原号 {id_number(9)}"}, Code.REMARK_ID_NUMBER, "remark"),
    ],
)
def test_a_row_is_told_what_is_wrong_with_it(
    changed: dict[str, Any], code: Code, column: str
) -> None:
    assert found(cells(**changed)) == [(code.value, column, 2)]


def test_all_faults_of_a_row_are_said_at_once() -> None:
    bad = cells(name="", id_number="1", employment="外包", applied_level="五级")
    assert {column for _, column, _ in found(bad)} == {
        *("name", "id_number", "employment", "applied_level")
    }


def test_a_person_stands_once_at_whatever_level() -> None:
    twice = [cells(1), cells(2), cells(1, applied_level="3")]
    assert found(*twice) == [(Code.PLANNED_TWICE.value, "id_number", 4)]
    other = [cells(1), cells(1, name="李四")]
    assert found(*other) == [
        (Code.PERSON_OTHER_NAME.value, "name", 3),
        (Code.PLANNED_TWICE.value, "id_number", 3),
    ]


def test_blank_rows_are_skipped_and_nobody_at_all_is_a_fault() -> None:
    blank = dict.fromkeys(cells(), "")
    assert found(cells(1), blank, cells(2)) == []
    assert found(blank) == [(Code.PLANNED_NOBODY.value, "", 0)]


def test_a_missing_column_is_told_once_in_the_header_not_in_each_row() -> None:
    row = cells()
    del row["applied_level"]
    checker = PlanRosterChecker(BOUNDS)
    assert checker.row(2, row) is None
    assert checker.finish().listed == ()


def test_the_refusal_says_the_last_day_that_would_do() -> None:
    checker = PlanRosterChecker(BOUNDS)
    checker.row(7, cells(employment="派遣", employer="甲", dispatched_since="2026-03-01"))
    (finding,) = checker.finish().listed
    assert message(finding) == (
        "第 7 行「派遣起始日期」：自 2026-03-01 派遣至评价第一天（2026-12-21）不满 12 个月，"
        "须在 2025-12-21 或者以前派遣至本企业。请从名册中删除，或者推迟评价时间。"
    )


@given(
    first=st.dates(date(2024, 1, 1), date(2032, 12, 31)),
    back=st.integers(0, 800),
    months=st.integers(1, 24),
)
def test_dispatch_is_long_enough_from_the_named_day_and_not_a_day_later(
    first: date, back: int, months: int
) -> None:
    since = first - timedelta(days=back)
    bounds = RosterBounds(
        company=COMPANY,
        levels=frozenset("4"),
        first_day=first,
        dispatched_months=months,
        today=first,
    )
    checker = PlanRosterChecker(bounds)
    row = cells(employment="派遣", employer="甲", dispatched_since=since.isoformat())
    person = checker.row(2, row)
    assert (person is not None) == (months_later(since, months) <= first)
    for finding in checker.findings.listed:
        named = date.fromisoformat(finding.facts["expected"])
        assert months_later(named, months) <= first < months_later(named + timedelta(1), months)


@given(st.lists(st.sampled_from(list(Employment)), min_size=1, max_size=6))
def test_what_was_kept_is_read_again_as_the_same_person(kinds: list[Employment]) -> None:
    words = {"own": "本企业", "affiliated": "关联企业", "dispatched": "劳务派遣"}
    checker, again = PlanRosterChecker(BOUNDS), PlanRosterChecker(BOUNDS)
    for number, kind in enumerate(kinds, 2):
        more = {} if kind is Employment.OWN else {"employer": "甲公司"}
        if kind is Employment.DISPATCHED:
            more["dispatched_since"] = "2024-02-29"
        person = checker.row(number, cells(number, employment=words[kind], **more))
        assert person is not None
        assert again.row(number, cells_of(person)) == person


def test_the_digest_knows_every_field_and_no_row_number() -> None:
    def digest(number: int = 2, **changed: Any) -> str:
        person = PlanRosterChecker(BOUNDS).row(number, cells(**changed))
        assert person is not None
        return roster_digest([person])

    affiliated = {"employment": "关联企业", "employer": "甲公司"}
    variants: list[dict[str, Any]] = [
        {},
        {"name": "李四"},
        {"applied_level": "3"},
        {"remark": "夜班"},
        affiliated,
        {**affiliated, "employer": "乙公司"},
    ]
    assert len({digest(**variant) for variant in variants}) == len(variants)
    assert digest() == digest(number=40)
