"""The calendar and the rules in force (日历与规则): the program's own, and rows made at the desk.

Official years come from the library `chinesecalendar`; a year it does not have is provisional
until an administrator loads its notice. Loading one recomputes every open deadline that touches
the year, in the same transaction, and says so in each case's timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

import chinese_calendar
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.rules.calendar import WorkingDays, YearNotice
from registry.rules.terms import (
    FOREVER,
    Counting,
    Rules,
    Term,
    TermRule,
    Threshold,
    ThresholdRule,
    Turn,
    Unit,
)
from registry.store.registers import RuleRow, YearNoticeRow

LIBRARY: Final = "国务院办公厅历年节假日安排通知（chinesecalendar）"
_FIRST_YEAR: Final = 2020
TERM: Final = "term"
THRESHOLD: Final = "threshold"
"""The kinds of rule rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Almanac:
    """What a deadline is computed by: the working days, and the rules in force."""

    days: WorkingDays
    rules: Rules


def read_almanac(session: Session) -> Almanac:
    """Return the calendar and the rules as they stand now."""
    notices = dict(library_notices())
    for row in session.scalars(select(YearNoticeRow)):
        notices[row.year] = notice_of(row)
    return Almanac(days=WorkingDays(notices), rules=Rules().with_rows(*rules_made(session)))


def rules_made(session: Session) -> tuple[tuple[TermRule, ...], tuple[ThresholdRule, ...]]:
    """Return the rows made at the desk, in the order of making: terms, and thresholds."""
    rows = session.scalars(select(RuleRow).order_by(RuleRow.rule_id)).all()
    return (
        tuple(_term(row) for row in rows if row.kind == TERM),
        tuple(_threshold(row) for row in rows if row.kind == THRESHOLD),
    )


@cache
def library_notices() -> Mapping[int, YearNotice]:
    """Return the years the library has a notice for, from 2020 on."""
    constants: Any = chinese_calendar.constants
    last = max(constants.holidays).year
    return {
        year: YearNotice(
            year=year,
            basis=LIBRARY,
            off=frozenset(day for day in constants.holidays if day.year == year),
            work=frozenset(day for day in constants.workdays if day.year == year),
        )
        for year in range(_FIRST_YEAR, last + 1)
    }


def notice_of(row: YearNoticeRow) -> YearNotice:
    """Read a loaded notice. Raises ``CalendarError`` if it contradicts itself."""
    return YearNotice(year=row.year, basis=row.basis, off=_days(row.off), work=_days(row.work))


def _days(text: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(part) for part in text.split())


def _term(row: RuleRow) -> TermRule:
    return TermRule(
        term=Term(row.name),
        length=row.length,
        unit=Unit(row.unit),
        counting=Counting(row.counting),
        turn=Turn(row.turn),
        basis=row.basis,
        since=row.since,
        until=row.until or FOREVER,
    )


def _threshold(row: RuleRow) -> ThresholdRule:
    return ThresholdRule(
        threshold=Threshold(row.name),
        least=row.length,
        bars=row.bars,
        basis=row.basis,
        since=row.since,
        until=row.until or FOREVER,
    )
