"""Visits (质量督导) and what companies answer, from the draw to the check (六（三）4, 七（四）).

A visit belongs to the supervisor of the pool who was drawn, and is done by the account tied to
that person. Found sound, it is closed; else the company answers, and a clerk closes it or asks
again. Each step stands on the visited plan's timeline; that there will be a visit is not told to
the company. What time may be taken is a rule's to say, if one is made.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.cases import GuardsFailed, audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import COMPANY_ROLES, AccountId, Identity, NotAllowed, Role, require
from registry.office.supervising import (
    OF_VISITS,
    RESULT_WORDS,
    Kind,
    Result,
    Stage,
    Text,
    add_row,
    claim,
    get_row,
    must_be,
    new_row,
    text_of,
    written,
)
from registry.office.supervision_lines import ASSIGNED, VOIDED, tell
from registry.rules.standing import VISIT
from registry.rules.workflow import GUARDS, Actor, Guard
from registry.store.procedure import Case
from registry.store.registers import Draw, Expert, Supervision

HEARD: Final = frozenset({Stage.REPORTED, Stage.RECORDED, Stage.PROPOSED})
"""When the company may answer, once: also before a sanction is decided (陈述、申辩)."""

_EARLIER_AT_MOST: Final = 8
"""Answers and questions kept: four rounds; whoever still is not content proposes a sanction."""


def open_visit(
    session: Session, draw: Draw, case: Case, supervisor: str, *, maker: AccountId, context: Context
) -> None:
    """Make the visit of a drawn plan; the draw's audit line speaks for it."""
    row = new_row(Kind.VISIT, Stage.ASSIGNED, case.company_id, by=maker, context=context)
    row.case_id, row.draw_id = case.case_id, draw.draw_id
    row.expert_id = session.scalars(
        select(Expert.expert_id).where(Expert.label == supervisor)
    ).one()
    add_row(session, row, Text(supervisor=supervisor), context)
    tell(session, row, ASSIGNED, by=None, context=context)


def report_visit(
    session: Session,
    supervision_id: int,
    result: Result,
    finding: str,
    *,
    by: Identity,
    context: Context,
) -> None:
    """Record what the drawn supervisor found. Raises ``NotAllowed``, ``FormFaults``, ``CaseMoved``.

    Once reported, a finding stands.
    """
    require(by, Role.SUPERVISOR)
    # Of visits a supervisor is only given those drawn for their account.
    row, text = get_row(session, supervision_id, by, context)
    if row.kind != Kind.VISIT:
        raise NotAllowed("督导意见由抽中的质量督导员填写")
    must_be(row, Stage.ASSIGNED)
    if result not in OF_VISITS:
        raise FormFaults([FieldFault(field="result", text="请选择督导结论")])
    text = msgspec.structs.replace(text, reason=written(finding, "finding", "请填写督导情况"))
    claim(
        session,
        row,
        text,
        context=context,
        state=VISIT.step(row.state, Actor.SUPERVISOR, "report").to,
        result=result.value,
        decided_by=by.account_id,
        decided_at=context.clock.now(),
    )
    tell(session, row, "visit-report", RESULT_WORDS[result], by=by, context=context)
    session.add(audit("visit-report", row.reference, by, context))


def answer(
    session: Session, supervision_id: int, words: str, *, by: Identity, context: Context
) -> None:
    """Take the company's answer, once: to a finding, an evaluation, or a proposed sanction.

    Raises ``NotAllowed``, ``Refused``, ``FormFaults``, ``CaseMoved``.
    """
    require(by, *COMPANY_ROLES)
    row, text = get_row(session, supervision_id, by, context)
    if Stage(row.state) not in HEARD or text.answer:
        raise Refused("此事项已经答复，或者已经办结，不能再答复")
    text = msgspec.structs.replace(text, answer=written(words, "answer", "请填写答复意见"))
    visit = row.kind == Kind.VISIT
    state = VISIT.step(row.state, Actor.COMPANY, "answer").to if visit else row.state
    claim(session, row, text, context=context, state=state)
    if visit:
        tell(session, row, "visit-answer", by=by, context=context)
    session.add(audit("supervision-answer", row.reference, by, context))


def close_visit(
    session: Session, supervision_id: int, words: str, *, by: Identity, context: Context
) -> None:
    """Close a visit: found sound, or its answer checked, with what was found of it.

    Raises ``NotAllowed``, ``ForbiddenStep``, ``GuardsFailed``, ``FormFaults``, ``CaseMoved``.
    """
    row, text = _to_check(session, supervision_id, by, context)
    step = VISIT.step(row.state, Actor.CLERK, "close")
    if Guard.FOUND_SOUND in step.guards and row.result != Result.SOUND:
        raise GuardsFailed(f"不满足办理条件：{GUARDS[Guard.FOUND_SOUND]}；须待企业答复")
    missing = "请写明核实情况和处理意见"
    if Guard.REASON_GIVEN in step.guards or words.strip():
        text = msgspec.structs.replace(text, check=written(words, "check", missing))
    claim(session, row, text, context=context, state=step.to)
    tell(session, row, "visit-close", by=by, context=context)
    session.add(audit("visit-close", row.reference, by, context))


def ask_again(
    session: Session, supervision_id: int, words: str, *, by: Identity, context: Context
) -> None:
    """Send an answer back with what is missing; both are kept. Raises as `close_visit` does."""
    row, text = _to_check(session, supervision_id, by, context)
    step = VISIT.step(row.state, Actor.CLERK, "ask-again")
    asked = written(words, "check", "请写明须补充的内容")
    if len(text.earlier) >= _EARLIER_AT_MOST:
        raise Refused("已多次要求补充，请核实办结；问题属实的，提议处理")
    earlier = (*text.earlier, text.answer, asked)
    text = msgspec.structs.replace(text, answer="", earlier=earlier)
    claim(session, row, text, context=context, state=step.to)
    tell(session, row, "visit-ask-again", by=by, context=context)
    session.add(audit("visit-ask-again", row.reference, by, context))


def void_visits(session: Session, case: Case, context: Context) -> None:
    """End the visits to come of a plan that will not be held; its step's audit line tells it.

    Raises ``CaseMoved`` if a supervisor reports at this moment.
    """
    query = select(Supervision).where(
        Supervision.kind == Kind.VISIT.value,
        Supervision.case_id == case.case_id,
        Supervision.state == Stage.ASSIGNED.value,
    )
    for row in session.scalars(query.order_by(Supervision.supervision_id)).all():
        to = VISIT.step(row.state, Actor.SYSTEM, "void").to
        claim(session, row, text_of(row, context), context=context, state=to)
        tell(session, row, VOIDED, by=None, context=context)


def _to_check(
    session: Session, supervision_id: int, by: Identity, context: Context
) -> tuple[Supervision, Text]:
    require(by, Role.CLERK)
    row, text = get_row(session, supervision_id, by, context)
    if row.kind != Kind.VISIT:
        raise NotAllowed("此事项不需要核实")
    return row, text
