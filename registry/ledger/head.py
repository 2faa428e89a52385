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
from registry.ledger.storage import LogStorage
from registry.store.log import LogHead
from signing.errors import SigningError, UntrustedCheckpoint
from signing.tlog.checkpoint import Checkpoint, open_checkpoint
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
    storage: LogStorage
    signers: tuple[Signer, ...]
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A committed head. ``root`` is 32 bytes; ``note`` the signed checkpoint, empty before any.

    ``status_leaf`` is the index of the newest ``status`` leaf, -1 before any. ``round_id`` names
    the round whose staged files belong to this head; empty if it staged none.
    """

    size: int
    root: bytes
    note: bytes
    status_leaf: int
    status_entry: bytes
    round_id: str = ""


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
        round_id=row.round_id,
    )


def swap_head(session: Session, origin: str, old: Head, new: Head, at: datetime) -> None:
    """Replace ``old`` by ``new``; ``HeadMoved`` if the row is not ``old`` any more."""
    values = {
        "size": new.size,
        "root": new.root,
        "note": new.note,
        "status_leaf": new.status_leaf,
        "status_entry": new.status_entry,
        "round_id": new.round_id,
        "signed_at": at,
    }
    if old.size == 0:
        # The primary key is the guard: of two first heads one insert fails.
        try:
            session.execute(insert(LogHead).values(origin=origin, **values))
        except IntegrityError:
            raise moved() from None
        return
    result = session.execute(
        update(LogHead)
        .where(LogHead.origin == origin, LogHead.size == old.size, LogHead.root == old.root)
        .values(**values)
    )
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise moved()


def moved() -> HeadMoved:
    """Return the error for a round that another one has outrun."""
    return HeadMoved("another sequencer committed a head first: run `certreg anchor` again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """The public checkpoint. ``sound``: its signatures are good, or are those of the head."""

    checkpoint: Checkpoint
    sound: bool


def publish_head(log: Log, head: Head) -> None:
    """Make the public checkpoint that of the committed head; ``HeadLost`` if it is ahead.

    One that says the same already is left alone: it may carry witnesses' lines, which the
    committed note does not have. All tiles of the head must be in place before.
    """
    public = refuse_lost_head(log, head)
    done = public is not None and public.sound and public.checkpoint.size == head.size
    if head.note and not done:
        log.storage.replace(CHECKPOINT, head.note)


def refuse_lost_head(log: Log, head: Head) -> Public | None:
    """Return the public checkpoint; ``HeadLost`` if the database's head is not up to it.

    Asked before anything is issued, too: an old copy of the database would give numbers away a
    second time, which no later refusal to sign could take back. None before the first checkpoint.
    Who has not the log's turn must look again (`guards.refuse_unsafe`): a round that ends between
    the two looks would seem ahead.
    """
    try:
        note = log.storage.read(CHECKPOINT)
    except FileNotFoundError:
        return None
    if head.note and _text(note) == _text(head.note):
        # The very head, whoever has signed it: a key that was retired since takes nothing back.
        own = Checkpoint(origin=log.origin, size=head.size, root=head.root)
        return Public(checkpoint=own, sound=note == head.note or _is_sound(note, log))
    try:
        public = open_own(note, log)
    except SigningError as error:
        msg = (
            f"the public checkpoint cannot be read ({error.code}): restore "
            "public/log/checkpoint from a backup or a reader's copy"
        )
        raise HeadLost(msg) from None
    if public.size > head.size:
        msg = (
            f"the public checkpoint says {public.size} entries, the database {head.size}: the "
            "database is an old copy. Do not issue or sign; restore the newest backup "
            "(docs/operations.md, disasters)"
        )
        raise HeadLost(msg)
    if public.size == head.size and public.root != head.root:
        raise forked(head, public)
    return Public(checkpoint=public, sound=True)


def forked(head: Head, public: Checkpoint) -> HeadLost:
    """Return the error for a public checkpoint that is of another history than ``head``."""
    return HeadLost(
        f"two histories of this log were signed: the public checkpoint says {public.size} "
        f"entries, root {public.root.hex()}; the database {head.size} entries, root "
        f"{head.root.hex()}. Do not issue or sign; keep both, and freeze the log "
        "(docs/operations.md, disasters)"
    )


def _is_sound(note: bytes, log: Log) -> bool:
    try:
        open_own(note, log)
    except SigningError:
        return False
    return True


def _text(note: bytes) -> bytes:
    # Signature lines follow the last empty line (C2SP signed-note).
    return note.rpartition(b"\n\n")[0]


def open_own(note: bytes, log: Log) -> Checkpoint:
    """Read a checkpoint of this log under the log's keys alone, whatever witnesses it has.

    The office's own record needs no quorum: waiting for one must not keep it from seeing what it
    signed. Raises `SigningError`.
    """
    found = open_checkpoint(note, Policy(logs=log.policy.logs)).checkpoint
    if found.origin != log.origin:
        raise UntrustedCheckpoint("the checkpoint is another log's")
    return found
