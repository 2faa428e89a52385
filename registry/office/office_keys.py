"""The office's upload key (上报密钥) as an event of the ledger: announced, retired, revoked.

With it the city signs what it sends to the provincial centre. As with issuers' keys, the event is
the truth and the key ring follows it; the leaf's issuer is ``office``. A key signs manifests only
once its leaf is in the log, so the centre finds every key it must trust where all can see it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from keys.model import LATER, OFFICE, KeyInfo, KeyState, Purpose
from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.events import event_page
from registry.store.audit import AuditLine
from registry.store.log import EventGroup, EventPage
from registry.store.uploads import OfficeKey
from signing.canonical import encode
from signing.tlog.entry import Key, format_time

ANNOUNCED: Final = frozenset({Purpose.UPLOAD})
"""Purposes of the office's keys that stand in the log; its checkpoint keys are in the policy."""

_ACTIONS: Final[dict[KeyState, Literal["add", "retire", "revoke"]]] = {
    KeyState.ACTIVE: "add",
    KeyState.RETIRED: "retire",
    KeyState.REVOKED: "revoke",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOfficeKey:
    """A key's row with the indices of its leaves; None while a leaf is pending, or not there."""

    row: OfficeKey
    added: int | None
    ended: int | None


def announce_office_keys(session: Session, keys: Iterable[KeyInfo], *, context: Context) -> int:
    """Announce the office's active keys that are not in the ledger yet; return how many.

    ``keys`` are the ring's. One audit line for all; none where there was nothing to do.
    """
    known = set(session.scalars(select(OfficeKey.key_id)))
    fresh = [
        key
        for key in keys
        if key.issuer == OFFICE
        and key.purpose in ANNOUNCED
        and key.state is KeyState.ACTIVE
        and key.key_id not in known
    ]
    now = context.clock.now()
    for key in fresh:
        group_id = _group(session, now)
        row = OfficeKey(
            key_id=key.key_id,
            purpose=key.purpose.value,
            algorithm=key.algorithm.value,
            public_key=key.public_key,
            not_before=key.not_before,
            not_after=key.not_after,
            state=KeyState.ACTIVE.value,
            added_at=now,
            added_group=group_id,
        )
        session.add_all((row, _leaf(row, KeyState.ACTIVE, group_id, now)))
    if fresh:
        detail = ", ".join(f"{key.purpose} key {key.key_id}" for key in fresh)
        line = AuditLine(
            at=now, actor=context.actor, action="key-add", subject=OFFICE, detail=detail
        )
        session.add(line)
    return len(fresh)


def end_office_key(
    session: Session, key_id: str, state: KeyState, *, context: Context
) -> OfficeKey:
    """Retire or revoke one of the office's announced keys.

    Raises ``NotFound``, or ``Refused`` if the key is there already or the way leads back.
    """
    row = session.get(OfficeKey, key_id, with_for_update=True, populate_existing=True)
    if row is None:
        msg = f"the office has no upload key {key_id}: see `certreg upload key list`"
        raise NotFound(msg)
    if LATER[state] <= LATER[KeyState(row.state)]:
        msg = f"key {key_id} is {row.state} and cannot become {state}: add a new key instead"
        raise Refused(msg)
    now = context.clock.now()
    row.ended_group = _group(session, now)
    detail = f"{row.purpose} key {key_id}; was {row.state}"
    row.state, row.ended_at = state.value, now
    session.add_all(
        (
            _leaf(row, state, row.ended_group, now),
            AuditLine(
                at=now,
                actor=context.actor,
                action=f"key-{_ACTIONS[state]}",
                subject=OFFICE,
                detail=detail,
            ),
        )
    )
    return row


def placed_office_keys(session: Session) -> list[PlacedOfficeKey]:
    """Return the office's announced keys, oldest first, with their places in the log."""
    added, ended = aliased(EventGroup), aliased(EventGroup)
    query = (
        select(OfficeKey, added.first_index, ended.first_index)
        .join(added, added.group_id == OfficeKey.added_group)
        .outerjoin(ended, ended.group_id == OfficeKey.ended_group)
        .order_by(OfficeKey.added_group)
    )
    return [
        PlacedOfficeKey(row=row, added=first, ended=last)
        for row, first, last in session.execute(query)
    ]


def _group(session: Session, now: datetime) -> int:
    group = EventGroup(kind="key", count=1, at=now)
    session.add(group)
    session.flush()
    return group.group_id


def _leaf(row: OfficeKey, state: KeyState, group_id: int, now: datetime) -> EventPage:
    entry = Key(
        action=_ACTIONS[state],
        alg=row.algorithm,
        issuer=OFFICE,
        key=row.key_id,
        public=base64.b64encode(row.public_key).decode(),
        time=format_time(now),
    )
    return event_page(group_id, encode(entry))
