"""One round of the sequencer: pending events become leaves, tiles and a signed head.

Everything here happens before the commit. Files are staged out of sight, the head is signed
last, and nothing of it counts: given up at any point, a round leaves staged files and no more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.ledger.crosscheck import RangeCrosscheck
from registry.ledger.events import group_entries
from registry.ledger.head import Head, Log, open_own
from registry.ledger.statuses import StatusTable
from registry.ledger.storage import StorageFailed
from registry.store.certificates import Batch
from registry.store.log import FIRST_EDITIONS, EventGroup
from signing.canonical import encode
from signing.errors import SigningError
from signing.tlog.appender import TileAppender, TileFile
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.entry import BatchClose, Status, format_time
from signing.tlog.merkle import CompactRange, verify_consistency
from signing.tlog.paths import consistency_path
from signing.tlog.tiles import MAX_LEVEL, TILE_HEIGHT, TileId, TileReader, tile_path, width_at

PAGES_AT_ONCE: Final = 16
"""Pages of 256 leaves held at a time: bounds memory whatever the batch's size."""
FILES_AT_ONCE: Final = 64
"""Files gathered before they are staged: a small round stages once, a large one in bounds."""


class SelfCheckFailed(RegistryError):
    """What was just written does not read back as intended: nothing was signed or committed."""

    code: ClassVar[str] = "self-check-failed"


@dataclass(slots=True, kw_only=True)  # mutable: it fills up while the round goes on
class Round:
    """A round under way: what will be committed if everything holds.

    ``first_index`` gives each group's first leaf; ``closes`` are (group, ordinal, leaf) of the
    ``batch-close`` entries, known only now.
    """

    round_id: str
    appender: TileAppender
    statuses: StatusTable
    first_index: dict[int, int] = field(default_factory=dict)
    closes: list[tuple[int, int, bytes]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    crosschecked: bool = True
    waiting: list[TileFile] = field(default_factory=list)


def build(
    session: Session,
    log: Log,
    head: Head,
    *,
    round_id: str,
    groups: Iterable[EventGroup],
    now: datetime,
) -> tuple[Round, Head]:
    """Stage the files of all ``groups`` and a ``status`` leaf after ``head``; return its successor.

    Nothing is committed. On an error the staged files are removed as far as the disk lets us: a
    full one must not be filled further by each attempt. Raises ``RootsDisagree``,
    ``SelfCheckFailed``, ``StorageConflict``, ``StorageFailed``.
    """
    try:
        work = start(session, log, head, round_id)
        for group in groups:
            append_group(session, log, work, group)
        return work, close_round(log, work, head, now)
    except Exception:
        with contextlib.suppress(StorageFailed):
            log.storage.discard([round_id])
        raise


def start(session: Session, log: Log, head: Head, round_id: str) -> Round:
    """Read the log's right edge and the status table as of ``head``."""
    try:
        appender = TileAppender(head.size, TileReader(log.storage.read))
    except SigningError as error:
        raise failed(f"the log's right edge cannot be read ({error.code})") from error
    if appender.root() != head.root:
        raise failed("the tiles on disk do not give the committed root")
    statuses = StatusTable.load(session, head.status_entry)
    return Round(round_id=round_id, appender=appender, statuses=statuses)


def append_group(session: Session, log: Log, work: Round, group: EventGroup) -> None:
    """Append a group's leaves; behind a batch also its ``batch-close``."""
    first = work.appender.size
    work.first_index[group.group_id] = first
    closes = group.kind in FIRST_EDITIONS
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
        raise failed(f"event group {group.group_id} is not complete in the database")
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


def close_round(log: Log, work: Round, old: Head, now: datetime) -> Head:
    """Append the status leaf, stage the partial tiles, sign, and check all of it again."""
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
    standing = _standing(old.size)
    work.waiting += [file for file in work.appender.finish() if file[0] not in standing]
    _stage(log, work, at_least=1)
    size, root = work.appender.size, work.appender.root()
    note = sign_checkpoint(Checkpoint(origin=log.origin, size=size, root=root), log.signers)
    new = Head(
        size=size,
        root=root,
        note=note,
        status_leaf=leaf,
        status_entry=entry,
        round_id=work.round_id,
    )
    check(log, old, new)
    return new


def check(log: Log, old: Head, new: Head) -> None:
    """Raise ``SelfCheckFailed`` unless what was staged gives the head that was signed."""

    def read(path: str) -> bytes:
        # Read back from the storage, not from memory: this is the last moment at which a fault
        # can still be mended. Once the head is committed it is a promise.
        try:
            return log.storage.read_staged(new.round_id, path)
        except FileNotFoundError:
            return log.storage.read(path)

    try:
        tree = TileReader(read).at(new.size)
        if tree.root() != new.root:
            raise failed("the tiles just written give another root")
        proof = consistency_path(old.size, new.size, tree)
        verify_consistency(old.size, new.size, old.root, new.root, proof)
        if open_own(new.note, log).root != new.root:
            raise failed("the checkpoint just signed says another root")
    except SigningError as error:
        raise failed(f"the new checkpoint does not verify ({error.code})") from error


def failed(what: str) -> SelfCheckFailed:
    """Return the error that says ``what`` does not hold, and what to do."""
    return SelfCheckFailed(
        f"{what}: nothing was signed or committed. Run `certreg log fsck`, check disk and memory "
        "of this machine, then run `certreg anchor` again"
    )


def _standing(size: int) -> frozenset[str]:
    """Return the paths of the partial tiles of ``size`` above the lowest level.

    A small round leaves most of them as they are. They were read at its start and gave the
    committed root: to stage them again would cost two fsyncs each and change nothing.
    """
    tiles = (
        TileId(level=level, index=index, width=width_at(size, level, index))
        for level in range(1, MAX_LEVEL + 1)
        for index in (size >> TILE_HEIGHT * (level + 1),)
    )
    return frozenset(tile_path(tile) for tile in tiles if tile.width)


def _append(log: Log, work: Round, entries: Sequence[bytes]) -> list[bytes]:
    appended = work.appender.append(entries)
    work.waiting += appended.files
    _stage(log, work, at_least=FILES_AT_ONCE)
    return appended.leaf_hashes


def _stage(log: Log, work: Round, *, at_least: int) -> None:
    if len(work.waiting) >= at_least:
        log.storage.stage(work.round_id, work.waiting)
        work.waiting = []
