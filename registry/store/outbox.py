"""What is owed to the provincial centre (省技能服务指导中心): one row for each reportable event."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base


class UploadKind(StrEnum):
    """The data kind (数据类型) of the centre's table."""

    NEW = "新增"
    CORRECTION = "更正"
    SUPPLEMENT = "补录"
    WITHDRAWAL = "撤销"


class RowState(StrEnum):
    """Where a row stands (上报行状态)."""

    OWED = "owed"
    """待上报"""
    IN_UPLOAD = "in_upload"
    """已组批"""
    ACCEPTED = "accepted"
    """省已接收"""
    REFUSED = "refused"
    """省中心退回"""
    WITHDRAWN = "withdrawn"
    """不再上报: a clerk's decision, with the reason"""


_OWED = text("state = 'owed'")
_REFUSED = text("state = 'refused'")
_CHOSEN = text("upload_id IS NOT NULL")


class UploadRow(Base):
    """One certificate's event to report; primary key = reported exactly once.

    ``upload_id`` and ``row`` (counted from 1 once the upload is frozen) say in which upload it
    goes; ``reason`` is the centre's code for a refusal, ``answered_on`` the day of its answer.
    """

    __tablename__ = "upload_rows"
    # A batch's new certificates are found by their status range; only the few others by batch.
    __table_args__ = (
        Index(
            "upload_rows_batch",
            "batch_id",
            sqlite_where=text("kind != '新增'"),
            postgresql_where=text("kind != '新增'"),
        ),
        # What is owed leaves this index again, so it stays as small as the work that waits.
        Index(
            "upload_rows_owed",
            "batch_id",
            "status_index",
            sqlite_where=_OWED,
            postgresql_where=_OWED,
        ),
        Index(
            "upload_rows_refused",
            "upload_id",
            sqlite_where=_REFUSED,
            postgresql_where=_REFUSED,
        ),
        Index(
            "upload_rows_upload",
            "upload_id",
            sqlite_where=_CHOSEN,
            postgresql_where=_CHOSEN,
        ),
        {"sqlite_with_rowid": False},
    )

    status_index: Mapped[int] = mapped_column(
        ForeignKey("certificates.status_index"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    batch_id: Mapped[str] = mapped_column(String(40))
    # No foreign key: SQLite cannot add one to a table that stands.
    upload_id: Mapped[str | None] = mapped_column(String(9))
    row: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(
        String(9), default=RowState.OWED.value, server_default=RowState.OWED.value
    )
    reason: Mapped[str] = mapped_column(String(64), default="", server_default="")
    answered_on: Mapped[date | None]
