"""The log's head: the one database row a signed checkpoint can come from, and its publication.

The row changes by compare-and-swap only. What is public may lag behind it (a crash between commit
and publication) and is then published again; it must never be ahead of it: that is a restored old
database, and signing on would fork the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import CursorResult, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from keys.policy import Policy
from keys.signer import Signer
from registry.errors import RegistryError
from registry.ledger.storage import LocalStorage
from registry.store.log import LogHead
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.merkle import EMPTY_ROOT

CHECKPOINT = "checkpoint"


class HeadLost(RegistryError):
    """The public checkpoint and the database's head cannot both be true."""

    code: ClassVar[str] = "head-lost"


class HeadMoved(RegistryError):
    """Somebody else committed a head in the meantime; nothing of ours was committed."""

    code: ClassVar[str] = "head-moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log: its origin (= key name), where its files lie, who signs, who is trusted."""

    origin: str
    storage: LocalStorage
    signers: tuple[Signer, ...]
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A committed head. ``root`` is 32 bytes; ``note`` the signed checkpoint, empty before any.

    ``status_leaf`` is the index of the newest ``status`` leaf, -1 before any.
    """

    size: int
    root: bytes
    note: bytes
    status_leaf: int
    status_entry: bytes


def load_head(session: Session, origin: str) -> Head:
    """Return the committed head; the empty tree before the first."""
    row = session.get(LogHead, origin)
    if row is None:
        return Head(size=0, root=EMPTY_ROOT, note=b"", status_leaf=-1, status_entry=b"")
    return Head(
        size=row.size,
        root=row.root,
        note=row.note,
        status_leaf=row.status_leaf,
        status_entry=row.status_entry,
    )


def swap_head(session: Session, origin: str, old: Head, new: Head, at: datetime) -> None:
    """Replace ``old`` by ``new``; ``HeadMoved`` if the row is not ``old`` any more."""
    values = {
        "size": new.size,
        "root": new.root,
        "note": new.note,
        "status_leaf": new.status_leaf,
        "status_entry": new.status_entry,
        "signed_at": at,
    }
    if old.size == 0:
        # The primary key is the guard: of two first heads one insert fails.
        try:
            session.execute(insert(LogHead).values(origin=origin, **values))
        except IntegrityError:
            raise _moved() from None
        return
    result = session.execute(
        update(LogHead)
        .where(LogHead.origin == origin, LogHead.size == old.size, LogHead.root == old.root)
        .values(**values)
    )
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise _moved()


def _moved() -> HeadMoved:
    return HeadMoved("another sequencer committed a head first: run `certreg anchor` again")


def publish_head(log: Log, head: Head) -> None:
    """Make the public checkpoint equal to the committed head; ``HeadLost`` if it is ahead."""
    if refuse_lost_head(log, head) != head.note and head.note:
        log.storage.write_all([(CHECKPOINT, head.note)])


def refuse_lost_head(log: Log, head: Head) -> bytes:
    """Return the public checkpoint; ``HeadLost`` if the database's head is not up to it.

    Asked before anything is issued, too: an old copy of the database would give numbers away a
    second time, which no later refusal to sign could take back.
    """
    public = _public_note(log)
    if public and public != head.note:
        try:
            size = open_checkpoint(public, log.policy).checkpoint.size
        except SigningError as error:
            msg = (
                f"the public checkpoint cannot be read ({error.code}): restore "
                "public/log/checkpoint from a backup or a reader's copy"
            )
            raise HeadLost(msg) from None
        if size >= head.size:
            msg = (
                f"the public checkpoint says {size} entries, the database {head.size}: the "
                "database is an old copy. Do not issue or sign; restore the newest backup "
                "(docs/operations.md, disasters)"
            )
            raise HeadLost(msg)
    return public


def _public_note(log: Log) -> bytes:
    try:
        return log.storage.read(CHECKPOINT)
    except FileNotFoundError:
        return b""
