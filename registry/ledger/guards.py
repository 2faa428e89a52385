"""What must hold before anything is signed, issued or changed (docs/operations.md, disasters).

A log can be lost in ways that no later repair mends: an old copy of the database that gives
numbers and leaf indices away a second time, a clock that dates new things before old ones, a log
that was ended and is written on. Each is cheap to see beforehand. Refusing is always safe: what
was committed stays, and the same command does the rest once the cause is mended.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.ledger.head import (
    CHECKPOINT,
    Head,
    HeadLost,
    Log,
    load_head,
    open_own,
    refuse_lost_head,
)
from registry.store.log import LogEra, LogHead
from signing.errors import SigningError
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.entry import Status, format_time, parse_entry, parse_time

CLOCK_SLACK: Final = timedelta(seconds=60)
"""How far a clock may be set back by ordinary correction (NTP, a second machine's own clock)."""


class ClockBehind(RegistryError):
    """The clock says a time before one that the log has already signed."""

    code: ClassVar[str] = "clock-behind"


class LogFrozen(RegistryError):
    """The log was ended; nothing is signed or issued under it any more."""

    code: ClassVar[str] = "log-frozen"


def refuse_unsafe(session: Session, log: Log, *, now: datetime) -> Head:
    """Return the committed head if it is safe to sign, issue or change anything.

    ``session`` has only read so far: it may be given a newer snapshot. Raises ``LogFrozen``,
    ``HeadLost``, ``ClockBehind``. What witnesses have seen is asked over the network and judged
    by `refuse_witnessed_ahead`.
    """
    head = _head_not_lost(session, log)
    refuse_frozen(session, log.origin)
    refuse_clock_behind(session, log.origin, now)
    return head


def _head_not_lost(session: Session, log: Log) -> Head:
    head = load_head(session, log.origin)
    try:
        refuse_lost_head(log, head)
    except HeadLost:
        # A sequencer at work may have committed and published between our look at the database
        # and our look at the file. What the file says now, a database that is whole has by now.
        public = _public(log)
        session.rollback()
        head = load_head(session, log.origin)
        same = public is not None and (public.size, public.root) == (head.size, head.root)
        if public is None or (public.size >= head.size and not same):
            raise
    return head


def _public(log: Log) -> Checkpoint | None:
    try:
        return open_own(log.storage.read(CHECKPOINT), log)
    except (FileNotFoundError, SigningError):
        return None


def refuse_frozen(session: Session, origin: str) -> None:
    """Raise ``LogFrozen`` if the log was ended, naming its successor if there is one."""
    era = session.scalars(select(LogEra).where(LogEra.origin == origin)).one_or_none()
    if era is None or era.frozen_at is None:
        return
    since = f"the log {origin} is frozen since {format_time(era.frozen_at)}"
    successor = session.get(LogEra, era.number + 1)
    if successor is None:
        msg = f"{since}: nothing is signed or issued until its successor is started"
    else:
        msg = f"{since} and is succeeded by {successor.origin}: work under that one"
    raise LogFrozen(f"{msg} (docs/operations.md, disasters)")


def refuse_clock_behind(session: Session, origin: str, now: datetime) -> None:
    """Raise ``ClockBehind`` if ``now`` lies over 60 s before what the log has signed.

    Signed are the head's own time and the newest ``status`` leaf's, which verifiers read as the
    moment up to which nothing else was revoked.
    """
    row = session.get(LogHead, origin)
    if row is None:
        return
    signed = _status_time(row.status_entry)
    newest = row.signed_at if signed is None else max(row.signed_at, signed)
    if now < newest - CLOCK_SLACK:
        raise _behind(now, newest)


def status_time(head: Head, now: datetime) -> datetime:
    """Return the time for the next ``status`` leaf: ``now``, but never before the last one's.

    A clock put back by up to 60 s repeats the earlier time, so that status leaves never run
    backwards. Raises ``ClockBehind`` beyond that.
    """
    signed = _status_time(head.status_entry)
    if signed is None or signed <= now:
        return now
    if now < signed - CLOCK_SLACK:
        raise _behind(now, signed)
    return signed


def refuse_witnessed_ahead(head: Head, witnessed: Iterable[tuple[str, int, bytes]]) -> None:
    """Raise ``HeadLost`` if a witness has seen more than the database has, or something else.

    ``witnessed`` are (witness's name, size, 32-byte root), each verified as this log's and asked
    for before ``head`` was read: one that is at work meanwhile must not look like an alarm. The
    public directory is often restored together with the database; witnesses are not, so they
    are who notices. A smaller size says nothing here: whether that head is a beginning of ours
    is proven to the witness when it is asked to sign.
    """
    ahead, other = [], []
    for name, size, root in witnessed:
        if size > head.size:
            ahead.append(f"{name} has {size} entries")
        elif size == head.size and size > 0 and root != head.root:
            other.append(f"{name} has root {root.hex()}")
    if other:
        msg = (
            f"two histories of this log were signed at {head.size} entries: {'; '.join(other)}; "
            f"the database has root {head.root.hex()}. Do not issue or sign; keep both, and "
            "freeze the log (docs/operations.md, disasters)"
        )
        raise HeadLost(msg)
    if ahead:
        msg = (
            f"witnesses have seen more than the database has ({head.size} entries): "
            f"{'; '.join(ahead)}. The database is an old copy. Do not issue or sign; restore "
            "the newest backup (docs/operations.md, disasters)"
        )
        raise HeadLost(msg)


def _status_time(status_entry: bytes) -> datetime | None:
    entry = parse_entry(status_entry) if status_entry else None
    return parse_time(entry.time) if isinstance(entry, Status) else None


def _behind(now: datetime, signed: datetime) -> ClockBehind:
    return ClockBehind(
        f"this machine's clock says {format_time(now)}, the log was signed at "
        f"{format_time(signed)}: nothing was signed or issued. Set the clock by NTP and run this "
        "again; if the clock is right now, it was wrong then (docs/operations.md, disasters)"
    )
