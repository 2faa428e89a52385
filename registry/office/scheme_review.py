"""The office's side of a scheme (notice 六（二）): return, experts, prepare, publish, end.

A panel of experts gives its opinion; one person of the office prepares, another publishes, or
refuses. Without most experts in favour nothing is published; a refusal is prepared all the same.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy.orm import Session

from registry.office.cases import CaseKind, Doing, read_form, step_for, take_step
from registry.office.context import Context
from registry.office.milestones import add_milestone
from registry.office.schemes import check_listed, get_scheme
from registry.office.steps import Taking, register
from registry.office.votes import Said, call_panel, record_vote, tally
from registry.rules.workflow import Guard
from registry.store.procedure import Company
from signing.milestone import MilestoneFacts, MilestoneKind

DOCUMENT: Final = "评价方案"
"""What the milestone's document is: the form's canonical bytes."""


@register(CaseKind.SCHEME, "withdraw", "return", "reject", "end")
def plain_step(taking: Taking) -> None:
    """Take a step that needs at most a reason."""
    _step(taking)


@register(CaseKind.SCHEME, "call-experts", "redraw-experts")
def call_experts(taking: Taking) -> None:
    """Draw the panel that assesses the scheme."""
    call_panel(taking)


@register(CaseKind.SCHEME, "prepare")
def prepare(taking: Taking) -> None:
    """Put the scheme before the approver once the experts have spoken, for it or against it."""
    heard = tally(taking.session, taking.case).complete
    _step(taking, *((Guard.EXPERTS_HEARD,) if heard else ()))


@register(CaseKind.SCHEME, "approve")
def approve(taking: Taking) -> None:
    """Publish the scheme, with its milestone in the ledger. Raises what the engine raises."""
    case, context = taking.case, taking.desk.context(taking.doing.by)
    step_for(case, taking.event, taking.doing.by)
    check_listed(taking.session.get_one(Company, case.company_id))
    passed = tally(taking.session, case).passed
    held = (Guard.EXPERTS_IN_FAVOUR,) if passed else ()
    line = take_step(
        taking.session, case, taking.event, held=held, doing=taking.doing, context=context
    )
    case.outcome = "published"
    facts = MilestoneFacts(
        date=taking.today.isoformat(),
        document=hashlib.sha256(read_form(case, context)).hexdigest(),
        kind=MilestoneKind.SCHEME,
        note=DOCUMENT,
        subject=case.reference,
    )
    line.milestone_id = add_milestone(taking.session, facts, context=context).milestone_id


def record_opinion(
    session: Session, case_id: int, said: Said, *, doing: Doing, context: Context
) -> None:
    """Record one expert's opinion on a scheme. Raises as `record_vote`, and ``NotFound``."""
    record_vote(session, get_scheme(session, case_id, doing.by), said, doing=doing, context=context)


def _step(taking: Taking, *held: Guard) -> None:
    context = taking.desk.context(taking.doing.by)
    take_step(
        taking.session, taking.case, taking.event, held=held, doing=taking.doing, context=context
    )
