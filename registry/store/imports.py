"""Imports of existing certificates (补录): a prepared table with its state, and its steps."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class CertificateImport(Base):
    """One table of existing certificates, from its preparation to the batch it became.

    ``reference`` is I-<year>-<serial>; ``digest`` is over the rows' content (SHA-256, hex), so that
    a table sent twice is known again; ``sealed`` holds the rows while nobody has carried them out,
    b"" afterwards: the persons stand in the certificates then, or nowhere. ``prepared_by`` is NULL
    where the operator imported at the machine. Of two who act on one ``version``, one wins.
    """

    __tablename__ = "imports"
    __table_args__ = (
        Index("imports_digest", "prefix", "digest"),
        Index("imports_batch", "batch_id"),
    )

    import_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    prefix: Mapped[str] = mapped_column(ForeignKey("issuers.prefix"))
    digest: Mapped[str] = mapped_column(String(64))
    count: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    version: Mapped[int] = mapped_column(Integer)
    prepared_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    prepared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    batch_id: Mapped[str | None] = mapped_column(String(40))
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class ImportEvent(Base):
    """One step of an import's timeline; ``note`` is encrypted: people write names in it.

    ``account_id`` is NULL for the operator at the machine.
    """

    __tablename__ = "import_events"
    __table_args__ = (Index("import_events_import", "import_id"),)

    event_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.import_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    actor: Mapped[str] = mapped_column(String(20))
    event: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str] = mapped_column(String(12))
    to_state: Mapped[str] = mapped_column(String(12))
    note: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
