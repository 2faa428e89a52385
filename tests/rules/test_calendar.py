"""Working days: the figures of official years, and what may be said of years without a notice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendar import DayKind, WorkingDays, YearNotice, provisional_year
from registry.rules.errors import CalendarError

# 国务院办公厅关于2026年部分节假日安排的通知
_OFF_2026 = (
    *("01-01", "01-02", "01-03"),
    *(f"02-{day}" for day in range(15, 24)),
    *("04-04", "04-05", "04-06"),
    *(f"05-0{day}" for day in range(1, 6)),
    *("06-19", "06-20", "06-21", "09-25", "09-26", "09-27"),
    *(f"10-0{day}" for day in range(1, 8)),
)
_WORK_2026 = ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10")


def days_of(year: int, texts: tuple[str, ...]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{text}") for text in texts)


NOTICE_2026 = YearNotice(
    year=2026,
    basis="国办发明电〔2025〕7号",
    off=days_of(2026, _OFF_2026),
    work=days_of(2026, _WORK_2026),
)
DAYS = WorkingDays({2026: NOTICE_2026})
dates = st.dates(date(2026, 1, 1), date(2029, 12, 31))


def test_2026_has_as_many_working_days_as_its_notice_says() -> None:
    year = (date(2026, 1, 1) + timedelta(days=n) for n in range(365))
    assert sum(map(DAYS.is_working, year)) == 248


@pytest.mark.parametrize(
    ("start", "count", "counts_start", "end"),
    [
        ("2026-09-30", 5, False, "2026-10-13"),
        ("2026-02-13", 5, False, "2026-02-27"),
        ("2026-11-23", 20, True, "2026-12-18"),
        ("2026-11-23", 20, False, "2026-12-21"),
        # From a Saturday the first day is Monday, whichever way is counted.
        ("2026-11-21", 1, True, "2026-11-23"),
        ("2026-11-21", 1, False, "2026-11-23"),
    ],
)
def test_terms_end_on_the_right_day(start: str, count: int, counts_start: bool, end: str) -> None:
    found = DAYS.after(date.fromisoformat(start), count, counts_start=counts_start)
    assert (found.day.isoformat(), found.provisional) == (end, False)


def test_a_term_into_2027_works_and_says_that_it_may_move() -> None:
    found = DAYS.after(date(2026, 12, 4), 20, counts_start=False)
    assert found.provisional
    assert found.day == date(2027, 1, 4)
    assert not DAYS.after(date(2026, 12, 3), 20, counts_start=False).provisional


def test_the_notice_of_2027_moves_it() -> None:
    # Made up: the year begins with a longer holiday.
    notice = YearNotice(
        year=2027,
        basis="示例",
        off=days_of(2027, ("01-01", "01-02", "01-03", "01-04")),
        work=frozenset(),
    )
    found = WorkingDays({2026: NOTICE_2026, 2027: notice}).after(
        date(2026, 12, 4), 20, counts_start=False
    )
    assert (found.day, found.provisional) == (date(2027, 1, 5), False)


def test_a_provisional_year_has_the_laws_days_and_no_made_up_ones() -> None:
    year = provisional_year(2027)
    assert year.provisional
    assert year.work == frozenset()
    assert {date(2027, 1, 1), date(2027, 2, 6), date(2027, 5, 2), date(2027, 10, 3)} <= year.off
    assert len(year.off) == 13


def test_kinds_of_days() -> None:
    assert DAYS.kind(date(2026, 10, 10)) is DayKind.MAKE_UP
    assert DAYS.kind(date(2026, 10, 8)) is DayKind.WORKDAY
    assert DAYS.kind(date(2026, 10, 11)) is DayKind.WEEKEND
    assert DAYS.kind(date(2026, 10, 5)) is DayKind.HOLIDAY


@given(dates, st.integers(1, 60), st.booleans())
def test_after_and_between_agree(start: date, count: int, counts_start: bool) -> None:
    end = DAYS.after(start, count, counts_start=counts_start).day
    before = start - timedelta(days=1) if counts_start else start
    assert DAYS.is_working(end)
    assert DAYS.between(before, end) == count
    assert DAYS.between(end, before) == -count


@given(dates, st.integers(1, 60))
def test_before_leaves_exactly_that_many_days(start: date, count: int) -> None:
    last = DAYS.before(start, count).day
    assert DAYS.is_working(last)
    assert DAYS.between(last - timedelta(days=1), start - timedelta(days=1)) == count


@pytest.mark.parametrize(
    ("off", "work"),
    [(("01-01",), ("01-02",)), (("01-03",), ("01-03",))],
    ids=["a Friday made up", "both at once"],
)
def test_a_notice_that_contradicts_itself_is_refused(
    off: tuple[str, ...], work: tuple[str, ...]
) -> None:
    with pytest.raises(CalendarError):
        YearNotice(year=2026, basis="", off=days_of(2026, off), work=days_of(2026, work))


def test_a_day_of_another_year_is_refused() -> None:
    with pytest.raises(CalendarError):
        YearNotice(year=2026, basis="", off=days_of(2027, ("01-01",)), work=frozenset())


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_no_term_is_that_long(count: int) -> None:
    with pytest.raises(CalendarError):
        DAYS.after(date(2026, 1, 1), count, counts_start=True)


@given(dates, dates)
def test_between_counts_what_counting_day_by_day_counts(one: date, other: date) -> None:
    start, end = sorted((one, other))
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    assert DAYS.between(start, end) == sum(map(DAYS.is_working, days))


def test_the_very_last_day_can_be_counted() -> None:
    assert DAYS.between(date(9999, 12, 30), date(9999, 12, 31)) == 1
