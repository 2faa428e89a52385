"""The calendar and the rules in force (日历与规则): the program's own, and rows made at the desk.

Official years come from the library `chinesecalendar`; a year it does not have is provisional
until an administrator loads its notice. Loading one recomputes every open deadline that touches
the year, in the same transaction, and says so in each case's timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final

import chinese_calendar
from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from registry.office.kept import kept, once
from registry.rules.calendar import Deadline, WorkingDays, YearNotice
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
    deadline,
)
from registry.store.locks import share_almanac
from registry.store.prepared import Prepared
from registry.store.reading import Records
from registry.store.registers import RuleRow, YearNoticeRow

LIBRARY: Final = "国务院办公厅历年节假日安排通知（chinesecalendar）"
_FIRST_YEAR: Final = 2020
TERM: Final = "term"
THRESHOLD: Final = "threshold"
"""The kinds of rule rows."""

_MOST_KNOWN: Final = 10_000
"""Deadlines that an almanac remembers: lists ask for the same ones, row by row."""


# All that the almanac rests on, in one statement: the loaded notices, beside each the number of the
# last rule. Rules are only ever added, so that number stands for all of them.
_LAST = select(func.max(RuleRow.rule_id).label("last")).subquery()
_MADE: Final = Records(RuleRow, select(RuleRow).order_by(RuleRow.rule_id))
_LOADED: Final = Prepared(
    select(
        _LAST.c.last,
        YearNoticeRow.year,
        YearNoticeRow.basis,
        YearNoticeRow.off,
        YearNoticeRow.work,
    )
    .select_from(_LAST.outerjoin(YearNoticeRow, true()))
    .order_by(YearNoticeRow.year)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Almanac:
    """What a deadline is computed by: the working days, and the rules in force."""

    days: WorkingDays
    rules: Rules
    _known: dict[tuple[Term, date], Deadline | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def deadline(self, term: Term, start: date) -> Deadline | None:
        """Give the last day of a term that begins on a day; None if no rule is in force on it."""
        key = term, start
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            rule = self.rules.find_term(term, start)
            self._known[key] = deadline(rule, start, self.days) if rule else None
        return self._known[key]


def read_almanac(session: Session) -> Almanac:
    """Return the calendar and the rules as they stand now; a writer keeps them standing."""
    return once(session, "almanac", lambda: _read(session))


def _read(session: Session) -> Almanac:
    share_almanac(session)
    loaded = tuple(_LOADED.all(session))
    key = ("almanac", loaded)

    def make() -> Almanac:
        notices = dict(library_notices())
        for _last, year, basis, off, work in loaded:
            if year is not None:
                notice = YearNotice(year=year, basis=basis, off=_days(off), work=_days(work))
                notices[year] = notice
        return Almanac(days=WorkingDays(notices), rules=Rules().with_rows(*rules_made(session)))

    return kept(session, key, make)


def rules_made(session: Session) -> tuple[tuple[TermRule, ...], tuple[ThresholdRule, ...]]:
    """Return the rows made at the desk, in the order of making: terms, and thresholds."""
    rows = once(session, "rules-made", lambda: _MADE.all(session))
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
