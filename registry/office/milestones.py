"""Recording milestones (程序节点): dated steps of the procedure, provable later (notice §4–§6).

The ledger gets kind, subject and a salted commitment; facts and opening stay here, encrypted. A
step is recorded in the transaction of the use case that takes it, or by itself.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.events import event_page
from registry.rules.dates import EARLIEST
from registry.rules.people import check_character
from registry.store.audit import AuditLine
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.log import EventGroup
from registry.store.milestones import MilestoneRow
from signing.errors import MalformedMilestone
from signing.milestone import MilestoneFacts, day_of, facts_bytes, facts_commitment, parse_facts
from signing.record import OPENING_BYTES
from signing.steps import CHINA
from signing.tlog.entry import Milestone, encode_entry, format_time

SEALED: Final = "milestones.sealed"
"""The place that binds sealed facts to their column."""

LONGEST_SUBJECT: Final = 80
"""In characters: what an audit line holds. The leaf could hold more."""

_ID_NUMBER = re.compile(r"(?<![0-9])([0-9]{17})([0-9Xx])(?![0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A step as recorded. ``recognised``: it had been recorded before, nothing was added now."""

    milestone_id: int
    group_id: int
    recognised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMilestone:
    """One step with its secrets: ``opening`` is the 32-byte key of the ledger commitment."""

    row: MilestoneRow
    facts: MilestoneFacts
    opening: bytes


def record_milestone(session: Session, facts: MilestoneFacts, *, context: Context) -> Recorded:
    """Record a step by itself: event, row and audit line. Raises ``Refused``."""
    done = add_milestone(session, facts, context=context)
    if not done.recognised:
        session.add(
            AuditLine(
                at=context.clock.now(),
                actor=context.actor,
                action="milestone",
                subject=facts.subject,
                detail=f"milestone {done.milestone_id}: {facts.kind.value} of {facts.date}",
            )
        )
    return done


def add_milestone(
    session: Session, facts: MilestoneFacts, *, context: Context, again: bool = False
) -> Recorded:
    """Record a step within another use case's transaction, whose audit line speaks for it.

    The same step (kind, subject, document) is recognised; ``Refused`` if it then names another
    day or note (with ``again``, each day of a step stands for itself), lies in the future, or does
    not have a milestone's form. Call it last in the transaction: it locks the step against others
    who record it at the same time.
    """
    now = context.clock.now()
    _check(facts)
    if day_of(facts) > now.astimezone(CHINA).date():
        msg = f"{facts.date} has not come yet in China: record the step when it has taken place"
        raise Refused(msg)
    take_range(session, _scope(facts), 1, start=1)
    known = _find_same(session, facts, context, again=again)
    if known is not None:
        return _recognised(known, facts)
    opening, plain = context.random(OPENING_BYTES), facts_bytes(facts)
    group = EventGroup(kind="milestone", count=1, at=now)
    session.add(group)
    session.flush()
    leaf = Milestone(
        commit=facts_commitment(opening, plain).hex(),
        kind=facts.kind.value,
        subject=facts.subject,
        time=format_time(now),
    )
    row = MilestoneRow(
        kind=facts.kind.value,
        subject=facts.subject,
        at=now,
        group_id=group.group_id,
        sealed=b"",
    )
    session.add_all((event_page(group.group_id, encode_entry(leaf)), row))
    # The seal is bound to the row's number, which the database gives.
    session.flush()
    nonce = context.random(NONCE_LENGTH)
    row.sealed = _cipher(context).seal(row.milestone_id, nonce, opening + plain)
    session.flush()
    return Recorded(milestone_id=row.milestone_id, group_id=group.group_id, recognised=False)


def get_milestone(session: Session, milestone_id: int) -> MilestoneRow:
    """Return one step; ``NotFound`` if there is none of this number."""
    row = session.get(MilestoneRow, milestone_id)
    if row is None:
        msg = f"no milestone {milestone_id}: see `certreg milestone list`"
        raise NotFound(msg)
    return row


def list_milestones(session: Session, subject: str | None = None) -> tuple[MilestoneRow, ...]:
    """Return all steps, or those of one subject, in the order of recording."""
    query = select(MilestoneRow).order_by(MilestoneRow.milestone_id)
    if subject is not None:
        query = query.where(MilestoneRow.subject == subject)
    return tuple(session.scalars(query))


def open_milestone(row: MilestoneRow, context: Context) -> OpenedMilestone:
    """Open the sealed facts of ``row``; ``FieldDamaged`` if they were changed or moved."""
    plain = _cipher(context).open(row.milestone_id, row.sealed)
    return OpenedMilestone(
        row=row, facts=parse_facts(plain[OPENING_BYTES:]), opening=plain[:OPENING_BYTES]
    )


def _check(facts: MilestoneFacts) -> None:
    try:
        facts_bytes(facts)
    except MalformedMilestone as error:
        raise Refused(f"this is no milestone: {error}") from None
    if len(facts.subject) > LONGEST_SUBJECT:
        msg = f"the subject is longer than {LONGEST_SUBJECT} characters: use the short reference"
        raise Refused(msg)
    if day_of(facts) < EARLIEST:
        raise Refused(f"the date is before {EARLIEST}: compare the year with the document")
    # The subject stands in the public log for ever, so a slip here could never be taken back.
    for text in (facts.subject, facts.note):
        for first, last in _ID_NUMBER.findall(text):
            if check_character(first) == last.upper():
                msg = "subject or note holds a person's ID number: name the plan or batch instead"
                raise Refused(msg)


def _scope(facts: MilestoneFacts) -> str:
    # A digest, because a counter's name has 40 characters and a subject may have more.
    step = hashlib.sha256(f"{facts.kind.value} {facts.subject}".encode()).hexdigest()
    return f"milestone:{step[:30]}"


def _find_same(
    session: Session, facts: MilestoneFacts, context: Context, *, again: bool
) -> OpenedMilestone | None:
    rows = session.scalars(
        select(MilestoneRow).where(
            MilestoneRow.subject == facts.subject, MilestoneRow.kind == facts.kind.value
        )
    )
    opened = (open_milestone(row, context) for row in rows)
    for item in opened:
        day = not again or item.facts.date == facts.date
        if day and item.facts.document == facts.document:
            return item
    return None


def _recognised(known: OpenedMilestone, facts: MilestoneFacts) -> Recorded:
    if known.facts != facts:
        # What stands in the log stands there for good: another day cannot quietly replace it.
        msg = (
            f"milestone {known.row.milestone_id} records this step and document with "
            f"date {known.facts.date} and note '{known.facts.note}': a correction needs a "
            "document of its own"
        )
        raise Refused(msg)
    return Recorded(
        milestone_id=known.row.milestone_id, group_id=known.row.group_id, recognised=True
    )


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, SEALED)
