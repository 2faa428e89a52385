"""Figures of the desks: counted by state, day and level, each person's own tenant alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.cases import CaseKind, open_case
from registry.office.figures import cases_by_state, due_by_day, numbers_by_level, numbers_given
from registry.office.identity import NotAllowed
from registry.store.counters import number_scope, take_range
from registry.store.organisations import Issuer
from registry.store.procedure import Case, Company

TODAY = date(2026, 12, 30)
"""A Wednesday; Friday is New Year's Day, and Monday the next working day after the weekend."""


def opened(small: Any, company: int, state: str, **more: Any) -> None:
    with small.write() as session:
        case = open_case(
            session,
            CaseKind.PLAN,
            session.get_one(Company, company),
            title="车工",
            form=b"{}",
            by=small.who(f"editor{company}"),
            context=small.context(f"editor{company}"),
        )
        row = session.get_one(Case, case.case_id)
        row.state = state
        for name, value in more.items():
            setattr(row, name, value)


def due(small: Any, login: str, count: int = 4, **more: Any) -> list[tuple[str, int]]:
    with small.read() as session:
        days = due_by_day(
            session, small.who(login), read_almanac(session), today=TODAY, count=count, **more
        )
    return [(day.isoformat(), number) for day, number in days]


def test_states_are_counted_in_the_order_of_the_procedure(small: Any) -> None:
    for company, state in ((1, "returned"), (1, "draft"), (2, "draft"), (2, "held")):
        opened(small, company, state)
    with small.read() as session:
        office = cases_by_state(session, small.who("clerk"))
        own = cases_by_state(session, small.who("editor1"))
    assert office[CaseKind.PLAN] == (("draft", 2), ("returned", 1), ("held", 1))
    assert own[CaseKind.PLAN] == (("draft", 1), ("returned", 1))
    assert office[CaseKind.BATCH] == ()


def test_what_is_due_is_counted_by_working_day(small: Any) -> None:
    days = (date(2026, 12, 29), TODAY, date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 6))
    for day in days:
        opened(small, 1, "submitted", turn="office", due_on=day)
    opened(small, 1, "draft", turn="company", due_on=TODAY)
    opened(small, 2, "submitted", turn="office", due_on=TODAY)
    # What is late stands elsewhere; New Year's Day counts with the working day before it.
    assert due(small, "clerk") == [
        ("2026-12-30", 2),
        ("2026-12-31", 1),
        ("2027-01-04", 1),
        ("2027-01-05", 0),
    ]
    assert due(small, "editor1", 2) == [("2026-12-30", 1), ("2026-12-31", 0)]


def test_other_matters_are_counted_with_the_cases(small: Any) -> None:
    more = (None, date(2026, 12, 29), date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 4))
    assert due(small, "clerk", 2, more=more) == [("2026-12-30", 0), ("2026-12-31", 2)]


def test_numbers_are_those_that_the_counters_gave(small: Any) -> None:
    prefixes = {1: "Y000044999001", 2: "Y000044999002"}
    with small.write() as session:
        for number, prefix in prefixes.items():
            company = session.get_one(Company, number)
            session.add(
                Issuer(
                    prefix=prefix,
                    name=company.name,
                    uscc=company.uscc,
                    levels="54321",
                    added_at=small.clock.now(),
                )
            )
            session.flush()
            company.prefix = prefix
        for prefix, year, level, count in (
            (prefixes[1], 2026, "4", 3),
            (prefixes[1], 2027, "5", 2),
            (prefixes[2], 2027, "5", 7),
        ):
            take_range(session, number_scope(prefix, year, level), count, start=1)
        take_range(session, f"batch:{prefixes[1]}:2027", 5, start=1)
    with small.read() as session:
        assert numbers_by_level(session, prefixes[1]) == ((2027, "5", 2), (2026, "4", 3))
        assert numbers_by_level(session) == ((2027, "5", 9), (2026, "4", 3))
        assert numbers_given(session, small.who("clerk")) == numbers_by_level(session)
        own = numbers_given(session, small.who("editor2"))
        assert own == ((2027, "5", 7),)
        assert numbers_given(session, small.who("clerk-a")) == ((2027, "5", 2), (2026, "4", 3))


def test_the_administrator_sees_no_figures(small: Any) -> None:
    with small.read() as session, pytest.raises(NotAllowed):
        cases_by_state(session, small.who("admin"))
    assert issubclass(NotAllowed, Refused)
