"""Counting running deadlines again when the calendar or a rule has changed, and saying so.

Each case whose deadline moved gets a line in its timeline, in the transaction of the change. What
a person read on a page yesterday is thereby explained today; a crash leaves all as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.cases import NOTE, read_note
from registry.office.context import Context
from registry.office.due import recompute_due
from registry.office.identity import Identity
from registry.rules.workflow import Actor
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Case, CaseEvent, Company

DUE_MOVED: Final = "due-moved"
"""The event of such a line (期限调整); it is no step of a machine and changes no state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One case whose deadline moved, or became certain."""

    case_id: int
    company_id: int
    reference: str
    title: str
    before: date | None
    after: date | None
    provisional: bool


def recount(
    session: Session, almanac: Almanac, *, reason: str, at: datetime, context: Context
) -> tuple[Moved, ...]:
    """Compute every running deadline again; write a line for each that moved.

    ``reason`` names the notice or rule, ``at`` is the time of the change itself: by it the lines
    are found again. Running it again moves nothing.
    """
    # Locked before they are read: a step taken at the same time sets its own deadline, and must
    # not be overwritten by one computed for the state before.
    running = select(Case).where(Case.due_term.is_not(None)).with_for_update()
    before = {
        case.case_id: (case.due_on, case.due_provisional) for case in session.scalars(running)
    }
    moved = []
    for case in recompute_due(session, almanac):
        was, was_provisional = before[case.case_id]
        moved.append(
            Moved(
                case_id=case.case_id,
                company_id=case.company_id,
                reference=case.reference,
                title=case.title,
                before=was,
                after=case.due_on,
                provisional=case.due_provisional,
            )
        )
        note = _note(was, case, certain=was_provisional and not case.due_provisional)
        _write_line(session, case, f"{note}（依据：{reason}）", at, context)
    return tuple(moved)


def moved_then(
    session: Session, at: datetime, *, by: Identity, context: Context
) -> tuple[tuple[Case, str], ...]:
    """Return the cases, of those the person sees, that a change made at ``at`` moved, and how."""
    rows = session.execute(
        select(CaseEvent, Case, Company)
        .join(Case, Case.case_id == CaseEvent.case_id)
        .join(Company, Company.company_id == Case.company_id)
        .where(CaseEvent.event == DUE_MOVED, CaseEvent.at == at)
        .order_by(CaseEvent.event_id)
    )
    return tuple(
        (case, read_note(line, context))
        for line, case, company in rows
        if by.sees(company_id=company.company_id, district=company.district)
    )


def _note(was: date | None, case: Case, *, certain: bool) -> str:
    now = case.due_on
    if was == now:
        return f"办理期限 {now} 由暂定转为确定" if certain else f"办理期限 {now} 转为暂定"
    return f"办理期限由 {was} 调整为 {now}"


def _write_line(session: Session, case: Case, note: str, at: datetime, context: Context) -> None:
    line = CaseEvent(
        case_id=case.case_id,
        at=at,
        account_id=None,
        actor=Actor.SYSTEM.value,
        event=DUE_MOVED,
        from_state=case.state,
        to_state=case.state,
    )
    session.add(line)
    session.flush()
    cipher = FieldCipher(context.field_key, NOTE)
    line.note = cipher.seal(line.event_id, context.random(NONCE_LENGTH), note.encode())
