"""Approving a filing (同意备案, notice 六（一）2): the prefix, the issuer, the list, the milestone.

The prefix comes from the province and is recorded, never made: the clerk enters it, and the
approver enters it again from the province's letter, since every number begins with it for good.
The company's keys are made by a transaction of their own; `carry_approval` says how the whole
stands a crash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import Almanac, read_almanac
from registry.office.cases import (
    Doing,
    GuardsFailed,
    get_case,
    read_form,
    step_for,
    step_of,
    take_step,
)
from registry.office.companies import put_on_list
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.filed import filed_occupations
from registry.office.filing_form import parse_form
from registry.office.filings import check_not_barred
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.milestones import add_milestone
from registry.office.unit import Desk
from registry.office.votes import tally
from registry.rules.catalogue import LEVEL_ORDER
from registry.rules.organisations import check_prefix
from registry.rules.text import squeeze
from registry.rules.workflow import Guard
from registry.store.organisations import Issuer
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from signing.milestone import MilestoneFacts, MilestoneKind

DOCUMENT: Final = "备案申请表"
"""What the milestone's document is: the form's canonical bytes."""

_PREFIX: Final = Prepared(select(Issuer.prefix).where(Issuer.uscc == bindparam("uscc")))


def recorded_prefix(session: Session, company: Company) -> str:
    """Return the prefix under which the company is an issuer already, or ""."""
    known = _PREFIX.first(session, uscc=company.uscc)
    return known[0] if known is not None else ""


def read_prefix(session: Session, company: Company, typed: str) -> str:
    """Return the prefix (机构编码) as given by the province; none is ever made here.

    Raises ``FormFaults``, and ``PrefixError`` for what has not the form of one.
    """
    prefix = check_prefix(squeeze(typed).upper())
    owner = session.get(Issuer, prefix)
    if owner is not None and owner.uscc != company.uscc:
        text = "此机构编码已属于另一企业，请按省中心的通知核对"
        raise FormFaults([FieldFault(field="prefix", text=text)])
    known = recorded_prefix(session, company)
    if known not in ("", prefix):
        text = f"本企业的机构编码已记录为 {known}，不能另用编码；确需更换的请联系系统管理员"
        raise FormFaults([FieldFault(field="prefix", text=text)])
    return prefix


def record_prefix(
    session: Session, case: Case, typed: str, *, doing: Doing, context: Context
) -> None:
    """Enter the province's prefix as the clerk; the approver's entry must be the same.

    Raises ``FormFaults``, ``PrefixError`` and what the engine raises.
    """
    step_of(session, case, "record-prefix", doing)
    prefix = read_prefix(session, session.get_one(Company, case.company_id), typed)
    take_step(session, case, "record-prefix", doing=doing, context=context)
    case.prefix = prefix


def approve(
    session: Session,
    case: Case,
    prefix: str,
    *,
    doing: Doing,
    context: Context,
    almanac: Almanac,
    today: date,
) -> None:
    """Approve the filing and list the company, which must be recorded as the issuer ``prefix``.

    Raises ``Barred``, ``GuardsFailed``, and what the engine raises.
    """
    # Read again under the lock: it may have been listed, or barred, since the page was opened.
    company = session.get_one(
        Company, case.company_id, with_for_update={"key_share": True}, populate_existing=True
    )
    issuer = session.get(Issuer, prefix)
    recorded = issuer is not None and issuer.uscc == company.uscc
    line_guards = (Guard.NOT_BARRED, *((Guard.PREFIX_KNOWN,) if recorded else ()))
    _check_approvable(session, case, company, doing, today)
    line = take_step(session, case, "approve", held=line_guards, doing=doing, context=context)
    put_on_list(company, prefix, today=today)
    case.outcome = "approved"
    if issuer is not None:
        # What it may issue is what it is filed for, on this very day.
        filed = filed_occupations(session, company, context)
        issuer.levels = _joined(item.levels for item in filed)
    set_due(case, almanac, today=today)
    facts = MilestoneFacts(
        date=today.isoformat(),
        document=hashlib.sha256(read_form(case, context)).hexdigest(),
        kind=MilestoneKind.FILING,
        note=DOCUMENT,
        subject=case.reference,
    )
    line.milestone_id = add_milestone(session, facts, context=context).milestone_id


def carry_approval(desk: Desk, case_id: int, typed_prefix: str, doing: Doing) -> None:
    """Approve in three parts: rehearse, make the company an issuer, approve.

    The rehearsal takes every check of the approval and rolls back, so that keys are made only for
    what will pass. Enrolment is a transaction of its own. A crash in or after it leaves an issuer
    that is not listed: no plan, batch or certificate can rest on it. Approving again with the same
    prefix enrols again, which mends the trust folder, finds the issuer and goes on. Two people at
    once enrol once; one of them approves.
    """
    context = desk.context(doing.by)
    with desk.write() as session, session.begin_nested() as rehearsal:
        case = get_case(session, case_id, doing.by)
        company = session.get_one(Company, case.company_id)
        step_of(session, case, "approve", doing)
        prefix = read_prefix(session, company, typed_prefix)
        _check_approvable(session, case, company, doing, desk.today())
        _compare(session, case, company, prefix)
        held = (Guard.NOT_BARRED, Guard.PREFIX_KNOWN)
        take_step(session, case, "approve", held=held, doing=doing, context=context)
        enrolled = company.prefix == prefix
        name, uscc = company.name, company.uscc
        levels = _joined(item.levels for item in parse_form(read_form(case, context)).occupations)
        rehearsal.rollback()
    if not enrolled:
        _enrol(desk, name, uscc, prefix, levels)
    with desk.write() as session:
        case = get_case(session, case_id, doing.by)
        almanac, today = read_almanac(session), desk.today()
        approve(session, case, prefix, doing=doing, context=context, almanac=almanac, today=today)


def _compare(session: Session, case: Case, company: Company, prefix: str) -> None:
    """Compare what the approver entered with what stands: the issuer's, or the clerk's entry."""
    if recorded_prefix(session, company) == prefix:
        return
    if case.prefix is None:
        raise GuardsFailed("不满足办理条件：经办人尚未登记省中心赋予的机构编码")
    if case.prefix != prefix:
        text = "与经办人登记的机构编码不一致，请按省中心的通知逐位核对；经办人登记有误的，请退回"
        raise FormFaults([FieldFault(field="prefix", text=text)])


def _joined(levels: Iterable[str]) -> str:
    held = set("".join(levels))
    return "".join(level for level in LEVEL_ORDER if level in held)


def _enrol(desk: Desk, name: str, uscc: str, prefix: str, levels: str) -> None:
    try:
        desk.enrol(name, uscc, prefix, levels)
    except Refused:
        # An approval that was cut off, or a faster approver: the issuer is there and all is well.
        with desk.read() as session:
            known = session.get(Issuer, prefix)
            if known is None or known.uscc != uscc:
                raise


def _check_approvable(
    session: Session, case: Case, company: Company, doing: Doing, today: date
) -> None:
    step_for(case, "approve", doing.by)
    check_not_barred(company, today)
    counted = tally(session, case)
    if not company.pilot and not counted.passed:
        raise GuardsFailed(
            f"专家现场评估未通过（须有至少 {counted.wanted} 名且过半数专家同意），"
            "只能退回或者不予备案"
        )
