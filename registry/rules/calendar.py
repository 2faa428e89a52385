"""Working days (工作日): weekends, statutory holidays and make-up workdays, year by year.

The State Council's notice for a year (节假日安排通知) appears late in the year before. A year
without one is *provisional*: only weekends and the days the law itself fixes (《全国年节及纪念日
放假办法》) are known, and every deadline that rests on such a year says so. When the notice comes
it is loaded as data and the deadlines are computed again.

Whether the day on which a term begins counts (当日起) or not (次日起) is the term's own rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Final

from registry.rules.errors import CalendarError

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
LONGEST_TERM: Final = 1000
"""Working days; more is a slip of the keyboard, not a term."""

FIXED_LAW: Final = "《全国年节及纪念日放假办法》（国务院令第795号）"

# The law's days that follow the lunar calendar, for years whose notice is not out yet:
# 除夕 and 初一 to 初三, 清明, 端午, 中秋.
_LUNAR: Final[Mapping[int, tuple[str, ...]]] = {
    2027: ("02-05", "02-06", "02-07", "02-08", "04-05", "06-09", "09-15"),
    2028: ("01-25", "01-26", "01-27", "01-28", "04-04", "05-28", "10-03"),
    2029: ("02-12", "02-13", "02-14", "02-15", "04-04", "06-16", "09-22"),
    2030: ("02-02", "02-03", "02-04", "02-05", "04-05", "06-05", "09-12"),
}
_SOLAR: Final = ("01-01", "05-01", "05-02", "10-01", "10-02", "10-03")


class DayKind(StrEnum):
    """What a day is for the counting of terms."""

    WORKDAY = "workday"
    """工作日"""
    MAKE_UP = "make-up"
    """调休上班日: a weekend day that counts."""
    WEEKEND = "weekend"
    """休息日"""
    HOLIDAY = "holiday"
    """法定节假日或者调休放假日"""


@dataclass(frozen=True, slots=True, kw_only=True)
class YearNotice:
    """One year's arrangement: days `off` that are no weekend's, weekend days at `work`.

    `basis` names the notice; `provisional` is True as long as there is none. Raises CalendarError
    for a day of another year, or one that is both.
    """

    year: int
    basis: str
    off: frozenset[date]
    work: frozenset[date]
    provisional: bool = False

    def __post_init__(self) -> None:
        if any(day.year != self.year for day in self.off | self.work):
            raise CalendarError(f"the notice of {self.year} names a day of another year")
        if self.off & self.work:
            raise CalendarError(f"the notice of {self.year} makes one day both free and worked")
        if any(day.weekday() < _SATURDAY for day in self.work):
            raise CalendarError(f"a make-up workday of {self.year} is no Saturday or Sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The last day of a term; `provisional` if any day counted lies in a year without notice."""

    day: date
    provisional: bool


def provisional_year(year: int) -> YearNotice:
    """Give what the law alone says of a year: its fixed days, and the lunar ones where known."""
    named = (*_SOLAR, *_LUNAR.get(year, ()))
    off = frozenset(date.fromisoformat(f"{year}-{day}") for day in named)
    return YearNotice(year=year, basis=FIXED_LAW, off=off, work=frozenset(), provisional=True)


class WorkingDays:
    """Counts working days by the notices given; years without one are provisional."""

    def __init__(self, notices: Mapping[int, YearNotice]) -> None:
        self._notices = dict(notices)
        self._counts: dict[int, tuple[int, ...]] = {}

    def notice(self, year: int) -> YearNotice:
        """Give the year's arrangement, a provisional one where there is no notice."""
        if year not in self._notices:
            self._notices[year] = provisional_year(year)
        return self._notices[year]

    def kind(self, day: date) -> DayKind:
        """Say what a day is."""
        notice = self.notice(day.year)
        if day in notice.off:
            return DayKind.HOLIDAY
        if day in notice.work:
            return DayKind.MAKE_UP
        return DayKind.WEEKEND if day.weekday() >= _SATURDAY else DayKind.WORKDAY

    def is_working(self, day: date) -> bool:
        """Say whether a day counts."""
        return self.kind(day) in (DayKind.WORKDAY, DayKind.MAKE_UP)

    def after(self, start: date, count: int, *, counts_start: bool) -> Deadline:
        """Give the day on which `count` working days from `start` are full.

        With `counts_start` the first one is `start` itself, or the first working day after it.
        Raises CalendarError unless `count` is 1 to LONGEST_TERM.
        """
        return self._walk(start if counts_start else start + _DAY, count, _DAY)

    def before(self, start: date, count: int) -> Deadline:
        """Give the last day that lies at least `count` working days before `start`."""
        return self._walk(start - _DAY, count, -_DAY)

    def between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and with `end`; negative if it is past."""
        if end < start:
            return -self.between(end, start)
        whole = sum(self._counted(year)[-1] for year in range(start.year, end.year))
        return whole + self._worked(end) - self._worked(start)

    def _worked(self, day: date) -> int:
        """Count the working days of a day's year up to and with the day."""
        return self._counted(day.year)[(day - date(day.year, 1, 1)).days]

    def _counted(self, year: int) -> tuple[int, ...]:
        # A list asks for fifty deadlines at once: each year is counted through only once.
        counts = self._counts.get(year)
        if counts is None:
            first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
            days = map(date.fromordinal, range(first, last + 1))
            counts = self._counts[year] = tuple(accumulate(map(self.is_working, days)))
        return counts

    def _walk(self, day: date, count: int, step: timedelta) -> Deadline:
        if not 1 <= count <= LONGEST_TERM:
            raise CalendarError(f"a term has 1 to {LONGEST_TERM} working days")
        provisional = False
        while True:
            provisional |= self.notice(day.year).provisional
            if self.is_working(day):
                count -= 1
                if not count:
                    return Deadline(day=day, provisional=provisional)
            day += step
