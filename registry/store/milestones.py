"""Dated steps of the procedure (程序节点) with what opens their commitment in the ledger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class MilestoneRow(Base):
    """One step; ``sealed`` holds opening and committed facts, encrypted (field encryption).

    ``kind`` and ``subject`` stand in the public leaf too: never a person's name or ID number.
    Its leaf is the one leaf of its event group.
    """

    __tablename__ = "milestones"
    __table_args__ = (Index("milestones_subject", "subject"),)

    milestone_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    group_id: Mapped[int] = mapped_column(ForeignKey("event_groups.group_id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
