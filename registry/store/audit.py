"""The audit line (审计记录): who did what when with which result, one for each use case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class AuditLine(Base):
    """One use case carried out; subjects are numbers and batches, never names or ID numbers.

    ``source`` says from where (an address, or "" for this machine), ``result`` how it ended.
    """

    __tablename__ = "audit_lines"

    line_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    detail: Mapped[str] = mapped_column(String(400))
    source: Mapped[str] = mapped_column(String(64), default="", server_default="")
    result: Mapped[str] = mapped_column(String(24), default="done", server_default="done")


class AuditLink(Base):
    """The hash chain over the audit lines, up to ``line_id``; its head goes into the ledger.

    ``digest`` = SHA-256(digest of the line before ‖ canonical JSON of this line), 32 bytes: a
    line changed or taken out later breaks every link after it.
    """

    __tablename__ = "audit_links"

    line_id: Mapped[int] = mapped_column(ForeignKey("audit_lines.line_id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
