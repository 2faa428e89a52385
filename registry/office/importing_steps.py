"""The engine of imports: the only way from one state to another (`rules.importing`).

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
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity
from registry.office.persons import is_other_person
from registry.rules.importing import IMPORT
from registry.rules.workflow import ACTORS, GUARDS, Actor, Guard, Step
from registry.store.audit import AuditLine
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.imports import CertificateImport, ImportEvent

NOTE: Final = "import_events.note"
PREPARE: Final = "prepare"
LONGEST_NOTE: Final = 500
_PREPARE_WORD: Final = "提交补录表"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an import's timeline, in words."""

    at: datetime
    word: str
    who: str
    note: str


def step_for(row: CertificateImport, event: str, by: Identity | None) -> Step:
    """Return the table's row for this event by this person; None is the machine itself.

    Raises ``ForbiddenStep``.
    """
    mine = [actor for actor in Actor if by.acts_as(actor)] if by else [Actor.SYSTEM]
    return IMPORT.step_by(row.state, mine, event)


def steps_open_to(session: Session, row: CertificateImport, by: Identity) -> tuple[Step, ...]:
    """Return what this person may do with the import now; what only another may do is left out.

    Whether the table is still sound is not asked here. Raises ``UnknownPerson``.
    """
    own = (Guard.OTHER_PERSON, Guard.PREPARER)
    return tuple(
        step
        for step in IMPORT.steps
        if step.state == row.state
        and by.acts_as(step.actor)
        and all(guard in _of_person(session, row, by) for guard in step.guards if guard in own)
    )


def take_step(
    session: Session,
    row: CertificateImport,
    event: str,
    *,
    held: Iterable[Guard] = (),
    doing: Doing | None,
    context: Context,
) -> AuditLine:
    """Take one step; ``doing`` None is the operator at the machine, on the version of the row.

    Return its audit line, for what the caller has to add. Raises ``CaseMoved``, ``ForbiddenStep``,
    ``GuardsFailed``, ``UnknownPerson``, ``FormFaults`` for a remark that is too long.
    """
    by = doing.by if doing else None
    if doing is not None and doing.version != row.version:
        raise CaseMoved(_moved(row))
    step = step_for(row, event, by)
    note = doing.note.strip() if doing else ""
    if len(note) > LONGEST_NOTE:
        raise FormFaults([FieldFault(field="note", text=f"意见、理由不超过 {LONGEST_NOTE} 字")])
    met = {*held, *([Guard.REASON_GIVEN] if note else ())}
    if by is not None:
        met |= _of_person(session, row, by)
    missing = [guard for guard in step.guards if guard not in met]
    if missing:
        raise GuardsFailed("不满足办理条件：" + "；".join(GUARDS[guard] for guard in missing))
    _claim(session, row)
    add_event(
        session, row, event, step.to, actor=step.actor.value, by=by, note=note, context=context
    )
    row.state = step.to
    line = audit(f"import-{event}", row.reference, by, context)
    session.add(line)
    return line


def _of_person(session: Session, row: CertificateImport, by: Identity) -> frozenset[Guard]:
    """Say which of the two the person is: who prepared the table, or somebody else.

    By the staff number. Nobody is the one or the other of what the machine imported.
    """
    if row.prepared_by is None:
        return frozenset()
    other = is_other_person(session, row.prepared_by, by)
    return frozenset({Guard.OTHER_PERSON if other else Guard.PREPARER})


def _claim(session: Session, row: CertificateImport) -> None:
    """Take the next version of the import, or lose to whoever took it first (``CaseMoved``)."""
    taken = session.execute(
        update(CertificateImport)
        .where(
            CertificateImport.import_id == row.import_id, CertificateImport.version == row.version
        )
        .values(version=CertificateImport.version + 1)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved(_moved(row))
    session.refresh(row, ["version"])


def _moved(row: CertificateImport) -> str:
    return f"他人已先行办理，补录现为“{IMPORT.words[row.state]}”，请刷新后再办理"


def add_event(
    session: Session,
    row: CertificateImport,
    event: str,
    to: str,
    *,
    actor: str,
    by: Identity | None,
    note: str,
    context: Context,
) -> None:
    """Write a line of the timeline; the note is sealed."""
    line = ImportEvent(
        import_id=row.import_id,
        at=context.clock.now(),
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


def timeline(session: Session, row: CertificateImport, context: Context) -> tuple[Line, ...]:
    """Return an import's steps, the oldest first."""
    query = (
        select(ImportEvent)
        .where(ImportEvent.import_id == row.import_id)
        .order_by(ImportEvent.event_id)
    )
    words = {**IMPORT.words, PREPARE: _PREPARE_WORD}
    return tuple(
        Line(
            at=one.at,
            word=words[one.event],
            who=ACTORS[Actor(one.actor)],
            note=_note(one, context),
        )
        for one in session.scalars(query)
    )


def _note(line: ImportEvent, context: Context) -> str:
    if not line.note:
        return ""
    return FieldCipher(context.field_key, NOTE).open(line.event_id, line.note).decode()
