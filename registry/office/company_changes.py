"""Changes of a company's facts (企业信息变更): proposed with a paper, decided by another person.

Name, social credit code and district change in a company's life; that it stands on the provincial
pilot list (省试点名单) spares it the site review (六（一）2). Each such change is proposed by a
clerk, decided by an approver, and stays on record with the paper it rests on and both people.
Names and codes that stand in certificates already issued stay there as they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import CaseMoved, audit
from registry.office.companies import LONGEST_NAME, get_company
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.office.persons import is_other_person
from registry.rules.organisations import is_uscc, normalise_uscc
from registry.rules.text import squeeze, tidy
from registry.store.accounts import Account
from registry.store.organisations import Issuer
from registry.store.procedure import Company, CompanyChange

LONGEST_BASIS: Final = 200
YES: Final = "yes"
NO: Final = "no"
_DISTRICT: Final = re.compile(r"[0-9A-Z]{0,12}", re.ASCII)


class Fact(StrEnum):
    """What can be changed."""

    NAME = "name"
    USCC = "uscc"
    DISTRICT = "district"
    PILOT = "pilot"
    """``yes`` or ``no``: on the provincial pilot list."""


FACT_WORDS: Final = {
    Fact.NAME: "企业名称",
    Fact.USCC: "统一社会信用代码",
    Fact.DISTRICT: "受理机构（区代码，市直接受理的为空）",
    Fact.PILOT: "省试点名单",
}
STATE_WORDS: Final = {"proposed": "待审批", "adopted": "已变更", "dropped": "不予变更"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """A change as proposed: ``basis`` names the paper (文号或者材料名称), ``based_on`` its date."""

    fact: Fact
    value: str
    basis: str
    based_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change on record; ``decided_by`` is "" while it waits."""

    change_id: int
    fact: Fact
    before: str
    after: str
    basis: str
    based_on: date
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None


def propose_change(
    session: Session,
    company_id: int,
    new: NewChange,
    *,
    drawable: Callable[[str], bool],
    by: Identity,
    context: Context,
    today: date,
) -> int:
    """Propose a change; return its number. ``drawable``: which characters certificates can show.

    Raises ``NotAllowed``, ``NotFound``, ``FormFaults``, ``Refused`` while one of the kind waits.
    """
    require(by, Role.CLERK)
    company = get_company(session, company_id, by)
    # Of two who propose at once, the second finds the first one's.
    session.refresh(company, with_for_update=True)
    if new.fact is Fact.DISTRICT and by.district:
        raise NotAllowed("受理机构由市办公室变更")
    value = _value(session, company, new, drawable)
    basis = tidy(new.basis)
    if not basis or len(basis) > LONGEST_BASIS:
        text = f"请写明依据的文号或者材料名称，不超过 {LONGEST_BASIS} 个字"
        raise FormFaults([FieldFault(field="basis", text=text)])
    if new.based_on > today:
        raise FormFaults([FieldFault(field="based_on", text="依据的日期不能在今天以后")])
    waiting = select(CompanyChange).where(
        CompanyChange.company_id == company_id,
        CompanyChange.kind == new.fact.value,
        CompanyChange.state == "proposed",
    )
    if session.scalars(waiting).first() is not None:
        raise Refused(f"{FACT_WORDS[new.fact]}已有变更待审批，请先办结")
    row = CompanyChange(
        company_id=company_id,
        kind=new.fact.value,
        before=_now(company, new.fact),
        after=value,
        basis=basis,
        based_on=new.based_on,
        state="proposed",
        proposed_by=by.account_id,
        proposed_at=context.clock.now(),
    )
    session.add(row)
    session.flush()
    line = audit("company-change-propose", company.uscc, by, context)
    line.detail = f"change {row.change_id}: {new.fact.value}"
    session.add(line)
    return row.change_id


def decide_change(
    session: Session, change_id: int, *, adopt: bool, by: Identity, context: Context
) -> None:
    """Adopt a proposed change or drop it; never by who proposed it.

    Raises ``NotAllowed``, ``NotFound``, ``CaseMoved`` if it was decided, or the fact has changed.
    """
    require(by, Role.APPROVER)
    row = session.get(CompanyChange, change_id, with_for_update=True)
    if row is None:
        raise NotFound("没有此变更事项，或者您无权查看")
    company = get_company(session, row.company_id, by)
    session.refresh(company, with_for_update=True)
    session.refresh(row)
    fact = Fact(row.kind)
    if row.state != "proposed" or (adopt and _now(company, fact) != row.before):
        raise CaseMoved("此变更事项已经办理，或者企业信息已有变动，请刷新后再办理")
    if not is_other_person(session, row.proposed_by, by):
        raise NotAllowed("提出变更的人不能审批同一变更")
    row.state = "adopted" if adopt else "dropped"
    row.decided_by, row.decided_at = by.account_id, context.clock.now()
    subject = company.uscc
    if adopt:
        _apply(session, company, fact, row.after)
    line = audit("company-change-adopt" if adopt else "company-change-drop", subject, by, context)
    line.detail = f"change {change_id}: {fact.value}"
    session.add(line)


