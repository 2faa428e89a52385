"""Sanctions (处理) with four eyes: off the list, disqualified, a batch's certificates revoked.

Notice 七（二）, 七（三）. A clerk proposes with a reason, the company may state its case, and an
approver who is another person decides with a reason. What is decided takes effect in the same
transaction, by the machines of `registry.rules.standing`; of two deciders one wins.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.almanac import Almanac
from registry.office.assessors import get_assessor, move_assessor
from registry.office.cases import GuardsFailed, audit
from registry.office.companies import get_company
from registry.office.context import Context
from registry.office.evaluations import claim_company, idle_since
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.office.persons import is_other_person
from registry.office.sanction_effects import (
    STANDS,
    Decision,
    Ground,
    Progress,
    standing_of,
    take_effect,
)
from registry.office.supervising import (
    SANCTIONS,
    Kind,
    Stage,
    Text,
    add_row,
    claim,
    get_row,
    must_be,
    new_row,
    written,
)
from registry.office.supervision_lines import tell
from registry.office.unit import Desk
from registry.rules.standing import COMPANY
from registry.rules.workflow import GUARDS, Actor, Guard
from registry.store.certificates import Batch, Certificate
from registry.store.locks import share_almanac
from registry.store.procedure import Company
from registry.store.registers import Assessor, Supervision

GROUND_WORDS: Final[dict[str, str]] = {
    Ground.CHEATING: "组织舞弊、造假等违法违规行为",
    Ground.IDLE: "一年内未组织实施评价",
    Ground.UNFIT: "已不具备开展评价条件",
    Ground.VIOLATION: "违规行为",
    Ground.TWO_FAULTS: "两次以上失职",
    Ground.FRAUD: "弄虚作假取得证书",
}
OF_COMPANIES: Final = (Ground.CHEATING, Ground.IDLE, Ground.UNFIT)
OF_ASSESSORS: Final = (Ground.VIOLATION, Ground.TWO_FAULTS)


def propose_delisting(
    session: Session,
    company_id: int,
    ground: Ground,
    reason: str,
    *,
    by: Identity,
    context: Context,
    almanac: Almanac,
    today: date,
) -> int:
    """Propose to take a company off the list; return the row's id.

    Raises ``NotAllowed``, ``ForbiddenStep``, ``FormFaults``, ``CaseMoved``.
    """
    require(by, Role.CLERK)
    company = get_company(session, company_id, by)
    step = COMPANY.step(company.state, Actor.CLERK, "propose-delisting")
    _grounded(ground, OF_COMPANIES)
    if ground is Ground.IDLE and idle_since(session, company, almanac, today=today) is None:
        text = "该企业一年内实施过评价，或者备案未满一年，不属此情形"
        raise FormFaults([FieldFault(field="ground", text=text)])
    words = _reason(reason)
    claim_company(session, company, step.to, company.barred_until)
    row = _proposal(Kind.DELISTING, company_id, by, context)
    add_row(session, row, Text(ground=ground.value, reason=words), context)
    tell(session, row, "delisting-propose", by=by, context=context)
    session.add(audit("delisting-propose", row.reference, by, context))
    return row.supervision_id


def record_fault(
    session: Session, assessor_id: int, reason: str, *, by: Identity, context: Context
) -> int:
    """Record an assessor's neglect of duty (失职), by a supervisor; return the row's id.

    Raises ``NotAllowed``, ``ForbiddenStep``, ``FormFaults``, ``NotFound``.
    """
    require(by, Role.SUPERVISOR)
    view = get_assessor(session, assessor_id, by, context)
    words = _reason(reason)
    row = new_row(Kind.FAULT, Stage.RECORDED, view.company_id, by=by.account_id, context=context)
    row.assessor_id = assessor_id
    add_row(session, row, Text(reason=words), context)
    # Its audit line is this use case's.
    _step_assessor(session, assessor_id, "record-fault", words, by=by, context=context)
    return row.supervision_id


def propose_disqualification(
    session: Session,
    assessor_id: int,
    ground: Ground,
    reason: str,
    *,
    by: Identity,
    context: Context,
) -> int:
    """Propose to take an assessor's qualification away; return the row's id.

    Two faults: one stands recorded, the reason says the other. Raises ``NotAllowed``,
    ``ForbiddenStep``, ``FormFaults``, ``NotFound``.
    """
    require(by, Role.CLERK)
    view = get_assessor(session, assessor_id, by, context)
    _grounded(ground, OF_ASSESSORS)
    if ground is Ground.TWO_FAULTS and session.get_one(Assessor, assessor_id).faults < 1:
        text = "尚无失职记录：两次以上失职须先由督导员记录前一次"
        raise FormFaults([FieldFault(field="ground", text=text)])
    words = _reason(reason)
    row = _proposal(Kind.DISQUALIFICATION, view.company_id, by, context)
    row.assessor_id = assessor_id
    add_row(session, row, Text(ground=ground.value, reason=words), context)
    _step_assessor(session, assessor_id, "propose-disqualification", words, by=by, context=context)
    return row.supervision_id


def propose_revocation(
    session: Session, batch_id: str, reason: str, *, by: Identity, context: Context
) -> int:
    """Propose to revoke every standing certificate of a batch; return the row's id.

    Raises ``NotAllowed``, ``NotFound``, ``Refused``, ``FormFaults``.
    """
    require(by, Role.CLERK)
    batch = session.get(Batch, batch_id.strip())
    company = (
        session.scalars(select(Company).where(Company.prefix == batch.prefix)).first()
        if batch
        else None
    )
    if batch is None or company is None:
        raise NotFound("没有此批次，或者您无权查看")
    get_company(session, company.company_id, by)
    # Locks out a second proposal for the same company's batch until this one is committed.
    claim_company(session, company, company.state, company.barred_until)
    standing_of(session, batch.batch_id)
    for pending in session.scalars(
        select(Supervision.supervision_id).where(
            Supervision.company_id == company.company_id,
            Supervision.kind == Kind.REVOCATION.value,
            Supervision.state == Stage.PROPOSED.value,
        )
    ):
        if get_row(session, pending, by, context)[1].batch == batch.batch_id:
            raise Refused("此批次已有待审批的撤销提议")
    words = _reason(reason)
    row = _proposal(Kind.REVOCATION, company.company_id, by, context)
    text = Text(batch=batch.batch_id, ground=Ground.FRAUD.value, reason=words)
    add_row(session, row, text, context)
    tell(session, row, "revocation-propose", by=by, context=context, batch=batch.batch_id)
    session.add(audit("revocation-propose", row.reference, by, context))
    return row.supervision_id


def decide(
    session: Session,
    supervision_id: int,
    *,
    uphold: bool,
    note: str,
    by: Identity,
    desk: Desk,
    progress: Progress | None = None,
) -> int:
    """Decide a proposed sanction, which takes effect now; return how many certificates it revoked.

    Raises ``NotAllowed``, ``GuardsFailed`` for the proposer, ``CaseMoved``, ``FormFaults``,
    whatever the machines refuse, and what ``desk.before_signing`` raises.
    """
    require(by, Role.APPROVER)
    context = desk.context(by)
    row, text = get_row(session, supervision_id, by, context)
    if Kind(row.kind) not in SANCTIONS:
        raise NotAllowed("此事项不需要审批")
    must_be(row, Stage.PROPOSED)
    if not is_other_person(session, row.proposed_by, by):
        raise GuardsFailed(f"不满足办理条件：{GUARDS[Guard.OTHER_PERSON]}")
    words = written(note, "note", "请填写审批理由")
    # Before any row's lock: what lapses with a company has deadlines.
    share_almanac(session)
    # First of all: the later of two deciders stops here, before anything takes effect.
    claim(
        session,
        row,
        msgspec.structs.replace(text, decision=words),
        context=context,
        state=(Stage.UPHELD if uphold else Stage.DROPPED).value,
        decided_by=by.account_id,
        decided_at=context.clock.now(),
    )
    decision = Decision(
        row=row, text=text, uphold=uphold, note=words, by=by, desk=desk, progress=progress
    )
    return take_effect(session, decision)


def count_standing(session: Session, batch_id: str) -> int:
    """Return how many certificates of a batch stand now, for the page of a proposal."""
    query = select(func.count()).where(Certificate.batch_id == batch_id, STANDS)
    return session.scalar(query) or 0


def _proposal(kind: Kind, company_id: int, by: Identity, context: Context) -> Supervision:
    return new_row(kind, Stage.PROPOSED, company_id, by=by.account_id, context=context)


def _step_assessor(
    session: Session, assessor_id: int, event: str, words: str, *, by: Identity, context: Context
) -> None:
    version = session.get_one(Assessor, assessor_id).version
    move_assessor(
        session,
        assessor_id,
        event,
        by=by,
        version=version,
        note=words,
        proposed_by=None,
        context=context,
    )


def _grounded(ground: Ground, allowed: tuple[Ground, ...]) -> None:
    if ground not in allowed:
        raise FormFaults([FieldFault(field="ground", text="请选择处理情形")])


def _reason(words: str) -> str:
    return written(words, "reason", "请写明事实和理由")
