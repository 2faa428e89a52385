"""The steps of a plan: sent in, returned, recorded (备案), cancelled, stopped, held.

Submit runs the check the company was shown. The office's record puts a milestone into the ledger
over the plan's form and roster; whoever recorded a plan does not stop it. A plan whose last day
has passed is held, and its results can be registered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.almanac import read_almanac
from registry.office.case_lines import UNFIT, add_line
from registry.office.cases import CaseKind, Doing, read_form, step_for, system_step, take_step
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.fault_reports import drop_report
from registry.office.milestones import add_milestone
from registry.office.plan_check import Part, PlanCheck, PlanNotReady, check_plan
from registry.office.plan_form import day
from registry.office.plans import read_plan
from registry.office.rosters import keep_findings
from registry.office.steps import Taking, register, take
from registry.office.unit import Desk
from registry.office.visits import void_visits
from registry.office.weighing import unfit_assessors
from registry.rules.workflow import Actor, Guard
from registry.store.fields import FieldDamaged
from registry.store.procedure import Case
from signing.milestone import MilestoneFacts, MilestoneKind

DOCUMENT = "计划备案：表单与名册"
"""The note of the milestone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPlans:
    """What `hold_due_plans` did: references of plans now held, and of those it could not read."""

    held: tuple[str, ...]
    unreadable: tuple[str, ...]


def submit_plan(session: Session, case: Case, doing: Doing, desk: Desk) -> None:
    """Send a plan in. Raises ``PlanNotReady``, and whatever the engine raises."""
    take(session, case, "submit", doing, desk)


def return_plan(
    session: Session, case: Case, rows: Mapping[int, str], doing: Doing, desk: Desk
) -> None:
    """Return a plan with the reason in ``doing`` and findings by row of the roster."""
    take(session, case, "return", doing, desk)
    keep_findings(session, case, rows, desk.context(doing.by))


def plan_document(case: Case, context: Context) -> str:
    """SHA-256 (hex) of the canonical form, which holds the roster's own digest."""
    return hashlib.sha256(read_form(case, context)).hexdigest()


def hold_due_plans(session: Session, context: Context, today: date) -> HeldPlans:
    """Take the step that time takes for each recorded plan whose last day is past.

    A daily job calls it; run twice, or late, it does the same. A plan that cannot be read is
    named and keeps nobody else's waiting.
    """
    almanac = read_almanac(session)
    held, unreadable = [], []
    # Locked: a plan that is being stopped at this moment is stopped, and not held as well.
    recorded = (
        select(Case)
        .where(Case.kind == CaseKind.PLAN.value, Case.state == "recorded", Case.first_day < today)
        .order_by(Case.case_id)
        .with_for_update(key_share=True)
    )
    for case in session.scalars(recorded).all():
        try:
            last = day(read_plan(case, context).last_day)
        except FieldDamaged:
            unreadable.append(case.reference)
            continue
        if last is not None and last < today:
            system_step(session, case, "hold", context=context)
            # The results are due from the last day on, however late this job runs.
            set_due(case, almanac, today=last)
            _tell_unfit(session, case, context)
            held.append(case.reference)
    return HeldPlans(held=tuple(held), unreadable=tuple(unreadable))


def _tell_unfit(session: Session, case: Case, context: Context) -> None:
    """Put on the plan's timeline which assessors lost their standing after it was recorded."""
    unfit = unfit_assessors(session, case, context)
    if unfit:
        at, words = context.clock.now(), "；".join(unfit)
        add_line(session, case, UNFIT, words, actor=Actor.SYSTEM, at=at, context=context)


@register(CaseKind.PLAN, "submit")
def _submit(taking: Taking) -> None:
    case, context = taking.case, taking.desk.context(taking.doing.by)
    step_for(case, taking.event, taking.doing.by)  # who may not is told so, and nothing else
    check = _check(taking, context)
    if not check.ready:
        raise PlanNotReady(check, check.faults)
    take_step(
        taking.session, case, taking.event, held=check.held, doing=taking.doing, context=context
    )
    case.received_on = taking.today
    # A rejected upload's report holds persons and serves nobody any more.
    drop_report(taking.desk.documents, case.case_id)


@register(CaseKind.PLAN, "record")
def _record(taking: Taking) -> None:
    case, context = taking.case, taking.desk.context(taking.doing.by)
    step_for(case, taking.event, taking.doing.by)
    check = _check(taking, context)
    # It was in time when it was sent in. All else must still hold: an assessor may have been
    # disqualified since, a company struck from the list.
    wrong = tuple(fault for fault in check.faults if fault[0] is not Part.IN_TIME)
    if wrong:
        raise PlanNotReady(check, wrong)
    line = take_step(
        taking.session, case, taking.event, held=check.held, doing=taking.doing, context=context
    )
    case.prepared_by = taking.doing.by.account_id
    done = add_milestone(
        taking.session,
        MilestoneFacts(
            date=taking.today.isoformat(),
            document=plan_document(case, context),
            kind=MilestoneKind.PLAN,
            note=DOCUMENT,
            subject=case.reference,
        ),
        context=context,
    )
    line.milestone_id = done.milestone_id


@register(CaseKind.PLAN, "report-not-held")
def _report_not_held(taking: Taking) -> None:
    """End a plan that time called held, and nobody carried out: it counts for nothing."""
    context = taking.desk.context(taking.doing.by)
    batches = select(Case.case_id).where(
        Case.kind == CaseKind.BATCH.value, Case.parent_id == taking.case.case_id
    )
    held = () if taking.session.scalars(batches).first() else (Guard.NO_RESULTS,)
    take_step(
        taking.session, taking.case, taking.event, held=held, doing=taking.doing, context=context
    )
    void_visits(taking.session, taking.case, context)


@register(CaseKind.PLAN, "return", "cancel", "stop")
def _plainly(taking: Taking) -> None:
    context = taking.desk.context(taking.doing.by)
    take_step(taking.session, taking.case, taking.event, doing=taking.doing, context=context)
    if taking.event != "return":
        void_visits(taking.session, taking.case, context)
    drop_report(taking.desk.documents, taking.case.case_id)


def _check(taking: Taking, context: Context) -> PlanCheck:
    return check_plan(
        taking.session, taking.case, context=context, almanac=taking.almanac, today=taking.today
    )
