"""Answers of the machine API, kept so that a request sent again is answered and not done again.

One row an account and key (`Idempotency-Key`). The key and the request stand here as SHA-256; the
answer's body is encrypted, since it may hold persons or a first password.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class ApiAnswer(Base):
    """One request and, once it is done, its answer; ``status`` 0 until then.

    ``attempt`` (16 random bytes) is whose turn it is: only that one may put the answer in.
    """

    __tablename__ = "api_answers"
    __table_args__ = (
        UniqueConstraint("account_id", "key_hash"),
        Index("api_answers_begun", "begun_at"),
    )

    answer_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    attempt: Mapped[bytes] = mapped_column(LargeBinary(16))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[int] = mapped_column(Integer, default=0)
    body: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
