"""The sequencer: the only writer of the log (design §3.4, RFC 6962, C2SP tlog-tiles).

Order of writes, and what a crash after each leaves:

1. files of the round staged, durable   staged files in nobody's sight; removed by a later round
2. own root and signature re-checked    the same
3. head and indices, one transaction    a committed head that is neither placed nor public: the
   by compare-and-swap                  next start does both, by the same function
4. staged files placed                  the same; files already placed are found equal
5. public checkpoint                    nothing is owed

So nothing unsigned ever stands at a tile's path: a round that came to nothing and was done again
with other leaves cannot meet its own remains. Start-up, recovery and the daily round are this
one function.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from keys.clock import Clock
from registry.errors import RegistryError
from registry.ledger.guards import refuse_frozen, refuse_unsafe, status_time
from registry.ledger.head import (
    Head,
    HeadLost,
    Log,
    forked,
    load_head,
    moved,
    publish_head,
    refuse_lost_head,
    swap_head,
)
from registry.ledger.round import Round, SelfCheckFailed, build, failed
from registry.ledger.turn import turn
from registry.store.base import read_unit, write_unit
from registry.store.log import EventGroup, EventPage
from signing.errors import SigningError
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.entry import Status, parse_entry, parse_time
from signing.tlog.merkle import verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import TILE_WIDTH, TileId, TileReader, encode_bundle, tile_path

__all__ = ["Anchored", "SelfCheckFailed", "anchor", "settle"]

GROUPS_AT_ONCE: Final = 4096
"""Event groups in one round: bounds memory and the commit when very many have come together."""
STATUS_EVERY: Final = timedelta(hours=20)
"""A daily anchor that runs a little early must still bring the day's status leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """What was done. ``crosschecked``: every batch root was computed by merkletools too."""

    old_size: int
    size: int
    batches: tuple[str, ...]
    crosschecked: bool


