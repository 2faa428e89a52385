"""The engine of change requests: the only way from one state to another (`rules.changing`).

It looks the step up in the machine's table, demands its guards, lets one of two who act at once
win, and writes timeline and audit line in the transaction of the step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from registry.office.cases import CaseMoved, Doing, GuardsFailed, audit
from registry.office.changes import LONGEST_REASON, Origin, reference
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity
from registry.office.persons import is_other_person
from registry.rules.changing import CHANGE
from registry.rules.terms import Turn
from registry.rules.workflow import ACTORS, GUARDS, Actor, Guard, Step
from registry.store.changes import ChangeEvent
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import ChangeRequest

NOTE: Final = "change_events.note"
OPEN: Final = "open"
DUE_MOVED: Final = "due-moved"
_HANDLING: Final = (OPEN, "check", "prepare", "propose-refusal", "resubmit")
"""What a clerk does with a request: none of these persons decides on it."""

_OWN_WORDS: Final = {OPEN: "提出申请", DUE_MOVED: "期限调整"}
_ACTOR_WORDS: Final = {**{actor.value: word for actor, word in ACTORS.items()}, "holder": "持证人"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a request's timeline, in words."""

    at: datetime
    word: str
    who: str
    note: str


def step_for(row: ChangeRequest, event: str, by: Identity | None) -> Step:
    """Return the table's row for this event by this person; None is the machine itself.

    Raises ``ForbiddenStep``.
    """
    mine = [actor for actor in Actor if by.acts_as(actor)] if by else [Actor.SYSTEM]
    return CHANGE.step_by(row.state, mine, event)


def steps_open_to(row: ChangeRequest, by: Identity) -> tuple[Step, ...]:
    """Return what this person may do with the request now."""
    if by.company_id is None and row.origin == Origin.COMPANY:
        # What a company was sent back, the company hands in again.
        return tuple(step for step in _mine(row, by) if step.event != "resubmit")
    return tuple(_mine(row, by))


def _mine(row: ChangeRequest, by: Identity) -> Iterable[Step]:
    return (step for step in CHANGE.steps if step.state == row.state and by.acts_as(step.actor))


def turn_of(row: ChangeRequest) -> Turn | None:
    """Say whose turn it is; None once it has ended."""
    if row.state in CHANGE.final:
        return None
    if row.state != "returned":
        return Turn.OFFICE
    return {Origin.HOLDER: Turn.HOLDER, Origin.COMPANY: Turn.COMPANY}.get(
        Origin(row.origin), Turn.OFFICE
    )


def require_turn(row: ChangeRequest, event: str, doing: Doing) -> Step:
    """Return the step that is to be taken, on the version that the person has seen.

    Raises ``CaseMoved``, ``ForbiddenStep``.
    """
    if doing.version != row.version:
        raise CaseMoved(_moved(row))
    return step_for(row, event, doing.by)


def take_step(
    session: Session,
    row: ChangeRequest,
    event: str,
    *,
    held: Iterable[Guard] = (),
    doing: Doing | None,
    context: Context,
) -> ChangeEvent:
    """Take one step; ``doing`` None is the operator at the machine, on the version of the row.

    Raises ``CaseMoved``, ``ForbiddenStep``, ``GuardsFailed``, ``UnknownPerson``, ``FormFaults``
    for a remark that is too long.
    """
    by = doing.by if doing else None
    step = require_turn(row, event, doing) if doing else step_for(row, event, None)
    note = doing.note.strip() if doing else ""
    if len(note) > LONGEST_REASON:
        raise FormFaults([FieldFault(field="note", text=f"意见、理由不超过 {LONGEST_REASON} 字")])
    met = {*held, *([Guard.REASON_GIVEN] if note else ())}
    if Guard.OTHER_PERSON in step.guards and by and is_another(session, row, by):
        met.add(Guard.OTHER_PERSON)
    missing = [guard for guard in step.guards if guard not in met]
    if missing:
        raise GuardsFailed("不满足办理条件：" + "；".join(GUARDS[guard] for guard in missing))
    claim(session, row)
    line = add_event(
        session, row, event, step.to, actor=step.actor.value, by=by, note=note, context=context
    )
    row.state = step.to
    session.add(audit(f"change-{event}", reference(row.request_id), by, context))
    return line


def claim(session: Session, row: ChangeRequest) -> None:
    """Take the next version of the request, or lose to whoever took it first (``CaseMoved``)."""
    taken = session.execute(
        update(ChangeRequest)
        .where(ChangeRequest.request_id == row.request_id, ChangeRequest.version == row.version)
        .values(version=ChangeRequest.version + 1)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved(_moved(row))
    session.refresh(row, ["version"])


def _moved(row: ChangeRequest) -> str:
    return f"他人已先行办理，申请现为“{CHANGE.words[row.state]}”，请刷新后再办理"


def is_another(session: Session, row: ChangeRequest, by: Identity) -> bool:
    """Say whether nobody who handled the request as the office's clerk is this person.

    By the staff number; raises ``UnknownPerson`` where an account has none.
    """
    handled = session.scalars(
        select(ChangeEvent.account_id)
        .where(
            ChangeEvent.request_id == row.request_id,
            ChangeEvent.event.in_(_HANDLING),
            ChangeEvent.account_id.is_not(None),
        )
        .distinct()
    ).all()
    return all(is_other_person(session, one, by) for one in handled if one is not None)


def add_event(
    session: Session,
    row: ChangeRequest,
    event: str,
    to: str,
    *,
    actor: str,
    by: Identity | None,
    note: str,
    context: Context,
    at: datetime | None = None,
) -> ChangeEvent:
    """Write a line of the timeline; the note is sealed."""
    line = ChangeEvent(
        request_id=row.request_id,
        at=at or context.clock.now(),
        account_id=by.account_id if by else None,
        actor=actor,
        event=event,
        from_state=row.state,
        to_state=to,
        note=b"",
    )
    session.add(line)
    session.flush()
    if note:
        cipher = FieldCipher(context.field_key, NOTE)
        line.note = cipher.seal(line.event_id, context.random(NONCE_LENGTH), note.encode())
    return line


def timeline(
    session: Session, row: ChangeRequest, by: Identity, context: Context
) -> tuple[Line, ...]:
    """Return a request's steps, the oldest first.

    A company reads the remarks that are meant for it: its own, and why something came back.
    """
    query = (
        select(ChangeEvent)
        .where(ChangeEvent.request_id == row.request_id)
        .order_by(ChangeEvent.event_id)
    )
    return tuple(
        Line(
            at=one.at,
            word=_OWN_WORDS.get(one.event) or CHANGE.words[one.event],
            who=_ACTOR_WORDS.get(one.actor, one.actor),
            note=_note(one, context) if by.company_id is None or _for_asker(one) else "",
        )
        for one in session.scalars(query)
    )


def _for_asker(line: ChangeEvent) -> bool:
    return line.actor == Actor.COMPANY or line.to_state in {"returned", "refused"}


def _note(line: ChangeEvent, context: Context) -> str:
    if not line.note:
        return ""
    return FieldCipher(context.field_key, NOTE).open(line.event_id, line.note).decode()
