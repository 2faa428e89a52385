"""Whom a sanction can be proposed against (可提议处理的对象), found by the company."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from registry.office.assessors import AssessorView, struck_off, views_of
from registry.office.context import Context
from registry.office.identity import Identity
from registry.office.scope import Scope, scope_of, within
from registry.rules.text import tidy
from registry.store.like import ESCAPE, like_text
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.registers import Assessor

Rows: TypeAlias = "Select[*tuple[Any, ...]]"
PAGE: Final = 15
"""Rows of one page: two lists stand on it."""

LONGEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A company on the list."""

    company_id: int
    name: str
    uscc: str


def companies_to_propose(
    session: Session, by: Identity, text: str, *, page: int
) -> tuple[tuple[Choice, ...], int]:
    """Return one page of the listed companies whose name or code has ``text``, and how many."""
    scope, values = scope_of(by)
    values |= {"text": _pattern(text)}
    (total,) = _counted(scope, people=False).one(session, **values)
    rows = _paged(scope, people=False).all(session, **values, **_place(page))
    return tuple(Choice(company_id=n, name=name, uscc=uscc) for n, name, uscc in rows), total


def assessors_to_propose(
    session: Session, by: Identity, text: str, context: Context, *, page: int
) -> tuple[tuple[AssessorView, ...], int]:
    """Return one page of the assessors of such companies who are still qualified, and how many."""
    scope, values = scope_of(by)
    values |= {"text": _pattern(text)}
    (total,) = _counted(scope, people=True).one(session, **values)
    rows = _paged(scope, people=True).named(session, **values, **_place(page))
    views = views_of(((row, row.company) for row in rows), struck_off(session), context)
    return tuple(views), total


def _pattern(text: str) -> str:
    return f"%{like_text(tidy(text)[:LONGEST])}%"


def _place(page: int) -> dict[str, int]:
    return {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}


def _named() -> Any:
    pattern: Any = bindparam("text")
    return or_(Company.name.like(pattern, escape=ESCAPE), Company.uscc.like(pattern, escape=ESCAPE))


def _companies(scope: Scope) -> Rows:
    return select(Company.company_id, Company.name, Company.uscc).where(
        Company.state == "listed", _named(), within(scope, Company.company_id)
    )


def _assessors(scope: Scope) -> Rows:
    return (
        select(*Assessor.__table__.columns, Company.name.label("company"))
        .join(Company, Company.company_id == Assessor.company_id)
        .where(
            or_(Assessor.state == "registered", Assessor.state == "faulted"),
            _named(),
            within(scope, Assessor.company_id),
        )
    )


@cache
def _paged(scope: Scope, *, people: bool) -> Prepared[*tuple[Any, ...]]:
    query = (
        _assessors(scope).order_by(Assessor.company_id, Assessor.assessor_id)
        if people
        else _companies(scope).order_by(Company.name, Company.company_id)
    )
    return Prepared(query.limit(bindparam("limit")).offset(bindparam("offset")))


@cache
def _counted(scope: Scope, *, people: bool) -> Prepared[int]:
    query = _assessors(scope) if people else _companies(scope)
    return Prepared(query.with_only_columns(func.count()))
