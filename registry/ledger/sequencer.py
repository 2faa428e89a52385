"""The sequencer: the only writer of the log (design §3.4, RFC 6962, C2SP tlog-tiles).

Order of writes, and what a crash after each leaves:

1. tiles and entry bundles, durable    files beyond the head; the next round writes them again
2. own root and signature re-checked   nothing
3. head and indices, one transaction   a committed head that is not public yet: published at the
   by compare-and-swap                 next start by the same function
4. public checkpoint                   nothing is owed

Start-up, recovery and the daily round are this one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from keys.clock import Clock
from registry.errors import RegistryError
from registry.ledger.crosscheck import RangeCrosscheck
from registry.ledger.events import group_entries
from registry.ledger.head import Head, Log, load_head, publish_head, swap_head
from registry.ledger.statuses import StatusTable
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Batch
from registry.store.log import EventGroup, EventPage
from signing.canonical import encode
from signing.errors import SigningError
from signing.tlog.appender import TileAppender
from signing.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from signing.tlog.entry import BatchClose, Status, format_time, parse_entry, parse_time
from signing.tlog.merkle import CompactRange, verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import TileReader, encode_bundle

PAGES_AT_ONCE = 16
"""Pages of 256 leaves held at a time: bounds memory whatever the batch's size."""
STATUS_EVERY = timedelta(hours=20)
"""A daily anchor that runs a little early must still bring the day's status leaf."""


