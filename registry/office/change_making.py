"""Putting a request down (提出申请): by the company for its own certificates, or by the office.

The same checks run here as at the clerk's desk, so that nothing bounces that could have been seen
at once. The holder's own requests come by `holders_requests`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.cases import Doing, audit
from registry.office.certificates import current_edition
from registry.office.change_checks import Seen, look
from registry.office.change_papers import NO_PAPER, Examined, paper_kind
from registry.office.change_steps import OPEN, add_event, require_turn, take_step
from registry.office.changes import (
    LONGEST_REASON,
    MAY_ASK,
    REASONS,
    Held,
    Kind,
    Origin,
    Plan,
    get_request,
    held_of,
    plan_of,
    reference,
    seal_document,
    seal_held,
    seal_plan,
)
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.holders_contacts import require_seen
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.office.revising import CORRECTABLE
from registry.rules.changing import CHANGE
from registry.rules.errors import NoRuleInForce
from registry.rules.terms import Term
from registry.rules.text import tidy
from registry.rules.workflow import Actor
from registry.store.base import write_unit
from registry.store.holders import ChangeRequest

LONGEST_VALUE: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a company or the office asks for; ``changes`` hold what is to be different alone.

    ``document`` is a PDF, JPEG or PNG of at most 10 MB that was looked into, empty for none.
    """

    number: str
    kind: str
    cause: str
    changes: Mapping[str, str]
    reason: str
    document: Examined = NO_PAPER


class AskUnsound(FormFaults):
    """A request did not pass the checks; ``number`` is the certificate it was about."""

    def __init__(self, refused: FormFaults, number: str) -> None:
        super().__init__(refused.faults)
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request that passed: its row, which is in no session yet, and what is sealed into it."""

    row: ChangeRequest
    held: Held
    plan: Plan


def may_ask(
    session: Session,
    wish: Wish,
    document: bytes,
    *,
    by: Identity,
    drawable: Callable[[str], bool],
    context: Context,
) -> None:
    """Check a request in a snapshot before its paper is looked into, which takes a while.

    ``document`` is the paper as it was sent. Raises what `ask` does; `ask` checks all of it again.
    """
    _asked(session, wish, document, by=by, drawable=drawable, context=context)


def ask(
    session: Session,
    wish: Wish,
    *,
    by: Identity,
    drawable: Callable[[str], bool],
    context: Context,
) -> ChangeRequest:
    """Put a request down.

    Raises ``NotAllowed``, ``FormFaults``, ``Refused``, and ``AskUnsound`` for what did not pass the
    checks: then the caller puts `note_unsound` down, for the transaction is undone.
    """
    asked = _asked(session, wish, wish.document, by=by, drawable=drawable, context=context)
    row, origin = asked.row, Origin(asked.row.origin)
    session.add(row)
    session.flush()
    seal_held(row, asked.held, context)
    seal_plan(row, asked.plan, context)
    seal_document(row, wish.document, context)
    actor = Actor.COMPANY if origin is Origin.COMPANY else Actor.CLERK
    add_event(session, row, OPEN, row.state, actor=actor.value, by=by, note="", context=context)
    session.add(audit(f"change-open-{row.kind}", reference(row.request_id), by, context))
    return row


def _asked(
    session: Session,
    wish: Wish,
    document: bytes,
    *,
    by: Identity,
    drawable: Callable[[str], bool],
    context: Context,
) -> _Asked:
    require(by, Role.CLERK, *COMPANY_ROLES)
    origin = Origin.COMPANY if by.role in COMPANY_ROLES else Origin.OFFICE
    kind = _kind(wish.kind, origin)
    number = _seen(session, wish.number, by)
    plan = read_plan(kind, wish.cause, wish.changes)
    paper = paper_kind(document)
    held = Held(answer="", field="", reason=_reason(wish.reason), wanted="")
    _alone(session, number, kind)
    today = china_day(context.clock.now())
    last = due_day(session, context)
    row = ChangeRequest(
        origin=origin.value,
        kind=kind.value,
        number=number,
        id_tag=current_edition(session, number).id_tag,
        sealed=b"",
        document=b"",
        document_kind=paper,
        state=CHANGE.start,
        received_on=today,
        due_from=today,
        due_on=last[0],
        due_provisional=last[1],
        version=1,
    )
    seen = look(session, row, plan, by=by, drawable=drawable, today=today, context=context)
    try:
        require_sound(seen)
    except FormFaults as refused:
        raise AskUnsound(refused, number) from None
    return _Asked(row=row, held=held, plan=plan)


def note_unsound(engine: Engine, unsound: AskUnsound, by: Identity, context: Context) -> None:
    """Put down that a request did not pass the checks: somebody may be trying ID numbers.

    A transaction of its own, which stands whatever becomes of the refused one.
    """
    with write_unit(engine) as session:
        session.add(audit("change-unsound", unsound.number, by, context))


def may_resubmit(session: Session, request_id: int, document: bytes, doing: Doing) -> None:
    """Check in a snapshot whether a request may be handed in again, before any look at its paper.

    ``document`` is the paper as it was sent. Raises ``NotFound``, ``NotAllowed``, ``CaseMoved``,
    ``ForbiddenStep``, ``FormFaults``.
    """
    row = _to_mend(session, request_id, doing)
    require_turn(row, "resubmit", doing)
    paper_kind(document)


def resubmit(
    session: Session, request_id: int, document: Examined, doing: Doing, *, context: Context
) -> None:
    """Hand a returned request in again, with what was missing; the office's term begins anew.

    Raises ``NotAllowed`` for what is another's to mend, ``FormFaults``, and what the engine raises.
    """
    row = _to_mend(session, request_id, doing, lock=True)
    paper = paper_kind(document)
    take_step(session, row, "resubmit", doing=doing, context=context)
    if paper:
        row.document_kind = paper
        seal_document(row, document, context)
    row.edition = None
    row.due_from = china_day(context.clock.now())
    row.due_on, row.due_provisional = due_day(session, context)


def _to_mend(
    session: Session, request_id: int, doing: Doing, *, lock: bool = False
) -> ChangeRequest:
    row = get_request(session, request_id, doing.by, lock=lock)
    if (row.origin == Origin.COMPANY) != (doing.by.role in COMPANY_ROLES):
        raise NotAllowed("该申请由企业补正后重新提交")
    return row


def read_plan(kind: Kind, cause: str, changes: Mapping[str, str]) -> Plan:
    """Read what is to be done from a form; empty fields stay as they are.

    Raises ``FormFaults``. Whether the values are right is the checks' to say.
    """
    faults = []
    if cause not in {reason.value for reason in REASONS[kind]}:
        faults.append(FieldFault(field="cause", text="请选择变更原因"))
    typed = {name: tidy(value) for name, value in changes.items()}
    wanted = {name: value for name, value in typed.items() if value}
    if kind is not Kind.CORRECTION and wanted:
        faults.append(FieldFault(field=min(wanted), text="只有信息更正可以填写新内容"))
    for name, value in sorted(wanted.items()):
        if name not in CORRECTABLE:
            faults.append(FieldFault(field="changes", text="此项内容不能以更正变更"))
        elif len(value) > LONGEST_VALUE or not value.isprintable():
            text = f"更正后的内容不超过 {LONGEST_VALUE} 字"
            faults.append(FieldFault(field=name, text=text))
    if kind is Kind.CORRECTION and not wanted:
        faults.append(FieldFault(field="name", text="请至少填写一项更正后的内容"))
    if faults:
        raise FormFaults(faults)
    return Plan(cause=cause, changes=tuple(sorted(wanted.items())))


def require_sound(seen: Seen) -> None:
    """Raise ``FormFaults`` with what failed, by field; none of them holds a value."""
    failed = [
        FieldFault(
            field=one.field or (one.findings[0].where.column if one.findings else "") or "name",
            text=one.detail or f"未通过检查：{one.word}",
        )
        for one in seen.checks
        if not one.passed
    ]
    if failed:
        raise FormFaults(failed)


def due_day(session: Session, context: Context) -> tuple[date, bool]:
    """Give the last day of the office's term from today, and whether it may yet move."""
    today = china_day(context.clock.now())
    last = read_almanac(session).deadline(Term.CERTIFICATE_CORRECTION, today)
    if last is None:
        raise NoRuleInForce("no rule for the term certificate-correction is in force")
    return last.day, last.provisional


