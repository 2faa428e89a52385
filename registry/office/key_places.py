"""Where in the ledger issuers' keys began and ended, and the keys that older programs made.

A signature is judged by the place of its certificate's leaf between these two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from keys.model import KeyInfo, KeyState
from registry.office.context import Context
from registry.office.issuer_keys import PUBLIC_PURPOSES, announce_key, key_row
from registry.store.audit import AuditLine
from registry.store.issuer_keys import IssuerKey
from registry.store.log import EventGroup, EventPage, LogHead
from registry.store.organisations import Issuer
from signing.tlog.entry import Key, parse_entry
from signing.tlog.tiles import decode_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedKey:
    """A key's row with the indices of its leaves.

    ``added`` is that of its ``add`` leaf, None while that is pending. ``ended`` is that of the
    leaf that ended it, None of an active key. While that leaf is ``pending``, it is the lowest
    index it can get, which is above those of all that the key signed.
    """

    row: IssuerKey
    added: int | None
    ended: int | None
    pending: bool


def placed_keys(session: Session, origin: str, prefix: str | None = None) -> list[PlacedKey]:
    """Return the keys of one issuer, or of all, in the order in which they were added."""
    added, ended = aliased(EventGroup), aliased(EventGroup)
    query = (
        select(IssuerKey, added.first_index, ended.first_index)
        .join(added, added.group_id == IssuerKey.added_group)
        .outerjoin(ended, ended.group_id == IssuerKey.ended_group)
        .order_by(IssuerKey.added_group)
    )
    if prefix is not None:
        query = query.where(IssuerKey.prefix == prefix)
    return [
        PlacedKey(
            row=row,
            added=first,
            ended=_lowest_end(session, origin, row.ended_group) if last is None else last,
            pending=row.ended_group is not None and last is None,
        )
        for row, first, last in session.execute(query)
    ]


def _lowest_end(session: Session, origin: str, group_id: int | None) -> int | None:
    if group_id is None:
        return None
    # The log's size alone would be low enough for what is in the log, but what was issued just
    # before the end and waits with it would pass for forged. Groups enter in the order of ids.
    before = select(func.coalesce(func.sum(EventGroup.count), 0)).where(
        EventGroup.first_index.is_(None), EventGroup.group_id < group_id
    )
    size = session.scalars(select(LogHead.size).where(LogHead.origin == origin)).one_or_none()
    return (size or 0) + int(session.scalars(before).one())


def adopt_keys(session: Session, keys: Iterable[KeyInfo], *, context: Context) -> int:
    """Record the keys of issuers that have none recorded: an older program kept only the ring.

    ``keys`` are the ring's. A key whose ``add`` leaf was written then keeps it; others are
    announced now. Returns how many were recorded, and writes an audit line if any was.
    """
    recorded = select(IssuerKey.prefix).distinct()
    bare = set(session.scalars(select(Issuer.prefix).where(Issuer.prefix.not_in(recorded))))
    wanted = [key for key in keys if key.issuer in bare and key.purpose in PUBLIC_PURPOSES]
    if not wanted:
        return 0
    now, known, count = context.clock.now(), _announced(session), 0
    for key in wanted:
        if key.key_id in known:
            added_at, group_id = known[key.key_id]
            session.add(key_row(key, added_at=added_at, added_group=group_id))
        elif key.state is KeyState.ACTIVE:
            announce_key(session, key.issuer, key, now=now)
        else:
            continue
        count += 1
    session.add(
        AuditLine(
            at=now,
            actor=context.actor,
            action="key-adopt",
            subject="issuers",
            detail=f"{count} keys of {len(bare)} issuers, made by an older program",
        )
    )
    return count


def _announced(session: Session) -> dict[str, tuple[datetime, int]]:
    """Return when, and in which event group, each key was added."""
    found: dict[str, tuple[datetime, int]] = {}
    query = (
        select(EventGroup.at, EventGroup.group_id, EventPage.entries)
        .join(EventPage, EventPage.group_id == EventGroup.group_id)
        .where(EventGroup.kind == "key", EventPage.first_ordinal == 0)
    )
    for at, group_id, entries in session.execute(query):
        entry = parse_entry(decode_bundle(entries, 1)[0])
        if isinstance(entry, Key) and entry.action == "add":
            found[entry.key] = (at, group_id)
    return found
