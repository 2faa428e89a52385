"""Batches, certificates and the counters their numbers come from (统一编码规则).

A certificate row is one edition of one certificate. What a person is called, their ID number and
the signed record stand only in ``sealed``; ``id_tag`` is a keyed blind index, so that "already
holds" can be asked without reading anybody's ID.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class CertificateState(IntEnum):
    """The state of one edition, with the value of its two bits in the status pages."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3


class Counter(Base):
    """The next free value of a gap-free sequence, taken by UPDATE in the inserting transaction."""

    __tablename__ = "counters"

    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_value: Mapped[int] = mapped_column(BigInteger)


class Batch(Base):
    """One approved results batch (评价结果批次), or import (补录), and its certificates.

    ``content_digest`` is over the rows' meaning, not the file's bytes: the same list saved again
    by another program is still recognised and never issued twice. Its certificates hold the
    status indices from ``first_status`` to ``first_status + count - 1``.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("prefix", "content_digest"),)

    batch_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("issuers.prefix"))
    content_digest: Mapped[str] = mapped_column(String(64))
    approval: Mapped[str] = mapped_column(String(80))
    first_status: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(Integer)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Certificate(Base):
    """One edition of one certificate; its primary key is its index in the status pages."""

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("number", "edition"),
        # The rule "nobody holds the same certificate twice" as the database keeps it: a check
        # made before the transaction can be overtaken by another office, this index cannot.
        Index(
            "certificates_holding",
            "id_tag",
            "occupation_code",
            "level",
            unique=True,
            sqlite_where=text("state IN (0, 2)"),
            postgresql_where=text("state IN (0, 2)"),
        ),
        # What a holder held and was revoked: few rows, so issuing does not pay for it.
        Index(
            "certificates_revoked",
            "id_tag",
            sqlite_where=text("state = 1"),
            postgresql_where=text("state = 1"),
        ),
    )

    status_index: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    number: Mapped[str] = mapped_column(String(22))
    edition: Mapped[int] = mapped_column(SmallInteger)
    batch_id: Mapped[str] = mapped_column(String(40))
    group_id: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"))
    level: Mapped[str] = mapped_column(String(1))
    occupation_code: Mapped[str] = mapped_column(String(16))
    issued: Mapped[date]
    state: Mapped[CertificateState] = mapped_column(SmallInteger)
    superseded_by: Mapped[int | None] = mapped_column(BigInteger)
    token: Mapped[str] = mapped_column(String(16))
    key_id: Mapped[str] = mapped_column(String(16))
    id_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
