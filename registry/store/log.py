"""What is to be, and what has been, written into the ledger: events, head and status pages.

Events are written in the transaction that causes them and never change. They are sequenced by
whole groups, so a batch is a contiguous range of leaves whatever else commits at the same time:
the leaf index of an event is ``group.first_index + ordinal``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime

FIRST_EDITIONS = ("issue", "import")
"""Kinds of event group that hold a batch's first editions, and behind them its close."""

_PENDING = text("first_index IS NULL")
_UNPUBLISHED = text("NOT published")


class EventGroup(Base):
    """The events of one transaction; ``first_index`` is empty until they are in the log.

    The certificates of a group are its first events and hold consecutive status indices from
    ``first_status`` on, so a certificate's leaf index is
    ``first_index + (status_index - first_status)``.
    """

    __tablename__ = "event_groups"
    __table_args__ = (
        Index("event_groups_pending", "group_id", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index(
            "event_groups_unpublished",
            "group_id",
            sqlite_where=_UNPUBLISHED,
            postgresql_where=_UNPUBLISHED,
        ),
    )

    group_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    batch_id: Mapped[str | None] = mapped_column(String(40))
    count: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    first_status: Mapped[int | None] = mapped_column(BigInteger)
    certificates: Mapped[int] = mapped_column(Integer, default=0)
    first_index: Mapped[int | None] = mapped_column(BigInteger)
    published: Mapped[bool] = mapped_column(default=False)


class EventPage(Base):
    """Up to 256 consecutive leaves of a group, their exact bytes in an entry bundle's encoding.

    Paged because a row of its own for each leaf would cost more than hashing it. The page of a
    ``batch-close`` holds an empty leaf until the range root is known.
    """

    __tablename__ = "event_pages"
    __table_args__ = ({"sqlite_with_rowid": False},)

    group_id: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"), primary_key=True)
    first_ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    width: Mapped[int] = mapped_column(Integer)
    entries: Mapped[bytes] = mapped_column(LargeBinary)


class LogHead(Base):
    """The one row that a signed tree head can come from; it changes by compare-and-swap only.

    ``round_id`` names the round whose files were staged for this head and are put in place after
    the commit; empty for a head that staged none.
    """

    __tablename__ = "log_heads"

    origin: Mapped[str] = mapped_column(String(200), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[bytes] = mapped_column(LargeBinary)
    status_leaf: Mapped[int] = mapped_column(BigInteger)
    status_entry: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    round_id: Mapped[str] = mapped_column(String(40), default="", server_default="")


class StatusPageRow(Base):
    """One status page as of the head: 1,024 bytes, two bits for each of 4,096 certificates."""

    __tablename__ = "status_pages"

    page: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary(1024))


class LogEra(Base):
    """One log of this registry; a lost or forked one is frozen and followed by the next number.

    ``final_note`` is the last checkpoint that the office stands by, as signed; ``reason`` says
    why it was frozen. Exactly one era, the newest, is open.
    """

    __tablename__ = "log_eras"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(200), unique=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(400), default="")
    final_note: Mapped[bytes] = mapped_column(LargeBinary, default=b"")


class Cosignature(Base):
    """A witness's signature lines on the checkpoint of one size (C2SP tlog-cosignature).

    ``lines`` are note signature lines as the witness gave them, verified, each with its newline.
    """

    __tablename__ = "cosignatures"

    origin: Mapped[str] = mapped_column(String(200), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(255), primary_key=True)
    lines: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
