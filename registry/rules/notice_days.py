"""A year's holiday notice (节假日安排) as typed: days and ranges of days, and whether they agree.

The State Council's notice names ranges (放假) and single days (上班). Whoever types them makes
slips, and one wrong day moves every deadline of the year: so the law's own days must be among the
free ones, and a worked day must be a Saturday or Sunday.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from registry.rules.calendar import provisional_year
from registry.rules.text import fold

LONGEST_RANGE: Final = 16
"""Days; the longest holiday there was has nine, and a slip of the year has hundreds."""

_SATURDAY: Final = 5
_PARTS: Final = re.compile(r"[\s,;、；，。]+")
_RANGE: Final = re.compile(r"(.+?)(?:至|到|~|—|–|\.\.)(.+)")
_DAY: Final = re.compile(r"(?:([0-9]{4})[-年/.])?([0-9]{1,2})[-月/.]([0-9]{1,2})日?")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysRead:
    """What a text names: its days, and the pieces that are none, cut short."""

    days: frozenset[date]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradictions:
    """What is wrong with a notice, by kind; all empty: nothing."""

    both: tuple[date, ...]
    """Free and worked at once."""
    weekdays_worked: tuple[date, ...]
    """Worked, and no Saturday or Sunday: it is worked anyway."""
    missing: tuple[date, ...]
    """Free by the law itself, and not named as free."""


def read_days(text: str, year: int) -> DaysRead:
    """Read days of a year: ``2027-01-01``, ``1月1日``, and ranges with ``至``."""
    days: set[date] = set()
    unread: list[str] = []
    for part in filter(None, _PARTS.split(fold(text))):
        found = _range(part, year)
        if found:
            days.update(found)
        else:
            unread.append(part[:20])
    return DaysRead(days=frozenset(days), unread=tuple(unread))


def contradictions(year: int, off: frozenset[date], work: frozenset[date]) -> Contradictions:
    """Say where a notice contradicts itself, the week, or the law."""
    return Contradictions(
        both=tuple(sorted(off & work)),
        weekdays_worked=tuple(sorted(day for day in work if day.weekday() < _SATURDAY)),
        missing=tuple(sorted(provisional_year(year).off - off)),
    )


def _range(part: str, year: int) -> list[date]:
    both = _RANGE.fullmatch(part)
    ends = both.groups() if both else (part, part)
    first = _day(ends[0], year, 0)
    last = _day(ends[1], year, first.month if first else 0)
    if first is None or last is None or not 0 <= (last - first).days < LONGEST_RANGE:
        return []
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _day(text: str, year: int, month: int) -> date | None:
    # "1月1日至3日": the end may leave out its month.
    alone = re.fullmatch(r"([0-9]{1,2})日?", text) if month else None
    found = _DAY.fullmatch(text)
    try:
        if alone:
            return date(year, month, int(alone[1]))
        if found is None or int(found[1] or year) != year:
            return None
        return date(year, int(found[2]), int(found[3]))
    except ValueError:
        return None
