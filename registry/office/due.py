"""Deadlines of cases (办理期限): which term runs in which state, from which day, whose turn it is.

Data again: a state has at most one running term. A deadline is computed when a case enters a
state, and again when the calendar or a rule changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import CaseKind
from registry.rules.terms import Term, Turn, deadline
from registry.store.procedure import Case

CHINA: Final = ZoneInfo("Asia/Shanghai")


class Start(StrEnum):
    """The day a term begins with."""

    RECEIVED = "received"
    """The day of receipt (收到申请之日)."""
    FIRST_DAY = "first-day"
    """The first day of the assessment; counted ahead."""
    ENTERED = "entered"
    """The day on which the case came into its state."""
    KEPT = "kept"
    """The term goes on as it began (a return does not stop the office's clock by itself)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The term that runs in a state; with no term only whose turn it is."""

    term: Term | None
    start: Start
    turn: Turn


def _office(term: Term | None, start: Start) -> Running:
    return Running(term=term, start=start, turn=Turn.OFFICE)


def _company(term: Term | None, start: Start) -> Running:
    return Running(term=term, start=start, turn=Turn.COMPANY)


_DECIDE = _office(Term.FILING_DECISION, Start.RECEIVED)
_REVIEW = _office(Term.RESULTS_REVIEW, Start.ENTERED)
_WAIT = Start.ENTERED
RUNNING: Final[Mapping[tuple[CaseKind, str], Running]] = {
    (CaseKind.FILING, "draft"): _company(None, _WAIT),
    (CaseKind.FILING, "returned"): _company(None, _WAIT),
    (CaseKind.FILING, "submitted"): _DECIDE,
    (CaseKind.FILING, "accepted"): _DECIDE,
    (CaseKind.FILING, "in-review"): _DECIDE,
    (CaseKind.FILING, "site-review"): _DECIDE,
    (CaseKind.FILING, "prepared"): _DECIDE,
    (CaseKind.SCHEME, "draft"): _company(None, _WAIT),
    (CaseKind.SCHEME, "returned"): _company(None, _WAIT),
    (CaseKind.SCHEME, "submitted"): _office(None, _WAIT),
    (CaseKind.SCHEME, "assessed"): _office(None, _WAIT),
    (CaseKind.SCHEME, "prepared"): _office(None, _WAIT),
    (CaseKind.PLAN, "draft"): _company(Term.PLAN_AHEAD, Start.FIRST_DAY),
    (CaseKind.PLAN, "returned"): _company(Term.PLAN_AHEAD, Start.FIRST_DAY),
    (CaseKind.PLAN, "submitted"): _office(None, _WAIT),
    (CaseKind.PLAN, "recorded"): _company(None, _WAIT),
    (CaseKind.PLAN, "held"): _company(Term.RESULTS_PUBLISHED, _WAIT),
    (CaseKind.BATCH, "draft"): _company(Term.RESULTS_PUBLISHED, _WAIT),
    (CaseKind.BATCH, "publicity"): _company(Term.RESULTS_FILING, _WAIT),
    (CaseKind.BATCH, "submitted"): _REVIEW,
    (CaseKind.BATCH, "prepared"): _office(Term.RESULTS_REVIEW, Start.KEPT),
    (CaseKind.BATCH, "refusal"): _office(Term.RESULTS_REVIEW, Start.KEPT),
    (CaseKind.BATCH, "returned"): _company(Term.RESULTS_RETURN, _WAIT),
    (CaseKind.BATCH, "approved"): _office(None, _WAIT),
}
"""A state that is not here is nobody's turn: the case has ended, or another goes on for it."""


def china_day(at: datetime) -> date:
    """Give the civil day in China of an aware time."""
    return at.astimezone(CHINA).date()


def set_due(case: Case, almanac: Almanac, *, today: date) -> None:
    """Compute the deadline of a case that has just come into its state, or whose days changed."""
    running = RUNNING.get((CaseKind(case.kind), case.state))
    kept = case.due_from
    rest(case)
    if running is None:
        return
    case.turn = running.turn.value
    match running.start:
        case Start.RECEIVED:
            start = case.received_on
        case Start.FIRST_DAY:
            start = case.first_day
        case Start.KEPT:
            start = kept
        case Start.ENTERED:
            start = today
    if running.term is not None and start is not None:
        _compute(case, running.term, start, almanac)


def rest(case: Case) -> None:
    """Make a case nobody's turn: it has ended, or another case that rests on it goes on."""
    case.turn, case.due_on, case.due_from = None, None, None
    case.due_term, case.due_provisional = None, False


def recompute_due(session: Session, almanac: Almanac) -> list[Case]:
    """Compute every running deadline again; return the cases whose deadline moved."""
    moved = []
    for case in session.scalars(select(Case).where(Case.due_term.is_not(None))):
        if case.due_term is None or case.due_from is None:
            continue
        before = (case.due_on, case.due_provisional)
        _compute(case, Term(case.due_term), case.due_from, almanac)
        if before != (case.due_on, case.due_provisional):
            moved.append(case)
    return moved


def _compute(case: Case, term: Term, start: date, almanac: Almanac) -> None:
    # What began under one rule ends under it: the rule is that of the day the term began.
    last = deadline(almanac.rules.term(term, start), start, almanac.days)
    case.due_on, case.due_provisional = last.day, last.provisional
    case.due_from, case.due_term = start, term.value
