"""What is due (待办): open cases by deadline and turn, each person's own view of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.case_lines import UNFIT
from registry.office.case_list import (
    PAGE,
    Listed,
    count_due,
    list_assigned,
    list_due,
    other_side,
)
from registry.office.cases import machine_of, read_note, timeline
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, Role
from registry.office.recount import DUE_MOVED
from registry.office.supervision_lines import LINE_WORDS, is_told
from registry.rules.terms import Turn
from registry.rules.workflow import ACTORS, Actor
from registry.store.procedure import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """A person's open cases: those that wait for them, and those that wait for the other side.

    ``assigned`` are the first of the ``to_review`` given to this very person to review; ``mine`` is
    one page of ``total``, ``others`` the first of ``waiting``; ``late`` and ``soon`` count all of
    one's own.
    """

    assigned: tuple[Listed, ...]
    to_review: int
    mine: tuple[Listed, ...]
    others: tuple[Listed, ...]
    late: int
    soon: int
    total: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a timeline, in words."""

    at: datetime
    word: str
    who: str
    note: str


_OWN_WORDS: Final = {DUE_MOVED: "期限调整", UNFIT: "考评人员资格核对", **LINE_WORDS}


def docket(
    session: Session,
    by: Identity,
    almanac: Almanac,
    *,
    today: date,
    page: int = 1,
    limit: int = PAGE,
    others: int = PAGE,
) -> Docket:
    """Return what is due: a page of one's own cases, and so many assigned or of the other side's.

    Raises ``NotAllowed`` for an account that sees no cases.
    """
    turn = Turn.COMPANY if by.role in COMPANY_ROLES else Turn.OFFICE
    counts = count_due(session, by, turn, almanac, today=today)
    place = {"limit": limit, "offset": limit * (max(page, 1) - 1)}
    mine = list_due(session, by, turn, almanac, today=today, dated=counts.dated, **place)
    other = other_side(turn)
    assigned, to_review = (
        list_assigned(session, by, almanac, today=today, limit=others)
        if by.role is Role.CLERK
        else ((), 0)
    )
    return Docket(
        assigned=assigned,
        to_review=to_review,
        mine=mine,
        others=list_due(session, by, other, almanac, today=today, dated=None, limit=others),
        late=counts.late,
        soon=counts.soon,
        total=counts.total,
        waiting=counts.waiting,
    )


def lines_of(session: Session, case: Case, by: Identity, context: Context) -> tuple[Line, ...]:
    """Return a case's timeline in words, oldest first; a company is not told of visits to come."""
    words = machine_of(case).words
    return tuple(
        Line(
            at=line.at,
            word=words.get(line.event) or _OWN_WORDS.get(line.event, "新建"),
            who=ACTORS[Actor(line.actor)],
            note=read_note(line, context),
        )
        for line in timeline(session, case)
        if is_told(line.event, by)
    )