def company_of_change(session: Session, change_id: int, by: Identity) -> int:
    """Return whose change it is. Raises ``NotFound``."""
    row = session.get(CompanyChange, change_id)
    if row is None:
        raise NotFound("没有此变更事项，或者您无权查看")
    return get_company(session, row.company_id, by).company_id


def changes_of(session: Session, company_id: int, by: Identity) -> tuple[Change, ...]:
    """Return a company's changes, the newest first. Raises ``NotFound``."""
    get_company(session, company_id, by)
    query = select(CompanyChange).where(CompanyChange.company_id == company_id)
    rows = session.scalars(query.order_by(CompanyChange.change_id.desc())).all()
    numbers = {row.proposed_by for row in rows} | {row.decided_by for row in rows}
    known = select(Account.account_id, Account.login).where(
        Account.account_id.in_([number for number in numbers if number is not None])
    )
    logins = {row.account_id: row.login for row in session.execute(known)}
    return tuple(
        Change(
            change_id=row.change_id,
            fact=Fact(row.kind),
            before=row.before,
            after=row.after,
            basis=row.basis,
            based_on=row.based_on,
            state=row.state,
            proposed_by=logins[row.proposed_by],
            proposed_at=row.proposed_at,
            decided_by=logins[row.decided_by] if row.decided_by is not None else "",
            decided_at=row.decided_at,
        )
        for row in rows
    )


def _now(company: Company, fact: Fact) -> str:
    match fact:
        case Fact.NAME:
            return company.name
        case Fact.USCC:
            return company.uscc
        case Fact.DISTRICT:
            return company.district
        case Fact.PILOT:
            return YES if company.pilot else NO
        case _:
            assert_never(fact)


def _value(
    session: Session, company: Company, new: NewChange, drawable: Callable[[str], bool]
) -> str:
    """Return the new value in its own form. Raises ``FormFaults``."""
    match new.fact:
        case Fact.NAME:
            value = tidy(new.value)
            wrong = not value or len(value) > LONGEST_NAME or not all(map(drawable, value))
            fault = f"企业名称须有 1 至 {LONGEST_NAME} 个字，且为证书字库所有" if wrong else ""
        case Fact.USCC:
            value = normalise_uscc(new.value)
            fault = _uscc_fault(session, company, value)
        case Fact.DISTRICT:
            value = squeeze(new.value).upper()
            wrong = _DISTRICT.fullmatch(value) is None
            fault = "区代码为不超过 12 位的数字和字母，市直接受理的不填" if wrong else ""
        case Fact.PILOT:
            value = new.value.strip()
            fault = "" if value in {YES, NO} else "省试点名单请填“列入”或者“移出”"
        case _:
            assert_never(new.fact)
    if not fault and value == _now(company, new.fact):
        fault = "与现在的登记相同，无须变更"
    if fault:
        raise FormFaults([FieldFault(field="value", text=fault)])
    return value


def _uscc_fault(session: Session, company: Company, uscc: str) -> str:
    if not is_uscc(uscc):
        return "统一社会信用代码有误（18 位，末位为校验码），请核对营业执照"
    others = select(Company).where(Company.uscc == uscc, Company.company_id != company.company_id)
    issuers = select(Issuer).where(Issuer.uscc == uscc, Issuer.prefix != (company.prefix or ""))
    taken = session.scalars(others).first() or session.scalars(issuers).first()
    return "此统一社会信用代码的企业已登记" if taken else ""


def _apply(session: Session, company: Company, fact: Fact, value: str) -> None:
    # An approval that was cut off may have made an issuer that the company does not name yet.
    issuer = session.scalars(select(Issuer).where(Issuer.uscc == company.uscc)).first()
    match fact:
        case Fact.NAME:
            company.name = value
            if issuer is not None:
                issuer.name = value
        case Fact.USCC:
            company.uscc = value
            if issuer is not None:
                issuer.uscc = value
        case Fact.DISTRICT:
            company.district = value
        case Fact.PILOT:
            company.pilot = value == YES
        case _:
            assert_never(fact)
    company.version += 1
    session.flush()
