"""Assessors in lists (考评人员名单): one page of those a person may see, or one company's.

Names are sealed, so a page opens its own rows and no others.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from registry.office.assessors import AssessorView, struck_off, views_of
from registry.office.context import Context
from registry.office.identity import Identity, Role
from registry.office.scope import Scope, all_within, scope_of, within
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.registers import Assessor

Rows: TypeAlias = "Select[*tuple[Any, ...]]"
PAGE: Final = 50
"""Assessors on one page of a list."""


def assessor_page(
    session: Session, by: Identity, context: Context, *, page: int
) -> tuple[tuple[AssessorView, ...], int]:
    """Return one page of the assessors whom a person may see, and how many there are."""
    scope, values = scope_of(by)
    (total,) = _counted(scope).one(session, **values)
    place = {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}
    return _views(session, _paged(scope).named(session, **values, **place), context), total


def list_assessors(session: Session, by: Identity, context: Context) -> tuple[AssessorView, ...]:
    """Return the assessors whom a person may see: a company its own, an office its companies'."""
    if by.role is Role.ADMIN:
        return ()
    scope, values = scope_of(by)
    return _views(session, _whole(scope).named(session, **values), context)


def _views(session: Session, rows: Any, context: Context) -> tuple[AssessorView, ...]:
    return tuple(views_of(((row, row.company) for row in rows), struck_off(session), context))


def _all(scope: Scope) -> Rows:
    return (
        select(*Assessor.__table__.columns, Company.name.label("company"))
        .join(Company, Company.company_id == Assessor.company_id)
        .where(within(scope, Assessor.company_id))
        .order_by(Assessor.company_id, Assessor.assessor_id)
    )


@cache
def _whole(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    return Prepared(_all(scope))


@cache
def _paged(scope: Scope) -> Prepared[*tuple[Any, ...]]:
    return Prepared(_all(scope).limit(bindparam("limit")).offset(bindparam("offset")))


@cache
def _counted(scope: Scope) -> Prepared[int]:
    mine = all_within(scope, Assessor.company_id)
    return Prepared(select(func.count()).select_from(Assessor).where(mine))
