"""Issuers' keys and where in the ledger each began and ended (密钥变更)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class IssuerKey(Base):
    """One key of one issuer; private halves lie in the key ring alone.

    ``added_group`` and ``ended_group`` are event groups of one ``key`` leaf each, so the leaf's
    place in the log is the group's ``first_index``. ``state`` is active, retired or revoked;
    ``ended_*`` are empty as long as it is active. A key that was retired and is revoked later
    keeps the earlier end out of sight: the revocation's leaf stands in its place.
    """

    __tablename__ = "issuer_keys"
    __table_args__ = (Index("issuer_keys_prefix", "prefix"),)

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("issuers.prefix"))
    purpose: Mapped[str] = mapped_column(String(16))
    algorithm: Mapped[str] = mapped_column(String(32))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_group: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_group: Mapped[int | None] = mapped_column(ForeignKey("event_groups.group_id"))
