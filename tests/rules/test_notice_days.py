"""Days of a holiday notice as typed: ranges, slips, and what contradicts the week or the law."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendar import provisional_year
from registry.rules.notice_days import contradictions, read_days


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
def test_what_is_no_day_of_the_year_is_given_back(text: str) -> None:
    found = read_days(f"1月1日 {text}", 2027)
    assert found.days == days("01-01")
    assert found.unread == (text,)


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
