"""Uploads to the provincial centre (上报批): what was sent when, what came back, who has seen what.

An upload is frozen before it is sent: its rows, its files and its manifest never change again.
What happens to it afterwards stands in its events and receipts, which are only ever added.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime

SEEN_SCOPE: Final = "visible"
"""The counter that grows with every change of what was seen nationally."""

ROW_WITHDRAWN: Final = "row-withdraw"
"""The event of a refused row that is reported no more; its detail begins with `of_row`."""


class UploadState(StrEnum):
    """Where an upload stands (上报批状态)."""

    PREPARED = "prepared"
    """已组批: its rows are chosen; it may still be dissolved."""
    DISSOLVED = "dissolved"
    """已取消: its rows are owed again."""
    FROZEN = "frozen"
    """已定稿: its bytes are fixed and signed."""
    SENDING = "sending"
    """上报中"""
    SENT = "sent"
    """已上报"""
    ACKNOWLEDGED = "acknowledged"
    """已回执"""
    REFUSED = "refused"
    """整批退回: the centre took no row of it."""
    DEAD = "dead"
    """需人工处理: given up by the program; a human's step comes next."""


class SentWay(StrEnum):
    """How an upload went (上报方式): pushed by this program, or carried by hand."""

    PUSH = "push"
    HAND = "hand"


def of_row(row: int) -> str:
    """Say in an event's detail which row of the upload it is about."""
    return f"row {row}: "


def row_named(detail: str) -> int | None:
    """Return the row that an event's detail is about, None if it names none."""
    name, _, number = detail.partition(":")[0].partition(" ")
    plain = number.isascii() and number.isdigit()
    return int(number) if name == "row" and plain else None


class Upload(Base):
    """One upload of one organisation (13-character prefix).

    ``sequence`` counts the city's frozen uploads, 1, 2, 3; ``manifest`` is the signed manifest as
    written, which with the rows gives the same package again. ``snapshot``, ``package`` and
    ``manifest_digest`` are SHA-256 in hex: of the rows' file, of the package, of the manifest's
    payload. ``mapping`` is the label of the table's mapping. Empty until the upload is frozen.
    """

    __tablename__ = "uploads"
    __table_args__ = (Index("uploads_state", "state", "next_try_at"),)

    upload_id: Mapped[str] = mapped_column(String(9), primary_key=True)
    sequence: Mapped[int | None] = mapped_column(Integer, unique=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("issuers.prefix"))
    authority_batch: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_way: Mapped[str | None] = mapped_column(String(4))
    snapshot: Mapped[str | None] = mapped_column(String(64))
    package: Mapped[str | None] = mapped_column(String(64))
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    manifest: Mapped[bytes | None] = mapped_column(LargeBinary)
    mapping: Mapped[str | None] = mapped_column(String(80))
    row_count: Mapped[int] = mapped_column(Integer)
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_problem: Mapped[str] = mapped_column(String(64), default="", server_default="")


class UploadEvent(Base):
    """One thing that happened to an upload (上报记录); only added. ``detail`` names no person."""

    __tablename__ = "upload_events"
    __table_args__ = (Index("upload_events_upload", "upload_id", "event_id"),)

    event_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.upload_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(80))
    detail: Mapped[str] = mapped_column(String(400), default="")


class UploadReceipt(Base):
    """A receipt (回执) as it came, by the SHA-256 of its payload: the same one twice is one.

    ``previous`` is the digest of the receipt that ``centre`` made before, "" of its first;
    ``imported_at`` is None while that one has not come yet.
    """

    __tablename__ = "upload_receipts"
    __table_args__ = (
        Index("upload_receipts_upload", "upload_id"),
        Index("upload_receipts_previous", "centre", "previous"),
    )

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.upload_id"))
    centre: Mapped[str] = mapped_column(String(100))
    previous: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    imported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChainChange(Base):
    """A certificate whose reporting has gone on, so that its public entry is to be written anew.

    The publisher removes what it has written.
    """

    __tablename__ = "chain_changes"

    change_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    status_index: Mapped[int] = mapped_column(BigInteger)


class VisibilityCheck(Base):
    """Since when a certificate is known to be found nationally (全国联网可查).

    ``source`` is ``spot-check`` (抽查: a clerk looked it up by hand and ticked it) or ``centre``.
    """

    __tablename__ = "visibility_checks"

    status_index: Mapped[int] = mapped_column(
        ForeignKey("certificates.status_index"), primary_key=True
    )
    source: Mapped[str] = mapped_column(String(12), primary_key=True)
    seen_on: Mapped[date]
    seen_by: Mapped[str] = mapped_column(String(80))


class OfficeKey(Base):
    """A key of the office's own that is announced in the log: the upload key (上报密钥).

    As of issuers' keys, ``added_group`` and ``ended_group`` are event groups of one ``key`` leaf.
    """

    __tablename__ = "office_keys"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    algorithm: Mapped[str] = mapped_column(String(32))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    not_after: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(8))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_group: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_group: Mapped[int | None] = mapped_column(ForeignKey("event_groups.group_id"))
