"""What a decided sanction does (处理的执行): company barred, assessor out, batch revoked.

Called by `registry.office.sanctions` in the transaction of the decision; nothing else calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.assessors import move_assessor
from registry.office.cases import audit
from registry.office.evaluations import claim_company
from registry.office.identity import Identity
from registry.office.lapsing import lapse_all
from registry.office.revising import Reason, revoke
from registry.office.supervising import Kind, Text
from registry.office.supervision_lines import tell
from registry.office.unit import Desk
from registry.rules.standing import COMPANY
from registry.rules.terms import Term, deadline
from registry.rules.workflow import Actor
from registry.store.certificates import Certificate, CertificateState
from registry.store.procedure import Company
from registry.store.registers import Assessor, Supervision

REVOKED_AT_MOST: Final = 5000
"""Certificates of one decision: it holds the database's write lock from beginning to end."""

STANDS: Final = Certificate.state.in_([CertificateState.VALID, CertificateState.SUSPENDED])
"""The certificates that can be revoked."""

Progress = Callable[[int, int], None]
"""Told after each certificate: how many are done, of how many."""


class Ground(StrEnum):
    """Why a sanction is proposed."""

    CHEATING = "cheating"
    IDLE = "idle"
    UNFIT = "unfit"
    VIOLATION = "violation"
    TWO_FAULTS = "two-faults"
    FRAUD = "fraud"


BAR_OF: Final = {
    Ground.CHEATING: Term.BAR_CHEATING,
    Ground.IDLE: Term.BAR_IDLE,
    Ground.UNFIT: Term.BAR_IDLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision that has been claimed: the proposal with its text, what was decided, by whom."""

    row: Supervision
    text: Text
    uphold: bool
    note: str
    by: Identity
    desk: Desk
    progress: Progress | None


def take_effect(session: Session, decision: Decision) -> int:
    """Carry a decision out, with its audit line; return how many certificates were revoked.

    Raises what the machines refuse, ``CaseMoved``, and what ``desk.before_signing`` raises.
    """
    kind = Kind(decision.row.kind)
    revoked = 0
    detail = ""
    match kind:
        case Kind.DELISTING:
            _delist(session, decision)
        case Kind.DISQUALIFICATION:
            event = "disqualify" if decision.uphold else "drop-proposal"
            _step_assessor(session, decision, event)
            return 0  # the step's audit line is this use case's
        case Kind.REVOCATION:
            if decision.uphold:
                revoked = _revoke_batch(session, decision)
                detail = f"batch {decision.text.batch}: {revoked} certificates"
        case Kind.VISIT | Kind.EVALUATION | Kind.FAULT:
            raise AssertionError  # nobody decides on these
        case _:
            assert_never(kind)
    done = "uphold" if decision.uphold else "drop"
    context = decision.desk.context(decision.by)
    event = f"{kind.value}-{done}"
    tell(session, decision.row, event, by=decision.by, context=context, batch=decision.text.batch)
    line = audit(event, decision.row.reference, decision.by, context)
    line.detail = detail
    session.add(line)
    return revoked


def standing_of(session: Session, batch_id: str) -> tuple[str, ...]:
    """Return the numbers of a batch's certificates that stand, by status index.

    Suspended ones stand too. Raises ``Refused`` if there are none, or too many for one decision.
    """
    rows = session.scalars(
        select(Certificate.number)
        .where(Certificate.batch_id == batch_id, STANDS)
        .order_by(Certificate.status_index)
    ).all()
    if not rows:
        raise Refused("此批次没有有效证书可以撤销")
    if len(rows) > REVOKED_AT_MOST:
        raise Refused(f"此批次有效证书超过 {REVOKED_AT_MOST} 本，一次不能撤销，请联系系统管理员")
    return tuple(rows)


def _delist(session: Session, decision: Decision) -> None:
    company = session.get_one(Company, decision.row.company_id)
    event = "delist" if decision.uphold else "drop-proposal"
    step = COMPANY.step(company.state, Actor.APPROVER, event)
    until = None
    almanac, today = read_almanac(session), decision.desk.today()
    context = decision.desk.context(decision.by)
    if decision.uphold:
        rule = almanac.rules.term(BAR_OF[Ground(decision.text.ground)], today)
        # The term's last day is barred too; filings are taken from the next.
        until = deadline(rule, today, almanac.days).day + timedelta(days=1)
    claim_company(session, company, step.to, until)
    if decision.uphold:
        lapse_all(session, company, context, almanac, today=today)


def _revoke_batch(session: Session, decision: Decision) -> int:
    decision.desk.before_signing()
    context = decision.desk.context(decision.by)
    # Counted again: some may have been revoked since the proposal.
    numbers = standing_of(session, decision.text.batch)
    for done, number in enumerate(numbers, 1):
        revoke(session, number, Reason.FRAUD, context=context)
        if decision.progress is not None:
            decision.progress(done, len(numbers))
    return len(numbers)


def _step_assessor(session: Session, decision: Decision, event: str) -> None:
    assessor_id = decision.row.assessor_id
    if assessor_id is None:
        raise AssertionError  # whoever made the proposal named the assessor
    move_assessor(
        session,
        assessor_id,
        event,
        by=decision.by,
        version=session.get_one(Assessor, assessor_id).version,
        note=decision.note,
        proposed_by=decision.row.proposed_by,
        context=decision.desk.context(decision.by),
    )
