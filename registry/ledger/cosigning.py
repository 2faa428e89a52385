"""The office's side of witnessing: ask, verify, keep, publish (C2SP tlog-witness, tlog-policy).

After a head is committed and public, every witness of the policy that has an address is asked to
sign it. What comes back is verified under the witness's key before it is kept. A witness that
cannot be reached is asked again in the next round; one that knows another history is an alarm:
either it lies, or this log was forked, and a person must find out which before going on.

A crash anywhere leaves a head without some cosignatures, and the next round asks for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.clock import Clock
from keys.policy import NO_QUORUM, Policy
from keys.vkey import VerifierKey
from registry.errors import RegistryError
from registry.ledger.accepted import WITNESSED
from registry.ledger.asking import Asked, Question, ask_all, witnesses_by_address
from registry.ledger.head import CHECKPOINT, Head, Log, load_head
from registry.ledger.storage import LogBusy
from registry.ledger.turn import turn
from registry.ledger.witness.wire import format_lines, parse_lines
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.log import Cosignature
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.note import Note, NoteSignature, format_note, parse_note

TIMEOUT: Final = 10.0
"""Seconds that one witness may take for one answer."""

REST: Final = 60.0
"""Seconds for which a service leaves a witness alone that gave no answer."""

ALARM: Final = "witness-alarm"


class WitnessAlarm(RegistryError):
    """A witness knows another history of this log than the database."""

    code: ClassVar[str] = ALARM


def cosign(
    engine: Engine,
    log: Log,
    *,
    clock: Clock,
    actor: str,
    resting: Collection[str] = (),
    timeout: float = TIMEOUT,
) -> tuple[Asked, ...]:
    """Ask every witness for the newest head's cosignature, keep them, and publish them.

    Witnesses that have signed this head with all their keys are not asked again, nor those at
    addresses in ``resting``. Returns what
    each that was asked has done; an alarm among them is on the audit log when this returns.
    Raises what the storage and the database raise; a witness's fault is never raised.
    """
    with read_unit(engine) as session:
        head = load_head(session, log.origin)
        questions = _questions(session, log, head) if _is_public(log, head.note) else []
    questions = [question for question in questions if question.url not in resting]
    asked = ask_all(log, head, questions, timeout=timeout)
    if asked:
        with write_unit(engine) as session:
            asked = tuple(_settled(session, log, one) for one in asked)
            _keep(session, log, head, asked, now=clock.now())
            _sound_alarm(session, log, asked, actor=actor, now=clock.now())
    publish_cosigned(engine, log)
    return asked


def refuse_alarm(log: Log, head_size: int, asked: Sequence[Asked]) -> None:
    """Raise ``WitnessAlarm`` if any witness asked knows another history."""
    alarms = [one for one in asked if one.alarm]
    if alarms:
        what = "; ".join(f"witness {one.witness} {one.detail}" for one in alarms)
        raise WitnessAlarm(
            f"{what}; the database has {head_size} entries of {log.origin}. Either the witness is "
            "wrong or this log was forked: stop issuing and signing until that is known "
            "(docs/operations.md, disasters)"
        )


def publish_cosigned(engine: Engine, log: Log) -> None:
    """Put the newest head's checkpoint, with every cosignature kept, at its public places.

    Does nothing while another sequencer is at work, whose own round will do it.
    """
    with read_unit(engine) as session:
        if not _cosigned_note(session, log):
            return
    try:
        # Under the turn: a checkpoint of a later head must not be replaced by this one.
        with turn(engine, log), log.storage.exclusive(), read_unit(engine) as session:
            note = _cosigned_note(session, log)
            if not note or not _is_public(log, note):
                return
            _replace(log, CHECKPOINT, note)
            if log.policy.quorum != NO_QUORUM and _accepted(note, log.policy):
                _replace(log, WITNESSED, note)
    except LogBusy:
        return


def newest_cosigned(session: Session, origin: str, key: VerifierKey) -> tuple[int, datetime] | None:
    """Return the size that a witness's key signed last for this log, and when it was kept."""
    rows = session.scalars(
        select(Cosignature)
        .where(Cosignature.origin == origin, Cosignature.witness == key.name)
        .order_by(Cosignature.size.desc())
    )
    for row in rows:
        if key.key_id in _key_ids(row.lines):
            return row.size, row.at
    return None


