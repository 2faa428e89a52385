"""Companies (企业): their record, and bars.

A company is listed by an approved filing and by nothing else (notice 六（一）2); it leaves the list
by a sanction, which bars it until a date (七（二）). Lists and the public directory are in
`registry.office.directory`, changes of the record in `registry.office.company_changes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import audit
from registry.office.context import Context
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.rules.organisations import is_uscc, normalise_uscc
from registry.rules.standing import COMPANY
from registry.rules.text import tidy
from registry.rules.workflow import Actor
from registry.store.procedure import Company

LONGEST_NAME: Final = 60
"""In characters: what the certificate's face has room for."""

ON_THE_LIST: Final = frozenset({"listed", "delisting"})
"""A proposal to delist takes nothing away until it is decided."""


CompanyRow: TypeAlias = Company
"""A company, for the desks, which do not know the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCompany:
    """What is known of a company before it files; ``district`` "" is the city office's own."""

    name: str
    uscc: str
    district: str = ""


def add_company(
    session: Session, facts: NewCompany, *, by: Identity | None, context: Context
) -> Company:
    """Record a company so that it can have accounts and file. ``by`` None: on this machine.

    Raises ``NotAllowed``, ``Refused`` naming the wrong fact.
    """
    if by is not None:
        require(by, Role.CLERK, Role.ADMIN)
        if by.district not in ("", facts.district):
            raise NotAllowed("只能登记本区的企业")
    name, uscc = tidy(facts.name), normalise_uscc(facts.uscc)
    if not name or len(name) > LONGEST_NAME:
        raise Refused(f"企业名称须有 1 至 {LONGEST_NAME} 个字")
    if not is_uscc(uscc):
        raise Refused("统一社会信用代码有误（18 位，末位为校验码），请核对营业执照")
    if session.scalars(select(Company).where(Company.uscc == uscc)).first() is not None:
        raise Refused("此统一社会信用代码的企业已登记")
    company = Company(
        uscc=uscc,
        name=name,
        district=facts.district,
        state=COMPANY.start,
        created_at=context.clock.now(),
    )
    session.add(company)
    session.flush()
    session.add(audit("company-add", uscc, by, context))
    return company


def get_company(session: Session, company_id: int, by: Identity) -> Company:
    """Return a company the person may see; ``NotFound`` otherwise, whether there is one or not."""
    company = session.get(Company, company_id)
    if company is None or not by.sees(company_id=company_id, district=company.district):
        raise NotFound("没有此企业，或者您无权查看")
    return company


def own_company(session: Session, by: Identity) -> Company:
    """Return the company of a company's person. Raises ``NotFound`` for anybody else."""
    company = session.get(Company, by.company_id) if by.company_id is not None else None
    if company is None:
        raise NotFound("您的账号没有对应的企业，请联系系统管理员")
    return company


def companies_seen(session: Session, by: Identity) -> tuple[Company, ...]:
    """Return all companies the person may see, by name."""
    query = select(Company).order_by(Company.name, Company.company_id)
    if by.role in COMPANY_ROLES:
        query = query.where(Company.company_id == by.company_id)
    elif by.district:
        query = query.where(Company.district == by.district)
    return tuple(session.scalars(query))


def barred_until(company: Company, today: date) -> date | None:
    """Give the first day on which a filing is taken again, or None if one is taken today."""
    until = company.barred_until
    return until if until is not None and today < until else None


def put_on_list(company: Company, prefix: str, *, today: date) -> None:
    """List a company by the machine's table; one that is listed stays listed as it was.

    Raises ``ForbiddenStep`` while it is barred.
    """
    if company.state in ON_THE_LIST:
        return
    state = company.state
    if state == "barred" and barred_until(company, today) is None:
        state = COMPANY.step(state, Actor.SYSTEM, "bar-ends").to
    company.state = COMPANY.step(state, Actor.APPROVER, "list").to
    company.prefix, company.listed_on = prefix, today
    company.version += 1
