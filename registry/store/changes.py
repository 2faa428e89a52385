"""What was done with a request to change a certificate (变更申请): one row a step.

The request itself is `registry.store.holders.ChangeRequest`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class ChangeEvent(Base):
    """One step of a request's timeline; ``note`` is encrypted: people write names in it.

    ``account_id`` is NULL for the holder, for the operator at the machine and for time.
    """

    __tablename__ = "change_events"
    __table_args__ = (Index("change_events_request", "request_id"),)

    event_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("change_requests.request_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    actor: Mapped[str] = mapped_column(String(20))
    event: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str] = mapped_column(String(12))
    to_state: Mapped[str] = mapped_column(String(12))
    note: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
