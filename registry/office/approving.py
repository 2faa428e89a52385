"""Approval and issue of a results batch (结果备案、核发证书, notice 六（三）3、六（四）).

A clerk prepares what the validator of results lists found sound, another person approves, and the
approved batch becomes certificates in the very transaction of its last step: a crash leaves it
approved with nothing issued, and a second click finds what the first one issued.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import AlreadyHeld, NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.batches import (
    Basis,
    BatchNotReady,
    basis_of,
    check_batch,
    demand_links,
    read_batch,
)
from registry.office.case_locks import lock_case
from registry.office.cases import (
    CaseKind,
    Doing,
    GuardsFailed,
    step_of,
    system_step,
    take_step,
    timeline,
)
from registry.office.closing import close_plan
from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.due import china_day, set_due
from registry.office.issuer_keys import KeyNotActive
from registry.office.issuing import IssuedBatch, IssueOrder, issue_batch
from registry.office.kept import kept
from registry.office.lapsing import lapse
from registry.office.milestones import add_milestone
from registry.office.publicity import documents_of, publicity_of
from registry.office.results import keep_findings
from registry.office.reviewing import review
from registry.office.steps import Taking, register
from registry.office.unit import Desk
from registry.office.weighing import weigh
from registry.office.withholding import to_issue
from registry.rules.candidate import Candidate, content_digest
from registry.rules.machines import BATCH
from registry.rules.workflow import Actor, Guard
from registry.store.certificates import Batch, Certificate
from registry.store.procedure import Case
from signing.milestone import MilestoneFacts, MilestoneKind

APPROVAL_NOTE = "结果备案通过"
"""The note of the milestone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedResults:
    """An issued batch: ``ranges`` are first and last number by level and year."""

    batch_id: str
    count: int
    ranges: tuple[tuple[str, str], ...]
    recognised: bool


def prepare_batch(
    session: Session, case: Case, doing: Doing, desk: Desk, *, drawable: Callable[[str], bool]
) -> None:
    """Send a sound batch to the approver. Raises ``BatchNotReady`` and what the engine raises."""
    context, today = desk.context(doing.by), desk.today()
    step_of(session, case, "prepare", doing)
    seen = review(session, case, drawable=drawable, context=context, today=today)
    if seen.faults:
        raise BatchNotReady(seen.faults)
    held = (Guard.ROSTER_SOUND,) if seen.sound else ()
    take_step(session, case, "prepare", held=held, doing=doing, context=context)
    set_due(case, read_almanac(session), today=today)


def return_batch(
    session: Session, case: Case, rows: Mapping[int, str], doing: Doing, desk: Desk
) -> None:
    """Return a batch with the reason in ``doing``: to the company, or from approver to clerk.

    ``rows`` are findings by row of the scores table; the company sees them.
    """
    context, almanac = desk.context(doing.by), read_almanac(session)
    began = case.due_from
    line = take_step(session, case, "return", doing=doing, context=context)
    to_clerk = line.to_state == "submitted"
    # Sent back inside the office, a batch has not been handed in again: its term goes on.
    set_due(case, almanac, today=began if to_clerk and began else desk.today())
    keep_findings(session, case, rows, context)


def issue_approved(session: Session, case: Case, doing: Doing, desk: Desk) -> IssuedResults:
    """Issue an approved batch to who passed; what was issued before is recognised.

    Raises ``BatchNotReady``, ``Refused``, and what the engine, the key and the ledger raise.
    """
    context = desk.context(doing.by)
    # A company that is struck off at this moment is so before the check or after the commit; and
    # of two clicks at once, the second finds what the first issued.
    lock_case(session, case)
    if case.kind == CaseKind.BATCH.value and case.state == "issued":
        return issued_results(session, case, recognised=True)
    step_of(session, case, "issue", doing)

    def step() -> None:
        held = (Guard.COMPANY_LISTED,)
        take_step(session, case, "issue", held=held, doing=doing, context=context)

    return _issue_once(session, case, step, desk, context)


def issue_by_reference(
    session: Session, reference: str, desk: Desk, context: Context
) -> IssuedResults:
    """Issue the approved batch of this reference at the machine itself; as `issue_approved`.

    Two people have prepared and approved it at their desks; here nobody decides. Raises
    ``NotFound`` and as `issue_approved` does.
    """
    query = select(Case).where(Case.reference == reference, Case.kind == CaseKind.BATCH.value)
    case = session.scalars(query).first()
    if case is None:
        raise NotFound(f"no results batch {reference}: the desk shows its reference (JG-…)")
    lock_case(session, case)
    if case.state == "issued":
        return issued_results(session, case, recognised=True)
    BATCH.step(case.state, Actor.SYSTEM, "issue")

    def step() -> None:
        system_step(session, case, "issue", context=context)

    return _issue_once(session, case, step, desk, context)


def _issue_once(
    session: Session, case: Case, step: Callable[[], None], desk: Desk, context: Context
) -> IssuedResults:
    basis = _demand_whole(session, case, context)
    desk.before_signing()
    order = _order(session, case, basis, context)
    step()
    done = _issue(session, order, desk, context)
    case.outcome = done.batch_id
    set_due(case, read_almanac(session), today=desk.today())
    close_plan(session, basis.plan, desk, context)
    session.flush()
    return issued_results(session, case, recognised=False)


