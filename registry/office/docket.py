"""What is due (待办): open cases by deadline and turn, each person's own view of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import MACHINE_OF, CaseKind, machine_of, read_note, timeline
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role
from registry.office.recount import DUE_MOVED
from registry.rules.terms import Turn
from registry.rules.workflow import ACTORS, Actor
from registry.store.procedure import Case, Company

PAGE: Final = 50
"""Rows of one page of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One case in a list. ``working_days`` until its deadline, negative when it is past."""

    case_id: int
    reference: str
    kind: str
    title: str
    company: str
    state: str
    state_word: str
    turn: str | None
    due_on: date | None
    due_provisional: bool
    working_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """A person's open cases: those that wait for them, and those that wait for the other side."""

    mine: tuple[Listed, ...]
    others: tuple[Listed, ...]
    late: int
    soon: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a timeline, in words."""

    at: datetime
    word: str
    who: str
    note: str


_OWN_WORDS: Final = {DUE_MOVED: "期限调整"}
SOON: Final = 3
"""Working days before a deadline from which it is called near."""


def docket(session: Session, by: Identity, almanac: Almanac, *, today: date) -> Docket:
    """Return what is due. Raises ``NotAllowed`` for an account that sees no cases."""
    if by.role is Role.ADMIN:
        raise NotAllowed("系统管理员不接触业务数据")
    turn = Turn.COMPANY if by.role in COMPANY_ROLES else Turn.OFFICE
    mine = _open(by).where(Case.turn == turn.value)
    others = _open(by).where(Case.turn != turn.value)
    order = (Case.due_on.is_(None), Case.due_on, Case.case_id)
    listed = [
        _listed(*row, almanac, today) for row in session.execute(mine.order_by(*order).limit(PAGE))
    ]
    waiting = [
        _listed(*row, almanac, today)
        for row in session.execute(others.order_by(*order).limit(PAGE))
    ]
    count = select(func.count()).select_from(mine.subquery())
    past = select(func.count()).select_from(mine.where(Case.due_on < today).subquery())
    return Docket(
        mine=tuple(listed),
        others=tuple(waiting),
        late=session.scalar(past) or 0,
        soon=sum(1 for item in listed if item.working_days in range(SOON + 1)),
        total=session.scalar(count) or 0,
    )


def cases_of(
    session: Session, by: Identity, almanac: Almanac, *, today: date, kind: CaseKind, page: int = 1
) -> tuple[tuple[Listed, ...], int]:
    """Return one page of the cases of a kind that a person may see, and how many there are."""
    query = visible(by).where(Case.kind == kind.value)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(
        query.order_by(Case.case_id.desc()).limit(PAGE).offset(PAGE * (max(page, 1) - 1))
    )
    return tuple(_listed(*row, almanac, today) for row in rows), total


def lines_of(session: Session, case: Case, context: Context) -> tuple[Line, ...]:
    """Return a case's timeline in words, oldest first."""
    words = machine_of(case).words
    return tuple(
        Line(
            at=line.at,
            word=words.get(line.event) or _OWN_WORDS.get(line.event, "新建"),
            who=ACTORS[Actor(line.actor)],
            note=read_note(line, context),
        )
        for line in timeline(session, case)
    )


def visible(by: Identity) -> Select[Case, str]:
    """Select the cases, with their companies' names, that a person may see."""
    query = select(Case, Company.name).join(Company, Company.company_id == Case.company_id)
    if by.role in COMPANY_ROLES:
        return query.where(Case.company_id == by.company_id)
    if by.role is Role.ADMIN:
        raise NotAllowed("系统管理员不接触业务数据")
    return query.where(Company.district == by.district) if by.district else query


def _open(by: Identity) -> Select[Case, str]:
    return visible(by).where(Case.turn.is_not(None))


def _listed(case: Case, company: str, almanac: Almanac, today: date) -> Listed:
    left = None if case.due_on is None else almanac.days.between(today, case.due_on)
    return Listed(
        case_id=case.case_id,
        reference=case.reference,
        kind=case.kind,
        title=case.title,
        company=company,
        state=case.state,
        state_word=MACHINE_OF[CaseKind(case.kind)].words[case.state],
        turn=case.turn,
        due_on=case.due_on,
        due_provisional=case.due_provisional,
        working_days=left,
    )
