"""Whose rows a list may show (数据范围), as a condition of a statement that is made once.

City, district and company each have their own statement, so that the database can take the index
that serves it; who asks is only in the statement's values.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, select, true
from sqlalchemy.orm import aliased

from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role
from registry.store.procedure import Company


class Scope(StrEnum):
    """Whose rows there are to see."""

    CITY = "city"
    DISTRICT = "district"
    COMPANY = "company"


def scope_of(by: Identity) -> tuple[Scope, dict[str, Any]]:
    """Return a person's scope with its values. Raises ``NotAllowed`` for who sees no cases."""
    if by.role is Role.ADMIN:
        raise NotAllowed("系统管理员不接触业务数据")
    if by.role in COMPANY_ROLES:
        return Scope.COMPANY, {"company": by.company_id}
    if by.district:
        return Scope.DISTRICT, {"district": by.district}
    return Scope.CITY, {}


def within(scope: Scope, company_id: Any) -> ColumnElement[bool]:
    """Return the condition that a row's company, given by its column, lies in the scope.

    For rows that are read in an order, up to a page of them.
    """
    match scope:
        case Scope.CITY:
            return true()
        case Scope.COMPANY:
            condition: ColumnElement[bool] = company_id == bindparam("company")
            return condition
        case Scope.DISTRICT:
            # Asked row by row: joined, the database would go company by company and sort it all.
            own = aliased(Company)
            mine = own.company_id == company_id, own.district == bindparam("district")
            return exists(select(1).where(*mine))


def all_within(scope: Scope, company_id: Any) -> ColumnElement[bool]:
    """Return the same condition for rows that are counted, whichever comes first."""
    if scope is not Scope.DISTRICT:
        return within(scope, company_id)
    mine = select(Company.company_id).where(Company.district == bindparam("district"))
    condition: ColumnElement[bool] = company_id.in_(mine)
    return condition