def _questions(session: Session, log: Log, head: Head) -> list[Question]:
    questions = []
    for url, keys in witnesses_by_address(log.policy):
        names = {key.name for key in keys.values()}
        rows = session.scalars(
            select(Cosignature)
            .where(Cosignature.origin == log.origin, Cosignature.witness.in_(names))
            .order_by(Cosignature.size.desc())
        ).all()
        held = {key_id for row in rows if row.size == head.size for key_id in _key_ids(row.lines)}
        if not {key.key_id for key in keys.values()} <= held:
            old = rows[0].size if rows else 0
            questions.append(Question(url=url, keys=keys, old_size=min(old, head.size)))
    return questions


def _settled(session: Session, log: Log, asked: Asked) -> Asked:
    """Take back an alarm about a head that this log has reached meanwhile: no news to anybody.

    Another sequencer's round may have been signed by the witness while ours was asking.
    """
    if asked.size is not None and asked.size <= load_head(session, log.origin).size:
        return asked.overtaken()
    return asked


def _keep(session: Session, log: Log, head: Head, asked: Sequence[Asked], *, now: datetime) -> None:
    text = parse_note(head.note).text
    by_name: dict[str, list[NoteSignature]] = {}
    for line in (line for one in asked for line in one.lines):
        by_name.setdefault(line.name, []).append(line)
    for name, lines in by_name.items():
        held = session.get(Cosignature, (log.origin, head.size, name))
        merged = {line.key_id: line for line in (*_lines(held, text), *lines)}
        data = format_lines(merged.values(), text)
        if held is None:
            row = Cosignature(origin=log.origin, size=head.size, witness=name, lines=data, at=now)
            # Another process may have had the same head signed in the same moment: its lines are
            # as good, and what they lack is asked for in the next round.
            with suppress(IntegrityError), session.begin_nested():
                session.add(row)
        else:
            held.lines, held.at = data, now
        # The files hold what was published; here only the newest says where a witness stands.
        session.execute(
            delete(Cosignature).where(
                Cosignature.origin == log.origin,
                Cosignature.witness == name,
                Cosignature.size < head.size,
            )
        )


def _sound_alarm(
    session: Session, log: Log, asked: Sequence[Asked], *, actor: str, now: datetime
) -> None:
    for one in asked:
        if not one.alarm:
            continue
        detail = f"{one.witness} {one.detail}"[:400]
        last = session.scalars(
            select(AuditLine.detail)
            .where(AuditLine.action == ALARM, AuditLine.subject == log.origin[:80])
            .order_by(AuditLine.line_id.desc())
            .limit(len(log.policy.witnesses))
        ).all()
        # A service asks every minute: what stands there already need not be said again.
        if detail not in last:
            line = AuditLine(
                at=now, actor=actor, action=ALARM, subject=log.origin[:80], detail=detail
            )
            session.add(line)


def _cosigned_note(session: Session, log: Log) -> bytes:
    """Return the newest head's note with all cosignatures kept for it; empty if there are none."""
    head = load_head(session, log.origin)
    rows = session.scalars(
        select(Cosignature)
        .where(Cosignature.origin == log.origin, Cosignature.size == head.size)
        .order_by(Cosignature.witness)
    ).all()
    if not head.note or not rows:
        return b""
    note = parse_note(head.note)
    lines = [line for row in rows for line in _lines(row, note.text)]
    return format_note(Note(text=note.text, signatures=(*note.signatures, *lines)))


def _lines(row: Cosignature | None, text: str) -> tuple[NoteSignature, ...]:
    return parse_lines(row.lines, text) if row is not None else ()


def _key_ids(lines: bytes) -> frozenset[bytes]:
    # Any text will do: what the lines sign was verified when they were kept.
    return frozenset(line.key_id for line in parse_lines(lines, "-\n"))


def _is_public(log: Log, note: bytes) -> bool:
    """Whether the public checkpoint says what ``note`` says: its tiles are in place then.

    One that a crash kept from being published is the sequencer's to finish, not ours.
    """
    try:
        return bool(note) and parse_note(log.storage.read(CHECKPOINT)).text == parse_note(note).text
    except (FileNotFoundError, SigningError):
        return False


def _replace(log: Log, path: str, note: bytes) -> None:
    try:
        if log.storage.read(path) == note:
            return
    except FileNotFoundError:
        pass
    log.storage.replace(path, note)


def _accepted(note: bytes, policy: Policy) -> bool:
    try:
        open_checkpoint(note, policy)
    except SigningError:
        return False
    return True
