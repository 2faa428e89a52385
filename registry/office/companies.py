"""Companies (企业): their record, the provincial pilot list, bars, and the public directory (目录).

A company is listed by an approved filing and by nothing else (notice 六（一）2); it leaves the list
by a sanction, which bars it until a date (七（二）). The directory is read from the approved
filings themselves, so that it cannot say more than was approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from msgspec.structs import replace
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import CaseKind, audit, read_form
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.filing_form import LEVELS_LOW_TO_HIGH, Applied, parse_form
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.rules.organisations import is_uscc, normalise_uscc
from registry.rules.standing import COMPANY
from registry.rules.text import tidy
from registry.rules.workflow import Actor
from registry.store.procedure import Case, CaseEvent, Company
from signing.canonical import encode_tree

LONGEST_NAME: Final = 60
PAGE: Final = 50
"""Companies on one page of a list."""
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


def companies_seen(
    session: Session, by: Identity, *, page: int | None = None
) -> tuple[Company, ...]:
    """Return the companies the person may see, by name: all, or one page of PAGE (from 1)."""
    query = _paged(select(Company).order_by(Company.name, Company.company_id), page)
    if by.role in COMPANY_ROLES:
        query = query.where(Company.company_id == by.company_id)
    elif by.district:
        query = query.where(Company.district == by.district)
    return tuple(session.scalars(query))


def _paged(query: Select[Company], page: int | None) -> Select[Company]:
    return query if page is None else query.limit(PAGE).offset(PAGE * (page - 1))


def count_companies(session: Session) -> int:
    """Return how many companies are on file: no page of any list lies beyond it."""
    return session.scalar(select(func.count()).select_from(Company)) or 0


def set_pilot(
    session: Session, company: Company, *, pilot: bool, by: Identity, context: Context
) -> None:
    """Note whether a company stands on the provincial pilot list (省试点名单): no site review."""
    require(by, Role.APPROVER)
    get_company(session, company.company_id, by)
    if company.pilot == pilot:
        raise Refused("名单状态没有变化")
    company.pilot, company.version = pilot, company.version + 1
    action = "company-pilot-add" if pilot else "company-pilot-remove"
    session.add(audit(action, company.uscc, by, context))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One company of the directory, with what it may assess and since when each."""

    name: str
    uscc: str
    prefix: str
    listed_on: date
    occupations: tuple[tuple[Applied, date], ...]


def directory(session: Session, context: Context, *, page: int | None = None) -> tuple[Entry, ...]:
    """Return the companies on the list, by name, with the occupations approved since they are.

    All of them, or one page of PAGE (from 1).
    """
    listed = select(Company).where(Company.state.in_(sorted(ON_THE_LIST)))
    query = _paged(listed.order_by(Company.name, Company.company_id), page)
    companies = session.scalars(query).all()
    approved = _approved(session, [company.company_id for company in companies])
    return tuple(
        Entry(
            name=company.name,
            uscc=company.uscc,
            prefix=company.prefix,
            listed_on=company.listed_on,
            occupations=_occupations(
                approved.get(company.company_id, []), company.listed_on, context
            ),
        )
        for company in companies
        if company.prefix is not None and company.listed_on is not None
    )


def _approved(session: Session, companies: list[int]) -> dict[int, list[tuple[Case, date]]]:
    found: dict[int, list[tuple[Case, date]]] = {}
    rows = session.execute(
        select(Case, CaseEvent.at)
        .join(CaseEvent, CaseEvent.case_id == Case.case_id)
        .where(
            Case.kind == CaseKind.FILING.value,
            Case.state == "approved",
            Case.company_id.in_(companies),
            CaseEvent.event == "approve",
        )
        .order_by(CaseEvent.event_id)
    )
    for case, at in rows:
        found.setdefault(case.company_id, []).append((case, china_day(at)))
    return found


def _occupations(
    filings: list[tuple[Case, date]], listed_on: date, context: Context
) -> tuple[tuple[Applied, date], ...]:
    # What was approved before a delisting is gone with it: it must be filed for again.
    held: dict[tuple[str, str], tuple[Applied, date]] = {}
    for case, day in filings:
        if day < listed_on:
            continue
        for applied in parse_form(read_form(case, context)).occupations:
            key = (applied.code, applied.direction)
            known, since = held.get(key, (applied, day))
            levels = {*known.levels, *applied.levels}
            joined = "".join(level for level in LEVELS_LOW_TO_HIGH if level in levels)
            held[key] = (replace(applied, levels=joined), since)
    return tuple(held[key] for key in sorted(held))


def directory_json(entries: tuple[Entry, ...], *, on: date) -> bytes:
    """Write the directory for the public site: canonical JSON, as of the day ``on``."""
    return encode_tree(
        {
            "companies": [
                {
                    "listed": entry.listed_on.isoformat(),
                    "name": entry.name,
                    "occupations": [
                        {
                            "code": applied.code,
                            "direction": applied.direction,
                            "levels": applied.levels,
                            "name": applied.name,
                            "since": since.isoformat(),
                        }
                        for applied, since in entry.occupations
                    ],
                    "prefix": entry.prefix,
                    "uscc": entry.uscc,
                }
                for entry in entries
            ],
            "on": on.isoformat(),
            "v": 1,
        }
    )
