"""Compares what is watched with each new status list, and puts one notice down for each job.

New states and the notice of them are one transaction: a process killed before it finds the change
again, one killed after it has told it, and two at once cannot both. A list that is older than the
one compared last says nothing, so that an old one put back makes no false news.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from signing.errors import SigningError
from signing.receipt import RowResult
from signing.tlog.entry import Issue, State, parse_entry
from signing.tlog.merkle import CompactRange, leaf_hash
from signing.tlog.paths import range_nodes
from verify_web.bulk.audit import add_line, printed
from verify_web.bulk.messages import STATES, Change, Log, RowChange
from verify_web.bulk.watches import (
    DELIVERY_TERM,
    KEPT,
    number_tag,
    pack_watched,
    unpack_watched,
)
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from verify_web.bulk.store import Desk
    from verify_web.bulk.watches import Watched
    from verify_web.public import Snapshot
    from verify_web.statuslist import StatusList


_EVENT_BYTES: Final = 10
_AT_ONCE: Final = 50
_ISSUES: Final = (b'"t":"issue"', b'"t":"import"')
_FIRST_EDITION: Final = b'"edition":1,'
"""Canonical JSON writes both in one way; no other leaf need be parsed."""

_RESULTS: Final = {
    State.VALID: RowResult.VALID,
    State.REVOKED: RowResult.REVOKED,
    State.SUSPENDED: RowResult.SUSPENDED,
    State.SUPERSEDED: RowResult.CORRECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A subscription, and the status entry up to which it was compared."""

    job: str
    employer: str
    origin: str
    position: int
    sealed: bytes


def compare(desk: Desk, snapshot: Snapshot) -> int:
    """Compare all that was not compared with this status list yet; return how many jobs changed.

    Raises ServiceTrouble: nothing is lost then, the next run compares.
    """
    listed = snapshot.status
    if listed is None:
        return 0
    origin, changed = snapshot.head.checkpoint.origin, 0
    editions: dict[tuple[str, int], Mapping[bytes, int]] = {}
    while seen := _behind(desk, origin, listed.entry_index):
        for one in seen:
            # A log that followed a frozen one counts its leaves from the beginning.
            start = one.position if one.origin == origin else 0
            if (origin, start) not in editions:
                editions[origin, start] = _new_editions(desk, snapshot, listed, start)
            changed += _compare_one(desk, one, snapshot, listed, editions[origin, start])
    return changed


def _behind(desk: Desk, origin: str, position: int) -> list[_Seen]:
    with desk.state.transaction() as connection:
        rows = connection.execute(
            "SELECT job, employer, origin, position, watched FROM watches"
            " WHERE watched IS NOT NULL AND until > ? AND (origin <> ? OR position < ?) LIMIT ?",
            (desk.now(), origin, position, _AT_ONCE),
        ).fetchall()
    return [
        _Seen(job=row[0], employer=row[1], origin=row[2], position=row[3], sealed=row[4])
        for row in rows
    ]


def _new_editions(
    desk: Desk, snapshot: Snapshot, listed: StatusList, start: int
) -> Mapping[bytes, int]:
    """Find the newer editions among the leaves from `start` that the status list covers.

    Gives the newest one's place by its number's tag. The leaves are proven to be the log's.
    """
    head, found = snapshot.head.checkpoint, {}
    try:
        edge = CompactRange.from_hashes(start, snapshot.tree(range_nodes(0, start)))
        for at, leaf in enumerate(snapshot.tree.entries(start), start):
            edge.append(leaf_hash(leaf))
            later = _FIRST_EDITION not in leaf and any(kind in leaf for kind in _ISSUES)
            if at < listed.facts.before and later:
                issue = parse_entry(leaf)
                if isinstance(issue, Issue):
                    found[number_tag(desk, issue.number)] = issue.status
    except SigningError as error:
        raise ServiceTrouble(f"log: {error.code}") from None
    if edge.root() != head.root:
        raise ServiceTrouble("the log's newest entries do not lead to the checkpoint's root")
    return found


def _compare_one(
    desk: Desk,
    seen: _Seen,
    snapshot: Snapshot,
    listed: StatusList,
    editions: Mapping[bytes, int],
) -> int:
    before = unpack_watched(desk, seen.job, seen.sealed)
    try:
        after = [_look(row, listed.pages.state, editions) for row in before]
    except SigningError as error:
        raise ServiceTrouble(f"status list: {error.code}") from None
    changes = [
        RowChange(row=new.row, state=STATES[new.state])
        for old, new in zip(before, after, strict=True)
        if new.state != old.state
    ]
    origin, position = snapshot.head.checkpoint.origin, listed.entry_index
    with desk.state.transaction() as connection:
        mine = connection.execute(
            "UPDATE watches SET watched = ?, origin = ?, position = ?"
            " WHERE job = ? AND origin = ? AND position = ?",
            (
                *(pack_watched(desk, seen.job, after), origin, position),
                *(seen.job, seen.origin, seen.position),
            ),
        ).rowcount
        if not mine or not changes:
            return 0
        event, now = _event_id(desk), desk.now()
        connection.execute(
            "INSERT INTO events (event, job, employer, body, made, due, deadline, until)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(event, seen.job, seen.employer, _body(seen.job, event, changes, snapshot, now)),
                *(now, now, now + DELIVERY_TERM.total_seconds()),
                now + (DELIVERY_TERM + KEPT).total_seconds(),
            ),
        )
        facts = {"action": "change", "at": printed(now), "employer": seen.employer}
        add_line(connection, {**facts, "event": event, "job": seen.job, "rows": len(changes)})
    return 1


def _look(row: Watched, state: Callable[[int], State], editions: Mapping[bytes, int]) -> Watched:
    newest = editions.get(row.tag, row.newest)
    result = _RESULTS[state(newest)]
    if result is RowResult.VALID and newest != row.checked:
        # In force is the newer edition, and no longer the one that the employer has.
        result = RowResult.CORRECTED
    return msgspec.structs.replace(row, newest=newest, state=result.value)


def _body(
    job: str, event: str, changes: Sequence[RowChange], snapshot: Snapshot, now: float
) -> bytes:
    head, listed = snapshot.head.checkpoint, snapshot.status
    change = Change(
        event=event,
        job=job,
        rows=list(changes),
        log=Log(origin=head.origin, size=head.size, root=head.root.hex()),
        as_of=listed.facts.time if listed else "",
        time=printed(now),
    )
    return msgspec.json.encode(change)


def _event_id(desk: Desk) -> str:
    return base64.b32encode(desk.random(_EVENT_BYTES)).decode().lower()
