"""Issuers' keys as events of the ledger (密钥变更): announced, retired (停用), revoked (吊销).

Each is one transaction: ledger event, key row, audit line. The event is the truth, and the key
ring follows it: a crash in between leaves a key that the ring would still sign with and the
database refuses, and the next time the trust folder is written the ring is set right. So a ring
put back from an old backup signs nothing that the ledger has ended.

Certificates and ends of keys are put in order by a lock on the key's row: an issue that saw the
key active has its events before the end, one that comes later is refused.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Literal, assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.model import LATER, KeyId, KeyInfo, KeyState, Purpose
from registry.errors import NotFound, Refused
from registry.office.context import Context
from registry.office.events import event_page
from registry.store.audit import AuditLine
from registry.store.issuer_keys import IssuerKey
from registry.store.log import EventGroup, EventPage
from registry.store.organisations import Issuer
from signing.canonical import encode
from signing.tlog.entry import Key, format_time

PUBLIC_PURPOSES = frozenset({Purpose.RECORD, Purpose.PDF})
"""Purposes of the keys that companies have; all of them stand in the ledger."""


class KeyNotActive(Refused):
    """The key that would sign is retired, revoked, another issuer's, or was not announced."""

    code = "key-not-active"


def add_key(session: Session, prefix: str, key: KeyInfo, *, context: Context) -> IssuerKey:
    """Announce a further key of the issuer ``prefix``; it signs from the commit on.

    Older keys stay active until they are retired: what either signs is good meanwhile.
    Raises ``NotFound`` (no such issuer) or ``Refused`` (another's key, or recorded before).
    """
    if session.get(Issuer, prefix) is None:
        msg = f"no issuer with prefix {prefix}: add it with `certreg issuer add`"
        raise NotFound(msg)
    now = context.clock.now()
    row = announce_key(session, prefix, key, now=now)
    detail = f"{key.purpose} key {key.key_id}"
    session.add(
        AuditLine(at=now, actor=context.actor, action="key-add", subject=prefix, detail=detail)
    )
    return row


def announce_key(session: Session, prefix: str, key: KeyInfo, *, now: datetime) -> IssuerKey:
    """Write a key's row and its ``add`` event, as a part of the caller's use case.

    Raises ``Refused`` if it is no key of this issuer's, signs no more, or is recorded already.
    """
    if key.issuer != prefix or key.purpose not in PUBLIC_PURPOSES:
        msg = f"key {key.key_id} is not one for records or seals of {prefix}: make another"
        raise Refused(msg)
    if key.state is not KeyState.ACTIVE or session.get(IssuerKey, key.key_id) is not None:
        msg = f"key {key.key_id} is recorded already, or signs no more: make another"
        raise Refused(msg)
    group_id = _group(session, now)
    row = key_row(key, added_at=now, added_group=group_id)
    session.add_all((row, _leaf(row, KeyState.ACTIVE, group_id, now)))
    return row


def key_row(key: KeyInfo, *, added_at: datetime, added_group: int) -> IssuerKey:
    """Return the row of an active key whose ``add`` leaf stands in the given event group."""
    return IssuerKey(
        key_id=key.key_id,
        prefix=key.issuer,
        purpose=key.purpose.value,
        algorithm=key.algorithm.value,
        public_key=key.public_key,
        state=KeyState.ACTIVE.value,
        added_at=added_at,
        added_group=added_group,
    )


def end_key(session: Session, key_id: str, state: KeyState, *, context: Context) -> IssuerKey:
    """Retire or revoke a key: nothing can be issued with it from the commit on.

    A retired key may be revoked later; then only the revocation counts. Raises ``NotFound``, or
    ``Refused`` if the key is there already or the way leads back.
    """
    row = session.get(IssuerKey, key_id, with_for_update=True, populate_existing=True)
    if row is None:
        msg = f"no issuer has a key {key_id}: look at `certreg issuer key list PREFIX`"
        raise NotFound(msg)
    if LATER[state] <= LATER[KeyState(row.state)]:
        msg = f"key {key_id} is {row.state} and cannot become {state}: add a new key instead"
        raise Refused(msg)
    now = context.clock.now()
    detail = f"{row.purpose} key {key_id}; was {row.state}"
    row.ended_group = _group(session, now)
    row.state, row.ended_at = state.value, now
    session.add_all(
        (
            _leaf(row, state, row.ended_group, now),
            AuditLine(
                at=now,
                actor=context.actor,
                action=f"key-{_action(state)}",
                subject=row.prefix,
                detail=detail,
            ),
        )
    )
    return row


def require_active(session: Session, prefix: str, key_id: str) -> None:
    """Refuse with ``KeyNotActive`` a record key that the ledger does not have as in force.

    Asked in the transaction that signs, before it writes its events, and keeps the key as it is
    until that ends: the ring may be an older copy, and a signer may have been handed out earlier.
    """
    row = session.get(IssuerKey, key_id, with_for_update={"read": True}, populate_existing=True)
    if row is None or (row.prefix, row.purpose) != (prefix, Purpose.RECORD.value):
        what = "was never announced"
    elif row.state != KeyState.ACTIVE.value:
        what = f"is {row.state}"
    else:
        return
    msg = (
        f"record key {key_id} of {prefix} {what}: nothing was issued. Add a new one with "
        f"`certreg issuer key add {prefix}`"
    )
    raise KeyNotActive(msg)


def signing_key(session: Session, prefix: str, purpose: Purpose) -> KeyId:
    """Return the id of the issuer's newest active key; ``KeyNotActive`` if it has none."""
    found = session.scalars(
        select(IssuerKey.key_id)
        .where(
            IssuerKey.prefix == prefix,
            IssuerKey.purpose == purpose.value,
            IssuerKey.state == KeyState.ACTIVE.value,
        )
        .order_by(IssuerKey.added_group.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        msg = (
            f"{prefix} has no active {purpose} key: add one with `certreg issuer key add {prefix} "
            f"--purpose {purpose}`"
        )
        raise KeyNotActive(msg)
    return KeyId(found)


def _group(session: Session, now: datetime) -> int:
    # One leaf to a group, so that the leaf's place in the log is the group's.
    group = EventGroup(kind="key", count=1, at=now)
    session.add(group)
    session.flush()
    return group.group_id


def _leaf(row: IssuerKey, state: KeyState, group_id: int, now: datetime) -> EventPage:
    entry = Key(
        action=_action(state),
        alg=row.algorithm,
        issuer=row.prefix,
        key=row.key_id,
        public=base64.b64encode(row.public_key).decode(),
        time=format_time(now),
    )
    return event_page(group_id, encode(entry))


def _action(state: KeyState) -> Literal["add", "retire", "revoke"]:
    match state:
        case KeyState.ACTIVE:
            return "add"
        case KeyState.RETIRED:
            return "retire"
        case KeyState.REVOKED:
            return "revoke"
        case _:
            assert_never(state)