class SelfCheckFailed(RegistryError):
    """What was just written does not read back as intended: nothing was signed or committed."""

    code: ClassVar[str] = "self-check-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """What one round did. ``crosschecked``: every batch root was computed by merkletools too."""

    old_size: int
    size: int
    batches: tuple[str, ...]
    crosschecked: bool


@dataclass(slots=True, kw_only=True)  # mutable: it fills up while the round goes on
class _Round:
    """A round under way: what will be committed if everything holds."""

    appender: TileAppender
    statuses: StatusTable
    first_index: dict[int, int] = field(default_factory=dict)
    closes: list[tuple[int, int, bytes]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    crosschecked: bool = True


def anchor(engine: Engine, log: Log, *, clock: Clock) -> Anchored:
    """Put every pending event into the log and publish the new checkpoint.

    Harmless when nothing is pending, when run twice, and when killed at any moment. Raises
    ``LogBusy``, ``HeadLost``, ``HeadMoved``, ``RootsDisagree``, ``SelfCheckFailed``,
    ``StorageFailed``.
    """
    with log.storage.exclusive():
        with read_unit(engine) as session:
            head = load_head(session, log.origin)
            publish_head(log, head)
            pending = _pending(session)
            if not pending and not _needs_status(head, clock.now()):
                return Anchored(old_size=head.size, size=head.size, batches=(), crosschecked=False)
            work = _start(session, log, head)
            for group in pending:
                _append_group(session, log, work, group)
        new = _close_round(log, work, head, clock.now())
        with write_unit(engine) as session:
            _commit(session, log, work, old=head, new=new, now=clock.now())
        publish_head(log, new)
    return Anchored(
        old_size=head.size,
        size=new.size,
        batches=tuple(work.batches),
        crosschecked=work.crosschecked and bool(work.batches),
    )


def _needs_status(head: Head, now: datetime) -> bool:
    """Whether the status leaf is old enough for a new one although nothing happened.

    Verifiers answer "cannot say" once the newest status is too old: a quiet log must go on saying
    that nothing was revoked (formats.md, status pages: daily).
    """
    entry = parse_entry(head.status_entry) if head.status_entry else None
    return isinstance(entry, Status) and now - parse_time(entry.time) >= STATUS_EVERY


def _pending(session: Session) -> Sequence[EventGroup]:
    return session.scalars(
        select(EventGroup).where(EventGroup.first_index.is_(None)).order_by(EventGroup.group_id)
    ).all()


def _start(session: Session, log: Log, head: Head) -> _Round:
    try:
        appender = TileAppender(head.size, TileReader(log.storage.read))
    except SigningError as error:
        raise _failed(f"the log's right edge cannot be read ({error.code})") from error
    if appender.root() != head.root:
        raise _failed("the tiles on disk do not give the committed root")
    return _Round(appender=appender, statuses=StatusTable.load(session, head.status_entry))


def _append_group(session: Session, log: Log, work: _Round, group: EventGroup) -> None:
    first = work.appender.size
    work.first_index[group.group_id] = first
    closes = group.kind == "issue"
    width = group.count - 1 if closes else group.count
    span, second = CompactRange(), RangeCrosscheck()
    for found in group_entries(session, group.group_id, PAGES_AT_ONCE):
        entries = found[: first + width - work.appender.size]  # without the close to be filled in
        if not closes:
            work.statuses.apply(entries)
        hashes = _append(log, work, entries)
        if closes:
            span.extend(hashes)
            second.feed(hashes)
    if work.appender.size != first + width:
        raise _failed(f"event group {group.group_id} is not complete in the database")
    if group.first_status is not None:
        work.statuses.cover(group.first_status + group.certificates)
    if not closes or group.batch_id is None:
        return
    batch = session.get_one(Batch, group.batch_id)
    root = span.root()
    work.crosschecked = second.check(root) and work.crosschecked
    close = encode(
        BatchClose(
            batch=batch.batch_id,
            count=width,
            filing=batch.approval,
            first=first,
            last=first + width - 1,
            root=root.hex(),
        )
    )
    _append(log, work, [close])
    work.closes.append((group.group_id, width, close))
    work.batches.append(batch.batch_id)


def _append(log: Log, work: _Round, entries: Sequence[bytes]) -> list[bytes]:
    appended = work.appender.append(entries)
    log.storage.write_all(appended.files)
    return appended.leaf_hashes


def _close_round(log: Log, work: _Round, old: Head, now: datetime) -> Head:
    """Append the status leaf, write the partial tiles, sign, and check all of it again."""
    leaf = work.appender.size
    entry = encode(
        Status(
            before=leaf,
            count=work.statuses.count,
            root=work.statuses.root().hex(),
            time=format_time(now),
        )
    )
    _append(log, work, [entry])
    log.storage.write_all(work.appender.finish())
    size, root = work.appender.size, work.appender.root()
    note = sign_checkpoint(Checkpoint(origin=log.origin, size=size, root=root), log.signers)
    new = Head(size=size, root=root, note=note, status_leaf=leaf, status_entry=entry)
    _check(log, old, new)
    return new


def _check(log: Log, old: Head, new: Head) -> None:
    # Read back from disk, not from memory: this is the last moment at which a fault can still
    # be mended. Once the head is committed it is a promise.
    try:
        tree = TileReader(log.storage.read).at(new.size)
        if tree.root() != new.root:
            raise _failed("the tiles just written give another root")
        proof = consistency_path(old.size, new.size, tree)
        verify_consistency(old.size, new.size, old.root, new.root, proof)
        if open_checkpoint(new.note, log.policy).checkpoint.root != new.root:
            raise _failed("the checkpoint just signed says another root")
    except SigningError as error:
        raise _failed(f"the new checkpoint does not verify ({error.code})") from error


def _commit(
    session: Session, log: Log, work: _Round, *, old: Head, new: Head, now: datetime
) -> None:
    swap_head(session, log.origin, old, new, now)
    for group_id, first_index in work.first_index.items():
        session.execute(
            update(EventGroup)
            .where(EventGroup.group_id == group_id)
            .values(first_index=first_index)
        )
    for group_id, ordinal, entry in work.closes:
        session.execute(
            update(EventPage)
            .where(EventPage.group_id == group_id, EventPage.first_ordinal == ordinal)
            .values(entries=encode_bundle([entry]))
        )
    group = EventGroup(kind="status", count=1, at=now, first_index=new.status_leaf, certificates=0)
    session.add(group)
    session.flush()
    session.add(
        EventPage(
            group_id=group.group_id,
            first_ordinal=0,
            width=1,
            entries=encode_bundle([new.status_entry]),
        )
    )
    work.statuses.save(session)


def _failed(what: str) -> SelfCheckFailed:
    return SelfCheckFailed(
        f"{what}: nothing was signed or committed. Run `certreg log fsck`, check disk and memory "
        "of this machine, then run `certreg anchor` again"
    )