def suggested(row: ChangeRequest, context: Context) -> Plan:
    """Give the plan as it stands; before anybody wrote one, what the holder asked for."""
    plan = plan_of(row, context)
    if plan.cause:
        return plan
    held = held_of(row, context)
    changes = ((held.field, held.wanted),) if held.field in CORRECTABLE else ()
    return Plan(cause="", changes=changes)


def _kind(text: str, origin: Origin) -> Kind:
    if text not in MAY_ASK[origin]:
        raise FormFaults([FieldFault(field="kind", text="请选择申请事项")])
    return Kind(text)


def _seen(session: Session, typed: str, by: Identity) -> str:
    number = "".join(typed.split()).upper()
    try:
        current_edition(session, number)
        require_seen(session, number, by)
    except (NotFound, NotAllowed):
        # One answer for both: nobody learns here which numbers others have.
        text = "没有这个证书编号，请与证书逐位核对"
        raise FormFaults([FieldFault(field="number", text=text)]) from None
    return number


def _reason(words: str) -> str:
    plain = "\n".join(filter(None, map(tidy, words.splitlines())))
    if not 0 < len(plain) <= LONGEST_REASON:
        text = f"请写明事实和理由，不超过 {LONGEST_REASON} 字"
        raise FormFaults([FieldFault(field="reason", text=text)])
    return plain


def _alone(session: Session, number: str, kind: Kind) -> None:
    waiting = session.scalars(
        select(ChangeRequest.request_id).where(
            ChangeRequest.number == number,
            ChangeRequest.kind == kind.value,
            ChangeRequest.origin != Origin.HOLDER.value,
            ChangeRequest.state.not_in(sorted(CHANGE.final)),
        )
    ).first()
    if waiting is not None:
        raise Refused(f"该证书已有同一事项的申请正在办理：{reference(waiting)}")
