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
from registry.office.case_lines import add_line
from registry.office.cases import CaseKind, read_note
from registry.office.change_list import recount_requests
from registry.office.context import Context
from registry.office.due import china_day, recompute_due
from registry.office.identity import Identity
from registry.office.publicity import publicity_of
from registry.rules.workflow import Actor
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

    Change requests are counted again with the cases; their lines are on their own timelines.
    ``reason`` names the notice or rule, ``at`` is the time of the change itself: by it the lines
    are found again. Running it again moves nothing. The almanac must be held (`hold_almanac`), or
    a step that read it earlier could set a deadline that is not counted again.
    """
    # Locked before they are read: a deadline computed for the state before must not overwrite a
    # step's own. In one order: two who lock many would else wait for each other.
    running = (
        select(Case)
        .where(Case.due_term.is_not(None))
        .order_by(Case.case_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    waiting = session.scalars(running).all()
    before = {case.case_id: (case.due_on, case.due_provisional) for case in waiting}
    ends = _publicity_ends(session, almanac, at, context)
    moved = []
    counted = recompute_due(session, almanac)
    # The publicity's end may move and the last day for filing stay where it was.
    counted += [case for case in waiting if case.case_id in ends and case not in counted]
    for case in counted:
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
        note = _note(was, case, was_provisional=was_provisional)
        words = f"{ends.get(case.case_id, '')}{note}（依据：{reason}）"
        add_line(session, case, DUE_MOVED, words, actor=Actor.SYSTEM, at=at, context=context)
    recount_requests(session, almanac, reason=reason, at=at, context=context)
    return tuple(moved)


def _publicity_ends(
    session: Session, almanac: Almanac, at: datetime, context: Context
) -> dict[int, str]:
    """Let the term for filing begin where the publicity ends now; say of which cases that moved."""
    shown = select(Case).where(Case.kind == CaseKind.BATCH.value, Case.state == "publicity")
    moved = {}
    for case in session.scalars(shown.order_by(Case.case_id)).all():
        now = publicity_of(session, case, context, almanac, today=china_day(at))
        if now is None or case.due_from in (None, now.last_day):
            continue
        moved[case.case_id] = f"公示截止日由 {case.due_from} 调整为 {now.last_day}；"
        case.due_from = now.last_day
    return moved


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


def _note(was: date | None, case: Case, *, was_provisional: bool) -> str:
    now = case.due_on
    if was == now and case.due_provisional == was_provisional:
        return f"办理期限 {now} 不变"
    if was == now:
        return f"办理期限 {now} 由暂定转为确定" if was_provisional else f"办理期限 {now} 转为暂定"
    return f"办理期限由 {was} 调整为 {now}"