def issued_results(session: Session, case: Case, *, recognised: bool = True) -> IssuedResults:
    """Return the certificates of an issued batch. Raises ``NotFound``."""
    batch = session.get(Batch, case.outcome) if case.outcome else None
    if batch is None:
        raise NotFound("此评价结果尚未发证")
    return IssuedResults(
        batch_id=batch.batch_id,
        count=batch.count,
        # Numbers once given never change.
        ranges=kept(session, ("numbers", batch.batch_id), lambda: _ranges(session, batch)),
        recognised=recognised,
    )


def _ranges(session: Session, batch: Batch) -> tuple[tuple[str, str], ...]:
    head = func.substr(Certificate.number, 1, 16)
    found = session.execute(
        select(func.min(Certificate.number), func.max(Certificate.number))
        .where(
            Certificate.status_index >= batch.first_status,
            Certificate.status_index < batch.first_status + batch.count,
        )
        .group_by(head)
        .order_by(head)
    )
    return tuple((first, last) for first, last in found)


@register(CaseKind.BATCH, "approve")
def _approve(taking: Taking) -> None:
    session, case, by = taking.session, taking.case, taking.doing.by
    context = taking.desk.context(by)
    step_of(session, case, taking.event, taking.doing)
    _demand_whole(session, case, context)
    if weigh(session, case, context).serious and not taking.doing.note.strip():
        raise GuardsFailed(
            "不满足办理条件：本计划的质量督导发现严重问题，同意备案须说明理由；不应备案的，请退回经办人"
        )
    held = (Guard.COMPANY_LISTED,)
    line = take_step(session, case, taking.event, held=held, doing=taking.doing, context=context)
    publicity = publicity_of(session, case, context, taking.almanac, today=taking.today)
    if publicity is None:
        raise GuardsFailed("不满足办理条件：评价结果没有公示")
    facts = MilestoneFacts(
        date=taking.today.isoformat(),
        document=documents_of(case, publicity, context)[1],
        kind=MilestoneKind.APPROVAL,
        note=APPROVAL_NOTE,
        subject=case.reference,
    )
    # An approval may have been withdrawn: the day of the one that counts stands too.
    line.milestone_id = add_milestone(session, facts, context=context, again=True).milestone_id


@register(CaseKind.BATCH, "reject")
def _reject(taking: Taking) -> None:
    session, case, context = taking.session, taking.case, taking.desk.context(taking.doing.by)
    basis = basis_of(session, case, context)
    take_step(session, case, "reject", doing=taking.doing, context=context)
    if basis.company.state in ON_THE_LIST:
        # The plan is the company's again: it may register its results anew.
        set_due(basis.plan, taking.almanac, today=basis.last_day)
    else:
        lapse(session, basis.plan, context, taking.almanac, today=taking.today)


@register(CaseKind.BATCH, "propose-refusal")
def _propose_refusal(taking: Taking) -> None:
    """Put a refusal before the approver; what is wrong with the batch keeps nobody from it."""
    context = taking.desk.context(taking.doing.by)
    take_step(taking.session, taking.case, taking.event, doing=taking.doing, context=context)


def _demand_whole(session: Session, case: Case, context: Context) -> Basis:
    """Demand every link, and that persons and marks are those that were filed."""
    basis = basis_of(session, case, context)
    demand_links(basis)
    faults = check_batch(session, case, context)
    if faults:
        raise BatchNotReady(faults)
    return basis


def _order(session: Session, case: Case, basis: Basis, context: Context) -> IssueOrder:
    passed = to_issue(session, case, basis, context)
    if not passed:
        raise Refused("本批次没有合格人员，或者合格人员均不核发，不发证书")
    prefix = basis.company.prefix
    if prefix is None:
        raise Refused("企业没有机构编码，不能发证")
    form, issued = read_batch(case, context), _approved_on(session, case)
    candidates = tuple(
        Candidate(
            row=person.row,
            name=person.name,
            id_type=person.id_type,
            id_number=person.id_number,
            admission=person.admission,
            occupation=form.occupation,
            occupation_code=form.occupation_code,
            direction=form.direction,
            level=person.level,
            issued=issued,
        )
        for person in passed
    )
    return IssueOrder(
        prefix=prefix,
        approval=case.reference,
        digest=content_digest(candidates),
        tally=Counter((person.issued.year, person.level) for person in candidates),
        candidates=candidates,
    )


def _approved_on(session: Session, case: Case) -> date:
    """Give the day of the approval: it stands on the certificates, whenever they are issued.

    So the same batch is the same list on every day, and is recognised.
    """
    approvals = [line for line in timeline(session, case) if line.event == "approve"]
    if not approvals:
        raise Refused("评价结果未经批准，不能发证")
    return china_day(approvals[-1].at)


def _issue(session: Session, order: IssueOrder, desk: Desk, context: Context) -> IssuedBatch:
    told = desk.telling(order.candidates, sum(order.tally.values()))
    order = replace(order, candidates=told)
    try:
        done = issue_batch(session, order, signer=desk.record_signer(order.prefix), context=context)
    except AlreadyHeld:
        raise AlreadyHeld(
            "名单中有人已持有同一职业同一等级的有效证书，本批次没有发证：请在审核页逐行核对"
        ) from None
    except KeyNotActive:
        raise KeyNotActive(
            "企业的签发密钥不在有效状态，本批次没有发证：请联系系统管理员更换密钥后再发证"
        ) from None
    if done.recognised and session.get_one(Batch, done.batch_id).approval != order.approval:
        raise Refused(f"同一名单已按批次 {done.batch_id} 发证，本批次没有再发")
    return done
