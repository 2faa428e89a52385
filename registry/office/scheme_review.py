"""The office's side of a scheme (notice 六（二）): return, experts, prepare, publish, end.

At least three experts give their opinion, most of them in favour; one person of the office
prepares, another publishes. A plan rests on a published scheme, and on no other.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.cases import LONGEST_NOTE, CaseKind, Doing, read_form, step_for, take_step
from registry.office.context import Context
from registry.office.milestones import add_milestone
from registry.office.schemes import check_listed, get_scheme
from registry.office.steps import Taking, register
from registry.office.votes import Said, record_vote, tally
from registry.rules.workflow import Guard
from registry.store.procedure import Company
from signing.milestone import MilestoneFacts, MilestoneKind

DOCUMENT: Final = "评价方案"
"""What the milestone's document is: the form's canonical bytes."""


@register(CaseKind.SCHEME, "withdraw", "call-experts", "return", "reject", "end")
def plain_step(taking: Taking) -> None:
    """Take a step that needs at most a reason, which must not be longer than is kept."""
    if len(taking.doing.note.strip()) > LONGEST_NOTE:
        raise Refused(f"理由不能超过 {LONGEST_NOTE} 个字")
    _step(taking)


@register(CaseKind.SCHEME, "prepare")
def prepare(taking: Taking) -> None:
    """Put the scheme before the approver once enough experts, most of them, are in favour."""
    passed = tally(taking.session, taking.case).passed
    _step(taking, *((Guard.EXPERTS_IN_FAVOUR,) if passed else ()))


@register(CaseKind.SCHEME, "approve")
def approve(taking: Taking) -> None:
    """Publish the scheme, with its milestone in the ledger. Raises what the engine raises."""
    case, context = taking.case, taking.desk.context(taking.doing.by)
    step_for(case, taking.event, taking.doing.by)
    check_listed(taking.session.get_one(Company, case.company_id))
    line = take_step(taking.session, case, taking.event, doing=taking.doing, context=context)
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
