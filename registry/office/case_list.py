"""Cases in lists (办件列表): one page of rows and how many there are, in as few statements.

Read as columns by statements that are made once: no form is opened, and a page takes as many
statements with thirty rows as with five.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import MACHINE_OF, CaseKind
from registry.office.identity import Identity
from registry.office.scope import Scope, all_within, scope_of, within
from registry.rules.terms import Turn
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company

Rows: TypeAlias = "Select[*tuple[Any, ...]]"
PAGE: Final = 30
"""Rows of one page of a list."""

SOON: Final = 3
"""Working days before a deadline from which it is called near."""

_OTHER: Final = {Turn.OFFICE: Turn.COMPANY, Turn.COMPANY: Turn.OFFICE}
_COLUMNS: Final = (
    Case.case_id,
    Case.reference,
    Case.kind,
    Case.title,
    Company.name,
    Case.state,
    Case.turn,
    Case.due_on,
    Case.due_provisional,
)
_DUE: Final = Case.due_on, Case.case_id
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    kind.value: machine.words for kind, machine in MACHINE_OF.items()
}


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One case in a list. ``working_days`` until its deadline, negative when it is past.

    A struct, since dozens are made for each page.
    """

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
class Counts:
    """Open cases: on whose side, and how many of one's own are late or near their deadline."""

    total: int
    dated: int
    late: int
    soon: int
    waiting: int


def cases_of(
    session: Session, by: Identity, almanac: Almanac, *, today: date, kind: CaseKind, page: int = 1
) -> tuple[tuple[Listed, ...], int]:
    """Return one page of the cases of a kind, the newest first, and how many there are."""
    scope, values = scope_of(by)
    values |= {"kind": kind.value}
    (total,) = _counted(scope).one(session, **values)
    place = {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}
    found = _of_kind(scope).all(session, **values, **place)
    return tuple(_listed(row, almanac, today) for row in found), total


def count_due(
    session: Session, by: Identity, turn: Turn, almanac: Almanac, *, today: date
) -> Counts:
    """Count the open cases of a person's side, and those that wait for the other side."""
    scope, values = scope_of(by)
    near = almanac.days.after(today, SOON + 1, counts_start=False).day - timedelta(days=1)
    turns = {"turn": turn.value, "other": _OTHER[turn].value}
    found = _counts(scope).one(session, **values, **turns, today=today, near=near)
    total, dated, late, soon, waiting = found
    return Counts(total=total, dated=dated, late=late, soon=soon, waiting=waiting)


def list_due(
    session: Session,
    by: Identity,
    turn: Turn,
    almanac: Almanac,
    *,
    today: date,
    dated: int | None,
    limit: int = PAGE,
    offset: int = 0,
) -> tuple[Listed, ...]:
    """Return open cases whose turn it is, by deadline, those without one last.

    ``dated`` is how many have a deadline; None if nobody counted.
    """
    scope, values = scope_of(by)
    values |= {"turn": turn.value, "limit": limit, "offset": offset}
    # Two statements, each in its index's order: one over both kinds would sort them all.
    found = _dated(scope).all(session, **values) if dated is None or offset < dated else []
    if len(found) < limit and dated is not None:
        values |= {"limit": limit - len(found), "offset": max(offset - dated, 0)}
        found += _undated(scope).all(session, **values)
    elif len(found) < limit:
        values |= {"limit": limit - len(found), "offset": 0}
        found += _undated(scope).all(session, **values)
    return tuple(_listed(row, almanac, today) for row in found)


def list_assigned(
    session: Session,
    by: Identity,
    almanac: Almanac,
    *,
    today: date,
    limit: int = PAGE,
    page: int = 1,
) -> tuple[tuple[Listed, ...], int]:
    """Return a page of the open cases given to this person to review, and how many there are."""
    scope, values = scope_of(by)
    values |= {"account": by.account_id, "turn": Turn.OFFICE.value}
    (total,) = _count_assigned(scope).one(session, **values)
    place = {"limit": limit, "offset": limit * (max(page, 1) - 1)}
    found = _assigned(scope).all(session, **values, **place) if total else []
    return tuple(_listed(row, almanac, today) for row in found), total


def other_side(turn: Turn) -> Turn:
    """Return whose turn it is if it is not this side's."""
    return _OTHER[turn]


def _rows(scope: Scope) -> Rows:
    query = select(*_COLUMNS).join(Company, Company.company_id == Case.company_id)
    return (
        query.where(within(scope, Case.company_id))
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )


@cache
def _of_kind(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    rows = _rows(scope).where(Case.kind == bindparam("kind"))
    return Prepared(rows.order_by(Case.case_id.desc()))


@cache
def _counted(scope: Scope) -> Prepared[int]:
    mine = Case.kind == bindparam("kind"), all_within(scope, Case.company_id)
    return Prepared(select(func.count()).select_from(Case).where(*mine))


@cache
def _dated(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    mine = Case.turn == bindparam("turn"), Case.due_on.is_not(None)
    return Prepared(_rows(scope).where(*mine).order_by(*_DUE))


@cache
def _assigned(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    mine = Case.assigned_to == bindparam("account"), Case.turn == bindparam("turn")
    return Prepared(_rows(scope).where(*mine).order_by(*_DUE))


@cache
def _count_assigned(scope: Scope) -> Prepared[int]:
    mine = Case.assigned_to == bindparam("account"), Case.turn == bindparam("turn")
    query = select(func.count()).select_from(Case)
    return Prepared(query.where(*mine, all_within(scope, Case.company_id)))


@cache
def _undated(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    mine = Case.turn == bindparam("turn"), Case.due_on.is_(None)
    return Prepared(_rows(scope).where(*mine).order_by(Case.case_id))


@cache
def _counts(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    mine = Case.turn == bindparam("turn"), all_within(scope, Case.company_id)
    some = select(func.count()).select_from(Case)
    late = some.where(*mine, Case.due_on < bindparam("today"))
    soon = some.where(*mine, Case.due_on.between(bindparam("today"), bindparam("near")))
    waiting = some.where(Case.turn == bindparam("other"), all_within(scope, Case.company_id))
    parts = (part.scalar_subquery() for part in (late, soon, waiting))
    query = select(func.count(), func.count(Case.due_on), *parts).select_from(Case)
    return Prepared(query.where(*mine))


def _listed(row: Any, almanac: Almanac, today: date) -> Listed:
    number, reference, kind, title, company, state, turn, due_on, provisional = row
    return Listed(
        case_id=number,
        reference=reference,
        kind=kind,
        title=title,
        company=company,
        state=state,
        state_word=_WORDS[kind][state],
        turn=turn,
        due_on=due_on,
        due_provisional=provisional,
        working_days=None if due_on is None else almanac.days.between(today, due_on),
    )