def anchor(
    engine: Engine,
    log: Log,
    *,
    clock: Clock,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Anchored:
    """Put every pending event into the log and publish the new checkpoint.

    Harmless when nothing is pending, when run twice, and when killed at any moment. Raises
    ``LogBusy``, ``LogFrozen``, ``HeadLost``, ``HeadMoved``, ``ClockBehind``, ``RootsDisagree``,
    ``SelfCheckFailed``, ``StorageConflict``, ``StorageFailed``. ``random(n)`` returns n random
    bytes; rounds are named by them.
    """
    with turn(engine, log), log.storage.exclusive():
        done, groups = _one_round(engine, log, clock, random)
        # A round that is not full has taken all: what came meanwhile is the next call's, or
        # busy writers would keep this one from ever returning.
        while groups == GROUPS_AT_ONCE:
            more, groups = _one_round(engine, log, clock, random)
            done = _joined(done, more)
        return done


def _joined(done: Anchored, more: Anchored) -> Anchored:
    parts = [part for part in (done, more) if part.batches]
    return Anchored(
        old_size=done.old_size,
        size=more.size,
        batches=done.batches + more.batches,
        crosschecked=bool(parts) and all(part.crosschecked for part in parts),
    )


def _one_round(
    engine: Engine, log: Log, clock: Clock, random: Callable[[int], bytes]
) -> tuple[Anchored, int]:
    """Run one round; also return how many event groups it took."""
    # Listed before the head is read, so that whatever is listed was begun from this head or an
    # earlier one. Once the head has moved none of it can be committed any more.
    ended = log.storage.rounds()
    with read_unit(engine) as session, _outrun(engine, log) as known:
        now = clock.now()
        head = refuse_unsafe(session, log, now=now)
        known.append(head)
        settle(log, head)
        pending = _pending(session)
        if not pending and not _needs_status(head, now):
            idle = Anchored(old_size=head.size, size=head.size, batches=(), crosschecked=False)
            return idle, 0
        work, new = build(
            session,
            log,
            head,
            round_id=random(16).hex(),
            groups=pending,
            now=status_time(head, now),
        )
    with write_unit(engine) as session:
        _commit(session, log, work, old=head, new=new, now=clock.now())
    with _outrun(engine, log) as known:
        known.append(new)
        log.storage.place(new.round_id)
        publish_head(log, new)
    log.storage.discard(ended)
    done = Anchored(
        old_size=head.size,
        size=new.size,
        batches=tuple(work.batches),
        crosschecked=work.crosschecked and bool(work.batches),
    )
    return done, len(pending)


@contextmanager
def _outrun(engine: Engine, log: Log) -> Iterator[list[Head]]:
    """Turn what looks like a fault into ``HeadMoved`` where another sequencer was faster.

    It comes to that when the turn was lost unnoticed, with a connection for instance. Then the
    public checkpoint is ahead of the head given here, its tiles stand where ours would, and our
    staged files are gone: to cry "another history" over it would stop an office for nothing.
    """
    known: list[Head] = []
    try:
        yield known
    except RegistryError as error:
        with read_unit(engine) as session:
            if known and load_head(session, log.origin) != known[-1]:
                raise moved() from error
        raise


def settle(log: Log, head: Head) -> None:
    """Finish what a crash left undone after the commit of ``head``: place, then publish.

    Raises ``HeadLost`` before anything is touched if the public checkpoint is ahead.
    """
    public = refuse_lost_head(log, head)
    _refuse_tiles_beyond(log, head)
    if head.round_id:
        log.storage.place(head.round_id)
    if head.size and (public is None or public.checkpoint.size < head.size):
        _check_placed(log, head, None if public is None else public.checkpoint)
    publish_head(log, head)


def _refuse_tiles_beyond(log: Log, head: Head) -> None:
    """Refuse when tiles tell of more than the database: nothing but a committed head is placed.

    So they tell even where an old checkpoint was put back together with an old database.
    """
    index, width = divmod(head.size, TILE_WIDTH)
    full = tile_path(TileId(level=None, index=index))
    widths = [int(name) for name in log.storage.names(f"{full}.p") if name.isdecimal()]
    beyond = max(widths, default=0)
    try:
        log.storage.read(full)
        beyond = TILE_WIDTH
    except FileNotFoundError:
        pass
    if beyond > width:
        raise HeadLost(
            f"the log's tiles go on to {index * TILE_WIDTH + beyond} entries at least, the "
            f"database says {head.size}: the database is an old copy. Do not issue or sign; "
            "restore the newest backup (docs/operations.md, disasters)"
        )


def _check_placed(log: Log, head: Head, public: Checkpoint | None) -> None:
    """Refuse to publish a head whose files are not there, or that forks from what is public.

    Staged files can be lost between commit and placing: a log directory of another day, put
    back from a backup. What readers have must stay what can be proven to them.
    """
    try:
        tree = TileReader(log.storage.read).at(head.size)
        if tree.root() != head.root:
            raise failed("the tiles on disk do not give the committed root")
        proof = [] if public is None else consistency_path(public.size, head.size, tree)
    except SigningError as error:
        raise failed(f"the committed head cannot be published ({error.code})") from error
    if public is None:
        return
    try:
        verify_consistency(public.size, head.size, public.root, head.root, proof)
    except SigningError as error:
        raise forked(head, public) from error


def _needs_status(head: Head, now: datetime) -> bool:
    """Whether the status leaf is old enough for a new one although nothing happened.

    Verifiers answer "cannot say" once the newest status is too old: a quiet log must go on saying
    that nothing was revoked (formats.md, status pages: daily).
    """
    entry = parse_entry(head.status_entry) if head.status_entry else None
    return isinstance(entry, Status) and now - parse_time(entry.time) >= STATUS_EVERY


def _pending(session: Session) -> Sequence[EventGroup]:
    return session.scalars(
        select(EventGroup)
        .where(EventGroup.first_index.is_(None))
        .order_by(EventGroup.group_id)
        .limit(GROUPS_AT_ONCE)
    ).all()


def _commit(
    session: Session, log: Log, work: Round, *, old: Head, new: Head, now: datetime
) -> None:
    swap_head(session, log.origin, old, new, now)
    # A log frozen while this round was built takes nothing more: its successor takes the events.
    refuse_frozen(session, log.origin)
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
