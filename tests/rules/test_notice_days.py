"""Days of a holiday notice as typed: ranges, slips, and what contradicts the week or the law."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendar import provisional_year
from registry.rules.notice_days import contradictions, read_days, read_rows, read_text


def days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"2027-{text}") for text in texts)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("2027-01-01", ("01-01",)),
        ("1月1日至3日", ("01-01", "01-02", "01-03")),
        ("１月１日至１月３日", ("01-01", "01-02", "01-03")),
        ("2027年1月31日至2月1日", ("01-31", "02-01")),
        ("5月1日、5月2日；2027/05/03", ("05-01", "05-02", "05-03")),
        ("2027-02-05~2027-02-06\n\n4.5", ("02-05", "02-06", "04-05")),
        ("", ()),
    ],
)
def test_days_are_read_as_notices_write_them(text: str, named: tuple[str, ...]) -> None:
    found = read_days(text, 2027)
    assert (found.days, found.unread) == (days(*named), ())


@pytest.mark.parametrize(
    "text",
    ["2026-01-01", "13月1日", "2月30日", "元旦", "1月3日至1日", "1月1日至12月31日", "-", "1月"],
)
def test_what_is_no_day_of_the_year_is_told_by_its_place(text: str) -> None:
    found = read_days(f"1月1日 {text}", 2027)
    assert found.days == days("01-01")
    assert found.unread == (2,)


@given(st.sets(st.dates(date(2027, 1, 1), date(2027, 12, 31)), max_size=30))
def test_iso_days_come_back(wanted: set[date]) -> None:
    assert read_days(" ".join(map(str, wanted)), 2027).days == wanted


@given(st.text(max_size=60))
def test_any_text_is_read_or_given_back(text: str) -> None:
    assert all(day.year == 2027 for day in read_days(text, 2027).days)


def test_contradictions_are_named_day_by_day() -> None:
    law = provisional_year(2027).off
    off = (law - days("10-02")) | days("10-09")
    found = contradictions(2027, off, days("10-09", "10-11"))
    assert found.both == (date(2027, 10, 9),)
    assert found.weekdays_worked == (date(2027, 10, 11),)
    assert found.missing == (date(2027, 10, 2),)


def test_a_sound_notice_has_none() -> None:
    found = contradictions(2027, provisional_year(2027).off, days("02-14"))
    assert (found.both, found.weekdays_worked, found.missing) == ((), (), ())


NOTICE = """示例通知
经批准，现将2027年元旦、春节放假调休日期的具体安排通知如下。
一、元旦：1月1日（周五）至3日（周日）放假，共3天。
二、春节：2月5日（除夕，周五）至2月11日（周四）放假调休，共7天。1月31日（周日）、
2月14日（周日）上班。鼓励单位安排职工在（2月12日）休息。
三、清明节：４月５日放假；劳动节：5月1日-3日放假调休
四、国庆节:2027年10月1日至7日放假调休,共7天.10月9日 (周六) 上班
节假日期间，请妥善安排值班。
2026年11月4日
"""


def test_a_notice_is_read_as_it_was_published() -> None:
    found = read_text(NOTICE, 2027)
    assert found.unread == ()
    off, work = read_days(found.off, 2027), read_days(found.work, 2027)
    assert (off.unread, work.unread) == ((), ())
    assert off.days == days(
        *("01-01", "01-02", "01-03"),
        *(f"02-{n:02}" for n in range(5, 12)),
        *("04-05", "05-01", "05-02", "05-03"),
        *(f"10-{n:02}" for n in range(1, 8)),
    )
    assert work.days == days("01-31", "02-14", "10-09")


@pytest.mark.parametrize(
    "text", ["1月1日休息", "1月1日放假或者上班", "2027年1月1日", "1月1日 值班"]
)
def test_a_clause_that_does_not_say_what_is_given_back(text: str) -> None:
    found = read_text(f"2月5日放假。{text}。", 2027)
    assert (found.off, found.work) == ("2月5日", "")
    assert [day[-4:] for day in found.unread] == ["1月1日"]


@given(st.text(alphabet="1234月日年至放假上班。，（）-\n ", max_size=80))
def test_any_notice_is_read_or_given_back(text: str) -> None:
    found = read_text(text, 2027)
    for listed in (found.off, found.work):
        assert all(day.year == 2027 for day in read_days(listed, 2027).days)


def test_a_table_of_ranges_is_read_row_by_row() -> None:
    rows = [
        ("2027-01-01", "2027-01-03", "放假"),
        ("2027-01-09 00:00:00", "", " 上班 "),
        ("2月5日", "11日", "放假"),
        ("2027-03-01", "", "休息"),
        ("", "2027-03-02", "放假"),
    ]
    found = read_rows(
        (number, {"range_first": first, "range_last": last, "range_kind": kind})
        for number, (first, last, kind) in enumerate(rows, 2)
    )
    assert found.unread == ("第 5 行", "第 6 行")
    assert read_days(found.work, 2027).days == days("01-09")
    assert len(read_days(found.off, 2027).days) == 3 + 7
